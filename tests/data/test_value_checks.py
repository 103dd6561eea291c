"""What speaks against a value that came in time, and what speaks for the leg again."""

import pytest

from kalshi_alpha.data.failover import FeedDoubt
from kalshi_alpha.data.leg_health import LegSymbol
from kalshi_alpha.model.instruments import SYMBOLS, Leg
from tests.data.feeds import OPEN_NS, START_MS, Feeds, at

BOTH: tuple[Leg, ...] = ("polygon", "massive")
CLOSE_NS = OPEN_NS + 23_400 * 10**9


def opened(begin_s: float = 0.0) -> Feeds:
    """Return feeds in a regular session that opened so long before their second 0."""
    feeds = Feeds()
    feeds.failover.session(OPEN_NS - int(begin_s * 1e9), CLOSE_NS)
    return feeds


def leg(feeds: Feeds, name: Leg, symbol: str = "I:SPX") -> LegSymbol:
    return next(feed.legs[name][0] for known, feed in feeds.failover.feeds.items() if known == symbol)


def verdicts(feeds: Feeds, seconds: float, symbol: str = "I:SPX") -> tuple[str, str]:
    polygon, massive = feeds.failover.view(at(seconds)).legs
    return polygon.symbols[symbol].verdict, massive.symbols[symbol].verdict


def part(feeds: Feeds, first_s: int, last_s: int, polygon: float | None, massive: float | None) -> None:
    """Let both legs tick each second with these levels of the S&P 500; None: the usual."""
    for second in range(first_s, last_s + 1):
        feeds.tick("polygon", "I:SPX", second + 0.03, polygon, second)
        feeds.tick("massive", "I:SPX", second + 0.05, massive, second)
        for name in BOTH:
            feeds.tick(name, "I:NDX", second + 0.05, None, second)


# Verdicts


def test_a_leg_goes_from_fresh_over_late_and_stale_to_down() -> None:
    feeds = Feeds()
    before = verdicts(feeds, 0)
    for name in BOTH:
        feeds.failover.connected(name, at(0))
    feeds.run(BOTH, 0, 5)

    seen = [verdicts(feeds, 5.03 + age)[0] for age in (0.5, 1.1, 1.101, 2.0, 2.001, 10.0, 10.001)]

    assert before == ("DOWN", "DOWN")
    assert seen == ["FRESH", "FRESH", "LATE", "LATE", "STALE", "STALE", "DOWN"]


def test_a_stale_leg_without_a_connection_is_down() -> None:
    feeds = Feeds()
    feeds.failover.connected("polygon", at(0))
    feeds.run(BOTH, 0, 5)
    feeds.failover.lost("polygon", at(5.5))

    assert verdicts(feeds, 6)[0] == "FRESH"
    assert verdicts(feeds, 7.1)[0] == "DOWN"


def test_a_value_that_came_with_a_great_lag_is_late_at_once() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 5)

    feeds.both_symbols("polygon", 7.2, 6)

    assert verdicts(feeds, 7.21)[0] == "LATE"


def test_legs_that_disagree_are_both_suspect() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 5)
    part(feeds, 6, 6, 6_856.0, 6_857.0)

    polygon = feeds.failover.view(at(6.1)).legs[0].symbols["I:SPX"]
    assert (polygon.verdict, polygon.note) == ("SUSPECT", "the legs disagree")
    assert verdicts(feeds, 6.1, "I:NDX") == ("FRESH", "FRESH")


# Disagreement


def test_while_the_legs_disagree_nobody_serves_and_after_it_both_have_to_be_steady() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)
    part(feeds, 11, 11, 6_861.0, 6_862.0)

    feeds.run(BOTH, 12, 30)

    # Last apart at 11.05: three agreements until 14, five steady seconds until 16.05.
    assert feeds.overall() == [(0.03, "polygon"), (11.05, "none"), (16.05, "polygon")]
    assert feeds.failover.view(at(30)).last_switch_reason == "I:SPX: polygon fresh without a miss"


# Frozen


def test_a_quiet_market_freezes_nothing() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)

    part(feeds, 11, 100, 6_860.0, 6_860.0)

    assert feeds.overall() == [(0.03, "polygon")]


