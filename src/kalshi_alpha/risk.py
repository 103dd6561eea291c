"""Limits. The binding one is exact: a ladder's worst case over every settlement, with each resting order filled when it hurts.

All markets of an event pay on one level, so the profit of positions and orders is constant between neighbouring bounds: looking at
one level of each such stretch is looking at all. An order counts ``min(0, its profit)`` in each of them.
"""

from collections.abc import Iterable

import msgspec

from kalshi_alpha.config import RiskConfig
from kalshi_alpha.model.instruments import Ladder, Symbol
from kalshi_alpha.model.units import CONTRACT_E2, DOLLAR_E4, DOLLAR_E6, Side, cost_e6

FAIR_BAND_P = 0.15
"""A price further from fair value than this is a mistake, not a quote."""


class _Stake(msgspec.Struct, frozen=True):
    """Profit inside and outside one market's bounds, 1e-6 dollars."""

    lo_e2: int | None
    hi_e2: int | None
    inside_e6: int
    outside_e6: int


class LadderExposure:
    """Positions and resting orders of one event."""

    def __init__(self, ladder: Ladder) -> None:
        """Start with nothing held and nothing resting."""
        self._bounds = [(market.lo_e2, market.hi_e2) for market in ladder.markets]
        self._positions: dict[int, _Stake] = {}
        self._orders: dict[str, _Stake] = {}
        self._rung_of: dict[str, int] = {}
        self._worst: int | None = 0

    def set_position(self, rung: int, position_e2: int, cash_e6: int) -> None:
        """Hold a signed position and the cash its trades brought in (negative: cost)."""
        lo_e2, hi_e2 = self._bounds[rung]
        self._positions[rung] = _Stake(lo_e2, hi_e2, cash_e6 + position_e2 * DOLLAR_E4, cash_e6)
        self._worst = None

    def set_order(self, key: str, rung: int, side: Side, price_e4: int, count_e2: int) -> None:
        """Count an order as resting."""
        self._orders[key] = self._stake(rung, side, price_e4, count_e2)
        self._rung_of[key] = rung
        self._worst = None

    def drop_order(self, key: str) -> None:
        """Forget an order."""
        if self._orders.pop(key, None) is not None:
            del self._rung_of[key]
            self._worst = None

    def worst_case_e6(self) -> int:
        """Return the greatest possible loss, 0 or more, in 1e-6 dollars."""
        if self._worst is None:
            self._worst = self._loss_e6(self._orders.values())
        return self._worst

    def worst_case_with_e6(self, rung: int, side: Side, price_e4: int, count_e2: int) -> int:
        """Return the greatest possible loss if one more order rested."""
        return self._loss_e6([*self._orders.values(), self._stake(rung, side, price_e4, count_e2)])

    def strike_loss_e6(self, rung: int, side: Side, price_e4: int, count_e2: int) -> int:
        """Return the greatest possible loss on one strike alone, with one more order resting there."""
        orders = [stake for key, stake in self._orders.items() if self._rung_of[key] == rung]
        orders.append(self._stake(rung, side, price_e4, count_e2))
        held = self._positions.get(rung)
        inside = (held.inside_e6 if held else 0) + sum(min(0, stake.inside_e6) for stake in orders)
        outside = (held.outside_e6 if held else 0) + sum(min(0, stake.outside_e6) for stake in orders)
        return max(0, -min(inside, outside))

    def _stake(self, rung: int, side: Side, price_e4: int, count_e2: int) -> _Stake:
        lo_e2, hi_e2 = self._bounds[rung]
        cost, gain = price_e4 * count_e2, (DOLLAR_E4 - price_e4) * count_e2
        return _Stake(lo_e2, hi_e2, gain, -cost) if side == "bid" else _Stake(lo_e2, hi_e2, -gain, cost)

    def _loss_e6(self, orders: Iterable[_Stake]) -> int:
        """Sweep the stretches from low to high: each bound adds one change."""
        base = 0
        changes: dict[int, int] = {}
        for stake in self._positions.values():
            base += _sweep(stake, stake.inside_e6, stake.outside_e6, changes)
        for stake in orders:
            base += _sweep(stake, min(0, stake.inside_e6), min(0, stake.outside_e6), changes)
        least = running = base
        for bound in sorted(changes):
            running += changes[bound]
            least = min(least, running)
        return max(0, -least)


