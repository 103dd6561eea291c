import tracemalloc
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.config import ConfigError, WindowsConfig
from kalshi_alpha.model.clock import utc_ns_of
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.sched.calendar import CalendarRangeError, Session, session, session_with_hours
from kalshi_alpha.sched.windows import WindowSchedule

SCHEDULE = WindowSchedule(WindowsConfig())
HOURLY = ["hourly-1000", "hourly-1100", "hourly-1200", "hourly-1300", "hourly-1400", "hourly-1500"]


def ns(text: str) -> int:
    return utc_ns_of(datetime.fromisoformat(text))


def labels(windows: tuple[Window, ...]) -> list[str]:
    return [window.label for window in windows]


def late_open(day: date) -> Session:
    return session_with_hours(day, time(10, 50), time(16), "notice") if day == date(2026, 11, 23) else session(day)


# The day


def test_a_regular_day_has_six_hourly_windows_and_the_close() -> None:
    assert labels(SCHEDULE.day(date(2026, 11, 23))) == [*HOURLY, "close-1600"]


def test_an_hourly_window_has_its_instants() -> None:
    window = SCHEDULE.day(date(2026, 11, 2))[0]

    assert window == Window(
        label="hourly-1000",
        target_type="hourly",
        series=("INXU", "NASDAQ100U"),
        start_ns=ns("2026-11-02T14:45:00Z"),
        freeze_ns=ns("2026-11-02T14:59:58Z"),
        target_ns=ns("2026-11-02T15:00:00Z"),
        final_minute_ns=ns("2026-11-02T14:59:00Z"),
        session_date="2026-11-02",
    )


def test_the_close_window_opens_ten_minutes_before_the_close() -> None:
    window = SCHEDULE.day(date(2026, 11, 2))[-1]

    assert (window.label, window.target_type, window.series) == ("close-1600", "close", ("INX", "NASDAQ100"))
    assert (window.start_ns, window.target_ns) == (ns("2026-11-02T20:50:00Z"), ns("2026-11-02T21:00:00Z"))


@pytest.mark.parametrize(
    ("day", "target"),
    [
        (date(2026, 10, 30), "2026-10-30T14:00Z"),
        (date(2026, 11, 2), "2026-11-02T15:00Z"),
        (date(2027, 3, 12), "2027-03-12T15:00Z"),
        (date(2027, 3, 15), "2027-03-15T14:00Z"),
    ],
)
def test_ten_oclock_in_new_york_moves_in_utc_with_the_clock_change(day: date, target: str) -> None:
    assert SCHEDULE.day(day)[0].target_ns == ns(target)


def test_an_early_close_keeps_the_hour_it_closes_at_and_moves_the_close_target_to_it() -> None:
    windows = SCHEDULE.day(date(2026, 11, 27))

    assert labels(windows) == ["hourly-1000", "hourly-1100", "hourly-1200", "hourly-1300", "close-1300"]
    assert windows[-2].target_ns == windows[-1].target_ns == ns("2026-11-27T18:00Z")
    assert windows[-1].start_ns == ns("2026-11-27T17:50Z")


def test_an_hourly_target_at_the_close_exists_beside_the_close() -> None:
    schedule = WindowSchedule(WindowsConfig(hourly_targets_et=("15:00", "16:00")))

    assert labels(schedule.day(date(2026, 11, 23))) == ["hourly-1500", "hourly-1600", "close-1600"]


@pytest.mark.parametrize("day", [date(2026, 11, 26), date(2026, 11, 28), date(2026, 11, 29)])
def test_a_day_without_trading_has_no_windows(day: date) -> None:
    assert SCHEDULE.day(day) == ()


def test_a_late_open_drops_the_windows_before_it_and_cuts_the_one_it_falls_into() -> None:
    windows = WindowSchedule(WindowsConfig(), late_open).day(date(2026, 11, 23))

    assert labels(windows)[0] == "hourly-1100"
    assert windows[0].start_ns == ns("2026-11-23T10:50-05:00")


