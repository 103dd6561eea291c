"""From nothing to the first resting quote, with real processes on loopback, many times."""

import time
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.system_clock import ClockPlan, ClockSegment
from kalshi_alpha.cli import UnreachableError
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sim.exchange.audit import OrderEvent
from kalshi_alpha.sim.live_files import API_KEY, trader_config
from kalshi_alpha.sim.script import DEMO_DAY, demo_script, windows_config
from kalshi_alpha.sim.supervisor import Child

SPEED: Final = 20.0
INTO_WINDOW_S: Final = 60
GIVE_UP_S: Final = 10.0
SETTLE_S: Final = 1.5
"""Quoting time before the memory is read."""


class ColdStart(msgspec.Struct, frozen=True):
    """One start."""

    seconds: float
    rss_mib: float


def cold_starts(root: Path, runs: int) -> list[ColdStart]:
    """Start the trading process ``runs`` times inside a window, each from an empty folder, and measure."""
    script = demo_script(1, DEMO_DAY, windows_config(all_windows=False))
    plan = ClockPlan((ClockSegment(time.monotonic_ns(), script.windows[0].start_ns + INTO_WINDOW_S * NS_PER_S, SPEED),))  # noqa: TID251 - the origin
    plan_file = root / "clock.json"
    plan_file.write_bytes(msgspec.json.encode(plan))
    world = ["--seed", "1", "--day", script.day, "--clock", str(plan_file), "--port", "0"]
    audit = root / "audit.jsonl"
    servers = [Child("exchange", "kalshi_alpha.sim.exchange", ["--keys", str(root / "keys"), "--audit", str(audit), *world], root)]
    servers += [Child(leg, "kalshi_alpha.sim.feed", ["--leg", leg, "--api-key", API_KEY, *world], root) for leg in ("polygon", "massive")]
    try:
        _, rest_url, ws_url = servers[0].ready().split()
        feeds = {server.name: server.ready().split()[1] for server in servers[1:]}
        config = trader_config(root, rest_url, ws_url, feeds, script, plan_file)
        return [_one(root, config, audit, plan, number) for number in range(runs)]
    finally:
        for server in servers:
            server.end()


def _one(root: Path, config: Path, audit: Path, plan: ClockPlan, number: int) -> ColdStart:
    folder = root / f"run-{number}"
    folder.mkdir()
    before = audit.stat().st_size if audit.exists() else 0
    start_ns = time.monotonic_ns()  # noqa: TID251 - measuring
    trader = Child("trader", "kalshi_alpha.exec.runners.trade", ["--config", str(config), "--root", str(folder)], folder)
    try:
        accepted = _first_accepted(audit, before, start_ns)
        time.sleep(SETTLE_S)  # noqa: TID251 - lets it quote
        rss_mib = _rss_mib(trader.process.pid)
    finally:
        trader.end()
    segment = plan.segments[0]
    accepted_ns = segment.real_ns + int((accepted.utc_ns - segment.utc_ns) / segment.speed)
    return ColdStart((accepted_ns - start_ns) / NS_PER_S, rss_mib)


def _first_accepted(audit: Path, before: int, start_ns: int) -> OrderEvent:
    decoder = msgspec.json.Decoder(OrderEvent)
    while time.monotonic_ns() - start_ns < GIVE_UP_S * NS_PER_S:  # noqa: TID251 - bounded waiting
        data = audit.read_bytes()[before:] if audit.exists() else b""
        for line in data.splitlines():
            event = decoder.decode(line) if line.endswith(b"}") else None
            if event is not None and event.kind == "accepted":
                return event
        time.sleep(0.01)  # noqa: TID251 - bounded waiting
    message = f"no order rested within {GIVE_UP_S:.0f} s of a start"
    raise UnreachableError(message)


def _rss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
