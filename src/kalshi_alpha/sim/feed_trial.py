"""A day with random feed faults: whether each was noticed, by what and how soon, and whether anything was noticed that wasn't there.

One fault at a time, in the windows of a day, with time in between to recover. A fault is noticed by what the system itself shows or
counts about the leg and index that it hits: a verdict, a reason to stand down, a connection's end, a warning, a value not taken.
"""

from collections.abc import Sequence
from datetime import date
from random import Random
from typing import Final, NamedTuple

import msgspec

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.commands import Command
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Symbol, Window
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.sched.calendar import session
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sim.exchange import ExchangeConfig, SimExchange
from kalshi_alpha.sim.fast import Played, judge, virtual_config, world_for
from kalshi_alpha.sim.feed import SimFeed
from kalshi_alpha.sim.feed.faults import FeedFault, FeedFaultKind
from kalshi_alpha.sim.scorecard import Scorecard
from kalshi_alpha.sim.script import DayScript
from kalshi_alpha.sim.virtual_day import VirtualDay

APART_S: Final = 105
"""From one fault to the next."""
LEAD_S: Final = 40
"""After a window's start, and at least so long before its freeze."""
LASTS_S: Final = (8, 25)
LATE_S: Final = 5.0
"""So long after its end a fault may still be noticed: a value that comes late tells of it then."""
GRACE_S: Final = 76.0
"""So long after its end a fault may still show: a minute's cool-down, and the steady time."""
BOTH_LEGS: Final[tuple[tuple[FeedFaultKind, dict[str, float]], ...]] = (
    ("silent", {}), ("abort", {}), ("close", {"code": 1_001}), ("close", {"code": 1_008}), ("half_open", {}), ("slow_consumer", {}),
    ("evicted", {}), ("lag", {"lag_s": 4.0}), ("lag_ramp", {"lag_s": 9.0}), ("stall", {}), ("delayed", {}), ("shuffle", {}),
    ("stamp", {"by_s": -8.0}), ("stamp", {"by_s": 2.0}), ("stamp", {"by_s": 60.0}), ("duplicate", {}), ("nan_value", {}),
    ("null_value", {}), ("text_value", {}), ("not_json", {}), ("bare_object", {}), ("truncated", {}), ("unknown_event", {}),
    ("extra_status", {}),
)  # fmt: skip
ONE_LEG: Final[tuple[tuple[FeedFaultKind, dict[str, float]], ...]] = (
    ("frozen", {}), ("wrong_value", {"factor": 1.01}), ("wrong_value", {"factor": 0.008}), ("previous_close", {}),
)  # fmt: skip
"""Where both legs lie alike, no leg contradicts them."""
WHOLE_LEG: Final = frozenset({"abort", "close", "half_open", "slow_consumer", "evicted"})
LIES: Final = frozenset({"frozen", "wrong_value", "previous_close"})
"""What one leg says is held against both, until it is known which of them is right."""
BAD: Final = frozenset({"STALE", "SUSPECT", "DOWN"})
FEED_REASONS: Final = frozenset({Reason.FEED_DOWN, Reason.FEED_DISAGREES, Reason.FEED_JUMPED, Reason.IMPLIED_LEVEL})


class Signal(NamedTuple):
    """Something the system showed or counted."""

    utc_ns: int
    leg: str
    """``*``: either."""
    symbol: str
    what: str
    is_alarm: bool
    """It changes what is quoted, or would."""


class Noticed(msgspec.Struct, frozen=True):
    """What became of one fault."""

    at_ns: int
    kind: str
    leg: str
    symbol: str
    lasts_s: float
    seconds: float | None
    """From its beginning until it was noticed; None: it wasn't."""
    by: str


class Trial(msgspec.Struct, frozen=True):
    """What became of a day."""

    faults: tuple[Noticed, ...]
    false_alarms: tuple[str, ...]


def random_faults(seed: int, windows: Sequence[Window], count: int) -> tuple[FeedFault, ...]:
    """Return faults one after the other in the windows, by time; fewer than ``count`` where the windows have no room."""
    draw = Random(seed ^ 0xFA17)
    starts: list[int] = []
    for window in sorted(windows, key=lambda one: one.start_ns):
        at_ns = max(window.start_ns + LEAD_S * NS_PER_S, starts[-1] + APART_S * NS_PER_S if starts else 0)
        while at_ns + LEAD_S * NS_PER_S <= window.freeze_ns:
            starts.append(at_ns)
            at_ns += APART_S * NS_PER_S
    return tuple(_fault(draw, at_ns + draw.randrange(5 * NS_PER_S)) for at_ns in starts[:count])


def _fault(draw: Random, from_ns: int) -> FeedFault:
    kind, params = draw.choice((*BOTH_LEGS, *ONE_LEG))
    leg = draw.choice(LEGS) if (kind, params) in ONE_LEG else draw.choice((*LEGS, "*"))
    symbol = "*" if kind in WHOLE_LEG else draw.choice(("*", *SYMBOLS))
    return FeedFault(from_ns, from_ns + draw.randrange(*LASTS_S) * NS_PER_S, leg, kind, symbol, params)


