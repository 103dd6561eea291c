"""The processes of a drill: a simulated exchange, two simulated feeds, the guardian and the supervised trading process, in real time."""

from pathlib import Path

import msgspec

from kalshi_alpha.adapters.system_clock import ClockPlan
from kalshi_alpha.model.instruments import LEGS
from kalshi_alpha.sim.exchange.audit import OrderEvent
from kalshi_alpha.sim.keeper import Keeper
from kalshi_alpha.sim.live_files import API_KEY, trader_config
from kalshi_alpha.sim.script import DayScript
from kalshi_alpha.sim.supervisor import Child, Trader


class DrillStage:
    """Everything that runs during a drill, and the exchange's record of our orders as it grows."""

    def __init__(self, root: Path, script: DayScript, plan: ClockPlan, round_trip_ms: int) -> None:
        """Prepare; ``open`` starts the processes.

        Args:
            root: The run's folder, which is there and empty.
            script: The day.
            plan: Its time.
            round_trip_ms: To the exchange and back.

        """
        self._root, self._script, self._plan, self._round_trip_ms = root, script, plan, round_trip_ms
        self._keeper = Keeper()
        self._children: list[Child] = []
        self._trader: Trader | None = None
        self._guardian: Child | None = None
        self._audit = _Tail(root / "audit.jsonl")
        self._resting: dict[str, OrderEvent] = {}
        self._accepted: list[OrderEvent] = []
        self._ended_ns = 0
        self._arguments: list[str] = []

    def open(self) -> None:
        """Start everything."""
        plan_file = self._root / "clock.json"
        plan_file.write_bytes(msgspec.json.encode(self._plan))
        world = ["--port", "0", "--seed", str(self._script.seed), "--day", self._script.day, "--clock", str(plan_file)]
        distance = ["--round-trip-ms", str(self._round_trip_ms)] if self._round_trip_ms else []
        keys, audit = str(self._root / "keys"), str(self._audit.path)
        exchange = self._child("exchange", "kalshi_alpha.sim.exchange", ["--keys", keys, "--audit", audit, *distance, *world])
        legs = {leg: self._child(leg, "kalshi_alpha.sim.feed", ["--api-key", API_KEY, "--leg", leg, *world]) for leg in LEGS}
        _, rest_url, ws_url = exchange.ready().split()
        feeds = {str(leg): child.ready().split()[1] for leg, child in legs.items()}
        config_file = trader_config(self._root, rest_url, ws_url, feeds, self._script, plan_file)
        self._arguments = ["--config", str(config_file), "--root", str(self._root)]
        self.start_ours()

    def start_ours(self) -> None:
        """Start what isn't there: the guardian, and the trading process under its supervisor."""
        if self._guardian is None:
            self._guardian = self._child("guardian", "kalshi_alpha.exec.runners.guardian", self._arguments)
            self._guardian.ready()
        self._trader = Trader(self._arguments, self._root, self._keeper)

    def close(self) -> None:
        """End everything, the trading process first: it cancels what rests."""
        self.stop_trader()
        for child in reversed(self._children):
            child.end()
        self._children.clear()
        self._keeper.close()

    def kill_trader(self) -> None:
        """SIGKILL; its supervisor starts the next one."""
        assert self._trader is not None
        self._trader.child.kill()

    def kill_trader_for_good(self) -> None:
        """SIGKILL to the trading process, also a frozen one, and no supervisor to start it again."""
        trader, self._trader = self._trader, None
        assert trader is not None
        trader.kill_for_good()

    def kill_everything(self) -> None:
        """SIGKILL to the guardian, the trading process and its supervisor."""
        guardian, self._guardian = self._guardian, None
        assert guardian is not None
        guardian.kill()
        self.kill_trader_for_good()
        self._children.remove(guardian)
        guardian.end()

    def freeze_trader(self) -> None:
        """SIGSTOP: it lives, holds its connections and does nothing."""
        assert self._trader is not None
        self._trader.child.freeze()

    def stop_trader(self) -> int | None:
        """SIGTERM, and no next one; return the exit status, None when there is none to stop."""
        trader, self._trader = self._trader, None
        return None if trader is None else trader.stop()

    def quoting_epoch(self, least: int) -> int | None:
        """Return the epoch of which at least so many orders rest, if the newest one has."""
        self._read()
        newest = max((_epoch(order) for order in self._resting.values()), default=0)
        return newest if sum(_epoch(order) == newest for order in self._resting.values()) >= least else None

    def emptied_ns(self) -> int | None:
        """Return when (UTC ns) the last order ended, once none rests."""
        self._read()
        return None if self._resting else self._ended_ns

    def first_accepted_after(self, utc_ns: int, epoch: int) -> int | None:
        """Return when (UTC ns) the first order of a newer epoch was accepted after an instant, if one was."""
        self._read()
        return next((order.utc_ns for order in self._accepted if order.utc_ns > utc_ns and _epoch(order) > epoch), None)

    def log(self) -> list[OrderEvent]:
        """Return the exchange's whole record."""
        return _Tail(self._audit.path).read()

    def _read(self) -> None:
        for event in self._audit.read():
            if event.kind == "accepted":
                self._accepted = [*self._accepted[-999:], event]
            if event.kind == "cancelled" or event.remaining_e2 == 0:
                self._resting.pop(event.order_id, None)
                self._ended_ns = event.utc_ns
            elif event.order_id:
                self._resting[event.order_id] = event

    def _child(self, name: str, module: str, arguments: list[str]) -> Child:
        child = Child(name, module, arguments, self._root, self._keeper)
        self._children.append(child)
        return child


def _epoch(order: OrderEvent) -> int:
    return int(order.client_order_id.split("-")[0])


class _Tail:
    """Reads the lines that a file has got since the last time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._decoder = msgspec.json.Decoder(OrderEvent)

    def read(self) -> list[OrderEvent]:
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [self._decoder.decode(line) for line in whole.splitlines()]
