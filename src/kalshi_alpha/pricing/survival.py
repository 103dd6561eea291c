"""The standardised distribution of the settlement level: for now a Gaussian."""

from math import erfc
from typing import Final

ROOT_HALF: Final = 0.5**0.5


def survival(z: float) -> float:
    """Return the probability that a standard normal value is at least ``z``."""
    return 0.5 * erfc(z * ROOT_HALF)
