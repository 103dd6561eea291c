"""Each checker sees its promise broken, by a venue's log and by what was heard, and is content where it holds."""

import msgspec
import pytest

from kalshi_alpha.config import QuotingConfig, VenueConfig
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import SYMBOLS
from kalshi_alpha.model.records import EngineStarted, FeedSwitched, Record, StandDownChanged
from kalshi_alpha.sim import checkers
from kalshi_alpha.sim.checkers import Lives
from kalshi_alpha.sim.exchange.audit import Kind, OrderEvent
from kalshi_alpha.sim.script import DEMO_DAY, DayScript, OperatorAct, VenueFault, demo_script, windows_config
from kalshi_alpha.sim.witness import Witness, Write

WINDOWS = demo_script(1, DEMO_DAY, windows_config(all_windows=False, lead_s=180)).windows
T0 = WINDOWS[0].start_ns
SCRIPT = DayScript(1, DEMO_DAY.isoformat(), WINDOWS)
END_NS = WINDOWS[-1].target_ns + 400 * NS_PER_S


def event(at_s: float, kind: Kind, number: int = 1, epoch: int = 5, remaining_e2: int = 1_000, ticker: str = "KXINXU-X-T1") -> OrderEvent:
    return OrderEvent(
        utc_ns=T0 + int(at_s * NS_PER_S),
        kind=kind,
        order_id=f"v-{epoch}-{number}",
        client_order_id=f"{epoch}-{number}",
        ticker=ticker,
        side="bid",
        price_e4=5_000,
        count_e2=1_000,
        remaining_e2=0 if kind == "cancelled" else remaining_e2,
        filled_e2=0,
        expiration_s=0,
        group_id="g",
        subaccount=0,
        post_only=True,
        cancel_order_on_pause=True,
        reason="",
    )


