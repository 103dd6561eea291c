"""Fair value, book and inventory -> the quotes we want, for one ladder, recomputed only where something changed.

For one rung, with fair value p, ``value = p - skew x position``, shifted by at most half the edge so that no quote is ever better than
fair, and ``distance = max(edge, sd of p over the next seconds) + fee``:

    bid = highest price <= value - distance          ask = lowest price >= value + distance

Rounding is always against us. No bid is a bid at 0, no ask an ask at 1. A rung isn't quoted while p is outside [min_p, 1 - min_p], the
distance is above max_width_p, or the money is more than rungs_each_side away; it comes back a little inside of these limits.

*Keep rule.* A held bid or ask, each for itself, is kept while a new one would differ by less than a cent beyond rounding: at most a cent
nearer to the value than the distance, but never less than half of it, and at most a cent further than the coarsest step explains.

Held quotes of a threshold ladder are then made monotone in the strike (bids only down, asks only up, each to a price of its own grid), and
each stays behind the book: below the best ask, above the best bid. Neither ever brings a quote nearer to the value. As the shift is at
most half the edge, no ask is ever below the bid of a higher strike.

*Bands.* On an interval of p around each rung's, for some range of the ratio of short to total volatility, the keep rule is sure to hold.
A tick works out each p in range and compares; only a rung that leaves its band is worked out again. Bands are sufficient, never
necessary, so the result is that of working everything out on each tick. After a tick that left every rung in its band, the next ones
are held against the least room of all rungs at once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from math import erfc, floor, inf, log, sqrt
from operator import sub
from typing import Final, NamedTuple

from kalshi_alpha.config import QuotingConfig
from kalshi_alpha.model.instruments import Ladder, PriceRange
from kalshi_alpha.model.units import CONTRACT_E2, DOLLAR_E4, Side
from kalshi_alpha.pricing.fees import FeeSchedule
from kalshi_alpha.pricing.ladder import FairValues
from kalshi_alpha.pricing.survival import ROOT_HALF, density, density_bound, survival, z_at

KEEP_P: Final = 0.01
"""A held quote may be this much nearer or further than a new one would be, before rounding."""
NEAREST_SHARE: Final = 0.5
"""A held quote nearer than this share of the distance is given up."""
RETURN_MIN: Final = 1.2
"""A rung is quoted again when its fair value is this many times the least from both ends."""
RETURN_WIDTH: Final = 0.9
"""A rung is quoted again when its distance is this share of the greatest."""
WINDOW_RATIO: Final = 1.03
"""A band holds while the ratio of volatilities changes by this factor at most."""
FAR_LOG: Final = 1e6
"""The logarithm of a bound that isn't there."""
MARGIN_P: Final = 1e-9
"""What a band is narrower by, so that rounding can't matter."""
SHIFT_P: Final = 0.3990
"""A survival changes by at most this times a change of its z: the density at 0, rounded up."""
SCALE_P: Final = 0.2420
"""A survival changes by at most this times a relative change of its z: z times the density at 1, rounded up."""


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


class Band(NamedTuple):
    """Where a rung's held quotes can't change: an interval of its fair value, and one of the ratio of volatilities."""

    start_p: float
    end_p: float
    ratio_from: float = 0.0
    ratio_to: float = inf


NOWHERE: Final = Band(inf, -inf)
"""To be worked out at the next tick."""


