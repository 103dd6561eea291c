"""When New York's offset from UTC changes, found in the time zone's own data."""

import bisect
import functools
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from kalshi_alpha.model.clock import NEW_YORK, NS_PER_S
from kalshi_alpha.sched.calendar import Session, Sessions, et_date

_DAY_S: Final = 86_400


class OffsetChange(NamedTuple):
    """One change of the clocks."""

    at_ns: int
    """The first instant of the new offset, UTC nanoseconds."""
    before: str
    after: str
    """``EST`` or ``EDT``."""


@functools.lru_cache(maxsize=8)
def offset_changes(year: int) -> tuple[OffsetChange, ...]:
    """Return when New York's offset changes in a UTC year: the days are compared, then the seconds of the day searched."""
    start_s = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    end_s = int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())
    found = []
    for from_s in range(start_s, end_s, _DAY_S):
        before, after = _in_new_york(from_s), _in_new_york(from_s + _DAY_S)
        if before.utcoffset() == after.utcoffset():
            continue
        at_s = bisect.bisect_left(range(_DAY_S), 1, key=functools.partial(_changed, from_s))
        found.append(OffsetChange((from_s + at_s) * NS_PER_S, before.tzname() or "", after.tzname() or ""))
    return tuple(found)


def changes_around(utc_ns: int) -> tuple[OffsetChange, OffsetChange]:
    """Return the last change up to this instant and the first after it."""
    year = et_date(utc_ns).year
    changes = (*offset_changes(year - 1), *offset_changes(year), *offset_changes(year + 1))
    after = bisect.bisect_right(changes, utc_ns, key=lambda change: change.at_ns)
    return changes[after - 1], changes[after]


def first_session_from(day: date, sessions: Sessions) -> Session:
    """Return the first session on or after a date.

    Raises:
        CalendarRangeError: the calendar ends before it.

    """
    while not (found := sessions(day)).trades:
        day += timedelta(days=1)
    return found


def _changed(from_s: int, later_s: int) -> int:
    return int(_in_new_york(from_s + later_s).utcoffset() != _in_new_york(from_s).utcoffset())


def _in_new_york(utc_s: int) -> datetime:
    return datetime.fromtimestamp(utc_s, NEW_YORK)
