"""What narrows a session beyond the exchange's own calendar: the operator's special hours, the venue's week and its closures."""

import msgspec


class SpecialDay(msgspec.Struct, frozen=True):
    """One New York date with other hours than the calendar has."""

    date: str
    """ISO date."""
    open_ns: int
    close_ns: int
    """UTC nanoseconds; both 0: no trading at all."""
    note: str
    """Who says so, for people."""


class SpecialHours(msgspec.Struct, frozen=True):
    """A whole reviewed file of them, each date once, in order."""

    source: str = ""
    """The file's name as the operator knows it; empty: there is none."""
    digest: str = ""
    """First 12 hex digits of the SHA-256 of its text."""
    days: tuple[SpecialDay, ...] = ()


class Closure(msgspec.Struct, frozen=True, order=True):
    """A stretch in which the venue doesn't trade, as somebody says."""

    from_ns: int
    to_ns: int
    """First instant after, UTC nanoseconds; far in the future where nobody has named an end."""
    source: str
    name: str
    """The source's own name of it, which stays when it is moved."""
    is_over: bool = False
    """It has ended: what lies before it is past, too, and what is left of a window comes after it."""
