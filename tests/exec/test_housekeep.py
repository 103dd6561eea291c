import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from typing_extensions import override

from kalshi_alpha.adapters.archive import history_of, journal_of, ledger_of
from kalshi_alpha.adapters.files import Layout, lock_folder
from kalshi_alpha.adapters.journal import JournalWriter, decode_lines, read_journal
from kalshi_alpha.adapters.ledger_rows import ledger_rows
from kalshi_alpha.cli import UsageError
from kalshi_alpha.exec.housekeep import Manifest, keep_house, main
from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.exec.runners.housekeep_files import SystemFiles
from kalshi_alpha.model import records as r
from tests.adapters.journal_samples import chained
from tests.exec.house_scene import (
    NOW,
    NOW_TEXT,
    KilledError,
    RehearsedFiles,
    a_days_records,
    ago,
    capture,
    full,
    history,
    killed,
    line,
    segment,
    tree,
    weeks,
)

OLDEST, OLD, RECENT, NEWEST = (f"data/journal/journal-{number:012d}.jsonl" for number in (1, 8, 15, 22))
RECENT_ARCHIVE = "data/archive/journal/journal-000000000015_2026-11-21_2026-11-21.parquet"
LEDGERS = ("data/archive/ledger/2026-10.parquet", "data/archive/ledger/2026-11.parquet")
HISTORIES = tuple(f"reports/_artifacts/monitors/history/{day}.jsonl" for day in ("2026-10-15", "2026-11-20", "2026-11-26"))
UNTOUCHED = (
    NEWEST,
    HISTORIES[2],
    "data/snapshot.json",
    "reports/_artifacts/monitors/freshness.json",
    "reports/_artifacts/monitors/ev_gap.json",
)
OUR_OWN = ("data/archive/manifest.json", "data/archive/lock")


def kept(root: Path, files: SystemFiles | None = None, *, dry_run: bool = False) -> Manifest:
    return keep_house(root, NOW, 30, files or SystemFiles(), dry_run=dry_run)


def of_others(files: dict[str, bytes]) -> dict[str, bytes]:
    return {path: data for path, data in files.items() if path not in OUR_OWN}


def assert_nothing_is_lost(root: Path, before: dict[str, bytes]) -> None:
    after = tree(root)
    assert {path: after[path] for path in UNTOUCHED} == {path: before[path] for path in UNTOUCHED}
    # Five days old: its bytes are there, the one way or the other.
    if after.get(RECENT) != before[RECENT]:
        assert journal_of(after[RECENT_ARCHIVE]) == before[RECENT]
    # Every fill and every settlement is in a segment or in the ledger.
    booked = {row for path in LEDGERS if path in after for row in ledger_of(after[path])}
    for path in (OLDEST, OLD, RECENT):
        decoded = decode_lines(before[path])
        assert path in after or set(ledger_rows(decoded.seqs, decoded.records)) <= booked
    # What a restart reads is whole, with and without its snapshot.
    read = read_journal(root / "data" / "journal")
    assert not read.corrupt
    assert (read.last_seq, recover(None, read.records).problems) == (28, ())


def test_old_segments_go_and_recent_ones_become_parquet(tmp_path: Path) -> None:
    before = tree(weeks(tmp_path))

    manifest = kept(tmp_path)

    after = tree(tmp_path)
    assert [(action.does, action.path) for action in manifest.actions] == [
        ("retire", OLDEST),
        ("retire", OLD),
        ("compact", RECENT),
        ("retire", HISTORIES[0]),
        ("compact", HISTORIES[1]),
    ]
    assert manifest.left == ()
    assert set(after) == {*UNTOUCHED, *LEDGERS, *OUR_OWN, RECENT_ARCHIVE, "data/archive/monitors/2026-11-20.parquet"}
    assert_nothing_is_lost(tmp_path, before)
    assert [row.kind for path in LEDGERS for row in ledger_of(after[path])] == ["fill", "settlement"] * 3
    assert msgspec.json.decode(after["data/archive/manifest.json"], type=Manifest) == manifest
    assert {one.path for one in manifest.archives} == {*LEDGERS, RECENT_ARCHIVE, "data/archive/monitors/2026-11-20.parquet"}


