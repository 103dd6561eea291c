"""``python -m kalshi_alpha.sim.clock_plan``: writes the simulated time that simulators and trading process share, from this moment on.

Each of them reads the file (``--clock FILE``, ``[clock] plan_file``); a ``--now`` of its own would start with its process, and the clocks
would be seconds apart.
"""

import sys
import time
from pathlib import Path

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.files import write_atomically
from kalshi_alpha.adapters.system_clock import SPEED_MAX, ClockPlan, ClockSegment
from kalshi_alpha.model.clock import iso_et, utc_ns_of


def main(argv: list[str]) -> int:
    """Write the plan."""
    parser = cli.parser(
        "python -m kalshi_alpha.sim.clock_plan",
        "Write a clock plan: simulated time for simulators and trading process.",
        root=False,
        now=True,
    )
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per second (default: 1)")
    parser.add_argument("--out", type=Path, required=True, help="the plan's file; it is of no use after the machine's next start")
    arguments = parser.parse_args(argv)
    if arguments.now is None:
        parser.error("the following arguments are required: --now")
    if not 0 < arguments.speed <= SPEED_MAX:
        message = f"--speed {arguments.speed}: must be above 0 and at most {SPEED_MAX:.0f}"
        raise cli.UsageError(message)
    plan = ClockPlan((ClockSegment(time.monotonic_ns(), utc_ns_of(arguments.now), arguments.speed),))  # noqa: TID251 - the plan's origin
    try:
        write_atomically(arguments.out, msgspec.json.encode(plan), durable=False)
    except OSError as error:
        message = f"--out {arguments.out}: {error.strerror}"
        raise cli.UsageError(message) from error
    if arguments.json:
        cli.print_json(plan)
    else:
        sys.stdout.write(f"{arguments.out}: {iso_et(plan.segments[0].utc_ns)} New York now, at speed {arguments.speed:g}\n")
    return cli.EXIT_OK


if __name__ == "__main__":
    cli.run(main)
