"""Simulated time: only a plan that runs forward at a speed something can keep up with is taken."""

import os
import re
from pathlib import Path

import pytest

from kalshi_alpha.adapters.system_clock import ClockPlan, ClockSegment, ScaledClock, SystemClock, load_clock

UTC_NS = 1_795_446_000_000_000_000


@pytest.mark.parametrize("speed", [0.0, -3.0, 1e300, float("nan"), float("inf"), 10_001.0])
def test_a_speed_that_cannot_be_is_named(speed: float) -> None:
    with pytest.raises(ValueError, match=f"speed is {re.escape(str(speed))}: expected above 0, at most 10000"):
        ScaledClock(ClockPlan((ClockSegment(0, UTC_NS, 1.0), ClockSegment(1, UTC_NS + 1, speed))))


@pytest.mark.parametrize("utc_ns", [-1, 10**30])
def test_a_time_that_cannot_be_shown_is_named(utc_ns: int) -> None:
    with pytest.raises(ValueError, match=f"utc_ns is {utc_ns}: expected 0"):
        ScaledClock(ClockPlan((ClockSegment(0, utc_ns, 1.0),)))


def test_the_fastest_speed_runs() -> None:
    clock = ScaledClock(ClockPlan((ClockSegment(0, UTC_NS, 10_000.0),)))

    assert clock.speed == 10_000.0
    assert clock.now().utc_ns > UTC_NS


def test_a_plan_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(f'{{"segments": [{{"real_ns": 0, "utc_ns": {UTC_NS}, "speed": 4}}]}}')

    assert load_clock(file).speed == 4.0
    assert isinstance(load_clock(None), SystemClock)


@pytest.mark.parametrize(
    "text", ['{"segments": [{"real_ns": 0, "utc_ns": 0, "speed": 1e400}]}', '{"segments": []}', "{", "\x00", "[" * 100_000]
)
def test_a_file_that_is_no_plan_is_a_value_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)

    with pytest.raises(ValueError, match=r"."):
        load_clock(tmp_path / "plan.json")


def test_a_pipe_in_the_plans_place_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "plan.json")

    with pytest.raises(OSError, match="not a regular file"):
        load_clock(tmp_path / "plan.json")
