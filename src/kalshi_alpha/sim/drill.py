"""``kalshi-alpha drill``: rehearse a failure on the real processes, measure the recovery, keep the record.

``restart``: the trading process is killed with SIGKILL at random moments while it quotes over real sockets, and its supervisor starts it
again. Measured is the time from the kill to its first new order resting, by the exchange's own record.

``stop``: the trading process is killed and not started again (``--frozen``: it gets SIGSTOP), and its guardian has to notice.
``stop --all``: the guardian is killed with it, and nobody does anything. Measured is the time until nothing rests at the exchange, by
the guardian's hand or by the orders' own expiry alone.

Afterwards nothing may be unknown, doubled or booked differently from the venue.
"""

import argparse
import math
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.drill_records import keep_drill
from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.system_clock import ClockPlan, ClockSegment, ScaledClock
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.drills import DrillRecord
from kalshi_alpha.sim.drill_stage import DrillStage
from kalshi_alpha.sim.drill_verdict import broken_after_restarts
from kalshi_alpha.sim.live_files import prepare_root
from kalshi_alpha.sim.script import DEMO_DAY, DayScript, demo_script, windows_config

RUNS_MAX: Final = 200
INTO_WINDOW_S: Final = 20
QUOTING: Final = 5
"""Orders that rest before the next kill."""
NOT_QUOTING: Final = f"fewer than {QUOTING} orders rest for too long"
LEAST_S, MOST_S = 0.1, 5.0
"""How long it quotes before it is killed, drawn evenly: sometimes before it has heard a feed's value of its own."""
PATIENCE_S: Final = 10.0
TTL_S: Final = 20
"""An order's own life, as shipped."""
GUARDED_S: Final = 5.0
"""Within which the guardian has the book empty."""
MEASURED: Final = {"restart": "the first new order resting", "stop": "nothing resting"}
BAR: Final = 40
BINS: Final = 12
"""Of the histogram."""


def main(argv: list[str]) -> int:
    """Run a drill; 0 when it passed."""
    arguments = _parse(argv)
    lock = prepare_root(arguments.root)
    try:
        record = rehearse(arguments)
    finally:
        lock.close()
    written = _keep(record, arguments.artifacts)
    if arguments.json:
        cli.print_json(record)
    else:
        sys.stdout.write(as_text(record) + f"record    {written}\n")
    return cli.EXIT_OK if record.passed else cli.EXIT_NO


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = cli.parser("kalshi-alpha drill", "Rehearse a failure on the real processes and measure the recovery.", root=False)
    parser.add_argument(
        "drill",
        choices=["restart", "stop"],
        help="what is rehearsed: a restart after SIGKILL, or the end of quoting when nothing starts again",
    )
    parser.add_argument("--all", action="store_true", help="of stop: trading process, supervisor and guardian die at once")
    parser.add_argument("--frozen", action="store_true", help="of stop: the trading process is frozen (SIGSTOP), not killed")
    parser.add_argument("--runs", type=int, help=f"kills, 1 to {RUNS_MAX} (default: 100 restarts, 5 stops)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments and the market (default: 1)")
    parser.add_argument("--round-trip-ms", type=int, default=0, help="to the exchange and back, 0 to 1000 (default: 0, loopback's own)")
    parser.add_argument("--root", type=Path, default=Path("drill-run"), help="folder of the run, emptied at its start (default: drill-run)")
    parser.add_argument("--artifacts", type=Path, default=Path(), help="the record goes below its reports/_artifacts/drills/ (default: .)")
    arguments = parser.parse_args(argv)
    if arguments.all + arguments.frozen > (arguments.drill == "stop"):
        message = "--all or --frozen: one of them, with drill stop"
        raise cli.UsageError(message)
    if arguments.runs is None:
        arguments.runs = 100 if arguments.drill == "restart" else 5
    for name, value, least, most in (("--runs", arguments.runs, 1, RUNS_MAX), ("--round-trip-ms", arguments.round_trip_ms, 0, 1_000)):
        if not least <= value <= most:
            message = f"{name} {value}: must be between {least} and {most}"
            raise cli.UsageError(message)
    return arguments


def rehearse(arguments: argparse.Namespace) -> DrillRecord:
    """Strike and wait, again and again; then look at everything that is left."""
    script = demo_script(arguments.seed, DEMO_DAY, windows_config(all_windows=True))
    plan = ClockPlan((ClockSegment(time.monotonic_ns(), script.windows[0].start_ns + INTO_WINDOW_S * NS_PER_S, 1.0),))  # noqa: TID251 - the plan's origin
    stage = DrillStage(arguments.root, script, plan, arguments.round_trip_ms)
    strike = _restart_once if arguments.drill == "restart" else partial(_stop_once, arguments)
    draw = Random(arguments.seed)
    times: list[float] = []
    failures: list[str] = []
    with _ending(stage):
        stage.open()
        for run in range(1, arguments.runs + 1):
            took_s = strike(stage, ScaledClock(plan), draw)
            if isinstance(took_s, str):
                failures.append(f"run {run}: {took_s}")
                break
            times.append(round(took_s, 3))
            sys.stderr.write(f"\r{run:>4} of {arguments.runs}  last {took_s:.2f} s  worst {max(times):.2f} s ")
            sys.stderr.flush()
        sys.stderr.write("\n")
        status = stage.stop_trader()
    if status != 0:
        failures.append(f"the trading process ended with status {status}")
    failures += broken_after_restarts(arguments.root, stage.log(), played(script))
    return _record(arguments, times, failures)


def played(script: DayScript) -> DayScript:
    """Return the part of the day that a drill reaches."""
    return msgspec.structs.replace(script, windows=script.windows[:1], feed_faults=(), kills_ns=())


