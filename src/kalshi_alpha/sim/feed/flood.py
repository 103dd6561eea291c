"""``python -m kalshi_alpha.sim.feed.flood``: a feed that sends as much as it is told to, for measuring who reads it."""

import asyncio
import time
from typing import Final

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from kalshi_alpha import cli
from kalshi_alpha.model.instruments import SYMBOLS
from kalshi_alpha.sim.pace import say_listening, until_stopped

STEP_S: Final = 0.02
BEHIND_MS: Final = 60_000
"""The stamps begin so long ago: they advance faster than time does, and none may be of the future."""


def main(argv: list[str]) -> int:
    """Serve until stopped."""
    flags = cli.Parser(prog="python -m kalshi_alpha.sim.feed.flood", description=__doc__, allow_abbrev=False)
    flags.add_argument("--per-second", type=int, required=True, help="messages a second, one for each index in every frame")
    asyncio.run(_serve(flags.parse_args(argv).per_second))
    return cli.EXIT_OK


async def _serve(per_second: int) -> None:
    frames = max(1, int(per_second / len(SYMBOLS) * STEP_S))

    async def client(connection: ServerConnection) -> None:
        try:
            await connection.send(_status("connected"))
            await connection.recv()
            await connection.send(_status("auth_success"))
            await connection.recv()
            for symbol in SYMBOLS:
                await connection.send(_status("success", f"subscribed to: V.{symbol}"))
            await _flood(connection, frames)
        except ConnectionClosed:
            return

    async with serve(client, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        say_listening(f"listening ws://127.0.0.1:{port}/indices")
        await until_stopped()


async def _flood(connection: ServerConnection, frames: int) -> None:
    stamp_ms = time.time_ns() // 10**6 - BEHIND_MS  # noqa: TID251 - the vendor's clock
    due_s = time.monotonic()  # noqa: TID251 - a server's own pace
    while True:
        for _ in range(frames):
            stamp_ms += 1
            level = 6_850.0 + stamp_ms % 5 / 100
            messages = [{"ev": "V", "val": level, "T": symbol, "t": stamp_ms} for symbol in SYMBOLS]
            await connection.send(msgspec.json.encode(messages).decode())
        due_s += STEP_S
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))  # noqa: TID251 - see above


def _status(status: str, message: str = "") -> str:
    return msgspec.json.encode([{"ev": "status", "status": status, "message": message}]).decode()


if __name__ == "__main__":
    cli.run(main)
