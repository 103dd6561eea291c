"""Real simulated servers as processes, for tests of the trading process over real sockets."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from kalshi_alpha.adapters.system_clock import ClockPlan, ClockSegment
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sim.exchange.audit import OrderEvent
from kalshi_alpha.sim.live_files import API_KEY, trader_config
from kalshi_alpha.sim.script import DEMO_DAY, demo_script, windows_config
from kalshi_alpha.sim.supervisor import Child

SPEED = 4.0  # The freshness limit is then half a second of real time, which a busy machine keeps.
INTO_WINDOW_S = 120


class Servers:
    """An exchange and both feed legs inside a window, and the settings file of a trading process for them."""

    def __init__(self, root: Path, into_window_s: float = INTO_WINDOW_S, speed: float = SPEED) -> None:
        self.root = root
        self.into_window_s, self.speed = into_window_s, speed
        self.children: dict[str, Child] = {}
        self.audit_file = root / "audit.jsonl"

    def open(self) -> None:
        script = demo_script(1, DEMO_DAY, windows_config(all_windows=False))
        start_ns = script.windows[0].start_ns + int(self.into_window_s * NS_PER_S)
        self.window = script.windows[0]
        plan_file = self.root / "clock.json"
        plan_file.write_bytes(msgspec.json.encode(ClockPlan((ClockSegment(time.monotonic_ns(), start_ns, self.speed),))))  # noqa: TID251 - the origin
        world = ["--seed", "1", "--day", script.day, "--clock", str(plan_file), "--port", "0"]
        self._start("exchange", "kalshi_alpha.sim.exchange", ["--keys", str(self.root / "keys"), "--audit", str(self.audit_file), *world])
        for leg in ("polygon", "massive"):
            self._start(leg, "kalshi_alpha.sim.feed", ["--leg", leg, "--api-key", API_KEY, *world])
        _, rest_url, ws_url = self.children["exchange"].ready().split()
        feeds = {leg: self.children[leg].ready().split()[1] for leg in ("polygon", "massive")}
        self.config = trader_config(self.root, rest_url, ws_url, feeds, script, plan_file)

    def trader(self) -> Child:
        arguments = ["--config", str(self.config), "--root", str(self.root)]
        return self._start("trader", "kalshi_alpha.exec.runners.trade", arguments)

    def guardian(self) -> Child:
        guardian = self._start("guardian", "kalshi_alpha.exec.runners.guardian", ["--config", str(self.config), "--root", str(self.root)])
        assert guardian.ready().startswith("guardian watches")
        return guardian

    @property
    def rest_url(self) -> str:
        return next(line.split('"')[1] for line in self.config.read_text().splitlines() if line.startswith("rest_url"))

    def console(self) -> str:
        console = self._start("console", "kalshi_alpha.console", ["--root", str(self.root), "--port", "0"])
        return console.ready().removeprefix("console ").strip()

    def close(self) -> None:
        for child in reversed(self.children.values()):
            child.end()

    def log(self) -> list[OrderEvent]:
        decoder = msgspec.json.Decoder(OrderEvent)
        lines = self.audit_file.read_bytes().splitlines() if self.audit_file.exists() else []
        return [decoder.decode(line) for line in lines if line.endswith(b"}")]

    def accepted(self) -> list[str]:
        return [event.client_order_id for event in self.log() if event.kind == "accepted"]

    def resting(self) -> list[str]:
        found: dict[str, None] = {}
        for event in self.log():
            if event.kind == "cancelled" or event.remaining_e2 == 0:
                found.pop(event.order_id, None)
            elif event.order_id:
                found[event.order_id] = None
        return list(found)

    def _start(self, name: str, module: str, arguments: list[str]) -> Child:
        self.children[name] = Child(name, module, arguments, self.root)
        return self.children[name]


@contextlib.contextmanager
def servers(root: Path, into_window_s: float = INTO_WINDOW_S, speed: float = SPEED) -> Iterator[Servers]:
    made = Servers(root, into_window_s, speed)
    try:
        made.open()
        yield made
    finally:
        made.close()


def wait_until(claim: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something another process does; a file that it hasn't written yet is no failure."""
    end_ns = time.monotonic_ns() + int(seconds * NS_PER_S)  # noqa: TID251 - bounded waiting for another process
    while not _holds(claim):
        assert time.monotonic_ns() < end_ns, "not within the time"  # noqa: TID251 - see above
        time.sleep(0.02)  # noqa: TID251 - see above


def _holds(claim: Callable[[], bool]) -> bool:
    try:
        return claim()
    except FileNotFoundError:
        return False
