"""The monitors' history on disk: one JSON line a minute and at each change, a file a UTC day, append only."""

import contextlib
import os
from pathlib import Path

import msgspec

from kalshi_alpha.adapters.files import write_all
from kalshi_alpha.model.monitor_line import MonitorLine


def append_line(path: Path, line: MonitorLine) -> None:
    """Append to the file, made with its folder if absent. A line that a kill cut short doesn't spoil the next one.

    Raises:
        OSError: it isn't there; the file is as it was, unless it couldn't even be cut back.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        length = os.fstat(fd).st_size
        is_torn = length > 0 and os.pread(fd, 1, length - 1) != b"\n"
        try:
            write_all(fd, b"\n" * is_torn + msgspec.json.encode(line) + b"\n")
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, length)
            raise
    finally:
        os.close(fd)


def read_line(line: bytes) -> MonitorLine | None:
    """Read one line; None: it isn't one."""
    try:
        return msgspec.json.decode(line, type=MonitorLine)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
