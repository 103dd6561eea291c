"""The rules of merging, serving and coming back."""

from typing import Literal

import pytest

from kalshi_alpha.model.events import IndexTicked
from kalshi_alpha.model.instruments import SYMBOLS, Leg
from tests.data.feeds import START_MS, Feeds, at

BOTH: tuple[Leg, ...] = ("polygon", "massive")


def test_a_value_frozen_on_polygon_while_massive_moves_is_a_disagreement_until_they_agree_again() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    for second in range(11, 70):
        feeds.tick("polygon", "I:SPX", second + 0.03, 6_860.0, second)
        feeds.tick("massive", "I:SPX", second + 0.03, 6_860.0 + (second - 10), second)
        if second == 11:
            assert feeds.failover.health("I:SPX", at(11.5)).disagrees
    frozen = feeds.failover.health("I:SPX", at(69.5))
    ndx = feeds.failover.health("I:NDX", at(10.5))
    feeds.run(BOTH, 70, 71)
    nearly = feeds.failover.health("I:SPX", at(71.5))
    feeds.run(BOTH, 72, 72)

    assert frozen.disagrees
    assert not ndx.disagrees
    assert nearly.disagrees
    assert not feeds.failover.health("I:SPX", at(72.5)).disagrees


def test_a_live_index_hides_no_dead_one() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    for second in range(11, 20):
        feeds.tick("polygon", "I:SPX", second + 0.03, None, second)
        feeds.tick("massive", "I:SPX", second + 0.03, None, second)

    assert feeds.failover.health("I:SPX", at(19.5)).serving == "polygon"
    assert feeds.failover.health("I:NDX", at(19.5)).serving == "none"
    assert feeds.failover.active == "none"


def test_overall_massive_is_active_as_soon_as_it_serves_one_index() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    for second in range(11, 20):
        feeds.tick("polygon", "I:SPX", second + 0.03, None, second)
        feeds.run(("massive",), second, second)

    assert feeds.failover.health("I:SPX", at(19.5)).serving == "polygon"
    assert feeds.failover.health("I:NDX", at(19.5)).serving == "massive"
    assert feeds.failover.active == "massive"


def test_the_first_leg_to_bring_an_event_time_wins_and_nothing_is_passed_on_twice() -> None:
    feeds = Feeds()

    first = feeds.tick("massive", "I:SPX", 0.02, 6_850.0, 0)
    second = feeds.tick("polygon", "I:SPX", 0.05, 6_850.0, 0)
    again = feeds.tick("massive", "I:SPX", 0.9, 6_850.0, 0)

    assert (first, second, again) == (True, False, False)
    sample = feeds.failover.sample("I:SPX")
    assert sample is not None
    assert (sample.leg, sample.level, sample.event_ms, sample.mono_ns) == ("massive", 6_850.0, START_MS, at(0.02).mono_ns)
    assert feeds.failover.rejected == {"duplicate": 1}


def test_losing_a_leg_loses_no_value() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    feeds.run(("massive",), 11, 30)

    assert [stamp for symbol, stamp, _ in feeds.emitted if symbol == "I:SPX"] == [1_000 * second for second in range(31)]


def test_growing_lag_counts_as_stale_though_values_keep_coming() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    for second in range(11, 30):
        feeds.run(("massive",), second, second)
        feeds.both_symbols("polygon", second + 0.04, second - (second - 10) * 0.3)

    # 2.0 s of lag, after the 40 ms that count as offset, are exceeded at the seventh value: 0.04 + 2.1 s.
    assert feeds.overall() == [(0.03, "polygon"), (17.04, "massive")]


def test_a_plan_delayed_by_a_quarter_of_an_hour_never_serves() -> None:
    feeds = Feeds()

    for second in range(60):
        feeds.both_symbols("polygon", second + 0.03, second - 900)

    assert feeds.active_at(60) == "none"
    assert feeds.failover.view(at(60)).legs[0].event_lag_ms == 900_030 - 250  # what passes for a clock offset is bounded


def test_no_value_while_connected_is_stale() -> None:
    feeds = Feeds()

    feeds.failover.connected("polygon", at(0))

    assert feeds.active_at(60) == "none"
    leg = feeds.failover.view(at(60)).legs[0]
    assert (leg.connected, leg.stale, leg.age_ms) == (True, True, None)


def test_a_cold_start_serves_at_once_and_polygon_takes_over_when_it_is_there() -> None:
    feeds = Feeds()

    feeds.both_symbols("massive", 0.03, 0)
    feeds.both_symbols("polygon", 1.03, 1)

    assert feeds.overall() == [(0.03, "massive"), (1.03, "polygon")]


def test_a_leg_that_fails_within_the_cold_start_has_to_recover() -> None:
    feeds = Feeds()
    feeds.both_symbols("polygon", 0.03, 0)

    feeds.run(("polygon",), 3, 12)

    assert feeds.overall() == [(0.03, "polygon"), (2.03, "none"), (8.03, "polygon")]


def test_a_miss_starts_the_five_seconds_over() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)
    feeds.run(("massive",), 11, 20)

    for second in (*range(21, 24), *range(28, 40)):
        feeds.run(("polygon",), second, second)
        feeds.run(("massive",), second, second)
        if second == 23:
            feeds.run(("massive",), 24, 27)

    assert feeds.overall()[-2:] == [(12.03, "massive"), (33.03, "polygon")]


