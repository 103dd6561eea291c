"""Strikes make a grid or a partition; every hole, double and odd distance in it is told."""

import pytest

from kalshi_alpha.exec.ladder_shape import ladder_shape, named
from kalshi_alpha.model.listed_day import ListedMarket
from tests.exec.listings import LADDER, at_least, between

PARTITION = [between(None, 719_999), between(720_000, 722_499), between(722_500, 724_999), between(725_000, None)]


def at_most(strike: int) -> ListedMarket:
    return at_least(0, ticker=f"L{strike}", strike_type="less", lo_e2=None, hi_e2=strike * 100)


def test_a_sound_grid_has_its_step_and_ends_in_any_order() -> None:
    shape = ladder_shape(LADDER[::-1])

    assert (shape.step_points, shape.lowest, shape.highest) == (5.0, 6_840.0, 6_855.0)
    assert (shape.gaps, shape.duplicates, shape.faults) == ((), (), ())


def test_a_grid_bounded_from_above_is_one_as_well() -> None:
    shape = ladder_shape([at_most(6_850), at_most(6_840), at_most(6_845)])

    assert (shape.step_points, shape.lowest, shape.highest, shape.faults) == (5.0, 6_840.0, 6_850.0, ())


def test_a_sound_partition_covers_every_level_once() -> None:
    shape = ladder_shape(PARTITION)

    assert (shape.step_points, shape.lowest, shape.highest, shape.faults) == (25.0, 7_200.0, 7_250.0, ())


@pytest.mark.parametrize("missing", [1, 2])
def test_a_hole_in_a_grid_is_told_with_its_neighbours(missing: int) -> None:
    markets = [at_least(strike) for strike in (6_830, 6_835, 6_840, 6_845, 6_850)]
    lows = [6_830, 6_835, 6_840, 6_845, 6_850]

    shape = ladder_shape([market for place, market in enumerate(markets) if place != missing])

    assert shape.gaps == (f"nothing between {lows[missing - 1]:,} and {lows[missing + 1]:,}",)
    assert shape.faults == (f"gap: {shape.gaps[0]}",)


def test_the_same_strike_under_two_tickers_is_told_once() -> None:
    shape = ladder_shape([*LADDER, at_least(6_845, ticker="other")])

    assert shape.duplicates == ("at least 6,845 x 2",)
    assert shape.faults == ("listed twice: at least 6,845 x 2",)


def test_the_same_question_in_other_words_is_a_double_too() -> None:
    above = at_least(6_845, ticker="other", strike_type="greater", floor_strike="6844.99")

    assert ladder_shape([*LADDER, above]).duplicates == ("at least 6,845 x 2",)


def test_a_strike_off_the_grid_is_told() -> None:
    shape = ladder_shape([*LADDER, at_least(6_852)])

    assert shape.faults == ("irregular: 6,850 and 6,852 are 2 apart; 6,852 and 6,855 are 3 apart",)


@pytest.mark.parametrize(
    ("left_out", "gap"),
    [(0, "nothing below 7,200"), (1, "nothing from 7,200 to 7,224.99"), (3, "nothing above 7,249.99")],
)
def test_a_partition_without_one_of_its_parts_has_a_gap(left_out: int, gap: str) -> None:
    shape = ladder_shape([market for place, market in enumerate(PARTITION) if place != left_out])

    assert shape.gaps == (gap,)
    assert shape.faults == (f"gap: {gap}",)


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (between(721_000, 721_999), "7,210 to 7,219.99"),
        (between(None, 721_999), "at most 7,219.99"),
        (between(724_000, None), "at least 7,240"),
    ],
)
def test_a_part_over_another_is_told(extra: ListedMarket, told: str) -> None:
    shape = ladder_shape([*PARTITION, extra])

    assert len(shape.faults) == 1
    assert shape.faults[0].startswith("irregular: ")
    assert f"{told} overlaps another" in shape.faults[0]


def test_a_market_that_cannot_be_understood_is_a_fault_of_its_own() -> None:
    odd = at_least(6_860, ticker="odd", lo_e2=None, problem="strike_type 'functional'")

    shape = ladder_shape([*LADDER, odd])

    assert shape.faults == ("can't be understood: odd: strike_type 'functional'",)
    assert shape.highest == 6_855.0


@pytest.mark.parametrize("count", [0, 1])
def test_less_than_two_strikes_are_no_ladder(count: int) -> None:
    shape = ladder_shape(LADDER[:count])

    assert shape.faults == (f"{count} strikes are no ladder",)
    assert shape.step_points is None
    assert (shape.lowest is None) == (count == 0)


def test_many_alike_are_named_in_part_and_counted() -> None:
    assert named("gap", [str(number) for number in range(7)]) == ["gap: 0; 1; 2; 3; 4 and 2 more"]
    assert named("gap", []) == []
