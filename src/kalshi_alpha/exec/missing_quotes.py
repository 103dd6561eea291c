"""The quotes that are wanted and don't rest, the one that matters most first."""

from heapq import heapify, heappop, heappush
from typing import Final

from kalshi_alpha.exec.state.orders import Slot

OUTDATED_SHARE: Final = 4
"""The heap is made anew when it holds so many times more than what is missing."""
OUTDATED_LEAST: Final = 64


class MissingQuotes:
    """A priority queue whose entries may change or go at any time; an outdated one is skipped when it comes up."""

    def __init__(self) -> None:
        """Start with nothing missing."""
        self._missing: dict[Slot, tuple[float, str]] = {}
        self._heap: list[tuple[float, Slot]] = []

    def __len__(self) -> int:
        """Count the slots."""
        return len(self._missing)

    def put(self, slot: Slot, value: float, event_ticker: str) -> None:
        """Want a slot's quote, or want it more or less than before."""
        known = self._missing.get(slot)
        self._missing[slot] = (value, event_ticker)
        if known is None or known[0] != value:
            heappush(self._heap, (-value, slot))
            if len(self._heap) > OUTDATED_LEAST + OUTDATED_SHARE * len(self._missing):
                self._heap = [(-kept, slot) for slot, (kept, _) in self._missing.items()]
                heapify(self._heap)

    def drop(self, slot: Slot) -> None:
        """Don't want it any more, if it was wanted."""
        self._missing.pop(slot, None)

    def best_value(self) -> float:
        """Return how much the most valuable quote matters; 0 without any."""
        self._settle()
        return -self._heap[0][0] if self._heap else 0.0

    def take(self) -> tuple[Slot, float, str]:
        """Take the most valuable one out: its slot, its value, its event.

        Raises:
            IndexError: nothing is missing.

        """
        self._settle()
        _, slot = heappop(self._heap)
        return slot, *self._missing.pop(slot)

    def _settle(self) -> None:
        """Drop what is outdated from the top."""
        heap = self._heap
        while heap:
            value, slot = heap[0]
            known = self._missing.get(slot)
            if known is not None and known[0] == -value:
                return
            heappop(heap)
