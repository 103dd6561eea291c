"""The venue's trading fees, in exact integers.

Source: Kalshi fee schedule effective 2026-07-07 and ``GET /series`` (fee_type, fee_multiplier).
"""

from typing import Final

import msgspec

from kalshi_alpha.model.units import DOLLAR_E4

TAKER_RATE_E4: Final = 700
MAKER_RATE_E4: Final = 175
MULTIPLIER_SCALE: Final = 1_000_000


class UnknownFeeError(ValueError):
    """A fee type we can't price: refuse to quote."""


class FeeSchedule(msgspec.Struct, frozen=True):
    """Rates of one event, scaled: rate x 1e4, multiplier x 1e6."""

    taker_rate_e4: int
    maker_rate_e4: int
    multiplier_e6: int

    @classmethod
    def of(cls, fee_type: str, multiplier: float) -> "FeeSchedule":
        """Return the schedule the venue names.

        Raises:
            UnknownFeeError: the type isn't quadratic, or the multiplier is negative.
        """
        rates = {"quadratic": 0, "quadratic_with_maker_fees": MAKER_RATE_E4}
        if fee_type not in rates or not multiplier >= 0:
            message = f"fee type {fee_type!r} x {multiplier}"
            raise UnknownFeeError(message)
        return cls(TAKER_RATE_E4, rates[fee_type], int(multiplier * MULTIPLIER_SCALE + 0.5))

    def maker_fee_e6(self, price_e4: int, count_e2: int) -> int:
        """Return the fee of one resting fill, rounded up to 1e-6 dollars."""
        return self._fee_e6(self.maker_rate_e4, price_e4, count_e2)

    def taker_fee_e6(self, price_e4: int, count_e2: int) -> int:
        """Return the fee of one taking fill, rounded up to 1e-6 dollars."""
        return self._fee_e6(self.taker_rate_e4, price_e4, count_e2)

    def _fee_e6(self, rate_e4: int, price_e4: int, count_e2: int) -> int:
        """Rate e4 x price e4 x (1 - price) e4 x count e2 x multiplier e6 is dollars e20: divide by e14, up."""
        exact = rate_e4 * price_e4 * (DOLLAR_E4 - price_e4) * count_e2 * self.multiplier_e6
        return -(-exact // 10**14)
