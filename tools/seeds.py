"""Plays many seeds in virtual time, each with a random outage, restart and refused order, on all cores; every promised zero must hold."""

import json
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Final

from kalshi_alpha import cli
from kalshi_alpha.sim.fast import judge, play
from kalshi_alpha.sim.scorecard import Scorecard
from kalshi_alpha.sim.script import DEMO_DAY, random_script, windows_config

LEAD_S: Final = 180
"""The windows are opened this long before their targets: every phase of a window, in less time."""
CORPUS: Final = Path(__file__).parent / "failed_seeds.json"
"""Every seed that ever failed: played first, for ever."""


def main(argv: list[str]) -> int:
    """Return 0 when no seed breaks a promise."""
    parser = cli.Parser(prog="python -m tools.seeds", description=__doc__, allow_abbrev=False)
    parser.add_argument("--runs", type=int, default=200, help="seeds to play (default: 200)")
    parser.add_argument("--start", type=int, default=1, help="first seed (default: 1)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    arguments = parser.parse_args(argv)
    corpus: list[int] = json.loads(CORPUS.read_text()) if CORPUS.exists() else []
    seeds = list(dict.fromkeys([*corpus, *range(arguments.start, arguments.start + arguments.runs)]))
    with multiprocessing.get_context("spawn").Pool(arguments.workers) as pool:
        cards = [tell(card) for card in pool.imap(play_seed, seeds)]
    return summary(cards)


def play_seed(seed: int) -> Scorecard:
    """Play one random day."""
    config = windows_config(all_windows=False, lead_s=LEAD_S)
    script = random_script(seed, DEMO_DAY, config)
    return judge(play(script, config), script)


def tell(card: Scorecard) -> Scorecard:
    """Print a broken seed at once, with the command that replays it."""
    if not card.clean:
        sys.stdout.write(f"seed {card.seed} FAILED; replay: kalshi-alpha demo --fast --random --lead {LEAD_S} --seed {card.seed}\n")
        for violation in card.violations[:10]:
            sys.stdout.write(f"  {violation}\n")
        sys.stdout.flush()
    return card


def summary(cards: list[Scorecard]) -> int:
    """Print what was reached, and fail when a promise was broken or a fault was never reached."""
    failed = [card.seed for card in cards if not card.clean]
    reached = {
        "restarts": sum(len(card.restarts) for card in cards),
        "restarts that quoted again": sum(one.kill_to_quote_s is not None for card in cards for one in card.restarts),
        "refused orders": sum(card.rejected for card in cards),
        "polygon outages": sum(len(card.recoveries) for card in cards),
        "seconds without any feed": round(sum(card.feed_seconds["none"] for card in cards)),
        "fills": sum(card.fills for card in cards),
    }
    for name, count in reached.items():
        sys.stdout.write(f"{name:<28} {count:>10,}\n")
    never = [name for name, count in reached.items() if not count]
    if never:
        sys.stdout.write(f"never reached: {', '.join(never)}\n")
    sys.stdout.write(f"{len(cards) - len(failed)} passed, {len(failed)} failed\n")
    return cli.EXIT_NO if failed or never else cli.EXIT_OK


if __name__ == "__main__":
    cli.run(main)
