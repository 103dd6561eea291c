"""Files that survive a crash: atomic replacement, setting aside what is corrupt, and one owner per folder.

A rename is atomic for whoever looks, not for the power supply: the contents are synced before it and the folder after it.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec

from kalshi_alpha.model.clock import utc_datetime
from kalshi_alpha.regular_file import read_regular

LOCK_NAME: Final = "lock"
_Document = TypeVar("_Document")


class Layout(msgspec.Struct, frozen=True):
    """Where everything lies below ``--root``."""

    root: Path

    @property
    def state(self) -> Path:
        """The trading process's own folder, locked for its life."""
        return self.root / "data"

    @property
    def journal(self) -> Path:
        """The journal's segments."""
        return self.state / "journal"

    @property
    def snapshot(self) -> Path:
        """The hot restart's snapshot."""
        return self.state / "snapshot.json"

    @property
    def starts(self) -> Path:
        """When the trading process was started lately."""
        return self.state / "starts.json"

    @property
    def ledger(self) -> Path:
        """What the journal says, to be asked in SQL."""
        return self.state / "ledger.db"

    @property
    def maintenance(self) -> Path:
        """The operator's maintenance slots."""
        return self.state / "maintenance.json"

    @property
    def outbox(self) -> Path:
        """Alerts on their way, a file each."""
        return self.state / "alerts"

    @property
    def report(self) -> Path:
        """The incident log."""
        return self.root / "REPORT.md"

    @property
    def incidents(self) -> Path:
        """One folder of evidence for each incident."""
        return self.root / "reports" / "incidents"

    @property
    def artifacts(self) -> Path:
        """Generated files, never committed."""
        return self.root / "reports" / "_artifacts"

    @property
    def monitors(self) -> Path:
        """freshness.json and ev_gap.json."""
        return self.artifacts / "monitors"

    @property
    def monitor_history(self) -> Path:
        """What the monitors said, a file a UTC day."""
        return self.monitors / "history"

    @property
    def drills(self) -> Path:
        """Each drill's record."""
        return self.artifacts / "drills"

    @property
    def archive(self) -> Path:
        """What housekeeping took away, as Parquet, and its manifest."""
        return self.state / "archive"


