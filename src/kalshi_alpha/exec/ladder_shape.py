"""The strikes of one event as a shape: a grid, or a partition of all levels, and what is missing, double or odd in it."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

from kalshi_alpha.model.listed_day import ListedMarket

SHOWN: Final = 5
"""Of many alike, so many are named."""
_NEIGHBOURS: Final = 2


class LadderShape(msgspec.Struct, frozen=True):
    """A ladder's strikes. Levels are index points."""

    step_points: float | None
    """The commonest distance between neighbouring strikes; None with less than two."""
    lowest: float | None
    """The lowest strike."""
    highest: float | None
    gaps: tuple[str, ...]
    duplicates: tuple[str, ...]
    faults: tuple[str, ...]
    """The above and everything else that is wrong, as sentences."""


def ladder_shape(markets: Sequence[ListedMarket]) -> LadderShape:
    """Look at the strikes of one event.

    Markets that are all bounded below (or all above) alone are a grid: neighbours are one step apart, the step being the commonest
    distance. All others are a partition: from no lower bound to no upper bound, every level pays in exactly one market.
    """
    unreadable = [f"{market.ticker}: {market.problem}" for market in markets if market.problem]
    counts = Counter((market.lo_e2, market.hi_e2) for market in markets if not market.problem)
    duplicates = tuple(f"{_span(*bounds)} x {count}" for bounds, count in counts.items() if count > 1)
    bounds = sorted(counts, key=_from_low_to_high)
    lows = [lo for lo, hi in bounds if lo is not None and hi is None]
    highs = [hi for lo, hi in bounds if hi is not None and lo is None]
    one_sided = max(lows, highs, key=len)
    is_grid = len(one_sided) == len(bounds)
    gaps, odd = _grid(one_sided) if is_grid else _partition(bounds)
    edges = one_sided if is_grid else [lo for lo, _ in bounds if lo is not None]
    step_e2 = _commonest_step(edges)
    faults = [*named("can't be understood", unreadable), *named("gap", gaps), *named("listed twice", duplicates), *named("irregular", odd)]
    if len(bounds) < _NEIGHBOURS:
        faults.append(f"{len(bounds)} strikes are no ladder")
    return LadderShape(
        step_points=None if step_e2 is None else step_e2 / 100,
        lowest=edges[0] / 100 if edges else None,
        highest=edges[-1] / 100 if edges else None,
        gaps=tuple(gaps),
        duplicates=duplicates,
        faults=tuple(faults),
    )


def named(what: str, cases: Sequence[str]) -> list[str]:
    """Return one sentence that names the first few cases and counts the rest, or none."""
    if not cases:
        return []
    more = f" and {len(cases) - SHOWN} more" if len(cases) > SHOWN else ""
    return [f"{what}: {'; '.join(cases[:SHOWN])}{more}"]


def _grid(edges: Sequence[int]) -> tuple[list[str], list[str]]:
    """Return the holes of a grid, and the distances that are shorter than its step."""
    step_e2 = _commonest_step(edges)
    gaps, odd = [], []
    for low, high in pairwise(edges):
        assert step_e2 is not None
        if high - low > step_e2:
            gaps.append(f"nothing between {_points(low)} and {_points(high)}")
        elif high - low < step_e2:
            odd.append(f"{_points(low)} and {_points(high)} are {_points(high - low)} apart")
    return gaps, odd


def _partition(bounds: Sequence[tuple[int | None, int | None]]) -> tuple[list[str], list[str]]:
    """Return the levels that no market pays for, and those that more than one does."""
    gaps, odd = [], []
    first_lo, covered = bounds[0]
    if first_lo is not None:
        gaps.append(f"nothing below {_points(first_lo)}")
    for lo, hi in bounds[1:]:
        if covered is None or lo is None or lo <= covered:
            odd.append(f"{_span(lo, hi)} overlaps another")
        elif lo > covered + 1:
            gaps.append(f"nothing from {_points(covered + 1)} to {_points(lo - 1)}")
        covered = None if covered is None or hi is None else max(covered, hi)
    if covered is not None:
        gaps.append(f"nothing above {_points(covered)}")
    return gaps, odd


def _commonest_step(edges: Sequence[int]) -> int | None:
    """Return the distance that most neighbours have, the shorter one of equals."""
    steps = Counter(high - low for low, high in pairwise(edges))
    return min(steps, key=lambda step: (-steps[step], step), default=None)


def _from_low_to_high(bounds: tuple[int | None, int | None]) -> tuple[bool, int, bool, int]:
    lo, hi = bounds
    return lo is not None, lo or 0, hi is None, hi or 0


def _span(lo_e2: int | None, hi_e2: int | None) -> str:
    if lo_e2 is None:
        return "every level" if hi_e2 is None else f"at most {_points(hi_e2)}"
    return f"at least {_points(lo_e2)}" if hi_e2 is None else f"{_points(lo_e2)} to {_points(hi_e2)}"


def _points(level_e2: int) -> str:
    whole, rest = divmod(level_e2, 100)
    return f"{whole:,}.{rest:02d}" if rest else f"{whole:,}"
