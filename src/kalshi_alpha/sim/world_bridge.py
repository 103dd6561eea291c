"""Real minute bars turned into a value a second: a random walk tied to each bar's open, high, low and close.

A bar's ``ts_utc`` is the start of its minute. Of its 60 values the first is its open, the last its close, the greatest its high and
the least its low.
"""

import math
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from kalshi_alpha.model.clock import NS_PER_S, utc_ns_of

_HEADER: Final = "ts_utc,open,high,low,close"
_BAR_S: Final = 60
_RANGE_TO_SD: Final = 1.596
"""The expected range of a Brownian motion over one time unit, in standard deviations (Feller 1951)."""


class WorldError(ValueError):
    """No index day can be made of this; the message names the file or the day."""


class Bar(NamedTuple):
    """One minute of an index."""

    start_ns: int
    open: float
    high: float
    low: float
    close: float


def read_bars(folder: Path, day: date) -> list[Bar]:
    """Return the day's bars in order of time: of ``<day>.csv``, else of all its parts, ``<day>_<part>.csv``.

    Raises:
        WorldError: no such file, or a line that isn't a possible bar.

    """
    whole = folder / f"{day.isoformat()}.csv"
    files = [whole] if whole.exists() else sorted(folder.glob(f"{day.isoformat()}_*.csv"))
    if not files:
        message = f"{whole}: no minute bars of this day, nor parts of it ({day.isoformat()}_*.csv)"
        raise WorldError(message)
    bars = sorted(bar for file in files for bar in _bars_of(file))
    for earlier, later in pairwise(bars):
        if earlier.start_ns == later.start_ns:
            message = f"{folder}: two bars of {day.isoformat()} start at {earlier.start_ns}"
            raise WorldError(message)
    return bars


def bridge(bars: list[Bar], open_ns: int, shares_sd: list[float], decimals: int, random: Random) -> list[float]:
    """Return one value a second from the open on, one more than ``shares_sd`` has items.

    Seconds before the first bar have its open, seconds after the last bar its close; missing bars are bridged.

    Args:
        bars: at least one, ordered, each starting a whole number of seconds after the open, inside the day.
        open_ns: the first value's instant.
        shares_sd: each second's standard deviation in log terms, for where bars are missing.
        decimals: of the values that no bar gives.
        random: the seed's source.

    """
    levels = [bars[0].open] * (len(shares_sd) + 1)
    filled = -1
    for bar in bars:
        at = (bar.start_ns - open_ns) // NS_PER_S
        if filled >= 0:
            _fill_gap(levels, filled, (at, bar.open), shares_sd, (decimals, random))
        minute = _minute(bar, decimals, random)
        levels[at : at + _BAR_S] = minute
        filled = at + _BAR_S - 1
    levels[filled + 1 :] = [levels[filled]] * (len(shares_sd) - filled)
    return levels


def _bars_of(file: Path) -> list[Bar]:
    lines = file.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0].strip() != _HEADER:
        message = f"{file}: its first line isn't {_HEADER!r}"
        raise WorldError(message)
    return [_bar(file, number, line) for number, line in enumerate(lines[1:], start=2) if line.strip()]


def _bar(file: Path, number: int, line: str) -> Bar:
    message = f"{file}:{number}: not a minute bar: {line!r}"
    try:
        stamp, *values = line.split(",")
        opening, high, low, closing = (float(value) for value in values)
        start_ns = utc_ns_of(datetime.fromisoformat(stamp))
    except ValueError as error:
        raise WorldError(message) from error
    possible = 0.0 < low <= opening <= high and low <= closing <= high < math.inf
    if not possible or start_ns % (_BAR_S * NS_PER_S):
        raise WorldError(message)
    return Bar(start_ns, opening, high, low, closing)


def _minute(bar: Bar, decimals: int, random: Random) -> list[float]:
    """Return the minute's 60 values; each stays inside the bar and the bar's four prices are met exactly."""
    sd = (bar.high - bar.low) / (_RANGE_TO_SD * math.sqrt(_BAR_S))
    values = [bar.open] * _BAR_S
    anchors = [(0, bar.open), *_extremes(bar, random), (_BAR_S - 1, bar.close)]
    for (from_s, start), (to_s, end) in pairwise(anchors):
        values[from_s : to_s + 1] = _brownian_bridge(start, end, [sd] * (to_s - from_s), random)
    inside = [min(bar.high, max(bar.low, round(_reflected(value, bar.low, bar.high), decimals))) for value in values]
    for at, value in anchors:
        inside[at] = value
    return inside


def _extremes(bar: Bar, random: Random) -> list[tuple[int, float]]:
    """Return when the minute meets its high and low, where open and close don't already: well apart, an index doesn't jump its range."""
    ends = (bar.open, bar.close)
    missing = [value for value in (bar.low, bar.high) if value not in ends]
    first_s, second_s, order = 5 + int(random.random() * 22), 32 + int(random.random() * 22), random.random()
    if len(missing) < 2:  # noqa: PLR2004 - both of them
        return [(first_s if order < 0.5 else second_s, value) for value in missing]  # noqa: PLR2004 - a coin
    low_first_p = 0.7 if bar.close > bar.open else 0.3
    if order >= low_first_p:
        missing.reverse()
    return [(first_s, missing[0]), (second_s, missing[1])]


def _fill_gap(levels: list[float], filled: int, following: tuple[int, float], shares_sd: list[float], drawing: tuple[int, Random]) -> None:
    at, value = following
    decimals, random = drawing
    start = levels[filled]
    sds = [start * sd for sd in shares_sd[filled:at]]
    bridged = _brownian_bridge(start, value, sds, random)
    levels[filled + 1 : at] = [round(between, decimals) for between in bridged[1:-1]]


def _brownian_bridge(start: float, end: float, sds: list[float], random: Random) -> list[float]:
    """Return ``len(sds) + 1`` values from ``start`` to ``end``; step ``i`` has standard deviation ``sds[i]`` before it is tied down."""
    walk = [0.0]
    variance = [0.0]
    for sd in sds:
        walk.append(walk[-1] + sd * standard_normal(random))
        variance.append(variance[-1] + sd * sd)
    whole = variance[-1]
    miss = end - start - walk[-1]
    steps = len(sds)
    return [
        start + at + miss * (done / whole if whole > 0.0 else step / steps)
        for step, (at, done) in enumerate(zip(walk, variance, strict=True))
    ]


def _reflected(value: float, low: float, high: float) -> float:
    """Return the value folded back into the range, as by mirrors at its ends."""
    span = high - low
    if span <= 0.0:
        return low
    over = (value - low) % (2.0 * span)
    return low + (over if over <= span else 2.0 * span - over)


def standard_normal(random: Random) -> float:
    """Draw from the standard normal distribution with ``random()`` alone, so that every Python version draws the same."""
    return math.sqrt(-2.0 * math.log(1.0 - random.random())) * math.cos(2.0 * math.pi * random.random())
