"""``data/ledger.db``: what the journal says, to be asked in SQL. The journal is the truth; this can be built anew at any time.

Built by whoever asks, in a process that isn't the trading process, in one transaction: what is killed leaves what was there before. One at
a time, under a lock that the kernel drops with the process; another one waits. A file that is damaged, of another version, somebody else's
or of another journal is thrown away and built anew, and that is said.

The SQLite inside Python may have the defect in its write-ahead log that 3.51.3 mended (https://sqlite.org/wal.html#walresetbug), so it
isn't used.
"""

import fcntl
import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, TypeVar

import apsw
import msgspec
from apsw.ext import query_info

from kalshi_alpha.adapters.archive import ArchiveError, journal_of, ledger_of
from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.journal import list_segments
from kalshi_alpha.adapters.journal_codec import Decoded, decode_lines
from kalshi_alpha.adapters.ledger_rows import LedgerRow
from kalshi_alpha.adapters.ledger_schema import SCHEMA, TABLES, Value, money, statements
from kalshi_alpha.model.records import Record

LEAST_SQLITE: Final = (3, 51, 3)
BUSY_MS: Final = 10_000
"""So long another program that has the file is waited for."""
_DAMAGED: Final = (apsw.NotADBError, apsw.CorruptError)
_ARCHIVED: Final = re.compile(r"journal-(\d{12})_.*\.parquet")
_Contents = TypeVar("_Contents")


class _OtherVersionError(Exception):
    pass


class LedgerError(Exception):
    """The read model can't be had; one line that says why."""


class LedgerDamagedError(LedgerError):
    """A query met a damaged place: what is built anew hasn't got it."""


class LedgerState(msgspec.Struct, frozen=True):
    """How far the read model goes."""

    path: str
    seq: int
    """The number of the last record inside; 0: there is none."""
    new_records: int
    """How many were added now."""
    built_anew: str
    """Why; empty: it was only brought up to date."""
    missing: int
    """Records that are known to have been written and are in neither journal nor archive."""


def bring_up_to_date(root: Path, *, anew: bool = False) -> LedgerState:
    """Take in what the journal and its archive say beyond what is inside already.

    Args:
        root: The trading process's folder.
        anew: Begin with nothing, and without the file if all of it isn't well.

    Raises:
        LedgerError: it can't be read or written, or the SQLite library is too old.

    """
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < LEAST_SQLITE:
        least = ".".join(map(str, LEAST_SQLITE))
        message = f"SQLite {apsw.sqlite_lib_version()}: at least {least} is needed (a defect in its write-ahead log)"
        raise LedgerError(message)
    path = Layout(root).ledger
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(path):
            try:
                return _brought(path, Layout(root), "asked for" if anew else "")
            except _OtherVersionError:
                return _brought(_without(path), Layout(root), "it was of another version, or no ledger")
            except _DAMAGED as error:
                return _brought(_without(path), Layout(root), f"it was damaged: {error}")
    except OSError as error:
        message = f"{error.filename or path}: {error.strerror}"
        raise LedgerError(message) from error
    except ArchiveError as error:
        raise LedgerError(str(error)) from error
    except apsw.Error as error:
        message = f"{path}: {error}"
        raise LedgerError(message) from error


