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
