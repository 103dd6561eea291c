"""``python -m kalshi_alpha.sim.feed``: a simulated index feed on loopback."""

import asyncio
import contextlib

from aiohttp import web

from kalshi_alpha import cli
from kalshi_alpha.adapters.system_clock import Clock
from kalshi_alpha.sim.feed.core import SimFeed
from kalshi_alpha.sim.feed.faults import FeedFault
from kalshi_alpha.sim.feed.server import FeedServer
from kalshi_alpha.sim.pace import clock_of, faults_of, say_listening, until_stopped, world_arguments, world_of


def main(argv: list[str]) -> int:
    """Serve until stopped."""
    parser = cli.parser("kalshi-alpha feed", "A simulated index feed: the vendor's WebSocket protocol on 127.0.0.1.", root=False, now=True)
    world_arguments(parser)
    parser.add_argument("--api-key", default="sim-key", help="the key it accepts (default: sim-key)")
    parser.add_argument("--leg", choices=("polygon", "massive"), default="polygon", help="whose faults it suffers (default: polygon)")
    arguments = parser.parse_args(argv)
    clock = clock_of(arguments)
    path = world_of(arguments, clock)
    feed = SimFeed(path, arguments.seed, faults_of(arguments, FeedFault), (arguments.api_key,))
    return asyncio.run(serve(feed, arguments.leg, clock, arguments.port))


async def serve(feed: SimFeed, leg: str, clock: Clock, port: int) -> int:
    """Listen, say where, and serve until SIGTERM or Ctrl-C."""
    server = FeedServer(feed, leg, clock)
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        message = f"--port {port}: {error.strerror or error}"
        raise cli.UsageError(message) from error
    bound = runner.addresses[0][1]
    say_listening(f"listening ws://127.0.0.1:{bound}/indices http://127.0.0.1:{bound}")
    pacing = asyncio.create_task(server.pacer.run())
    try:
        await until_stopped()
    finally:
        pacing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pacing
        await runner.cleanup()
    return cli.EXIT_OK


if __name__ == "__main__":
    cli.run(main)
