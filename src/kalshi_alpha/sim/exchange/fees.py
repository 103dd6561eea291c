"""What a fill costs: the published model, the rounding that keeps balances on their grid, and each order's accumulator of it.

Source: Kalshi's "Fee Rounding" as of September 2026, whose worked examples are the tests'. Until August the model's fee was rounded up to
1e-4 dollars instead of 1e-6; a member who isn't a direct one has a balance in whole cents.
"""

from fractions import Fraction
from math import ceil
from typing import Final, NamedTuple

import msgspec

from kalshi_alpha.model.units import DOLLAR_E4

WITH_MAKER_FEES: Final = "quadratic_with_maker_fees"
_TAKER_RATE: Final = Fraction(7, 100)
_MAKER_RATE: Final = Fraction(7, 400)


class FeeGrid(msgspec.Struct, frozen=True):
    """How finely fees and balances are kept, 1e-6 dollars."""

    trade_e6: int = 1
    balance_e6: int = 100
    """Of a direct member; 10,000 for others."""


class FillFee(NamedTuple):
    """What one fill costs, and what its order has overpaid by rounding after it. 1e-6 dollars."""

    net_e6: int
    overpaid_e6: int


def model_fee_e6(fee_type: str, multiplier: float, price_e4: int, count_e2: int, *, is_taker: bool) -> Fraction:
    """Return the model's fee, exact: 7 % of count x price x (1 - price) for the taker, a quarter of it for a maker where makers pay."""
    if not is_taker and fee_type != WITH_MAKER_FEES:
        return Fraction(0)
    rate = _TAKER_RATE if is_taker else _MAKER_RATE
    return rate * Fraction(str(multiplier)) * Fraction(price_e4 * (DOLLAR_E4 - price_e4) * count_e2, DOLLAR_E4)


def fill_fee(model_e6: Fraction, revenue_e6: int, overpaid_e6: int, grid: FeeGrid) -> FillFee:
    """Return the fee of a fill.

    Args:
        model_e6: What the model asks for.
        revenue_e6: How the fill changes the balance without fees; below 0 for what is paid.
        overpaid_e6: What the order's earlier fills left in its accumulator.
        grid: How finely both are kept.

    """
    trade_e6 = ceil(model_e6 / grid.trade_e6) * grid.trade_e6
    rounding_e6 = (revenue_e6 - trade_e6) % grid.balance_e6
    overpaid_e6 += rounding_e6
    # What exceeds a unit goes back in whole units, and no fee falls below nothing.
    units = min((overpaid_e6 - 1) // grid.balance_e6, (trade_e6 + rounding_e6) // grid.balance_e6) if overpaid_e6 else 0
    rebate_e6 = units * grid.balance_e6
    return FillFee(trade_e6 + rounding_e6 - rebate_e6, overpaid_e6 - rebate_e6)