def heard(*seconds: float, lag_s: float = 0.0, witness: Witness | None = None) -> Witness:
    """Return a witness of polygon's values of both indices at these seconds."""
    seen = witness or Witness(SCRIPT)
    for at_s in seconds:
        for symbol in SYMBOLS:
            at_ns = T0 + int(at_s * NS_PER_S)
            seen.event_seen(ev.IndexTicked("polygon", symbol, 6_800.0, (at_ns - int(lag_s * NS_PER_S)) // 1_000_000), at_ns)
    return seen


@pytest.mark.parametrize(("gone_s", "is_broken"), [(12.9, False), (13.2, True)])
def test_an_order_on_old_data_has_a_second(gone_s: float, is_broken: bool) -> None:
    lives = Lives([event(5, "accepted"), event(gone_s, "cancelled")], END_NS)

    found = checkers.rested_on_old_data(lives, heard(*range(11)), SCRIPT, [])

    assert bool(found) == is_broken


def test_an_order_accepted_on_data_that_is_old_already_is_found() -> None:
    lives = Lives([event(14, "accepted"), event(14.5, "cancelled")], END_NS)

    assert checkers.rested_on_old_data(lives, heard(*range(11)), SCRIPT, [])


def test_where_the_venue_misbehaves_an_order_has_until_its_expiry() -> None:
    script = msgspec.structs.replace(SCRIPT, venue_faults=(VenueFault(0, 1, "lose_reply"),))
    kept, broken = (Lives([event(5, "accepted"), event(gone_s, "cancelled")], END_NS) for gone_s in (31.0, 33.0))

    assert not checkers.rested_on_old_data(kept, heard(*range(11)), script, [])
    assert checkers.rested_on_old_data(broken, heard(*range(11)), script, [])


@pytest.mark.parametrize(("gone_s", "is_broken"), [(30.9, False), (31.1, True)])
def test_an_order_outlives_its_process_by_its_own_expiry_at_most(gone_s: float, is_broken: bool) -> None:
    lives = Lives([event(5, "accepted"), event(gone_s, "cancelled"), event(40, "accepted", epoch=6)], END_NS)

    assert bool(checkers.outlived_their_process(lives, [T0 + 10 * NS_PER_S])) == is_broken


@pytest.mark.parametrize(("gone_s", "is_broken"), [(11.9, False), (12.1, True)])
def test_no_order_of_an_older_epoch_rests_beside_a_newer_one(gone_s: float, is_broken: bool) -> None:
    lives = Lives([event(5, "accepted"), event(12, "accepted", epoch=6), event(gone_s, "cancelled")], END_NS)

    assert bool(checkers.epochs_together(lives)) == is_broken


def test_orders_are_counted_at_once_and_one_that_filled_at_its_entry_never_rested() -> None:
    log = [event(1, "accepted", 1), event(2, "accepted", 2), event(3, "filled", 1, remaining_e2=0), event(3, "accepted", 3, remaining_e2=0)]

    assert not checkers.too_many_orders(Lives(log, END_NS), 2)
    assert checkers.too_many_orders(Lives(log, END_NS), 1) == [f"I4 2 orders rested at {T0 + 2 * NS_PER_S}, allowed are 1"]


def switches(back_s: float) -> list[Record]:
    return [
        EngineStarted(T0, 5, "", "missing"),
        FeedSwitched(T0 + NS_PER_S, "polygon", "none", "", None, None),
        FeedSwitched(T0 + 20 * NS_PER_S, "massive", "polygon", "", None, None),
        FeedSwitched(T0 + int(back_s * NS_PER_S), "polygon", "massive", "", None, None),
    ]


@pytest.mark.parametrize(
    ("heard_s", "lag_s", "is_broken"),
    [
        ([*range(19), *range(25, 31)], 0.0, False),
        ([*range(19), *range(28, 31)], 0.0, True),
        ([*range(19), 25, 26, 28.1, 29, 30], 0.0, True),
        (list(range(31)), 3.5, True),
    ],
)
def test_polygon_may_not_come_back_before_five_seconds_without_a_gap(heard_s: list[float], lag_s: float, is_broken: bool) -> None:
    assert bool(checkers.came_back_too_soon(switches(30.5), heard(*heard_s, lag_s=lag_s))) == is_broken


def test_the_first_service_after_a_start_is_no_return() -> None:
    records = [*switches(30.5)[:3], EngineStarted(T0 + 30 * NS_PER_S, 6, "", "fresh"), switches(30.5)[3]]

    assert not checkers.came_back_too_soon(records, heard(*range(19), 30.4))


def test_stop_holds_until_it_is_lifted() -> None:
    witness = Witness(SCRIPT)
    for at_s, act in ((10, ev.OperatorStopped("anna", "")), (20, ev.OperatorStopped("anna", "")), (30, ev.OperatorCleared("anna", ""))):
        witness.event_seen(act, T0 + at_s * NS_PER_S)
    log = [event(at_s, "accepted", number) for number, at_s in enumerate((9.0, 10.05, 12.0, 29.0, 31.0))]

    found = checkers.placed_after_stop(log, witness, END_NS)

    assert [told.split()[1] for told in found] == ["5-2", "5-3"]


def write(at_s: float, tokens: int, creates: int = 0, cancels: tuple[str, ...] = ()) -> Write:
    return Write(T0 + int(at_s * NS_PER_S), tokens, creates, cancels)


# Ten orders rest from the first second on, to a bucket of 100 tokens that refills with 10 a second.
TEN = [event(1, "accepted", number) for number in range(10)]
TIGHT = VenueConfig("", "", "", "", write_tokens_per_s=10, write_bucket=100)


def starved(*writes: Write, starts_s: tuple[float, ...] = (0,)) -> list[str]:
    return checkers.cancels_starved(writes, Lives(TEN, END_NS), [T0 + int(at_s * NS_PER_S) for at_s in starts_s], TIGHT)


@pytest.mark.parametrize(("spent", "is_broken"), [(68, False), (70, True)])
def test_after_an_order_everything_can_be_cancelled(spent: int, is_broken: bool) -> None:
    # What is left must cancel ten orders and the new one: 22 tokens.
    assert bool(starved(write(2, spent), write(2, 10, creates=1))) == is_broken


def test_tokens_come_back_with_time_up_to_a_full_bucket() -> None:
    assert starved(write(2, 90), write(4, 10, creates=1))
    assert not starved(write(2, 90), write(6, 10, creates=1))
    assert starved(write(2, 0), write(900, 90), write(900, 10, creates=1))


def test_what_is_being_cancelled_is_paid_for() -> None:
    cancels = write(2, 10, cancels=tuple(f"v-5-{number}" for number in range(5)))

    assert not starved(write(2, 68), cancels, write(2.5, 10, creates=1))
    assert starved(write(2, 58), write(3.1, 10, creates=1)) == []
    assert starved(write(2, 68), cancels, write(3.1, 20, creates=2))


def test_what_has_ended_needs_no_cancel() -> None:
    lives = Lives([*TEN, *(event(1.5, "cancelled", number) for number in range(5))], END_NS)

    assert not checkers.cancels_starved([write(2, 78), write(2, 10, creates=1)], lives, [T0], TIGHT)
    assert checkers.cancels_starved([write(2, 80), write(2, 10, creates=1)], lives, [T0], TIGHT)


def test_a_cancel_without_tokens_is_told_and_each_process_starts_from_a_full_bucket() -> None:
    assert starved(write(2, 90), write(2, 20, cancels=("v-5-1",)))[0].startswith("I12 10 write tokens more than there were")
    assert not starved(write(2, 90), write(2.5, 20, cancels=("v-5-1",)), starts_s=(0, 2.5))
    assert not starved(write(2, 90), write(2, 10))


@pytest.mark.parametrize(("kind", "ahead_s", "is_broken"), [("accepted", 22, False), ("accepted", 23, True), ("amended", 23, True)])
def test_an_order_that_is_to_live_longer_than_its_time_was_dated_by_a_wrong_clock(kind: Kind, ahead_s: int, is_broken: bool) -> None:
    dated = msgspec.structs.replace(event(5, kind), expiration_s=T0 // NS_PER_S + 5 + ahead_s)

    assert bool(checkers.clock_believed([dated], QuotingConfig(ttl_s=20))) == is_broken
    assert not checkers.clock_believed([msgspec.structs.replace(dated, kind="cancelled")], QuotingConfig(ttl_s=20))


def test_a_process_that_lives_goes_on_asking_what_rests() -> None:
    every_15 = [T0 + at_s * NS_PER_S for at_s in range(-60, 180, 15)]
    gap = [at_ns for at_ns in every_15 if not T0 + 40 * NS_PER_S < at_ns < T0 + 70 * NS_PER_S]
    first = msgspec.structs.replace(SCRIPT, windows=WINDOWS[:1])
    whole = [(0, END_NS)]

    assert not checkers.stopped_looking(every_15, first, whole)
    assert [told.split()[6] for told in checkers.stopped_looking(gap, first, whole)] == ["45.0"]
    assert not checkers.stopped_looking(gap, first, [(0, T0 + 40 * NS_PER_S), (T0 + 60 * NS_PER_S, END_NS)])
    assert checkers.stopped_looking([], first, whole)
    assert checkers.stopped_looking(every_15[:5], first, whole)


def off(from_s: float, cents: int = -2, to_s: float = 86_400) -> DayScript:
    fault = VenueFault(T0 + int(from_s * NS_PER_S), T0 + int(to_s * NS_PER_S), "balance_off", {"cents": cents})
    return msgspec.structs.replace(SCRIPT, venue_faults=(fault,))


@pytest.mark.parametrize(("at_s", "is_broken"), [(9, True), (11, False)])
def test_an_alarm_about_cash_that_is_right_is_found(at_s: int, is_broken: bool) -> None:
    doubted = [StandDownChanged(T0 + at_s * NS_PER_S, ("cash_mismatch", "no_window"))]

    assert bool(checkers.cash_misjudged(doubted, [], off(10))) == is_broken
    assert checkers.cash_misjudged(doubted, [], off(10, cents=1))
    assert not checkers.cash_misjudged([StandDownChanged(T0, ("ledger_mismatch",))], [], off(10))


@pytest.mark.parametrize(
    ("script", "is_broken"),
    [(off(-71), True), (off(-69), False), (off(-71, cents=1), False), (off(-71, to_s=-1), False)],
)
def test_orders_of_a_window_before_which_cash_was_off_are_found(script: DayScript, is_broken: bool) -> None:
    assert bool(checkers.cash_misjudged([], [event(5, "accepted")], script)) == is_broken


def test_what_was_accepted_forbids_no_order_any_more() -> None:
    act = OperatorAct(T0 + 10 * NS_PER_S, "clear", "cash_mismatch")
    script = msgspec.structs.replace(off(-71), operator_acts=(act,))

    found = checkers.cash_misjudged([], [event(9, "accepted", 1), event(11, "accepted", 2)], script)

    assert [told.split()[1] for told in found] == ["5-1"]


def test_nothing_quoted_after_all_is_well_is_found_in_hourly_windows_with_room() -> None:
    first, second, close = WINDOWS
    log = [event((second.start_ns - T0) / NS_PER_S + 60, "accepted"), event((second.start_ns - T0) / NS_PER_S + 61, "cancelled")]

    found = checkers.not_resumed(Lives(log, END_NS), SCRIPT, T0)
    late = checkers.not_resumed(Lives(log, END_NS), SCRIPT, first.freeze_ns - 10 * NS_PER_S)

    assert [told.split()[4] for told in found] == [first.key]
    assert late == []
    assert close.target_type != "hourly"
