"""Fair value, book and inventory -> the quotes we want, for one ladder, recomputed only where something changed.

For each rung, with ``p' = p - skew x position`` and the distance ``h = max(edge, sd of p over a few seconds) + fee``:

    bid = the highest grid price <= p' - h and below the best ask          ask = the lowest grid price >= p' + h and above the best bid

Rounding is always against us. A held quote is kept while ``p'`` stays in a band: at least two fifths of ``h`` away from both
quotes, and not more than two and a half ticks further from either than needed. Only a rung that leaves its band is worked out again, so that most
ticks cost one comparison a rung, and write tokens are spent on quotes that are wrong, not on quotes that could be a cent better.
"""

from bisect import bisect_right
from math import ceil, erfc, exp, floor, log, pi, sqrt
from typing import Final

from kalshi_alpha.config import QuotingConfig
from kalshi_alpha.model.instruments import Ladder, Market
from kalshi_alpha.model.units import CONTRACT_E2, DOLLAR_E4, Side
from kalshi_alpha.pricing.fees import FeeSchedule
from kalshi_alpha.pricing.ladder import yes_probabilities

KEEP_DISTANCE: Final = 0.4
"""Share of the wanted distance below which a held quote is given up."""
KEEP_TICKS: Final = 2.5
"""Ticks beyond the wanted distance at which a held quote is worth improving."""
RATIO_STEP: Final = 1.03
"""The ratio of short to total volatility is rounded up in steps of 3 %, so that bands hold between them."""
ROOT_HALF: Final = 0.5**0.5
ROOT_TWO_PI: Final = sqrt(2 * pi)
NEVER: Final = (2.0, -1.0)
"""A band that nothing is inside of."""


