"""The write budget: cancels are always paid for, and what matters most goes first."""

from kalshi_alpha.config import QuotingConfig
from kalshi_alpha.exec.planner import OrderPlanner
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S
from tests.exec.harness import TARGET_S, Rig, booted, quoting, settings


def narrow(count: int) -> Rig:
    return Rig(config=settings(QuotingConfig(rungs_each_side=3, max_open_orders=count)))


def test_after_every_create_and_renewal_the_bucket_still_pays_for_cancelling_all() -> None:
    rig = booted(Rig())

    for second in range(60):
        rig.levels["I:SPX"] += 1.5 if second % 4 == 0 else 0.0
        rig.tick()
        for step in rig.steps:
            if any(isinstance(command, cmd.Persist | cmd.AmendExpiry) for command in step):
                assert rig.engine.facts.bucket.available(rig.now.mono_ns) >= 0
        rig.steps.clear()
        assert rig.engine.facts.bucket.available(rig.now.mono_ns) >= 2 * len(rig.live())


def test_a_create_leaves_two_tokens_for_every_live_order() -> None:
    rig = Rig()
    engine = rig.engine
    seen = []

    def watched(now: object, *, due: bool, plan: object = engine.planner.plan) -> None:
        before = len(engine.facts.orders)
        plan(now, due=due)  # type: ignore[operator] # the bound method itself
        if len(engine.facts.orders) > before:
            seen.append(engine.facts.bucket.available(rig.now.mono_ns) - 2 * len(engine.facts.orders))

    engine.planner.plan = watched  # type: ignore[method-assign] # watched from outside
    booted(rig)
    rig.tick(12)

    assert seen
    assert min(seen) >= 0


def test_cancels_precede_creates_in_the_order_of_commands() -> None:
    rig = quoting()

    rig.levels["I:SPX"] += 10.0
    rig.tick(2)

    order = [type(command).__name__ for command in rig.commands if isinstance(command, cmd.CancelOrders | cmd.PlaceOrders)]
    assert order[0] == "CancelOrders"
    assert "PlaceOrders" in order


def test_the_quotes_nearest_the_money_go_first() -> None:
    rig = narrow(2)
    rig.dead_legs |= {("polygon", "I:NDX"), ("massive", "I:NDX")}
    booted(rig)

    rig.tick(6)

    assert {round(order.intent.inputs.fair_p, 1) for order in rig.live()} == {0.5}


def test_renewals_keep_the_slot_and_the_price() -> None:
    rig = quoting(narrow(2))
    kept = {order.intent.client_order_id: order.expiration_s for order in rig.live()}

    rig.tick(40)

    renewed = [command.intent.client_order_id for command in rig.take(cmd.AmendExpiry)]
    assert set(renewed) == set(kept)
    assert all(command.total_count_e2 == 1_000 for command in rig.take(cmd.AmendExpiry))
    assert {order.intent.client_order_id for order in rig.live()} == set(kept)
    assert all(order.expiration_s > kept[order.intent.client_order_id] for order in rig.live())


def test_a_much_better_quote_evicts_the_worst() -> None:
    rig = narrow(1)
    rig.dead_legs |= {("polygon", "I:NDX"), ("massive", "I:NDX")}
    rig.levels["I:SPX"] = 6_859.0
    booted(rig)
    rig.tick(4)
    first = rig.live("resting")[0]

    for step in range(12):
        rig.levels["I:SPX"] = 6_859.0 - step
        rig.tick()

    assert first.intent.client_order_id in rig.cancelled()
    live = rig.live("resting")[0].intent
    assert 0.2 < live.inputs.fair_p < 0.8


def test_eviction_gives_up_the_least_for_the_much_greater() -> None:
    rig = quoting(narrow(1))
    order = rig.live("resting")[0]
    ladder = rig.engine.facts.ladders[order.intent.event_ticker]
    value = ladder.value(ladder.rung_of[order.intent.ticker])
    missing = rig.engine.planner._missing

    for slot, (_, event) in list(missing._missing.items()):
        missing.put(slot, 1.4 * value, event)
    rig.wait(0.9)
    kept = order.status
    for slot, (_, event) in list(missing._missing.items()):
        missing.put(slot, 1.6 * value, event)
    rig.wait(0.5)

    assert kept == "resting"
    assert rig.cancelled() == [order.intent.client_order_id]