def _restart_once(stage: DrillStage, clock: ScaledClock, draw: Random) -> float | str:
    """Wait until it quotes, a moment more, kill; return the seconds to the first new order, or what went wrong."""
    epoch = _quoting(stage, draw)
    if epoch is None:
        return NOT_QUOTING
    kill_ns = clock.now().utc_ns
    stage.kill_trader()
    accepted_ns = _wait(lambda: stage.first_accepted_after(kill_ns, epoch), PATIENCE_S)
    return f"nothing new rests {PATIENCE_S:.0f} s after a kill" if accepted_ns is None else (accepted_ns - kill_ns) / NS_PER_S


def _stop_once(arguments: argparse.Namespace, stage: DrillStage, clock: ScaledClock, draw: Random) -> float | str:
    """Wait until it quotes, kill or freeze; return the seconds until nothing rests, or what went wrong. Then start again."""
    if _quoting(stage, draw) is None:
        return NOT_QUOTING
    kill_ns = clock.now().utc_ns
    (stage.kill_everything if arguments.all else stage.freeze_trader if arguments.frozen else stage.kill_trader_for_good)()
    emptied_ns = _wait(stage.emptied_ns, TTL_S + PATIENCE_S)
    if arguments.frozen:
        stage.kill_trader_for_good()
    stage.start_ours()
    if _wait(lambda: stage.quoting_epoch(QUOTING), PATIENCE_S) is None:
        return NOT_QUOTING
    return f"orders rest {TTL_S + PATIENCE_S:.0f} s after the kill" if emptied_ns is None else max(0, emptied_ns - kill_ns) / NS_PER_S


def _quoting(stage: DrillStage, draw: Random) -> int | None:
    """Wait until it quotes, and a moment more; return its epoch."""
    epoch = _wait(lambda: stage.quoting_epoch(QUOTING), PATIENCE_S)
    if epoch is not None:
        time.sleep(draw.uniform(LEAST_S, MOST_S))  # noqa: TID251 - the drill's own pace
    return epoch


def _wait(look: Callable[[], int | None], patience_s: float) -> int | None:
    end_s = time.monotonic() + patience_s  # noqa: TID251 - bounded waiting for another process
    while time.monotonic() < end_s:  # noqa: TID251 - as above
        found = look()
        if found is not None:
            return found
        time.sleep(0.01)  # noqa: TID251 - as above
    return None


@contextmanager
def _ending(stage: DrillStage) -> Iterator[None]:
    """End every process in the end; Ctrl-C is an error like others."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        stage.close()


def _record(arguments: argparse.Namespace, times: list[float], failures: list[str]) -> DrillRecord:
    limit_s = _limit_s(arguments)
    signal_name = "SIGSTOP" if arguments.frozen else "SIGKILL"
    victims = "the trading process, its supervisor and the guardian" if arguments.all else "the trading process"
    in_order = sorted(times)
    p99_s = _quantile(in_order, 0.99)
    if p99_s is not None and p99_s >= limit_s:
        failures.append(f"p99 {p99_s:.3f} s: promised is less than {limit_s} s")
    return DrillRecord(
        drill=arguments.drill,
        at_utc=datetime.now(UTC).isoformat(timespec="seconds"),  # noqa: TID251 - when the record was made
        runs=len(times),
        passed=not failures and len(times) == arguments.runs,
        p50_s=_quantile(in_order, 0.5),
        p99_s=p99_s,
        max_s=in_order[-1] if in_order else None,
        limit_p99_s=limit_s,
        round_trip_ms=arguments.round_trip_ms,
        failures=tuple(failures),
        times_s=tuple(times),
        injected=f"{signal_name} to {victims}, {LEAST_S} to {MOST_S} s after {QUOTING} orders rest, seed {arguments.seed}",
    )


def _limit_s(arguments: argparse.Namespace) -> float:
    if arguments.drill == "stop":
        return TTL_S + 1.0 if arguments.all else GUARDED_S
    return 2.5 if arguments.round_trip_ms else 1.0


def _quantile(in_order: list[float], share: float) -> float | None:
    """Return the nearest rank: of 100 values, the 99th is the p99."""
    return in_order[math.ceil(len(in_order) * share) - 1] if in_order else None


def _keep(record: DrillRecord, root: Path) -> Path:
    try:
        return keep_drill(root, record)
    except OSError as error:
        message = f"{Layout(root).drills}: {error.strerror}"
        raise cli.UsageError(message) from error


def as_text(record: DrillRecord) -> str:
    """Return the record for a terminal, with a histogram."""
    lines = [f"drill     {record.drill}: {record.runs} kills, {'PASSED' if record.passed else 'FAILED'}"]
    if record.times_s:
        lines.append(f"kill to {MEASURED[record.drill]}: p50 {record.p50_s:.3f} s, p99 {record.p99_s:.3f} s, max {record.max_s:.3f} s")
        lines += histogram(record.times_s)
    lines += [f"failure   {failure}" for failure in record.failures]
    return "\n".join(lines) + "\n"


def histogram(times_s: tuple[float, ...]) -> list[str]:
    """Return a line for each tenth-of-a-second-like bin between the least and the most."""
    least, most = min(times_s), max(times_s)
    width = max(0.01, (most - least) / BINS)
    counts = Counter(min(BINS - 1, int((one - least) / width)) for one in times_s)
    top = max(counts.values())
    return [
        f"  {least + place * width:6.3f} s {'#' * -(-counts[place] * BAR // top):<{BAR}} {counts[place]}"
        for place in range(max(counts) + 1)
    ]  # fmt: skip


if __name__ == "__main__":
    cli.run(main)
