import errno
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kalshi_alpha.adapters.monitor_lines import append_line, read_line
from kalshi_alpha.model.monitor_line import MonitorLine

LINE = MonitorLine("2026-11-23T14:45:01.000+00:00", "OK", "polygon serves", "polygon", "serving", True, (), 340, None, 0, "NO_DATA", 0.0, 0)


def test_lines_follow_one_another_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "history" / "2026-11-23.jsonl"

    append_line(path, LINE)
    append_line(path, LINE)

    lines = path.read_bytes().splitlines()
    assert [read_line(line) for line in lines] == [LINE, LINE]
    assert json.loads(lines[0])["active_feed"] == "polygon"


def test_a_line_that_a_kill_cut_short_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"at":"2026')

    append_line(path, LINE)

    assert [read_line(line) for line in path.read_bytes().splitlines()] == [None, LINE]


@contextmanager
def files_no_longer_than(length: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    append_line(path, LINE)
    before = path.read_bytes()

    with files_no_longer_than(len(before) + 10), pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        append_line(path, LINE)

    assert path.read_bytes() == before


@pytest.mark.parametrize("line", [b"", b"{}", b"\\xff", b'"text"'])
def test_anything_else_is_no_line(line: bytes) -> None:
    assert read_line(line) is None
