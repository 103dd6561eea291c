"""Our own orders, fills and positions as the venue reports them, over REST and over its stream alike."""

from functools import lru_cache
from typing import Final, Literal

import msgspec

from kalshi_alpha.adapters.kalshi.fixed_point import Small, UnixMs, UnixS, WireError, cash_e6, count_e2, price_e4, rfc3339_ns
from kalshi_alpha.adapters.kalshi.wire import decode
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.orders import Fill, VenueOrder, VenuePosition
from kalshi_alpha.model.units import Side

_MS_PER_S: Final = 1_000
_FILLS_KEPT: Final = 4_096
_SIDES: Final[dict[str | None, Side]] = {"yes": "bid", "no": "ask"}
_STATUSES: Final[dict[str, Literal["resting", "canceled", "executed"]]] = {
    "resting": "resting",
    "canceled": "canceled",
    "executed": "executed",
}


class OrderReport(msgspec.Struct, frozen=True):
    """An order. The stream names its expiry in milliseconds, REST as a time."""

    order_id: str
    ticker: str
    status: str
    yes_price_dollars: str
    remaining_count_fp: str
    fill_count_fp: str
    client_order_id: str | None = None
    book_side: Side | None = None
    outcome_side: str | None = None
    order_group_id: str | None = None
    expiration_time: str | None = None
    expiration_ts_ms: UnixMs | None = None
    last_update_reason: str | None = None
    subaccount_number: Small | None = None


class FillReport(msgspec.Struct, frozen=True):
    """A fill. REST names neither our order id nor the position after it."""

    order_id: str
    yes_price_dollars: str
    count_fp: str
    fee_cost: str
    is_taker: bool
    trade_id: str | None = None
    fill_id: str | None = None
    ticker: str | None = None
    market_ticker: str | None = None
    client_order_id: str | None = None
    book_side: Side | None = None
    outcome_side: str | None = None
    post_position_fp: str | None = None
    ts_ms: UnixMs | None = None
    created_time: str | None = None
    ts: UnixS | None = None
    subaccount: Small | None = None


class PositionReport(msgspec.Struct, frozen=True):
    """A position; NO contracts count negative."""

    ticker: str
    position_fp: str


class OrdersPage(msgspec.Struct, frozen=True):
    """One page of orders."""

    orders: list[OrderReport] | dict[str, object] | None
    cursor: str | None = None


class FillsPage(msgspec.Struct, frozen=True):
    """One page of fills, each as it was written: see ``fill_read``."""

    fills: list[msgspec.Raw] | dict[str, object] | None
    cursor: str | None = None


class PositionsPage(msgspec.Struct, frozen=True):
    """One page of positions."""

    market_positions: list[PositionReport] | dict[str, object] | None
    cursor: str | None = None


class BalanceAnswer(msgspec.Struct, frozen=True):
    """The cash of one subaccount; the field in cents is cut off, this one has all its digits."""

    balance_dollars: str


class UserDataTimestamp(msgspec.Struct, frozen=True):
    """The time up to which reads of our own state are true."""

    as_of_time: str


def order_of(report: OrderReport) -> VenueOrder:
    """Return the order in the model's words.

    Raises:
        WireError: a number, a side or a time doesn't fit.

    """
    return VenueOrder(
        order_id=report.order_id,
        client_order_id=report.client_order_id or "",
        ticker=report.ticker,
        side=_side(report.book_side, report.outcome_side),
        price_e4=price_e4(report.yes_price_dollars),
        remaining_e2=count_e2(report.remaining_count_fp),
        filled_e2=count_e2(report.fill_count_fp),
        status=_STATUSES.get(report.status, "unknown"),
        group_id=report.order_group_id or "",
        expiration_s=_expiration_s(report),
        reason=report.last_update_reason or "",
    )


def fill_of(report: FillReport) -> Fill:
    """Return the fill in the model's words.

    Raises:
        WireError: a number, a side or a time doesn't fit, or an id is missing.

    """
    trade_id = report.trade_id or report.fill_id
    ticker = report.market_ticker or report.ticker
    if not trade_id or not ticker:
        message = f"fill of order {report.order_id} without trade id or ticker"
        raise WireError(message)
    return Fill(
        trade_id=trade_id,
        order_id=report.order_id,
        client_order_id=report.client_order_id or "",
        ticker=ticker,
        side=_side(report.book_side, report.outcome_side),
        price_e4=price_e4(report.yes_price_dollars),
        count_e2=count_e2(report.count_fp),
        fee_e6=cash_e6(report.fee_cost),
        is_taker=report.is_taker,
        ts_ms=_ts_ms(report),
        post_position_e2=None if report.post_position_fp is None else count_e2(report.post_position_fp),
    )


@lru_cache(maxsize=_FILLS_KEPT)
def fill_read(document: bytes) -> Fill:
    """Return a fill from its JSON. Every read repeats the fills of the last minutes byte for byte: they are worked out once.

    Raises:
        WireError: it isn't a fill, or something in it doesn't fit.

    """
    return fill_of(decode(document, FillReport))


def position_of(report: PositionReport) -> VenuePosition:
    """Return the position in the model's words.

    Raises:
        WireError: the count doesn't fit.

    """
    return VenuePosition(report.ticker, count_e2(report.position_fp))


def _side(book_side: Side | None, outcome_side: str | None) -> Side:
    side = book_side or _SIDES.get(outcome_side)
    if side is None:
        message = f"no side: book_side {book_side!r}, outcome_side {outcome_side!r}"
        raise WireError(message)
    return side


def _expiration_s(report: OrderReport) -> int:
    if report.expiration_ts_ms is not None:
        return report.expiration_ts_ms // _MS_PER_S
    return rfc3339_ns(report.expiration_time) // NS_PER_S if report.expiration_time else 0


def _ts_ms(report: FillReport) -> int:
    if report.ts_ms is not None:
        return report.ts_ms
    if report.created_time:
        return rfc3339_ns(report.created_time) // NS_PER_MS
    if report.ts is not None:
        return report.ts * _MS_PER_S
    message = f"fill of order {report.order_id} without a time"
    raise WireError(message)
