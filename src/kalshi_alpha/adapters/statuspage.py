"""A status page of Statuspage's format: its maintenances and incidents, as requests and one event.

Nothing shows that the venue's page is one, so everything about it is doubted: HTML, an error, a missing field or a time without an offset
makes ``RequestFailed``, which means unknown and never that all is well. Only the whole answer counts.

Source: Atlassian's API documentation of Statuspage, "v2".
"""

from collections.abc import Generator
from typing import Final, TypeVar

import msgspec

from kalshi_alpha.adapters.kalshi.fixed_point import WireError, rfc3339_ns
from kalshi_alpha.adapters.kalshi.order_calls import Calls, is_success
from kalshi_alpha.adapters.kalshi.wire import decode
from kalshi_alpha.model.calendar_events import StatusPageRead
from kalshi_alpha.model.commands import ReadStatusPage
from kalshi_alpha.model.events import RequestFailed
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.maintenance import Slot

_ROOT: Final = "/api/v2"
BODY_BYTES_MAX: Final = 1_048_576
_OVER: Final = frozenset({"completed"})
_TEXT_MAX: Final = 120
_TOLD_MAX: Final = 50
"""Incidents that are worth telling."""

_T = TypeVar("_T")


class MaintenanceListed(msgspec.Struct, frozen=True):
    """The fields of a maintenance that we use."""

    id: str
    name: str
    status: str
    scheduled_for: str
    scheduled_until: str
    started_at: str | None = None


class MaintenancesListed(msgspec.Struct, frozen=True):
    """``scheduled-maintenances/upcoming.json`` and ``active.json``."""

    scheduled_maintenances: list[MaintenanceListed]


class IncidentListed(msgspec.Struct, frozen=True):
    """The fields of an incident that we use."""

    name: str
    status: str
    impact: str


class IncidentsListed(msgspec.Struct, frozen=True):
    """``incidents/unresolved.json``."""

    incidents: list[IncidentListed]


def calls(command: ReadStatusPage) -> Calls:
    """Read the page's upcoming and active maintenances and its unresolved incidents."""
    try:
        upcoming = yield from _read("/scheduled-maintenances/upcoming.json", MaintenancesListed)
        active = yield from _read("/scheduled-maintenances/active.json", MaintenancesListed)
        incidents = yield from _read("/incidents/unresolved.json", IncidentsListed)
        listed = [*upcoming.scheduled_maintenances, *active.scheduled_maintenances]
        slots = {one.id: slot_of(one) for one in listed if one.status not in _OVER}
    except _UnreadableError as error:
        return [RequestFailed("ReadStatusPage", command.request, error.status, str(error))]
    except WireError as error:
        return [RequestFailed("ReadStatusPage", command.request, 200, f"unreadable answer: {error}")]
    told = tuple(
        f"incident '{one.name[:_TEXT_MAX]}': {one.status[:_TEXT_MAX]}, impact {one.impact[:_TEXT_MAX]}"
        for one in incidents.incidents[:_TOLD_MAX]
    )
    return [StatusPageRead(command.request, tuple(slots.values()), told)]


def slot_of(listed: MaintenanceListed) -> Slot:
    """Return a maintenance's slot, from the earlier of its plan and its real start.

    Raises:
        WireError: a time that is none, or an end before the start.

    """
    from_ns, to_ns = rfc3339_ns(listed.scheduled_for), rfc3339_ns(listed.scheduled_until)
    if to_ns <= from_ns:
        message = f"maintenance {listed.id} from {listed.scheduled_for} to {listed.scheduled_until}"
        raise WireError(message)
    if listed.started_at:
        from_ns = min(from_ns, rfc3339_ns(listed.started_at))
    return Slot(from_ns, to_ns, "statuspage", f"{listed.name[:_TEXT_MAX]} ({listed.id[:40]})")


class _UnreadableError(Exception):
    """A file of the page isn't there."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def _read(path: str, kind: type[_T]) -> Generator[HttpRequest, HttpResponse, _T]:
    response = yield HttpRequest("GET", _ROOT + path)
    if not is_success(response):
        raise _UnreadableError(response.status, response.reason or f"{path}: http {response.status}")
    return decode(response.body, kind)
