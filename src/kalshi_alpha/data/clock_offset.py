"""How far our clock is from another's, as an interval that holds the truth.

Nothing tells the offset itself, but every stamp of theirs bounds it. With ``ours`` the monotonic clock and ``theirs`` the other one:

* an exchange: they stamped v (good to a resolution r) between our sending at s and our receiving at e, so
  ``s - v - r <= ours - theirs`` at s, and ``ours - theirs <= e - v`` at e (Cristian 1989; the width is the round trip plus r);
* a one-way message: it was stamped before we received it at e, so ``ours - theirs <= e - v``. How long it was under way is unknown,
  so it says nothing of the other side.

The intersection of the last ``WINDOW_S`` is the estimate. Older bounds are widened by ``DRIFT_PPM`` of their age, which covers a bad
crystal and a slewing time service; so its half width is at most half of the quickest round trip plus r over the number of well-spread
stamps, plus ``DRIFT_PPM`` of the age. As it is made on the monotonic clock, a step of the wall clock shows at once and in full: the
wall clock's offset is ``ours - theirs`` plus what the wall clock reads above the monotonic one at that moment.

Bounds that contradict each other mean that one of the clocks moved (a faster slew, a suspended machine, a stamp from a cache): all but
the newest are dropped, and the next stamps narrow it again.

The states, of an interval [low, high]:

    fine         surely less than 250 ms off, or at least not surely more
    warn         surely 250 ms off or more, and surely less than 1 s
    stand_down   surely 1 s off or more
    unknown      neither surely less than 1 s nor surely more, or one side open

A warning wakes somebody, so it must be sure; quoting must be sure as well, so ``unknown`` forbids it as much as ``stand_down`` does.
"""

from collections import deque
from typing import Final, Literal

import msgspec

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now

WARN_NS: Final = 250 * NS_PER_MS
STAND_DOWN_NS: Final = NS_PER_S
WINDOW_S: Final = 120
DRIFT_PPM: Final = 500
_MILLION: Final = 1_000_000

ClockState = Literal["fine", "warn", "stand_down", "unknown"]


class OffsetInterval(msgspec.Struct, frozen=True):
    """Our wall clock less theirs lies in here, nanoseconds; None: open on that side. Above 0, ours is ahead."""

    low_ns: int | None
    high_ns: int | None

    @property
    def state(self) -> ClockState:
        """What it means for quoting."""
        low_ns, high_ns = self.low_ns, self.high_ns
        if (low_ns is not None and low_ns >= STAND_DOWN_NS) or (high_ns is not None and high_ns <= -STAND_DOWN_NS):
            return "stand_down"
        if low_ns is None or high_ns is None or low_ns <= -STAND_DOWN_NS or high_ns >= STAND_DOWN_NS:
            return "unknown"
        return "warn" if low_ns >= WARN_NS or high_ns <= -WARN_NS else "fine"


class ClockOffset:
    """The bounds of one other clock, kept as those that can still matter. Pure: time is an argument."""

    __slots__ = ("_highs", "_lows", "contradictions")

    def __init__(self) -> None:
        """Know nothing."""
        self.contradictions = 0
        """How often the bounds excluded each other."""
        self._lows: deque[tuple[int, int]] = deque()
        """(when, bound moved to time 0 by the drift), the best first, each later one worse."""
        self._highs: deque[tuple[int, int]] = deque()

    def exchanged(self, sent_mono_ns: int, received_mono_ns: int, stamp_ns: int, resolution_ns: int) -> None:
        """Take a stamp made between our sending and our receiving: their clock read from ``stamp_ns`` to less than a resolution more."""
        low_ns, high_ns = sent_mono_ns - stamp_ns - resolution_ns, received_mono_ns - stamp_ns
        self._expire(received_mono_ns)
        if self._excludes(low_ns - _drift_floor_ns(received_mono_ns - sent_mono_ns) - 1, high_ns, received_mono_ns):
            self.contradictions += 1
            self.forget()
        _keep_greatest(self._lows, sent_mono_ns, low_ns + _drift_floor_ns(sent_mono_ns))
        _keep_least(self._highs, received_mono_ns, high_ns - _drift_floor_ns(received_mono_ns))

    def heard(self, received_mono_ns: int, stamp_ns: int) -> None:
        """Take a stamp made at some time before we received it."""
        high_ns = received_mono_ns - stamp_ns
        self._expire(received_mono_ns)
        if self._excludes(None, high_ns, received_mono_ns):
            self.contradictions += 1
            self.forget()
        _keep_least(self._highs, received_mono_ns, high_ns - _drift_floor_ns(received_mono_ns))

    def take_over(self, low_ns: int | None, high_ns: int | None, mono_ns: int) -> None:
        """Take the bounds that somebody with the same monotonic clock knew at a time, instead of what is known."""
        self.forget()
        if low_ns is not None:
            self._lows.append((mono_ns, low_ns + _drift_floor_ns(mono_ns)))
        if high_ns is not None:
            self._highs.append((mono_ns, high_ns - _drift_floor_ns(mono_ns)))

    def forget(self) -> None:
        """Know nothing any more."""
        self._lows.clear()
        self._highs.clear()

    def interval(self, now: Now) -> OffsetInterval:
        """Return where our wall clock less theirs lies now."""
        low_ns, high_ns = self.bounds(now.mono_ns)
        wall_ns = now.utc_ns - now.mono_ns
        return OffsetInterval(None if low_ns is None else wall_ns + low_ns, None if high_ns is None else wall_ns + high_ns)

    def bounds(self, mono_ns: int) -> tuple[int | None, int | None]:
        """Return between what our monotonic clock less theirs lies then."""
        self._expire(mono_ns)
        return self._bounds(mono_ns)

    def _bounds(self, mono_ns: int) -> tuple[int | None, int | None]:
        drift_ns = -(-mono_ns * DRIFT_PPM // _MILLION)
        low_ns = self._lows[0][1] - drift_ns if self._lows else None
        return low_ns, self._highs[0][1] + drift_ns if self._highs else None

    def _excludes(self, low_ns: int | None, high_ns: int, mono_ns: int) -> bool:
        known_low_ns, known_high_ns = self._bounds(mono_ns)
        too_low = known_low_ns is not None and high_ns < known_low_ns
        return too_low or (low_ns is not None and known_high_ns is not None and low_ns > known_high_ns)

    def _expire(self, mono_ns: int) -> None:
        oldest_ns = mono_ns - WINDOW_S * NS_PER_S
        for bounds in (self._lows, self._highs):
            while bounds and bounds[0][0] < oldest_ns:
                bounds.popleft()


def _drift_floor_ns(mono_ns: int) -> int:
    """Return how far the clocks drift apart in this time at most, rounded down; where it is added again it is rounded up."""
    return mono_ns * DRIFT_PPM // _MILLION


def _keep_greatest(bounds: deque[tuple[int, int]], at_ns: int, bound_ns: int) -> None:
    """Add a bound and drop those it is better than: they end before it does."""
    while bounds and bounds[-1][1] <= bound_ns:
        bounds.pop()
    bounds.append((at_ns, bound_ns))


def _keep_least(bounds: deque[tuple[int, int]], at_ns: int, bound_ns: int) -> None:
    """Add a bound and drop those it is better than."""
    while bounds and bounds[-1][1] >= bound_ns:
        bounds.pop()
    bounds.append((at_ns, bound_ns))
