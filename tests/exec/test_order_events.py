"""What the venue says of our orders, and what we make of it."""

import msgspec
import pytest

from kalshi_alpha.config import QuotingConfig
from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.orders import Order, VenueOrder
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import FillBooked, LatchSet
from tests.exec.harness import TARGET_S, Rig, booted, quoting, settings


def one_sent() -> tuple[Rig, Order]:
    """Return an engine with room for a single order, sent and not answered."""
    rig = Rig(config=settings(QuotingConfig(rungs_each_side=3, max_open_orders=1)))
    rig.answers_orders = False
    booted(rig)
    while not rig.live("sent"):
        rig.tick()
    rig.clear()
    return rig, rig.live("sent")[0]


def test_an_unknown_outcome_keeps_its_slot_until_the_expiry_has_passed() -> None:
    rig, order = one_sent()
    client_id = order.intent.client_order_id

    rig.tell(ev.OrderOutcomeUnknown(client_id, "create", "timeout"))
    rig.tick(20)

    assert rig.live("unknown") == [order]
    assert not rig.placed()
    rig.tick(5)
    assert rig.closed()[client_id] == "expired"
    assert all(intent.client_order_id != client_id for intent in rig.placed())


def test_an_unknown_outcome_is_asked_for_at_once_and_rests_if_the_venue_says_so() -> None:
    rig, order = one_sent()
    client_id = order.intent.client_order_id
    rig.venue_orders[client_id] = order.intent

    rig.tell(ev.OrderOutcomeUnknown(client_id, "create", "timeout"))
    rig.wait(0.01)

    assert rig.take(cmd.ReadOpenOrders)
    assert (order.status, order.order_id) == ("resting", f"v-{client_id}")


def test_a_lost_answer_changes_nothing_once_the_venue_has_named_the_order() -> None:
    rig, order = one_sent()
    rig.accept(order.intent)

    rig.tell(ev.OrderOutcomeUnknown(order.intent.client_order_id, "create", "timeout"))

    assert order.status == "resting"


def test_lost_answers_on_strangers_and_renewals_change_nothing() -> None:
    rig, order = one_sent()
    rig.accept(order.intent)

    rig.tell(ev.OrderOutcomeUnknown("9-9", "create", "timeout"))
    rig.tell(ev.OrderOutcomeUnknown(order.intent.client_order_id, "amend", "timeout"))

    assert rig.live("resting") == [order]


def test_a_cancel_without_an_answer_is_repeated_after_a_second() -> None:
    rig = quoting()
    rig.answers_orders = False
    order = rig.live("resting")[0]
    rig.tell(ev.BooksDirtied((order.intent.ticker,), "gap"))
    first = rig.cancelled()
    rig.tell(ev.OrderOutcomeUnknown(order.intent.client_order_id, "cancel", "timeout"))
    rig.clear()

    rig.wait(1.01)

    assert set(rig.cancelled()) == set(first)
    assert order.status == "cancelling"


def test_each_unanswered_cancel_has_its_own_second() -> None:
    rig = quoting()
    rig.answers_orders = False
    first, second = [order for order in rig.live("resting") if order.intent.side == "bid"][:2]
    rig.tell(ev.BooksDirtied((first.intent.ticker,), "gap"))
    rig.wait(0.6)
    rig.tell(ev.BooksDirtied((second.intent.ticker,), "gap"))
    for order in list(rig.live("cancelling")):
        if order.intent.ticker == first.intent.ticker:
            rig.tell(ev.OrderCancelled(order.intent.client_order_id, order.order_id, 0))
    rig.clear()

    rig.wait(1.01)

    assert second.intent.client_order_id in rig.cancelled()
    assert first.intent.client_order_id not in rig.cancelled()


