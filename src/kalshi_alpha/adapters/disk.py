"""What the journal asks of the operating system: to write, to sync, to cut, and to keep room for it.

Room that is a file's before anything is written lets it grow when somebody else has filled the disk: Linux's ``fallocate`` with
FALLOC_FL_KEEP_SIZE, by which the file's length stays what was written. Where a file system or another operating system doesn't know it,
nothing is reserved, and nothing else changes.
"""

import ctypes
import os
from typing import Final, Protocol

_KEEP_SIZE: Final = 1
"""FALLOC_FL_KEEP_SIZE of linux/falloc.h."""


class Disk(Protocol):
    """The three things the journal asks of the operating system, so that their failure can be rehearsed."""

    def write(self, fd: int, data: memoryview) -> int:
        """Write some of the data; return how much."""
        ...

    def sync(self, fd: int) -> None:
        """Make what was written durable."""
        ...

    def cut(self, fd: int, length: int) -> None:
        """Cut the file to this length."""
        ...


class SystemDisk:
    """The operating system."""

    def write(self, fd: int, data: memoryview) -> int:
        """Write some of the data; return how much."""
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Make what was written durable."""
        os.fdatasync(fd)

    def cut(self, fd: int, length: int) -> None:
        """Cut the file to this length."""
        os.ftruncate(fd, length)


def reserve_room(fd: int, length: int, more: int) -> bool:
    """Take room behind a file's first bytes; return whether it is the file's now.

    Args:
        fd: Open for writing.
        length: Bytes written so far.
        more: Bytes of room behind them.

    """
    try:
        allocate = ctypes.CDLL(None).fallocate64
    except (AttributeError, OSError):
        return False
    allocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return bool(allocate(fd, _KEEP_SIZE, length, more) == 0)


def release_room(fd: int) -> None:
    """Give back what a file has behind its last byte; its contents stay. Only its one writer may ask.

    Raises:
        OSError: it couldn't be done.

    """
    os.ftruncate(fd, os.fstat(fd).st_size)
