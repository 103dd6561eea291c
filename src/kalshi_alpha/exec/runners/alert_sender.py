"""``python -m kalshi_alpha.exec.runners.alert_sender``: delivers the alerts of a trading process, and pings the dead man's address.

A process of its own, since what delivers is large and slow and may hang: the trading process writes each alert into the outbox and waits
for nobody. An alert leaves the outbox when every target has taken it; one that refuses is tried again, later each time, and keeps no other
waiting. The dead man's address is pinged only while the trading process stores snapshots, so its owner misses the death of either.

The trading process starts it and starts it again; it outlives its parent long enough to tell that the trading process is gone.
"""

import contextlib
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from kalshi_alpha import cli
from kalshi_alpha.adapters.alert_targets import read_dead_man, read_targets
from kalshi_alpha.adapters.files import FolderLockedError, Layout, lock_folder
from kalshi_alpha.adapters.log import log
from kalshi_alpha.adapters.outbox import Outbox
from kalshi_alpha.adapters.secret_file import SecretFileError
from kalshi_alpha.config import AlertsConfig, load_config
from kalshi_alpha.model.alerts import AlertMessage

LOOK_S: Final = 0.2
TARGET_S: Final = 10.0
"""A target that takes longer has failed; it may have taken the alert all the same."""
RETRY_S: Final = (1.0, 5.0, 30.0, 120.0, 600.0)
GIVE_UP_S: Final = 86_400.0
SILENT_S: Final = 20.0
"""A trading process stores a snapshot every five seconds at the least."""
END_S: Final = 1.0
"""So long it goes on delivering when it is ended: less than its parent waits for it."""
ORPHAN_S: Final = 30.0
"""So long it goes on without its parent."""
_WORDS: Final = {"raised": "", "repeated": "still: ", "closed": "over: "}

Deliver = Callable[[str, AlertMessage], bool]
"""Brings an alert to a target's address; whether it was taken."""


class Sender:
    """Empties an outbox into targets. Each target has a lane of its own, so that a slow one keeps no other waiting."""

    def __init__(self, outbox: Outbox, targets: tuple[str, ...], deliver: Deliver, now_s: Callable[[], float] = time.monotonic) -> None:  # noqa: TID251
        """Take where alerts come from and where they go."""
        self._outbox, self._targets, self._deliver, self._now_s = outbox, targets, deliver, now_s
        self._pool = ThreadPoolExecutor(max(1, len(targets)), thread_name_prefix="deliver")
        self._taken: dict[Path, set[str]] = {}
        """Alert -> the targets that are done with it."""
        self._tries: dict[tuple[Path, str], tuple[int, float, float]] = {}
        """Alert and target -> how often it was tried, when first, when next."""
        self._busy: set[str] = set()
        """Targets whose lane runs."""
        self._end_s: float | None = None
        """From when on no further delivery begins."""
        self._lock = threading.Lock()

    def look(self) -> None:
        """Start the lane of every target for which something is due; return at once."""
        with self._lock:  # a lane may not finish an alert between the look at the folder and the forgetting
            waiting = self._outbox.waiting()
            self._forget(waiting)
            idle = [target for target in self._targets if target not in self._busy and self._due(target, waiting) is not None]
            self._busy |= set(idle)
            left = [path for path in waiting if len(self._taken.get(path, ())) == len(self._targets)]
        for path in left:  # everywhere, but the disk wouldn't let it go; or there is no target
            with contextlib.suppress(OSError):
                self._outbox.drop(path)
        for target in idle:
            self._pool.submit(self._lane, target)

    def close(self) -> None:
        """Go on for a moment, then finish what is under way; what is left stays in the outbox."""
        with self._lock:
            self._end_s = self._now_s() + END_S
        self._pool.shutdown(wait=True)

    def _lane(self, target: str) -> None:
        """Deliver to one target, one alert after the other, whatever is due."""
        try:
            while (path := self._next(target)) is not None:
                self._send(path, target)
        except OSError as error:  # the folder; the next look starts the lane again
            log("outbox_trouble", error=str(error))
        finally:
            with self._lock:
                self._busy.discard(target)

    def _next(self, target: str) -> Path | None:
        with self._lock:
            if self._end_s is not None and self._now_s() > self._end_s:
                return None
            return self._due(target, self._outbox.waiting())

    def _due(self, target: str, waiting: list[Path]) -> Path | None:
        now_s = self._now_s()
        due = (path for path in waiting if target not in self._taken.get(path, ()))
        return next((path for path in due if self._tries.get((path, target), (0, 0.0, 0.0))[2] <= now_s), None)

    def _send(self, path: Path, target: str) -> None:
        try:
            message = self._outbox.read(path)
            is_done = message is None or self._deliver(target, message) or self._later(path, target)
        except Exception as error:  # noqa: BLE001 - whatever a target's library raises must not end the others' delivery
            log("alert_not_sent", error=type(error).__name__)
            is_done = self._later(path, target)
        if not is_done:
            return
        with self._lock:
            taken = self._taken.setdefault(path, set())
            taken.add(target)
            is_everywhere = len(taken) == len(self._targets)
        if is_everywhere:
            self._outbox.drop(path)
            log("alert_sent", alert=path.name)

    def _later(self, path: Path, target: str) -> bool:
        """Plan the next try; return whether it is given up."""
        now_s = self._now_s()
        with self._lock:
            count, first_s, _ = self._tries.get((path, target), (0, now_s, 0.0))
            self._tries[path, target] = (count + 1, first_s, now_s + RETRY_S[min(count, len(RETRY_S) - 1)])
        if now_s - first_s < GIVE_UP_S:
            return False
        log("alert_given_up", alert=path.name)
        return True

    def _forget(self, waiting: list[Path]) -> None:
        """Drop what is known of alerts that are gone."""
        there = set(waiting)
        self._taken = {path: taken for path, taken in self._taken.items() if path in there}
        self._tries = {key: tried for key, tried in self._tries.items() if key[0] in there}


