"""DualFeedFailover: which leg serves which index, judged by arrival, by the vendor's own time, by silence, and by the values.

    per symbol:   polygon --breaks--> massive --polygon steady for as long as it must be, massive served for the dwell time--> polygon
                     |                  |
                     '--neither may-----+--> none --a leg steady for as long as it must be--> that leg (polygon first)

A leg breaks when its last value is older than its SLO, by arrival or by the vendor's time, or when its values come under suspicion
(``symbol_feed``). It must be steady, fresh without a miss, for 5 s before it serves again, and for longer the more often it broke lately
(``flap_damping``).

Values merge: the first leg to bring a new event time wins, so losing a leg costs no data. ``active``, what the playbook shows, is the
worst of the symbols: polygon when polygon serves all, none when one is served by nobody, else massive. It starts as none. At a cold start
a leg that hasn't failed yet serves from its first value on; the steady time is for coming back.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from kalshi_alpha.config import FeedLegConfig, FeedsConfig
from kalshi_alpha.data.feed_views import LegState, age_ms, leg_view, state_name
from kalshi_alpha.data.further_leg import FurtherLeg
from kalshi_alpha.data.leg_health import NEVER_NS, Suspicion
from kalshi_alpha.data.symbol_feed import DOUBTS, Active, Sample, SymbolFeed, SymbolHealth
from kalshi_alpha.data.third_opinion import State, ThirdOpinion
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now, is_of_same_clocks
from kalshi_alpha.model.events import IndexTicked
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Leg, Symbol
from kalshi_alpha.model.snapshot import HeardValue
from kalshi_alpha.model.view import DualFeedView

TIMELINE_KEPT: Final = 512


class FeedSwitch(msgspec.Struct, frozen=True):
    """A change of who serves a symbol; symbol "" is the overall active feed."""

    symbol: str
    previous: Active
    active: Active
    reason: str
    polygon_age_ms: int | None
    massive_age_ms: int | None
    is_start: bool = False
    """It comes of a value that was taken over and that no other has followed yet, not of a failure."""


class FeedDoubt(msgspec.Struct, frozen=True):
    """A leg's values of an index came under suspicion."""

    symbol: Symbol
    leg: Leg
    suspicion: Suspicion


class Opinion(NamedTuple):
    """What others make of an index: the most contrary of them."""

    state: State
    gap: float
    source: str
    """Who: the venue's prices, or a further leg."""


