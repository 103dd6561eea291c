import errno
import hashlib
import os
import signal
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.adapters.journal import JournalError, JournalWriter, decode_lines, encode_line, read_journal
from kalshi_alpha.adapters.journal_codec import ORIGIN, link_after
from kalshi_alpha.adapters.journal_memory import MemoryJournal
from kalshi_alpha.model.records import EngineStarted, GroupRecorded, GroupRetired, OrderIntended, OrderPlaced, Record
from tests.adapters.journal_samples import chained, every_kind, incident, inputs, intent

AT_NS = 1_795_444_200_125_000_000
TEN = [GroupRetired(number, f"group-{number}") for number in range(1, 11)]
LINES = chained(TEN)
TEN_LINES = b"".join(LINES)


def written(folder: Path, records: list[Record], snapshot_seq: int = 0) -> Path:
    writer = JournalWriter(folder, snapshot_seq=snapshot_seq)
    writer.append(records)
    writer.sync()
    writer.close()
    return writer.path


def old_line(seq: int, record: Record) -> bytes:
    """Return a line as journals had them before links."""
    text = msgspec.json.encode({"seq": seq, "record": record})
    return f"{zlib.crc32(text):08x} ".encode() + text + b"\n"


def test_a_line_is_its_length_its_checksum_the_link_to_the_line_before_and_the_json() -> None:
    text = b'{"seq":42,"record":{"type":"GroupRetired","utc_ns":5,"group_id":"g"}}'
    link = hashlib.sha256(old_line(41, TEN[0])).hexdigest()[:16]

    line = encode_line(42, GroupRetired(5, "g"), link_after(old_line(41, TEN[0])))

    assert line == f"000045 {zlib.crc32(link.encode() + text):08x} {link} ".encode() + text + b"\n"
    assert encode_line(42, GroupRetired(5, "g")).split()[2] == b"0000000000000000"


def test_every_kind_of_record_comes_back_equal() -> None:
    records = every_kind()

    decoded = decode_lines(b"".join(chained(records)))

    assert {type(record) for record in records} == set(Record.__subclasses__())
    assert list(decoded.records) == records
    assert (decoded.bad_bytes, decoded.corrupt, decoded.highest_seq) == (0, False, len(records))


def test_facts_keep_their_order() -> None:
    decoded = decode_lines(encode_line(1, incident()))

    assert list(decoded.records[0].facts) == ["zeta", "alpha", "emoji"]  # type: ignore[attr-defined]  # an IncidentNoted went in


@pytest.mark.parametrize("broken", [inputs(variance=float("nan")), inputs(level=float("inf"))])
def test_a_number_that_json_cannot_hold_is_a_bug_and_never_written(broken: object) -> None:
    poisoned = msgspec.structs.replace(intent(), inputs=broken)

    with pytest.raises(AssertionError):
        encode_line(1, OrderIntended(1, poisoned))


def test_a_journal_cut_anywhere_gives_the_whole_records_before_the_cut() -> None:
    ends = [index + 1 for index, byte in enumerate(TEN_LINES) if byte == 10]

    for length in range(len(TEN_LINES) + 1):
        decoded = decode_lines(TEN_LINES[:length])

        whole = sum(end <= length for end in ends)
        assert list(decoded.records) == TEN[:whole]
        assert not decoded.corrupt
        assert decoded.bad_bytes == length - ([0, *ends][whole])


def test_any_flipped_byte_gives_a_beginning_and_is_corruption_unless_it_hit_the_last_line() -> None:
    last_line = TEN_LINES.rindex(b"\n", 0, -1) + 1

    for offset in range(len(TEN_LINES)):
        for mask in (0x01, 0x20, 0xFF, TEN_LINES[offset] ^ 10):
            if mask == 0:
                continue
            data = bytearray(TEN_LINES)
            data[offset] ^= mask
            decoded = decode_lines(bytes(data))

            hit = TEN_LINES.count(b"\n", 0, offset)
            assert list(decoded.records) == TEN[:hit]
            # A lost newline joins two lines; behind the last but one nothing good follows.
            joined = TEN_LINES[offset] == 10 and offset == last_line - 1
            assert decoded.corrupt == (offset < last_line and not joined)


