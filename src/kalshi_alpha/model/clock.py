"""Time as a value: two clocks that are never mixed, in integer nanoseconds."""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
SAME_CLOCKS_NS: Final = 50 * NS_PER_MS
"""Two readings of the same two clocks agree to this on the time between them."""
NEW_YORK: Final = ZoneInfo("America/New_York")


class Now(msgspec.Struct, frozen=True, gc=False):
    """The instant of one step, read once by the driver."""

    utc_ns: int
    """Nanoseconds since 1970-01-01T00:00Z: for schedules and records."""
    mono_ns: int
    """Nanoseconds of a clock that never goes back: for ages, timeouts and rates."""


def is_of_same_clocks(earlier: Now, now: Now) -> bool:
    """Whether an earlier instant was read from the clocks of now.

    A machine that was started anew or suspended, another machine or a wall clock that was set has them disagree on how long ago it was.
    """
    age_ns = now.mono_ns - earlier.mono_ns
    return age_ns >= 0 and abs(now.utc_ns - earlier.utc_ns - age_ns) <= SAME_CLOCKS_NS


def utc_datetime(utc_ns: int) -> datetime:
    """Return the instant as an aware UTC datetime, cut to microseconds."""
    seconds, rest = divmod(utc_ns, NS_PER_S)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1_000)


def iso_utc(utc_ns: int) -> str:
    """Return ISO 8601 with milliseconds and offset, for files: ``2026-11-23T14:30:00.125+00:00``."""
    return utc_datetime(utc_ns).isoformat(timespec="milliseconds")


def iso_et(utc_ns: int) -> str:
    """Return the instant in New York time with its offset, for people."""
    return utc_datetime(utc_ns).astimezone(NEW_YORK).isoformat(timespec="milliseconds")


def utc_ns_of(moment: datetime) -> int:
    """Return an aware datetime as UTC nanoseconds.

    Raises:
        ValueError: the datetime is naive.

    """
    if moment.tzinfo is None:
        message = f"time without an offset: {moment.isoformat()}"
        raise ValueError(message)
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * NS_PER_S + delta.microseconds * 1_000