VENUES_PRICES: Final = "the venue's prices"
_CARE: Final[dict[State, int]] = {"agrees": 0, "widen": 1, "stand_down": 2}


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
        self.feeds = {symbol: SymbolFeed(config, self.rejected) for symbol in SYMBOLS}
        self._connected: dict[Leg, bool] = dict.fromkeys(LEGS, False)
        self._since_ns: int | None = None
        self._last_switch_ns: int | None = None
        self._last_reason: str | None = None
        self.switches: tuple[int, int] = (0, 0)
        """(days since 1970 UTC, how many on that day); a restart sets it to what it was."""
        self._late_ms = config.late_ms
        self._config = config
        widen_ns, stand_down_ns = (int(s * NS_PER_S) for s in (config.implied_widen_s, config.implied_stand_down_s))
        self._opinions = {symbol: ThirdOpinion(config.implied_tolerance_bp * 1e-4, widen_ns, stand_down_ns) for symbol in SYMBOLS}
        self.further = {name: FurtherLeg(leg, config) for name, leg in config.further.items()}
        """Further legs by name, which are witnesses only."""
        self._doubts: list[FeedDoubt] = []
        self._known: dict[tuple[Symbol, Leg], Suspicion] = {(symbol, leg): "" for symbol in SYMBOLS for leg in LEGS}
        self._taken_over: dict[tuple[Symbol, Leg], None] = {}
        """Whose only value is an earlier process's."""
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
        self._changed = True
        if self._taken_over:
            self._taken_over.pop((tick.symbol, tick.leg), None)
        return self.feeds[tick.symbol].ingest(tick, now)

    def probed(self, symbol: Symbol, level: float, event_ms: int, now: Now) -> bool:
        """Hold a snapshot from elsewhere (index points, the vendor's time in Unix ms) against both legs: an opinion, never quoted from.

        Between legs that disagree it decides: the one it agrees with at that event time serves, the other one is suspected. Against a leg
        that is alone it takes two.

        Returns:
            Whether the symbol's merged sample changed.

        """
        self._changed = True
        return self.feeds[symbol].probed(level, event_ms, now)

    def witnessed(self, name: str, symbol: Symbol, level: float, event_ms: int, now: Now) -> bool:
        """Take a value (index points, the vendor's time in Unix ms) of a further leg: an opinion, never quoted from.

        Returns:
            Whether the symbol's merged sample changed.

        """
        leg, feed = self.further[name], self.feeds[symbol]
        ready = leg.arrived(symbol, level, event_ms, now)
        known = [ours for _, ours in feed.levels_at(ready[1])] if ready is not None else []
        if ready is None or not known:
            return False
        self._changed = True
        leg.compared(symbol, ready[0], known, now)
        return feed.probed(*ready, now, leg.tolerance(ready[0]))

    def implied(self, symbol: Symbol, level: float, half_width: float, now: Now) -> None:
        """Take the level that the venue's own ladder implies, index points, uncertain by ``half_width``: an opinion, never quoted from."""
        sample = self.feeds[symbol].sample
        if sample is not None:
            self._opinions[symbol].heard(sample.level, level, half_width, now.mono_ns)

    def not_implied(self, symbol: Symbol, now: Now) -> None:
        """Learn that the venue's ladder implies no level now."""
        self._opinions[symbol].missing(now.mono_ns)

    def look_at_further(self, now: Now) -> None:
        """Let the silence of further legs count; called about once a second."""
        for leg in self.further.values():
            leg.look(now)

    def session(self, open_ns: int, close_ns: int) -> None:
        """Learn when the regular session opens and closes (UTC ns): only in there are frozen values and previous closes looked for."""
        for feed in self.feeds.values():
            feed.session(open_ns, close_ns)

    def restore_levels(self, levels: dict[Symbol, tuple[float, int]]) -> None:
        """Take over the last levels (index points, event time in Unix ms) that an earlier process knew."""
        for symbol, (level, event_ms) in levels.items():
            self.feeds[symbol].restore(level, event_ms)

    def take_over(self, values: Iterable[HeardValue], now: Now) -> None:
        """Take the values that an earlier process priced from as if they had come here, at the time and so with the age that they have.

        Only where both clocks are the ones they were read from: a machine that was started anew or suspended, another machine or a wall
        clock that was set has them disagree on how long ago that was. A leg whose value gets too old before the next one comes hasn't
        failed: it is as if it had never been heard.
        """
        for value in values:
            came = Now(value.utc_ns, value.mono_ns)
            if is_of_same_clocks(came, now):
                self.ingest(IndexTicked(value.leg, value.symbol, value.level, value.event_ms), came)
                self._taken_over[value.symbol, value.leg] = None

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
        switches = [switch for name, feed in self.feeds.items() if (switch := self._judge(name, feed, now)) is not None]
        if switches:
            serving = [feed.serving for feed in self.feeds.values()]
            active: Active = "none" if "none" in serving else "massive" if "massive" in serving else "polygon"
            if active != self.active:
                last = switches[-1]
                switches.append(self._switch("", self.active, active, last.reason, now, is_start=last.is_start))
                self._activate(active, last, now)
        self._judged_ns = now.mono_ns
        self._deadline_ns = self._first_deadline_ns()
        self._changed = False
        return tuple(switches)

    def next_deadline_ns(self) -> int | None:
        """Return the monotonic time at which silence or steadiness would change a decision, if any."""
        return self._first_deadline_ns() if self._changed else self._deadline_ns

    @property
    def agrees(self) -> bool:
        """Whether there is no index on which the legs contradict each other undecided."""
        return not any(feed.disagrees for feed in self.feeds.values())

    def take_doubts(self) -> list[FeedDoubt]:
        """Hand over the suspicions raised since the last time."""
        if not self._doubts:
            return self._doubts
        taken, self._doubts = self._doubts, []
        return taken

    def sample(self, symbol: Symbol) -> Sample | None:
        """Return the newest value of an index, from either leg; ``health`` says whether it may be used."""
        return self.feeds[symbol].sample

    def health(self, symbol: Symbol, now: Now) -> SymbolHealth:
        """Return whether an index may be priced from, and how old it is."""
        return self.feeds[symbol].health(now)

    def stale_ns(self, symbol: Symbol, now: Now) -> int:
        """Return for how long the index may have moved unseen, where its value is late: lag and age; 0: it is in time, or there is none."""
        sample = self.feeds[symbol].sample
        if sample is None:
            return 0
        age_ns, lag_ns, late_ns = now.mono_ns - sample.mono_ns, sample.lag_ms * NS_PER_MS, self._late_ms * NS_PER_MS
        return age_ns + lag_ns if age_ns > late_ns or lag_ns > late_ns else 0

    def opinion(self, symbol: Symbol) -> Opinion:
        """Return what others make of the level: how careful to be, and how far they are apart, as a share of the level."""
        most, source = self._opinions[symbol], VENUES_PRICES
        for name, leg in self.further.items():
            other = leg.opinions[symbol]
            if (_CARE[other.state], other.gap) > (_CARE[most.state], most.gap):
                most, source = other, f"the further leg {name}"
        return Opinion(most.state, most.gap, source)

    def levels(self) -> dict[Symbol, tuple[float, int]]:
        """Return the last level of each index and its event time in Unix ms: what a restart takes over."""
        return {symbol: (feed.sample.level, feed.sample.event_ms) for symbol, feed in self.feeds.items() if feed.sample is not None}

    def heard_values(self, now: Now) -> tuple[HeardValue, ...]:
        """Return what each index is priced from, of those that may be, once for each leg that has brought it by now."""
        return tuple(
            HeardValue(name, leg, sample.level, sample.event_ms, now.utc_ns - (now.mono_ns - sample.mono_ns), sample.mono_ns)
            for name, feed in self.feeds.items()
            if (sample := feed.sample) is not None and (judged := feed.health(now)).serving != "none" and not judged.jumped
            for leg in LEGS
            if feed.legs[leg][0].is_usable(now.mono_ns) and feed.legs[leg][0].event_ms == sample.event_ms
        )

    def view(self, now: Now) -> DualFeedView:
        """Return everything the monitors and the page show."""
        feeds = self.feeds.values()
        primary, secondary = (age_ms(self.feeds, leg, now) for leg in LEGS)
        disagreeing = [name for name, feed in self.feeds.items() if feed.disagrees]
        return DualFeedView(
            active=self.active,
            state=state_name(self.active, self.feeds, now),
            since_ns=self._since_ns or 0,
            primary_age_ms=primary,
            secondary_age_ms=secondary,
            agree=self.agrees,
            divergence_bp=max(feed.divergence_bp() for feed in feeds),
            last_switch_ns=self._last_switch_ns,
            last_switch_reason=self._last_reason,
            switches_today=self.switches[1] if self.switches[0] == now.utc_ns // (86_400 * NS_PER_S) else 0,
            windows_degraded=self.windows_degraded,
            recovery_ms=max(feed.legs["polygon"][0].damping.wait_ns for feed in feeds) // NS_PER_MS,
            legs=tuple(leg_view(state, disagreeing, self._late_ms, now) for state in self._pair()),
            further=tuple(leg_view(state, (), self._late_ms, now) for state in self._further()),
            redundancy="path" if self._config.polygon.vendor == self._config.massive.vendor else "source",
        )

    # Inside

    def _pair(self) -> Iterator[LegState]:
        configs: dict[Leg, FeedLegConfig] = {"polygon": self._config.polygon, "massive": self._config.massive}
        for leg, config in configs.items():
            yield LegState(leg, config, self._connected[leg], {symbol: feed.legs[leg][0] for symbol, feed in self.feeds.items()})

    def _further(self) -> Iterator[LegState]:
        for name, leg in self.further.items():
            yield LegState(name, leg.config, leg.is_connected, leg.legs)

    def _judge(self, name: Symbol, feed: SymbolFeed, now: Now) -> FeedSwitch | None:
        self._doubt(name, feed)
        mono_ns, previous = now.mono_ns, feed.serving
        is_start = bool(self._taken_over) and self._drop_taken_over(name, feed, mono_ns)
        serving = feed.choose(mono_ns, self._judged_ns)
        if serving == previous:
            return None
        if previous != "none" and not is_start and (feed.disagrees or not feed.legs[previous][0].is_usable(mono_ns)):
            feed.legs[previous][0].damping.failed(mono_ns)
        is_first = feed.cold_until_ns is None
        if is_first:
            feed.cold_until_ns = mono_ns + feed.legs["polygon"][0].damping.wait_ns
        feed.serving, feed.served_since_ns = serving, mono_ns
        reason = "first value" if is_first else "no value since the start" if is_start else _reason(feed, previous, serving, mono_ns)
        return self._switch(name, previous, serving, f"{name}: {reason}", now, is_start=is_start)

    def _drop_taken_over(self, name: Symbol, feed: SymbolFeed, mono_ns: int) -> bool:
        """Forget the values that were taken over and are too old by now; return whether there were any."""
        old = [leg for leg in LEGS if (name, leg) in self._taken_over and not feed.legs[leg][0].is_fresh(mono_ns)]
        for leg in old:
            del self._taken_over[name, leg]
            feed.unhear(leg)
        return bool(old)

    def _doubt(self, name: Symbol, feed: SymbolFeed) -> None:
        for leg in LEGS:
            suspicion = feed.legs[leg][0].suspicion
            if suspicion != self._known[name, leg]:
                self._known[name, leg] = suspicion
                if suspicion:
                    self._doubts.append(FeedDoubt(name, leg, suspicion))

    def _first_deadline_ns(self) -> int | None:
        return min((at_ns for feed in self.feeds.values() for at_ns in feed.deadlines_ns(self._judged_ns)), default=None)

    def _switch(self, name: str, previous: Active, active: Active, reason: str, now: Now, *, is_start: bool) -> FeedSwitch:
        polygon_ms, massive_ms = (age_ms(self.feeds, leg, now) for leg in LEGS)
        return FeedSwitch(name, previous, active, reason, polygon_ms, massive_ms, is_start)

    def _activate(self, active: Active, why: FeedSwitch, now: Now) -> None:
        self.active = active
        if active == "none" and why.is_start:
            self._since_ns = None
            self.timeline.clear()
            return
        if self._since_ns is not None:
            day = now.utc_ns // (86_400 * NS_PER_S)
            self.switches = (day, self.switches[1] + 1 if self.switches[0] == day else 1)
            self._last_switch_ns, self._last_reason = now.utc_ns, why.reason
        self._since_ns = now.utc_ns
        self.timeline.append((now.utc_ns, active))
        if self._in_window and active != "polygon" and not why.is_start:
            self._window_degraded = True


def _reason(feed: SymbolFeed, previous: Active, serving: Active, mono_ns: int) -> str:
    """Say why in the operator's words."""
    if serving == "none":
        if feed.disagrees:
            return "the legs disagree"
        if not any(feed.legs[leg][0].suspicion for leg in LEGS):
            return "no leg within its SLO"
        return "no leg serves: " + ", ".join(f"{leg} {_state(feed, leg, mono_ns)}" for leg in LEGS)
    if serving == "massive" and previous == "polygon":
        return f"polygon {_state(feed, 'polygon', mono_ns)}"
    return f"{serving} fresh without a miss"


def _state(feed: SymbolFeed, leg: Leg, mono_ns: int) -> str:
    health = feed.legs[leg][0]
    if health.suspicion:
        return DOUBTS[health.suspicion]
    return "not steady yet" if health.is_fresh(mono_ns) and feed.serving != leg else "beyond its SLO"
