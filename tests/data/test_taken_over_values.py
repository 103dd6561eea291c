"""What the process before priced from serves the next one for as long as it may, and its silence afterwards is nobody's failure."""

import msgspec
import pytest

from kalshi_alpha.data.failover import FeedSwitch
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.instruments import SYMBOLS, Leg
from kalshi_alpha.model.snapshot import HeardValue
from tests.data.feeds import START_MS, Feeds, at

BOTH: tuple[Leg, ...] = ("polygon", "massive")


def heard(legs: tuple[Leg, ...] = BOTH) -> tuple[HeardValue, ...]:
    """Return what a process priced from when it was killed at second 5.5; the values are those of second 5, which came at 5.03."""
    before = Feeds()
    before.run(legs, 0, 5)
    return before.failover.heard_values(at(5.5))


def later(values: tuple[HeardValue, ...], seconds: float = 6.0) -> Feeds:
    """Return the feeds of the next process, which starts then."""
    feeds = Feeds()
    feeds.failover.take_over(values, at(seconds))
    feeds.active_at(seconds)
    return feeds


def judged(feeds: Feeds, seconds: float) -> tuple[FeedSwitch, ...]:
    return feeds.failover.evaluate(at(seconds))


def test_both_legs_values_are_as_old_as_the_first_of_them() -> None:
    before = Feeds()
    before.run(BOTH, 0, 4)
    for name in SYMBOLS:
        before.tick("massive", name, 5.01, None, 5)
        before.tick("polygon", name, 5.09, None, 5)
    feeds = later(before.failover.heard_values(at(5.5)))

    assert feeds.active_at(7.01) == "polygon"
    ended = judged(feeds, 7.011)

    assert {(switch.active, switch.is_start) for switch in ended} == {("none", True)}
    assert all(feeds.failover.sample(name) is None for name in SYMBOLS)


def test_a_value_that_only_the_other_leg_repeats_late_is_its_own_from_then_on() -> None:
    feeds = later(heard(("polygon",)))
    for name in SYMBOLS:
        feeds.tick("massive", name, 6.5, None, 5)

    assert feeds.active_at(7.04) == "massive"
    assert feeds.failover.health("I:SPX", at(7.04)).age_ms == 540


def test_all_values_that_may_be_used_are_handed_over_as_they_came() -> None:
    values = heard()

    assert {(value.symbol, value.leg) for value in values} == {(name, leg) for leg in BOTH for name in SYMBOLS}
    assert {value.event_ms for value in values} == {START_MS + 5_000}
    assert {(value.utc_ns, value.mono_ns) for value in values} == {(at(5.03).utc_ns, at(5.03).mono_ns)}


def test_what_may_not_be_priced_from_is_not_handed_over() -> None:
    silent = Feeds()
    silent.run(BOTH, 0, 5)
    silent.wait(7.5)
    split = Feeds()
    split.run(BOTH, 0, 4)
    split.tick("polygon", "I:SPX", 5.03, 6_850.0, 5)
    split.tick("massive", "I:SPX", 5.04, 6_851.0, 5)
    alone = Feeds()
    alone.run(("massive",), 0, 5)

    assert silent.failover.heard_values(at(7.5)) == ()
    assert {value.symbol for value in split.failover.heard_values(at(5.1))} == {"I:NDX"}
    assert {value.leg for value in alone.failover.heard_values(at(5.1))} == {"massive"}


def test_the_next_process_serves_from_them_at_once_and_at_their_own_age() -> None:
    feeds = later(heard())

    assert feeds.active_at(6.0) == "polygon"
    for name in SYMBOLS:
        health = feeds.failover.health(name, at(6.0))
        assert (health.serving, health.age_ms) == ("polygon", 970)


def test_they_never_serve_beyond_the_slo() -> None:
    feeds = later(heard())

    assert feeds.active_at(7.03) == "polygon"
    assert feeds.active_at(7.031) == "none"
    assert all(feeds.failover.health(name, at(7.04)).serving == "none" for name in SYMBOLS)
    assert all(feeds.failover.sample(name) is None for name in SYMBOLS)


def test_their_end_is_no_failure() -> None:
    feeds = later(heard())
    feeds.failover.window_started()
    ended = judged(feeds, 7.04)
    timeline = list(feeds.failover.timeline)

    feeds.run(BOTH, 8, 8)
    feeds.failover.window_ended()

    assert {(switch.active, switch.is_start) for switch in ended} == {("none", True)}
    assert timeline == []
    assert feeds.failover.active == "polygon"  # from the first value on, as after any start
    assert feeds.failover.windows_degraded == 0
    assert feeds.failover.switches[1] == 0
    assert feeds.failover.view(at(8.1)).recovery_ms == 5_000


def test_a_leg_that_was_heard_since_fails_as_ever() -> None:
    feeds = later(heard())
    feeds.run(BOTH, 7, 7)

    ended = judged(feeds, 9.04)

    assert {(switch.active, switch.is_start) for switch in ended} == {("none", False)}
    assert len(feeds.failover.timeline) == 2


def test_one_leg_alone_is_forgotten_alone() -> None:
    feeds = later(heard())
    feeds.failover.window_started()
    feeds.run(("massive",), 6, 7)

    assert feeds.active_at(7.04) == "massive"
    feeds.run(("polygon",), 8, 8)
    assert feeds.failover.active == "polygon"
    feeds.failover.window_ended()
    assert feeds.failover.windows_degraded == 0


@pytest.mark.parametrize(
    ("utc_s", "mono_s"),
    [(0.0, -5_000.0), (0.0, 5_000.0), (0.06, 0.0), (-0.06, 0.0), (3_600.0, 0.0)],
    ids=["started anew", "another machine", "wall clock ahead", "wall clock back", "an hour on"],
)
def test_other_clocks_than_those_they_were_read_from_take_nothing(utc_s: float, mono_s: float) -> None:
    start = at(6.0)
    feeds = Feeds()

    feeds.failover.take_over(heard(), Now(start.utc_ns + int(utc_s * NS_PER_S), start.mono_ns + int(mono_s * NS_PER_S)))

    assert all(feeds.failover.sample(name) is None for name in SYMBOLS)


def test_a_value_of_the_future_is_not_taken() -> None:
    ahead = tuple(msgspec.structs.replace(value, utc_ns=value.utc_ns + NS_PER_S, mono_ns=value.mono_ns + NS_PER_S) for value in heard())

    feeds = later(ahead, 6.029)

    assert all(feeds.failover.sample(name) is None for name in SYMBOLS)


def test_clocks_that_were_slewed_a_little_are_the_same() -> None:
    feeds = Feeds()
    feeds.failover.take_over(heard(), Now(at(6.0).utc_ns + 49 * NS_PER_MS, at(6.0).mono_ns))

    assert feeds.active_at(6.0) == "polygon"


def test_two_outages_after_it_still_change_nothing() -> None:
    feeds = later(heard())
    feeds.active_at(7.04)

    for first_s in (8, 18):
        feeds.run(BOTH, first_s, first_s + 7)
        assert feeds.active_at(first_s + 9.5) == "none"

    assert feeds.failover.view(at(28)).recovery_ms == 5_000
