"""``python -m kalshi_alpha.exec.state.orders``: the outstanding orders.

``--mark-cancel-all REASON`` and ``--clear REASON`` act on the running engine. 1: orders are still outstanding after a cancel-all, or what
an engine left is damaged. 3: no engine runs here to act on; a cancel-all then waits as a STOP for its next start, and what may still rest
at the venue expires by itself.
"""

import argparse
import getpass
import sys
import time
from pathlib import Path
from typing import Final, Literal

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.control_socket import CancelAll, Clear, ControlCommand, ControlError, Status, control_path, send_command
from kalshi_alpha.adapters.files import FileSnapshotStore, Layout
from kalshi_alpha.adapters.journal import JournalError, read_journal
from kalshi_alpha.adapters.stop_request import read_stop_request, request_stop_offline
from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.model.clock import NS_PER_S, iso_utc
from kalshi_alpha.model.view import EngineView
from kalshi_alpha.sched.hotrestart import Corrupt, unsealed

_PROG: Final = "python -m kalshi_alpha.exec.state.orders"
_EMPTY_WITHIN_S: Final = 10.0
"""A cancel-all is at the venue within a quarter of a second; this is for a venue that is slow to answer."""
_REASON_CHARACTERS: Final = 100


class OrderLine(msgspec.Struct, frozen=True):
    """One order that may rest. Prices are dollars for YES, counts contracts."""

    client_order_id: str
    ticker: str
    side: str
    price: str
    remaining: str
    status: str
    expires_at: str


class Outstanding(msgspec.Struct, frozen=True):
    """The command's JSON document."""

    source: Literal["engine", "disk"]
    """Who told: the running engine, or what the last one left."""
    as_of: str | None
    latches: tuple[str, ...]
    stop_waits: bool
    """A STOP waits for the next start."""
    outstanding: int
    orders: tuple[OrderLine, ...]
    damaged: tuple[str, ...] = ()
    """Files on disk that can't be read whole: there may be more orders than these."""


def main(argv: list[str]) -> int:
    """Show the orders, after acting on the engine where that is asked for."""
    flags = cli.parser(_PROG, "Show the outstanding orders; mark a cancel-all, or clear its latch.")
    acts = flags.add_mutually_exclusive_group()
    acts.add_argument("--mark-cancel-all", metavar="REASON", type=_reason, help="cancel everything; quote nothing until REASON is cleared")
    acts.add_argument("--clear", metavar="REASON", type=_reason, help="lift the latch of this name")
    given = flags.parse_args(argv)
    if given.mark_cancel_all is not None:
        found = _cancel_all(given.root, given.mark_cancel_all)
    elif given.clear is not None:
        found = _clear(given.root, given.clear)
    else:
        found = running(given.root) or left_on_disk(given.root)
    if given.json:
        cli.print_json(found)
    else:
        sys.stdout.write(_text(found))
    still_there = given.mark_cancel_all is not None and found.outstanding
    return cli.EXIT_NO if still_there or found.damaged else cli.EXIT_OK


def running(root: Path) -> Outstanding | None:
    """Return what the running engine says; None: none runs here."""
    try:
        reply = send_command(control_path(root), Status())
        view = msgspec.json.decode(reply.view, type=EngineView | None)
    except (ControlError, msgspec.DecodeError):
        return None
    if view is None:
        return None
    lines = [
        OrderLine(
            order.client_order_id,
            order.ticker,
            order.side,
            f"{order.price_e4 / 1e4:.4f}",
            f"{order.remaining_e2 / 100:.2f}",
            order.status,
            iso_utc(order.expiration_s * NS_PER_S),
        )
        for order in view.orders
    ]
    return Outstanding("engine", iso_utc(view.utc_ns), view.latches, read_stop_request(root) is not None, len(lines), tuple(lines))


