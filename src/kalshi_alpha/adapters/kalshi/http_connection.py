"""One HTTP/1.1 connection: bytes out, one parsed answer back, or the reason why there is none."""

import asyncio
import socket
from typing import Final

import httptools
from typing_extensions import override

from kalshi_alpha.adapters.json_depth import nesting_refusal
from kalshi_alpha.model.http import HttpResponse

BODY_BYTES_MAX: Final = 8 * 1024 * 1024
"""The venue's largest page has 1,000 markets of some 2 kB."""
_HEAD_BYTES_MAX: Final = 64 * 1024
"""For everything around the body: headers, the marks between its chunks, interim answers."""
_IDLE_S: Final = 20.0
"""Servers and their proxies drop idle connections after a minute or so; a request must not race with that."""
_INTERIM: Final = 200


class NoAnswerError(Exception):
    """There is no answer, and why. What was asked may have been done."""


class Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, loop: asyncio.AbstractEventLoop, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        self._loop = loop
        self._body_bytes_max = body_bytes_max
        self._around_bytes = 0
        """Received so far of this answer, without its body."""
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[HttpResponse] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self._date = ""
        self._is_cached = False
        self._keep_alive = True
        self._idle: asyncio.TimerHandle | None = None
        self._gone = asyncio.Event()

    @property
    def is_usable(self) -> bool:
        """Whether a request may be written."""
        return self._transport is not None and not self._transport.is_closing() and self._keep_alive

    async def exchange(self, message: bytes) -> HttpResponse:
        """Write a request and wait for its answer.

        Raises:
            NoAnswerError: the connection ended or spoke nonsense before the answer was whole.

        """
        transport = self._transport
        if transport is None:
            reason = "closed before the request"
            raise NoAnswerError(reason)
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self._around_bytes = 0
        self._date, self._is_cached = "", False
        self._answer = self._loop.create_future()
        transport.write(message)
        try:
            return await self._answer
        finally:
            self._answer = None

    def rest(self) -> None:
        """Wait for the next request, but not for long."""
        self._idle = self._loop.call_later(_IDLE_S, self.close, "idle")

    def wake(self) -> None:
        """End the rest: a request comes."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def close(self, reason: str) -> None:
        """End the connection at once."""
        self.wake()
        self._fail(reason)
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    async def wait_gone(self) -> None:
        """Wait until the socket is closed."""
        await self._gone.wait()

    # asyncio's side

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @override
    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            # Nobody asked: what comes now would be taken for the next answer.
            self.close("unexpected data")
            return
        self._around_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.close(f"bad response: {type(error).__name__}")
        if self._around_bytes > _HEAD_BYTES_MAX:
            self.close(f"bad response: more than {_HEAD_BYTES_MAX} bytes around its body")

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._gone.set()
        self.wake()
        self._fail(f"connection lost: {exc}" if exc is not None else "connection closed before the answer")

    # The parser's side

    def on_message_begin(self) -> None:
        """Distrust a connection that answers twice."""
        if self._answer is None or self._answer.done():
            self._keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note when the answer was made, and whether a cache kept it since."""
        match name.lower():
            case b"date":
                self._date = value.decode("latin-1")
            case b"age":
                self._is_cached = True
            case _:
                pass

    def on_body(self, body: bytes) -> None:
        """Collect a part of the body."""
        self._body += body
        self._around_bytes -= len(body)
        if len(self._body) > self._body_bytes_max:
            self.close(f"bad response: more than {self._body_bytes_max} bytes")

    def on_message_complete(self) -> None:
        """Hand the answer over, unless it only announces the real one."""
        status = self._parser.get_status_code()
        if status < _INTERIM:
            self._body = bytearray()
            return
        self._keep_alive = self._keep_alive and self._parser.should_keep_alive()
        if (nesting := nesting_refusal(self._body)) is not None:
            self.close(f"bad response: {nesting}")
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(HttpResponse(status, bytes(self._body), date="" if self._is_cached else self._date))

    def _fail(self, reason: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(NoAnswerError(reason))