class LadderQuoter:
    """Wanted quotes of one ladder. Lists are by rung, in the ladder's order; price 0: no quote."""

    def __init__(self, ladder: Ladder, config: QuotingConfig, fees: FeeSchedule) -> None:
        """Start without a level: nothing is wanted until the first ``reprice``."""
        count = len(ladder.markets)
        self.bid_e4 = [0] * count
        self.ask_e4 = [0] * count
        self.fair_p = [0.0] * count
        self._markets = ladder.markets
        self._config = config
        self._fees = fees
        self._best_bid = [0] * count
        self._best_ask = [DOLLAR_E4] * count
        self._target_bid = [0] * count
        self._target_ask = [0] * count
        """What we would quote if the book were empty."""
        self._skew = [0.0] * count
        self._keep_lo = [NEVER[0]] * count
        self._keep_hi = [NEVER[1]] * count
        self._lower = [None if market.lo_e2 is None else (market.lo_e2 - 0.5) / 100 for market in ladder.markets]
        self._upper = [None if market.hi_e2 is None else (market.hi_e2 + 0.5) / 100 for market in ladder.markets]
        self._sorted = [-1.0 if lower is None else lower for lower in self._lower]
        self._lower_log = [0.0 if lower is None else log(lower) for lower in self._lower]
        self._plain = all(upper is None for upper in self._upper) and all(lower is not None for lower in self._lower)
        self._range = (0, 0)
        self._state = (0.0, 0.0, 0.0)
        """Level, variance, ratio step of the last reprice; level 0: none yet."""

    def reprice(self, level: float, variance: float, vol_variance: float) -> list[int]:
        """Bring everything up to a new level and time; return the rungs whose wanted quote changed.

        Args:
            level: Index points.
            variance: Of the log return from the level's time to the target.
            vol_variance: Of the log return over the next ``vol_edge_s`` seconds.
        """
        ratio = _ratio_step(vol_variance, variance)
        fresh = ratio != self._state[2]
        self._state = (level, variance, ratio)
        changed = self._move_range(level)
        low, high = self._range
        fair = self._fair_range(low, high)
        fair_p, skew, keep_lo, keep_hi = self.fair_p, self._skew, self._keep_lo, self._keep_hi
        for rung, probability in enumerate(fair, low):
            fair_p[rung] = probability
            shifted = probability - skew[rung]
            if (fresh or not keep_lo[rung] <= shifted <= keep_hi[rung]) and self._requote(rung):
                changed.append(rung)
        return changed

    def set_book(self, rung: int, best_bid_e4: int, best_ask_e4: int) -> bool:
        """Learn the best prices of a book (0 and 10000: empty side); return whether the wanted quote changed."""
        if best_bid_e4 == self._best_bid[rung] and best_ask_e4 == self._best_ask[rung]:
            return False
        self._best_bid[rung], self._best_ask[rung] = best_bid_e4, best_ask_e4
        return self._set(rung, *self._post_only(rung))

    def set_position(self, rung: int, position_e2: int) -> list[int]:
        """Shift a rung's quotes against what we hold; return the rungs that changed."""
        self._skew[rung] = self._config.skew_p_per_contract * position_e2 / CONTRACT_E2
        return [rung] if self._in_range(rung) and self._requote(rung) else []

    def ev_e6(self, rung: int, side: Side) -> int:
        """Return the expected value of a full fill at the wanted price, after fees, rounded down, in 1e-6 dollars."""
        price_e4 = self.bid_e4[rung] if side == "bid" else self.ask_e4[rung]
        count_e2 = self._config.count_contracts * CONTRACT_E2
        gain_e4 = self.fair_p[rung] * DOLLAR_E4 - price_e4 if side == "bid" else price_e4 - self.fair_p[rung] * DOLLAR_E4
        return floor(gain_e4 * count_e2) - self._fees.maker_fee_e6(price_e4, count_e2)

    def _in_range(self, rung: int) -> bool:
        return self._range[0] <= rung < self._range[1]

    def _move_range(self, level: float) -> list[int]:
        """Follow the money; rungs left behind are no longer quoted."""
        money = bisect_right(self._sorted, level)
        reach = self._config.rungs_each_side
        low, high = max(0, money - reach), min(len(self._sorted), money + reach)
        changed: list[int] = []
        if (low, high) != self._range:
            for rung in range(*self._range):
                if not low <= rung < high:
                    self._keep_lo[rung], self._keep_hi[rung] = NEVER
                    if self._withdraw(rung):
                        changed.append(rung)
            self._range = (low, high)
        return changed

    def _fair_range(self, low: int, high: int) -> list[float]:
        level, variance, _ = self._state
        if variance <= 0.0 or not self._plain:
            return yes_probabilities(level, variance, [(market.lo_e2, market.hi_e2) for market in self._markets[low:high]])
        scale = ROOT_HALF / sqrt(variance)
        shift = (0.5 * variance - log(level)) * scale
        return [0.5 * erfc(boundary * scale + shift) for boundary in self._lower_log[low:high]]

    def _requote(self, rung: int) -> bool:
        """Work one rung out exactly, with its band; return whether its quote changed."""
        level = self._state[0]
        if not level:
            return False
        config, probability = self._config, self.fair_p[rung]
        if not config.min_p <= probability <= 1 - config.min_p:
            skew = self._skew[rung]
            below = probability < config.min_p
            self._keep_lo[rung], self._keep_hi[rung] = (-2.0, config.min_p - skew) if below else (1 - config.min_p - skew, 2.0)
            if self._keep_lo[rung] == self._keep_hi[rung] or skew:
                self._keep_lo[rung], self._keep_hi[rung] = NEVER
            return self._withdraw(rung)
        distance = self._distance(rung)
        if distance > config.max_width_p:
            self._keep_lo[rung], self._keep_hi[rung] = NEVER
            return self._withdraw(rung)
        shifted = probability - self._skew[rung]
        market = self._markets[rung]
        bid, ask = grid_floor(market, shifted - distance), grid_ceil(market, shifted + distance)
        step = market.price_ranges[0].step_e4 / DOLLAR_E4
        near, far = KEEP_DISTANCE * distance, distance + KEEP_TICKS * step
        bid_p = bid / DOLLAR_E4 if bid else shifted - distance
        ask_p = ask / DOLLAR_E4 if ask else shifted + distance
        self._keep_lo[rung] = max(bid_p + near, ask_p - far)
        self._keep_hi[rung] = min(bid_p + far, ask_p - near)
        self._target_bid[rung], self._target_ask[rung] = bid, ask
        return self._set(rung, *self._post_only(rung))

    def _post_only(self, rung: int) -> tuple[int, int]:
        """Stay on our side of the book: never at or through the other side's best."""
        market, bid, ask = self._markets[rung], self._target_bid[rung], self._target_ask[rung]
        best_bid, best_ask = self._best_bid[rung], self._best_ask[rung]
        if bid and bid >= best_ask:
            bid = grid_floor(market, (best_ask - 1) / DOLLAR_E4)
        if ask and ask <= best_bid:
            ask = grid_ceil(market, (best_bid + 1) / DOLLAR_E4)
        return bid, ask

    def _distance(self, rung: int) -> float:
        """Return how far a quote stays from fair value, in probability."""
        level, variance, ratio = self._state
        probability = self.fair_p[rung]
        moving = self._density(rung, level, variance) * ratio if variance > 0.0 else 1.0
        fee_p = self._fees.maker_fee_e6(int(probability * DOLLAR_E4), CONTRACT_E2) / 1e6
        return max(self._config.edge_p, moving) + fee_p

    def _density(self, rung: int, level: float, variance: float) -> float:
        """Return the standard normal density at the rung's boundaries: how fast its probability moves."""
        root = sqrt(variance)
        total = 0.0
        for boundary in (self._lower[rung], self._upper[rung]):
            if boundary is not None:
                z = (log(boundary / level) + 0.5 * variance) / root
                total += exp(-0.5 * z * z) / ROOT_TWO_PI
        return total

    def _withdraw(self, rung: int) -> bool:
        self._target_bid[rung] = self._target_ask[rung] = 0
        return self._set(rung, 0, 0)

    def _set(self, rung: int, bid_e4: int, ask_e4: int) -> bool:
        if bid_e4 == self.bid_e4[rung] and ask_e4 == self.ask_e4[rung]:
            return False
        self.bid_e4[rung], self.ask_e4[rung] = bid_e4, ask_e4
        return True


