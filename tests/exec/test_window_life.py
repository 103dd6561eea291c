"""Windows from listing to settlement."""

from datetime import UTC, datetime

import msgspec

from kalshi_alpha.config import QuotingConfig, WindowsConfig
from kalshi_alpha.exec.loss_limits import fair_values
from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.orders import VenuePosition
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import MarketSettledBooked, WindowPhase
from tests.exec.harness import START_S, TARGET_S, Rig, booted, ladder_of, quoting, settings

FREEZE_S = TARGET_S - 2
HOUR_S = 3_600
WINDOW = "2026-11-23/hourly-1000"


def near_freeze() -> Rig:
    """Return an engine that quotes to the very end: the usual settings stand aside where a second moves too much."""
    until_the_end = QuotingConfig(rungs_each_side=3, vol_edge_s=0.001, max_width_p=0.5, min_p=0.005)
    return quoting(Rig(at_s=TARGET_S - 30, config=settings(until_the_end)))


def filled(rig: Rig, count_e2: int = 300) -> tuple[str, int]:
    """Have an order filled; the venue agrees on the position."""
    order = rig.live("resting")[0]
    position_e2 = count_e2 if order.intent.side == "bid" else -count_e2
    rig.positions = (VenuePosition(order.intent.ticker, position_e2),)
    rig.tell(ev.Filled(rig.fill_of(order, count_e2)))
    return order.intent.ticker, position_e2


def test_ladders_are_read_a_minute_before_the_window_and_quoted_from_its_start() -> None:
    rig = booted(Rig(at_s=START_S - 90))

    rig.tick_until(START_S - 61)
    early = rig.take(cmd.ReadLadder)
    rig.tick_until(START_S - 0.5)
    before = rig.placed()
    rig.tick(3)

    assert not early
    assert [command.series for command in rig.take(cmd.ReadLadder)] == ["INXU", "NASDAQ100U"]
    assert not before
    assert rig.placed()


def test_at_the_freeze_everything_is_cancelled_in_its_step_and_proven_gone() -> None:
    rig = near_freeze()
    rig.tick_until(FREEZE_S - 0.5)
    resting = {order.intent.client_order_id for order in rig.live()}
    rig.clear()

    rig.wait_until(FREEZE_S * NS_PER_S)

    assert resting
    assert set(rig.cancelled()) == resting
    assert rig.reasons >= {Reason.FROZEN}
    rig.tick(5)
    assert rig.phases() == [(WINDOW, "frozen"), (WINDOW, "verified"), (WINDOW, "ended")]
    verified = next(record for record in rig.records(WindowPhase) if record.phase == "verified")
    assert verified.utc_ns >= FREEZE_S * NS_PER_S
    assert not [intent for intent in rig.placed() if intent.inputs.quoted_ns >= FREEZE_S * NS_PER_S]


def test_a_read_of_before_the_freeze_verifies_nothing() -> None:
    rig = near_freeze()
    rig.tick_until(FREEZE_S + 0.1)
    rig.silent.add("ReadOpenOrders")
    rig.clear()

    rig.tell(ev.OpenOrdersRead(0, FREEZE_S * NS_PER_S - 1, ()))
    rig.wait(1)

    assert (WINDOW, "verified") not in rig.phases()


def test_a_window_that_cannot_be_proven_empty_becomes_an_incident() -> None:
    rig = near_freeze()
    rig.silent.add("ReadOpenOrders")

    rig.tick_until(TARGET_S + 32)

    assert [noted.facts["window"] for noted in rig.incidents("freeze")] == [WINDOW]
    assert (WINDOW, "verified") not in rig.phases()


def test_what_is_held_at_the_target_is_settled_by_the_venues_outcome() -> None:
    rig = near_freeze()
    ticker, position_e2 = filled(rig)

    rig.tick_until(TARGET_S + 160)
    asked = rig.take(cmd.ReadResults)
    risk_held = rig.engine.facts.risk.worst_case_e6(rig.engine.facts.event_of[ticker])
    rig.tell(ev.MarketDetermined(ticker, "yes", "6851.00"))
    rig.tell(ev.MarketDetermined(ticker, "yes", "6851.00"))
    rig.clear()
    rig.tick(120)

    assert asked[0].tickers == (ticker,)
    assert risk_held > 0
    assert rig.engine.facts.risk.worst_case_e6(rig.engine.facts.event_of[ticker]) == 0
    assert not rig.engine.facts.ledger.held_tickers()
    assert not rig.take(cmd.ReadResults)
    assert position_e2 != 0


