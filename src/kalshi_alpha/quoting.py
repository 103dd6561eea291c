"""Fair value, book and inventory -> the quotes we want, for one ladder, recomputed only where something changed.

For one rung, with fair value p, ``value = p - skew x position``, shifted by at most half the edge so that no quote is ever better than
fair, and ``distance = max(edge, sd of p over the next seconds) + fee``:

    bid = highest price <= value - distance          ask = lowest price >= value + distance

Rounding is always against us; a p within 1e-7 of 0 or 1 counts as 0 or 1. No bid is a bid at 0, no ask an ask at 1. A rung isn't quoted
while p is outside [min_p, 1 - min_p], the distance is above max_width_p, or the money is more than rungs_each_side away; it comes back a
little inside of these limits.

*Keep rule.* A held bid or ask, each for itself, is kept while a new one would differ by less than a cent beyond rounding: at most a cent
nearer to the value than the distance, but never less than half of it, and at most a cent further than the coarsest step explains.

Held quotes of a threshold ladder are then made monotone in the strike (bids only down, asks only up, each to a price of its own grid), and
each stays behind the book: below the best ask, above the best bid. Neither ever brings a quote nearer to the value. As the shift is at
most half the edge, no ask is ever below the bid of a higher strike.

*Bands.* For each rung two things move: its fair value p, and how far that moves in the next seconds, v. On some interval of each, the keep
rule is sure to hold. A tick works both out where the outcome is still open, and compares; only a rung that leaves its band is quoted
anew. Bands are sufficient, never necessary, so the result is that of working everything out on each tick.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from math import erfc, exp, floor, inf, log, sqrt
from operator import sub
from typing import Final

from kalshi_alpha.config import QuotingConfig
from kalshi_alpha.model.instruments import Ladder, PriceRange
from kalshi_alpha.model.units import CONTRACT_E2, DOLLAR_E4, Side
from kalshi_alpha.pricing.fees import FeeSchedule
from kalshi_alpha.pricing.ladder import FairValues
from kalshi_alpha.pricing.survival import ROOT_HALF, ROOT_TWO_PI

KEEP_P: Final = 0.01
"""A held quote may be this much nearer or further than a new one would be, before rounding."""
NEAREST_SHARE: Final = 0.5
"""A held quote nearer than this share of the distance is given up."""
RETURN_MIN: Final = 1.2
"""A rung is quoted again when its fair value is this many times the least from both ends."""
RETURN_WIDTH: Final = 0.9
"""A rung is quoted again when its distance is this share of the greatest."""
WINDOW_P: Final = 0.002
"""A band holds while the movement of p in the next seconds changes by this much at most."""
DECIDED_Z: Final = 5.2
"""A bound this many standard deviations away is as good as decided."""
DECIDED_P: Final = 1e-7
"""A fair value nearer to 0 or 1 counts as 0 or 1; the survival at ``DECIDED_Z`` is."""
FAR_LOG: Final = 1e6
"""The logarithm of a bound that isn't there."""
MARGIN_P: Final = 1e-9
"""What a band is narrower by, so that rounding can't matter."""


class Grid:
    """The prices an order may have, in 1e-4 dollars; 0 and 10000 stand for none."""

    def __init__(self, ranges: Iterable[PriceRange]) -> None:
        """Take a market's price ranges; their ends are prices, too."""
        found = {price_e4 for span in ranges for price_e4 in range(span.start_e4, span.end_e4 + 1, span.step_e4)}
        self._prices = [0, *sorted(price_e4 for price_e4 in found if 0 < price_e4 < DOLLAR_E4), DOLLAR_E4]
        self.coarsest_p = max(map(sub, self._prices[1:], self._prices)) / DOLLAR_E4
        """The widest gap between neighbouring prices."""

    def floor(self, price_p: float) -> int:
        """Return the highest price at or below, 0 if there is none."""
        return self._prices[min(max(bisect_right(self._prices, price_p * DOLLAR_E4), 1), len(self._prices) - 1) - 1]

    def ceil(self, price_p: float) -> int:
        """Return the lowest price at or above, 10000 if there is none."""
        return self._prices[max(min(bisect_left(self._prices, price_p * DOLLAR_E4), len(self._prices) - 1), 1)]

    def below(self, price_e4: int) -> int:
        """Return the highest price below, 0 if there is none."""
        return self._prices[max(bisect_left(self._prices, price_e4), 1) - 1]

    def above(self, price_e4: int) -> int:
        """Return the lowest price above, 10000 if there is none."""
        return self._prices[min(bisect_right(self._prices, price_e4), len(self._prices) - 1)]


