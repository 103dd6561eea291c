"""The worst case is exact, and every limit refuses just beyond it."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.config import RiskConfig
from kalshi_alpha.model.instruments import Ladder, Market, PriceRange, Series, Symbol
from kalshi_alpha.model.units import Side
from kalshi_alpha.risk import LadderExposure, RiskBook

CENTS = (PriceRange(0, 10_000, 100),)
THRESHOLDS = ((10, None), (20, None), (25, None), (26, None), (40, None))
BUCKETS = ((None, 9), (10, 19), (20, 24), (30, 39), (40, None))  # with a hole between 24 and 30
LEVELS = range(50)
Order = tuple[int, Side, int, int]
Bounds = tuple[tuple[int | None, int | None], ...]

ORDERS = st.tuples(st.integers(0, 4), st.sampled_from(("bid", "ask")), st.integers(1, 9_999), st.integers(1, 2_000))
POSITIONS = st.dictionaries(st.integers(0, 4), st.tuples(st.integers(-3_000, 3_000), st.integers(-9_000_000, 9_000_000)), max_size=3)
EDGES = st.lists(st.integers(1, 48), min_size=5, max_size=5, unique=True).map(sorted)


def bounds_between(edges: list[int], *, thresholds: bool) -> Bounds:
    """Five markets: above each edge, or a lower tail and ranges that leave what is above the last edge to nobody."""
    if thresholds:
        return tuple((edge, None) for edge in edges)
    return ((None, edges[0] - 1), *((lower, upper - 1) for lower, upper in pairwise(edges)))


def ladder(bounds: Bounds = THRESHOLDS, event: str = "E1", series: Series = "INXU", symbol: Symbol = "I:SPX") -> Ladder:
    markets = tuple(Market(f"{event}-{rung}", event, series, *bound, 0, 1, CENTS, 0, "active") for rung, bound in enumerate(bounds))
    return Ladder(series, event, symbol, 1, markets, "", "quadratic", 1.0)


def profit_e6(market: Market, order: Order, level_e2: int) -> int:
    """Profit of a filled order, written out contract by contract."""
    _, side, price_e4, count_e2 = order
    payout_e4 = 10_000 if market.pays_yes(level_e2) else 0
    return (payout_e4 - price_e4 if side == "bid" else price_e4 - payout_e4) * count_e2


def worst_by_enumeration(of: Ladder, positions: dict[int, tuple[int, int]], orders: list[Order]) -> int:
    """Go through every settlement and every subset of the orders being filled."""
    worst_e6 = 0
    for level_e2 in LEVELS:
        held_e6 = sum(
            cash_e6 + (10_000 * position_e2 if of.markets[rung].pays_yes(level_e2) else 0)
            for rung, (position_e2, cash_e6) in positions.items()
        )
        for size in range(len(orders) + 1):
            for filled in combinations(orders, size):
                total_e6 = held_e6 + sum(profit_e6(of.markets[order[0]], order, level_e2) for order in filled)
                worst_e6 = max(worst_e6, -total_e6)
    return worst_e6


def test_nothing_held_can_lose_nothing() -> None:
    assert LadderExposure(ladder()).worst_case_e6() == 0


def test_a_bid_risks_its_price_and_an_ask_the_rest_of_the_dollar() -> None:
    exposure = LadderExposure(ladder())

    exposure.set_order("one", 0, "bid", 4_000, 1_000)
    assert exposure.worst_case_e6() == 4_000_000

    exposure.set_order("one", 0, "ask", 4_000, 1_000)
    assert exposure.worst_case_e6() == 6_000_000


def test_both_sides_of_one_strike_risk_the_larger_of_the_two() -> None:
    exposure = LadderExposure(ladder())

    exposure.set_order("bid", 0, "bid", 4_000, 1_000)
    exposure.set_order("ask", 0, "ask", 4_500, 1_000)

    assert exposure.worst_case_e6() == 5_500_000


@given(
    st.one_of(st.sampled_from((THRESHOLDS, BUCKETS)), st.builds(bounds_between, EDGES, thresholds=st.booleans())),
    POSITIONS,
    st.lists(ORDERS, max_size=5),
    ORDERS,
)
def test_the_worst_case_is_that_of_going_through_everything(
    bounds: Bounds, positions: dict[int, tuple[int, int]], orders: list[Order], another: Order
) -> None:
    of = ladder(bounds)
    exposure = LadderExposure(of)
    for rung, held in positions.items():
        exposure.set_position(rung, 77, 7)
        exposure.set_position(rung, *held)
    exposure.set_order("dropped", 2, "bid", 9_000, 5_000)
    for key, order in enumerate(orders):
        exposure.set_order(str(key), 1, "ask", 50, 9_000)
        exposure.set_order(str(key), *order)
    exposure.drop_order("dropped")

    assert exposure.worst_case_with_e6(*another) == worst_by_enumeration(of, positions, [*orders, another])
    assert exposure.worst_case_e6() == worst_by_enumeration(of, positions, orders)


@given(st.lists(ORDERS, max_size=12), ORDERS)
def test_one_more_order_never_lowers_the_worst_case(orders: list[Order], another: Order) -> None:
    exposure = LadderExposure(ladder(BUCKETS))
    for key, order in enumerate(orders):
        exposure.set_order(str(key), *order)

    assert exposure.worst_case_with_e6(*another) >= exposure.worst_case_e6()


def test_an_order_unknown_to_the_ladder_can_be_dropped() -> None:
    exposure = LadderExposure(ladder())

    exposure.drop_order("never seen")

    assert exposure.worst_case_e6() == 0


def book(**limits: int) -> RiskBook:
    wide = {"strike_usd": 10_000, "ladder_usd": 10_000, "family_usd": 10_000, "portfolio_usd": 10_000, "max_order_contracts": 1_000}
    risk = RiskBook(RiskConfig(**{**wide, **limits}))
    risk.add_ladder(ladder())
    risk.add_ladder(ladder(event="E2"))
    risk.add_ladder(ladder(event="N1", series="NASDAQ100U", symbol="I:NDX"))
    return risk


def test_an_order_within_all_limits_may_be_sent() -> None:
    assert book().refusal("E1", 0, "bid", 5_000, 10_000, 0.52) is None


def test_an_unknown_ladder_is_refused_and_has_no_worst_case() -> None:
    risk = book()
    risk.drop_ladder("E2")

    assert "unknown ladder" in str(risk.refusal("E2", 0, "bid", 5_000, 100, 0.5))
    assert risk.worst_case_e6("E2") == 0
    risk.drop_order("E2", "late")


@pytest.mark.parametrize(("price_e4", "count_e2"), [(0, 100), (10_000, 100), (5_000, 0), (5_000, -100), (5_000, 10_001)])
def test_a_price_or_a_size_out_of_range_is_refused(price_e4: int, count_e2: int) -> None:
    assert "out of range" in str(book(max_order_contracts=100).refusal("E1", 0, "bid", price_e4, count_e2, 0.5))


@pytest.mark.parametrize("fair_p", [0.34, 0.66, float("nan")])
def test_a_price_far_from_fair_value_is_refused(fair_p: float) -> None:
    assert "too far" in str(book().refusal("E1", 0, "bid", 5_000, 100, fair_p))


@pytest.mark.parametrize(
    ("limit", "resting", "named"),
    [
        ("strike_usd", ("E1", 0), "strike limit"),
        ("ladder_usd", ("E1", 1), "ladder limit"),
        ("family_usd", ("E2", 0), "family limit"),
        ("portfolio_usd", ("N1", 0), "portfolio limit"),
    ],
)
def test_each_limit_allows_its_last_cent_and_refuses_the_next(limit: str, resting: tuple[str, int], named: str) -> None:
    risk = book(**{limit: 100})
    risk.set_order(resting[0], "resting", resting[1], "bid", 5_000, 10_000)  # 50 dollars at risk

    assert risk.refusal("E1", 0, "bid", 5_000, 10_000, 0.5) is None
    assert named in str(risk.refusal("E1", 0, "bid", 5_100, 10_000, 0.5))

    risk.drop_order(resting[0], "resting")
    assert risk.refusal("E1", 0, "bid", 5_100, 10_000, 0.5) is None


def test_positions_count_like_what_they_can_lose() -> None:
    risk = book(ladder_usd=100)
    risk.set_position("E1", 0, 10_000, -60_000_000)  # 100 contracts for 60 dollars
    risk.add_ladder(ladder())  # again, as at the start of the next window

    assert risk.worst_case_e6("E1") == 60_000_000
    assert "ladder limit" in str(risk.refusal("E1", 1, "bid", 5_000, 10_000, 0.5))
    assert risk.refusal("E1", 1, "ask", 5_000, 10_000, 0.5) is None  # above the first strike the position has won


def test_a_strike_counts_its_position_and_its_own_orders_only() -> None:
    risk = book(strike_usd=100)
    risk.set_position("E1", 0, 10_000, -60_000_000)  # 100 contracts for 60 dollars
    risk.set_order("E1", "elsewhere", 1, "bid", 5_000, 10_000)

    assert risk.refusal("E1", 0, "bid", 4_000, 10_000, 0.5) is None
    assert "strike limit: 100010000 at risk" in str(risk.refusal("E1", 0, "bid", 4_001, 10_000, 0.5))
    assert risk.refusal("E1", 0, "ask", 4_500, 10_000, 0.5) is None  # sells what is held


def test_family_and_portfolio_add_the_worst_cases_of_their_ladders() -> None:
    risk = book(family_usd=110, portfolio_usd=140)
    risk.set_order("E1", "a", 0, "bid", 3_000, 10_000)
    risk.set_order("E2", "b", 0, "ask", 7_000, 10_000)
    risk.set_order("N1", "c", 0, "bid", 4_000, 10_000)

    assert [risk.worst_case_e6(event) for event in ("E1", "E2", "N1")] == [30_000_000, 30_000_000, 40_000_000]
    assert risk.refusal("E1", 1, "bid", 4_000, 10_000, 0.5) is None
    assert str(risk.refusal("E1", 1, "bid", 5_100, 10_000, 0.5)).startswith("family limit: 111000000")
    assert str(risk.refusal("E1", 1, "bid", 4_100, 10_000, 0.5)).startswith("portfolio limit: 141000000")
    risk.drop_ladder("N1")
    assert risk.refusal("E1", 1, "bid", 4_100, 10_000, 0.5) is None


@pytest.mark.parametrize(
    ("realised_e6", "marked_e6", "reached"), [(-1_500_000_000, -499_999_999, False), (-2_100_000_000, 100_000_000, True)]
)
def test_the_daily_loss_counts_realised_and_marked_money(realised_e6: int, marked_e6: int, reached: bool) -> None:
    assert RiskBook(RiskConfig(daily_loss_usd=2_000)).daily_loss_reached(realised_e6, marked_e6) is reached
    assert RiskBook(RiskConfig(weekly_loss_usd=2_000)).weekly_loss_reached(realised_e6, marked_e6) is reached
