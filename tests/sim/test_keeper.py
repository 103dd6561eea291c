"""When a demo is killed, what it started ends."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from kalshi_alpha.sim.keeper import Keeper

SLEEPS = "import signal, sys, time; {prepare}; sys.stdout.write('up\\n'); sys.stdout.flush(); time.sleep(60)"


@pytest.fixture
def sleepers() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def sleeper(prepare: str = "pass") -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", SLEEPS.format(prepare=prepare)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


def gone(process: subprocess.Popen[bytes], seconds: float) -> bool:
    pidfd = os.pidfd_open(process.pid)
    try:
        return bool(select.select([pidfd], [], [], seconds)[0])
    finally:
        os.close(pidfd)


def test_the_kept_processes_end_when_the_pipe_breaks(sleepers: list[subprocess.Popen[bytes]]) -> None:
    keeper = Keeper()
    sleepers += [sleeper(), sleeper()]
    for process in sleepers:
        keeper.keep(process.pid)
    keeper.keep(2**22 + 1)  # no such process

    assert keeper.process.stdin is not None
    keeper.process.stdin.close()  # what the death of its owner does

    assert all(gone(process, 10.0) for process in sleepers)
    assert [process.wait() for process in sleepers] == [-signal.SIGTERM] * 2
    assert keeper.process.wait(10) == 0


def test_a_closed_keeper_ends_nothing_and_itself(sleepers: list[subprocess.Popen[bytes]]) -> None:
    keeper = Keeper()
    sleepers.append(sleeper())
    keeper.keep(sleepers[0].pid)

    keeper.close()

    assert keeper.process.returncode == 0
    assert sleepers[0].poll() is None
