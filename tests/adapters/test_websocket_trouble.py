"""The socket loop when sending hangs, the far end refuses, or it is cancelled at a bad moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from typing_extensions import override
from websockets.asyncio.server import Server, ServerConnection
from websockets.exceptions import ConnectionClosed

from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import Event, TimerFired, VenueConnected, VenueLost
from tests.adapters.stream_scene import SECOND, Echo, Run, play, quiet, stop

BULK = 32 * 1024 * 1024
"""More than the sockets' buffers on both sides hold."""


async def deaf(connection: ServerConnection) -> None:
    """Read nothing from now on, but keep sending: the client's writes back up while its reads go on."""
    connection.transport.pause_reading()
    number = 0
    while True:
        await connection.send(str(number))
        number += 1
        await asyncio.wait({asyncio.create_task(asyncio.Event().wait())}, timeout=0.01)


def hang_up(server: Server) -> None:
    """Drop deaf connections, which no closing handshake could end."""
    for connection in server.connections:
        connection.transport.abort()


@contextlib.asynccontextmanager
async def raw_server(answer: bytes | None) -> AsyncIterator[str]:
    """Answer every upgrade with these bytes, or never."""
    writers: list[asyncio.StreamWriter] = []

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
        if answer is not None:
            writer.write(answer)
            writer.close()

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


def test_frames_and_deadlines_go_on_while_the_far_end_reads_nothing() -> None:
    async def scene(url: str, server: Server) -> None:
        session = Echo()
        session.greeting = ["x" * BULK]
        run = Run(session, url, SystemClock())
        await run.until(lambda: len(session.frames) >= 5)
        session.deadline_ns = SystemClock().now().mono_ns
        run.poke.set()
        await run.until(lambda: len(session.fired) == 1)
        await run.until(lambda: len(session.frames) >= 20)
        await stop(run)
        hang_up(server)
        assert session.frames[:20] == [str(number) for number in range(20)]

    play(deaf, scene)


def test_a_far_end_that_takes_nothing_in_time_is_left() -> None:
    async def scene(url: str, server: Server) -> None:
        session = Echo()
        session.greeting = ["x" * BULK]
        run = Run(session, url, SystemClock())
        await run.until(lambda: run.count(VenueLost) == 1)
        await stop(run)
        hang_up(server)
        assert session.ended[0] == "can't send: the far end takes nothing"

    play(deaf, scene)


def test_what_waits_to_be_sent_on_a_dead_connection_never_leaves_on_the_next() -> None:
    heard: list[str] = []

    async def handler(connection: ServerConnection) -> None:
        async for frame in connection:
            heard.append(str(frame))
            if len(heard) == 1:
                connection.transport.abort()

    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        session.greeting = ["first", "x" * BULK, "never"]
        run = Run(session, url, SystemClock())
        await run.until(lambda: run.count(VenueLost) == 1)
        session.greeting = ["second"]
        await run.until(lambda: run.count(VenueConnected) == 2)
        session.to_send = ["end"]
        run.poke.set()
        async with asyncio.timeout(5):
            while "end" not in heard:
                await asyncio.wait({asyncio.create_task(asyncio.Event().wait())}, timeout=0.01)
        await stop(run)
        assert heard == ["first", "second", "end"]

    play(handler, scene)


def test_many_frames_arrive_in_their_order() -> None:
    async def handler(connection: ServerConnection) -> None:
        for number in range(500):
            await connection.send(str(number))
        await quiet(connection)

    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        run = Run(session, url, SystemClock())
        await run.until(lambda: len(session.frames) == 500)
        await stop(run)
        assert session.frames == [str(number) for number in range(500)]

    play(handler, scene)


def test_a_frame_that_nests_too_deeply_is_never_read_and_ends_its_connection_with_the_reason() -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send("fine")
        await connection.send("[" * 33 + "]" * 33)
        await connection.send("after")
        await quiet(connection)

    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        run = Run(session, url, SystemClock())
        await run.until(lambda: run.count(VenueLost) == 2)
        await stop(run)
        assert session.frames[:2] == ["fine", "fine"]
        assert session.ended[:2] == session.refusals[:2] == ["frame refused: nested deeper than 32 levels"] * 2

    play(handler, scene)


