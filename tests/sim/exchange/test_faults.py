"""Scripted faults of the simulated venue: requests that go astray, connections that lie, markets that stop."""

import json
from typing import Any

import pytest

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.http import HttpResponse
from kalshi_alpha.sim.exchange import Fault
from kalshi_alpha.sim.exchange.faults import UnknownFaultError
from tests.sim.exchange.venue_kit import MORNING_NS, ORDERS, TICKER, Kit, frames, refusal

BOOKS = "orderbook_delta"


def fault(kind: str, from_s: float = 0.0, seconds: float = 10.0, **params: float | str) -> Fault:
    from_ns = MORNING_NS + int(from_s * NS_PER_S)
    return Fault(from_ns, from_ns + int(seconds * NS_PER_S), kind, params)


def create(kit: Kit, **changes: Any) -> HttpResponse:
    return kit.ask("POST", ORDERS, body=kit.body(**changes))


# Requests


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize(("kind", "resting"), [("unavailable_before", 0), ("unavailable_after", 1)])
def test_a_gateways_error_says_nothing_of_what_was_done(kind: str, resting: int, status: int) -> None:
    kit = Kit(faults=[fault(kind, status=status)])

    assert (create(kit).status, len(kit.resting())) == (status, resting)


def test_a_lost_request_does_nothing_and_has_no_answer() -> None:
    kit = Kit(faults=[fault("lose_request")])

    assert (create(kit).status, kit.resting()) == (0, [])
    assert create(kit).status == 201


def test_a_late_request_is_done_seconds_later_without_an_answer() -> None:
    kit = Kit(faults=[fault("late", delay_s=3.0)])
    status = create(kit).status
    kit.wait(2.999)
    before = len(kit.resting())

    kit.wait(0.001)

    assert (status, before, len(kit.resting())) == (0, 0, 1)