def _sweep(stake: _Stake, inside: int, outside: int, changes: dict[int, int]) -> int:
    """Add a stake's changes at its bounds; return its profit below all bounds."""
    step = inside - outside
    if stake.lo_e2 is not None:
        changes[stake.lo_e2] = changes.get(stake.lo_e2, 0) + step
    if stake.hi_e2 is not None:
        changes[stake.hi_e2 + 1] = changes.get(stake.hi_e2 + 1, 0) - step
    return inside if stake.lo_e2 is None else outside


class RiskBook:
    """All ladders against all limits. No order passes without ``refusal`` saying None."""

    def __init__(self, config: RiskConfig) -> None:
        """Start with no ladder; orders on an unknown ladder are refused."""
        self._config = config
        self._ladders: dict[str, LadderExposure] = {}
        self._family: dict[str, Symbol] = {}

    def add_ladder(self, ladder: Ladder) -> None:
        """Know a ladder, keeping what is already held there."""
        if ladder.event_ticker not in self._ladders:
            self._ladders[ladder.event_ticker] = LadderExposure(ladder)
            self._family[ladder.event_ticker] = ladder.symbol

    def drop_ladder(self, event_ticker: str) -> None:
        """Forget a settled ladder."""
        self._ladders.pop(event_ticker, None)
        self._family.pop(event_ticker, None)

    def set_position(self, event_ticker: str, rung: int, position_e2: int, cash_e6: int) -> None:
        """Hold a position."""
        self._ladders[event_ticker].set_position(rung, position_e2, cash_e6)

    def set_order(self, event_ticker: str, key: str, rung: int, side: Side, price_e4: int, count_e2: int) -> None:  # noqa: PLR0913 - one order
        """Count an order as resting."""
        self._ladders[event_ticker].set_order(key, rung, side, price_e4, count_e2)

    def drop_order(self, event_ticker: str, key: str) -> None:
        """Forget an order; an unknown one is no error: it may be of an earlier process."""
        exposure = self._ladders.get(event_ticker)
        if exposure is not None:
            exposure.drop_order(key)

    def worst_case_e6(self, event_ticker: str) -> int:
        """Return a ladder's greatest possible loss, 0 for an unknown one."""
        exposure = self._ladders.get(event_ticker)
        return 0 if exposure is None else exposure.worst_case_e6()

    def open_worst_case_e6(self) -> int:
        """Return the sum over all ladders: conservative, as if all went wrong together."""
        return sum(exposure.worst_case_e6() for exposure in self._ladders.values())

    def refusal(self, event_ticker: str, rung: int, side: Side, price_e4: int, count_e2: int, fair_p: float) -> str | None:  # noqa: PLR0913 - one order
        """Return why an order may not be sent, None when it may."""
        exposure = self._ladders.get(event_ticker)
        if exposure is None:
            return f"unknown ladder {event_ticker}"
        config = self._config
        if not 0 < price_e4 < DOLLAR_E4 or count_e2 <= 0 or count_e2 > config.max_order_contracts * CONTRACT_E2:
            return f"price {price_e4} or count {count_e2} out of range"
        if abs(price_e4 / DOLLAR_E4 - fair_p) > FAIR_BAND_P:
            return f"price {price_e4} too far from fair value {fair_p:.4f}"
        if cost_e6(side, price_e4, count_e2) > config.strike_usd * DOLLAR_E6:
            return "order larger than the strike limit"
        if exposure.strike_loss_e6(rung, side, price_e4, count_e2) > config.strike_usd * DOLLAR_E6:
            return "strike limit"
        worst = exposure.worst_case_with_e6(rung, side, price_e4, count_e2)
        if worst > config.ladder_usd * DOLLAR_E6:
            return "ladder limit"
        return self._wider_refusal(event_ticker, worst - exposure.worst_case_e6())

    def _wider_refusal(self, event_ticker: str, growth_e6: int) -> str | None:
        family = self._family[event_ticker]
        in_family = sum(exposure.worst_case_e6() for event, exposure in self._ladders.items() if self._family[event] == family)
        if in_family + growth_e6 > self._config.family_usd * DOLLAR_E6:
            return "family limit"
        if self.open_worst_case_e6() + growth_e6 > self._config.portfolio_usd * DOLLAR_E6:
            return "portfolio limit"
        return None

    def daily_loss_reached(self, realised_e6: int, marked_e6: int) -> bool:
        """Whether today's realised and marked money is at or below the daily limit."""
        return realised_e6 + marked_e6 <= -self._config.daily_loss_usd * DOLLAR_E6