@given(st.binary(max_size=300), st.integers(0, 10))
def test_any_bytes_after_good_lines_never_raise_and_never_add_a_record(garbage: bytes, kept: int) -> None:
    ends = [0, *(index + 1 for index, byte in enumerate(TEN_LINES) if byte == 10)]

    decoded = decode_lines(TEN_LINES[: ends[kept]] + garbage)

    assert list(decoded.records) == TEN[:kept]


def test_a_deeply_nested_line_with_a_right_checksum_is_just_a_bad_line() -> None:
    text = b'{"seq":1,"record":{"type":"GroupRetired","utc_ns":5,"x":' + b"[" * 100_000

    decoded = decode_lines(b"%08x %b\n" % (zlib.crc32(text), text))

    assert decoded.records == ()


@pytest.mark.parametrize("seqs", [(1, 3), (1, 1), (2, 1)])
def test_lines_out_of_sequence_are_corruption(seqs: tuple[int, int]) -> None:
    first = encode_line(seqs[0], TEN[0])
    decoded = decode_lines(first + encode_line(seqs[1], TEN[0], link_after(first)))

    assert decoded.seqs == seqs[:1]
    assert decoded.corrupt


def replaced(lines: list[bytes], index: int, record: Record) -> bytes:
    """Return the lines with another one in a place, whole by its own checksum and with the right number and link."""
    link = link_after(lines[index - 1]) if index else ORIGIN
    return b"".join([*lines[:index], encode_line(index + 1, record, link), *lines[index + 1 :]])


@pytest.mark.parametrize("index", range(9))
def test_a_replaced_line_is_found_by_the_line_after_it(index: int) -> None:
    decoded = decode_lines(replaced(LINES, index, GroupRetired(99, "another")))

    # The forged line itself can't be told; nothing behind it is believed, and whoever asked hears of the damage.
    assert list(decoded.records[:index]) == TEN[:index]
    assert len(decoded.records) == index + 1
    assert decoded.corrupt


@pytest.mark.parametrize("index", range(9))
def test_a_line_that_was_taken_out_is_found_even_where_the_numbers_were_made_to_fit(index: int) -> None:
    rest = [
        encode_line(seq, record, line.split()[2])
        for seq, record, line in zip(range(index + 1, 10), TEN[index + 1 :], LINES[index + 1 :], strict=True)
    ]

    decoded = decode_lines(b"".join([*LINES[:index], *rest]), ORIGIN)

    assert list(decoded.records) == TEN[:index]
    assert decoded.corrupt


def test_lines_from_before_links_are_read_and_linked_to(tmp_path: Path) -> None:
    old = [old_line(seq, record) for seq, record in enumerate(TEN[:3], start=1)]
    (tmp_path / "journal-000000000001.jsonl").write_bytes(b"".join(old))
    new = written(tmp_path, list(TEN[3:5]))

    read = read_journal(tmp_path)

    assert (list(read.records), read.corrupt, read.torn_bytes) == (TEN[:5], (), 0)
    assert new.read_bytes() == b"".join(chained(TEN[3:5], 4, link_after(old[-1])))


def test_a_replaced_line_from_before_links_is_found_by_the_first_linked_one(tmp_path: Path) -> None:
    old = [old_line(seq, record) for seq, record in enumerate(TEN[:3], start=1)]
    path = tmp_path / "journal-000000000001.jsonl"
    path.write_bytes(b"".join(old))
    new = written(tmp_path, list(TEN[3:5]))
    path.write_bytes(b"".join([*old[:2], old_line(3, TEN[8])]))

    assert read_journal(tmp_path).corrupt == (new,)


def test_a_line_without_a_link_is_not_believed_behind_linked_ones(tmp_path: Path) -> None:
    within = decode_lines(b"".join([*LINES[:2], old_line(3, TEN[2])]))
    written(tmp_path, list(TEN[:2]))
    later = tmp_path / "journal-000000000003.jsonl"
    later.write_bytes(old_line(3, TEN[2]))

    assert (list(within.records), within.corrupt) == (TEN[:2], True)
    assert read_journal(tmp_path).corrupt == (later,)


def test_a_segment_of_another_journal_is_found_by_its_first_link(tmp_path: Path) -> None:
    written(tmp_path, list(TEN[:2]))
    other = written(tmp_path, list(TEN[2:4]))
    other.write_bytes(b"".join(chained(TEN[2:4], 3)))

    read = read_journal(tmp_path)

    assert (list(read.records), read.corrupt) == (TEN[:2], (other,))


