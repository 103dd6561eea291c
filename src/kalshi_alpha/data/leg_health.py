"""One index on one leg: two ages, and whether its values can be counted at all.

    silent --value in time--> fresh --recovery time without a miss--> steady
       ^                        |                                        |
       '----- a gap in arrivals, or a lag, beyond the SLO ---------------'

Arrival age uses the monotonic clock. Event lag is arrival less the vendor's time stamp, corrected for the offset between the two clocks,
which is estimated by the least lag seen in the last five minutes and bounded, so that a delayed feed can't pass for a slow clock.
"""

from collections import deque
from typing import Final, Literal

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
RECENT_KEPT: Final = 8
NEVER_NS: Final = -(1 << 62)


Verdict = Literal["taken", "duplicate", "contradicted", "backward", "future"]
"""What became of a value. Contradicted: this leg gave another value for the same event time before."""


class LegSymbol:
    """Freshness of one index on one leg."""

    __slots__ = ("_arrival_ns", "_bucket_end_ns", "_fresh_since_ns", "_lead_min_ms", "_leads", "_minima", "_minimum_ms", "_offset_ms",
                 "_recovery_ns", "_slo_ms", "_slo_ns", "broke_ns", "event_ms", "lag_ms", "level", "recent")  # fmt: skip

    def __init__(self, slo_ms: int, recovery_ns: int) -> None:
        """Take the leg's limits."""
        self.level: float | None = None
        self.event_ms = 0
        self.lag_ms = 0
        self.broke_ns = NEVER_NS
        """When (monotonic) it last came back after a gap or a lag beyond the SLO."""
        self.recent: dict[int, float] = {}
        """Event time -> value, the last few, including ones outside the price band: for comparison with the other leg."""
        self._slo_ms = slo_ms
        self._slo_ns = slo_ms * NS_PER_MS
        self._recovery_ns = recovery_ns
        self._arrival_ns: int | None = None
        self._fresh_since_ns: int | None = None
        self._offset_ms = 0
        self._lead_min_ms = -FUTURE_MS
        self._bucket_end_ns = NEVER_NS
        self._minimum_ms = 0
        self._minima: deque[int] = deque(maxlen=OFFSET_BUCKETS)
        self._leads: list[int] = []

    def arrived(self, level: float, event_ms: int, now: Now) -> Verdict:
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
        elif self._fresh_since_ns is None or self._arrival_ns is None or mono_ns - self._arrival_ns > self._slo_ns:
            self._fresh_since_ns = mono_ns
            if self._arrival_ns is not None:
                self.broke_ns = mono_ns
        self.level = level
        self.event_ms = event_ms
        self.lag_ms = max(0, lag_ms)
        self._arrival_ns = mono_ns
        self.note(level, event_ms)
        return "taken"

    def note(self, level: float, event_ms: int) -> None:
        """Remember a value for comparison only."""
        recent = self.recent
        recent[event_ms] = level
        if len(recent) > RECENT_KEPT:
            del recent[next(iter(recent))]

    def is_fresh(self, mono_ns: int) -> bool:
        """Whether the last value is within the SLO, by arrival and by lag."""
        return self._fresh_since_ns is not None and self._arrival_ns is not None and mono_ns - self._arrival_ns <= self._slo_ns

    def is_steady(self, mono_ns: int) -> bool:
        """Whether it has been fresh for the recovery time without a miss."""
        return self.is_fresh(mono_ns) and self._fresh_since_ns is not None and mono_ns - self._fresh_since_ns >= self._recovery_ns

    def steady_ms(self, mono_ns: int) -> int | None:
        """Return for how long it has been fresh without a miss; None: it isn't fresh."""
        if self._fresh_since_ns is None or not self.is_fresh(mono_ns):
            return None
        return (mono_ns - self._fresh_since_ns) // NS_PER_MS

    def age_ms(self, mono_ns: int) -> int | None:
        """Return the arrival age; None: never heard."""
        return None if self._arrival_ns is None else (mono_ns - self._arrival_ns) // NS_PER_MS

    @property
    def seen_lag_ms(self) -> int | None:
        """The last value's lag; None: never heard."""
        return None if self._arrival_ns is None else self.lag_ms

    def deadline_ns(self, after_ns: int) -> int | None:
        """Return the first instant after ``after_ns`` at which this becomes stale or steady by silence alone, if any."""
        if self._fresh_since_ns is None or self._arrival_ns is None:
            return None
        stale_ns, steady_ns = self._arrival_ns + self._slo_ns + 1, self._fresh_since_ns + self._recovery_ns
        if after_ns < steady_ns <= stale_ns:
            return steady_ns
        return stale_ns if stale_ns > after_ns else None

    def _old(self, level: float, event_ms: int) -> Verdict:
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
