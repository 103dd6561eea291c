"""A session that does as told, driven against a real server on loopback."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from websockets.asyncio.server import Server, ServerConnection, serve

from kalshi_alpha.adapters.system_clock import Clock
from kalshi_alpha.adapters.websocket import ConnectParameters, drive
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import Event, FeedPinged, TimerFired, VenueConnected, VenueLost
from kalshi_alpha.model.session import StreamSession

SECOND = 1_000_000_000
Handler = Callable[[ServerConnection], Awaitable[None]]


class Echo:
    """A session that tells what it is told; tests set what it wants."""

    def __init__(self) -> None:
        self.frames: list[str | bytes] = []
        self.pongs: list[float] = []
        self.ended: list[str] = []
        self.refusals: list[str] = []
        self.to_send: list[str] = []
        self.greeting: list[str] = []
        self.deadline_ns: int | None = None
        self.fired: list[Now] = []
        self.close_reason: str | None = None
        self.close_at: str | bytes = "close!"
        self.stopped = False
        self.retry_ns = 0

    def opened(self, now: Now) -> list[Event]:  # noqa: ARG002 - the shape of a session
        self.close_reason = None
        self.to_send += self.greeting
        return [VenueConnected()]

    def received(self, frame: str | bytes, now: Now) -> list[Event]:  # noqa: ARG002 - the shape of a session
        self.frames.append(frame)
        if frame == self.close_at:
            self.close_reason = "enough"
        return [TimerFired()]

    def refused(self, why: str) -> list[Event]:
        self.refusals.append(why)
        return []

    def closed(self, reason: str, now: Now) -> list[Event]:
        self.ended.append(reason)
        self.retry_ns = now.mono_ns + SECOND // 100
        return [VenueLost(reason)]

    def timer(self, now: Now) -> list[Event]:
        self.fired.append(now)
        self.deadline_ns = None
        return [TimerFired()]

    def outgoing(self) -> list[str]:
        taken, self.to_send = self.to_send, []
        return taken

    def next_deadline_ns(self) -> int | None:
        return self.deadline_ns

    def ponged(self, round_trip_ms: float) -> list[Event]:
        self.pongs.append(round_trip_ms)
        return [FeedPinged("polygon", round_trip_ms)]

    def wants_close(self) -> str | None:
        return self.close_reason

    def connect_at_ns(self) -> int | None:
        return None if self.stopped else self.retry_ns


class Run:
    """A driven session: what reached ``on_events``, and waiting for it."""

    def __init__(self, session: StreamSession, url: str, clock: Clock, frame_bytes_max: int = 1_000_000) -> None:
        self.events: list[Event] = []
        self.connects = 0
        self.poke = asyncio.Event()
        self.bug: str | None = None
        self._changed = asyncio.Event()
        self._url = url
        self.task = asyncio.create_task(
            drive(session, self._parameters, clock, self._take, poke=self.poke, frame_bytes_max=frame_bytes_max)
        )

    def _parameters(self) -> ConnectParameters:
        self.connects += 1
        return ConnectParameters(self._url, {"X-Signature": f"signed-{self.connects}"})

    def _take(self, events: Sequence[Event], now: Now) -> None:  # noqa: ARG002 - the shape of a listener
        self.events += events
        self._changed.set()
        if self.bug is not None and any(type(event).__name__ == self.bug for event in events):
            message = "a bug above"
            raise AssertionError(message)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that an event makes true."""
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.events)


def url_of(server: Server) -> str:
    return f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"


def play(handler: Handler, scene: Callable[[str, Server], Awaitable[None]]) -> None:
    """Run a scene against a server with this handler."""

    async def both() -> None:
        async with serve(handler, "127.0.0.1", 0) as server:
            async with asyncio.timeout(20):
                await scene(url_of(server), server)

    asyncio.run(both())


async def stop(run: Run) -> None:
    run.task.cancel()
    await asyncio.wait({run.task})
    assert run.task.cancelled()


async def quiet(connection: ServerConnection) -> None:
    """Listen until the client leaves."""
    async for _ in connection:
        pass
