"""The only place that reads a clock: real time, or the demo's shared faster time."""

import time
from pathlib import Path
from typing import Final, Protocol

import msgspec

from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.regular_file import read_regular

SPEED_MAX: Final = 10_000.0
"""Beyond it nothing keeps up."""
UTC_NS_END: Final = 7_258_118_400 * NS_PER_S
"""The year 2200, when simulated time ends."""


class Clock(Protocol):
    """Where a driver gets its time."""

    @property
    def speed(self) -> float:
        """Simulated seconds per real second at this moment."""
        ...

    def now(self) -> Now:
        """Return the present instant."""
        ...

    def real_seconds_until(self, mono_ns: int) -> float:
        """Return how long to sleep, in real seconds, until the monotonic instant; 0 if it has passed."""
        ...


class SystemClock:
    """Real time. The monotonic clock counts suspended time (CLOCK_BOOTTIME)."""

    speed = 1.0

    def now(self) -> Now:
        """Return the present instant."""
        return Now(utc_ns=time.time_ns(), mono_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME))

    def real_seconds_until(self, mono_ns: int) -> float:
        """Return how long to sleep until the monotonic instant."""
        return max(0.0, (mono_ns - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) / NS_PER_S)


class ClockSegment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From a real instant on, simulated time starts at ``utc_ns`` and runs at ``speed``."""

    real_ns: int
    """CLOCK_MONOTONIC, which all processes of a machine share."""
    utc_ns: int
    speed: float


class ClockPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How simulated time runs. Between segments it jumps forward; it never goes back."""

    segments: tuple[ClockSegment, ...]


class ScaledClock:
    """Simulated time by a plan; both clocks are the same count, so the jumps are seen on both."""

    def __init__(self, plan: ClockPlan) -> None:
        """Take the plan; its segments are in order of real time.

        Raises:
            ValueError: no segment, segments out of order, or one that doesn't run forward at a usable speed; it says which.

        """
        starts = [segment.real_ns for segment in plan.segments]
        if not starts or starts != sorted(starts):
            message = f"clock plan without segments or out of order: {starts}"
            raise ValueError(message)
        for segment in plan.segments:
            if not 0.0 < segment.speed <= SPEED_MAX:
                message = f"speed is {segment.speed}: expected above 0, at most {SPEED_MAX:.0f}"
                raise ValueError(message)
            if not 0 <= segment.utc_ns < UTC_NS_END:
                message = f"utc_ns is {segment.utc_ns}: expected 0 (1970) to {UTC_NS_END} (2200)"
                raise ValueError(message)
        self._segments = plan.segments

    @property
    def speed(self) -> float:
        """Simulated seconds per real second at this moment."""
        return self._segment(time.monotonic_ns()).speed

    def now(self) -> Now:
        """Return the present simulated instant."""
        real_ns = time.monotonic_ns()
        segment = self._segment(real_ns)
        utc_ns = segment.utc_ns + int(max(0, real_ns - segment.real_ns) * segment.speed)
        return Now(utc_ns=utc_ns, mono_ns=utc_ns)

    def real_seconds_until(self, mono_ns: int) -> float:
        """Return how long to sleep until the simulated instant, across jumps."""
        real_ns = time.monotonic_ns()
        present = self._segment(real_ns)
        later = [segment for segment in self._segments if segment.real_ns > real_ns]
        due_ns = present.real_ns + int((mono_ns - present.utc_ns) / present.speed)
        for segment in later:
            if due_ns <= segment.real_ns:
                break
            due_ns = segment.real_ns + max(0, int((mono_ns - segment.utc_ns) / segment.speed))
        return max(0.0, (due_ns - real_ns) / NS_PER_S)

    def _segment(self, real_ns: int) -> ClockSegment:
        present = self._segments[0]
        for segment in self._segments[1:]:
            if segment.real_ns > real_ns:
                break
            present = segment
        return present


def load_clock(plan_file: Path | None) -> Clock:
    """Return real time, or the plan's time when a file is given.

    Raises:
        OSError: the file is missing or unreadable.
        ValueError: it isn't a plan (msgspec's errors are ValueErrors), or not a usable one.

    """
    if plan_file is None:
        return SystemClock()
    return ScaledClock(msgspec.json.decode(read_regular(plan_file), type=ClockPlan))
