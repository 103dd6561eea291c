"""A consumer that stalls sees its values come later and later, and says so, long before a server with a bounded buffer gives it up."""

import asyncio
import contextlib
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from kalshi_alpha.adapters.massive.stream import FeedStream
from kalshi_alpha.adapters.system_clock import ClockPlan, ClockSegment, ScaledClock
from kalshi_alpha.adapters.websocket import ConnectParameters, drive
from kalshi_alpha.config import FeedLegConfig, FeedsConfig
from kalshi_alpha.data.failover import DualFeedFailover
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.events import Event, FeedConnected, IndexTicked
from kalshi_alpha.model.instruments import SYMBOLS

SPEED = 10.0
BEGIN_NS = 1_795_447_200 * NS_PER_S
EVERY_S = 0.005
PADDING = "x" * 4_000
"""Frames of this size fill the system's own buffers soon: unknown keys are the vendor's right."""
BUFFERED_MAX = 200
"""Frames that the server keeps for a client."""
WORK_S = 0.02
"""What each value costs the consumer once it stalls: four times as long as until the next one."""
LEG = FeedLegConfig("-", "-")
WARM = 100
"""Values before it stalls."""
SETTINGS = FeedsConfig(LEG, LEG)


def status(name: str, message: str = "") -> str:
    return msgspec.json.encode([{"ev": "status", "status": name, "message": message}]).decode()


class BoundedServer:
    """Publishes many values a second to one client at a time, and drops it when it reads too slowly, as the vendor does."""

    def __init__(self, clock: ScaledClock) -> None:
        self.killed = threading.Event()
        self._clock = clock

    async def client(self, connection: ServerConnection) -> None:
        frames: deque[str] = deque()
        with contextlib.suppress(ConnectionClosed):
            await connection.send(status("connected"))
            await connection.recv()
            await connection.send(status("auth_success"))
            await connection.recv()
            for symbol in SYMBOLS:
                await connection.send(status("success", f"subscribed to: V.{symbol}"))
            sender = asyncio.create_task(self._send(connection, frames))
            try:
                while len(frames) < BUFFERED_MAX:
                    stamp_ms = self._clock.now().utc_ns // NS_PER_MS
                    values = [{"ev": "V", "val": 6_850.0, "T": symbol, "t": stamp_ms, "pad": PADDING} for symbol in SYMBOLS]
                    frames.append(msgspec.json.encode(values).decode())
                    await asyncio.sleep(EVERY_S)  # noqa: TID251 - the publisher's own pace
                self.killed.set()
                connection.transport.abort()
            finally:
                sender.cancel()

    async def _send(self, connection: ServerConnection, frames: deque[str]) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                while frames:
                    await connection.send(frames[0])
                    frames.popleft()
                await asyncio.sleep(EVERY_S)  # noqa: TID251 - the sender's own pace


@contextlib.contextmanager
def serving(server: BoundedServer) -> Iterator[str]:
    """Run the server in a thread of its own: a stalled consumer must not stall it."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    listener.bind(("127.0.0.1", 0))
    stops: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    async def work() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        async with serve(server.client, sock=listener, compression=None, ping_interval=None, write_limit=4_096):
            stops.put(partial(loop.call_soon_threadsafe, stop.set))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    stop = stops.get(timeout=10)
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/indices"
    finally:
        stop()
        thread.join()


class Consumer:
    """Decodes and judges, and from some instant on does much else besides."""

    def __init__(self, server: BoundedServer, clock: ScaledClock) -> None:
        self.failover = DualFeedFailover(SETTINGS)
        self.stalled = False
        self.seen: list[tuple[int, str, bool]] = []
        """(lag in ms, verdict, whether the server had killed it by then) of the S&P 500 after each value."""
        self.warm, self.lost = asyncio.Event(), asyncio.Event()
        self.taken = 0
        self._server, self._clock = server, clock

    def hear(self, events: Sequence[Event], now: Now) -> None:
        for event in events:
            if isinstance(event, IndexTicked):
                self.taken += 1
                self.failover.ingest(event, now)
                if self.taken == WARM:
                    self.warm.set()
            elif isinstance(event, FeedConnected):
                self.failover.connected("polygon", now)
            else:
                self.lost.set()
        if self.stalled:
            time.sleep(WORK_S)  # noqa: TID251 - the stall itself
        self.failover.evaluate(self._clock.now())
        polygon = self.failover.view(self._clock.now()).legs[0].symbols["I:SPX"]
        self.seen.append((polygon.event_lag_ms or 0, polygon.verdict, self._server.killed.is_set()))


def test_growing_lag_tells_of_a_stalled_consumer_before_the_server_gives_it_up() -> None:
    clock = ScaledClock(ClockPlan((ClockSegment(time.monotonic_ns(), BEGIN_NS, SPEED),)))  # noqa: TID251 - the plan's origin
    server = BoundedServer(clock)
    consumer = Consumer(server, clock)

    async def scene(url: str) -> None:
        stream = FeedStream("polygon", SYMBOLS, "key", SETTINGS, 1)
        task = asyncio.create_task(drive(stream, partial(ConnectParameters, url, {}), clock, consumer.hear))
        async with asyncio.timeout(30):
            await consumer.warm.wait()
            consumer.seen.clear()
            consumer.stalled = True
            await consumer.lost.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with serving(server) as url:
        asyncio.run(scene(url))

    assert server.killed.is_set()
    alive = [(lag_ms, verdict) for lag_ms, verdict, killed in consumer.seen if not killed]
    verdicts = [verdict for _, verdict in alive]
    assert verdicts[0] in {"FRESH", "LATE"}
    assert verdicts.index("STALE") < len(alive) / 2
    lags = [lag_ms for lag_ms, _ in alive]
    quarter = len(lags) // 4
    assert max(lags[:quarter]) < min(lags[-quarter:])
    assert lags[-1] > 4_000
