"""``python -m kalshi_alpha.sched.windows``: where a series stands in its windows at an instant. 1: it has no window on that date."""

import sys
from pathlib import Path
from typing import get_args

import msgspec

from kalshi_alpha.adapters.operator_slots import OperatorSlotsError, read_closures
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.cli import EXIT_NO, EXIT_OK, UsageError, now_from, parser, print_json, run
from kalshi_alpha.config import ConfigError, WindowsConfig, load_config
from kalshi_alpha.model.instruments import Series
from kalshi_alpha.sched.calendar import CalendarRangeError
from kalshi_alpha.sched.hours_file import SHIPPED, schedule_of, special_hours_of
from kalshi_alpha.sched.special_hours import SpecialHoursError
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sched.windows_status import SchedulerReport, WindowBlock, offset_warning, scheduler_window


def main(argv: list[str]) -> int:
    """Print the series' windows; return 1 when it has none on that date."""
    arguments = parser("kalshi-alpha windows", "show the quoting windows of a series", now=True)
    arguments.add_argument("--series", required=True, choices=get_args(Series))
    arguments.add_argument("--config", type=Path, default=None, help="settings file (default: the built-in windows)")
    arguments.add_argument("--special-hours", type=Path, default=None, help=f"file of special hours (default: the settings', or {SHIPPED})")
    chosen = arguments.parse_args(argv)
    now = now_from(chosen.now, SystemClock().now)
    try:
        schedule = chosen_schedule(chosen.config, chosen.special_hours, chosen.root)
        report = scheduler_window(chosen.series, now.utc_ns, schedule)
    except CalendarRangeError as error:
        raise UsageError(str(error)) from error
    warning = offset_warning(chosen.now) if chosen.now else None
    if warning:
        report = msgspec.structs.replace(report, warnings=(warning,))
    if chosen.json:
        print_json(report)
    else:
        sys.stdout.write(_text(report))
    return EXIT_OK if report.scheduler_window else EXIT_NO


def chosen_schedule(config_file: Path | None, hours_file: Path | None, root: Path) -> WindowSchedule:
    """Return the schedule of these files, cut by the operator's maintenance slots in ``root``.

    Without settings it has the built-in windows and the shipped special hours, where they are.

    Raises:
        UsageError: one of them is unusable; the message names it and the value.

    """
    try:
        config = load_config(config_file).windows if config_file else WindowsConfig()
        if config_file is None and hours_file is None and SHIPPED.exists():
            hours_file = SHIPPED
        return schedule_of(config, special_hours_of(config, hours_file), read_closures(root))
    except (ConfigError, SpecialHoursError, OperatorSlotsError) as error:
        raise UsageError(str(error)) from error


def _text(report: SchedulerReport) -> str:
    lines = [f"warning   {warning}" for warning in report.warnings]
    session = report.session
    hours = f"{_clock(session.open_et)} to {_clock(session.close_et)}" if session.open_et and session.close_et else "closed"
    lines += [f"now       {report.now_et}  ({report.now_utc})", f"session   {session.date}  {session.kind}, {hours}  [{session.source}]"]
    if report.scheduler_window:
        lines += ["", *_window_lines(report.scheduler_window)]
    else:
        lines += ["", f"{report.series} has no window on {session.date}"]
    lines += ["", *(f"  - {line}" for line in report.explain), "", "next"]
    lines += [f"  {window.session_date}  {window.label:<12} {_span(window)}" for window in report.next_windows]
    change = report.clock_change
    lines += ["", f"clocks    {change.from_} to {change.to} on {change.next_et[:10]}, {change.days_away} days away"]
    if change.first_session_after:
        lines[-1] += f"; first session after it: {change.first_session_after}"
    return "\n".join(lines) + "\n"


def _window_lines(window: WindowBlock) -> list[str]:
    lines = [f"window    {window.label}  {window.state}  {', '.join(window.series)}"]
    for name, et, utc in (
        ("start", window.start_et, window.start_utc),
        ("freeze", window.freeze_et, window.freeze_utc),
        ("target", window.target_et, window.target_utc),
    ):
        lines.append(f"{name:<9} {et}  ({utc})")
    lines.append(f"in        {window.seconds_to_start:.1f} s to start, {window.seconds_to_freeze:.1f} s to freeze")
    return lines


def _span(window: WindowBlock) -> str:
    return f"{_clock(window.start_et)} to {_clock(window.target_et)}, freeze {_clock(window.freeze_et)} ({window.target_utc[11:19]} UTC)"


def _clock(iso: str) -> str:
    return iso[11:19]


if __name__ == "__main__":
    run(main)
