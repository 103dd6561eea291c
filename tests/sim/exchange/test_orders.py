"""Orders at the simulated venue: what is accepted, who trades first, what ends them."""

import json
from typing import Any

import pytest

from tests.sim.exchange.venue_kit import MORNING_NS, ORDERS, TEN_NS, TICKER, Kit, frames, refusal

OTHER: dict[str, Any] = {"subaccount": 1}


def test_an_order_rests_and_is_read_back_with_every_field_it_was_given() -> None:
    kit = Kit()

    made = kit.place("bid", "0.4", "10", expiration_time=MORNING_NS // 10**9 + 20, cancel_order_on_pause=True)
    order = kit.order(made["order_id"])

    assert (made["fill_count"], made["remaining_count"], "average_fill_price" in made) == ("0.00", "10.00", False)
    assert (order["status"], order["yes_price_dollars"], order["no_price_dollars"]) == ("resting", "0.4000", "0.6000")
    assert (order["book_side"], order["outcome_side"], order["initial_count_fp"]) == ("bid", "yes", "10.00")
    assert (order["expiration_time"], order["client_order_id"]) == ("2026-11-23T14:40:20.000000Z", "c-1")


def test_the_older_order_at_a_price_trades_first_and_a_better_price_before_both() -> None:
    kit = Kit()
    first, second, better = kit.place("bid", "0.40", "5"), kit.place("bid", "0.40", "5"), kit.place("bid", "0.41", "5")

    taken = kit.place("ask", "0.40", "12", **OTHER)

    assert (taken["fill_count"], taken["remaining_count"], taken["average_fill_price"]) == ("12.00", "0.00", "0.4042")
    assert [kit.order(made["order_id"])["fill_count_fp"] for made in (first, second, better)] == ["5.00", "2.00", "5.00"]


def test_taking_costs_the_published_fee_and_making_nothing() -> None:
    kit = Kit()
    kit.place("ask", "0.52", "1", **OTHER)

    kit.place("bid", "0.52", "1")
    kit.wait(0.3)

    fills = kit.get("/portfolio/fills")["fills"]
    # Recorded at the venue: one contract at 0.52.
    assert {(fill["is_taker"], fill["fee_cost"]) for fill in fills} == {(True, "0.017500"), (False, "0.000000")}


def test_a_post_only_order_that_would_trade_is_refused() -> None:
    kit = Kit()
    kit.place("ask", "0.45", **OTHER)

    assert kit.refused("bid", "0.45", post_only=True) == (400, "invalid_order", "post only cross")
    assert kit.place("bid", "0.44", post_only=True)["remaining_count"] == "10.00"


def test_a_post_only_order_that_would_trade_can_be_accepted_and_cancelled_instead() -> None:
    kit = Kit(post_only_cross="cancel")
    kit.place("ask", "0.45", **OTHER)
    stream = kit.subscribe("user_orders")

    made = kit.place("bid", "0.45", post_only=True)

    assert (made["fill_count"], made["remaining_count"]) == ("0.00", "0.00")
    assert [frame["msg"]["last_update_reason"] for frame in frames(stream) if frame["type"] == "user_order"] == ["PostOnlyCrossCancel"]


def test_a_client_order_id_is_spent_for_good() -> None:
    kit = Kit()
    made = kit.place(client_order_id="once")
    kit.ask("DELETE", f"{ORDERS}/{made['order_id']}")

    assert kit.refused(client_order_id="once")[:2] == (409, "order_already_exists")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price": "0.515"}, "invalid_price"),
        ({"price": "1.00"}, "invalid_price"),
        ({"count": "0"}, "invalid_order_size"),
        ({"expiration_time": MORNING_NS // 10**9}, "invalid_parameters"),
        ({"ticker": "KXINXU-26NOV23H1000-T1"}, "market_not_found"),
        ({"client_order_id": "a.b"}, "invalid_parameters"),
        ({"reduce_only": True}, "invalid_order"),
        ({"order_group_id": "none"}, "order_group_not_found"),
        ({"count": "9999999"}, "insufficient_balance"),
        ({"side": "buy"}, "invalid_parameters"),
    ],
)
def test_an_order_with_a_wrong_term_is_refused(changes: dict[str, object], code: str) -> None:
    kit = Kit()

    assert refusal(kit.ask("POST", ORDERS, body={**kit.body(), **changes}))[1] == code
    assert kit.resting() == []


def test_a_number_where_the_venue_wants_a_string_gives_its_decoders_words() -> None:
    kit = Kit()

    answer = kit.ask("POST", ORDERS, body={**kit.body(), "count": 10})

    assert (answer.status, json.loads(answer.body)) == (
        400,
        {
            "code": "bad_request",
            "message": "bad request",
            "details": "json: cannot unmarshal number into Go struct field CreateOrderV2Request.count of type string",
        },
    )


def test_an_order_ends_at_its_expiry_and_no_earlier() -> None:
    kit = Kit()
    kit.place(expiration_time=MORNING_NS // 10**9 + 20)
    stream = kit.subscribe("user_orders")
    kit.wait(19.999)
    before = kit.resting()

    kit.wait(0.001)

    assert (len(before), kit.resting()) == (1, [])
    assert frames(stream)[-1]["msg"]["last_update_reason"] == "ExpiryCancel"


def test_an_amended_expiry_replaces_the_old_one_and_keeps_the_place_in_the_queue() -> None:
    kit = Kit()
    first = kit.place("bid", "0.40", "5", expiration_time=MORNING_NS // 10**9 + 20)
    kit.place("bid", "0.40", "5")
    changed = {"ticker": TICKER, "side": "bid", "price": "0.40", "count": "5", "expiration_time": MORNING_NS // 10**9 + 40}

    assert kit.ask("POST", f"{ORDERS}/{first['order_id']}/amend", body=changed).status == 200
    kit.wait(30)
    kit.place("ask", "0.40", "5", **OTHER)

    assert kit.order(first["order_id"])["status"] == "executed"


def test_an_amended_count_is_the_total_and_a_larger_one_loses_the_place() -> None:
    kit = Kit()
    first, second = kit.place("bid", "0.40", "5"), kit.place("bid", "0.40", "5")
    kit.place("ask", "0.40", "2", **OTHER)

    answer = kit.ask("POST", f"{ORDERS}/{first['order_id']}/amend", body={"ticker": TICKER, "side": "bid", "price": "0.40", "count": "7"})
    kit.place("ask", "0.40", "5", **OTHER)

    assert json.loads(answer.body)["remaining_count"] == "5.00"
    assert (kit.order(first["order_id"])["fill_count_fp"], kit.order(second["order_id"])["status"]) == ("2.00", "executed")


def test_a_decreased_order_keeps_its_place_and_shows_what_is_left() -> None:
    kit = Kit()
    first = kit.place("bid", "0.40", "5")
    kit.place("bid", "0.40", "5")

    answer = kit.ask("POST", f"{ORDERS}/{first['order_id']}/decrease", body={"reduce_to": "2"})
    kit.place("ask", "0.40", "2", **OTHER)

    assert json.loads(answer.body)["remaining_count"] == "2.00"
    assert kit.order(first["order_id"])["status"] == "executed"


def test_cancelling_twice_gives_not_found() -> None:
    kit = Kit()
    made = kit.place()

    first, second = (kit.ask("DELETE", f"{ORDERS}/{made['order_id']}") for _ in range(2))

    assert (first.status, json.loads(first.body)["reduced_by"]) == (200, "10.00")
    assert refusal(second)[:2] == (404, "not_found")


def test_a_read_shows_a_cancelled_order_as_resting_for_a_moment() -> None:
    kit = Kit()
    made = kit.place()
    kit.wait(1)
    kit.ask("DELETE", f"{ORDERS}/{made['order_id']}")
    kit.wait(0.2)

    early = kit.get("/portfolio/orders", "status=resting")["orders"]
    told = kit.get("/exchange/user_data_timestamp")["as_of_time"]
    kit.wait(0.2)

    assert (len(early), told) == (1, "2026-11-23T14:40:00.900000Z")
    assert kit.get("/portfolio/orders", "status=resting")["orders"] == []


def test_meeting_an_order_of_ones_own_ends_the_newer_or_the_older_as_asked() -> None:
    kit = Kit()
    resting = kit.place("ask", "0.45")

    newer = kit.place("bid", "0.45")
    older = kit.place("bid", "0.45", self_trade_prevention_type="maker")

    assert (newer["fill_count"], newer["remaining_count"]) == ("0.00", "0.00")
    assert (older["remaining_count"], kit.order(resting["order_id"])["status"]) == ("10.00", "canceled")


@pytest.mark.parametrize(("time_in_force", "filled"), [("immediate_or_cancel", "4.00"), ("fill_or_kill", "0.00")])
def test_an_order_that_may_not_rest_takes_what_is_there_or_nothing(time_in_force: str, filled: str) -> None:
    kit = Kit()
    kit.place("ask", "0.45", "4", **OTHER)

    made = kit.place("bid", "0.45", "5", time_in_force=time_in_force)

    assert (made["fill_count"], made["remaining_count"]) == (filled, "0.00")


def test_a_batch_answers_for_each_order_by_its_own_id() -> None:
    kit = Kit()
    good, bad = kit.body(), {**kit.body(), "price": "0.405"}

    made = json.loads(kit.ask("POST", f"{ORDERS}/batched", body={"orders": [bad, good]}).body)["orders"]
    gone = json.loads(
        kit.ask("DELETE", f"{ORDERS}/batched", body={"orders": [{"order_id": made[1]["order_id"]}, {"order_id": "none"}]}).body
    )["orders"]

    assert (made[0]["client_order_id"], made[0]["error"]["code"], made[1]["remaining_count"]) == ("c-2", "invalid_price", "10.00")
    assert (gone[0]["reduced_by"], gone[1]["error"]["code"]) == ("10.00", "not_found")


def test_cancel_all_takes_one_subaccount_or_every_one_and_catches_later_orders_too() -> None:
    kit = Kit(cancel_all_tail_p=1.0)
    kit.place()
    kit.place(**OTHER)

    kit.ask("DELETE", ORDERS, "subaccount=0")
    after_one = len(kit.resting())
    status = kit.ask("DELETE", ORDERS).status
    kit.place()
    kit.wait(1.1)
    caught = len(kit.resting())
    kit.wait(60)
    kit.place()
    kit.wait(2)

    assert (after_one, status, caught, len(kit.resting())) == (1, 204, 0, 1)


def test_a_closed_market_refuses_writes_and_cancels_what_rests_soon_after() -> None:
    kit = Kit()
    made = kit.place()
    stream = kit.subscribe("user_orders")
    kit.now_ns = TEN_NS
    refused = kit.refused()[1], refusal(kit.ask("DELETE", f"{ORDERS}/{made['order_id']}"))[1]

    kit.wait(0.1)

    assert refused == ("market_inactive", "market_inactive")
    assert (kit.resting(), frames(stream)[-1]["msg"]["last_update_reason"]) == ([], "CloseCancel")


def test_the_first_order_endpoint_is_gone() -> None:
    assert refusal(Kit().ask("POST", "/portfolio/orders", body={})) == (
        410,
        "deprecated_v1_order_endpoint",
        "Please switch to the V2 endpoints",
    )


def test_the_record_tells_every_step_of_an_order() -> None:
    kit = Kit()
    made = kit.place("bid", "0.40", "5", expiration_time=MORNING_NS // 10**9 + 20)
    kit.place("ask", "0.40", "2", **OTHER)
    kit.refused(price="0.405", client_order_id="never")
    kit.wait(20)

    steps = [(event.kind, event.remaining_e2, event.reason) for event in kit.exchange.order_log if event.order_id == made["order_id"]]

    assert steps == [("accepted", 500, ""), ("filled", 300, "maker"), ("cancelled", 0, "ExpiryCancel")]
    assert [event.client_order_id for event in kit.exchange.order_log if event.kind == "rejected"] == ["never"]
