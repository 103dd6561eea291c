"""What both simulated servers share: simulated time, real waiting, and the command line that sets them."""

import argparse
import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.system_clock import SPEED_MAX, Clock, ClockPlan, ClockSegment, ScaledClock, SystemClock, load_clock
from kalshi_alpha.model.clock import utc_ns_of
from kalshi_alpha.sched.calendar import CalendarRangeError, Session, et_date, session
from kalshi_alpha.sim.world import IndexPath, bridged_day, generated_day
from kalshi_alpha.sim.world_bridge import WorldError

IDLE_S: Final = 1.0
DAYS_AHEAD: Final = 10
_Fault = TypeVar("_Fault")


def world_arguments(parser: cli.Parser) -> None:
    """Add the flags that set time, market and faults."""
    parser.add_argument("--port", type=cli.port, default=0, help="on 127.0.0.1; 0 picks a free one (default)")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per second (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="of the market and the delays (default: 1)")
    parser.add_argument("--faults", type=Path, help="JSON list of faults")
    parser.add_argument("--clock", type=Path, help="shared clock plan; overrides --now and --speed")
    parser.add_argument("--day", type=cli.day, help="the session (default: that of the clock's day, or the next)")
    parser.add_argument(
        "--minutes", type=Path, help="real minute bars to play: this folder, or its index_minutes/, has SPX/DAY.csv and NDX/DAY.csv"
    )


def clock_of(arguments: argparse.Namespace) -> Clock:
    """Return the clock the flags ask for.

    Raises:
        UsageError: an unusable plan, speed or time.

    """
    if arguments.clock is not None:
        try:
            return load_clock(arguments.clock)
        except (OSError, ValueError) as error:
            message = f"--clock {arguments.clock}: {error}"
            raise cli.UsageError(message) from error
    if not 0 < arguments.speed <= SPEED_MAX:
        message = f"--speed {arguments.speed}: must be above 0 and at most {SPEED_MAX:.0f}"
        raise cli.UsageError(message)
    if arguments.now is None and arguments.speed == 1.0:
        return SystemClock()
    start_ns = utc_ns_of(arguments.now) if arguments.now is not None else SystemClock().now().utc_ns
    return ScaledClock(ClockPlan((ClockSegment(time.monotonic_ns(), start_ns, arguments.speed),)))  # noqa: TID251 - the plan's origin


def next_session(day: date) -> Session:
    """Return the day's session, or the next one.

    Raises:
        CalendarRangeError: the calendar ends before there is one.

    """
    for ahead in range(DAYS_AHEAD):
        found = session(day + timedelta(days=ahead))
        if found.trades:
            return found
    message = f"no session within {DAYS_AHEAD} days of {day}"
    raise CalendarRangeError(message)


def world_of(arguments: argparse.Namespace, clock: Clock) -> IndexPath:
    """Return the day's index.

    Raises:
        UsageError: no session that day, or unusable bars.

    """
    try:
        day = arguments.day or date.fromisoformat(next_session(et_date(clock.now().utc_ns)).date)
        if arguments.minutes is not None:
            return bridged_day(arguments.minutes, day, arguments.seed)
        return generated_day(arguments.seed, session(day))
    except (WorldError, CalendarRangeError) as error:
        raise cli.UsageError(str(error)) from error


def faults_of(arguments: argparse.Namespace, kind: type[_Fault]) -> tuple[_Fault, ...]:
    """Read the faults file."""
    if arguments.faults is None:
        return ()
    try:
        return tuple(msgspec.convert(fault, kind) for fault in msgspec.json.decode(arguments.faults.read_bytes()))
    except (OSError, TypeError, msgspec.DecodeError, msgspec.ValidationError) as error:
        message = f"--faults {arguments.faults}: {error}"
        raise cli.UsageError(message) from error


def say_listening(line: str) -> None:
    """Print the one line that says where the server is."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Pacer:
    """Calls ``advance`` whenever simulated time reaches the next event; ``touch`` makes it look again."""

    def __init__(self, clock: Clock, advance: Callable[[int], None], next_event_ns: Callable[[], int | None]) -> None:
        """Take what moves and what tells when."""
        self._clock, self._advance, self._next = clock, advance, next_event_ns
        self._changed = asyncio.Event()

    def touch(self) -> None:
        """Something may be due earlier than thought."""
        self._changed.set()

    async def run(self) -> None:
        """Advance for ever."""
        while True:
            self._changed.clear()
            now = self._clock.now()
            self._advance(now.utc_ns)
            at_ns = self._next()
            # Both clocks of a plan are one count, and a real clock's difference is short-lived enough here.
            wait_s = IDLE_S if at_ns is None else min(IDLE_S, self._clock.real_seconds_until(now.mono_ns + at_ns - now.utc_ns))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(wait_s, 0.0002)):
                    await self._changed.wait()


async def until_stopped() -> None:
    """Wait for SIGTERM or Ctrl-C."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
