"""What an account reads of itself. Everything shows the state of ``read_lag`` ago, like the timestamp that says so."""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.units import DOLLAR_E4, DOLLAR_E6
from kalshi_alpha.sim.exchange.accounts import Account, AccountFill, AccountSettlement, Position
from kalshi_alpha.sim.exchange.config import FaultLike
from kalshi_alpha.sim.exchange.errors import bad_parameter, not_found
from kalshi_alpha.sim.exchange.legacy import legacy_event_position, legacy_fill, legacy_order, legacy_position, legacy_settlement
from kalshi_alpha.sim.exchange.limits import DEFAULT_COST, ENDPOINT_COSTS
from kalshi_alpha.sim.exchange.orders import AccountOrder, OrderDocument, OrderState, direction, order_document
from kalshi_alpha.sim.exchange.query import Query
from kalshi_alpha.sim.exchange.venue import SUBACCOUNT_MAX, Venue
from kalshi_alpha.sim.exchange.wire import cash_text, cash_text_e4, cents, count_text, price_text, time_text

Answer = dict[str, object]
_PAGE: Final = 100
_PAGE_MAX: Final = 1_000
_ORDER_STATUSES: Final = ("", "resting", "canceled", "executed")


class _Held(NamedTuple):
    ticker: str
    event_ticker: str
    position: Position