class Watcher:
    """Notes what the system shows while a day is played; put it around the engine's ``handle``."""

    def __init__(self, day: VirtualDay) -> None:
        """Watch a day that is about to be played."""
        self.signals: list[Signal] = []
        self._day = day
        self._verdicts: dict[tuple[str, Symbol], str] = {}
        self._reasons: set[tuple[Reason, str]] = set()
        self._counts: dict[str, int] = {}

    def handle(self, engine: Engine, event: ev.Event, now: Now) -> list[Command]:
        """Let the engine take its step, and look."""
        commands = engine.handle(event, now)
        match event:
            case ev.FeedLost():
                self.signals.append(Signal(now.utc_ns, event.leg, "*", f"connection lost: {event.reason}", is_alarm=False))
            case ev.FeedWarned():
                self.signals.append(Signal(now.utc_ns, event.leg, "*", f"warned: {event.status}", is_alarm=False))
            case ev.IndexTicked() | ev.TimerFired():
                pass
            case _:
                return commands
        if engine.facts.active_windows:
            self._look(engine, now)
        return commands

    def _look(self, engine: Engine, now: Now) -> None:
        failover = engine.facts.failover
        for leg in failover.view(now).legs:
            for symbol in SYMBOLS:
                verdict = leg.symbols[symbol].verdict
                if verdict in BAD and self._verdicts.get((leg.leg, symbol), "") not in BAD:
                    self.signals.append(Signal(now.utc_ns, leg.leg, symbol, verdict, is_alarm=True))
                self._verdicts[leg.leg, symbol] = verdict
        reasons = {(held.reason, held.scope) for held in engine.facts.reasons if held.reason in FEED_REASONS}
        for reason, symbol_ in sorted(reasons - self._reasons):
            self.signals.append(Signal(now.utc_ns, "*", symbol_, f"stood down: {reason}", is_alarm=True))
        self._reasons = reasons
        for name, count in self._counted(engine):
            if count > self._counts.get(name, 0):
                leg_name, _, why = name.partition(" ")
                self.signals.append(Signal(now.utc_ns, leg_name, "*", f"not taken: {why}", is_alarm=False))
            self._counts[name] = count

    def _counted(self, engine: Engine) -> list[tuple[str, int]]:
        found = [(f"* {why}", count) for why, count in engine.facts.failover.rejected.items()]
        for leg, stream in self._day.streams.items():
            found += [(f"{leg} {why}", count) for why, count in stream.unused.items()]
        return found


def judged(faults: Sequence[FeedFault], signals: Sequence[Signal]) -> Trial:
    """Hold what was shown against what was scripted."""
    return Trial(tuple(_noticed(fault, signals) for fault in faults), tuple(_false(faults, signals)))


def _noticed(fault: FeedFault, signals: Sequence[Signal]) -> Noticed:
    until_ns = fault.to_ns + int(LATE_S * NS_PER_S)
    meant = [one for one in signals if fault.from_ns <= one.utc_ns < until_ns and _is_about(one, fault)]
    first = meant[0] if meant else None
    seconds = None if first is None else round((first.utc_ns - fault.from_ns) / NS_PER_S, 3)
    lasts_s = (fault.to_ns - fault.from_ns) / NS_PER_S
    return Noticed(fault.from_ns, fault.kind, fault.leg, fault.symbol, lasts_s, seconds, first.what if first else "")


def _false(faults: Sequence[FeedFault], signals: Sequence[Signal]) -> list[str]:
    """Return the alarms that no fault explains."""
    grace_ns = int(GRACE_S * NS_PER_S)
    found = []
    for one in signals:
        explained = any(fault.from_ns <= one.utc_ns < fault.to_ns + grace_ns and _is_about(one, fault) for fault in faults)
        if one.is_alarm and not explained:
            found.append(f"{one.utc_ns // NS_PER_MS} {one.leg} {one.symbol} {one.what}")
    return found


def _is_about(signal: Signal, fault: FeedFault) -> bool:
    legs = signal.leg == fault.leg or "*" in {signal.leg, fault.leg} or fault.kind in LIES
    return legs and (signal.symbol == fault.symbol or "*" in {signal.symbol, fault.symbol})


def play_trial(seed: int, day: date, count: int) -> tuple[Trial, Scorecard]:
    """Play the windows of a day in which random feed faults strike, and judge it."""
    windows = WindowsConfig()
    found = WindowSchedule(windows).day(day)
    faults = random_faults(seed, found, count)
    struck = tuple(window for window in found if any(window.start_ns <= fault.from_ns < window.freeze_ns for fault in faults))
    script = DayScript(seed=seed, day=day.isoformat(), windows=struck, feed_faults=faults)
    path = world_for(script, None)
    exchange = SimExchange(ExchangeConfig(session=session(day)), path, seed)
    played = VirtualDay(virtual_config(windows), script, exchange, SimFeed(path, seed, faults))
    watcher = Watcher(played)
    played.handle = watcher.handle
    played.play()
    return judged(faults, watcher.signals), judge(Played(played, exchange), script)
