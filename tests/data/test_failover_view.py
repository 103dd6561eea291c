"""What the failover tells others: counters, the timeline, degraded windows, the monitors' view."""

from kalshi_alpha.model.instruments import Leg
from tests.data.feeds import Feeds, at

BOTH: tuple[Leg, ...] = ("polygon", "massive")


def outage(feeds: Feeds) -> None:
    """Let polygon die from 10.03 to 21.03; it is active again at 26.03."""
    feeds.run(BOTH, 0, 10)
    feeds.run(("massive",), 11, 20)
    feeds.run(BOTH, 21, 30)


def test_the_first_leg_found_is_no_switch() -> None:
    feeds = Feeds()

    feeds.run(BOTH, 0, 3)

    view = feeds.failover.view(at(3.5))
    assert (view.active, view.state, view.switches_today, view.last_switch_ns, view.last_switch_reason) == (
        "polygon",
        "primary",
        0,
        None,
        None,
    )
    assert view.since_ns == at(0.03).utc_ns


def test_an_outage_is_two_switches_with_their_reasons() -> None:
    feeds = Feeds()

    outage(feeds)

    view = feeds.failover.view(at(30.5))
    assert view.switches_today == 2
    assert view.last_switch_ns == at(26.03).utc_ns
    assert view.last_switch_reason == "I:NDX: polygon fresh without a miss"
    assert [(utc_ns - at(0).utc_ns, active) for utc_ns, active in feeds.failover.timeline] == [
        (30_000_000, "polygon"),
        (12_030_000_001, "massive"),
        (26_030_000_000, "polygon"),
    ]


def test_yesterdays_switches_are_not_todays() -> None:
    feeds = Feeds()

    outage(feeds)

    assert feeds.failover.view(at(86_400)).switches_today == 0


def test_a_switch_tells_both_ages() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)
    feeds.run(("massive",), 11, 11)

    found = feeds.failover.evaluate(at(12.5))

    assert [(switch.symbol, switch.polygon_age_ms, switch.massive_age_ms) for switch in found] == [
        ("I:SPX", 2_470, 1_470),
        ("I:NDX", 2_470, 1_470),
        ("", 2_470, 1_470),
    ]


def test_the_view_has_each_leg_and_symbol() -> None:
    feeds = Feeds()
    feeds.failover.connected("polygon", at(0))
    feeds.failover.connected("massive", at(0))
    feeds.run(("massive",), 0, 3)
    feeds.run(("polygon",), 4, 4)
    feeds.failover.lost("massive", at(4.1))

    view = feeds.failover.view(at(4.53))

    polygon, massive = view.legs
    assert (polygon.leg, polygon.connected, polygon.stale, polygon.age_ms, polygon.slo_ms, polygon.event_lag_ms) == (
        "polygon", True, False, 500, 2_000, 0,
    )  # fmt: skip
    assert (massive.leg, massive.connected, massive.stale, massive.age_ms) == ("massive", False, False, 1_500)
    assert massive.last_event_ms == at(3).utc_ns // 1_000_000
    assert massive.symbols["I:NDX"].level == 25_303.0
    assert (view.primary_age_ms, view.secondary_age_ms) == (500, 1_500)


def test_divergence_compares_equal_event_times_only() -> None:
    feeds = Feeds()
    feeds.tick("polygon", "I:SPX", 0.03, 6_850.0, 0)
    feeds.tick("massive", "I:SPX", 0.04, 6_850.685, 0)
    feeds.tick("polygon", "I:SPX", 1.03, 6_900.0, 1)

    view = feeds.failover.view(at(1.05))

    assert view.divergence_bp == 1.0
    assert not view.agree


def test_states_name_the_recovery() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    feeds.run(("massive",), 11, 20)
    secondary = feeds.failover.view(at(20.5)).state
    feeds.run(BOTH, 21, 22)
    recovering = feeds.failover.view(at(22.5)).state
    feeds.active_at(40)
    down = feeds.failover.view(at(40)).state
    feeds.run(("polygon",), 41, 42)

    assert (secondary, recovering, down) == ("secondary", "secondary_recovering", "down")
    assert feeds.failover.view(at(42.5)).state == "down_recovering"


def test_a_leg_that_comes_back_tells_how_long_it_has_been_steady_and_how_long_it_must_be() -> None:
    feeds = Feeds()
    feeds.run(BOTH, 0, 10)

    feeds.run(("massive",), 11, 20)
    gone = feeds.failover.view(at(20.5)).legs[0]
    feeds.tick("polygon", "I:SPX", 20.53, None, 20)
    feeds.run(BOTH, 21, 23)
    back = feeds.failover.view(at(23.5))

    assert gone.steady_ms is None
    assert (back.active, back.recovery_ms, back.legs[0].steady_ms) == ("massive", 5_000, 2_470)
    assert back.legs[1].steady_ms == 23_470


def test_degraded_windows_in_a_row_are_counted_and_a_clean_one_starts_over() -> None:
    feeds = Feeds()
    failover = feeds.failover
    counts: list[int] = []

    failover.window_started()
    feeds.run(BOTH, 0, 5)
    failover.window_ended()
    counts.append(failover.windows_degraded)
    for first in (6, 46):
        failover.window_started()
        feeds.run(BOTH, first, first + 4)
        feeds.run(("massive",), first + 5, first + 14)
        feeds.run(BOTH, first + 15, first + 25)
        failover.window_ended()
        counts.append(failover.windows_degraded)
        feeds.run(BOTH, first + 26, first + 39)
    failover.window_started()
    feeds.run(BOTH, 86, 90)
    failover.window_ended()
    counts.append(failover.windows_degraded)

    assert counts == [0, 1, 2, 0]


def test_a_window_without_any_value_is_degraded() -> None:
    failover = Feeds().failover
    failover.windows_degraded = 2

    failover.window_started()
    failover.evaluate(at(900))
    failover.window_ended()

    assert failover.windows_degraded == 3


def test_nothing_is_due_while_nothing_was_heard() -> None:
    feeds = Feeds()
    feeds.failover.evaluate(at(0))

    assert feeds.failover.next_deadline_ns() is None


def test_the_deadline_is_the_first_nanosecond_of_staleness_and_then_none() -> None:
    feeds = Feeds()
    feeds.both_symbols("polygon", 0.03, 0)

    due_ns = feeds.failover.next_deadline_ns()
    assert due_ns == at(2.03).mono_ns + 1
    feeds.active_at(3)

    assert feeds.failover.active == "none"
    assert feeds.failover.next_deadline_ns() is None
