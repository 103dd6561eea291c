"""The export, read back by the icalendar library."""

from datetime import UTC, date, datetime, timedelta

import icalendar
import pytest

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import utc_ns_of
from kalshi_alpha.model.hours import Closure, SpecialDay, SpecialHours
from kalshi_alpha.sched.calendar import CalendarRangeError
from kalshi_alpha.sched.ics import CalendarEntry, calendar_entries, ics_text
from kalshi_alpha.sched.special_hours import narrowed
from kalshi_alpha.sched.windows import WindowSchedule

SCHEDULE = WindowSchedule(WindowsConfig())


def ns(text: str) -> int:
    return utc_ns_of(datetime.fromisoformat(text))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


NOW_NS = ns("2026-11-22T12:00:00Z")


def exported(first: str, days: int, *closures: Closure, schedule: WindowSchedule = SCHEDULE) -> str:
    return ics_text(calendar_entries(schedule, date.fromisoformat(first), days, closures), NOW_NS)


def read(text: str) -> dict[str, icalendar.Event]:
    """Return the events by UID; the library refuses what isn't RFC 5545."""
    calendar = icalendar.Calendar.from_ical(text)
    assert not calendar.errors
    events = [event for event in calendar.walk("VEVENT") if isinstance(event, icalendar.Event)]
    assert len(events) == text.count("BEGIN:VEVENT")
    assert all(not event.errors for event in events)
    return {str(event["UID"]): event for event in events}


def one(*told: str) -> icalendar.Event:
    (event,) = read(ics_text([CalendarEntry("a@b", "window", "2026-11-23", 1_000_000_000, 2_000_000_000, *told)], NOW_NS)).values()
    return event


def test_thanksgiving_week_has_its_windows_its_holiday_and_its_early_close() -> None:
    events = read(exported("2026-11-23", 7))

    windows = {uid for uid in events if uid.startswith("window-")}
    assert len(windows) == 7 * 3 + 5
    assert len(events) == len(windows) + 2
    holiday = events["session-2026-11-26@kalshi-alpha"]
    assert (holiday.decoded("DTSTART"), holiday.decoded("DTEND")) == (date(2026, 11, 26), date(2026, 11, 27))
    assert str(holiday["SUMMARY"]) == "NYSE closed"
    early = events["session-2026-11-27@kalshi-alpha"]
    assert (early.decoded("DTSTART"), early.decoded("DTEND")) == (utc("2026-11-27T14:30Z"), utc("2026-11-27T18:00Z"))
    assert str(early["SUMMARY"]) == "NYSE closes early: 09:30:00 to 13:00:00 New York"


def test_a_window_is_there_in_utc_with_its_series_and_freeze() -> None:
    window = read(exported("2026-11-23", 1))["window-2026-11-23-hourly-1000@kalshi-alpha"]

    assert (window.decoded("DTSTART"), window.decoded("DTEND")) == (utc("2026-11-23T14:45Z"), utc("2026-11-23T15:00Z"))
    assert window.decoded("DTSTAMP") == utc("2026-11-22T12:00Z")
    assert str(window["SUMMARY"]) == "hourly-1000: INXU, NASDAQ100U"
    assert "freezes 09:59:58" in str(window["DESCRIPTION"])


def test_a_clock_change_is_an_instant_and_moves_the_windows_after_it() -> None:
    events = read(exported("2027-03-12", 4))

    change = events["clock_change-2027-03-14@kalshi-alpha"]
    assert change.decoded("DTSTART") == utc("2027-03-14T07:00Z")
    assert "DTEND" not in change
    assert str(change["SUMMARY"]) == "Clocks: EST to EDT"
    assert events["window-2027-03-12-hourly-1000@kalshi-alpha"].decoded("DTEND") == utc("2027-03-12T15:00Z")
    assert events["window-2027-03-15-hourly-1000@kalshi-alpha"].decoded("DTEND") == utc("2027-03-15T14:00Z")


def test_both_changes_of_a_year_are_in_a_years_export() -> None:
    changes = sorted(uid for uid in read(exported("2027-01-01", 365)) if uid.startswith("clock_change"))

    assert changes == ["clock_change-2027-03-14@kalshi-alpha", "clock_change-2027-11-07@kalshi-alpha"]


