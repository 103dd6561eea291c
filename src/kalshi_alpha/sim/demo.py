"""``kalshi-alpha demo``: a whole trading day against a simulated exchange and two simulated feeds."""

import argparse
import shlex
import socket
import sys
from pathlib import Path
from typing import Final

from kalshi_alpha import cli
from kalshi_alpha.sched.calendar import CalendarRangeError, session
from kalshi_alpha.sim.scorecard import Scorecard, as_text
from kalshi_alpha.sim.script import DEMO_DAY, DayScript, demo_script, random_script, windows_config
from kalshi_alpha.sim.world import WorldError, bridged_day

DEFAULT_SPEED: Final = 20.0
MAX_SPEED: Final = 40.0
"""At this speed the freshness limit of 2 s is 50 ms of real time."""


def main(argv: list[str]) -> int:
    """Play the day; 0 when every promised zero holds."""
    arguments = parse(argv)
    check(arguments)
    if arguments.fast:
        from kalshi_alpha.sim.fast import play_day  # noqa: PLC0415 - the live demo doesn't need it

        card = play_day(script_of(arguments), windows_config(all_windows=arguments.all, lead_s=arguments.lead), arguments.minutes)
    else:
        from kalshi_alpha.sim.live import play_live  # noqa: PLC0415 - the fast demo doesn't need it

        card = play_live(arguments, script_of(arguments))
    show(card, arguments)
    return cli.EXIT_OK if card.clean else cli.EXIT_NO


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = cli.parser(
        "kalshi-alpha demo", "Play a trading day: a simulated exchange, two simulated feeds, the real trading process.", root=False
    )
    parser.add_argument("--fast", action="store_true", help="virtual time: no sockets, no page, seconds for a whole day")
    parser.add_argument("--all", action="store_true", help="play every window of the day (default: two hourly ones and the close)")
    parser.add_argument("--lead", type=int, help="seconds from a window's start to its target, 61 to 900 (default: as configured)")
    parser.add_argument("--seed", type=int, default=1, help="of the market, the faults and the delays (default: 1)")
    parser.add_argument("--random", action="store_true", help="strike at random places instead of the built-in events")
    parser.add_argument(
        "--speed",
        type=float,
        default=DEFAULT_SPEED,
        help=f"simulated seconds per second, 1 to {MAX_SPEED:.0f} (default: {DEFAULT_SPEED:.0f}, sensible on a busy machine, too)",
    )
    parser.add_argument(
        "--minutes", type=Path, help="play real minute bars: this folder, or its index_minutes/, has SPX/DAY.csv and NDX/DAY.csv"
    )
    parser.add_argument("--day", type=cli.day, default=DEMO_DAY, help=f"the session (default: {DEMO_DAY})")
    parser.add_argument("--root", type=Path, default=Path("demo-run"), help="folder of the run, emptied at its start (default: demo-run)")
    parser.add_argument("--port", type=cli.port, default=0, help="of the page (default: a free one)")
    parser.add_argument("--no-browser", action="store_true", help="print the page's address, don't open it")
    return parser.parse_args(argv)


def check(arguments: argparse.Namespace) -> None:
    """Refuse what can't be played, before anything starts."""
    if not 1 <= arguments.speed <= MAX_SPEED:
        message = f"--speed {arguments.speed}: must be between 1 and {MAX_SPEED:.0f}"
        raise cli.UsageError(message)
    if arguments.lead is not None and not 61 <= arguments.lead <= 900:  # noqa: PLR2004 - as the help says
        message = f"--lead {arguments.lead}: must be between 61 and 900: a window is longer than its last minute"
        raise cli.UsageError(message)
    try:
        played = session(arguments.day)
    except CalendarRangeError as error:
        raise cli.UsageError(str(error)) from error
    if not played.open_ns:
        message = f"--day {arguments.day}: no session ({played.kind})"
        raise cli.UsageError(message)
    if arguments.minutes is not None and not arguments.minutes.is_dir():
        message = f"--minutes {arguments.minutes}: no such folder"
        raise cli.UsageError(message)
    if not arguments.fast:
        _check_live(arguments)


def _check_live(arguments: argparse.Namespace) -> None:
    """Refuse what one of the servers would, while it can still be said in one line."""
    try:
        if arguments.minutes is not None:
            bridged_day(arguments.minutes, arguments.day, arguments.seed)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", arguments.port))
    except WorldError as error:
        raise cli.UsageError(str(error)) from error
    except OSError as error:
        message = f"--port {arguments.port}: {error.strerror}"
        raise cli.UsageError(message) from error


def script_of(arguments: argparse.Namespace) -> DayScript:
    """Return what happens on the day."""
    config = windows_config(all_windows=arguments.all, lead_s=arguments.lead)
    make = random_script if arguments.random else demo_script
    return make(arguments.seed, arguments.day, config)


def show(card: Scorecard, arguments: argparse.Namespace) -> None:
    """Print the scorecard; where a promise is broken, also how to play the same day again."""
    if arguments.json:
        cli.print_json(card)
    else:
        sys.stdout.write(f"\nScorecard\n{as_text(card)}\n")
    if not card.clean:
        (sys.stderr if arguments.json else sys.stdout).write(f"  to play it again: {again(arguments)}\n")


def again(arguments: argparse.Namespace) -> str:
    """Return the command that plays the same script; with ``--fast`` it does the same, byte for byte."""
    words = ["kalshi-alpha", "demo", *(f"--{name}" for name in ("fast", "random", "all") if getattr(arguments, name))]
    words += ["--seed", str(arguments.seed), "--day", arguments.day.isoformat()]
    if arguments.lead is not None:
        words += ["--lead", str(arguments.lead)]
    if arguments.minutes is not None:
        words += ["--minutes", str(arguments.minutes)]
    if not arguments.fast:
        words += ["--speed", f"{arguments.speed:g}"]
    return shlex.join(words)


if __name__ == "__main__":
    cli.run(main)
