"""The demo over real sockets: real processes in shared faster time, faults from the script, a page, a scorecard."""

import argparse
import contextlib
import signal
import sys
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.control_socket import ControlError, ControlReply, Status, control_path, send_command
from kalshi_alpha.adapters.files import FolderLock
from kalshi_alpha.adapters.system_clock import ClockPlan, ScaledClock
from kalshi_alpha.cli import UsageError
from kalshi_alpha.model.clock import NS_PER_S, iso_et
from kalshi_alpha.model.view import EngineView
from kalshi_alpha.sim.keeper import Keeper
from kalshi_alpha.sim.live_files import API_KEY, prepare_root, trader_config, write_faults
from kalshi_alpha.sim.live_score import live_scorecard
from kalshi_alpha.sim.plan import clock_plan, end_real_ns
from kalshi_alpha.sim.scorecard import Scorecard
from kalshi_alpha.sim.script import DayScript
from kalshi_alpha.sim.supervisor import Child, Trader

START_UP_S: Final = 4.0
"""Real seconds for the servers to be up before simulated time begins to run."""
PROGRESS_S: Final = 2.0
PAUSE_S: Final = 0.02


class Stage:
    """Everything that runs during the demo."""

    def __init__(self, arguments: argparse.Namespace, script: DayScript) -> None:
        """Prepare the folder; ``open`` starts the processes."""
        self.arguments, self.script = arguments, script
        self.root: Path = arguments.root
        self.logs = self.root / "logs"
        self.children: list[Child] = []
        self.trader: Trader | None = None
        self.keeper = Keeper()
        self.lock: FolderLock | None = None
        self.kills: list[int] = []
        """Simulated UTC ns of each kill."""
        self.stall_ms = 0.0
        """This machine's longest delay while a window was open, real milliseconds."""
        self.answered = False
        """The trading process has, once."""
        self.page = ""
        self.rest_url = ""
        self.plan = ClockPlan(())
        self.clock = ScaledClock(clock_plan(script.windows, arguments.speed, 0))

    def open(self) -> None:
        """Start exchange, feeds, page and trading process."""
        self.lock = prepare_root(self.root)
        self.logs.mkdir()
        feed_faults, venue_faults = write_faults(self.root, self.script)
        start_ns = time.monotonic_ns() + int(START_UP_S * NS_PER_S)  # noqa: TID251 - the plan's origin is real time
        self.plan = clock_plan(self.script.windows, self.arguments.speed, start_ns)
        self.clock = ScaledClock(self.plan)
        plan_file = self.root / "clock.json"
        plan_file.write_bytes(msgspec.json.encode(self.plan))
        world = ["--seed", str(self.script.seed), "--day", self.script.day, "--clock", str(plan_file)]
        if self.arguments.minutes is not None:
            world += ["--minutes", str(self.arguments.minutes)]
        keys = self.root / "keys"
        exchange = self._child(
            "exchange",
            "kalshi_alpha.sim.exchange",
            ["--port", "0", "--keys", str(keys), "--faults", str(venue_faults), "--audit", str(self.root / "audit.jsonl"), *world],
        )
        legs = {
            leg: self._child(
                leg, "kalshi_alpha.sim.feed", ["--port", "0", "--api-key", API_KEY, "--leg", leg, "--faults", str(feed_faults), *world]
            )
            for leg in ("polygon", "massive")
        }
        console = self._child("console", "kalshi_alpha.console", ["--root", str(self.root), "--port", str(self.arguments.port)])
        _, self.rest_url, ws_url = exchange.ready().split()
        feeds = {leg: child.ready().split()[1] for leg, child in legs.items()}
        config_file = trader_config(self.root, self.rest_url, ws_url, feeds, self.script, plan_file)
        self._child("guardian", "kalshi_alpha.exec.runners.guardian", ["--config", str(config_file), "--root", str(self.root)])
        self.trader = Trader(["--config", str(config_file), "--root", str(self.root)], self.logs, self.keeper)
        self.page = console.ready().removeprefix("console ").strip()

    def close(self) -> None:
        """End everything, the trading process first: it cancels what rests."""
        if self.trader is not None:
            self.trader.stop()
        for child in reversed(self.children):
            child.end()
        self.keeper.close()
        if self.lock is not None:
            self.lock.close()

    def _child(self, name: str, module: str, arguments: list[str]) -> Child:
        child = Child(name, module, arguments, self.logs, self.keeper)
        self.children.append(child)
        return child


