"""``kalshi-alpha ledger``: the sums, a query, and what is wrong in one line."""

import json
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from kalshi_alpha import cli
from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.exec.runners.ledger import main
from kalshi_alpha.model import records as r
from tests.adapters.journal_samples import TICKER, every_kind, fill, intent
from tests.adapters.test_ledger_db import journal


def test_the_sums_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sold = fill(2, "ask", 6_000)
    journal(tmp_path, [r.OrderIntended(1, intent(1)), r.FillBooked(2, fill(1)), r.FillBooked(3, sold)])

    assert main(["--root", str(tmp_path)]) == 0
    first = capsys.readouterr().out
    assert main(["--root", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)

    assert f"ledger       {tmp_path}/data/ledger.db, up to record 3, 3 of them new\n" in first
    assert "orders       1, of which 1 haven't ended\n" in first
    assert "fills        2, 8.00 contracts, fees " in first
    realised_e6 = 400 * (6_000 - 5_000) - fill(1).fee_e6 - sold.fee_e6
    assert document["realised_usd"] == f"{realised_e6 / 1e6:.2f}"
    assert (document["held_markets"], document["state"]["new_records"]) == (0, 0)


def test_a_query_is_answered_as_a_table_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal(tmp_path, [r.FillBooked(2, fill(1)), r.EngineStarted(3, 7, "cafe", "fresh")])
    query = "SELECT ticker, count_e2, NULL AS result FROM fills"

    assert main(["--root", str(tmp_path), "--sql", query]) == 0
    table = capsys.readouterr().out
    assert main(["--root", str(tmp_path), "--sql", query, "--json"]) == 0

    assert table == f"ticker\tcount_e2\tresult\n{TICKER}\t400\t\n"
    assert json.loads(capsys.readouterr().out) == [{"ticker": TICKER, "count_e2": 400, "result": None}]


def test_an_empty_folder_has_an_empty_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path)]) == 0

    assert "up to record 0, 0 of them new\norders       0, of which 0 haven't ended" in capsys.readouterr().out


def test_a_rebuild_and_lost_records_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal(tmp_path, every_kind())
    journal(tmp_path, every_kind(), first_seq=len(every_kind()) + 3)

    assert main(["--root", str(tmp_path), "--rebuild"]) == 0

    out = capsys.readouterr().out
    assert "built anew   asked for\n" in out
    assert "MISSING      2 records that are in neither journal nor archive\n" in out


@pytest.mark.parametrize("flags", [["--sql", "SELECT sum(price_e4) FROM orders"], []], ids=["query", "sums"])
def test_a_damaged_place_that_a_query_meets_is_built_anew_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    journal(tmp_path, [r.OrderIntended(number, intent(number)) for number in range(1, 400)])
    main(["--root", str(tmp_path)])
    path = Layout(tmp_path).ledger
    capsys.readouterr()
    with closing(apsw.Connection(str(path))) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = 'orders'"
        at = 4_096 * (connection.execute(query).get - 1)
    data = path.read_bytes()
    path.write_bytes(data[:at] + b"\xff" * 4_096 + data[at + 4_096 :])

    assert main(["--root", str(tmp_path), *flags]) == 0

    out, err = capsys.readouterr()
    assert "built anew   it was damaged: " in (err if flags else out)
    assert (err if flags else out).count("built anew") == 1
    if flags:
        assert out == f"sum(price_e4)\n{399 * 5_000}\n"
    assert main(["--root", str(tmp_path)]) == 0
    assert "built anew" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "named"),
    [(["--sql", "SELEC"], "syntax error"), (["--sql", "DELETE FROM fills"], "readonly"), (["--sql", "CREATE TABLE x(y)"], "readonly")],
)
def test_a_query_that_cant_be_answered_is_one_line(tmp_path: Path, flags: list[str], named: str) -> None:
    with pytest.raises(cli.UsageError, match=named):
        main(["--root", str(tmp_path), *flags])


def test_a_folder_that_isnt_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(cli.UsageError, match=r"absent.: no such folder"):
        main(["--root", str(tmp_path / "absent")])
