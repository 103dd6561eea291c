"""How long a leg must be steady before it serves again, the longer the more often it failed.

Each failure adds one to a penalty that halves with every half-life. Up to the cut-off the wait is the least; above it, it doubles with
each whole point:

    wait = least x 2 ^ (penalty - cut-off), between least and most

so two failures in a row change nothing, a third one within minutes nearly doubles the wait, and so on up to the most.

Source: RFC 2439, BGP route flap damping: additive penalty, cut-off threshold, exponential decay, bounded suppression.
"""

from typing import Final

from kalshi_alpha.config import FeedsConfig
from kalshi_alpha.model.clock import NS_PER_S

FLAP: Final = 1.0
"""What one failure adds."""
CUT_OFF: Final = 2.0
"""The penalty of two failures at once."""


class FlapDamping:
    """The penalty of one leg and index. Pure: time is an argument."""

    __slots__ = ("_at_ns", "_half_life_ns", "_least_ns", "_most_ns", "_penalty", "wait_ns")

    def __init__(self, least_ns: int, most_ns: int, half_life_ns: int) -> None:
        """Start without a failure: the wait is the least."""
        self.wait_ns = least_ns
        """For how long the leg must be steady, as of its last failure."""
        self._least_ns, self._most_ns, self._half_life_ns = least_ns, most_ns, half_life_ns
        self._penalty = 0.0
        self._at_ns = 0

    def failed(self, mono_ns: int) -> None:
        """Count a failure; the wait stays what it is now until the next one."""
        halves = (mono_ns - self._at_ns) / self._half_life_ns
        self._penalty = self._penalty * 0.5**halves + FLAP
        self._at_ns = mono_ns
        doublings = min(self._penalty - CUT_OFF, float(self._most_ns.bit_length()))  # beyond the most whatever the least is
        self.wait_ns = max(self._least_ns, min(self._most_ns, int(self._least_ns * 2.0**doublings)))


def damping_ns(config: FeedsConfig) -> tuple[int, int, int]:
    """Return the recovery time's least, its most and its half-life."""
    return int(config.recovery_s * NS_PER_S), int(config.recovery_max_s * NS_PER_S), int(config.flap_half_life_s * NS_PER_S)
