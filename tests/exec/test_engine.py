"""The engine's promises, told as a day would tell them."""

import pytest

from kalshi_alpha.config import QuotingConfig
from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.orders import VenuePosition
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import EngineStarted, FillBooked, LatchLifted, LatchSet, OrderIntended
from tests.exec.harness import TARGET_S, Rig, booted, quoting, settings

FREEZE_S = TARGET_S - 2


def test_a_reconciled_engine_in_a_window_quotes_both_indices() -> None:
    rig = quoting()

    assert {order.intent.series for order in rig.live("resting")} == {"INXU", "NASDAQ100U"}


# Write before you act


def test_every_order_sent_was_durable_before() -> None:
    rig = booted(Rig())
    intended: set[str] = set()
    durable: dict[int, set[str]] = {}
    rig.silent.add("Persist")

    for _ in range(12):
        rig.tick()
        for command in list(rig.commands):
            match command:
                case cmd.Persist(batch=batch, records=records, sync=sync):
                    ids = {record.intent.client_order_id for record in records if isinstance(record, OrderIntended)}
                    durable[batch] = ids
                    assert sync or not ids
                case cmd.PlaceOrders(intents=intents):
                    assert {intent.client_order_id for intent in intents} <= intended
                case _:
                    pass
        rig.commands.clear()
        for batch in sorted(durable):
            intended |= durable[batch]
            rig.tell(ev.IntentsDurable(batch))
        durable.clear()

    assert intended
    assert rig.engine.facts.quotes_placed > 0


def test_the_journal_is_the_first_command_of_a_step() -> None:
    rig = Rig()
    booted(rig)
    rig.tick(10)

    mixed = [step for step in rig.steps if any(isinstance(command, cmd.Persist) for command in step)]
    assert mixed
    assert all(isinstance(step[0], cmd.Persist) for step in mixed)
    assert all(sum(isinstance(command, cmd.Persist) for command in step) == 1 for step in mixed)


def undurable() -> tuple[Rig, int]:
    """Return an engine whose first intents wait for the disk, and their batch."""
    rig = booted(Rig())
    rig.tick(2)
    rig.silent.add("Persist")
    for ticker in list(rig.engine.facts.event_of):
        rig.tell(ev.BookSnapshotted(ticker, (), ()))
    while not rig.live("intended"):
        rig.tick()
    rig.clear()
    return rig, rig.engine.facts.number()


def test_an_intent_whose_index_fell_silent_while_it_was_written_is_not_sent() -> None:
    rig, _ = undurable()

    rig.wait(2.5)
    rig.tell(ev.IntentsDurable(rig.engine.facts.number()))

    assert not rig.placed()
    assert "not sent: no longer wanted" in rig.closed().values()
    assert not rig.live()


def test_the_last_look_counts_the_time_even_where_the_timer_was_late() -> None:
    rig, batch = undurable()

    rig.utc_ns += 3 * NS_PER_S
    rig.tell(ev.IntentsDurable(batch))

    assert not rig.placed()


def test_an_intent_at_yesterdays_price_is_not_sent() -> None:
    rig, batch = undurable()

    rig.levels = {symbol: level * 1.003 for symbol, level in rig.levels.items()}
    rig.tick()
    rig.tell(ev.IntentsDurable(batch))

    assert not rig.placed()


def test_an_intent_of_another_group_is_not_sent() -> None:
    rig, batch = undurable()

    rig.tell(ev.GroupCreated("another"))
    rig.tell(ev.IntentsDurable(batch))

    assert not rig.placed()


def test_nothing_is_sent_from_the_freeze_on_however_late_the_disk_answers() -> None:
    rig = quoting(seconds=8)
    rig.tick_until(FREEZE_S - 20)
    rig.silent.add("Persist")
    rig.levels["I:SPX"] += 2.0
    rig.tick_until(FREEZE_S - 16)
    waiting = rig.live("intended")
    rig.clear()

    rig.utc_ns = FREEZE_S * NS_PER_S
    rig.tell(ev.IntentsDurable(rig.engine.facts.number()))

    assert waiting
    assert not rig.placed()


