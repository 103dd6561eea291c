"""``python -m kalshi_alpha.sched.hotrestart``: shows the stored snapshot, its age and its verdict.

Where a demo runs or ran, time is that of its clock plan: simulated time is hours away from the machine's.
"""

import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.control_socket import ControlError, Status, control_path, send_command
from kalshi_alpha.adapters.files import FileSnapshotStore, Layout
from kalshi_alpha.adapters.system_clock import Clock, load_clock
from kalshi_alpha.cli import EXIT_NO, EXIT_OK, UnreachableError, UsageError, now_from, parser, print_json, run
from kalshi_alpha.model.clock import NS_PER_S, Now, iso_et, iso_utc
from kalshi_alpha.model.snapshot import EngineSnapshot
from kalshi_alpha.model.units import CONTRACT_E2
from kalshi_alpha.sched.hotrestart import MAX_AGE_S, Corrupt, Fresh, HotRestartManager, Missing, Restored, Stale, unsealed

_PROG: Final = "python -m kalshi_alpha.sched.hotrestart"
_CAPTURED_WITHIN_S: Final = 10.0
"""Twice as long as an engine without a window takes from one snapshot to the next."""


class OrderLine(msgspec.Struct, frozen=True):
    """One order that may rest."""

    client_order_id: str
    order_id: str
    ticker: str
    side: str
    price_e4: int
    remaining_e2: int
    status: str
    expires_at: str


class SnapshotLine(msgspec.Struct, frozen=True):
    """What the snapshot says, without the ledger's ids."""

    captured_at: str
    epoch: int
    config_hash: str
    journal_seq: int
    active_window: str
    windows_degraded: int
    groups: tuple[str, ...]
    latches: tuple[tuple[str, str, str], ...]
    positions: int
    orders: tuple[OrderLine, ...]


class Verdict(msgspec.Struct, frozen=True):
    """The command's JSON document."""

    verdict: str
    """``fresh``, ``stale``, ``future``, ``missing`` or ``corrupt``."""
    reason: str
    age_s: float | None
    max_age_s: float
    path: str
    snapshot: SnapshotLine | None


def main(argv: list[str]) -> int:
    """Run the command; 0: fresh, 1: anything else, 3: no engine runs that could capture."""
    flags = parser(_PROG, "Show the hot restart's snapshot, its age and its verdict.", now=True)
    flags.add_argument("--restore", action="store_true", help="read the snapshot as a restart would; changes nothing")
    flags.add_argument("--capture", action="store_true", help="first wait for the running engine's next snapshot")
    given = flags.parse_args(argv)
    if not (given.restore or given.capture):
        flags.error("one of --capture and --restore is needed")
    clock = clock_of(given.root)
    path = Layout(given.root).snapshot
    if given.capture:
        wait_for_capture(given.root, path)
    now: Now = now_from(given.now, clock.now)
    restored = HotRestartManager(FileSnapshotStore(path)).restore(now)
    verdict = verdict_of(restored, str(path))
    if given.json:
        print_json(verdict)
    else:
        sys.stdout.write("\n".join(_lines(verdict, restored)) + "\n")
    return EXIT_OK if isinstance(restored, Fresh) else EXIT_NO


def clock_of(root: Path) -> Clock:
    """Return the machine's clock, or that of the clock plan in the root's ``clock.json``.

    Raises:
        UsageError: there is one, but it is no usable plan.

    """
    plan = root / "clock.json"
    try:
        return load_clock(plan if plan.exists() else None)
    except (OSError, ValueError) as error:
        message = f"{plan}: {error}"
        raise UsageError(message) from error


def wait_for_capture(root: Path, path: Path, patience_s: float = _CAPTURED_WITHIN_S) -> None:
    """Wait until the engine that runs in this root has stored one more snapshot: it does so by itself, every few seconds at the latest.

    Raises:
        UnreachableError: no engine runs here, or it stores none.

    """
    before = _captured_ns(path)
    try:
        send_command(control_path(root), Status())
    except ControlError as error:
        message = f"no engine to capture a snapshot: {error}"
        raise UnreachableError(message) from error
    end_ns = time.monotonic_ns() + int(patience_s * NS_PER_S)  # noqa: TID251 - bounded waiting for another process
    while (captured_ns := _captured_ns(path)) is None or captured_ns == before:
        if time.monotonic_ns() > end_ns:  # noqa: TID251 - see above
            message = f"{path}: the running engine stored no snapshot within {patience_s:g} s"
            raise UnreachableError(message)
        time.sleep(0.05)  # noqa: TID251 - see above


