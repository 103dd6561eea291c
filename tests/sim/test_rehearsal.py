"""The rehearsal tells a controller that does its duty from one that doesn't."""

from msgspec.structs import replace

from kalshi_alpha.config import FeedLegConfig, FeedsConfig
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.sim.rehearsal import Transition, judge, rehearse

BEGIN_NS = 1_795_449_600 * NS_PER_S
CONFIG = FeedsConfig(FeedLegConfig("", ""), FeedLegConfig("", ""))


def slower(slo_ms: int) -> FeedsConfig:
    return replace(CONFIG, polygon=FeedLegConfig("", "", slo_ms), massive=FeedLegConfig("", "", slo_ms))


def faults(given: FeedsConfig, expected: FeedsConfig) -> dict[str, str]:
    steps = judge(expected, *rehearse(given, BEGIN_NS))
    return {f"{step.previous} {step.active}": step.fault for step in reversed(steps)}


def test_the_real_controller_makes_every_transition_in_time() -> None:
    steps = judge(CONFIG, *rehearse(CONFIG, BEGIN_NS))

    assert [(step.previous, step.active, round(step.at_s or 0.0, 6), step.fault) for step in steps] == [
        ("none", "polygon", 1.022, ""),
        ("polygon", "massive", 21.022, ""),
        ("massive", "polygon", 40.022, ""),
        ("polygon", "none", 71.022, ""),
        ("none", "polygon", 85.022, ""),
    ]


def test_a_controller_that_waits_longer_than_its_limit_is_late() -> None:
    found = faults(slower(2_200), CONFIG)

    assert (found["polygon massive"], found["polygon none"]) == ("late", "late")
    assert found["none polygon"] == ""


def test_one_that_doesnt_wait_for_its_limit_is_early() -> None:
    found = faults(slower(1_500), CONFIG)

    assert (found["polygon massive"], found["polygon none"]) == ("early", "early")


def test_one_that_comes_back_too_soon_or_too_late_is_found() -> None:
    assert faults(CONFIG, replace(CONFIG, recovery_s=7.0))["massive polygon"] == "early"
    assert faults(replace(CONFIG, recovery_s=7.0), CONFIG)["massive polygon"] == "late"


def test_one_that_does_nothing_misses_everything() -> None:
    arrivals, _ = rehearse(CONFIG, BEGIN_NS)

    assert [step.fault for step in judge(CONFIG, arrivals, [])] == ["missing"] * 5


def test_a_transition_that_nobody_scripted_is_a_fault() -> None:
    arrivals, transitions = rehearse(CONFIG, BEGIN_NS)
    extra = [Transition(50 * NS_PER_S, "polygon", "massive", "a whim"), Transition(52 * NS_PER_S, "massive", "polygon", "another")]

    found = [step for step in judge(CONFIG, arrivals, [*transitions[:3], *extra, *transitions[3:]]) if step.fault]

    assert [(step.fault, step.at_s) for step in found] == [("unexpected", 50.0), ("unexpected", 52.0)]


def test_a_feed_that_is_passed_through_in_a_moment_is_none() -> None:
    arrivals, transitions = rehearse(CONFIG, BEGIN_NS)
    both_gone = transitions[3]
    passing = Transition(both_gone.at_ns, "polygon", "massive", "for a moment")
    then = replace(both_gone, at_ns=both_gone.at_ns + 40 * NS_PER_MS, previous="massive")

    steps = judge(CONFIG, arrivals, [*transitions[:3], passing, then, *transitions[4:]])

    assert not any(step.fault for step in steps)
