"""An engine that quotes from simulated feeds with faults, through the real feed clients, in virtual time; its venue answers at once."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from kalshi_alpha.adapters.massive.further import FurtherStream
from kalshi_alpha.adapters.massive.stream import FeedStream
from kalshi_alpha.config import Config
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Leg, Symbol
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.sched.calendar import et_date, session
from kalshi_alpha.sim.feed import SimFeed
from kalshi_alpha.sim.feed.faults import FeedFault
from kalshi_alpha.sim.timeline import Action, Timeline
from kalshi_alpha.sim.wire import NEVER_NS, Delays, Wire
from tests.exec.harness import LEVELS, START_S, Rig

KEY = "sim-key"
BEGIN_S = START_S + 5.0


class Seen(NamedTuple):
    """How the feeds stood after a step."""

    utc_ns: int
    verdicts: dict[tuple[Leg, Symbol], str]
    active: str
    reasons: frozenset[tuple[Reason, str]]
    pulled: frozenset[Symbol]
    """The indices of which this very step cancelled every order that rested, or none did."""


class Path:
    """Both indices move every second, by a few points, and never repeat themselves at once."""

    first_ns = session(et_date(START_S * NS_PER_S)).open_ns
    last_ns = first_ns + 24_000 * NS_PER_S

    def level(self, symbol: str, utc_ns: int) -> float:
        second = utc_ns // NS_PER_S
        if utc_ns < self.first_ns:
            second = 0
        return round(LEVELS[symbol] * (1.0 + ((second * 7) % 13 - 6) * 2e-5), 2)  # type: ignore[index]  # one of the two


class ChaosRig:
    """Moves engine, feed clients and feeds from instant to instant."""

    def __init__(self, faults: Sequence[FeedFault], seed: int = 1, config: Config | None = None) -> None:
        self.rig = Rig(at_s=BEGIN_S, config=config)
        further = self.rig.engine.facts.config.feeds.further
        self.feed = SimFeed(Path(), seed, faults, (KEY,), legs=(*LEGS, *further))
        self.alive = True
        self.delays = Delays(seed)
        self._timeline = Timeline()
        self.streams: dict[Leg, FeedStream] = {}
        self.heard: list[tuple[int, ev.Event]] = []
        """(UTC ns, event) of everything the feed clients said."""
        self.seen: list[Seen] = []
        """How it stood after each step that changed something of it."""
        self.rig.tell(ev.Booted(1, (), "missing", 0.0))
        self.rig.tell(ev.VenueConnected())
        feeds = self.rig.engine.facts.config.feeds
        self.wires = []
        for leg in LEGS:
            stream = self.streams[leg] = FeedStream(leg, SYMBOLS, KEY, feeds, seed)
            self.wires.append(Wire(self, stream, partial(self.feed.connect, leg)))
        for name in further:
            self.wires.append(Wire(self, FurtherStream(name, SYMBOLS, KEY, feeds, seed), partial(self.feed.connect, name)))
        self.feed.advance(self.rig.utc_ns)
        for wire in self.wires:
            wire.plan()

    # The wires' side

    @property
    def later(self) -> Callable[[int, Action], None]:
        return self._timeline.at

    def now(self, utc_ns: int) -> Now:
        self.rig.utc_ns = max(self.rig.utc_ns, utc_ns)
        return self.rig.now

    def utc_ns(self, mono_ns: int) -> int:
        return mono_ns - self.rig.now.mono_ns + self.rig.utc_ns

    def step(self, events: list[ev.Event], now: Now) -> None:  # noqa: ARG002 - the shape of all
        for event in events:
            self.heard.append((self.rig.utc_ns, event))
            self._tell(event)

    def plan(self) -> None:
        pass

    # Time

    def run_until(self, utc_ns: int) -> None:
        while True:
            due_ns = self.rig.engine.next_deadline_ns()
            engine_ns = NEVER_NS if due_ns is None else self.utc_ns(due_ns)
            feed_ns = self.feed.next_event_ns() or NEVER_NS
            wires_ns = min(wire.next_ns() for wire in self.wires)
            at_ns = min(engine_ns, feed_ns, wires_ns, self._timeline.next_ns() or NEVER_NS)
            if at_ns > utc_ns:
                break
            at_ns = max(at_ns, self.rig.utc_ns)
            self.rig.utc_ns = at_ns
            if feed_ns <= at_ns:
                self.feed.advance(at_ns)
                for wire in self.wires:
                    wire.pump(at_ns)
            self._timeline.run_due(at_ns)
            for wire in self.wires:
                wire.tick(at_ns)
            if engine_ns <= at_ns:
                self._tell(ev.TimerFired())
        self.rig.utc_ns = utc_ns

    def _tell(self, event: ev.Event) -> None:
        before = {symbol: self._resting(symbol) for symbol in SYMBOLS}
        steps = len(self.rig.steps)
        self.rig.tell(event)
        cancels = [command for command in self.rig.steps[steps] if isinstance(command, cmd.CancelOrders)]
        cancelled = {target.client_order_id for command in cancels for target in command.targets}
        facts = self.rig.engine.facts
        view = facts.failover.view(self.rig.now)
        verdicts = {(leg.leg, symbol): leg.symbols[symbol].verdict for leg in view.legs for symbol in SYMBOLS}
        reasons = frozenset((held.reason, held.scope) for held in facts.reasons)
        pulled = frozenset(symbol for symbol, resting in before.items() if resting <= cancelled)
        last = self.seen[-1] if self.seen else None
        if last is None or (last.verdicts, last.active, last.reasons) != (verdicts, view.active, reasons):
            self.seen.append(Seen(self.rig.utc_ns, verdicts, view.active, reasons, pulled))  # type: ignore[arg-type]  # by leg

    def _resting(self, symbol: Symbol) -> set[str]:
        ladders = self.rig.engine.facts.ladders
        live = [order.intent for order in self.rig.live() if order.status in {"sent", "resting"}]
        return {intent.client_order_id for intent in live if ladders[intent.event_ticker].ladder.symbol == symbol}
