"""The venue's HTTP client: few warm connections, one request at a time on each, signed at the moment it is sent.

``send`` never raises for trouble on the network: no answer is an answer with status 0, and the caller knows that the outcome is open.
A request is written once. Only a connection that was found closed before a byte was written is replaced by a new one.

Time in the queue and time on the wire are counted apart: a request that waited long still has its whole time for an answer, and one that
waits too long is never written. The trigger of an order group, the only PUT, takes an additional connection rather than wait.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Generator
from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit

from kalshi_alpha.adapters.kalshi.http_connection import BODY_BYTES_MAX, Connection, NoAnswerError
from kalshi_alpha.adapters.system_clock import Clock
from kalshi_alpha.model.clock import NS_PER_MS
from kalshi_alpha.model.http import HttpRequest, HttpResponse

QUEUE_READS: Final = 4
"""A read may wait this many times as long for a connection as for its answer; what changes something as long."""
T = TypeVar("T")
_PORTS: Final = {"http": 80, "https": 443}


class Authenticates(Protocol):
    """What makes the headers of a request: a signature, or a key that the other side knows."""

    def headers(self, method: str, full_path: str, timestamp_ms: int) -> dict[str, str]:
        """Return them for this moment."""
        ...


async def carried_out(calls: Generator[HttpRequest, HttpResponse, T], send: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> T:
    """Send the requests of a call one after the other, each made from the answer before it; return what they came to."""
    try:
        request = next(calls)
        while True:
            request = calls.send(await send(request))
    except StopIteration as done:
        found: T = done.value
        return found


class VenueHttp:
    """Sends requests below one base address. Proxies and redirects aren't followed."""

    def __init__(
        self,
        base_url: str,
        signer: Authenticates | None,
        clock: Clock,
        timeout_s: float,
        connections: int = 2,
        *,
        body_bytes_max: int = BODY_BYTES_MAX,
    ) -> None:
        """Connect to nothing yet.

        Args:
            base_url: ``https://host/trade-api/v2``; certificates are verified.
            signer: Signs each request; None: they aren't signed.
            clock: Tells the time that is signed.
            timeout_s: Real seconds for an answer, once a request has a connection.
            connections: At most so many at once. Reads leave one free, so that a cancel doesn't wait for them.
            body_bytes_max: A longer answer is none.

        Raises:
            ValueError: not an http or https address.

        """
        parts = urlsplit(base_url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment or parts.username:
            message = f"not an http or https address: {base_url!r}"
            raise ValueError(message)
        self._host = parts.hostname
        self._port = parts.port or _PORTS[parts.scheme]
        self._host_header = parts.netloc
        self._root = parts.path.rstrip("/")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._signer = signer
        self._clock = clock
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(connections)
        self._read_slots = asyncio.Semaphore(max(1, connections - 1))
        self._idle: list[Connection] = []
        self._all: list[Connection] = []
        self._connections = connections
        self._body_bytes_max = body_bytes_max
        self._closed = False

    async def warm_up(self) -> None:
        """Open the connections, all at once, before they are needed; failing to is no error."""
        missing = self._connections - len(self._all)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await asyncio.gather(*(self._open_idle() for _ in range(missing)), return_exceptions=True)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request and return its answer, or status 0 with the reason why there is none."""
        slots = {"GET": (self._read_slots, self._slots), "PUT": ()}.get(request.method, (self._slots,))
        patience_s = self._timeout_s * (QUEUE_READS if request.method == "GET" else 1)
        async with contextlib.AsyncExitStack() as held:
            try:
                async with asyncio.timeout(patience_s):
                    for slot in slots:
                        await held.enter_async_context(slot)
            except TimeoutError:
                return HttpResponse(0, b"", f"not sent: no connection was free within {patience_s} s")
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._exchange(request)
            except TimeoutError:
                return HttpResponse(0, b"", f"no answer within {self._timeout_s} s")
            except NoAnswerError as error:
                return HttpResponse(0, b"", str(error))

    async def close(self) -> None:
        """Close every connection; requests under way end without an answer, and so do later ones."""
        self._closed = True
        open_ones = tuple(self._all)
        for connection in open_ones:
            connection.close("client closed")
        self._idle.clear()
        self._all.clear()
        for connection in open_ones:
            await connection.wait_gone()

    async def _exchange(self, request: HttpRequest) -> HttpResponse:
        connection = await self._checked_out()
        try:
            response = await connection.exchange(self._message(request))
        except BaseException:
            # Also on cancellation: a late answer must never meet the next request.
            self._drop(connection)
            raise
        if connection.is_usable and not self._closed and len(self._idle) < self._connections:
            connection.rest()
            self._idle.append(connection)
        else:
            self._drop(connection)
        return response

    async def _checked_out(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                connection.wake()
                return connection
            self._drop(connection)
        return await self._open()

    async def _open_idle(self) -> None:
        self._idle.append(await self._open())

    async def _open(self) -> Connection:
        if self._closed:
            message = "client closed"
            raise NoAnswerError(message)
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(loop, self._body_bytes_max), self._host, self._port, ssl=self._tls
            )
        except (OSError, UnicodeError) as error:
            message = f"can't connect: {error}"
            raise NoAnswerError(message) from error
        self._all.append(connection)
        return connection

    def _drop(self, connection: Connection) -> None:
        connection.close("dropped")
        if connection in self._all:
            self._all.remove(connection)

    def _message(self, request: HttpRequest) -> bytes:
        path = self._root + request.path
        target = f"{path}?{request.query}" if request.query else path
        signed = self._signer.headers(request.method, path, self._clock.now().utc_ns // NS_PER_MS) if self._signer else {}
        lines = [f"{request.method} {target} HTTP/1.1", f"Host: {self._host_header}", "Accept: application/json"]
        lines += [f"{name}: {value}" for name, value in signed.items()]
        if request.body:
            lines.append("Content-Type: application/json")
        if request.body or request.method != "GET":
            lines.append(f"Content-Length: {len(request.body)}")
        head = "\r\n".join(lines)
        assert head.isascii(), "requests are encoded before they come here"
        assert head.count("\n") == len(lines) - 1, "a line break inside a header"
        return head.encode("ascii") + b"\r\n\r\n" + request.body
