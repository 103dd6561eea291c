"""Facts about when the venue trades and what it lists: maintenance, hours, the day's listings."""

from kalshi_alpha.model.events import Event
from kalshi_alpha.model.hours import SpecialHours
from kalshi_alpha.model.instruments import Series
from kalshi_alpha.model.listed_day import ListedDay
from kalshi_alpha.model.maintenance import Slot, WeekHours

# Maintenance


class StatusPageRead(Event, frozen=True):
    """The status page's maintenances and what else it says."""

    request: int
    slots: tuple[Slot, ...]
    advisories: tuple[str, ...]


class OperatorSlotsRead(Event, frozen=True):
    """The operator's own slots."""

    slots: tuple[Slot, ...]
    problem: str
    """Why they can't be read; empty where they were."""


class OperatorSlotsChanged(Event, frozen=True):
    """The operator has added or removed a slot."""


class MaintenanceConfirmed(Event, frozen=True):
    """The operator says that quoting may resume."""

    actor: str


class SnapshotVerified(Event, frozen=True):
    """A snapshot was stored and read back as a restart would."""

    verdict: str
    """``fresh``, ``stale``, ``missing`` or ``corrupt``."""
    age_s: float


class HousekeepingDone(Event, frozen=True):
    """The housekeeping before a maintenance has ended."""

    exit_status: int
    summary: str


# Calendar


class ScheduleRead(Event, frozen=True):
    """The venue's schedule: maintenance windows as (from, to) in UTC nanoseconds, and its hours."""

    request: int
    windows: tuple[tuple[int, int], ...]
    hours: tuple[WeekHours, ...]


class ClosesRead(Event, frozen=True):
    """When the venue's events close in the stretch that was asked for."""

    request: int
    from_ns: int
    closes: tuple[tuple[Series, tuple[int, ...]], ...]
    """Each series asked for, with its events' closes (UTC ns), sorted, each once."""


class SpecialHoursChanged(Event, frozen=True):
    """The reviewed file of special hours was read, and all of it holds from now on."""

    hours: SpecialHours


class SpecialHoursRefused(Event, frozen=True):
    """The file of special hours is unusable; what was read before it stays in force."""

    reason: str


class DayListed(Event, frozen=True):
    """Everything that a series lists to close on one day, understood or not."""

    request: int
    day: ListedDay
