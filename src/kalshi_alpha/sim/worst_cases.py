"""I4: what could be lost at the venue, worked out from its own record at every order, by trying every settlement.

Nothing here knows how the trading process counts: each level at which a market begins or ceases to pay is tried, each resting order is
filled where that hurts and only there, and what was traded is kept since the event was listed.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from kalshi_alpha.config import RiskConfig
from kalshi_alpha.model.units import DOLLAR_E4, DOLLAR_E6, Side
from kalshi_alpha.sim.exchange.audit import MarketTerms, OrderEvent

_BELOW_ALL: Final = -1


class _Resting(msgspec.Struct):
    ticker: str
    side: Side
    price_e4: int
    remaining_e2: int


class _Books:
    """What rests and what was traded, by event."""

    def __init__(self, terms: Mapping[str, MarketTerms]) -> None:
        self.orders: dict[str, dict[str, _Resting]] = {}
        """Event -> order id -> what is left of it."""
        self._traded: dict[str, dict[str, tuple[int, int]]] = {}
        """Event -> ticker -> (position in hundredths, money that its trades brought in, 1e-6 dollars)."""
        self._terms = terms

    def take(self, event: OrderEvent) -> None:
        """Take a step of the venue's record."""
        event_ticker = self._terms[event.ticker].event_ticker
        resting = self.orders.setdefault(event_ticker, {})
        if event.kind == "filled":
            sign = 1 if event.side == "bid" else -1
            held_e2, money_e6 = self._traded.setdefault(event_ticker, {}).get(event.ticker, (0, 0))
            self._traded[event_ticker][event.ticker] = held_e2 + sign * event.count_e2, money_e6 - sign * event.count_e2 * event.price_e4
        if event.kind == "cancelled" or not event.remaining_e2:
            resting.pop(event.order_id, None)
        elif event.kind == "filled" and event.order_id in resting:
            resting[event.order_id].remaining_e2 = event.remaining_e2
        elif event.kind in {"accepted", "amended", "decreased"}:
            resting[event.order_id] = _Resting(event.ticker, event.side, event.price_e4, event.remaining_e2)

    def worst_e6(self, event_ticker: str, only: str = "") -> int:
        """Return the greatest possible loss of an event, or of one of its markets."""
        traded = {name: held for name, held in self._traded.get(event_ticker, {}).items() if only in {"", name}}
        orders = [order for order in self.orders.get(event_ticker, {}).values() if only in {"", order.ticker}]
        tickers = dict.fromkeys([*traded, *(order.ticker for order in orders)])
        return max(0, -min((self._profit_e6(level_e2, traded, orders) for level_e2 in self._levels(tickers)), default=0))

    def _levels(self, tickers: Mapping[str, None]) -> list[int]:
        """Return a level of each stretch on which every market pays the same."""
        starts = [terms.lo_e2 for name in tickers if (terms := self._terms[name]).lo_e2 is not None]
        behind = [terms.hi_e2 + 1 for name in tickers if (terms := self._terms[name]).hi_e2 is not None]
        return [_BELOW_ALL, *starts, *behind] if tickers else []

    def _profit_e6(self, level_e2: int, traded: Mapping[str, tuple[int, int]], orders: Sequence[_Resting]) -> int:
        profit_e6 = sum(money_e6 + held_e2 * self._pays_e4(name, level_e2) for name, (held_e2, money_e6) in traded.items())
        for order in orders:
            gain_e4 = self._pays_e4(order.ticker, level_e2) - order.price_e4
            profit_e6 += min(0, (gain_e4 if order.side == "bid" else -gain_e4) * order.remaining_e2)
        return profit_e6

    def _pays_e4(self, ticker: str, level_e2: int) -> int:
        terms = self._terms[ticker]
        is_yes = (terms.lo_e2 is None or level_e2 >= terms.lo_e2) and (terms.hi_e2 is None or level_e2 <= terms.hi_e2)
        return DOLLAR_E4 if is_yes else 0


def limits_exceeded(log: Sequence[OrderEvent], terms: Mapping[str, MarketTerms], risk: RiskConfig) -> list[str]:
    """I4: return the orders at whose acceptance a worst case was beyond its limit.

    Events count until they close; sums over events are as if all went wrong together.
    """
    books, worst_e6 = _Books(terms), dict[str, int]()
    close_ns = {one.event_ticker: one.close_ns for one in terms.values()}
    symbol_of = {one.event_ticker: one.symbol for one in terms.values()}
    found: list[str] = []
    for event in log:
        if event.kind == "rejected":
            continue
        books.take(event)
        market = terms[event.ticker]
        worst_e6[market.event_ticker] = books.worst_e6(market.event_ticker)
        if event.kind != "accepted":
            continue
        is_open = {name: symbol_of[name] for name in worst_e6 if close_ns[name] > event.utc_ns}
        family_e6 = sum(worst_e6[name] for name, symbol in is_open.items() if symbol == market.symbol)
        judged = (
            ("strike", books.worst_e6(market.event_ticker, event.ticker), risk.strike_usd),
            ("ladder", worst_e6[market.event_ticker], risk.ladder_usd),
            ("family", family_e6, risk.family_usd),
            ("portfolio", sum(worst_e6[name] for name in is_open), risk.portfolio_usd),
        )
        found += [
            f"I4 {event.client_order_id} {event.ticker}: {loss_e6} at risk, 1e-6 dollars, the {what} may lose {limit_usd} dollars"
            for what, loss_e6, limit_usd in judged
            if loss_e6 > limit_usd * DOLLAR_E6
        ]
    return found
