"""The status page is doubted: only a whole, well-formed answer counts."""

import json
from collections.abc import Mapping

import pytest

from kalshi_alpha.adapters import statuspage
from kalshi_alpha.model.calendar_events import StatusPageRead
from kalshi_alpha.model.commands import ReadStatusPage
from kalshi_alpha.model.events import Event, RequestFailed
from kalshi_alpha.model.http import HttpResponse

UPCOMING = "/api/v2/scheduled-maintenances/upcoming.json"
ACTIVE = "/api/v2/scheduled-maintenances/active.json"
UNRESOLVED = "/api/v2/incidents/unresolved.json"
START_NS = 1_795_447_200_000_000_000  # 2026-11-23T15:20:00Z


def listed(status: str = "scheduled", number: str = "x1", **more: str) -> dict[str, object]:
    plan = {"scheduled_for": "2026-11-23T10:20:00.000-05:00", "scheduled_until": "2026-11-23T16:50:00+01:00"}
    return {"id": number, "name": "Upgrade", "status": status, "impact": "maintenance", "components": [], **plan, **more}


def page(**bodies: object) -> dict[str, HttpResponse]:
    documents = {
        UPCOMING: {"page": {}, "scheduled_maintenances": bodies.get("upcoming", [])},
        ACTIVE: {"page": {}, "scheduled_maintenances": bodies.get("active", [])},
        UNRESOLVED: {"page": {}, "incidents": bodies.get("incidents", [])},
    }
    return {path: HttpResponse(200, json.dumps(document).encode()) for path, document in documents.items()}


def read(answers: Mapping[str, HttpResponse]) -> Event:
    calls = statuspage.calls(ReadStatusPage(9))
    request = next(calls)
    while True:
        assert request.method == "GET"
        try:
            request = calls.send(answers[request.path])
        except StopIteration as done:
            [event] = done.value
            assert isinstance(event, Event)
            return event


def test_maintenances_and_incidents_are_read_in_any_offset() -> None:
    event = read(page(upcoming=[listed()], incidents=[{"name": "Slow", "status": "investigating", "impact": "major"}]))

    assert isinstance(event, StatusPageRead)
    [slot] = event.slots
    assert (slot.from_ns, slot.to_ns) == (START_NS, START_NS + 1_800 * 10**9)
    assert slot.name == "Upgrade (x1)"
    assert event.advisories == ("incident 'Slow': investigating, impact major",)


def test_of_too_many_incidents_with_too_many_words_enough_is_told() -> None:
    word = "x" * 10_000

    event = read(page(incidents=[{"name": word, "status": word, "impact": word}] * 300))

    assert isinstance(event, StatusPageRead)
    assert len(event.advisories) == 50
    assert max(map(len, event.advisories)) < 400


def test_an_early_start_counts_a_late_one_doesnt_shorten_and_what_is_completed_is_over() -> None:
    early, late = listed("in_progress", "a", started_at="2026-11-23T15:00:00Z"), listed("verifying", "b", started_at="2026-11-23T15:30:00Z")

    event = read(page(active=[early, late, listed("completed", "c")]))

    assert isinstance(event, StatusPageRead)
    assert [slot.from_ns for slot in event.slots] == [START_NS - 1_200 * 10**9, START_NS]


def test_one_listed_twice_is_one() -> None:
    event = read(page(upcoming=[listed()], active=[listed("in_progress")]))

    assert isinstance(event, StatusPageRead)
    assert len(event.slots) == 1


@pytest.mark.parametrize("path", [UPCOMING, ACTIVE, UNRESOLVED])
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (HttpResponse(200, b"<!doctype html><p>All Systems Operational"), 200),
        (HttpResponse(200, b"{}"), 200),
        (HttpResponse(200, b'{"scheduled_maintenances": null, "incidents": null}'), 200),
        (HttpResponse(302, b""), 302),
        (HttpResponse(503, b'{"scheduled_maintenances": [], "incidents": []}'), 503),
        (HttpResponse(0, b"", "no answer within 10 s"), 0),
    ],
)
def test_anything_else_is_unknown_and_never_all_clear(path: str, answer: HttpResponse, status: int) -> None:
    event = read(page() | {path: answer})

    assert isinstance(event, RequestFailed)
    assert (event.command, event.request, event.http_status) == ("ReadStatusPage", 9, status)
    assert event.reason


@pytest.mark.parametrize(
    "more", [{"scheduled_for": "2026-11-23T10:20:00"}, {"scheduled_until": "2026-11-23T10:20:00-05:00"}, {"scheduled_until": "soon"}]
)
def test_a_time_without_offset_or_order_makes_the_page_unknown(more: dict[str, str]) -> None:
    assert isinstance(read(page(upcoming=[listed(**more)])), RequestFailed)
