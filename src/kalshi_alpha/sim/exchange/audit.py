"""The venue's own record of the account's orders, for checks that trust no one else's."""

from typing import Literal

import msgspec

from kalshi_alpha.model.units import Side

Kind = Literal["accepted", "rejected", "filled", "cancelled", "amended", "decreased"]


class OrderEvent(msgspec.Struct, frozen=True):
    """One thing that happened to an order, with the order as it stood after it."""

    utc_ns: int
    kind: Kind
    order_id: str
    """Empty for a rejected create."""
    client_order_id: str
    ticker: str
    side: Side
    price_e4: int
    count_e2: int
    """Contracts filled or taken off; for the other kinds what remains."""
    remaining_e2: int
    filled_e2: int
    expiration_s: int
    group_id: str
    subaccount: int
    post_only: bool
    cancel_order_on_pause: bool
    reason: str
    """The reason of a cancel, the code of a rejection, ``maker`` or ``taker`` for a fill."""


class MarketTerms(msgspec.Struct, frozen=True):
    """What a market pays on, and until when it trades. Levels are hundredths of a point, the first and the last that pay YES."""

    event_ticker: str
    symbol: str
    lo_e2: int | None
    hi_e2: int | None
    close_ns: int


class RestingOrder(msgspec.Struct, frozen=True):
    """An order that rests at the venue."""

    order_id: str
    client_order_id: str
    ticker: str
    side: Side
    price_e4: int
    remaining_e2: int
    filled_e2: int
    accepted_ns: int
    expiration_s: int
    group_id: str
    subaccount: int
    post_only: bool
    cancel_order_on_pause: bool


class Audit(msgspec.Struct, frozen=True):
    """The venue at an instant, after everything due."""

    utc_ns: int
    resting: tuple[RestingOrder, ...]
    group_ids_open: tuple[str, ...]
    """Groups that still take orders."""
    cash_e6: dict[int, int]
    """Subaccount -> cash, resting orders' collateral included."""
    positions_e2: dict[int, dict[str, int]]
    """Subaccount -> ticker -> signed position, without settled markets."""
    cash_drift_e6: int
    """Money made or lost from nothing since the start: 0, or the venue has a bug."""
    contracts_drift_e2: int
    """Contracts without a counterparty: 0, or the venue has a bug."""
    write_tokens: int
    """Write tokens taken since the start."""
