"""The whole system in virtual time, judged by the venue's record."""

import msgspec
import pytest

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sim.fast import Played, judge, play
from kalshi_alpha.sim.feed.faults import FeedFault
from kalshi_alpha.sim.scorecard import Scorecard
from kalshi_alpha.sim.script import DEMO_DAY, DayScript, DiskFault, demo_script, random_script

SHORT = WindowsConfig(hourly_targets_et=("10:00", "11:00"), hourly_lead_s=180, close_lead_s=180)


def played(script: DayScript) -> tuple[Played, Scorecard]:
    day = play(script, SHORT)
    return day, judge(day, script)


def test_a_day_with_the_built_in_events_keeps_every_promise() -> None:
    script = demo_script(1, DEMO_DAY, SHORT)

    _, card = played(script)

    assert card.violations == ()
    assert card.clean
    assert card.quotes > 500
    assert card.fills > 20
    assert card.feed_seconds["massive"] > 20
    assert card.feed_seconds["none"] > 8
    assert [one.kill_to_quote_s is not None for one in card.restarts] == [True]
    assert card.ev_gap_max_usd < 1e-6


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_random_day_keeps_every_promise(seed: int) -> None:
    _, card = played(random_script(seed, DEMO_DAY, SHORT))

    assert card.violations == ()
    assert card.clean
    assert card.rejected > 0
    assert len(card.restarts) >= 1


def test_the_same_seed_writes_the_same_journal_and_another_seed_another() -> None:
    digests = [played(random_script(seed, DEMO_DAY, SHORT))[1].journal_sha256 for seed in (5, 5, 6)]

    assert digests[0] == digests[1] != digests[2]


def test_polygon_comes_back_only_after_five_seconds_without_a_miss() -> None:
    script = DayScript(3, DEMO_DAY.isoformat(), demo_script(3, DEMO_DAY, SHORT).windows[:1])
    from_ns = script.windows[0].start_ns + 30 * NS_PER_S
    outage = FeedFault(from_ns, from_ns + 20 * NS_PER_S, "polygon", "silent")

    _, card = played(msgspec.structs.replace(script, feed_faults=(outage,)))

    assert len(card.recoveries) == 1
    assert 22.0 < card.recoveries[0] < 27.0
    assert card.feed_seconds["none"] == 0.0


def test_a_failing_sync_in_a_window_costs_a_restart_and_no_order_outlives_it() -> None:
    script = DayScript(4, DEMO_DAY.isoformat(), demo_script(4, DEMO_DAY, SHORT).windows[:1])
    from_ns = script.windows[0].start_ns + 40 * NS_PER_S
    broken = DiskFault(from_ns, from_ns + 5 * NS_PER_S, "sync_error")

    day, card = played(msgspec.structs.replace(script, disk_faults=(broken,)))

    assert card.violations == ()
    assert card.clean
    [(left_ns, back_ns)] = day.day.restarts
    assert from_ns < left_ns < from_ns + 5 * NS_PER_S <= back_ns
    assert [one.kill_to_quote_s is not None for one in card.restarts] == [True]
