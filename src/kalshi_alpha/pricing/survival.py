"""The standardised distribution of the settlement level: for now a Gaussian."""

from math import erfc, exp, inf, log, pi, sqrt
from typing import Final

ROOT_HALF: Final = sqrt(0.5)
ROOT_TWO_PI: Final = sqrt(2.0 * pi)
WIDEST_Z: Final = 40.0
"""Beyond it the survival is 0 in floating point."""


def survival(z: float) -> float:
    """Return the probability that a standard normal value is at least ``z``; infinities are fine."""
    return 0.5 * erfc(z * ROOT_HALF)


def density(z: float) -> float:
    """Return the standard normal density: how fast ``survival`` falls at ``z``; infinities are fine."""
    return exp(-0.5 * z * z) / ROOT_TWO_PI


def density_bound(tail_p: float) -> float:
    """Return an upper bound of ``density`` wherever the survival, or its complement, is ``tail_p`` or less.

    Source: the Gaussian isoperimetric profile is at most ``p sqrt(2 ln(1/p))`` for p up to one half.
    """
    if tail_p <= 0.0:
        return 0.0
    return tail_p * sqrt(2.0 * log(1.0 / tail_p)) if tail_p < 0.5 else 1.0 / ROOT_TWO_PI  # noqa: PLR2004 - even odds


def z_at(tail_p: float) -> float:
    """Return the z whose survival is ``tail_p``, to the last bit but one or two. Slow: for constants."""
    if tail_p <= 0.0 or tail_p >= 1.0:
        return inf if tail_p <= 0.0 else -inf
    low, high = -WIDEST_Z, WIDEST_Z
    while low < (middle := 0.5 * (low + high)) < high:
        low, high = (middle, high) if survival(middle) > tail_p else (low, middle)
    return high
