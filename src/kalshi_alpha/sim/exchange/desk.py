"""Matching and everything that happens to an order once it was let in: resting, trading, ending, and what its group makes of it."""

from functools import partial
from typing import Literal, NamedTuple

import msgspec

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.units import DOLLAR_E4, Side
from kalshi_alpha.sim.exchange.accounts import AccountFill
from kalshi_alpha.sim.exchange.audit import Kind, OrderEvent
from kalshi_alpha.sim.exchange.book import TRADERS, Resting
from kalshi_alpha.sim.exchange.catalogue import Listed
from kalshi_alpha.sim.exchange.fees import fill_fee, model_fee_e6
from kalshi_alpha.sim.exchange.groups import OrderGroup
from kalshi_alpha.sim.exchange.orders import AccountOrder
from kalshi_alpha.sim.exchange.venue import Venue

_TRADE_ID = 5


class _Match(NamedTuple):
    """One side of one trade."""

    trade_id: str
    side: Side
    price_e4: int
    count_e2: int
    is_taker: bool


class OrderDesk:
    """Works on the venue's books and orders."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._by_number: dict[int, AccountOrder] = {}

    # Everybody else: no API, no ids

    def quote(self, market: Listed, side: Side, price_e4: int, count_e2: int) -> Resting | None:
        """Enter an order of the other traders: trade what crosses, rest what is left."""
        left_e2 = self.sweep(market, side, price_e4, count_e2)
        if not left_e2 or not self._venue.is_open(market):
            return None
        resting = Resting(side, price_e4, left_e2)
        market.book.add(resting)
        self._venue.book_changed(market, side, price_e4, left_e2, None)
        return resting

    def withdraw(self, market: Listed, resting: Resting) -> None:
        """Take an order of the other traders out."""
        left_e2 = resting.remaining_e2
        if left_e2:
            market.book.reduce(resting, left_e2)
            self._venue.book_changed(market, resting.side, resting.price_e4, -left_e2, None)

    def sweep(self, market: Listed, side: Side, price_e4: int, count_e2: int, taker: AccountOrder | None = None) -> int:
        """Trade against the book down to a limit price and return what is left.

        Meeting an order of the same subaccount ends the taker's order, or the resting one, as the taker asked.
        """
        book = market.book
        if taker is None and not self._venue.is_open(market):
            return count_e2
        while count_e2 and book.crosses(side, price_e4):
            front = book.front(side)
            assert front is not None
            if taker is not None and front.owner == taker.terms.subaccount:
                if taker.terms.self_trade == "taker_at_cross":
                    return 0
                self.cancel(self._by_number[front.order], "SelfTradeCancel")
                continue
            matched_e2 = min(count_e2, front.remaining_e2)
            count_e2 -= matched_e2
            self._trade(market, front, matched_e2, taker)
        return count_e2

    def _trade(self, market: Listed, front: Resting, count_e2: int, taker: AccountOrder | None) -> None:
        venue = self._venue
        price_e4 = front.price_e4
        maker = self._by_number[front.order] if front.owner != TRADERS else None
        market.book.reduce(front, count_e2)
        market.last_e4 = price_e4
        market.volume_e2 += count_e2
        venue.book_changed(market, front.side, price_e4, -count_e2, maker)
        taker_side: Side = "ask" if front.side == "bid" else "bid"
        watched = market.watchers > 0
        trade_id = venue.new_id(_TRADE_ID)[1] if watched or maker is not None or taker is not None else ""
        told_first = watched and ((maker is None and taker is None) or venue.hub.trade_goes_first())
        if told_first:
            venue.hub.traded(market, trade_id, taker_side, price_e4, count_e2, venue.now_ns)
        if maker is None and taker is None:
            return
        self._book_side(market, maker, _Match(trade_id, front.side, price_e4, count_e2, is_taker=False))
        self._book_side(market, taker, _Match(trade_id, taker_side, price_e4, count_e2, is_taker=True))
        if watched and not told_first:
            venue.hub.traded(market, trade_id, taker_side, price_e4, count_e2, venue.now_ns)

    def _book_side(self, market: Listed, order: AccountOrder | None, match: _Match) -> None:
        venue = self._venue
        if order is None:
            venue.traders.trade(market.ticker, match.side, match.price_e4, match.count_e2, 0, venue.now_ns)
            return
        terms = order.terms
        account = venue.account(terms.subaccount)
        fee_e6 = self._fee_e6(market, order, match)
        after_e2 = account.trade(market.ticker, match.side, match.price_e4, match.count_e2, fee_e6, venue.now_ns)
        fill = AccountFill(
            utc_ns=venue.now_ns,
            trade_id=match.trade_id,
            order_id=terms.order_id,
            client_order_id=order.now.client_order_id,
            ticker=terms.ticker,
            side=match.side,
            price_e4=match.price_e4,
            count_e2=match.count_e2,
            fee_e6=fee_e6,
            is_taker=match.is_taker,
            post_position_e2=after_e2,
            subaccount=terms.subaccount,
        )
        account.fills.append(fill)
        self._fill(order, fill)
        self.note("filled", order, fill.count_e2, "taker" if fill.is_taker else "maker", fill.price_e4)
        venue.hub.filled(order, fill)
        venue.hub.position_changed(account, fill)
        group = venue.groups.get(terms.group_id)
        if group is not None and group.match(fill.count_e2, venue.now_ns) and not group.triggered:
            self.trigger(group)

    def _fee_e6(self, market: Listed, order: AccountOrder, match: _Match) -> int:
        """Return what one side of a trade pays, and keep its rounding in the order's accumulator."""
        fee_type, multiplier = self._venue.fee_terms(market.event)
        model_e6 = model_fee_e6(fee_type, multiplier, match.price_e4, match.count_e2, is_taker=match.is_taker)
        account = self._venue.account(order.terms.subaccount)
        revenue_e6 = account.revenue_e6(market.ticker, match.side, match.price_e4, match.count_e2)
        fee = fill_fee(model_e6, revenue_e6, order.overpaid_e6, self._venue.config.fee_grid)
        order.overpaid_e6 = fee.overpaid_e6
        return fee.net_e6

    def _fill(self, order: AccountOrder, fill: AccountFill) -> None:
        venue, before = self._venue, order.now
        cost_e6 = (fill.price_e4 if fill.side == "bid" else DOLLAR_E4 - fill.price_e4) * fill.count_e2
        remaining_e2 = before.remaining_e2 - fill.count_e2
        reserved_e6 = order.reserved_e6
        order.become(
            msgspec.structs.replace(
                before,
                utc_ns=venue.now_ns,
                status="resting" if remaining_e2 else "executed",
                filled_e2=before.filled_e2 + fill.count_e2,
                remaining_e2=remaining_e2,
                reason="Trade",
                maker_cost_e6=before.maker_cost_e6 + (0 if fill.is_taker else cost_e6),
                taker_cost_e6=before.taker_cost_e6 + (cost_e6 if fill.is_taker else 0),
                maker_fees_e6=before.maker_fees_e6 + (0 if fill.is_taker else fill.fee_e6),
                taker_fees_e6=before.taker_fees_e6 + (fill.fee_e6 if fill.is_taker else 0),
            )
        )
        if order.resting is not None:
            venue.account(order.terms.subaccount).reserve(order.reserved_e6 - reserved_e6, venue.now_ns)
        if not remaining_e2:
            self._ended(order)

    # The account's orders

    def rest(self, market: Listed, order: AccountOrder) -> None:
        """Put what is left of an order into the book."""
        state, terms = order.now, order.terms
        resting = Resting(terms.side, state.price_e4, state.remaining_e2, terms.subaccount, order.number)
        order.resting = resting
        self._by_number[order.number] = order
        self._venue.account(terms.subaccount).reserve(order.reserved_e6, self._venue.now_ns)
        market.book.add(resting)
        self._venue.book_changed(market, terms.side, state.price_e4, state.remaining_e2, order)
        group = self._venue.groups.get(terms.group_id)
        if group is not None:
            group.orders[terms.order_id] = None

    def unrest(self, order: AccountOrder) -> None:
        """Take an order out of the book without ending it."""
        resting, venue = order.resting, self._venue
        if resting is None:
            return
        market = venue.catalogue.markets[order.terms.ticker]
        left_e2 = resting.remaining_e2
        venue.account(order.terms.subaccount).reserve(-order.reserved_e6, venue.now_ns)
        order.resting = None
        del self._by_number[order.number]
        if left_e2:
            market.book.reduce(resting, left_e2)
            venue.book_changed(market, resting.side, resting.price_e4, -left_e2, order)

    def reduce(self, order: AccountOrder, by_e2: int, reason: Literal["Decrease", "Amend"]) -> None:
        """Make a resting order smaller; it keeps its place."""
        resting, venue = order.resting, self._venue
        assert resting is not None
        assert 0 < by_e2 < resting.remaining_e2
        state = order.now
        market = venue.catalogue.markets[order.terms.ticker]
        before_e6 = order.reserved_e6
        market.book.reduce(resting, by_e2)
        order.become(
            msgspec.structs.replace(
                state, utc_ns=venue.now_ns, total_e2=state.total_e2 - by_e2, remaining_e2=state.remaining_e2 - by_e2, reason=reason
            )
        )
        venue.account(order.terms.subaccount).reserve(order.reserved_e6 - before_e6, venue.now_ns)
        venue.book_changed(market, resting.side, resting.price_e4, -by_e2, order)

    def cancel(self, order: AccountOrder, reason: str) -> int:
        """End an order and return the contracts that were left."""
        state, venue = order.now, self._venue
        left_e2 = state.remaining_e2
        self.unrest(order)
        order.become(msgspec.structs.replace(state, utc_ns=venue.now_ns, status="canceled", remaining_e2=0, reason=reason))
        self._ended(order)
        self.note("cancelled", order, left_e2, reason)
        venue.hub.order_changed(order)
        return left_e2

    def trigger(self, group: OrderGroup) -> None:
        """Stop a group: nothing of it rests, nothing new gets in."""
        group.triggered = True
        self._venue.hub.group_changed("triggered", group, self._venue.now_ns)
        for order_id in list(group.orders):
            self.cancel(self._venue.orders[order_id], "")

    def expire_at(self, order: AccountOrder, expiration_s: int) -> None:
        """End an order at its expiry, unless that was moved by then."""
        self._venue.at(expiration_s * NS_PER_S, partial(self._expire, order, expiration_s))

    def note(self, kind: Kind, order: AccountOrder, count_e2: int, reason: str = "", price_e4: int = 0) -> None:
        """Write an order's step into the venue's record."""
        terms, state = order.terms, order.now
        self._venue.log.append(
            OrderEvent(
                self._venue.now_ns,
                kind,
                terms.order_id,
                state.client_order_id,
                terms.ticker,
                terms.side,
                price_e4 or state.price_e4,
                count_e2,
                state.remaining_e2,
                state.filled_e2,
                state.expiration_s,
                terms.group_id,
                terms.subaccount,
                terms.post_only,
                terms.cancel_order_on_pause,
                reason,
            )
        )

    def _expire(self, order: AccountOrder, expiration_s: int, _utc_ns: int) -> None:
        if order.now.status == "resting" and order.now.expiration_s == expiration_s:
            self.cancel(order, "ExpiryCancel")

    def _ended(self, order: AccountOrder) -> None:
        """Forget an order that filled whole, or ended."""
        if order.resting is not None and not order.resting.remaining_e2:
            order.resting = None
            del self._by_number[order.number]
        group = self._venue.groups.get(order.terms.group_id)
        if group is not None:
            group.orders.pop(order.terms.order_id, None)
