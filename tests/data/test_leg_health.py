"""Clock offsets are learnt from what repeats, never from single stamps, and never so far that a delayed feed passes."""

import pytest

from kalshi_alpha.data.flap_damping import FlapDamping
from kalshi_alpha.data.leg_health import LegSymbol
from tests.data.feeds import START_MS, at

SECOND_NS = 1_000_000_000


def leg() -> LegSymbol:
    return LegSymbol(2_000, FlapDamping(5 * SECOND_NS, 300 * SECOND_NS, 300 * SECOND_NS))


def arrive(health: LegSymbol, seconds: float, lag_s: float) -> str:
    return health.arrived(6_850.0, START_MS + round((seconds - lag_s) * 1_000), at(seconds))


def test_the_least_lag_of_five_minutes_is_the_clocks_offset() -> None:
    health = leg()
    for second in range(60):
        arrive(health, second, 0.12 if second else 0.08)
    early = health.lag_ms
    for second in range(60, 400):
        arrive(health, second, 0.12)

    assert early == 40
    assert health.lag_ms == 0


def test_a_lag_beyond_a_plausible_offset_stays_a_lag() -> None:
    health = leg()

    for second in range(600):
        arrive(health, second, 1.5)

    assert health.lag_ms == 1_250


@pytest.mark.parametrize(("lead_s", "verdict"), [(0.25, "taken"), (0.251, "future"), (60.0, "future")])
def test_a_stamp_more_than_a_quarter_second_ahead_is_quarantined(lead_s: float, verdict: str) -> None:
    health = leg()
    arrive(health, 0, 0.0)

    assert arrive(health, 10, -lead_s) == verdict


def test_a_clock_steadily_half_a_second_ahead_is_learnt() -> None:
    health = leg()

    verdicts = [arrive(health, second, -0.5) for second in range(10)]

    assert verdicts == ["future"] * 4 + ["taken"] * 6
    assert (health.lag_ms, health.is_fresh(at(9.5).mono_ns)) == (0, True)


def test_a_clock_a_second_ahead_could_claim_the_next_value_and_is_not_learnt() -> None:
    health = leg()

    verdicts = [arrive(health, second, -1.0) for second in range(100)]

    assert set(verdicts) == {"future"}
    assert not health.is_fresh(at(99.5).mono_ns)


def test_wrong_stamps_among_good_ones_teach_nothing() -> None:
    health = leg()

    verdicts = [arrive(health, second, -0.6 if second % 2 else 0.03) for second in range(40)]

    assert verdicts == ["taken", "future"] * 20


def test_steady_is_five_seconds_without_a_gap_and_not_a_nanosecond_less() -> None:
    health = leg()
    for second in range(6):
        arrive(health, second, 0.0)

    assert not health.is_steady(at(5).mono_ns - 1)
    assert health.is_steady(at(5).mono_ns)
    assert not health.is_steady(at(7).mono_ns + 1)


def test_steadiness_counts_from_the_first_value_after_a_gap_and_ends_with_freshness() -> None:
    health = leg()
    never = health.steady_ms(at(0).mono_ns)
    for second in (0, 1, 2, 9, 10, 11):
        arrive(health, second, 0.0)

    assert never is None
    assert health.steady_ms(at(11.5).mono_ns) == 2_500
    assert health.steady_ms(at(13.5).mono_ns) is None