class LadderQuoter:
    """Wanted quotes of one ladder. Lists are by rung, in the ladder's order; price 0: no quote."""

    def __init__(self, ladder: Ladder, config: QuotingConfig, fees: FeeSchedule) -> None:
        """Start without a level: nothing is wanted until the first ``reprice``."""
        count = len(ladder.markets)
        self.bid_e4 = [0] * count
        self.ask_e4 = [0] * count
        self.fair_p = FairValues([(market.lo_e2, market.hi_e2) for market in ladder.markets])
        self._config = config
        self._fees = fees
        self._fee_p = fees.maker_fee_e6(DOLLAR_E4 // 2, CONTRACT_E2) / 1e6
        """The fee at even odds: it is nowhere higher."""
        self._edge_p = config.edge_p
        self._leave_p, self._enter_p = config.min_p or -1.0, min(RETURN_MIN * config.min_p, 0.5)
        self._leave_width_p, self._enter_width_p = config.max_width_p, RETURN_WIDTH * config.max_width_p
        grids = {ranges: Grid(ranges) for ranges in dict.fromkeys(market.price_ranges for market in ladder.markets)}
        self._grids = [grids[market.price_ranges] for market in ladder.markets]
        self._slack = [KEEP_P + grid.coarsest_p for grid in self._grids]
        """How much further than the distance a held quote may be."""
        lowers = [None if market.lo_e2 is None else (market.lo_e2 - 0.5) / 100 for market in ladder.markets]
        uppers = [None if market.hi_e2 is None else (market.hi_e2 + 0.5) / 100 for market in ladder.markets]
        self._thresholds = all(lower is not None for lower in lowers) and all(upper is None for upper in uppers)
        self._sorted = [0.0 if lower is None else lower for lower in lowers]
        self._low_log = [log(lower) if lower else -FAR_LOG for lower in lowers]
        self._high_log = [log(upper) if upper else FAR_LOG for upper in uppers]
        self._best_bid = [0] * count
        self._best_ask = [DOLLAR_E4] * count
        self._skew = [0.0] * count
        self._quoted = [False] * count
        self._held_bid = [0] * count
        self._held_ask = [DOLLAR_E4] * count
        self._line_bid = [0] * count
        self._line_ask = [DOLLAR_E4] * count
        """The held quotes made monotone."""
        self._bent = False
        """Whether they differ from the held ones anywhere."""
        self._start_p, self._end_p, self._start_v, self._end_v = [inf] * count, [-inf] * count, [-inf] * count, [inf] * count
        self._range = (0, 0)
        self._range_from, self._range_to = inf, -inf
        self._open = (0, 0)
        """The rungs in range whose outcome was open at the last tick."""
        self._ratio = 0.0

    def reprice(self, level: float, variance: float, vol_variance: float) -> list[int]:
        """Bring everything up to a new level and time; return the rungs whose wanted quote changed.

        Args:
            level: Index points, above 0.
            variance: Of the log return from the level's time to the target. Without any, nothing is quoted.
            vol_variance: Of the log return over the next ``vol_edge_s`` seconds.

        """
        self.fair_p.move(level, variance)
        if variance <= 0.0:
            return self._stand_aside()
        self._ratio = sqrt(vol_variance / variance) if 0.0 < vol_variance < variance else float(vol_variance > 0.0)
        touched = [] if self._range_from <= level < self._range_to else self._move_range(level)
        before, self._open = self._open, self._still_open(log(level))
        low, high = max(min(before[0], self._open[0]), self._range[0]), min(max(before[1], self._open[1]), self._range[1])
        fair, moving = self._columns(low, high)
        columns = zip(
            fair, moving, self._start_p[low:high], self._end_p[low:high], self._start_v[low:high], self._end_v[low:high], strict=True
        )
        for rung, (probability, movement, start_p, end_p, start_v, end_v) in enumerate(columns, low):
            if not (start_p <= probability <= end_p and start_v <= movement <= end_v) and self._requote(rung, probability, movement):
                touched.append(rung)
        return self._publish(touched)

    def set_book(self, rung: int, best_bid_e4: int, best_ask_e4: int) -> bool:
        """Learn the best prices of a book (0 and 10000: empty side); return whether the wanted quote changed."""
        if best_bid_e4 == self._best_bid[rung] and best_ask_e4 == self._best_ask[rung]:
            return False
        self._best_bid[rung], self._best_ask[rung] = best_bid_e4, best_ask_e4
        return self._stay_behind_book(rung)

    def set_position(self, rung: int, position_e2: int) -> list[int]:
        """Shift a rung's quotes against what we hold; return the rungs whose wanted quote changed."""
        most_p = NEAREST_SHARE * self._config.edge_p
        self._skew[rung] = max(-most_p, min(most_p, self._config.skew_p_per_contract * position_e2 / CONTRACT_E2))
        if self.fair_p.variance <= 0.0 or not self._range[0] <= rung < self._range[1]:
            return []
        return self._publish([rung] if self._look(rung) else [])

    def ev_e6(self, rung: int, side: Side) -> int:
        """Return the expected value of a full fill at the wanted price, after fees, rounded down, in 1e-6 dollars; 0 without a quote."""
        price_e4 = self.bid_e4[rung] if side == "bid" else self.ask_e4[rung]
        if not price_e4:
            return 0
        count_e2 = self._config.count_contracts * CONTRACT_E2
        gain_e4 = self.fair_p[rung] * DOLLAR_E4 - price_e4
        return floor((gain_e4 if side == "bid" else -gain_e4) * count_e2) - self._fees.maker_fee_e6(price_e4, count_e2)

    # Which rungs to look at

    def _move_range(self, level: float) -> list[int]:
        """Follow the money; return the rungs left behind. A rung joins one strike later than it would have to leave."""
        money = bisect_right(self._sorted, level)
        count, reach = len(self._sorted), self._config.rungs_each_side
        self._range_from = self._sorted[money - 1] if money else 0.0
        self._range_to = self._sorted[money] if money < count else inf
        low, high = self._range
        if low == high:
            low, high = money - reach, money + reach
        low = max(0, min(max(low, money - reach), money - reach + 1))
        high = min(count, max(min(high, money + reach), money + reach - 1))
        last, self._range = range(*self._range), (low, max(low, high))
        joined = [rung for rung in range(*self._range) if rung not in last]
        left = [rung for rung in last if not low <= rung < high]
        for rung in left:
            self._forget_band(rung)
        return [*(rung for rung in left if self._drop(rung)), *(rung for rung in joined if self._look(rung))]

    def _look(self, rung: int) -> bool:
        """Work one rung out wherever it is; return whether its held quote changed."""
        (probability,), (movement,) = self._columns(rung, rung + 1)
        return self._requote(rung, probability, movement)

    def _still_open(self, log_level: float) -> tuple[int, int]:
        """Return the rungs in range, from the first to behind the last, that have a bound near enough to the level."""
        reach = DECIDED_Z * sqrt(self.fair_p.variance)
        middle = log_level - 0.5 * self.fair_p.variance
        low, high = self._range
        first = bisect_left(self._low_log if self._thresholds else self._high_log, middle - reach, low, high)
        return first, max(first, bisect_right(self._low_log, middle + reach, low, high))

    def _columns(self, low: int, high: int) -> tuple[list[float], list[float]]:
        """Return fair value and movement of a run of rungs: how far the fair value goes in the next seconds, one standard deviation."""
        level, root = log(self.fair_p.level), sqrt(self.fair_p.variance)
        scale, shift = ROOT_HALF / root, 0.5 * root * ROOT_HALF
        peak = self._ratio / ROOT_TWO_PI
        lower = [(bound - level) * scale + shift for bound in self._low_log[low:high]]
        if self._thresholds:
            return [0.5 * erfc(z) for z in lower], [peak * exp(-z * z) for z in lower]
        upper = [(bound - level) * scale + shift for bound in self._high_log[low:high]]
        fair = [0.5 * (erfc(z) - erfc(further)) for z, further in zip(lower, upper, strict=True)]
        return fair, [peak * (exp(-z * z) + exp(-further * further)) for z, further in zip(lower, upper, strict=True)]

    # One rung

    def _requote(self, rung: int, probability: float, movement: float) -> bool:
        """Work one rung out, with its band; return whether its held quote changed."""
        if not DECIDED_P < probability < 1.0 - DECIDED_P:
            probability = round(probability)
        edge_p, quoted = self._edge_p, self._quoted[rung]
        distance = max(edge_p, movement) + self._fee_p
        least_p, width_p = (self._leave_p, self._leave_width_p) if quoted else (self._enter_p, self._enter_width_p)
        if not (least_p <= probability <= 1.0 - least_p and distance <= width_p):
            self._set_unquoted_band(rung, probability)
            return self._drop(rung)
        self._quoted[rung] = True
        held_bid, held_ask = bid, ask = self._held_bid[rung], self._held_ask[rung]
        value, slack = probability - self._skew[rung], self._slack[rung]
        nearest, furthest = max(NEAREST_SHARE * distance, distance - KEEP_P), distance + slack
        if not (quoted and (not bid or nearest <= value - bid / DOLLAR_E4) and value - bid / DOLLAR_E4 <= furthest):
            self._held_bid[rung] = bid = self._grids[rung].floor(value - distance)
        if not (quoted and (ask == DOLLAR_E4 or nearest <= ask / DOLLAR_E4 - value) and ask / DOLLAR_E4 - value <= furthest):
            self._held_ask[rung] = ask = self._grids[rung].ceil(value + distance)
        self._set_quoted_band(rung, movement)
        return bid != held_bid or ask != held_ask

    def _set_quoted_band(self, rung: int, movement: float) -> None:
        """Set where the keep rule holds for sure, whatever the movement within its window."""
        edge_p, fee_p, leave_p, skew = self._edge_p, self._fee_p, self._leave_p, self._skew[rung]
        least_v, most_v = movement - WINDOW_P, min(max(edge_p, movement + WINDOW_P), self._leave_width_p - fee_p)
        most = most_v + fee_p
        nearest = max(NEAREST_SHARE * most, most - KEEP_P)
        furthest = max(edge_p, least_v) + fee_p + self._slack[rung]
        bid_p, ask_p = self._held_bid[rung] / DOLLAR_E4, self._held_ask[rung] / DOLLAR_E4
        start_p, end_p = ask_p - furthest + skew, bid_p + furthest + skew
        if bid_p:
            start_p = max(start_p, bid_p + nearest + skew)
        if ask_p < 1.0:
            end_p = min(end_p, ask_p - nearest + skew)
        self._start_p[rung] = max(start_p, leave_p) + MARGIN_P
        self._end_p[rung] = min(end_p, 1.0 - leave_p) - MARGIN_P
        self._start_v[rung], self._end_v[rung] = least_v if least_v > edge_p else -inf, most_v

    def _set_unquoted_band(self, rung: int, probability: float) -> None:
        """Set where p is too near to 0 or 1 for sure, or else moves too much."""
        self._start_p[rung], self._end_p[rung], self._start_v[rung], self._end_v[rung] = -inf, inf, -inf, inf
        if probability < self._enter_p:
            self._end_p[rung] = self._enter_p - MARGIN_P
        elif probability > 1.0 - self._enter_p:
            self._start_p[rung] = 1.0 - self._enter_p + MARGIN_P
        elif self._enter_width_p - self._fee_p >= self._edge_p:
            self._start_v[rung] = self._enter_width_p - self._fee_p + MARGIN_P

    def _drop(self, rung: int) -> bool:
        """Hold no quote; return whether there was one."""
        held = self._held_bid[rung] > 0 or self._held_ask[rung] < DOLLAR_E4
        self._quoted[rung], self._held_bid[rung], self._held_ask[rung] = False, 0, DOLLAR_E4
        return held

    def _forget_band(self, rung: int) -> None:
        """Have a rung worked out at the next look."""
        self._start_p[rung], self._end_p[rung] = inf, -inf

    # From held quotes to wanted ones

    def _stand_aside(self) -> list[int]:
        left = [rung for rung in range(*self._range) if self._drop(rung)]
        for rung in range(*self._range):
            self._forget_band(rung)
        self._range, self._range_from, self._range_to, self._open = (0, 0), inf, -inf, (0, 0)
        return self._publish(left)

    def _publish(self, touched: list[int]) -> list[int]:
        """Bring lines and wanted quotes up to the held quotes of these rungs; return the rungs whose wanted quote changed, in order."""
        if not touched:
            return touched
        if self._thresholds and (self._bent or not self._is_straight(touched)):
            touched = self._straighten(sorted({*touched, *range(*self._range)}))
        else:
            touched.sort()
            for rung in touched:
                self._line_bid[rung], self._line_ask[rung] = self._held_bid[rung], self._held_ask[rung]
        return [rung for rung in touched if self._stay_behind_book(rung)]

    def _is_straight(self, touched: list[int]) -> bool:
        """Whether no held quote is above one of a lower strike, where it was so before these rungs changed."""
        first, behind = max(min(touched) - 1, self._range[0]), min(max(touched) + 2, self._range[1])
        bids, asks = self._held_bid[first:behind], self._held_ask[first:behind]
        if 0 in bids or DOLLAR_E4 in asks:
            bids, asks = [bid for bid in self._held_bid if bid], [ask for ask in self._held_ask if ask < DOLLAR_E4]
        return bids == sorted(bids, reverse=True) and asks == sorted(asks, reverse=True)

    def _straighten(self, rungs: list[int]) -> list[int]:
        """Lower bids and raise asks until neither rises with the strike, no higher threshold being worth more; return where they did."""
        lowest, highest, grids = DOLLAR_E4, 0, self._grids
        held_bid, held_ask, line_bid, line_ask = self._held_bid, self._held_ask, self._line_bid, self._line_ask
        before_bid, before_ask = line_bid[:], line_ask[:]
        for rung in rungs:
            held = line_bid[rung] = held_bid[rung]
            if held:
                if held > lowest:
                    line_bid[rung] = grids[rung].below(lowest + 1)
                lowest = line_bid[rung]
        for rung in reversed(rungs):
            held = line_ask[rung] = held_ask[rung]
            if held < DOLLAR_E4:
                if held < highest:
                    line_ask[rung] = grids[rung].above(highest - 1)
                highest = line_ask[rung]
        self._bent = line_bid != held_bid or line_ask != held_ask
        return [rung for rung in rungs if line_bid[rung] != before_bid[rung] or line_ask[rung] != before_ask[rung]]

    def _stay_behind_book(self, rung: int) -> bool:
        """Want the quote of the line, but never at or through the book's other side; return whether the wanted quote changed."""
        grid, bid, ask = self._grids[rung], self._line_bid[rung], self._line_ask[rung]
        if bid >= self._best_ask[rung]:
            bid = grid.below(self._best_ask[rung])
        if ask <= self._best_bid[rung]:
            ask = grid.above(self._best_bid[rung])
        ask %= DOLLAR_E4
        if bid == self.bid_e4[rung] and ask == self.ask_e4[rung]:
            return False
        self.bid_e4[rung], self.ask_e4[rung] = bid, ask
        return True