def test_the_link_goes_on_over_segments_that_were_not_read(tmp_path: Path) -> None:
    written(tmp_path, list(TEN[:3]))
    written(tmp_path, [])  # empty, and alone behind the snapshot's record
    read = read_journal(tmp_path, after_seq=3)
    writer = JournalWriter(tmp_path, read, snapshot_seq=3)
    writer.append(TEN[3:])
    writer.sync()
    writer.close()

    assert read.link == link_after(LINES[2])
    assert writer.path.read_bytes() == b"".join(LINES[3:])


def test_each_start_opens_a_segment_named_by_its_first_number(tmp_path: Path) -> None:
    first = written(tmp_path, list(TEN[:3]))
    second = written(tmp_path, list(TEN[3:5]))

    read = read_journal(tmp_path)

    assert (first.name, second.name) == ("journal-000000000001.jsonl", "journal-000000000004.jsonl")
    assert list(read.records) == TEN[:5]
    assert (read.seqs, read.last_seq, read.torn_bytes, read.corrupt) == ((1, 2, 3, 4, 5), 5, 0, ())
    assert list(read_journal(tmp_path, after_seq=4).records) == TEN[4:5]


def test_a_missing_folder_is_an_empty_journal(tmp_path: Path) -> None:
    read = read_journal(tmp_path / "none")

    assert (read.records, read.last_seq, read.corrupt) == ((), 0, ())


def test_what_was_not_synced_is_not_there(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    assert writer.append(TEN[:2]) == 2
    writer.sync()
    assert writer.append(TEN[2:4]) == 4

    assert list(read_journal(tmp_path).records) == TEN[:2]
    writer.close()


def test_a_torn_tail_is_ignored_now_and_after_the_next_start(tmp_path: Path) -> None:
    path = written(tmp_path, list(TEN[:4]))
    path.write_bytes(path.read_bytes()[:-5])

    torn = read_journal(tmp_path, set_aside_ns=AT_NS)
    written(tmp_path, [TEN[9]])
    later = read_journal(tmp_path)

    assert (list(torn.records), torn.last_seq, torn.corrupt) == (TEN[:3], 3, ())
    assert torn.torn_bytes == len(LINES[3]) - 5
    assert list(later.records) == [*TEN[:3], TEN[9]]
    assert later.corrupt == ()


def test_a_segment_without_one_whole_record_gives_its_name_to_the_next_start_but_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path, [TEN[0]])
    path.write_bytes(b"0123")

    again = written(tmp_path, [TEN[5]])
    written(tmp_path, [])
    empty_again = written(tmp_path, [TEN[6]])

    assert again == path
    assert path.with_name(f"{path.name}.torn-1").read_bytes() == b"0123"
    assert empty_again.name == "journal-000000000002.jsonl"
    assert list(read_journal(tmp_path).records) == [TEN[5], TEN[6]]


def test_a_corrupt_file_is_set_aside_and_its_good_beginning_stays(tmp_path: Path) -> None:
    path = written(tmp_path, list(TEN[:6]))
    later = written(tmp_path, list(TEN[6:8]))
    data = bytearray(path.read_bytes())
    data[data.index(b"group-3")] ^= 1
    path.write_bytes(bytes(data))

    looked = read_journal(tmp_path)
    read = read_journal(tmp_path, set_aside_ns=AT_NS)

    assert looked.corrupt == (path, later)
    assert list(read.records) == TEN[:2]
    assert read.last_seq == 8
    assert [kept.name for kept in read.corrupt] == [f"{one.name}.corrupt-20261123T143000.125000Z" for one in (path, later)]
    assert read.corrupt[0].read_bytes() == bytes(data)
    assert path.read_bytes() == TEN_LINES[: TEN_LINES.index(b"\n", TEN_LINES.index(b"group-2")) + 1]


