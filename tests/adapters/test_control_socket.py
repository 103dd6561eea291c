"""The control channel: latest view only, commands and replies, dead and live sockets, the STOP left on disk."""

import asyncio
import contextlib
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
from typing_extensions import override

from kalshi_alpha.adapters import control_socket
from kalshi_alpha.adapters.control_socket import (
    NOT_WRITTEN,
    CancelAll,
    Clear,
    ControlBusyError,
    ControlClient,
    ControlCommand,
    ControlPathError,
    ControlReply,
    ControlServer,
    ControlUnreachableError,
    ServerLost,
    Status,
    Stop,
    ViewReceived,
    control_path,
    decode_command,
    send_command,
)
from kalshi_alpha.adapters.stop_request import StopRequest, read_stop_request, request_stop_offline, take_stop_request


@pytest.fixture
def root() -> Iterator[Path]:
    # The test runner's own temporary folders have paths too long for a socket on some machines.
    import tempfile

    with tempfile.TemporaryDirectory(prefix="ctl") as folder:
        yield Path(folder)


class Desk:
    """Takes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[ControlCommand] = []

    def __call__(self, command: ControlCommand) -> ControlReply:
        self.heard.append(command)
        return ControlReply(ok=True, message=f"heard {len(self.heard)}")


@contextlib.asynccontextmanager
async def serving(root: Path, desk: Desk) -> AsyncIterator[ControlServer]:
    server = ControlServer(control_path(root), desk)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


def test_a_command_is_confirmed_only_when_it_is_on_disk(root: Path) -> None:
    desk = Desk()
    order: list[str] = []

    async def written() -> bool:
        order.append(f"written after {len(desk.heard)}")
        return len(desk.heard) < 2

    async def scene() -> list[ControlReply]:
        server = ControlServer(control_path(root), desk, written)
        await server.start()
        try:
            client = ControlClient(control_path(root))
            return [await client.send(command) for command in (Stop("ann", "drill"), Stop("ann", "full disk"), Status())]
        finally:
            await server.close()

    durable, lost, shown = asyncio.run(scene())

    assert (durable.ok, durable.message) == (True, "heard 1")
    assert (lost.ok, lost.message) == (False, NOT_WRITTEN)
    assert shown.ok
    assert order == ["written after 1", "written after 2"]


async def turn() -> None:
    """Let everything else that is ready run once."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(done.set_result, None)
    await done


async def received(watch: AsyncIterator[ViewReceived | ServerLost], view: bytes) -> int:
    """Read until the given view comes; return how many others came before it."""
    others = 0
    async with asyncio.timeout(10):
        async for update in watch:
            if update == ViewReceived(view):
                return others
            others += 1
    raise AssertionError


def test_the_socket_is_its_owners_alone_and_goes_away(root: Path) -> None:
    async def scene() -> int:
        async with serving(root, Desk()):
            return stat.S_IMODE((root / "data" / "control.sock").stat().st_mode)

    mode = asyncio.run(scene())

    assert mode == 0o600
    assert not (root / "data" / "control.sock").exists()


def test_each_command_reaches_the_process_and_its_reply_comes_back(root: Path) -> None:
    desk = Desk()
    commands: list[ControlCommand] = [Stop("ann", "drill"), Clear("ann", "operator_stop"), CancelAll("ann", "maintenance"), Status()]

    async def scene() -> list[str]:
        async with serving(root, desk):
            client = ControlClient(control_path(root))
            return [(await client.send(command)).message for command in commands]

    messages = asyncio.run(scene())

    assert desk.heard == commands
    assert messages == ["heard 1", "heard 2", "heard 3", "heard 4"]


def test_a_program_without_an_event_loop_can_stop_it(root: Path) -> None:
    desk = Desk()

    async def scene() -> ControlReply:
        async with serving(root, desk):
            return await asyncio.to_thread(send_command, control_path(root), Stop("cli", "now"), 5.0)

    reply = asyncio.run(scene())

    assert reply.ok
    assert desk.heard == [Stop("cli", "now")]


