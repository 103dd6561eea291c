"""``python -m kalshi_alpha.sim.exchange``: a simulated Kalshi exchange on loopback.

Its day is that of its clock, or the next one with a session. Besides signatures of its own time it takes those of the machine's, so that
clients which know no other clock can talk to a venue whose time is simulated.
"""

import argparse
import asyncio
import math
import os
from datetime import date
from io import RawIOBase
from pathlib import Path

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.system_clock import Clock, SystemClock
from kalshi_alpha.model.clock import NS_PER_MS
from kalshi_alpha.sched.calendar import CalendarRangeError, et_date, session
from kalshi_alpha.sim.exchange import ExchangeConfig, Fault, SimExchange
from kalshi_alpha.sim.exchange.audit import OrderEvent
from kalshi_alpha.sim.exchange.faults import UnknownFaultError
from kalshi_alpha.sim.exchange.limits import TIERS
from kalshi_alpha.sim.exchange.travel import ROUND_TRIP_MS_MAX
from kalshi_alpha.sim.pace import clock_of, faults_of, next_session, say_listening, until_stopped, world_arguments, world_of


def main(argv: list[str]) -> int:
    """Serve until stopped."""
    parser = cli.parser(
        "python -m kalshi_alpha.sim.exchange",
        "A simulated Kalshi exchange on 127.0.0.1: REST, WebSocket and other traders.",
        root=False,
        now=True,
    )
    world_arguments(parser)
    parser.add_argument("--keys", type=Path, required=True, help="folder of key_id, rsa.pem and ed25519.pem; made when absent")
    parser.add_argument("--tier", choices=tuple(TIERS), default="basic", help="rate limits (default: basic)")
    parser.add_argument(
        "--round-trip-ms", type=_round_trip_ms, default=0.0, help="what each request and its answer travel, in real time (default: 0)"
    )
    parser.add_argument(
        "--audit", type=Path, default=None, help="append every event of the account's orders to this file, a JSON line each"
    )
    arguments = parser.parse_args(argv)
    clock = clock_of(arguments)
    exchange = _exchange(arguments, clock)
    with _opened(arguments.audit) as audit:
        return asyncio.run(_serve(exchange, clock, arguments, audit))


async def _serve(exchange: SimExchange, clock: Clock, arguments: argparse.Namespace, audit: RawIOBase) -> int:
    # Heavy libraries, not needed to explain oneself.
    from kalshi_alpha.sim.exchange.auth_check import AuthCheck  # noqa: PLC0415
    from kalshi_alpha.sim.exchange.keys import load_keys  # noqa: PLC0415
    from kalshi_alpha.sim.exchange.server import HOST, REST_ROOT, STREAM_PATH, ExchangeServer  # noqa: PLC0415

    machine = SystemClock()
    simulated = not isinstance(clock, SystemClock)
    auth = AuthCheck(load_keys(arguments.keys))
    server = ExchangeServer(
        exchange,
        clock,
        auth,
        machine_ms=(lambda: machine.now().utc_ns // NS_PER_MS) if simulated else None,
        audit=None if arguments.audit is None else lambda event: _write(audit, event),
        round_trip_ms=arguments.round_trip_ms,
    )
    try:
        port = await server.start(arguments.port)
    except OSError as error:
        await server.stop()
        message = f"--port {arguments.port}: {error.strerror or error}"
        raise cli.UsageError(message) from error
    http, stream = f"http://{HOST}:{port}{REST_ROOT}", f"ws://{HOST}:{port}{STREAM_PATH}"
    say_listening(msgspec.json.encode({"http": http, "ws": stream}).decode() if arguments.json else f"listening {http} {stream}")
    await until_stopped()
    await server.stop()
    return cli.EXIT_OK


def _round_trip_ms(text: str) -> float:
    """Read a time to travel.

    Raises:
        ArgumentTypeError: not a number of 0 to ROUND_TRIP_MS_MAX.

    """
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0.0 <= found <= ROUND_TRIP_MS_MAX:
        message = f"{text!r}: must be 0 to {ROUND_TRIP_MS_MAX}"
        raise argparse.ArgumentTypeError(message)
    return found


def _opened(path: Path | None) -> RawIOBase:
    try:
        return (path or Path(os.devnull)).open("ab", buffering=0)
    except OSError as error:
        message = f"--audit {path}: {error.strerror}"
        raise cli.UsageError(message) from error


def _write(audit: RawIOBase, event: OrderEvent) -> None:
    audit.write(msgspec.json.encode(event) + b"\n")


def _exchange(arguments: argparse.Namespace, clock: Clock) -> SimExchange:
    """Return the day's venue.

    Raises:
        UsageError: an option doesn't fit.

    """
    try:
        found = session(arguments.day) if arguments.day is not None else next_session(et_date(clock.now().utc_ns))
        arguments.day = date.fromisoformat(found.date)
        config = ExchangeConfig(session=found, tier=arguments.tier, legacy_fields=True)
        return SimExchange(config, world_of(arguments, clock), arguments.seed, faults_of(arguments, Fault))
    except (CalendarRangeError, UnknownFaultError) as error:
        raise cli.UsageError(str(error)) from error


if __name__ == "__main__":
    cli.run(main)
