"""One day with random feed faults: what noticed each of them and how soon, and every alarm that no fault explains. 1: one was missed."""

import sys
from typing import Final

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.model.clock import iso_et
from kalshi_alpha.sim.feed_trial import Noticed, play_trial
from kalshi_alpha.sim.script import DEMO_DAY

COUNT: Final = 50
SHOWN: Final = 10


class Report(msgspec.Struct, frozen=True):
    """The JSON document."""

    seed: int
    day: str
    faults: tuple[Noticed, ...]
    noticed: int
    false_alarms: tuple[str, ...]
    seconds_p50: float
    seconds_max: float
    orders_resting_after_freeze: int
    quotes_while_standing_down: int
    violations: tuple[str, ...]


def main(argv: list[str]) -> int:
    """Play, print the table, and return 1 if a fault was missed, an alarm was false or a promise broken."""
    flags = cli.parser("python -m tools.feed_faults", __doc__ or "", root=False)
    flags.add_argument("--seed", type=int, default=1)
    flags.add_argument("--faults", type=int, default=COUNT, help=f"how many (default: {COUNT})")
    flags.add_argument("--day", type=cli.day, default=DEMO_DAY, help=f"YYYY-MM-DD (default: {DEMO_DAY})")
    given = flags.parse_args(argv)
    trial, card = play_trial(given.seed, given.day, given.faults)
    took = sorted(fault.seconds for fault in trial.faults if fault.seconds is not None)
    report = Report(
        given.seed,
        given.day.isoformat(),
        trial.faults,
        len(took),
        trial.false_alarms,
        took[len(took) // 2] if took else 0.0,
        took[-1] if took else 0.0,
        card.orders_resting_after_freeze,
        card.quotes_while_standing_down,
        card.violations,
    )
    if given.json:
        cli.print_json(report)
    else:
        sys.stdout.write(_text(report))
    return cli.EXIT_OK if len(took) == len(trial.faults) and not (trial.false_alarms or card.violations) else cli.EXIT_NO


def _text(report: Report) -> str:
    lines = [f"{report.day}, seed {report.seed}", "", f"{'ET':<8}  {'fault':<14} {'leg':<8} {'index':<6} {'lasts':>6}  {'noticed':>9}  by"]
    for fault in report.faults:
        seconds = "MISSED" if fault.seconds is None else f"{fault.seconds:.3f} s"
        what = f"{fault.kind:<14} {fault.leg:<8} {fault.symbol:<6} {fault.lasts_s:>4.0f} s"
        lines.append(f"{iso_et(fault.at_ns)[11:19]}  {what}  {seconds:>9}  {fault.by}")
    middle, most = f"{report.seconds_p50:.3f} s in the middle", f"{report.seconds_max:.3f} s at most"
    resting, standing = report.orders_resting_after_freeze, report.quotes_while_standing_down
    lines += [
        "",
        f"{report.noticed} of {len(report.faults)} noticed, after {middle} and {most}",
        f"{len(report.false_alarms)} false alarms",
        *(f"  {told}" for told in report.false_alarms),
        f"{resting} orders resting after a freeze, {standing} quotes while standing down",
        *(f"VIOLATION: {told}" for told in report.violations[:SHOWN]),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    cli.run(main)
