"""The console's process: one listening socket on loopback, a bounded number of connections, a watch on the trading process."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from aiohttp import web

from kalshi_alpha.adapters.control_socket import ControlClient, control_path
from kalshi_alpha.adapters.drill_records import last_drills
from kalshi_alpha.adapters.heartbeat import read_guardian
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.cli import UsageError
from kalshi_alpha.console.app import Console
from kalshi_alpha.console.board import Board
from kalshi_alpha.console.desk import Desk
from kalshi_alpha.console.drill_panel import drill_panel
from kalshi_alpha.console.gate import Gate
from kalshi_alpha.console.guardian_panel import guardian_panel
from kalshi_alpha.model.clock import utc_datetime

ADDRESS: Final = "127.0.0.1"
MAX_UNPROVEN: Final = 64
PROVE_S: Final = 10.0
FILES_EVERY_S: Final = 0.5


def listen(port: int) -> socket.socket:
    """Return a socket that listens on loopback; port 0 takes a free one.

    Raises:
        UsageError: the port is taken.

    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
        listener.listen()
    except OSError as error:
        listener.close()
        message = f"port {port}: {error.strerror}"
        raise UsageError(message) from error
    listener.setblocking(False)
    return listener


async def serve(root: Path, token: str, listener: socket.socket) -> None:
    """Run the console until SIGTERM or Ctrl-C."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with running(root, token, listener) as watch:
        watch.add_done_callback(lambda _: ended.set())
        await ended.wait()


@contextlib.asynccontextmanager
async def running(root: Path, token: str, listener: socket.socket) -> AsyncIterator[asyncio.Future[None]]:
    """Serve the page for the length of the block; yields the watch on the trading process, which ends by a defect only."""
    board = Board(SystemClock().now)
    desk = Desk(root, board)
    gate = Gate(token, listener.getsockname()[1])
    console = Console(board, desk, gate)
    guard = ConnectionGuard()
    runner = web.AppRunner(console.application(gate, guard.admitted), access_log=None, shutdown_timeout=1.0, keepalive_timeout=30.0)
    await runner.setup()
    assert runner.server is not None
    guard.factory = runner.server
    client = ControlClient(control_path(root))
    watch = asyncio.ensure_future(_watch(client, board))
    files = asyncio.ensure_future(_watch_files(root, board))
    files.add_done_callback(lambda _: None if watch.done() else watch.cancel())
    server = await asyncio.get_running_loop().create_server(guard, sock=listener)
    desk.resume()
    try:
        yield watch
    finally:
        server.close()
        console.close()
        guard.close()
        watch.cancel()
        files.cancel()
        await desk.close()
        await runner.cleanup()
        for task in (watch, files):
            with contextlib.suppress(asyncio.CancelledError):
                await task


class ConnectionGuard:
    """Bounds the connections that haven't shown the cookie: each has a deadline, and the oldest makes room for a new one."""

    def __init__(self) -> None:
        """Know no connection yet."""
        self.factory: web.Server | None = None
        self._unproven: dict[asyncio.BaseProtocol, asyncio.TimerHandle] = {}

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        assert self.factory is not None
        if len(self._unproven) >= MAX_UNPROVEN:
            self._drop(next(iter(self._unproven)))
        protocol = self.factory()
        self._unproven[protocol] = asyncio.get_running_loop().call_later(PROVE_S, self._drop, protocol)
        return protocol

    def admitted(self, request: web.Request) -> None:
        """Keep the connection of a request that passed the gate."""
        timer = self._unproven.pop(request.protocol, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Drop who hasn't shown the cookie."""
        for protocol in list(self._unproven):
            self._drop(protocol)

    def _drop(self, protocol: asyncio.BaseProtocol) -> None:
        self._unproven.pop(protocol).cancel()
        assert isinstance(protocol, web.RequestHandler)
        protocol.force_close()


async def _watch(client: ControlClient, board: Board) -> None:
    async for update in client.watch():
        board.learn(update)


async def _watch_files(root: Path, board: Board) -> None:
    clock = SystemClock()
    while True:
        status, drills = await asyncio.to_thread(lambda: (read_guardian(root), last_drills(root)))
        now = clock.now()
        board.learn_files(guardian_panel(status, now.mono_ns), drill_panel(drills, utc_datetime(now.utc_ns)))
        await asyncio.sleep(FILES_EVERY_S)  # noqa: TID251 - a driver's own pace, no decision depends on it