def read_document(path: Path, kind: type[_Document]) -> _Document | None:
    """Return a small JSON document that somebody else writes whole; None: there is none that can be read."""
    try:
        return msgspec.json.decode(read_regular(path), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def write_atomically(path: Path, data: bytes, *, durable: bool) -> None:
    """Replace the file whole: a reader sees the old bytes or the new ones. One writer a file.

    Args:
        path: Its folder exists or can be made.
        data: The new contents.
        durable: Also survive a power cut (fsync of file and folder). Without it only a crash of the process is survived.

    Raises:
        OSError: nothing was replaced, or (from the folder's fsync alone) the replacement may not outlive a power cut.

    """
    make_folder(path.parent, 0o777)
    temporary = path.with_name(f".{path.name}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        try:
            write_all(fd, data)
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte; the kernel may take less than it was given without an error.

    Raises:
        OSError: the file may hold a part of the data.

    """
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def sync_folder(folder: Path) -> None:
    """Make the folder's own entries (new names, renames) durable.

    Raises:
        OSError: it couldn't be opened or synced.

    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file(path: Path) -> None:
    """Make durable what other descriptors, also of processes that are gone, wrote to the file.

    Raises:
        OSError: it couldn't be opened or synced.

    """
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path, mode: int) -> None:
    """Make the folder and those above it if they are absent, durably.

    Args:
        folder: Its path.
        mode: Of the folder itself.

    Raises:
        OSError: one couldn't be made, or its name may not outlive a power cut.

    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    for made in reversed(missing):
        sync_folder(made.parent)


def settle_folders(root: Path, folder: Path) -> None:
    """Make durable what a process that was killed may have made and renamed: the names in ``folder`` and above it.

    Args:
        root: Up to here a failure counts; above, where we may not even look, it doesn't.
        folder: ``root`` or below it.

    Raises:
        OSError: one couldn't be synced.

    """
    inner = folder.resolve()
    outer = root.resolve()
    for one in (inner, *inner.parents):
        if one.is_relative_to(outer):
            sync_folder(one)
        else:
            with contextlib.suppress(OSError):
                sync_folder(one)


def aside_name(path: Path, utc_ns: int) -> Path:
    """Return a free name ``<name>.corrupt-<time>`` beside the file."""
    moment = utc_datetime(utc_ns).strftime("%Y%m%dT%H%M%S.%fZ")
    free = path.with_name(f"{path.name}.corrupt-{moment}")
    number = 2
    while free.exists():
        free = path.with_name(f"{path.name}.corrupt-{moment}-{number}")
        number += 1
    return free


def set_aside(path: Path, utc_ns: int) -> Path:
    """Rename a corrupt file out of the way, keeping it as evidence; return its new path.

    Raises:
        OSError: the file isn't there or can't be renamed.

    """
    kept = aside_name(path, utc_ns)
    path.rename(kept)
    sync_folder(path.parent)
    return kept


class FolderLockedError(Exception):
    """Another live process owns the folder."""


class FolderLock:
    """The folder is ours until ``close`` or the process's end, however it ends: the kernel drops the lock."""

    def __init__(self, fd: int) -> None:
        """Own the locked descriptor."""
        self._fd: int | None = fd

    def close(self) -> None:
        """Give the folder back."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        """Hold the lock for the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give the folder back."""
        self.close()


def lock_folder(folder: Path) -> FolderLock:
    """Take the folder, made if absent (mode 0700), for this process alone.

    Raises:
        FolderLockedError: another process has it; the message names the folder and that process.
        OSError: the lock file can't be made.

    """
    make_folder(folder, 0o700)
    fd = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(fd, 20, 0).decode(errors="replace").strip()
        os.close(fd)
        message = f"{folder}: in use by process {holder or 'unknown'}"
        raise FolderLockedError(message) from error
    except OSError:
        os.close(fd)
        raise
    with contextlib.suppress(OSError):  # the kernel's lock holds without it: the number is for whoever asks, and a full disk has no room
        os.ftruncate(fd, 0)
        write_all(fd, f"{os.getpid()}\n".encode())
    return FolderLock(fd)


class FileSnapshotStore:
    """One snapshot in one file, replaced whole; the two before it stay beside it, as ``NAME.1`` and ``NAME.2``."""

    def __init__(self, path: Path) -> None:
        """Keep the snapshot at ``path``."""
        self._path = path

    def older(self) -> tuple["FileSnapshotStore", ...]:
        """Return where the ones before it are, the newer one first."""
        return tuple(FileSnapshotStore(path) for path in self._older)

    @property
    def _older(self) -> tuple[Path, Path]:
        return self._path.with_name(f"{self._path.name}.1"), self._path.with_name(f"{self._path.name}.2")

    def read(self) -> bytes | None:
        """Return the stored bytes; None: never written.

        Raises:
            OSError: it is there and can't be read, or isn't a regular file.

        """
        try:
            return read_regular(self._path)
        except FileNotFoundError:
            return None

    def write(self, data: bytes) -> None:
        """Replace the stored bytes, durably.

        Raises:
            OSError: the old ones still stand, or the new ones may not outlive a power cut.

        """
        self._keep()
        write_atomically(self._path, data, durable=True)

    def _keep(self) -> None:
        """Keep the one that is about to be replaced, as far as that can be done: none is missed as long as the newest is whole."""
        before, first = self._older
        with contextlib.suppress(OSError):
            before.replace(first)
        with contextlib.suppress(OSError):
            before.hardlink_to(self._path)

    def set_aside(self, utc_ns: int) -> Path | None:
        """Keep an unusable snapshot as evidence under another name; None: there was none.

        Raises:
            OSError: it couldn't be renamed.

        """
        try:
            return set_aside(self._path, utc_ns)
        except FileNotFoundError:
            return None
