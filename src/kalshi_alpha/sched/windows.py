"""Which ladders may be quoted when: the day's windows, in UTC nanoseconds.

A window opens a lead before its target, is in its final minute from 60 s before it, freezes a moment before it and ends at it:

    start ---------- quoting ---------- final minute ---- freeze -- frozen -- target

The command ``python -m kalshi_alpha.sched.windows`` is in ``windows_cli``; what it and the monitors print is in ``windows_status``.
"""

import bisect
import runpy
from datetime import date, time, timedelta
from typing import Final, NamedTuple

from kalshi_alpha.config import ConfigError, WindowsConfig
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import SERIES, Series, TargetType, Window
from kalshi_alpha.sched.calendar import CalendarRangeError, Session, Sessions, et_date, et_instant_ns, session
from kalshi_alpha.sched.resolved import without_closures
from kalshi_alpha.sched.venue_hours import Closures

FINAL_MINUTE_S: Final = 60
_HORIZON_DAYS: Final = 14
"""Longer than the market has ever been closed since 2006."""
_DAYS_KEPT: Final = 64


class WindowSchedule:
    """The windows of any day. Pure: what it keeps are answers, never facts.

    Where windows overlap (hourly and close on an early close), ``current`` is the one that starts first, ``active`` has all.
    """

    def __init__(self, config: WindowsConfig, sessions: Sessions = session, closures: Closures = lambda _day: ()) -> None:
        """Take the settings, what tells a day's session and what closes the venue.

        Raises:
            ConfigError: settings that make no usable window.

        """
        self._hourly_et = _checked_targets(config)
        self.config = config
        self.sessions = sessions
        self._closures = closures
        self._days: dict[date, _Day] = {}
        self._hours: dict[str, tuple[int, int]] = {}
        self._segment = _Segment(0, 0, (), 0)

    def day(self, session_date: date) -> tuple[Window, ...]:
        """Return the windows of a New York date, sorted by start, then target; empty without trading.

        Raises:
            CalendarRangeError: the calendar doesn't reach the day.

        """
        return self._day(session_date).windows

    def whole(self, session_date: date) -> tuple[Window, ...]:
        """Return the windows of a New York date before the venue's closures cut them, sorted like ``day``.

        Raises:
            CalendarRangeError: the calendar doesn't reach the day.

        """
        return self._windows(session_date)

    def cuts(self, session_date: date) -> dict[str, tuple[str, ...]]:
        """Return what the venue's closures did to the windows of a date, by key, one line a rule; also where they dropped one."""
        return self._day(session_date).cuts

    def session_hours(self, session_date: str) -> tuple[int, int]:
        """Return when the session of an ISO date opens and closes, UTC nanoseconds."""
        hours = self._hours.get(session_date)
        if hours is None:
            found = self.sessions(date.fromisoformat(session_date))
            hours = self._hours[session_date] = (found.open_ns, found.close_ns)
        return hours

    def today(self, utc_ns: int) -> tuple[Window, ...]:
        """Return the windows of the New York date at this instant."""
        return self.day(et_date(utc_ns))

    def current(self, utc_ns: int) -> Window | None:
        """Return the window with start <= now < target, so the frozen moment before the target belongs to it."""
        segment = self._segment
        if not segment.from_ns <= utc_ns < segment.until_ns:
            segment = self._locate(utc_ns)
        return segment.active[0] if segment.active else None

    def active(self, utc_ns: int) -> tuple[Window, ...]:
        """Return every window with start <= now < target, by start."""
        segment = self._segment
        if not segment.from_ns <= utc_ns < segment.until_ns:
            segment = self._locate(utc_ns)
        return segment.active

    def next_boundary_ns(self, utc_ns: int) -> int:
        """Return the next start, final minute, freeze or target strictly after this instant.

        Raises:
            CalendarRangeError: there is none before the calendar ends.

        """
        segment = self._segment
        if not segment.from_ns <= utc_ns < segment.until_ns:
            segment = self._locate(utc_ns)
        return segment.boundary_ns or self._first_boundary_after(et_date(utc_ns))

    def upcoming(self, utc_ns: int, limit: int = 8, series: Series | None = None) -> tuple[Window, ...]:
        """Return the windows that haven't ended, the current first, over days; fewer than ``limit`` where the calendar ends."""
        first = et_date(utc_ns)
        found = [window for window in self.day(first) if window.target_ns > utc_ns and _has(window, series)]
        for ahead in range(1, _HORIZON_DAYS + limit):
            if len(found) >= limit:
                break
            try:
                later = self.day(first + timedelta(days=ahead))
            except CalendarRangeError:
                break
            found.extend(window for window in later if _has(window, series))
        return tuple(found[:limit])

    def _locate(self, utc_ns: int) -> "_Segment":
        day = self._day(et_date(utc_ns))
        at = bisect.bisect_right(day.edges, utc_ns) - 1
        boundary_ns = day.edges[at + 1] if at + 2 < len(day.edges) else 0
        self._segment = _Segment(day.edges[at], day.edges[at + 1], day.active[at], boundary_ns or self._try_boundary_after(day.date))
        return self._segment

    def _try_boundary_after(self, day: date) -> int:
        try:
            return self._first_boundary_after(day)
        except CalendarRangeError:
            return 0

    def _first_boundary_after(self, day: date) -> int:
        for ahead in range(1, _HORIZON_DAYS + 1):
            later = self.day(day + timedelta(days=ahead))
            if later:
                return later[0].start_ns
        message = f"no window in the {_HORIZON_DAYS} days after {day.isoformat()}"
        raise CalendarRangeError(message)

    def _day(self, day: date) -> "_Day":
        known = self._days.get(day)
        if known is None:
            if len(self._days) >= _DAYS_KEPT:
                self._days.clear()
            closures = self._closures(day)
            resolved = {window.key: without_closures(window, closures, self.config.freeze_s) for window in self._windows(day)}
            left = [found.window for found in resolved.values() if found.window is not None]
            windows = tuple(sorted(left, key=lambda window: (window.start_ns, window.target_ns, window.label)))
            known = self._days[day] = _day_of(day, windows, {key: found.rules for key, found in resolved.items() if found.rules})
        return known

    def _windows(self, day: date) -> tuple[Window, ...]:
        found = self.sessions(day)
        if not found.trades:
            return ()
        config = self.config
        windows = []
        for target in self._hourly_et:
            target_ns = et_instant_ns(day, target)
            if found.open_ns + FINAL_MINUTE_S * NS_PER_S < target_ns <= found.close_ns:
                windows.append(self._window(found, "hourly", f"hourly-{target:%H%M}", target_ns))
        if config.close_series:
            windows.append(self._window(found, "close", f"close-{_et_hhmm(day, found.close_ns)}", found.close_ns))
        return tuple(sorted(windows, key=lambda window: (window.start_ns, window.target_ns, window.label)))

    def _window(self, found: Session, target_type: TargetType, label: str, target_ns: int) -> Window:
        config = self.config
        lead_s = config.hourly_lead_s if target_type == "hourly" else config.close_lead_s
        return Window(
            label=label,
            target_type=target_type,
            series=config.hourly_series if target_type == "hourly" else config.close_series,
            start_ns=max(target_ns - lead_s * NS_PER_S, found.open_ns),
            freeze_ns=target_ns - config.freeze_s * NS_PER_S,
            target_ns=target_ns,
            final_minute_ns=target_ns - FINAL_MINUTE_S * NS_PER_S,
            session_date=found.date,
        )


