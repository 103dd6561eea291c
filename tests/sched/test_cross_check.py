from datetime import date, datetime

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import utc_ns_of
from kalshi_alpha.model.hours import Closure
from kalshi_alpha.model.instruments import Series
from kalshi_alpha.sched.calendar import session
from kalshi_alpha.sched.cross_check import listing_on_a_closed_day, window_doubts
from kalshi_alpha.sched.windows import WindowSchedule

SCHEDULE = WindowSchedule(WindowsConfig())
REGULAR, EARLY, HOLIDAY = date(2026, 11, 23), date(2026, 11, 27), date(2026, 11, 26)


def listed(day: date, last_hour: int) -> dict[Series, tuple[int, ...]]:
    """Return what the venue lists for a session that closes at this hour: an hourly event each hour and at the close, one range at it."""
    hours = tuple(utc_ns_of(datetime.fromisoformat(f"{day.isoformat()}T{hour}:00-05:00")) for hour in range(10, last_hour + 1))
    return {"INXU": hours, "NASDAQ100U": hours, "INX": hours[-1:], "NASDAQ100": hours[-1:]}


def labels(day: date, closes: dict[Series, tuple[int, ...]], *gaps: Closure) -> list[str]:
    return [key.partition("/")[2] for key in window_doubts(SCHEDULE.whole(day), session(day), closes, gaps)]


def test_a_listing_that_agrees_raises_no_doubt() -> None:
    assert labels(REGULAR, listed(REGULAR, 16)) == []
    assert labels(EARLY, listed(EARLY, 13)) == []


def test_our_early_close_against_a_venue_that_lists_the_whole_day_doubts_what_is_at_the_close() -> None:
    assert labels(EARLY, listed(EARLY, 16)) == ["hourly-1300", "close-1300"]


def test_an_early_close_that_only_the_venue_knows_doubts_everything_from_it_on() -> None:
    assert labels(REGULAR, listed(REGULAR, 13)) == ["hourly-1300", "hourly-1400", "hourly-1500", "close-1600"]


def test_one_series_that_differs_is_enough() -> None:
    closes = listed(REGULAR, 16) | {"NASDAQ100": listed(REGULAR, 13)["NASDAQ100"]}

    (problem,) = window_doubts(SCHEDULE.whole(REGULAR), session(REGULAR), closes, ()).values()

    assert problem == "NASDAQ100 has its target at 16:00, the venue lists 13:00"


def test_a_target_that_is_not_listed_is_in_doubt_alone() -> None:
    closes = listed(REGULAR, 16)
    closes["INXU"] = tuple(at_ns for number, at_ns in enumerate(closes["INXU"]) if number != 2)

    assert labels(REGULAR, closes) == ["hourly-1200"]


def test_a_trading_day_for_which_nothing_is_listed_is_in_doubt_whole() -> None:
    empty: dict[Series, tuple[int, ...]] = {"INXU": (), "NASDAQ100U": (), "INX": (), "NASDAQ100": ()}

    doubts = window_doubts(SCHEDULE.whole(REGULAR), session(REGULAR), empty, ())

    assert len(doubts) == 7
    assert set(doubts.values()) >= {"INXU has its target at 10:00, the venue lists nothing that day"}


def test_a_listing_that_was_not_read_says_nothing() -> None:
    assert labels(REGULAR, {}) == []


def test_the_difference_in_closes_is_named_with_who_says_so() -> None:
    closes = listed(EARLY, 16)

    problem = window_doubts(SCHEDULE.whole(EARLY), session(EARLY), closes, ())["2026-11-27/hourly-1300"]

    assert problem == f"the session closes at 13:00 ({session(EARLY).source}), the venue's last INXU event at 16:00"


def test_windows_that_the_venues_weekly_hours_cut_are_in_doubt() -> None:
    from_ns, to_ns = (utc_ns_of(datetime.fromisoformat(f"2026-11-23T{at}-05:00")) for at in ("13:59", "15:50"))
    gap = Closure(from_ns, to_ns, "the week", "")

    assert labels(REGULAR, listed(REGULAR, 16), gap) == ["hourly-1400", "hourly-1500"]


def test_events_on_a_day_without_a_session_are_told() -> None:
    found = listing_on_a_closed_day(session(HOLIDAY), listed(HOLIDAY, 11))

    assert found.startswith("2026-11-26 is a holiday (exchange_calendars")
    assert found.endswith("the venue lists events that close at 10:00, 11:00")
    assert listing_on_a_closed_day(session(HOLIDAY), {"INXU": ()}) == ""
    assert listing_on_a_closed_day(session(REGULAR), listed(REGULAR, 16)) == ""
