"""Writes: what goes out for each command, and what each answer means for each order."""

import msgspec
import pytest

from kalshi_alpha.adapters.kalshi.rest import calls_for
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.orders import OrderIntent, QuoteInputs
from kalshi_alpha.model.units import Side

INPUTS = QuoteInputs(
    symbol="I:SPX",
    level=7_840.0,
    event_ms=1,
    leg="polygon",
    quoted_ns=1,
    target_ns=2,
    variance=1e-6,
    lo_e2=784_500,
    hi_e2=None,
    best_bid_e4=0,
    best_ask_e4=10_000,
    fair_p=0.5,
    ev_e6=1,
    params_hash="x",
)


def intent(client_order_id: str, side: Side = "bid", price_e4: int = 4_700) -> OrderIntent:
    return OrderIntent(
        client_order_id=client_order_id,
        ticker="KXINXU-26NOV23H1000-T7844.9999",
        event_ticker="KXINXU-26NOV23H1000",
        series="INXU",
        window="2026-11-23/hourly-1000",
        side=side,
        price_e4=price_e4,
        count_e2=1_000,
        expiration_s=1_795_446_000,
        group_id="g-1",
        exchange_index=2,
        subaccount=5,
        inputs=INPUTS,
    )


ONE = cmd.PlaceOrders((intent("a"),))
TWO = cmd.PlaceOrders((intent("a"), intent("b", "ask", 5_300)))
AMEND = cmd.AmendExpiry(intent("a"), "o/1", 1_200, 1_795_446_020)
CANCELS = cmd.CancelOrders((cmd.CancelTarget("a", "o-1", "T1", 2), cmd.CancelTarget("b", "o-2", "T2", 0)), 5)


def run(command: cmd.Command, status: int, body: object, reason: str = "") -> tuple[HttpRequest, list[ev.Event]]:
    """Drive one command through its one request."""
    calls = calls_for(command)
    request = next(calls)
    with pytest.raises(StopIteration) as done:
        calls.send(HttpResponse(status, body if isinstance(body, bytes) else msgspec.json.encode(body), reason))
    events: list[ev.Event] = done.value.value
    return request, events


def accepted(client_order_id: str | None, order_id: str, filled: str = "0.00", remaining: str = "10.00") -> dict[str, object]:
    item: dict[str, object] = {"order_id": order_id, "fill_count": filled, "remaining_count": remaining, "ts_ms": 1}
    return item | ({} if client_order_id is None else {"client_order_id": client_order_id})


# Creating


def test_one_order_is_created_by_itself() -> None:
    request, events = run(ONE, 201, accepted("a", "o-1"))

    assert (request.method, request.path, request.query) == ("POST", "/portfolio/events/orders", "")
    body = msgspec.json.decode(request.body)
    assert (body["price"], body["count"], body["side"]) == ("0.4700", "10.00", "bid")
    assert (body["exchange_index"], body["subaccount"], body["order_group_id"]) == (2, 5, "g-1")
    assert events == [ev.OrderAccepted("a", "o-1", 0, 1_000)]


def test_several_orders_are_created_in_one_batch() -> None:
    request, events = run(TWO, 201, {"orders": [accepted("a", "o-1"), accepted("b", "o-2", "4.00", "6.00")]})

    assert (request.method, request.path) == ("POST", "/portfolio/events/orders/batched")
    orders = msgspec.json.decode(request.body)["orders"]
    assert [(order["client_order_id"], order["side"], order["price"]) for order in orders] == [
        ("a", "bid", "0.4700"),
        ("b", "ask", "0.5300"),
    ]
    assert events == [ev.OrderAccepted("a", "o-1", 0, 1_000), ev.OrderAccepted("b", "o-2", 400, 600)]


def test_no_orders_make_no_request() -> None:
    with pytest.raises(StopIteration) as done:
        next(calls_for(cmd.PlaceOrders(())))

    assert done.value.value == []


def test_answers_in_another_order_are_matched_by_our_ids() -> None:
    _, events = run(TWO, 201, {"orders": [accepted("b", "o-2"), accepted("a", "o-1")]})

    assert events == [ev.OrderAccepted("a", "o-1", 0, 1_000), ev.OrderAccepted("b", "o-2", 0, 1_000)]


def test_answers_without_our_ids_are_matched_by_place() -> None:
    _, events = run(TWO, 201, {"orders": [accepted(None, "o-1"), {"client_order_id": None, "error": {"code": "invalid_price"}}]})

    assert events == [ev.OrderAccepted("a", "o-1", 0, 1_000), ev.OrderRejected("b", 400, "invalid_price", "")]


def test_an_order_missing_from_the_answer_is_unknown() -> None:
    _, events = run(TWO, 201, {"orders": [accepted("b", "o-2")]})

    assert events[0] == ev.OrderOutcomeUnknown("a", "create", "the answer doesn't name this order")
    assert isinstance(events[1], ev.OrderAccepted)


def test_an_order_cancelled_by_the_venue_at_once_does_not_rest() -> None:
    _, events = run(ONE, 201, accepted("a", "o-1", "0.00", "0.00"))

    assert events == [ev.OrderAccepted("a", "o-1", 0, 0), ev.OrderCancelled("a", "o-1", 1_000)]


