"""One market's order book in YES prices, with its best prices kept at hand.

A book is dirty until its first snapshot, and again whenever it can't be trusted: changes to a dirty book are ignored, because what they
change is unknown. Counts are hundredths of contracts, prices 1e-4 dollars.
"""

from collections.abc import Iterable

from kalshi_alpha.model.units import DOLLAR_E4, Side


class Book:
    """Levels of both sides. ``best_bid_e4`` is 0 and ``best_ask_e4`` 10000 where a side is empty."""

    __slots__ = ("_asks", "_bids", "best_ask_e4", "best_bid_e4", "dirty")

    def __init__(self) -> None:
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self.best_bid_e4 = 0
        self.best_ask_e4 = DOLLAR_E4
        self.dirty = True

    def snapshot(self, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]) -> None:
        """Replace the whole book. Levels are (price_e4, count_e2), in any order; one without contracts is none."""
        self._bids = {price_e4: count_e2 for price_e4, count_e2 in bids if count_e2 > 0}
        self._asks = {price_e4: count_e2 for price_e4, count_e2 in asks if count_e2 > 0}
        self.best_bid_e4 = max(self._bids, default=0)
        self.best_ask_e4 = min(self._asks, default=DOLLAR_E4)
        self.dirty = False

    def change(self, side: Side, price_e4: int, delta_e2: int) -> None:
        """Add ``delta_e2`` (signed) to one level. A level below zero proves that something was missed: the book turns dirty."""
        if self.dirty:
            return
        levels = self._bids if side == "bid" else self._asks
        count_e2 = levels.get(price_e4, 0) + delta_e2
        if count_e2 > 0:
            levels[price_e4] = count_e2
            if side == "bid":
                self.best_bid_e4 = max(self.best_bid_e4, price_e4)
            else:
                self.best_ask_e4 = min(self.best_ask_e4, price_e4)
        elif count_e2 < 0:
            self.dirty = True
        elif levels.pop(price_e4, None) is not None:
            self._level_gone(side, price_e4)

    def count_e2(self, side: Side, price_e4: int) -> int:
        """Return the contracts at one level, in hundredths."""
        return (self._bids if side == "bid" else self._asks).get(price_e4, 0)

    def best_without_e4(self, side: Side, price_e4: int, count_e2: int) -> int:
        """Return the best price when so many contracts at this price aren't counted: what is left of a book without an order."""
        levels, best_e4 = (self._bids, self.best_bid_e4) if side == "bid" else (self._asks, self.best_ask_e4)
        if price_e4 != best_e4 or levels.get(price_e4, 0) > count_e2:
            return best_e4
        others = (known_e4 for known_e4 in levels if known_e4 != price_e4)
        return max(others, default=0) if side == "bid" else min(others, default=DOLLAR_E4)

    def _level_gone(self, side: Side, price_e4: int) -> None:
        if side == "bid":
            if price_e4 == self.best_bid_e4:
                self.best_bid_e4 = max(self._bids, default=0)
        elif price_e4 == self.best_ask_e4:
            self.best_ask_e4 = min(self._asks, default=DOLLAR_E4)
