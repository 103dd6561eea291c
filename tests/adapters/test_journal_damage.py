"""Every byte of a journal and a snapshot flipped, every length cut: a start finds a beginning or tells of damage, and never dies."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kalshi_alpha.adapters.files import FileSnapshotStore, Layout
from kalshi_alpha.adapters.journal import JournalWriter, list_segments
from kalshi_alpha.adapters.stop_request import read_stop_request
from kalshi_alpha.exec.runners.start import prepare
from kalshi_alpha.model.records import GroupRecorded
from kalshi_alpha.sched.hotrestart import Corrupt, HotRestartManager, sealed, unsealed
from tests.adapters.disk_recorder import Killed, Recorder
from tests.adapters.journal_samples import chained
from tests.adapters.order_cycle import NOW, found, go_on, snapshot_at

MEMORY = Path("/dev/shm")
GROUPS = [f"group-{number}" for number in range(1, 11)]
RECORDS = [GroupRecorded(number, group, 7) for number, group in enumerate(GROUPS, start=1)]
LINES = chained(RECORDS)
JOURNAL = b"".join(LINES)
SNAPSHOT = sealed(snapshot_at(9))


@pytest.fixture
def root() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)


def started(root: Path, *segments: bytes) -> tuple[list[str], bool]:
    """Start on these segments; return the groups that are to be triggered, and whether the operator is asked."""
    folder = Layout(root).journal
    shutil.rmtree(Layout(root).state, ignore_errors=True)
    folder.mkdir(parents=True)
    first = 1
    for data, lines in zip(segments, (LINES[:6], LINES[6:]) if len(segments) > 1 else (LINES,), strict=True):
        (folder / f"journal-{first:012d}.jsonl").write_bytes(data)
        first += len(lines)
    state = prepare(root, NOW)
    assert state.journal.next_seq > len(state.recovered.groups)
    state.journal.append(RECORDS[:1])
    state.journal.sync()
    state.journal.close()
    state.lock.close()
    return list(state.recovered.groups), read_stop_request(root) is not None


@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_any_flipped_byte_of_the_journal_leaves_the_records_before_it_and_is_told(root: Path, mask: int) -> None:
    last_line = len(JOURNAL) - len(LINES[-1])
    for offset in range(len(JOURNAL)):
        data = bytearray(JOURNAL)
        data[offset] ^= mask

        groups, stopped = started(root, bytes(data))

        assert groups == GROUPS[: JOURNAL.count(b"\n", 0, offset)], offset
        # The last line, or its newline and the one before it, may be a write that was cut: nobody was promised it.
        assert stopped == (offset < last_line - 1), offset


def test_a_journal_cut_anywhere_leaves_the_whole_records_before_the_cut(root: Path) -> None:
    for length in range(len(JOURNAL) + 1):
        assert started(root, JOURNAL[:length]) == (GROUPS[: JOURNAL.count(b"\n", 0, length)], False), length


def test_a_segment_cut_anywhere_with_another_behind_it_is_told(root: Path) -> None:
    first, second = b"".join(LINES[:6]), b"".join(LINES[6:])
    for length in range(len(first)):
        groups, stopped = started(root, first[:length], second)

        assert groups == GROUPS[: first.count(b"\n", 0, length)], length
        assert stopped, length
    assert started(root, first, second) == (GROUPS, False)


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_any_flipped_byte_of_a_snapshot_is_corruption(mask: int) -> None:
    for offset in range(len(SNAPSHOT)):
        data = bytearray(SNAPSHOT)
        data[offset] ^= mask

        assert isinstance(unsealed(bytes(data)), Corrupt), offset


def test_a_snapshot_cut_anywhere_is_corruption() -> None:
    for length in range(len(SNAPSHOT)):
        assert isinstance(unsealed(SNAPSHOT[:length]), Corrupt), length
    assert unsealed(SNAPSHOT) == snapshot_at(9)


@pytest.mark.parametrize("step", [1, -1])
def test_a_start_with_a_damaged_snapshot_knows_the_same_from_the_journal(root: Path, step: int) -> None:
    go_on(root / "whole", lambda _count: None, 7)
    data = Layout(root / "whole").snapshot.read_bytes()
    for offset in range(0, len(data), 64):
        damaged = data[:offset] if step < 0 else data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :]
        shutil.copytree(root / "whole", root / "copy")
        Layout(root / "copy").snapshot.write_bytes(damaged)

        assert found(root / "copy").count == 7, offset
        assert list(Layout(root / "copy").state.glob("snapshot.json.corrupt-*")), offset
        shutil.rmtree(root / "copy")


def test_a_setting_aside_that_is_killed_at_any_step_is_gone_on_with(root: Path) -> None:
    for step in range(100):
        recorder = Recorder(str(root / f"{step}"))
        folder = Layout(root / f"{step}").journal
        with recorder.listening():
            for first, upto in ((0, 3), (3, 6), (6, 10)):
                writer = JournalWriter(folder)
                writer.append(RECORDS[first:upto])
                writer.sync()
                writer.close()
            path = list_segments(folder)[0][0][1]
            path.write_bytes(path.read_bytes().replace(b"group-2", b"group-x"))
            recorder.kill_at = len(recorder.ops) + step
            with contextlib.suppress(Killed):
                prepare(root / f"{step}", NOW)
            was_killed = len(recorder.ops) == recorder.kill_at
            recorder.bury()

        for _ in range(2):
            state = prepare(root / f"{step}", NOW)
            state.journal.close()
            state.lock.close()
            assert state.recovered.groups == ("group-1",), step
        assert read_stop_request(root / f"{step}") is not None
        if not was_killed:
            break
    assert step > 20


def test_what_cannot_be_read_at_all_is_never_no_snapshot(root: Path) -> None:
    (root / "snapshot.json").mkdir()

    restored = HotRestartManager(FileSnapshotStore(root / "snapshot.json")).restore(NOW)

    assert isinstance(restored, Corrupt)
