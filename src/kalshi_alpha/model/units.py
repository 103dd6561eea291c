"""Scaled integers for money: the venue's fixed point, where scales add up.

``cash_e6 = price_e4 * count_e2`` is exact: 1e-4 dollars times 1e-2 contracts are 1e-6 dollars.
"""

from typing import Literal, NewType

Cash = NewType("Cash", int)
"""Dollars in 1e-6, signed."""

Side = Literal["bid", "ask"]
"""``bid`` buys YES; ``ask`` sells YES, which is buying NO at one dollar minus the price."""

DOLLAR_E4 = 10_000
DOLLAR_E6 = 1_000_000
CONTRACT_E2 = 100


def cost_e6(side: Side, price_e4: int, count_e2: int) -> Cash:
    """Return the most that ``count_e2`` contracts can lose, before fees: the cash they tie up."""
    per_contract_e4 = price_e4 if side == "bid" else DOLLAR_E4 - price_e4
    return Cash(per_contract_e4 * count_e2)


def usd(cash_e6: int) -> str:
    """Return the amount for people: dollars with two decimals, rounded toward zero, with its sign."""
    whole, rest = divmod(abs(cash_e6), DOLLAR_E6)
    sign = "-" if cash_e6 < 0 else ""
    return f"{sign}{whole}.{rest // 10_000:02d}"