def test_special_hours_are_told_with_who_says_so() -> None:
    day = SpecialDay("2026-11-23", ns("2026-11-23T14:30Z"), ns("2026-11-23T19:00Z"), "a notice; of Friday, late")
    schedule = WindowSchedule(WindowsConfig(), narrowed(SpecialHours("hours.toml", "", (day,))))

    event = read(exported("2026-11-23", 1, schedule=schedule))["session-2026-11-23@kalshi-alpha"]

    assert str(event["SUMMARY"]) == "NYSE special hours: 09:30:00 to 14:00:00 New York"
    assert str(event["DESCRIPTION"]).endswith("Source: hours.toml: a notice; of Friday, late")


def test_maintenance_that_is_passed_in_is_there_where_it_touches_the_days() -> None:
    thursday = Closure(ns("2026-11-26T08:00Z"), ns("2026-11-26T10:00Z"), "weekly", "Thursday pause")
    running = Closure(ns("2026-11-22T20:00Z"), ns("2026-11-23T06:00Z"), "operator", "a move")
    endless = Closure(ns("2026-11-29T20:00Z"), 1 << 62, "status", "a pause")
    over = Closure(ns("2026-11-20T08:00Z"), ns("2026-11-20T10:00Z"), "schedule", "old")
    later = Closure(ns("2026-12-03T08:00Z"), ns("2026-12-03T10:00Z"), "weekly", "Thursday pause")

    events = read(exported("2026-11-23", 7, thursday, running, endless, over, later)).values()

    found = {str(event["SUMMARY"]): event for event in events if str(event["UID"]).startswith("maintenance-")}
    assert sorted(found) == ["Kalshi maintenance (operator)", "Kalshi maintenance (status)", "Kalshi maintenance (weekly)"]
    weekly = found["Kalshi maintenance (weekly)"]
    assert (weekly.decoded("DTSTART"), weekly.decoded("DTEND")) == (utc("2026-11-26T08:00Z"), utc("2026-11-26T10:00Z"))
    assert found["Kalshi maintenance (status)"].decoded("DTEND") == utc("2026-11-30T05:00Z")


def test_a_moved_slot_keeps_its_uid_and_two_of_a_name_have_their_own() -> None:
    slot = Closure(ns("2026-11-26T08:00Z"), ns("2026-11-26T10:00Z"), "schedule", "maintenance window")
    moved = Closure(ns("2026-11-26T09:00Z"), ns("2026-11-26T12:00Z"), "schedule", "maintenance window")

    once, again, both = (sorted(read(exported("2026-11-26", 1, *slots))) for slots in ((slot,), (moved,), (slot, moved)))

    assert once == again
    assert len(both) == len(once) + 1


def test_uids_are_unique_and_the_same_on_another_day() -> None:
    text, later = exported("2026-11-23", 400), ics_text(calendar_entries(SCHEDULE, date(2026, 11, 23), 400, ()), NOW_NS + 10**15)

    uids = [line for line in text.splitlines() if line.startswith("UID:")]
    assert len(uids) == len(set(uids)) > 1_500
    assert [line for line in later.splitlines() if line.startswith("UID:")] == uids


@pytest.mark.parametrize("text", ["a, b; c \\ d", "two\nlines", "two\r\nlines", "tab\tbell\a", "ü" * 100, "🕐" * 60, "x" * 500, "\\n", ""])
def test_any_text_comes_back_as_it_was(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\t", " ").replace("\a", " ")

    event = one(f"s{text}", f"d{text}")

    assert (str(event["SUMMARY"]), str(event["DESCRIPTION"])) == (f"s{expected}", f"d{expected}")


def test_special_characters_are_escaped_as_the_standard_says() -> None:
    text = ics_text([CalendarEntry("a@b", "window", "2026-11-23", 1, 2, "a, b; c \\ d", "e\nf")], NOW_NS)

    assert "SUMMARY:a\\, b\\; c \\\\ d\r\n" in text
    assert "DESCRIPTION:e\\nf\r\n" in text


def test_lines_end_with_crlf_and_are_at_most_75_octets() -> None:
    text = ics_text([CalendarEntry("a@b", "window", "2026-11-23", 1, 2, "ü€🕐" * 40, "x" * 74)], NOW_NS)

    lines = text.encode().split(b"\r\n")
    assert lines[-1] == b""
    assert b"\n" not in b"".join(lines)
    assert max(len(line) for line in lines) == 75
    assert all(line.decode() for line in lines[:-1])


def test_an_export_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(CalendarRangeError, match="2029-01-01"):
        calendar_entries(SCHEDULE, date(2028, 12, 30), 3, ())


def test_the_days_are_counted() -> None:
    entries = calendar_entries(SCHEDULE, date(2026, 11, 23), 2, ())

    assert {entry.day for entry in entries} == {"2026-11-23", (date(2026, 11, 23) + timedelta(days=1)).isoformat()}
