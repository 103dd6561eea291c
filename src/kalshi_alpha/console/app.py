"""The console's routes: the page and its files, the latest state once or as a stream, STOP and clear."""

import asyncio
import contextlib
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec
from aiohttp import web

from kalshi_alpha.adapters.control_socket import ControlUnreachableError
from kalshi_alpha.console.board import Board, Page
from kalshi_alpha.console.desk import Desk
from kalshi_alpha.console.gate import MAX_BODY_BYTES, Gate, add_headers, refusal

STATIC: Final = Path(__file__).parent / "static"
TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEARTBEAT_S: Final = 5.0
PACE_S: Final = 0.1
"""Least real time between two states sent to one page."""
BODY_S: Final = 0.5
"""STOP's reason must have come by then; STOP itself doesn't wait longer for it."""
WRITE_S: Final = 10.0

Body = TypeVar("Body")


class StopBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of ``POST /api/stop``."""

    reason: str = "STOP pressed on the page"


class ClearBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of ``POST /api/clear``."""

    latch: str
    """One that holds by the last view."""
    confirm: Literal["CLEAR"]
    """Typed by the operator."""


class AckBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of ``POST /api/ack``."""

    key: str


def body_of(data: bytes, kind: type[Body]) -> Body | None:
    """Return the body of an action; None: it isn't one."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class Console:
    """The handlers and what they share."""

    def __init__(self, board: Board, desk: Desk, gate: Gate) -> None:
        """Read the page's files once: no request names a path on disk."""
        self._board = board
        self._desk = desk
        self._files = {
            path.relative_to(STATIC).as_posix(): (path.read_bytes(), TYPES[path.suffix])
            for path in sorted(STATIC.rglob("*"))
            if path.suffix in TYPES
        }
        self._index = self._files.pop("index.html")[0].replace(b"{{csrf}}", gate.csrf.encode())
        self._closing = asyncio.Event()

    def application(self, gate: Gate, on_admitted: Callable[[web.Request], None]) -> web.Application:
        """Return the application with the gate before every route."""
        app = web.Application(middlewares=[gate.middleware(on_admitted)], client_max_size=MAX_BODY_BYTES)
        app.on_response_prepare.append(add_headers)
        app.router.add_get("/", self._page)
        app.router.add_get("/static/{name:.+}", self._file)
        app.router.add_get("/api/view", self._view)
        app.router.add_get("/api/events", self._events, allow_head=False)
        app.router.add_post("/api/stop", self._stop)
        app.router.add_post("/api/clear", self._clear)
        app.router.add_post("/api/confirm", self._confirm)
        app.router.add_post("/api/ack", self._ack)
        return app

    def close(self) -> None:
        """Let the streams end."""
        self._closing.set()
        self._board.close()

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(body=self._index, content_type="text/html", charset="utf-8")

    async def _file(self, request: web.Request) -> web.Response:
        found = self._files.get(request.match_info["name"])
        if found is None:
            return refusal(HTTPStatus.NOT_FOUND, "no such file")
        return web.Response(body=found[0], content_type=found[1], charset="utf-8")

    async def _view(self, _: web.Request) -> web.Response:
        return web.Response(body=self._board.state_json(), content_type="application/json")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        page = self._board.join()
        with contextlib.suppress(ConnectionError, TimeoutError):
            await self._stream(page, response)
        self._board.leave(page)
        return response

    async def _stream(self, page: Page, response: web.StreamResponse) -> None:
        while not page.is_closed:
            message = b": alive\n\n"
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(page.changed.wait(), HEARTBEAT_S)
                page.changed.clear()
                message = b"data: " + self._board.state_json() + b"\n\n"
            async with asyncio.timeout(WRITE_S):
                await response.write(message)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), PACE_S)

    async def _stop(self, request: web.Request) -> web.Response:
        # Whatever the body says, or doesn't, STOP means stop: only its reason may be lost.
        try:
            async with asyncio.timeout(BODY_S):
                body = body_of(await request.read(), StopBody) or StopBody()
        except (TimeoutError, ConnectionError, web.HTTPRequestEntityTooLarge, web.RequestPayloadError):
            body = StopBody()
        status = await self._desk.stop(body.reason[:200])
        code = HTTPStatus.OK if status.state == "delivered" else HTTPStatus.ACCEPTED
        return web.Response(status=code, body=msgspec.json.encode(status), content_type="application/json")

    async def _clear(self, request: web.Request) -> web.Response:
        body = body_of(await request.read(), ClearBody)
        if body is None:
            return refusal(HTTPStatus.BAD_REQUEST, "name the latch and type CLEAR")
        if body.latch not in self._board.latches:
            return refusal(HTTPStatus.CONFLICT, "no such latch holds: nothing was cleared")
        try:
            reply = await self._desk.clear(body.latch)
        except ControlUnreachableError:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the trading process doesn't answer: nothing was cleared")
        return refusal(HTTPStatus.OK if reply.ok else HTTPStatus.CONFLICT, reply.message or "cleared")

    async def _confirm(self, _: web.Request) -> web.Response:
        try:
            reply = await self._desk.confirm_maintenance()
        except ControlUnreachableError:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the trading process doesn't answer: nothing was confirmed")
        return refusal(HTTPStatus.OK if reply.ok else HTTPStatus.CONFLICT, reply.message)

    async def _ack(self, request: web.Request) -> web.Response:
        body = body_of(await request.read(), AckBody)
        if body is None:
            return refusal(HTTPStatus.BAD_REQUEST, "name the alert")
        try:
            reply = await self._desk.acknowledge(body.key)
        except ControlUnreachableError:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the trading process doesn't answer: nothing was acknowledged")
        return refusal(HTTPStatus.OK if reply.ok else HTTPStatus.CONFLICT, reply.message)
