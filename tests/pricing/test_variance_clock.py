"""The variance clock: the whole session is the daily variance, parts add up, and an early close keeps its closing bumps."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.config import PricingConfig
from kalshi_alpha.pricing.variance_clock import VarianceClock, minute_rms_bp

MINUTE_NS = 60_000_000_000
OPEN_NS = int(datetime(2026, 11, 23, 14, 30, tzinfo=UTC).timestamp()) * 1_000_000_000
CLOSE_NS = OPEN_NS + 390 * MINUTE_NS
EARLY_NS = OPEN_NS + 210 * MINUTE_NS
CONFIG = PricingConfig(daily_sd_bp={"I:SPX": 50.0, "I:NDX": 100.0}, settle_sd_bp=2.0)
CLOCK = VarianceClock(CONFIG)
INSTANTS = st.integers(OPEN_NS - 100 * MINUTE_NS, CLOSE_NS + 100 * MINUTE_NS)


def spx(from_ns: int, to_ns: int, close_ns: int = CLOSE_NS) -> float:
    return CLOCK.variance("I:SPX", from_ns, to_ns, OPEN_NS, close_ns)


def test_a_regular_session_has_the_daily_variance() -> None:
    assert spx(OPEN_NS, CLOSE_NS) == pytest.approx(0.0050**2, rel=1e-12)
    assert CLOCK.variance("I:NDX", OPEN_NS, CLOSE_NS, OPEN_NS, CLOSE_NS) == pytest.approx(0.0100**2, rel=1e-12)


@given(INSTANTS, INSTANTS, INSTANTS, st.sampled_from([CLOSE_NS, EARLY_NS]))
def test_variance_adds_up_and_never_falls_with_time(one: int, two: int, three: int, close_ns: int) -> None:
    first, middle, last = sorted((one, two, three))

    parts = spx(first, middle, close_ns), spx(middle, last, close_ns)

    assert min(parts) >= 0.0
    assert parts[0] + parts[1] == pytest.approx(spx(first, last, close_ns), rel=1e-9, abs=1e-18)


@pytest.mark.parametrize("close_ns", [CLOSE_NS, EARLY_NS])
def test_nothing_moves_outside_of_the_session(close_ns: int) -> None:
    assert spx(close_ns, close_ns + 60 * MINUTE_NS, close_ns) == 0.0
    assert spx(OPEN_NS - 60 * MINUTE_NS, OPEN_NS, close_ns) == 0.0
    assert spx(CLOSE_NS, OPEN_NS, close_ns) == 0.0


@given(st.integers(1, 389))
def test_there_is_no_step_at_a_full_minute(minute: int) -> None:
    at_ns = OPEN_NS + minute * MINUTE_NS

    # Even at the pace of the busiest minute, two nanoseconds are worth next to nothing.
    assert spx(at_ns - 1, at_ns + 1) <= 0.0050**2 * 0.01 * 2 / MINUTE_NS


def test_half_a_minute_has_half_of_its_variance() -> None:
    noon_ns = OPEN_NS + 150 * MINUTE_NS

    assert spx(noon_ns, noon_ns + MINUTE_NS // 2) == pytest.approx(spx(noon_ns, noon_ns + MINUTE_NS) / 2, rel=1e-9)


def test_the_minutes_keep_their_measured_proportions() -> None:
    # Root mean square moves: 3.0 bp a minute late in the morning, 1.9 bp in the afternoon.
    morning, afternoon = (spx(OPEN_NS + minute * MINUTE_NS, OPEN_NS + (minute + 1) * MINUTE_NS) for minute in (90, 300))

    assert (morning / afternoon) ** 0.5 == pytest.approx(3.0 / 1.9, rel=1e-9)


@pytest.mark.parametrize("before_close", range(1, 31))
def test_an_early_close_has_the_closing_minutes_of_a_regular_one(before_close: int) -> None:
    regular, early = (
        spx(close_ns - before_close * MINUTE_NS, close_ns - (before_close - 1) * MINUTE_NS, close_ns) for close_ns in (CLOSE_NS, EARLY_NS)
    )

    assert early == pytest.approx(regular, rel=1e-9)


def test_an_early_close_keeps_its_morning_and_has_less_variance() -> None:
    assert spx(OPEN_NS, OPEN_NS + 180 * MINUTE_NS, EARLY_NS) == spx(OPEN_NS, OPEN_NS + 180 * MINUTE_NS)
    assert spx(OPEN_NS, EARLY_NS, EARLY_NS) < spx(OPEN_NS, CLOSE_NS)
    assert minute_rms_bp(209, 210) == minute_rms_bp(389, 390)


def test_the_settlement_print_adds_its_own_variance() -> None:
    assert CLOCK.to_target("I:SPX", CLOSE_NS, CLOSE_NS, OPEN_NS, CLOSE_NS) == pytest.approx(4e-8, rel=1e-12)


def test_the_hash_names_the_parameters() -> None:
    same = PricingConfig(daily_sd_bp={"I:NDX": 100.0, "I:SPX": 50.0}, settle_sd_bp=2.0)

    assert VarianceClock(same).params_hash == CLOCK.params_hash
    assert VarianceClock(PricingConfig()).params_hash != CLOCK.params_hash


@pytest.mark.parametrize("minutes", [30, 391])
def test_a_session_that_cannot_be_is_a_bug(minutes: int) -> None:
    with pytest.raises(AssertionError, match=f"a session of {minutes} minutes"):
        spx(OPEN_NS, OPEN_NS + MINUTE_NS, OPEN_NS + minutes * MINUTE_NS)
