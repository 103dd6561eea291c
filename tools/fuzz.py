"""Strange inputs for every decoder: nothing but what its contract names may come of them, and none may take 50 ms.

Inputs are drawn from valid samples whose types, numbers, fields, nesting and bytes are changed. A decoder that lets an exception out, is
too slow, or hands over what can't be written down fails; the input is cut down first. The same seed draws the same inputs.
"""

import gc
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

import msgspec

from kalshi_alpha import cli
from tools.fuzz_decoder import Case, Decoder
from tools.fuzz_files import file_decoders
from tools.fuzz_wire import wire_decoders

INPUTS: Final = 200_000
LIMIT_NS: Final = 50_000_000
SLOW: Final = "slow"
TRIES_MAX: Final = 3_000
"""Attempts at cutting an input down."""
_SHOWN: Final = 400
_FAILURES_MAX: Final = 5
"""Of one decoder; then it is given up."""


class Failure(msgspec.Struct, frozen=True):
    """An input that a decoder fails on."""

    context: str
    data: bytes
    """Cut down, unless it is slow."""
    why: str


class Outcome(msgspec.Struct, frozen=True):
    """One decoder's run."""

    decoder: str
    inputs: int
    accepted: int
    refused: int
    slowest_ms: float
    """Of the thread's own time."""
    failures: tuple[Failure, ...]


def main(argv: list[str], known: Callable[[], tuple[Decoder, ...]] | None = None) -> int:
    """Return 0 when no decoder failed; ``known`` gives other decoders than the project's."""
    known = known or decoders
    parser = cli.parser("python -m tools.fuzz", __doc__ or "", root=False)
    parser.add_argument("--inputs", type=int, default=INPUTS, help=f"for each decoder (default: {INPUTS})")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help=f"one decoder: {', '.join(decoder.name for decoder in known())}")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    given = parser.parse_args(argv)
    names = [decoder.name for decoder in known() if given.only in {"", decoder.name}]
    for option in ("inputs", "workers"):
        if (number := getattr(given, option)) < 1:
            message = f"--{option} {number}: expected at least 1"
            raise cli.UsageError(message)
    if not names:
        message = f"--only {given.only!r}: no such decoder"
        raise cli.UsageError(message)
    one = partial(_outcome, known, given.inputs, given.seed)
    if given.workers == 1:
        outcomes = [one(name) for name in names]
    else:
        with multiprocessing.get_context("spawn").Pool(min(given.workers, len(names)), gc.freeze) as pool:
            outcomes = pool.map(one, names, chunksize=1)
    if given.json:
        cli.print_json(outcomes)
    else:
        sys.stdout.write(_table(outcomes, given.seed))
    return cli.EXIT_NO if any(outcome.failures for outcome in outcomes) else cli.EXIT_OK


def decoders() -> tuple[Decoder, ...]:
    """Return every decoder of what comes from outside."""
    return (*wire_decoders(), *file_decoders())


def _outcome(known: Callable[[], tuple[Decoder, ...]], inputs: int, seed: int, name: str) -> Outcome:
    """Run a decoder that is found by its name: another process can't be handed the decoder itself."""
    return fuzz(next(decoder for decoder in known() if decoder.name == name), inputs, seed)


def fuzz(decoder: Decoder, inputs: int, seed: int) -> Outcome:
    """Give one decoder its inputs."""
    draw = decoder.drawer(Random(f"{seed} {decoder.name}"), decoder.samples)  # noqa: S311 - the same inputs again
    failures: list[Failure] = []
    seen: dict[str, None] = {}
    done = accepted = slowest_ns = 0
    while done < inputs and len(failures) < _FAILURES_MAX:
        case = draw()
        done += 1
        is_accepted, took_ns, why = tried(decoder, case)
        accepted += is_accepted
        slowest_ns = max(slowest_ns, took_ns)
        if why and why not in seen:
            seen[why] = None
            # A slow one is left as it is: cutting it down would take its time as often as there are tries.
            cut = case.data if why == SLOW else shrunk(case.data, partial(_fails_so, decoder, case.context, why))
            failures.append(Failure(case.context, cut, why))
    return Outcome(decoder.name, done, accepted, done - accepted, slowest_ns / 1e6, tuple(failures))


def _fails_so(decoder: Decoder, context: str, why: str, data: bytes) -> bool:
    return tried(decoder, Case(context, data))[2] == why


def tried(decoder: Decoder, case: Case) -> tuple[bool, int, str]:
    """Read one input: whether it was accepted, how long that took (a slow one has a second and a third try), and what is wrong."""
    took_ns, is_accepted = 1 << 62, False
    for _ in range(3):
        begin_ns = time.thread_time_ns()  # noqa: TID251 - what is measured
        try:
            is_accepted = decoder.read(case)
        except Exception as error:  # noqa: BLE001 - whatever gets out is what is looked for
            return False, 0, f"{type(error).__name__} at {_place(error)}"
        took_ns = min(took_ns, time.thread_time_ns() - begin_ns)  # noqa: TID251 - as above
        if took_ns < LIMIT_NS // 2:
            return is_accepted, took_ns, ""
    return is_accepted, took_ns, SLOW if took_ns >= LIMIT_NS else ""


def _place(error: BaseException) -> str:
    """Return the function that raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace is not None else "?"


def shrunk(data: bytes, still_fails: Callable[[bytes], bool]) -> bytes:
    """Return the input without whatever it fails without, piece by piece."""
    size, tries = len(data) // 2, 0
    while size:
        start = 0
        while start < len(data) and tries < TRIES_MAX:
            tries += 1
            shorter = data[:start] + data[start + size :]
            if still_fails(shorter):
                data = shorter
            else:
                start += size
        size //= 2
    return data


def _table(outcomes: list[Outcome], seed: int) -> str:
    lines = [f"{'decoder':<16} {'inputs':>9} {'accepted':>9} {'refused':>9} {'slowest':>10}"]
    for outcome in outcomes:
        counts = f"{outcome.inputs:>9,} {outcome.accepted:>9,} {outcome.refused:>9,}"
        lines.append(f"{outcome.decoder:<16} {counts} {outcome.slowest_ms:>7.2f} ms{'  FAILED' if outcome.failures else ''}")
    for outcome in outcomes:
        for failure in outcome.failures:
            lines += [f"{outcome.decoder}, seed {seed}, {failure.context}: {failure.why}", f"  {failure.data[:_SHOWN]!r}"]
            if len(failure.data) > _SHOWN:
                lines.append(f"  ... {len(failure.data):,} bytes")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    cli.run(main)
