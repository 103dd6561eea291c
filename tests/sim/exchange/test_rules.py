"""Rate limits, pauses, scripted faults and refusals of the simulated venue."""

import json

import pytest

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sim.exchange import ExchangeConfig, Fault, SimExchange
from kalshi_alpha.sim.exchange.faults import UnknownFaultError
from tests.sim.exchange.venue_kit import MORNING_NS, ORDERS, Kit, StillPath, frames, refusal


def fault(kind: str, seconds: float = 10.0, **params: float | str) -> Fault:
    return Fault(MORNING_NS, MORNING_NS + int(seconds * NS_PER_S), kind, params)


# Rate limits


def test_the_basic_tier_allows_ten_creates_a_second() -> None:
    kit = Kit(tier="basic")
    made = [kit.ask("POST", ORDERS, body=kit.body()).status for _ in range(12)]
    kit.wait(0.1)

    later = [kit.ask("POST", ORDERS, body=kit.body()).status for _ in range(2)]

    assert (made, later) == ([201] * 10 + [429] * 2, [201, 429])
    assert kit.exchange.audit(kit.now_ns).write_tokens == 110


def test_too_many_requests_are_told_in_words_without_a_code() -> None:
    kit = Kit(tier="basic")

    answer = kit.ask("POST", f"{ORDERS}/batched", body={"orders": [kit.body() for _ in range(11)]})

    assert (answer.status, json.loads(answer.body), kit.resting()) == (429, {"error": "too many requests"}, [])


def test_a_cancel_costs_a_fifth_of_a_create() -> None:
    kit = Kit(tier="basic")
    names = [kit.place()["order_id"] for _ in range(9)]

    body = {"orders": [{"order_id": name} for name in names[:5]]}

    assert kit.ask("DELETE", f"{ORDERS}/batched", body=body).status == 200
    assert kit.ask("DELETE", f"{ORDERS}/{names[5]}").status == 429


def test_the_balance_has_a_bucket_of_its_own() -> None:
    kit = Kit(tier="basic")

    statuses = [kit.ask("GET", "/portfolio/balance").status for _ in range(2)]

    assert (statuses, kit.ask("GET", "/portfolio/orders").status) == ([200, 429], 200)


def test_reads_burst_for_three_seconds_worth() -> None:
    kit = Kit(tier="basic")

    statuses = [kit.ask("GET", "/portfolio/orders").status for _ in range(61)]

    assert statuses == [200] * 60 + [429]


def test_the_account_reads_its_own_limits() -> None:
    kit = Kit(tier="advanced")

    limits, costs = kit.get("/account/limits"), kit.get("/account/endpoint_costs")

    assert limits["read"] == {"refill_rate": 300, "bucket_capacity": 900}
    assert {"method": "DELETE", "path": "/trade-api/v2/portfolio/events/orders/:order_id", "cost": 2} in costs["endpoint_costs"]


# Refusals of queries


def test_too_large_a_page_is_refused_in_the_bare_shape() -> None:
    answer = Kit().ask("GET", "/markets", "limit=1001")

    body = json.loads(answer.body)
    assert (answer.status, list(body)) == (400, ["msg"])
    assert "'Limit' failed on the 'lte' tag" in body["msg"]


def test_what_does_not_exist_is_not_found() -> None:
    assert refusal(Kit().ask("GET", "/exchange/announcements"))[:2] == (404, "not_found")


# Pauses


def test_a_trading_pause_refuses_orders_allows_cancels_and_ends_those_that_asked_for_it() -> None:
    kit = Kit()
    stays, ends = kit.place(), kit.place(cancel_order_on_pause=True)
    stream = kit.subscribe("user_orders")
    kit.exchange.set_status(True, False, kit.now_ns + NS_PER_S)
    kit.wait(1)

    refused = kit.refused()[:2]
    halted = [frame["msg"] for frame in frames(stream)[1:]]

    assert refused == (409, "trading_is_paused")
    assert [(order["order_id"], order["last_update_reason"]) for order in halted] == [(ends["order_id"], "HaltCancel")]
    assert kit.ask("DELETE", f"{ORDERS}/{stays['order_id']}").status == 200
    assert kit.get("/exchange/status")["trading_active"] is False


def test_an_exchange_pause_refuses_cancels_too_and_ends_by_itself() -> None:
    kit = Kit(faults=[fault("exchange_pause", 5)])
    kit.wait(0)
    paused = kit.refused()[:2], refusal(kit.ask("DELETE", f"{ORDERS}/x"))[:2]

    kit.wait(5)

    assert paused == ((409, "exchange_is_paused"), (409, "exchange_is_paused"))
    assert kit.place()["remaining_count"] == "10.00"


# Faults


def test_a_refused_create_is_refused_once() -> None:
    kit = Kit(faults=[fault("reject", code="trading_is_paused", status=409)])

    assert kit.refused()[:2] == (409, "trading_is_paused")
    assert kit.place()["remaining_count"] == "10.00"


@pytest.mark.parametrize(
    ("kind", "status", "resting"),
    [("lose_reply", 0, 1), ("unavailable_before", 503, 0), ("unavailable_after", 503, 1), ("too_many", 429, 0)],
)
def test_a_fault_changes_the_answer_and_perhaps_not_the_deed(kind: str, status: int, resting: int) -> None:
    kit = Kit(faults=[fault(kind)])

    answer = kit.ask("POST", ORDERS, body=kit.body())

    assert (answer.status, len(kit.resting())) == (status, resting)
    assert kit.ask("GET", "/portfolio/orders").status == 200


def test_a_fault_ends_with_its_time() -> None:
    kit = Kit(faults=[fault("unavailable_before", 3)])
    kit.wait(3)

    assert kit.place()["remaining_count"] == "10.00"


def test_an_unknown_fault_is_refused() -> None:
    kit = Kit()
    config = ExchangeConfig(session=kit.exchange._venue.config.session)

    with pytest.raises(UnknownFaultError, match="gremlin"):
        SimExchange(config, StillPath(), 1, [fault("gremlin")])
