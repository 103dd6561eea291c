"""When to connect again: growing, jittered, capped, and started over by good connections only."""

import pytest

from kalshi_alpha.adapters.backoff import Backoff
from kalshi_alpha.model.clock import Now

SECOND = 1_000_000_000


def at(seconds: float) -> Now:
    ns = round(seconds * SECOND)
    return Now(utc_ns=1_795_444_200 * SECOND + ns, mono_ns=ns)


def wait_s(backoff: Backoff, seconds: float) -> float:
    return (backoff.connect_at_ns() - at(seconds).mono_ns) / SECOND


def longest_waits(cap_s: int, failures: int) -> list[float]:
    """Return the longest wait after each failure in a row, over many seeds."""
    longest = [0.0] * failures
    for seed in range(300):
        backoff = Backoff(seed, cap_s)
        for number in range(failures):
            backoff.lost(at(100.0 * number))
            longest[number] = max(longest[number], wait_s(backoff, 100.0 * number))
    return longest


def test_the_first_connection_waits_for_nothing() -> None:
    assert Backoff(1).connect_at_ns() == 0


def test_the_longest_wait_doubles_up_to_the_cap_and_stays_there() -> None:
    expected = [0.25, 0.5, 1, 2, 4, 8, 10, 10, 10]

    longest = longest_waits(10, 9)

    assert all(0.95 * most < found <= most for found, most in zip(longest, expected, strict=True))


def test_a_thousand_failures_still_wait_no_longer_than_the_cap() -> None:
    backoff = Backoff(3, 30)

    for number in range(1_000):
        backoff.lost(at(100.0 * number))

    assert 0 <= wait_s(backoff, 99_900.0) <= 30


def test_the_same_seed_waits_the_same_and_another_does_not() -> None:
    def waits(seed: int) -> list[int]:
        backoff = Backoff(seed)
        found = []
        for number in range(6):
            backoff.lost(at(100.0 * number))
            found.append(backoff.connect_at_ns())
        return found

    assert waits(5) == waits(5)
    assert waits(5) != waits(6)


def worst_after(ready_s: float | None, lost_s: float, good_until_s: float | None = None) -> float:
    """Return the longest wait, over many seeds, after five failures and one connection."""
    worst = 0.0
    for seed in range(300):
        backoff = Backoff(seed)
        for _ in range(5):
            backoff.lost(at(0))
        if ready_s is not None:
            backoff.ready(at(ready_s))
            backoff.ready(at(lost_s - 0.001))
        backoff.lost(at(lost_s), good_until_ns=None if good_until_s is None else at(good_until_s).mono_ns)
        worst = max(worst, wait_s(backoff, lost_s))
    return worst


@pytest.mark.parametrize(
    ("ready_s", "lost_s", "good_until_s", "starts_over"),
    [
        (20.0, 30.0, None, True),
        (20.0, 29.999, None, False),
        (None, 60.0, None, False),
        (20.0, 60.0, 30.0, True),
        (20.0, 60.0, 29.9, False),  # connected for 40 s, but useless for the last 30.1
    ],
)
def test_only_ten_good_seconds_start_it_over(
    ready_s: float | None, lost_s: float, good_until_s: float | None, *, starts_over: bool
) -> None:
    worst = worst_after(ready_s, lost_s, good_until_s)

    assert worst <= (0.25 if starts_over else 8.0)
    assert (worst > 1.0) is not starts_over


def test_good_seconds_of_two_connections_do_not_add_up() -> None:
    worst = 0.0
    for seed in range(300):
        backoff = Backoff(seed)
        for start in (0.0, 6.0):
            backoff.ready(at(start))
            backoff.lost(at(start + 5.9))
        backoff.ready(at(12.0))
        backoff.lost(at(17.9))
        worst = max(worst, wait_s(backoff, 17.9))

    assert 0.5 < worst <= 1.0


def test_a_cool_down_comes_on_top_of_the_jitter() -> None:
    for seed in range(50):
        backoff = Backoff(seed)

        backoff.lost(at(7.0), extra_s=60.0)

        assert 60.0 <= wait_s(backoff, 7.0) <= 60.25
