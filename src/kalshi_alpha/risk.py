"""Limits. The binding one is exact: a ladder's worst case over every settlement, with each resting order filled when it hurts.

All markets of an event pay on one level, so the profit of positions and orders is constant on each stretch between neighbouring
bounds: looking at one level of each stretch is looking at all. An order counts ``min(0, its profit)`` on each. What is kept is the
change of profit from stretch to stretch, so adding or dropping a stake touches three numbers, and the worst case is one running sum.
"""

from itertools import accumulate
from typing import Final

import msgspec

from kalshi_alpha.config import RiskConfig
from kalshi_alpha.model.instruments import Ladder, Symbol
from kalshi_alpha.model.units import CONTRACT_E2, DOLLAR_E4, DOLLAR_E6, Side

FAIR_BAND_P: Final = 0.15
"""A price further from fair value than this is a mistake, not a quote."""


class _Stake(msgspec.Struct, frozen=True):
    """Profit of something on one rung if YES pays (inside its bounds) and if it doesn't, 1e-6 dollars."""

    rung: int
    inside_e6: int
    outside_e6: int


class LadderExposure:
    """Positions and resting orders of one event."""

    def __init__(self, ladder: Ladder) -> None:
        """Start with nothing held and nothing resting."""
        starts = {market.lo_e2 for market in ladder.markets if market.lo_e2 is not None}
        ends = {market.hi_e2 + 1 for market in ladder.markets if market.hi_e2 is not None}
        cuts = {level_e2: stretch for stretch, level_e2 in enumerate(sorted(starts | ends), start=1)}
        self._spans = [
            (0 if market.lo_e2 is None else cuts[market.lo_e2], len(cuts) + 1 if market.hi_e2 is None else cuts[market.hi_e2 + 1])
            for market in ladder.markets
        ]
        """For each rung the stretches on which it pays: the first, and the first after the last."""
        self._changes = [0] * (len(cuts) + 2)
        """Profit on the lowest stretch, then its change onto each following one; the last entry is behind all of them."""
        self._touched = (len(cuts) + 1, 0)
        """The changes outside of this range are 0, but for the first."""
        self._positions: dict[int, _Stake] = {}
        self._orders: dict[str, _Stake] = {}
        self._worst_e6: int | None = 0

    def set_position(self, rung: int, position_e2: int, cash_e6: int) -> None:
        """Hold a signed position and the cash its trades brought in (negative: cost)."""
        held = self._positions.get(rung)
        if held is not None:
            self._count(held, -1)
        self._positions[rung] = held = _Stake(rung, cash_e6 + position_e2 * DOLLAR_E4, cash_e6)
        self._count(held, 1)

    def set_order(self, slot_key: str, rung: int, side: Side, price_e4: int, count_e2: int) -> None:
        """Count an order as resting, in place of what had its key."""
        self.drop_order(slot_key)
        self._orders[slot_key] = stake = _hurting(rung, side, price_e4, count_e2)
        self._count(stake, 1)

    def drop_order(self, slot_key: str) -> None:
        """Forget an order, if it is known."""
        stake = self._orders.pop(slot_key, None)
        if stake is not None:
            self._count(stake, -1)

    def worst_case_e6(self) -> int:
        """Return the greatest possible loss, 0 or more, in 1e-6 dollars."""
        if self._worst_e6 is None:
            first, behind = self._touched
            changes = self._changes
            self._worst_e6 = max(0, -min(accumulate(changes[first:behind], initial=changes[0])))
        return self._worst_e6

    def worst_case_with_e6(self, rung: int, side: Side, price_e4: int, count_e2: int) -> int:
        """Return the greatest possible loss if one more order rested."""
        before_e6 = self.worst_case_e6()
        stake = _hurting(rung, side, price_e4, count_e2)
        self._count(stake, 1)
        worst_e6 = self.worst_case_e6()
        self._count(stake, -1)
        self._worst_e6 = before_e6
        return worst_e6

    def strike_loss_with_e6(self, rung: int, side: Side, price_e4: int, count_e2: int) -> int:
        """Return the greatest possible loss on one strike alone if one more order rested there."""
        stakes = [stake for stake in self._orders.values() if stake.rung == rung]
        stakes.append(_hurting(rung, side, price_e4, count_e2))
        if rung in self._positions:
            stakes.append(self._positions[rung])
        return max(0, -sum(stake.inside_e6 for stake in stakes), -sum(stake.outside_e6 for stake in stakes))

    def _count(self, stake: _Stake, sign: int) -> None:
        """Add or take away a stake."""
        first, behind = self._spans[stake.rung]
        step_e6 = sign * (stake.inside_e6 - stake.outside_e6)
        self._changes[0] += sign * stake.outside_e6
        self._changes[first] += step_e6
        self._changes[behind] -= step_e6
        self._touched = (min(self._touched[0], max(first, 1)), max(self._touched[1], min(behind + 1, len(self._changes) - 1)))
        self._worst_e6 = None


