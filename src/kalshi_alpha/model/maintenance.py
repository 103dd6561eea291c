"""Maintenance as its sources tell it: slots in UTC nanoseconds, each with who says so."""

import msgspec


class WeekHours(msgspec.Struct, frozen=True):
    """The venue's hours of a week, in New York wall-clock time."""

    from_ns: int
    to_ns: int
    """The stretch in which they hold."""
    days: tuple[tuple[tuple[str, str], ...], ...]
    """Monday first: that day's sessions as (open, close), ``HH:MM``; a close of ``00:00`` is the day's end."""
