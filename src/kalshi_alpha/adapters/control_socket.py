"""The trading process's local control channel: a Unix socket for its owner alone, one JSON line a message.

A connection carries one command. ``Watch`` is answered by views for as long as the watcher stays; the others by one reply.
A watcher gets the latest view when it is ready for one, never a queue: however slow it is, it holds at most one view.
"""

import asyncio
import contextlib
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.files import Layout

SOCKET_NAME: Final = "control.sock"
NOT_WRITTEN: Final = "it holds in the running process, but could not be written to disk: it would be lost at a restart"
MAX_PATH_BYTES: Final = 107  # Linux keeps 108 bytes for a Unix socket's path, with its end
MAX_COMMAND_BYTES: Final = 16_384
MAX_VIEW_BYTES: Final = 8_388_608
MAX_CONNECTIONS: Final = 32
COMMAND_DEADLINE_S: Final = 5.0
RETRY_S: Final = 0.25


class ControlError(Exception):
    """Base of what can go wrong with the control channel."""


class ControlPathError(ControlError):
    """The path can't hold a control socket: too long, or something else lies there."""


class ControlBusyError(ControlError):
    """A live process already listens there."""


class ControlUnreachableError(ControlError):
    """No answer: whether the command arrived is unknown. Every command may be sent again."""


