from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.sched.calendar import session, session_with_hours
from kalshi_alpha.sched.clock_check import clock_problems, offset_hours
from kalshi_alpha.sched.windows import WindowSchedule

CONFIG = WindowsConfig()
SCHEDULE = WindowSchedule(CONFIG)
MONDAY = date(2027, 3, 15)
HOUR_NS = 3_600 * NS_PER_S


def shifted(windows: tuple[Window, ...], by_ns: int) -> tuple[Window, ...]:
    fields = ("start_ns", "final_minute_ns", "freeze_ns", "target_ns")
    return tuple(msgspec.structs.replace(window, **{name: getattr(window, name) + by_ns for name in fields}) for window in windows)


def test_the_rule_equals_the_time_zone_data_on_every_noon_from_2007_on() -> None:
    days = (date.fromordinal(ordinal) for ordinal in range(date(2007, 1, 1).toordinal(), date(2037, 12, 31).toordinal() + 1))
    zone = ZoneInfo("America/New_York")

    wrong = [day for day in days if datetime.combine(day, time(12), zone).utcoffset() != timedelta(hours=-offset_hours(day))]

    assert not wrong


def test_every_day_of_the_table_from_2007_on_passes_the_check() -> None:
    for ordinal in range(date(2007, 1, 1).toordinal(), date(2028, 12, 31).toordinal() + 1):
        day = date.fromordinal(ordinal)
        if session(day).trades:
            assert clock_problems(session(day), SCHEDULE.day(day), CONFIG) == ()


def test_a_special_session_is_held_against_its_labels_alone() -> None:
    found = session_with_hours(MONDAY, time(10, 30), time(15, 30), "a notice")
    windows = WindowSchedule(CONFIG, lambda _day: found).day(MONDAY)

    assert clock_problems(found, windows, CONFIG) == ()


def test_an_hour_off_is_found_in_the_session_and_in_every_window() -> None:
    found = session(MONDAY)
    late = msgspec.structs.replace(found, open_ns=found.open_ns + HOUR_NS, close_ns=found.close_ns + HOUR_NS)

    problems = clock_problems(late, shifted(SCHEDULE.day(MONDAY), HOUR_NS), CONFIG)

    assert problems[0] == "the session's open is +3600 s from where the rule of 2007 puts it"
    assert sum("target is +3600 s" in problem for problem in problems) == 7


@pytest.mark.parametrize("by_s", [-3_600, -1, 1])
def test_a_window_that_begins_too_early_or_freezes_too_late_is_found(by_s: int) -> None:
    first, *others = SCHEDULE.day(MONDAY)
    moved = msgspec.structs.replace(
        first, start_ns=first.start_ns + min(by_s, 0) * NS_PER_S, freeze_ns=first.freeze_ns + max(by_s, 0) * NS_PER_S
    )

    assert clock_problems(session(MONDAY), (moved, *others), CONFIG) == ("hourly-1000 reaches beyond 900 s to 2 s before its target",)