def test_what_cannot_be_paid_for_now_is_cancelled_as_tokens_come() -> None:
    rig = quoting()
    live = {order.intent.client_order_id for order in rig.live()}
    rig.engine.facts.bucket.take(rig.engine.facts.bucket.available(rig.now.mono_ns) - 5, rig.now.mono_ns)

    rig.tell(ev.VenueLost("gone"))
    first = rig.cancelled()
    rig.wait(1)

    assert len(first) == 2
    assert set(rig.cancelled()) == live


def test_in_debt_nothing_is_sent_until_tokens_are_back() -> None:
    rig = quoting()
    live = {order.intent.client_order_id for order in rig.live()}
    rig.engine.facts.bucket.take(rig.engine.facts.bucket.available(rig.now.mono_ns) + 10, rig.now.mono_ns)

    rig.tell(ev.VenueLost("gone"))
    first = rig.cancelled()
    rig.wait(1)

    assert not first
    assert set(rig.cancelled()) == live


def test_what_risk_refuses_is_tried_again_when_an_order_ends() -> None:
    rig = quoting()
    facts = rig.engine.facts
    order = rig.live("resting")[0]
    ticker = order.intent.ticker
    facts.risk.set_position(order.intent.event_ticker, facts.ladders[order.intent.event_ticker].rung_of[ticker], 0, -1_600_000_000)

    rig.tell(ev.OrderCancelled(order.intent.client_order_id, order.order_id, 0))
    refused = dict(rig.engine.planner._refused)
    facts.risk.set_position(order.intent.event_ticker, facts.ladders[order.intent.event_ticker].rung_of[ticker], 0, 0)
    other = rig.live("resting")[-1]
    rig.tell(ev.OrderCancelled(other.intent.client_order_id, other.order_id, 0))
    rig.tick(2)

    assert (ticker, order.intent.side) in refused
    assert facts.orders.in_slot(ticker, order.intent.side) is not None


def test_an_order_that_could_not_live_three_seconds_is_not_made() -> None:
    until_the_end = QuotingConfig(rungs_each_side=3, vol_edge_s=0.1, max_width_p=0.5, min_p=0.005)
    rig = quoting(Rig(at_s=TARGET_S - 30, config=settings(until_the_end)))

    while rig.utc_ns < (TARGET_S + 1) * NS_PER_S:
        rig.levels["I:SPX"] += 1.0
        rig.tick()

    assert rig.placed()
    assert all(intent.expiration_s - intent.inputs.quoted_ns // NS_PER_S >= 3 for intent in rig.placed())


def test_a_lost_create_in_the_slot_is_not_cancelled_without_its_id() -> None:
    rig = Rig(config=settings(QuotingConfig(rungs_each_side=3, max_open_orders=1)))
    rig.answers_orders = False
    booted(rig)
    while not rig.live("sent"):
        rig.tick()

    rig.tell(ev.VenueLost("gone"))

    assert not rig.cancelled()


def test_the_planner_counts_what_is_wanted_and_does_not_rest() -> None:
    rig = quoting(narrow(1))

    assert isinstance(rig.engine.planner, OrderPlanner)
    assert len(rig.engine.planner) > 3
    rig.tell(ev.OperatorStopped("anna", "drill"))
    assert len(rig.engine.planner) == 0


def test_an_order_whose_ladder_is_over_is_the_first_to_be_given_up() -> None:
    rig = quoting(narrow(1))
    order = rig.live("resting")[0]
    ladder = rig.engine.facts.ladders.pop(order.intent.event_ticker)
    rig.engine.planner.forget(ladder)

    rig.wait(0.6)

    assert rig.cancelled() == [order.intent.client_order_id]
