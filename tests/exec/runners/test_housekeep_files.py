"""What is promised of the disk can't be seen after the fact without cutting the power, so the order of the calls is looked at."""

import os
from pathlib import Path

import pytest

from kalshi_alpha.exec.runners.housekeep_files import SystemFiles


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, int]]:
    """Path and size at each fsync."""
    seen: list[tuple[Path, int]] = []
    system = os.fsync

    def fsync(fd: int) -> None:
        system(fd)
        path = Path(f"/proc/self/fd/{fd}").resolve()
        seen.append((path, path.stat().st_size if path.is_file() else 0))

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


def test_a_stored_file_is_whole_private_and_synced(tmp_path: Path, synced: list[tuple[Path, int]]) -> None:
    path = tmp_path / "archive" / "x"
    data = bytes(3_000_000)

    SystemFiles().store(path, b"longer" + data)
    SystemFiles().store(path, data)

    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert synced[-1] == (path, len(data))


def test_a_new_name_is_synced_with_the_folders_that_may_be_new(tmp_path: Path, synced: list[tuple[Path, int]]) -> None:
    folder = tmp_path / "data" / "archive" / "journal"
    SystemFiles().store(folder / ".x", b"x")

    SystemFiles().rename(folder / ".x", folder / "x")

    assert (folder / "x").read_bytes() == b"x"
    assert {path for path, _ in synced} >= {folder, folder.parent, folder.parent.parent}


def test_a_removal_is_synced(tmp_path: Path, synced: list[tuple[Path, int]]) -> None:
    SystemFiles().store(tmp_path / "x", b"x")

    SystemFiles().remove(tmp_path / "x")

    assert list(tmp_path.iterdir()) == []
    assert synced[-1][0] == tmp_path


def test_what_is_not_there_cannot_be_removed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SystemFiles().remove(tmp_path / "x")