def test_after_the_close_repeated_values_are_no_freeze() -> None:
    feeds = Feeds()
    feeds.failover.session(OPEN_NS - 10**12, OPEN_NS + 5 * 10**9)
    feeds.run(BOTH, 0, 10)

    part(feeds, 11, 40, 6_860.0, None)

    assert leg(feeds, "polygon").suspicion == ""


def test_a_frozen_massive_changes_nothing_but_its_verdict() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)

    part(feeds, 11, 20, None, 6_860.0)

    assert verdicts(feeds, 20.5) == ("FRESH", "SUSPECT")
    assert [(seconds, active) for seconds, symbol, active in feeds.switches if symbol == "I:SPX"][-2:] == [
        (11.05, "none"),
        (13.05, "polygon"),
    ]
    assert feeds.failover.take_doubts() == [FeedDoubt("I:SPX", "massive", "frozen")]
    assert feeds.failover.take_doubts() == []


def test_a_leg_that_froze_is_believed_after_three_agreements_and_serves_after_five_more_seconds() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)
    part(feeds, 11, 20, 6_860.0, None)

    feeds.run(BOTH, 21, 40)

    # polygon comes first each second: its three agreements are at 21.03, 22.03 and 23.03 of massive, the second to arrive.
    assert feeds.overall()[-2:] == [(13.03, "massive"), (28.03, "polygon")]


def test_a_frozen_leg_that_is_left_alone_proves_itself_by_moving() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)
    part(feeds, 11, 20, 6_860.0, None)

    feeds.run(("polygon",), 21, 40)

    # massive is unusable from 22.05 on: moves at 23.03, 24.03, 25.03, then five seconds.
    assert feeds.overall()[-2:] == [(22.05, "none"), (30.03, "polygon")]


def test_nobody_is_frozen_by_a_leg_that_is_stale_itself() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)
    feeds.tick("massive", "I:SPX", 11.05, 6_870.0, 11)

    for second in range(12, 40):
        feeds.tick("polygon", "I:SPX", second + 0.06, 6_860.0, second)  # at 13.06 it has stood for 3 s; massive was stale at 13.05

    assert leg(feeds, "polygon").suspicion == ""


# The previous close


def test_the_previous_close_at_the_open_is_not_believed_until_it_changes() -> None:
    feeds = opened(-20.0)  # opens at second 20
    part(feeds, 0, 19, 6_850.0, 6_850.0)
    part(feeds, 20, 24, 6_850.0, 6_850.0)
    at_open = feeds.failover.health("I:SPX", at(24.5))
    note = feeds.failover.view(at(24.5)).legs[1].symbols["I:SPX"].note

    part(feeds, 25, 40, 6_853.0, 6_853.0)

    assert at_open.serving == "none"
    assert note == "repeating the previous close"
    # Both move at 25; believed from then on, they are steady five seconds later.
    assert [(seconds, active) for seconds, symbol, active in feeds.switches if symbol == "I:SPX"] == [
        (0.03, "polygon"),
        (20.03, "massive"),
        (20.05, "none"),
        (30.03, "polygon"),
    ]


def test_an_index_that_comes_back_to_the_previous_close_within_the_opening_is_believed() -> None:
    feeds = opened(-5.0)
    part(feeds, 0, 4, 6_850.0, 6_850.0)
    part(feeds, 5, 10, 6_853.0, 6_853.0)

    part(feeds, 11, 12, 6_850.0, 6_850.0)

    assert verdicts(feeds, 12.5) == ("FRESH", "FRESH")


def test_one_leg_at_the_previous_close_leaves_the_other_one_serving() -> None:
    feeds = opened(-20.0)
    part(feeds, 0, 19, 6_850.0, 6_850.0)

    part(feeds, 20, 40, 6_850.0, 6_853.0)

    assert verdicts(feeds, 40.5) == ("SUSPECT", "FRESH")
    assert feeds.failover.health("I:SPX", at(40.5)).serving == "massive"
    assert not feeds.failover.health("I:SPX", at(40.5)).disagrees


