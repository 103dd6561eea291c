"""Room that is kept for the journal: taken, used and given back, without a trace in what is read."""

import os
from pathlib import Path

import pytest

from kalshi_alpha.adapters.disk import release_room, reserve_room
from kalshi_alpha.adapters.journal import JournalWriter, read_journal
from kalshi_alpha.model.records import OrderClosed

MIB = 2**20
RECORD = OrderClosed(1, "7-1", "not at the venue")


def taken(path: Path) -> int:
    """Return the bytes of disk that a file has."""
    return path.stat().st_blocks * 512


@pytest.fixture(autouse=True)
def needs_a_file_system_that_reserves(tmp_path: Path) -> None:
    with (tmp_path / "try").open("wb") as file:
        if not reserve_room(file.fileno(), 0, MIB):
            pytest.skip("this file system reserves no room")
    (tmp_path / "try").unlink()


def test_room_is_taken_behind_what_is_written_and_given_back(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"some")
    with path.open("ab") as file:
        reserve_room(file.fileno(), 4, 8 * MIB)
        reserved = (path.stat().st_size, taken(path))
        release_room(file.fileno())

    assert reserved[0] == 4
    assert reserved[1] >= 8 * MIB
    assert path.read_bytes() == b"some"
    assert taken(path) < MIB


def test_what_cannot_be_taken_is_no_error(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        assert not reserve_room(file.fileno(), 0, 2**62)
    reading = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        assert not reserve_room(reading, 0, MIB)
    finally:
        os.close(reading)


def test_a_segment_keeps_its_room_until_it_is_closed_and_the_next_has_its_own(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, segment_bytes=1, reserve_bytes=8 * MIB)
    first = writer.path
    writer.append([RECORD])
    writer.sync()
    while_open = taken(first)
    writer.append([RECORD])
    writer.sync()
    second = writer.path

    assert while_open >= 8 * MIB
    assert taken(first) < MIB
    assert taken(second) >= 8 * MIB
    writer.close()
    assert taken(second) < MIB
    assert read_journal(tmp_path).seqs == (1, 2)


def test_a_start_gives_back_what_a_killed_process_had_taken(tmp_path: Path) -> None:
    killed = JournalWriter(tmp_path, reserve_bytes=8 * MIB)
    killed.append([RECORD])
    killed.sync()
    left = taken(killed.path)

    JournalWriter(tmp_path).close()

    assert left >= 8 * MIB
    assert taken(killed.path) < MIB
    assert read_journal(tmp_path).records == (RECORD,)
