"""What housekeeping asks of the operating system, so that its failure and a kill between any two steps can be rehearsed."""

import os
from pathlib import Path
from typing import Final, Protocol

from kalshi_alpha.adapters.files import sync_folder, write_all

_FOLDERS: Final = 3
"""``archive/journal``, ``archive`` and ``data``: the journal made the last of them durable."""


class Files(Protocol):
    """The three things that change the disk."""

    def store(self, path: Path, data: bytes) -> None:
        """Write a new file, or over an old one, and make its contents durable; its folder is made if absent. Raises OSError."""
        ...

    def rename(self, path: Path, target: Path) -> None:
        """Give the file its name in the same folder, durably. Raises OSError."""
        ...

    def remove(self, path: Path) -> None:
        """Take the file away, durably. Raises OSError."""
        ...


class SystemFiles:
    """The operating system."""

    def store(self, path: Path, data: bytes) -> None:
        """Write a new file, or over an old one, and make its contents durable; its folder is made if absent."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, path: Path, target: Path) -> None:
        """Give the file its name in the same folder, durably."""
        path.replace(target)
        # The folders may be new as well: their own names have to last, up to the root's.
        for folder in target.parents[:_FOLDERS]:
            sync_folder(folder)

    def remove(self, path: Path) -> None:
        """Take the file away, durably."""
        path.unlink()
        sync_folder(path.parent)
