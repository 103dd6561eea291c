"""Quotes keep their distance, their grid and their order, change seldom, and are those of working everything out on each tick."""

from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from math import exp, inf, log, pi, sqrt
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_alpha.config import QuotingConfig
from kalshi_alpha.model.instruments import Ladder, Market, PriceRange
from kalshi_alpha.pricing.fees import FeeSchedule
from kalshi_alpha.pricing.ladder import yes_probability
from kalshi_alpha.quoting import Grid, LadderQuoter

CENTS = (PriceRange(0, 10_000, 100),)
TAPERED = (PriceRange(0, 1_000, 10), PriceRange(1_000, 9_000, 100), PriceRange(9_000, 10_000, 10))
TENTHS = (PriceRange(0, 10_000, 10),)
FREE = FeeSchedule.of("quadratic", 1.0)
PAID = FeeSchedule.of("quadratic_with_maker_fees", 1.0)
EVEN = 6_849.995
"""The level at which 6,850 or above is an even bet, but for half the variance."""
CONFIG = QuotingConfig(rungs_each_side=12)


def thresholds(count: int = 40, step_e2: int = 500, grid: tuple[PriceRange, ...] = CENTS) -> Ladder:
    bounds = [(685_000 + (rung - count // 2) * step_e2, None) for rung in range(count)]
    return ladder(bounds, grid)


def buckets(count: int = 30, step_e2: int = 1_000, grid: tuple[PriceRange, ...] = CENTS) -> Ladder:
    edges = [685_000 + (rung - count // 2) * step_e2 for rung in range(count)]
    return ladder([(None, edges[0] - 1), *((lower, upper - 1) for lower, upper in pairwise(edges)), (edges[-1], None)], grid)


def ladder(bounds: list[tuple[int, None]] | list[tuple[int | None, int | None]], grid: tuple[PriceRange, ...]) -> Ladder:
    markets = tuple(Market(f"M{rung}", "E", "INXU", *bound, 0, 1, grid, 0, "active") for rung, bound in enumerate(bounds))
    return Ladder("INXU", "E", "I:SPX", 1, markets, "", "quadratic", 1.0)


class Plain:
    """The same rules the slow way: every rung, every tick, nothing remembered but what is held."""

    def __init__(self, of: Ladder, config: QuotingConfig, fees: FeeSchedule) -> None:
        self.ladder, self.config, self.fees = of, config, fees
        count = len(of.markets)
        self.held: list[tuple[int, int] | None] = [None] * count
        self.books = [(0, 10_000)] * count
        self.positions = [0] * count
        self.range: tuple[int, int] | None = None
        self.inputs: tuple[float, float, float] | None = None

    def reprice_plainly(self, level: float, variance: float, vol_variance: float) -> None:
        self.inputs = (level, variance, vol_variance)
        lowers = [-inf if market.lo_e2 is None else (market.lo_e2 - 0.5) / 100 for market in self.ladder.markets]
        money, reach = bisect_right(lowers, level), self.config.rungs_each_side
        if self.range is None:
            self.range = (money - reach, money + reach)
        low = min(max(self.range[0], money - reach), money - reach + 1)
        high = max(min(self.range[1], money + reach), money + reach - 1)
        self.range = (max(low, 0), min(high, len(lowers)))
        if variance <= 0.0:
            self.range = None
        for rung in range(len(lowers)):
            self.hold(rung)

    def hold(self, rung: int) -> None:
        if self.inputs is None:
            return
        if self.range is None or not self.range[0] <= rung < self.range[1]:
            self.held[rung] = None
            return
        level, variance, vol_variance = self.inputs
        market, config, held = self.ladder.markets[rung], self.config, self.held[rung]
        fair = yes_probability(level, variance, (market.lo_e2, market.hi_e2))
        fair = round(fair) if not 1e-7 < fair < 1 - 1e-7 else fair
        moving = 0.0
        for bound_e2 in (market.lo_e2, None if market.hi_e2 is None else market.hi_e2 + 1):
            if bound_e2 is not None:
                z = (log((bound_e2 - 0.5) / 100 / level) + variance / 2) / sqrt(variance)
                moving += exp(-z * z / 2) / sqrt(2 * pi)
        moving *= sqrt(min(vol_variance / variance, 1.0))
        distance = max(config.edge_p, moving) + self.fees.maker_fee_e6(5_000, 100) / 1e6
        least = min(config.min_p * (1.0 if held else 1.2), 0.5)
        if not least <= fair <= 1 - least or distance > config.max_width_p * (1.0 if held else 0.9):
            self.held[rung] = None
            return
        prices = [0, *legal(market.price_ranges), 10_000]
        shift = config.skew_p_per_contract * self.positions[rung] / 100
        value = fair - max(-config.edge_p / 2, min(config.edge_p / 2, shift))
        nearest = max(distance / 2, distance - 0.01)
        furthest = distance + max(later - earlier for earlier, later in pairwise(prices)) / 10_000 + 0.01
        bid = max((price for price in prices[:-1] if price <= (value - distance) * 10_000), default=0)
        ask = min((price for price in prices[1:] if price >= (value + distance) * 10_000), default=10_000)
        if held and nearest <= value - held[0] / 10_000 <= furthest:
            bid = held[0]
        if held and nearest <= held[1] / 10_000 - value <= furthest:
            ask = held[1]
        self.held[rung] = (bid, ask)

    def wanted(self) -> list[tuple[int, int]]:
        bids = [held[0] if held else 0 for held in self.held]
        asks = [held[1] if held else 10_000 for held in self.held]
        if self.ladder.markets[0].lo_e2 is not None:
            bids = [min([bid, *(other for other in bids[:rung] if other)]) for rung, bid in enumerate(bids)]
            asks = [max([ask, *(other for other in asks[rung:] if other < 10_000)]) for rung, ask in enumerate(asks)]
        found = []
        for rung, market in enumerate(self.ladder.markets):
            prices, (best_bid, best_ask) = legal(market.price_ranges), self.books[rung]
            bid, ask = bids[rung], asks[rung]
            if bid >= best_ask:
                bid = max((price for price in prices if price < best_ask), default=0)
            if ask <= best_bid:
                ask = min((price for price in prices if price > best_bid), default=10_000)
            found.append((bid, 0 if ask == 10_000 else ask))
        return found


def legal(ranges: tuple[PriceRange, ...]) -> list[int]:
    return sorted({price for span in ranges for price in range(span.start_e4, span.end_e4 + 1, span.step_e4)} - {0, 10_000})


def wanted(quoter: LadderQuoter) -> list[tuple[int, int]]:
    return list(zip(quoter.bid_e4, quoter.ask_e4, strict=True))


@pytest.mark.parametrize("fees", [FREE, PAID])
@pytest.mark.parametrize(
    "of",
    [thresholds(), thresholds(step_e2=100, grid=TAPERED), thresholds(8), buckets(), buckets(8, 2_500, TAPERED), buckets(40, 200)],
    ids=lambda of: f"{len(of.markets)}-{'thresholds' if of.markets[0].lo_e2 else 'buckets'}",
)
@settings(max_examples=16)
@given(
    seed=st.integers(0, 2**32),
    pace=st.sampled_from((0.0, 0.02, 0.3, 3.0)),
    minutes=st.sampled_from((0.3, 2.0, 15.0, 60.0)),
    min_p=st.sampled_from((0.03, 0.0)),
)
def test_quotes_are_those_of_working_everything_out_on_each_tick(
    of: Ladder, fees: FeeSchedule, seed: int, pace: float, minutes: float, min_p: float
) -> None:
    random, config = Random(seed), msgspec.structs.replace(CONFIG, min_p=min_p)
    quoter, plain = LadderQuoter(of, config, fees), Plain(of, config, fees)
    level, left_s, per_s = EVEN + random.uniform(-20, 20), minutes * 60, (0.35e-4) ** 2
    for _ in range(60):
        before = wanted(quoter)
        if random.random() < 0.1:
            rung, position_e2 = random.randrange(len(of.markets)), int(random.gauss(0.0, random.choice((10_000, 200_000))))
            plain.positions[rung] = position_e2
            plain.hold(rung)
            changed = quoter.set_position(rung, position_e2)
        elif random.random() < 0.1:
            rung, best_bid_e4 = random.randrange(len(of.markets)), random.randrange(0, 9_900, 100)
            plain.books[rung] = (best_bid_e4, random.choice((10_000, best_bid_e4 + 100)))
            changed = [rung] if quoter.set_book(rung, *plain.books[rung]) else []
        else:
            level += random.gauss(0.0, pace)
            left_s = max(0.0, left_s - random.choice((0.0, 0.1, 1.0, 3.0)))
            inputs = level, left_s * per_s, min(left_s, 3.0) * per_s * random.choice((1.0, 1.0, 1.0, 2.0))
            plain.reprice_plainly(*inputs)
            changed = quoter.reprice(*inputs)

        assert wanted(quoter) == plain.wanted()
        assert changed == [rung for rung, quote in enumerate(wanted(quoter)) if quote != before[rung]]


def test_an_even_bet_is_quoted_an_edge_away_rounded_outwards() -> None:
    quoter = LadderQuoter(thresholds(), QuotingConfig(edge_p=0.012), FREE)

    changed = quoter.reprice(EVEN * exp(5e-7), 1e-6, 0.0)

    assert (quoter.bid_e4[20], quoter.ask_e4[20]) == (4_800, 5_200)
    assert quoter.fair_p[20] == pytest.approx(0.5, abs=1e-9)
    assert 20 in changed


def test_the_fee_and_the_next_seconds_widen_the_quote() -> None:
    level = EVEN * exp(5e-7)
    paid, moving = LadderQuoter(thresholds(), QuotingConfig(), PAID), LadderQuoter(thresholds(), QuotingConfig(), FREE)

    paid.reprice(level, 1e-6, 0.0)
    moving.reprice(level, 1e-6, 1e-8)

    # An even bet's fee is 0.4375 cents, on top of 1.2; a tenth of the sd left moves it by 0.0399.
    assert (paid.bid_e4[20], paid.ask_e4[20]) == (4_800, 5_200)
    assert (moving.bid_e4[20], moving.ask_e4[20]) == (4_600, 5_400)


def test_a_rung_is_quoted_only_where_it_is_undecided_and_its_value_holds_still() -> None:
    quoter = LadderQuoter(thresholds(), QuotingConfig(min_p=0.03, max_width_p=0.12), FREE)

    quoter.reprice(EVEN, 1e-6, 0.0)
    assert [rung for rung in range(40) if quoter.bid_e4[rung]] == [18, 19, 20, 21, 22]  # sd 6.85 points: 3.5 % is 1.8 of them away

    quoter.reprice(EVEN, 1e-6, 1e-6 * 0.16)  # an even bet now moves by 0.16, one at 1.46 sd by 0.055
    assert [rung for rung in range(40) if quoter.bid_e4[rung]] == [18, 22]

    quoter.reprice(EVEN, 0.0, 0.0)
    assert wanted(quoter) == [(0, 0)] * 40


def test_only_rungs_near_the_money_are_quoted() -> None:
    quoter = LadderQuoter(thresholds(), QuotingConfig(rungs_each_side=3), FREE)

    quoter.reprice(EVEN + 1.0, 1e-4, 0.0)  # rungs up to 20 are in the money
    assert [rung for rung in range(40) if quoter.bid_e4[rung]] == [18, 19, 20, 21, 22, 23]

    quoter.reprice(EVEN + 51.0, 1e-4, 0.0)
    assert [rung for rung in range(40) if quoter.bid_e4[rung]] == [28, 29, 30, 31, 32]  # the sixth joins one strike later


def test_going_back_and_forth_over_a_strike_changes_nothing() -> None:
    quoter = LadderQuoter(thresholds(), QuotingConfig(rungs_each_side=3), FREE)
    quoter.reprice(EVEN + 0.05, 1e-4, 0.0)
    quoter.reprice(EVEN - 0.05, 1e-4, 0.0)

    assert [quoter.reprice(EVEN + shift, 1e-4, 0.0) for shift in (0.05, -0.05, 0.05, -0.05)] == [[], [], [], []]


def test_a_position_moves_the_quotes_against_itself() -> None:
    quoter = LadderQuoter(thresholds(), QuotingConfig(skew_p_per_contract=0.0005, edge_p=0.06), FREE)
    quoter.reprice(EVEN * exp(5e-7), 1e-6, 0.0)

    assert (quoter.bid_e4[20], quoter.ask_e4[20]) == (4_400, 5_700)
    assert quoter.set_position(20, 10_000) == [20]  # a hundred contracts would be five cents: the shift ends at half the edge
    assert (quoter.bid_e4[20], quoter.ask_e4[20]) == (4_100, 5_400)


@given(st.floats(-0.4, 0.4), st.integers(-500_000, 500_000))
def test_no_position_makes_a_quote_better_than_fair(shift: float, position_e2: int) -> None:
    quoter = LadderQuoter(thresholds(), QuotingConfig(), FREE)
    quoter.reprice(EVEN, 1e-6, 1e-8)
    quoter.set_position(20, position_e2)
    quoter.reprice(EVEN * exp(shift * 1e-3), 1e-6, 1e-8)

    assert quoter.bid_e4[20] <= quoter.fair_p[20] * 10_000
    assert not quoter.ask_e4[20] or quoter.ask_e4[20] >= quoter.fair_p[20] * 10_000


def test_the_book_keeps_quotes_from_trading() -> None:
    quoter = LadderQuoter(thresholds(), QuotingConfig(), FREE)
    quoter.reprice(EVEN * exp(5e-7), 1e-6, 0.0)

    assert quoter.set_book(20, 0, 4_500)
    assert (quoter.bid_e4[20], quoter.ask_e4[20]) == (4_400, 5_200)
    assert quoter.set_book(20, 5_500, 10_000)
    assert (quoter.bid_e4[20], quoter.ask_e4[20]) == (4_800, 5_600)
    assert quoter.set_book(20, 9_900, 10_000)
    assert (quoter.bid_e4[20], quoter.ask_e4[20]) == (4_800, 0)
    assert quoter.set_book(20, 0, 10_000)
    assert not quoter.set_book(20, 4_700, 5_300)


def test_the_expected_value_is_what_a_full_fill_earns() -> None:
    config = QuotingConfig(count_contracts=10)
    free, paid = LadderQuoter(thresholds(), config, FREE), LadderQuoter(thresholds(), config, PAID)
    for quoter in (free, paid):
        quoter.reprice(EVEN * exp(5e-7) + 1e-9, 1e-6, 0.0)

    # Ten contracts, two cents each; the maker's fee on ten at 0.48 is 0.0175 x 10 x 0.48 x 0.52 dollars.
    assert free.ev_e6(20, "bid") == pytest.approx(200_000, abs=1)
    assert free.ev_e6(20, "ask") == pytest.approx(200_000, abs=1)
    assert paid.ev_e6(20, "bid") == pytest.approx(200_000 - 43_680, abs=1)
    assert free.ev_e6(0, "bid") == 0


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), of=st.sampled_from((thresholds(), thresholds(60, 100, TAPERED), buckets())))
def test_no_quote_is_ever_nearer_than_half_the_edge_or_off_its_grid(seed: int, of: Ladder) -> None:
    random = Random(seed)
    quoter, level = LadderQuoter(of, QuotingConfig(), FREE), EVEN
    prices = {0, *legal(of.markets[0].price_ranges)}
    for second in range(120):
        level += random.gauss(0.0, 0.4)
        quoter.reprice(level, (300 - second) * 1e-9, 3e-9)
        for rung, (bid_e4, ask_e4) in enumerate(wanted(quoter)):
            fair = quoter.fair_p[rung]
            assert {bid_e4, ask_e4} <= prices
            assert not bid_e4 or bid_e4 / 10_000 <= fair - 0.006
            assert not ask_e4 or ask_e4 / 10_000 >= fair + 0.006
            assert 0.03 <= fair <= 0.97 or (bid_e4, ask_e4) == (0, 0)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_a_higher_threshold_never_has_a_higher_quote_whatever_is_held(seed: int) -> None:
    random = Random(seed)
    quoter, level = LadderQuoter(thresholds(60, 100), QuotingConfig(), FREE), EVEN
    for _ in range(60):
        level += random.gauss(0.0, 0.4)
        quoter.reprice(level, 2e-6, 1e-8)
        quoter.set_position(random.randrange(60), random.randrange(-30_000, 30_000))
        for quotes in (quoter.bid_e4, quoter.ask_e4):
            present = [price for price in quotes if price]
            assert present == sorted(present, reverse=True)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_nobody_can_buy_a_lower_threshold_from_us_for_less_than_we_bid_for_a_higher_one(seed: int) -> None:
    random = Random(seed)
    of = thresholds(20, 100)
    quoter, level = LadderQuoter(of, QuotingConfig(), FREE), EVEN
    for _ in range(40):
        level += random.gauss(0.0, 0.4)
        quoter.reprice(level, 2e-6, 1e-8)
        quoter.set_position(random.randrange(20), random.randrange(-400_000, 400_000))
        best_bid_e4 = random.randrange(0, 9_900, 100)
        quoter.set_book(random.randrange(20), best_bid_e4, random.choice((10_000, best_bid_e4 + 100)))
        cheapest_e4 = 10_000
        for bid_e4, ask_e4 in wanted(quoter):
            cheapest_e4 = min(cheapest_e4, ask_e4 or 10_000)
            assert bid_e4 <= cheapest_e4
            assert not (bid_e4 and ask_e4) or bid_e4 < ask_e4


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_strikes_with_different_grids_stay_in_order_and_on_their_own_prices(seed: int) -> None:
    random = Random(seed)
    plain = thresholds(20, 100)
    markets = tuple(msgspec.structs.replace(market, price_ranges=(CENTS, TENTHS)[rung % 2]) for rung, market in enumerate(plain.markets))
    quoter = LadderQuoter(msgspec.structs.replace(plain, markets=markets), QuotingConfig(), FREE)
    grids = [{0, *legal(market.price_ranges)} for market in markets]
    for _ in range(40):
        quoter.reprice(EVEN + random.gauss(0.0, 3.0), 2e-6, 1e-8)
        quoter.set_position(random.randrange(20), random.randrange(-300_000, 300_000))

        assert all({bid_e4, ask_e4} <= grid for (bid_e4, ask_e4), grid in zip(wanted(quoter), grids, strict=True))
        for quotes in (quoter.bid_e4, quoter.ask_e4):
            present = [price for price in quotes if price]
            assert present == sorted(present, reverse=True)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), of=st.sampled_from((thresholds(), thresholds(60, 100, TAPERED), buckets())))
def test_no_quote_meets_the_books_other_side(seed: int, of: Ladder) -> None:
    random = Random(seed)
    quoter, level = LadderQuoter(of, QuotingConfig(), FREE), EVEN
    books = [(0, 10_000)] * len(of.markets)
    for _ in range(60):
        level += random.gauss(0.0, 0.4)
        rung, best_bid_e4 = random.randrange(len(books)), random.randrange(0, 9_900, 100)
        books[rung] = best_bid_e4, random.choice((10_000, best_bid_e4 + 100))
        quoter.set_book(rung, *books[rung])
        quoter.reprice(level, 2e-6, 1e-8)

        for (bid_e4, ask_e4), (best_bid_e4, best_ask_e4) in zip(wanted(quoter), books, strict=True):
            assert bid_e4 < best_ask_e4
            assert not ask_e4 or ask_e4 > best_bid_e4


def test_more_variance_than_before_is_looked_at_even_where_nothing_else_moved() -> None:
    quoter, fresh = (LadderQuoter(thresholds(), QuotingConfig(), FREE) for _ in range(2))
    for _ in range(3):
        quoter.reprice(EVEN, 1e-6, 1e-9)  # rung 17, at 15 points below with an sd of 6.85, is out of range

    changed = quoter.reprice(EVEN, 4e-6, 4e-9)
    fresh.reprice(EVEN, 4e-6, 4e-9)

    assert {17, 23} <= set(changed)
    assert [bool(bid_e4) for bid_e4 in quoter.bid_e4] == [bool(bid_e4) for bid_e4 in fresh.bid_e4]


def test_without_rungs_each_side_nothing_is_quoted() -> None:
    quoter = LadderQuoter(thresholds(), QuotingConfig(rungs_each_side=0), FREE)

    assert [quoter.reprice(level, 1e-6, 1e-9) for level in (EVEN, EVEN, EVEN + 30.0)] == [[], [], []]
    assert wanted(quoter) == [(0, 0)] * 40


def test_quotes_change_less_than_a_third_as_often_as_without_the_keep_rule() -> None:
    random, of = Random(7), thresholds()
    quoter, level, held, kept, renewed = LadderQuoter(of, QuotingConfig(), FREE), EVEN, wanted(LadderQuoter(of, CONFIG, FREE)), 0, 0
    for second in range(1_500):
        before = wanted(quoter)
        level += random.gauss(0.0, 0.1)
        inputs = level, (3_600 - second) * 1.2e-9, 3.6e-9
        quoter.reprice(*inputs)
        fresh = LadderQuoter(of, QuotingConfig(), FREE)
        fresh.reprice(*inputs)
        kept += sum(one != other for old, new in zip(before, wanted(quoter), strict=True) for one, other in zip(old, new, strict=True))
        renewed += sum(one != other for old, new in zip(held, wanted(fresh), strict=True) for one, other in zip(old, new, strict=True))
        held = wanted(fresh)

    assert 0 < kept * 3 < renewed


@given(st.integers(-2_000, 12_000), st.sampled_from((CENTS, TAPERED)))
def test_the_grid_rounds_outwards_and_never_invents_a_price(price_e4: int, ranges: tuple[PriceRange, ...]) -> None:
    grid, prices = Grid(ranges), legal(ranges)
    price_p = float(Fraction(2 * price_e4 + 1, 20_000))  # beside every legal price: on it a float's last digit would decide

    assert grid.floor(price_p) == max((price for price in prices if price <= price_e4), default=0)
    assert grid.ceil(price_p) == min((price for price in prices if price > price_e4), default=10_000)