def _captured_ns(path: Path) -> int | None:
    try:
        found = unsealed(FileSnapshotStore(path).read() or b"")
    except OSError:
        return None
    return None if isinstance(found, Corrupt) else found.captured_utc_ns


def verdict_of(restored: Restored, path: str) -> Verdict:
    """Return what the command tells about a restored snapshot."""
    name = type(restored).__name__.lower()
    match restored:
        case Fresh(snapshot=snapshot, age_s=age_s):
            return Verdict(name, "", age_s, MAX_AGE_S, path, _line(snapshot))
        case Stale(snapshot=snapshot, age_s=age_s):
            reason = f"older than {MAX_AGE_S:.0f} s: no process keeps it fresh; a restart still reads it and asks the venue first"
            return Verdict(name, reason, age_s, MAX_AGE_S, path, _line(snapshot))
        case Missing():
            return Verdict(name, "no snapshot was ever written here", None, MAX_AGE_S, path, None)
        case Corrupt(ahead_s=ahead_s) if ahead_s > 0:
            reason = "from the future: whole, but captured later than our clock is; set the clock right, or find out whose snapshot it is"
            return Verdict("future", reason, -ahead_s, MAX_AGE_S, path, None)
        case Corrupt(reason=reason):
            return Verdict(name, reason, None, MAX_AGE_S, path, None)


def _line(snapshot: EngineSnapshot) -> SnapshotLine:
    return SnapshotLine(
        captured_at=iso_utc(snapshot.captured_utc_ns),
        epoch=snapshot.epoch,
        config_hash=snapshot.config_hash,
        journal_seq=snapshot.journal_seq,
        active_window=snapshot.active_window,
        windows_degraded=snapshot.windows_degraded,
        groups=snapshot.groups,
        latches=snapshot.latches,
        positions=sum(1 for one in snapshot.ledger.positions if one.position_e2),
        orders=tuple(
            OrderLine(
                client_order_id=order.intent.client_order_id,
                order_id=order.order_id,
                ticker=order.intent.ticker,
                side=order.intent.side,
                price_e4=order.intent.price_e4,
                remaining_e2=order.remaining_e2,
                status=order.status,
                expires_at=iso_utc(order.expiration_s * 1_000_000_000),
            )
            for order in snapshot.orders
        ),
    )


def _lines(verdict: Verdict, restored: Restored) -> list[str]:
    age = "" if verdict.age_s is None else f", {verdict.age_s:.3f} s old (limit {verdict.max_age_s:.0f} s)"
    if isinstance(restored, Corrupt) and restored.ahead_s:
        age = f", {restored.ahead_s:.3f} s ahead of our clock"
    lines = [f"{verdict.verdict}{age}: {verdict.path}"]
    if verdict.reason:
        lines.append(verdict.reason)
    told = verdict.snapshot
    if told is None or not isinstance(restored, (Fresh, Stale)):
        return lines
    lines += [
        f"captured {iso_et(restored.snapshot.captured_utc_ns)} New York, epoch {told.epoch}, journal record {told.journal_seq}",
        f"window {told.active_window or 'none'}, {told.positions} positions, order groups: {', '.join(told.groups) or 'none'}",
        *(f"latch {reason}, set by {actor}: {note}" for reason, actor, note in told.latches),
        f"{len(told.orders)} orders may rest",
    ]
    return lines + [
        f"  {order.side} {order.remaining_e2 / CONTRACT_E2:.2f} {order.ticker} at {order.price_e4 / 10_000:.4f}, "
        f"{order.status}, expires {order.expires_at}"
        for order in told.orders
    ]


if __name__ == "__main__":
    run(main)
