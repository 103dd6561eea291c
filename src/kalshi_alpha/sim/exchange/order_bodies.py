"""Bodies of order requests, read as strictly as the venue reads them: numbers are strings, unknown fields are ignored."""

import re
from functools import lru_cache
from typing import Final, Literal, TypeVar

import msgspec

from kalshi_alpha.model.units import DOLLAR_E4, Side
from kalshi_alpha.sim.exchange.errors import Refusal, bad_body
from kalshi_alpha.sim.exchange.orders import SelfTrade
from kalshi_alpha.sim.exchange.wire import scaled

_T = TypeVar("_T")
_TICK_E4: Final = 100
_COUNT_MAX_E2: Final = 100_000_000_00
_MISTYPED: Final = re.compile(r"Expected `(\w+)[^`]*`, got `(\w+)`(?: - at `\$\.?(.*)`)?")
_GO_TYPES: Final = {"str": "string", "int": "number", "float": "number", "bool": "bool", "object": "object", "array": "array"}
_CLIENT_ID_FITS: Final = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch


class CreateBody(msgspec.Struct):
    """One order to create."""

    ticker: str
    side: Side
    count: str
    price: str
    time_in_force: Literal["good_till_canceled", "immediate_or_cancel", "fill_or_kill"]
    self_trade_prevention_type: SelfTrade
    client_order_id: str = ""
    expiration_time: int | None = None
    post_only: bool = False
    cancel_order_on_pause: bool = False
    reduce_only: bool = False
    subaccount: int = 0
    order_group_id: str = ""
    exchange_index: int = 0


class BatchCreateBody(msgspec.Struct):
    """Orders to create; each is read on its own."""

    orders: list[msgspec.Raw]


class CancelItem(msgspec.Struct):
    """One order to cancel in a batch."""

    order_id: str
    subaccount: int = 0
    exchange_index: int = 0
    market_ticker: str = ""


class BatchCancelBody(msgspec.Struct):
    """Orders to cancel."""

    orders: list[CancelItem]


class AmendBody(msgspec.Struct):
    """A new price, total and expiry of one order; ``count`` is what was filled plus what shall remain."""

    ticker: str
    side: Side
    price: str
    count: str
    client_order_id: str = ""
    updated_client_order_id: str = ""
    expiration_time: int | None = None
    exchange_index: int = 0


class DecreaseBody(msgspec.Struct):
    """By how much, or to what, one order is to shrink."""

    reduce_by: str | None = None
    reduce_to: str | None = None
    exchange_index: int = 0
    market_ticker: str = ""


class GroupBody(msgspec.Struct):
    """A group to create, or its new limit."""

    contracts_limit: int | None = None
    contracts_limit_fp: str | None = None
    subaccount: int = 0
    exchange_index: int = 0


def read_body(body: bytes | msgspec.Raw, kind: type[_T]) -> _T:
    """Read a request's body.

    Raises:
        Refusal: not JSON, or a field is missing or mistyped.

    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _refused(str(error), kind.__name__) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise bad_body(details="invalid JSON") from error


@lru_cache(maxsize=1_024)
def read_price_e4(text: str) -> int:
    """Return a price on a whole cent.

    Raises:
        Refusal: off the tick, or not between nothing and a dollar.

    """
    price_e4 = scaled(text, 4)
    if price_e4 is None or not 0 < price_e4 < DOLLAR_E4 or price_e4 % _TICK_E4:
        raise Refusal(400, "invalid_price", text)
    return price_e4


@lru_cache(maxsize=1_024)
def read_count_e2(text: str) -> int:
    """Return a positive count.

    Raises:
        Refusal: not one.

    """
    count_e2 = scaled(text, 2)
    if not count_e2 or count_e2 > _COUNT_MAX_E2:
        raise Refusal(400, "invalid_order_size", text)
    return count_e2


def check_client_id(text: str) -> None:
    """Refuse an id with other characters than letters, digits, ``_`` and ``-``.

    Raises:
        Refusal: it has some, or is too long.

    """
    if text and not _CLIENT_ID_FITS(text):
        raise Refusal(400, "invalid_parameters", "client_order_id")


def _refused(words: str, kind: str) -> Refusal:
    """Word a mistyped field as the venue's decoder does."""
    match = _MISTYPED.search(words)
    if match is None:
        return Refusal(400, "invalid_parameters", words)
    wanted, found, field = match.groups()
    struct = kind.replace("Body", "OrderV2Request")
    return bad_body(
        details=f"json: cannot unmarshal {_GO_TYPES.get(found, found)} into Go struct field {struct}.{field or ''} "
        f"of type {_GO_TYPES.get(wanted, wanted)}"
    )
