"""An order of the account: what it asks, where it stands, and how it stood at each moment before."""

from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

import msgspec

from kalshi_alpha.model.units import DOLLAR_E4, Side, cost_e6
from kalshi_alpha.sim.exchange.wire import cash_text, count_text, price_text, time_text

if TYPE_CHECKING:
    from kalshi_alpha.sim.exchange.book import Resting

Status = Literal["resting", "canceled", "executed"]
SelfTrade = Literal["taker_at_cross", "maker"]


class OrderState(msgspec.Struct, frozen=True, gc=False):
    """An order at an instant."""

    utc_ns: int
    status: Status
    client_order_id: str
    price_e4: int
    total_e2: int
    filled_e2: int
    remaining_e2: int
    expiration_s: int
    """Unix seconds; 0: none."""
    reason: str
    """The venue's ``last_update_reason``; empty for the account's own cancels."""
    maker_cost_e6: int = 0
    taker_cost_e6: int = 0
    taker_fees_e6: int = 0


class OrderTerms(msgspec.Struct, frozen=True):
    """What never changes in an order."""

    order_id: str
    ticker: str
    event_ticker: str
    side: Side
    subaccount: int
    group_id: str
    post_only: bool
    cancel_order_on_pause: bool
    self_trade: SelfTrade
    created_ns: int


class AccountOrder:
    """One order with its history; the last state is the present one."""

    __slots__ = ("number", "resting", "states", "terms")

    def __init__(self, number: int, terms: OrderTerms, state: OrderState) -> None:
        self.number = number
        self.terms = terms
        self.states = [state]
        self.resting: Resting | None = None

    @property
    def now(self) -> OrderState:
        """Return the present state."""
        return self.states[-1]

    @property
    def reserved_e6(self) -> int:
        """Cash that the rest of the order could cost."""
        state = self.states[-1]
        return int(cost_e6(self.terms.side, state.price_e4, state.remaining_e2))

    def become(self, state: OrderState) -> None:
        """Enter a new state."""
        self.states.append(state)

    def state_at(self, utc_ns: int) -> OrderState | None:
        """Return the state of an earlier instant; None before it existed."""
        if self.states[-1].utc_ns <= utc_ns:
            return self.states[-1]
        place = bisect_right(self.states, utc_ns, key=attrgetter("utc_ns"))
        return self.states[place - 1] if place else None


def direction(side: Side) -> dict[str, object]:
    """Return a side in the venue's four spellings."""
    outcome = "yes" if side == "bid" else "no"
    return {"side": outcome, "action": "buy", "outcome_side": outcome, "book_side": side}


def order_document(order: AccountOrder, state: OrderState, user_id: str) -> dict[str, object]:
    """Return an order as REST reports it."""
    terms = order.terms
    document = _shared(order, state, user_id)
    document["client_order_id"] = state.client_order_id
    document["type"] = "limit"
    document["action"] = "buy"
    document["no_price_dollars"] = price_text(DOLLAR_E4 - state.price_e4)
    document["created_time"] = time_text(terms.created_ns)
    document["last_update_time"] = time_text(state.utc_ns)
    document["cancel_order_on_pause"] = terms.cancel_order_on_pause
    if state.expiration_s:
        document["expiration_time"] = time_text(state.expiration_s * 1_000_000_000)
    return document


def order_message(order: AccountOrder, user_id: str) -> dict[str, object]:
    """Return an order as the stream reports it."""
    terms, state = order.terms, order.now
    document = _shared(order, state, user_id)
    document["is_yes"] = terms.side == "bid"
    document["client_order_id"] = state.client_order_id
    document["created_time"] = time_text(terms.created_ns)
    document["created_ts_ms"] = terms.created_ns // 1_000_000
    document["last_updated_ts_ms"] = state.utc_ns // 1_000_000
    if state.expiration_s:
        document["expiration_ts_ms"] = state.expiration_s * 1_000
    if state.reason:
        document["last_update_reason"] = state.reason
    return document


def _shared(order: AccountOrder, state: OrderState, user_id: str) -> dict[str, object]:
    terms = order.terms
    outcome = "yes" if terms.side == "bid" else "no"
    document: dict[str, object] = {
        "order_id": terms.order_id,
        "user_id": user_id,
        "ticker": terms.ticker,
        "status": state.status,
        "side": outcome,
        "outcome_side": outcome,
        "book_side": terms.side,
        "yes_price_dollars": price_text(state.price_e4),
        "fill_count_fp": count_text(state.filled_e2),
        "remaining_count_fp": count_text(state.remaining_e2),
        "initial_count_fp": count_text(state.total_e2),
        "taker_fill_cost_dollars": cash_text(state.taker_cost_e6),
        "maker_fill_cost_dollars": cash_text(state.maker_cost_e6),
        "taker_fees_dollars": cash_text(state.taker_fees_e6),
        "maker_fees_dollars": "0.000000",
        "self_trade_prevention_type": terms.self_trade,
        "subaccount_number": terms.subaccount,
        "exchange_index": 0,
    }
    if terms.group_id:
        document["order_group_id"] = terms.group_id
    return document
