"""Days on which the trading process's wall clock is wrong: nothing is quoted while it is, and quoting returns by itself."""

import msgspec
import pytest

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.records import IncidentNoted
from kalshi_alpha.sim.fast import Played, judge, play
from kalshi_alpha.sim.scorecard import Scorecard
from kalshi_alpha.sim.script import DEMO_DAY, ClockFault, DayScript, demo_script

SHORT = WindowsConfig(hourly_targets_et=("10:00",), close_series=(), hourly_lead_s=180)
REACTION_S = 0.5
"""From the step until nothing of ours rests or is accepted: the next fact, a cancel's way and what was on its way already."""


def script(seed: int, *faults: ClockFault) -> DayScript:
    plain = demo_script(seed, DEMO_DAY, SHORT)
    return msgspec.structs.replace(plain, feed_faults=(), kills_ns=(), clock_faults=faults)


def start_ns() -> int:
    return script(1).windows[0].start_ns


def played(seed: int, *faults: ClockFault) -> tuple[Played, Scorecard]:
    day = script(seed, *faults)
    done = play(day, SHORT)
    return done, judge(done, day)


def accepted(done: Played, from_ns: int, to_ns: int) -> list[str]:
    return [event.client_order_id for event in done.exchange.order_log if event.kind == "accepted" and from_ns < event.utc_ns < to_ns]


def resting_at(done: Played, utc_ns: int) -> list[str]:
    found: dict[str, int] = {}
    for event in done.exchange.order_log:
        if event.utc_ns <= utc_ns:
            found[event.order_id] = 0 if event.kind == "cancelled" else event.remaining_e2
    return [order_id for order_id, left_e2 in found.items() if left_e2]


def clock_titles(done: Played) -> list[str]:
    return [record.title for record in done.records if isinstance(record, IncidentNoted) and record.kind == "clock"]


@pytest.mark.parametrize(("seed", "seconds"), [(1, 2.0), (2, -2.0), (3, 1.0), (4, -1.0), (5, 45.0), (6, -3_600.0), (7, 3_600.0)])
def test_nothing_is_quoted_while_the_clock_is_off_by_a_second_and_quoting_returns(seed: int, seconds: float) -> None:
    from_ns, to_ns = start_ns() + 60 * NS_PER_S, start_ns() + 90 * NS_PER_S

    done, card = played(seed, ClockFault(from_ns, to_ns, "clock_step", seconds=seconds))

    reacted_ns = from_ns + int(REACTION_S * NS_PER_S)
    assert accepted(done, start_ns(), from_ns)
    assert accepted(done, reacted_ns, to_ns) == []
    assert resting_at(done, from_ns)
    assert resting_at(done, reacted_ns) == []
    # Feeds whose time stamps lay seconds off need five seconds to be trusted again.
    assert accepted(done, to_ns, to_ns + 8 * NS_PER_S)
    assert card.violations == ()
    jump, back = f"The wall clock jumped by {seconds:+.3f} s", f"The wall clock jumped by {-seconds:+.3f} s"
    if abs(seconds) == 1.0:
        # Neither surely less than a second nor surely more.
        assert clock_titles(done) == [jump, back]
    else:
        assert clock_titles(done) == [jump, "Our clock is off by a second or more", back, "Our clock is right again"]


def test_a_step_of_less_than_a_second_warns_reconciles_and_quotes_on() -> None:
    from_ns, to_ns = start_ns() + 60 * NS_PER_S, start_ns() + 90 * NS_PER_S

    done, card = played(1, ClockFault(from_ns, to_ns, "clock_step", seconds=-0.4))

    assert clock_titles(done)[:2] == ["The wall clock jumped by -0.400 s", "Our clock is off by 250 ms or more"]
    assert accepted(done, from_ns + 3 * NS_PER_S, to_ns)
    assert card.violations == ()


def test_a_clock_that_drifts_is_warned_of_and_then_stood_down_from() -> None:
    # 2 % of 100 s are 2 s: a second off after 50 s.
    from_ns, to_ns = start_ns() + 20 * NS_PER_S, start_ns() + 120 * NS_PER_S

    done, card = played(2, ClockFault(from_ns, to_ns, "clock_drift", ppm=20_000.0))

    titles = clock_titles(done)
    assert titles[:2] == ["Our clock is off by 250 ms or more", "Our clock is off by a second or more"]
    assert titles[-1] == "Our clock is right again"
    assert accepted(done, from_ns, from_ns + 30 * NS_PER_S)
    assert accepted(done, from_ns + 50 * NS_PER_S + NS_PER_S // 2, to_ns) == []
    assert accepted(done, to_ns, to_ns + 10 * NS_PER_S)
    assert card.violations == ()


@pytest.mark.parametrize("seconds", [-1.5, 1.5])
def test_a_process_that_starts_with_a_wrong_clock_never_quotes_until_it_is_right(seconds: float) -> None:
    to_ns = start_ns() + 60 * NS_PER_S

    done, card = played(3, ClockFault(0, to_ns, "clock_step", seconds=seconds))

    assert accepted(done, 0, to_ns) == []
    assert accepted(done, to_ns, to_ns + 10 * NS_PER_S)
    assert card.violations == ()


def test_a_step_just_before_the_freeze_leaves_nothing_resting_at_it() -> None:
    freeze_ns = script(1).windows[0].freeze_ns

    done, card = played(4, ClockFault(freeze_ns - 5 * NS_PER_S, freeze_ns + 60 * NS_PER_S, "clock_step", seconds=-30.0))

    assert resting_at(done, freeze_ns) == []
    assert card.violations == ()


@pytest.mark.parametrize("seed", range(20, 26))
def test_random_steps_on_random_seeds_keep_every_promise(seed: int) -> None:
    at_ns = start_ns() + (20 + seed * 5 % 90) * NS_PER_S + seed * 137_000_000
    seconds = (-1) ** seed * (1.0 + seed % 7 * 0.9)
    fault = ClockFault(at_ns, at_ns + (5 + seed % 11) * NS_PER_S, "clock_step", seconds=seconds)

    done, card = played(seed, fault)

    assert accepted(done, fault.from_ns + int(REACTION_S * NS_PER_S), fault.to_ns) == []
    assert accepted(done, fault.to_ns, script(seed).windows[0].freeze_ns)
    assert card.violations == ()


def test_a_process_that_is_due_again_and_again_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "next_deadline_ns", lambda _self: 0)

    with pytest.raises(AssertionError, match="time stands still at 17"):
        play(script(1), SHORT)
