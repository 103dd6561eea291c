"""Ladder probabilities: one distribution prices every market of an event, so they can't contradict each other."""

from collections.abc import Iterator, Sequence
from math import log, sqrt

from kalshi_alpha.pricing.survival import survival

Bounds = tuple[int | None, int | None]
"""(lo_e2, hi_e2): YES pays when lo <= settlement level in hundredths <= hi."""


def survival_at(level: float, variance: float, boundary: float) -> float:
    """Return the probability that the settlement is at or above ``boundary`` (index points).

    Args:
        level: The index now, index points.
        variance: Of the log return to the target; 0 makes it certain.
        boundary: Half a hundredth below the first level that counts.

    """
    if variance <= 0.0:
        return 1.0 if level >= boundary else 0.0
    return survival((log(boundary / level) + 0.5 * variance) / sqrt(variance))


def yes_probability(level: float, variance: float, bounds: Bounds) -> float:
    """Return the YES probability of a market, with the half-hundredth continuity of a level printed to 0.01."""
    lo_e2, hi_e2 = bounds
    above = 1.0 if lo_e2 is None else survival_at(level, variance, (lo_e2 - 0.5) / 100)
    return above if hi_e2 is None else above - survival_at(level, variance, (hi_e2 + 0.5) / 100)


class FairValues:
    """YES probabilities by rung at the last level, worked out when first looked at; 0 before the first level."""

    def __init__(self, bounds: Sequence[Bounds]) -> None:
        """Price these bounds, by rung."""
        self._bounds = bounds
        self._known: dict[int, float] = {}
        self.level = 0.0
        self.variance = 0.0

    def move(self, level: float, variance: float) -> None:
        """Take a new level (index points) and the variance left from there."""
        self.level, self.variance = level, variance
        self._known.clear()

    def __getitem__(self, rung: int) -> float:
        """Return the probability that a rung pays YES."""
        known = self._known.get(rung)
        if known is None:
            known = self._known[rung] = yes_probability(self.level, self.variance, self._bounds[rung]) if self.level else 0.0
        return known

    def __iter__(self) -> Iterator[float]:
        """Go through all rungs."""
        return (self[rung] for rung in range(len(self._bounds)))

    def __len__(self) -> int:
        """Return the number of rungs."""
        return len(self._bounds)
