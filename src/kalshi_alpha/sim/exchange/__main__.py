"""The command: a simulated Kalshi exchange on loopback.

Without ``--now``, ``--speed`` or ``--clock`` it runs in real time. The market's day is that of its clock, or the next one with a session.
"""

import asyncio
import signal
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.system_clock import Clock, ClockPlan, ClockSegment, ScaledClock, SystemClock, load_clock
from kalshi_alpha.model.clock import NS_PER_MS, utc_ns_of
from kalshi_alpha.sched.calendar import CalendarRangeError, Session, et_date, session

PROG: Final = "python -m kalshi_alpha.sim.exchange"
_DAYS_AHEAD: Final = 10


def main(argv: list[str]) -> int:
    """Serve until a signal."""
    parser = cli.parser(PROG, "a simulated Kalshi exchange on 127.0.0.1: REST, WebSocket, other traders", root=False, now=True)
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 picks one")
    parser.add_argument("--keys", type=Path, required=True, help="folder of key_id, rsa.pem and ed25519.pem; made when absent")
    parser.add_argument("--speed", type=float, default=None, help="simulated seconds per second (default 1)")
    parser.add_argument("--clock", type=Path, default=None, help="a clock plan, shared with other processes")
    parser.add_argument("--seed", type=int, default=1, help="seed of the index and of the other traders (default 1)")
    parser.add_argument("--faults", type=Path, default=None, help="JSON list of faults: from_ns, to_ns, kind, params")
    parser.add_argument("--day", type=date.fromisoformat, default=None, help="session day YYYY-MM-DD (default: the clock's, or the next)")
    parser.add_argument("--minutes", type=Path, default=None, help="folder of minute bars to follow, instead of a day of the seed")
    parser.add_argument("--tier", default="basic", help="rate limit tier (default basic)")
    options = parser.parse_args(argv)
    return asyncio.run(_serve(options))


async def _serve(options: "Options") -> int:
    # Heavy libraries, not needed to explain oneself.
    from kalshi_alpha.sim.exchange.auth_check import AuthCheck  # noqa: PLC0415
    from kalshi_alpha.sim.exchange.keys import load_keys  # noqa: PLC0415
    from kalshi_alpha.sim.exchange.server import HOST, REST_ROOT, STREAM_PATH, ExchangeServer  # noqa: PLC0415

    clock, simulated = _clock(options)
    machine = SystemClock()
    exchange = _exchange(options, clock)
    auth = AuthCheck(load_keys(options.keys))
    server = ExchangeServer(exchange, clock, auth, (lambda: machine.now().utc_ns // NS_PER_MS) if simulated else None)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        port = await server.start(options.port)
    except (OSError, OverflowError) as error:
        message = f"--port {options.port}: {error.strerror if isinstance(error, OSError) else error}"
        raise cli.UsageError(message) from error
    http, stream = f"http://{HOST}:{port}{REST_ROOT}", f"ws://{HOST}:{port}{STREAM_PATH}"
    if options.json:
        sys.stdout.write(msgspec.json.encode({"http": http, "ws": stream}).decode() + "\n")
    else:
        sys.stdout.write(f"listening {http} {stream}\n")
    sys.stdout.flush()
    await stopped.wait()
    await server.stop()
    return cli.EXIT_OK
