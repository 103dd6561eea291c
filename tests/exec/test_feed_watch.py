"""What the feeds' health means for quoting and for the operator."""

import pytest

from kalshi_alpha.model import events as ev
from kalshi_alpha.model.instruments import LEGS
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import FeedSwitched
from tests.exec.harness import TARGET_S, Rig, booted, quoting


def test_between_windows_feeds_forbid_nothing_and_switches_are_recorded_only() -> None:
    rig = booted(Rig(at_s=TARGET_S + 300))
    rig.tick(8)
    rig.wait(4)
    rig.tick(10)

    assert rig.reasons == {Reason.NO_WINDOW}
    assert [record.active for record in rig.records(FeedSwitched)] == ["polygon", "none", "polygon"]
    assert not rig.incidents("feed")
    assert not rig.incidents("both_feeds")


def test_a_recovery_is_told_with_the_length_of_the_outage() -> None:
    rig = quoting()
    rig.dead_legs |= {("polygon", "I:SPX"), ("polygon", "I:NDX")}
    rig.tick(10)
    rig.dead_legs.clear()

    rig.tick(8)

    first, last = rig.incidents("feed")
    assert "I:NDX: polygon beyond its SLO" in first.title
    assert last.title == "polygon_ws recovered after 14.0 s"  # stale 2 s after its last value, back after 5 steady seconds


def test_the_first_value_of_a_start_inside_a_window_is_no_recovery() -> None:
    rig = booted(Rig())
    rig.tick(3)

    assert [record.active for record in rig.records(FeedSwitched)][-1] == "polygon"
    assert not rig.incidents("feed")


def test_massive_alone_after_an_outage_is_told_as_serving() -> None:
    rig = quoting()
    rig.wait(5)
    rig.dead_legs |= {("polygon", "I:SPX"), ("polygon", "I:NDX")}

    rig.tick(8)

    assert [noted.title.split(":")[0] for noted in rig.incidents("feed")] == ["Served by massive", "I", "I"]
    assert {noted.title for noted in rig.incidents("feed")[1:]} == {f"{symbol}: the recovery is confirmed" for symbol in rig.levels}


@pytest.mark.parametrize(
    ("status", "title"), [("silent", "polygon_ws: connected, but silent"), ("max_connections", "polygon_ws: max_connections")]
)
def test_a_warning_says_in_words_what_happened_and_who_serves(status: str, title: str) -> None:
    rig = quoting()

    rig.tell(ev.FeedWarned("polygon", status, "as sent"))
    rig.wait(4)
    rig.tell(ev.FeedWarned("polygon", status, "as sent"))

    first, last = rig.incidents("feed")
    assert (first.title, first.did) == (title, "polygon serves; the leg tries again by itself")
    assert last.did == "no leg serves; the leg tries again by itself"


def test_feeds_that_disagree_are_not_quoted_from() -> None:
    rig = quoting()
    second_ms = (rig.utc_ns // 10**9 + 1) * 1_000
    rig.wait_until(second_ms * 10**6 + 20_000_000)

    rig.tell(ev.IndexTicked("polygon", "I:SPX", 6_850.0, second_ms))
    rig.tell(ev.IndexTicked("massive", "I:SPX", 6_852.0, second_ms))

    assert [(held.reason, held.scope) for held in rig.engine.facts.reasons] == [
        (Reason.FEED_DISAGREES, "I:SPX"),
        (Reason.FEED_UNCONFIRMED, "I:SPX"),
    ]
    assert [noted.title for noted in rig.incidents("both_feeds")] == ["The feeds disagree and nothing tells which is right"]
    assert {order.intent.series for order in rig.live()} == {"NASDAQ100U"}


def test_in_the_final_minute_silence_counts_after_a_second_and_four_tenths() -> None:
    rig = quoting(Rig(at_s=TARGET_S - 50))

    rig.wait(1.39)
    before = set(rig.reasons)
    rig.wait(0.03)

    assert not before
    assert rig.reasons == {Reason.FINAL_MINUTE_LAG}
    assert not rig.live()


def test_in_the_final_minute_values_that_come_late_do_not_count() -> None:
    rig = quoting(Rig(at_s=TARGET_S - 50))
    second = rig.utc_ns // 10**9 + 1

    rig.wait_until(second * 10**9 + 800_000_000)
    for leg in LEGS:
        for symbol, level in rig.levels.items():
            rig.tell(ev.IndexTicked(leg, symbol, level, second * 1_000))

    assert rig.reasons == {Reason.FINAL_MINUTE_LAG}


def test_without_any_value_the_final_minute_is_just_down() -> None:
    rig = booted(Rig(at_s=TARGET_S - 50))

    rig.wait(3)

    assert rig.reasons == {Reason.FEED_DOWN}


def test_a_vendors_complaint_is_told_inside_windows_only() -> None:
    inside, outside = quoting(), booted(Rig(at_s=TARGET_S + 300))

    for rig in (inside, outside):
        rig.wait(0.01)
        rig.tell(ev.FeedWarned("massive", "max_connections", "too many"))

    assert [noted.title for noted in inside.incidents("feed")] == ["massive_ws: max_connections"]
    assert not outside.incidents("feed")


def test_a_connection_that_ends_counts_only_when_its_values_are_stale() -> None:
    rig = quoting()

    rig.tell(ev.FeedLost("polygon", "reset"))

    assert not rig.reasons
    assert rig.engine.facts.feed_connected == {"polygon": False, "massive": True}
    assert rig.engine.facts.feed_facts(rig.now)["polygon_ws"].startswith("disconnected")


def test_before_the_first_value_the_snapshot_says_so() -> None:
    rig = booted(Rig())

    told = rig.engine.facts.feed_facts(rig.now)

    assert told["polygon I:SPX"] == "-, age never, DOWN"
    assert told["massive_ws"] == "connected, age never, SLO 2000 ms"


def test_a_leg_that_repeats_its_value_is_told_once_and_the_other_one_quoted_from() -> None:
    rig = quoting()
    for step in range(1, 8):
        second = rig.utc_ns // 10**9 + 1
        rig.wait_until(second * 10**9 + 20_000_000)
        for symbol, level in rig.levels.items():
            rig.tell(ev.IndexTicked("massive", symbol, level + step * 0.25, second * 1_000))
            rig.tell(ev.IndexTicked("polygon", symbol, level, second * 1_000))

    told = [noted.title for noted in rig.incidents("feed") if "frozen" in noted.title and noted.title.startswith("polygon_ws: I:")]
    assert told == ["polygon_ws: I:SPX is frozen", "polygon_ws: I:NDX is frozen"]
    assert not rig.reasons
    assert rig.engine.facts.failover.active == "massive"
    assert {ladder.level for ladder in rig.engine.facts.ladders.values()} == {6_851.75, 25_301.75}


def test_a_jump_on_one_leg_is_not_quoted_from_until_the_other_repeats_it() -> None:
    rig = quoting()
    second_ms = (rig.utc_ns // 10**9 + 1) * 1_000
    rig.wait_until(second_ms * 10**6 + 20_000_000)

    rig.tell(ev.IndexTicked("polygon", "I:SPX", 6_870.0, second_ms))
    alone = {(held.reason, held.scope) for held in rig.engine.facts.reasons}
    pulled = not any(order.intent.series == "INXU" for order in rig.live())
    rig.tell(ev.IndexTicked("massive", "I:SPX", 6_870.0, second_ms))

    assert alone == {(Reason.FEED_JUMPED, "I:SPX")}
    assert pulled
    assert not rig.reasons
