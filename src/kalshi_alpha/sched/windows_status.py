"""The ``scheduler_window`` block: where a series stands in its windows at one instant, with the reasons. For monitors and the command."""

import functools
from datetime import date, datetime
from typing import Final, Literal

import msgspec

from kalshi_alpha.model.clock import NEW_YORK, NS_PER_S, iso_et, iso_utc
from kalshi_alpha.model.instruments import Series, Window
from kalshi_alpha.sched.calendar import CalendarRangeError, Session, et_date
from kalshi_alpha.sched.clock_changes import changes_around, first_session_from
from kalshi_alpha.sched.windows import WindowSchedule

_LISTED: Final = 8
_DAY_S: Final = 86_400
_NEAR_DAYS: Final = 7
"""A clock change this near is explained."""


class SessionBlock(msgspec.Struct, frozen=True):
    """The New York date's session; times are None without trading."""

    date: str
    kind: str
    open_et: str | None
    close_et: str | None
    source: str


class WindowBlock(msgspec.Struct, frozen=True):
    """One window. Seconds never go below 0: 0 means that the instant has come."""

    label: str
    target_type: str
    series: tuple[Series, ...]
    state: Literal["active", "next"]
    session_date: str
    start_et: str
    final_minute_et: str
    freeze_et: str
    target_et: str
    start_utc: str
    freeze_utc: str
    target_utc: str
    seconds_to_start: float
    seconds_to_freeze: float
    seconds_to_target: float


class ClockChange(msgspec.Struct, frozen=True):
    """The next change of New York's offset from UTC, and the one before."""

    next_et: str
    from_: str = msgspec.field(name="from")
    to: str
    days_away: int
    """Calendar days in New York."""
    first_session_after: str | None
    """ISO date; None where the calendar ends before it."""
    last_et: str


class SchedulerReport(msgspec.Struct, frozen=True):
    """The whole document."""

    series: Series | None
    now_et: str
    now_utc: str
    session: SessionBlock
    scheduler_window: WindowBlock | None
    """The active window, else the next one, which may be on a later day; None when the series has no window on this date."""
    next_windows: tuple[WindowBlock, ...]
    clock_change: ClockChange
    explain: tuple[str, ...]
    warnings: tuple[str, ...]


def scheduler_window(series: Series | None, now_utc_ns: int, schedule: WindowSchedule) -> SchedulerReport:
    """Return where a series (None: any) stands in its windows. Cheap enough for once a second.

    Raises:
        CalendarRangeError: the calendar doesn't reach this instant.

    """
    today = et_date(now_utc_ns)
    found = schedule.sessions(today)
    windows = schedule.upcoming(now_utc_ns, _LISTED, series)
    has_window = any(series is None or series in window.series for window in schedule.day(today))
    blocks = tuple(_block(window, now_utc_ns) for window in windows)
    chosen = 1 if has_window and windows else 0
    return SchedulerReport(
        series=series,
        now_et=iso_et(now_utc_ns),
        now_utc=iso_utc(now_utc_ns),
        session=_session_block(found),
        scheduler_window=blocks[0] if chosen else None,
        next_windows=blocks[chosen:],
        clock_change=_clock_change(now_utc_ns, schedule),
        explain=_explain(found, windows[0], schedule) if chosen else _explain_none(found, series, windows),
        warnings=(),
    )


def offset_warning(moment: datetime) -> str | None:
    """Return what is wrong with a given time's offset, or None when New York is at it at that instant."""
    in_new_york = moment.astimezone(NEW_YORK)
    if moment.utcoffset() == in_new_york.utcoffset():
        return None
    given, there = moment.isoformat()[-6:], in_new_york.isoformat()[-6:]
    return f"--now says {given}, New York is at {there} on that date: this is {in_new_york:%H:%M:%S} there"


def _block(window: Window, now_utc_ns: int) -> WindowBlock:
    to_start, to_freeze, to_target = (max(0, at - now_utc_ns) / NS_PER_S for at in (window.start_ns, window.freeze_ns, window.target_ns))
    start, final_minute, freeze, target = _times(window)
    return WindowBlock(
        label=window.label,
        target_type=window.target_type,
        series=window.series,
        state="active" if window.start_ns <= now_utc_ns < window.target_ns else "next",
        session_date=window.session_date,
        start_et=start[0],
        freeze_et=freeze[0],
        target_et=target[0],
        start_utc=start[1],
        freeze_utc=freeze[1],
        target_utc=target[1],
        final_minute_et=final_minute[0],
        seconds_to_start=to_start,
        seconds_to_freeze=to_freeze,
        seconds_to_target=to_target,
    )


