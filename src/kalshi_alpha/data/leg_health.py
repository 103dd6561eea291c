"""One index on one leg: two ages, and whether its values can be counted at all.

    silent --value in time--> fresh --recovery time without a miss--> steady
       ^                        |                                        |
       '----- a gap in arrivals, or a lag, beyond the SLO ---------------'

Arrival age uses the monotonic clock. Event lag is arrival less the vendor's time stamp, corrected for the offset between the two clocks,
which is estimated by the least lag seen in the last five minutes and bounded, so that a delayed feed can't pass for a slow clock.

A leg whose values arrive in time may still be under suspicion, which others raise (``symbol_feed``) but for one: a lag that stays the same
and is minutes long is a plan that delivers late on purpose. While it is suspected a leg isn't usable; when it is cleared, its steady time
begins anew.
"""

from collections import deque
from typing import Final, Literal

from kalshi_alpha.data.flap_damping import FlapDamping
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now

SAME_LEVEL: Final = 0.011
"""Values for one event time must be equal to a hundredth of a point, here with room for binary fractions."""
FUTURE_MS: Final = 250
"""A time stamp further ahead than this, after correction, is quarantined."""
OFFSET_MIN_MS: Final = -750
"""Less than one tick: a leg whose clock is ahead must not claim the next second's event time."""
OFFSET_MAX_MS: Final = 250
OFFSET_BUCKET_NS: Final = 30 * NS_PER_S
OFFSET_BUCKETS: Final = 10
LEARN_AFTER: Final = 5
"""So many values in a row with the same lead show a clock offset, not a wrong stamp."""
RECENT_KEPT: Final = 16
"""Seconds within which a snapshot can still be held against what a leg said."""
DELAYED_MS: Final = 600_000
"""A lag of ten minutes and more,"""
DELAYED_SPREAD_MS: Final = 2_000
"""the same to this,"""
DELAYED_AFTER: Final = 5
"""so many values in a row: the entitlement is delayed."""
DOWN_AFTER_NS: Final = 10 * NS_PER_S
"""Silence this long is no longer a late value."""
NEVER_NS: Final = -(1 << 62)

Taken = Literal["taken", "duplicate", "contradicted", "backward", "future"]
"""What became of a value. Contradicted: this leg gave another value for the same event time before."""
Verdict = Literal["FRESH", "LATE", "STALE", "SUSPECT", "DOWN"]
Suspicion = Literal["", "frozen", "previous_close", "delayed", "outvoted", "contradicts_itself"]