def test_frames_over_the_rate_end_their_connection_with_the_reason() -> None:
    async def handler(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.send("x" * 500_000)

    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        run = Run(session, url, SystemClock())
        await run.until(lambda: run.count(VenueLost) == 1)
        await stop(run)
        assert session.ended == session.refusals == ["frame refused: more than 5000 frames a second"]
        assert len(session.frames) >= 160  # of 122 times the cost of a short one, 20,000 at once

    play(handler, scene)


def test_a_gateway_error_at_the_upgrade_is_told_with_its_status() -> None:
    async def scene() -> None:
        async with raw_server(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n") as url:
            session = Echo()
            run = Run(session, url, SystemClock())
            await run.until(lambda: run.count(VenueLost) == 1)
            await stop(run)
            assert session.ended[0].startswith("can't connect: ")
            assert "502" in session.ended[0]

    asyncio.run(scene())


def test_the_next_connection_waits_until_the_session_wants_it() -> None:
    lost: list[int] = []
    opened: list[int] = []

    class Patient(Echo):
        @override
        def opened(self, now: Now) -> list[Event]:
            opened.append(now.mono_ns)
            return super().opened(now)

        @override
        def closed(self, reason: str, now: Now) -> list[Event]:
            lost.append(now.mono_ns)
            events = super().closed(reason, now)
            self.retry_ns = now.mono_ns + 3 * SECOND // 10
            return events

    async def handler(connection: ServerConnection) -> None:
        connection.transport.abort()

    async def scene(url: str, _server: Server) -> None:
        run = Run(Patient(), url, SystemClock())
        await run.until(lambda: run.count(VenueConnected) == 2)
        await stop(run)
        assert 0.3 <= (opened[1] - lost[0]) / SECOND < 2

    play(handler, scene)


def test_others_may_make_the_session_hang_up() -> None:
    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        run = Run(session, url, SystemClock())
        await run.until(lambda: run.count(VenueConnected) == 1)
        session.close_reason = "told to"
        run.poke.set()
        await run.until(lambda: run.count(VenueLost) == 1)
        await stop(run)
        assert session.ended[0] == "told to"

    play(quiet, scene)


@pytest.mark.parametrize("moment", ["connecting", "waiting", "sending", "reading"])
def test_cancelling_leaves_no_task_and_no_complaint(moment: str) -> None:
    complaints: list[dict[str, object]] = []

    async def cancelled(session: Echo, url: str) -> None:
        run = Run(session, url, SystemClock())
        if moment in {"sending", "reading"}:
            await run.until(lambda: run.count(VenueConnected) == 1)
        await asyncio.wait({run.task}, timeout=0.05)
        await stop(run)

    async def scene(url: str, server: Server) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        session = Echo()
        session.stopped = moment == "waiting"
        session.greeting = ["x" * BULK] if moment == "sending" else []
        before = asyncio.all_tasks()
        if moment == "connecting":
            async with raw_server(None) as never:
                await cancelled(session, never)
        else:
            await cancelled(session, url)
        hang_up(server)
        names = {task.get_coro().__qualname__ for task in asyncio.all_tasks() - before if task.get_coro() is not None}  # type: ignore[union-attr]  # checked in the same line
        assert not {name for name in names if name.startswith(("_Line", "drive", "_connected", "ClientConnection"))}

    play(deaf if moment == "sending" else quiet, scene)

    # A server of the test that waits for ever may be collected when its loop is closed: that is nobody's of ours.
    assert [told for told in complaints if "Event.wait()" not in str(told.get("task"))] == []


def test_a_deadline_that_stays_due_starves_nobody() -> None:
    class Restless(Echo):
        @override
        def timer(self, now: Now) -> list[Event]:
            self.fired.append(now)
            return [TimerFired()]

    async def handler(connection: ServerConnection) -> None:
        await connection.send("heard")
        await quiet(connection)

    async def scene(url: str, _server: Server) -> None:
        session = Restless()
        session.deadline_ns = 0
        run = Run(session, url, SystemClock())
        await run.until(lambda: session.frames == ["heard"])
        await stop(run)

    play(handler, scene)