def grid_floor(market: Market, price: float) -> int:
    """Return the highest price of the market's grid at or below ``price`` (dollars), in 1e-4 dollars; 0: there is none."""
    exact = floor(price * DOLLAR_E4 + 1e-7)
    for span in reversed(market.price_ranges):
        if exact >= span.start_e4:
            inside = min(exact, span.end_e4)
            found = span.start_e4 + (inside - span.start_e4) // span.step_e4 * span.step_e4
            return found if 0 < found < DOLLAR_E4 else min(found, DOLLAR_E4 - span.step_e4) if found >= DOLLAR_E4 else 0
    return 0


def grid_ceil(market: Market, price: float) -> int:
    """Return the lowest price of the market's grid at or above ``price`` (dollars), in 1e-4 dollars; 0: there is none."""
    exact = ceil(price * DOLLAR_E4 - 1e-7)
    for span in market.price_ranges:
        if exact <= span.end_e4:
            inside = max(exact, span.start_e4)
            found = span.start_e4 - (span.start_e4 - inside) // span.step_e4 * span.step_e4
            if 0 < found < DOLLAR_E4:
                return found
            if found <= 0:
                return span.step_e4
    return 0


def _ratio_step(vol_variance: float, variance: float) -> float:
    """Return the square root of the ratio, rounded up to a step, at most 1."""
    if variance <= 0.0 or vol_variance >= variance:
        return 1.0
    if vol_variance <= 0.0:
        return 0.0
    return min(1.0, RATIO_STEP ** ceil(0.5 * log(vol_variance / variance) / log(RATIO_STEP)))
