"""Reads of the venue's hours and of its events' closes."""

import json
from datetime import datetime

import pytest

from kalshi_alpha.adapters.kalshi.rest import calls_for
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import utc_ns_of
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.maintenance import WeekHours

WHOLE = [{"open_time": "00:00", "close_time": "00:00"}]
WEEK = dict.fromkeys(("monday", "tuesday", "wednesday", "friday", "saturday", "sunday"), WHOLE) | {
    "thursday": [{"open_time": "00:00", "close_time": "03:00"}, {"open_time": "05:00", "close_time": "00:00"}],
    "start_time": "2026-01-01T05:00:00Z",
    "end_time": "2027-12-31T05:00:00Z",
}


def ns(text: str) -> int:
    return utc_ns_of(datetime.fromisoformat(text))


def carried_out(command: cmd.Command, *answers: object) -> tuple[list[HttpRequest], list[ev.Event]]:
    """Return the requests of a command whose answers are these, and the events it ends with."""
    calls = calls_for(command)
    asked = [next(calls)]
    for answer in answers:
        body, status = (answer, 500) if isinstance(answer, bytes) else (json.dumps(answer).encode(), 200)
        try:
            asked.append(calls.send(HttpResponse(status, body)))
        except StopIteration as done:
            return asked, done.value
    raise AssertionError(asked[-1])


def read_schedule(schedule: object) -> ev.Event:
    _, (event,) = carried_out(cmd.ReadSchedule(7), {"schedule": schedule})
    return event


def test_the_hours_and_the_maintenance_windows_are_read() -> None:
    maintenance = [{"start_datetime": "2026-12-03T08:00:00Z", "end_datetime": "2026-12-03T05:00:00-05:00"}]

    event = read_schedule({"standard_hours": [WEEK], "maintenance_windows": maintenance})

    assert isinstance(event, cal.ScheduleRead)
    assert (event.request, event.windows) == (7, ((ns("2026-12-03T08:00Z"), ns("2026-12-03T10:00Z")),))
    (week,) = event.hours
    assert isinstance(week, WeekHours)
    assert (week.from_ns, week.to_ns) == (ns("2026-01-01T05:00Z"), ns("2027-12-31T05:00Z"))
    assert (week.days[0], week.days[3]) == ((("00:00", "00:00"),), (("00:00", "03:00"), ("05:00", "00:00")))


@pytest.mark.parametrize("empty", [{}, {"standard_hours": [], "maintenance_windows": {}}, {"standard_hours": None}])
def test_a_schedule_that_says_nothing_is_read_as_that(empty: dict[str, object]) -> None:
    assert read_schedule(empty) == cal.ScheduleRead(7, (), ())


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ({"standard_hours": [WEEK | {"monday": [{"open_time": "9:30", "close_time": "16:00"}]}]}, "'9:30'"),
        ({"standard_hours": [WEEK | {"monday": [{"open_time": "00:00", "close_time": "24:00"}]}]}, "'24:00'"),
        ({"standard_hours": [WEEK | {"start_time": "yesterday"}]}, "yesterday"),
        ({"standard_hours": [{"start_time": "2026-01-01T05:00:00Z", "end_time": "2027-12-31T05:00:00Z"}]}, "without any session"),
        ({"standard_hours": {"monday": 1}}, "an object instead of a list"),
        (
            {"maintenance_windows": [{"start_datetime": "2026-12-03T08:00:00Z", "end_datetime": "2026-12-03T08:00:00Z"}]},
            "maintenance from 2026-12-03T08:00:00Z to 2026-12-03T08:00:00Z",
        ),
    ],
)
def test_a_schedule_that_can_not_be_right_is_a_failed_read(schedule: object, problem: str) -> None:
    event = read_schedule(schedule)

    assert isinstance(event, ev.RequestFailed)
    assert (event.command, event.request) == ("ReadSchedule", 7)
    assert problem in event.reason


DAY_NS = ns("2026-11-23T00:00-05:00")
NEXT_NS = ns("2026-11-24T00:00-05:00")


def market(close: str) -> dict[str, object]:
    return {"ticker": "x", "close_time": close}


def test_the_closes_of_each_series_are_read_page_by_page_each_once() -> None:
    first = {"markets": [market("2026-11-23T16:00:00Z"), market("2026-11-23T15:00:00Z"), market("2026-11-23T15:00:00Z")], "cursor": "c"}
    second = {"markets": [market("2026-11-23T11:00:00-05:00"), market("2026-11-24T05:00:00Z")], "cursor": ""}

    asked, events = carried_out(cmd.ReadCloses(9, ("INXU", "INX"), DAY_NS, NEXT_NS), first, second, {"markets": {}, "cursor": ""})

    assert events == [
        cal.ClosesRead(9, DAY_NS, (("INXU", (ns("2026-11-23T15:00Z"), ns("2026-11-23T16:00Z"))), ("INX", ()))),
    ]
    bounds = f"min_close_ts={DAY_NS // 10**9 - 1}&max_close_ts={NEXT_NS // 10**9 + 1}&limit=1000"
    assert [(request.path, request.query) for request in asked] == [
        ("/markets", f"series_ticker=KXINXU&{bounds}"),
        ("/markets", f"series_ticker=KXINXU&{bounds}&cursor=c"),
        ("/markets", f"series_ticker=KXINX&{bounds}"),
    ]


def test_closes_that_can_not_be_read_are_a_failed_read() -> None:
    _, (event,) = carried_out(cmd.ReadCloses(9, ("INXU",), DAY_NS, NEXT_NS), b"")

    assert isinstance(event, ev.RequestFailed)
    assert (event.command, event.http_status) == ("ReadCloses", 500)
