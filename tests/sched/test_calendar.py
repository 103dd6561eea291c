import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

import exchange_calendars  # type: ignore[import-untyped]  # it has no type hints
import pandas_market_calendars  # type: ignore[import-untyped]  # it has no type hints
import pytest

from kalshi_alpha.model.clock import utc_ns_of
from kalshi_alpha.sched import calendar_table
from kalshi_alpha.sched.calendar import CalendarRangeError, LocalTimeError, et_date, et_instant_ns, session, session_with_hours
from tools import make_calendar

pandas_deprecates = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # inside both calendars, not here


def days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)


def utc_ns(text: str) -> int:
    return utc_ns_of(datetime.fromisoformat(text))


@pandas_deprecates
def test_every_day_of_the_table_agrees_with_exchange_calendars() -> None:
    calendar = exchange_calendars.get_calendar("XNYS", start="2006-01-01", end=f"{calendar_table.LAST_YEAR}-12-31")
    expected = {
        day.date(): (opening.value, closing.value)
        for day, opening, closing in zip(calendar.sessions, calendar.opens, calendar.closes, strict=True)
    }

    found = {day: session(day) for day in days(date(2006, 1, 1), date(calendar_table.LAST_YEAR, 12, 31))}

    assert {day: (s.open_ns, s.close_ns) for day, s in found.items() if s.trades} == expected
    assert all(s.kind in {"holiday", "weekend"} for s in found.values() if not s.trades)
    assert all(s.kind == "weekend" for day, s in found.items() if day.weekday() >= 5)


@pandas_deprecates
def test_early_closes_agree_with_pandas_market_calendars() -> None:
    last = f"{calendar_table.LAST_YEAR}-12-31"
    schedule = pandas_market_calendars.get_calendar("NYSE").schedule("2006-01-01", last)
    expected = {
        row.Index.date() for row in schedule.itertuples() if row.market_close.tz_convert("America/New_York").strftime("%H:%M") == "13:00"
    }

    found = {day for day in days(date(2006, 1, 1), date.fromisoformat(last)) if session(day).kind == "early_close"}

    assert found == expected


@pandas_deprecates
def test_the_checked_in_table_is_what_the_tool_writes() -> None:
    if exchange_calendars.__version__ not in calendar_table.SOURCE:
        pytest.skip(f"the table was written by {calendar_table.SOURCE}")

    assert make_calendar.main(["--check"]) == 0


@pytest.mark.parametrize(
    ("day", "kind", "opens", "closes"),
    [
        # The exchange's published holidays and early closings.
        (date(2026, 11, 23), "regular", "2026-11-23T14:30Z", "2026-11-23T21:00Z"),
        (date(2026, 11, 27), "early_close", "2026-11-27T14:30Z", "2026-11-27T18:00Z"),
        (date(2026, 12, 24), "early_close", "2026-12-24T14:30Z", "2026-12-24T18:00Z"),
        (date(2025, 7, 3), "early_close", "2025-07-03T13:30Z", "2025-07-03T17:00Z"),
        # The first sessions after the clock changes of 2026 and 2027.
        (date(2026, 10, 30), "regular", "2026-10-30T13:30Z", "2026-10-30T20:00Z"),
        (date(2026, 11, 2), "regular", "2026-11-02T14:30Z", "2026-11-02T21:00Z"),
        (date(2027, 3, 12), "regular", "2027-03-12T14:30Z", "2027-03-12T21:00Z"),
        (date(2027, 3, 15), "regular", "2027-03-15T13:30Z", "2027-03-15T20:00Z"),
    ],
)
def test_a_session_has_its_hours_in_utc(day: date, kind: str, opens: str, closes: str) -> None:
    found = session(day)

    assert (found.date, found.kind, found.open_ns, found.close_ns) == (day.isoformat(), kind, utc_ns(opens), utc_ns(closes))
    assert "exchange_calendars" in found.source


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 11, 26), "holiday"),
        (date(2025, 1, 9), "holiday"),  # a day of mourning, announced ten days before
        (date(2012, 10, 29), "holiday"),  # a hurricane
        (date(2026, 11, 1), "weekend"),
        (date(2028, 1, 1), "weekend"),  # New Year's Day on a Saturday isn't made up for
    ],
)
def test_a_day_without_trading_has_no_hours(day: date, kind: str) -> None:
    found = session(day)

    assert (found.kind, found.open_ns, found.close_ns, found.trades) == (kind, 0, 0, False)


@pytest.mark.parametrize("day", [date(2005, 12, 31), date(calendar_table.LAST_YEAR + 1, 1, 1)])
def test_a_day_outside_the_table_is_refused_with_the_way_to_extend_it(day: date) -> None:
    with pytest.raises(CalendarRangeError, match=rf"{day.isoformat()}.*2006 to 2028.*tools\.make_calendar"):
        session(day)


def test_hours_that_are_neither_regular_nor_the_early_close_are_special() -> None:
    found = session_with_hours(date(2026, 11, 23), time(10, 30), time(16, 0), "the exchange's notice")

    assert (found.kind, found.source) == ("special", "the exchange's notice")
    assert (found.open_ns, found.close_ns) == (utc_ns("2026-11-23T15:30Z"), utc_ns("2026-11-23T21:00Z"))


def test_a_wall_clock_time_that_the_clock_change_skips_is_refused() -> None:
    with pytest.raises(LocalTimeError, match=r"2027-03-14 02:57:00 doesn't exist"):
        et_instant_ns(date(2027, 3, 14), time(2, 57))


def test_a_wall_clock_time_that_the_clock_change_repeats_is_refused() -> None:
    with pytest.raises(LocalTimeError, match=r"2026-11-01 01:30:00 exists twice"):
        et_instant_ns(date(2026, 11, 1), time(1, 30))


@pytest.mark.parametrize(
    ("day", "wall", "expected"),
    [
        (date(2027, 3, 14), time(1, 59), "2027-03-14T06:59Z"),
        (date(2027, 3, 14), time(3, 0), "2027-03-14T07:00Z"),
        (date(2026, 11, 1), time(0, 59), "2026-11-01T04:59Z"),
        (date(2026, 11, 1), time(2, 0), "2026-11-01T07:00Z"),
    ],
)
def test_the_times_around_a_clock_change_have_one_instant(day: date, wall: time, expected: str) -> None:
    assert et_instant_ns(day, wall) == utc_ns(expected)


def test_the_date_in_new_york_changes_at_midnight_there() -> None:
    assert et_date(utc_ns("2026-11-24T04:59:59Z")) == date(2026, 11, 23)
    assert et_date(utc_ns("2026-11-24T05:00:00Z")) == date(2026, 11, 24)


def test_the_calendar_loads_no_pandas() -> None:
    script = "import sys, kalshi_alpha.sched.calendar; print('pandas' in sys.modules, 'exchange_calendars' in sys.modules)"

    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert output.split() == ["False", "False"]
