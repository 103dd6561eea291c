"""Bodies of the venue's order calls (V2), and its error bodies.

Every create leaves through ``encode_creates``, which asserts each of the venue-side backstops: without one of them an order could take
liquidity, outlive us, or escape the kill switch.
"""

import re
from collections.abc import Sequence
from typing import Final, Literal, TypeVar

import msgspec

from kalshi_alpha.adapters.kalshi.fixed_point import Small, WireError, count_text, price_text
from kalshi_alpha.model.commands import AmendExpiry, CancelTarget, CreateGroup
from kalshi_alpha.model.orders import OrderIntent
from kalshi_alpha.model.units import DOLLAR_E4, Side

# A dot in an id was refused once, so no tickers in ids (their strikes carry dots).
_order_id_fits: Final = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
_DETAIL_LENGTH_MAX: Final = 200
_SUBACCOUNT_MAX: Final = 63
_PRIMARY_SHARD: Final = 0
_T = TypeVar("_T")
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding JSON can raise."""


class CreateOrder(msgspec.Struct, frozen=True):
    """One order to create, field for field as it is sent."""

    ticker: str
    client_order_id: str
    side: Side
    count: str
    price: str
    expiration_time: int
    order_group_id: str
    exchange_index: int
    subaccount: int
    time_in_force: Literal["good_till_canceled"] = "good_till_canceled"
    self_trade_prevention_type: Literal["taker_at_cross"] = "taker_at_cross"
    post_only: bool = True
    cancel_order_on_pause: bool = True


class BatchItem(msgspec.Struct, frozen=True):
    """One order's answer in a batch; a single create's answer has the same fields."""

    order_id: str | None = None
    client_order_id: str | None = None
    fill_count: str | None = None
    remaining_count: str | None = None
    reduced_by: str | None = None
    error: dict[str, object] | str | None = None


class _Batch(msgspec.Struct, frozen=True):
    # An empty list can come as {}.
    orders: list[BatchItem] | dict[str, object] | None


class _GroupCreated(msgspec.Struct, frozen=True):
    order_group_id: str


class Shard(msgspec.Struct, frozen=True):
    """One shard's status."""

    exchange_index: Small
    exchange_active: bool
    trading_active: bool


class Status(msgspec.Struct, frozen=True):
    """The venue's status; the top level speaks for shard 0."""

    exchange_active: bool
    trading_active: bool
    exchange_index_statuses: list[Shard] | None = None
    exchange_estimated_resume_time: str | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    """What an error body says: its code (empty if it has none) and its words."""

    code: str
    detail: str


def create_order(intent: OrderIntent) -> CreateOrder:
    """Return the create of an intent."""
    assert 0 < intent.price_e4 < DOLLAR_E4, intent.price_e4
    assert intent.count_e2 > 0, intent.count_e2
    return CreateOrder(
        ticker=intent.ticker,
        client_order_id=intent.client_order_id,
        side=intent.side,
        count=count_text(intent.count_e2),
        price=price_text(intent.price_e4),
        expiration_time=intent.expiration_s,
        order_group_id=intent.group_id,
        exchange_index=intent.exchange_index,
        subaccount=intent.subaccount,
    )


def encode_create(order: CreateOrder) -> bytes:
    """Return the body of a single create."""
    _assert_backstops(order)
    return msgspec.json.encode(order)


def encode_creates(orders: Sequence[CreateOrder]) -> bytes:
    """Return the body of a batched create."""
    for order in orders:
        _assert_backstops(order)
    return msgspec.json.encode({"orders": orders})


def _assert_backstops(order: CreateOrder) -> None:
    assert order.post_only is True
    assert order.cancel_order_on_pause is True
    assert order.self_trade_prevention_type == "taker_at_cross"
    assert order.time_in_force == "good_till_canceled"
    assert order.order_group_id
    assert order.expiration_time > 0
    assert order.exchange_index >= 0, "an automatic shard costs every shard's tokens"
    assert 0 <= order.subaccount <= _SUBACCOUNT_MAX
    assert order.side in {"bid", "ask"}
    assert _order_id_fits(order.client_order_id), order.client_order_id


