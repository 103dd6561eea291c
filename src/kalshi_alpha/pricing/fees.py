"""The venue's trading fees, in exact integers.

Source: Kalshi fee schedule effective 2026-07-07 and ``GET /series`` (fee_type, fee_multiplier).
"""

from typing import Final

import msgspec

from kalshi_alpha.model.units import DOLLAR_E4

MAKER_RATE_E4: Final = 175
MULTIPLIER_SCALE: Final = 1_000_000
MULTIPLIER_MAX: Final = 100.0
"""More is a mistake, or something we don't understand."""


class UnknownFeeError(ValueError):
    """A fee type we can't price: refuse to quote."""


class FeeSchedule(msgspec.Struct, frozen=True):
    """Rates of one event, scaled: rate x 1e4, multiplier x 1e6."""

    maker_rate_e4: int
    multiplier_e6: int

    @classmethod
    def of(cls, fee_type: str, multiplier: float) -> "FeeSchedule":
        """Return the schedule the venue names.

        Args:
            fee_type: The venue's word.
            multiplier: On the general rates, 0 or more, with at most six decimals.

        Raises:
            UnknownFeeError: the type isn't one of ours, or the multiplier can't be taken exactly.

        """
        maker_rates_e4 = {"quadratic": 0, "quadratic_with_maker_fees": MAKER_RATE_E4}
        if fee_type not in maker_rates_e4 or not 0.0 <= multiplier <= MULTIPLIER_MAX:
            message = f"fee type {fee_type!r} x {multiplier}"
            raise UnknownFeeError(message)
        multiplier_e6 = int(multiplier * MULTIPLIER_SCALE + 0.5)
        if multiplier_e6 / MULTIPLIER_SCALE != multiplier:
            message = f"fee multiplier {multiplier!r} has more than six decimals"
            raise UnknownFeeError(message)
        return cls(maker_rates_e4[fee_type], multiplier_e6)

    def maker_fee_e6(self, price_e4: int, count_e2: int) -> int:
        """Return the fee of one resting fill, rounded up to 1e-6 dollars; we never take.

        Rate e4 x price e4 x (1 - price) e4 x count e2 x multiplier e6 is dollars e20: divide by e14, up.
        """
        exact = self.maker_rate_e4 * price_e4 * (DOLLAR_E4 - price_e4) * count_e2 * self.multiplier_e6
        return -(-exact // 10**14)
