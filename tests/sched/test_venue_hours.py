from datetime import date, datetime

import pytest

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import utc_ns_of
from kalshi_alpha.model.hours import Closure
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.model.maintenance import WeekHours
from kalshi_alpha.sched.calendar import session
from kalshi_alpha.sched.resolved import without_closures
from kalshi_alpha.sched.venue_hours import MAINTENANCE, STANDARD_HOURS, VenueHours
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sched.windows_status import scheduler_window

MONDAY, THURSDAY = date(2026, 11, 23), date(2026, 11, 26)
ALL_DAY = (("00:00", "00:00"),)


def ns(text: str) -> int:
    return utc_ns_of(datetime.fromisoformat(text))


def at(text: str, day: date = MONDAY) -> int:
    """Return a New York time of a day in winter."""
    return ns(f"{day.isoformat()}T{text}-05:00")


def week(*hours: tuple[str, str], thursday: tuple[tuple[str, str], ...] | None = None) -> tuple[WeekHours, ...]:
    days = [hours or ALL_DAY] * 7
    days[3] = thursday if thursday is not None else days[3]
    return (WeekHours(ns("2026-01-01T00:00Z"), ns("2028-01-01T00:00Z"), tuple(days)),)


def spans(closures: tuple[Closure, ...]) -> list[tuple[int, int]]:
    return [(closure.from_ns, closure.to_ns) for closure in closures]


# Gaps in the weekly hours


def test_a_week_without_gaps_closes_nothing() -> None:
    assert VenueHours(week()).gaps(MONDAY) == ()


def test_the_thursday_pause_is_a_gap_where_the_hours_leave_it_out() -> None:
    hours = VenueHours(week(thursday=(("00:00", "03:00"), ("05:00", "00:00"))))

    assert hours.gaps(THURSDAY) == (Closure(at("03:00", THURSDAY), at("05:00", THURSDAY), STANDARD_HOURS, "outside of the venue's hours"),)
    assert hours.gaps(MONDAY) == ()


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ((("00:00", "23:59"),), []),
        ((("08:00", "13:00"),), [("00:00", "08:00"), ("13:00", "24:00")]),
        ((("13:00", "00:00"), ("00:00", "12:00")), [("12:00", "13:00")]),
        ((("20:00", "04:00"),), [("04:00", "20:00")]),
        ((("00:00", "12:00"), ("11:00", "00:00")), []),
    ],
)
def test_hours_may_be_several_unsorted_overlapping_or_reach_over_midnight(
    hours: tuple[tuple[str, str], ...], expected: list[tuple[str, str]]
) -> None:
    midnight = at("00:00", date(2026, 11, 24))

    found = spans(VenueHours(week(*hours)).gaps(MONDAY))

    assert found == [(at(opens), midnight if closes == "24:00" else at(closes)) for opens, closes in expected]


def test_a_day_that_no_hours_cover_is_unknown_not_closed() -> None:
    assert VenueHours(week()).gaps(date(2028, 6, 1)) == ()
    assert VenueHours().closures(MONDAY) == ()


def test_a_day_without_hours_is_closed_whole() -> None:
    assert spans(VenueHours(week(thursday=())).gaps(THURSDAY)) == [(at("00:00", THURSDAY), at("00:00", date(2026, 11, 27)))]


def test_gaps_follow_the_clock_change() -> None:
    hours = VenueHours(week(thursday=(("00:00", "03:00"), ("05:00", "00:00"))))

    assert spans(hours.gaps(date(2026, 10, 29))) == [(ns("2026-10-29T07:00Z"), ns("2026-10-29T09:00Z"))]
    assert spans(hours.gaps(date(2026, 11, 5))) == [(ns("2026-11-05T08:00Z"), ns("2026-11-05T10:00Z"))]


@pytest.mark.parametrize(
    ("day", "closes", "expected"),
    [
        # 01:30 exists twice: the venue is taken to close at the first one and to open at the second one.
        (date(2026, 11, 1), ("00:00", "01:30"), ("2026-11-01T05:30Z", "2026-11-02T05:00Z")),
        (date(2026, 11, 1), ("01:30", "00:00"), ("2026-11-01T04:00Z", "2026-11-01T06:30Z")),
        # 02:30 doesn't exist.
        (date(2027, 3, 14), ("00:00", "02:30"), ("2027-03-14T06:30Z", "2027-03-15T04:00Z")),
    ],
)
def test_a_time_that_the_change_repeats_or_skips_counts_against_quoting(
    day: date, closes: tuple[str, str], expected: tuple[str, str]
) -> None:
    assert spans(VenueHours(week(closes)).gaps(day)) == [(ns(expected[0]), ns(expected[1]))]


def test_maintenance_windows_and_other_slots_close_the_days_they_touch() -> None:
    slot = Closure(at("12:00"), at("12:30"), "operator", "a move")
    hours = VenueHours((), ((at("23:00"), at("01:00", date(2026, 11, 24))),), (slot,))

    assert hours.closures(MONDAY) == (slot, Closure(at("23:00"), at("01:00", date(2026, 11, 24)), MAINTENANCE, "maintenance window"))
    assert [closure.source for closure in hours.closures(date(2026, 11, 24))] == [MAINTENANCE]
    assert hours.closures(date(2026, 11, 25)) == ()