def _hurting(rung: int, side: Side, price_e4: int, count_e2: int) -> _Stake:
    """Return what an order can do to us: its loss where a fill loses, nothing where it gains."""
    if side == "bid":
        return _Stake(rung, 0, -price_e4 * count_e2)
    return _Stake(rung, -(DOLLAR_E4 - price_e4) * count_e2, 0)


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
        """Hold a signed position and the cash its trades brought in."""
        self._ladders[event_ticker].set_position(rung, position_e2, cash_e6)

    def set_order(self, event_ticker: str, key: str, rung: int, side: Side, price_e4: int, count_e2: int) -> None:
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

    def refusal(self, event_ticker: str, rung: int, side: Side, price_e4: int, count_e2: int, fair_p: float) -> str | None:
        """Return why an order may not be sent, None when it may."""
        exposure = self._ladders.get(event_ticker)
        if exposure is None:
            return f"unknown ladder {event_ticker}"
        config = self._config
        if not 0 < price_e4 < DOLLAR_E4 or not 0 < count_e2 <= config.max_order_contracts * CONTRACT_E2:
            return f"price {price_e4} or count {count_e2} out of range"
        if not abs(price_e4 / DOLLAR_E4 - fair_p) <= FAIR_BAND_P:  # a fair value that is no number is refused, too
            return f"price {price_e4} too far from fair value {fair_p:.4f}"
        strike_e6 = exposure.strike_loss_with_e6(rung, side, price_e4, count_e2)
        if strike_e6 > config.strike_usd * DOLLAR_E6:
            return f"strike limit: {strike_e6} at risk, 1e-6 dollars"
        worst_e6 = exposure.worst_case_with_e6(rung, side, price_e4, count_e2)
        if worst_e6 > config.ladder_usd * DOLLAR_E6:
            return f"ladder limit: {worst_e6} at risk, 1e-6 dollars"
        return self._wider_refusal(event_ticker, worst_e6 - exposure.worst_case_e6())

    def _wider_refusal(self, event_ticker: str, growth_e6: int) -> str | None:
        """Look at sums over ladders: conservative, as if all went wrong together."""
        family = self._family[event_ticker]
        family_e6 = portfolio_e6 = growth_e6
        for event, exposure in self._ladders.items():
            worst_e6 = exposure.worst_case_e6()
            portfolio_e6 += worst_e6
            if self._family[event] == family:
                family_e6 += worst_e6
        if family_e6 > self._config.family_usd * DOLLAR_E6:
            return f"family limit: {family_e6} at risk, 1e-6 dollars"
        if portfolio_e6 > self._config.portfolio_usd * DOLLAR_E6:
            return f"portfolio limit: {portfolio_e6} at risk, 1e-6 dollars"
        return None

    def daily_loss_reached(self, realised_e6: int, marked_e6: int) -> bool:
        """Whether today's realised and marked money is at or below the daily limit."""
        return realised_e6 + marked_e6 <= -self._config.daily_loss_usd * DOLLAR_E6

    def weekly_loss_reached(self, realised_e6: int, marked_e6: int) -> bool:
        """Whether this week's realised and marked money is at or below the weekly limit."""
        return realised_e6 + marked_e6 <= -self._config.weekly_loss_usd * DOLLAR_E6