def test_a_dry_run_lists_what_the_run_does_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(weeks(tmp_path))
    arguments = ["--keep-days", "30", "--root", str(tmp_path), "--now", NOW_TEXT]

    codes = [main([*arguments, "--dry-run", "--json"])]
    after_dry_run = tree(tmp_path)
    codes.append(main([*arguments, "--json"]))

    documents = capsys.readouterr().out.split("\n}\n")
    dry, wet = (json.loads(text + "\n}") for text in documents[:2])
    assert codes == [0, 0]
    assert after_dry_run == before
    assert len(wet["actions"]) == 5
    assert (dry["actions"], dry["kept"], dry["left"]) == (wet["actions"], wet["kept"], wet["left"])
    assert (dry["dry_run"], wet["dry_run"]) == (True, False)


def test_the_second_run_does_nothing(tmp_path: Path) -> None:
    weeks(tmp_path)
    kept(tmp_path)
    between = of_others(tree(tmp_path))

    second = kept(tmp_path)

    assert (second.actions, second.left) == ((), ())
    assert of_others(tree(tmp_path)) == between


def steps_of_a_run(root: Path) -> int:
    files = RehearsedFiles(-1, killed)
    kept(weeks(root), files)
    return files.step


def test_killed_at_any_step_it_loses_nothing_and_the_next_run_ends_the_work(tmp_path: Path) -> None:
    steps = steps_of_a_run(tmp_path / "whole")
    whole = of_others(tree(tmp_path / "whole"))
    assert steps > 30

    for step in range(steps):
        root = tmp_path / str(step)
        before = tree(weeks(root))
        with pytest.raises(KilledError):
            kept(root, RehearsedFiles(step, killed))

        assert_nothing_is_lost(root, before)
        assert kept(root).left == ()
        assert of_others(tree(root)) == whole


@pytest.mark.parametrize("lasting", [False, True])
def test_on_a_full_disk_it_loses_nothing_and_says_what_is_left(tmp_path: Path, *, lasting: bool) -> None:
    steps = steps_of_a_run(tmp_path / "whole")
    whole = of_others(tree(tmp_path / "whole"))

    for step in range(steps):
        root = tmp_path / str(step)
        before = tree(weeks(root))
        files = RehearsedFiles(step, full, lasting=lasting)
        manifest = kept(root, files)

        assert [item.why for item in manifest.left if "No space left on device" in item.why], files.calls[step]
        assert_nothing_is_lost(root, before)
        assert not [path for path in tree(root) if path.endswith(".tmp")]
        assert kept(root).left == ()
        assert of_others(tree(root)) == whole


@contextmanager
def no_room_for_a_single_byte() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_without_room_for_a_single_byte_it_still_frees_what_needs_no_copy(tmp_path: Path) -> None:
    before = tree(weeks(tmp_path))
    old_archive = tmp_path / "data/archive/monitors/2026-09-01.parquet"
    old_archive.parent.mkdir(parents=True)
    old_archive.write_bytes(b"old")

    with no_room_for_a_single_byte():
        manifest = kept(tmp_path)

    assert not old_archive.exists()
    assert not (tmp_path / HISTORIES[0]).exists()
    assert [item.path for item in manifest.left] == [OLDEST, OLD, RECENT, HISTORIES[1], "data/archive/manifest.json"]
    assert_nothing_is_lost(tmp_path, before)


def test_a_segment_that_turns_corrupt_after_the_look_at_it_stays(tmp_path: Path) -> None:
    weeks(tmp_path)
    recent = tmp_path / RECENT

    class Decaying(SystemFiles):
        @override
        def remove(self, path: Path) -> None:
            super().remove(path)
            recent.write_bytes(b"x" + recent.read_bytes())

    (item,) = [item for item in kept(tmp_path, Decaying()).left if item.path == RECENT]

    assert item.why == "it had 7 records when it was looked at and now has 0 up to byte 0"


def test_an_archive_that_cannot_be_read_has_no_checksum(tmp_path: Path) -> None:
    weeks(tmp_path)
    (tmp_path / "data/archive/ledger/2026-09.parquet").mkdir(parents=True)

    manifest = kept(tmp_path)

    assert manifest.left == ()
    assert ("data/archive/ledger/2026-09.parquet", 0, "") in [(one.path, one.size_bytes, one.sha256) for one in manifest.archives]


