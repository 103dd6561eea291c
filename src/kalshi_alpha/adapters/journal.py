"""The journal: append-only, one line a record, durable before what it announces is done.

A line has its length, its checksum, its number and a link to the line before it (``journal_codec``). Every start of the process opens
a new segment, ``journal-<first seq>.jsonl``, and so does a write after a full one: what is old can be taken away while the process runs.
Links go on from segment to segment. Reading distinguishes two kinds of damage:

* torn: bad bytes that end a segment, with nothing missing after them. A write was cut before it was acknowledged; what is good stays.
* corrupt: a bad line with good ones after it, missing numbers, or a line that doesn't follow the one before it. What comes before stays;
  the rest can't be trusted, and whoever asked must take the venue as the truth.

A killed process leaves lines that were written and never synced. The next start builds on what it reads of them, so it syncs them first.
"""

import contextlib
import errno
import os
import re
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from kalshi_alpha.adapters.disk import Disk, SystemDisk, release_room, reserve_room
from kalshi_alpha.adapters.files import aside_name, make_folder, set_aside, sync_file, sync_folder, write_atomically
from kalshi_alpha.adapters.journal_codec import ORIGIN, Decoded, decode_lines, encode_line, link_after
from kalshi_alpha.model.records import Record

__all__ = [
    "Decoded",
    "Disk",
    "JournalError",
    "JournalRead",
    "JournalWriter",
    "SystemDisk",
    "decode_lines",
    "encode_line",
    "read_journal",
]

_NAME: Final = re.compile(r"journal-(\d{12})\.jsonl(\.corrupt-.*|\.lost)?")


RESERVE_BYTES: Final = 64 * 2**20
"""Room that a trading process's segment takes before it is needed."""
SEGMENT_BYTES: Final = 16 * 2**20
"""From this length on, a segment is full: about a day's."""


class JournalError(Exception):
    """The journal can't be written; this process mustn't try again, nor send another order."""


class JournalRead(msgspec.Struct, frozen=True):
    """What a folder's journal says."""

    seqs: tuple[int, ...]
    records: tuple[Record, ...]
    last_seq: int
    """The highest number seen, in damaged parts and file names too: the next record's number is greater."""
    torn_bytes: int
    """Unfinished writes that were ignored."""
    corrupt: tuple[Path, ...]
    """Damaged files, by their names after setting aside (if asked for). Not empty: the venue is the truth."""
    link: bytes = ORIGIN
    """What the next line has to name as the one before it."""


def read_journal(folder: Path, *, after_seq: int = 0, set_aside_ns: int | None = None) -> JournalRead:
    """Read the journal. A missing folder is an empty journal.

    Args:
        folder: Where the segments are.
        after_seq: Only records numbered above it are returned; segments that hold none needn't be read.
        set_aside_ns: UTC time with which corrupt files are renamed and their good beginnings kept under the old names. Only for the
            folder's owner; None changes nothing on disk.

    Raises:
        OSError: a file is there and can't be read.

    """
    segments, lost = list_segments(folder)
    chain = _Chain(lost=lost)
    needed = needed_segments(segments, after_seq)
    try:
        for first, path in needed:
            chain.add(first, path, path.read_bytes())
        link = chain.link or _link_before(segments[: len(segments) - len(needed)])
    except FileNotFoundError:
        if list_segments(folder)[0] == segments:
            raise
        # Housekeeping took an old segment away between our look into the folder and now.
        return read_journal(folder, after_seq=after_seq, set_aside_ns=set_aside_ns)
    highest = max([chain.highest, *(first - 1 for first, _ in segments), *(first - 1 for first in lost)])
    corrupt = [path if set_aside_ns is None else _keep_beginning(path, good, set_aside_ns) for path, good in chain.corrupt]
    start = bisect_right(chain.seqs, after_seq)
    return JournalRead(tuple(chain.seqs[start:]), tuple(chain.records[start:]), highest, chain.torn_bytes, tuple(corrupt), link)


def list_segments(folder: Path) -> tuple[list[tuple[int, Path]], list[int]]:
    """Return each segment's first number and path, in order, and the numbers from which on something is known to be lost."""
    segments: list[tuple[int, Path]] = []
    lost: list[int] = []
    if not folder.is_dir():
        return segments, lost
    for path in sorted(folder.iterdir()):
        if (match := _NAME.fullmatch(path.name)) is None:
            continue
        if match[2]:
            lost.append(int(match[1]))
        else:
            segments.append((int(match[1]), path))
    return segments, lost


