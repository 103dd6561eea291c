"""``kalshi-alpha guardian``: watches the trading process from outside and cancels everything when it doesn't do so itself.

A process of its own with a key of its own, in nobody's tree. What it decides is in ``exec.guardian``; what it can send is in
``adapters.kalshi.cancel_only``: it can't place, renew or change an order. It writes ``data/guardian.json`` for whoever watches it.
"""

import argparse
import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.files import FolderLockedError, Layout, lock_folder
from kalshi_alpha.adapters.heartbeat import read_heartbeat, write_guardian
from kalshi_alpha.adapters.kalshi.auth import KeyFileError, Signer, load_signer
from kalshi_alpha.adapters.kalshi.cancel_only import CancelOnlyVenue
from kalshi_alpha.adapters.kalshi.http import VenueHttp
from kalshi_alpha.adapters.log import log
from kalshi_alpha.adapters.outbox import Outbox
from kalshi_alpha.adapters.sd_notify import tell_manager, watchdog_every_s
from kalshi_alpha.adapters.secret_file import SecretFileError, read_secret
from kalshi_alpha.adapters.stop_request import read_stop_request
from kalshi_alpha.adapters.system_clock import Clock, SystemClock, load_clock
from kalshi_alpha.config import Config, GuardianConfig, WindowsConfig, load_config
from kalshi_alpha.exec.guardian import Guardian, GuardianCommand, GuardianRequest, Pace
from kalshi_alpha.exec.guardian_watch import EngineWatch
from kalshi_alpha.exec.runners.addresses import refuse_paper_at_the_venue, refuse_unusable
from kalshi_alpha.model.clock import NS_PER_S, Now, iso_utc
from kalshi_alpha.model.commands import ReadOpenOrders, SendAlert
from kalshi_alpha.model.events import Event, RequestFailed
from kalshi_alpha.model.guardian import GuardianStatus, Heartbeat
from kalshi_alpha.model.hours import SpecialHours
from kalshi_alpha.sched.hours_file import HoursFileWatch, schedule_of, special_hours_of
from kalshi_alpha.sched.special_hours import SpecialHoursError

DISK_ANSWERS_WITHIN_S: Final = 1.0
"""A disk that doesn't say whether there is a sign of life has none."""
SHOW_EVERY_S: Final = 1.0


class Post(msgspec.Struct, frozen=True):
    """What a guardian needs, checked."""

    root: Path
    config: Config
    rules: GuardianConfig
    signer: Signer
    clock: Clock
    """The one that is traded by."""


def main(argv: list[str]) -> int:
    """Watch until SIGTERM or Ctrl-C. It cancels nothing at its own end."""
    parser = cli.parser(
        "kalshi-alpha guardian", "Watch the trading process from outside; cancel everything when it can't. It can only cancel."
    )
    parser.add_argument("--config", type=Path, required=True, help="the trading process's settings file, with a section [guardian]")
    post = read_post(parser.parse_args(argv))
    try:
        lock = lock_folder(Layout(post.root).state / "guardian")
    except (FolderLockedError, OSError) as error:
        raise cli.UsageError(str(error)) from error
    with lock:
        sys.stdout.write(f"guardian watches {post.root}\n")
        sys.stdout.flush()
        return asyncio.run(_guard(post))


def read_post(arguments: argparse.Namespace) -> Post:
    """Read every file the settings name.

    Raises:
        UsageError: one of them is missing, unreadable or wrong, or the key is the trading process's; the message names it.
        ConfigError: the same of the settings themselves.

    """
    config = load_config(arguments.config)
    rules = config.guardian
    if rules is None:
        message = f"{arguments.config}: no section [guardian]: it names the guardian's own key"
        raise cli.UsageError(message)
    refuse_unusable(config)
    refuse_paper_at_the_venue(config)
    try:
        signer = load_signer(rules.key_id_file, rules.private_key_file)
        if read_secret(Path(rules.key_id_file)) == _others_key(config):
            message = f"guardian.key_id_file is {rules.key_id_file!r}: the trading process's key, expected one of its own"
            raise cli.UsageError(message)
        clock = load_clock(Path(config.clock.plan_file) if config.clock is not None else None)
    except (KeyFileError, SecretFileError, OSError, ValueError) as error:
        raise cli.UsageError(str(error)) from error
    return Post(arguments.root, config, rules, signer, clock)


