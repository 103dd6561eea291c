"""Maintenance as its sources tell it: slots in UTC nanoseconds, each with who says so."""

from typing import Final, Literal

import msgspec

SourceName = Literal["weekly", "schedule", "status", "statuspage", "operator"]
OPEN_END_NS: Final = 1 << 62
"""A slot's end when nobody has named one."""


class Slot(msgspec.Struct, frozen=True, order=True):
    """A stretch in which one source says that the venue doesn't trade."""

    from_ns: int
    to_ns: int
    """First instant after; ``OPEN_END_NS``: unknown."""
    source: SourceName
    name: str
    """The source's own name or id of it, which stays when the slot is moved."""


class SourceWord(msgspec.Struct, frozen=True):
    """What one source said last."""

    source: SourceName
    slots: tuple[Slot, ...] = ()
    heard_ns: int = 0
    """UTC of its last readable answer; 0: it never gave one."""
    problem: str = ""
    """Why it is unknown now; the slots are then those of the last readable answer, and the lack of one proves nothing."""
    lists_until_ns: int = 0
    """Up to here a slot that isn't listed is one that the source doesn't know of; 0: its silence says nothing."""
    advisories: tuple[str, ...] = ()
    """What else it says, for people."""


class WeekHours(msgspec.Struct, frozen=True):
    """The venue's hours of a week, in New York wall-clock time."""

    from_ns: int
    to_ns: int
    """The stretch in which they hold."""
    days: tuple[tuple[tuple[str, str], ...], ...]
    """Monday first: that day's sessions as (open, close), ``HH:MM``; a close of ``00:00`` is the day's end."""


class ShardStatus(msgspec.Struct, frozen=True):
    """One shard's word on whether it trades."""

    exchange_index: int
    exchange_active: bool
    trading_active: bool


class Gate(msgspec.Struct, frozen=True):
    """One condition of quoting again."""

    name: str
    green: bool
    note: str
