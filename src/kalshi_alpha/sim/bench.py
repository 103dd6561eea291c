"""``kalshi-alpha bench``: every figure the project promises, measured on this machine."""

import gc
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.config import Config, FeedLegConfig, FeedsConfig, QuotingConfig, WindowsConfig
from kalshi_alpha.data.failover import DualFeedFailover
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.commands import Command
from kalshi_alpha.model.events import Event, IndexTicked
from kalshi_alpha.model.instruments import LEGS
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sim.bench_feeds import alert_deliveries, flood
from kalshi_alpha.sim.cold_start import cold_starts
from kalshi_alpha.sim.fast import Played, play_with
from kalshi_alpha.sim.script import DEMO_DAY, DayScript

CAL_LOOPS: Final = 1_000_000
COLD_RUNS: Final = 9
WHOLE_DAY: Final = WindowsConfig().hourly_targets_et
"""100 minutes of windows: six hourly ones of 15 and the close's 10."""
AT_THE_CLOSE: Final = ("16:00",)
"""With an hourly event at the close, four ladders are quoted at once in the last ten minutes."""
COUNTED_EVERY: Final = 50
"""Every so many ticks the quoted rungs are counted: the day's time is the day's, not the count's."""
QUOTING: Final = QuotingConfig(min_p=0.0, rungs_each_side=24)
"""48 strikes a ladder."""
INGESTS: Final = 200_000
LOOKUPS: Final = 200_000
TOKENS_PER_TICK: Final = 50
"""The Basic tier's 100 a second, for two indices that tick once a second."""


class Goal(msgspec.Struct, frozen=True):
    """What a figure should come to: its ``of`` (value, p50 or p99) below the limit, or above it."""

    of: str
    limit: float
    is_least: bool = False

    @property
    def text(self) -> str:
        """Return the goal for people: ``p99 < 200``."""
        quantile = "" if self.of == "value" else f"{self.of} "
        return f"{quantile}{'>' if self.is_least else '<'} {self.limit:,g}"


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One measured figure."""

    unit: str
    goal: str
    """Empty: none."""
    met: bool | None
    """None: there is no goal."""
    value: float | None = None
    p50: float | None = None
    p99: float | None = None
    samples: int = 1
    note: str = ""


def figure_of(unit: str, goal: Goal | None, values: Sequence[float], note: str = "", samples: int | None = None) -> Figure:
    """Return the figure of one value, or the quantiles of several, held against its goal.

    Args:
        unit: Of the values.
        goal: If there is one.
        values: One or more; or none, which meets no goal.
        note: What was measured.
        samples: What one value is the mean of.

    """
    ordered = sorted(values)
    found = {"value": values[0]} if samples is not None else {"p50": _at(ordered, 0.5), "p99": _at(ordered, 0.99)}
    met = None
    if goal is not None:
        met = bool(ordered) and (found[goal.of] > goal.limit if goal.is_least else found[goal.of] < goal.limit)
    return Figure(unit, "" if goal is None else goal.text, met, **found, samples=len(ordered) if samples is None else samples, note=note)


def main(argv: list[str]) -> int:
    """Measure and print; 0 always: a figure is no verdict."""
    parser = cli.parser("kalshi-alpha bench", "Measure a virtual day, tick to commands, cold start, memory, write tokens.", root=False)
    parser.add_argument(
        "--quick", action="store_true", help="one window (virtual_window_s, without a goal) instead of the whole day, fewer cold starts"
    )
    arguments = parser.parse_args(argv)
    figures: dict[str, Figure] = {}
    figures |= lookups()
    figures |= virtual_day(quick=arguments.quick)
    figures |= replayed()
    with tempfile.TemporaryDirectory(prefix="kalshi-alpha-bench-") as folder:
        starts = cold_starts(Path(folder), 3 if arguments.quick else COLD_RUNS)
    figures["cold_start_to_resting_quote_s"] = figure_of(
        "s", Goal("p50", 0.6), [start.seconds for start in starts],
        "process start to first order accepted on loopback; simulated servers at speed 20, so a tick every 50 ms",
    )  # fmt: skip
    figures |= feeds_and_alerts()
    memory = max(start.rss_mib for start in starts)
    figures["steady_memory_mib"] = figure_of("MiB", Goal("value", 80), [memory], "resident, while quoting two ladders", len(starts))
    report(figures, as_json=arguments.json)
    return cli.EXIT_OK


def report(figures: dict[str, Figure], *, as_json: bool) -> None:
    """Print all figures with the machine they were taken on."""
    machine = {
        "python": platform.python_version(), "processors": os.cpu_count(), "machine": platform.machine(),
        "cal_ns": round(cal_ns(), 2),
    }  # fmt: skip
    if as_json:
        cli.print_json({"machine": machine, "figures": figures})
        return
    sys.stdout.write(f"Python {machine['python']}, {machine['processors']} processors, one loop step {machine['cal_ns']} ns\n")
    for name, figure in figures.items():
        shown = f"{figure.value:,.3f}" if figure.value is not None else f"p50 {figure.p50:,.3f}  p99 {figure.p99:,.3f}"
        mark = "" if figure.met is None else f"   {'met' if figure.met else 'MISSED'}: goal {figure.goal}"
        note = f"  ({figure.note})" if figure.note else ""
        sys.stdout.write(f"  {name:<34} {shown} {figure.unit}{mark}{note}\n")


def cal_ns() -> float:
    """Return the nanoseconds of one step of a fixed loop: the unit in which this interpreter's speed is compared."""
    total = 0
    start = time.perf_counter_ns()  # noqa: TID251 - measuring is what a bench does
    for step in range(CAL_LOOPS):
        total += step
    return (time.perf_counter_ns() - start) / CAL_LOOPS  # noqa: TID251 - see above


