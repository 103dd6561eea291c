"""The venue's own hours as closures of a day: the gaps in its weekly hours, and its maintenance windows.

Source: ``GET /exchange/schedule``. ``open_time`` and ``close_time`` are wall-clock in New York; a close of ``00:00`` is the day's end.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

import msgspec

from kalshi_alpha.model.clock import NEW_YORK, NS_PER_S, utc_ns_of
from kalshi_alpha.model.hours import Closure
from kalshi_alpha.model.maintenance import WeekHours
from kalshi_alpha.sched.calendar import et_instant_ns

STANDARD_HOURS: Final = "exchange/schedule standard_hours"
MAINTENANCE: Final = "exchange/schedule maintenance_windows"
_TOLERANCE_NS: Final = 60 * NS_PER_S
"""A close of 23:59 before an open of 00:00 is no gap."""

Closures = Callable[[date], tuple[Closure, ...]]
"""What tells the closures that touch a New York date, by start; they may overlap."""


class VenueHours(msgspec.Struct, frozen=True):
    """What is known of when the venue doesn't trade. Empty: nothing is known, and nothing concluded from it."""

    weeks: tuple[WeekHours, ...] = ()
    maintenance: tuple[tuple[int, int], ...] = ()
    """The venue's own maintenance windows, (from, to) in UTC nanoseconds."""
    slots: tuple[Closure, ...] = ()
    """What other sources say: status pages, the operator, rules."""

    def closures(self, day: date) -> tuple[Closure, ...]:
        """Return everything that closes the venue on a New York date."""
        from_ns, to_ns = et_instant_ns(day, time(0)), et_instant_ns(day + timedelta(days=1), time(0))
        windows = [Closure(start_ns, end_ns, MAINTENANCE, "maintenance window") for start_ns, end_ns in self.maintenance]
        found = [closure for closure in (*windows, *self.slots) if closure.from_ns < to_ns and from_ns < closure.to_ns]
        return tuple(sorted([*found, *self.gaps(day)]))

    def gaps(self, day: date) -> tuple[Closure, ...]:
        """Return where the weekly hours leave a New York date closed; nothing where none of them covers it."""
        known = [week for week in self.weeks if week.from_ns <= et_instant_ns(day, time(12)) < week.to_ns]
        if not known:
            return ()
        at_ns, end_ns = et_instant_ns(day, time(0)), et_instant_ns(day + timedelta(days=1), time(0))
        found: list[tuple[int, int]] = []
        for open_ns, close_ns in [*sorted(_spans(day, known[0].days)), (end_ns, end_ns)]:
            if open_ns - at_ns > _TOLERANCE_NS:
                found.append((at_ns, open_ns))
            at_ns = max(at_ns, close_ns)
        return tuple(Closure(start_ns, stop_ns, STANDARD_HOURS, "outside of the venue's hours") for start_ns, stop_ns in found)


def _spans(day: date, week: Sequence[Sequence[tuple[str, str]]]) -> list[tuple[int, int]]:
    """Return the open stretches of a date in UTC, those that reach into it from the day before included."""
    found = []
    for opened in (day - timedelta(days=1), day):
        for opens, closes in week[opened.weekday()]:
            open_et, close_et = time.fromisoformat(opens), time.fromisoformat(closes)
            last = opened if close_et > open_et else opened + timedelta(days=1)
            # The clock change may repeat or skip a time: the venue is taken to open no earlier and to close no later.
            found.append((max(_readings(opened, open_et)), min(_readings(last, close_et))))
    start_ns, end_ns = et_instant_ns(day, time(0)), et_instant_ns(day + timedelta(days=1), time(0))
    return [(max(open_ns, start_ns), min(close_ns, end_ns)) for open_ns, close_ns in found if open_ns < end_ns and close_ns > start_ns]


def _readings(day: date, wall: time) -> tuple[int, int]:
    one, other = (utc_ns_of(datetime.combine(day, wall.replace(fold=fold), tzinfo=NEW_YORK)) for fold in (0, 1))
    return one, other
