"""Plays one seed under three hash seeds, and under another Python when given one, and compares the journals byte for byte."""

import os
import subprocess
import sys

import msgspec

from kalshi_alpha import cli

HASH_SEEDS = ("0", "1", "12345")


class Digest(msgspec.Struct, frozen=True):
    """The part of a scorecard that two runs must share."""

    journal_sha256: str


def main(argv: list[str]) -> int:
    """Return 0 when every run wrote the same journal."""
    parser = cli.Parser(prog="python -m tools.determinism", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--python", action="append", default=[], help="another interpreter with the same packages; may be given more than once"
    )
    parser.add_argument("--seed", type=int, action="append", help="day to play (default: 1)")
    arguments = parser.parse_args(argv)
    different = [seed for seed in arguments.seed or [1] if not same(seed, [sys.executable, *arguments.python])]
    if different:
        sys.stderr.write(f"different journals for seeds {different}\n")
        return cli.EXIT_NO
    return cli.EXIT_OK


def same(seed: int, interpreters: list[str]) -> bool:
    """Play a seed in every way and print each digest."""
    digests = set()
    for python in interpreters:
        for hash_seed in HASH_SEEDS:
            digest = play(python, hash_seed, seed)
            digests.add(digest)
            sys.stdout.write(f"seed {seed}  PYTHONHASHSEED={hash_seed:<6} {digest}  {python}\n")
            sys.stdout.flush()
    return len(digests) == 1


def play(python: str, hash_seed: str, seed: int) -> str:
    """Return the digest of one run's journal."""
    command = [python, "-m", "kalshi_alpha", "demo", "--fast", "--random", "--lead", "240", "--seed", str(seed), "--json"]
    environment: dict[str, str] = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(  # noqa: S603 - our own program
        command, capture_output=True, check=False, env=environment, timeout=600
    )
    if done.returncode not in {cli.EXIT_OK, cli.EXIT_NO}:
        message = f"{python}: {done.stderr.decode(errors='replace')[-500:]}"
        raise cli.UnreachableError(message)
    return msgspec.json.decode(done.stdout, type=Digest).journal_sha256


if __name__ == "__main__":
    cli.run(main)