class LegSymbol:
    """Freshness of one index on one leg."""

    __slots__ = ("_bucket_end_ns", "_delays", "_fresh_since_ns", "_lead_min_ms", "_leads", "_minima", "_minimum_ms", "_offset_ms",
                 "_slo_ms", "_slo_ns", "arrival_ns", "broke_ns", "damping", "event_ms", "lag_ms", "level", "proofs", "recent",
                 "still_since_ns", "suspicion")  # fmt: skip

    def __init__(self, slo_ms: int, damping: FlapDamping) -> None:
        """Take the leg's limits."""
        self.level: float | None = None
        self.event_ms = 0
        self.lag_ms = 0
        self.arrival_ns: int | None = None
        """When (monotonic) the last value came; None: never."""
        self.still_since_ns = 0
        """When (monotonic) the level last became what it is."""
        self.broke_ns = NEVER_NS
        """When (monotonic) it last came back after a gap, a lag beyond the SLO or a suspicion."""
        self.recent: dict[int, float] = {}
        """Event time -> value, the last few, including ones outside the price band: for comparison with others."""
        self.suspicion: Suspicion = ""
        self.proofs = 0
        """What has been seen in a row that speaks against the suspicion."""
        self.damping = damping
        self._slo_ms = slo_ms
        self._slo_ns = slo_ms * NS_PER_MS
        self._fresh_since_ns: int | None = None
        self._offset_ms = 0
        self._lead_min_ms = -FUTURE_MS
        self._bucket_end_ns = NEVER_NS
        self._minimum_ms = 0
        self._minima: deque[int] = deque(maxlen=OFFSET_BUCKETS)
        self._leads: list[int] = []
        self._delays: deque[int] = deque(maxlen=DELAYED_AFTER)

    # Facts

    def arrived(self, level: float, event_ms: int, now: Now) -> Taken:
        """Take a value, or say why it doesn't count."""
        if event_ms <= self.event_ms:
            return self._old(level, event_ms)
        raw_ms = now.utc_ns // NS_PER_MS - event_ms
        mono_ns = now.mono_ns
        if raw_ms < self._lead_min_ms and not self._is_clock_offset(raw_ms):
            return "future"
        if self._leads:
            self._leads.clear()
        if raw_ms < self._minimum_ms or mono_ns >= self._bucket_end_ns:
            self._learn_offset(raw_ms, mono_ns)
        lag_ms = raw_ms - self._offset_ms
        if lag_ms > self._slo_ms:
            self._fresh_since_ns = None
            self._delayed(raw_ms)
        elif self._fresh_since_ns is None or self.arrival_ns is None or mono_ns - self.arrival_ns > self._slo_ns:
            self._came_back(mono_ns)
        if level != self.level:
            self.level = level
            self.still_since_ns = mono_ns
        self.event_ms = event_ms
        self.lag_ms = max(0, lag_ms)
        self.arrival_ns = mono_ns
        self.note(level, event_ms)
        return "taken"

    def note(self, level: float, event_ms: int) -> None:
        """Remember a value for comparison only."""
        recent = self.recent
        recent[event_ms] = level
        if len(recent) > RECENT_KEPT:
            del recent[next(iter(recent))]

    def suspect(self, suspicion: Suspicion) -> None:
        """Don't believe this leg until it is cleared."""
        self.suspicion, self.proofs = suspicion, 0

    def clear(self, mono_ns: int) -> None:
        """Believe it again, from now on."""
        self.suspicion, self.proofs = "", 0
        self.miss(mono_ns)

    def miss(self, mono_ns: int) -> None:
        """Have the steady time begin at this instant, at the earliest."""
        if self._fresh_since_ns is not None:
            self._fresh_since_ns = max(self._fresh_since_ns, mono_ns)
            self.broke_ns = self._fresh_since_ns

    # What follows

    def is_fresh(self, mono_ns: int) -> bool:
        """Whether the last value is within the SLO, by arrival and by lag."""
        return self._fresh_since_ns is not None and self.arrival_ns is not None and mono_ns - self.arrival_ns <= self._slo_ns

    def is_usable(self, mono_ns: int) -> bool:
        """Whether it is fresh and not suspected."""
        return not self.suspicion and self.is_fresh(mono_ns)

    def is_steady(self, mono_ns: int) -> bool:
        """Whether it has been usable without a miss for as long as it must."""
        return (
            self.is_usable(mono_ns)
            and self._fresh_since_ns is not None
            and mono_ns - self._fresh_since_ns >= self.damping.wait_ns
        )  # fmt: skip

    def steady_ms(self, mono_ns: int) -> int | None:
        """Return for how long it has been usable without a miss; None: it isn't."""
        if self._fresh_since_ns is None or not self.is_usable(mono_ns):
            return None
        return (mono_ns - self._fresh_since_ns) // NS_PER_MS

    def age_ms(self, mono_ns: int) -> int | None:
        """Return the arrival age; None: never heard."""
        return None if self.arrival_ns is None else (mono_ns - self.arrival_ns) // NS_PER_MS

    @property
    def seen_lag_ms(self) -> int | None:
        """The last value's lag; None: never heard."""
        return None if self.arrival_ns is None else self.lag_ms

    def level_at(self, event_ms: int, reach_ms: int) -> float | None:
        """Return the value in force at an instant of the vendor's clock, at most ``reach_ms`` old then; None: not known."""
        known_ms = max((at_ms for at_ms in self.recent if event_ms - reach_ms < at_ms <= event_ms), default=None)
        return None if known_ms is None else self.recent[known_ms]

    def deadline_ns(self, after_ns: int) -> int | None:
        """Return the first instant after ``after_ns`` at which this becomes stale or steady by silence alone, if any."""
        if self._fresh_since_ns is None or self.arrival_ns is None:
            return None
        stale_ns, steady_ns = self.arrival_ns + self._slo_ns + 1, self._fresh_since_ns + self.damping.wait_ns
        if after_ns < steady_ns <= stale_ns:
            return steady_ns
        return stale_ns if stale_ns > after_ns else None

    def verdict(self, mono_ns: int, late_ns: int, *, connected: bool) -> Verdict:
        """Return what the operator is told; ``late_ns`` is the age from which a value is late."""
        if self.arrival_ns is None or mono_ns - self.arrival_ns > DOWN_AFTER_NS:
            return "DOWN"
        if self.suspicion:
            return "SUSPECT"
        if not self.is_fresh(mono_ns):
            return "STALE" if connected else "DOWN"
        return "LATE" if max(mono_ns - self.arrival_ns, self.lag_ms * NS_PER_MS) > late_ns else "FRESH"

    # Inside

    def _came_back(self, mono_ns: int) -> None:
        self._fresh_since_ns = mono_ns
        if self.arrival_ns is not None:
            self.broke_ns = mono_ns
        if self.suspicion == "delayed":
            self.suspicion = ""
        self._delays.clear()

    def _delayed(self, raw_ms: int) -> None:
        """Tell a plan that delivers late from a line that does."""
        delays = self._delays
        delays.append(raw_ms)
        if len(delays) == DELAYED_AFTER and min(delays) >= DELAYED_MS and max(delays) - min(delays) <= DELAYED_SPREAD_MS:
            self.suspicion = "delayed"

    def _old(self, level: float, event_ms: int) -> Taken:
        if event_ms < self.event_ms:
            return "backward"
        return "duplicate" if self.level is None or abs(level - self.level) <= SAME_LEVEL else "contradicted"

    def _is_clock_offset(self, raw_ms: int) -> bool:
        """Tell a clock that is steadily ahead, which is learnt, from single wrong stamps, which are not."""
        leads = self._leads
        leads.append(raw_ms)
        del leads[:-LEARN_AFTER]
        return len(leads) == LEARN_AFTER and max(leads) - min(leads) <= FUTURE_MS and min(leads) >= OFFSET_MIN_MS

    def _learn_offset(self, raw_ms: int, mono_ns: int) -> None:
        minima = self._minima
        if mono_ns >= self._bucket_end_ns:
            minima.append(raw_ms)
            self._bucket_end_ns = mono_ns + OFFSET_BUCKET_NS
        else:
            minima[-1] = raw_ms
        self._minimum_ms = minima[-1]
        self._offset_ms = max(OFFSET_MIN_MS, min(OFFSET_MAX_MS, *minima))
        self._lead_min_ms = max(OFFSET_MIN_MS, min(self._offset_ms, 0) - FUTURE_MS)