def test_a_start_after_corruption_goes_on_above_every_used_number_and_is_whole_again(tmp_path: Path) -> None:
    path = written(tmp_path, list(TEN[:6]))
    data = bytearray(path.read_bytes())
    data[data.index(b"group-3")] ^= 1
    path.write_bytes(bytes(data))

    damaged = read_journal(tmp_path, set_aside_ns=AT_NS)
    writer = JournalWriter(tmp_path, damaged)
    writer.append([TEN[9]])
    writer.sync()
    writer.close()
    read = read_journal(tmp_path)

    assert (read.seqs, read.corrupt) == ((1, 2, 7), ())


def test_a_lost_segment_is_corruption_never_a_gap_to_read_over(tmp_path: Path) -> None:
    written(tmp_path, list(TEN[:2]))
    lost = written(tmp_path, list(TEN[2:4]))
    after = written(tmp_path, list(TEN[4:6]))
    lost.unlink()

    read = read_journal(tmp_path)

    assert (list(read.records), read.corrupt, read.last_seq) == (TEN[:2], (after,), 6)


def test_a_snapshot_ahead_of_the_journal_leaves_a_declared_gap(tmp_path: Path) -> None:
    written(tmp_path, list(TEN[:2]))
    written(tmp_path, [TEN[7]], snapshot_seq=7)

    read = read_journal(tmp_path)

    assert (read.seqs, read.corrupt) == ((1, 2, 8), ())


def test_segments_below_the_snapshot_are_not_read(tmp_path: Path) -> None:
    old = written(tmp_path, list(TEN[:3]))
    written(tmp_path, list(TEN[3:5]))
    old.write_bytes(b"whatever")

    read = read_journal(tmp_path, after_seq=3)

    assert (list(read.records), read.corrupt) == (TEN[3:5], ())


class FaultyDisk:
    """Obeys until a given call fails."""

    def __init__(self, fail: str, takes: int) -> None:
        self.fail = fail
        self.takes = takes
        self.calls: list[str] = []

    def write(self, fd: int, data: memoryview) -> int:
        self.calls.append("write")
        if self.fail == "write" and self.calls.count("write") > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        if self.fail == "nothing":
            return 0
        return os.write(fd, data[: self.takes])

    def sync(self, fd: int) -> None:
        self.calls.append("sync")
        if self.fail == "sync":
            raise OSError(errno.EIO, "Input/output error")
        os.fdatasync(fd)

    def cut(self, fd: int, length: int) -> None:
        self.calls.append(f"cut {length}")
        os.ftruncate(fd, length)


def test_short_writes_are_completed(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, disk=FaultyDisk("never", takes=7))
    writer.append(TEN)

    writer.sync()

    assert writer.path.read_bytes() == TEN_LINES
    writer.close()


def test_a_full_disk_ends_the_writer_and_cuts_the_torn_line(tmp_path: Path) -> None:
    disk = FaultyDisk("write", takes=90)
    writer = JournalWriter(tmp_path, disk=disk)
    writer.append(TEN[:1])
    writer.sync()
    good = writer.path.read_bytes()
    writer.append(TEN[1:4])

    with pytest.raises(JournalError, match="No space left"):
        writer.sync()
    calls = len(disk.calls)
    with pytest.raises(JournalError, match="No space left"):
        writer.sync()
    with pytest.raises(JournalError, match="No space left"):
        writer.append(TEN[4:5])

    assert good == encode_line(1, TEN[0])
    assert writer.path.read_bytes() == good
    assert disk.calls[-1] == f"cut {len(good)}"
    assert len(disk.calls) == calls
    writer.close()


@pytest.mark.parametrize("fail", ["sync", "nothing"])
def test_a_failed_sync_is_never_tried_again(tmp_path: Path, fail: str) -> None:
    disk = FaultyDisk(fail, takes=1_000)
    writer = JournalWriter(tmp_path, disk=disk)
    writer.append(TEN)

    for _ in range(2):
        with pytest.raises(JournalError):
            writer.sync()

    assert disk.calls.count("sync") == (fail == "sync")
    writer.close()


