"""DualFeedFailover: which leg serves which index, judged by arrival, by the vendor's own time, and by silence.

    per symbol:   polygon --stale--> massive --polygon 5 s without a miss--> polygon
                     |                  |
                     '----both stale----+--> none --a leg 5 s without a miss--> that leg (polygon first)

Values merge: the first leg to bring a new event time wins, so losing a leg costs no data. ``active``, what the playbook shows, is the
worst of the symbols: polygon when polygon serves all, none when one is served by nobody, else massive. It starts as none. At a cold start
a leg that hasn't failed yet serves from its first value on; the 5 s are for coming back.

A value counts only if its event time is newer than the leg's last, not in the future, and its level within the price band. The legs are
held against each other wherever both gave a value for one event time; a difference stands until they agree again, since nobody else could
say which was right. A level outside the band is believed only when both legs repeat it, event time by event time.
"""

from collections import deque
from typing import Final, Literal

import msgspec

from kalshi_alpha.config import FeedsConfig
from kalshi_alpha.data.leg_health import NEVER_NS, SAME_LEVEL, LegSymbol
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.events import IndexTicked
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Leg, Symbol
from kalshi_alpha.model.view import DualFeedView, FeedLegView, FeedSymbolView

Active = Literal["polygon", "massive", "none"]

PRICE_BAND: Final = 0.07
"""The first market-wide circuit breaker: a level further from the last one is not a level."""
AGREEMENTS_TO_CLEAR: Final = 3
CONFIRMATIONS_TO_MOVE: Final = 5
"""So many values outside the band, the same on both legs, move the band."""
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
    """One index: its legs, the merged value and who serves it."""

    __slots__ = ("agreements", "cold_until_ns", "confirmations", "disagrees", "legs", "massive", "polygon", "sample", "serving")

    def __init__(self, polygon: LegSymbol, massive: LegSymbol) -> None:
        self.polygon = polygon
        self.massive = massive
        self.legs: dict[str, tuple[LegSymbol, LegSymbol]] = {"polygon": (polygon, massive), "massive": (massive, polygon)}
        """Leg -> its health and the other's."""
        self.serving: Active = "none"
        self.sample: Sample | None = None
        self.cold_until_ns: int | None = None
        """None: nobody has served it yet."""
        self.disagrees = False
        self.agreements = 0
        self.confirmations = 0


