"""The trial of random feed faults tells what was noticed from what was missed, and false alarms from explained ones."""

from itertools import pairwise

import msgspec
import pytest

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sim.feed.faults import FeedFault
from kalshi_alpha.sim.feed_trial import ONE_LEG, Signal, judged, play_trial, random_faults
from kalshi_alpha.sim.script import DEMO_DAY
from tools.feed_faults import Report, main

WINDOWS = WindowSchedule(WindowsConfig()).day(DEMO_DAY)
FAULT = FeedFault(100 * NS_PER_S, 110 * NS_PER_S, "polygon", "silent", "I:SPX")


def signal(seconds: float, leg: str = "polygon", symbol: str = "I:SPX", *, is_alarm: bool = True) -> Signal:
    return Signal(int(seconds * NS_PER_S), leg, symbol, "STALE", is_alarm)


def test_fifty_faults_fit_into_a_day_one_at_a_time_inside_its_windows() -> None:
    faults = random_faults(1, WINDOWS, 50)

    assert len(faults) == 50
    assert all(one.to_ns + 76 * NS_PER_S < other.from_ns for one, other in pairwise(faults))
    assert all(any(window.start_ns < fault.from_ns and fault.to_ns < window.freeze_ns for window in WINDOWS) for fault in faults)
    assert all(fault.leg != "*" for fault in faults if fault.kind in dict(ONE_LEG))
    assert random_faults(1, WINDOWS, 50) == faults != random_faults(2, WINDOWS, 50)


def test_a_fault_is_noticed_by_the_first_thing_that_is_about_it() -> None:
    trial = judged([FAULT], [signal(99), signal(101, "massive"), signal(101.5, symbol="I:NDX"), signal(102.25), signal(103)])

    assert [(one.seconds, one.by) for one in trial.faults] == [(2.25, "STALE")]
    assert len(trial.false_alarms) == 3


def test_a_fault_that_nothing_is_about_is_missed() -> None:
    assert judged([FAULT], [signal(116)]).faults[0].seconds is None


@pytest.mark.parametrize(("at_s", "false"), [(99.9, 1), (100.0, 0), (185.9, 0), (186.1, 1)])
def test_an_alarm_is_explained_from_its_faults_beginning_until_it_is_got_over(at_s: float, false: int) -> None:
    assert len(judged([FAULT], [signal(at_s)]).false_alarms) == false
    assert judged([FAULT], [signal(at_s, is_alarm=False)]).false_alarms == ()


def test_every_fault_of_a_windows_trial_is_noticed_and_no_promise_broken() -> None:
    trial, card = play_trial(3, DEMO_DAY, 7)

    assert len(trial.faults) == 7
    assert [fault for fault in trial.faults if fault.seconds is None] == []
    assert trial.false_alarms == card.violations == ()


def test_the_command_says_no_when_a_fault_was_missed(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    played = play_trial(3, DEMO_DAY, 1)
    monkeypatch.setattr("tools.feed_faults.play_trial", lambda *_given: played)
    assert main(["--json"]) == 0
    assert msgspec.json.decode(capfd.readouterr().out, type=Report).noticed == 1

    missed = msgspec.structs.replace(played[0].faults[0], seconds=None)
    monkeypatch.setattr("tools.feed_faults.play_trial", lambda *_given: (msgspec.structs.replace(played[0], faults=(missed,)), played[1]))
    assert main([]) == 1
    assert "MISSED" in capfd.readouterr().out