def test_every_window_of_the_table_lies_inside_its_session_and_in_order() -> None:
    day = date(2006, 1, 1)
    while day < date(2029, 1, 1):
        found, windows = session(day), SCHEDULE.day(day)
        for window in windows:
            assert found.open_ns <= window.start_ns < window.final_minute_ns < window.freeze_ns < window.target_ns <= found.close_ns
        assert (len(windows) > 0) == found.trades
        assert list(windows) == sorted(windows, key=lambda w: (w.start_ns, w.target_ns))
        day += timedelta(days=1)


# The instant


@pytest.mark.parametrize(
    ("now", "label"),
    [
        ("2026-11-23T09:44:59.999999-05:00", None),
        ("2026-11-23T09:45:00-05:00", "hourly-1000"),
        ("2026-11-23T09:59:58-05:00", "hourly-1000"),
        ("2026-11-23T09:59:59.999999-05:00", "hourly-1000"),
        ("2026-11-23T10:00:00-05:00", None),
        ("2026-11-23T15:49:59-05:00", None),
        ("2026-11-23T15:50:00-05:00", "close-1600"),
        ("2026-11-23T16:00:00-05:00", None),
        ("2026-11-26T09:50:00-05:00", None),
        ("2026-11-27T12:55:00-05:00", "hourly-1300"),
        ("2026-11-27T15:55:00-05:00", None),
    ],
)
def test_a_window_is_current_from_its_start_until_its_target(now: str, label: str | None) -> None:
    found = WindowSchedule(WindowsConfig()).current(ns(now))

    assert (found.label if found else None) == label


def test_overlapping_windows_are_all_active() -> None:
    assert labels(SCHEDULE.active(ns("2026-11-27T12:49:59-05:00"))) == ["hourly-1300"]
    assert labels(SCHEDULE.active(ns("2026-11-27T12:50:00-05:00"))) == ["hourly-1300", "close-1300"]
    assert SCHEDULE.active(ns("2026-11-27T13:00:00-05:00")) == ()


def test_todays_windows_are_those_of_the_date_in_new_york() -> None:
    assert SCHEDULE.today(ns("2026-11-24T04:59:59Z"))[0].session_date == "2026-11-23"
    assert SCHEDULE.today(ns("2026-11-24T05:00:00Z"))[0].session_date == "2026-11-24"


def test_the_upcoming_windows_start_with_the_current_one_and_cross_days() -> None:
    found = SCHEDULE.upcoming(ns("2026-11-25T15:55:00-05:00"), limit=3)

    assert [(w.session_date, w.label) for w in found] == [
        ("2026-11-25", "close-1600"),
        ("2026-11-27", "hourly-1000"),
        ("2026-11-27", "hourly-1100"),
    ]


def test_the_upcoming_windows_of_a_series_are_only_its_own() -> None:
    found = SCHEDULE.upcoming(ns("2026-11-25T16:00:00-05:00"), limit=2, series="INX")

    assert [(w.session_date, w.label) for w in found] == [("2026-11-27", "close-1300"), ("2026-11-30", "close-1600")]


@pytest.mark.parametrize(
    ("now", "boundary"),
    [
        ("2026-11-23T00:00:00-05:00", "2026-11-23T09:45:00-05:00"),
        ("2026-11-23T09:45:00-05:00", "2026-11-23T09:59:00-05:00"),
        ("2026-11-23T09:59:00-05:00", "2026-11-23T09:59:58-05:00"),
        ("2026-11-23T09:59:58-05:00", "2026-11-23T10:00:00-05:00"),
        ("2026-11-23T10:00:00-05:00", "2026-11-23T10:45:00-05:00"),
        ("2026-11-25T16:00:00-05:00", "2026-11-27T09:45:00-05:00"),
        ("2026-11-26T12:00:00-05:00", "2026-11-27T09:45:00-05:00"),
        ("2026-10-30T16:00:00-04:00", "2026-11-02T09:45:00-05:00"),
        ("2026-12-31T23:59:59-05:00", "2027-01-04T09:45:00-05:00"),
    ],
)
def test_the_next_boundary_is_strictly_later(now: str, boundary: str) -> None:
    assert WindowSchedule(WindowsConfig()).next_boundary_ns(ns(now)) == ns(boundary)