class PortfolioReads:
    """Answers the reads of one account."""

    def __init__(self, venue: Venue, faults: Sequence[FaultLike]) -> None:
        self._venue = venue
        self._off = [fault for fault in faults if fault.kind == "balance_off"]
        # What never changes is written once: the account reads the same fills and positions again and again.
        self._fill_texts: dict[tuple[str, str], msgspec.Raw] = {}
        self._position_texts: dict[tuple[int, str], tuple[Position, msgspec.Raw]] = {}

    def routes(self) -> dict[tuple[str, ...], Callable[[Query], Answer]]:
        """Return what answers a path, by its words."""
        return {
            ("portfolio", "balance"): self._balance,
            ("portfolio", "positions"): self._positions,
            ("portfolio", "fills"): self._fills,
            ("portfolio", "settlements"): self._settlements,
            ("portfolio", "orders"): self._orders,
            ("portfolio", "orders", "queue_positions"): self._queue_positions,
            ("portfolio", "summary", "total_resting_order_value"): self._resting_value,
            ("portfolio", "deposits"): lambda _query: {"deposits": [], "cursor": ""},
            ("portfolio", "withdrawals"): lambda _query: {"withdrawals": [], "cursor": ""},
            ("portfolio", "subaccounts", "balances"): self._subaccount_balances,
            ("account", "limits"): lambda _query: self._venue.limits.document(),
            ("account", "endpoint_costs"): lambda _query: {"default_cost": DEFAULT_COST, "endpoint_costs": ENDPOINT_COSTS},
        }

    def order(self, order_id: str) -> Answer:
        """Return one order.

        Raises:
            Refusal: it doesn't exist, or didn't when the read's state was taken.

        """
        order = self._venue.orders.get(order_id)
        state = order.state_at(self._as_of_ns) if order else None
        if order is None or state is None:
            raise not_found(what="order")
        return {"order": self._order_document(order, state)}

    def queue_position(self, order_id: str) -> Answer:
        """Return how many contracts stand before an order at its price.

        Raises:
            Refusal: it doesn't rest.

        """
        order = self._venue.orders.get(order_id)
        if order is None or order.resting is None:
            raise not_found(what="order")
        return {"queue_position_fp": count_text(self._ahead_e2(order)), "queue_position": self._ahead_e2(order) // 100}

    @property
    def _as_of_ns(self) -> int:
        return self._venue.now_ns - self._venue.config.read_lag_ns

    # Money

    def _balance(self, query: Query) -> Answer:
        account, as_of_ns = self._account(query), self._as_of_ns
        off_cents = sum(int(fault.params["cents"]) for fault in self._off if fault.from_ns <= as_of_ns < fault.to_ns)
        balance_e6 = account.balance_at(as_of_ns) + off_cents * DOLLAR_E6 // 100
        value_e6 = 0
        for ticker in account.positions:
            position = account.position_at(ticker, as_of_ns)
            if position is not None and position.position_e2:
                value_e6 += self._value_e6(ticker, position.position_e2)
        return {
            "balance": cents(balance_e6),
            "balance_dollars": cash_text_e4(balance_e6),
            "portfolio_value": cents(value_e6),
            "updated_ts": as_of_ns // NS_PER_S,
            "balance_breakdown": [{"exchange_index": 0, "balance": cash_text_e4(balance_e6)}],
        }

    def _value_e6(self, ticker: str, position_e2: int) -> int:
        """Return what a position is worth at the middle of the book."""
        book = self._venue.catalogue.markets[ticker].book
        middle_e4 = (book.best_bid_e4 + book.best_ask_e4) // 2
        return (middle_e4 if position_e2 > 0 else DOLLAR_E4 - middle_e4) * abs(position_e2)

    def _subaccount_balances(self, _query: Query) -> Answer:
        as_of_ns = self._as_of_ns
        return {
            "subaccount_balances": [
                {
                    "subaccount_number": number,
                    "exchange_index": 0,
                    "balance": cash_text_e4(account.balance_at(as_of_ns)),
                    "updated_ts": as_of_ns // NS_PER_S,
                }
                for number, account in sorted(self._venue.accounts.items())
            ]
        }

    def _resting_value(self, _query: Query) -> Answer:
        value_e6 = sum(account.reserved_e6 for account in self._venue.accounts.values())
        breakdown = [{"exchange_index": 0, "balance": cash_text_e4(value_e6)}]
        return {"total_resting_order_value": cents(value_e6), "resting_order_value_breakdown": breakdown}

    # Positions, fills, settlements

    def _positions(self, query: Query) -> Answer:
        settlement_status = query.text("settlement_status") or "unsettled"
        if settlement_status not in {"unsettled", "settled", "all"}:
            raise bad_parameter(operation="GetPositions", field="SettlementStatus", tag="oneof")
        account = self._account(query)
        settled = (True, False) if settlement_status == "all" else (settlement_status == "settled",)
        held = list(self._held(account, query, settled))
        page, cursor = query.page(held, _PAGE, _PAGE_MAX)
        return {
            "market_positions": [self._position_text(account.subaccount, one) for one in page],
            "event_positions": self._event_positions(held),
            "cursor": cursor,
        }

    def _held(self, account: Account, query: Query, settled: tuple[bool, ...]) -> Iterator[_Held]:
        ticker, event_ticker, as_of_ns = query.text("ticker"), query.text("event_ticker"), self._as_of_ns
        for name in sorted(account.positions):
            position = account.position_at(name, as_of_ns)
            if position is None or position.settled not in settled:
                continue
            event = self._venue.catalogue.markets[name].event
            if ticker in {"", name} and event_ticker in {"", event.ticker}:
                yield _Held(name, event.ticker, position)

    def _position_text(self, subaccount: int, held: _Held) -> msgspec.Raw:
        known = self._position_texts.get((subaccount, held.ticker))
        if known is not None and known[0] is held.position:
            return known[1]
        text = msgspec.Raw(msgspec.json.encode(self._position_document(held)))
        self._position_texts[subaccount, held.ticker] = held.position, text
        return text

    def _position_document(self, held: _Held) -> Answer:
        position = held.position
        document: Answer = {
            "ticker": held.ticker,
            "exchange_index": 0,
            "total_traded_dollars": cash_text(position.traded_e6),
            "position_fp": count_text(position.position_e2),
            "market_exposure_dollars": cash_text(position.cost_e6),
            "realized_pnl_dollars": cash_text(position.realized_e6),
            "fees_paid_dollars": cash_text(position.fees_e6),
            "last_updated_ts": time_text(position.utc_ns),
        }
        return document | legacy_position(position) if self._venue.config.legacy_fields else document

    def _event_positions(self, held: list[_Held]) -> list[Answer]:
        documents: list[Answer] = []
        for event_ticker in dict.fromkeys(one.event_ticker for one in held):
            own = [one.position for one in held if one.event_ticker == event_ticker]
            cost_e6, realized_e6 = sum(one.cost_e6 for one in own), sum(one.realized_e6 for one in own)
            fees_e6, shares_e2 = sum(one.fees_e6 for one in own), sum(abs(one.position_e2) for one in own)
            document: Answer = {
                "event_ticker": event_ticker,
                "total_cost_dollars": cash_text(cost_e6),
                "total_cost_shares_fp": count_text(shares_e2),
                "event_exposure_dollars": cash_text(cost_e6),
                "realized_pnl_dollars": cash_text(realized_e6),
                "fees_paid_dollars": cash_text(fees_e6),
            }
            if self._venue.config.legacy_fields:
                document |= legacy_event_position(cost_e6, shares_e2, realized_e6, fees_e6)
            documents.append(document)
        return documents

    def _fills(self, query: Query) -> Answer:
        tickers, order_id = query.names("ticker"), query.text("order_id")
        first_ns, last_ns = self._span(query)
        found = [
            fill
            for account in self._accounts(query)
            for fill in account.fills_between(first_ns, last_ns)
            if (not tickers or fill.ticker in tickers) and order_id in {"", fill.order_id}
        ]
        found.sort(key=attrgetter("utc_ns"), reverse=True)
        page, cursor = query.page(found, _PAGE, _PAGE_MAX)
        return {"fills": [self._fill_text(fill) for fill in page], "cursor": cursor}

    def _fill_text(self, fill: AccountFill) -> msgspec.Raw:
        text = self._fill_texts.get((fill.order_id, fill.trade_id))
        if text is None:
            text = self._fill_texts[fill.order_id, fill.trade_id] = msgspec.Raw(msgspec.json.encode(self._fill_document(fill)))
        return text

    def _fill_document(self, fill: AccountFill) -> Answer:
        document: Answer = {
            "fill_id": fill.trade_id,
            "trade_id": fill.trade_id,
            "exchange_index": 0,
            "order_id": fill.order_id,
            "ticker": fill.ticker,
            "market_ticker": fill.ticker,
            "count_fp": count_text(fill.count_e2),
            "yes_price_dollars": price_text(fill.price_e4),
            "no_price_dollars": price_text(DOLLAR_E4 - fill.price_e4),
            "is_taker": fill.is_taker,
            "fee_cost": cash_text(fill.fee_e6),
            "created_time": time_text(fill.utc_ns),
            "ts": fill.utc_ns // NS_PER_S,
            "subaccount_number": fill.subaccount,
            **direction(fill.side),
        }
        return document | legacy_fill(fill) if self._venue.config.legacy_fields else document

    def _settlements(self, query: Query) -> Answer:
        ticker, event_ticker = query.text("ticker"), query.text("event_ticker")
        first_ns, last_ns = self._span(query)
        found = [
            one
            for account in self._accounts(query)
            for one in account.settlements
            if first_ns <= one.utc_ns <= last_ns and ticker in {"", one.ticker} and event_ticker in {"", one.event_ticker}
        ]
        found.sort(key=attrgetter("utc_ns"), reverse=True)
        page, cursor = query.page(found, _PAGE, _PAGE_MAX)
        return {"settlements": [self._settlement_document(one) for one in page], "cursor": cursor}

    def _settlement_document(self, one: AccountSettlement) -> Answer:
        yes_e2, no_e2 = max(0, one.position_e2), max(0, -one.position_e2)
        document: Answer = {
            "ticker": one.ticker,
            "exchange_index": 0,
            "event_ticker": one.event_ticker,
            "market_result": one.result,
            "yes_count_fp": count_text(yes_e2),
            "yes_total_cost_dollars": cash_text(one.cost_e6 if yes_e2 else 0),
            "no_count_fp": count_text(no_e2),
            "no_total_cost_dollars": cash_text(one.cost_e6 if no_e2 else 0),
            "revenue": cents(one.revenue_e6),
            "settled_time": time_text(one.utc_ns),
            "fee_cost": cash_text(one.fees_e6),
            "value": 100 if one.result == "yes" else 0,
        }
        return document | legacy_settlement(one) if self._venue.config.legacy_fields else document

    # Orders

    def _orders(self, query: Query) -> Answer:
        status = query.text("status")
        if status not in _ORDER_STATUSES:
            raise bad_parameter(operation="GetOrders", field="Status", tag="oneof")
        ticker, events, subaccount = query.text("ticker"), query.names("event_ticker"), query.number("subaccount")
        first_ns, last_ns = self._span(query)
        found: list[tuple[AccountOrder, OrderState]] = []
        for order in self._recent() if status == "resting" else self._venue.orders.values():
            state, terms = order.state_at(self._as_of_ns), order.terms
            if (
                state is not None
                and status in {"", state.status}
                and ticker in {"", terms.ticker}
                and (not events or terms.event_ticker in events)
                and subaccount in {None, terms.subaccount}
                and first_ns <= terms.created_ns <= last_ns
            ):
                found.append((order, state))
        found.reverse()
        page, cursor = query.page(found, _PAGE, _PAGE_MAX)
        return {"orders": [self._order_document(order, state) for order, state in page], "cursor": cursor}

    def _recent(self) -> list[AccountOrder]:
        """Return the orders that may have rested when the read's state was taken."""
        live, as_of_ns = self._venue.live, self._as_of_ns
        for order_id in [name for name, order in live.items() if order.now.status != "resting" and order.now.utc_ns <= as_of_ns]:
            del live[order_id]
        return list(live.values())

    def _order_document(self, order: AccountOrder, state: OrderState) -> OrderDocument | Answer:
        document = order_document(order, state, self._venue.user_id)
        return msgspec.to_builtins(document) | legacy_order(order, state) if self._venue.config.legacy_fields else document

    def _queue_positions(self, query: Query) -> Answer:
        tickers, event_ticker = query.names("market_tickers"), query.text("event_ticker")
        subaccount = query.number("subaccount") or 0
        return {
            "queue_positions": [
                {
                    "order_id": order.terms.order_id,
                    "market_ticker": order.terms.ticker,
                    "queue_position_fp": count_text(self._ahead_e2(order)),
                    "queue_position": self._ahead_e2(order) // 100,
                }
                for order in self._venue.live.values()
                if order.resting is not None
                and order.terms.subaccount == subaccount
                and (order.terms.ticker in tickers or order.terms.event_ticker == event_ticker)
            ]
        }

    def _ahead_e2(self, order: AccountOrder) -> int:
        assert order.resting is not None
        return self._venue.catalogue.markets[order.terms.ticker].book.ahead_e2(order.resting)

    # Whose, and when

    def _account(self, query: Query) -> Account:
        """Return the subaccount; left out, the primary one."""
        number = query.number("subaccount") or 0
        if not 0 <= number <= SUBACCOUNT_MAX:
            raise bad_parameter(operation="Portfolio", field="Subaccount", tag="lte")
        return self._venue.account(number)

    def _accounts(self, query: Query) -> list[Account]:
        """Return the subaccount; left out, all of them."""
        return list(self._venue.accounts.values()) if query.number("subaccount") is None else [self._account(query)]

    def _span(self, query: Query) -> tuple[int, int]:
        """Return the first and the last instant that were asked for, none of them after the read's state."""
        low_s, high_s = query.number("min_ts"), query.number("max_ts")
        last_ns = self._as_of_ns if high_s is None else min(self._as_of_ns, high_s * NS_PER_S)
        return (low_s or 0) * NS_PER_S, last_ns