@functools.lru_cache(maxsize=64)
def _times(window: Window) -> tuple[tuple[str, str], ...]:
    instants = (window.start_ns, window.final_minute_ns, window.freeze_ns, window.target_ns)
    return tuple((iso_et(at), iso_utc(at)) for at in instants)


def _session_block(found: Session) -> SessionBlock:
    if not found.trades:
        return SessionBlock(found.date, found.kind, None, None, found.source)
    return SessionBlock(found.date, found.kind, iso_et(found.open_ns), iso_et(found.close_ns), found.source)


def _clock_change(utc_ns: int, schedule: WindowSchedule) -> ClockChange:
    last, following = changes_around(utc_ns)
    day = et_date(following.at_ns)
    return ClockChange(
        next_et=iso_et(following.at_ns),
        from_=following.before,
        to=following.after,
        days_away=(day - et_date(utc_ns)).days,
        first_session_after=_first_session(day, schedule),
        last_et=iso_et(last.at_ns),
    )


def _first_session(day: date, schedule: WindowSchedule) -> str | None:
    try:
        return first_session_from(day, schedule.sessions).date
    except CalendarRangeError:
        return None


def _explain(today: Session, window: Window, schedule: WindowSchedule) -> tuple[str, ...]:
    """Return one line a rule: the session, each of the window's bounds with what set it, the offset from UTC."""
    config, names = schedule.config, ", ".join(window.series)
    day = schedule.sessions(date.fromisoformat(window.session_date))
    hourly = window.target_type == "hourly"
    key, lead_s = ("windows.hourly_lead_s", config.hourly_lead_s) if hourly else ("windows.close_lead_s", config.close_lead_s)
    lines = [_session_line(today)]
    if window.session_date != today.date:
        lines.append(f"the windows of {today.date} are over: the next one is on {window.session_date}")
        lines.append(_session_line(day))
    target = _et_time(window.target_ns)
    if hourly:
        lines.append(f"target {target}: {names} settle on the hours in windows.hourly_targets_et")
    else:
        lines.append(f"target {target}: {names} settle at the session's close, by {day.source}")
    cuts = schedule.cuts(date.fromisoformat(window.session_date))
    ours = cuts.get(window.key, ())
    if not any(rule.startswith("start ") for rule in ours):
        start = _et_time(window.start_ns)
        late = window.start_ns > window.target_ns - lead_s * NS_PER_S
        by = f"the session's open, by {day.source}: later than {key}" if late else f"{key}, {lead_s} s before the target"
        lines.append(f"start {start}: {by}")
    lines.append(f"last minute from {_et_time(window.final_minute_ns)}: stricter limits on the feed's age and lag")
    if not any(rule.startswith("freeze ") for rule in ours):
        lines.append(
            f"freeze {_et_time(window.freeze_ns)}: windows.freeze_s, {config.freeze_s} s before the target: nothing may rest after it"
        )
    lines += ours
    lines += [rule for key, rules in cuts.items() if key != window.key for rule in rules if "dropped" in rule]
    lines.extend(_offset_lines(window))
    return tuple(lines)


def _session_line(found: Session) -> str:
    if not found.trades:
        return f"{found.date} has no session ({found.kind}) by {found.source}"
    hours = f"{_et_time(found.open_ns)} to {_et_time(found.close_ns)} by {found.source}"
    if found.kind in {"early_close", "special"}:
        word = "closes early" if found.kind == "early_close" else "has special hours"
        return f"{found.date} {word} ({hours}): windows after the close are dropped and the close target moves to it"
    return f"{found.date} is a regular session, {hours}"


def _explain_none(today: Session, series: Series | None, windows: tuple[Window, ...]) -> tuple[str, ...]:
    following = f"{windows[0].label} on {windows[0].session_date}" if windows else "beyond the calendar"
    return (_session_line(today), f"{series or 'no series'} has no window on {today.date}; the next one is {following}")


def _offset_lines(window: Window) -> list[str]:
    offset = iso_et(window.target_ns)[-6:]
    lines = [f"New York is at {offset}: {_et_time(window.target_ns)} there is {iso_utc(window.target_ns)[11:19]} UTC"]
    last, following = changes_around(window.target_ns)
    if window.target_ns - last.at_ns < _NEAR_DAYS * _DAY_S * NS_PER_S:
        lines.append(
            f"the clocks went from {last.before} to {last.after} on {et_date(last.at_ns).isoformat()}: UTC times differ from before"
        )
    if following.at_ns - window.target_ns < _NEAR_DAYS * _DAY_S * NS_PER_S:
        lines.append(
            f"the clocks go from {following.before} to {following.after} on {et_date(following.at_ns).isoformat()}: UTC times will differ"
        )
    return lines


def _et_time(utc_ns: int) -> str:
    return iso_et(utc_ns)[11:19]