def test_between_target_and_outcome_a_position_keeps_its_last_fair_value_and_counts_as_unsettled() -> None:
    rig = near_freeze()
    ticker, position_e2 = filled(rig)
    facts = rig.engine.facts
    ladder = facts.ladders[facts.event_of[ticker]]

    rig.tick_until(TARGET_S - 1)
    last_p = ladder.quoter.fair_p[ladder.rung_of[ticker]]
    rig.wait_until(TARGET_S * 10**9 + 10**9)
    waiting = fair_values(facts), rig.engine.windows.unsettled_e2()
    rig.tell(ev.MarketDetermined(ticker, "yes", "6851.00"))

    assert facts.event_of[ticker] not in facts.ladders
    assert waiting == ({ticker: last_p}, abs(position_e2))
    assert (fair_values(facts), rig.engine.windows.unsettled_e2()) == ({}, 0)


def test_an_outcome_is_journalled_once_and_durably() -> None:
    rig = near_freeze()
    ticker, position_e2 = filled(rig)

    commands = rig.tell(ev.MarketDetermined(ticker, "no", ""))
    rig.tell(ev.MarketDetermined(ticker, "no", ""))

    assert isinstance(commands[0], cmd.Persist)
    assert commands[0].sync
    assert [record.position_e2 for record in rig.records(MarketSettledBooked)] == [position_e2]


