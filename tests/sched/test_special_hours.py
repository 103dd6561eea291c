from datetime import date, datetime
from pathlib import Path

import pytest

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import utc_ns_of
from kalshi_alpha.model.hours import SpecialDay, SpecialHours
from kalshi_alpha.sched.calendar import Session, session
from kalshi_alpha.sched.special_hours import SpecialHoursError, narrowed, parse_special_hours
from kalshi_alpha.sched.windows import WindowSchedule

MONDAY = date(2026, 11, 23)
DAY = '[[day]]\ndate = 2026-11-23\nopen = "09:30"\nclose = "14:00"\nnote = "a notice"\n'


def ns(text: str) -> int:
    return utc_ns_of(datetime.fromisoformat(text))


def read(days: str) -> SpecialHours:
    return parse_special_hours(f"schema_version = 1\n{days}", "hours.toml")


def day(**changes: str) -> str:
    """Return one entry, with some of its lines replaced or (empty) left out."""
    lines = {"date": "2026-11-23", "open": '"09:30"', "close": '"14:00"', "note": '"a notice"'} | changes
    return "[[day]]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items() if value)


def hours(found: Session) -> tuple[str, int, int]:
    return found.kind, found.open_ns, found.close_ns


def test_the_shipped_file_is_read() -> None:
    text = (Path(__file__).parents[2] / "configs" / "special_hours.toml").read_text()

    assert parse_special_hours(text, "configs/special_hours.toml").days == ()


def test_the_shipped_files_example_is_right() -> None:
    text = (Path(__file__).parents[2] / "configs" / "special_hours.toml").read_text()
    example = "\n".join(line.removeprefix("# ") for line in text.split("#\n")[1].splitlines() if line.startswith("# "))

    (found,) = read(example).days

    assert found == SpecialDay("2026-12-31", ns("2026-12-31T14:30Z"), ns("2026-12-31T19:00Z"), "the exchange's notice of 2026-12-18")


def test_times_are_new_yorks_or_carry_an_offset() -> None:
    forms = [
        day(),
        day(open="09:30:00", close="14:00:00"),
        day(date='"2026-11-23"', open="2026-11-23T09:30:00-05:00", close="2026-11-23T19:00:00Z"),
        day(open='"2026-11-23T14:30:00Z"', close='"2026-11-23T20:00:00+01:00"'),
    ]

    assert {read(form).days for form in forms} == {
        (SpecialDay("2026-11-23", ns("2026-11-23T14:30Z"), ns("2026-11-23T19:00Z"), "a notice"),)
    }


def test_days_are_sorted_and_the_text_has_a_digest() -> None:
    found = read(day(date="2026-12-01") + DAY)

    assert [one.date for one in found.days] == ["2026-11-23", "2026-12-01"]
    assert (found.source, len(found.digest)) == ("hours.toml", 12)
    assert found.digest != read(DAY).digest


def test_a_day_narrows_its_session_and_no_other() -> None:
    sessions = narrowed(read(DAY))

    assert hours(sessions(MONDAY)) == ("special", ns("2026-11-23T14:30Z"), ns("2026-11-23T19:00Z"))
    assert sessions(MONDAY).source == "hours.toml: a notice"
    assert sessions(date(2026, 11, 24)) == session(date(2026, 11, 24))
    assert sessions(date(2026, 11, 26)) == session(date(2026, 11, 26))


@pytest.mark.parametrize(("close", "kind"), [('"16:00"', "regular"), ('"13:00"', "early_close"), ('"13:30"', "special")])
def test_the_kind_follows_from_the_hours(close: str, kind: str) -> None:
    assert narrowed(read(day(close=close)))(MONDAY).kind == kind


def test_a_late_open_is_special() -> None:
    assert narrowed(read(day(open='"10:30"', close='"16:00"')))(MONDAY).kind == "special"


def test_a_closed_day_has_no_session() -> None:
    found = narrowed(read(day(open="", close="", closed="true")))(MONDAY)

    assert (found.trades, found.kind, found.source) == (False, "holiday", "hours.toml: a notice")


def test_windows_end_with_the_special_close() -> None:
    windows = WindowSchedule(WindowsConfig(), narrowed(read(day(close='"13:30"')))).day(MONDAY)

    assert [window.label for window in windows] == ["hourly-1000", "hourly-1100", "hourly-1200", "hourly-1300", "close-1330"]
    assert windows[-1].target_ns == ns("2026-11-23T18:30Z")


