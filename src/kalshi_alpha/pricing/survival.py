"""The standardised distribution of the settlement level: for now a Gaussian."""

from math import erfc, exp, inf, pi, sqrt
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


def z_at(tail_p: float) -> float:
    """Return the z whose survival is ``tail_p``, to the last bit but one or two. Slow: for constants."""
    if tail_p <= 0.0 or tail_p >= 1.0:
        return inf if tail_p <= 0.0 else -inf
    low, high = -WIDEST_Z, WIDEST_Z
    while low < (middle := 0.5 * (low + high)) < high:
        low, high = (middle, high) if survival(middle) > tail_p else (low, middle)
    return high
