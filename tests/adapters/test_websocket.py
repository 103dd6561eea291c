"""The socket loop against a real server on loopback: it hands over, keeps deadlines, and outlives whatever the network does."""

import asyncio

import pytest
from typing_extensions import override
from websockets.asyncio.server import Server, ServerConnection

from kalshi_alpha.adapters.system_clock import ClockPlan, ClockSegment, ScaledClock, SystemClock
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import Event, FeedPinged, TimerFired, VenueConnected, VenueLost
from tests.adapters.stream_scene import SECOND, Echo, Run, play, quiet, stop


def test_a_frame_reaches_the_events_and_what_the_session_says_reaches_the_server() -> None:
    heard: list[str | bytes] = []

    async def handler(connection: ServerConnection) -> None:
        heard.append(await connection.recv())
        await connection.send("text")
        await connection.send(b"bytes")
        await quiet(connection)

    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        session.greeting = ["hello"]
        run = Run(session, url, SystemClock())
        await run.until(lambda: run.count(TimerFired) == 2)
        await stop(run)
        assert heard == ["hello"]
        assert session.frames == ["text", b"bytes"]
        assert [type(event) for event in run.events] == [VenueConnected, TimerFired, TimerFired]

    play(handler, scene)


def test_a_poke_sends_what_others_added_in_order() -> None:
    heard: list[str | bytes] = []
    done = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        async for frame in connection:
            heard.append(frame)
            if len(heard) == 50:
                done.set()

    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        run = Run(session, url, SystemClock())
        await run.until(lambda: run.count(VenueConnected) == 1)
        for number in range(50):
            session.to_send.append(str(number))
            run.poke.set()
            if number % 7 == 0:
                await asyncio.wait({asyncio.create_task(asyncio.Event().wait())}, timeout=0.001)
        await done.wait()
        await stop(run)
        assert heard == [str(number) for number in range(50)]

    play(handler, scene)


def test_each_connection_is_signed_anew() -> None:
    signatures: list[str] = []

    async def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        signatures.append(connection.request.headers["X-Signature"])
        connection.transport.abort()

    async def scene(url: str, _server: Server) -> None:
        run = Run(Echo(), url, SystemClock())
        await run.until(lambda: run.count(VenueLost) == 3)
        await stop(run)
        assert signatures == ["signed-1", "signed-2", "signed-3"]

    play(handler, scene)


@pytest.mark.parametrize(
    ("code", "told"), [(1000, "closed 1000 bye"), (1001, "closed 1001 bye"), (1008, "closed 1008 bye"), (1011, "closed 1011 bye")]
)
def test_the_loop_tells_the_close_code_and_connects_again(code: int, told: str) -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.close(code, "bye")

    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        run = Run(session, url, SystemClock())
        await run.until(lambda: run.count(VenueLost) == 2)
        await stop(run)
        assert session.ended[:2] == [told, told]

    play(handler, scene)


def test_a_connection_dropped_without_a_close_frame_is_an_end() -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send("one")
        connection.transport.abort()

    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        run = Run(session, url, SystemClock())
        await run.until(lambda: run.count(VenueLost) == 1)
        await stop(run)
        assert session.ended == ["closed 1006"]

    play(handler, scene)


def test_nobody_listening_is_an_end_and_the_next_try_waits_as_the_session_says() -> None:
    async def scene(url: str, server: Server) -> None:
        server.close()
        await server.wait_closed()
        session = Echo()
        run = Run(session, url, SystemClock())
        await run.until(lambda: run.count(VenueLost) == 2)
        await stop(run)
        assert all("can't connect" in reason for reason in session.ended)

    play(quiet, scene)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", b"nonsense\r\n\r\n", b""])
