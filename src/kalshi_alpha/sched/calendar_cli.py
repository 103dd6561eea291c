"""``kalshi-alpha calendar``: the coming days' sessions, windows and clock changes as text, JSON or for a calendar program (``--ics``)."""

import argparse
import sys
from datetime import date, time, timedelta
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.operator_slots import OperatorSlotsError, read_closures
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.cli import EXIT_OK, UsageError, now_from, parser, print_json, run
from kalshi_alpha.model.clock import iso_et
from kalshi_alpha.model.hours import Closure
from kalshi_alpha.sched.calendar import CalendarRangeError, et_date, et_instant_ns
from kalshi_alpha.sched.hours_file import SHIPPED
from kalshi_alpha.sched.ics import CalendarEntry, calendar_entries, ics_text
from kalshi_alpha.sched.maintenance_calendar import weekly_slots
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sched.windows_cli import chosen_schedule

_DAYS: Final = 28
_DAYS_MAX: Final = 731


class CalendarReport(msgspec.Struct, frozen=True):
    """The JSON document."""

    first: str
    days: int
    """Fewer than asked for where the calendar ends."""
    warnings: tuple[str, ...]
    entries: tuple[CalendarEntry, ...]


def main(argv: list[str]) -> int:
    """Print the calendar from the New York date of ``--now`` on."""
    arguments = parser("kalshi-alpha calendar", "sessions, windows, maintenance and clock changes of the coming days", now=True)
    arguments.add_argument("--ics", action="store_true", help="print an iCalendar file, to be imported or subscribed to")
    arguments.add_argument("--days", type=_days, default=_DAYS, help=f"how many New York dates, 1 to {_DAYS_MAX} (default: {_DAYS})")
    arguments.add_argument("--config", type=Path, default=None, help="settings file (default: the built-in windows)")
    arguments.add_argument("--special-hours", type=Path, default=None, help=f"file of special hours (default: the settings', or {SHIPPED})")
    chosen = arguments.parse_args(argv)
    if chosen.ics and chosen.json:
        message = "--ics and --json exclude each other"
        raise UsageError(message)
    now = now_from(chosen.now, SystemClock().now)
    report = _report(chosen_schedule(chosen.config, chosen.special_hours, chosen.root), et_date(now.utc_ns), chosen.days, chosen.root)
    if chosen.json:
        print_json(report)
        return EXIT_OK
    for warning in report.warnings:
        sys.stderr.write(f"{warning}\n")
    text = ics_text(report.entries, now.utc_ns) if chosen.ics else _text(report)
    sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()
    return EXIT_OK


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _DAYS_MAX:
        message = f"{text!r}: expected 1 to {_DAYS_MAX}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _report(schedule: WindowSchedule, first: date, days: int, root: Path) -> CalendarReport:
    try:
        schedule.sessions(first)
    except CalendarRangeError as error:
        raise UsageError(str(error)) from error
    warnings: tuple[str, ...] = ()
    try:
        schedule.sessions(first + timedelta(days=days - 1))
    except CalendarRangeError as error:
        warnings = (str(error),)
        days = next(count for count in range(days, 0, -1) if _reaches(schedule, first + timedelta(days=count - 1)))
    return CalendarReport(first.isoformat(), days, warnings, calendar_entries(schedule, first, days, _closures(root, first, days)))


def _closures(root: Path, first: date, days: int) -> tuple[Closure, ...]:
    """Return the weekly pauses and the operator's slots of these days: what is known without asking the venue."""
    try:
        ours = read_closures(root)
    except OperatorSlotsError as error:
        raise UsageError(str(error)) from error
    begin_ns, end_ns = et_instant_ns(first, time()), et_instant_ns(first + timedelta(days=days), time())
    weekly = [Closure(slot.from_ns, slot.to_ns, slot.source, slot.name) for slot in weekly_slots(first, days)]
    return tuple(closure for closure in (*weekly, *ours) if begin_ns <= closure.from_ns < end_ns)


def _reaches(schedule: WindowSchedule, day: date) -> bool:
    try:
        schedule.sessions(day)
    except CalendarRangeError:
        return False
    return True


def _text(report: CalendarReport) -> str:
    lines = []
    for entry in report.entries:
        day = f"{date.fromisoformat(entry.day):%a} {entry.day}"
        if not entry.start_ns:
            when = "all day"
        else:
            start, end = (iso_et(at_ns)[11:19] for at_ns in (entry.start_ns, entry.end_ns))
            when = start if entry.start_ns == entry.end_ns else f"{start}-{end}"
        lines.append(f"{day}  {when:<17}  {entry.summary}\n")
    return "".join(lines) or f"nothing from {report.first} on for {report.days} days\n"


if __name__ == "__main__":
    run(main)
