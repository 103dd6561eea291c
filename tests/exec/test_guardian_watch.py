"""Signs of life: only a good and young one counts."""

import pytest
from msgspec.structs import replace

from kalshi_alpha.exec.guardian_watch import EngineWatch
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.guardian import Heartbeat

START = Now(utc_ns=1_795_445_100 * NS_PER_S, mono_ns=500 * NS_PER_S)


def at(seconds: float) -> Now:
    return Now(START.utc_ns + int(seconds * NS_PER_S), START.mono_ns + int(seconds * NS_PER_S))


def sign(seconds: float, **changed: object) -> Heartbeat:
    now = at(seconds)
    made = Heartbeat(7, 3, ("g-1",), now.utc_ns, now.mono_ns, freeze_ns=at(600).utc_ns, latches=())
    return replace(made, **changed)


def watched() -> EngineWatch:
    return EngineWatch(START, 3.0)


def test_a_young_sign_is_life_and_an_old_one_is_silence_from_its_own_time_on() -> None:
    watch = watched()

    watch.learn(sign(10), at(10.2))

    assert watch.verdict(at(12.9)) == "alive"
    assert not watch.is_silent(at(12.9))
    assert watch.verdict(at(13)) == "silent"
    assert watch.silence_ns(at(13)) == 3 * NS_PER_S


@pytest.mark.parametrize(("bad", "verdict"), [("missing", "missing"), ("unreadable: EIO", "unreadable: EIO"), (None, "from the future")])
def test_what_is_no_sign_prolongs_the_silence_since_the_last_one(bad: str | None, verdict: str) -> None:
    watch = watched()
    watch.learn(sign(10), at(10))

    watch.learn(bad if bad is not None else sign(3_600), at(12.5))

    assert watch.verdict(at(12.5)) == verdict
    assert not watch.is_silent(at(12.5))
    assert watch.is_silent(at(13))
    assert watch.groups == ("g-1",)


def test_without_any_sign_silence_counts_from_the_guardians_own_start() -> None:
    watch = watched()
    watch.learn("missing", at(0.2))

    assert [watch.is_silent(at(second)) for second in (2.9, 3.0)] == [False, True]


def test_a_sign_that_was_old_when_the_guardian_started_is_silence_at_once() -> None:
    watch = watched()

    watch.learn(sign(-60), at(0.2))

    assert watch.is_silent(at(0.2))


def test_the_wall_clock_makes_no_sign_old_or_young() -> None:
    watch = watched()

    watch.learn(sign(10, utc_ns=at(-3_600).utc_ns), at(10.2))

    assert watch.verdict(at(10.2)) == "alive"


def test_nothing_may_rest_from_the_freeze_on_that_the_last_sign_named_until_a_later_one_is() -> None:
    watch = watched()
    watch.learn(sign(10), at(10))
    named = watch.closed_ns
    watch.learn(sign(20, freeze_ns=at(900).utc_ns), at(20))

    assert (named, watch.closed_ns) == (at(600).utc_ns, at(900).utc_ns)


def test_without_a_window_nothing_may_rest_from_the_first_sign_on_that_names_none() -> None:
    watch = watched()
    for second in (10.0, 20.0, 30.0):
        watch.learn(sign(second, freeze_ns=0 if second > 10 else at(15).utc_ns), at(second))

    assert watch.closed_ns == at(20).utc_ns


def test_a_latch_counts_from_the_first_sign_of_it_and_ends_with_the_first_without() -> None:
    watch = watched()
    found = []
    for second, latches in ((1, ()), (2, ("drill",)), (3, ("drill", "operator_stop")), (4, ())):
        watch.learn(sign(second, latches=latches), at(second))
        found.append(watch.latched_ns)

    assert found == [None, at(2).utc_ns, at(2).utc_ns, None]
