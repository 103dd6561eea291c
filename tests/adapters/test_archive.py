import zlib
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # it has no type hints
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet as pq

from kalshi_alpha.adapters.archive import ArchiveError, history_of, history_parquet, journal_of, journal_parquet, ledger_of, ledger_parquet
from kalshi_alpha.adapters.journal import decode_lines
from kalshi_alpha.adapters.journal_codec import link_after, unlinked
from kalshi_alpha.adapters.ledger_rows import LedgerRow, ledger_rows
from tests.adapters.journal_samples import chained, every_kind

SEGMENT = b"".join(chained(every_kind(), 5, b"0123456789abcdef"))
HISTORY = b'{"at":"2026-11-20T14:00:00.000+00:00"}\nnot a line\n'
LEDGER = ledger_rows(range(5, 5 + len(every_kind())), every_kind())


def segment_parquet(data: bytes) -> bytes:
    return journal_parquet(data, decode_lines(data))


@pytest.mark.parametrize("data", [SEGMENT, SEGMENT + b"0123torn \xff\x00", SEGMENT[:-1], b"", b"torn"])
def test_a_segment_comes_back_byte_for_byte(data: bytes) -> None:
    assert journal_of(segment_parquet(data)) == data


def test_a_segments_columns_can_be_queried(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    file.write_bytes(segment_parquet(SEGMENT))

    rows = pq.read_table(file).to_pylist()

    assert [row["seq"] for row in rows] == list(range(5, 5 + len(every_kind())))
    assert [row["utc_ns"] for row in rows[:3]] == [1, 2, 3]
    assert rows[0]["kind"] == "EngineStarted"
    assert rows[2]["text"] == b'{"seq":7,"record":{"type":"GroupRetired","utc_ns":3,"group_id":"group-6"}}'
    assert pq.ParquetFile(file).metadata.row_group(0).column(3).compression == "ZSTD"


def test_a_days_segment_shrinks_to_a_tenth() -> None:
    data = b"".join(chained(every_kind() * 200))

    assert len(segment_parquet(data)) < len(data) / 10


@given(st.binary())
def test_any_history_comes_back_byte_for_byte(data: bytes) -> None:
    assert history_of(history_parquet(data)) == data


def test_the_ledger_is_kept_once_and_in_order() -> None:
    later = LedgerRow(99, 5, "settlement", "T", result="no")

    assert ledger_of(ledger_parquet([later, *LEDGER, *LEDGER])) == [*LEDGER, later]
    assert [row.seq for row in LEDGER] == [10, 12]


@pytest.mark.parametrize(
    ("parquet", "contents"),
    [(segment_parquet(SEGMENT), "journal"), (history_parquet(HISTORY), "history"), (ledger_parquet(LEDGER), "ledger")],
)
def test_a_file_that_changed_is_an_error_or_says_the_same(parquet: bytes, contents: str) -> None:
    reading = {"journal": journal_of, "history": history_of, "ledger": ledger_of}[contents]
    whole = reading(parquet)
    outcomes: list[bool] = []

    for at in range(0, len(parquet), 3):
        flipped = bytearray(parquet)
        flipped[at] ^= 0x41
        try:
            outcomes.append(reading(bytes(flipped)) == whole)
        except ArchiveError:
            continue

    assert all(outcomes)
    assert len(outcomes) < len(parquet) / 3 * 0.9
    for length in (0, 3, 10, len(parquet) // 2, len(parquet) - 1):
        with pytest.raises(ArchiveError):
            reading(parquet[:length])


@pytest.mark.parametrize("parquet", [history_parquet(HISTORY), ledger_parquet(LEDGER)])
def test_another_kind_of_file_is_no_segment(parquet: bytes) -> None:
    with pytest.raises(ArchiveError):
        journal_of(parquet)


@pytest.mark.parametrize("parquet", [segment_parquet(SEGMENT), history_parquet(HISTORY)])
def test_another_kind_of_file_is_no_ledger(parquet: bytes) -> None:
    with pytest.raises(ArchiveError):
        ledger_of(parquet)


def test_a_ledger_is_no_history() -> None:
    with pytest.raises(ArchiveError):
        history_of(ledger_parquet(LEDGER))


def test_a_segment_from_before_links_comes_back_and_so_does_one_that_goes_on_with_links() -> None:
    old = b"".join(unlinked(line.split(b" ", 3)[3][:-1]) for line in chained(every_kind(), 5))
    going_on = b"".join(chained(every_kind(), 5 + len(every_kind()), link_after(old.splitlines(keepends=True)[-1])))

    assert old.startswith(b"%08x {" % zlib.crc32(old.splitlines()[0][9:]))
    assert journal_of(segment_parquet(old)) == old
    assert journal_of(segment_parquet(old + going_on)) == old + going_on


def test_an_archive_from_before_links_is_still_read() -> None:
    old = b"".join(unlinked(line.split(b" ", 3)[3][:-1]) for line in chained(every_kind(), 5))
    table = pq.read_table(pa.BufferReader(segment_parquet(old)))
    sink = pa.BufferOutputStream()
    pq.write_table(table.drop_columns(["link"]), sink)

    assert journal_of(sink.getvalue().to_pybytes()) == old
