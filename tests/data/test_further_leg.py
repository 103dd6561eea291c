"""A further leg is a witness: it is held against the pair and never quoted from."""

import pytest

from kalshi_alpha.config import FurtherLegConfig
from kalshi_alpha.model.instruments import Leg
from tests.data.feeds import OPEN_NS, START_MS, Feeds, at

CLOSE_NS = OPEN_NS + 23_400 * 1_000_000_000
BOTH: tuple[Leg, ...] = ("polygon", "massive")


def opened(tolerance_bp: float = 0.0) -> Feeds:
    witness = FurtherLegConfig(url="wss://127.0.0.1/indices", api_key_file="-", vendor="Other", tolerance_bp=tolerance_bp)
    feeds = Feeds(further=witness)
    feeds.failover.session(OPEN_NS, CLOSE_NS)
    return feeds


def usual(second: int) -> float:
    return 6_900.0 - abs(second % 100 - 50)


def play(feeds: Feeds, first_s: int, last_s: int, *, pair: tuple[float, float] = (0.0, 0.0), witness: float | None = 0.0) -> None:
    """Let all legs tick each second, so far off the true level; None: the witness is silent."""
    for second in range(first_s, last_s + 1):
        for leg, off in zip(BOTH, pair, strict=True):
            feeds.tick(leg, "I:SPX", second + 0.03, usual(second) + off, second)
            feeds.tick(leg, "I:NDX", second + 0.03, None, second)
        if witness is not None:
            feeds.failover.witnessed("backup", "I:SPX", usual(second) + witness, START_MS + second * 1_000, at(second + 0.04))


def state(feeds: Feeds) -> str:
    return feeds.failover.opinion("I:SPX").state


def test_one_that_agrees_changes_nothing() -> None:
    alone, watched = opened(), opened()
    play(alone, 0, 60, witness=None)
    play(watched, 0, 60)

    assert watched.emitted == alone.emitted
    assert watched.overall() == alone.overall() == [(0.03, "polygon")]
    assert state(watched) == "agrees"


@pytest.mark.parametrize(("pair", "serves"), [((3.0, 0.0), "massive"), ((0.0, 3.0), "polygon")])
def test_it_breaks_the_tie_between_legs_that_disagree(pair: tuple[float, float], serves: str) -> None:
    feeds = opened()
    play(feeds, 0, 10)

    play(feeds, 11, 12, pair=pair)

    feeds.active_at(12.05)
    assert feeds.failover.health("I:SPX", at(12.05)).serving == serves
    sample = feeds.failover.sample("I:SPX")
    assert sample is not None
    assert sample.level == usual(12)


def test_legs_that_disagree_without_it_serve_nobody() -> None:
    feeds = opened()
    play(feeds, 0, 10)

    play(feeds, 11, 12, pair=(3.0, 0.0), witness=None)

    assert feeds.failover.health("I:SPX", at(12.05)).disagrees


def test_it_contradicts_both_and_so_widens_then_pulls_until_they_agree_again() -> None:
    feeds = opened()
    play(feeds, 0, 10)

    play(feeds, 11, 14, pair=(9.0, 9.0))
    early = state(feeds)
    play(feeds, 15, 15, pair=(9.0, 9.0))
    later = feeds.failover.opinion("I:SPX")
    play(feeds, 16, 22, pair=(9.0, 9.0))
    last = state(feeds)
    play(feeds, 23, 26)

    assert (early, later.state, last) == ("agrees", "widen", "stand_down")
    assert later.source == "the further leg backup"
    assert later.gap == pytest.approx(9.0 / usual(14), rel=0.01)
    assert state(feeds) == "agrees"
    assert feeds.failover.health("I:SPX", at(26.05)).serving == "polygon"


def test_its_opinion_ends_a_minute_after_it_fell_silent() -> None:
    feeds = opened()
    play(feeds, 0, 10)
    play(feeds, 11, 24, pair=(9.0, 9.0))

    for seconds in (60.0, 83.0):
        feeds.failover.look_at_further(at(seconds))
        assert state(feeds) == "stand_down"
    feeds.failover.look_at_further(at(85.0))

    assert state(feeds) == "agrees"


def test_what_comes_late_or_twice_is_no_opinion() -> None:
    feeds = opened()
    play(feeds, 0, 10)

    play(feeds, 11, 30, witness=None)
    for second in range(11, 31):
        for _ in range(2):
            feeds.failover.witnessed("backup", "I:SPX", 1.0, START_MS + second * 1_000, at(31 + second / 100))

    assert state(feeds) == "agrees"
    assert feeds.failover.health("I:SPX", at(30.1)).serving == "polygon"


def test_it_stops_belief_in_a_leg_that_is_alone() -> None:
    feeds = opened()
    play(feeds, 0, 10)

    for second in range(11, 15):
        feeds.tick("polygon", "I:SPX", second + 0.03, usual(second) + (3.0 if second > 12 else 0.0), second)
        feeds.tick("polygon", "I:NDX", second + 0.03, None, second)
        feeds.failover.witnessed("backup", "I:SPX", usual(second), START_MS + second * 1_000, at(second + 0.04))
    before = feeds.failover.health("I:SPX", at(14.05)).serving
    feeds.tick("polygon", "I:SPX", 15.03, usual(15) + 3.0, 15)
    feeds.failover.witnessed("backup", "I:SPX", usual(15), START_MS + 15_000, at(15.04))

    assert (before, feeds.failover.health("I:SPX", at(15.05)).serving) == ("polygon", "none")


def test_another_vendors_may_differ_by_its_tolerance() -> None:
    exact, loose = opened(), opened(tolerance_bp=2.0)
    for feeds in (exact, loose):
        play(feeds, 0, 10)
        play(feeds, 11, 30, witness=1.0)

    assert (state(exact), state(loose)) == ("stand_down", "agrees")


def test_one_that_may_differ_clears_no_suspicion() -> None:
    exact, loose = opened(), opened(tolerance_bp=20.0)
    for feeds in (exact, loose):
        play(feeds, 0, 10)
        feeds.tick("polygon", "I:SPX", 10.5, usual(10) + 0.5, 10)  # contradicts itself
        feeds.failover.lost("massive", at(10.6))
        for second in (11, 12, 13):
            feeds.tick("polygon", "I:SPX", second + 0.03, usual(11), second)  # doesn't move, so that it clears nothing by itself
            feeds.failover.witnessed("backup", "I:SPX", usual(11), START_MS + second * 1_000, at(second + 0.04))

    suspicions = [feeds.failover.feeds["I:SPX"].legs["polygon"][0].suspicion for feeds in (exact, loose)]
    assert suspicions == ["", "contradicts_itself"]


def test_it_is_shown_as_what_it_is() -> None:
    feeds = opened()
    play(feeds, 0, 10)
    feeds.failover.further["backup"].is_connected = True

    view = feeds.failover.view(at(10.1))

    [further] = view.further
    assert (further.leg, further.vendor, further.path, further.connected) == ("backup", "Other", "127.0.0.1", True)
    assert {symbol: shown.verdict for symbol, shown in further.symbols.items()} == {"I:SPX": "FRESH", "I:NDX": "DOWN"}
    assert view.redundancy == "path"
    assert [leg.vendor for leg in view.legs] == ["Massive", "Massive"]
