"""The simulated feed over real sockets: the WebSocket at /indices and the few REST paths a client asks first."""

import asyncio
import contextlib
from typing import Final

from aiohttp import WSMsgType, web

from kalshi_alpha.adapters.system_clock import Clock
from kalshi_alpha.model.http import HttpRequest
from kalshi_alpha.sim.feed.core import SimFeed
from kalshi_alpha.sim.feed.rest import BARS_ROOT, SNAPSHOT_PATH, STATUS_PATH, FeedRest
from kalshi_alpha.sim.feed.session import FeedServerSession
from kalshi_alpha.sim.pace import Pacer

UNANSWERED_S: Final = 5.0
"""Real seconds for which a request that is never answered stays open."""
BACKLOG_MAX: Final = 10_000
"""Frames a client may leave unread; then it is a slow consumer and dropped."""


class _Client:
    """One socket, with a sender of its own: a slow reader holds up nobody else."""

    def __init__(self, session: FeedServerSession, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.session = session
        self._socket = socket
        self._request = request
        self._frames: list[str] = []
        self._news = asyncio.Event()

    def push(self) -> None:
        """Take what the session has to say."""
        self._frames += self.session.drain()
        if len(self._frames) > BACKLOG_MAX:
            self.session.close("slow consumer")
        if self._frames or self.session.closed is not None:
            self._news.set()

    async def send(self) -> None:
        """Send in order, until the session or the client hangs up: without a close frame, as the vendor does, unless a code is named."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            while True:
                frames, self._frames = self._frames, []
                for frame in frames:
                    await self._socket.send_str(frame)
                if self.session.closed is not None:
                    break
                self._news.clear()
                if not self._frames:
                    await self._news.wait()
            if self.session.close_code is not None:
                await self._socket.close(code=self.session.close_code)
        if self._request.transport is not None:
            self._request.transport.abort()


class FeedServer:
    """One leg on one port."""

    def __init__(self, feed: SimFeed, leg: str, clock: Clock) -> None:
        """Serve a leg of the feed."""
        self.pacer = Pacer(clock, self._advance, feed.next_event_ns)
        self._feed, self._leg, self._clock = feed, leg, clock
        self._answers = FeedRest(feed, leg)
        self._clients: dict[FeedServerSession, _Client] = {}

    def app(self) -> web.Application:
        """Return the application to run."""
        app = web.Application()
        app.router.add_get("/indices", self._stream)
        for path in (SNAPSHOT_PATH, STATUS_PATH, BARS_ROOT + "{ticker}/range/{multiplier}/{span}/{start}/{end}"):
            app.router.add_get(path, self._rest)
        return app

    def _advance(self, utc_ns: int) -> None:
        self._feed.advance(utc_ns)
        self._push_all()

    def _push_all(self) -> None:
        for client in self._clients.values():
            client.push()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        session = self._feed.connect(self._leg, self._clock.now().utc_ns)
        if session is None:
            return web.Response(status=502)
        socket = web.WebSocketResponse(max_msg_size=65_536, autoping=False)
        await socket.prepare(request)
        client = self._clients[session] = _Client(session, socket, request)
        client.push()
        sender = asyncio.create_task(client.send())
        self.pacer.touch()
        try:
            async for message in socket:
                if message.type is WSMsgType.PING and session.answers_pings:
                    await socket.pong(message.data)
                if message.type is WSMsgType.TEXT:
                    session.receive(message.data, self._clock.now().utc_ns)
                    self._push_all()
        finally:
            self._feed.disconnect(session)
            del self._clients[session]
            sender.cancel()
            await asyncio.wait({sender})
        return socket

    # REST

    async def _rest(self, request: web.Request) -> web.Response:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get("apiKey", "")
        asked = HttpRequest("GET", request.path, request.query_string)
        answer = self._answers.answer(asked, key, self._clock.now().utc_ns)
        if not answer.status:
            await asyncio.sleep(UNANSWERED_S)  # noqa: TID251 - longer than any client waits
            return web.Response(status=504)
        return web.Response(status=answer.status, body=answer.body, content_type="application/json")
