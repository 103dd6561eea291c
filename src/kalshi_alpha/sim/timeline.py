"""Virtual time: one heap of things to do, in order of their instant, then of their making."""

import heapq
from collections.abc import Callable

Action = Callable[[int], None]


class Timeline:
    """A deterministic queue; it holds no clock, its user moves from instant to instant."""

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[int, int, Action]] = []
        self._number = 0

    def at(self, utc_ns: int, action: Action) -> None:
        """Do something at an instant (UTC ns)."""
        self._number += 1
        heapq.heappush(self._heap, (utc_ns, self._number, action))

    def next_ns(self) -> int | None:
        """Return the instant of the first thing to do, if there is one."""
        return self._heap[0][0] if self._heap else None

    def run_due(self, utc_ns: int) -> bool:
        """Do the first thing if its instant has come; return whether there was one."""
        if not self._heap or self._heap[0][0] > utc_ns:
            return False
        at_ns, _, action = heapq.heappop(self._heap)
        action(at_ns)
        return True
