"""A STOP on disk, for the trading process's next start: it stays there until the process's own latch is durable."""

from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.files import Layout, write_atomically
from kalshi_alpha.regular_file import read_regular

STOP_REQUEST_NAME: Final = "stop_request.json"


class StopRequest(msgspec.Struct, frozen=True):
    """A STOP that waits for the trading process's next start."""

    actor: str
    reason: str


def request_stop_offline(root: Path, actor: str, reason: str) -> None:
    """Leave a STOP for the next start, durably.

    Raises:
        OSError: it couldn't be written.

    """
    write_atomically(_stop_request_path(root), msgspec.json.encode(StopRequest(actor, reason)), durable=True)


def read_stop_request(root: Path) -> StopRequest | None:
    """Return the waiting STOP, if any, and leave it there. One that can't be read is still a STOP.

    The trading process reads it at its start and drops it once its own latch is durable.
    """
    try:
        return msgspec.json.decode(read_regular(_stop_request_path(root)), type=StopRequest)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return StopRequest("unknown", f"unreadable stop request: {type(error).__name__}")


def take_stop_request(root: Path) -> StopRequest | None:
    """Return the waiting STOP, if any, and remove it."""
    waiting = read_stop_request(root)
    if waiting is not None:
        _stop_request_path(root).unlink(missing_ok=True)
    return waiting


def _stop_request_path(root: Path) -> Path:
    return Layout(root).state / STOP_REQUEST_NAME