def test_half_a_minute_after_the_open_the_previous_close_is_a_level_like_any_other() -> None:
    feeds = opened(-5.0)
    part(feeds, 0, 4, 6_850.0, 6_850.0)
    part(feeds, 5, 34, 6_853.0, 6_853.0)

    part(feeds, 35, 40, 6_850.0, 6_850.0)

    assert verdicts(feeds, 40.5) == ("FRESH", "FRESH")


def test_a_restart_before_the_open_knows_the_previous_close() -> None:
    feeds = Feeds()
    feeds.failover.restore_levels({"I:SPX": (6_850.0, START_MS - 60_000_000)})
    feeds.failover.session(OPEN_NS, CLOSE_NS)

    part(feeds, 1, 3, 6_850.0, 6_851.0)

    assert verdicts(feeds, 3.5) == ("SUSPECT", "FRESH")


def test_a_restart_within_the_session_takes_no_level_of_it_for_the_previous_close() -> None:
    feeds = Feeds()
    feeds.failover.restore_levels({"I:SPX": (6_850.0, START_MS + 1_000)})
    feeds.failover.session(OPEN_NS, CLOSE_NS)

    part(feeds, 2, 3, 6_850.0, 6_850.0)

    assert verdicts(feeds, 3.5) == ("FRESH", "FRESH")


def test_the_levels_of_now_are_what_a_restart_takes_over() -> None:
    feeds = Feeds()
    feeds.run(("polygon",), 0, 2)

    assert feeds.failover.levels() == {"I:SPX": (6_852.0, START_MS + 2_000), "I:NDX": (25_302.0, START_MS + 2_000)}


# The delayed plan


def test_a_constant_lag_of_a_quarter_of_an_hour_is_called_a_delayed_plan_and_never_serves() -> None:
    feeds = Feeds()
    for second in range(60):
        feeds.both_symbols("polygon", second + 0.03, second - 900)
        feeds.both_symbols("massive", second + 0.05, second)

    polygon = feeds.failover.view(at(59.5)).legs[0].symbols["I:SPX"]
    assert (polygon.verdict, polygon.note) == ("SUSPECT", "delayed by minutes on purpose: is the plan real-time?")
    assert {active for _, _, active in feeds.switches} == {"massive"}
    assert feeds.emitted[-1][:2] == ("I:NDX", 59_000)


@pytest.mark.parametrize("lag_s", [30.0, 599.0])
def test_a_shorter_lag_is_just_stale(lag_s: float) -> None:
    feeds = Feeds()
    for second in range(20):
        feeds.failover.connected("polygon", at(0))
        feeds.both_symbols("polygon", second + 0.03, second - lag_s)

    assert verdicts(feeds, 19.5)[0] == "STALE"


def test_a_lag_that_grows_is_no_delayed_plan() -> None:
    feeds = Feeds()
    for second in range(20):
        feeds.failover.connected("polygon", at(0))
        feeds.both_symbols("polygon", second * 2.0 + 0.03, second - 900)

    assert verdicts(feeds, 38.5)[0] == "STALE"


def test_a_plan_that_becomes_real_time_serves_when_it_is_steady() -> None:
    feeds = Feeds()
    for second in range(10):
        feeds.both_symbols("polygon", second + 0.03, second - 900)

    feeds.run(("polygon",), 10, 30)

    assert feeds.overall() == [(15.03, "polygon")]


# Jumps


def test_a_jump_is_used_when_the_other_leg_repeats_it_and_nothing_is_quoted_until_then() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)

    advanced = feeds.tick("polygon", "I:SPX", 11.03, 6_880.0, 11)
    alone = feeds.failover.health("I:SPX", at(11.04))
    confirmed = feeds.tick("massive", "I:SPX", 11.06, 6_880.0, 11)
    after = feeds.failover.health("I:SPX", at(11.07))

    assert (advanced, confirmed) == (False, True)
    assert (alone.serving, alone.jumped, after.jumped) == ("polygon", True, False)
    assert feeds.overall() == [(0.03, "polygon")]
    assert feeds.failover.rejected == {"jump": 1}