class _Day(NamedTuple):
    """A date's windows, cut at every boundary: ``active[i]`` holds from ``edges[i]`` until ``edges[i + 1]``."""

    date: date
    windows: tuple[Window, ...]
    edges: list[int]
    """Midnight, every boundary, the next midnight."""
    active: list[tuple[Window, ...]]
    cuts: dict[str, tuple[str, ...]]


class _Segment(NamedTuple):
    """A stretch of time without a boundary inside."""

    from_ns: int
    until_ns: int
    active: tuple[Window, ...]
    boundary_ns: int
    """The next boundary, which may be days away; 0: beyond the calendar."""


def _day_of(day: date, windows: tuple[Window, ...], cuts: dict[str, tuple[str, ...]]) -> _Day:
    midnight_ns = et_instant_ns(day, time(0))
    boundaries = {at for w in windows for at in (w.start_ns, w.final_minute_ns, w.freeze_ns, w.target_ns)}
    edges = sorted({midnight_ns, *boundaries})
    active = [tuple(w for w in windows if w.start_ns <= edge < w.target_ns) for edge in edges]
    return _Day(day, windows, [*edges, et_instant_ns(day + timedelta(days=1), time(0))], active, cuts)


def _has(window: Window, series: Series | None) -> bool:
    return series is None or series in window.series


def _et_hhmm(day: date, utc_ns: int) -> str:
    minutes = (utc_ns - et_instant_ns(day, time(12))) // (60 * NS_PER_S) + 12 * 60
    return f"{minutes // 60:02d}{minutes % 60:02d}"


def _checked_targets(config: WindowsConfig) -> tuple[time, ...]:
    """Return the hourly targets of usable settings."""
    targets = tuple(_target(text) for text in config.hourly_targets_et) if config.hourly_series else ()
    if list(targets) != sorted(set(targets)):
        _refuse("hourly_targets_et", config.hourly_targets_et, "each time once, in order")
    if not 1 <= config.freeze_s < FINAL_MINUTE_S:
        _refuse("freeze_s", config.freeze_s, f"1 to {FINAL_MINUTE_S - 1}")
    for key, lead_s in (("hourly_lead_s", config.hourly_lead_s), ("close_lead_s", config.close_lead_s)):
        if lead_s <= FINAL_MINUTE_S:
            _refuse(key, lead_s, f"more than {FINAL_MINUTE_S}")
    for key, names, target_type in (("hourly_series", config.hourly_series, "hourly"), ("close_series", config.close_series, "close")):
        if len(set(names)) != len(names) or any(SERIES[name].target_type != target_type for name in names):
            _refuse(key, names, f"{target_type} series, each once")
    if not targets and not config.close_series:
        _refuse("close_series", config.close_series, "at least one window a day")
    return targets


def _target(text: str) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError:
        found = time(0)
    if f"{found:%H:%M}" != text or found == time(0):
        _refuse("hourly_targets_et", text, "HH:MM")
    return found


def _refuse(key: str, value: object, expected: str) -> None:
    message = f"windows.{key} is {value!r}: expected {expected}"
    raise ConfigError(message)


if __name__ == "__main__":
    # By name, so that this pure module doesn't import the command's clock and files.
    runpy.run_module("kalshi_alpha.sched.windows_cli", run_name="__main__")
