"""Every trading day from 2006 on against an independent exchange calendar, and the clock changes against the system's own time zone data.

``clock_change_weeks.csv`` lists the weeks before and after each change from 2007 to 2027. Its instants come from zdump and GNU date, its
closing times from exchange_calendars; nothing of it from the code under test.
"""

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, get_args

import exchange_calendars  # type: ignore[import-untyped]  # it has no type hints
import pytest

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import utc_ns_of
from kalshi_alpha.model.instruments import Series
from kalshi_alpha.sched.calendar import session
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sched.windows_status import scheduler_window

pandas_deprecates = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # inside the calendar, not here
SCHEDULE = WindowSchedule(WindowsConfig())
FIRST, LAST = date(2006, 1, 1), date(2027, 12, 31)
WEEKS = list(csv.DictReader((Path(__file__).parent / "clock_change_weeks.csv").read_text().splitlines()))


class Bounds(NamedTuple):
    """A window as it should be, UTC."""

    start: datetime
    freeze: datetime
    target: datetime


def oracle() -> dict[date, tuple[datetime, datetime]]:
    """Return each session's opening and closing, UTC."""
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST.isoformat(), end=LAST.isoformat())
    return {
        day.date(): (opening.to_pydatetime(), closing.to_pydatetime())
        for day, opening, closing in zip(calendar.sessions, calendar.opens, calendar.closes, strict=True)
    }


def reference(series: str, opening: datetime, closing: datetime) -> list[Bounds]:
    """Return a session's windows by counting: the session opens half an hour before ten, hours later come the others."""
    if series in {"INX", "NASDAQ100"}:
        return [Bounds(closing - timedelta(minutes=10), closing - timedelta(seconds=2), closing)]
    ten = opening + timedelta(minutes=30)
    targets = [ten + timedelta(hours=hours) for hours in range(6)]
    return [
        Bounds(target - timedelta(minutes=15), target - timedelta(seconds=2), target) for target in targets if opening < target <= closing
    ]


def days() -> Iterator[date]:
    for ordinal in range(FIRST.toordinal(), LAST.toordinal() + 1):
        yield date.fromordinal(ordinal)


def utc(utc_ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=utc_ns // 1_000)


def ns(text: str) -> int:
    return utc_ns_of(datetime.fromisoformat(text))


@pandas_deprecates
def test_every_session_early_close_and_closure_equals_the_oracle() -> None:
    expected = oracle()

    found = {day: session(day) for day in days()}

    assert {day: (utc(one.open_ns), utc(one.close_ns)) for day, one in found.items() if one.trades} == expected
    assert len(expected) == 5_533  # an oracle that knows nothing agrees with anything
    early = {day for day, (opening, closing) in expected.items() if closing - opening == timedelta(hours=3, minutes=30)}
    assert {day for day, one in found.items() if one.kind == "early_close"} == early
    assert {date(2012, 10, 29), date(2018, 12, 5), date(2025, 1, 9)}.isdisjoint(expected)  # closed without having been scheduled


@pandas_deprecates
@pytest.mark.parametrize("series", get_args(Series))
def test_every_window_of_every_day_equals_a_slow_and_obvious_reference(series: Series) -> None:
    sessions = oracle()

    wrong = {}
    for day in days():
        expected = reference(series, *sessions[day]) if day in sessions else []
        windows = [window for window in SCHEDULE.day(day) if series in window.series]
        found = [Bounds(utc(window.start_ns), utc(window.freeze_ns), utc(window.target_ns)) for window in windows]
        if found != expected:
            wrong[day] = (found, expected)

    assert not wrong


def test_the_list_has_both_changes_of_every_year_with_the_week_on_either_side() -> None:
    changes = {row["change_utc"] for row in WEEKS}

    years = sorted(int(change[:4]) for change in changes)
    assert years == sorted([*range(2007, 2028)] * 2)
    assert all(sum(row["change_utc"] == change for row in WEEKS) == 10 for change in changes)


@pytest.mark.parametrize("row", WEEKS, ids=[f"{row['change_utc'][:10]}-{row['date']}" for row in WEEKS])
def test_a_session_beside_a_clock_change_has_its_instants(row: dict[str, str]) -> None:
    found = session(date.fromisoformat(row["date"]))
    windows = SCHEDULE.day(date.fromisoformat(row["date"]))

    if not row["open_utc"]:
        assert (found.trades, windows) == (False, ())
        return
    assert (found.open_ns, found.close_ns) == (ns(row["open_utc"]), ns(row["close_utc"]))
    assert windows[0].label == "hourly-1000"
    assert (windows[0].start_ns, windows[0].freeze_ns, windows[0].target_ns) == tuple(
        ns(row[f"{instant}_utc"]) for instant in ("start", "freeze", "target")
    )
    assert windows[-1].target_ns == ns(row["close_utc"])


@pytest.mark.parametrize("change", sorted({row["change_utc"] for row in WEEKS}))
def test_the_clock_change_is_told_to_the_second_with_the_first_session_after_it(change: str) -> None:
    rows = [row for row in WEEKS if row["change_utc"] == change]
    after = next(row["date"] for row in rows if row["date"] > change[:10] and row["open_utc"])
    changed_ns = ns(change)

    before = scheduler_window("INX", changed_ns - 1_000, SCHEDULE).clock_change
    at_once = scheduler_window("INX", changed_ns, SCHEDULE).clock_change

    assert ns(before.next_et) == changed_ns
    assert (before.from_, before.to, before.days_away, before.first_session_after) == (rows[0]["before"], rows[0]["after"], 0, after)
    assert ns(at_once.last_et) == changed_ns
    assert ns(at_once.next_et) > changed_ns
