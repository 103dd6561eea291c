"""The wait of a leg that fails again and again: twice is nothing, then it doubles, and it is forgotten by halves."""

import pytest

from kalshi_alpha.data.flap_damping import FlapDamping

S = 1_000_000_000


def damping() -> FlapDamping:
    return FlapDamping(5 * S, 300 * S, 300 * S)


def waits_s(at_s: list[float]) -> list[float]:
    found, one = [], damping()
    for seconds in at_s:
        one.failed(int(seconds * S))
        found.append(round(one.wait_ns / S, 2))
    return found


def test_failures_at_once_double_the_wait_from_the_third_on_up_to_the_most() -> None:
    assert waits_s([100.0] * 10) == [5, 5, 10, 20, 40, 80, 160, 300, 300, 300]


@pytest.mark.parametrize(
    ("apart_s", "waits"),
    [
        (300.0, [5, 5, 5, 5, 5, 5]),  # 1, 1.5, 1.75, 1.875: a failure every half-life never reaches the cut-off
        (3_600.0, [5, 5, 5, 5, 5, 5]),
    ],
)
def test_failures_far_apart_change_nothing(apart_s: float, waits: list[float]) -> None:
    assert waits_s([apart_s * n for n in range(1, 7)]) == waits


def test_the_penalty_halves_with_each_half_life() -> None:
    one = damping()
    for _ in range(5):
        one.failed(100 * S)

    one.failed((100 + 600) * S)  # 5 / 4 + 1 = 2.25, and 5 x 2 ^ 0.25 = 5.946

    assert one.wait_ns / S == pytest.approx(5.946, abs=0.001)


def test_a_thousand_failures_at_once_still_wait_the_most() -> None:
    one = damping()
    for _ in range(2_000):
        one.failed(S)

    assert one.wait_ns == 300 * S


def test_the_wait_is_never_shorter_than_the_least_whatever_the_most() -> None:
    one = FlapDamping(600 * S, 300 * S, 300 * S)
    one.failed(S)

    assert one.wait_ns == 600 * S