def test_a_spike_of_one_leg_is_taken_back_by_its_next_value() -> None:
    feeds = opened()
    feeds.run(("polygon",), 0, 10)

    feeds.tick("polygon", "I:SPX", 11.03, 6_880.0, 11)
    feeds.tick("polygon", "I:SPX", 12.03, 6_861.0, 12)

    sample = feeds.failover.sample("I:SPX")
    assert sample is not None
    assert sample.level == 6_861.0
    assert not feeds.failover.health("I:SPX", at(12.1)).jumped


def test_a_spike_that_the_other_leg_contradicts_is_a_disagreement() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)

    feeds.tick("polygon", "I:SPX", 11.03, 6_880.0, 11)
    feeds.tick("massive", "I:SPX", 11.06, 6_861.0, 11)

    assert feeds.failover.health("I:SPX", at(11.1)).disagrees


def test_a_jump_whose_leg_falls_silent_is_forgotten_after_three_seconds_of_the_other() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)
    feeds.tick("polygon", "I:SPX", 11.03, 6_880.0, 11)

    jumped = []
    for second in (12, 13, 14):
        feeds.tick("massive", "I:SPX", second + 0.06, 6_860.0 + second - 10, second)
        jumped.append(feeds.failover.health("I:SPX", at(second + 0.1)).jumped)

    assert jumped == [True, True, False]


@pytest.mark.parametrize(("move_bp", "silence_s"), [(19.0, 4), (29.0, 9)])
def test_a_leg_alone_is_believed_when_the_root_of_time_has_caught_up(move_bp: float, silence_s: int) -> None:
    feeds = opened()
    feeds.run(("polygon",), 0, 10)
    level = 6_860.0 * (1.0 + move_bp / 1e4)

    taken = [feeds.tick("polygon", "I:SPX", 10 + second + 0.03, level, 10 + second) for second in range(1, silence_s + 1)]

    assert taken == [False] * (silence_s - 1) + [True]


# Contradictions and snapshots


def test_a_leg_that_contradicts_itself_leaves_the_other_one_serving() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)

    feeds.tick("polygon", "I:SPX", 10.5, 6_860.5, 10)

    assert feeds.failover.health("I:SPX", at(10.6)).serving == "massive"
    assert verdicts(feeds, 10.6) == ("SUSPECT", "FRESH")


def test_a_snapshot_decides_between_legs_that_disagree() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)
    part(feeds, 11, 12, 6_864.0, None)
    before = feeds.failover.health("I:SPX", at(12.4))

    changed = feeds.failover.probed("I:SPX", 6_861.0, START_MS + 11_500, at(12.5))
    feeds.active_at(12.5)

    sample = feeds.failover.sample("I:SPX")
    assert sample is not None
    assert before.disagrees
    assert changed
    assert (sample.leg, sample.level, sample.mono_ns) == ("massive", 6_862.0, at(12.05).mono_ns)
    assert feeds.failover.active == "massive"
    assert verdicts(feeds, 12.6) == ("SUSPECT", "FRESH")
    assert feeds.failover.view(at(12.6)).legs[0].symbols["I:SPX"].note == "contradicted by a snapshot or a further leg"


def test_a_snapshot_that_agrees_with_neither_decides_nothing() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)
    part(feeds, 11, 12, 6_870.0, None)

    assert not feeds.failover.probed("I:SPX", 6_900.0, START_MS + 11_000, at(12.5))
    assert feeds.failover.health("I:SPX", at(12.6)).disagrees


def test_a_snapshot_older_than_what_is_remembered_decides_nothing() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 60)
    part(feeds, 61, 62, 6_899.0, None)

    assert not feeds.failover.probed("I:SPX", 6_853.0, START_MS + 3_000, at(62.5))
    assert feeds.failover.health("I:SPX", at(62.6)).disagrees


def test_when_the_wrong_one_of_two_disagreeing_legs_died_a_snapshot_frees_the_other() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)
    part(feeds, 11, 12, None, 6_870.0)
    feeds.run(("polygon",), 13, 30)
    before = feeds.failover.active

    feeds.failover.probed("I:SPX", 6_880.0, START_MS + 30_000, at(30.5))

    assert before == "none"
    assert feeds.active_at(30.5) == "polygon"


