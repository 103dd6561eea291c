"""The other traders of one event: a market maker around the true fair value, takers without a reason, and takers who know more.

They act from some minutes before the close until it, on the rungs nearest the money, and use the desk directly. The maker looks at the
index once a second and moves the few quotes that are furthest off; the informed know the index a moment ahead and take what is priced
wrong.
"""

import math
from bisect import bisect_left
from random import Random
from typing import TYPE_CHECKING, Final

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.units import Side
from kalshi_alpha.sim.exchange.catalogue import Listed, ListedEvent
from kalshi_alpha.sim.exchange.desk import OrderDesk
from kalshi_alpha.sim.exchange.venue import Timer, Venue

if TYPE_CHECKING:
    from kalshi_alpha.sim.exchange.book import Resting

_CENT_E4: Final = 100
_MAKER_STEP_NS: Final = NS_PER_S
_MAKER_LAG_NS: Final = 300 * NS_PER_MS
_MAKER_MOVES: Final = 3
"""Rungs the maker moves in one step."""
_MAKER_TOLERANCE: Final = 0.008
"""How far a fair value may be from the quoted one before the maker moves."""
_MAKER_SIZES_E2: Final = (5_000, 10_000, 20_000, 30_000)
_NOISE_PER_S: Final = 0.4
_NOISE_SIZE_MAX: Final = 25
_NOISE_SPREAD_RUNGS: Final = 4.0
_INFORMED_PER_S: Final = 0.25
_INFORMED_AHEAD_NS: Final = 1_500 * NS_PER_MS
_INFORMED_EDGE: Final = 0.015
_INFORMED_SIZE_MAX: Final = 60
_INFORMED_TRADES: Final = 3
_HALF_CENTI: Final = 0.005
"""Half of a hundredth of a point: settlement rounds to it."""


class _Quote:
    """What the maker shows on one rung."""

    __slots__ = ("ask", "bid", "fair", "half_width")

    def __init__(self, half_width: float) -> None:
        self.bid: Resting | None = None
        self.ask: Resting | None = None
        self.fair = -1.0
        self.half_width = half_width


