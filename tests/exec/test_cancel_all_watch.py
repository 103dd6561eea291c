"""A latch is carried out, proven by a read as of later than it, and carried out by stronger means where that takes too long."""

import pytest

from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S
from tests.exec.harness import Rig, quoting

MARK = ev.CancelAllMarked("anna", "lunch")


def stronger(rig: Rig) -> tuple[int, int]:
    """Return how often the group was triggered and the account cancelled."""
    return len(rig.take(cmd.TriggerGroup)), len(rig.take(cmd.CancelAll))


def titles(rig: Rig) -> list[str]:
    return [noted.title for noted in rig.incidents("operator") if "isn't proven" in noted.title]


def test_a_cancel_all_that_works_needs_nothing_stronger_and_is_proven_within_a_second() -> None:
    rig = quoting()
    rig.clear()

    rig.tell(MARK)
    rig.wait(1.0)
    proven_ns = rig.engine.reconciler.empty_as_of_ns
    rig.wait(10)

    assert rig.utc_ns - 10 * NS_PER_S - proven_ns <= NS_PER_S
    assert rig.live() == []
    assert stronger(rig) == (0, 0)
    assert titles(rig) == []


def test_what_isnt_proven_after_three_seconds_is_cancelled_by_group_and_account_until_it_is() -> None:
    rig = quoting()
    rig.clear()
    rig.answers_orders = False
    rig.silent |= {"TriggerGroup"}

    rig.tell(MARK)
    rig.wait(2.9)
    early = stronger(rig)
    rig.wait(0.3)
    first = stronger(rig)
    rig.wait(3.0)
    second, told = stronger(rig), titles(rig)
    for order in rig.live():
        rig.end(order.intent.client_order_id)
        rig.tell(ev.OrderCancelled(order.intent.client_order_id, order.order_id, order.remaining_e2))
    rig.clear()
    rig.wait(10)

    assert (early, first, second) == ((0, 0), (1, 1), (2, 2))
    assert stronger(rig) == (0, 0)
    assert told == ["Cancel-all isn't proven after 3 s"]


def test_marking_it_again_and_again_does_not_put_off_the_stronger_means() -> None:
    rig = quoting()
    rig.clear()
    rig.answers_orders = False
    rig.silent |= {"TriggerGroup"}

    for _ in range(14):
        rig.tell(MARK)
        rig.wait(0.4)

    assert stronger(rig) == (1, 1)
    assert titles(rig) == ["Cancel-all isn't proven after 3 s"]


def test_a_view_that_cant_be_read_proves_nothing() -> None:
    rig = quoting()
    rig.clear()
    rig.silent |= {"ReadOpenOrders"}

    rig.tell(MARK)
    rig.wait(4)

    assert stronger(rig) == (1, 1)


@pytest.mark.parametrize("latch", ["risk_limit", "somebody_else_trades"])
def test_a_latch_that_something_else_sets_is_watched_as_well(latch: str) -> None:
    rig = quoting()
    rig.clear()
    rig.answers_orders = False
    rig.silent |= {"TriggerGroup"}

    rig.engine.facts.orders.mark_cancel_all(latch, "engine")
    rig.tick(5)

    assert stronger(rig) == (1, 1)


def test_a_latch_that_is_lifted_needs_no_proof() -> None:
    rig = quoting()
    rig.clear()
    rig.silent |= {"ReadOpenOrders"}

    rig.tell(MARK)
    rig.wait(1)
    rig.tell(ev.OperatorCleared("anna", "lunch"))
    rig.wait(5)

    assert stronger(rig) == (0, 0)


def test_stop_cancels_the_account_at_once() -> None:
    rig = quoting()
    rig.clear()

    rig.tell(ev.OperatorStopped("anna", "smoke"))

    assert stronger(rig) == (0, 1)
    rig.wait(5)
    assert stronger(rig) == (0, 1)


def test_once_the_latch_is_lifted_there_is_a_new_group_and_quotes_again() -> None:
    rig = quoting()
    group = rig.engine.facts.venue.group_id
    rig.answers_orders = False
    rig.silent |= {"TriggerGroup", "ReadOpenOrders"}
    rig.tell(MARK)
    rig.tick(5)
    for client_id in list(rig.venue_orders):
        rig.end(client_id)
    rig.answers_orders = True
    rig.silent.clear()
    rig.tick(5)

    rig.engine.facts.orders.clear("lunch")  # as the end of a maintenance lifts its own
    rig.tick(5)

    assert rig.engine.facts.venue.group_id not in ("", group)
    assert rig.live("resting")
