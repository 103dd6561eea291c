"""``data/ledger.db``: what the journal says, to be asked in SQL. The journal is the truth; this can be built anew at any time.

Built by whoever asks, in a process that isn't the trading process, in one transaction: what is killed leaves what was there before, two at
once wait for each other. A file that is damaged, of another version or of another journal is thrown away and built anew, and that is said.

The SQLite inside Python may have the defect in its write-ahead log that 3.51.3 mended (https://sqlite.org/wal.html#walresetbug), so it
isn't used.
"""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import apsw
import msgspec
from apsw.ext import query_info

from kalshi_alpha.adapters.archive import ArchiveError, journal_of, ledger_of
from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.journal import list_segments
from kalshi_alpha.adapters.journal_codec import Decoded, decode_lines
from kalshi_alpha.adapters.ledger_rows import LedgerRow
from kalshi_alpha.adapters.ledger_schema import SCHEMA, SCHEMA_VERSION, TABLES, Value, money, statements
from kalshi_alpha.model.records import Record

LEAST_SQLITE: Final = (3, 51, 3)
BUSY_MS: Final = 10_000
"""So long one who builds is waited for."""
_DAMAGED: Final = (apsw.NotADBError, apsw.CorruptError)


class _OtherVersionError(Exception):
    pass


class LedgerError(Exception):
    """The read model can't be had; one line that says why."""


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
        anew: Begin with nothing.

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
        try:
            return _brought(path, Layout(root), "asked for" if anew else "")
        except _OtherVersionError:
            return _brought(_without(path), Layout(root), "it was of another version")
        except _DAMAGED as error:
            return _brought(_without(path), Layout(root), f"it was damaged: {error}")
    except (OSError, apsw.Error, ArchiveError) as error:
        message = f"{path}: {error.strerror if isinstance(error, OSError) else error}"
        raise LedgerError(message) from error


def ask(root: Path, query: str) -> tuple[tuple[str, ...], list[tuple[Value, ...]]]:
    """Return the columns and the rows of a query. Nothing can be changed by it.

    Raises:
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
    except apsw.Error as error:
        message = f"{path}: {error}"
        raise LedgerError(message) from error


def _brought(path: Path, layout: Layout, why: str) -> LedgerState:
    with closing(apsw.Connection(str(path))) as connection:
        path.chmod(0o600)
        connection.set_busy_timeout(BUSY_MS)
        if connection.pragma("user_version") == 0 and not connection.pragma("page_count"):
            connection.pragma("journal_mode", "wal")
        with _transaction(connection):
            version = connection.pragma("user_version")
            if version not in (0, SCHEMA_VERSION):
                raise _OtherVersionError
            if version == 0:
                connection.execute(SCHEMA)
                connection.pragma("user_version", SCHEMA_VERSION)
            return _filled(connection, path, layout, why)


def _without(path: Path) -> Path:
    """Take the file away, and what SQLite keeps beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    return path


def _filled(connection: apsw.Connection, path: Path, layout: Layout, why: str) -> LedgerState:
    held = connection.execute("SELECT seq, record FROM position").get
    seq, last = held if held is not None else (0, b"")
    source = _Source(layout)
    if seq and not why and source.record(seq) != last:
        why = "the journal is another one, or doesn't hold the last record any more"
    if why or not seq:
        for table in (*TABLES, "position"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        for row in source.money():
            connection.execute(*money(row))
        seq = 0
    added = missing = 0
    for at, record in source.records(seq):
        missing += at - seq - 1 if seq else 0
        for statement in statements(at, record):
            connection.execute(*statement)
        seq, last = at, msgspec.json.encode(record)
        added += 1
    connection.execute("DELETE FROM position")
    if seq:
        connection.execute("INSERT INTO position VALUES(?, ?)", (seq, last))
    return LedgerState(str(path), seq, added, why, missing)


@contextmanager
def _transaction(connection: apsw.Connection) -> Iterator[None]:
    """Hold the one write lock from before the first read on: whoever waited for it reads what the other one has written."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class _Source:
    """The journal's segments, archived ones and those still there."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._segments = sorted({**self._archived(), **dict(list_segments(layout.journal)[0])}.items())
        self._ledger = sorted((layout.archive / "ledger").glob("*.parquet"))

    def money(self) -> Iterator[LedgerRow]:
        """Yield the fills and settlements that housekeeping keeps for good, also of segments that are gone."""
        for path in self._ledger:
            yield from ledger_of(path.read_bytes())

    def record(self, seq: int) -> bytes:
        """Return a record as JSON; empty: there is none of this number."""
        return next((msgspec.json.encode(record) for at, record in self.records(seq - 1) if at == seq), b"")

    def records(self, after_seq: int) -> Iterator[tuple[int, Record]]:
        """Yield the records numbered above it, in order, each once; of a damaged segment its good beginning."""
        firsts = [first for first, _ in self._segments[1:]]
        for first, path in self._segments[bisect_right(firsts, after_seq + 1) :]:
            decoded = self._decoded(first, path)
            for seq, record in zip(decoded.seqs, decoded.records, strict=True):
                if seq > after_seq:
                    after_seq = seq
                    yield seq, record

    def _archived(self) -> dict[int, Path]:
        return {int(path.name[8:20]): path for path in (self._layout.archive / "journal").glob("journal-*.parquet")}

    def _decoded(self, first: int, path: Path) -> Decoded:
        if path.suffix != ".parquet":
            try:
                return decode_lines(path.read_bytes())
            except FileNotFoundError:
                path = self._archived().get(first, path)  # housekeeping has just taken it there
        return decode_lines(journal_of(path.read_bytes()))
