"""The true index of one simulated day, once a second: generated from a seed, or bridged through real minute bars.

Feeds print it, the exchange settles on it and its traders know its volatility; what the trading process sees of it is the feeds' business.
"""

import math
from datetime import date
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Final

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import SYMBOLS, Symbol
from kalshi_alpha.sched.calendar import Session, session
from kalshi_alpha.sim.world_bridge import Bar, WorldError, bridge, read_bars, standard_normal
from kalshi_alpha.sim.world_profile import AFTER_CLOSE_S, DAILY_SD, variance_shares

__all__ = ["IndexPath", "WorldError", "bridged_day", "generated_day"]

_DECIMALS: Final[dict[Symbol, int]] = {"I:SPX": 2, "I:NDX": 4}
_FOLDERS: Final[dict[Symbol, str]] = {"I:SPX": "SPX", "I:NDX": "NDX"}
_INSIDE: Final = "index_minutes"
_START: Final[dict[Symbol, float]] = {"I:SPX": 6_850.0, "I:NDX": 25_300.0}
_START_SD: Final = 0.01
_CORRELATION: Final = 0.85
_OVERNIGHT_SD: Final[dict[Symbol, float]] = {"I:SPX": 30e-4, "I:NDX": 43e-4}
_DAY_LOG_SD: Final = 0.35
"""How much the day's volatility differs from day to day (log)."""
_INTRADAY_LOG_SD: Final = 0.6
"""How much the variance wanders around its profile within a day (log), and how much of that a minute keeps."""
_INTRADAY_MEMORY: Final = 0.96
_SHOCK_P: Final = 0.02
_SHOCK_SCALE: Final = 4.0
"""One second in fifty moves four times as much as the others."""
_CALM_SCALE: Final = 1.0 / math.sqrt(1.0 - _SHOCK_P + _SHOCK_P * _SHOCK_SCALE * _SHOCK_SCALE)