def lookups() -> dict[str, Figure]:
    """Measure the failover and the window table alone."""
    leg = FeedLegConfig(url="-", api_key_file="-")
    failover = DualFeedFailover(FeedsConfig(leg, leg))
    base_ms = 1_795_000_000_000
    ticks = [IndexTicked(LEGS[n % 2], "I:SPX", 6_800.0 + n % 7, base_ms + 1_000 * (n // 2)) for n in range(INGESTS)]
    nows = [Now(tick.event_ms * 1_000_000 + 30_000_000, tick.event_ms * 1_000_000) for tick in ticks]
    ingest_s = timed(lambda: [failover.ingest(tick, now) for tick, now in zip(ticks, nows, strict=True)])
    schedule = WindowSchedule(WindowsConfig())
    at_ns = base_ms * 1_000_000
    schedule.current(at_ns)
    current_s = timed(lambda: [schedule.current(at_ns) for _ in range(LOOKUPS)])
    return {
        "failover_samples_per_s": figure_of("1/s", Goal("value", 400_000, is_least=True), [INGESTS / ingest_s], samples=INGESTS),
        "window_lookup_us": figure_of("us", Goal("value", 0.4), [current_s / LOOKUPS * 1e6], samples=LOOKUPS),
    }


def timed(work: Callable[[], object]) -> float:
    """Return the seconds some work takes."""
    start = time.perf_counter_ns()  # noqa: TID251 - measuring is what a bench does
    work()
    return (time.perf_counter_ns() - start) / NS_PER_S  # noqa: TID251 - see above


class Stopwatch:
    """Times every step of the engine that begins with a tick, while it quotes."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.ticks_us: list[float] = []
        self.quoted_rungs = 0

    def handle(self, engine: Engine, event: Event, now: Now) -> list[Command]:
        """Time one step."""
        if not isinstance(event, IndexTicked):
            return engine.handle(event, now)
        start = time.perf_counter_ns()  # noqa: TID251 - measuring is what a bench does
        commands = engine.handle(event, now)
        took_us = (time.perf_counter_ns() - start) / 1e3  # noqa: TID251 - see above
        ladders = [ladder for ladder in engine.facts.ladders.values() if ladder.allowed and ladder.ladder.symbol == event.symbol]
        if not ladders:
            return commands
        self.ticks_us.append(took_us)
        if len(self.ticks_us) % COUNTED_EVERY == 0:
            rungs = [sum(1 for bid, ask in zip(one.quoter.bid_e4, one.quoter.ask_e4, strict=True) if bid or ask) for one in ladders]
            self.quoted_rungs = max(self.quoted_rungs, min(rungs))
        return commands

    def figure(self, goal: Goal, note: str) -> Figure:
        """Return the quantiles."""
        return figure_of("us", goal, self.ticks_us, note)


def feeds_and_alerts() -> dict[str, Figure]:
    """Measure what a flood of values costs, and how soon alerts arrive."""
    with tempfile.TemporaryDirectory(prefix="kalshi-alpha-bench-") as folder:
        found = flood(Path(folder))
        delivered = alert_deliveries(Path(folder))
    rate = f"{found.messages_per_s:,.0f} messages a second over a real socket, decoded and judged; CPU time of this process"
    path = "from the outbox to a target on this machine, through the real process; the first ones meet it starting"
    return {
        "feed_flood_core_percent": figure_of("%", Goal("value", 30), [found.core_share * 100], rate, 1),
        "alert_delivery_s": figure_of("s", Goal("p99", 5), delivered, path),
    }


def day_script(hours: Sequence[str], windows: slice) -> tuple[DayScript, WindowsConfig]:
    """Return some windows of a day with these hourly targets."""
    config = WindowsConfig(hourly_targets_et=tuple(hours))
    return DayScript(seed=1, day=DEMO_DAY.isoformat(), windows=WindowSchedule(config).day(DEMO_DAY)[windows]), config


def virtual_day(*, quick: bool) -> dict[str, Figure]:
    """Play every window of a day in virtual time, four series, and measure."""
    script, windows = day_script(WHOLE_DAY[:1], slice(1)) if quick else day_script(WHOLE_DAY, slice(None))
    watch = Stopwatch()
    gc.collect()
    played: list[Played] = []
    start = time.process_time()  # noqa: TID251 - measuring is what a bench does
    played.append(play_with(script, windows, QUOTING, watch.handle))
    day_s = time.process_time() - start  # noqa: TID251 - see above
    day = played[0]
    merged = max(1, day.engine.facts.ticks_merged)
    tokens = day.engine.facts.tokens_spent
    minutes = sum(window.target_ns - window.start_ns for window in script.windows) / NS_PER_S / 60
    quoted = f"up to {watch.quoted_rungs} quoted strikes a ladder"
    note = f"one core, {day.day.witness.events:,} events, {minutes:.0f} minutes of windows, {quoted}"
    return day_figure(day_s, note, quick=quick) | {
        "tick_to_commands_paced_us": watch.figure(Goal("p99", 400), "the engine's step between the simulated venue's: its memory is cold"),
        "write_tokens_per_index_tick": figure_of(
            "tokens", Goal("value", TOKENS_PER_TICK), [tokens / merged], "the budget is 100 a second, 2 ticks/s", merged
        ),
    }


def day_figure(day_s: float, note: str, *, quick: bool) -> dict[str, Figure]:
    """Return the day's seconds; one window alone has another name and no goal, so that nobody takes it for a day."""
    if quick:
        return {"virtual_window_s": figure_of("s", None, [day_s], note, 1)}
    return {"virtual_day_s": figure_of("s", Goal("value", 10), [day_s], note, 1)}


def replayed() -> dict[str, Figure]:
    """Play the closing windows, all four ladders at once, then put the same facts through a new engine and nothing else."""
    script, windows = day_script(AT_THE_CLOSE, slice(None))
    facts: list[tuple[Event, Now]] = []
    configs: list[Config] = []

    def note(engine: Engine, event: Event, now: Now) -> list[Command]:
        facts.append((event, now))
        configs.append(engine.facts.config)
        return engine.handle(event, now)

    play_with(script, windows, QUOTING, note)
    engine, watch = Engine(configs[0]), Stopwatch()
    gc.collect()
    gc.freeze()
    replay_s = timed(lambda: [watch.handle(engine, event, now) for event, now in facts])
    gc.unfreeze()
    return {
        "tick_to_commands_us": watch.figure(
            Goal("p99", 200), "hot: the facts of the closing windows through an engine alone, four ladders"
        ),
        "replay_events_per_s": figure_of("1/s", Goal("value", 50_000, is_least=True), [len(facts) / replay_s], "the same run", len(facts)),
    }


def _at(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


if __name__ == "__main__":
    cli.run(main)
