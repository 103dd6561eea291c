"""Virtual time: one heap of things to do, in order of their instant, then of their making."""

from collections.abc import Callable
from heapq import heappop, heappush

Action = Callable[[int], None]


class Timeline:
    """A deterministic queue; it holds no clock, its user moves from instant to instant."""

    __slots__ = ("_heap", "_number")

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[int, int, Action]] = []
        self._number = 0

    def at(self, utc_ns: int, action: Action) -> None:
        """Do something at an instant (UTC ns)."""
        self._number += 1
        heappush(self._heap, (utc_ns, self._number, action))

    def next_ns(self) -> int | None:
        """Return the instant of the first thing to do, if there is one."""
        return self._heap[0][0] if self._heap else None

    def run_due(self, utc_ns: int) -> None:
        """Do everything whose instant has come, in order; what that adds counts, too."""
        heap = self._heap
        while heap and heap[0][0] <= utc_ns:
            at_ns, _, action = heappop(heap)
            action(at_ns)
