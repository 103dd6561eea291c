"""A day and a week may lose so much: counted in New York's time, over restarts."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from kalshi_alpha.config import RiskConfig
from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.loss_limits import LossLimits, monday_of
from kalshi_alpha.exec.recovery import RecoveredState, recover
from kalshi_alpha.model.clock import NS_PER_S, Now, utc_ns_of
from kalshi_alpha.model.orders import Fill
from kalshi_alpha.model.records import IncidentNoted, LatchSet, MoneyMarked, Record
from kalshi_alpha.model.snapshot import MoneyMarks
from tests.exec.harness import Rig, booted, settings

DOLLAR = 1_000_000
MONDAY, WEDNESDAY, FRIDAY, NEXT_MONDAY = ("2026-11-23T15:00", "2026-11-25T15:00", "2026-11-27T15:00", "2026-11-30T15:00")


def at(text: str) -> Now:
    return Now(utc_ns_of(datetime.fromisoformat(text).replace(tzinfo=UTC)), 7)


class Desk:
    """The limits alone, with money that is set by hand."""

    def __init__(self, daily_usd: int = 2_000, weekly_usd: int = 3_000) -> None:
        risk = RiskConfig(daily_loss_usd=daily_usd, weekly_loss_usd=weekly_usd)
        self.facts = EngineFacts(msgspec.structs.replace(settings(), risk=risk))
        self.limits = LossLimits(self.facts)
        self.records: list[Record] = []

    def lost(self, dollars: int, when: str, fees: int = 0) -> list[str]:
        """Have lost so much since ever, look, and return the latches' notes."""
        self.facts.ledger.realised_e6, self.facts.ledger.fees_e6 = -(dollars - fees) * DOLLAR, fees * DOLLAR
        self.limits.watch(at(when))
        taken = list(self.facts.take_records()[0])
        self.records += taken
        return [record.note for record in taken if isinstance(record, LatchSet)]

    def marked(self) -> list[MoneyMarks]:
        return [record.marks for record in self.records if isinstance(record, MoneyMarked)]


def test_days_below_the_daily_limit_reach_the_weekly_one() -> None:
    desk = Desk()

    assert desk.lost(0, MONDAY) == []
    assert desk.lost(1_500, MONDAY) == []
    assert desk.lost(1_500, WEDNESDAY) == []
    assert desk.lost(2_999, WEDNESDAY) == []
    assert desk.lost(3_000, FRIDAY) == ["weekly loss limit"]
    [noted] = [record for record in desk.records if isinstance(record, IncidentNoted)]
    assert (noted.kind, noted.title) == ("risk", "Weekly loss limit reached")
    assert noted.facts == {"realised_usd": "-3000.00", "marked_usd": "0.00"}
    assert list(desk.facts.orders.latches) == ["risk_limit"]


def test_fees_are_lost_too() -> None:
    desk = Desk()
    desk.lost(0, MONDAY)

    assert desk.lost(1_500, WEDNESDAY, fees=200) == []
    assert desk.lost(3_000, FRIDAY, fees=400) == ["weekly loss limit"]


def test_what_is_held_counts_as_it_is_marked() -> None:
    desk = Desk()
    desk.lost(0, MONDAY)
    desk.lost(1_500, MONDAY)
    bought = Fill("t", "o", "", "T", "bid", 5_000, 400_000, 0, is_taker=False, ts_ms=1)  # 4,000 contracts for 2,000 dollars
    desk.facts.ledger.book(bought)
    desk.lost(1_500, WEDNESDAY)

    desk.facts.last_fair_p["T"] = 0.13
    assert desk.lost(1_500, WEDNESDAY) == []
    desk.facts.last_fair_p["T"] = 0.12
    assert desk.lost(1_500, WEDNESDAY) == ["weekly loss limit"]


@pytest.mark.parametrize(("sunday_or_monday", "latched"), [("2026-11-30T04:59", True), ("2026-11-30T05:00", False)])
def test_the_week_begins_on_monday_at_midnight_in_new_york(sunday_or_monday: str, latched: bool) -> None:
    desk = Desk()
    desk.lost(0, MONDAY)
    desk.lost(1_900, WEDNESDAY)

    assert bool(desk.lost(3_000, sunday_or_monday)) == latched