def test_a_reply_carries_a_view_whole(root: Path) -> None:
    class WithView(Desk):
        @override
        def __call__(self, command: ControlCommand) -> ControlReply:
            return msgspec.structs.replace(super().__call__(command), view=msgspec.Raw(b'{"epoch":7}'))

    async def scene() -> ControlReply:
        async with serving(root, WithView()):
            return await ControlClient(control_path(root)).send(Status())

    assert bytes(asyncio.run(scene()).view) == b'{"epoch":7}'


def test_a_new_watcher_gets_the_latest_view_at_once_and_then_each_later_one(root: Path) -> None:
    async def scene() -> list[int]:
        async with serving(root, Desk()) as server:
            server.publish(b'"old"')
            server.publish(b'"present"')
            watch = ControlClient(control_path(root)).watch()
            counts = [await received(watch, b'"present"')]
            server.publish(b'"later"')
            counts.append(await received(watch, b'"later"'))
            await watch.aclose()  # type: ignore[attr-defined]  # it is an async generator
            return counts

    assert asyncio.run(scene()) == [0, 0]


def test_a_watcher_that_reads_nothing_holds_one_view_and_then_gets_the_latest(root: Path) -> None:
    big = b'"' + b"x" * 1_000_000 + b'"'

    async def scene() -> tuple[int, int]:
        async with serving(root, Desk()) as server:
            reader, writer = await asyncio.open_unix_connection(control_path(root), limit=4_000_000)
            writer.write(b'{"type":"Watch"}\n')
            while server.watchers == 0:
                await turn()
            for _ in range(50):
                server.publish(big)
                await turn()
            held = max(connection.transport.get_write_buffer_size() for connection in server._connections.values())
            server.publish(b'"latest"')
            came = 0
            async with asyncio.timeout(10):
                while await reader.readline() != b'"latest"\n':
                    came += 1
            writer.close()
            return held, came

    held, came = asyncio.run(scene())

    assert held <= len(big) + 1
    # One stuck in the server, a few in the stream reader's own buffer; the rest of the 50 were skipped.
    assert came <= 12


def test_a_watcher_that_leaves_is_forgotten(root: Path) -> None:
    async def scene() -> None:
        async with serving(root, Desk()) as server:
            server.publish(b'"view"')
            watch = ControlClient(control_path(root)).watch()
            await received(watch, b'"view"')
            assert server.watchers == 1
            await watch.aclose()  # type: ignore[attr-defined]  # it is an async generator
            async with asyncio.timeout(5):
                while server.watchers:
                    await turn()

    asyncio.run(scene())


def test_a_watcher_sees_the_process_go_and_come_back(root: Path) -> None:
    async def scene() -> list[str]:
        seen = []
        watch = ControlClient(control_path(root), retry_s=0.0).watch()
        async with serving(root, Desk()) as server:
            server.publish(b'"first"')
            await received(watch, b'"first"')
        lost = await anext(watch)
        seen.append(type(lost).__name__)
        async with serving(root, Desk()) as server:
            server.publish(b'"second"')
            await received(watch, b'"second"')
            seen.append("back")
            await watch.aclose()  # type: ignore[attr-defined]  # it is an async generator
        return seen

    assert asyncio.run(scene()) == ["ServerLost", "back"]


def test_a_dead_processs_socket_is_replaced(root: Path) -> None:
    path = control_path(root)
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
        dead.listen()

    async def scene() -> ControlReply:
        async with serving(root, Desk()):
            return await ControlClient(path).send(Status())

    assert asyncio.run(scene()).ok


def test_a_live_processs_socket_is_an_error_and_stays(root: Path) -> None:
    async def scene() -> bool:
        async with serving(root, Desk()):
            with pytest.raises(ControlBusyError, match="a live process listens there"):
                await ControlServer(control_path(root), Desk()).start()
            return (await ControlClient(control_path(root)).send(Status())).ok

    assert asyncio.run(scene())


def test_a_file_in_the_sockets_place_is_an_error_and_stays(root: Path) -> None:
    control_path(root).parent.mkdir()
    control_path(root).write_text("mine")

    with pytest.raises(ControlPathError, match="isn't a socket"):
        asyncio.run(ControlServer(control_path(root), Desk()).start())

    assert control_path(root).read_text() == "mine"


