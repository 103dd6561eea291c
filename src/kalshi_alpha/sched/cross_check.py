"""Where the calendar and the venue contradict each other: whatever one of them is wrong about isn't quoted.

Two things are compared: the closes of the events that the venue lists for the day, and its weekly hours. Its announced maintenance is no
contradiction, it cuts windows.
"""

from collections.abc import Mapping, Sequence

from kalshi_alpha.model.clock import iso_et
from kalshi_alpha.model.hours import Closure
from kalshi_alpha.model.instruments import Series, Window
from kalshi_alpha.sched.calendar import Session

Closes = Mapping[Series, tuple[int, ...]]
"""Series -> the instants at which its events of a day close, UTC nanoseconds, sorted; a series that wasn't read is absent."""


def window_doubts(windows: Sequence[Window], found: Session, closes: Closes, gaps: Sequence[Closure]) -> dict[str, str]:
    """Return the windows of a day that a contradiction puts in doubt, each with what contradicts it.

    Args:
        windows: The day's windows, as the session and the special hours make them.
        found: The session.
        closes: What the venue lists.
        gaps: Where the venue's weekly hours say that it is closed on that day.

    """
    doubts: dict[str, str] = {}
    for window in windows:
        problem = _against_listing(window, found, closes) or _against_hours(window, gaps)
        if problem:
            doubts[window.key] = problem
    return doubts


def listing_on_a_closed_day(found: Session, closes: Closes) -> str:
    """Return what the venue lists for a day without a session; empty: nothing."""
    listed = sorted({close_ns for series in closes.values() for close_ns in series})
    if found.trades or not listed:
        return ""
    return f"{found.date} is a {found.kind} ({found.source}), and the venue lists events that close at {_times(listed)}"


def _against_listing(window: Window, found: Session, closes: Closes) -> str:
    for series in window.series:
        listed = closes.get(series)
        if listed is None:
            continue
        if window.target_ns not in listed:
            return f"{series} has its target at {_time(window.target_ns)}, the venue lists {_times(listed) or 'nothing that day'}"
        last_ns = listed[-1]
        if last_ns != found.close_ns and window.target_ns >= min(last_ns, found.close_ns):
            return f"the session closes at {_time(found.close_ns)} ({found.source}), the venue's last {series} event at {_time(last_ns)}"
    return ""


def _against_hours(window: Window, gaps: Sequence[Closure]) -> str:
    for gap in gaps:
        if gap.from_ns < window.target_ns and window.start_ns < gap.to_ns:
            return f"the session is open, the venue closed from {_time(gap.from_ns)} to {_time(gap.to_ns)} by {gap.source}"
    return ""


def _times(instants: Sequence[int]) -> str:
    return ", ".join(_time(at_ns) for at_ns in instants)


def _time(utc_ns: int) -> str:
    text = iso_et(utc_ns)
    return text[11:16] if text[17:19] == "00" else text[11:19]
