"""What leaves carries every backstop; what comes back is understood in all its shapes."""

import msgspec
import pytest

from kalshi_alpha.adapters.kalshi.fixed_point import WireError
from kalshi_alpha.adapters.kalshi.listing import MarketListed, market_of
from kalshi_alpha.adapters.kalshi.wire import CreateOrder, ErrorBody, decode, decode_error, encode_create, encode_creates
from kalshi_alpha.model.instruments import PriceRange

GOOD = CreateOrder(
    ticker="KXINXU-26NOV23H1000-T7844.9999",
    client_order_id="e1-abc_D-0",
    side="bid",
    count="10.00",
    price="0.4700",
    expiration_time=1_795_446_000,
    order_group_id="group-1",
    exchange_index=0,
    subaccount=3,
)

WITHOUT_A_BACKSTOP = {
    "takes liquidity": {"post_only": False},
    "stays in a pause": {"cancel_order_on_pause": False},
    "cancels our resting order": {"self_trade_prevention_type": "maker"},
    "no good-till time in force": {"time_in_force": "immediate_or_cancel"},
    "no group": {"order_group_id": ""},
    "no expiry": {"expiration_time": 0},
    "automatic shard": {"exchange_index": -1},
    "no such subaccount": {"subaccount": 64},
    "a negative subaccount": {"subaccount": -1},
    "an id with a dot": {"client_order_id": "T7844.9999"},
    "an id too long": {"client_order_id": "a" * 65},
    "no id": {"client_order_id": ""},
    "an id with a line break": {"client_order_id": "abc\n"},
    "no side": {"side": "yes"},
}


@pytest.mark.parametrize("changes", WITHOUT_A_BACKSTOP.values(), ids=WITHOUT_A_BACKSTOP)
def test_an_order_without_a_backstop_is_never_encoded(changes: dict[str, object]) -> None:
    broken = msgspec.structs.replace(GOOD, **changes)

    with pytest.raises(AssertionError):
        encode_create(broken)
    with pytest.raises(AssertionError):
        encode_creates([GOOD, broken])


def test_a_create_is_encoded_with_every_field_spelled_out() -> None:
    assert msgspec.json.decode(encode_create(GOOD)) == {
        "ticker": "KXINXU-26NOV23H1000-T7844.9999",
        "client_order_id": "e1-abc_D-0",
        "side": "bid",
        "count": "10.00",
        "price": "0.4700",
        "expiration_time": 1_795_446_000,
        "order_group_id": "group-1",
        "exchange_index": 0,
        "subaccount": 3,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "post_only": True,
        "cancel_order_on_pause": True,
    }


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"error":{"code":"not_found","message":"not found"}}', ErrorBody("not_found", "not found")),
        (
            b'{"error":{"code":"invalid_order","message":"invalid order","details":"post only cross","service":"exchange"}}',
            ErrorBody("invalid_order", "post only cross"),
        ),
        (b'{"code":"bad_request","message":"bad request","details":"json: cannot"}', ErrorBody("bad_request", "json: cannot")),
        (b'{"msg":"Parameter validation failed"}', ErrorBody("", "Parameter validation failed")),
        (b'{"error":"too many requests"}', ErrorBody("too_many_requests", "too many requests")),
        (b"<html>Bad Gateway</html>", ErrorBody("", "")),
        (b"", ErrorBody("", "")),
        (b"[]", ErrorBody("", "")),
        (b'{"error":{"code":7}}', ErrorBody("", "")),
        (b"[" * 100_000, ErrorBody("", "")),
        (b'{"error":"\xff"}', ErrorBody("", "")),
    ],
)
def test_error_bodies_are_read_in_all_shapes(body: bytes, told: ErrorBody) -> None:
    assert decode_error(body) == told


def market(**changes: object) -> dict[str, object]:
    listed: dict[str, object] = {
        "ticker": "KXINXU-26NOV23H1000-T7844.9999",
        "event_ticker": "KXINXU-26NOV23H1000",
        "market_type": "binary",
        "open_time": "2026-11-20T21:00:00Z",
        "close_time": "2026-11-23T15:00:00Z",
        "status": "active",
        "exchange_index": 0,
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
        "strike_type": "greater_or_equal",
        "floor_strike": 7845,
        "a_field_of_tomorrow": {"x": [1]},
    }
    return listed | changes


@pytest.mark.parametrize(
    ("strikes", "lo_e2", "hi_e2"),
    [
        ({"strike_type": "greater_or_equal", "floor_strike": 7845}, 784_500, None),
        ({"strike_type": "greater_or_equal", "floor_strike": 7844.9999}, 784_500, None),
        ({"strike_type": "greater", "floor_strike": 7250}, 725_001, None),
        ({"strike_type": "greater", "floor_strike": 7249.9999}, 725_000, None),
        ({"strike_type": "less", "floor_strike": None, "cap_strike": 7225}, None, 722_499),
        ({"strike_type": "less_or_equal", "floor_strike": None, "cap_strike": 7225}, None, 722_500),
        ({"strike_type": "between", "floor_strike": 7175, "cap_strike": 7199.9999}, 717_500, 719_999),
        ({"strike_type": "between", "floor_strike": 7175, "cap_strike": 7199.99}, 717_500, 719_999),
        ({"strike_type": "between", "floor_strike": 29.29, "cap_strike": 29.57}, 2_929, 2_957),
    ],
)
def test_bounds_come_from_the_strikes(strikes: dict[str, object], lo_e2: int | None, hi_e2: int | None) -> None:
    listed = decode(msgspec.json.encode(market(**strikes)), MarketListed)

    found = market_of(listed, "INXU")

    assert (found.lo_e2, found.hi_e2) == (lo_e2, hi_e2)


def test_a_market_keeps_its_times_steps_and_shard() -> None:
    listed = decode(msgspec.json.encode(market(exchange_index=2)), MarketListed)

    found = market_of(listed, "INXU")

    assert found.price_ranges == (PriceRange(0, 10_000, 100),)
    assert found.close_ns == 1_795_446_000 * 1_000_000_000
    assert found.exchange_index == 2
    assert found.status == "active"


@pytest.mark.parametrize(
    "changes",
    [
        {"strike_type": "functional"},
        {"strike_type": None},
        {"floor_strike": None},
        {"strike_type": "between", "cap_strike": 7000},
        {"market_type": "scalar"},
        {"price_ranges": []},
        {"price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0000"}]},
        {"close_time": "soon"},
        {"floor_strike": 1e300},
    ],
)
def test_a_market_that_does_not_say_what_pays_is_refused_by_name(changes: dict[str, object]) -> None:
    listed = decode(msgspec.json.encode(market(**changes)), MarketListed)

    with pytest.raises(WireError, match=r"market KXINXU-26NOV23H1000-T7844\.9999: "):
        market_of(listed, "INXU")


def test_a_missing_field_is_named() -> None:
    listed = market()
    del listed["exchange_index"]

    with pytest.raises(WireError, match="exchange_index"):
        decode(msgspec.json.encode(listed), MarketListed)
