"""The simulated feed over real sockets: the WebSocket at /indices and the few REST paths a client asks first."""

import asyncio
import contextlib
from datetime import UTC, date, datetime, time
from typing import Final

from aiohttp import WSMsgType, web

from kalshi_alpha.adapters.system_clock import Clock
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, iso_et, utc_ns_of
from kalshi_alpha.model.instruments import SYMBOLS
from kalshi_alpha.sim.feed.core import SimFeed
from kalshi_alpha.sim.feed.faults import LevelPath
from kalshi_alpha.sim.feed.session import FeedServerSession
from kalshi_alpha.sim.pace import Pacer

NAMES: Final = {"I:SPX": "S&P 500", "I:NDX": "Nasdaq-100"}
MINUTE_NS: Final = 60 * NS_PER_S
SPAN_MINUTES: Final = {"minute": 1, "hour": 60, "day": 1440}
BARS_MAX: Final = 50_000
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

    def __init__(self, feed: SimFeed, path: LevelPath, leg: str, clock: Clock) -> None:
        """Serve a leg of the feed."""
        self.pacer = Pacer(clock, self._advance, feed.next_event_ns)
        self._feed, self._path, self._leg, self._clock = feed, path, leg, clock
        self._clients: dict[FeedServerSession, _Client] = {}

    def app(self) -> web.Application:
        """Return the application to run."""
        app = web.Application()
        app.router.add_get("/indices", self._stream)
        app.router.add_get("/v3/snapshot/indices", self._snapshot)
        app.router.add_get("/v1/marketstatus/now", self._market_status)
        app.router.add_get("/v2/aggs/ticker/{ticker}/range/{multiplier}/{span}/{start}/{end}", self._bars)
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

    def _refused(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get("apiKey", "")
        if given in self._feed.api_keys:
            return None
        error = "Unknown API Key" if given else "API Key was not provided"
        return web.json_response({"status": "ERROR", "request_id": "0", "error": error}, status=401)

    async def _snapshot(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        utc_ns = self._clock.now().utc_ns
        wanted = request.query.get("ticker.any_of", ",".join(SYMBOLS)).split(",")
        return web.json_response({"request_id": "0", "status": "OK", "results": [self._row(symbol, utc_ns) for symbol in wanted]})

    def _row(self, symbol: str, utc_ns: int) -> dict[str, object]:
        if symbol not in NAMES:
            return {"ticker": symbol, "error": "NOT_FOUND", "message": "Ticker not found."}
        level = self._path.level(symbol, utc_ns)
        last_ns = max(self._path.first_ns, min(utc_ns, self._path.last_ns)) // NS_PER_S * NS_PER_S
        previous, opening = self._path.level(symbol, self._path.first_ns - 1), self._path.level(symbol, self._path.first_ns)
        session = {
            "change": round(level - previous, 4), "change_percent": round((level / previous - 1.0) * 100.0, 4), "close": level,
            "high": max(opening, level), "low": min(opening, level), "open": opening, "previous_close": previous,
        }  # fmt: skip
        return {
            "ticker": symbol, "name": NAMES[symbol], "type": "indices", "value": level, "market_status": self._market(utc_ns),
            "timeframe": "REAL-TIME", "last_updated": last_ns, "session": session,
        }  # fmt: skip

    def _market(self, utc_ns: int) -> str:
        return "open" if self._path.first_ns <= utc_ns < self._path.last_ns else "closed"

    async def _market_status(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        utc_ns = self._clock.now().utc_ns // NS_PER_MS * NS_PER_MS
        market = self._market(utc_ns)
        return web.json_response({
            "market": market, "earlyHours": False, "afterHours": False, "serverTime": iso_et(utc_ns),
            "exchanges": dict.fromkeys(("nyse", "nasdaq", "otc"), market), "currencies": {"fx": "open", "crypto": "open"},
            "indicesGroups": dict.fromkeys(("s_and_p", "nasdaq", "dow_jones"), market),
        })  # fmt: skip

    async def _bars(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        ticker = request.match_info["ticker"]
        try:
            minutes = int(request.match_info["multiplier"]) * SPAN_MINUTES[request.match_info["span"]]
            start_ns, end_ns = _instant(request.match_info["start"], time.min), _instant(request.match_info["end"], time.max)
        except (KeyError, ValueError):
            return web.json_response({"status": "ERROR", "request_id": "0", "error": "Invalid range"}, status=400)
        found = self._bars_of(ticker, max(minutes, 1) * MINUTE_NS, start_ns, end_ns) if ticker in NAMES else []
        count = len(found)
        return web.json_response({
            "ticker": ticker, "adjusted": True, "queryCount": count, "resultsCount": count, "count": count, "request_id": "0",
            "status": "OK", "results": found,
        })  # fmt: skip

    def _bars_of(self, symbol: str, width_ns: int, start_ns: int, end_ns: int) -> list[dict[str, float]]:
        """Return the bars that began in the range and are over, from once-a-second values."""
        last_ns = min(self._clock.now().utc_ns, self._path.last_ns, end_ns)
        found: list[dict[str, float]] = []
        at_ns = max(start_ns, self._path.first_ns) // width_ns * width_ns
        while at_ns + width_ns <= last_ns + 1 and len(found) < BARS_MAX:
            levels = [self._path.level(symbol, second_ns) for second_ns in range(at_ns, at_ns + width_ns, NS_PER_S)]
            found.append({"o": levels[0], "h": max(levels), "l": min(levels), "c": levels[-1], "t": at_ns // NS_PER_MS})
            at_ns += width_ns
        return found


def _instant(text: str, of_day: time) -> int:
    """Read a date or Unix milliseconds."""
    return int(text) * NS_PER_MS if text.isdigit() else utc_ns_of(datetime.combine(date.fromisoformat(text), of_day, UTC))
