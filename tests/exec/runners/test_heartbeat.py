"""The trading process's sign of life says what the engine knows, and isn't given for an engine that has stopped."""

import pytest

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.exec.runners.heartbeat import heartbeat_of, is_punctual
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.sim.fast import virtual_config

NOW = Now(1_795_445_100 * NS_PER_S, 40 * NS_PER_S)
MACHINE = Now(5, 77 * NS_PER_S)


def engine() -> Engine:
    return Engine(virtual_config(WindowsConfig()))


def window(freeze_ns: int) -> Window:
    return Window("hourly-1000", "hourly", ("INXU",), 1, freeze_ns, freeze_ns + 2, freeze_ns - 58, "2026-11-23")


def test_it_names_epoch_groups_latches_and_the_last_freeze_of_the_open_windows() -> None:
    made = engine()
    made.facts.epoch = 3
    made.facts.groups[:] = ["g-1", "g-2"]
    made.facts.orders.mark_cancel_all("drill")
    made.facts.activate((window(500), window(900)))

    beat = heartbeat_of(made, NOW, MACHINE, 7)

    assert (beat.pid, beat.epoch, beat.groups, beat.latches, beat.freeze_ns) == (7, 3, ("g-1", "g-2"), ("drill",), 900)
    assert (beat.utc_ns, beat.mono_ns) == (NOW.utc_ns, MACHINE.mono_ns)


def test_without_a_window_there_is_no_freeze() -> None:
    assert heartbeat_of(engine(), NOW, MACHINE, 7).freeze_ns == 0


@pytest.mark.parametrize(
    ("late_s", "speed", "lives"), [(0.0, 1.0, True), (1.0, 1.0, True), (1.1, 1.0, False), (19.0, 20.0, True), (21.0, 20.0, False)]
)
def test_an_engine_behind_its_own_deadline_gives_no_sign(late_s: float, speed: float, lives: bool) -> None:
    due_ns = NOW.mono_ns - int(late_s * NS_PER_S)

    assert is_punctual(due_ns, NOW, speed) is lives


def test_an_engine_that_waits_for_nothing_is_punctual() -> None:
    assert is_punctual(None, NOW, 1.0)
