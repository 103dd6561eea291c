"""Order groups: contracts matched in a rolling 15 seconds, and what that stops."""

from collections import deque
from typing import Final

from kalshi_alpha.model.clock import NS_PER_S

WINDOW_NS: Final = 15 * NS_PER_S
LIMIT_MAX_E2: Final = 100_000_000


class OrderGroup:
    """One group of one subaccount."""

    def __init__(self, group_id: str, subaccount: int, limit_e2: int, created_ns: int) -> None:
        self.group_id = group_id
        self.subaccount = subaccount
        self.limit_e2 = limit_e2
        self.created_ns = created_ns
        self.triggered = False
        self.deleted = False
        self.orders: dict[str, None] = {}
        """Ids of its orders that rest, in order of their arrival."""
        self._matched: deque[tuple[int, int]] = deque()
        self._matched_e2 = 0

    def match(self, count_e2: int, utc_ns: int) -> bool:
        """Count contracts; whether the limit is reached."""
        self._matched.append((utc_ns, count_e2))
        self._matched_e2 += count_e2
        return self.is_exhausted(utc_ns)

    def is_exhausted(self, utc_ns: int) -> bool:
        """Whether the window's contracts reach the limit."""
        while self._matched and self._matched[0][0] <= utc_ns - WINDOW_NS:
            self._matched_e2 -= self._matched.popleft()[1]
        return self._matched_e2 >= self.limit_e2

    def reset(self) -> None:
        """Let orders in again, with a counter of zero."""
        self.triggered = False
        self._matched.clear()
        self._matched_e2 = 0
