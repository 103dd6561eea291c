"""The venue's cash is what it must be, to the cent; what isn't explained stands us down until somebody accepts it."""

import pytest

from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.orders import Fill
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import LatchLifted, LatchSet, MoneyMarked
from kalshi_alpha.model.snapshot import EngineSnapshot, MoneyMarks
from kalshi_alpha.model.units import Side
from tests.exec.harness import START_S, Rig, booted, quoting

CENT = 10_000
OPENING = 1_000_000_000
BETWEEN_S = START_S - 600
"""Nothing rests and nothing is held."""


def idle(recovered: EngineSnapshot | None = None, at_s: float = BETWEEN_S, cash_e6: int | None = OPENING) -> Rig:
    """Return an engine between two windows, a minute after its start."""
    rig = Rig(at_s=at_s, recovered=recover(recovered, ()) if recovered else None)
    rig.cash_e6 = cash_e6
    booted(rig, epoch=2 if recovered else 1)
    rig.wait(60)
    return rig


def opening(rig: Rig) -> int | None:
    return rig.engine.facts.marks.opening_e6


def mismatched(by_e6: int = 250_000) -> Rig:
    rig = idle()
    rig.clear()
    rig.cash_e6 = OPENING + by_e6
    rig.wait(90)
    return rig


def test_the_first_two_equal_reads_are_what_is_counted_from() -> None:
    rig = idle()

    assert [record.marks for record in rig.records(MoneyMarked)][-1] == MoneyMarks(opening_e6=OPENING, week="2026-11-23")
    assert len(rig.take(cmd.ReadBalance)) >= 2
    assert not rig.incidents("cash")
    assert Reason.CASH_MISMATCH not in rig.reasons


def test_a_single_read_is_counted_from_by_nobody_and_forbids_nothing() -> None:
    rig = idle(cash_e6=None)
    [first] = rig.take(cmd.ReadBalance)

    rig.tell(ev.BalanceRead(first.request, rig.utc_ns, OPENING, ()))

    assert opening(rig) is None
    assert Reason.CASH_MISMATCH not in rig.reasons


@pytest.mark.parametrize(("by_e6", "is_broken"), [(CENT, False), (-CENT, False), (CENT + 100, True), (-CENT - 100, True)])
def test_more_than_a_cent_is_a_mismatch(by_e6: int, is_broken: bool) -> None:
    rig = mismatched(by_e6)

    assert (Reason.CASH_MISMATCH in rig.reasons) == is_broken
    assert len(rig.incidents("cash")) == is_broken
    assert [latch.reason for latch in rig.records(LatchSet)] == ["cash_mismatch"] * is_broken


def test_many_differences_of_less_than_a_cent_are_one_of_more() -> None:
    rig = idle()

    for step in range(1, 4):
        rig.cash_e6 = OPENING + 5_000 * step
        rig.wait(90)

    assert [noted.facts["difference_usd"] for noted in rig.incidents("cash")] == ["0.01"]
    assert Reason.CASH_MISMATCH in rig.reasons


def test_what_the_operator_reads_names_the_amounts_and_how_to_accept_them() -> None:
    [noted] = mismatched(-12_340_000).incidents("cash")

    assert noted.facts == {"venue_usd": "987.66", "ours_usd": "1000.00", "difference_usd": "-12.34"}
    assert "clearing cash_mismatch" in noted.did


def test_the_first_sight_forbids_quoting_and_a_second_that_agrees_allows_it_again() -> None:
    rig = idle()
    rig.silent.add("ReadBalance")
    rig.wait(90)
    first = rig.take(cmd.ReadBalance)[-1]
    rig.tell(ev.BalanceRead(first.request, rig.utc_ns, OPENING + 50_000, ()))
    seen = Reason.CASH_MISMATCH in rig.reasons

    rig.wait(10)
    again = rig.take(cmd.ReadBalance)[-1]
    rig.tell(ev.BalanceRead(again.request, rig.utc_ns, OPENING, ()))

    assert seen
    assert again is not first
    assert Reason.CASH_MISMATCH not in rig.reasons
    assert not rig.incidents("cash")
    assert rig.engine.facts.orders.latches == {}


