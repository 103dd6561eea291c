"""The simulated feed over real sockets: the WebSocket at /indices and the few REST paths a client asks first."""

import asyncio
import contextlib
from typing import Final

from aiohttp import WSMsgType, web

from kalshi_alpha.adapters.system_clock import Clock
from kalshi_alpha.model.clock import NS_PER_MS, iso_utc
from kalshi_alpha.model.instruments import SYMBOLS
from kalshi_alpha.sim.feed.core import FeedServerSession, LevelPath, SimFeed
from kalshi_alpha.sim.pace import Pacer

NAMES: Final = {"I:SPX": "S&P 500", "I:NDX": "Nasdaq-100"}


class FeedServer:
    """One leg on one port."""

    def __init__(self, feed: SimFeed, path: LevelPath, leg: str, clock: Clock) -> None:
        """Serve a leg of the feed."""
        self.pacer = Pacer(clock, self._advance, feed.next_event_ns)
        self._feed, self._path, self._leg, self._clock = feed, path, leg, clock
        self._clients: dict[FeedServerSession, web.WebSocketResponse] = {}
        self._requests: dict[FeedServerSession, web.Request] = {}
        self._sending: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        """Return the application to run."""
        app = web.Application()
        app.router.add_get("/indices", self._stream)
        app.router.add_get("/v3/snapshot/indices", self._snapshot)
        app.router.add_get("/v1/marketstatus/now", self._market_status)
        return app

    def _advance(self, utc_ns: int) -> None:
        self._feed.advance(utc_ns)
        for session in list(self._clients):
            self._push(session)

    def _push(self, session: FeedServerSession) -> None:
        """Send what a session has to say, in order, without waiting for a slow reader here."""
        socket = self._clients.get(session)
        frames = session.drain()
        if socket is not None and frames:
            task = asyncio.get_running_loop().create_task(self._send(socket, frames))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        if session.closed is not None:
            self._abort(session)

    async def _send(self, socket: web.WebSocketResponse, frames: list[str]) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            for frame in frames:
                await socket.send_str(frame)

    def _abort(self, session: FeedServerSession) -> None:
        """Drop the TCP connection without a close frame, as the vendor does."""
        request = self._requests.get(session)
        if request is not None and request.transport is not None:
            request.transport.abort()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        session = self._feed.connect(self._leg, self._clock.now().utc_ns)
        if session is None:
            return web.Response(status=502)
        socket = web.WebSocketResponse(max_msg_size=65_536)
        await socket.prepare(request)
        self._clients[session], self._requests[session] = socket, request
        self._push(session)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    session.receive(message.data, self._clock.now().utc_ns)
                    for frame in session.drain():
                        await socket.send_str(frame)
                    if session.closed is not None:
                        self._abort(session)
        finally:
            self._feed.disconnect(session)
            self._clients.pop(session, None)
            self._requests.pop(session, None)
        return socket

    def _allowed(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get("apiKey", "")
        return given in self._feed.api_keys

    async def _snapshot(self, request: web.Request) -> web.Response:
        if not self._allowed(request):
            return web.json_response({"status": "ERROR", "request_id": "0", "error": "Unknown API Key"}, status=401)
        now = self._clock.now()
        wanted = request.query.get("ticker.any_of", ",".join(SYMBOLS)).split(",")
        return web.json_response({"request_id": "0", "status": "OK", "results": [self._row(symbol, now.utc_ns) for symbol in wanted]})

    def _row(self, symbol: str, utc_ns: int) -> dict[str, object]:
        if symbol not in NAMES:
            return {"ticker": symbol, "error": "NOT_FOUND", "message": "Ticker not found."}
        level = self._path.level(symbol, utc_ns)
        second_ns = utc_ns // 1_000_000_000 * 1_000_000_000
        bar = dict.fromkeys(("change", "change_percent"), 0.0) | dict.fromkeys(("close", "high", "low", "open", "previous_close"), level)
        return {
            "ticker": symbol, "name": NAMES[symbol], "type": "indices", "value": level, "market_status": "open",
            "timeframe": "REAL-TIME", "last_updated": second_ns, "session": bar,
        }  # fmt: skip

    async def _market_status(self, request: web.Request) -> web.Response:
        if not self._allowed(request):
            return web.json_response({"status": "ERROR", "request_id": "0", "error": "API Key was not provided"}, status=401)
        now_ns = self._clock.now().utc_ns // NS_PER_MS * NS_PER_MS
        groups = dict.fromkeys(("s_and_p", "nasdaq", "dow_jones"), "open")
        exchanges = dict.fromkeys(("nyse", "nasdaq", "otc"), "open")
        return web.json_response({
            "market": "open", "earlyHours": False, "afterHours": False, "serverTime": iso_utc(now_ns), "exchanges": exchanges,
            "currencies": {"fx": "open", "crypto": "open"}, "indicesGroups": groups,
        })  # fmt: skip
