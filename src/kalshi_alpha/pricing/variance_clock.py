"""How much variance is left: a fixed seasonal clock over the session, scaled to a fixed daily volatility.

The clock is a table of cumulative variance shares at each minute of the session, 0 at the open, 1 at a regular close, linear in
between. A session that closes early keeps the profile of its first minutes and moves the last half hour, closing bumps included, to
its own close; what is cut out of the middle is gone, so its shares add up to less than 1.

Source of the profile: root mean square moves by minute of 26 sessions of 2026. The minutes nobody measured between its rows are
filled from their neighbours; 14:00 is taken down to an ordinary day's, and the last minute to 4.5 times its neighbours' variance,
because both were driven by few days.
"""

import hashlib
from itertools import accumulate
from typing import Final

from kalshi_alpha.config import PricingConfig
from kalshi_alpha.model.clock import NS_PER_S

MINUTE_NS: Final = 60 * NS_PER_S
BP2: Final = 1e-8
"""One squared basis point as a squared log return."""
RMS_BP: Final = (
    (6, 4.9), (16, 4.2), (30, 3.9), (31, 4.8), (61, 3.5), (121, 3.0), (240, 2.2), (270, 1.8), (276, 2.4), (360, 1.9), (380, 2.3),
    (381, 5.3), (385, 2.4), (386, 4.5), (389, 2.4), (390, 5.1),
)  # fmt: skip
"""(minute of a 390-minute session before which it holds, root mean square move in basis points)."""
REGULAR_MINUTES: Final = 390
CLOSING_MINUTES: Final = 30
"""A shorter session keeps its opening and its closing minutes; the middle is cut."""


class VarianceClock:
    """Additive variance between two instants of a session."""

    def __init__(self, config: PricingConfig) -> None:
        """Use fixed parameters."""
        self._daily: dict[str, float] = {symbol: (sd_bp * sd_bp) * BP2 for symbol, sd_bp in config.daily_sd_bp.items()}
        self._settle = config.settle_sd_bp * config.settle_sd_bp * BP2
        self._tables: dict[int, list[float]] = {}
        text = f"{sorted(config.daily_sd_bp.items())!r}{config.settle_sd_bp!r}{RMS_BP!r}"
        self.params_hash = hashlib.sha256(text.encode()).hexdigest()[:12]

    def variance(self, symbol: str, from_ns: int, to_ns: int, open_ns: int, close_ns: int) -> float:
        """Return the variance of the log return between two instants; what lies outside the session adds nothing.

        Args:
            symbol: ``I:SPX`` or ``I:NDX``.
            from_ns: UTC nanoseconds.
            to_ns: UTC nanoseconds, not before ``from_ns``.
            open_ns: Open of the session.
            close_ns: Close of the session.

        """
        minutes = (close_ns - open_ns) // MINUTE_NS
        table = self._tables.get(minutes)
        if table is None:
            table = self._tables[minutes] = _cumulative(minutes)
        share = _at(table, to_ns - open_ns) - _at(table, from_ns - open_ns)
        return self._daily[symbol] * share if share > 0.0 else 0.0

    def to_target(self, symbol: str, from_ns: int, target_ns: int, open_ns: int, close_ns: int) -> float:
        """Return the variance between a value of our feed and the settlement print, its basis included."""
        return self.variance(symbol, from_ns, target_ns, open_ns, close_ns) + self._settle


def minute_rms_bp(minute: int, minutes: int) -> float:
    """Return the profile's move of one minute; the closing minutes belong to the close, whenever it is."""
    placed = minute + REGULAR_MINUTES - minutes if minute >= minutes - CLOSING_MINUTES else minute
    return next((rms for until, rms in RMS_BP if placed < until), RMS_BP[-1][1])


def _cumulative(minutes: int) -> list[float]:
    assert CLOSING_MINUTES < minutes <= REGULAR_MINUTES, f"a session of {minutes} minutes"
    squares = [minute_rms_bp(minute, minutes) ** 2 for minute in range(minutes)]
    regular = list(accumulate(minute_rms_bp(minute, REGULAR_MINUTES) ** 2 for minute in range(REGULAR_MINUTES)))[-1]
    return [0.0, *(total / regular for total in accumulate(squares))]


def _at(table: list[float], offset_ns: int) -> float:
    if offset_ns <= 0:
        return 0.0
    minute, rest_ns = divmod(offset_ns, MINUTE_NS)
    if minute >= len(table) - 1:
        return table[-1]
    low = table[minute]
    return low + (table[minute + 1] - low) * (rest_ns / MINUTE_NS)
