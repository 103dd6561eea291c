"""One index on one leg: two ages, and whether its values can be counted at all.

Arrival age uses the monotonic clock. Event lag is arrival less the vendor's time stamp, corrected for the offset between the two clocks,
which is estimated by the least lag seen lately and bounded, so that a delayed feed can't pass for a slow clock.
"""

from collections import deque
from enum import Enum
from typing import Final

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now

FUTURE_MS: Final = 250
"""A time stamp further ahead than this, after correction, is quarantined."""
OFFSET_MIN_MS: Final = -1_000
OFFSET_MAX_MS: Final = 250
OFFSET_BUCKET_NS: Final = 30 * NS_PER_S
OFFSET_BUCKETS: Final = 10
LEARN_AFTER: Final = 5
"""So many values in a row with the same lead show a clock offset, not a wrong stamp."""
RECENT_KEPT: Final = 8


class Verdict(Enum):
    """What became of a value."""

    TAKEN = "taken"
    DUPLICATE = "duplicate"
    BACKWARD = "backward"
    FUTURE = "future"


class LegSymbol:
    """Freshness of one index on one leg."""

    __slots__ = ("_arrival_ns", "_bucket_ns", "_fresh_since_ns", "_leads", "_minima", "_offset_ms", "_recent", "_recovery_ns", "_slo_ms",
                 "_slo_ns", "event_ms", "lag_ms", "level")  # fmt: skip

    def __init__(self, slo_ms: int, recovery_ns: int) -> None:
        """Take the leg's limits."""
        self.level: float | None = None
        self.event_ms = 0
        self.lag_ms = 0
        self._slo_ms = slo_ms
        self._slo_ns = slo_ms * NS_PER_MS
        self._recovery_ns = recovery_ns
        self._arrival_ns: int | None = None
        self._fresh_since_ns: int | None = None
        self._offset_ms = 0
        self._bucket_ns = 0
        self._minima: deque[int] = deque(maxlen=OFFSET_BUCKETS)
        self._leads: list[int] = []
        self._recent: dict[int, float] = {}

    def arrived(self, level: float, event_ms: int, now: Now) -> Verdict:
        """Take a value, or say why it doesn't count."""
        if event_ms <= self.event_ms:
            return Verdict.DUPLICATE if event_ms == self.event_ms else Verdict.BACKWARD
        raw_ms = now.utc_ns // NS_PER_MS - event_ms
        if raw_ms - self._offset_ms < -FUTURE_MS and not self._is_clock_offset(raw_ms):
            return Verdict.FUTURE
        if raw_ms >= -FUTURE_MS:
            self._leads.clear()
        self._learn_offset(raw_ms, now.mono_ns)
        mono_ns = now.mono_ns
        missed = self._arrival_ns is None or mono_ns - self._arrival_ns > self._slo_ns
        self.level, self.event_ms, self._arrival_ns = level, event_ms, mono_ns
        self.lag_ms = max(0, raw_ms - self._offset_ms)
        if self.lag_ms > self._slo_ms:
            self._fresh_since_ns = None
        elif missed or self._fresh_since_ns is None:
            self._fresh_since_ns = mono_ns
        recent = self._recent
        recent[event_ms] = level
        if len(recent) > RECENT_KEPT:
            del recent[next(iter(recent))]
        return Verdict.TAKEN

    def is_fresh(self, mono_ns: int) -> bool:
        """Whether the last value is within the SLO, by arrival and by lag."""
        return self._fresh_since_ns is not None and self._arrival_ns is not None and mono_ns - self._arrival_ns <= self._slo_ns

    def is_steady(self, mono_ns: int) -> bool:
        """Whether it has been fresh for the recovery time without a miss."""
        return self.is_fresh(mono_ns) and self._fresh_since_ns is not None and mono_ns - self._fresh_since_ns >= self._recovery_ns

    def age_ms(self, mono_ns: int) -> int | None:
        """Return the arrival age; None: never heard."""
        return None if self._arrival_ns is None else (mono_ns - self._arrival_ns) // NS_PER_MS

    @property
    def seen_lag_ms(self) -> int | None:
        """The last value's lag; None: never heard."""
        return None if self._arrival_ns is None else self.lag_ms

    def level_at(self, event_ms: int) -> float | None:
        """Return the value this leg gave for an event time, if it is recent."""
        return self._recent.get(event_ms)

    def deadline_ns(self, after_ns: int) -> int | None:
        """Return the first instant after ``after_ns`` at which this becomes stale or steady, if any."""
        if self._fresh_since_ns is None or self._arrival_ns is None:
            return None
        stale_ns, steady_ns = self._arrival_ns + self._slo_ns + 1, self._fresh_since_ns + self._recovery_ns
        if after_ns < steady_ns <= stale_ns:
            return steady_ns
        return stale_ns if stale_ns > after_ns else None

    def _is_clock_offset(self, raw_ms: int) -> bool:
        self._leads.append(raw_ms)
        del self._leads[:-LEARN_AFTER]
        steady = max(self._leads) - min(self._leads) <= FUTURE_MS
        return len(self._leads) == LEARN_AFTER and steady and min(self._leads) >= OFFSET_MIN_MS

    def _learn_offset(self, raw_ms: int, mono_ns: int) -> None:
        minima = self._minima
        if not minima or mono_ns - self._bucket_ns >= OFFSET_BUCKET_NS:
            minima.append(raw_ms)
            self._bucket_ns = mono_ns
            self._offset_ms = max(OFFSET_MIN_MS, min(OFFSET_MAX_MS, min(minima)))
        elif raw_ms < minima[-1]:
            minima[-1] = raw_ms
            self._offset_ms = max(OFFSET_MIN_MS, min(OFFSET_MAX_MS, min(minima)))