def test_a_far_end_that_is_no_websocket_is_an_end(answer: bytes) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async def scene() -> None:
        server = await asyncio.start_server(reply, "127.0.0.1", 0)
        session = Echo()
        run = Run(session, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", SystemClock())
        await run.until(lambda: run.count(VenueLost) == 1)
        await stop(run)
        server.close()
        assert session.ended[0].startswith("can't connect: ")
        if b"401" in answer:
            assert "401" in session.ended[0]

    asyncio.run(scene())


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1/", "http://127.0.0.1/", "nonsense", "ws://127.0.0.1:99999/"])
def test_an_address_that_cannot_work_is_an_end(url: str) -> None:
    async def scene() -> None:
        session = Echo()
        run = Run(session, url, SystemClock())
        await run.until(lambda: run.count(VenueLost) == 1)
        await stop(run)
        assert session.ended[0].startswith("can't connect: ")

    asyncio.run(scene())


def test_an_environment_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    async def scene(url: str, _server: Server) -> None:
        run = Run(Echo(), url, SystemClock())
        await run.until(lambda: len(run.events) > 0)
        await stop(run)
        assert run.count(VenueConnected) == 1

    play(quiet, scene)


def test_the_session_can_hang_up() -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send("close!")
        await quiet(connection)

    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        run = Run(session, url, SystemClock())
        await run.until(lambda: run.count(VenueLost) == 2)
        await stop(run)
        assert session.ended[0] == "enough"

    play(handler, scene)


def test_a_deadline_fires_without_any_frame() -> None:
    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        clock = SystemClock()
        due_ns = session.deadline_ns = clock.now().mono_ns + SECOND // 20
        run = Run(session, url, clock)
        await run.until(lambda: run.count(TimerFired) == 1)
        await stop(run)
        assert session.fired[0].mono_ns >= due_ns

    play(quiet, scene)


def test_deadlines_are_in_simulated_time() -> None:
    clock = ScaledClock(ClockPlan((ClockSegment(0, 0, 1_000.0),)))

    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        session.deadline_ns = clock.now().mono_ns + 200 * SECOND  # 0.2 s
        started_ns = SystemClock().now().mono_ns
        run = Run(session, url, clock)
        await run.until(lambda: run.count(TimerFired) == 1)
        await stop(run)
        assert SystemClock().now().mono_ns - started_ns < 3 * SECOND

    play(quiet, scene)


def test_a_frame_that_brings_a_deadline_forward_is_obeyed() -> None:
    clock = SystemClock()

    class Hasty(Echo):
        @override
        def received(self, frame: str | bytes, now: Now) -> list[Event]:
            self.deadline_ns = now.mono_ns + SECOND // 20
            return [VenueConnected()]

    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send("soon")
        await quiet(connection)

    async def scene(url: str, _server: Server) -> None:
        session = Hasty()
        session.greeting = ["asleep by now"]
        run = Run(session, url, clock)
        started_ns = clock.now().mono_ns
        await run.until(lambda: run.count(TimerFired) == 1)
        await stop(run)
        assert clock.now().mono_ns - started_ns < 3 * SECOND  # the longest sleep is 5 s

    play(handler, scene)


def test_a_message_beyond_the_limit_ends_the_connection() -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send("x" * 1_001)
        await quiet(connection)

    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        run = Run(session, url, SystemClock(), 1_000)
        await run.until(lambda: run.count(VenueLost) == 1)
        await stop(run)
        assert session.frames == []
        assert session.ended[0].startswith("closed by us, 1009")
        assert session.refusals[0] == session.ended[0]

    play(handler, scene)


@pytest.mark.parametrize("bug", ["TimerFired", "VenueConnected", "VenueLost"])
def test_a_bug_above_ends_the_loop_instead_of_being_swallowed(bug: str) -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send("frame")
        connection.transport.abort()

    async def scene(url: str, _server: Server) -> None:
        run = Run(Echo(), url, SystemClock())
        run.bug = bug
        with pytest.raises(AssertionError, match="a bug above"):
            await run.task

    play(handler, scene)


def test_a_bug_in_a_deadline_ends_the_loop_too() -> None:
    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        session.deadline_ns = 0
        run = Run(session, url, SystemClock())
        run.bug = "TimerFired"
        with pytest.raises(AssertionError, match="a bug above"):
            await run.task

    play(quiet, scene)


def test_a_stopped_session_never_connects() -> None:
    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        session.stopped = True
        run = Run(session, url, SystemClock())
        await asyncio.wait({run.task}, timeout=0.1)
        assert run.connects == 0
        await stop(run)

    play(quiet, scene)


def test_cancelling_drops_the_connection() -> None:
    gone = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        await connection.wait_closed()
        gone.set()

    async def scene(url: str, _server: Server) -> None:
        run = Run(Echo(), url, SystemClock())
        await run.until(lambda: run.count(VenueConnected) == 1)
        await stop(run)
        await gone.wait()

    play(handler, scene)


def test_the_round_trip_of_an_answered_ping_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kalshi_alpha.adapters.websocket.PING_S", 0.05)
    monkeypatch.setattr("kalshi_alpha.adapters.websocket.IDLE_S", 0.05)

    async def scene(url: str, _server: Server) -> None:
        session = Echo()
        run = Run(session, url, SystemClock())
        await run.until(lambda: run.count(FeedPinged) >= 3)
        await stop(run)
        assert all(0.0 < round_trip_ms < 5_000.0 for round_trip_ms in session.pongs)
        assert len(set(session.pongs)) == len(session.pongs)

    play(quiet, scene)