def test_every_expiry_is_short_and_ends_a_second_before_the_freeze() -> None:
    rig = Rig(at_s=TARGET_S - 120)
    rig.levels["I:SPX"] = 6_850.5
    booted(rig)

    while rig.utc_ns < FREEZE_S * NS_PER_S:
        before = len(rig.commands)
        ttl_s = 10 if rig.utc_ns >= (TARGET_S - 60) * NS_PER_S else 20
        rig.levels["I:SPX"] = 6_850.5 if rig.utc_ns // NS_PER_S % 2 else 6_852.0
        rig.tick()
        for command in rig.commands[before:]:
            ends = []
            if isinstance(command, cmd.PlaceOrders):
                ends = [intent.expiration_s for intent in command.intents]
            elif isinstance(command, cmd.AmendExpiry):
                ends = [command.expiration_s]
            assert all(end_s <= FREEZE_S - 1 for end_s in ends)
            assert all(end_s <= rig.utc_ns // NS_PER_S + ttl_s for end_s in ends)

    assert rig.take(cmd.AmendExpiry)
    assert rig.placed()


# Latches


def test_stop_latches_and_cancels_in_its_own_step() -> None:
    rig = quoting()
    resting = {order.intent.client_order_id for order in rig.live()}

    rig.tell(ev.OperatorStopped("anna", "drill"))

    assert rig.reasons == {Reason.OPERATOR_STOP}
    assert [type(command).__name__ for command in rig.steps[0]][:3] == ["Persist", "CancelAll", "CancelOrders"]
    assert set(rig.cancelled()) == resting
    assert rig.records(LatchSet)[0].reason == "operator_stop"
    rig.tick(30)
    assert not rig.placed()


def test_a_second_stop_cancels_again_but_is_told_once() -> None:
    rig = quoting()

    rig.tell(ev.OperatorStopped("anna", "drill"))
    rig.tell(ev.OperatorStopped("ben", "drill"))

    assert len(rig.take(cmd.CancelAll)) == 2
    assert len(rig.incidents("operator")) == 1


def test_stop_is_lifted_by_its_own_word_alone() -> None:
    rig = quoting()
    rig.tell(ev.OperatorStopped("anna", "drill"))

    rig.tell(ev.OperatorCleared("anna", "risk_limit"))

    assert rig.reasons == {Reason.OPERATOR_STOP}
    assert not rig.records(LatchLifted)
    rig.tell(ev.OperatorCleared("anna", "operator_stop"))
    rig.tick(2)
    assert not rig.reasons
    assert rig.live("resting")


def test_a_marked_cancel_all_holds_until_cleared() -> None:
    rig = quoting()

    rig.tell(ev.CancelAllMarked("desk", "lunch"))
    rig.tell(ev.CancelAllMarked("desk", "lunch"))

    assert rig.reasons == {Reason.CANCEL_ALL}
    assert not rig.live()
    assert len(rig.records(LatchSet)) == 1
    rig.tell(ev.OperatorCleared("desk", "lunch"))
    assert not rig.reasons


def test_a_restart_takes_over_latches_money_epoch_and_groups() -> None:
    rig = quoting()
    order = rig.live("resting")[0]
    rig.tell(ev.Filled(rig.fill_of(order, 300)))
    rig.tell(ev.OperatorStopped("anna", "drill"))
    snapshot = rig.engine.snapshot(rig.now, 99)
    group = rig.engine.facts.venue.group_id

    state = recover(snapshot, ())
    again = Rig(at_s=rig.utc_ns / NS_PER_S + 1, recovered=state)
    held = 300 if order.intent.side == "bid" else -300
    again.positions = (VenuePosition(order.intent.ticker, held),)
    booted(again, state.groups, epoch=state.epoch + 1, verdict="fresh")

    assert state.groups == (group,)
    assert again.records(EngineStarted)[0].epoch == 2
    assert [command.group_id for command in again.take(cmd.TriggerGroup)] == [group]
    assert again.engine.facts.ledger.position_e2(order.intent.ticker) == held
    again.tick(10)
    assert again.reasons == {Reason.OPERATOR_STOP}
    assert snapshot.active_window == "2026-11-23/hourly-1000"


def test_a_restart_goes_on_with_the_days_switches_and_checked_quotes() -> None:
    rig = quoting()
    rig.dead_legs |= {("polygon", "I:SPX"), ("polygon", "I:NDX")}
    rig.tick(5)
    before = rig.engine.facts
    snapshot = rig.engine.snapshot(rig.now, 99)
    checked = before.ev_gap.summary()

    again = Rig(at_s=rig.utc_ns / NS_PER_S + 1, recovered=recover(snapshot, ()))
    booted(again, epoch=2, verdict="stale")
    facts = again.engine.facts

    assert before.failover.view(rig.now).switches_today == facts.failover.view(again.now).switches_today == 1
    assert facts.ev_gap.summary().by_window == checked.by_window
    assert facts.ev_gap.summary().sample_size == checked.sample_size > 10
    again.tick(10)
    assert facts.ev_gap.summary().sample_size > checked.sample_size


def test_an_earlier_group_stays_in_the_snapshot_until_it_is_triggered() -> None:
    rig = Rig()
    rig.silent.add("TriggerGroup")
    booted(rig, ("group-old",), epoch=2)
    before = rig.engine.snapshot(rig.now, 1).groups

    rig.tell(ev.GroupTriggered("group-old"))

    assert before == ("group-old",)
    assert "group-old" not in rig.engine.snapshot(rig.now, 2).groups


# Leaving


def test_a_shutdown_cancels_proves_it_and_exits_clean() -> None:
    rig = quoting()
    group = rig.engine.facts.venue.group_id

    rig.tell(ev.ShutdownRequested("SIGTERM"))
    rig.tell(ev.ShutdownRequested("SIGTERM"))
    rig.wait(1)

    assert [command.group_id for command in rig.take(cmd.TriggerGroup)] == [group]
    assert rig.take(cmd.Exit)[0] == cmd.Exit(clean=True, reason="SIGTERM")
    assert Reason.SHUTTING_DOWN in rig.reasons
    assert not rig.live()


def test_a_shutdown_that_proves_nothing_exits_by_its_deadline() -> None:
    rig = quoting()
    rig.answers_orders = False
    rig.silent |= {"ReadOpenOrders", "TriggerGroup"}

    rig.tell(ev.ShutdownRequested("SIGTERM"))
    rig.wait(4.9)
    early = rig.take(cmd.Exit)
    rig.wait(0.2)

    assert not early
    assert rig.take(cmd.Exit)[0] == cmd.Exit(clean=False, reason="SIGTERM")


def test_an_engine_that_never_had_a_group_can_leave() -> None:
    rig = Rig()
    rig.silent.add("CreateGroup")
    booted(rig)

    rig.tell(ev.ShutdownRequested("SIGTERM"))
    rig.wait(1)

    assert not rig.take(cmd.TriggerGroup)
    assert rig.take(cmd.Exit)[0].clean


def test_a_disk_that_fails_stands_down_and_exits_though_intents_never_became_durable() -> None:
    rig, _ = undurable()

    rig.tell(ev.StorageFailed("no space left"))
    rig.tell(ev.StorageFailed("no space left"))
    rig.wait(1)

    assert Reason.STORAGE_FAILED in rig.reasons
    assert not rig.placed()
    assert not rig.live()
    assert len(rig.incidents("storage")) == 1
    assert rig.take(cmd.Exit)[0] == cmd.Exit(clean=True, reason="no space left")


def test_an_intent_the_disk_never_answers_for_gives_its_slot_back_after_its_expiry() -> None:
    rig, _ = undurable()
    stuck = rig.live("intended")[0].intent

    rig.tick(25)

    assert rig.closed()[stuck.client_order_id] == "expired"
    assert rig.engine.facts.orders.find(stuck.client_order_id) is None


# Time


def test_the_timer_never_spins_without_a_feed_from_before_a_window_to_midnight() -> None:
    rig = booted(Rig(at_s=TARGET_S - 3_600))

    rig.wait(10 * 3_600)

    assert rig.reasons == {Reason.NO_WINDOW}


@pytest.mark.parametrize("count", [1, 5])
def test_no_more_orders_live_than_allowed(count: int) -> None:
    rig = Rig(config=settings(QuotingConfig(rungs_each_side=3, max_open_orders=count)))
    booted(rig)

    for _ in range(12):
        rig.tick()
        assert len(rig.live()) <= count

    assert len(rig.live()) == count


def test_a_timer_before_the_boot_does_nothing() -> None:
    rig = Rig()

    assert rig.engine.next_deadline_ns() is None
    assert not [command for command in rig.tell(ev.TimerFired()) if not isinstance(command, cmd.Persist)]
    rig.tell(ev.CancelAllAcknowledged())
    assert not rig.take(cmd.PlaceOrders)


def test_the_loss_of_a_day_latches_even_when_only_the_index_moves() -> None:
    rig = quoting()
    facts = rig.engine.facts
    bid = next(order for order in rig.live("resting") if order.intent.side == "bid" and order.intent.price_e4 > 4_000)
    for trade in range(6):
        fill = rig.fill_of(bid, 100_000, f"t{trade}")
        facts.ledger.book(fill)  # 6,000 contracts at 0.46 or more

    rig.levels["I:SPX"] = 6_800.0
    rig.levels["I:NDX"] = 25_100.0
    rig.tick(3)

    assert Reason.RISK_LIMIT in rig.reasons
    assert len(rig.incidents("risk")) == 1


def test_a_fill_is_durable_in_its_own_step() -> None:
    rig = quoting()
    order = rig.live("resting")[0]

    commands = rig.tell(ev.Filled(rig.fill_of(order)))

    assert isinstance(commands[0], cmd.Persist)
    assert commands[0].sync
    assert len(rig.records(FillBooked)) == 1
