"""The venue's stream: opening, private channels, outcomes, and coming back after a loss."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.adapters.kalshi.stream import VenueStream
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.orders import Fill, VenueOrder
from tests.adapters.kalshi_frames import BOOKS, SECOND, at, delta, give, open_stream, sent, subscribed, whole_stream

if TYPE_CHECKING:
    from kalshi_alpha.model.session import StreamSession

# Opening


def test_opening_subscribes_to_private_channels_and_to_wanted_books_in_yes_prices() -> None:
    stream: StreamSession = VenueStream(7)
    assert isinstance(stream, VenueStream)
    stream.subscribe_books(("A", "B", "A"))

    before = stream.outgoing()
    stream.opened(at(0))

    assert before == []
    assert sent(stream) == [
        {"id": 1, "cmd": "subscribe", "params": {"channels": ["user_orders", "fill", "market_lifecycle_v2"]}},
        {"id": 2, "cmd": "subscribe", "params": {"channels": ["orderbook_delta"], "market_tickers": ["A", "B"], "use_yes_price": True}},
    ]
    assert stream.outgoing() == []


def test_the_venue_is_connected_once_every_private_channel_is_acknowledged() -> None:
    stream = VenueStream(7)
    stream.opened(at(0))
    stream.outgoing()

    events = [
        give(stream, subscribed(1, channel, sid)) for sid, channel in enumerate(("fill", "user_orders", "fill", "market_lifecycle_v2"))
    ]

    assert events == [[], [], [], [ev.VenueConnected()]]


@pytest.mark.parametrize("missing", ["user_orders", "market_lifecycle_v2"])
def test_a_missing_acknowledgement_ends_the_connection_after_five_seconds(missing: str) -> None:
    stream = VenueStream(7)
    stream.opened(at(0))
    for channel in ("user_orders", "fill", "market_lifecycle_v2"):
        if channel != missing:
            give(stream, subscribed(1, channel, 1))

    due = stream.next_deadline_ns()
    stream.timer(at(4.999))
    early = stream.wants_close()
    stream.timer(at(5))

    assert due == 5 * SECOND
    assert early is None
    assert stream.wants_close() == "no answer to a subscription within 5 s"
    assert stream.next_deadline_ns() is None


def test_a_quiet_ready_stream_needs_no_timer() -> None:
    assert open_stream().next_deadline_ns() is None
    assert whole_stream("A").next_deadline_ns() is None


# Private channels and outcomes


def order(**changes: object) -> dict[str, object]:
    return {
        "order_id": "o-1",
        "user_id": "u",
        "client_order_id": "c-1",
        "ticker": "T1",
        "exchange_index": 0,
        "status": "canceled",
        "side": "no",
        "outcome_side": "no",
        "book_side": "ask",
        "yes_price_dollars": "0.5300",
        "fill_count_fp": "1.00",
        "remaining_count_fp": "0.00",
        "initial_count_fp": "10.00",
        "order_group_id": "g-1",
        "expiration_ts_ms": 1_795_446_000_000,
        "last_update_reason": "ExpiryCancel",
        "subaccount_number": 0,
    } | changes


def fill(**changes: object) -> dict[str, object]:
    return {
        "trade_id": "t-1",
        "order_id": "o-1",
        "client_order_id": "c-1",
        "market_ticker": "T1",
        "exchange_index": 0,
        "is_taker": False,
        "yes_price_dollars": "0.5300",
        "count_fp": "2.50",
        "fee_cost": "0.000000",
        "outcome_side": "no",
        "book_side": "ask",
        "post_position_fp": "-2.50",
        "ts_ms": 1_795_445_999_123,
        "subaccount": 0,
    } | changes


def test_an_order_update_carries_the_venues_reason() -> None:
    events = give(open_stream(), {"type": "user_order", "sid": 1, "msg": order()})

    assert events == [
        ev.OrderUpdated(VenueOrder("o-1", "c-1", "T1", "ask", 5_300, 0, 100, "canceled", "g-1", 1_795_446_000, "ExpiryCancel"))
    ]


def test_a_status_of_tomorrow_is_unknown() -> None:
    events = give(open_stream(), {"type": "user_order", "sid": 1, "msg": order(status="parked")})

    assert isinstance(events[0], ev.OrderUpdated)
    assert events[0].order.status == "unknown"


def test_a_fill_carries_our_id_and_the_position_after_it() -> None:
    events = give(open_stream(), {"type": "fill", "sid": 2, "msg": fill()})

    assert events == [ev.Filled(Fill("t-1", "o-1", "c-1", "T1", "ask", 5_300, 250, 0, False, 1_795_445_999_123, -250))]


def test_what_belongs_to_another_subaccount_is_not_ours() -> None:
    stream = open_stream()

    assert give(stream, {"type": "user_order", "sid": 1, "msg": order(subaccount_number=2)}) == []
    assert give(stream, {"type": "fill", "sid": 2, "msg": fill(subaccount=2)}) == []


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "fill", "sid": 2, "msg": fill(count_fp="0.001")},
        {"type": "fill", "sid": 2, "msg": fill(fee_cost=0.1)},
        {"type": "fill", "sid": 2, "msg": fill(trade_id=None)},
        {"type": "user_order", "sid": 1, "msg": order(book_side="sideways")},
        {"type": "user_order", "sid": 1, "msg": order(yes_price_dollars="?")},
        {"type": "user_order", "sid": 1},
    ],
)
def test_an_unreadable_private_frame_ends_the_connection(frame: dict[str, object]) -> None:
    stream = open_stream()

    events = give(stream, frame)
    lost = stream.closed("closed by us", at(1))

    assert events == []
    assert stream.unreadable_frames == 1
    assert isinstance(lost[0], ev.VenueLost)
    assert lost[0].reason.startswith("unreadable")


def test_a_frame_that_was_refused_unread_is_counted_with_the_unreadable_ones() -> None:
    stream = open_stream()

    assert stream.refused("frame refused: too deep") == []
    assert (stream.unreadable_frames, stream.last_unreadable) == (1, "frame refused: too deep")


@pytest.mark.parametrize(
    ("ticker", "result", "events"),
    [
        ("KXINXU-26NOV23H1000-T7844.9999", "yes", [ev.MarketDetermined("KXINXU-26NOV23H1000-T7844.9999", "yes", "")]),
        ("KXNASDAQ100-26NOV23H1600-B1", "no", [ev.MarketDetermined("KXNASDAQ100-26NOV23H1600-B1", "no", "")]),
        ("KXINXU-26NOV23H1000-T7844.9999", "", []),
        ("KXINXU-26NOV23H1000-T7844.9999", "scalar", []),
        ("KXBTCD-26NOV23H1000-T1", "yes", []),
    ],
)
def test_outcomes_of_our_series_are_told(ticker: str, result: str, events: list[ev.Event]) -> None:
    change = {"market_ticker": ticker, "event_type": "determined", "result": result, "settlement_value": "1.0000"}

    assert give(open_stream(), {"type": "market_lifecycle_v2", "sid": 3, "seq": 3, "msg": change}) == events


def test_other_steps_of_markets_are_silent() -> None:
    change = {"market_ticker": "KXINX-1", "event_type": "settled", "settled_ts": 1}

    assert give(open_stream(), {"type": "market_lifecycle_v2", "sid": 3, "seq": 3, "msg": change}) == []


# Reconnecting


def test_a_lost_connection_is_told_and_books_are_subscribed_again() -> None:
    stream = whole_stream("A", "B")
    stream.unsubscribe_books(("B",))

    lost = stream.closed("reset by peer", at(3))
    between = stream.outgoing()
    stream.opened(at(4))
    commands = sent(stream)
    give(stream, subscribed(commands[1]["id"], "orderbook_delta", BOOKS), 4)
    early = give(stream, delta(1), 4)

    assert lost == [ev.VenueLost("reset by peer")]
    assert between == []
    assert commands[1]["params"]["market_tickers"] == ["A"]
    assert early == []


def test_the_first_connection_may_be_made_at_once() -> None:
    assert VenueStream(7).connect_at_ns() == 0


def waits(stream: VenueStream, failures: int) -> list[int]:
    found = []
    for _ in range(failures):
        stream.closed("connection refused", at(100))
        at_ns = stream.connect_at_ns()
        assert at_ns is not None
        found.append(at_ns - 100 * SECOND)
    return found


@given(st.integers(0, 2**32))
def test_waits_are_jittered_under_a_doubling_limit_of_ten_seconds(seed: int) -> None:
    limits = [0.25, 0.5, 1, 2, 4, 8, 10, 10, 10]

    found = waits(VenueStream(seed), len(limits))

    assert all(0 <= wait <= limit * SECOND for wait, limit in zip(found, limits, strict=True))


def test_waits_depend_on_the_seed_alone() -> None:
    assert waits(VenueStream(1), 8) == waits(VenueStream(1), 8)
    assert waits(VenueStream(1), 8) != waits(VenueStream(2), 8)
    assert max(waits(VenueStream(1), 40)) > 5 * SECOND


@pytest.mark.parametrize(("lasted_s", "limit_s"), [(10, 0.25), (9.9, 10)])
def test_only_ten_good_seconds_make_the_waits_short_again(lasted_s: float, limit_s: float) -> None:
    longest = 0
    for seed in range(40):
        stream = VenueStream(seed)
        waits(stream, 9)
        stream.opened(at(200))
        number = sent(stream)[0]["id"]
        for channel in ("user_orders", "fill", "market_lifecycle_v2"):
            give(stream, subscribed(number, channel, 1), 200)
        stream.closed("gone", at(200 + lasted_s))
        longest = max(longest, (stream.connect_at_ns() or 0) - int((200 + lasted_s) * SECOND))

    assert limit_s * SECOND // 2 < longest <= limit_s * SECOND


@pytest.mark.parametrize("reason", ["server rejected WebSocket connection: HTTP 401", "HTTP 403 Forbidden"])
def test_a_refusal_of_who_we_are_waits_longer_and_says_so(reason: str) -> None:
    stream = VenueStream(7)

    lost = stream.closed(reason, at(0))

    assert lost == [ev.VenueLost(f"refused, check the key, its rights and the clock: {reason}")]
    assert (stream.connect_at_ns() or 0) >= 15 * SECOND


def test_a_number_like_a_refusal_on_an_open_connection_is_no_refusal() -> None:
    stream = open_stream()

    lost = stream.closed("closed after 401 frames", at(1))

    assert lost == [ev.VenueLost("closed after 401 frames")]
    assert (stream.connect_at_ns() or 0) <= 2 * SECOND
