"""The calendar for the operator's calendar program: windows, irregular sessions, clock changes and maintenance as iCalendar (RFC 5545).

All times are UTC, so that no time zone needs to be described; whole days are dates. An entry's UID depends on what it is and on its New
York date alone: importing a later export replaces the entries of an earlier one.
"""

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date, time, timedelta
from typing import Final

import msgspec

from kalshi_alpha.model.clock import NS_PER_S, iso_et, utc_datetime
from kalshi_alpha.model.hours import Closure
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.sched.calendar import Session, et_date, et_instant_ns
from kalshi_alpha.sched.clock_changes import offset_changes
from kalshi_alpha.sched.windows import WindowSchedule

_FOLD_OCTETS: Final = 75
_PRODUCT: Final = "-//kalshi-alpha//calendar//EN"
_HOST: Final = "kalshi-alpha"


class CalendarEntry(msgspec.Struct, frozen=True):
    """One entry of the operator's calendar."""

    uid: str
    kind: str
    """``window``, ``session``, ``clock_change`` or ``maintenance``."""
    day: str
    """Its New York date; the whole of it where the instants are both 0."""
    start_ns: int
    end_ns: int
    """UTC nanoseconds; the same: an instant."""
    summary: str
    description: str


def calendar_entries(schedule: WindowSchedule, first: date, days: int, closures: Sequence[Closure]) -> tuple[CalendarEntry, ...]:
    """Return everything of ``days`` New York dates from ``first`` on, by date.

    Args:
        schedule: The windows and the sessions under them.
        first: The first date.
        days: How many.
        closures: Maintenance and other closures; those outside of the dates are left out, an open end is cut at the last date's.

    Raises:
        CalendarRangeError: the calendar doesn't reach so far.

    """
    last = first + timedelta(days=days - 1)
    found: list[CalendarEntry] = []
    for number in range(days):
        day = first + timedelta(days=number)
        found += _session_entries(schedule.sessions(day))
        found += [_window_entry(window) for window in schedule.day(day)]
    found += [entry for year in range(first.year, last.year + 1) for entry in _clock_entries(year)]
    found = [entry for entry in found if first.isoformat() <= entry.day <= last.isoformat()]
    from_ns, to_ns = et_instant_ns(first, time(0)), et_instant_ns(last + timedelta(days=1), time(0))
    within = [closure for closure in closures if closure.from_ns < to_ns and from_ns < closure.to_ns]
    found += _closure_entries(within, to_ns)
    return tuple(sorted(found, key=lambda entry: (entry.day, entry.start_ns, entry.uid)))


def ics_text(entries: Sequence[CalendarEntry], now_utc_ns: int) -> str:
    """Return the entries as an iCalendar file; ``now_utc_ns`` is the instant of their making."""
    stamp = _utc(now_utc_ns)
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{_PRODUCT}", "CALSCALE:GREGORIAN", "METHOD:PUBLISH", "X-WR-CALNAME:kalshi-alpha"]
    for entry in entries:
        lines += ["BEGIN:VEVENT", f"UID:{entry.uid}", f"DTSTAMP:{stamp}", *_when(entry)]
        lines += [f"SUMMARY:{_escaped(entry.summary)}", f"DESCRIPTION:{_escaped(entry.description)}"]
        lines += [f"CATEGORIES:{entry.kind.upper()}", "TRANSP:TRANSPARENT", "END:VEVENT"]
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line))


# Entries


def _session_entries(found: Session) -> Iterator[CalendarEntry]:
    if found.kind == "holiday":
        yield _entry("session", found.date, found.date, (0, 0), ("NYSE closed", f"No session, no windows. Source: {found.source}"))
    elif found.kind in {"early_close", "special"}:
        hours = f"{_et(found.open_ns)} to {_et(found.close_ns)} New York"
        title = "NYSE closes early" if found.kind == "early_close" else "NYSE special hours"
        text = f"Session {hours}. Windows after the close are dropped, the close target moves to it. Source: {found.source}"
        yield _entry("session", found.date, found.date, (found.open_ns, found.close_ns), (f"{title}: {hours}", text))


def _window_entry(window: Window) -> CalendarEntry:
    text = f"Opens {_et(window.start_ns)}, last minute from {_et(window.final_minute_ns)}, freezes {_et(window.freeze_ns)}, "
    text += f"target {_et(window.target_ns)} New York."
    told = (f"{window.label}: {', '.join(window.series)}", text)
    return _entry("window", f"{window.session_date}-{window.label}", window.session_date, (window.start_ns, window.target_ns), told)


def _clock_entries(year: int) -> Iterator[CalendarEntry]:
    for change in offset_changes(year):
        day = et_date(change.at_ns).isoformat()
        text = f"New York goes from {change.before} to {change.after}; all windows keep their New York times and move in UTC. "
        text += "Checklist: docs/runbooks/hourly.md."
        yield _entry("clock_change", day, day, (change.at_ns, change.at_ns), (f"Clocks: {change.before} to {change.after}", text))


def _closure_entries(closures: Sequence[Closure], until_ns: int) -> Iterator[CalendarEntry]:
    seen: dict[str, int] = {}
    for closure in sorted(closures):
        day = et_date(closure.from_ns).isoformat()
        name = f"{closure.source}-{day}-{hashlib.sha256(closure.name.encode()).hexdigest()[:12]}"
        seen[name] = seen.get(name, 0) + 1
        told = (f"Kalshi maintenance ({closure.source})", closure.name)
        yield _entry("maintenance", f"{name}-{seen[name]}", day, (closure.from_ns, min(closure.to_ns, until_ns)), told)


def _entry(kind: str, name: str, day: str, span: tuple[int, int], told: tuple[str, str]) -> CalendarEntry:
    return CalendarEntry(f"{kind}-{name}@{_HOST}", kind, day, *span, *told)


def _et(utc_ns: int) -> str:
    return iso_et(utc_ns)[11:19]


# The file's form


def _when(entry: CalendarEntry) -> list[str]:
    if not entry.start_ns:
        day = date.fromisoformat(entry.day)
        return [f"DTSTART;VALUE=DATE:{day:%Y%m%d}", f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}"]
    if entry.end_ns == entry.start_ns:
        return [f"DTSTART:{_utc(entry.start_ns)}"]
    return [f"DTSTART:{_utc(entry.start_ns)}", f"DTEND:{_utc(entry.end_ns)}"]


def _utc(utc_ns: int) -> str:
    return f"{utc_datetime(utc_ns // NS_PER_S * NS_PER_S):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    """Return a TEXT value: special characters and line ends escaped, no other control characters."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    visible = "".join(" " if char != "\n" and unicodedata.category(char) == "Cc" else char for char in plain)
    return visible.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """Cut a line after at most 75 octets, never inside a character; the rest goes on after a space."""
    part, size = "", 0
    for char in line:
        octets = len(char.encode())
        if size + octets > _FOLD_OCTETS:
            yield part
            part, size = " ", 1
        part += char
        size += octets
    yield part
