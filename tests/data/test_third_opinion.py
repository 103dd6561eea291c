"""An opinion on the level widens first and stands down later, and only while it lasts."""

from collections.abc import Sequence

from kalshi_alpha.data.third_opinion import ThirdOpinion

S = 1_000_000_000
OURS = 6_850.0
APART = OURS * 1.0010
"""Ten basis points off."""


def opinion() -> ThirdOpinion:
    return ThirdOpinion(4e-4, 3 * S, 10 * S)


def states(levels: Sequence[float | None], half_width: float = 0.5) -> list[str]:
    """Return the state after each second's opinion; None: there is none."""
    one = opinion()
    found: list[str] = []
    for second, level in enumerate(levels, 100):
        if level is None:
            one.missing(second * S)
        else:
            one.heard(OURS, level, half_width, second * S)
        found.append(one.state)
    return found


def test_a_gap_that_lasts_widens_after_three_seconds_and_stands_down_after_ten() -> None:
    assert states([APART] * 11) == ["agrees"] * 3 + ["widen"] * 7 + ["stand_down"]


def test_a_gap_within_the_tolerance_and_the_opinions_own_uncertainty_is_none() -> None:
    assert set(states([OURS + 3.1] * 20)) == {"agrees"}  # 4 bp are 2.74 points
    assert set(states([OURS - 3.1] * 20)) == {"agrees"}
    assert states([OURS + 3.4] * 20)[-1] == "stand_down"


def test_single_moments_apart_start_over() -> None:
    assert set(states([APART, APART, APART, OURS] * 5)) == {"agrees"}


def test_it_takes_three_agreements_to_stand_up_again() -> None:
    assert states([APART] * 11 + [OURS, OURS, APART, OURS, OURS, OURS])[-6:] == ["stand_down"] * 5 + ["agrees"]


def test_an_opinion_lapses_after_a_minute() -> None:
    found = states([APART] * 11 + [None] * 61)

    assert found[-2:] == ["stand_down", "agrees"]


def test_the_gap_is_told_only_while_it_counts() -> None:
    one = opinion()
    gaps = []
    for second in range(5):
        one.heard(OURS, APART, 0.5, second * S)
        gaps.append(round(one.gap, 6))

    assert gaps == [0.0, 0.0, 0.0, 0.001, 0.001]
