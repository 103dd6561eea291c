"""DualFeedFailover: which leg serves which index, judged by arrival, by the vendor's own time, and by silence.

    per symbol:   polygon --stale--> massive --polygon 5 s without a miss--> polygon
                     |                  |
                     '----both stale----+--> none --a leg 5 s without a miss--> that leg (polygon first)

Values merge: the first leg to bring a new event time wins, so losing a leg costs no data. ``active``, what the playbook shows, is the
worst of the symbols: polygon when polygon serves all, none when one is served by nobody, else massive. It starts as none; a leg may
serve at once at a cold start, the 5 s are for recoveries.

A value counts only if its event time is newer than the leg's last, not in the future, and its level within the price band.
"""

from collections import deque
from typing import Final, Literal

import msgspec

from kalshi_alpha.config import FeedsConfig
from kalshi_alpha.data.leg_health import LegSymbol, Verdict
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.events import IndexTicked
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Leg, Symbol
from kalshi_alpha.model.view import DualFeedView, FeedLegView, FeedSymbolView

Active = Literal["polygon", "massive", "none"]

PRICE_BAND: Final = 0.07
"""The first market-wide circuit breaker: a level further from the last one is not a level."""
SAME_LEVEL: Final = 0.011
"""Two legs of one vendor must agree to a hundredth of a point at the same event time."""
AGREEMENTS_TO_CLEAR: Final = 3
TIMELINE_KEPT: Final = 512


class Sample(msgspec.Struct, frozen=True, gc=False):
    """The newest value of an index, from whichever leg brought it first."""

    level: float
    event_ms: int
    leg: Leg
    mono_ns: int
    """Arrival."""
    lag_ms: int
    """Arrival less event time, corrected for the leg's clock offset."""


class FeedSwitch(msgspec.Struct, frozen=True):
    """A change of who serves a symbol; symbol "" is the overall active feed."""

    symbol: str
    previous: Active
    active: Active
    reason: str
    polygon_age_ms: int | None
    massive_age_ms: int | None


class SymbolHealth(msgspec.Struct, frozen=True):
    """One index, as far as quoting is concerned."""

    serving: Active
    age_ms: int | None
    event_lag_ms: int | None
    disagrees: bool


class _Symbol:
    __slots__ = ("agreements", "cold_until_ns", "disagrees", "sample", "serving")

    def __init__(self) -> None:
        self.serving: Active = "none"
        self.sample: Sample | None = None
        self.cold_until_ns: int | None = None
        self.disagrees = False
        self.agreements = 0


