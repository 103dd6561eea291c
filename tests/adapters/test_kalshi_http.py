"""The HTTP client against a small server on loopback that answers as each test wants, byte by byte."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from kalshi_alpha.adapters.kalshi.auth import Signer
from kalshi_alpha.adapters.kalshi.http import VenueHttp
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.http import HttpRequest, HttpResponse

KEY = ed25519.Ed25519PrivateKey.generate()
READ = HttpRequest("GET", "/portfolio/orders", query="status=resting&limit=5")
WRITE = HttpRequest("POST", "/portfolio/events/orders", body=b'{"ticker":"T"}')
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Answer = Callable[["Visit"], Awaitable[None]]


class FixedClock:
    """A clock that stands at one instant."""

    speed = 1.0

    def now(self) -> Now:
        return Now(utc_ns=1_703_123_456_789_999_999, mono_ns=0)

    def real_seconds_until(self, mono_ns: int) -> float:  # noqa: ARG002  # the signature is the Clock's
        return 0.0


class Seen(msgspec.Struct):
    """One request as the server got it."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


class Visit:
    """One request at the server, with the means to answer it."""

    def __init__(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        self.seen = seen
        self.writer = writer

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def hang_up(self) -> None:
        self.writer.transport.abort()


class Server:
    """Reads requests and answers each with the next prepared answer; the last one is repeated."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers
        self.seen: list[Seen] = []
        self.connections = 0
        self.open_port = 0
        self.open_writers: list[asyncio.StreamWriter] = []
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self.open_writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = dict(line.split(": ", 1) for line in head[1:] if line)
                body = await reader.readexactly(int(headers.get("Content-Length", "0")))
                seen = Seen(head[0], headers, body, number)
                self.seen.append(seen)
                answer = self.answers[min(len(self.seen), len(self.answers)) - 1]
                await answer(Visit(seen, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended.set()
        finally:
            writer.close()


@asynccontextmanager
async def exchange(*answers: Answer, timeout_s: float = 5.0, connections: int = 2) -> AsyncIterator[tuple[Server, VenueHttp]]:
    server = Server(list(answers))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.open_port = port = listening.sockets[0].getsockname()[1]
    client = VenueHttp(f"http://127.0.0.1:{port}/trade-api/v2", Signer("key-1", KEY.sign), FixedClock(), timeout_s, connections)
    try:
        yield server, client
    finally:
        await client.close()
        for writer in server.open_writers:
            writer.transport.abort()
        listening.close()
        await listening.wait_closed()


def says(data: bytes) -> Answer:
    async def answer(visit: Visit) -> None:
        await visit.write(data)

    return answer


async def hangs_up(visit: Visit) -> None:
    visit.hang_up()


async def is_silent(_visit: Visit) -> None:
    await asyncio.Event().wait()


def run(scenario: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 10))


def test_a_request_is_signed_at_the_clocks_time_over_the_full_path() -> None:
    async def scenario() -> None:
        async with exchange(says(OK)) as (server, client):
            response = await client.send(READ)

        seen = server.seen[0]
        assert response == HttpResponse(200, b"{}")
        assert seen.line == "GET /trade-api/v2/portfolio/orders?status=resting&limit=5 HTTP/1.1"
        assert seen.headers["Host"].startswith("127.0.0.1:")
        assert seen.headers["KALSHI-ACCESS-KEY"] == "key-1"
        assert seen.headers["KALSHI-ACCESS-TIMESTAMP"] == "1703123456789"
        signature = base64.b64decode(seen.headers["KALSHI-ACCESS-SIGNATURE"])
        KEY.public_key().verify(signature, b"1703123456789GET/trade-api/v2/portfolio/orders")

    run(scenario())


def test_a_body_is_sent_as_json_with_its_length() -> None:
    async def scenario() -> None:
        async with exchange(says(OK)) as (server, client):
            await client.send(WRITE)
            await client.send(HttpRequest("DELETE", "/portfolio/events/orders", query="subaccount=0"))

        assert server.seen[0].body == b'{"ticker":"T"}'
        assert server.seen[0].headers["Content-Type"] == "application/json"
        assert server.seen[1].headers["Content-Length"] == "0"

    run(scenario())


def test_the_connection_is_used_again() -> None:
    async def scenario() -> None:
        async with exchange(says(OK)) as (server, client):
            for _ in range(3):
                await client.send(WRITE)

        assert [seen.connection for seen in server.seen] == [1, 1, 1]

    run(scenario())


def test_connections_are_opened_before_they_are_needed() -> None:
    async def scenario() -> None:
        async with exchange(says(OK)) as (server, client):
            await client.warm_up()
            await asyncio.gather(client.send(WRITE), client.send(WRITE))

        assert server.connections == 2

    run(scenario())


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", HttpResponse(201, b"{}")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", HttpResponse(204, b"")),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy", HttpResponse(503, b"busy")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", HttpResponse(200, b"{}")),
        (
            b"HTTP/1.1 204 No Content\r\nDATE: Mon, 23 Nov 2026 15:00:00 GMT\r\n\r\n",
            HttpResponse(204, b"", date="Mon, 23 Nov 2026 15:00:00 GMT"),
        ),
        (b"HTTP/1.1 204 No Content\r\nDate: Mon, 23 Nov 2026 15:00:00 GMT\r\nAge: 3\r\n\r\n", HttpResponse(204, b"")),
        (b"HTTP/1.1 302 Found\r\nLocation: http://evil/\r\nContent-Length: 0\r\n\r\n", HttpResponse(302, b"")),
    ],
)
def test_answers_are_taken_as_they_are(sent: bytes, expected: HttpResponse) -> None:
    async def scenario() -> None:
        async with exchange(says(sent)) as (_, client):
            assert await client.send(READ) == expected

    run(scenario())


def test_a_connection_that_the_server_ends_is_replaced() -> None:
    async def scenario() -> None:
        async with exchange(says(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))) as (server, client):
            first = await client.send(WRITE)
            second = await client.send(WRITE)

        assert (first.status, second.status) == (200, 200)
        assert [seen.connection for seen in server.seen] == [1, 2]

    run(scenario())


def test_a_connection_found_closed_before_the_request_is_replaced() -> None:
    async def answers_then_leaves(visit: Visit) -> None:
        await visit.write(OK)
        visit.hang_up()

    async def scenario() -> None:
        async with exchange(answers_then_leaves, says(OK)) as (server, client):
            await client.send(WRITE)
            await client._idle[0].wait_gone()
            second = await client.send(WRITE)

        assert second.status == 200
        assert [seen.connection for seen in server.seen] == [1, 2]

    run(scenario())


@pytest.mark.parametrize("request_sent", [READ, WRITE])
def test_a_request_cut_off_is_never_sent_again(request_sent: HttpRequest) -> None:
    async def scenario() -> None:
        async with exchange(says(OK), hangs_up, says(OK)) as (server, client):
            await client.send(request_sent)
            response = await client.send(request_sent)

            assert response.status == 0
            assert response.body == b""
            assert "connection" in response.reason
            assert len(server.seen) == 2

    run(scenario())


def test_an_answer_cut_short_is_no_answer() -> None:
    async def begins_then_leaves(visit: Visit) -> None:
        await visit.write(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")
        visit.hang_up()

    async def scenario() -> None:
        async with exchange(begins_then_leaves) as (_, client):
            assert (await client.send(WRITE)).status == 0

    run(scenario())


def test_silence_ends_with_the_timeout_and_a_late_answer_is_never_taken_for_the_next() -> None:
    late = asyncio.Event()

    async def answers_late(visit: Visit) -> None:
        await late.wait()
        await visit.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")

    async def scenario() -> None:
        async with exchange(answers_late, says(OK), timeout_s=0.05) as (server, client):
            first = await client.send(WRITE)
            late.set()
            second = await client.send(WRITE)

        assert (first.status, first.reason) == (0, "no answer within 0.05 s")
        assert second == HttpResponse(200, b"{}")
        assert [seen.connection for seen in server.seen] == [1, 2]

    run(scenario())


async def answers_after(visit: Visit, seconds: float) -> None:
    await asyncio.sleep(seconds)  # noqa: TID251 - a slow venue
    await visit.write(OK)


def test_a_request_that_waited_for_a_connection_still_has_its_whole_time_for_an_answer() -> None:
    async def scenario() -> None:
        async with exchange(lambda visit: answers_after(visit, 0.3), timeout_s=0.5, connections=1) as (_, client):
            answers = await asyncio.gather(client.send(READ), client.send(READ), client.send(READ))

        assert [answer.status for answer in answers] == [200, 200, 200]

    run(scenario())


def test_a_request_that_waits_too_long_is_never_written() -> None:
    async def scenario() -> None:
        async with exchange(says(OK), timeout_s=0.05, connections=1) as (server, client):
            async with client._slots:
                refused = await client.send(WRITE)
            sent = await client.send(READ)

        assert (refused.status, refused.reason) == (0, "not sent: no connection was free within 0.05 s")
        assert sent.status == 200
        assert [seen.line.split()[0] for seen in server.seen] == ["GET"]

    run(scenario())


def test_a_groups_trigger_waits_for_nobody() -> None:
    async def scenario() -> None:
        heard = asyncio.Event()

        async def hears(visit: Visit) -> None:
            heard.set()
            await is_silent(visit)

        async with exchange(hears, says(OK), timeout_s=0.3, connections=1) as (_, client):
            waiting = asyncio.create_task(client.send(WRITE))
            await heard.wait()
            trigger = await client.send(HttpRequest("PUT", "/portfolio/order_groups/g/trigger"))
            lost = await waiting

        assert trigger.status == 200
        assert lost.status == 0

    run(scenario())


@pytest.mark.parametrize(
    "nonsense", [b"SMTP ready\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"]
)
def test_nonsense_is_no_answer(nonsense: bytes) -> None:
    async def scenario() -> None:
        async with exchange(says(nonsense), says(OK), timeout_s=0.5) as (_, client):
            first = await client.send(WRITE)
            second = await client.send(WRITE)

        assert first.status == 0
        assert second.status == 200

    run(scenario())


def test_an_endless_body_is_cut_off() -> None:
    async def floods(visit: Visit) -> None:
        await visit.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        while True:
            await visit.write(b"x" * 1_000_000)

    async def scenario() -> None:
        async with exchange(floods) as (_, client):
            response = await client.send(READ)

        assert response.status == 0
        assert "more than" in response.reason

    run(scenario())


@pytest.mark.parametrize("around", [b"X-More: " + b"x" * 1_000 + b"\r\n", b""], ids=["headers", "chunks"])
def test_endless_words_around_a_body_are_cut_off(around: bytes) -> None:
    async def floods(visit: Visit) -> None:
        await visit.write(b"HTTP/1.1 200 OK\r\n")
        if not around:
            await visit.write(b"Transfer-Encoding: chunked\r\n\r\n")
        while True:
            await visit.write(around or b"1;" + b"x" * 1_000 + b"\r\n1\r\n")

    async def scenario() -> None:
        async with exchange(floods) as (_, client):
            response = await client.send(READ)

        assert response.status == 0
        assert response.reason == "bad response: more than 65536 bytes around its body"

    run(scenario())


def test_a_body_that_nests_too_deeply_is_no_answer() -> None:
    deep = b"[" * 33 + b"]" * 33

    async def scenario() -> None:
        async with exchange(says(b"HTTP/1.1 200 OK\r\nContent-Length: 66\r\n\r\n" + deep), says(OK)) as (_, client):
            first = await client.send(READ)
            second = await client.send(READ)

        assert (first.status, first.reason) == (0, "bad response: nested deeper than 32 levels")
        assert second.status == 200

    run(scenario())


def test_a_client_can_be_told_to_take_short_answers_only() -> None:
    async def scenario() -> None:
        async with exchange(says(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b"x" * 11)) as (server, _):
            client = VenueHttp(f"http://127.0.0.1:{server.open_port}", None, FixedClock(), 5.0, body_bytes_max=10)
            response = await client.send(READ)
            await client.close()

        assert (response.status, response.reason) == (0, "bad response: more than 10 bytes")

    run(scenario())


def test_a_second_answer_nobody_asked_for_ends_the_connection() -> None:
    async def scenario() -> None:
        async with exchange(says(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"), says(OK)) as (server, client):
            first = await client.send(WRITE)
            second = await client.send(WRITE)

        assert (first.body, second.body) == (b"{}", b"{}")
        assert server.seen[1].connection == 2

    run(scenario())


def test_nobody_listening_is_no_answer() -> None:
    async def scenario() -> None:
        async with exchange(says(OK)) as (_, unused):
            port = unused._port
        client = VenueHttp(f"http://127.0.0.1:{port}", Signer("k", KEY.sign), FixedClock(), 1.0)
        response = await client.send(READ)
        await client.warm_up()
        await client.close()

        assert response.status == 0
        assert response.reason.startswith("can't connect")

    run(scenario())


def test_reads_leave_a_connection_for_writes() -> None:
    read_arrived = asyncio.Event()

    async def answers_writes_only(visit: Visit) -> None:
        if visit.seen.line.startswith("GET"):
            read_arrived.set()
            await is_silent(visit)
        await visit.write(OK)

    async def scenario() -> None:
        async with exchange(answers_writes_only) as (_, client):
            reads = [asyncio.create_task(client.send(READ)) for _ in range(3)]
            await read_arrived.wait()
            write = await client.send(WRITE)
            await client.close()
            given_up = await asyncio.gather(*reads)

        assert write.status == 200
        assert {response.status for response in given_up} == {0}

    run(scenario())


def test_a_closed_client_answers_nothing() -> None:
    async def scenario() -> None:
        async with exchange(says(OK)) as (server, client):
            await client.send(READ)
            await client.close()
            response = await client.send(READ)
            await server.ended.wait()

        assert response == HttpResponse(0, b"", "client closed")

    run(scenario())


def test_a_cancelled_send_ends_its_connection() -> None:
    async def scenario() -> None:
        arrived = asyncio.Event()

        async def arrives(visit: Visit) -> None:
            arrived.set()
            await is_silent(visit)

        async with exchange(arrives, says(OK)) as (server, client):
            task = asyncio.create_task(client.send(WRITE))
            await arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            response = await client.send(WRITE)

        assert response.status == 200
        assert server.seen[1].connection == 2

    run(scenario())


@pytest.mark.parametrize("url", ["ftp://host/x", "host", "https:///x", "https://u:p@host", "https://host/x?y=1"])
def test_only_plain_http_addresses_are_taken(url: str) -> None:
    with pytest.raises(ValueError, match="not an http or https address"):
        VenueHttp(url, Signer("k", KEY.sign), FixedClock(), 1.0)