def needed_segments(segments: list[tuple[int, Path]], after_seq: int) -> list[tuple[int, Path]]:
    """Return those of the folder's segments that ``read_journal`` reads for the records above ``after_seq``."""
    return segments[bisect_right([first for first, _ in segments[1:]], after_seq + 1) :]


def _link_before(segments: list[tuple[int, Path]]) -> bytes:
    """Return what a line behind these segments has to name."""
    for _, path in reversed(segments):
        if link := decode_lines(path.read_bytes()).link:
            return link
    return ORIGIN


class _Chain:
    """Segments joined in order for as long as nothing is missing."""

    def __init__(self, lost: list[int]) -> None:
        self.seqs: list[int] = []
        self.records: list[Record] = []
        self.highest = 0
        self.torn_bytes = 0
        self.corrupt: list[tuple[Path, bytes]] = []
        """Each damaged file and its good beginning."""
        self.link = b""
        """After the last line; empty: there was none."""
        self._lost = lost
        self._previous_first = 0
        self._next: int | None = None
        """With this number the next segment has to begin; None: it's the first."""
        self._is_linked = False

    def add(self, first: int, path: Path, data: bytes) -> None:
        decoded = decode_lines(data, self.link)
        self.highest = max(self.highest, decoded.highest_seq)
        goes_back = self._is_linked and decoded.unlinked > 0
        if self.corrupt or goes_back or not self._follows(first) or (decoded.seqs[:1] or (first,)) != (first,):
            self.corrupt.append((path, b""))
            return
        self.seqs += decoded.seqs
        self.records += decoded.records
        self.link = decoded.link
        self._is_linked |= decoded.unlinked < len(decoded.seqs)
        self._previous_first = first
        self._next = decoded.seqs[-1] + 1 if decoded.seqs else first
        if decoded.corrupt:
            self.corrupt.append((path, data[: decoded.good_bytes]))
        else:
            self.torn_bytes += decoded.bad_bytes

    def _follows(self, first: int) -> bool:
        """Whether nothing is missing before this segment but what was reported missing when it was opened."""
        return self._next in (None, first) or any(self._previous_first <= lost < first for lost in self._lost)


def _keep_beginning(path: Path, good: bytes, utc_ns: int) -> Path:
    """Set the file aside; leave its good beginning, if any, under its name. Whole at every step."""
    if not good:
        return set_aside(path, utc_ns)
    kept = aside_name(path, utc_ns)
    os.link(path, kept)
    write_atomically(path, good, durable=True)
    return kept