def test_hours_of_a_calendar_that_has_become_narrower_still_intersect() -> None:
    sessions = narrowed(
        SpecialHours("hours.toml", "", (SpecialDay("2026-11-27", ns("2026-11-27T15:00Z"), ns("2026-11-27T20:00Z"), "old"),))
    )

    assert hours(sessions(date(2026, 11, 27))) == ("special", ns("2026-11-27T15:00Z"), ns("2026-11-27T18:00Z"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (day(open="2026-11-23T09:30:00"), "open is 2026-11-23T09:30:00: a date-time without an offset"),
        (day(close='"2026-11-23T13:00:00"'), "close is 2026-11-23T13:00:00: a date-time without an offset"),
        (day(date="2026-02-30"), "date = 2026-02-30"),
        (day(date='"2026-02-30"'), "date is '2026-02-30': no such date"),
        (day(date='"tomorrow"'), "date is 'tomorrow': no such date"),
        (day(date="2026-11-23T00:00:00Z"), r"date is 2026-11-23T00:00:00\+00:00: expected YYYY-MM-DD"),
        (day(date=""), "date is None: expected YYYY-MM-DD"),
        (day(date="20261123"), "date is 20261123: expected YYYY-MM-DD"),
        (day(open='"14:00"', close='"09:30"'), "open 14:00 isn't before close 09:30"),
        (day(open='"14:00"'), "open 14:00 isn't before close 14:00"),
        (day(open='"13:00"', close='"14:00"'), "open 13:00 to close 14:00 is no session: 90 minutes at least"),
        (day(open="2026-11-23T10:00:30-05:00"), r"open 2026-11-23 10:00:30-05:00 to close 14:00: expected whole minutes"),
        (DAY + day(open='"13:00"', close='"15:30"'), r"day 2: date 2026-11-23 is there twice, with overlapping hours"),
        (DAY + day(open='"14:00"', close='"16:00"'), r"day 2: date 2026-11-23 is there twice$"),
        (day(open='"09:00"'), "open 09:00 is before the session's"),
        (day(close='"16:30"'), "close 16:30 is after the session's"),
        (day(open='"9:30"'), "open is '9:30': expected HH:MM"),
        (day(open='"24:00"'), "open is '24:00': expected HH:MM"),
        (day(open="930"), "open is 930: expected HH:MM"),
        (day(open="2026-11-23"), "open is 2026-11-23: expected HH:MM"),
        (day(close="0001-01-01T00:00:00+23:59"), r"close is 0001-01-01T00:00:00\+23:59: that isn't on 2026-11-23"),
        (day(close="9999-12-31T23:59:59-23:59"), "close is 9999-12-31T23:59:59-23:59: that isn't on 2026-11-23"),
        (day(close="2026-11-24T13:00:00-05:00"), "close is 2026-11-24T13:00:00-05:00: that isn't on 2026-11-23"),
        (day(open=""), "open is missing"),
        (day(close=""), "close is missing"),
        (day(closed="true"), "closed and open 09:30 exclude each other"),
        (day(closed='"yes"'), "closed is 'yes': expected true or false"),
        (day(note=""), "note is None: expected who says so"),
        (day(note='" "'), "note is ' ': expected who says so"),
        (day(reason='"x"'), "unknown key 'reason'"),
        (day(date="2026-11-26"), "the date is a holiday: there is no session"),
        (day(date="2026-11-28"), "the date is a weekend: there is no session"),
        (day(date="2031-01-06"), r"the table covers 2006 to 2028; extend it with `python -m tools.make_calendar"),
        ("[day]\n", r"day is \{\}: expected \[\[day\]\]"),
        ("day = [1]\n", r"day 1: 1 isn't a table"),
        ("days = []\n", "unknown key 'days'"),
        ("[[day]\n", r"\[\[day\]"),
        ("x", "TOML|Expected|at end of document"),
    ],
)
def test_whatever_is_wrong_is_one_line_that_names_it(text: str, problem: str) -> None:
    with pytest.raises(SpecialHoursError, match=problem) as refused:
        read(text)

    assert str(refused.value).startswith("hours.toml: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("version", ["", "schema_version = 2\n", "schema_version = true\n"])
def test_another_form_of_the_file_is_refused(version: str) -> None:
    with pytest.raises(SpecialHoursError, match=r"schema_version is (None|2|True): expected 1"):
        parse_special_hours(version + DAY, "hours.toml")


def test_hours_of_which_too_little_is_left_are_no_session() -> None:
    late = SpecialDay("2026-11-27", ns("2026-11-27T17:00Z"), ns("2026-11-27T20:00Z"), "written before the early close was known")

    found = narrowed(SpecialHours("hours.toml", "", (late,)))(date(2026, 11, 27))

    assert (found.trades, found.kind) == (False, "holiday")


def test_a_time_that_the_clock_change_skips_is_refused() -> None:
    def all_day(found: date) -> Session:
        return Session(found.isoformat(), "regular", ns("2027-03-14T00:00-05:00"), ns("2027-03-14T20:00-04:00"), "a Sunday session")

    with pytest.raises(SpecialHoursError, match="open: 2027-03-14 02:30:00 doesn't exist in New York"):
        parse_special_hours("schema_version = 1\n" + day(date="2027-03-14", open='"02:30"'), "hours.toml", all_day)
