"""A drill's record: its figures, its histogram, what it must not leave behind, and bad input."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from kalshi_alpha import cli
from kalshi_alpha.adapters.drill_records import keep_drill, last_drills
from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.journal import JournalRead, JournalWriter
from kalshi_alpha.model.drills import DrillRecord
from kalshi_alpha.model.orders import Fill
from kalshi_alpha.model.records import FillBooked, OrderIntended, Record
from kalshi_alpha.sim.drill import as_text, histogram, main
from kalshi_alpha.sim.drill_verdict import broken_after_restarts
from kalshi_alpha.sim.script import DEMO_DAY, DayScript
from tests.adapters.journal_samples import intent
from tests.sim.test_checkers import SCRIPT, event

RECORD = DrillRecord("restart", "2026-11-23T14:00:00+00:00", 3, True, 0.8, 1.2, 1.2, 1.0, 0, (), (0.8, 0.7, 1.2), "SIGKILL")


def test_the_record_is_kept_as_the_latest_and_by_its_time(tmp_path: Path) -> None:
    latest = keep_drill(tmp_path, RECORD)

    found = sorted(path.name for path in latest.parent.iterdir())
    assert found == ["restart-2026-11-23T140000+0000.json", "restart.json"]
    document = json.loads(latest.read_text())
    assert {"drill", "runs", "passed", "p50_s", "p99_s", "max_s", "failures"} <= document.keys()
    assert document["times_s"] == [0.8, 0.7, 1.2]


def test_the_latest_of_each_drill_is_read_and_what_cant_be_is_none(tmp_path: Path) -> None:
    assert last_drills(tmp_path) == ()

    keep_drill(tmp_path, RECORD)
    keep_drill(tmp_path, replace(RECORD, at_utc="2026-11-24T14:00:00+00:00"))
    stop = keep_drill(tmp_path, replace(RECORD, drill="stop"))

    assert [(one.drill, one.at_utc[:10]) for one in last_drills(tmp_path)] == [("restart", "2026-11-24"), ("stop", "2026-11-23")]
    stop.write_text(stop.read_text()[:-20])
    assert [one.drill for one in last_drills(tmp_path)] == ["restart"]


def test_the_histogram_counts_every_time() -> None:
    lines = histogram((0.5, 0.5, 0.5, 1.7))

    assert [int(line.split()[-1]) for line in lines] == [3, *[0] * 10, 1]
    assert lines[0].count("#") == 40
    assert lines[-1].startswith("   1.600 s #")
    assert histogram((0.7,))[0].endswith(" 1")


def test_a_failure_is_told_in_the_text() -> None:
    text = as_text(DrillRecord("restart", "", 0, False, None, None, None, 1.0, 0, ("run 1: nothing new rests",), (), ""))

    assert text.startswith("drill     restart: 0 kills, FAILED\n")
    assert "failure   run 1: nothing new rests" in text


@pytest.mark.parametrize(("flags", "named"), [(["--runs", "0"], "--runs 0"), (["--round-trip-ms", "1001"], "--round-trip-ms 1001")])
def test_bad_numbers_are_refused_by_name(tmp_path: Path, flags: list[str], named: str) -> None:
    with pytest.raises(cli.UsageError, match=named):
        main(["restart", *flags, "--root", str(tmp_path / "run")])


@pytest.mark.parametrize("flags", [["restart", "--all"], ["restart", "--frozen"], ["stop", "--all", "--frozen"]])
def test_only_stop_takes_all_or_frozen(flags: list[str]) -> None:
    with pytest.raises(cli.UsageError, match="--all or --frozen"):
        main(flags)


def fill(trade_id: str, ticker: str = "KXINXU-X-T1") -> Fill:
    return Fill(trade_id, "v-5-1", "5-1", ticker, "bid", 5_000, 1_000, 0, is_taker=False, ts_ms=1_795_444_200_000)


def folder(root: Path, *records: Record) -> Path:
    layout = Layout(root)
    layout.journal.mkdir(parents=True)
    journal = JournalWriter(layout.journal, JournalRead((), (), 0, 0, ()), snapshot_seq=0)
    journal.append(records)
    journal.commit(journal.take())
    journal.close()
    return root


LOG = [event(1, "accepted"), event(2, "filled", remaining_e2=0)]
SCRIPT_OF_ONE = DayScript(1, DEMO_DAY.isoformat(), SCRIPT.windows[:1])


def intended() -> OrderIntended:
    return OrderIntended(1, replace(intent(), client_order_id="5-1"))


def test_a_clean_folder_breaks_nothing(tmp_path: Path) -> None:
    assert broken_after_restarts(folder(tmp_path, intended(), FillBooked(2, fill("t1"))), LOG, SCRIPT_OF_ONE) == []


def test_what_is_missing_doubled_or_different_is_named(tmp_path: Path) -> None:
    log = [*LOG, event(3, "accepted", 2), event(4, "accepted", 2)]
    records = (intended(), FillBooked(2, fill("t1")), FillBooked(2, fill("t1")), FillBooked(3, fill("t2", "KXINXU-X-T9")))

    found = "\n".join(broken_after_restarts(folder(tmp_path, *records), log, SCRIPT_OF_ONE))

    assert "order 5-2 was accepted and is in no journal" in found
    assert "order 5-2 was accepted 2 times" in found
    assert "order v-5-2 was left resting" in found
    assert "trade t1 is booked 2 times" in found
    assert "the venue filled 1 times, the journal booked 2" in found
    assert "KXINXU-X-T9: the venue holds 0.0, the ledger 10.0" in found
    assert "cash: the venue's -5000000, the ledger's -10000000 (1e-6 dollars)" in found
