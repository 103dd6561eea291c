"""When the stock market is open: one session a day, from a checked-in table, in UTC nanoseconds.

New York time exists only here and in the windows built on it: each instant is made once from a date and a time there, and a time that
the clock change skips or repeats is refused instead of guessed.
"""

import functools
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Final, Literal

import msgspec

from kalshi_alpha.model.clock import NEW_YORK, NS_PER_S, utc_ns_of
from kalshi_alpha.sched.calendar_table import EARLY_CLOSES, FIRST_YEAR, HOLIDAYS, LAST_YEAR, SOURCE, SPECIAL_HOURS

SessionKind = Literal["regular", "early_close", "special", "holiday", "weekend"]
OPEN_ET: Final = time(9, 30)
CLOSE_ET: Final = time(16, 0)
EARLY_CLOSE_ET: Final = time(13, 0)
_FRIDAY: Final = 5


class CalendarRangeError(ValueError):
    """The table doesn't reach the day; the message says how to extend it."""


class LocalTimeError(ValueError):
    """A New York wall-clock time that doesn't exist on its date, or exists twice."""


class Session(msgspec.Struct, frozen=True):
    """One calendar day of the stock market."""

    date: str
    """ISO date in New York."""
    kind: SessionKind
    open_ns: int
    close_ns: int
    """UTC nanoseconds; both 0 on a day without trading."""
    source: str

    @property
    def trades(self) -> bool:
        """Whether there is trading on this day."""
        return self.close_ns > 0


Sessions = Callable[[date], Session]
"""What tells the session of a day: ``session``, or a stand-in with other hours."""


@functools.lru_cache(maxsize=512)
def session(day: date) -> Session:
    """Return the day's session.

    Raises:
        CalendarRangeError: the table doesn't reach this day.

    """
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        message = (
            f"no trading calendar for {day.isoformat()}: the table covers {FIRST_YEAR} to {LAST_YEAR}; "
            "extend it with `python -m tools.make_calendar --last-year YEAR`"
        )
        raise CalendarRangeError(message)
    month_day = f"{day:%m-%d}"
    if day.isoweekday() > _FRIDAY:
        return Session(day.isoformat(), "weekend", 0, 0, SOURCE)
    if month_day in HOLIDAYS[day.year].split():
        return Session(day.isoformat(), "holiday", 0, 0, SOURCE)
    if month_day in EARLY_CLOSES[day.year].split():
        return session_with_hours(day, OPEN_ET, EARLY_CLOSE_ET, SOURCE)
    opens, closes = SPECIAL_HOURS.get(day.isoformat(), ("09:30", "16:00"))
    return session_with_hours(day, time.fromisoformat(opens), time.fromisoformat(closes), SOURCE)


def session_with_hours(day: date, open_et: time, close_et: time, source: str) -> Session:
    """Return a session with these hours in New York; its kind follows from them."""
    kind: SessionKind = "special"
    if open_et == OPEN_ET and close_et == CLOSE_ET:
        kind = "regular"
    elif open_et == OPEN_ET and close_et == EARLY_CLOSE_ET:
        kind = "early_close"
    return Session(day.isoformat(), kind, et_instant_ns(day, open_et), et_instant_ns(day, close_et), source)


def et_instant_ns(day: date, wall: time) -> int:
    """Return the UTC nanoseconds of a New York date and wall-clock time.

    Raises:
        LocalTimeError: the clock change skips or repeats this time on this date.

    """
    first, second = (datetime.combine(day, wall.replace(fold=fold), tzinfo=NEW_YORK) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        returned = first.astimezone(UTC).astimezone(NEW_YORK)
        problem = "exists twice" if returned.replace(tzinfo=None) == first.replace(tzinfo=None) else "doesn't exist"
        message = f"{day.isoformat()} {wall.isoformat()} {problem} in New York"
        raise LocalTimeError(message)
    return utc_ns_of(first)


def et_date(utc_ns: int) -> date:
    """Return the calendar date in New York at an instant."""
    return datetime.fromtimestamp(utc_ns // NS_PER_S, NEW_YORK).date()
