"""One ladder while its window lives: its books, its wanted quotes, and which slots changed since last looked at."""

import bisect
from typing import Final

from kalshi_alpha.config import QuotingConfig
from kalshi_alpha.data.book import Book
from kalshi_alpha.data.symbol_feed import Sample
from kalshi_alpha.exec.state.orders import Slot
from kalshi_alpha.model.instruments import Ladder, Window
from kalshi_alpha.model.orders import QuoteInputs
from kalshi_alpha.model.units import DOLLAR_E4, Side
from kalshi_alpha.pricing.fees import FeeSchedule
from kalshi_alpha.quoting import LadderQuoter

BAND_MARGIN: Final = 10
"""Rungs subscribed beyond the quoted ones, so that the band moves rarely."""


class QuotedLadder:
    """Books and wanted quotes of one event. A slot is wanted only while quoting is allowed and its book is clean."""

    def __init__(self, ladder: Ladder, window: Window, config: QuotingConfig) -> None:
        """Take a ladder as the venue lists it.

        Raises:
            UnknownFeeError: the venue names a fee we can't price.

        """
        self.ladder = ladder
        self.window = window
        self.fees = FeeSchedule.of(ladder.fee_type, ladder.fee_multiplier)
        self.quoter = LadderQuoter(ladder, config, self.fees)
        self.rung_of = {market.ticker: rung for rung, market in enumerate(ladder.markets)}
        self.books: dict[int, Book] = {}
        self.allowed = False
        self.level: float | None = None
        self.variance = 0.0
        self.dirty: dict[Slot, int] = {}
        self._lowers = [-1.0 if market.lo_e2 is None else market.lo_e2 / 100 for market in ladder.markets]
        self._reach = config.rungs_each_side + BAND_MARGIN
        self._money = -1
        """Where the level was when the band was last looked at."""

    # Books

    def new_band(self, level: float) -> tuple[str, ...]:
        """Return the tickers around the money that have no book yet, and give them one."""
        money = bisect.bisect_right(self._lowers, level)
        if money == self._money:
            return ()
        self._money = money
        low, high = max(0, money - self._reach), min(len(self._lowers), money + self._reach)
        fresh = [rung for rung in range(low, high) if rung not in self.books]
        if 0 < len(fresh) < BAND_MARGIN // 2 and self.books:
            return ()
        for rung in fresh:
            self.books[rung] = Book()
        return tuple(self.ladder.markets[rung].ticker for rung in fresh)

    def book_changed(self, rung: int) -> None:
        """Take over a book's new best prices."""
        book = self.books[rung]
        bid_e4, ask_e4 = (0, DOLLAR_E4) if book.dirty else (book.best_bid_e4, book.best_ask_e4)
        if self.quoter.set_book(rung, bid_e4, ask_e4) or book.dirty:
            self.touch(rung)

    def books_dirtied(self) -> None:
        """Distrust every book until its next snapshot."""
        for rung, book in self.books.items():
            book.dirty = True
            self.touch(rung)

    # Quotes

    def reprice(self, level: float, variance: float, vol_variance: float) -> None:
        """Bring fair values and wanted quotes up to the level and the time left."""
        self.level, self.variance = level, variance
        for rung in self.quoter.reprice(level, variance, vol_variance):
            self.touch(rung)

    def hold(self, rung: int, position_e2: int) -> None:
        """Shift quotes against a position."""
        for changed in self.quoter.set_position(rung, position_e2):
            self.touch(changed)

    def allow(self, *, allowed: bool) -> None:
        """Open or close the whole ladder for quoting."""
        if allowed != self.allowed:
            self.allowed = allowed
            for rung in self.books:
                self.touch(rung)

    def wanted_e4(self, rung: int, side: Side) -> int:
        """Return the price we want to rest at, 0 for none."""
        book = self.books.get(rung)
        if not self.allowed or book is None or book.dirty:
            return 0
        return self.quoter.bid_e4[rung] if side == "bid" else self.quoter.ask_e4[rung]

    def value(self, rung: int) -> float:
        """Return how much a quote here matters: the variance of its payoff, which is what gets traded."""
        fair = self.quoter.fair_p[rung]
        return fair * (1.0 - fair)

    def touch(self, rung: int) -> None:
        """Have both slots of a rung looked at again."""
        ticker = self.ladder.markets[rung].ticker
        self.dirty[(ticker, "bid")] = rung
        self.dirty[(ticker, "ask")] = rung


def quote_inputs(quoted: QuotedLadder, rung: int, side: Side, sample: Sample, now_utc_ns: int, params_hash: str) -> QuoteInputs:
    """Return everything one quote's price came from."""
    market, book = quoted.ladder.markets[rung], quoted.books[rung]
    return QuoteInputs(
        symbol=quoted.ladder.symbol,
        level=sample.level if quoted.level is None else quoted.level,
        event_ms=sample.event_ms,
        leg=sample.leg,
        quoted_ns=now_utc_ns,
        target_ns=quoted.window.target_ns,
        variance=quoted.variance,
        lo_e2=market.lo_e2,
        hi_e2=market.hi_e2,
        best_bid_e4=book.best_bid_e4,
        best_ask_e4=book.best_ask_e4,
        fair_p=quoted.quoter.fair_p[rung],
        ev_e6=quoted.quoter.ev_e6(rung, side),
        params_hash=params_hash,
    )