class Message(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Base of what a client sends."""


class Watch(Message, frozen=True):
    """Send the present view and every later one, as far as this watcher keeps up."""


class Status(Message, frozen=True):
    """Is the process there? The reply holds the last view."""


class Stop(Message, frozen=True):
    """Latch, cancel everything."""

    actor: str
    reason: str


class Clear(Message, frozen=True):
    """Lift the latch that ``reason`` names: ``operator_stop``, ``risk_limit`` or what a cancel-all was marked with."""

    actor: str
    reason: str


class CancelAll(Message, frozen=True):
    """Cancel everything under the given reason and latch it."""

    actor: str
    reason: str


class ConfirmMaintenance(Message, frozen=True):
    """The maintenance is over as far as the operator is concerned: quoting may resume when every gate is green."""

    actor: str


class AckAlert(Message, frozen=True):
    """Somebody has taken an alert on: don't repeat it."""

    actor: str
    key: str


class MaintenanceChanged(Message, frozen=True):
    """The operator's maintenance slots have changed: read them again."""


ControlCommand = Status | Stop | Clear | CancelAll | ConfirmMaintenance | MaintenanceChanged | AckAlert
_COMMANDS: Final[msgspec.json.Decoder[ControlCommand | Watch]] = msgspec.json.Decoder(ControlCommand | Watch)


class ControlReply(msgspec.Struct, frozen=True):
    """The answer to one command."""

    ok: bool
    message: str = ""
    view: msgspec.Raw = msgspec.Raw(b"null")
    """The present view, with ``Status`` alone."""


class ViewReceived(msgspec.Struct, frozen=True):
    """A watcher got a view, as JSON."""

    view_json: bytes


class ServerLost(msgspec.Struct, frozen=True):
    """The trading process can't be reached; the watcher goes on trying."""

    reason: str


class ControlServer:
    """Answers commands and shows the latest view; runs in the trading process's event loop."""

    def __init__(
        self, path: Path, on_command: Callable[[ControlCommand], ControlReply], written: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        """Take the socket's path and what decides on commands.

        Args:
            path: Of the socket.
            on_command: Acts at once and must not block.
            written: Waits until what the command changed is on disk and says whether it is: a command is confirmed only then, so that
                a STOP that was confirmed outlives whatever comes next. None: nothing is kept on disk.

        """
        self._path = path
        self._on_command = on_command
        self._written = written
        self._server: asyncio.Server | None = None
        self._latest = b""
        self._version = 0
        self._closing = False
        self._wakeups: dict[asyncio.Event, None] = {}
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._idle: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        """Those of them that wait for nothing from us, oldest first: no command yet, or watching."""

    @property
    def watchers(self) -> int:
        """How many watch now: with none, a view needn't be made often."""
        return len(self._wakeups)

    async def start(self) -> None:
        """Listen, with mode 0600; what a dead process left there is replaced.

        Raises:
            ControlPathError: the path is too long or taken by something that isn't a socket.
            ControlBusyError: a live process listens there.
            OSError: the folder can't be written.

        """
        listener = _bound(self._path)
        self._closing = False
        self._server = await asyncio.start_unix_server(self._connected, sock=listener, limit=MAX_COMMAND_BYTES)

    def publish(self, view_json: bytes) -> None:
        """Make this the latest view (one line of JSON). Costs no more with a slow watcher than with none."""
        assert b"\n" not in view_json
        self._latest = view_json
        self._version += 1
        for wakeup in self._wakeups:
            wakeup.set()

    async def close(self) -> None:
        """Stop listening, drop everyone and remove the socket."""
        if self._server is None:
            return
        self._closing = True
        self._server.close()
        for writer in self._connections.values():
            writer.transport.abort()
        for wakeup in self._wakeups:
            wakeup.set()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
        self._path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._closing or not self._has_room():
            writer.transport.abort()
            return
        self._connections[task] = self._idle[task] = writer
        try:
            await self._answer(task, reader, writer)
        except (ConnectionError, TimeoutError):
            writer.transport.abort()
        finally:
            del self._connections[task]
            self._idle.pop(task, None)
            writer.close()

    def _has_room(self) -> bool:
        """Make room for a newcomer, who may bring a STOP, by dropping whoever has been idle longest."""
        if len(self._connections) < MAX_CONNECTIONS:
            return True
        longest = next(iter(self._idle), None)
        if longest is not None:
            self._idle.pop(longest).transport.abort()
        return longest is not None

    async def _answer(self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = await _read_command(reader)
        if isinstance(command, Watch):
            await self._show(reader, writer)
            return
        self._idle.pop(task, None)
        reply = command if isinstance(command, ControlReply) else self._on_command(command)
        if reply.ok and self._written is not None and not isinstance(command, Status) and not await self._written():
            reply = ControlReply(ok=False, message=NOT_WRITTEN)
        writer.write(msgspec.json.encode(reply) + b"\n")
        async with asyncio.timeout(COMMAND_DEADLINE_S):
            await writer.drain()

    async def _show(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Nothing more than one view waits in the transport, and none in the socket's own queue of ours.
        writer.transport.set_write_buffer_limits(high=0)
        wakeup = asyncio.Event()
        self._wakeups[wakeup] = None
        gone = asyncio.ensure_future(reader.read(1))
        gone.add_done_callback(lambda _: wakeup.set())
        shown = 0
        try:
            while not gone.done() and not self._closing:
                wakeup.clear()
                if shown < self._version:
                    shown = self._version
                    writer.write(self._latest + b"\n")
                    await writer.drain()
                else:
                    await wakeup.wait()
        finally:
            del self._wakeups[wakeup]
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await gone


class ControlClient:
    """Watches and commands the trading process from another process's event loop."""

    def __init__(self, path: Path, retry_s: float = RETRY_S) -> None:
        """Take the socket's path and the pause between attempts to reach it."""
        self._path = path
        self._retry_s = retry_s

    async def watch(self) -> AsyncIterator[ViewReceived | ServerLost]:
        """Yield views as they come, and once a broken or failed connection why; never ends by itself."""
        while True:
            lost = "the trading process closed the connection"
            try:
                reader, writer = await asyncio.open_unix_connection(self._path, limit=MAX_VIEW_BYTES)
            except OSError as error:
                lost = f"nobody listens at its control socket: {error.strerror or error}"
            else:
                try:
                    writer.write(msgspec.json.encode(Watch()) + b"\n")
                    while (line := await reader.readline()).endswith(b"\n"):
                        yield ViewReceived(line[:-1])
                except (ConnectionError, ValueError) as error:
                    lost = f"the connection broke ({error})"
                finally:
                    writer.close()
            yield ServerLost(lost)
            retry = asyncio.Event()
            asyncio.get_running_loop().call_later(self._retry_s, retry.set)
            await retry.wait()

    async def send(self, command: ControlCommand, timeout_s: float = 2.0) -> ControlReply:
        """Send one command and return the reply.

        Raises:
            ControlUnreachableError: no answer in time; the command may or may not have arrived.

        """
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_unix_connection(self._path, limit=MAX_VIEW_BYTES)
                try:
                    writer.write(msgspec.json.encode(command) + b"\n")
                    line = await reader.readline()
                finally:
                    writer.close()
        except (OSError, ValueError) as error:
            message = f"{self._path}: {str(error) or 'no answer in time'}"
            raise ControlUnreachableError(message) from error
        return _reply(self._path, line)


def send_command(path: Path, command: ControlCommand, timeout_s: float = 2.0) -> ControlReply:
    """Send one command from a program without an event loop.

    Raises:
        ControlUnreachableError: no answer in time; the command may or may not have arrived.

    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(msgspec.json.encode(command) + b"\n")
            with connection.makefile("rb") as answer:
                line = answer.readline(MAX_VIEW_BYTES)
    except OSError as error:
        message = f"{path}: {error}"
        raise ControlUnreachableError(message) from error
    return _reply(path, line)


def control_path(root: Path) -> Path:
    """Return where the trading process of this root listens."""
    return Layout(root).state / SOCKET_NAME


def refuse_long_path(path: Path) -> None:
    """Refuse a path that no Unix socket can have.

    Raises:
        ControlPathError: it has more bytes than the kernel keeps for one.

    """
    length = len(str(path).encode(errors="surrogateescape"))
    if length > MAX_PATH_BYTES:
        message = f"{path}: a Unix socket's path has at most {MAX_PATH_BYTES} bytes, this one {length}: choose a shorter --root"
        raise ControlPathError(message)


async def _read_command(reader: asyncio.StreamReader) -> ControlCommand | Watch | ControlReply:
    async with asyncio.timeout(COMMAND_DEADLINE_S):
        try:
            line = await reader.readline()
        except ValueError:
            return ControlReply(ok=False, message=f"a command of more than {MAX_COMMAND_BYTES} bytes")
    if not line.endswith(b"\n"):
        raise ConnectionResetError
    return decode_command(line)


def decode_command(line: bytes) -> ControlCommand | Watch | ControlReply:
    """Return the command that a line holds, or the reply that says why it holds none; never raises."""
    try:
        return _COMMANDS.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return ControlReply(ok=False, message=f"not a command: {str(error)[:300]}")


def _reply(path: Path, line: bytes) -> ControlReply:
    try:
        return msgspec.json.decode(line, type=ControlReply)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"{path}: no usable answer: {error}"
        raise ControlUnreachableError(message) from error


def _bound(path: Path) -> socket.socket:
    refuse_long_path(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_dead(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        # Nobody can connect before listen(): the mode is right from the first moment.
        path.chmod(0o600)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _remove_dead(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        message = f"{path}: something that isn't a socket lies there"
        raise ControlPathError(message)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, contextlib.suppress(BlockingIOError):
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    message = f"{path}: a live process listens there"
    raise ControlBusyError(message)
