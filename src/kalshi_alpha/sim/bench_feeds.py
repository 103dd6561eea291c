"""Figures about feeds and alerts over real sockets: what a flood of values costs, and how soon an alert arrives."""

import asyncio
import threading
import time
from collections.abc import Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import msgspec
from typing_extensions import override

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.massive.stream import FeedStream
from kalshi_alpha.adapters.outbox import Outbox
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.adapters.websocket import ConnectParameters, drive
from kalshi_alpha.cli import UnreachableError
from kalshi_alpha.config import FeedLegConfig, FeedsConfig
from kalshi_alpha.data.failover import DualFeedFailover
from kalshi_alpha.model.alerts import AlertMessage
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import Event, IndexTicked
from kalshi_alpha.model.instruments import SYMBOLS
from kalshi_alpha.sim.supervisor import Child

MESSAGES_PER_S: Final = 5_000
FLOOD_S: Final = 4.0
ALERTS: Final = 50
APART_S: Final = 0.05
PATIENCE_S: Final = 20.0


class Flood(msgspec.Struct, frozen=True):
    """What a flood of values came to."""

    messages_per_s: float
    core_share: float
    """CPU time of the consuming process as a share of the time that passed."""


def flood(root: Path) -> Flood:
    """Have another process send values, both indices in each frame, and decode and judge them here."""
    child = Child("flood", "kalshi_alpha.sim.feed.flood", ["--per-second", str(MESSAGES_PER_S)], root)
    try:
        return asyncio.run(_consume(child.ready().split()[1]))
    finally:
        child.end()


async def _consume(url: str) -> Flood:
    leg = FeedLegConfig(url, "-")
    config = FeedsConfig(leg, leg)
    controller = DualFeedFailover(config)
    taken = 0
    begun = asyncio.Event()

    def hear(events: Sequence[Event], now: Now) -> None:
        nonlocal taken
        for event in events:
            if isinstance(event, IndexTicked):
                taken += 1
                begun.set()
                controller.ingest(event, now)
        controller.evaluate(now)

    stream = FeedStream("polygon", SYMBOLS, "flood", config, 1)
    task = asyncio.create_task(drive(stream, partial(ConnectParameters, url, {}), SystemClock(), hear))
    async with asyncio.timeout(PATIENCE_S):
        await begun.wait()
    before, cpu_s, wall_s = taken, time.process_time(), time.monotonic()  # noqa: TID251 - measuring is what a bench does
    await asyncio.sleep(FLOOD_S)  # noqa: TID251 - see above
    wall_s, cpu_s = time.monotonic() - wall_s, time.process_time() - cpu_s  # noqa: TID251 - see above
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return Flood((taken - before) / wall_s, cpu_s / wall_s)


def alert_deliveries(root: Path) -> list[float]:
    """Return the seconds each of many alerts took from the outbox to a target on this machine, through the real process.

    Raises:
        UnreachableError: some never arrived.

    """
    arrived: dict[str, float] = {}

    class Target(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
            arrived.setdefault(body["message"].splitlines()[-1], time.monotonic())  # noqa: TID251 - measuring is what a bench does
            self.send_response(200)
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    targets = root / "targets"
    targets.touch(mode=0o600)
    targets.write_text(f"json://127.0.0.1:{server.server_address[1]}\n")
    config = root / "alerts.toml"
    config.write_text(_settings(targets))
    child = Child("alerts", "kalshi_alpha.exec.runners.alert_sender", ["--root", str(root), "--config", str(config)], root)
    try:
        return _delivered(Outbox(Layout(root).outbox), arrived)
    finally:
        child.end()
        server.shutdown()
        server.server_close()


def _delivered(outbox: Outbox, arrived: dict[str, float]) -> list[float]:
    sent: dict[str, float] = {}
    for number in range(ALERTS):
        alert_id = f"bench-{number}"
        sent[alert_id] = time.monotonic()  # noqa: TID251 - measuring is what a bench does
        outbox.put(AlertMessage(alert_id, "raised", "page", "Both feeds are down", "active: none", time.time_ns()))  # noqa: TID251 - see above
        time.sleep(APART_S)  # noqa: TID251 - see above
    end_s = time.monotonic() + PATIENCE_S  # noqa: TID251 - see above
    while len(arrived) < ALERTS and time.monotonic() < end_s:  # noqa: TID251 - see above
        time.sleep(0.05)  # noqa: TID251 - see above
    if len(arrived) < ALERTS:
        message = f"only {len(arrived)} of {ALERTS} alerts arrived within {PATIENCE_S:.0f} s"
        raise UnreachableError(message)
    return [arrived[alert_id] - at_s for alert_id, at_s in sent.items()]


def _settings(targets: Path) -> str:
    """Return the least settings that the sender reads."""
    nowhere = "ws://127.0.0.1:1/"
    venue = f'rest_url = "http://127.0.0.1:1"\nws_url = "{nowhere}"\nkey_id_file = "-"\nprivate_key_file = "-"\n'
    legs = "".join(f'[feeds.{leg}]\nurl = "{nowhere}"\napi_key_file = "-"\n' for leg in ("polygon", "massive"))
    return f'schema_version = 1\n[venue]\n{venue}{legs}[alerts]\ntargets_file = "{targets}"\n'