def test_a_file_size_limit_of_the_real_system_is_a_journal_error(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
        writer = JournalWriter(tmp_path)
        writer.append(TEN[:1])
        writer.sync()
        writer.append(TEN[1:])
        try:
            writer.sync()
        except JournalError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    assert list(read_journal(tmp_path).records) == TEN[:1]
    assert read_journal(tmp_path).torn_bytes == 0


def test_no_state_a_crash_can_leave_loses_an_acknowledged_record_or_invents_one() -> None:
    batches = [TEN[:3], TEN[3:4], TEN[4:10]]
    acknowledged = 0
    durable = b""
    for batch in batches:
        chunk = b"".join(LINES[acknowledged : acknowledged + len(batch)])
        states = [durable + chunk[:length] for length in range(len(chunk) + 1)]
        states += [durable + b"\0" * length for length in range(len(chunk) + 1)]
        states += [durable + chunk[:length] + b"\0" * (len(chunk) - length) for length in range(len(chunk) + 1)]
        for state in states:
            decoded = decode_lines(state)
            assert list(decoded.records) == TEN[: len(decoded.records)]
            assert len(decoded.records) >= acknowledged
            assert not decoded.corrupt
        durable += chunk
        acknowledged += len(batch)


def test_a_journal_in_memory_has_the_bytes_of_the_one_on_disk(tmp_path: Path) -> None:
    memory = MemoryJournal()
    memory.append(every_kind())
    memory.sync()

    assert memory.data == written(tmp_path, every_kind()).read_bytes()
    assert memory.read() == read_journal(tmp_path)
    assert memory.read(after_seq=9) == read_journal(tmp_path, after_seq=9)


def test_a_journal_in_memory_loses_what_was_not_synced_and_goes_on() -> None:
    memory = MemoryJournal()
    memory.append([EngineStarted(1, 1, "", "missing")])
    memory.sync()
    memory.append([GroupRecorded(2, "g", 1)])

    again = MemoryJournal(memory.cut(torn_bytes=30))
    again.append([OrderPlaced(3, "a", "b")])
    again.sync()

    assert again.read().seqs == (1, 2)
    assert again.read().records == (EngineStarted(1, 1, "", "missing"), OrderPlaced(3, "a", "b"))


def test_a_full_segment_is_followed_by_a_new_one(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, segment_bytes=len(TEN_LINES) // 3)
    for record in TEN:
        writer.append([record])
        writer.sync()
    writer.close()

    names = [path.name for path in sorted(tmp_path.iterdir())]
    assert names == ["journal-000000000001.jsonl", "journal-000000000005.jsonl", "journal-000000000009.jsonl"]
    assert b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir())) == TEN_LINES
    assert read_journal(tmp_path).records == tuple(TEN)
    assert read_journal(tmp_path, after_seq=6).seqs == (7, 8, 9, 10)


def test_what_was_appended_meanwhile_does_not_shift_the_new_segments_number(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, segment_bytes=1)
    writer.append(TEN[:2])
    first = writer.take()
    writer.append(TEN[2:5])
    second = writer.take()
    writer.append(TEN[5:])
    writer.commit(first)
    writer.commit(second)
    writer.sync()
    writer.close()

    assert [path.name[-11:-6] for path in sorted(tmp_path.iterdir())] == ["00001", "00003", "00006"]
    assert read_journal(tmp_path).records == tuple(TEN)


def test_a_segment_that_cannot_be_opened_is_the_end_of_writing(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, segment_bytes=1)
    writer.append(TEN[:1])
    writer.sync()
    (tmp_path / "journal-000000000002.jsonl").mkdir()
    writer.append(TEN[1:2])

    with pytest.raises(JournalError, match="opening the next segment failed"):
        writer.sync()
    with pytest.raises(JournalError, match="opening the next segment failed"):
        writer.append(TEN[2:3])


def test_a_segment_that_housekeeping_takes_away_meanwhile_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = written(tmp_path, list(TEN[:5])), written(tmp_path, list(TEN[5:]))
    reading = Path.read_bytes

    def read_after_it_is_gone(path: Path) -> bytes:
        first.unlink(missing_ok=True)
        return reading(path)

    monkeypatch.setattr(Path, "read_bytes", read_after_it_is_gone)

    read = read_journal(tmp_path)

    assert (read.records, read.corrupt) == (tuple(TEN[5:]), ())
    assert second.exists()


def test_a_segment_that_leads_nowhere_is_an_error_and_no_endless_search(tmp_path: Path) -> None:
    written(tmp_path, list(TEN))
    (tmp_path / "journal-000000000011.jsonl").symlink_to(tmp_path / "absent")

    with pytest.raises(FileNotFoundError):
        read_journal(tmp_path)