def by_apprise(target: str, message: AlertMessage) -> bool:
    """Deliver over apprise, within the time a target has."""
    from apprise import Apprise, NotifyType  # noqa: PLC0415 - large, and only this process needs it

    kind = {"page": NotifyType.FAILURE, "ticket": NotifyType.WARNING, "info": NotifyType.INFO}[message.severity]
    if message.what == "closed":
        kind = NotifyType.SUCCESS
    told = Apprise()
    if not told.add(f"{target}{'&' if '?' in target else '?'}cto={TARGET_S}&rto={TARGET_S}"):
        log("alert_target_unusable")
        return False
    body = f"{message.text}\n{message.alert_id}".strip()
    return bool(told.notify(body=body, title=f"kalshi-alpha: {_WORDS[message.what]}{message.title}", notify_type=kind))


def ping(address: str) -> bool:
    """Ask for an address; whether it answered well."""
    try:
        with urllib.request.urlopen(address, timeout=TARGET_S) as answer:  # noqa: S310 - its scheme was checked
            return bool(200 <= answer.status < 300)  # noqa: PLR2004 - success
    except (OSError, urllib.error.URLError, ValueError):
        return False


def main(argv: list[str]) -> int:
    """Deliver until ended."""
    flags = cli.parser("kalshi-alpha alert-sender", "Deliver the trading process's alerts and ping the dead man's address.")
    flags.add_argument("--config", type=Path, required=True, help="the trading process's settings file")
    given = flags.parse_args(argv)
    config = load_config(given.config).alerts
    try:
        targets = read_targets(Path(config.targets_file)) if config.targets_file else ()
        address = read_dead_man(Path(config.dead_man_file)) if config.dead_man_file else ""
    except SecretFileError as error:
        raise cli.UsageError(str(error)) from error
    layout = Layout(given.root)
    try:
        lock = lock_folder(layout.outbox)
    except (FolderLockedError, OSError) as error:
        raise cli.UsageError(str(error)) from error
    with lock:
        _run(layout, config, targets, address)
    return cli.EXIT_OK


def _run(layout: Layout, config: AlertsConfig, targets: tuple[str, ...], address: str) -> None:
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    sender = Sender(Outbox(layout.outbox), targets, by_apprise)
    threading.Thread(target=_warm_up, daemon=True).start()
    parent = os.getppid()
    watch = _Watch(layout, Outbox(layout.outbox), address, config.dead_man_every_s)
    orphan_since_s: float | None = None
    while not ended.wait(LOOK_S):
        now_s = time.monotonic()  # noqa: TID251 - a driver's own pace
        sender.look()
        watch.look(now_s)
        if os.getppid() != parent and orphan_since_s is None:
            orphan_since_s = now_s
        if orphan_since_s is not None and now_s - orphan_since_s > ORPHAN_S:
            break
    sender.look()
    sender.close()
    watch.close()


def _warm_up() -> None:
    """Load the library before the first alert needs it."""
    import apprise  # noqa: F401, PLC0415 - loaded for its own sake


class _Watch:
    """Whether the trading process lives, by its snapshots; who must know is told."""

    def __init__(self, layout: Layout, outbox: Outbox, address: str, every_s: float) -> None:
        self._layout, self._outbox, self._address, self._every_s = layout, outbox, address, every_s
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ping")
        self._next_s = 0.0
        self._told = False
        self._seen = (0, 0.0)
        """The snapshot's modification, and when (monotonic) it was seen to change."""

    def look(self, now_s: float) -> None:
        changed = self._changed_ns()
        if changed != self._seen[0]:
            self._seen, self._told = (changed, now_s), False
        is_alive = bool(changed) and now_s - self._seen[1] <= SILENT_S
        if is_alive and self._address and now_s >= self._next_s:
            self._next_s = now_s + self._every_s
            self._pool.submit(ping, self._address)
        if changed and not is_alive and not self._told:
            self._told = True
            self._tell()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _changed_ns(self) -> int:
        try:
            return self._layout.snapshot.stat().st_mtime_ns
        except OSError:
            return 0

    def _tell(self) -> None:
        utc_ns = time.time_ns()  # noqa: TID251 - a driver's own clock
        text = f"no snapshot for {SILENT_S:.0f} s; what rests at the venue expires within seconds; no order is renewed"
        message = AlertMessage(f"trading_process-{utc_ns // 10**9}", "raised", "page", "The trading process is silent", text, utc_ns)
        try:
            self._outbox.put(message)
        except OSError as error:
            log("alert_not_written", error=str(error))


if __name__ == "__main__":
    cli.run(main)
