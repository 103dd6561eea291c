"""Plays many seeds in virtual time, each a day of seven windows with a swarm of random faults, on all cores; every promise must hold.

Each day has an outage, a death and a refused order. A seed that fails prints what broke and the command that replays it; a kind of fault
or a state that no seed reached fails the run, too, if it was long enough to reach them all.
"""

import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from itertools import takewhile
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.model.records import FeedSwitched, IncidentNoted, Record, StandDownChanged
from kalshi_alpha.sim.swarm import STEPS, play_swarm, swarm
from kalshi_alpha.sim.verdict import restart_times

CORPUS: Final = Path(__file__).parent / "failed_seeds.json"
"""Every seed that ever failed: played first, for ever."""
ENOUGH: Final = 200
"""Seeds after which everything that can be reached has been."""
SOMETIMES: Final = (
    "restarts", "restarts that quoted again", "values taken over", "values taken over that none followed",
    "torn tails cut", "deaths between two steps", "orders refused", "fills", "windows quoted in",
    "reason feed_down", "reason feed_disagrees", "reason feed_jumped", "reason final_minute_lag", "reason clock_offset",
    "reason exchange_paused", "reason venue_disconnected", "reason storage_failed",
    "reason storage_slow", "reason storage_short", "reason operator_stop", "reason not_reconciled",
    "reason cash_mismatch",
    "incident both_feeds", "incident feed", "incident restart", "incident storage", "incident venue",
    "slow syncs", "failed syncs", "clock steps", "days that had to resume",
)  # fmt: skip
"""What must have been reached."""


class Outcome(msgspec.Struct, frozen=True):
    """One seed's day."""

    seed: int
    windows: int
    events: int
    reached: dict[str, int]
    violations: tuple[str, ...]
    last_events: tuple[str, ...]


def main(argv: list[str]) -> int:
    """Return 0 when no seed breaks a promise and, of a long run, everything was reached."""
    parser = cli.Parser(prog="python -m tools.seeds", description=__doc__, allow_abbrev=False)
    parser.add_argument("--runs", type=int, default=286, help="seeds to play, of seven windows each (default: 286, 2,002 windows)")
    parser.add_argument("--start", type=int, default=1, help="first seed (default: 1)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument("--within-s", type=float, default=float("inf"), help="count no seed that ends later (default: all count)")
    arguments = parser.parse_args(argv)
    corpus: list[int] = json.loads(CORPUS.read_text()) if CORPUS.exists() and arguments.runs > 1 else []
    seeds = list(dict.fromkeys([*corpus, *range(arguments.start, arguments.start + arguments.runs)]))
    begin_s = time.monotonic()  # noqa: TID251 - how long it took, and how much of it there is time for
    with multiprocessing.get_context("spawn").Pool(min(arguments.workers, len(seeds))) as pool:
        ends = begin_s + arguments.within_s
        in_time = takewhile(lambda _: time.monotonic() < ends, pool.imap(play_seed, seeds))  # noqa: TID251 - as above
        outcomes = [tell(outcome) for outcome in in_time]
    if len(outcomes) < len(seeds):
        sys.stdout.write(f"stopped after {arguments.within_s:.0f} s: {len(outcomes)} of {len(seeds)} seeds\n")
    if not outcomes:
        return cli.EXIT_NO
    return summary(outcomes, time.monotonic() - begin_s)  # noqa: TID251 - as above


def play_seed(seed: int) -> Outcome:
    """Play one random day."""
    drawn = swarm(seed)
    played, violations = play_swarm(drawn)
    windows = drawn.script.windows
    log, records = played.exchange.order_log, played.records
    reached = Counter[str](
        {
            "restarts": len(played.day.restarts),
            "restarts that quoted again": sum(
                one.kill_to_quote_s is not None for one in restart_times(log, [kill_ns for kill_ns, _ in played.day.restarts], windows)
            ),
            "torn tails cut": played.day.torn,
            "deaths between two steps": len(played.day.died),
            "orders refused": sum(event.kind == "rejected" for event in log),
            "fills": sum(event.kind == "filled" for event in log),
            "windows quoted in": sum(
                any(event.kind == "accepted" and window.start_ns <= event.utc_ns < window.freeze_ns for event in log) for window in windows
            ),
            "slow syncs": sum(fault.kind == "sync_slow" for fault in drawn.script.disk_faults),
            "failed syncs": sum(fault.kind == "sync_error" for fault in drawn.script.disk_faults),
            "clock steps": len(drawn.script.clock_faults),
            "days that had to resume": drawn.heal_ns is not None,
        }
    )
    reached.update(f"death {died}" for died in played.day.died)
    reached.update(name for record in records for name in _names(record))
    last = tuple(str(record)[:300] for record in records[-20:]) if violations else ()
    return Outcome(seed, len(windows), played.day.witness.events, dict(reached), violations, last)


def _names(record: Record) -> list[str]:
    match record:
        case StandDownChanged():
            return [f"reason {reason.partition(':')[0]}" for reason in record.reasons]
        case IncidentNoted():
            return [f"incident {record.kind}"]
        case FeedSwitched() if record.reason.endswith("no value since the start"):
            return ["values taken over that none followed"]
        case FeedSwitched() if record.reason.endswith("first value") and (record.polygon_age_ms or record.massive_age_ms):
            return ["values taken over"]
        case _:
            return []


def tell(outcome: Outcome) -> Outcome:
    """Print a broken seed at once, with the command that replays it."""
    if outcome.violations:
        sys.stdout.write(f"seed {outcome.seed} FAILED; replay: python -m tools.seeds --start {outcome.seed} --runs 1\n")
        sys.stdout.write("".join(f"  {violation}\n" for violation in outcome.violations[:10]))
        sys.stdout.write("".join(f"    {record}\n" for record in outcome.last_events))
        sys.stdout.flush()
    return outcome


def summary(outcomes: list[Outcome], took_s: float) -> int:
    """Print what was reached, and fail when a promise was broken or something that must be reached was not."""
    reached = Counter[str]()
    for outcome in outcomes:
        reached.update(outcome.reached)
    for name, count in sorted(reached.items()):
        sys.stdout.write(f"{name:<40} {count:>10,}\n")
    wanted = [*SOMETIMES, *(f"death {step}, {side}" for step in STEPS for side in ("before", "after"))]
    never = [name for name in wanted if not reached[name]] if len(outcomes) >= ENOUGH else []
    if never:
        sys.stdout.write(f"never reached: {', '.join(never)}\n")
    failed = [outcome.seed for outcome in outcomes if outcome.violations]
    windows, events = sum(outcome.windows for outcome in outcomes), sum(outcome.events for outcome in outcomes)
    sys.stdout.write(
        f"{windows:,} windows, {events:,} events in {took_s:.0f} s: {len(outcomes) - len(failed)} seeds passed, {len(failed)} failed\n"
    )
    return cli.EXIT_NO if failed or never else cli.EXIT_OK


if __name__ == "__main__":
    cli.run(main)
