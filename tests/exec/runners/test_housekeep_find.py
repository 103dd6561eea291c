import errno
import json
import os
from pathlib import Path

import msgspec
import pytest

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.report import folder_name, write_evidence
from kalshi_alpha.exec.housekeep_plan import Found, Hold
from kalshi_alpha.exec.runners.housekeep_find import find, things_set
from kalshi_alpha.model.clock import iso_utc
from tests.adapters.journal_samples import every_kind, incident
from tests.exec.house_scene import DAY_NS, NOW, NOW_NS, a_days_records, ago, capture, history, segment, weeks

HOUR_NS = DAY_NS // 24
FOREVER_NS = 2**63 - 1


def noted_in(root: Path) -> Path:
    write_evidence(root, incident(), {})
    return Layout(root).incidents / folder_name(incident().incident_id)


def found(root: Path) -> Found:
    return find(root, NOW)


def drill(root: Path, document: object) -> None:
    folder = Layout(root).drills
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "restart.json").write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())


def test_nothing_is_found_in_an_empty_folder(tmp_path: Path) -> None:
    assert found(tmp_path) == Found()


def test_closed_segments_are_described_and_those_a_restart_reads_are_not_opened(tmp_path: Path) -> None:
    weeks(tmp_path)

    result = found(tmp_path)

    first = result.segments[0]
    assert [one.first_seq for one in result.segments] == [1, 8, 15, 22]
    assert (first.from_ns, first.to_ns) == (ago(40), ago(40) + 4)
    assert first.ledger == ("data/archive/ledger/2026-10.parquet",)
    assert first.records == 7
    assert first.size_bytes == (tmp_path / first.path).stat().st_size
    assert result.restart_seq == 22
    assert result.segments[3].to_ns == 0
    assert result.left == ()


def test_a_snapshot_behind_the_newest_segment_makes_a_restart_read_more(tmp_path: Path) -> None:
    segment(tmp_path, a_days_records(1, 40))
    segment(tmp_path, a_days_records(2, 30))
    capture(tmp_path)
    segment(tmp_path, a_days_records(3, 20))

    # The snapshot's last record is the 14th: a restart starts with the segment that would hold the 15th.
    assert found(tmp_path).restart_seq == 15


def test_only_what_is_in_force_is_told_of_a_segment(tmp_path: Path) -> None:
    records = a_days_records(1, 40)
    segment(tmp_path, [*records[:5], *a_days_records(2, 40)])  # no outcome, and the group was never triggered
    segment(tmp_path, a_days_records(3, 30))
    capture(tmp_path)

    assert found(tmp_path).segments[0].sets == {"group:group-1", "position:KXINXU-1"}


def test_latches_groups_orders_and_positions_are_what_records_set() -> None:
    assert sorted(things_set(tuple(every_kind()))) == [
        "group:group-7",
        "latch:operator_stop",
        "order:ka-7-000001",
        "position:KXINXU-26NOV23H1000-T6849.9999",
    ]


def test_without_a_snapshot_a_restart_reads_everything(tmp_path: Path) -> None:
    weeks(tmp_path)
    Layout(tmp_path).snapshot.unlink()

    result = found(tmp_path)

    assert (result.restart_seq, result.left) == (0, ())
    assert result.restart_why == "there is no snapshot: a restart reads every segment"


def test_a_snapshot_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    weeks(tmp_path)
    Layout(tmp_path).snapshot.write_bytes(b"{}")

    result = found(tmp_path)

    assert result.restart_seq == 0
    assert [item.path for item in result.left] == ["data/snapshot.json"]


def test_damage_in_what_a_restart_reads_is_told_and_left_alone(tmp_path: Path) -> None:
    newest = Layout(weeks(tmp_path)).journal / "journal-000000000022.jsonl"
    data = bytearray(newest.read_bytes())
    data[100] ^= 1
    newest.write_bytes(data)

    result = found(tmp_path)

    assert result.restart_seq == 0
    assert [item.path for item in result.left] == ["data/journal/journal-000000000022.jsonl"]
    assert newest.read_bytes() == data


def test_a_segment_whose_first_line_is_gone_is_in_trouble(tmp_path: Path) -> None:
    first = Layout(weeks(tmp_path)).journal / "journal-000000000001.jsonl"
    first.write_bytes(first.read_bytes().split(b"\n", 1)[1])

    assert found(tmp_path).segments[0].trouble.startswith("corrupt after byte ")


def test_a_last_record_that_is_gone_is_damage_and_no_torn_end(tmp_path: Path) -> None:
    first = Layout(weeks(tmp_path)).journal / "journal-000000000001.jsonl"
    first.write_bytes(first.read_bytes()[:-5])

    assert found(tmp_path).segments[0].trouble == "corrupt: records 7 to 7 are missing"


def test_records_that_a_start_told_lost_are_no_trouble(tmp_path: Path) -> None:
    first = Layout(weeks(tmp_path)).journal / "journal-000000000001.jsonl"
    first.write_bytes(b"torn")
    os.utime(first, ns=(5, 6))
    first.with_suffix(".jsonl.lost").touch()

    # Without a record, it is as old as its file.
    one = found(tmp_path).segments[0]
    assert (one.trouble, one.records, one.from_ns, one.to_ns) == ("", 0, 6, 6)


