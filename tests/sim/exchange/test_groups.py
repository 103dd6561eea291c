"""Order groups at the simulated venue: the fifteen-second limit, the kill switch, and what each leaves behind."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.exchange.venue_kit import Kit, frames, refusal

GROUPS = "/portfolio/order_groups"


def group(kit: Kit, limit: int = 10) -> str:
    answer = kit.ask("POST", f"{GROUPS}/create", body={"contracts_limit": limit, "subaccount": 0, "exchange_index": 0})
    assert answer.status == 201
    return str(json.loads(answer.body)["order_group_id"])


def taken(kit: Kit, count: str) -> None:
    kit.place("ask", "0.40", count, subaccount=1)


def test_a_triggered_group_cancels_its_orders_and_lets_no_more_in() -> None:
    kit = Kit()
    name = group(kit)
    kit.place(order_group_id=name)
    other = kit.place()

    assert kit.ask("PUT", f"{GROUPS}/{name}/trigger", body={}).status == 200

    assert kit.resting() == [other["order_id"]]
    assert kit.refused(order_group_id=name)[1] == "exceeded_order_group_risk_limit"
    assert name not in kit.exchange.audit(kit.now_ns).group_ids_open


def test_a_reset_group_takes_orders_again() -> None:
    kit = Kit()
    name = group(kit)
    kit.ask("PUT", f"{GROUPS}/{name}/trigger", body={})

    kit.ask("PUT", f"{GROUPS}/{name}/reset", body={})

    assert kit.place(order_group_id=name)["remaining_count"] == "10.00"


@pytest.mark.parametrize(("pause_s", "rests"), [(14.9, 0), (15.0, 1)])
def test_contracts_of_fifteen_seconds_stop_a_group(pause_s: float, rests: int) -> None:
    kit = Kit()
    name = group(kit, 10)
    kit.place(count="50", order_group_id=name)
    taken(kit, "6")
    kit.wait(pause_s)

    taken(kit, "4")

    assert len(kit.resting()) == rests


def test_a_limit_below_what_was_matched_stops_a_group_at_once() -> None:
    kit = Kit()
    name = group(kit, 100)
    kit.place(count="50", order_group_id=name)
    taken(kit, "6")

    kit.ask("PUT", f"{GROUPS}/{name}/limit", body={"contracts_limit": 5})

    assert kit.resting() == []


def test_a_deleted_group_takes_its_orders_with_it_and_is_unknown_afterwards() -> None:
    kit = Kit()
    name = group(kit)
    kit.place(order_group_id=name)

    kit.ask("DELETE", f"{GROUPS}/{name}")

    assert kit.resting() == []
    assert refusal(kit.ask("PUT", f"{GROUPS}/{name}/trigger", body={}))[:2] == (404, "order_group_not_found")


def test_a_new_group_is_read_only_after_a_moment() -> None:
    kit = Kit()
    name = group(kit)
    made = kit.place(order_group_id=name)

    early = kit.ask("GET", f"{GROUPS}/{name}").status
    kit.wait(0.3)

    assert early == 404
    assert kit.get(f"{GROUPS}/{name}") == {
        "is_auto_cancel_enabled": True,
        "contracts_limit_fp": "10.00",
        "exchange_index": 0,
        "orders": [made["order_id"]],
    }


def test_the_stream_tells_of_a_trigger_before_the_cancels_it_causes() -> None:
    kit = Kit()
    stream = kit.subscribe("order_group_updates", "user_orders")
    name = group(kit)
    kit.place(order_group_id=name)
    kit.ask("PUT", f"{GROUPS}/{name}/trigger", body={})

    told = [(frame["type"], frame["msg"].get("event_type") or frame["msg"].get("status")) for frame in frames(stream)[2:]]

    assert told == [
        ("order_group_updates", "created"),
        ("user_order", "resting"),
        ("order_group_updates", "triggered"),
        ("user_order", "canceled"),
    ]


@given(
    limit=st.integers(2, 20),
    steps=st.lists(st.tuples(st.sampled_from([0.0, 1.0, 7.5, 14.0, 15.0, 16.0]), st.integers(1, 8)), min_size=1, max_size=12),
)
@settings(max_examples=3 * settings().max_examples)
def test_a_group_stops_exactly_when_fifteen_seconds_hold_its_limit(limit: int, steps: list[tuple[float, int]]) -> None:
    kit = Kit(legs={"KXINXU": 1, "KXNASDAQ100U": 1, "KXINX": 3, "KXNASDAQ100": 3})
    name = group(kit, limit)
    kit.place(count="200", order_group_id=name)
    matched: list[tuple[float, int]] = []
    at_s = 0.0
    for pause_s, count in steps:
        kit.wait(pause_s)
        at_s += pause_s
        taken(kit, str(count))
        matched.append((at_s, count))
        stops = sum(size for when_s, size in matched if at_s - when_s < 15) >= limit

        assert (kit.resting() == []) == stops
        if stops:
            break
