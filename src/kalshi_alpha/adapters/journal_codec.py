"""The journal's lines as bytes: ``length crc32 link {"seq": n, "record": {...}}`` and a newline.

* length: of the JSON in bytes, 6 hex digits.
* crc32: of link and JSON, 8 hex digits. It tells a whole line by itself, also one behind damage.
* link: the first 16 hex digits of the SHA-256 of the line before, newline included; zeros in front of the first line. It tells that this
  line followed that one: what was replaced, taken out or put in breaks the next line's link, whatever its own checksum says.

Lines before links were invented are ``crc32 {...}``. They are still read, but only where no linked line comes before them.
"""

import hashlib
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
    | r.MoneyMarked
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


ORIGIN: Final = b"0" * 16
"""The link of a journal's first line."""
_CRC_END: Final = 15
_LINK_END: Final = 32
_UNLINKED_CRC_END: Final = 8
# Fields in their declared order and dicts as they were filled: the same record always gives the same bytes.
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(_Read)


def encode_line(seq: int, record: Record, link: bytes = ORIGIN) -> bytes:
    """Return one journal line, newline included.

    Args:
        seq: Its number.
        record: What it says.
        link: ``link_after`` the line before.

    """
    if type(record) is r.OrderIntended:
        inputs = record.intent.inputs
        # JSON has no word for NaN: the line would be written and never be read again.
        assert isfinite(inputs.level) and isfinite(inputs.variance) and isfinite(inputs.fair_p), inputs  # noqa: PT018 - one fact, and speed
    text = _ENCODER.encode(_Written(seq, record))
    return framed(text, link)


def framed(text: bytes, link: bytes) -> bytes:
    """Return the line of this JSON behind the line of that link."""
    assert len(text) < 1 << 24, f"a record of {len(text)} bytes"
    return b"%06x %08x %b %b\n" % (len(text), zlib.crc32(text, zlib.crc32(link)), link, text)


def unlinked(text: bytes) -> bytes:
    """Return the line of this JSON as it was written before links were."""
    return b"%08x %b\n" % (zlib.crc32(text), text)


def link_after(line: bytes | memoryview) -> bytes:
    """Return what the next line has to name: 16 hex digits."""
    return hashlib.sha256(line).hexdigest()[:16].encode()


class Decoded(msgspec.Struct, frozen=True):
    """What a segment's bytes hold."""

    seqs: tuple[int, ...]
    records: tuple[Record, ...]
    good_bytes: int
    """Where the last good line of the unbroken beginning ends."""
    bad_bytes: int
    """Everything after it."""
    corrupt: bool
    """Good lines follow a bad one, or one that doesn't follow the line before it."""
    highest_seq: int
    """The highest number of any good line, also behind damage; 0: none."""
    link: bytes = b""
    """``link_after`` the last line; without a line what was given."""
    unlinked: int = 0
    """How many lines of the beginning, all in front of the others, have no link."""


def decode_lines(data: bytes, link: bytes = b"") -> Decoded:
    """Read a segment up to its first bad line, and tell whether good ones follow it. Takes any bytes, never raises.

    Args:
        data: The segment.
        link: ``link_after`` the line before it; empty: unknown.

    """
    seqs: list[int] = []
    records: list[Record] = []
    start = unlinked = 0
    view = memoryview(data)
    while (found := _line_at(data, view, start)) is not None and (not seqs or found[0].seq == seqs[-1] + 1):
        read, end, named = found
        if not named and unlinked == len(seqs):
            unlinked += 1
        elif not named or (link and named != link):
            break
        seqs.append(read.seq)
        records.append(read.record)
        link = link_after(view[start:end])
        start = end
    behind = _good_seqs(data, view, start)
    return Decoded(
        seqs=tuple(seqs),
        records=tuple(records),
        good_bytes=start,
        bad_bytes=len(data) - start,
        corrupt=bool(behind),
        highest_seq=max([*seqs[-1:], *behind], default=0),
        link=link,
        unlinked=unlinked,
    )


def texts_of(data: bytes) -> list[tuple[bytes, bytes | None]]:
    """Return the JSON and the link of each line of a good beginning; the link is None where the line has none."""
    lines = data.split(b"\n")[:-1]
    return [
        (line[_UNLINKED_CRC_END + 1 :], None)
        if line[_UNLINKED_CRC_END : _UNLINKED_CRC_END + 1] == b" "
        else (line[_LINK_END + 1 :], line[_CRC_END + 1 : _LINK_END])
        for line in lines
    ]


def _line_at(data: bytes, view: memoryview, start: int) -> tuple[_Read, int, bytes] | None:
    """Return what a line says, where it ends and which link it names, if it is whole."""
    end = data.find(b"\n", start)
    if end < 0:
        return None
    if data[start + _UNLINKED_CRC_END : start + _UNLINKED_CRC_END + 1] == b" ":
        text, link = view[start + _UNLINKED_CRC_END + 1 : end], b""
        frame = b"%08x " % zlib.crc32(text)
    else:
        text, link = view[start + _LINK_END + 1 : end], data[start + _CRC_END + 1 : start + _LINK_END]
        frame = b"%06x %08x %b " % (len(text), zlib.crc32(text, zlib.crc32(link)), link)
    if not data.startswith(frame, start):
        return None
    try:
        return _DECODER.decode(text), end + 1, link
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _good_seqs(data: bytes, view: memoryview, start: int) -> list[int]:
    """Return the numbers of all good lines from ``start`` on, wherever bad ones are between."""
    found: list[int] = []
    while 0 <= start < len(data):
        if (read := _line_at(data, view, start)) is not None:
            found.append(read[0].seq)
        start = data.find(b"\n", start) + 1 or -1
    return found