def _others_key(config: Config) -> str:
    """Return the trading process's key id; empty where it is rightly kept from us."""
    try:
        return read_secret(Path(config.venue.key_id_file))
    except SecretFileError:
        return ""


async def _guard(post: Post) -> int:
    watchman = Watchman(post)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, watchman.stop)
    tell_manager("READY=1")
    is_watched = watchdog_every_s() is not None
    try:
        while not watchman.stopped.done():
            await watchman.look()
            if is_watched:
                tell_manager("WATCHDOG=1")
            await asyncio.wait({watchman.stopped}, timeout=post.rules.look_s)
        watchman.stopped.result()
        return cli.EXIT_OK
    finally:
        tell_manager("STOPPING=1")
        await watchman.close()


class Watchman:
    """Carries out what the guardian decides: disk, venue, status, alerts."""

    def __init__(self, post: Post) -> None:
        """Connect to nothing yet."""
        venue, windows, now = post.config.venue, post.config.windows, _instant(post.clock)
        self.stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when it is to end; a defect is its exception."""
        self._post, self._pid, self._since = post, os.getpid(), iso_utc(now.utc_ns)
        # Signed by the machine's clock: in a faster time a signature is old by the time that a busy machine has sent it.
        http = VenueHttp(venue.rest_url, post.signer, SystemClock(), venue.request_timeout_s, connections=4)
        self._venue = CancelOnlyVenue(http, lambda: SystemClock().now().mono_ns)
        self._hours = _Hours(windows)
        pace = Pace(int(post.rules.venue_every_s * NS_PER_S), venue.write_bucket)
        self._guardian = Guardian(EngineWatch(now, post.rules.silent_s), self._hours.schedule, venue.subaccount, pace)
        self._outbox = Outbox(Layout(post.root).outbox) if post.config.alerts.targets_file else None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._files = ThreadPoolExecutor(1, thread_name_prefix="files")
        self._looking: asyncio.Future[tuple[Heartbeat | str, str]] | None = None
        self._showing: asyncio.Future[None] | None = None
        self._shown: tuple[object, ...] = ()
        self._shown_mono_ns = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """End after this step."""
        if not self.stopped.done():
            self.stopped.set_result(None)

    async def look(self) -> None:
        """Look at the disk, decide, and show what was decided."""
        sign, stop = await self._looked()
        now = _instant(self._post.clock)
        self._guardian.schedule = self._hours.schedule
        self._send(self._guardian.look(sign, stop, now))
        self._show(now)

    async def close(self) -> None:
        """Let go of everything; what is under way ends without an answer."""
        for task in list(self._tasks):
            task.cancel()
        await self._venue.close()
        await asyncio.to_thread(self._files.shutdown)  # the main thread stays free for signals
        self._disk.shutdown(wait=False)

    async def _looked(self) -> tuple[Heartbeat | str, str]:
        """Return what the disk says; one that hangs has no sign of life, and is asked no second time until it answers."""
        if self._looking is None:
            self._looking = asyncio.get_running_loop().run_in_executor(self._disk, self._read)
        done, _ = await asyncio.wait({self._looking}, timeout=DISK_ANSWERS_WITHIN_S)
        if not done:
            return "unreadable: the disk doesn't answer", ""
        found, self._looking = self._looking.result(), None
        return found

    def _read(self) -> tuple[Heartbeat | str, str]:
        self._hours.follow()
        stop = read_stop_request(self._post.root)
        return read_heartbeat(self._post.root), f"{stop.reason} (by {stop.actor})" if stop is not None else ""

    def _send(self, commands: list[GuardianCommand]) -> None:
        for command in commands:
            if isinstance(command, SendAlert):
                log("alert", what=command.message.what, title=command.message.title, text=command.message.text)
                self._files.submit(self._tell, command)
                continue
            task = asyncio.get_running_loop().create_task(self._carry_out(command))
            self._tasks.add(task)
            task.add_done_callback(self._carried_out)

    async def _carry_out(self, command: GuardianRequest) -> None:
        events = await self._venue.carry_out(command)
        _log(command, events)
        self._send(self._guardian.done(command, events, _instant(self._post.clock)))

    def _carried_out(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self.stopped.done():
            self.stopped.set_exception(error)

    def _tell(self, command: SendAlert) -> None:
        if self._outbox is None:
            return
        try:
            self._outbox.put(command.message)
        except OSError as error:
            log("alert_not_written", alert=command.message.alert_id, error=str(error))

    # Status

    def _show(self, now: Now) -> None:
        """Write the status at every change and once a second, but never wait for the disk."""
        status = self._status(now)
        shown = (status.state, status.engine, status.resting, status.trouble, status.last_action)
        if shown == self._shown and now.mono_ns - self._shown_mono_ns < SHOW_EVERY_S * NS_PER_S:
            return
        if self._showing is not None and not self._showing.done():
            return
        self._shown, self._shown_mono_ns = shown, now.mono_ns
        self._showing = asyncio.get_running_loop().run_in_executor(self._files, self._write, status)

    def _status(self, now: Now) -> GuardianStatus:
        guardian, watch = self._guardian, self._guardian.watch
        episode, read = guardian.episode, guardian.read
        is_acting = episode is not None and not episode.over
        return GuardianStatus(
            state="acting" if is_acting else "blind" if guardian.is_blind(now) else "watching",
            pid=self._pid,
            since=self._since,
            generated_at=iso_utc(now.utc_ns),
            mono_ns=now.mono_ns,
            engine=watch.verdict(now),
            silent_s=round(watch.silence_ns(now) / NS_PER_S, 1),
            last_look=None if read is None else iso_utc(read.as_of_ns),
            resting=None if read is None else len(read.orders),
            trouble=guardian.trouble,
            actions=guardian.episodes,
            last_action=None if episode is None else episode.action(),
        )

    def _write(self, status: GuardianStatus) -> None:
        try:
            write_guardian(self._post.root, status)
        except OSError as error:
            log("status_not_written", error=str(error))


class _Hours:
    """The windows by calendar and special hours, followed as the file changes. An unusable file leaves the windows before it in force."""

    def __init__(self, config: WindowsConfig) -> None:
        self._config = config
        self._watch = HoursFileWatch(Path(config.special_hours_file)) if config.special_hours_file else None
        self.schedule = schedule_of(config, SpecialHours())
        self._take()

    def follow(self) -> None:
        if self._watch is not None and self._watch.changed():
            self._take()

    def _take(self) -> None:
        try:
            self.schedule = schedule_of(self._config, special_hours_of(self._config))
        except SpecialHoursError as error:
            log("special_hours_refused", error=str(error))


def _instant(clock: Clock) -> Now:
    """Return the present: UTC by the clock that is traded by, monotonic by the machine's, since it is real processes that fall silent."""
    return Now(utc_ns=clock.now().utc_ns, mono_ns=SystemClock().now().mono_ns)


def _log(command: GuardianRequest, events: list[Event]) -> None:
    """Log what was sent and which of it failed; a read that worked is nothing to tell."""
    failed = next((event for event in events if isinstance(event, RequestFailed)), None)
    if failed is not None:
        log("failed", command=type(command).__name__, status=failed.http_status, reason=failed.reason)
    elif not isinstance(command, ReadOpenOrders):
        log("sent", command=type(command).__name__)


if __name__ == "__main__":
    cli.run(main)