def test_404_on_cancel_frees_the_slot() -> None:
    rig, order = one_sent()
    rig.accept(order.intent)
    rig.tell(ev.BooksDirtied((order.intent.ticker,), "gap"))

    rig.tell(ev.CancelRefused(order.intent.client_order_id, order.order_id, 500, "internal"))
    kept = order.status
    rig.tell(ev.CancelRefused(order.intent.client_order_id, order.order_id, 404, "not_found"))
    rig.tell(ev.CancelRefused(order.intent.client_order_id, order.order_id, 404, "not_found"))

    assert kept == "cancelling"
    assert rig.closed()[order.intent.client_order_id] == "gone at cancel"


def test_a_fill_is_booked_once_wherever_it_is_heard() -> None:
    rig = quoting()
    order = rig.live("resting")[0]
    fill = rig.fill_of(order, 400)
    signed = 400 if order.intent.side == "bid" else -400

    rig.tell(ev.FillsRead(0, rig.utc_ns, (msgspec.structs.replace(fill, client_order_id=""),)))
    rig.tell(ev.Filled(fill))

    assert rig.engine.facts.ledger.position_e2(order.intent.ticker) == signed
    assert len(rig.records(FillBooked)) == 1
    assert order.remaining_e2 == 600


def test_a_whole_fill_ends_the_order() -> None:
    rig = quoting()
    order = rig.live("resting")[0]

    rig.tell(ev.Filled(rig.fill_of(order, 1_000)))

    assert rig.closed()[order.intent.client_order_id] == "executed"


def test_a_fill_told_before_and_in_the_answer_counts_once() -> None:
    rig, order = one_sent()
    rig.tell(ev.Filled(msgspec.structs.replace(rig.fill_of(order, 400), order_id="v")))

    rig.tell(ev.OrderAccepted(order.intent.client_order_id, "v", 400, 600))

    assert (order.filled_e2, order.remaining_e2, order.status) == (400, 600, "resting")


def test_a_fill_told_in_the_answer_and_after_it_counts_once() -> None:
    rig, order = one_sent()
    rig.tell(ev.OrderAccepted(order.intent.client_order_id, "v", 400, 600))

    rig.tell(ev.Filled(msgspec.structs.replace(rig.fill_of(order, 400), order_id="v")))

    assert (order.filled_e2, order.remaining_e2, order.status) == (400, 600, "resting")


def test_an_order_that_was_filled_when_accepted_is_over() -> None:
    rig, order = one_sent()

    rig.tell(ev.OrderAccepted(order.intent.client_order_id, "v", 1_000, 0))

    assert rig.closed()[order.intent.client_order_id] == "executed"


def test_a_fill_with_another_position_than_ours_has_the_venue_asked() -> None:
    rig = quoting()
    order = rig.live("resting")[0]
    rig.engine.facts.deadlines.pop("reads")

    rig.tell(ev.Filled(rig.fill_of(order, 100, post_e2=7_700)))
    rig.wait(0.01)

    assert rig.take(cmd.ReadPositions)


def test_a_fill_of_a_market_without_a_ladder_is_booked() -> None:
    rig = quoting()
    fill = msgspec.structs.replace(rig.fill_of(rig.live("resting")[0]), ticker="OTHER", client_order_id="", order_id="x")

    rig.tell(ev.Filled(fill))

    assert rig.engine.facts.ledger.held_tickers() == ["OTHER"]


def test_a_stranger_at_the_venue_is_cancelled_and_told() -> None:
    rig = quoting()
    stranger = VenueOrder("v-x", "who", "KXINXU-T1", "bid", 5_000, 100, 0, "resting")

    rig.tell(ev.OrderUpdated(stranger))
    rig.tell(ev.OrderUpdated(msgspec.structs.replace(stranger, order_id="v-y", status="canceled")))

    assert "who" in rig.cancelled()
    assert rig.incidents("orders")[0].facts["client_order_id"] == "who"


