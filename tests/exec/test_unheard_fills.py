"""The risk of an order stays until its trades are booked, whichever is heard first: its end or they."""

from typing import Literal

import pytest
from msgspec.structs import replace

from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.orders import Order, VenueOrder
from tests.exec.harness import Rig, booted, quoting


def resting(rig: Rig) -> Order:
    """Return an order, every other one being told to rest no more, and stop whatever would take its place."""
    [order, *others] = [one for one in rig.live("resting") if one.intent.side == "bid"]
    rig.silent |= {"Persist", "ReadFills", "ReadOpenOrders", "ReadPositions"}
    rig.tell(ev.OperatorStopped("anna", "alone"))
    for other in [*others, *(one for one in rig.live() if one.intent.side == "ask")]:
        rig.tell(ev.OrderCancelled(other.intent.client_order_id, other.order_id, other.remaining_e2))
    return order


def alone() -> tuple[Rig, Order]:
    rig = quoting()
    rig.answers_orders = False
    return rig, resting(rig)


def at_risk(rig: Rig, order: Order) -> int:
    return rig.engine.facts.risk.worst_case_e6(order.intent.event_ticker)


def cost(order: Order, count_e2: int = 1_000) -> int:
    return order.intent.price_e4 * count_e2


def report(order: Order, filled_e2: int, status: Literal["executed", "canceled"] = "executed") -> VenueOrder:
    intent = order.intent
    return VenueOrder(order.order_id, intent.client_order_id, intent.ticker, "bid", intent.price_e4, 0, filled_e2, status, intent.group_id)


def end_by(rig: Rig, order: Order, how: str) -> None:
    client_id, order_id = order.intent.client_order_id, order.order_id
    match how:
        case "executed":
            rig.tell(ev.OrderUpdated(report(order, 1_000)))
        case "executed by its acknowledgement":
            rig.tell(ev.OrderAccepted(client_id, order_id, 1_000, 0))
        case "partly filled, then cancelled":
            rig.tell(ev.OrderUpdated(report(order, 400, "canceled")))
        case "cancelled short":
            rig.tell(ev.OrderCancelled(client_id, order_id, 600))
        case "cancelled whole":
            rig.tell(ev.OrderCancelled(client_id, order_id, 1_000))
        case _:
            rig.tell(ev.CancelRefused(client_id, order_id, 404, "not_found"))


@pytest.mark.parametrize(
    ("how", "unheard_e2"),
    [
        ("executed", 1_000),
        ("executed by its acknowledgement", 1_000),
        ("partly filled, then cancelled", 400),
        ("cancelled short", 400),
        ("cancelled whole", 0),
        ("gone", 1_000),
    ],
)
def test_what_may_have_been_traded_stays_at_risk_after_the_orders_end(how: str, unheard_e2: int) -> None:
    rig, order = alone()
    before_e6 = at_risk(rig, order)

    end_by(rig, order, how)

    assert not rig.live()
    assert before_e6 == cost(order)
    assert at_risk(rig, order) == cost(order, unheard_e2)


@pytest.mark.parametrize("by", ["client order id", "order id"])
def test_the_trade_takes_its_place_and_counts_once(by: str) -> None:
    rig, order = alone()
    fill = rig.fill_of(order, 1_000)
    end_by(rig, order, "executed")

    rig.tell(ev.Filled(fill if by == "client order id" else replace(fill, client_order_id="")))

    assert rig.engine.facts.ledger.position_e2(order.intent.ticker) == 1_000
    assert at_risk(rig, order) == cost(order)


def test_each_of_two_trades_takes_its_part() -> None:
    rig, order = alone()
    end_by(rig, order, "executed")
    rig.tell(ev.Filled(rig.fill_of(order, 400, "t1")))
    half_e6 = at_risk(rig, order)

    rig.tell(ev.Filled(rig.fill_of(order, 600, "t2")))

    assert (half_e6, at_risk(rig, order)) == (cost(order), cost(order))
    assert rig.engine.facts.ledger.position_e2(order.intent.ticker) == 1_000


@pytest.mark.parametrize(("later_s", "freed"), [(0.9, False), (1.1, True)])
def test_a_read_of_fills_that_is_surely_newer_than_the_end_frees_what_never_was(later_s: float, freed: bool) -> None:
    rig, order = alone()
    end_by(rig, order, "gone")
    ended_ns = rig.utc_ns
    rig.wait(1.5)

    rig.tell(ev.FillsRead(0, ended_ns + int(later_s * NS_PER_S), ()))

    assert at_risk(rig, order) == (0 if freed else cost(order))


def test_nothing_is_kept_for_a_ladder_that_is_over_or_a_trade_of_another_order() -> None:
    rig, order = alone()
    end_by(rig, order, "executed")
    rig.tell(ev.Filled(replace(rig.fill_of(order, 100, "other"), client_order_id="9-9", order_id="v-9")))
    other_e6 = at_risk(rig, order)
    rig.engine.facts.ladders.clear()

    rig.tell(ev.Filled(rig.fill_of(order, 400, "t1")))

    assert other_e6 == cost(order) + cost(order, 100)
    assert at_risk(rig, order) == cost(order, 100)


def test_what_round_trips_cost_counts_after_a_restart() -> None:
    before = quoting()
    order = before.live("resting")[0]
    bought, sold = before.fill_of(order, 100, "t1"), before.fill_of(order, 100, "t2")
    before.tell(ev.Filled(replace(bought, side="bid", price_e4=5_000)))
    before.tell(ev.Filled(replace(sold, side="ask", price_e4=3_000)))
    state = recover(before.engine.snapshot(before.now, 0), ())

    rig = booted(Rig(at_s=before.utc_ns / NS_PER_S + 1, recovered=state), state.groups, epoch=2, verdict="fresh")
    rig.silent.add("PlaceOrders")
    rig.tell(ev.OperatorStopped("anna", "look"))
    rig.tick(20)  # until a read of fills has told that the old orders left none

    assert not rig.live()
    assert rig.engine.facts.risk.worst_case_e6(order.intent.event_ticker) == 200_000
