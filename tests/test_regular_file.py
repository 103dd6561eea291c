"""Files that may be anything: only a regular one is read, and nothing waits."""

import os
from pathlib import Path

import pytest

from kalshi_alpha.regular_file import read_regular


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\x00" * 200_000 + b"end")

    assert read_regular(tmp_path / "file") == b"\x00" * 200_000 + b"end"


def test_a_missing_file_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "file")


def test_a_folder_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="not a regular file"):
        read_regular(tmp_path)


def test_a_pipe_and_a_device_are_refused_at_once_and_nothing_stays_open(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = len(list(Path("/proc/self/fd").iterdir()))

    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            read_regular(path)

    assert len(list(Path("/proc/self/fd").iterdir())) == before
