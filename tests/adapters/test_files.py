import os
import stat
from pathlib import Path

import pytest

from kalshi_alpha.adapters.files import FileSnapshotStore, FolderLockedError, lock_folder, set_aside, write_atomically

AT_NS = 1_795_444_200_125_000_000  # 2026-11-23T14:30:00.125Z


def test_an_atomic_write_replaces_the_file_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"

    write_atomically(path, b"old, and longer", durable=True)
    write_atomically(path, b"new", durable=False)

    assert path.read_bytes() == b"new"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.json"]


def test_a_failed_atomic_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    (path / "occupied").mkdir(parents=True)

    with pytest.raises(OSError, match="directory"):
        write_atomically(path, b"new", durable=True)

    assert [entry.name for entry in tmp_path.iterdir()] == ["file.json"]
    assert (path / "occupied").is_dir()


def test_a_reader_that_opened_the_old_file_keeps_reading_the_old_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_atomically(path, b"old", durable=False)

    with path.open("rb") as reader:
        write_atomically(path, b"newer", durable=False)
        assert reader.read() == b"old"


def test_a_corrupt_file_is_kept_under_its_name_and_the_time(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(b"broken")

    kept = set_aside(path, AT_NS)

    assert kept == tmp_path / "snapshot.json.corrupt-20261123T143000.125000Z"
    assert kept.read_bytes() == b"broken"
    assert not path.exists()


def test_two_corrupt_files_of_one_instant_are_both_kept(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(b"first")
    first = set_aside(path, AT_NS)
    path.write_bytes(b"second")

    second = set_aside(path, AT_NS)

    assert (first.read_bytes(), second.read_bytes()) == (b"first", b"second")


def test_a_folder_belongs_to_one_owner_until_it_lets_go(tmp_path: Path) -> None:
    folder = tmp_path / "state"

    with lock_folder(folder), pytest.raises(FolderLockedError, match=f"in use by process {os.getpid()}"):
        lock_folder(folder)

    lock_folder(folder).close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_killed_owner_gives_the_folder_back(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        lock_folder(tmp_path)
        os._exit(9)
    os.waitpid(child, 0)

    lock_folder(tmp_path).close()


def test_a_snapshot_store_tells_never_written_from_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "data" / "snapshot.json"
    store = FileSnapshotStore(path)

    assert store.read() is None
    assert store.set_aside(AT_NS) is None
    store.write(b"bytes")
    assert store.read() == b"bytes"
    kept = store.set_aside(AT_NS)
    assert kept is not None
    assert kept.read_bytes() == b"bytes"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        store.read()


def test_a_pipe_in_the_snapshots_place_is_unreadable_at_once(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    os.mkfifo(path)

    with pytest.raises(OSError, match="not a regular file"):
        FileSnapshotStore(path).read()