@pytest.mark.parametrize("client_order_id", ["", "by-hand", "2-1", "1_0-1", "-7"])
def test_where_somebody_else_trades_on_the_account_we_stand_down_and_take_our_orders_away(client_order_id: str) -> None:
    rig = quoting()
    ours = {order.intent.client_order_id for order in rig.live("resting")}
    rig.clear()

    rig.tell(ev.OrderUpdated(VenueOrder("v-x", client_order_id, "KXINXU-T1", "bid", 5_000, 100, 0, "resting")))
    rig.tell(ev.OrderUpdated(VenueOrder("v-y", client_order_id, "KXINXU-T1", "bid", 5_000, 100, 0, "resting")))
    rig.tick(2)

    assert rig.reasons == {Reason.CANCEL_ALL}
    assert ours <= set(rig.cancelled())
    assert [record.reason for record in rig.records(LatchSet)] == ["somebody_else_trades"]
    rig.tell(ev.OperatorCleared("operator", "somebody_else_trades"))
    rig.tick(3)
    assert rig.live("resting")


def test_a_leftover_of_an_earlier_epoch_is_cancelled_and_is_nobody_else() -> None:
    rig = quoting()
    rig.clear()

    rig.tell(ev.OrderUpdated(VenueOrder("v-x", "0-12", "KXINXU-T1", "bid", 5_000, 100, 0, "resting")))
    rig.tick(2)

    assert "0-12" in rig.cancelled()
    assert not rig.records(LatchSet)
    assert rig.live("resting")


def test_what_rests_before_the_first_reconciliation_is_a_leftover() -> None:
    rig = Rig()
    rig.venue_orders["99-1"] = quoting().live("resting")[0].intent
    booted(rig)

    assert "99-1" in rig.cancelled()
    assert not rig.records(LatchSet)


def test_an_acceptance_of_a_stranger_is_cancelled_and_a_late_one_of_ours_is_not() -> None:
    rig = quoting()
    order = rig.live("resting")[0]
    rig.tell(ev.OrderCancelled(order.intent.client_order_id, order.order_id, 1_000))
    rig.clear()

    rig.tell(ev.OrderAccepted("9-99", "v-z", 0, 100))
    rig.tell(ev.OrderAccepted(order.intent.client_order_id, order.order_id, 0, 1_000))

    assert rig.cancelled() == ["9-99"]


def test_a_late_echo_of_an_ended_order_is_no_stranger() -> None:
    rig = quoting()
    order = rig.live("resting")[0]
    echo = rig.report(order.intent.client_order_id)
    rig.tell(ev.OrderCancelled(order.intent.client_order_id, order.order_id, 1_000))
    rig.tell(ev.OrderCancelled(order.intent.client_order_id, order.order_id, 1_000))
    rig.clear()

    rig.tell(ev.OrderUpdated(echo))

    assert not rig.cancelled()
    assert not rig.incidents("orders")


def test_the_venues_word_ends_an_order_with_its_reason() -> None:
    rig = quoting()
    order = rig.live("resting")[0]
    end = msgspec.structs.replace(rig.report(order.intent.client_order_id), status="canceled", reason="expired")

    rig.tell(ev.OrderUpdated(end))

    assert rig.closed()[order.intent.client_order_id] == "expired"


def test_a_refused_renewal_keeps_the_order_and_a_missing_one_frees_it() -> None:
    rig = quoting()
    order = rig.live("resting")[0]

    rig.tell(ev.AmendRefused(order.intent.client_order_id, 409, "too_late"))
    kept = order.status
    rig.tell(ev.AmendRefused(order.intent.client_order_id, 404, "not_found"))
    rig.tell(ev.OrderAmended("gone", 0))

    assert kept == "resting"
    assert rig.closed()[order.intent.client_order_id] == "gone at renewal"


def test_too_many_requests_empty_our_own_bucket_down_to_the_cancels() -> None:
    rig, order = one_sent()

    rig.tell(ev.OrderRejected(order.intent.client_order_id, 429, "too_many_requests", ""))

    assert rig.engine.facts.bucket.available(rig.now.mono_ns) <= 2
    assert rig.closed()[order.intent.client_order_id] == "rejected: too_many_requests"