def test_a_full_fill_is_no_cancel() -> None:
    _, events = run(ONE, 201, accepted("a", "o-1", "10.00", "0.00"))

    assert events == [ev.OrderAccepted("a", "o-1", 1_000, 0)]


@pytest.mark.parametrize("status", [0, 408, 500, 502, 503, 504, 302])
@pytest.mark.parametrize("command", [ONE, TWO])
def test_without_a_clear_answer_every_create_is_unknown(command: cmd.PlaceOrders, status: int) -> None:
    _, events = run(command, status, b"{}", "no answer within 2.0 s")

    assert [type(event) for event in events] == [ev.OrderOutcomeUnknown] * len(command.intents)
    assert all(isinstance(event, ev.OrderOutcomeUnknown) and event.action == "create" for event in events)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"orders":7}', b'{"orders":[7]}'])
@pytest.mark.parametrize("command", [ONE, TWO])
def test_an_unreadable_success_is_unknown(command: cmd.PlaceOrders, body: bytes) -> None:
    _, events = run(command, 201, body)

    assert [type(event) for event in events] == [ev.OrderOutcomeUnknown] * len(command.intents)


@pytest.mark.parametrize("field", ["order_id", "fill_count", "remaining_count"])
def test_a_success_without_its_numbers_is_unknown(field: str) -> None:
    _, events = run(ONE, 201, accepted("a", "o-1") | {field: None})

    assert [type(event) for event in events] == [ev.OrderOutcomeUnknown]


def test_a_refusal_of_the_request_refuses_every_order() -> None:
    _, events = run(TWO, 409, {"error": {"code": "trading_is_paused", "message": "trading is paused"}})

    assert events == [
        ev.OrderRejected("a", 409, "trading_is_paused", "trading is paused"),
        ev.OrderRejected("b", 409, "trading_is_paused", "trading is paused"),
    ]


def test_an_order_that_exists_already_is_unknown_not_refused() -> None:
    _, single = run(ONE, 409, {"error": {"code": "order_already_exists", "message": "order already exists"}})
    _, batch = run(TWO, 201, {"orders": [{"error": {"code": "order_already_exists"}}, accepted("b", "o-2")]})

    assert single == [ev.OrderOutcomeUnknown("a", "create", "order_already_exists")]
    assert batch[0] == ev.OrderOutcomeUnknown("a", "create", "order_already_exists")


@pytest.mark.parametrize("body", [{"error": "too many requests"}, b""])
def test_the_rate_limit_refuses_with_its_own_code(body: object) -> None:
    _, events = run(ONE, 429, body)

    assert isinstance(events[0], ev.OrderRejected)
    assert (events[0].http_status, events[0].code) == (429, "too_many_requests")


@pytest.mark.parametrize("code", ["internal_server_error", "service_unavailable", "EXCHANGE_UNAVAILABLE", "timeout"])
def test_an_unsure_error_inside_a_batch_is_unknown(code: str) -> None:
    _, events = run(TWO, 201, {"orders": [{"error": {"code": code}}, accepted("b", "o-2")]})

    assert events[0] == ev.OrderOutcomeUnknown("a", "create", code)


def test_a_refusal_without_a_code_is_named_by_its_status() -> None:
    _, events = run(ONE, 400, {"msg": "Parameter validation failed"})

    assert events == [ev.OrderRejected("a", 400, "http_400", "Parameter validation failed")]


# Amending


def test_a_renewal_sends_price_and_total_as_they_are() -> None:
    request, events = run(AMEND, 200, {"order_id": "another order's", "ts_ms": 1})

    assert (request.method, request.path, request.query) == ("POST", "/portfolio/events/orders/o%2F1/amend", "subaccount=5")
    assert msgspec.json.decode(request.body) == {
        "ticker": "KXINXU-26NOV23H1000-T7844.9999",
        "side": "bid",
        "price": "0.4700",
        "count": "12.00",
        "client_order_id": "a",
        "expiration_time": 1_795_446_020,
        "exchange_index": 2,
    }
    assert events == [ev.OrderAmended("a", 1_795_446_020)]


def test_a_renewal_that_would_remove_the_expiry_is_never_sent() -> None:
    with pytest.raises(AssertionError):
        next(calls_for(msgspec.structs.replace(AMEND, expiration_s=0)))


def test_a_refused_renewal_says_whether_the_order_is_gone() -> None:
    _, gone = run(AMEND, 404, {"error": {"code": "not_found", "message": "not found"}})
    _, paused = run(AMEND, 409, {"error": {"code": "trading_is_paused"}})
    _, lost = run(AMEND, 0, b"", "connection lost")
    _, proxy = run(AMEND, 404, b"<html>no such page</html>")

    assert gone == [ev.AmendRefused("a", 404, "not_found")]
    assert paused == [ev.AmendRefused("a", 409, "trading_is_paused")]
    assert lost == [ev.OrderOutcomeUnknown("a", "amend", "connection lost")]
    assert [type(event) for event in proxy] == [ev.OrderOutcomeUnknown]


# Cancelling