def test_a_path_too_long_for_a_socket_is_named(root: Path) -> None:
    deep = root / ("d" * 120)

    with pytest.raises(ControlPathError, match="at most 107 bytes"):
        asyncio.run(ControlServer(control_path(deep), Desk()).start())


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"null\n",
        b"{}\n",
        b'{"type":"Fire"}\n',
        b'{"type":"Stop"}\n',
        b'{"type":"Stop","actor":1,"reason":"x"}\n',
        b'{"type":"Stop","actor":"a","reason":"b","more":1}\n',
        b'{"type":"Stop","actor":"\xff","reason":"b"}\n',
        b"[" * 15_000 + b"\n",
        b"x" * 40_000 + b"\n",
    ],
)
def test_what_is_no_command_is_refused_and_harms_nothing(root: Path, line: bytes) -> None:
    desk = Desk()

    async def scene() -> tuple[ControlReply, bool]:
        async with serving(root, desk):
            reader, writer = await asyncio.open_unix_connection(control_path(root))
            writer.write(line)
            answer = msgspec.json.decode(await reader.readline(), type=ControlReply)
            writer.close()
            return answer, (await ControlClient(control_path(root)).send(Status())).ok

    refused, alive = asyncio.run(scene())

    assert not refused.ok
    assert alive
    assert desk.heard == [Status()]


def test_half_a_command_is_none(root: Path) -> None:
    desk = Desk()

    async def scene() -> bytes:
        async with serving(root, desk):
            reader, writer = await asyncio.open_unix_connection(control_path(root))
            writer.write(b'{"type":"Stop","actor":"a","reason":"b"}')
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            return answer

    assert asyncio.run(scene()) == b""
    assert desk.heard == []


def test_a_silent_client_is_dropped_at_the_deadline(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_socket, "COMMAND_DEADLINE_S", 0.01)

    async def scene() -> bytes:
        async with serving(root, Desk()):
            reader, writer = await asyncio.open_unix_connection(control_path(root))
            async with asyncio.timeout(5):
                answer = await reader.read()
            writer.close()
            return answer

    assert asyncio.run(scene()) == b""


def test_a_stop_gets_through_however_many_idle_connections_there_are(root: Path) -> None:
    desk = Desk()

    async def scene() -> tuple[ControlReply, bytes]:
        async with serving(root, desk):
            crowd = [await asyncio.open_unix_connection(control_path(root)) for _ in range(control_socket.MAX_CONNECTIONS)]
            reply = await ControlClient(control_path(root)).send(Stop("cli", "now"))
            async with asyncio.timeout(5):
                oldest = await crowd[0][0].read()
            for _, writer in crowd:
                writer.close()
            return reply, oldest

    reply, oldest = asyncio.run(scene())

    assert reply.ok
    assert desk.heard == [Stop("cli", "now")]
    assert oldest == b""


def test_nobody_there_is_unreachable_for_both_kinds_of_client(root: Path) -> None:
    with pytest.raises(ControlUnreachableError):
        send_command(control_path(root), Stop("cli", "now"), 1.0)
    with pytest.raises(ControlUnreachableError):
        asyncio.run(ControlClient(control_path(root)).send(Stop("cli", "now"), 1.0))


def test_a_stop_left_on_disk_is_taken_once(root: Path) -> None:
    request_stop_offline(root, "ann", "process is down")

    waiting = read_stop_request(root)
    taken = take_stop_request(root)

    assert waiting == taken == StopRequest("ann", "process is down")
    assert take_stop_request(root) is None


def test_a_stop_that_cannot_be_read_is_still_a_stop(root: Path) -> None:
    (root / "data").mkdir()
    (root / "data" / "stop_request.json").write_bytes(b"\x00\xff{")

    taken = take_stop_request(root)

    assert taken is not None
    assert "unreadable" in taken.reason
    assert take_stop_request(root) is None


@pytest.mark.parametrize(
    "line", ['{"type":"Stop","actor":' + "[" * 10_000, '{"type":"Status","more":' + "[" * 10_000, '"' + "x" * 10_000, "\ud800", ""]
)
def test_a_strange_line_is_answered_with_a_short_reason(line: str) -> None:
    answer = decode_command(line.encode(errors="surrogatepass") + b"\n")

    assert isinstance(answer, ControlReply)
    assert not answer.ok
    assert answer.message.startswith("not a command: ")
    assert len(answer.message) < 330
