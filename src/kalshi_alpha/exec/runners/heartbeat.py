"""The trading process's sign of life for the guardian, from the engine's own loop.

It is made in the loop and written in a thread of its own: a disk that hangs delays the sign, never the engine. No sign is given while a
deadline of the engine is overdue: a loop that turns without its engine is no life.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from kalshi_alpha.adapters.heartbeat import write_heartbeat
from kalshi_alpha.adapters.log import log
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.exec.shell import Shell
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.guardian import Heartbeat

BEAT_EVERY_S: Final = 0.25
OVERDUE_S: Final = 1.0
"""Real seconds by which the engine's next deadline may have passed."""


def heartbeat_of(engine: Engine, now: Now, machine: Now, pid: int) -> Heartbeat:
    """Return the sign of life for this instant.

    Args:
        engine: The running engine.
        now: By the clock it trades by.
        machine: By the machine's.
        pid: Of this process.

    """
    facts = engine.facts
    freeze_ns = max((window.freeze_ns for window in facts.active_windows), default=0)
    return Heartbeat(pid, facts.epoch, tuple(facts.groups), now.utc_ns, machine.mono_ns, freeze_ns, tuple(facts.orders.latches))


def is_punctual(due_ns: int | None, now: Now, clock_speed: float) -> bool:
    """Whether the engine does what it said it would, when it said so.

    Args:
        due_ns: Its next deadline, by the clock it trades by; None: it waits for nothing.
        now: By the same clock.
        clock_speed: Of that clock.

    """
    return due_ns is None or now.mono_ns - due_ns <= OVERDUE_S * NS_PER_S * clock_speed


async def keep_beating(root: Path, shell: Shell) -> None:
    """Give signs of life until cancelled; one that isn't written yet when the next one is due is enough."""
    machine, pid = SystemClock(), os.getpid()
    thread = ThreadPoolExecutor(1, thread_name_prefix="heartbeat")
    try:
        while True:
            now = shell.clock.now()
            if is_punctual(shell.engine.next_deadline_ns(), now, shell.clock.speed):
                beat = heartbeat_of(shell.engine, now, machine.now(), pid)
                await asyncio.get_running_loop().run_in_executor(thread, _write, root, beat)
            await asyncio.sleep(BEAT_EVERY_S)  # noqa: TID251 - a driver's own pace, no decision depends on it
    finally:
        thread.shutdown(wait=False)


def _write(root: Path, beat: Heartbeat) -> None:
    try:
        write_heartbeat(root, beat)
    except OSError as error:
        log("heartbeat_not_written", error=str(error))