class DualFeedFailover:
    """Health of every leg and symbol, the merged values, and the active feed. Pure: time is an argument."""

    def __init__(self, config: FeedsConfig) -> None:
        """Start with nothing heard."""
        self.active: Active = "none"
        self.windows_degraded = 0
        """Consecutive windows in which polygon was stale or massive was active."""
        self.timeline: deque[tuple[int, str]] = deque(maxlen=TIMELINE_KEPT)
        """(UTC ns, active), oldest first."""
        self.rejected: dict[str, int] = {}
        """Why values weren't taken, counted."""
        slo_ms = {"polygon": config.polygon.slo_ms, "massive": config.massive.slo_ms}
        recovery_ns = int(config.recovery_s * NS_PER_S)
        self._recovery_ns = recovery_ns
        self._legs = {leg: {symbol: LegSymbol(slo_ms[leg], recovery_ns) for symbol in SYMBOLS} for leg in LEGS}
        self._connected: dict[Leg, bool] = dict.fromkeys(LEGS, False)
        self._symbols = {symbol: _Symbol() for symbol in SYMBOLS}
        self._slo_ms = slo_ms
        self._since_ns = 0
        self._last_switch_ns: int | None = None
        self._last_reason: str | None = None
        self._switches: dict[int, int] = {}
        self._in_window = False
        self._window_degraded = False
        self._deadline_ns: int | None = None
        self._deadline_known = True
        self._judged_ns = 0

    # Facts

    def connected(self, leg: Leg, now: Now) -> None:  # noqa: ARG002 - the shape of all facts
        """Learn that a leg is subscribed."""
        self._connected[leg] = True

    def lost(self, leg: Leg, now: Now) -> None:  # noqa: ARG002 - the shape of all facts
        """Learn that a leg's connection ended; its last values count until they are stale."""
        self._connected[leg] = False

    def ingest(self, tick: IndexTicked, now: Now) -> bool:
        """Take a value; return whether the symbol's merged sample advanced."""
        symbol = self._symbols[tick.symbol]
        sample = symbol.sample
        health = self._legs[tick.leg][tick.symbol]
        level, event_ms = tick.level, tick.event_ms
        if sample is not None and not -PRICE_BAND < level / sample.level - 1.0 < PRICE_BAND:
            self._reject("band")
            return False
        verdict = health.arrived(level, event_ms, now)
        if verdict is not Verdict.TAKEN:
            self._reject(verdict.value)
            return False
        self._deadline_known = False
        self._compare(symbol, tick)
        if sample is not None and event_ms <= sample.event_ms:
            return False
        symbol.sample = Sample(level, event_ms, tick.leg, now.mono_ns, health.lag_ms)
        return True

    def window_started(self) -> None:
        """Begin to count whether this window is degraded."""
        self._in_window = True
        self._window_degraded = self.active != "polygon"

    def window_ended(self) -> None:
        """Count the window: degraded ones add up, a clean one starts over."""
        self.windows_degraded = self.windows_degraded + 1 if self._window_degraded else 0
        self._in_window = False

    # Decisions

    def evaluate(self, now: Now) -> tuple[FeedSwitch, ...]:
        """Let time count; return what changed, symbols first, the overall active feed last."""
        switches = [switch for name, symbol in self._symbols.items() if (switch := self._judge(name, symbol, now)) is not None]
        serving = [symbol.serving for symbol in self._symbols.values()]
        active: Active = "none" if "none" in serving else "massive" if "massive" in serving else "polygon"
        if active != self.active:
            reason = switches[-1].reason if switches else "start"
            switches.append(self._switch("", self.active, active, reason, now))
            self._count(active, reason, now)
        if self._in_window and active != "polygon":
            self._window_degraded = True
        self._judged_ns = now.mono_ns
        self._deadline_known = False
        return tuple(switches)

    def next_deadline_ns(self) -> int | None:
        """Return the monotonic time at which silence or steadiness would change a decision, if any."""
        if not self._deadline_known:
            times = [at_ns for legs in self._legs.values() for health in legs.values() if (at_ns := health.deadline_ns(self._judged_ns)) is not None]
            self._deadline_ns = min(times, default=None)
            self._deadline_known = True
        return self._deadline_ns

    def sample(self, symbol: Symbol) -> Sample | None:
        """Return the newest value of an index, from either leg; ``health`` says whether it may be used."""
        return self._symbols[symbol].sample

    def health(self, symbol: Symbol, now: Now) -> SymbolHealth:
        """Return whether an index may be priced from, and how old it is."""
        state = self._symbols[symbol]
        sample = state.sample
        if sample is None:
            return SymbolHealth("none", None, None, state.disagrees)
        age_ms = (now.mono_ns - sample.mono_ns) // NS_PER_MS
        serving = state.serving
        if serving != "none" and not any(self._legs[leg][symbol].is_fresh(now.mono_ns) for leg in LEGS):
            serving = "none"
        return SymbolHealth(serving, age_ms, sample.lag_ms, state.disagrees)

    def view(self, now: Now) -> DualFeedView:
        """Return everything the monitors and the page show."""
        primary, secondary = (self._age_ms(leg, now) for leg in LEGS)
        return DualFeedView(
            active=self.active,
            state=self._state_name(now),
            since_ns=self._since_ns,
            primary_age_ms=primary,
            secondary_age_ms=secondary,
            agree=not any(symbol.disagrees for symbol in self._symbols.values()),
            divergence_bp=max(self._divergence_bp(symbol) for symbol in SYMBOLS),
            last_switch_ns=self._last_switch_ns,
            last_switch_reason=self._last_reason,
            switches_today=self._switches.get(now.utc_ns // (86_400 * NS_PER_S), 0),
            windows_degraded=self.windows_degraded,
            legs=tuple(self._leg_view(leg, now) for leg in LEGS),
        )

    # One symbol

    def _judge(self, name: Symbol, symbol: _Symbol, now: Now) -> FeedSwitch | None:
        polygon, massive = self._legs["polygon"][name], self._legs["massive"][name]
        fresh = {"polygon": polygon.is_fresh(now.mono_ns), "massive": massive.is_fresh(now.mono_ns)}
        steady = {"polygon": polygon.is_steady(now.mono_ns), "massive": massive.is_steady(now.mono_ns)}
        cold = symbol.cold_until_ns is None or now.mono_ns < symbol.cold_until_ns
        serving = _cold(symbol.serving, fresh) if cold else _warm(symbol.serving, fresh, steady)
        if serving == symbol.serving:
            return None
        if symbol.cold_until_ns is None:
            symbol.cold_until_ns = now.mono_ns + self._recovery_ns
        reason = _reason(name, symbol.serving, serving, fresh, first=symbol.sample is not None and cold)
        switch = self._switch(name, symbol.serving, serving, reason, now)
        symbol.serving = serving
        return switch

    def _compare(self, symbol: _Symbol, tick: IndexTicked) -> None:
        """Hold the legs against each other at the same event time."""
        other = self._legs["massive" if tick.leg == "polygon" else "polygon"][tick.symbol]
        level = other.level_at(tick.event_ms)
        if level is None:
            return
        if abs(level - tick.level) > SAME_LEVEL:
            symbol.disagrees, symbol.agreements = True, 0
            self._reject("disagree")
        elif symbol.disagrees:
            symbol.agreements += 1
            symbol.disagrees = symbol.agreements < AGREEMENTS_TO_CLEAR

    def _switch(self, name: str, previous: Active, active: Active, reason: str, now: Now) -> FeedSwitch:
        return FeedSwitch(name, previous, active, reason, self._age_ms("polygon", now), self._age_ms("massive", now))

    def _count(self, active: Active, reason: str, now: Now) -> None:
        day = now.utc_ns // (86_400 * NS_PER_S)
        self._switches = {day: self._switches.get(day, 0) + 1}
        self.active, self._since_ns = active, now.utc_ns
        self._last_switch_ns, self._last_reason = now.utc_ns, reason
        self.timeline.append((now.utc_ns, active))

    def _reject(self, why: str) -> None:
        self.rejected[why] = self.rejected.get(why, 0) + 1

    # Views

    def _age_ms(self, leg: Leg, now: Now) -> int | None:
        """Return a leg's age: of its oldest symbol."""
        ages = [health.age_ms(now.mono_ns) for health in self._legs[leg].values()]
        known = [age for age in ages if age is not None]
        return max(known) if len(known) == len(ages) else None

    def _state_name(self, now: Now) -> str:
        if self.active == "polygon":
            return "primary"
        polygon = self._legs["polygon"].values()
        recovering = all(health.is_fresh(now.mono_ns) for health in polygon)
        if self.active == "massive":
            return "secondary_recovering" if recovering else "secondary"
        return "down_recovering" if recovering else "down"

    def _divergence_bp(self, symbol: Symbol) -> float:
        levels = [self._legs[leg][symbol].level for leg in LEGS]
        if levels[0] is None or levels[1] is None:
            return 0.0
        return round(abs(levels[0] / levels[1] - 1.0) * 1e4, 3)

    def _leg_view(self, leg: Leg, now: Now) -> FeedLegView:
        symbols = {
            symbol: FeedSymbolView(not health.is_fresh(now.mono_ns), health.age_ms(now.mono_ns), health.seen_lag_ms, health.level)
            for symbol, health in self._legs[leg].items()
        }
        lags = [health.seen_lag_ms for health in self._legs[leg].values() if health.seen_lag_ms is not None]
        events = [health.event_ms for health in self._legs[leg].values() if health.event_ms]
        return FeedLegView(
            leg=leg,
            connected=self._connected[leg],
            stale=any(view.stale for view in symbols.values()),
            age_ms=self._age_ms(leg, now),
            slo_ms=self._slo_ms[leg],
            event_lag_ms=max(lags, default=None),
            last_event_ms=max(events, default=None),
            symbols={str(symbol): shown for symbol, shown in symbols.items()},
        )


def _cold(serving: Active, fresh: dict[str, bool]) -> Active:
    """At a cold start the first fresh leg serves, and polygon takes over as soon as it is there."""
    if fresh["polygon"]:
        return "polygon"
    return "massive" if fresh["massive"] else "none"


def _warm(serving: Active, fresh: dict[str, bool], steady: dict[str, bool]) -> Active:
    """After that a leg comes back only when it was fresh for the recovery time without a miss."""
    if serving == "polygon" and fresh["polygon"]:
        return "polygon"
    if serving != "polygon" and steady["polygon"]:
        return "polygon"
    if serving == "none":
        return "massive" if steady["massive"] else "none"
    return "massive" if fresh["massive"] else "none"


def _reason(name: Symbol, previous: Active, serving: Active, fresh: dict[str, bool], *, first: bool) -> str:
    if first and previous == "none":
        return f"{name}: first value"
    if serving == "polygon":
        return f"{name}: polygon fresh without a miss"
    if serving == "massive":
        return f"{name}: polygon beyond its SLO" if previous == "polygon" else f"{name}: massive fresh without a miss"
    return f"{name}: no leg within its SLO" if not any(fresh.values()) else f"{name}: {previous} beyond its SLO, the other leg not steady yet"
