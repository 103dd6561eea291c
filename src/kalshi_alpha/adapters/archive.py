"""Parquet files of what housekeeping takes away: bytes in, bytes out, and byte for byte back again.

The only module that imports pyarrow; the trading process never imports this one. Files are compressed with Zstandard, their pages carry
checksums, and the footer holds the SHA-256 of the contents, so a file that changed in any way is an error and never another content.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]  # it has no type hints
from pyarrow import parquet as pq

from kalshi_alpha.adapters.journal_codec import Decoded, framed, link_after, texts_of, unlinked
from kalshi_alpha.adapters.ledger_rows import LedgerRow
from kalshi_alpha.adapters.monitor_lines import read_line

_LEVEL: Final = 9
"""Of Zstandard: 14 times smaller for a journal, at 40 MB/s; level 19 takes thirty times as long for 7 % less."""
_FOLLOWS: Final = b""
"""A journal line's link in the archive when it is that of the line before it."""
_SEAL: Final = b"contents_sha256"


Contents = TypeVar("Contents", bytes, list[LedgerRow])


class ArchiveError(Exception):
    """A Parquet file isn't what was archived."""


def journal_parquet(data: bytes, decoded: Decoded) -> bytes:
    """Return a segment as Parquet: ``seq``, ``utc_ns``, ``kind``, ``text`` (the line's JSON), ``link`` a record.

    The link is empty where it is that of the line before, and null where the line has none.

    Args:
        data: The segment's bytes.
        decoded: What they say. An unfinished last line becomes a row without a number.

    """
    texts = texts_of(data[: decoded.good_bytes])
    # Within a good beginning only the first linked line's link can't be told from the line before it: that may lie in another segment.
    links = [link if index in (0, decoded.unlinked) or link is None else _FOLLOWS for index, (_, link) in enumerate(texts)]
    rest = [data[decoded.good_bytes :]] if decoded.bad_bytes else []
    columns = {
        "seq": pa.array([*decoded.seqs, *(None for _ in rest)], pa.int64()),
        "utc_ns": pa.array([*(record.utc_ns for record in decoded.records), *(None for _ in rest)], pa.int64()),
        "kind": pa.array([*(type(record).__name__ for record in decoded.records), *(None for _ in rest)], pa.string()),
        "text": pa.array([*(text for text, _ in texts), *rest], pa.binary()),
        "link": pa.array([*links, *(None for _ in rest)], pa.binary()),
    }
    return _sealed(columns, hashlib.sha256(data))


def journal_of(parquet: bytes) -> bytes:
    """Return the segment's bytes.

    Raises:
        ArchiveError: the file was changed or cut.

    """
    table, seal = _opened(parquet)
    data = b"".join(_journal_lines(table))
    return _checked(data, hashlib.sha256(data), seal)


def history_parquet(data: bytes) -> bytes:
    """Return a day of monitor history as Parquet: ``at``, ``status``, ``active_feed``, ``ev_status``, ``text`` a line.

    A line that doesn't read as one has only its text.
    """
    lines = data.splitlines(keepends=True)
    read = [read_line(line) for line in lines]
    columns = {
        "at": pa.array([line and line.at for line in read], pa.string()),
        "status": pa.array([line and line.status for line in read], pa.string()),
        "active_feed": pa.array([line and line.active_feed for line in read], pa.string()),
        "ev_status": pa.array([line and line.ev_status for line in read], pa.string()),
        "text": pa.array(lines, pa.binary()),
    }
    return _sealed(columns, hashlib.sha256(data))


def history_of(parquet: bytes) -> bytes:
    """Return the day's bytes.

    Raises:
        ArchiveError: the file was changed or cut.

    """
    table, seal = _opened(parquet)
    try:
        data = b"".join(table.column("text").to_pylist())
    except (KeyError, TypeError) as error:
        raise ArchiveError(str(error)) from error
    return _checked(data, hashlib.sha256(data), seal)


def ledger_parquet(rows: Iterable[LedgerRow]) -> bytes:
    """Return ledger rows as Parquet, one typed column a field, in the order of their journal numbers and each once."""
    ordered = sorted(set(rows), key=lambda row: (row.seq, row.utc_ns))
    table = pa.Table.from_pylist([msgspec.structs.asdict(row) for row in ordered], schema=_LEDGER)
    return _sealed(dict(zip(table.column_names, table.columns, strict=True)), _hash_of(ordered))


def ledger_of(parquet: bytes) -> list[LedgerRow]:
    """Return the rows.

    Raises:
        ArchiveError: the file was changed or cut.

    """
    table, seal = _opened(parquet)
    try:
        rows = msgspec.convert(table.to_pylist(), list[LedgerRow])
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ArchiveError(str(error)) from error
    return _checked(rows, _hash_of(rows), seal)


_TYPES: Final = {int: pa.int64(), str: pa.string(), bool: pa.bool_()}
_LEDGER: Final = pa.schema([(field.name, _TYPES[field.type]) for field in msgspec.structs.fields(LedgerRow)])


def _hash_of(rows: list[LedgerRow]) -> "hashlib._Hash":
    return hashlib.sha256(msgspec.json.encode(rows))


def _journal_lines(table: pa.Table) -> Iterator[bytes]:
    line = b""
    try:
        texts = table.column("text").to_pylist()
        # An archive from before links has no such column.
        links = table.column("link").to_pylist() if "link" in table.column_names else [None] * len(texts)
        for seq, text, link in zip(table.column("seq").to_pylist(), texts, links, strict=True):
            if seq is not None:
                line = unlinked(text) if link is None else framed(text, link or link_after(line))
            yield text if seq is None else line
    except (KeyError, TypeError) as error:
        raise ArchiveError(str(error)) from error


def _sealed(columns: dict[str, pa.Array], seal: "hashlib._Hash") -> bytes:
    table = pa.table(columns).replace_schema_metadata({_SEAL: seal.hexdigest().encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=_LEVEL, write_page_checksum=True)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _opened(parquet: bytes) -> tuple[pa.Table, bytes]:
    try:
        table = pq.ParquetFile(pa.BufferReader(parquet), page_checksum_verification=True).read(use_threads=False)
        return table, (table.schema.metadata or {}).get(_SEAL, b"")
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        message = f"not a readable Parquet file: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        raise ArchiveError(message) from error


def _checked(contents: Contents, found: "hashlib._Hash", seal: bytes) -> Contents:
    if found.hexdigest().encode() != seal:
        message = "the contents don't match their SHA-256"
        raise ArchiveError(message)
    return contents