def test_a_stopped_group_latches_and_clearing_it_makes_a_new_group() -> None:
    rig = quoting()
    first = rig.engine.facts.venue.group_id
    for code in ("order_group_triggered", "order_group_triggered"):
        rig.tell(ev.OrderRejected("9-9", 400, code, ""))

    assert rig.reasons == {Reason.CANCEL_ALL, Reason.NO_ORDER_GROUP}
    assert not rig.live()
    assert [record.reason for record in rig.records(LatchSet)] == ["order_group_stopped"]
    rig.tell(ev.OperatorCleared("anna", "order_group_stopped"))
    rig.tick(2)
    assert rig.engine.facts.venue.group_id not in {"", first}
    assert rig.live("resting")


def test_a_group_that_stops_again_within_its_latch_is_told_once() -> None:
    rig = quoting()
    rig.tell(ev.OrderRejected("9-9", 400, "order_group_triggered", ""))
    rig.tell(ev.GroupCreated("group-late"))

    rig.tell(ev.OrderRejected("9-9", 400, "order_group_triggered", ""))

    assert len(rig.incidents("venue")) == 1


def test_words_on_an_order_of_a_ladder_that_is_over_are_taken() -> None:
    rig = quoting()
    order = rig.live("resting")[0]
    rig.answers_orders = False
    del rig.engine.facts.ladders[order.intent.event_ticker]

    rig.tell(ev.Filled(rig.fill_of(order, 100)))
    rig.tell(ev.Filled(rig.fill_of(order, 900, "t2")))

    assert rig.engine.facts.ledger.fills == 2
    assert rig.closed()[order.intent.client_order_id] == "executed"


def test_a_loss_beyond_the_days_limit_latches_and_cancels() -> None:
    rig = quoting()
    order = next(order for order in rig.live("resting") if order.intent.side == "bid" and order.intent.price_e4 < 2_000)

    rig.tell(ev.Filled(msgspec.structs.replace(rig.fill_of(order, 300_000), price_e4=9_900)))  # 3,000 contracts, 0.79 or more lost on each

    assert Reason.RISK_LIMIT in rig.reasons
    assert not rig.live()
    assert rig.records(LatchSet)[0].actor == "system"
    rig.tell(ev.Filled(rig.fill_of(order, 100, "t2")))
    assert len(rig.incidents("risk")) == 1


@pytest.mark.parametrize("late_s", [0, 1])
def test_what_is_durable_after_the_target_is_dropped(late_s: int) -> None:
    rig = quoting(Rig(at_s=TARGET_S - 60))
    rig.silent.add("Persist")
    while not rig.live("intended"):
        rig.levels["I:SPX"] += 3.0
        rig.tick()
    batch = rig.engine.facts.number()
    rig.clear()

    rig.utc_ns = (TARGET_S + late_s) * NS_PER_S + NS_PER_MS
    rig.tell(ev.IntentsDurable(batch))

    assert not rig.placed()


def test_the_daily_loss_starts_over_at_new_yorks_midnight_and_survives_a_restart() -> None:
    rig = quoting()
    rig.engine.orders.losses.watch(rig.now)
    rig.engine.facts.ledger.realised_e6 = -1_500 * 1_000_000
    rig.engine.orders.losses.watch(rig.now)
    tomorrow = Now(rig.now.utc_ns + 86_400 * 1_000_000_000, rig.now.mono_ns)

    rig.engine.orders.losses.watch(tomorrow)
    rig.engine.facts.ledger.realised_e6 = -3_000 * 1_000_000
    rig.engine.orders.losses.watch(tomorrow)

    assert rig.engine.facts.orders.latches == {}
    kept = recover(rig.engine.snapshot(tomorrow, 0), [])
    assert (kept.day, kept.day_start_e6) == ("2026-11-24", -1_500 * 1_000_000)
    rig.engine.facts.ledger.realised_e6 = -3_500 * 1_000_000
    rig.engine.orders.losses.watch(tomorrow)
    assert list(rig.engine.facts.orders.latches) == ["risk_limit"]
