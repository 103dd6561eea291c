"""An order of the account: what it asks, where it stands, and how it stood at each moment before."""

from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

import msgspec

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.units import DOLLAR_E4, Side, cost_e6
from kalshi_alpha.sim.exchange.wire import cash_text, count_text, price_text, time_text

if TYPE_CHECKING:
    from kalshi_alpha.sim.exchange.book import Resting

Status = Literal["resting", "canceled", "executed"]
SelfTrade = Literal["taker_at_cross", "maker"]
_Text = str | msgspec.UnsetType
"""Left out where there is nothing to say."""
_Shared = tuple[
    str, str, str, Status, str, str, Side, str, str, str, str, str, str, str, str, SelfTrade, int, int, str, str, _Text
]  # fmt: skip
"""The fields of an ``OrderReport``, in their order."""


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
    maker_fees_e6: int = 0
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

    __slots__ = ("now", "number", "overpaid_e6", "resting", "states", "terms")

    def __init__(self, number: int, terms: OrderTerms, state: OrderState) -> None:
        self.number = number
        self.terms = terms
        self.now = state
        """The present state."""
        self.states = [state]
        self.overpaid_e6 = 0
        """What the rounding of its fees has taken so far and not given back, 1e-6 dollars."""
        self.resting: Resting | None = None

    @property
    def reserved_e6(self) -> int:
        """Cash that the rest of the order could cost."""
        state = self.now
        return cost_e6(self.terms.side, state.price_e4, state.remaining_e2)

    def become(self, state: OrderState) -> None:
        """Enter a new state."""
        self.now = state
        self.states.append(state)

    def state_at(self, utc_ns: int) -> OrderState | None:
        """Return the state of an earlier instant; None before it existed."""
        if self.now.utc_ns <= utc_ns:
            return self.now
        place = bisect_right(self.states, utc_ns, key=attrgetter("utc_ns"))
        return self.states[place - 1] if place else None


class OrderReport(msgspec.Struct):
    """What REST and the stream both tell of an order."""

    order_id: str
    user_id: str
    ticker: str
    status: Status
    side: str
    outcome_side: str
    book_side: Side
    yes_price_dollars: str
    fill_count_fp: str
    remaining_count_fp: str
    initial_count_fp: str
    taker_fill_cost_dollars: str
    maker_fill_cost_dollars: str
    taker_fees_dollars: str
    maker_fees_dollars: str
    self_trade_prevention_type: SelfTrade
    subaccount_number: int
    exchange_index: int
    client_order_id: str
    created_time: str
    order_group_id: _Text


class OrderDocument(OrderReport):
    """An order as REST reports it."""

    type: str
    action: str
    no_price_dollars: str
    last_update_time: str
    cancel_order_on_pause: bool
    expiration_time: _Text


class OrderMessage(OrderReport):
    """An order as the stream reports it."""

    is_yes: bool
    created_ts_ms: int
    last_updated_ts_ms: int
    expiration_ts_ms: int | msgspec.UnsetType
    last_update_reason: _Text


def direction(side: Side) -> dict[str, object]:
    """Return a side in the venue's four spellings."""
    outcome = "yes" if side == "bid" else "no"
    return {"side": outcome, "action": "buy", "outcome_side": outcome, "book_side": side}


def order_document(order: AccountOrder, state: OrderState, user_id: str) -> OrderDocument:
    """Return an order as REST reports it."""
    terms = order.terms
    return OrderDocument(
        *_shared(terms, state, user_id),
        type="limit",
        action="buy",
        no_price_dollars=price_text(DOLLAR_E4 - state.price_e4),
        last_update_time=time_text(state.utc_ns),
        cancel_order_on_pause=terms.cancel_order_on_pause,
        expiration_time=time_text(state.expiration_s * NS_PER_S) if state.expiration_s else msgspec.UNSET,
    )


def order_message(order: AccountOrder, user_id: str) -> OrderMessage:
    """Return an order as the stream reports it."""
    terms, state = order.terms, order.now
    return OrderMessage(
        *_shared(terms, state, user_id),
        is_yes=terms.side == "bid",
        created_ts_ms=terms.created_ns // NS_PER_MS,
        last_updated_ts_ms=state.utc_ns // NS_PER_MS,
        expiration_ts_ms=state.expiration_s * 1_000 if state.expiration_s else msgspec.UNSET,
        last_update_reason=state.reason or msgspec.UNSET,
    )


def _shared(terms: OrderTerms, state: OrderState, user_id: str) -> _Shared:
    outcome = "yes" if terms.side == "bid" else "no"
    return (
        terms.order_id,
        user_id,
        terms.ticker,
        state.status,
        outcome,
        outcome,
        terms.side,
        price_text(state.price_e4),
        count_text(state.filled_e2),
        count_text(state.remaining_e2),
        count_text(state.total_e2),
        cash_text(state.taker_cost_e6),
        cash_text(state.maker_cost_e6),
        cash_text(state.taker_fees_e6),
        cash_text(state.maker_fees_e6),
        terms.self_trade,
        terms.subaccount,
        0,
        state.client_order_id,
        time_text(terms.created_ns),
        terms.group_id or msgspec.UNSET,
    )