@pytest.mark.parametrize(("sunday_or_monday", "week"), [("2027-03-15T03:59", "2027-03-08"), ("2027-03-15T04:00", "2027-03-15")])
def test_in_summer_it_begins_an_hour_earlier_by_utc(sunday_or_monday: str, week: str) -> None:
    desk = Desk()

    desk.lost(0, sunday_or_monday)

    assert desk.facts.marks.week == week


def test_a_new_week_starts_from_nothing_and_is_journalled_once() -> None:
    desk = Desk()
    desk.lost(0, MONDAY)
    desk.lost(1_900, FRIDAY)

    assert desk.lost(2_500, NEXT_MONDAY) == []
    assert desk.lost(4_400, "2026-12-02T15:00") == []
    assert desk.marked() == [MoneyMarks(week="2026-11-23"), MoneyMarks(week="2026-11-30", week_start_e6=-2_500 * DOLLAR)]
    assert desk.lost(5_500, "2026-12-04T15:00") == ["weekly loss limit"]


def test_the_daily_limit_is_told_first_and_both_only_once() -> None:
    desk = Desk()
    desk.lost(0, WEDNESDAY)

    assert desk.lost(9_000, WEDNESDAY) == ["daily loss limit"]
    assert desk.lost(9_500, FRIDAY) == []


def test_the_marks_of_cash_stay_when_a_week_begins() -> None:
    desk = Desk()
    desk.facts.marks = MoneyMarks(opening_e6=5)

    desk.lost(0, MONDAY)

    assert desk.facts.marks == MoneyMarks(opening_e6=5, week="2026-11-23")


@pytest.mark.parametrize(
    ("day", "start", "expected"), [("", 0, 0), ("2026-11-23", -400, -400), ("2026-11-24", -400, -400), ("2026-11-20", -400, -700)]
)
def test_a_snapshot_of_before_weeks_were_counted_counts_from_its_day_if_it_is_of_this_week(day: str, start: int, expected: int) -> None:
    desk = Desk()
    desk.facts.day, desk.facts.day_start_e6 = day, start * DOLLAR

    desk.lost(700, WEDNESDAY)

    assert desk.facts.marks.week_start_e6 == expected * DOLLAR


def rigged(recovered: RecoveredState | None, when: str, dollars: int) -> Rig:
    rig = Rig(at_s=at(when).utc_ns / NS_PER_S, recovered=recovered)
    booted(rig, epoch=1 if recovered is None else recovered.epoch + 1)
    rig.engine.facts.ledger.realised_e6 = -dollars * DOLLAR
    rig.wait(6)
    return rig


@pytest.mark.parametrize("with_snapshot", [True, False])
def test_a_restart_on_another_day_of_the_week_remembers_what_was_lost(with_snapshot: bool) -> None:
    first = rigged(None, "2026-11-23T04:50", 0)  # a week that ends with a loss
    first.engine.facts.ledger.realised_e6 = -1_000 * DOLLAR
    first.wait_until(at("2026-11-23T15:00").utc_ns)
    first.engine.facts.ledger.realised_e6 = -2_500 * DOLLAR
    first.wait(6)
    snapshot = first.engine.snapshot(first.now, 0) if with_snapshot else None
    state = recover(snapshot, () if with_snapshot else first.all_records())

    assert state.marks.week_start_e6 == -1_000 * DOLLAR
    second = rigged(state, WEDNESDAY, 6_999)
    assert "weekly loss limit" not in [latch.note for latch in second.records(LatchSet)]
    second.engine.facts.ledger.realised_e6 = -7_000 * DOLLAR
    second.wait(6)
    assert "risk_limit" in second.engine.facts.orders.latches


def test_a_week_is_named_by_its_monday() -> None:
    assert [monday_of(date(2026, 11, day)).day for day in (22, 23, 29, 30)] == [16, 23, 23, 30]