def test_what_the_operator_accepts_is_counted_from_and_journalled_with_the_name() -> None:
    rig = mismatched()
    rig.clear()

    rig.tell(ev.OperatorCleared("anna", "cash_mismatch"))
    rig.wait(180)

    assert [lifted.actor for lifted in rig.records(LatchLifted)] == ["anna"]
    [marked] = [record for record in rig.records(MoneyMarked) if record.actor == "anna"]
    assert marked.marks.opening_e6 == OPENING + 250_000
    assert "0.25" in marked.why
    assert Reason.CASH_MISMATCH not in rig.reasons
    assert not rig.incidents("cash")


def test_another_amount_than_the_accepted_one_is_a_mismatch_again() -> None:
    rig = mismatched()
    rig.tell(ev.OperatorCleared("anna", "cash_mismatch"))
    rig.clear()

    rig.cash_e6 = OPENING + 250_000 - 70_000
    rig.wait(90)

    assert [noted.facts["difference_usd"] for noted in rig.incidents("cash")] == ["-0.07"]


def test_money_that_comes_back_by_itself_leaves_the_latch_and_is_accepted_at_nothing() -> None:
    rig = mismatched()
    rig.cash_e6 = OPENING
    rig.wait(180)
    still = Reason.CASH_MISMATCH in rig.reasons

    rig.tell(ev.OperatorCleared("anna", "cash_mismatch"))
    rig.wait(90)

    assert still
    assert opening(rig) == OPENING
    assert Reason.CASH_MISMATCH not in rig.reasons


def test_a_restart_accepts_nothing() -> None:
    before = mismatched()
    kept = before.engine.snapshot(before.now, 0)

    rig = idle(kept, at_s=before.utc_ns / NS_PER_S + 1, cash_e6=OPENING + 250_000)
    rig.wait(60)

    assert Reason.CASH_MISMATCH in rig.reasons
    assert len(rig.incidents("cash")) == 1
    rig.tell(ev.OperatorCleared("anna", "cash_mismatch"))
    assert opening(rig) == OPENING + 250_000


def test_a_deposit_while_no_process_ran_is_found_by_the_next_one() -> None:
    before = idle()
    kept = before.engine.snapshot(before.now, 0)

    rig = idle(kept, at_s=before.utc_ns / NS_PER_S + 3_600, cash_e6=OPENING + 5_000_000_000)

    assert rig.reasons >= {Reason.CASH_MISMATCH}


def test_a_clear_before_anything_was_compared_accepts_nothing() -> None:
    before = mismatched()
    rig = Rig(at_s=before.utc_ns / NS_PER_S + 1, recovered=recover(before.engine.snapshot(before.now, 0), ()))
    rig.cash_e6 = OPENING + 250_000
    booted(rig, epoch=2)

    rig.tell(ev.OperatorCleared("anna", "cash_mismatch"))
    rig.wait(90)

    assert opening(rig) == OPENING
    assert Reason.CASH_MISMATCH in rig.reasons


def test_marks_are_found_in_the_journal_where_the_snapshot_is_lost() -> None:
    rig = mismatched()
    rig.tell(ev.OperatorCleared("anna", "cash_mismatch"))

    assert recover(None, rig.all_records()).marks.opening_e6 == OPENING + 250_000


def test_the_clear_of_another_latch_accepts_nothing() -> None:
    rig = mismatched()

    rig.tell(ev.OperatorCleared("anna", "operator_stop"))

    assert opening(rig) == OPENING
    assert Reason.CASH_MISMATCH in rig.reasons


# When it can be compared


def test_nothing_is_asked_while_orders_rest() -> None:
    rig = quoting()
    rig.clear()

    rig.tick(40)

    assert rig.live()
    assert not rig.take(cmd.ReadBalance)


