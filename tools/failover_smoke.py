"""Rehearses a feed outage: the primary falls silent and comes back, then both do. Each transition must come, and in time.

``--dry-run`` plays it on the real controller in virtual time, offline; without it simulated feeds serve it over real sockets to the real
feed client, at a multiple of real time. 1: a transition is missing, early or late.
"""

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.config import FeedLegConfig, FeedsConfig, load_config
from kalshi_alpha.model.clock import iso_utc, utc_ns_of
from kalshi_alpha.sched.calendar import CalendarRangeError
from kalshi_alpha.sim import rehearsal
from kalshi_alpha.sim.world import WorldError

BEGIN: Final = datetime.fromisoformat("2026-11-23T11:00:00-05:00")
"""Inside a regular session."""
SPEED: Final = 10.0
REAL_LATE_MS: Final = 100
"""What a busy machine may add to a decision, in real time."""


class Report(msgspec.Struct, frozen=True):
    """The JSON document."""

    dry_run: bool
    ok: bool
    begin_utc: str
    speed: float
    """Simulated seconds a real second; 0: virtual time."""
    slo_ms: dict[str, int]
    recovery_s: float
    steps: tuple[rehearsal.Step, ...]


def main(argv: list[str]) -> int:
    """Rehearse, print every transition, and return 1 if one isn't as it must be."""
    parser = cli.parser("python -m tools.failover_smoke", __doc__ or "", root=False, now=True)
    parser.add_argument("--dry-run", action="store_true", help="offline, in virtual time")
    parser.add_argument("--config", type=Path, default=None, help="settings file whose [feeds] limits are rehearsed (default: built in)")
    arguments = parser.parse_args(argv)
    config = load_config(arguments.config).feeds if arguments.config else FeedsConfig(FeedLegConfig("", ""), FeedLegConfig("", ""))
    begin_ns = utc_ns_of(arguments.now or BEGIN)
    if arguments.dry_run:
        speed, late_ms = 0.0, rehearsal.DETECTION_MS
        arrivals, transitions = rehearsal.rehearse(config, begin_ns)
    else:
        speed, late_ms = SPEED, rehearsal.DETECTION_MS + int(REAL_LATE_MS * SPEED)
        arrivals, transitions = _live(config, begin_ns)
    steps = rehearsal.judge(config, arrivals, transitions, late_ms)
    ok = not any(step.fault for step in steps)
    slo_ms = {"polygon": config.polygon.slo_ms, "massive": config.massive.slo_ms}
    report = Report(arguments.dry_run, ok, iso_utc(begin_ns), speed, slo_ms, config.recovery_s, tuple(steps))
    if arguments.json:
        cli.print_json(report)
    else:
        sys.stdout.write(_text(report))
    return cli.EXIT_OK if ok else cli.EXIT_NO


def _text(report: Report) -> str:
    how = "virtual time" if report.dry_run else f"real sockets, {report.speed:g} times real time"
    lines = [f"failover rehearsal from {report.begin_utc}, {how}", ""]
    for step in report.steps:
        at = "   never" if step.at_s is None else f"{step.at_s:8.3f}"
        due = f"due {step.earliest_s:.3f} to {step.latest_s:.3f} s"
        lines.append(f"{at} s  {step.previous:>7} -> {step.active:<7}  {due:<26}  {step.fault or 'ok':<10}  {step.what}")
    return "\n".join([*lines, "", "every transition came in time" if report.ok else "FAILED", ""])


def _live(config: FeedsConfig, begin_ns: int) -> tuple[list[rehearsal.Arrival], list[rehearsal.Transition]]:
    from kalshi_alpha.sim.rehearsal_live import rehearse_live  # noqa: PLC0415 - a dry run needs no sockets

    try:
        return asyncio.run(rehearse_live(config, begin_ns, SPEED))
    except (WorldError, CalendarRangeError) as error:
        message = f"--now {iso_utc(begin_ns)}: {error}"
        raise cli.UsageError(message) from error


if __name__ == "__main__":
    cli.run(main)