# Cutting a window


def hourly(label: str = "hourly-1400") -> Window:
    return next(window for window in WindowSchedule(WindowsConfig()).day(MONDAY) if window.label == label)


def closed(opens: str, closes: str, source: str = "somebody") -> Closure:
    return Closure(at(opens), at(closes), source, "")


def over(opens: str, closes: str) -> Closure:
    return Closure(at(opens), at(closes), "somebody", "", is_over=True)


@pytest.mark.parametrize(
    ("closures", "start", "freeze"),
    [
        ([closed("13:00", "13:45")], "13:45:00", "13:59:58"),
        ([closed("14:00", "15:00")], "13:45:00", "13:59:58"),
        ([closed("13:00", "13:50")], "13:50:00", "13:59:58"),
        ([closed("13:55", "15:00")], "13:45:00", "13:54:58"),
        ([closed("13:59:59", "15:00")], "13:45:00", "13:59:57"),
        ([closed("13:47", "13:50")], "13:50:00", "13:59:58"),
        ([closed("13:55", "13:58")], "13:45:00", "13:54:58"),
        ([closed("13:46", "13:48"), closed("13:47", "13:52"), closed("13:58", "14:10")], "13:52:00", "13:57:58"),
        ([closed("13:46", "13:58"), closed("13:50", "13:51")], "13:58:00", "13:59:58"),
    ],
)
def test_the_longest_stretch_without_a_closure_is_left(closures: list[Closure], start: str, freeze: str) -> None:
    window = hourly()

    left = without_closures(window, closures, 2).window

    assert left is not None
    assert (left.start_ns, left.freeze_ns, left.target_ns) == (at(start), at(freeze), window.target_ns)
    assert left.start_ns < left.final_minute_ns <= left.freeze_ns
    assert left.final_minute_ns == min(window.final_minute_ns, left.freeze_ns)


@pytest.mark.parametrize(
    ("closures", "start", "freeze"),
    [
        ([over("13:55", "13:58")], "13:58:00", "13:59:58"),
        ([over("13:40", "13:46"), closed("13:50", "13:52")], "13:52:00", "13:59:58"),
        ([over("13:46", "13:47"), closed("13:58", "14:30")], "13:47:00", "13:57:58"),
        ([closed("13:55", "13:58"), over("13:55", "13:58")], "13:58:00", "13:59:58"),
    ],
)
def test_what_lies_before_a_closure_that_is_over_is_past(closures: list[Closure], start: str, freeze: str) -> None:
    left = without_closures(hourly(), closures, 2).window

    assert left is not None
    assert (left.start_ns, left.freeze_ns) == (at(start), at(freeze))


@pytest.mark.parametrize("closures", [[closed("13:00", "15:00")], [closed("13:45", "13:52"), closed("13:52", "14:00")]])
def test_a_window_that_is_closed_throughout_is_dropped(closures: list[Closure]) -> None:
    found = without_closures(hourly(), closures, 2)

    assert found.window is None
    assert found.rules[0].startswith("hourly-1400 is dropped: closed 2026-11-23 13:")


def test_a_window_of_which_less_than_its_last_minute_is_left_is_dropped() -> None:
    found = without_closures(hourly(), [closed("13:40", "13:59")], 2)

    assert found.window is None
    assert "less than a minute" in found.rules[0]


def test_each_moved_bound_names_its_rule() -> None:
    rules = without_closures(hourly(), [closed("13:40", "13:50", "the page"), closed("13:58", "14:20", "the operator")], 2).rules

    assert rules == (
        "start 13:50:00: closed 2026-11-23 13:40 to 2026-11-23 13:50 by the page",
        "freeze 13:57:58: 2 s before the venue is closed, closed 2026-11-23 13:58 to 2026-11-23 14:20 by the operator",
    )


def test_the_schedule_cuts_and_drops_its_windows_and_explains_it() -> None:
    hours = VenueHours((), ((at("12:40"), at("13:05")), (at("13:40"), at("13:50"))))
    schedule = WindowSchedule(WindowsConfig(), session, hours.closures)

    labels = [window.label for window in schedule.day(MONDAY)]
    report = scheduler_window("INXU", at("13:55"), schedule)

    assert "hourly-1300" not in labels
    assert "hourly-1300" in [window.label for window in schedule.whole(MONDAY)]
    assert report.scheduler_window is not None
    assert report.scheduler_window.start_et == "2026-11-23T13:50:00.000-05:00"
    assert "start 13:50:00: closed 2026-11-23 13:40 to 2026-11-23 13:50 by exchange/schedule maintenance_windows" in report.explain
    assert any(line.startswith("hourly-1300 is dropped") for line in report.explain)
    assert not any("hourly_lead_s" in line for line in report.explain)


def test_a_bound_that_nothing_moved_names_the_setting_behind_it() -> None:
    explain = scheduler_window("INX", at("15:55"), WindowSchedule(WindowsConfig())).explain

    assert "start 15:50:00: windows.close_lead_s, 600 s before the target" in explain
    assert any(line.startswith("freeze 15:59:58: windows.freeze_s, 2 s before the target") for line in explain)
    assert any(line.startswith("target 16:00:00: INX, NASDAQ100 settle at the session's close, by exchange_calendars") for line in explain)
