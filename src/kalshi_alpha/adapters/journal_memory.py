"""A journal without a disk, for simulated time: the same lines and numbers as ``adapters/journal.py``."""

from bisect import bisect_right
from collections.abc import Iterable

from kalshi_alpha.adapters.journal import JournalRead, decode_lines, encode_line
from kalshi_alpha.adapters.journal_codec import ORIGIN, link_after
from kalshi_alpha.model.records import Record


class MemoryJournal:
    """Lines in memory, and a power cut when asked."""

    def __init__(self, data: bytes = b"", next_seq: int | None = None) -> None:
        """Continue after ``data``: the durable bytes of an earlier journal."""
        decoded = decode_lines(data)
        self._durable = bytearray(data[: decoded.good_bytes])
        self._pending: list[bytes] = []
        self._link = decoded.link or ORIGIN
        self._seq = decoded.highest_seq + 1 if next_seq is None else next_seq

    @property
    def data(self) -> bytes:
        """What is durable."""
        return bytes(self._durable)

    def durable_from(self, offset: int) -> bytes:
        """Return what is durable behind a place."""
        return bytes(self._durable[offset:])

    @property
    def next_seq(self) -> int:
        """The number the next record gets."""
        return self._seq

    def append(self, records: Iterable[Record]) -> int:
        """Buffer records; return the last number given out."""
        for record in records:
            line = encode_line(self._seq, record, self._link)
            self._link = link_after(line)
            self._pending.append(line)
            self._seq += 1
        return self._seq - 1

    def sync(self) -> None:
        """Make everything appended so far durable."""
        self._durable += b"".join(self._pending)
        self._pending = []

    def cut(self, torn_bytes: int = 0) -> bytes:
        """Lose the power: return the durable bytes and the first ``torn_bytes`` of what wasn't synced."""
        return self.data + b"".join(self._pending)[:torn_bytes]

    def read(self, after_seq: int = 0) -> JournalRead:
        """Read what is durable, as ``read_journal`` does."""
        decoded = decode_lines(self.data)
        start = bisect_right(decoded.seqs, after_seq)
        link = decoded.link or ORIGIN
        return JournalRead(decoded.seqs[start:], decoded.records[start:], decoded.highest_seq, decoded.bad_bytes, (), link)