def test_nothing_is_asked_while_something_is_held() -> None:
    rig = quoting()
    order = rig.live("resting")[0]
    rig.tell(ev.Filled(rig.fill_of(order, 100)))
    rig.tell(ev.OperatorStopped("anna", "lunch"))
    rig.clear()

    rig.tick(40)

    assert not rig.live()
    assert not rig.take(cmd.ReadBalance)


def test_fills_count_with_their_price_and_fee() -> None:
    rig = idle()
    bought, sold = (
        ev.Filled(fill)
        for fill in (
            _fill("t1", "bid", 4_000, rig),
            _fill("t2", "ask", 4_500, rig),
        )
    )
    rig.tell(bought)
    rig.tell(sold)
    rig.clear()
    # Ten contracts bought for 4.00 and sold for 4.50 dollars, 0.02 of fees each time.
    rig.cash_e6 = OPENING + 460_000

    rig.wait(180)

    assert rig.take(cmd.ReadBalance)
    assert Reason.CASH_MISMATCH not in rig.reasons


def _fill(trade: str, side: Side, price_e4: int, rig: Rig) -> Fill:
    return Fill(trade, "o", "", "T", side, price_e4, 1_000, 20_000, is_taker=False, ts_ms=rig.utc_ns // 10**6)


@pytest.mark.parametrize("why", ["held", "old", "placed", "strange"])
def test_a_read_that_isnt_of_a_quiet_moment_says_nothing(why: str) -> None:
    rig = idle()
    rig.silent.add("ReadBalance")
    rig.wait(90)
    asked = rig.take(cmd.ReadBalance)[-1]
    as_of_ns = rig.utc_ns
    held: tuple[str, ...] = ()
    match why:
        case "held":
            held = ("T1",)
        case "old":
            as_of_ns = NS_PER_S  # no more than a second after the last order, of which there was none
        case "placed":
            rig.engine.facts.quotes_placed += 1
        case _:
            rig.engine.orders.orphan("o-1", "who", "T1", rig.now)

    rig.tell(ev.BalanceRead(asked.request, as_of_ns, OPENING + 50_000, held))

    assert Reason.CASH_MISMATCH not in rig.reasons


def test_an_answer_that_nobody_asked_for_says_nothing() -> None:
    rig = idle()

    rig.tell(ev.BalanceRead(10**9, rig.utc_ns, OPENING + 50_000, ()))

    assert Reason.CASH_MISMATCH not in rig.reasons


def test_a_failed_read_is_asked_again_and_another_ones_failure_changes_nothing() -> None:
    rig = idle()
    rig.silent.add("ReadBalance")
    rig.wait(90)
    asked = rig.take(cmd.ReadBalance)[-1]
    rig.clear()
    rig.tell(ev.RequestFailed("ReadStatus", asked.request - 1, 503, "busy"))
    rig.wait(20)
    before = rig.take(cmd.ReadBalance)

    rig.tell(ev.RequestFailed("ReadBalance", asked.request, 429, "too many"))
    rig.wait(20)

    assert not before
    assert len(rig.take(cmd.ReadBalance)) == 1


def test_nothing_is_asked_before_the_state_is_proven_or_while_the_venue_is_in_maintenance() -> None:
    rig = Rig(at_s=BETWEEN_S)
    rig.silent.add("ReadFills")
    rig.cash_e6 = OPENING
    booted(rig)
    rig.wait(60)
    unproven = rig.take(cmd.ReadBalance)

    proven = idle()
    proven.engine.facts.venue.silence_expected = True
    proven.clear()
    proven.engine.facts.after("cash", 0.0, proven.now)
    proven.engine.reconciler.cash.act(proven.now)

    assert not unproven
    assert not [command for command in proven.engine.facts.out if isinstance(command, cmd.ReadBalance)]


@pytest.mark.parametrize("unread", ["ReadFills", "ReadOpenOrders"])
def test_reads_of_fills_and_orders_must_be_newer_than_the_last_end(unread: str) -> None:
    rig = idle()
    rig.silent.add(unread)
    rig.engine.facts.orders.last_ended_ns = rig.utc_ns
    rig.clear()

    rig.wait(120)

    assert not rig.take(cmd.ReadBalance)