def encode_amend(command: AmendExpiry) -> bytes:
    """Return the body of an expiry-only amendment: price and total as they are, which keeps the queue position."""
    intent = command.intent
    # Zero would remove the expiry for good.
    assert command.expiration_s > 0
    assert command.total_count_e2 > 0
    return msgspec.json.encode(
        {
            "ticker": intent.ticker,
            "side": intent.side,
            "price": price_text(intent.price_e4),
            "count": count_text(command.total_count_e2),
            "client_order_id": intent.client_order_id,
            "expiration_time": command.expiration_s,
            "exchange_index": intent.exchange_index,
        }
    )


def encode_cancels(targets: Sequence[CancelTarget], subaccount: int) -> bytes:
    """Return the body of a batched cancel."""
    return msgspec.json.encode(
        {
            "orders": [
                {
                    "order_id": target.order_id,
                    "exchange_index": target.exchange_index,
                    "market_ticker": target.ticker,
                    "subaccount": subaccount,
                }
                for target in targets
            ]
        }
    )


def encode_group(command: CreateGroup) -> bytes:
    """Return the body that creates an order group. A group lives on one shard: the index series' is the primary one."""
    return msgspec.json.encode(
        {"contracts_limit": command.contracts_limit, "subaccount": command.subaccount, "exchange_index": _PRIMARY_SHARD}
    )


def decode_batch(body: bytes) -> list[BatchItem]:
    """Return the answers in a batch's answer.

    Raises:
        WireError: not such a body.

    """
    orders = decode(body, _Batch).orders
    return orders if isinstance(orders, list) else []


def decode_group(body: bytes) -> str:
    """Return the id of the group that was created.

    Raises:
        WireError: no id in it.

    """
    group_id = decode(body, _GroupCreated).order_group_id
    if not group_id:
        message = "an empty order_group_id"
        raise WireError(message)
    return group_id


def decode(body: bytes | str, kind: type[_T]) -> _T:
    """Decode JSON, ignoring unknown fields.

    Raises:
        WireError: not JSON, or a field is missing or of another type; the message names it.

    """
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        raise WireError(str(error)) from error


def decode_error(body: bytes) -> ErrorBody:
    """Read an error body in any of the venue's four shapes; never raises.

    They are ``{"error": {"code", "message", "details"}}``, the inner part alone, ``{"msg"}`` alone, and ``{"error": "too many requests"}``.
    """
    try:
        document = msgspec.json.decode(body)
    except UNREADABLE:
        return ErrorBody("", "")
    if not isinstance(document, dict):
        return ErrorBody("", "")
    nested = document.get("error")
    return error_of(nested if isinstance(nested, dict | str) else document)


def error_of(document: dict[str, object] | str) -> ErrorBody:
    """Read the inner part of an error; words without a code become one: ``too many requests`` is ``too_many_requests``."""
    if isinstance(document, str):
        return ErrorBody(document.strip().lower().replace(" ", "_")[:_DETAIL_LENGTH_MAX], document[:_DETAIL_LENGTH_MAX])
    texts = {key: value for key, value in document.items() if isinstance(value, str)}
    detail = texts.get("details") or texts.get("message") or texts.get("msg") or ""
    return ErrorBody(texts.get("code", "")[:_DETAIL_LENGTH_MAX], detail[:_DETAIL_LENGTH_MAX])


def listed_items(items: list[_T] | dict[str, object] | None) -> list[_T]:
    """Return the items; the venue can write an empty list as ``{}`` or leave it out.

    Raises:
        WireError: an object with content stands where the list should.

    """
    if isinstance(items, dict) and items:
        message = "an object instead of a list"
        raise WireError(message)
    return items if isinstance(items, list) else []
