"""A simulated status page: what the script shows, as a page of Statuspage's format would serve it."""

from collections.abc import Sequence

import msgspec

from kalshi_alpha.adapters import statuspage
from kalshi_alpha.model.clock import iso_utc
from kalshi_alpha.model.commands import ReadStatusPage
from kalshi_alpha.model.events import Event
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.sim.script import PageEntry

_OK = 200


def read_page(entries: Sequence[PageEntry], command: ReadStatusPage, utc_ns: int) -> list[Event]:
    """Return what a read of the page comes to at an instant."""
    calls = statuspage.calls(command)
    try:
        request = next(calls)
        while True:
            request = calls.send(page_answer(entries, request, utc_ns))
    except StopIteration as done:
        return list(done.value)


def page_answer(entries: Sequence[PageEntry], request: HttpRequest, utc_ns: int) -> HttpResponse:
    """Return the page's answer to one request."""
    shown = [entry for entry in entries if entry.shown_from_ns <= utc_ns < entry.shown_to_ns]
    if any(entry.kind == "error" for entry in shown):
        return HttpResponse(502, b"bad gateway")
    if any(entry.kind == "html" for entry in shown):
        return HttpResponse(_OK, b"<!doctype html><title>Status</title><p>All Systems Operational</p>")
    if request.path.endswith("/unresolved.json"):
        incidents = [
            {"id": "i1", "name": "Trading", "status": entry.status, "impact": "critical"} for entry in shown if entry.kind == "incident"
        ]
        return HttpResponse(_OK, msgspec.json.encode({"page": {"id": "p"}, "incidents": incidents}))
    wants_active = request.path.endswith("/active.json")
    listed = [
        {
            "id": f"m{number}",
            "name": "Maintenance",
            "status": entry.status,
            "scheduled_for": iso_utc(entry.from_ns),
            "scheduled_until": iso_utc(entry.to_ns),
        }
        for number, entry in enumerate(entries)
        if entry in shown and entry.kind == "maintenance" and (entry.status != "scheduled") == wants_active
    ]
    return HttpResponse(_OK, msgspec.json.encode({"page": {"id": "p"}, "scheduled_maintenances": listed}))