def test_a_copy_that_does_not_read_back_costs_no_original(tmp_path: Path) -> None:
    class Forgetful(SystemFiles):
        @override
        def store(self, path: Path, data: bytes) -> None:
            super().store(path, data[:-20] + bytes(20))

    before = tree(weeks(tmp_path))

    manifest = kept(tmp_path, Forgetful())

    assert [item.path for item in manifest.left] == [OLDEST, OLD, RECENT, HISTORIES[1]]
    assert {path: data for path, data in tree(tmp_path).items() if "archive" not in path} == {
        path: data for path, data in before.items() if path != HISTORIES[0]
    }


def test_a_real_kill_leaves_what_the_next_run_can_finish(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.exec.house_scene import RehearsedFiles\n"
        "from kalshi_alpha.exec.housekeep import main\n"
        "die = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        "main(['--root', sys.argv[1], '--now', sys.argv[2]], RehearsedFiles(int(sys.argv[3]), die))\n"
    )
    steps = steps_of_a_run(tmp_path / "whole")
    whole = of_others(tree(tmp_path / "whole"))

    for step in range(1, steps, 12):
        root = tmp_path / str(step)
        before = tree(weeks(root))
        ended = subprocess.run(
            [sys.executable, "-c", script, str(root), NOW_TEXT, str(step)],
            capture_output=True,
            check=False,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": "."},
            timeout=60,
        )

        assert ended.returncode == -9, ended.stderr.decode()
        assert_nothing_is_lost(root, before)
        assert kept(root).left == ()
        assert of_others(tree(root)) == whole


def test_it_spares_the_segment_that_a_running_process_writes(tmp_path: Path) -> None:
    layout = Layout(weeks(tmp_path))
    with lock_folder(layout.state):
        writer = JournalWriter(layout.journal)  # a new start, later than the snapshot
        writer.append([r.EngineStarted(ago(0), 5, "cafe", "stale")])
        writer.sync()

        manifest = kept(tmp_path)
        writer.append([r.GroupRecorded(ago(0), "group-5", 5)])
        writer.sync()
        writer.close()

    assert manifest.left == ()
    assert [action.path for action in manifest.actions if action.kind == "journal"] == [OLDEST, OLD, RECENT]
    assert [type(record).__name__ for record in read_journal(layout.journal, after_seq=28).records] == ["EngineStarted", "GroupRecorded"]


def test_a_latch_of_long_ago_that_is_still_in_force_keeps_its_segment(tmp_path: Path) -> None:
    segment(tmp_path, a_days_records(1, 60))
    segment(tmp_path, [r.LatchSet(ago(50), "operator_stop", "ann", "a long holiday")])
    segment(tmp_path, a_days_records(2, 40))
    capture(tmp_path)
    (tmp_path / "data" / "snapshot.json").chmod(0o600)

    manifest = kept(tmp_path)

    assert [action.path for action in manifest.actions] == [OLDEST]
    assert manifest.kept[0].why == "holds what is in force: latch:operator_stop"
    # A start that finds no snapshot at all still knows of the STOP.
    (tmp_path / "data" / "snapshot.json").unlink()
    assert recover(None, read_journal(tmp_path / "data" / "journal").records).latches == (("operator_stop", "ann", "a long holiday"),)


def test_a_corrupt_segment_and_all_after_it_are_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(weeks(tmp_path))
    flipped = bytearray(before[OLD])
    flipped[200] ^= 1
    (tmp_path / OLD).write_bytes(flipped)

    code = main(["--root", str(tmp_path), "--now", NOW_TEXT])

    said = capsys.readouterr().out
    assert code == 1
    assert f"left  {OLD}: corrupt after byte " in said
    assert (tmp_path / OLD).read_bytes() == flipped
    assert (tmp_path / RECENT).read_bytes() == before[RECENT]
    assert not (tmp_path / OLDEST).exists()


