"""Days in virtual time on which the venue's cash is off, and on which it is right all the time."""

from datetime import date

import msgspec
import pytest

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.records import IncidentNoted, LatchSet, MoneyMarked
from kalshi_alpha.sched.calendar import session
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sim.checkers import cash_misjudged
from kalshi_alpha.sim.exchange import ExchangeConfig
from kalshi_alpha.sim.exchange.fees import FeeGrid
from kalshi_alpha.sim.fast import Played, judge, play_on, virtual_config, world_for
from kalshi_alpha.sim.script import DEMO_DAY, DayScript, OperatorAct, VenueFault
from kalshi_alpha.sim.swarm import MARKETS

WINDOWS = WindowsConfig(hourly_targets_et=("10:00", "11:00"), hourly_series=("INXU",), close_series=(), hourly_lead_s=180)
FIRST, SECOND = WindowSchedule(WINDOWS).day(DEMO_DAY)


def script(cents: int = 0, **more: object) -> DayScript:
    """Return a day whose venue shows so many cents more from the end of its first window on."""
    fault = VenueFault(FIRST.target_ns + NS_PER_S, SECOND.target_ns + 3_600 * NS_PER_S, "balance_off", {"cents": cents})
    made = DayScript(seed=11, day=DEMO_DAY.isoformat(), windows=(FIRST, SECOND), venue_faults=(fault,) if cents else ())
    return msgspec.structs.replace(made, **more)


def played(day: DayScript, **venue: object) -> Played:
    config = ExchangeConfig(session=session(date.fromisoformat(day.day)), legs=MARKETS)
    found = play_on(virtual_config(WINDOWS), day, world_for(day, None), msgspec.structs.replace(config, **venue))
    assert judge(found, day).violations == ()
    assert cash_misjudged(found.records, found.exchange.order_log, day) == []
    return found


def told(day: Played) -> list[str]:
    return [record.facts["difference_usd"] for record in day.records if isinstance(record, IncidentNoted) and record.kind == "cash"]


def accepted(day: Played, from_ns: int) -> int:
    return sum(event.kind == "accepted" and event.utc_ns >= from_ns for event in day.exchange.order_log)


@pytest.mark.parametrize(("cents", "difference"), [(-2, "-0.02"), (50_000, "500.00")])
def test_cash_that_is_off_before_a_window_keeps_us_out_of_it(cents: int, difference: str) -> None:
    day = played(script(cents))

    assert told(day) == [difference]
    assert [record.reason for record in day.records if isinstance(record, LatchSet)] == ["cash_mismatch"]
    assert accepted(day, FIRST.start_ns)
    assert not accepted(day, SECOND.start_ns)


def test_a_cent_is_let_pass() -> None:
    day = played(script(1))

    assert told(day) == []
    assert accepted(day, SECOND.start_ns)


def test_a_deposit_that_is_accepted_is_quoted_with() -> None:
    accept = OperatorAct(SECOND.start_ns + 30 * NS_PER_S, "clear", "cash_mismatch")

    day = played(script(50_000, operator_acts=(accept,)))

    marked = [record for record in day.records if isinstance(record, MoneyMarked) and record.actor == "anna"]
    assert [record.why for record in marked] == ["accepted 500.00 that trades and settlements don't explain"]
    assert accepted(day, accept.utc_ns)


def test_a_restart_neither_forgets_the_difference_nor_accepts_it() -> None:
    day = played(script(-2, kills_ns=(SECOND.start_ns + 20 * NS_PER_S,)))

    assert len(day.day.restarts) == 1
    assert set(told(day)) == {"-0.02"}
    assert not accepted(day, SECOND.start_ns)


@pytest.mark.parametrize(
    "venue",
    [{"fee_type": "quadratic_with_maker_fees"}, {"fee_type": "quadratic_with_maker_fees", "fee_grid": FeeGrid(balance_e6=10_000)}],
    ids=["direct member", "balance in whole cents"],
)
def test_makers_fees_their_rounding_and_its_rebates_are_accounted_for(venue: dict[str, object]) -> None:
    day = played(script(kills_ns=(SECOND.start_ns + 60 * NS_PER_S,)), **venue)

    ledger = day.engine.facts.ledger
    assert ledger.fees_e6 > 0
    assert ledger.fills > 0
    assert told(day) == []
    assert day.engine.facts.marks.opening_e6 == ExchangeConfig(session=session(DEMO_DAY)).cash_e6
