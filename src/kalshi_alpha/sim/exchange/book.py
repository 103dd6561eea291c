"""One market's book: price-time priority in YES prices. A bid buys YES, an ask sells it."""

from collections import deque
from typing import Final

from kalshi_alpha.model.units import DOLLAR_E4, Side

TRADERS: Final = -1
"""The owner of everybody else's orders."""


class Resting:
    """An order in a book. ``owner`` is a subaccount, or ``TRADERS``; ``order`` is the number of the account's own order."""

    __slots__ = ("order", "owner", "price_e4", "remaining_e2", "side")

    def __init__(self, side: Side, price_e4: int, remaining_e2: int, owner: int = TRADERS, order: int = 0) -> None:
        self.side: Side = side
        self.price_e4 = price_e4
        self.remaining_e2 = remaining_e2
        self.owner = owner
        self.order = order


class Level:
    """All orders at one price, the oldest first."""

    __slots__ = ("queue", "total_e2")

    def __init__(self) -> None:
        self.queue: deque[Resting] = deque()
        self.total_e2 = 0


class MatchingBook:
    """Levels of both sides; ``best_bid_e4`` is 0 and ``best_ask_e4`` 10000 where a side is empty."""

    __slots__ = ("asks", "best_ask_e4", "best_bid_e4", "bids")

    def __init__(self) -> None:
        self.bids: dict[int, Level] = {}
        self.asks: dict[int, Level] = {}
        self.best_bid_e4 = 0
        self.best_ask_e4 = DOLLAR_E4

    def crosses(self, side: Side, price_e4: int) -> bool:
        """Whether an order at this price would trade at once."""
        return self.best_ask_e4 <= price_e4 if side == "bid" else self.best_bid_e4 >= price_e4

    def front(self, side: Side) -> Resting | None:
        """Return the order that an order of ``side`` would meet first."""
        if side == "bid":
            return self.asks[self.best_ask_e4].queue[0] if self.asks else None
        return self.bids[self.best_bid_e4].queue[0] if self.bids else None

    def available_e2(self, side: Side, price_e4: int) -> int:
        """Return what an order of ``side`` could take at ``price_e4`` or better."""
        if side == "bid":
            return sum(level.total_e2 for price, level in self.asks.items() if price <= price_e4)
        return sum(level.total_e2 for price, level in self.bids.items() if price >= price_e4)

    def add(self, resting: Resting) -> None:
        """Put an order at the end of its level's queue."""
        levels = self.bids if resting.side == "bid" else self.asks
        level = levels.get(resting.price_e4)
        if level is None:
            level = levels[resting.price_e4] = Level()
            if resting.side == "bid":
                self.best_bid_e4 = max(self.best_bid_e4, resting.price_e4)
            else:
                self.best_ask_e4 = min(self.best_ask_e4, resting.price_e4)
        level.queue.append(resting)
        level.total_e2 += resting.remaining_e2

    def reduce(self, resting: Resting, by_e2: int) -> None:
        """Take contracts off an order, which keeps its place; without any left it leaves the book."""
        levels = self.bids if resting.side == "bid" else self.asks
        level = levels[resting.price_e4]
        level.total_e2 -= by_e2
        resting.remaining_e2 -= by_e2
        assert resting.remaining_e2 >= 0
        if resting.remaining_e2:
            return
        if level.queue[0] is resting:
            level.queue.popleft()
        else:
            level.queue.remove(resting)
        if not level.queue:
            del levels[resting.price_e4]
            if resting.side == "bid":
                self.best_bid_e4 = max(self.bids, default=0)
            else:
                self.best_ask_e4 = min(self.asks, default=DOLLAR_E4)

    def ahead_e2(self, resting: Resting) -> int:
        """Return the contracts in front of an order at its own price."""
        ahead_e2 = 0
        for other in (self.bids if resting.side == "bid" else self.asks)[resting.price_e4].queue:
            if other is resting:
                break
            ahead_e2 += other.remaining_e2
        return ahead_e2

    def best_size_e2(self, side: Side) -> int:
        """Return the contracts at the best price of a side, 0 if it is empty."""
        if side == "bid":
            return self.bids[self.best_bid_e4].total_e2 if self.bids else 0
        return self.asks[self.best_ask_e4].total_e2 if self.asks else 0
