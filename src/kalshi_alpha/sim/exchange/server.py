"""The simulated venue on loopback: real HTTP and WebSocket around the core, driven by a clock."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Final

from aiohttp import WSMsgType, web

from kalshi_alpha.adapters.kalshi.stamps import date_text
from kalshi_alpha.adapters.system_clock import Clock
from kalshi_alpha.model.clock import NS_PER_MS
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.sim.exchange.audit import OrderEvent
from kalshi_alpha.sim.exchange.auth_check import AuthCheck, is_public
from kalshi_alpha.sim.exchange.core import SimExchange
from kalshi_alpha.sim.exchange.errors import Refusal
from kalshi_alpha.sim.exchange.stream import ExchangeSession
from kalshi_alpha.sim.exchange.travel import Travel
from kalshi_alpha.sim.pace import Pacer

HOST: Final = "127.0.0.1"
REST_ROOT: Final = "/trade-api/v2"
STREAM_PATH: Final = "/trade-api/ws/v2"
PING_S: Final = 10.0
_FRAMES_MAX: Final = 20_000
_BODY_MAX: Final = 4 << 20


class _Connection:
    """One client's socket, and the frames on their way to it, each with the instant at which it gets there."""

    def __init__(
        self, socket: web.WebSocketResponse, session: ExchangeSession, transport: asyncio.Transport | None, travel: Travel
    ) -> None:
        self.socket = socket
        self.transport = transport
        self.session = session
        self.frames: deque[tuple[int, str]] = deque()
        self.wake = asyncio.Event()
        self._travel = travel

    def collect(self) -> None:
        """Take what the session has to send; a client that reads too slowly loses its subscriptions."""
        self._take()
        if len(self.frames) > _FRAMES_MAX:
            self.frames.clear()
            self.session.overflow()
            self._take()
        if self.frames or self.session.closed is not None:
            self.wake.set()

    def _take(self) -> None:
        if frames := self.session.drain():
            there_ns = self._travel.arrival_ns()
            self.frames.extend((there_ns, frame) for frame in frames)


class ExchangeServer:
    """Serves one exchange.

    ``machine_ms`` is the machine's own time, where the clock is a simulated one; ``audit`` is told of every order event;
    ``round_trip_ms`` is what a request and its answer spend on the way, of the machine's time.
    """

    def __init__(
        self,
        exchange: SimExchange,
        clock: Clock,
        auth: AuthCheck,
        *,
        machine_ms: Callable[[], int] | None = None,
        audit: Callable[[OrderEvent], None] | None = None,
        round_trip_ms: float = 0.0,
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._auth = auth
        self._machine_ms = machine_ms
        self._audit = audit
        self._audited = 0
        self._travel = Travel(round_trip_ms)
        self._connections: list[_Connection] = []
        self._pacer = Pacer(clock, self._advance, exchange.next_event_ns)
        self._pacing: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> int:
        """Listen on loopback and return the port.

        Raises:
            OSError: the port is taken.

        """
        app = web.Application(client_max_size=_BODY_MAX)
        app.router.add_get(STREAM_PATH, self._stream)
        app.router.add_route("*", REST_ROOT + "/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port)
        await site.start()
        self._exchange.advance(self._now_ns())
        self._pacing = asyncio.create_task(self._pacer.run())
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Hang up on everybody and stop listening."""
        if self._pacing is not None:
            self._pacing.cancel()
        for connection in list(self._connections):
            await connection.socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # Time

    def _advance(self, utc_ns: int) -> None:
        self._exchange.advance(utc_ns)
        self._collect()

    def _now_ns(self) -> int:
        return self._clock.now().utc_ns

    def _collect(self) -> None:
        log = self._exchange.order_log
        if self._audit is not None and self._audited < len(log):
            for event in log[self._audited :]:
                self._audit(event)
            self._audited = len(log)
        for connection in self._connections:
            connection.collect()

    # HTTP

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        await self._travel.handshake(request.transport)
        await self._travel.one_way()
        answer, now_ns = self._answered(request, body)
        await self._travel.one_way()
        if answer.status == 0:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=502)
        headers = {"Date": date_text(now_ns)}
        return web.Response(status=answer.status, body=answer.body, content_type="application/json", headers=headers)

    def _answered(self, request: web.Request, body: bytes) -> tuple[HttpResponse, int]:
        """Do what is asked, now; return the answer and when that was."""
        now_ns = self._now_ns()
        path = request.rel_url.raw_path
        below = path.removeprefix(REST_ROOT)
        refusal = None if is_public(request.method, below) else self._refusal(request, path, now_ns)
        if refusal is not None:
            answer = refusal.response()
        else:
            answer = self._exchange.request(HttpRequest(request.method, below, request.rel_url.raw_query_string, body), now_ns)
        self._collect()
        self._pacer.touch()
        return answer, now_ns

    def _refusal(self, request: web.Request, path: str, now_ns: int) -> Refusal | None:
        clocks_ms = [now_ns // NS_PER_MS]
        if self._machine_ms is not None:
            clocks_ms.append(self._machine_ms())
        try:
            self._auth.check(request.headers, request.method, path, clocks_ms)
        except Refusal as refusal:
            return refusal
        return None

    # WebSocket

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        await self._travel.handshake(request.transport)
        await self._travel.one_way()
        now_ns = self._now_ns()
        if not self._exchange.accepts_connections(now_ns):
            return web.Response(status=502)
        refusal = self._refusal(request, STREAM_PATH, now_ns)
        if refusal is not None:
            return web.Response(status=refusal.status, body=refusal.response().body, content_type="application/json")
        socket = web.WebSocketResponse(compress=False, autoping=False, max_msg_size=64 << 20)
        await self._travel.one_way()
        await socket.prepare(request)
        connection = _Connection(socket, self._exchange.connect(), request.transport, self._travel)
        self._connections.append(connection)
        commands: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
        tasks = [asyncio.create_task(work) for work in (self._send(connection), self._ping(connection), self._obey(connection, commands))]
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    commands.put_nowait((self._travel.arrival_ns(), message.data))
                elif message.type == WSMsgType.PING and connection.session.answers_pings:
                    await socket.pong(message.data)
        finally:
            for task in tasks:
                task.cancel()
            self._connections.remove(connection)
            connection.session.close("the client is gone")
        return socket

    async def _obey(self, connection: _Connection, commands: asyncio.Queue[tuple[int, str]]) -> None:
        """Hand commands over as they arrive, in their order."""
        while True:
            there_ns, command = await commands.get()
            await self._travel.until(there_ns)
            connection.session.receive(command, self._now_ns())
            self._collect()
            self._pacer.touch()

    async def _send(self, connection: _Connection) -> None:
        """Send frames as they come; drop the socket without a farewell when the session ends."""
        with contextlib.suppress(ConnectionError):
            while True:
                await connection.wake.wait()
                connection.wake.clear()
                while connection.frames:
                    there_ns, frame = connection.frames[0]
                    await self._travel.until(there_ns)
                    if connection.frames and connection.frames[0] == (there_ns, frame):  # an overflow may have cleared them
                        connection.frames.popleft()
                        await connection.socket.send_str(frame)
                if connection.session.closed is not None:
                    if connection.transport is not None:
                        connection.transport.abort()
                    return

    async def _ping(self, connection: _Connection) -> None:
        beat = asyncio.Event()
        with contextlib.suppress(ConnectionError):
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(beat.wait(), PING_S)
                if connection.session.answers_pings:
                    await connection.socket.ping(b"heartbeat")
