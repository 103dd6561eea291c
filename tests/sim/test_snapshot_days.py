"""Days in virtual time on which the two legs disagree, and the vendor's REST service has the third word, or a wrong one, or none."""

from itertools import pairwise
from typing import Final, NamedTuple

import pytest

from kalshi_alpha.config import QuotingConfig, WindowsConfig
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.commands import Command, ProbeIndex
from kalshi_alpha.model.events import Event
from kalshi_alpha.model.records import FeedSwitched, IncidentNoted, StandDownChanged
from kalshi_alpha.sim.fast import Played, judge, play, play_with
from kalshi_alpha.sim.feed.faults import FeedFault, FeedFaultKind
from kalshi_alpha.sim.script import DEMO_DAY, DayScript, demo_script

SHORT: Final = WindowsConfig(hourly_targets_et=("10:00",), hourly_lead_s=180, close_lead_s=180)
WINDOW: Final = demo_script(4, DEMO_DAY, SHORT).windows[0]
FROM_NS: Final = WINDOW.start_ns + 60 * NS_PER_S
LASTS_NS: Final = 40 * NS_PER_S


LIE: Final = FeedFault(FROM_NS, FROM_NS + LASTS_NS, "polygon", "wrong_value", "I:SPX", {"factor": 1.0005})


class Outcome(NamedTuple):
    played: Played
    down_s: float
    """How long the S&P 500 wasn't served, or its legs disagreed, from the fault on."""
    after: list[str]
    """Who was active after each switch from the fault on."""


def day(*faults: FeedFault) -> Outcome:
    script = DayScript(4, DEMO_DAY.isoformat(), (WINDOW,), (LIE, *faults))
    played = play(script, SHORT)
    card = judge(played, script)
    assert card.violations == ()
    changes = [record for record in played.records if isinstance(record, StandDownChanged) and record.utc_ns >= FROM_NS]
    down_ns, since_ns = 0, 0
    for change in changes:
        is_down = any(reason.startswith("feed_") and "unconfirmed" not in reason for reason in change.reasons)
        if is_down and not since_ns:
            since_ns = change.utc_ns
        elif not is_down and since_ns:
            down_ns, since_ns = down_ns + change.utc_ns - since_ns, 0
    active = [record.active for record in played.records if isinstance(record, FeedSwitched) and record.utc_ns >= FROM_NS]
    return Outcome(played, down_ns / NS_PER_S, active)


def rest(kind: FeedFaultKind, **params: float) -> FeedFault:
    return FeedFault(WINDOW.start_ns - 3_600 * NS_PER_S, WINDOW.target_ns + 3_600 * NS_PER_S, "polygon", kind, "*", params)


def test_the_snapshot_breaks_the_tie_within_a_second_and_the_honest_leg_serves() -> None:
    found = day()

    assert found.after[:2] == ["none", "massive"]
    assert 0.05 < found.down_s < 1.2
    titles = [record.title for record in found.played.records if isinstance(record, IncidentNoted)]
    assert "polygon_ws: I:SPX is contradicted by a snapshot or a further leg" in titles
    assert any(record.facts.get("snapshot I:SPX", "").endswith("REAL-TIME") for record in found.played.engine.facts.incidents)


@pytest.mark.parametrize(
    "broken", [rest("rest_error"), rest("rest_timeout"), rest("rest_stale"), rest("rest_delayed"), rest("rest_wrong", factor=0.999)]
)
def test_without_a_snapshot_that_counts_nothing_is_quoted_until_the_legs_agree_again(broken: FeedFault) -> None:
    found = day(broken)

    assert "massive" not in found.after
    assert found.down_s >= LASTS_NS / NS_PER_S


def test_it_is_asked_once_a_second_while_they_disagree_and_once_at_the_start() -> None:
    asked: list[int] = []

    def handle(engine: Engine, event: Event, now: Now) -> list[Command]:
        commands = engine.handle(event, now)
        asked.extend(now.utc_ns for command in commands if isinstance(command, ProbeIndex))
        return commands

    script = DayScript(4, DEMO_DAY.isoformat(), (WINDOW,), (LIE, rest("rest_wrong", factor=0.999)))
    play_with(script, SHORT, QuotingConfig(), handle)

    during = [utc_ns for utc_ns in asked if utc_ns >= FROM_NS]
    gaps = [later - sooner for sooner, later in pairwise(during)]
    assert asked[0] < WINDOW.start_ns
    assert len(asked) - len(during) == 1
    assert LASTS_NS // NS_PER_S <= len(during) <= LASTS_NS // NS_PER_S + 6
    assert min(gaps) >= NS_PER_S