def left_on_disk(root: Path) -> Outstanding:
    """Return what the last engine's journal and snapshot say may rest; whether it does only the venue can tell.

    Raises:
        UsageError: they can't be read.

    """
    layout = Layout(root)
    try:
        sealed = FileSnapshotStore(layout.snapshot).read()
        known = unsealed(sealed) if sealed else None
        snapshot = None if isinstance(known, Corrupt) else known
        if layout.journal.exists():
            list(layout.journal.iterdir())  # a folder that can't be listed isn't an empty one
        read = read_journal(layout.journal, after_seq=snapshot.journal_seq if snapshot else 0)
    except (OSError, JournalError) as error:
        raise cli.UsageError(str(error)) from error
    recovered = recover(snapshot, read.records)
    lines = [
        OrderLine(
            order.intent.client_order_id,
            order.intent.ticker,
            order.intent.side,
            f"{order.intent.price_e4 / 1e4:.4f}",
            f"{order.remaining_e2 / 100:.2f}",
            order.status,
            iso_utc(order.expiration_s * NS_PER_S),
        )
        for order in recovered.orders
    ]
    latches = tuple(reason for reason, _, _ in recovered.latches)
    as_of = iso_utc(snapshot.captured_utc_ns) if snapshot else None
    damaged = (*([str(layout.snapshot)] if isinstance(known, Corrupt) else []), *(str(path) for path in read.corrupt))
    return Outstanding("disk", as_of, latches, read_stop_request(root) is not None, len(lines), tuple(lines), damaged)


def _cancel_all(root: Path, reason: str) -> Outstanding:
    """Mark it, and wait until the engine knows of no order any more."""
    try:
        _send(root, CancelAll(getpass.getuser(), reason))
    except cli.UnreachableError as error:
        try:
            request_stop_offline(root, getpass.getuser(), f"cancel-all: {reason}")
        except OSError as problem:
            message = f"{error}; and no STOP could be left for the next start: {problem}"
            raise cli.UnreachableError(message) from problem
        message = f"{error}; a STOP is left for the next start, and what may rest expires by itself within seconds"
        raise cli.UnreachableError(message) from error
    end_ns = time.monotonic_ns() + int(_EMPTY_WITHIN_S * NS_PER_S)  # noqa: TID251 - bounded waiting for another process
    while True:
        found = _present(root)
        if not found.outstanding or time.monotonic_ns() > end_ns:  # noqa: TID251 - see above
            return found
        time.sleep(0.05)  # noqa: TID251 - see above


def _clear(root: Path, reason: str) -> Outstanding:
    held = _present(root).latches
    if reason not in held:
        message = f"--clear {reason}: no such latch (in force: {', '.join(held) or 'none'})"
        raise cli.UsageError(message)
    _send(root, Clear(getpass.getuser(), reason))
    return _present(root)


def _present(root: Path) -> Outstanding:
    found = running(root)
    if found is None:
        message = f"{control_path(root)}: no engine runs here"
        raise cli.UnreachableError(message)
    return found


def _send(root: Path, command: ControlCommand) -> None:
    try:
        reply = send_command(control_path(root), command)
    except ControlError as error:
        raise cli.UnreachableError(str(error)) from error
    if not reply.ok:
        sys.stderr.write(f"{reply.message}\n")


def _text(found: Outstanding) -> str:
    left = f"no engine runs here; as it was left ({found.as_of or 'no snapshot'})"
    who = f"the running engine at {found.as_of}" if found.source == "engine" else left
    lines = [f"{found.outstanding} orders outstanding: {who}", f"latches: {', '.join(found.latches) or 'none'}"]
    if found.stop_waits:
        lines.append("a STOP waits for the next start")
    lines += [f"DAMAGED: {path}: there may be more orders than these; the next start asks the venue" for path in found.damaged]
    width = max((len(order.ticker) for order in found.orders), default=0)
    for order in found.orders:
        what = f"{order.side} {order.remaining:>7} at {order.price}"
        lines.append(f"  {order.client_order_id:<16} {order.ticker:<{width}}  {what}  {order.status:<10} until {order.expires_at}")
    return "\n".join(lines) + "\n"


def _reason(text: str) -> str:
    """Parse a latch's name: words of a few characters, that a person will type again to clear it."""
    if not text.strip() or len(text) > _REASON_CHARACTERS or not text.isprintable():
        message = f"not a reason: {text!r} (1 to {_REASON_CHARACTERS} printable characters)"
        raise argparse.ArgumentTypeError(message)
    return text


if __name__ == "__main__":
    cli.run(main)
