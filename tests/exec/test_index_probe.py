"""When the vendor's REST service is asked for a snapshot, how often, and what its answers are good for."""

import msgspec
import pytest
from typing_extensions import override

from kalshi_alpha.exec.index_probe import DUE
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.commands import Command, ProbeIndex
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Leg, Symbol
from kalshi_alpha.model.reasons import Reason
from tests.exec.harness import LEVELS, START_S, Rig, booted, quoting, settings

BEFORE_S = START_S - 3_600


class Probed(Rig):
    """An engine whose vendor has a REST service, which the test answers for."""

    def __init__(self, at_s: float = START_S + 5, per_hour: int = 300, url: str = "http://127.0.0.1:1") -> None:
        plain = settings()
        feeds = msgspec.structs.replace(plain.feeds, rest_url=url, probes_per_hour=per_hour)
        super().__init__(at_s, msgspec.structs.replace(plain, feeds=feeds))
        self.asked: list[tuple[float, int]] = []
        """(seconds since the start, request)."""

    @property
    def seconds(self) -> float:
        return self.utc_ns / NS_PER_S - START_S

    @override
    def tell(self, event: ev.Event) -> list[Command]:
        commands = super().tell(event)
        self.asked += [(self.seconds, command.request) for command in commands if isinstance(command, ProbeIndex)]
        return commands

    def snapshot(self, symbol: Symbol, level: float, age_s: float = 0.5, timeframe: str = "REAL-TIME") -> None:
        """Answer the last request for one index."""
        event_ns = self.utc_ns - int(age_s * NS_PER_S)
        self.tell(ev.IndexProbed(self.asked[-1][1], symbol, level, event_ns // NS_PER_S * NS_PER_S, timeframe))

    def fine(self) -> None:
        for symbol in SYMBOLS:
            self.snapshot(symbol, LEVELS[symbol])

    def fail(self, reason: str = "http 503: no reason given", status: int = 503) -> None:
        self.tell(ev.RequestFailed("ProbeIndex", self.asked[-1][1], status, reason))

    def split(self, by: float = 2.0) -> None:
        """Have massive say something else of the S&P 500 from the next second on, within a jump's bounds."""
        self.wait_until((self.utc_ns // NS_PER_S + 1) * NS_PER_S + 20 * NS_PER_MS)
        for leg in LEGS:
            for symbol, level in self.levels.items():
                wrong = by if (leg, symbol) == ("massive", "I:SPX") else 0.0
                self.tell(ev.IndexTicked(leg, symbol, level + wrong, self.utc_ns // NS_PER_S * 1_000))

    def feed_titles(self) -> list[str]:
        return [noted.title for noted in self.incidents("feed")]


def well() -> Probed:
    """Return an engine that quotes, its plan known to be real-time."""
    rig = Probed()
    quoting(rig)
    rig.fine()
    rig.asked.clear()
    return rig


def suspicion(rig: Rig, leg: Leg) -> str:
    return rig.engine.facts.failover.feeds["I:SPX"].legs[leg][0].suspicion


# The plan


def test_after_the_start_it_is_asked_once_whether_the_plan_is_real_time() -> None:
    rig = Probed(BEFORE_S)
    booted(rig)
    rig.wait(1)
    rig.fine()
    rig.wait(600)

    assert [seconds for seconds, _ in rig.asked] == [-3_600]
    assert rig.take(ProbeIndex)[0].symbols == SYMBOLS
    assert rig.feed_titles() == []


def test_a_plan_that_isnt_real_time_is_an_incident_that_names_it_once_an_index() -> None:
    rig = Probed(BEFORE_S)
    booted(rig)
    rig.snapshot("I:SPX", 6_850.0, 900.0, "DELAYED")
    rig.snapshot("I:NDX", 25_000.0, 900.0, "")
    rig.snapshot("I:SPX", 6_851.0, 899.0, "DELAYED")

    assert rig.feed_titles() == [
        "The vendor's plan isn't real-time for I:SPX: timeframe DELAYED",
        "The vendor's plan isn't real-time for I:NDX: timeframe missing",
    ]
    first = rig.incidents("feed")[0]
    assert first.facts["snapshot I:SPX"].startswith("6850.00, age 900")
    assert "snapshot I:SPX: 6850.00" in first.attachments["ticket.txt"]


def test_a_plan_that_became_real_time_and_delayed_again_is_told_again() -> None:
    rig = Probed(BEFORE_S)
    booted(rig)
    for timeframe in ("DELAYED", "REAL-TIME", "DELAYED"):
        rig.snapshot("I:SPX", 6_850.0, 0.5, timeframe)

    assert len(rig.feed_titles()) == 2


def test_without_an_answer_the_plan_is_asked_about_every_minute() -> None:
    rig = Probed(BEFORE_S)
    booted(rig)
    rig.wait(1)
    rig.fail()
    rig.wait(150)

    assert [seconds for seconds, _ in rig.asked] == [-3_600, -3_540, -3_480]


def test_without_an_address_nothing_is_ever_asked() -> None:
    rig = Probed(url="")
    quoting(rig)
    rig.dead_legs = {(leg, symbol) for leg in LEGS for symbol in SYMBOLS}
    rig.tick(10)

    assert rig.asked == []
    assert DUE not in rig.engine.facts.deadlines


# When it is asked


def test_while_all_is_well_nothing_is_asked() -> None:
    rig = well()
    rig.tick(60)

    assert rig.asked == []


def test_legs_that_disagree_are_asked_about_at_once_and_then_once_a_second() -> None:
    rig = well()
    rig.split()
    rig.wait(0)
    begin = rig.seconds
    for _ in range(5):
        rig.fail()
        rig.wait(0.5)
        rig.fail()
        rig.wait(0.5)

    assert Reason.FEED_DISAGREES in rig.reasons
    assert [round(seconds - begin, 3) for seconds, _ in rig.asked] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_an_outage_is_asked_about_less_and_less_often() -> None:
    rig = well()
    rig.dead_legs = {(leg, symbol) for leg in LEGS for symbol in SYMBOLS}
    rig.tick(100)
    for _ in range(200):
        rig.fail()
        rig.tick()

    gaps = [round(later - sooner) for (sooner, _), (later, _) in zip(rig.asked, rig.asked[1:], strict=False)]
    assert gaps[-4:] == [32] * 4
    assert len(rig.asked) < 25


def test_a_disagreement_isnt_kept_waiting_by_an_outages_patience() -> None:
    rig = well()
    rig.dead_legs = {(leg, "I:NDX") for leg in LEGS}
    for _ in range(100):
        rig.tick()
        if rig.asked:
            rig.fail()
    count = len(rig.asked)
    rig.split()
    rig.wait(0)

    assert len(rig.asked) == count + 1


def test_a_suspected_leg_is_asked_about_while_the_other_one_serves() -> None:
    rig = well()
    rig.split()
    rig.wait(0.1)
    rig.snapshot("I:SPX", LEVELS["I:SPX"], 0.1)
    assert suspicion(rig, "massive") == "outvoted"
    count = len(rig.asked)
    rig.dead_legs = {("massive", "I:SPX")}
    for _ in range(10):
        rig.tick()
        rig.fine()

    assert len(rig.asked) > count


def test_one_unanswered_request_is_enough_until_its_answer_cant_come_any_more() -> None:
    rig = well()
    rig.split()
    rig.wait(0)
    begin = rig.seconds
    rig.wait(9.5)
    assert len(rig.asked) == 1
    rig.wait(1)

    assert [round(seconds - begin) for seconds, _ in rig.asked] == [0, 10]


def test_an_answer_to_an_earlier_request_doesnt_open_the_way_for_the_next() -> None:
    rig = well()
    rig.split()
    rig.wait(0)
    rig.tell(ev.RequestFailed("ProbeIndex", rig.asked[-1][1] - 1, 503, "late"))
    rig.wait(5)

    assert len(rig.asked) == 1


def test_outside_of_windows_nothing_is_asked_however_bad_the_feeds_are() -> None:
    rig = Probed(BEFORE_S)
    booted(rig)
    rig.fine()
    rig.dead_legs = {(leg, symbol) for leg in LEGS for symbol in SYMBOLS}
    rig.tick(120)

    assert len(rig.asked) == 1


def test_in_expected_maintenance_nothing_is_asked_or_told() -> None:
    rig = well()
    rig.dead_legs = {(leg, symbol) for leg in LEGS for symbol in SYMBOLS}
    rig.tick(3)
    facts, probe = rig.engine.facts, rig.engine.feeds.probe
    asked, told = len(rig.asked), len(facts.incidents)
    facts.venue.silence_expected = True
    rig.utc_ns += 60 * NS_PER_S
    probe.look(rig.now)
    facts.deadlines[DUE] = rig.now.mono_ns
    probe.act(rig.now)
    rig.engine.feeds.probe.wrap({})[ev.RequestFailed](ev.RequestFailed("ProbeIndex", 1, 503, "http 503"), rig.now)

    assert asked
    assert not [command for command in facts.out if isinstance(command, ProbeIndex)]
    assert (len(rig.asked), len(facts.incidents)) == (asked, told)
    assert DUE not in facts.deadlines


def test_an_hours_budget_is_kept_and_told_of_once_until_it_is_free_again() -> None:
    rig = Probed(per_hour=4)
    quoting(rig)
    rig.fine()
    rig.split()
    for _ in range(20):
        rig.wait(1)
        rig.fail()
    used = list(rig.asked)
    told = [title for title in rig.feed_titles() if "budget" in title]
    rig.wait(3_700)

    assert len(used) == 4  # one of them at the start
    assert told == ["The snapshots' budget is used up: 4 in an hour"]
    assert 3_600 <= rig.asked[4][0] - used[0][0] < 3_602
    for sooner, later in zip(rig.asked, rig.asked[4:], strict=False):
        assert later[0] - sooner[0] >= 3_599.999


def test_a_budget_that_was_free_is_told_of_again_when_it_is_used_up_again() -> None:
    rig = Probed(per_hour=1)
    quoting(rig)
    rig.fine()
    rig.wait(10)
    rig.wait(3_600)

    titles = [noted.title for noted in rig.engine.facts.incidents if "budget" in noted.title]
    assert titles == ["The snapshots' budget is used up: 1 in an hour"] * 2


# What answers are good for


def test_a_snapshot_decides_between_legs_that_disagree() -> None:
    rig = well()
    rig.split()
    rig.wait(0.1)
    assert Reason.FEED_DISAGREES in rig.reasons
    rig.snapshot("I:SPX", LEVELS["I:SPX"] + 2.0, 0.1)

    failover = rig.engine.facts.failover
    assert suspicion(rig, "polygon") == "outvoted"
    assert failover.feeds["I:SPX"].serving == "massive"
    assert Reason.FEED_DISAGREES not in rig.reasons
    sample = failover.sample("I:SPX")
    assert sample is not None
    assert (sample.level, sample.leg) == (LEVELS["I:SPX"] + 2.0, "massive")
    assert {ladder.level for ladder in rig.engine.facts.ladders.values() if ladder.ladder.symbol == "I:SPX"} == {sample.level}


@pytest.mark.parametrize(("timeframe", "level"), [("DELAYED", 0.0), ("", 0.0), ("REAL-TIME", 30.0)])
def test_a_delayed_snapshot_and_a_third_value_decide_nothing(timeframe: str, level: float) -> None:
    rig = well()
    rig.split()
    rig.wait(0.1)
    rig.snapshot("I:SPX", LEVELS["I:SPX"] + level, 0.1, timeframe)

    assert Reason.FEED_DISAGREES in rig.reasons


@pytest.mark.parametrize(("age_s", "decides"), [(4, True), (5, False)])
def test_an_old_snapshot_decides_nothing_even_where_the_legs_disagreed_then(age_s: int, decides: bool) -> None:
    rig = well()
    for _ in range(9):
        rig.levels["I:SPX"] += 0.5
        rig.split()
    rig.wait(0.1)
    assert Reason.FEED_DISAGREES in rig.reasons
    rig.snapshot("I:SPX", rig.levels["I:SPX"] - 0.5 * age_s, age_s)

    assert (suspicion(rig, "massive") == "outvoted") == decides


def test_a_snapshot_is_never_quoted_from() -> None:
    rig = well()
    rig.split()
    rig.wait(0.1)
    before = rig.engine.facts.failover.sample("I:SPX")
    rig.snapshot("I:SPX", LEVELS["I:SPX"], 0.1)
    after = rig.engine.facts.failover.sample("I:SPX")

    assert before is not None
    assert after is not None
    assert {before.leg, after.leg} <= set(LEGS)
    assert after.mono_ns <= before.mono_ns


def test_a_snapshot_that_is_repeated_speaks_once() -> None:
    rig = well()
    rig.dead_legs = {("massive", symbol) for symbol in SYMBOLS}
    rig.tick(5)
    rig.asked.append((0.0, 99))
    event = ev.IndexProbed(99, "I:SPX", LEVELS["I:SPX"] + 50.0, rig.utc_ns // NS_PER_S * NS_PER_S, "REAL-TIME")
    for _ in range(5):
        rig.tell(event)
    once = suspicion(rig, "polygon")
    rig.tick()
    rig.tell(msgspec.structs.replace(event, event_ns=event.event_ns + NS_PER_S))

    assert not once
    assert suspicion(rig, "polygon") == "outvoted"


# Trouble


def test_a_service_that_fails_is_told_once_until_it_answers_again() -> None:
    rig = Probed(BEFORE_S)
    booted(rig)
    for _ in range(3):
        rig.fail("http 401: Unknown API Key", 401)
    rig.fine()
    rig.fail("no answer within 2.0 s", 0)

    assert rig.feed_titles() == [
        "The vendor's snapshot can't be read: http 401: Unknown API Key",
        "The vendor's snapshot can't be read: no answer within 2.0 s",
    ]
    assert [noted.facts["http"] for noted in rig.incidents("feed")] == ["401", "no answer"]


def test_an_index_that_alone_cant_be_had_is_told_for_itself() -> None:
    rig = Probed(BEFORE_S)
    booted(rig)
    for _ in range(2):
        rig.snapshot("I:SPX", 6_850.0)
        rig.fail("I:NDX: NOT_ENTITLED Not entitled to this ticker.", 200)

    assert rig.feed_titles() == ["The vendor's snapshot can't be read: I:NDX: NOT_ENTITLED Not entitled to this ticker."]


def test_a_failure_of_another_command_is_none_of_its_business() -> None:
    rig = Probed(BEFORE_S)
    booted(rig)
    rig.tell(ev.RequestFailed("ReadStatus", 1, 503, "http 503"))

    assert rig.feed_titles() == []