def test_from_none_massive_too_has_to_be_steady() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)
    feeds.wait(20)

    feeds.run(("massive",), 20, 40)

    assert feeds.overall()[-2:] == [(12.03, "none"), (25.03, "massive")]


def test_a_leg_that_went_silent_between_two_looks_has_to_recover() -> None:
    feeds = Feeds()
    feeds.run(("polygon",), 0, 10)
    failover = feeds.failover

    # A stalled loop: nobody looked when polygon became stale, and its next value is there already.
    for symbol in SYMBOLS:
        failover.ingest(IndexTicked("polygon", symbol, 6_860.0 if symbol == "I:SPX" else 25_310.0, START_MS + 20_000), at(20.03))
    switches = failover.evaluate(at(20.03))

    assert [(switch.symbol, switch.active) for switch in switches] == [("I:SPX", "none"), ("I:NDX", "none"), ("", "none")]


def test_health_is_none_before_the_decision_catches_up() -> None:
    feeds = Feeds()
    feeds.run(("polygon",), 0, 10)

    on_time, late = feeds.failover.health("I:SPX", at(12.03)), feeds.failover.health("I:SPX", at(12.031))

    assert (on_time.serving, on_time.age_ms, on_time.event_lag_ms) == ("polygon", 2_000, 0)
    assert (late.serving, late.age_ms) == ("none", 2_001)


def test_the_merged_value_itself_must_be_within_the_slo() -> None:
    feeds = Feeds()
    feeds.run(("polygon",), 0, 10)

    # massive brings the same value half a second later: its own clock runs until 12.53, but the value is 2 s old at 12.03.
    feeds.both_symbols("massive", 10.53, 10)

    assert feeds.active_at(12.02) == "polygon"
    assert feeds.active_at(12.04) == "none"


def test_a_value_is_held_to_the_limit_of_the_leg_that_serves_whoever_brought_it() -> None:
    feeds = Feeds(polygon_slo_ms=9_000)
    feeds.run(("massive",), 0, 10)

    # polygon, back but not trusted yet, is first with the newest value; massive repeats it.
    feeds.both_symbols("polygon", 11.01, 11)
    feeds.both_symbols("massive", 11.51, 11)

    assert feeds.failover.next_deadline_ns() == at(13.01).mono_ns + 1
    assert feeds.failover.health("I:SPX", at(13.01)).serving == "massive"
    assert feeds.failover.health("I:SPX", at(13.02)).serving == "none"
    assert feeds.active_at(13.02) == "none"


@pytest.mark.parametrize("level", [55.56, 6_850.0 * 0.92, 6_850.0 * 1.08])
def test_a_level_outside_the_price_band_is_not_used(level: float) -> None:
    feeds = Feeds()
    feeds.run(("polygon",), 0, 0)

    advanced = feeds.tick("polygon", "I:SPX", 1.03, level, 1)

    assert not advanced
    sample = feeds.failover.sample("I:SPX")
    assert sample is not None
    assert sample.level == 6_850.0
    assert feeds.active_at(2.1) == "none"


def test_a_first_value_from_another_instrument_is_a_disagreement_not_the_truth() -> None:
    feeds = Feeds()

    for second in range(10):
        feeds.tick("polygon", "I:SPX", second + 0.03, 55.56, second)
        feeds.tick("massive", "I:SPX", second + 0.05, 6_850.0, second)

    assert feeds.failover.health("I:SPX", at(9.5)).disagrees


def test_a_level_outside_the_band_is_believed_once_both_legs_repeat_it() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    for second in range(11, 30):
        for leg in BOTH:
            feeds.tick(leg, "I:SPX", second + 0.03, 6_000.0, second)

    assert [stamp for symbol, stamp, _ in feeds.emitted if symbol == "I:SPX"][-15:] == [10_000] + [
        1_000 * second for second in range(16, 30)
    ]
    assert feeds.failover.health("I:SPX", at(29.5)).serving == "polygon"


def test_legs_that_differ_outside_the_band_never_move_it() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    for second in range(11, 40):
        feeds.tick("polygon", "I:SPX", second + 0.03, 6_000.0, second)
        feeds.tick("massive", "I:SPX", second + 0.03, 55.56, second)

    health = feeds.failover.health("I:SPX", at(39.5))
    assert (health.serving, health.disagrees) == ("none", True)
    assert feeds.emitted[-1][1] == 10_000


def test_one_leg_alone_never_moves_the_band() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    for second in range(11, 300):
        feeds.tick("polygon", "I:SPX", second + 0.03, 6_000.0, second)

    assert feeds.failover.health("I:SPX", at(299.5)).serving == "none"


def test_a_leg_that_contradicts_itself_no_longer_serves() -> None:
    feeds = Feeds()
    feeds.run(("polygon",), 0, 10)

    feeds.tick("polygon", "I:SPX", 10.5, 6_860.5, 10)

    assert feeds.failover.health("I:SPX", at(10.6)).serving == "none"
    assert feeds.failover.view(at(10.6)).legs[0].symbols["I:SPX"].verdict == "SUSPECT"


@pytest.mark.parametrize(("difference", "disagrees"), [(0.0, False), (0.01, False), (0.02, True)])
def test_legs_agree_to_a_hundredth_of_a_point(difference: float, disagrees: Literal[True, False]) -> None:
    feeds = Feeds()

    feeds.tick("polygon", "I:SPX", 0.03, 6_850.12, 0)
    feeds.tick("massive", "I:SPX", 0.05, 6_850.12 + difference, 0)

    assert feeds.failover.health("I:SPX", at(0.5)).disagrees is disagrees