def test_a_late_order_meets_the_venue_as_it_is_by_then() -> None:
    kit = Kit(faults=[fault("late", delay_s=3.0)])
    create(kit, expiration_time=MORNING_NS // NS_PER_S + 2)

    kit.wait(4)

    assert [(event.kind, event.reason) for event in kit.exchange.order_log] == [("rejected", "invalid_parameters")]


def test_a_request_that_arrives_twice_is_answered_for_the_second_time() -> None:
    kit = Kit(faults=[fault("repeat_request")])

    answer = create(kit)

    assert (refusal(answer)[:2], len(kit.resting())) == ((409, "order_already_exists"), 1)


def test_a_post_without_a_body_is_refused() -> None:
    assert refusal(Kit().ask("POST", "/portfolio/order_groups/create"))[:2] == (400, "invalid_content_type")


# Connections


def placed_every_second(kit: Kit, count: int) -> list[Any]:
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
    frames(stream)
    for _ in range(count):
        kit.place("bid", "0.40", "1")
        kit.wait(1)
    return [frame["seq"] for frame in frames(stream)]


@pytest.mark.parametrize(("count", "order"), [(1, [2, 4, 3, 5, 6]), (2, [2, 4, 3, 6, 5])])
def test_a_message_can_be_overtaken_by_the_next(count: int, order: list[int]) -> None:
    kit = Kit(faults=[fault("reorder", 1, count=count)])

    assert placed_every_second(kit, 5) == order


def test_a_message_that_nothing_overtakes_comes_when_the_fault_ends() -> None:
    kit = Kit(faults=[fault("reorder", 1, 5, count=9)])
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
    kit.wait(1)
    frames(stream)
    kit.place()
    held = frames(stream)

    kit.wait(5)

    assert (held, [frame["seq"] for frame in frames(stream)]) == ([], [2])


def test_a_half_open_connection_is_up_and_dead() -> None:
    kit = Kit(faults=[fault("half_open", 1)])
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
    frames(stream)
    kit.wait(1)

    kit.place()
    stream.receive(json.dumps({"id": 5, "cmd": "list_subscriptions"}), kit.now_ns)

    assert (stream.closed, stream.answers_pings, frames(stream)) == (None, False, [])
    assert [frame["type"] for frame in frames(kit.subscribe("fill"))] == ["subscribed"]


def test_a_slow_reader_is_cut_off_and_may_subscribe_again() -> None:
    kit = Kit(faults=[fault("slow_reader", 1)])
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
    frames(stream)
    kit.wait(1)
    told = frames(stream)

    stream.receive(json.dumps({"id": 5, "cmd": "subscribe", "params": {"channels": [BOOKS], "market_tickers": [TICKER]}}), kit.now_ns)

    assert [(frame["sid"], frame["seq"], frame["msg"]["code"]) for frame in told] == [(1, 2, 25)]
    assert [(frame["type"], frame.get("seq")) for frame in frames(stream)] == [("subscribed", None), ("orderbook_snapshot", 1)]


# Markets


def test_a_halted_market_refuses_orders_while_everything_else_says_that_all_is_well() -> None:
    kit = Kit(faults=[fault("market_halt", 1, 5, market=TICKER)])
    stays, dies = kit.place(), kit.place(cancel_order_on_pause=True)
    stream = kit.subscribe("user_orders", "market_lifecycle_v2")
    kit.wait(1)

    refused = kit.refused()[:2]
    other = kit.place(ticker="KXINXU-26NOV23H1000-T6839.9999")
    told = [(frame["type"], frame["msg"].get("order_id")) for frame in frames(stream)[2:]]
    status = kit.get("/exchange/status")["trading_active"], kit.get(f"/markets/{TICKER}")["market"]["status"]

    assert (refused, status) == ((409, "trading_is_paused"), (True, "active"))
    assert told == [("user_order", dies["order_id"]), ("user_order", other["order_id"])]
    assert kit.ask("DELETE", f"{ORDERS}/{stays['order_id']}").status == 200
    kit.wait(5)
    assert kit.place()["remaining_count"] == "10.00"


def test_an_inactive_market_loses_what_rests_when_it_comes_back() -> None:
    kit = Kit(faults=[fault("market_inactive", 1, 5, market=TICKER)])
    made = kit.place()
    stream = kit.subscribe("market_lifecycle_v2")
    kit.wait(1)

    refused, resting = kit.refused()[:2], kit.resting()
    paused = [market["ticker"] for market in kit.get("/markets", "status=paused&limit=1000")["markets"]]
    kit.wait(5)

    assert (refused, resting, paused) == ((400, "market_inactive"), [made["order_id"]], [TICKER])
    assert [frame["msg"]["event_type"] for frame in frames(stream)[1:]] == ["deactivated", "activated"]
    assert kit.order(made["order_id"])["status"] == "canceled"
    assert kit.get("/markets", "status=paused")["markets"] == []


def test_a_pause_can_refuse_orders_as_if_nobody_were_there() -> None:
    kit = Kit(faults=[fault("trading_pause", 1, 5, status=503), fault("trading_pause", 10, 5)])
    made = kit.place()
    kit.wait(1)
    refused, cancelled = kit.refused()[:2], kit.ask("DELETE", f"{ORDERS}/{made['order_id']}").status
    kit.wait(9)

    assert (refused, cancelled) == ((503, "service_unavailable"), 200)
    assert kit.refused()[:2] == (409, "trading_is_paused")


def test_the_books_clock_may_be_lower_after_a_pause() -> None:
    kit = Kit(faults=[fault("trading_pause", 1, 5)])
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
    frames(stream)
    for _ in range(3):
        kit.place("bid", "0.40", "1")
    before = [frame["msg"]["clock"] for frame in frames(stream)]
    kit.wait(6)

    kit.place("bid", "0.40", "1")

    assert (before, [frame["msg"]["clock"] for frame in frames(stream)]) == ([1, 2, 3], [1])


@pytest.mark.parametrize("kind", ["market_halt", "market_inactive", "fee_change"])
def test_a_fault_of_markets_must_say_which(kind: str) -> None:
    with pytest.raises(UnknownFaultError, match=kind):
        Kit(faults=[fault(kind)])


# What needs no fault


def test_a_fill_and_its_trade_come_in_either_order() -> None:
    kit = Kit()
    stream = kit.subscribe("trade", "fill")
    kit.place("bid", "0.40", "40")
    frames(stream)
    orders = set()
    for _ in range(20):
        kit.place("ask", "0.40", "1", subaccount=1)
        orders.add(tuple(frame["type"] for frame in frames(stream)))

    assert orders == {("trade", "fill", "fill"), ("fill", "fill", "trade")}


def test_the_position_after_a_fill_is_told_without_a_number() -> None:
    kit = Kit()
    stream = kit.subscribe("market_positions")
    kit.place("bid", "0.40", "10")
    kit.place("ask", "0.40", "4", subaccount=1)

    told = [frame for frame in frames(stream) if frame["type"] == "market_position"]

    assert [(frame["msg"]["position_fp"], frame["msg"]["position_cost_dollars"]) for frame in told] == [
        ("4.00", "1.600000"),
        ("-4.00", "2.400000"),
    ]
    assert [frame["msg"]["volume_fp"] for frame in told] == ["4.00", "4.00"]
    assert all("seq" not in frame for frame in told)