class JournalWriter:
    """Appends to a new segment. One process a folder (``lock_folder``).

    ``take`` and ``commit`` are the halves of ``sync`` for a driver that appends in one thread and waits for the disk in another.
    """

    def __init__(
        self,
        folder: Path,
        after: JournalRead | None = None,
        *,
        snapshot_seq: int = 0,
        disk: Disk | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        reserve_bytes: int = 0,
    ) -> None:
        """Open a segment.

        Args:
            folder: Made if absent (mode 0700).
            after: What the folder says, when it was read already.
            snapshot_seq: ``EngineSnapshot.journal_seq``: numbers up to it are used even where the journal lost them.
            disk: The operating system, unless its failure is rehearsed.
            segment_bytes: A segment of this length is full.
            reserve_bytes: Room on the disk that a segment takes at its beginning and keeps until it is closed, as far as there is any.

        Raises:
            JournalError: the segment can't be made.

        """
        self._disk = disk or SystemDisk()
        self._lines: list[bytes] = []
        self._length = 0
        self._segment_bytes, self._reserve_bytes = segment_bytes, reserve_bytes
        self._failure = ""
        try:
            make_folder(folder, 0o700)
            read = after or read_journal(folder)
            last_seq, self._link = read.last_seq, read.link
            for _, inherited in list_segments(folder)[0][-1:]:
                sync_file(inherited)
                with contextlib.suppress(OSError):
                    _release_room_of(inherited)
            self._seq = max(last_seq, snapshot_seq) + 1
            self._durable_seq = self._seq - 1
            self.path = segment_path(folder, self._seq)
            if snapshot_seq > last_seq:
                write_atomically(segment_path(folder, last_seq + 1).with_suffix(".jsonl.lost"), b"", durable=True)
            _make_way(self.path)
            self._fd = _new_segment(self.path)
            self._reserve()
        except OSError as error:
            message = f"{folder}: {error.strerror}"
            raise JournalError(message) from error

    @property
    def next_seq(self) -> int:
        """The number the next record gets."""
        return self._seq

    def append(self, records: Iterable[Record]) -> int:
        """Buffer records; return the last number given out.

        Raises:
            JournalError: a write failed before.

        """
        self._refuse_after_failure()
        for record in records:
            line = encode_line(self._seq, record, self._link)
            self._link = link_after(line)
            self._lines.append(line)
            self._seq += 1
        return self._seq - 1

    def sync(self) -> None:
        """Write and sync everything appended so far: one write, one fdatasync.

        Raises:
            JournalError: it isn't durable and never will be through this writer.

        """
        self.commit(self.take())

    def take(self) -> bytes:
        """Hand over what was appended since the last call."""
        data = b"".join(self._lines)
        self._lines = []
        return data

    def commit(self, data: bytes) -> None:
        """Make these bytes durable; calls follow one another in the order of ``take``.

        Raises:
            JournalError: they aren't durable. The kernel may have dropped them, so a second try on this file could only pretend.

        """
        self._refuse_after_failure()
        if not data:
            return
        if self._length >= self._segment_bytes:
            self._turn_over()
        try:
            self._write_all(data)
        except OSError as error:
            self._fail("write", error, cut=True)
        try:
            self._disk.sync(self._fd)
        except OSError as error:
            # The kernel may have dropped what it still shows: the next start mustn't read it.
            self._fail("sync", error, cut=True)
        self._length += len(data)
        self._durable_seq += data.count(b"\n")

    def close(self) -> None:
        """Give the file back; what wasn't synced is lost."""
        self._failure = self._failure or "closed"
        with contextlib.suppress(OSError):
            release_room(self._fd)
        os.close(self._fd)

    def _turn_over(self) -> None:
        """Go on in a new segment; all of the old one is durable."""
        path = segment_path(self.path.parent, self._durable_seq + 1)
        try:
            fd = _new_segment(path)
        except OSError as error:
            self._fail("opening the next segment", error, cut=False)
        old, self._fd, self.path, self._length = self._fd, fd, path, 0
        with contextlib.suppress(OSError):  # all of it is durable
            release_room(old)
            os.close(old)
        self._reserve()

    def _reserve(self) -> None:
        """Take room for what is to be written, so that it can be even when somebody else fills the disk."""
        if self._reserve_bytes:
            reserve_room(self._fd, 0, self._reserve_bytes)

    def _write_all(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            taken = self._disk.write(self._fd, left)
            if taken == 0:
                raise OSError(errno.EIO, "the write took nothing")
            left = left[taken:]

    def _refuse_after_failure(self) -> None:
        if self._failure:
            raise JournalError(self._failure)

    def _fail(self, action: str, error: OSError, *, cut: bool) -> NoReturn:
        self._failure = f"{self.path}: {action} failed: {error.strerror or error}"
        if cut:
            try:
                self._disk.cut(self._fd, self._length)
            except OSError as second:
                self._failure += f"; cutting the torn line failed: {second.strerror or second}"
        raise JournalError(self._failure) from error


def segment_path(folder: Path, first_seq: int) -> Path:
    """Return where the segment lies whose first record has this number."""
    return folder / f"journal-{first_seq:012d}.jsonl"


def _new_segment(path: Path) -> int:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    try:
        sync_folder(path.parent)
    except OSError:
        os.close(fd)
        raise
    return fd


def _release_room_of(path: Path) -> None:
    """Give back the room that a killed process had taken for a segment."""
    fd = os.open(path, os.O_WRONLY)
    try:
        release_room(fd)
    finally:
        os.close(fd)


def _make_way(path: Path) -> None:
    """Free the segment's name: an earlier start used it and left not one whole record."""
    if not path.exists():
        return
    if path.stat().st_size == 0:
        path.unlink()
        return
    number = 1
    while (torn := path.with_name(f"{path.name}.torn-{number}")).exists():
        number += 1
    path.rename(torn)
