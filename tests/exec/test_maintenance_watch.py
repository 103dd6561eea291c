"""Maintenance in the engine: what is heard becomes a stand-down, proof, and the way back."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from kalshi_alpha.config import MaintenanceConfig
from kalshi_alpha.exec.engine_view import engine_view
from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import Ladder
from kalshi_alpha.model.maintenance import ShardStatus, Slot
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import LatchLifted, LatchSet
from tests.exec.harness import START_S, Rig, booted, ladder_of, quoting, settings

MINUTE = 60 * NS_PER_S
LATCH = "kalshi_maintenance"


def rig_with(**maintenance: object) -> Rig:
    config = replace(settings(), maintenance=MaintenanceConfig(**maintenance))  # type: ignore[arg-type]  # the test's own values
    return quoting(Rig(config=config))


def operator_slot(rig: Rig, minutes: float, length: float = 5.0) -> Slot:
    from_ns = rig.utc_ns + int(minutes * MINUTE)
    return Slot(from_ns, from_ns + int(length * MINUTE), "operator", "op-1")


def tell_slots(rig: Rig, *slots: Slot) -> None:
    rig.tell(cal.OperatorSlotsRead(slots, ""))


def pause(rig: Rig) -> None:
    rig.trading = False
    rig.tell(ev.ExchangeStatusRead(exchange_active=True, trading_active=False))


def resume(rig: Rig) -> None:
    rig.trading = True
    rig.tell(ev.ExchangeStatusRead(exchange_active=True, trading_active=True))


def titles(rig: Rig) -> list[str]:
    return [noted.title for noted in rig.incidents("maintenance")]


def green(rig: Rig) -> dict[str, bool]:
    return {gate.name: gate.green for gate in engine_view(rig.engine, rig.now, 1.0, {}).maintenance.gates}


def test_at_five_minutes_the_latch_is_durable_everything_is_cancelled_and_the_venue_proves_it() -> None:
    rig = rig_with()
    tell_slots(rig, operator_slot(rig, 5.1))
    resting = {order.intent.client_order_id for order in rig.live("resting")}
    rig.tick(8)

    assert rig.reasons == {Reason.MAINTENANCE}
    assert [(record.reason, record.actor) for record in rig.records(LatchSet)] == [(LATCH, "maintenance")]
    assert resting <= set(rig.cancelled())
    assert not rig.venue_orders
    assert "Nothing rests at the venue" in titles(rig)
    assert "Snapshot stored and read back" in titles(rig)


def test_an_order_whose_ladder_is_gone_is_cancelled_too() -> None:
    rig = rig_with()
    tell_slots(rig, operator_slot(rig, 5.1))
    gone = next(iter(rig.engine.facts.ladders))
    lost = {order.intent.client_order_id for order in rig.live("resting") if order.intent.event_ticker == gone}
    del rig.engine.facts.ladders[gone]
    rig.tick(8)

    assert lost
    assert lost <= set(rig.cancelled())


def test_cancels_that_arent_answered_are_escalated_and_sent_on() -> None:
    rig = rig_with()
    tell_slots(rig, operator_slot(rig, 5.1))
    rig.answers_orders = False
    rig.silent.add("TriggerGroup")
    rig.tick(10)
    first = len(rig.take(cmd.CancelOrders))
    rig.silent.add("ReadOpenOrders")
    rig.tick(180)

    assert any("Not proven" in title for title in titles(rig))
    assert len(rig.take(cmd.CancelOrders)) > first


def test_the_housekeeping_is_started_half_an_hour_before_and_its_end_told() -> None:
    rig = booted(Rig(at_s=START_S - 7_200))
    tell_slots(rig, operator_slot(rig, 60))
    rig.wait(29 * 60)
    before = rig.take(cmd.KeepHouse)
    rig.wait(61)
    rig.tell(cal.HousekeepingDone(1, "left ledger.db"))

    assert before == []
    assert rig.take(cmd.KeepHouse) == [cmd.KeepHouse(30)]
    assert titles(rig)[-1] == "Housekeeping left something undone"
    rig.tell(cal.HousekeepingDone(0, ""))
    assert titles(rig)[-1] == "Housekeeping done"


@pytest.mark.parametrize(
    ("silent", "gate"),
    [("ReadStatus", "status"), ("ReadOpenOrders", "reconciled"), ("ReadDay", "ladders"), ("CaptureSnapshot", "snapshot")],
)
def test_every_gate_alone_holds_quoting_back(silent: str, gate: str) -> None:
    rig = rig_with()
    pause(rig)
    rig.tick(5)
    rig.silent.add(silent)
    resume(rig)
    rig.tick(2 if silent == "ReadStatus" else 12)

    assert green(rig)[gate] is False
    assert rig.reasons == {Reason.MAINTENANCE}
    rig.silent.discard(silent)
    for unanswered in rig.take(cmd.ReadOpenOrders):
        rig.tell(ev.RequestFailed("ReadOpenOrders", unanswered.request, 0, "no answer"))
    rig.tick(10)
    assert rig.live("resting")


def test_without_a_fresh_index_the_feeds_gate_is_red() -> None:
    rig = rig_with()
    pause(rig)
    rig.tick(3)
    resume(rig)
    rig.wait(12)

    assert green(rig) == {"status": True, "reconciled": True, "ladders": True, "snapshot": True, "feeds": False}
    rig.tick(12)
    assert rig.live("resting")


def test_a_ladder_the_venue_doesnt_list_holds_everything_back_until_it_does() -> None:
    rig = rig_with()
    pause(rig)
    rig.tick(3)
    rig.listings["INX"] = None
    resume(rig)
    rig.tick(10)
    notes = [gate.note for gate in engine_view(rig.engine, rig.now, 1.0, {}).maintenance.gates if gate.name == "ladders"]

    assert not rig.live()
    assert "INX: missing: KXINX lists no event" in notes[0]
    del rig.listings["INX"]
    rig.tick(8)
    assert rig.live("resting")


def test_under_operator_nothing_moves_until_somebody_confirms_and_the_wrong_moment_is_told() -> None:
    rig = rig_with(confirm="operator")
    rig.tell(cal.MaintenanceConfirmed("owner"))
    pause(rig)
    rig.tick(3)
    resume(rig)
    rig.tick(15)
    waits = engine_view(rig.engine, rig.now, 1.0, {}).maintenance.needs_confirmation
    held = set(rig.reasons)
    rig.tell(cal.MaintenanceConfirmed("owner"))
    rig.tick(3)

    assert waits
    assert held == {Reason.MAINTENANCE}
    assert rig.live("resting")
    assert [record.actor for record in rig.records(LatchLifted)] == ["owner"]
    assert [noted.did for noted in rig.incidents("maintenance") if noted.title == "Confirmed by owner"] == [
        "not taken: nothing waits for a confirmation",
        "rearms when every gate is green",
    ]


def test_clearing_the_latch_is_a_confirmation_and_no_way_around_the_gates() -> None:
    rig = rig_with(confirm="operator")
    pause(rig)
    rig.tick(3)
    rig.tell(ev.OperatorCleared("owner", LATCH))
    inside = set(rig.reasons)
    resume(rig)
    rig.tick(8)
    rig.tell(ev.OperatorCleared("owner", LATCH))
    rig.tick(3)

    assert Reason.MAINTENANCE in inside
    assert rig.live("resting")


def test_a_latch_of_the_operators_own_stays_theirs() -> None:
    rig = rig_with()
    rig.tell(ev.CancelAllMarked("owner", LATCH))
    rig.tick(15)
    held = set(rig.reasons)
    pause(rig)
    rig.tick(3)
    resume(rig)
    rig.tick(15)

    assert held == {Reason.MAINTENANCE} == rig.reasons
    rig.tell(ev.OperatorCleared("owner", LATCH))
    rig.tick(5)
    assert rig.live("resting")


def test_a_process_killed_while_it_waited_for_a_confirmation_still_waits() -> None:
    rig = rig_with(confirm="operator")
    pause(rig)
    rig.tick(3)
    again = Rig(at_s=rig.utc_ns / NS_PER_S, config=rig.engine.facts.config, recovered=recover(None, rig.all_records()))
    booted(again, epoch=2)
    again.tick(20)

    assert again.reasons == {Reason.MAINTENANCE}
    again.tell(cal.MaintenanceConfirmed("owner"))
    again.tick(4)
    assert again.live("resting")


def test_three_times_503_is_a_pause_and_one_isnt() -> None:
    rig = rig_with()
    failed = ev.RequestFailed("ReadStatus", 0, 503, "http 503")
    rig.silent.add("ReadStatus")
    rig.tell(failed)
    rig.tell(failed)
    two = set(rig.reasons)
    rig.tell(failed)

    assert two == set()
    assert Reason.MAINTENANCE in rig.reasons
    assert any("nobody announced" in title for title in titles(rig))


def test_silence_during_it_is_no_incident_and_afterwards_it_is() -> None:
    rig = rig_with()
    pause(rig)
    rig.tick(3)
    rig.tell(ev.VenueLost("reset"))
    rig.tell(ev.FeedWarned("polygon", "odd", "words"))
    rig.wait(10)
    during = rig.incidents("venue") + rig.incidents("feed") + rig.incidents("both_feeds")
    rig.tell(ev.VenueConnected())
    resume(rig)
    rig.tick(12)
    rig.tell(ev.VenueLost("reset"))

    assert during == []
    assert len(rig.incidents("venue")) == 1


def test_only_the_shards_of_our_ladders_concern_us() -> None:
    rig = rig_with()
    other = (ShardStatus(0, True, True), ShardStatus(2, False, False))
    rig.tell(ev.ExchangeStatusRead(True, True, other))
    elsewhere = set(rig.reasons)
    rig.silent.add("ReadStatus")
    rig.tell(ev.ExchangeStatusRead(True, True, (ShardStatus(0, True, False),)))

    assert elsewhere == set()
    assert Reason.MAINTENANCE in rig.reasons


def test_an_estimate_of_the_end_is_shown_until_it_has_passed() -> None:
    rig = rig_with()
    rig.silent.add("ReadStatus")
    until = rig.utc_ns + 90 * NS_PER_S
    rig.tell(ev.ExchangeStatusRead(True, False, (), until))
    estimate = engine_view(rig.engine, rig.now, 1.0, {}).maintenance.to_ns
    rig.tell(ev.ExchangeStatusRead(True, False, (), rig.utc_ns - 1))

    assert estimate == until
    assert engine_view(rig.engine, rig.now, 1.0, {}).maintenance.to_ns is None


def test_a_source_that_fails_keeps_its_last_word() -> None:
    rig = rig_with(status_page_url="http://127.0.0.1:9")
    slot = operator_slot(rig, 30)
    rig.tell(cal.StatusPageRead(1, (replace(slot, source="statuspage"),), ("incident",)))
    tell_slots(rig, slot)
    rig.tell(cal.OperatorSlotsRead((), "unreadable"))
    rig.tell(ev.RequestFailed("ReadStatusPage", 1, 200, "html"))
    rig.tell(ev.RequestFailed("ReadSchedule", 2, 0, ""))
    view = engine_view(rig.engine, rig.now, 1.0, {}).maintenance

    assert view.from_ns == slot.from_ns
    assert set(view.sources) == {"operator", "statuspage"}
    assert set(view.unknown) == {"operator: unreadable", "statuspage: html", "schedule: http 0"}


def test_a_change_of_the_operators_slots_is_read_at_once() -> None:
    rig = rig_with()
    rig.tell(cal.OperatorSlotsChanged())

    assert rig.take(cmd.ReadOperatorSlots)


def test_a_contradiction_is_told_once() -> None:
    rig = rig_with(status_page_url="http://127.0.0.1:9")
    slot = operator_slot(rig, 30)
    for _ in range(3):
        tell_slots(rig, slot)
        rig.tell(cal.StatusPageRead(1, (replace(slot, source="statuspage", to_ns=slot.to_ns + 10 * MINUTE),), ()))

    assert sum("contradict" in title for title in titles(rig)) == 1


def test_half_the_size_for_the_first_minutes_and_at_least_one_contract() -> None:
    for share, count_e2 in ((0.5, 500), (0.01, 100)):
        rig = rig_with(rearm_share=share)
        pause(rig)
        rig.tick(3)
        resume(rig)
        rig.tick(10)

        assert {intent.count_e2 for intent in rig.placed()} == {count_e2}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda ladder: replace(ladder, markets=ladder.markets[:2] + ladder.markets[3:]), "gap: nothing between"),
        (lambda ladder: replace(ladder, markets=(*ladder.markets, ladder.markets[0])), "listed twice"),
        (
            lambda ladder: replace(
                ladder,
                markets=tuple(replace(market, close_ns=market.close_ns - 60 * NS_PER_S) for market in ladder.markets),
            ),
            "closes at another time",
        ),
    ],
)
def test_the_next_ladder_is_verified_whole_before_anything_is_quoted(wrong: Callable[[Ladder], Ladder], told: str) -> None:
    rig = rig_with()
    pause(rig)
    rig.tick(3)
    rig.listings["NASDAQ100U"] = wrong(ladder_of("NASDAQ100U"))
    resume(rig)
    rig.tick(10)

    notes = [gate.note for gate in engine_view(rig.engine, rig.now, 1.0, {}).maintenance.gates if gate.name == "ladders"]
    assert not rig.live()
    assert told in notes[0]
    del rig.listings["NASDAQ100U"]
    rig.tick(10)
    assert rig.live("resting")


def test_what_is_listed_for_later_windows_holds_nothing_back() -> None:
    rig = rig_with()
    pause(rig)
    rig.tick(3)
    rig.listings["INXU"] = ladder_of("INXU")
    resume(rig)
    rig.tick(12)

    assert rig.live("resting")


def test_the_operators_slot_cuts_the_windows_that_are_shown_and_its_removal_restores_them() -> None:
    rig = rig_with()
    noon = next(window for window in rig.engine.facts.schedule.today(rig.utc_ns) if window.label == "hourly-1200")
    slot = Slot(noon.start_ns - 600 * NS_PER_S, noon.start_ns + 300 * NS_PER_S, "operator", "op-1 notice")
    tell_slots(rig, slot)
    cut = next(window for window in rig.engine.facts.schedule.today(rig.utc_ns) if window.label == "hourly-1200")

    assert (cut.start_ns, cut.freeze_ns) == (slot.to_ns, noon.freeze_ns)
    tell_slots(rig)
    assert noon in rig.engine.facts.schedule.today(rig.utc_ns)


def test_a_pause_nobody_announced_and_one_without_an_end_cut_no_window() -> None:
    rig = rig_with()
    before = rig.engine.facts.schedule.today(rig.utc_ns)
    pause(rig)
    rig.tick(3)

    assert rig.engine.facts.schedule.today(rig.utc_ns) == before


def test_a_window_cut_at_its_start_stays_cut_once_the_slot_is_over() -> None:
    rig = rig_with()
    noon = next(window for window in rig.engine.facts.schedule.today(rig.utc_ns) if window.label == "hourly-1200")
    slot = Slot(noon.start_ns - 600 * NS_PER_S, noon.start_ns + 60 * NS_PER_S, "operator", "op-1 notice")
    tell_slots(rig, slot)
    rig.wait_until(slot.to_ns + 65 * NS_PER_S)

    assert [window.start_ns for window in rig.engine.facts.schedule.today(rig.utc_ns) if window.label == "hourly-1200"] == [slot.to_ns]
