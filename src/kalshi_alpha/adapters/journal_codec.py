"""The journal's lines as bytes: ``crc32 as 8 hex digits``, a space, ``{"seq": n, "record": {...}}``, a newline."""

import zlib
from math import isfinite
from typing import Final

import msgspec

from kalshi_alpha.model import records as r
from kalshi_alpha.model.records import Record

_AnyRecord = (
    r.EngineStarted
    | r.GroupRecorded
    | r.GroupRetired
    | r.OrderIntended
    | r.OrderPlaced
    | r.OrderClosed
    | r.FillBooked
    | r.MarketSettledBooked
    | r.WindowPhase
    | r.FeedSwitched
    | r.StandDownChanged
    | r.LatchSet
    | r.LatchLifted
    | r.IncidentNoted
    | r.AlertRaised
    | r.AlertAcknowledged
    | r.AlertClosed
)


class _Written(msgspec.Struct, gc=False):
    seq: int
    record: Record


class _Read(msgspec.Struct, forbid_unknown_fields=True):
    seq: int
    record: _AnyRecord


_CRC_CHARS: Final = 8
# Fields in their declared order and dicts as they were filled: the same record always gives the same bytes.
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(_Read)


def encode_line(seq: int, record: Record) -> bytes:
    """Return one journal line, newline included."""
    if type(record) is r.OrderIntended:
        inputs = record.intent.inputs
        # JSON has no word for NaN: the line would be written and never be read again.
        assert isfinite(inputs.level) and isfinite(inputs.variance) and isfinite(inputs.fair_p), inputs  # noqa: PT018 - one fact, and speed
    text = _ENCODER.encode(_Written(seq, record))
    return b"%08x %b\n" % (zlib.crc32(text), text)


class Decoded(msgspec.Struct, frozen=True):
    """What a segment's bytes hold."""

    seqs: tuple[int, ...]
    records: tuple[Record, ...]
    good_bytes: int
    """Where the last good line of the unbroken beginning ends."""
    bad_bytes: int
    """Everything after it."""
    corrupt: bool
    """Good lines follow a bad one."""
    highest_seq: int
    """The highest number of any good line, also behind damage; 0: none."""


def decode_lines(data: bytes) -> Decoded:
    """Read a segment up to its first bad line, and tell whether good ones follow it. Takes any bytes, never raises."""
    seqs: list[int] = []
    records: list[Record] = []
    start = 0
    while (read := _line_at(data, start)) is not None and (not seqs or read[0].seq == seqs[-1] + 1):
        seqs.append(read[0].seq)
        records.append(read[0].record)
        start = read[1]
    behind = _good_seqs(data, start)
    return Decoded(
        seqs=tuple(seqs),
        records=tuple(records),
        good_bytes=start,
        bad_bytes=len(data) - start,
        corrupt=bool(behind),
        highest_seq=max([*seqs[-1:], *behind], default=0),
    )


def _line_at(data: bytes, start: int) -> tuple[_Read, int] | None:
    end = data.find(b"\n", start)
    if end < 0 or data[start + _CRC_CHARS : start + _CRC_CHARS + 1] != b" ":
        return None
    text = memoryview(data)[start + _CRC_CHARS + 1 : end]
    if data[start : start + _CRC_CHARS] != b"%08x" % zlib.crc32(text):
        return None
    try:
        return _DECODER.decode(text), end + 1
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _good_seqs(data: bytes, start: int) -> list[int]:
    """Return the numbers of all good lines from ``start`` on, wherever bad ones are between."""
    found: list[int] = []
    while 0 <= start < len(data):
        if (read := _line_at(data, start)) is not None:
            found.append(read[0].seq)
        start = data.find(b"\n", start) + 1 or -1
    return found
