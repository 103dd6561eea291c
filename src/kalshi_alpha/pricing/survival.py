"""The standardised distribution of the settlement level: for now a Gaussian."""

from math import erfc, pi, sqrt
from typing import Final

ROOT_HALF: Final = sqrt(0.5)
ROOT_TWO_PI: Final = sqrt(2.0 * pi)


def survival(z: float) -> float:
    """Return the probability that a standard normal value is at least ``z``; infinities are fine."""
    return 0.5 * erfc(z * ROOT_HALF)
