"""A process that runs through New York's clock changes: told before, proven after."""

from datetime import date, datetime

import msgspec
import pytest

from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model.clock import NS_PER_S, utc_ns_of
from kalshi_alpha.model.hours import SpecialDay, SpecialHours
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.sched.calendar import Session, session
from kalshi_alpha.sched.windows import WindowSchedule
from tests.exec.harness import Rig, booted

HOUR_NS = 3_600 * NS_PER_S


def ns(text: str) -> int:
    return utc_ns_of(datetime.fromisoformat(text))


def started(at: str) -> Rig:
    rig = booted(Rig(at_s=ns(at) // NS_PER_S))
    rig.wait(1)
    return rig


def ids(rig: Rig) -> list[str]:
    return [incident.incident_id for incident in rig.incidents("calendar")]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2027-03-07T07:00:01Z", ["clock-2027-03-14-checklist"]),
        ("2027-03-07T06:59:58Z", []),
        ("2026-10-31T12:00:00Z", ["clock-2026-11-01-checklist"]),
        ("2026-11-23T12:00:00Z", []),
    ],
)
def test_the_checklist_comes_in_the_week_before(start: str, expected: list[str]) -> None:
    rig = started(start)

    assert ids(rig) == expected
    assert rig.engine.calendar.view(rig.now).clock_checklist == bool(expected)


def test_the_checklist_names_the_change_and_the_first_session() -> None:
    (incident,) = started("2027-03-12T18:00:00Z").incidents("calendar")

    assert incident.title == "The clocks change on 2027-03-14"
    assert incident.facts["change"] == "EST to EDT at 2027-03-14T03:00:00.000-04:00"
    assert incident.facts["first session after it"] == "2027-03-15, opens 2027-03-15T09:30:00.000-04:00"
    assert incident.facts["checklist"] == "docs/runbooks/hourly.md"


def test_the_checklist_is_there_once_however_often_it_is_looked_at() -> None:
    rig = started("2027-03-14T02:00:00Z")
    rig.wait_until(ns("2027-03-14T06:59:59Z"))

    assert ids(rig) == ["clock-2027-03-14-checklist"]


@pytest.mark.parametrize(
    ("start", "change", "first", "target"),
    [
        ("2027-03-14T06:00:00Z", "2027-03-14T07:00:00Z", "2027-03-15", "2027-03-15T10:00:00.000-04:00"),
        ("2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z", "2026-11-02", "2026-11-02T10:00:00.000-05:00"),
    ],
)
def test_at_the_change_a_snapshot_is_taken_and_the_first_windows_are_proven(start: str, change: str, first: str, target: str) -> None:
    rig = started(start)
    rig.wait_until(ns(change) - NS_PER_S)
    rig.clear()
    rig.wait_until(ns(change) + NS_PER_S)

    (incident,) = rig.incidents("calendar")
    assert incident.utc_ns == ns(change)
    assert incident.incident_id == f"clock-{change[:10]}-validated"
    assert incident.title == f"Clock change of {change[:10]}: the windows of {first} are right"
    assert incident.facts["hourly-1000"].endswith(target)
    assert len(incident.facts) == 7
    # In the very step: one more than the housekeeping's, which come with the monitors.
    (step,) = [commands for commands in rig.steps if "validated" in repr(commands)]
    kinds = [type(command) for command in step]
    assert kinds.count(cmd.CaptureSnapshot) == kinds.count(cmd.PublishMonitors) + 1


def test_a_process_that_starts_after_the_change_proves_it_until_the_first_session_is_over() -> None:
    assert ids(started("2027-03-15T19:59:00Z")) == ["clock-2027-03-14-validated"]
    assert ids(started("2027-03-15T20:00:01Z")) == []


def test_windows_an_hour_off_are_told_and_not_quoted() -> None:
    rig = Rig(at_s=ns("2027-03-15T13:40:00Z") // NS_PER_S)

    def late(day: date) -> Session:
        found = session(day)
        return msgspec.structs.replace(found, open_ns=found.open_ns + HOUR_NS, close_ns=found.close_ns + HOUR_NS) if found.trades else found

    rig.engine.facts.schedule = WindowSchedule(rig.engine.facts.config.windows, late)
    booted(rig)
    rig.wait(1)
    (incident,) = rig.incidents("calendar")
    assert incident.incident_id == "clock-2027-03-14-wrong"
    assert incident.facts["problem 1"] == "the session's open is +3600 s from where the rule of 2007 puts it"

    rig.tick_until(ns("2027-03-15T14:59:00Z") // NS_PER_S)

    assert Reason.CALENDAR_IN_DOUBT in rig.reasons
    assert not rig.placed()


def test_special_hours_of_the_first_session_are_checked_again() -> None:
    rig = started("2027-03-15T12:00:00Z")
    rig.clear()
    day = SpecialDay("2027-03-15", ns("2027-03-15T13:30Z"), ns("2027-03-15T17:30Z"), "a notice")
    rig.tell(cal.SpecialHoursChanged(SpecialHours("hours.toml", "d", (day,))))

    assert rig.engine.calendar.view(rig.now).doubts == ()


def test_the_change_after_the_tables_end_is_told_without_a_session() -> None:
    (incident,) = started("2029-03-09T12:00:00Z").incidents("calendar")[-1:]
    rig = started("2028-12-28T12:00:00Z")

    assert incident.facts["first session after it"] == "beyond the built-in calendar"
    assert rig.engine.calendar.view(rig.now).clock_change == "EST to EDT"
