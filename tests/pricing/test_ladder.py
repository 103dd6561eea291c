"""One distribution: thresholds fall with the strike, buckets add up to one, and no variance is certainty."""

from collections.abc import Sequence
from itertools import pairwise
from math import exp, fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.pricing.ladder import Bounds, FairValues, yes_probability

LEVELS = st.floats(3_000, 30_000)
VARIANCES = st.floats(0, 1e-3)


def yes_probabilities(level: float, variance: float, bounds: Sequence[Bounds]) -> list[float]:
    return [yes_probability(level, variance, one) for one in bounds]


def buckets(low_e2: int, step_e2: int, count: int) -> list[Bounds]:
    """A lower tail, ``count`` ranges and an upper tail, without a gap."""
    edges = [low_e2 + index * step_e2 for index in range(count + 1)]
    return [(None, edges[0] - 1), *((lower, upper - 1) for lower, upper in pairwise(edges)), (edges[-1], None)]


def test_a_level_half_a_hundredth_below_the_strike_is_an_even_bet() -> None:
    variance = 1e-6  # the median is exp(-V / 2) times the level

    assert yes_probabilities(6_849.995 * exp(5e-7), variance, [(685_000, None)]) == [pytest.approx(0.5, abs=1e-9)]


def test_one_standard_deviation_is_worth_what_the_tables_say() -> None:
    at_strike = yes_probabilities(6_849.995 * exp(-0.001 + 5e-7), 1e-6, [(685_000, None), (None, 684_999)])

    assert at_strike == [pytest.approx(0.1586552539, abs=1e-8), pytest.approx(0.8413447461, abs=1e-8)]


@given(LEVELS, VARIANCES, st.integers(1, 5_000), st.integers(1, 60))
def test_buckets_add_up_to_one_and_thresholds_fall(level: float, variance: float, step_e2: int, count: int) -> None:
    low_e2 = int(level * 100) - step_e2 * count // 2
    ladder = buckets(low_e2, step_e2, count)

    shares = yes_probabilities(level, variance, ladder)
    above = yes_probabilities(level, variance, [(lo_e2, None) for lo_e2, _ in ladder[1:]])

    assert fsum(shares) == pytest.approx(1.0, abs=1e-12)
    assert all(0.0 <= share <= 1.0 for share in shares)
    assert above == sorted(above, reverse=True)
    assert [fsum(shares[rung + 1 :]) for rung in range(len(above))] == pytest.approx(above, abs=1e-12)


@pytest.mark.parametrize(("level", "fair"), [(6_849.99, [0.0, 1.0]), (6_850.0, [1.0, 0.0]), (6_849.995, [1.0, 0.0])])
def test_without_variance_the_settlement_is_known(level: float, fair: list[float]) -> None:
    assert yes_probabilities(level, 0.0, [(685_000, None), (None, 684_999)]) == fair


@given(LEVELS, st.floats(1e-300, 1e-12))
def test_hardly_any_variance_gives_numbers(level: float, variance: float) -> None:
    assert all(0.0 <= fair <= 1.0 for fair in yes_probabilities(level, variance, buckets(int(level * 100), 2_500, 2)))


def test_fair_values_are_those_of_the_last_level() -> None:
    fair = FairValues([(685_000, None), (None, 684_999)])
    before = list(fair)
    fair.move(6_845.0, 1e-6)

    assert before == [0.0, 0.0]
    assert list(fair) == yes_probabilities(6_845.0, 1e-6, [(685_000, None), (None, 684_999)])
    assert len(fair) == 2