def test_a_ledger_that_cannot_be_read_keeps_the_segments_that_belong_to_it(tmp_path: Path) -> None:
    before = tree(weeks(tmp_path))
    spoilt = tmp_path / LEDGERS[0]
    spoilt.parent.mkdir(parents=True)
    spoilt.write_bytes(b"PAR1 no ledger PAR1")

    manifest = kept(tmp_path)

    assert manifest.left[0].path == OLDEST
    assert manifest.left[0].why.startswith(f"{LEDGERS[0]}: not a readable Parquet file")
    assert [item.why for item in manifest.left[1:]] == [f"comes after {OLDEST}, which had to stay"] * 2
    after = tree(tmp_path)
    assert {path: after[path] for path in (OLDEST, OLD, RECENT)} == {path: before[path] for path in (OLDEST, OLD, RECENT)}
    assert spoilt.read_bytes() == b"PAR1 no ledger PAR1"


@pytest.mark.parametrize("taken", ["journal", "history"])
def test_an_original_that_changes_meanwhile_stays(tmp_path: Path, taken: str) -> None:
    changed = tmp_path / (RECENT if taken == "journal" else HISTORIES[1])

    class Busy(SystemFiles):
        @override
        def rename(self, path: Path, target: Path) -> None:
            super().rename(path, target)
            with changed.open("ab") as file:
                file.write(b"more\n")

    weeks(tmp_path)

    manifest = kept(tmp_path, Busy())

    assert [(item.path, item.why) for item in manifest.left if tmp_path / item.path == changed] == [
        (changed.relative_to(tmp_path).as_posix(), "it changed while it was copied")
    ]
    assert changed.read_bytes().endswith(b"more\n")


def test_a_day_that_is_written_again_after_it_was_archived_loses_no_line(tmp_path: Path) -> None:
    weeks(tmp_path)
    kept(tmp_path)
    history(tmp_path, "2026-11-20", line("2026-11-20", 59))

    manifest = kept(tmp_path)

    whole = line("2026-11-20") + line("2026-11-20", 1) + line("2026-11-20", 59)
    assert [action.path for action in manifest.actions] == [HISTORIES[1]]
    assert history_of((tmp_path / "data/archive/monitors/2026-11-20.parquet").read_bytes()) == whole


def test_another_segment_of_the_same_name_in_the_archive_is_never_overwritten(tmp_path: Path) -> None:
    weeks(tmp_path)
    kept(tmp_path)
    archived = (tmp_path / RECENT_ARCHIVE).read_bytes()
    other = b"".join(chained(a_days_records(9, 5), 15))
    (tmp_path / RECENT).write_bytes(other)

    manifest = kept(tmp_path)

    assert [(item.path, item.why) for item in manifest.left] == [(RECENT, f"{RECENT_ARCHIVE}: holds another segment of this name")]
    assert (tmp_path / RECENT_ARCHIVE).read_bytes() == archived
    assert (tmp_path / RECENT).read_bytes() == other


def test_an_empty_folder_needs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path), "--dry-run"]) == 0
    assert tree(tmp_path) == {}
    assert main(["--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "nothing to do\n" * 2
    assert set(tree(tmp_path)) == set(OUR_OWN)


def test_two_at_a_time_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(weeks(tmp_path))

    with lock_folder(Layout(tmp_path).archive):
        code = main(["--root", str(tmp_path), "--now", NOW_TEXT])

    assert code == 1
    assert f"in use by process {os.getpid()}" in capsys.readouterr().out
    assert {path: data for path, data in tree(tmp_path).items() if path not in OUR_OWN} == before


def test_a_folder_where_the_lock_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")

    manifest = kept(tmp_path)

    assert manifest.left[0].why == os.strerror(errno.EEXIST)


@pytest.mark.parametrize("nonsense", ["0", "-1", "thirty", "1e3", "36501", "3.5", "", "٣"])
def test_keep_days_that_make_no_sense_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], nonsense: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--root", str(tmp_path), f"--keep-days={nonsense}"])

    said = capsys.readouterr().err
    assert exit_.value.code == 2
    assert f"not a number of days from 1 to 36500: {nonsense!r}" in said
    assert said.count("\n") == 1


def test_a_root_that_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        main(["--root", str(tmp_path / "absent")])


def test_the_trading_process_never_loads_the_parquet_library() -> None:
    code = "import sys, kalshi_alpha.exec.runners.trade, kalshi_alpha.exec.housekeep; print([m for m in sys.modules if 'pyarrow' in m])"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout

    assert said == "[]\n"