class LadderTraders:
    """Everybody else in one event."""

    def __init__(self, venue: Venue, desk: OrderDesk, event: ListedEvent) -> None:
        self._venue = venue
        self._desk = desk
        self._event = event
        self._random = Random(f"{venue.seed}/traders/{event.ticker}")
        self._strikes = [_points(market.strike.lo_e2, -math.inf) for market in event.markets]
        self._caps = [_points(None if (hi := market.strike.hi_e2) is None else hi + 1, math.inf) for market in event.markets]
        self._quotes: dict[int, _Quote] = {}
        self._first = 0
        self._last = 0

    def start(self) -> None:
        """Set the first timers."""
        event, venue = self._event, self._venue
        from_ns = max(event.close_ns - venue.config.active_ns, event.open_ns)
        venue.at(from_ns, self._begin)
        venue.at(event.close_ns + venue.config.close_cancel_ns, self._leave)

    def _begin(self, utc_ns: int) -> None:
        if utc_ns < self._event.close_ns:
            self._step(utc_ns)
            self._again(utc_ns + int(self._random.random() * _MAKER_STEP_NS), self._make)
            self._again(self._after(utc_ns, _NOISE_PER_S), self._trade_at_random)
            self._again(self._after(utc_ns, _INFORMED_PER_S), self._trade_informed)

    def _again(self, utc_ns: int, action: Timer) -> None:
        if utc_ns < self._event.close_ns:
            self._venue.at(utc_ns, action)

    def _after(self, utc_ns: int, per_s: float) -> int:
        return utc_ns + max(1, int(-math.log(1.0 - self._random.random()) / per_s * NS_PER_S))

    def _leave(self, _utc_ns: int) -> None:
        for rung in list(self._quotes):
            self._pull(rung)

    # The maker

    def _make(self, utc_ns: int) -> None:
        self._again(utc_ns + _MAKER_STEP_NS, self._make)
        self._step(utc_ns)

    def _step(self, utc_ns: int) -> None:
        if not self._venue.is_open(self._event.markets[0]):
            return
        level = self._venue.path.level(self._event.series.symbol, utc_ns - _MAKER_LAG_NS)
        self._aim(level)
        fairs = self._fairs(level, utc_ns)
        off: list[tuple[float, int]] = []
        quotes = self._quotes
        for rung, fair in enumerate(fairs, self._first):
            quote = quotes.get(rung)
            if quote is None:
                quotes[rung] = quote = _Quote(0.01 * (1.0 + self._random.random()))
                self._requote(rung, quote, fair)
                continue
            bid, ask, away = quote.bid, quote.ask, abs(fair - quote.fair)
            if (bid is not None and not bid.remaining_e2) or (ask is not None and not ask.remaining_e2):
                off.append((-1.0, rung))  # something of it was taken away entirely
            elif away > _MAKER_TOLERANCE:
                off.append((-away, rung))
        off.sort()
        for _, rung in off[:_MAKER_MOVES]:
            self._requote(rung, self._quotes[rung], fairs[rung - self._first])

    def _aim(self, level: float) -> None:
        """Choose the rungs nearest the money and leave the others."""
        count = min(self._venue.config.quoted_rungs, len(self._strikes))
        middle = bisect_left(self._strikes, level)
        first = min(max(0, middle - count // 2), len(self._strikes) - count)
        if first == self._first and self._last == first + count:
            return
        self._first, self._last = first, first + count
        for rung in [rung for rung in self._quotes if not first <= rung < first + count]:
            self._pull(rung)

    def _requote(self, rung: int, quote: _Quote, fair: float) -> None:
        market = self._event.markets[rung]
        bid_e4 = math.floor((fair - quote.half_width) * 100.0) * _CENT_E4
        ask_e4 = math.ceil((fair + quote.half_width) * 100.0) * _CENT_E4
        stale_bid = quote.bid is not None and (quote.bid.price_e4 != bid_e4 or not quote.bid.remaining_e2)
        stale_ask = quote.ask is not None and (quote.ask.price_e4 != ask_e4 or not quote.ask.remaining_e2)
        if stale_bid and quote.bid is not None:
            self._desk.withdraw(market, quote.bid)
            quote.bid = None
        if stale_ask and quote.ask is not None:
            self._desk.withdraw(market, quote.ask)
            quote.ask = None
        if quote.bid is None and bid_e4 >= _CENT_E4:
            quote.bid = self._desk.quote(market, "bid", min(bid_e4, 99 * _CENT_E4), self._size_e2())
        if quote.ask is None and ask_e4 <= 99 * _CENT_E4:
            quote.ask = self._desk.quote(market, "ask", max(ask_e4, _CENT_E4), self._size_e2())
        quote.fair = fair

    def _pull(self, rung: int) -> None:
        quote = self._quotes.pop(rung)
        for resting in (quote.bid, quote.ask):
            if resting is not None:
                self._desk.withdraw(self._event.markets[rung], resting)

    def _size_e2(self) -> int:
        return _MAKER_SIZES_E2[int(self._random.random() * len(_MAKER_SIZES_E2))]

    # The takers

    def _trade_at_random(self, utc_ns: int) -> None:
        self._again(self._after(utc_ns, _NOISE_PER_S), self._trade_at_random)
        draw = self._random
        middle = (self._first + self._last) / 2.0
        away = _NOISE_SPREAD_RUNGS * math.sqrt(-2.0 * math.log(1.0 - draw.random())) * math.cos(2.0 * math.pi * draw.random())
        rung, buys, count_e2 = int(middle + away), draw.random() < 0.5, 100 * (1 + int(draw.random() * _NOISE_SIZE_MAX))  # noqa: PLR2004 - even odds
        if not self._first <= rung < self._last:
            return
        market = self._event.markets[rung]
        if not self._venue.is_open(market):
            return
        book = market.book
        if buys and book.asks:
            self._desk.sweep(market, "bid", book.best_ask_e4, count_e2)
        elif not buys and book.bids:
            self._desk.sweep(market, "ask", book.best_bid_e4, count_e2)

    def _trade_informed(self, utc_ns: int) -> None:
        self._again(self._after(utc_ns, _INFORMED_PER_S), self._trade_informed)
        if self._first == self._last or not self._venue.is_open(self._event.markets[0]):
            return
        ahead_ns = min(utc_ns + _INFORMED_AHEAD_NS, self._event.close_ns)
        fairs = self._fairs(self._venue.path.level(self._event.series.symbol, ahead_ns), ahead_ns)
        traded = 0
        for market, fair in zip(self._event.markets[self._first : self._last], fairs, strict=True):
            book = market.book
            buy_e4, sell_e4 = (fair - _INFORMED_EDGE) * 10_000.0, (fair + _INFORMED_EDGE) * 10_000.0
            if book.asks and book.best_ask_e4 < buy_e4:
                self._take(market, "bid", int(buy_e4))
            elif book.bids and book.best_bid_e4 > sell_e4:
                self._take(market, "ask", math.ceil(sell_e4))
            else:
                continue
            traded += 1
            if traded == _INFORMED_TRADES:
                return

    def _take(self, market: Listed, side: Side, price_e4: int) -> None:
        self._desk.sweep(market, side, price_e4, 100 * (1 + int(self._random.random() * _INFORMED_SIZE_MAX)))

    def _fairs(self, level: float, utc_ns: int) -> list[float]:
        """Return the probability of YES of each rung that is quoted, given the level now."""
        sd = self._venue.path.sd_points(self._event.series.symbol, utc_ns, self._event.close_ns)
        scale = 1.0 / (max(sd, 1e-6) * math.sqrt(2.0))
        erfc = math.erfc
        strikes = self._strikes[self._first : self._last]
        above = [0.5 * erfc((strike - level) * scale) for strike in strikes]
        if not self._event.series.is_range:
            return above
        caps = self._caps[self._first : self._last]
        return [p - 0.5 * erfc((cap - level) * scale) for p, cap in zip(above, caps, strict=True)]


def _points(level_e2: int | None, unbounded: float) -> float:
    """Return the border, in points, between a level that pays and the one before it."""
    return unbounded if level_e2 is None else level_e2 / 100.0 - _HALF_CENTI