def ask(root: Path, query: str) -> tuple[tuple[str, ...], list[tuple[Value, ...]]]:
    """Return the columns and the rows of a query. Nothing can be changed by it.

    Raises:
        LedgerDamagedError: a place that it reads is damaged.
        LedgerError: there is no read model, or the query is wrong.

    """
    path = Layout(root).ledger
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            connection.set_busy_timeout(BUSY_MS)
            info = query_info(connection, query)
            if info.query_remaining or not info.has_vdbe:
                message = f"not one query: {query!r}"
                raise LedgerError(message)
            columns = tuple(name for name, _ in info.description)
            return columns, [tuple(row) for row in connection.execute(query)]
    except _DAMAGED as error:
        message = f"{path}: {error}"
        raise LedgerDamagedError(message) from error
    except apsw.Error as error:
        message = f"{path}: {error}"
        raise LedgerError(message) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Be the only one who builds. SQLite's own lock is no help to one who takes the file away."""
    fd = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _brought(path: Path, layout: Layout, why: str) -> LedgerState:
    with closing(apsw.Connection(str(path))) as connection:
        path.chmod(0o600)
        connection.set_busy_timeout(BUSY_MS)
        schema = ";\n".join(sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"))
        if schema not in {"", SCHEMA}:
            raise _OtherVersionError
        if why and (found := connection.execute("PRAGMA quick_check(1)").get) != "ok":
            raise apsw.CorruptError(" ".join(str(found).split()))
        if not schema:
            connection.pragma("journal_mode", "wal")
        connection.execute("BEGIN IMMEDIATE")  # what doesn't come to the end is undone when the connection is closed
        if not schema:
            connection.execute(SCHEMA)
        state = _filled(connection, path, layout, why)
        connection.execute("COMMIT")
        return state


def _without(path: Path) -> Path:
    """Take the file away, and what SQLite keeps beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    return path


def _filled(connection: apsw.Connection, path: Path, layout: Layout, why: str) -> LedgerState:
    held = connection.execute("SELECT seq, record FROM position").get
    seq, last = held if held is not None else (0, b"")
    source = _Source(layout)
    if seq and not why and not source.goes_on(seq, last):
        why = "the journal is another one, or its end is gone"
    if why:
        seq = 0
        for table in (*TABLES, "position"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
    reached, added, missing = _read_on(connection, source, seq)
    if missing or not seq:
        for row in source.money():
            connection.execute(*money(row))
    return LedgerState(str(path), reached, added, why, missing)


def _read_on(connection: apsw.Connection, source: "_Source", seq: int) -> tuple[int, int, int]:
    """Take in what comes after that number; return the last number, how many were taken in and how many are missing between."""
    added = missing = 0
    last: Record | None = None
    for at, record in source.records(seq):
        missing += at - seq - 1 if seq else 0
        for statement in statements(at, record):
            connection.execute(*statement)
        seq, last = at, record
        added += 1
    if last is not None:
        connection.execute("DELETE FROM position")
        connection.execute("INSERT INTO position VALUES(?, ?)", (seq, msgspec.json.encode(last)))
    return seq, added, missing


class _Source:
    """The journal's segments, archived ones and those still there."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        live = list_segments(layout.journal)[0]
        # Nothing is archived from behind the newest segment: that is of a journal before this one.
        archived = {first: path for first, path in self._archived().items() if not live or first < live[-1][0]}
        self._segments = sorted({**archived, **dict(live)}.items())
        self._newest = live[-1][0] if live else 0

    def money(self) -> Iterator[LedgerRow]:
        """Yield the fills and settlements that housekeeping keeps for good, also of segments that are gone."""
        for path in sorted((self._layout.archive / "ledger").glob("*.parquet")):
            yield from _opened(path, ledger_of)

    def goes_on(self, seq: int, last: bytes) -> bool:
        """Whether this is the journal whose record of that number is this JSON, or was before housekeeping retired it."""
        at, record = next(self.records(seq - 1), (self._newest, None))
        return at > seq or (at == seq and msgspec.json.encode(record) == last)

    def records(self, after_seq: int) -> Iterator[tuple[int, Record]]:
        """Yield the records numbered above it, in order, each once; of a damaged segment its good beginning."""
        start = bisect_right([first for first, _ in self._segments[1:]], after_seq + 1)
        while start and _is_archived(self._segments[start][1]):
            start -= 1  # the numbers of an archived segment may be those of a journal before this one
        read = 0
        for first, path in self._segments[start:]:
            if _is_archived(path) and first <= read:
                continue
            decoded = self._decoded(first, path)
            read = max(read, *decoded.seqs[-1:], 0)
            for seq, record in zip(decoded.seqs, decoded.records, strict=True):
                if seq > after_seq:
                    after_seq = seq
                    yield seq, record

    def _archived(self) -> dict[int, Path]:
        folder = self._layout.archive / "journal"
        return {int(match[1]): path for path in sorted(folder.glob("*")) if (match := _ARCHIVED.fullmatch(path.name))}

    def _decoded(self, first: int, path: Path) -> Decoded:
        if not _is_archived(path):
            try:
                return decode_lines(path.read_bytes())
            except FileNotFoundError:
                # Housekeeping has just taken it into the archive, or away.
                archived = self._archived().get(first)
                if archived is None:
                    return decode_lines(b"")
                path = archived
        return decode_lines(_opened(path, journal_of))


def _is_archived(path: Path) -> bool:
    return path.suffix == ".parquet"


def _opened(path: Path, read: Callable[[bytes], _Contents]) -> _Contents:
    try:
        return read(path.read_bytes())
    except ArchiveError as error:
        message = f"{path}: {error}"
        raise ArchiveError(message) from error