@given(st.lists(st.integers(ns("2026-10-30T00:00Z"), ns("2026-11-30T00:00Z")), min_size=1, max_size=20))
def test_answers_do_not_depend_on_the_questions_before(instants: list[int]) -> None:
    schedule = WindowSchedule(WindowsConfig())

    for at in instants:
        fresh = WindowSchedule(WindowsConfig())
        holding = [w for w in fresh.today(at) if w.start_ns <= at < w.target_ns]
        assert list(schedule.active(at)) == holding
        assert schedule.current(at) == (holding[0] if holding else None)
        assert schedule.next_boundary_ns(at) == fresh.next_boundary_ns(at) > at


def test_walking_the_boundaries_meets_every_edge_of_every_window_once() -> None:
    at, end = ns("2026-11-23T00:00-05:00"), ns("2026-11-30T00:00-05:00")
    walked = []
    while (at := SCHEDULE.next_boundary_ns(at)) < end:
        walked.append(at)

    days = (date(2026, 11, day) for day in range(23, 30))
    edges = {at for day in days for w in SCHEDULE.day(day) for at in (w.start_ns, w.final_minute_ns, w.freeze_ns, w.target_ns)}
    assert walked == sorted(edges)


def test_beyond_the_calendar_there_is_no_answer() -> None:
    after_the_last_window = ns("2028-12-29T16:00:00-05:00")

    assert SCHEDULE.current(after_the_last_window) is None
    assert SCHEDULE.upcoming(after_the_last_window) == ()
    with pytest.raises(CalendarRangeError, match=r"2029-01-01"):
        SCHEDULE.next_boundary_ns(after_the_last_window)
    with pytest.raises(CalendarRangeError, match=r"2029-01-01"):
        SCHEDULE.current(ns("2029-01-01T12:00:00-05:00"))


# The settings


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (WindowsConfig(hourly_targets_et=("10:00", "9:30")), r"hourly_targets_et is '9:30': expected HH:MM"),
        (WindowsConfig(hourly_targets_et=("noon",)), r"hourly_targets_et is 'noon'"),
        (WindowsConfig(hourly_targets_et=("11:00", "10:00")), r"in order"),
        (WindowsConfig(freeze_s=0), r"freeze_s is 0: expected 1 to 59"),
        (WindowsConfig(close_lead_s=60), r"close_lead_s is 60"),
        (WindowsConfig(hourly_series=("INX",)), r"hourly_series is \('INX',\): expected hourly series"),
        (WindowsConfig(hourly_series=(), close_series=()), r"at least one window"),
    ],
)
def test_settings_that_make_no_usable_window_are_refused(config: WindowsConfig, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        WindowSchedule(config)


def test_asking_for_the_current_window_makes_a_day_once_and_nothing_within_a_stretch() -> None:
    made: list[date] = []

    def counted(day: date) -> Session:
        made.append(day)
        return session(day)

    schedule = WindowSchedule(WindowsConfig(), counted)
    start_ns, minute_ns = ns("2026-11-23T00:00-05:00"), 60_000_000_000
    for minute in range(24 * 60):
        schedule.current(start_ns + minute * minute_ns)
        schedule.next_boundary_ns(start_ns + minute * minute_ns)

    assert sorted(set(made)) == [date(2026, 11, 23), date(2026, 11, 24)]
    assert len(made) == 2


def test_the_current_window_is_the_same_object_and_costs_no_memory() -> None:
    schedule = WindowSchedule(WindowsConfig())
    instant_ns = ns("2026-11-23T09:50-05:00")
    window = schedule.current(instant_ns)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]

    found = [schedule.current(at_ns) for at_ns in (instant_ns, instant_ns, instant_ns)]

    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert all(one is window for one in found)
    assert used < 500  # the list, not a day
