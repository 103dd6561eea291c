"""Random days: every promise holds, the same seed is the same day, and what is drawn is what is meant."""

import pytest

from kalshi_alpha.sim.swarm import CLASSES, play_swarm, swarm
from tools.seeds import main, play_seed, summary, tell


@pytest.mark.parametrize("seed", [2, 4, 13, 156])
def test_a_random_day_keeps_every_promise(seed: int) -> None:
    outcome = play_seed(seed)

    assert outcome.violations == ()
    assert outcome.windows == 7
    assert outcome.reached["restarts"] >= 1
    assert outcome.reached["fills"] > 0


def test_the_same_seed_is_the_same_day_to_the_byte() -> None:
    first, again = (play_swarm(swarm(9))[0].day.journal.data for _ in range(2))

    assert first == again


def test_each_class_of_faults_is_on_in_about_half_of_the_days() -> None:
    drawn = [swarm(seed) for seed in range(1, 201)]

    for name in CLASSES:
        assert 70 < sum(name in one.classes for one in drawn) < 130
    assert all(one.script.kills_ns and one.script.feed_faults for one in drawn)
    assert all(any(fault.kind == "reject" for fault in one.script.venue_faults) for one in drawn)
    assert 25 < sum(one.heal_ns is not None for one in drawn) < 80


def test_nothing_is_wrong_after_a_day_is_well() -> None:
    for one in (drawn for seed in range(1, 101) if (drawn := swarm(seed)).heal_ns is not None):
        script, heal_ns = one.script, one.heal_ns
        assert heal_ns is not None
        ends_ns = [fault.to_ns for faults in (script.feed_faults, script.venue_faults, script.disk_faults) for fault in faults]
        ends_ns += [*script.kills_ns, *(death.to_ns for death in script.deaths), *(fault.to_ns for fault in script.clock_faults)]
        assert max(ends_ns) <= heal_ns


def test_a_broken_seed_says_how_to_play_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    broken = type(play_seed(1))(7, 7, 100, {"fills": 1}, ("I1 resting",), ("last record",))

    status = summary([tell(broken)], 1.0)

    told = capsys.readouterr().out
    assert status == 1
    assert "seed 7 FAILED; replay: python -m tools.seeds --start 7 --runs 1" in told
    assert "last record" in told
    assert "0 seeds passed, 1 failed" in told


def test_days_that_there_is_no_time_for_are_said_and_prove_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--runs", "2", "--workers", "1", "--within-s", "0"])

    assert status == 1
    assert "stopped after 0 s: 0 of " in capsys.readouterr().out
