"""The venue's schedule: weekly hours in New York wall-clock time, and maintenance windows."""

import re
from typing import Final

import msgspec

from kalshi_alpha.adapters.kalshi.fixed_point import WireError, rfc3339_ns
from kalshi_alpha.adapters.kalshi.wire import listed_items
from kalshi_alpha.model.maintenance import WeekHours

_HHMM: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


class HoursListed(msgspec.Struct, frozen=True):
    """One session of a day."""

    open_time: str
    close_time: str


class WeekListed(msgspec.Struct, frozen=True):
    """The hours of a week, and when they hold. A day without sessions may be left out."""

    start_time: str
    end_time: str
    monday: list[HoursListed] | None = None
    tuesday: list[HoursListed] | None = None
    wednesday: list[HoursListed] | None = None
    thursday: list[HoursListed] | None = None
    friday: list[HoursListed] | None = None
    saturday: list[HoursListed] | None = None
    sunday: list[HoursListed] | None = None


class WindowListed(msgspec.Struct, frozen=True):
    """One maintenance window."""

    start_datetime: str
    end_datetime: str


class ScheduleListed(msgspec.Struct, frozen=True):
    """Both forms in which the venue announces that it is closed."""

    standard_hours: list[WeekListed] | dict[str, object] | None = None
    maintenance_windows: list[WindowListed] | dict[str, object] | None = None


class ScheduleAnswer(msgspec.Struct, frozen=True):
    """The answer to a read of the schedule."""

    schedule: ScheduleListed


def schedule_of(listed: ScheduleListed) -> tuple[tuple[tuple[int, int], ...], tuple[WeekHours, ...]]:
    """Return the maintenance windows as (from, to) in UTC nanoseconds, and the weekly hours.

    Raises:
        WireError: a time that is none, a window that ends before it begins, or hours without any session.

    """
    windows = tuple(_window(window) for window in listed_items(listed.maintenance_windows))
    return windows, tuple(_week(week) for week in listed_items(listed.standard_hours))


def _window(listed: WindowListed) -> tuple[int, int]:
    from_ns, to_ns = rfc3339_ns(listed.start_datetime), rfc3339_ns(listed.end_datetime)
    if to_ns <= from_ns:
        message = f"maintenance from {listed.start_datetime} to {listed.end_datetime}"
        raise WireError(message)
    return from_ns, to_ns


def _week(listed: WeekListed) -> WeekHours:
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    days = tuple(tuple(_session(hours) for hours in getattr(listed, name) or ()) for name in names)
    if not any(days):
        message = "standard_hours without any session"
        raise WireError(message)
    return WeekHours(rfc3339_ns(listed.start_time), rfc3339_ns(listed.end_time), days)


def _session(hours: HoursListed) -> tuple[str, str]:
    for text in (hours.open_time, hours.close_time):
        if not _HHMM.fullmatch(text):
            message = f"not a time HH:MM: {text!r}"
            raise WireError(message)
    return hours.open_time, hours.close_time