def test_cancels_go_in_one_batch_with_shard_and_subaccount() -> None:
    answer = {"orders": [{"order_id": "o-2", "reduced_by": "5.00"}, {"order_id": "o-1", "client_order_id": "a", "reduced_by": "10.00"}]}

    request, events = run(CANCELS, 200, answer)

    assert (request.method, request.path) == ("DELETE", "/portfolio/events/orders/batched")
    assert msgspec.json.decode(request.body) == {
        "orders": [
            {"order_id": "o-1", "exchange_index": 2, "market_ticker": "T1", "subaccount": 5},
            {"order_id": "o-2", "exchange_index": 0, "market_ticker": "T2", "subaccount": 5},
        ]
    }
    assert events == [ev.OrderCancelled("a", "o-1", 1_000), ev.OrderCancelled("b", "o-2", 500)]


def test_an_order_not_found_in_a_batch_is_proof_that_it_is_gone() -> None:
    answer = {
        "orders": [
            {"order_id": "o-1", "reduced_by": "0.00", "error": {"code": "not_found", "message": "not found"}},
            {"order_id": "o-2", "reduced_by": "0.00", "error": {"code": "exchange_is_paused"}},
        ]
    }

    _, events = run(CANCELS, 200, answer)

    assert events == [ev.CancelRefused("a", "o-1", 404, "not_found"), ev.CancelRefused("b", "o-2", 400, "exchange_is_paused")]


def test_a_batch_not_found_as_a_whole_proves_nothing_of_its_orders() -> None:
    _, events = run(CANCELS, 404, {"error": {"code": "not_found"}})

    assert [type(event) for event in events] == [ev.OrderOutcomeUnknown] * 2


@pytest.mark.parametrize(("status", "body"), [(0, b""), (503, b"{}"), (200, b"<html>"), (200, b'{"orders":{}}')])
def test_cancels_without_a_clear_answer_are_unknown(status: int, body: bytes) -> None:
    _, events = run(CANCELS, status, body, "timed out")

    assert [(type(event), getattr(event, "action", "")) for event in events] == [(ev.OrderOutcomeUnknown, "cancel")] * 2


def test_cancels_refused_as_a_whole_are_refused_one_by_one() -> None:
    _, events = run(CANCELS, 429, {"error": "too many requests"})

    assert events == [ev.CancelRefused("a", "o-1", 429, "too_many_requests"), ev.CancelRefused("b", "o-2", 429, "too_many_requests")]


def test_cancel_all_names_its_subaccount() -> None:
    request, events = run(cmd.CancelAll(0), 204, b"")

    assert (request.method, request.path, request.query, request.body) == ("DELETE", "/portfolio/events/orders", "subaccount=0", b"")
    assert events == [ev.CancelAllAcknowledged()]


def test_a_failed_cancel_all_is_not_acknowledged() -> None:
    _, events = run(cmd.CancelAll(0), 503, b"")

    assert events == [ev.RequestFailed("CancelAll", 0, 503, "http 503: http_503")]


# The group


def test_a_group_is_created_with_its_limit() -> None:
    request, events = run(cmd.CreateGroup(7, 500, 5), 201, {"order_group_id": "g-9", "subaccount": 5, "exchange_index": 0})

    assert (request.method, request.path) == ("POST", "/portfolio/order_groups/create")
    assert msgspec.json.decode(request.body) == {"contracts_limit": 500, "subaccount": 5, "exchange_index": 0}
    assert events == [ev.GroupCreated("g-9")]


@pytest.mark.parametrize(("status", "body"), [(201, b"{}"), (201, b'{"order_group_id":""}'), (500, b""), (0, b"")])
def test_a_group_without_an_id_was_not_created(status: int, body: bytes) -> None:
    _, events = run(cmd.CreateGroup(7, 500, 5), status, body)

    assert [(type(event), getattr(event, "request", 0)) for event in events] == [(ev.RequestFailed, 7)]


@pytest.mark.parametrize(("status", "body"), [(200, b"{}"), (404, b'{"error":{"code":"not_found"}}')])
def test_a_triggered_group_and_one_that_is_gone_are_both_triggered(status: int, body: bytes) -> None:
    request, events = run(cmd.TriggerGroup(8, "g-1", 3), status, body)

    assert (request.method, request.path, request.body) == ("PUT", "/portfolio/order_groups/g-1/trigger", b"{}")
    assert request.query == "subaccount=3"  # left out it is 0, where the venue doesn't know the group
    assert events == [ev.GroupTriggered("g-1")]


@pytest.mark.parametrize(("status", "body"), [(0, b""), (500, b""), (401, b"{}"), (404, b"<html>no such page</html>")])
def test_anything_else_leaves_a_group_untriggered(status: int, body: bytes) -> None:
    _, events = run(cmd.TriggerGroup(8, "g-1", 3), status, body)

    assert [(type(event), getattr(event, "request", 0)) for event in events] == [(ev.RequestFailed, 8)]


def test_a_command_for_others_is_refused() -> None:
    with pytest.raises(TypeError, match="SubscribeBooks"):
        calls_for(cmd.SubscribeBooks(("T",)))
