"""The outstanding orders and their latches."""

import msgspec
import pytest

from kalshi_alpha.exec.state.orders import CLOSED_KEPT, OutstandingOrdersState
from kalshi_alpha.model.orders import VenueOrder
from kalshi_alpha.model.snapshot import SnapshotOrder
from tests.adapters.journal_samples import TICKER, intent

END_S = 1_795_445_120


def report(**changes: object) -> VenueOrder:
    return msgspec.structs.replace(VenueOrder("v-1", "ka-7-000001", TICKER, "bid", 5_000, 1_000, 0, "resting"), **changes)


def test_a_slot_is_taken_from_the_intent_to_the_end() -> None:
    orders = OutstandingOrdersState()
    order = orders.intend(intent(), 1)

    assert orders.in_slot(TICKER, "bid") is order
    assert orders.in_slot(TICKER, "ask") is None
    with pytest.raises(AssertionError):
        orders.intend(intent(2), 2)
    orders.close(order, 0)
    assert (len(orders), orders.in_slot(TICKER, "bid"), order.status) == (0, None, "done")
    assert orders.was_ours("ka-7-000001")


def test_an_order_is_found_by_either_id() -> None:
    orders = OutstandingOrdersState()
    order = orders.intend(intent(), 1)
    orders.accepted(order, "v-1", 0, 2)

    assert orders.find("ka-7-000001") is order
    assert orders.find("", "v-1") is order
    assert orders.find("", "") is None


def test_a_cancel_on_its_way_stays_one_when_the_acceptance_comes_late() -> None:
    orders = OutstandingOrdersState()
    order = orders.intend(intent(), 1)
    orders.set_status(order, "cancelling", 2)

    orders.accepted(order, "v-1", 0, 3)
    orders.reported(order, report(), 4)

    assert (order.status, order.changed_ns) == ("cancelling", 2)


def test_fills_alone_count_what_is_left() -> None:
    orders = OutstandingOrdersState()
    order = orders.intend(intent(), 1)

    orders.filled(order, 400, 2)

    assert (order.filled_e2, order.remaining_e2) == (400, 600)
    orders.filled(order, 600, 3)
    assert len(orders) == 0


@pytest.mark.parametrize(("status", "kept"), [("resting", 1), ("unknown", 1), ("canceled", 0), ("executed", 0)])
def test_the_venues_word_keeps_or_ends(status: str, kept: int) -> None:
    orders = OutstandingOrdersState()
    order = orders.intend(intent(), 1)
    orders.set_status(order, "unknown", 1)

    orders.reported(order, report(status=status, expiration_s=END_S + 9), 2)

    assert len(orders) == kept
    assert not kept or (order.status, order.expiration_s, order.order_id) == ("resting", END_S + 9, "v-1")


def test_an_order_ends_two_seconds_after_the_expiry_it_may_have() -> None:
    orders = OutstandingOrdersState()
    order = orders.intend(intent(), 1)

    assert orders.expired((END_S + 2) * 10**9) == []
    assert orders.expired((END_S + 3) * 10**9) == [order]


def test_a_restored_order_is_unknown_with_what_was_left() -> None:
    orders = OutstandingOrdersState()

    order = orders.restore(SnapshotOrder(intent(), "resting", "v-1", 300, END_S), 5, END_S - 1)
    second = orders.restore(SnapshotOrder(intent(2), "unknown", "", 1_000, END_S), 5, END_S + 7)

    assert (order.status, order.filled_e2, order.remaining_e2, order.expiration_s) == ("unknown", 700, 300, END_S)
    assert second.expiration_s == END_S + 7
    assert orders.in_slot(TICKER, "bid") is order
    orders.close(second, 0)
    assert orders.in_slot(TICKER, "bid") is order


def test_a_latch_lifts_only_by_its_own_name() -> None:
    orders = OutstandingOrdersState()

    assert orders.mark_cancel_all("operator_stop", "anna")
    assert not orders.mark_cancel_all("operator_stop", "ben")
    assert orders.mark_cancel_all("lunch")
    assert not orders.clear("dinner")
    assert orders.clear("lunch")
    assert orders.latches == {"operator_stop": ("anna", "cancel-all")}


def test_the_oldest_ended_orders_are_forgotten() -> None:
    orders = OutstandingOrdersState()
    for number in range(CLOSED_KEPT + 1):
        orders.close(orders.intend(intent(number), number), number)

    assert not orders.was_ours("ka-7-000000")
    assert orders.was_ours("ka-7-000001")