@pytest.mark.parametrize(("number", "told"), [(1, "segments"), (22, "left")])
def test_what_cannot_be_read_is_told(tmp_path: Path, number: int, told: str) -> None:
    path = Layout(weeks(tmp_path)).journal / f"journal-{number:012d}.jsonl"
    path.unlink()
    path.mkdir()

    result = found(tmp_path)

    reason = os.strerror(errno.EISDIR)
    assert (result.segments[0].trouble if told == "segments" else result.left[0].why) == reason


def test_a_file_in_a_folders_place_is_told_or_harmless(tmp_path: Path) -> None:
    weeks(tmp_path)
    Layout(tmp_path).incidents.mkdir(parents=True)
    (Layout(tmp_path).incidents / "notes.txt").write_text("of an operator")
    Layout(tmp_path).drills.write_text("no folder")

    assert found(tmp_path).holds == ()


def test_history_and_archives_are_known_by_their_names(tmp_path: Path) -> None:
    history(tmp_path, "2026-11-20")
    history(tmp_path, "2026-13-20")
    history(tmp_path, "notes")
    archive = Layout(tmp_path).archive
    for name in ("journal/journal-000000000015_2026-11-19_2026-11-21.parquet", "monitors/2026-11-20.parquet", "monitors/x.parquet"):
        (archive / name).parent.mkdir(parents=True, exist_ok=True)
        (archive / name).write_bytes(b"four")
    (archive / "monitors" / ".2026-11-20.parquet.tmp").write_bytes(b"five!")

    result = found(tmp_path)

    day_ns = NOW_NS - NOW_NS % DAY_NS - 6 * DAY_NS
    assert [(one.path, one.day_ns) for one in result.histories] == [("reports/_artifacts/monitors/history/2026-11-20.jsonl", day_ns)]
    assert [(one.kind, one.from_ns, one.to_ns, one.size_bytes) for one in result.archives] == [
        ("journal", day_ns - DAY_NS, day_ns + 2 * DAY_NS, 4),
        ("monitors", day_ns, day_ns + DAY_NS, 4),
    ]
    assert [(one.path, one.size_bytes) for one in result.temporaries] == [("data/archive/monitors/.2026-11-20.parquet.tmp", 5)]


def test_an_incident_is_open_while_its_facts_or_a_mark_say_so(tmp_path: Path) -> None:
    noted = noted_in(tmp_path)
    assert found(tmp_path).holds == ()

    facts = json.loads((noted / "facts.json").read_text())
    (noted / "facts.json").write_text(json.dumps({**facts, "closed_at": None}))
    by_facts = found(tmp_path).holds
    (noted / "facts.json").write_text(json.dumps({**facts, "closed_at": iso_utc(NOW_NS)}))
    closed = found(tmp_path).holds
    (noted / "open").touch()
    by_mark = found(tmp_path).holds

    at_ns = incident().utc_ns
    assert by_facts == by_mark == (Hold("the open incident 7-001-feed", at_ns - HOUR_NS, FOREVER_NS),)
    assert closed == ()


def test_an_open_incident_without_a_time_needs_everything(tmp_path: Path) -> None:
    folder = Layout(tmp_path).incidents / "by-hand"
    folder.mkdir(parents=True)
    (folder / "open").touch()

    assert found(tmp_path).holds == (Hold("the open incident by-hand", 0, FOREVER_NS),)


@pytest.mark.parametrize("where", ["incident", "drill"])
def test_evidence_that_cannot_be_read_holds_everything(tmp_path: Path, where: str) -> None:
    if where == "drill":
        drill(tmp_path, b"{")
    else:
        (noted_in(tmp_path) / "facts.json").write_bytes(b"{")

    result = found(tmp_path)

    [hold] = result.holds
    assert (hold.from_ns, hold.to_ns) == (0, FOREVER_NS)
    assert "unreadable, so nothing is retired" in result.left[0].why


def test_a_drill_record_needs_its_time_and_the_files_it_names(tmp_path: Path) -> None:
    path = "data/journal/journal-000000000001.jsonl"
    begun, ended = "2026-10-17T03:00:00-04:00", "2026-10-17T07:30:00+00:00"
    drill(tmp_path, {"drill": "restart", "runs": [{"at": ended, "journal": path, "s": 0.4}, {"at": begun}], "note": "2026-10-17T99:00:00Z"})

    [hold] = found(tmp_path).holds

    seven_utc_ns = 1_792_220_400_000_000_000
    assert (hold.from_ns, hold.to_ns) == (seven_utc_ns - HOUR_NS // 12, seven_utc_ns + HOUR_NS // 2 + HOUR_NS // 12)
    assert path in hold.paths


def test_a_drill_record_without_a_time_holds_only_what_it_names(tmp_path: Path) -> None:
    drill(tmp_path, {"drill": "restart", "files": ["x"], "naive": "2026-10-17T03:00:00"})

    [hold] = found(tmp_path).holds

    assert hold.to_ns < hold.from_ns
    assert msgspec.structs.asdict(hold)["why"] == "the drill record restart.json"
