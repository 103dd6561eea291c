"""An order of ours: its identity, what it asks for, and where it stands."""

from typing import Literal

import msgspec

from kalshi_alpha.model.instruments import Series
from kalshi_alpha.model.units import Side

OrderStatus = Literal["intended", "sent", "resting", "unknown", "cancelling", "done"]
"""``intended``: durable, not sent. ``sent``: on the wire. ``unknown``: sent, outcome lost, counts as resting."""


class QuoteInputs(msgspec.Struct, frozen=True):
    """Everything one quote's price came from: enough to recompute its fair value and its EV."""

    symbol: str
    level: float
    """Index points."""
    event_ms: int
    """When the feed says the level was true, Unix ms."""
    leg: str
    quoted_ns: int
    """UTC nanoseconds of the decision."""
    target_ns: int
    variance: float
    """Total log-return variance to the target that was used."""
    lo_e2: int | None
    hi_e2: int | None
    best_bid_e4: int
    """0 when the side is empty."""
    best_ask_e4: int
    """10000 when the side is empty."""
    fair_p: float
    ev_e6: int
    """Expected value of a full fill after fees, 1e-6 dollars."""
    params_hash: str


class OrderIntent(msgspec.Struct, frozen=True):
    """An order we want at the venue, complete with its backstops."""

    client_order_id: str
    ticker: str
    event_ticker: str
    series: Series
    window: str
    side: Side
    price_e4: int
    count_e2: int
    expiration_s: int
    """Unix seconds at which the venue drops the order by itself."""
    group_id: str
    exchange_index: int
    subaccount: int
    inputs: QuoteInputs


class Order(msgspec.Struct):
    """What we know of one order. The one mutable struct: it is owned by OutstandingOrdersState."""

    intent: OrderIntent
    status: OrderStatus
    order_id: str = ""
    remaining_e2: int = 0
    filled_e2: int = 0
    changed_ns: int = 0
    """UTC nanoseconds of the last change."""
    expiration_s: int = 0
    """The latest expiry the venue may hold for it: an amendment can raise it."""
    unknown_reason: str = ""


class VenueOrder(msgspec.Struct, frozen=True):
    """An order as the venue reports it."""

    order_id: str
    client_order_id: str
    ticker: str
    side: Side
    price_e4: int
    remaining_e2: int
    filled_e2: int
    status: Literal["resting", "canceled", "executed", "unknown"]
    group_id: str = ""
    expiration_s: int = 0
    reason: str = ""
    """The venue's ``last_update_reason``, empty when it gives none."""


class Fill(msgspec.Struct, frozen=True):
    """One trade of ours, as the venue reports it."""

    trade_id: str
    order_id: str
    client_order_id: str
    """Empty where the venue leaves it out (REST)."""
    ticker: str
    side: Side
    price_e4: int
    """Always the YES price."""
    count_e2: int
    fee_e6: int
    is_taker: bool
    ts_ms: int
    post_position_e2: int | None = None
    """Signed position after the fill by the venue's count, when it says so."""


class VenuePosition(msgspec.Struct, frozen=True):
    """The venue's own count of one position; negative: NO contracts."""

    ticker: str
    position_e2: int