class IndexPath:
    """Both indices' levels once a second, from the open to 5 minutes after the close."""

    def __init__(
        self,
        open_ns: int,
        close_ns: int,
        levels: dict[Symbol, list[float]],
        previous_close: dict[Symbol, float],
        variances: dict[Symbol, list[float]],
    ) -> None:
        """Take one level and one cumulated log variance (since the previous close) a second, by symbol."""
        self.open_ns = open_ns
        self.close_ns = close_ns
        self.end_ns = close_ns + AFTER_CLOSE_S * NS_PER_S
        """The last level's instant."""
        self.first_ns = open_ns
        self.last_ns = self.end_ns
        """The stretch both indices are known for; shorter than the day only where it is bridged from parts of a day."""
        self._levels: dict[str, list[float]] = dict(levels.items())
        self._previous_close: dict[str, float] = dict(previous_close.items())
        self._variances: dict[str, list[float]] = dict(variances.items())
        self._last = len(levels[SYMBOLS[0]]) - 1

    def level(self, symbol: str, utc_ns: int) -> float:
        """Return the value printed at the last whole second; the previous close before the open, the last value after the end."""
        if utc_ns < self.open_ns:
            return self._previous_close[symbol]
        return self._levels[symbol][min((utc_ns - self.open_ns) // NS_PER_S, self._last)]

    def sd_points(self, symbol: str, from_ns: int, to_ns: int) -> float:
        """Return the true standard deviation, in index points, of the move between two instants, given the level at the first."""
        variance = self._variance(symbol, to_ns) - self._variance(symbol, from_ns)
        return math.sqrt(max(0.0, variance)) * self.level(symbol, from_ns)

    def previous_close(self, symbol: str) -> float:
        """Return the last level of the session before."""
        return self._previous_close[symbol]

    def _variance(self, symbol: str, utc_ns: int) -> float:
        """Return the log variance from the previous close up to an instant, straight between whole seconds."""
        if utc_ns < self.open_ns:
            return 0.0
        cumulated = self._variances[symbol]
        second, rest_ns = divmod(utc_ns - self.open_ns, NS_PER_S)
        if second >= self._last:
            return cumulated[-1]
        return cumulated[second] + (cumulated[second + 1] - cumulated[second]) * (rest_ns / NS_PER_S)


def generated_day(seed: int, found: Session) -> IndexPath:
    """Return a day of a seed: the same for the same seed and date, on every Python version.

    Raises:
        WorldError: the day has no session.

    """
    _must_trade(found)
    random = Random(f"{seed}/{found.date}")
    shares = variance_shares(found.open_ns, found.close_ns)
    previous_close, opening = _opening(random)
    day_log = _DAY_LOG_SD * standard_normal(random)
    daily_sd = {symbol: DAILY_SD[symbol] * math.exp(day_log + 0.1 * standard_normal(random)) for symbol in SYMBOLS}
    wandering = _wandering_shares(shares, random)
    spx_moves, ndx_moves = _standard_moves(wandering, random)
    moves: dict[Symbol, list[float]] = {"I:SPX": spx_moves, "I:NDX": ndx_moves}
    return IndexPath(
        found.open_ns,
        found.close_ns,
        {symbol: _levels(opening[symbol], daily_sd[symbol], moves[symbol], _DECIMALS[symbol]) for symbol in SYMBOLS},
        previous_close,
        {symbol: _cumulated(wandering, daily_sd[symbol], _OVERNIGHT_SD[symbol]) for symbol in SYMBOLS},
    )


def bridged_day(minutes_dir: Path, day: date, seed: int) -> IndexPath:
    """Return a real day from the minute bars in ``SPX/`` and ``NDX/`` of a folder or of its ``index_minutes/``.

    What lies between the bars' prices is the seed's.
    The previous close isn't in the bars: it is the first bar's open. Where a day has only parts, ``first_ns`` and ``last_ns`` tell what is
    covered; a gap between two parts is bridged.

    Raises:
        WorldError: a symbol's file is missing or malformed, or has no bar in the day's session; the message names the file.

    """
    found = session(day)
    _must_trade(found)
    end_ns = found.close_ns + AFTER_CLOSE_S * NS_PER_S
    shares = variance_shares(found.open_ns, found.close_ns)
    folder = _with_symbols(minutes_dir, day)
    bars = {symbol: _bars(folder / _FOLDERS[symbol], day, found.open_ns, end_ns) for symbol in SYMBOLS}
    levels: dict[Symbol, list[float]] = {}
    for symbol in SYMBOLS:
        random = Random(f"{seed}/{found.date}/{symbol}")
        second_sds = [DAILY_SD[symbol] * math.sqrt(share) for share in shares]
        levels[symbol] = bridge(bars[symbol], found.open_ns, second_sds, _DECIMALS[symbol], random)
    path = IndexPath(
        found.open_ns,
        found.close_ns,
        levels,
        {symbol: bars[symbol][0].open for symbol in SYMBOLS},
        {symbol: _cumulated(shares, DAILY_SD[symbol], 0.0) for symbol in SYMBOLS},
    )
    path.first_ns = max(bars[symbol][0].start_ns for symbol in SYMBOLS)
    path.last_ns = min(bars[symbol][-1].start_ns for symbol in SYMBOLS) + 59 * NS_PER_S
    return path


def _must_trade(found: Session) -> None:
    if not found.trades:
        message = f"{found.date} has no session ({found.kind})"
        raise WorldError(message)


def _with_symbols(minutes_dir: Path, day: date) -> Path:
    """Return the folder itself or its ``index_minutes/``: whichever has a symbol's folder."""
    for folder in (minutes_dir, minutes_dir / _INSIDE):
        if any((folder / name).is_dir() for name in _FOLDERS.values()):
            return folder
    message = f"{minutes_dir}: no minute bars: expected SPX/{day}.csv and NDX/{day}.csv in it or in its {_INSIDE}/"
    raise WorldError(message)


def _bars(folder: Path, day: date, open_ns: int, end_ns: int) -> list[Bar]:
    bars = [bar for bar in read_bars(folder, day) if open_ns <= bar.start_ns < end_ns]
    if not bars:
        message = f"{folder}: no bar of {day.isoformat()} is inside its session"
        raise WorldError(message)
    return bars


def _opening(random: Random) -> tuple[dict[Symbol, float], dict[Symbol, float]]:
    """Return the previous close and the first level, by symbol."""
    base, gap = _START_SD * standard_normal(random), standard_normal(random)
    previous_close: dict[Symbol, float] = {}
    opening: dict[Symbol, float] = {}
    for symbol in SYMBOLS:
        previous_close[symbol] = round(_START[symbol] * math.exp(base), _DECIMALS[symbol])
        opening[symbol] = previous_close[symbol] * math.exp(_OVERNIGHT_SD[symbol] * gap)
    return previous_close, opening


def _wandering_shares(shares: list[float], random: Random) -> list[float]:
    """Return the profile times a level that wanders from minute to minute and is 1 on average."""
    wandering: list[float] = []
    log_level = _INTRADAY_LOG_SD * standard_normal(random)
    fresh = _INTRADAY_LOG_SD * math.sqrt(1.0 - _INTRADAY_MEMORY**2)
    for start in range(0, len(shares), 60):
        factor = math.exp(log_level - 0.5 * _INTRADAY_LOG_SD**2)
        wandering.extend(share * factor for share in shares[start : start + 60])
        log_level = _INTRADAY_MEMORY * log_level + fresh * standard_normal(random)
    return wandering


def _standard_moves(shares: list[float], random: Random) -> tuple[list[float], list[float]]:
    """Return both indices' log moves of each second in units of the daily standard deviation: correlated, with fat tails."""
    draw, own = random.random, math.sqrt(1.0 - _CORRELATION**2)
    spx, ndx = [], []
    for share in shares:
        scale = _CALM_SCALE * (_SHOCK_SCALE if draw() < _SHOCK_P else 1.0) * math.sqrt(share)
        radius, angle = math.sqrt(-2.0 * math.log(1.0 - draw())), 2.0 * math.pi * draw()
        first = radius * math.cos(angle)
        spx.append(scale * first)
        ndx.append(scale * (_CORRELATION * first + own * radius * math.sin(angle)))
    return spx, ndx


def _levels(opening: float, daily_sd: float, moves: list[float], decimals: int) -> list[float]:
    """Return the printed levels: the open, then one after each move."""
    path = accumulate(moves, lambda log_move, move: log_move + daily_sd * move, initial=0.0)
    return [round(opening * math.exp(log_move), decimals) for log_move in path]


def _cumulated(shares: list[float], daily_sd: float, overnight_sd: float) -> list[float]:
    """Return the log variance since the previous close at the open and after each second."""
    return list(accumulate(shares, lambda total, share: total + daily_sd * daily_sd * share, initial=overnight_sd * overnight_sd))
