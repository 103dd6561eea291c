"""What an account can do with orders (V2): create, cancel, amend, decrease, cancel all. Each refusal leaves everything as it was."""

from random import Random
from typing import Final

import msgspec

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.units import cost_e6
from kalshi_alpha.sim.exchange.audit import OrderEvent
from kalshi_alpha.sim.exchange.catalogue import Listed
from kalshi_alpha.sim.exchange.desk import OrderDesk
from kalshi_alpha.sim.exchange.errors import Refusal, not_found
from kalshi_alpha.sim.exchange.order_bodies import (
    AmendBody,
    CreateBody,
    DecreaseBody,
    check_client_id,
    read_count_e2,
    read_price_e4,
)
from kalshi_alpha.sim.exchange.orders import AccountOrder, OrderState, OrderTerms
from kalshi_alpha.sim.exchange.venue import SUBACCOUNT_MAX, Venue
from kalshi_alpha.sim.exchange.wire import count_text, price_text

CANCEL_ALL_TAIL_NS: Final = 60 * NS_PER_S
_TAIL_DELAY_MS: Final = 1_000
_ORDER_ID: Final = 3


class OrderEntry:
    """The account's way to the desk."""

    def __init__(self, venue: Venue, desk: OrderDesk) -> None:
        self._venue = venue
        self._desk = desk
        self._random = Random(f"{venue.seed}/tail")

    def create(self, body: CreateBody) -> dict[str, object]:
        """Accept an order and match it.

        Raises:
            Refusal: the order isn't accepted.

        """
        try:
            return self._create(body)
        except Refusal as refusal:
            self._note_rejected(body, refusal)
            raise

    def _create(self, body: CreateBody) -> dict[str, object]:
        venue = self._venue
        market = self._tradable_market(body.ticker)
        price_e4, count_e2 = read_price_e4(body.price), read_count_e2(body.count)
        self._check_terms(body)
        self._check_group(body)
        crosses = market.book.crosses(body.side, price_e4)
        if body.post_only and crosses and venue.config.post_only_cross == "reject":
            raise Refusal(400, "invalid_order", "post only cross")
        if body.reduce_only:
            count_e2 = self._reducible_e2(body, count_e2)
        self._check_funds(body, price_e4, count_e2)
        order = self._accept(market, body, price_e4, count_e2)
        if body.post_only and crosses:
            self._desk.cancel(order, "PostOnlyCrossCancel")
            return self._answer(order)
        self._match(market, order, body.time_in_force)
        self._tail(order)
        return self._answer(order)

    def cancel(self, order_id: str, subaccount: int) -> dict[str, object]:
        """Cancel an order.

        Raises:
            Refusal: it doesn't rest, or its market is closed.

        """
        order = self._resting(order_id, subaccount)
        reduced_e2 = self._desk.cancel(order, "")
        answer: dict[str, object] = {"order_id": order_id, "reduced_by": count_text(reduced_e2), "ts_ms": self._now_ms()}
        return _named(answer, order)

    def cancel_all(self, subaccount: int | None) -> None:
        """Cancel every order of a subaccount, or of all; whatever is placed within the next minute may go too.

        Raises:
            Refusal: the exchange is paused.

        """
        venue = self._venue
        self._check_exchange()
        for owner in range(SUBACCOUNT_MAX + 1) if subaccount is None else (subaccount,):
            venue.cancel_all_ns[owner] = venue.now_ns
        for order in list(venue.live.values()):
            if order.now.status == "resting" and (subaccount is None or order.terms.subaccount == subaccount):
                market = venue.catalogue.markets[order.terms.ticker]
                if venue.now_ns < market.event.close_ns:
                    self._desk.cancel(order, "")

    def amend(self, order_id: str, subaccount: int, body: AmendBody) -> dict[str, object]:
        """Change price, size or expiry. A smaller size or another expiry keeps the place in the queue.

        Raises:
            Refusal: the order doesn't rest, the body describes another order, or the new terms aren't accepted.

        """
        order = self._resting(order_id, subaccount)
        market = self._tradable_market(order.terms.ticker)
        state = order.now
        price_e4, total_e2 = read_price_e4(body.price), read_count_e2(body.count)
        self._check_amendment(order, body, total_e2)
        moved = price_e4 != state.price_e4 or total_e2 > state.total_e2
        if moved and order.terms.post_only and market.book.crosses(order.terms.side, price_e4):
            raise Refusal(400, "invalid_order", "post only cross")
        client_order_id = body.updated_client_order_id or state.client_order_id
        expiration_s = state.expiration_s if body.expiration_time is None else body.expiration_time
        if moved:
            self._check_more_funds(order, price_e4, total_e2 - state.filled_e2)
            self._desk.unrest(order)
        elif total_e2 < state.total_e2:
            self._desk.reduce(order, state.total_e2 - total_e2, "Amend")
        self._venue.client_ids[client_order_id] = order_id
        order.become(
            msgspec.structs.replace(
                order.now,
                utc_ns=self._venue.now_ns,
                client_order_id=client_order_id,
                price_e4=price_e4,
                total_e2=total_e2,
                remaining_e2=total_e2 - state.filled_e2,
                expiration_s=expiration_s,
                reason="Amend",
            )
        )
        if expiration_s and expiration_s != state.expiration_s:
            self._desk.expire_at(order, expiration_s)
        self._desk.note("amended", order, order.now.remaining_e2)
        if moved:
            self._match(market, order, "good_till_canceled")
        else:
            self._venue.hub.order_changed(order)
        return self._answer(order, since=state)

    def decrease(self, order_id: str, subaccount: int, body: DecreaseBody) -> dict[str, object]:
        """Make an order smaller; it keeps its place.

        Raises:
            Refusal: the order doesn't rest, or not exactly one of the two sizes is given.

        """
        order = self._resting(order_id, subaccount)
        if (body.reduce_by is None) == (body.reduce_to is None):
            raise Refusal(400, "invalid_parameters", "exactly one of reduce_by and reduce_to")
        before_e2 = order.now.remaining_e2
        by_e2 = read_count_e2(body.reduce_by) if body.reduce_by is not None else before_e2 - _zero_or_count(body.reduce_to or "")
        if by_e2 <= 0:
            raise Refusal(400, "invalid_order_size", "nothing to reduce")
        if by_e2 >= before_e2:
            self._desk.cancel(order, "Decrease")
        else:
            self._desk.reduce(order, by_e2, "Decrease")
            self._desk.note("decreased", order, by_e2)
            self._venue.hub.order_changed(order)
        answer: dict[str, object] = {"order_id": order_id, "remaining_count": count_text(order.now.remaining_e2), "ts_ms": self._now_ms()}
        return _named(answer, order)

    # Checks

    def _check_exchange(self) -> None:
        if not self._venue.exchange_active:
            raise Refusal(409, "exchange_is_paused")

    def _tradable_market(self, ticker: str) -> Listed:
        self._check_exchange()
        market = self._venue.catalogue.markets.get(ticker)
        if market is None:
            raise Refusal(404, "market_not_found", ticker)
        if not market.event.open_ns <= self._venue.now_ns < market.event.close_ns:
            raise Refusal(400, "market_inactive", ticker)
        if not self._venue.trading_active and self._venue.pause_status == 503:  # noqa: PLR2004 - as the venue once did
            raise Refusal(503, "service_unavailable")
        if market.halted or not self._venue.trading_active:
            raise Refusal(409, "trading_is_paused")
        if market.inactive:
            raise Refusal(400, "market_inactive", ticker)
        return market

    def _resting(self, order_id: str, subaccount: int) -> AccountOrder:
        self._check_exchange()
        order = self._venue.orders.get(order_id)
        if order is None or order.terms.subaccount != subaccount:
            raise not_found(what="order")
        if self._venue.now_ns >= self._venue.catalogue.markets[order.terms.ticker].event.close_ns:
            raise Refusal(400, "market_inactive", order.terms.ticker)
        if order.now.status != "resting":
            raise not_found(what="order")
        return order

    def _check_terms(self, body: CreateBody) -> None:
        check_client_id(body.client_order_id)
        if body.client_order_id in self._venue.client_ids:
            raise Refusal(409, "order_already_exists")
        if not 0 <= body.subaccount <= SUBACCOUNT_MAX:
            raise Refusal(400, "invalid_parameters", "subaccount")
        rests = body.time_in_force == "good_till_canceled"
        if body.expiration_time is not None:
            if not rests:
                raise Refusal(400, "invalid_parameters", "expiration_time needs good_till_canceled")
            self._check_expiration(body.expiration_time)
        if body.reduce_only and rests:
            raise Refusal(400, "invalid_order", "reduce_only can only be used with IoC or FoK orders")
        if body.post_only and not rests:
            raise Refusal(400, "invalid_order", "post_only needs good_till_canceled")

    def _check_expiration(self, expiration_s: int) -> None:
        if expiration_s * NS_PER_S <= self._venue.now_ns:
            raise Refusal(400, "invalid_parameters", "Expiration timestamp must be in the future")

    def _check_group(self, body: CreateBody) -> None:
        if not body.order_group_id:
            return
        group = self._venue.groups.get(body.order_group_id)
        if group is None or group.deleted or group.subaccount != body.subaccount:
            raise Refusal(404, "order_group_not_found")
        if group.triggered:
            raise Refusal(400, "exceeded_order_group_risk_limit")

    def _reducible_e2(self, body: CreateBody, count_e2: int) -> int:
        held_e2 = self._venue.account(body.subaccount).position_e2(body.ticker)
        opposite_e2 = -held_e2 if body.side == "bid" else held_e2
        if opposite_e2 <= 0:
            raise Refusal(400, "invalid_order", "reduce_only without a position to reduce")
        return min(count_e2, opposite_e2)

    def _check_funds(self, body: CreateBody, price_e4: int, count_e2: int) -> None:
        account = self._venue.account(body.subaccount)
        held_e2 = account.position_e2(body.ticker)
        closing_e2 = min(count_e2, max(0, -held_e2 if body.side == "bid" else held_e2))
        if cost_e6(body.side, price_e4, count_e2 - closing_e2) > max(0, account.available_e6):
            raise Refusal(400, "insufficient_balance")

    def _check_more_funds(self, order: AccountOrder, price_e4: int, remaining_e2: int) -> None:
        account = self._venue.account(order.terms.subaccount)
        if cost_e6(order.terms.side, price_e4, remaining_e2) - order.reserved_e6 > max(0, account.available_e6):
            raise Refusal(400, "insufficient_balance")

    def _check_amendment(self, order: AccountOrder, body: AmendBody, total_e2: int) -> None:
        if body.ticker != order.terms.ticker:
            raise Refusal(400, "order_ticker_mismatch")
        if body.side != order.terms.side:
            raise Refusal(400, "order_side_mismatch")
        if body.client_order_id and body.client_order_id != order.now.client_order_id:
            raise Refusal(400, "order_id_and_client_order_id_mismatch")
        check_client_id(body.updated_client_order_id)
        if self._venue.client_ids.get(body.updated_client_order_id, order.terms.order_id) != order.terms.order_id:
            raise Refusal(409, "order_already_exists")
        if total_e2 <= order.now.filled_e2:
            raise Refusal(400, "invalid_order_size", "the total is filled already")
        if body.expiration_time:
            self._check_expiration(body.expiration_time)

    # Steps

    def _accept(self, market: Listed, body: CreateBody, price_e4: int, count_e2: int) -> AccountOrder:
        venue = self._venue
        number, order_id = venue.new_id(_ORDER_ID)
        client_order_id = body.client_order_id or order_id
        terms = OrderTerms(
            order_id,
            market.ticker,
            market.event.ticker,
            body.side,
            body.subaccount,
            body.order_group_id,
            body.post_only,
            body.cancel_order_on_pause,
            body.self_trade_prevention_type,
            venue.now_ns,
        )
        state = OrderState(venue.now_ns, "resting", client_order_id, price_e4, count_e2, 0, count_e2, body.expiration_time or 0, "")
        order = AccountOrder(number, terms, state)
        venue.orders[order_id] = venue.live[order_id] = order
        venue.client_ids[client_order_id] = order_id
        self._desk.note("accepted", order, count_e2)
        return order

    def _match(self, market: Listed, order: AccountOrder, time_in_force: str) -> None:
        """Trade what crosses; rest, or end, what is left."""
        desk, state = self._desk, order.now
        kills = time_in_force == "fill_or_kill" and market.book.available_e2(order.terms.side, state.price_e4) < state.remaining_e2
        left_e2 = 0 if kills else desk.sweep(market, order.terms.side, state.price_e4, state.remaining_e2, order)
        if not order.now.remaining_e2:
            return
        if kills:
            desk.cancel(order, "")
        elif not left_e2:
            desk.cancel(order, "SelfTradeCancel")
        elif time_in_force != "good_till_canceled" or self._group_stopped(order):
            desk.cancel(order, "")
        else:
            desk.rest(market, order)
            if state.expiration_s:
                desk.expire_at(order, state.expiration_s)
            self._venue.hub.order_changed(order)

    def _group_stopped(self, order: AccountOrder) -> bool:
        group = self._venue.groups.get(order.terms.group_id)
        return group is not None and group.triggered

    def _tail(self, order: AccountOrder) -> None:
        """Let an earlier cancel-all catch a new order, perhaps."""
        venue = self._venue
        since_ns = venue.cancel_all_ns.get(order.terms.subaccount)
        if since_ns is None or venue.now_ns >= since_ns + CANCEL_ALL_TAIL_NS or self._random.random() >= venue.config.cancel_all_tail_p:
            return

        def caught(_utc_ns: int) -> None:
            if order.now.status == "resting":
                self._desk.cancel(order, "")

        venue.at(venue.now_ns + (1 + self._random.randrange(_TAIL_DELAY_MS)) * NS_PER_MS, caught)

    # Answers

    def _now_ms(self) -> int:
        return self._venue.now_ns // NS_PER_MS

    def _answer(self, order: AccountOrder, since: OrderState | None = None) -> dict[str, object]:
        state = order.now
        filled_e2 = state.filled_e2 - (since.filled_e2 if since else 0)
        fees_e6 = state.taker_fees_e6 - (since.taker_fees_e6 if since else 0)
        answer: dict[str, object] = {
            "order_id": order.terms.order_id,
            "fill_count": count_text(filled_e2),
            "remaining_count": count_text(state.remaining_e2),
            "ts_ms": self._now_ms(),
        }
        if filled_e2:
            paid_e6 = state.taker_cost_e6 - (since.taker_cost_e6 if since else 0)
            average_e4 = (2 * paid_e6 + filled_e2) // (2 * filled_e2)
            answer["average_fill_price"] = price_text(average_e4 if order.terms.side == "bid" else 10_000 - average_e4)
            answer["average_fee_paid"] = price_text(fees_e6 // filled_e2)
        return _named(answer, order)

    def _note_rejected(self, body: CreateBody, refusal: Refusal) -> None:
        self._venue.log.append(
            OrderEvent(
                utc_ns=self._venue.now_ns,
                kind="rejected",
                order_id="",
                client_order_id=body.client_order_id,
                ticker=body.ticker,
                side=body.side,
                price_e4=0,
                count_e2=0,
                remaining_e2=0,
                filled_e2=0,
                expiration_s=body.expiration_time or 0,
                group_id=body.order_group_id,
                subaccount=body.subaccount,
                post_only=body.post_only,
                cancel_order_on_pause=body.cancel_order_on_pause,
                reason=refusal.code,
            )
        )


def _named(answer: dict[str, object], order: AccountOrder) -> dict[str, object]:
    answer["client_order_id"] = order.now.client_order_id
    return answer


def _zero_or_count(text: str) -> int:
    return 0 if text.strip("0.") == "" else read_count_e2(text)
