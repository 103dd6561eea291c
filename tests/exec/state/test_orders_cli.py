"""The command that shows the outstanding orders, without an engine; with one it is tested live."""

from pathlib import Path

import msgspec
import pytest

from kalshi_alpha import cli
from kalshi_alpha.adapters.files import FileSnapshotStore, Layout
from kalshi_alpha.adapters.journal import JournalWriter, read_journal
from kalshi_alpha.adapters.stop_request import read_stop_request
from kalshi_alpha.exec.state.orders_cli import Outstanding, main
from kalshi_alpha.model.records import LatchSet, OrderIntended, Record
from kalshi_alpha.sched.hotrestart import HotRestartManager
from tests.exec.harness import quoting


def shown(root: Path, capfd: pytest.CaptureFixture[str]) -> Outstanding:
    assert main(["--json", "--root", str(root)]) == 0
    return msgspec.json.decode(capfd.readouterr().out, type=Outstanding)


def journalled(root: Path, *records: Record) -> None:
    folder = Layout(root).journal
    writer = JournalWriter(folder, read_journal(folder), snapshot_seq=0)
    writer.append(records)
    writer.sync()
    writer.close()


def test_a_first_run_has_nothing_outstanding(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = shown(tmp_path, capfd)
    main(["--root", str(tmp_path)])

    assert (found.source, found.outstanding, found.latches, found.as_of) == ("disk", 0, (), None)
    assert capfd.readouterr().out == "0 orders outstanding: no engine runs here; as it was left (no snapshot)\nlatches: none\n"


def test_what_the_last_engine_left_is_shown_from_its_journal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    intent = quoting().live("resting")[0].intent
    journalled(tmp_path, OrderIntended(1, intent), LatchSet(2, "operator_stop", "anna", "STOP"))

    found = shown(tmp_path, capfd)
    main(["--root", str(tmp_path)])
    text = capfd.readouterr().out

    assert [(order.client_order_id, order.ticker, order.price) for order in found.orders] == [
        (intent.client_order_id, intent.ticker, f"{intent.price_e4 / 10_000:.4f}")
    ]
    assert found.latches == ("operator_stop",)
    assert text.startswith("1 orders outstanding: no engine runs here")
    assert intent.ticker in text


def test_the_snapshot_counts_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rig = quoting()
    Layout(tmp_path).snapshot.parent.mkdir(parents=True)
    HotRestartManager(FileSnapshotStore(Layout(tmp_path).snapshot)).capture(rig.engine.snapshot(rig.now, 0))

    found = shown(tmp_path, capfd)

    assert found.outstanding == len(rig.live())
    assert found.as_of is not None


def test_a_cancel_all_without_an_engine_waits_for_its_next_start(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(cli.UnreachableError, match="a STOP is left for the next start"):
        main(["--mark-cancel-all", "drill", "--root", str(tmp_path)])

    waiting = read_stop_request(tmp_path)
    assert waiting is not None
    assert waiting.reason == "cancel-all: drill"
    assert shown(tmp_path, capfd).stop_waits
    main(["--root", str(tmp_path)])
    assert "a STOP waits for the next start" in capfd.readouterr().out


def test_where_not_even_a_stop_can_be_left_both_are_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")

    with pytest.raises(cli.UnreachableError, match="no STOP could be left"):
        main(["--mark-cancel-all", "drill", "--root", str(tmp_path)])


def test_clearing_needs_an_engine(tmp_path: Path) -> None:
    with pytest.raises(cli.UnreachableError, match="no engine runs here"):
        main(["--clear", "drill", "--root", str(tmp_path)])


@pytest.mark.parametrize("reason", ["", " ", "x" * 101, "a\nb"])
def test_a_reason_nobody_could_type_again_is_refused(reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--mark-cancel-all", reason, "--root", str(tmp_path)])

    assert ended.value.code == cli.EXIT_USAGE
    assert "not a reason" in capfd.readouterr().err


def test_a_damaged_snapshot_doesnt_read_as_no_orders(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Layout(tmp_path).snapshot.parent.mkdir(parents=True)
    Layout(tmp_path).snapshot.write_bytes(b"half a snap")

    assert main(["--root", str(tmp_path)]) == cli.EXIT_NO
    assert f"DAMAGED: {Layout(tmp_path).snapshot}" in capfd.readouterr().out


def test_a_journal_that_cant_be_read_is_one_line(tmp_path: Path) -> None:
    Layout(tmp_path).journal.parent.mkdir(parents=True)
    Layout(tmp_path).journal.write_text("a file")

    with pytest.raises(cli.UsageError):
        main(["--root", str(tmp_path)])
