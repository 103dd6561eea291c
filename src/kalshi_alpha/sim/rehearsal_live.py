"""The failover rehearsal over real sockets: two simulated feeds on loopback, two real feed clients, the real controller."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final

from aiohttp import web

from kalshi_alpha.adapters.massive.stream import FeedStream
from kalshi_alpha.adapters.system_clock import ClockPlan, ClockSegment, ScaledClock
from kalshi_alpha.adapters.websocket import ConnectParameters, drive
from kalshi_alpha.config import FeedsConfig
from kalshi_alpha.data.failover import DualFeedFailover
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.events import Event, FeedConnected, FeedLost, IndexTicked
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Leg
from kalshi_alpha.sched.calendar import et_date, session
from kalshi_alpha.sim.feed import SimFeed
from kalshi_alpha.sim.feed.server import FeedServer
from kalshi_alpha.sim.rehearsal import LENGTH_S, Arrival, Transition, faults, told
from kalshi_alpha.sim.world import generated_day

SEED: Final = 1
KEY: Final = "rehearsal"
_LEAD_IN_MS: Final = 300
"""Real time for servers and clients to start."""


async def rehearse_live(config: FeedsConfig, begin_ns: int, speed: float) -> tuple[list[Arrival], list[Transition]]:
    """Play the script from a UTC instant on, at a multiple of real time.

    Raises:
        WorldError: there is no session on that day.
        CalendarRangeError: the calendar doesn't reach it.

    """
    lead_ns = int(_LEAD_IN_MS * NS_PER_MS * speed)
    clock = ScaledClock(ClockPlan((ClockSegment(time.monotonic_ns(), begin_ns - lead_ns, speed),)))  # noqa: TID251 - where it starts
    path = generated_day(SEED, session(et_date(begin_ns)))
    feed = SimFeed(path, SEED, faults(begin_ns), (KEY,))
    desk = _Desk(config, clock, begin_ns)
    async with contextlib.AsyncExitStack() as stack:
        tasks = [asyncio.create_task(desk.keep_time())]
        for leg in LEGS:
            url = await stack.enter_async_context(_serving(FeedServer(feed, leg, clock)))
            stream = FeedStream(leg, SYMBOLS, KEY, config, SEED)
            tasks.append(asyncio.create_task(drive(stream, partial(ConnectParameters, url, {}), clock, partial(desk.hear, leg))))
        try:
            await asyncio.wait(tasks, timeout=clock.real_seconds_until(begin_ns + LENGTH_S * NS_PER_S), return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
    for bug in ended:
        if isinstance(bug, Exception):
            raise bug
    return desk.arrivals, desk.transitions


class _Desk:
    """Between the clients and the controller: what the trading process's engine does, and nothing else."""

    def __init__(self, config: FeedsConfig, clock: ScaledClock, begin_ns: int) -> None:
        self.arrivals: list[Arrival] = []
        self.transitions: list[Transition] = []
        self._controller = DualFeedFailover(config)
        self._clock = clock
        self._begin_ns = begin_ns
        self._news = asyncio.Event()

    def hear(self, leg: Leg, events: Sequence[Event], now: Now) -> None:
        """Take what a client says."""
        for event in events:
            match event:
                case FeedConnected():
                    self._controller.connected(leg, now)
                case FeedLost():
                    self._controller.lost(leg, now)
                case IndexTicked() if event.event_ms * NS_PER_MS > self._begin_ns:
                    self.arrivals.append(Arrival(now.utc_ns - self._begin_ns, leg, event.symbol))
                    self._controller.ingest(event, now)
                case _:
                    pass
        self._judge(now)
        self._news.set()

    async def keep_time(self) -> None:
        """Let silence count, to the deadline the controller names."""
        while True:
            due_ns = self._controller.next_deadline_ns()
            self._news.clear()
            wait_s = None if due_ns is None else self._clock.real_seconds_until(due_ns)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
            self._judge(self._clock.now())

    def _judge(self, now: Now) -> None:
        self.transitions += told(self._controller.evaluate(now), now.utc_ns - self._begin_ns)


@contextlib.asynccontextmanager
async def _serving(server: FeedServer) -> AsyncIterator[str]:
    """Serve on a port of the machine's choice; tell its address."""
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pacing = asyncio.create_task(server.pacer.run())
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/indices"
    finally:
        pacing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pacing
        await runner.cleanup()