def test_two_snapshots_in_a_row_speak_against_a_leg_that_is_alone() -> None:
    feeds = opened()
    feeds.run(("polygon",), 0, 10)

    feeds.failover.probed("I:SPX", 6_900.0, START_MS + 9_000, at(10.2))
    feeds.failover.probed("I:SPX", 6_860.0, START_MS + 10_000, at(10.3))
    feeds.failover.probed("I:SPX", 6_900.0, START_MS + 9_000, at(10.4))
    once = feeds.active_at(10.45)
    feeds.failover.probed("I:SPX", 6_900.0, START_MS + 10_000, at(10.5))

    assert once == "polygon"
    assert feeds.active_at(10.6) == "none"
    assert feeds.failover.feeds["I:NDX"].serving == "polygon"


def test_two_snapshots_that_agree_clear_a_leg() -> None:
    feeds = opened()
    feeds.run(("polygon",), 0, 10)
    for _ in range(2):
        feeds.failover.probed("I:SPX", 6_900.0, START_MS + 10_000, at(10.5))
    feeds.run(("polygon",), 11, 12)

    feeds.failover.probed("I:SPX", 6_861.0, START_MS + 11_000, at(12.1))
    one = leg(feeds, "polygon").suspicion
    feeds.failover.probed("I:SPX", 6_862.0, START_MS + 12_000, at(12.2))

    assert one == "outvoted"
    assert leg(feeds, "polygon").suspicion == ""
    assert feeds.active_at(12.3) == "none"  # and now five steady seconds
    feeds.run(("polygon",), 13, 20)
    assert feeds.overall()[-1] == (17.2, "polygon")


def test_an_outvoted_leg_alone_never_proves_itself_by_moving() -> None:
    feeds = opened()
    feeds.run(("polygon",), 0, 10)
    for _ in range(2):
        feeds.failover.probed("I:SPX", 6_900.0, START_MS + 10_000, at(10.5))

    feeds.run(("polygon",), 11, 60)

    assert feeds.active_at(60.5) == "none"


def test_snapshots_against_a_leg_change_nothing_while_the_other_one_is_well() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)

    for _ in range(5):
        feeds.failover.probed("I:SPX", 6_900.0, START_MS + 10_000, at(10.5))

    assert feeds.active_at(10.6) == "polygon"


def test_a_suspected_leg_adds_nothing_to_the_merged_values() -> None:
    feeds = opened()
    feeds.run(BOTH, 0, 10)
    feeds.tick("polygon", "I:SPX", 10.5, 6_860.5, 10)
    emitted = len(feeds.emitted)

    for symbol in SYMBOLS:
        feeds.tick("polygon", symbol, 11.03, None, 11)

    assert [symbol for symbol, *_ in feeds.emitted[emitted:]] == ["I:NDX"]


# Dwell and damping


def test_massive_stays_for_the_dwell_time_when_polygon_is_back_at_once() -> None:
    feeds = Feeds(dwell_s=20.0)
    feeds.run(BOTH, 0, 10)
    feeds.run(("massive",), 11, 13)

    feeds.run(BOTH, 14, 60)

    assert feeds.overall() == [(0.03, "polygon"), (12.03, "massive"), (32.03, "polygon")]


def test_the_third_outage_within_minutes_makes_polygon_wait_longer() -> None:
    feeds = Feeds()
    second = 0
    for _ in range(4):
        feeds.run(BOTH, second, second + 30)
        feeds.run(("massive",), second + 31, second + 40)
        second += 41
    feeds.run(BOTH, second, second + 60)

    waits = [round(back - 41 * n - 0.03, 2) for n, (back, active) in enumerate(feeds.overall()[2::2], 1) if active == "polygon"]

    # Failures 41 s apart, each worth half as much after 300 s: penalties 1, 1.910, 2.737, 3.489; the wait is 5 x 2 ^ (penalty - 2).
    assert waits == [5.0, 5.0, pytest.approx(8.33, abs=0.02), pytest.approx(14.04, abs=0.02)]
