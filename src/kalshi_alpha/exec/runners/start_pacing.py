"""How long a start waits: not at all, unless the ones before it died young. The service manager starts us again without any limit.

The start times are kept in a file of the state folder; without it, or with nonsense in it, nothing is waited for.
"""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.files import write_atomically
from kalshi_alpha.adapters.log import log
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.regular_file import read_regular

YOUNG_NS: Final = NS_PER_S
"""Who was followed by another start within this time, its wait not counted, died young."""
LEAST_S: Final = 0.1
MOST_S: Final = 5.0
KEPT: Final = 16


class Start(msgspec.Struct, frozen=True):
    """One start."""

    utc_ns: int
    waited_s: float


def wait_s(starts: Sequence[Start], utc_ns: int) -> float:
    """Return how long to wait before this start does anything: 0.1 s after one that died young, doubled with each in a row, 5 s at most.

    Args:
        starts: The ones before, oldest first.
        utc_ns: Now. A clock that was set back makes nobody young.

    """
    began_ns = [start.utc_ns + int(start.waited_s * NS_PER_S) for start in starts]
    ended_ns = [*(start.utc_ns for start in starts[1:]), utc_ns] if starts else []
    in_a_row = 0
    for began, ended in zip(reversed(began_ns), reversed(ended_ns), strict=True):
        if not 0 <= ended - began < YOUNG_NS:
            break
        in_a_row += 1
    return min(MOST_S, LEAST_S * 2 ** (in_a_row - 1)) if in_a_row else 0.0


def note_start(path: Path, utc_ns: int) -> float:
    """Note this start, and return how long it has to wait.

    Raises:
        OSError: it can't be noted.

    """
    starts = _read(path)
    pause_s = wait_s(starts, utc_ns)
    kept = [*starts, Start(utc_ns, pause_s)][-KEPT:]
    write_atomically(path, msgspec.json.encode(kept), durable=False)
    return pause_s


def pace_start(path: Path, sleep: Callable[[float], None] = time.sleep) -> None:  # noqa: TID251 - as below
    """Note a start, and wait before it goes on if the ones before it died young."""
    try:
        pause_s = note_start(path, time.time_ns())  # noqa: TID251 - processes die in real time, whatever time is simulated
    except OSError as error:
        log("start_not_noted", error=str(error))
        return
    if pause_s:
        log("start_waits", seconds=pause_s, why="the starts before it ended within a second")
        sleep(pause_s)


def _read(path: Path) -> list[Start]:
    try:
        starts = msgspec.json.decode(read_regular(path), type=list[Start])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return []
    return starts if all(one.utc_ns <= other.utc_ns for one, other in pairwise(starts)) else []
