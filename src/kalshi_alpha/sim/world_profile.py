"""How an index's variance spreads over a trading day: the open, the 10:00 releases, quiet lunch hours, the closing minutes' bursts.

Measured on minute bars of ordinary days; both indices share the shape, only their daily level differs.
"""

from typing import Final

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import Symbol

AFTER_CLOSE_S: Final = 300
"""The index still moves a little after the close while the last official prices come in."""
DAILY_SD: Final[dict[Symbol, float]] = {"I:SPX": 52e-4, "I:NDX": 75e-4}
"""Standard deviation of the log return over one ordinary regular session."""

_REGULAR_MINUTES: Final = 390
_CLOSING_MINUTES: Final = 30
_FROM_OPEN: Final = (
    (1, 6.0),
    (6, 4.9),
    (16, 4.4),
    (30, 3.9),
    (31, 4.8),  # 10:00
    (36, 3.9),
    (61, 3.5),
    (121, 3.0),
    (240, 2.2),
    (270, 1.8),
    (271, 2.4),  # 14:00
    (_REGULAR_MINUTES, 1.9),
)
"""(Minutes from the open up to which it holds, root mean square move of a minute in basis points.)"""
_TO_CLOSE: Final = ((1, 6.5), (4, 3.2), (5, 4.5), (9, 2.8), (10, 5.3), (_CLOSING_MINUTES, 2.3))
"""The same for the last minutes, counted back from the close: 15:59, 15:55 and 15:50 stand out."""
_AFTER_CLOSE: Final = ((2, 1.0), (5, 0.3))


def variance_shares(open_ns: int, close_ns: int) -> list[float]:
    """Return each second's share of a regular session's variance, from the open to 5 minutes after the close.

    Over a regular session the shares add up to 1; an early close has less than a whole day's variance. Item ``i`` is the second that ends
    ``i + 1`` seconds after the open.
    """
    whole = 0.0
    for minute in range(_REGULAR_MINUTES):
        whole += _minute_rms(minute, _REGULAR_MINUTES) ** 2
    seconds = (close_ns - open_ns) // NS_PER_S
    return [_minute_rms(second // 60, seconds // 60) ** 2 / (60.0 * whole) for second in range(seconds + AFTER_CLOSE_S)]


def _minute_rms(minute: int, minutes: int) -> float:
    if minute >= minutes:
        return _step(_AFTER_CLOSE, minute - minutes)
    to_close = minutes - minute - 1
    return _step(_TO_CLOSE, to_close) if to_close < _CLOSING_MINUTES else _step(_FROM_OPEN, minute)


def _step(steps: tuple[tuple[int, float], ...], minute: int) -> float:
    for until, value in steps:
        if minute < until:
            return value
    return steps[-1][1]