def test_a_fill_heard_after_its_ladder_ended_is_settled_too() -> None:
    rig = near_freeze()
    order = rig.live("resting")[0]
    late = rig.fill_of(order, 100)
    rig.tick_until(TARGET_S + 400)
    rig.clear()

    rig.tell(ev.FillsRead(0, rig.utc_ns, (msgspec.structs.replace(late, ts_ms=rig.utc_ns // 1_000_000),)))
    rig.tick_until(START_S + HOUR_S + 200)

    assert rig.take(cmd.ReadResults)[0].tickers == (order.intent.ticker,)


def test_after_a_restart_outcomes_are_asked_until_they_came_and_not_longer() -> None:
    before = near_freeze()
    ticker, _ = filled(before)
    state = recover(before.engine.snapshot(before.now, 1), ())
    rig = Rig(at_s=TARGET_S + 60, recovered=state)
    rig.positions = before.positions
    booted(rig, state.groups, epoch=2, verdict="fresh")

    rig.wait(70)
    asked = len(rig.take(cmd.ReadResults))
    rig.tell(ev.MarketDetermined(ticker, "no", ""))
    rig.wait(200)

    assert asked == 2
    assert len(rig.take(cmd.ReadResults)) == 2


def test_a_restart_inside_the_window_takes_its_positions_over() -> None:
    before = quoting()
    ticker, position_e2 = filled(before, 1_000)
    state = recover(before.engine.snapshot(before.now, 1), ())
    rig = Rig(at_s=before.utc_ns / NS_PER_S + 1, recovered=state)
    rig.positions = before.positions
    booted(rig, state.groups, epoch=2, verdict="fresh")

    rig.tick(10)

    assert not rig.reasons
    assert rig.live("resting")
    assert rig.engine.facts.risk.worst_case_e6(rig.engine.facts.event_of[ticker]) > 0
    assert rig.engine.facts.ledger.position_e2(ticker) == position_e2
    assert not rig.take(cmd.ReadResults)


def test_a_restart_with_a_position_the_venue_denies_does_not_quote() -> None:
    before = quoting()
    filled(before, 1_000)
    state = recover(before.engine.snapshot(before.now, 1), ())
    rig = booted(Rig(at_s=before.utc_ns / NS_PER_S + 1, recovered=state), state.groups, epoch=2, verdict="fresh")

    rig.tick(10)

    assert Reason.LEDGER_MISMATCH in rig.reasons
    assert not rig.live()


def test_a_window_without_a_ladder_stands_down_for_it_and_asks_again() -> None:
    rig = Rig()
    rig.listings["INXU"] = None
    booted(rig)

    rig.tick(12)

    assert (Reason.NO_LADDER, "INXU") in {(held.reason, held.scope) for held in rig.engine.facts.reasons}
    assert {order.intent.series for order in rig.live()} == {"NASDAQ100U"}
    assert len([command for command in rig.take(cmd.ReadLadder) if command.series == "INXU"]) == 3
    assert len(rig.incidents("venue")) == 1
    del rig.listings["INXU"]
    rig.tick(6)
    assert {order.intent.series for order in rig.live()} == {"INXU", "NASDAQ100U"}


def test_a_window_without_any_ladder_ends_and_the_next_is_listed() -> None:
    rig = Rig(at_s=TARGET_S - 120)
    rig.listings = {"INXU": None, "NASDAQ100U": None}
    booted(rig)
    rig.tick_until(TARGET_S + 5)
    rig.listings.clear()
    ended = (WINDOW, "ended") in rig.phases()
    rig.clear()

    rig.tick_until(START_S + HOUR_S + 10)

    assert ended
    assert {command.target_ns for command in rig.take(cmd.ReadLadder)} == {(TARGET_S + HOUR_S) * NS_PER_S}
    assert rig.live("resting")


def test_a_ladder_with_another_close_is_not_quoted() -> None:
    rig = Rig()
    rig.listings["INXU"] = ladder_of("INXU", TARGET_S + 60)
    booted(rig)

    rig.tick(8)

    assert {order.intent.series for order in rig.live()} == {"NASDAQ100U"}
    assert "closes at another time" in rig.incidents("venue")[0].facts["reason"]


def test_an_unknown_fee_is_not_quoted_until_the_venue_names_a_known_one() -> None:
    rig = Rig()
    rig.listings["INXU"] = ladder_of("INXU", fee_type="flat")
    booted(rig)
    rig.tick(8)
    told = {held.reason for held in rig.engine.facts.reasons}
    quoted = {order.intent.series for order in rig.live()}

    del rig.listings["INXU"]
    rig.tick(8)

    assert Reason.FEES_UNKNOWN in told
    assert quoted == {"NASDAQ100U"}
    assert not rig.reasons
    assert {order.intent.series for order in rig.live()} == {"INXU", "NASDAQ100U"}


def test_an_unknown_fee_ends_with_its_window() -> None:
    rig = Rig(at_s=TARGET_S - 60)
    rig.listings["INXU"] = ladder_of("INXU", fee_type="flat")
    booted(rig)

    rig.tick_until(TARGET_S + 3)

    assert rig.reasons == {Reason.NO_WINDOW}
    assert not rig.engine.facts.fees_unknown


def test_ladders_nobody_asked_for_are_ignored() -> None:
    rig = quoting()
    before = dict(rig.engine.facts.ladders)

    rig.tell(ev.LadderRead(ladder_of("INX")))
    rig.tell(ev.LadderRead(ladder_of("INXU")))
    rig.tell(ev.LadderMissing("INX", 0, "nothing"))

    assert rig.engine.facts.ladders == before
    assert not rig.incidents("venue")


def test_a_ladder_read_before_the_index_is_known_gets_its_books_later() -> None:
    rig = Rig()
    booted(rig)
    rig.wait(0.1)
    before = rig.take(cmd.SubscribeBooks)

    rig.tick()

    assert not before
    assert len(rig.take(cmd.SubscribeBooks)) == 2


def test_a_ladder_read_after_the_index_is_known_gets_its_books_at_once() -> None:
    rig = booted(Rig(at_s=START_S - 70))

    rig.tick_until(START_S - 59)

    assert len(rig.take(cmd.SubscribeBooks)) == 2


def test_books_are_dropped_at_the_target() -> None:
    rig = near_freeze()

    rig.tick_until(TARGET_S + 1)

    assert {ticker for command in rig.take(cmd.UnsubscribeBooks) for ticker in command.tickers} == set(rig.engine.facts.event_of)


def test_a_ladder_that_never_had_a_book_ends_without_a_word() -> None:
    rig = booted(Rig(at_s=TARGET_S - 30))

    rig.wait_until((TARGET_S + 1) * NS_PER_S)

    assert not rig.take(cmd.UnsubscribeBooks)
    assert not rig.engine.facts.ladders


def test_the_windows_of_two_days_run_in_one_process() -> None:
    rig = booted(Rig(at_s=TARGET_S - 40))
    rig.tick_until(TARGET_S + 5)
    rig.wait_until((TARGET_S + 24 * HOUR_S - 960) * NS_PER_S)
    rig.clear()

    rig.tick_until(TARGET_S + 24 * HOUR_S - 890)

    assert rig.phases() == [("2026-11-24/hourly-1000", "opened")]
    assert rig.live("resting")


def test_on_an_early_close_both_windows_of_one_target_freeze_and_are_proven() -> None:
    target_s = int(datetime(2026, 11, 27, 18, tzinfo=UTC).timestamp())
    rig = quoting(Rig(at_s=target_s - 300))
    series = {order.intent.series for order in rig.live()}

    rig.tick_until(target_s + 3)

    assert series == {"INX", "INXU", "NASDAQ100", "NASDAQ100U"}
    for window in ("2026-11-27/close-1300", "2026-11-27/hourly-1300"):
        assert [phase for key, phase in rig.phases() if key == window] == ["frozen", "verified", "ended"]


def test_no_window_is_entered_late() -> None:
    rig = booted(Rig(at_s=TARGET_S + 1))

    rig.tick(5)

    assert not rig.phases()


def test_risk_of_a_settled_ladder_is_given_back_to_the_ones_to_come() -> None:
    rig = near_freeze()
    events = list(rig.engine.facts.ladders)

    rig.tick_until(TARGET_S + 1)

    assert all(rig.engine.facts.risk.refusal(event, 0, "bid", 5_000, 100, 0.5) == f"unknown ladder {event}" for event in events)


def test_a_window_that_only_closes_is_quoted_alone() -> None:
    windows = WindowsConfig(hourly_series=("INXU",))
    rig = quoting(Rig(config=settings(windows=windows)))

    assert {order.intent.series for order in rig.live()} == {"INXU"}
