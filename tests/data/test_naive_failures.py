"""The nine failures of a controller that only compares times on arrival, each held here, in the order in which they are known."""

from kalshi_alpha.model.instruments import Leg
from tests.data.feeds import OPEN_NS, Feeds, at

BOTH: tuple[Leg, ...] = ("polygon", "massive")


def test_1_massive_serves_when_polygon_never_sends_anything() -> None:
    feeds = Feeds()

    feeds.run(("massive",), 0, 60)

    assert feeds.overall() == [(0.03, "massive")]
    assert len(feeds.emitted) == 2 * 61


def test_2_polygon_serves_again_when_massive_dies_after_a_failover() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)
    feeds.run(("massive",), 11, 20)

    feeds.run(("polygon",), 21, 77)

    # polygon is back at 21.03; massive is stale at 22.03, polygon steady at 26.03.
    assert feeds.overall() == [(0.03, "polygon"), (12.03, "massive"), (22.03, "none"), (26.03, "polygon")]
    assert feeds.emitted[-1][:2] == ("I:NDX", 77_000)


def test_3_one_polygon_value_is_no_recovery_however_late_it_comes() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    for second in range(11, 60):
        feeds.run(("massive",), second, second)
        if second % 3 == 1:
            feeds.run(("polygon",), second, second)

    assert feeds.overall() == [(0.03, "polygon"), (12.03, "massive")]


def test_4_a_massive_clock_ahead_of_ours_moves_nothing() -> None:
    feeds = Feeds()

    for second in range(60):
        feeds.both_symbols("massive", second + 0.02, second + 1.5)
        feeds.both_symbols("polygon", second + 0.03, second)

    assert feeds.overall() == [(0.03, "polygon")]
    assert feeds.failover.rejected == {"future": 120}
    assert not feeds.failover.health("I:SPX", at(59.5)).disagrees


def test_5_a_stamp_of_the_future_hides_no_dead_polygon() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    feeds.both_symbols("polygon", 10.5, 70.5)
    feeds.run(("massive",), 11, 50)

    assert feeds.overall() == [(0.03, "polygon"), (12.03, "massive")]
    assert feeds.emitted[-1][:2] == ("I:NDX", 50_000)
    assert all(stamp_ms <= 50_000 for _, stamp_ms, _ in feeds.emitted)


def test_6_silence_alone_ends_in_none() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    active = feeds.active_at(600)

    assert active == "none"
    assert feeds.overall()[-1] == (12.03, "none")


def test_7_a_gap_of_one_and_a_quarter_seconds_flips_nothing() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    feeds.both_symbols("polygon", 11.28, 11)
    feeds.run(BOTH, 12, 20)

    assert feeds.overall() == [(0.03, "polygon")]


def test_8_a_value_frozen_on_polygon_while_massive_moves_is_found_and_massive_serves() -> None:
    feeds = Feeds()
    feeds.failover.session(OPEN_NS, OPEN_NS + 23_400 * 10**9)
    feeds.run(BOTH, 0, 10)

    for second in range(11, 70):
        feeds.tick("polygon", "I:SPX", second + 0.03, 6_860.0, second)
        feeds.tick("polygon", "I:NDX", second + 0.03, None, second)
        for symbol in ("I:SPX", "I:NDX"):
            feeds.tick("massive", symbol, second + 0.05, None, second)

    # It stops at 10.03; the first second in which they differ nobody can say who is right, at 13.03 it has stood still for 3 s.
    assert [(seconds, active) for seconds, symbol, active in feeds.switches if symbol == "I:SPX"] == [
        (0.03, "polygon"),
        (11.05, "none"),
        (13.03, "massive"),
    ]
    assert feeds.failover.feeds["I:SPX"].legs["polygon"][0].suspicion == "frozen"
    sample = feeds.failover.sample("I:SPX")
    assert sample is not None
    assert (sample.leg, sample.level) == ("massive", 6_850.0 + 31)  # at second 69 the level is on its way back


def test_9_a_backward_stamp_is_neither_passed_on_nor_believed() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    advanced = feeds.tick("polygon", "I:SPX", 10.5, 1_234.0, 2)
    feeds.tick("polygon", "I:SPX", 10.6, 6_852.0, 2)
    feeds.run(BOTH, 11, 30)

    assert not advanced
    assert feeds.failover.rejected["backward"] == 1
    assert feeds.overall() == [(0.03, "polygon")]
    assert [stamp for symbol, stamp, _ in feeds.emitted if symbol == "I:SPX"] == [1_000 * second for second in range(31)]
