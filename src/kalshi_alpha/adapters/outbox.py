"""The alerts' outbox: a file each, written by the trading process, taken out by whoever delivers them. Bounded; the newest pages are kept.

A name tells what to know without reading: ``<UTC ns>-<severity>-<number>.json``, so that names sort by time.
"""

from itertools import count
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.files import write_atomically
from kalshi_alpha.model.alerts import AlertMessage
from kalshi_alpha.regular_file import read_regular

WAITING_MAX: Final = 1_000
"""More than this, and what matters least goes: information first, then tickets, then the oldest pages."""
_LEAST_FIRST: Final = ("info", "ticket", "page")


class Outbox:
    """One folder of waiting alerts."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made when the first alert comes."""
        self._folder = folder
        self._numbers = count()

    def put(self, message: AlertMessage) -> None:
        """Add an alert, durably.

        Raises:
            OSError: it couldn't be written.

        """
        name = f"{message.utc_ns:020d}-{message.severity}-{next(self._numbers):06d}.json"
        write_atomically(self._folder / name, msgspec.json.encode(message), durable=True)
        waiting = self.waiting()
        if len(waiting) > WAITING_MAX:
            self.drop(min(waiting, key=lambda path: (_LEAST_FIRST.index(path.name.split("-")[1]), path.name)))

    def waiting(self) -> list[Path]:
        """Return the waiting alerts, oldest first."""
        try:
            return sorted(path for path in self._folder.iterdir() if _is_alert(path.name))
        except FileNotFoundError:
            return []

    def read(self, path: Path) -> AlertMessage | None:
        """Return a waiting alert; None: it is gone or unreadable, and has been set aside."""
        try:
            return msgspec.json.decode(read_regular(path), type=AlertMessage)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            path.rename(path.with_suffix(".unreadable"))
            return None

    def drop(self, path: Path) -> None:
        """Remove an alert."""
        path.unlink(missing_ok=True)


def _is_alert(name: str) -> bool:
    parts = name.removesuffix(".json").split("-")
    return name.endswith(".json") and len(parts) == len(("time", "severity", "number")) and parts[1] in _LEAST_FIRST