class DualFeedFailover:
    """Health of every leg and symbol, the merged values, and the active feed. Pure: time is an argument."""

    def __init__(self, config: FeedsConfig) -> None:
        """Start with nothing heard."""
        self.active: Active = "none"
        self.windows_degraded = 0
        """Consecutive windows in which polygon was stale or massive was active; a restart sets it to what it was."""
        self.timeline: deque[tuple[int, str]] = deque(maxlen=TIMELINE_KEPT)
        """(UTC ns, active), oldest first."""
        self.rejected: dict[str, int] = {}
        """Why values weren't taken, counted."""
        self._slo_ms: dict[str, int] = {"polygon": config.polygon.slo_ms, "massive": config.massive.slo_ms}
        self._recovery_ns = int(config.recovery_s * NS_PER_S)
        self._symbols = {symbol: _Symbol(*(LegSymbol(self._slo_ms[leg], self._recovery_ns) for leg in LEGS)) for symbol in SYMBOLS}
        self._connected: dict[Leg, bool] = dict.fromkeys(LEGS, False)
        self._since_ns: int | None = None
        self._last_switch_ns: int | None = None
        self._last_reason: str | None = None
        self.switches: tuple[int, int] = (0, 0)
        """(days since 1970 UTC, how many on that day); a restart sets it to what it was."""
        self._in_window = False
        self._window_degraded = False
        self._changed = True
        """Something was heard since the last decision."""
        self._deadline_ns: int | None = None
        self._judged_ns = NEVER_NS

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
        mine, other = symbol.legs[tick.leg]
        level, event_ms, sample = tick.level, tick.event_ms, symbol.sample
        if sample is not None and not -PRICE_BAND < level / sample.level - 1.0 < PRICE_BAND:
            self._outside_band(symbol, tick)
            return False
        verdict = mine.arrived(level, event_ms, now)
        if verdict != "taken":
            self._reject(verdict)
            if verdict == "contradicted":
                symbol.disagrees, symbol.agreements = True, 0
            return False
        self._changed = True
        theirs = other.recent.get(event_ms)
        if theirs is not None:
            self._compare(symbol, level, theirs)
        if sample is not None and event_ms <= sample.event_ms:
            return False
        symbol.confirmations = 0
        symbol.sample = Sample(level, event_ms, tick.leg, now.mono_ns, mine.lag_ms)
        return True

    def window_started(self) -> None:
        """Begin to count whether this window is degraded; a start without any value yet doesn't make it so."""
        self._in_window = True
        self._window_degraded = self.active != "polygon" and self._since_ns is not None

    def window_ended(self) -> None:
        """Count the window: degraded ones add up, a clean one starts over."""
        degraded = self._window_degraded or self.active != "polygon"
        self.windows_degraded = self.windows_degraded + 1 if degraded else 0
        self._in_window = False

    # Decisions

    def evaluate(self, now: Now) -> tuple[FeedSwitch, ...]:
        """Let time count; return what changed, symbols first, the overall active feed last."""
        if not self._changed and (self._deadline_ns is None or now.mono_ns < self._deadline_ns):
            return ()
        switches = [switch for name, symbol in self._symbols.items() if (switch := self._judge(name, symbol, now)) is not None]
        if switches:
            serving = [symbol.serving for symbol in self._symbols.values()]
            active: Active = "none" if "none" in serving else "massive" if "massive" in serving else "polygon"
            if active != self.active:
                reason = switches[-1].reason
                switches.append(self._switch("", self.active, active, reason, now))
                self._activate(active, reason, now)
        self._judged_ns = now.mono_ns
        self._deadline_ns = self._first_deadline_ns()
        self._changed = False
        return tuple(switches)

    def next_deadline_ns(self) -> int | None:
        """Return the monotonic time at which silence or steadiness would change a decision, if any."""
        return self._first_deadline_ns() if self._changed else self._deadline_ns

    def sample(self, symbol: Symbol) -> Sample | None:
        """Return the newest value of an index, from either leg; ``health`` says whether it may be used."""
        return self._symbols[symbol].sample

    def health(self, symbol: Symbol, now: Now) -> SymbolHealth:
        """Return whether an index may be priced from, and how old it is."""
        state = self._symbols[symbol]
        sample, serving = state.sample, state.serving
        if sample is None:
            return SymbolHealth("none", None, None, state.disagrees)
        if serving != "none" and not (state.legs[serving][0].is_fresh(now.mono_ns) and self._is_current(sample, serving, now.mono_ns)):
            serving = "none"
        return SymbolHealth(serving, (now.mono_ns - sample.mono_ns) // NS_PER_MS, sample.lag_ms, state.disagrees)

    def view(self, now: Now) -> DualFeedView:
        """Return everything the monitors and the page show."""
        primary, secondary = (self._age_ms(leg, now) for leg in LEGS)
        return DualFeedView(
            active=self.active,
            state=self._state_name(now),
            since_ns=self._since_ns or 0,
            primary_age_ms=primary,
            secondary_age_ms=secondary,
            agree=not any(symbol.disagrees for symbol in self._symbols.values()),
            divergence_bp=max(_divergence_bp(symbol) for symbol in self._symbols.values()),
            last_switch_ns=self._last_switch_ns,
            last_switch_reason=self._last_reason,
            switches_today=self.switches[1] if self.switches[0] == now.utc_ns // (86_400 * NS_PER_S) else 0,
            windows_degraded=self.windows_degraded,
            recovery_ms=self._recovery_ns // NS_PER_MS,
            legs=tuple(self._leg_view(leg, now) for leg in LEGS),
        )

    # One symbol

    def _judge(self, name: Symbol, symbol: _Symbol, now: Now) -> FeedSwitch | None:
        previous, serving = symbol.serving, self._choose(symbol, now.mono_ns)
        if serving == previous:
            return None
        is_first = symbol.cold_until_ns is None
        if is_first:
            symbol.cold_until_ns = now.mono_ns + self._recovery_ns
        symbol.serving = serving
        return self._switch(name, previous, serving, _reason(name, previous, serving, is_first=is_first), now)

    def _choose(self, symbol: _Symbol, mono_ns: int) -> Active:
        """Polygon if it may serve, else massive if it may, else nobody; and nobody while the merged value itself is too old."""
        sample, serving = symbol.sample, symbol.serving
        is_cold = symbol.cold_until_ns is None or mono_ns < symbol.cold_until_ns
        chosen: Active = "none"
        if self._may_serve(symbol.polygon, mono_ns, keeps=serving == "polygon", is_cold=is_cold):
            chosen = "polygon"
        elif self._may_serve(symbol.massive, mono_ns, keeps=serving != "none", is_cold=is_cold):
            chosen = "massive"
        return chosen if sample is not None and chosen != "none" and self._is_current(sample, chosen, mono_ns) else "none"

    def _may_serve(self, leg: LegSymbol, mono_ns: int, *, keeps: bool, is_cold: bool) -> bool:
        """Whoever steps in at once needs a fresh leg, also in between two looks; whoever comes back needs a steady one."""
        if not leg.is_fresh(mono_ns):
            return False
        if keeps and leg.broke_ns <= self._judged_ns:
            return True
        return leg.is_steady(mono_ns) or (is_cold and leg.broke_ns == NEVER_NS)

    def _is_current(self, sample: Sample, serving: Active, mono_ns: int) -> bool:
        return mono_ns - sample.mono_ns <= self._slo_ms[serving] * NS_PER_MS

    def _outside_band(self, symbol: _Symbol, tick: IndexTicked) -> None:
        """Keep the value out, but hold it against the other leg's."""
        mine, other = symbol.legs[tick.leg]
        self._reject("band")
        if tick.event_ms in mine.recent:
            return
        mine.note(tick.level, tick.event_ms)
        theirs = other.recent.get(tick.event_ms)
        if theirs is None:
            return
        self._compare(symbol, tick.level, theirs)
        symbol.confirmations = symbol.confirmations + 1 if abs(tick.level - theirs) <= SAME_LEVEL else 0
        if symbol.confirmations >= CONFIRMATIONS_TO_MOVE:
            symbol.sample, symbol.confirmations, self._changed = None, 0, True

    def _compare(self, symbol: _Symbol, level: float, theirs: float) -> None:
        """Hold two legs' values for one event time against each other."""
        if abs(level - theirs) > SAME_LEVEL:
            symbol.disagrees, symbol.agreements = True, 0
            self._reject("disagree")
        elif symbol.disagrees:
            symbol.agreements += 1
            symbol.disagrees = symbol.agreements < AGREEMENTS_TO_CLEAR

    def _first_deadline_ns(self) -> int | None:
        judged_ns = self._judged_ns
        times: list[int] = []
        for symbol in self._symbols.values():
            for leg in (symbol.polygon, symbol.massive):
                at_ns = leg.deadline_ns(judged_ns)
                if at_ns is not None:
                    times.append(at_ns)
            if symbol.sample is not None and symbol.serving != "none":
                times.append(symbol.sample.mono_ns + self._slo_ms[symbol.serving] * NS_PER_MS + 1)
        return min(times, default=None)

    def _switch(self, name: str, previous: Active, active: Active, reason: str, now: Now) -> FeedSwitch:
        return FeedSwitch(name, previous, active, reason, self._age_ms("polygon", now), self._age_ms("massive", now))

    def _activate(self, active: Active, reason: str, now: Now) -> None:
        if self._since_ns is not None:
            day = now.utc_ns // (86_400 * NS_PER_S)
            self.switches = (day, self.switches[1] + 1 if self.switches[0] == day else 1)
            self._last_switch_ns, self._last_reason = now.utc_ns, reason
        self.active, self._since_ns = active, now.utc_ns
        self.timeline.append((now.utc_ns, active))
        if self._in_window and active != "polygon":
            self._window_degraded = True

    def _reject(self, why: str) -> None:
        self.rejected[why] = self.rejected.get(why, 0) + 1

    # Views

    def _age_ms(self, leg: Leg, now: Now) -> int | None:
        """Return a leg's age: of its oldest symbol."""
        ages = [symbol.legs[leg][0].age_ms(now.mono_ns) for symbol in self._symbols.values()]
        known = [age for age in ages if age is not None]
        return max(known) if len(known) == len(ages) else None

    def _state_name(self, now: Now) -> str:
        if self.active == "polygon":
            return "primary"
        recovering = all(symbol.polygon.is_fresh(now.mono_ns) for symbol in self._symbols.values())
        name = "secondary" if self.active == "massive" else "down"
        return f"{name}_recovering" if recovering else name

    def _leg_view(self, leg: Leg, now: Now) -> FeedLegView:
        legs = {name: symbol.legs[leg][0] for name, symbol in self._symbols.items()}
        symbols = {
            str(name): FeedSymbolView(not health.is_fresh(now.mono_ns), health.age_ms(now.mono_ns), health.seen_lag_ms, health.level)
            for name, health in legs.items()
        }
        steady = [ms for health in legs.values() if (ms := health.steady_ms(now.mono_ns)) is not None]
        lags = [health.seen_lag_ms for health in legs.values() if health.seen_lag_ms is not None]
        events = [health.event_ms for health in legs.values() if health.event_ms]
        return FeedLegView(
            leg=leg,
            connected=self._connected[leg],
            stale=any(view.stale for view in symbols.values()),
            age_ms=self._age_ms(leg, now),
            steady_ms=min(steady) if len(steady) == len(legs) else None,
            slo_ms=self._slo_ms[leg],
            event_lag_ms=max(lags, default=None),
            last_event_ms=max(events, default=None),
            symbols=symbols,
        )


def _divergence_bp(symbol: _Symbol) -> float:
    """Return how far apart the legs were at the newest event time both gave a value for."""
    ours, theirs = symbol.polygon.recent, symbol.massive.recent
    newest_ms = max((event_ms for event_ms in ours if event_ms in theirs), default=None)
    return 0.0 if newest_ms is None else round(abs(ours[newest_ms] / theirs[newest_ms] - 1.0) * 1e4, 3)


def _reason(name: Symbol, previous: Active, serving: Active, *, is_first: bool) -> str:
    """Say why in the operator's words."""
    if is_first:
        return f"{name}: first value"
    if serving == "none":
        return f"{name}: no leg within its SLO"
    if serving == "massive" and previous == "polygon":
        return f"{name}: polygon beyond its SLO"
    return f"{name}: {serving} fresh without a miss"
