"""``python -m kalshi_alpha.sched.hotrestart``: shows the stored snapshot, its age and its verdict."""

import sys
from typing import Final

import msgspec

from kalshi_alpha.adapters.files import FileSnapshotStore, Layout
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.cli import EXIT_NO, EXIT_OK, now_from, parser, print_json, run
from kalshi_alpha.model.clock import Now, iso_et, iso_utc
from kalshi_alpha.model.snapshot import EngineSnapshot
from kalshi_alpha.model.units import CONTRACT_E2
from kalshi_alpha.sched.hotrestart import MAX_AGE_S, Corrupt, Fresh, HotRestartManager, Missing, Restored, Stale

_PROG: Final = "kalshi_alpha.sched.hotrestart"


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
    """``fresh``, ``stale``, ``missing`` or ``corrupt``."""
    reason: str
    age_s: float | None
    max_age_s: float
    path: str
    snapshot: SnapshotLine | None


def main(argv: list[str]) -> int:
    """Run the command; 0: fresh, 1: anything else."""
    flags = parser(_PROG, "Show the hot restart's snapshot, its age and its verdict.", now=True)
    flags.add_argument("--restore", action="store_true", required=True, help="read the snapshot as a restart would; changes nothing")
    given = flags.parse_args(argv)
    path = Layout(given.root).snapshot
    now: Now = now_from(given.now, SystemClock().now)
    restored = HotRestartManager(FileSnapshotStore(path)).restore(now)
    verdict = verdict_of(restored, str(path))
    if given.json:
        print_json(verdict)
    else:
        sys.stdout.write("\n".join(_lines(verdict, restored)) + "\n")
    return EXIT_OK if isinstance(restored, Fresh) else EXIT_NO


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