class _Quiet(NamedTuple):
    """A tick that left every rung in its band, and the least room that any rung had."""

    log_level: float
    root: float
    room_p: float


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
        self._enter_p = min(RETURN_MIN * config.min_p, 0.5)
        self._farthest_z = z_at(config.min_p)
        grids = {ranges: Grid(ranges) for ranges in dict.fromkeys(market.price_ranges for market in ladder.markets)}
        self._grids = [grids[market.price_ranges] for market in ladder.markets]
        self._lower = [None if market.lo_e2 is None else (market.lo_e2 - 0.5) / 100 for market in ladder.markets]
        self._upper = [None if market.hi_e2 is None else (market.hi_e2 + 0.5) / 100 for market in ladder.markets]
        self._thresholds = all(lower is not None for lower in self._lower) and all(upper is None for upper in self._upper)
        self._sorted = [0.0 if lower is None else lower for lower in self._lower]
        self._low_log = [log(lower) if lower else -FAR_LOG for lower in self._lower]
        self._high_log = [log(upper) if upper else FAR_LOG for upper in self._upper]
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
        self._bands = [NOWHERE] * count
        self._start_p, self._end_p = [inf] * count, [-inf] * count
        self._range = (0, 0)
        self._range_from, self._range_to = inf, -inf
        self._root = self._ratio = 0.0
        self._ratio_from, self._ratio_to = 0.0, inf
        self._quiet: _Quiet | None = None

    def reprice(self, level: float, variance: float, vol_variance: float) -> list[int]:
        """Bring everything up to a new level and time; return the rungs whose wanted quote changed.

        Args:
            level: Index points, above 0.
            variance: Of the log return from the level's time to the target. Without any, nothing is quoted.
            vol_variance: Of the log return over the next ``vol_edge_s`` seconds.

        """
        self.fair_p.level, self.fair_p.variance = level, variance
        if variance <= 0.0:
            return self._stand_aside()
        log_level = log(level)
        root = self._root = sqrt(variance)
        ratio = self._ratio = sqrt(vol_variance / variance) if 0.0 < vol_variance < variance else float(vol_variance > 0.0)
        ratio_holds = self._ratio_from <= ratio <= self._ratio_to
        in_range = self._range_from <= level < self._range_to
        if ratio_holds and in_range and self._quiet is not None and _is_quiet(self._quiet, log_level, root):
            return []
        touched = [] if in_range else self._move_range(level)
        low, high = self._range
        fair = self._fair_in_range(log_level)
        columns = zip(range(low, high), fair, self._start_p[low:high], self._end_p[low:high], strict=True)
        crossed = [rung for rung, probability, start_p, end_p in columns if not start_p <= probability <= end_p]
        if not ratio_holds:
            crossed = self._outdated(crossed)
        touched = sorted([*touched, *(rung for rung in crossed if self._requote(rung))])
        self._quiet = None if crossed else self._room(fair, log_level)
        return self._publish(touched)

    def set_book(self, rung: int, best_bid_e4: int, best_ask_e4: int) -> bool:
        """Learn the best prices of a book (0 and 10000: empty side); return whether the wanted quote changed."""
        self._best_bid[rung], self._best_ask[rung] = best_bid_e4, best_ask_e4
        return self._stay_behind_book(rung)

    def set_position(self, rung: int, position_e2: int) -> list[int]:
        """Shift a rung's quotes against what we hold; return the rungs whose wanted quote changed."""
        most_p = NEAREST_SHARE * self._config.edge_p
        self._skew[rung] = max(-most_p, min(most_p, self._config.skew_p_per_contract * position_e2 / CONTRACT_E2))
        if self.fair_p.variance <= 0.0 or not self._range[0] <= rung < self._range[1]:
            return []
        self._quiet = None
        return self._publish([rung] if self._requote(rung) else [])

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
        left = [rung for rung in range(*self._range) if not low <= rung < high]
        self._range = (low, max(low, high))
        for rung in left:
            self._set_band(rung, NOWHERE)
            self._drop(rung)
        return left

    def _fair_in_range(self, log_level: float) -> list[float]:
        """Return the fair values in range: as exact as they are quick, but for the last bits."""
        low, high = self._range
        scale = ROOT_HALF / self._root
        shift = (0.5 * self.fair_p.variance - log_level) * scale
        if self._thresholds:
            return [0.5 * erfc(bound * scale + shift) for bound in self._low_log[low:high]]
        bounds = zip(self._low_log[low:high], self._high_log[low:high], strict=True)
        return [0.5 * (erfc(lower * scale + shift) - erfc(upper * scale + shift)) for lower, upper in bounds]

    def _outdated(self, crossed: list[int]) -> list[int]:
        """Add the rungs whose band doesn't hold for the ratio of volatilities, and find how far the others' do."""
        low, high = self._range
        bands, ratio = self._bands, self._ratio
        found = {rung for rung in range(low, high) if not bands[rung].ratio_from <= ratio <= bands[rung].ratio_to}
        found.update(crossed)
        kept = [bands[rung] for rung in range(low, high) if rung not in found]
        self._ratio_from = max((band.ratio_from for band in kept), default=0.0)
        self._ratio_to = min((band.ratio_to for band in kept), default=inf)
        return sorted(found)

    def _room(self, fair: list[float], log_level: float) -> _Quiet | None:
        """Return how far a tick that left every rung in its band is from moving one out of it."""
        low, high = self._range
        if not fair:
            return None
        room_p = min(*map(sub, fair, self._start_p[low:high]), *map(sub, self._end_p[low:high], fair))
        return _Quiet(log_level, self._root, room_p if self._thresholds else 0.5 * room_p)

    # One rung

    def _requote(self, rung: int) -> bool:
        """Work one rung out exactly, with its band; return whether its held quote changed."""
        config, grid = self._config, self._grids[rung]
        low_z, high_z = self._z(self._lower[rung], -inf), self._z(self._upper[rung], inf)
        probability, moving = survival(low_z) - survival(high_z), density(low_z) + density(high_z)
        distance = max(config.edge_p, moving * self._ratio) + self._fee_p
        quoted = self._quoted[rung]
        least_p, width_p = (config.min_p, config.max_width_p) if quoted else (self._enter_p, RETURN_WIDTH * config.max_width_p)
        if not (least_p <= probability <= 1.0 - least_p and distance <= width_p):
            self._set_band(rung, self._unquoted_band(probability))
            return self._drop(rung)
        value = probability - self._skew[rung]
        bid, ask = self._held_bid[rung], self._held_ask[rung]
        nearest, furthest = self._kept(rung, distance, distance)
        if not (quoted and (not bid or nearest <= value - bid / DOLLAR_E4) and value - bid / DOLLAR_E4 <= furthest):
            bid = grid.floor(value - distance)
        if not (quoted and (ask == DOLLAR_E4 or nearest <= ask / DOLLAR_E4 - value) and ask / DOLLAR_E4 - value <= furthest):
            ask = grid.ceil(value + distance)
        self._quoted[rung] = True
        changed = self._hold(rung, bid, ask)
        self._set_band(rung, self._quoted_band(rung, probability, moving, abs(low_z)))
        return changed

    def _z(self, bound: float | None, missing: float) -> float:
        if bound is None:
            return missing
        return (log(bound / self.fair_p.level) + 0.5 * self.fair_p.variance) / self._root

    def _kept(self, rung: int, least_distance: float, most_distance: float) -> tuple[float, float]:
        """Return how near to the value and how far from it a held quote is kept, whatever the distance between the two is."""
        nearest = max(NEAREST_SHARE * most_distance, most_distance - KEEP_P)
        return nearest, least_distance + self._grids[rung].coarsest_p + KEEP_P

    def _hold(self, rung: int, bid: int, ask: int) -> bool:
        if bid == self._held_bid[rung] and ask == self._held_ask[rung]:
            return False
        self._held_bid[rung], self._held_ask[rung] = bid, ask
        return True

    def _drop(self, rung: int) -> bool:
        """Hold no quote; return whether there was one."""
        self._quoted[rung] = False
        return self._hold(rung, 0, DOLLAR_E4)

    def _quoted_band(self, rung: int, probability: float, moving: float, far_z: float) -> Band:
        """Return where the keep rule holds for sure. The density, as a function of p, is concave and has the slope z."""
        config, ratio = self._config, self._ratio
        if not self._thresholds:
            return NOWHERE  # the density at two bounds is no function of p; few rungs of a bucket ladder are quoted at once
        distance = max(config.edge_p, moving * ratio) + self._fee_p
        start_p, end_p = self._value_range(rung, distance, distance)
        window_p = max(end_p - probability, probability - start_p)
        most_moving = min(moving + far_z * window_p, density_bound(end_p if probability < 0.5 else 1.0 - start_p))  # noqa: PLR2004 - even odds
        if most_moving * ratio * WINDOW_RATIO <= config.edge_p:
            return Band(start_p + MARGIN_P, end_p - MARGIN_P, 0.0, config.edge_p / most_moving)
        most = max(config.edge_p, most_moving * ratio * WINDOW_RATIO) + self._fee_p
        least = max(config.edge_p, (moving - self._farthest_z * window_p) * ratio / WINDOW_RATIO) + self._fee_p
        if most > config.max_width_p:
            return NOWHERE
        start_p, end_p = self._value_range(rung, least, most)
        return Band(start_p + MARGIN_P, end_p - MARGIN_P, ratio / WINDOW_RATIO, ratio * WINDOW_RATIO)

    def _value_range(self, rung: int, least_distance: float, most_distance: float) -> tuple[float, float]:
        """Return between which fair values a rung stays quoted and both held quotes are kept."""
        nearest, furthest = self._kept(rung, least_distance, most_distance)
        bid_p, ask_p = self._held_bid[rung] / DOLLAR_E4, self._held_ask[rung] / DOLLAR_E4
        start_p = max(bid_p + nearest if bid_p else -inf, ask_p - furthest) + self._skew[rung]
        end_p = min(bid_p + furthest, ask_p - nearest if ask_p < 1.0 else inf) + self._skew[rung]
        least_p = self._config.min_p or -1.0
        return max(start_p, least_p), min(end_p, 1.0 - least_p)

    def _unquoted_band(self, probability: float) -> Band:
        """Return where p is too near to 0 or 1 for sure; nowhere if the rung is unquoted for another reason."""
        if probability < self._enter_p:
            return Band(-inf, self._enter_p - MARGIN_P)
        if probability > 1.0 - self._enter_p:
            return Band(1.0 - self._enter_p + MARGIN_P, inf)
        return NOWHERE

    def _set_band(self, rung: int, band: Band) -> None:
        self._bands[rung] = band
        self._start_p[rung], self._end_p[rung] = band.start_p, band.end_p
        self._ratio_from, self._ratio_to = max(self._ratio_from, band.ratio_from), min(self._ratio_to, band.ratio_to)

    # From held quotes to wanted ones

    def _stand_aside(self) -> list[int]:
        left = [rung for rung in range(*self._range) if self._drop(rung)]
        for rung in range(*self._range):
            self._set_band(rung, NOWHERE)
        self._range, self._range_from, self._range_to, self._quiet = (0, 0), inf, -inf, None
        return self._publish(left)

    def _publish(self, touched: list[int]) -> list[int]:
        """Bring lines and wanted quotes up to the held quotes of these rungs; return the rungs whose wanted quote changed."""
        if self._thresholds and touched and (self._bent or not self._is_straight()):
            touched = sorted({*touched, *range(*self._range)})
            self._straighten(touched)
        else:
            for rung in touched:
                self._line_bid[rung], self._line_ask[rung] = self._held_bid[rung], self._held_ask[rung]
        return [rung for rung in touched if self._stay_behind_book(rung)]

    def _is_straight(self) -> bool:
        """Whether no held quote is above one of a lower strike."""
        low, high = self._range
        bids = [bid for bid in self._held_bid[low:high] if bid]
        asks = [ask for ask in self._held_ask[low:high] if ask < DOLLAR_E4]
        return bids == sorted(bids, reverse=True) and asks == sorted(asks, reverse=True)

    def _straighten(self, rungs: list[int]) -> None:
        """Lower bids and raise asks until neither rises with the strike: a higher threshold can't be worth more."""
        lowest, highest = DOLLAR_E4, 0
        for rung in rungs:
            bid = self._line_bid[rung] = self._grids[rung].below(min(lowest, self._held_bid[rung]) + 1)
            lowest = bid if self._held_bid[rung] else lowest
        for rung in reversed(rungs):
            ask = self._line_ask[rung] = self._grids[rung].above(max(highest, self._held_ask[rung]) - 1)
            highest = ask if self._held_ask[rung] < DOLLAR_E4 else highest
        self._bent = any(self._line_bid[rung] != self._held_bid[rung] or self._line_ask[rung] != self._held_ask[rung] for rung in rungs)

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


def _is_quiet(quiet: _Quiet, log_level: float, root: float) -> bool:
    """Whether no rung can have left its band since a tick that left all in theirs.

    With the square root of the variance going from s0 to s and the log level rising by u, a z moves by
    ``(z - s0 / 2) (s0 / s - 1) - u / s + (s - s0) / 2``: a scaling about a point and a shift, whatever z is.
    """
    if not root <= quiet.root:
        return False
    scaled = quiet.root / root - 1.0
    shifted = abs(quiet.log_level - log_level) / root + 0.5 * abs(root - quiet.root) + 0.5 * quiet.root * scaled
    return SHIFT_P * shifted + SCALE_P * scaled <= quiet.room_p