def play_live(arguments: argparse.Namespace, script: DayScript) -> Scorecard:
    """Play the script and return its scorecard. Ctrl-C ends it early, with nothing resting."""
    if not script.windows:
        message = f"--day {script.day}: no windows to play"
        raise UsageError(message)
    stage = Stage(arguments, script)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with _closing(stage):
        stage.open()
        _say(f"page      {stage.page}")
        _say(f"files     {stage.root}/ (REPORT.md, reports/, data/, logs/)")
        if not arguments.no_browser:
            webbrowser.open(stage.page)
        with contextlib.suppress(KeyboardInterrupt):
            _watch(stage)
    return live_scorecard(stage.root, script, stage.kills, arguments.speed, stage.stall_ms)


@contextlib.contextmanager
def _closing(stage: Stage) -> Iterator[None]:
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # a second one must not cut the end short
        stage.close()


def _watch(stage: Stage) -> None:
    """Show progress and strike when the script says so, until the plan is over."""
    end_ns = end_real_ns(stage.plan)
    kills = list(stage.script.kills_ns)
    told: set[str] = set()
    next_line_ns = 0
    while (real_ns := time.monotonic_ns()) < end_ns:  # noqa: TID251 - the demo's own pace
        now = stage.clock.now()
        if kills and now.utc_ns >= kills[0]:
            kills.pop(0)
            stage.kills.append(now.utc_ns)
            assert stage.trader is not None
            stage.trader.child.kill()
            _say(f"{_et(now.utc_ns)}  ** SIGKILL to the trading process **")
        if real_ns >= next_line_ns:
            next_line_ns = real_ns + int(PROGRESS_S * NS_PER_S)
            _progress(stage, told)
        _pause(stage)


def _pause(stage: Stage) -> None:
    """Sleep a moment, and note by how much it was longer than that: so late may be every process of this machine."""
    before_ns = time.monotonic_ns()  # noqa: TID251 - the demo's own pace
    time.sleep(PAUSE_S)  # noqa: TID251 - the demo's own pace
    late_ms = (time.monotonic_ns() - before_ns) / 1e6 - PAUSE_S * 1e3  # noqa: TID251 - the demo's own pace
    utc_ns = stage.clock.now().utc_ns
    if any(window.start_ns <= utc_ns < window.target_ns for window in stage.script.windows):
        stage.stall_ms = max(stage.stall_ms, round(late_ms, 1))


def view_of(reply: ControlReply) -> EngineView | None:
    """Return the view in a reply; None: in its first moments the process has none to show."""
    return msgspec.json.decode(reply.view, type=EngineView | None)


def _progress(stage: Stage, told: set[str]) -> None:
    try:
        reply = send_command(control_path(stage.root), Status(), 1.0)
    except ControlError:
        _say(f"{_et(stage.clock.now().utc_ns)}  {'trading process not reachable' if stage.answered else 'starting'}")
        return
    stage.answered = True
    view = view_of(reply)
    if view is None:
        return
    for incident in reversed(view.incidents):
        key = f"{incident.utc_ns}{incident.title}"
        if key not in told:
            told.add(key)
            _say(f"{_et(incident.utc_ns)}  ! {incident.title}: {incident.did}")
    feed = view.feed.active if view.feed else "none"
    window = view.window.label if view.window else "-"
    why = f" ({'; '.join(view.reasons)})" if view.state == "standing_down" else ""
    money = (view.pnl.realised_e6 + view.pnl.marked_e6) / 1e6
    counts = f"{len(view.orders):>3} resting {view.pnl.fills:>4} fills"
    _say(f"{_et(view.utc_ns)}  {window:<12} {view.state:<14} feed {feed:<8} {counts}  ${money:,.2f}{why}")


def _et(utc_ns: int) -> str:
    return iso_et(utc_ns)[11:19]


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
