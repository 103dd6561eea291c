"""Which resting orders are where none may be: after a freeze, or under a latch. Pure.

Everything is judged at the instant up to which a read is true, by the venue's own clock: how late the read comes doesn't matter.
"""

from typing import Final

from kalshi_alpha.exec.guardian_watch import EngineWatch
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.events import OpenOrdersRead
from kalshi_alpha.model.instruments import SERIES
from kalshi_alpha.model.orders import VenueOrder
from kalshi_alpha.sched.calendar import CalendarRangeError
from kalshi_alpha.sched.windows import WindowSchedule

FREEZE_GRACE_NS: Final = NS_PER_S // 2
"""Orders expire a second before the freeze: whatever rests so long after it rests by a fault."""
START_SLACK_NS: Final = NS_PER_S
"""Our clock and the venue's may differ by this."""
ENGINE_GRACE_NS: Final = 2 * NS_PER_S
"""So long the engine has for the cancels of a window that is withdrawn."""
LATCH_GRACE_NS: Final = 3 * NS_PER_S


def after_freeze(read: OpenOrdersRead, schedule: WindowSchedule, watch: EngineWatch) -> tuple[VenueOrder, ...]:
    """Return the orders that rest although no window of their series is open, by the calendar or by the engine's own word."""
    at_ns = read.as_of_ns
    if watch.closed_ns is not None and watch.closed_ns + ENGINE_GRACE_NS <= at_ns <= watch.alive_utc_ns:
        return read.orders
    quoted = open_series(schedule, at_ns)
    return tuple(order for order in read.orders if order.ticker.partition("-")[0] not in quoted)


def latched(read: OpenOrdersRead, seen_ns: dict[str, int], watch: EngineWatch) -> tuple[VenueOrder, ...]:
    """Return the orders that rest under a latch and have done so for longer than their cancel takes.

    Args:
        read: What rests.
        seen_ns: Order id -> as of when (UTC) it was first seen.
        watch: The signs of life.

    """
    since_ns = watch.latched_ns
    if since_ns is None:
        return ()
    return tuple(
        order for order in read.orders if read.as_of_ns - max(since_ns, seen_ns.get(order.order_id, read.as_of_ns)) >= LATCH_GRACE_NS
    )


def open_series(schedule: WindowSchedule, utc_ns: int) -> frozenset[str]:
    """Return the venue's names of the series that may rest at an instant; none beyond the calendar's end."""
    try:
        windows = schedule.today(utc_ns)
    except CalendarRangeError:
        return frozenset()
    is_open = [window for window in windows if window.start_ns - START_SLACK_NS <= utc_ns < window.freeze_ns + FREEZE_GRACE_NS]
    return frozenset(SERIES[name].venue_ticker for window in is_open for name in window.series)


def last_freeze_ns(schedule: WindowSchedule, utc_ns: int) -> int:
    """Return the day's last freeze, with its grace, that is over; 0: there was none."""
    try:
        windows = schedule.today(utc_ns)
    except CalendarRangeError:
        return 0
    return max((at_ns for window in windows if (at_ns := window.freeze_ns + FREEZE_GRACE_NS) <= utc_ns), default=0)
