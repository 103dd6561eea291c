"""The read model: the same however it was built, thrown away when it can't be trusted, whole whatever happens while it is built."""

import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_alpha.adapters import ledger_db
from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.journal import segment_path
from kalshi_alpha.adapters.ledger_db import LedgerError, ask, bring_up_to_date
from kalshi_alpha.adapters.ledger_schema import TABLES
from kalshi_alpha.exec.housekeep import keep_house
from kalshi_alpha.exec.runners.housekeep_files import SystemFiles
from kalshi_alpha.model import records as r
from kalshi_alpha.model.records import Record
from tests.adapters.journal_samples import chained, every_kind, fill, incident, intent
from tests.exec.house_scene import NOW, weeks

Tables = dict[str, list[tuple[object, ...]]]


def journal(root: Path, records: list[Record], first_seq: int = 1) -> None:
    path = segment_path(Layout(root).journal, first_seq)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(chained(records, first_seq)))


def tables(root: Path) -> Tables:
    return {name: list(ask(root, f"SELECT * FROM {name} ORDER BY 1")[1]) for name in (*TABLES, "position", "markets")}


def days(number: int) -> list[Record]:
    """Return a life of an order in four records."""
    client_id = f"ka-7-{number:06d}"
    return [
        r.OrderIntended(10 * number, intent(number)),
        r.OrderPlaced(10 * number + 1, client_id, f"order-{number}"),
        r.FillBooked(10 * number + 2, fill(number)),
        r.OrderClosed(10 * number + 3, client_id, "executed"),
    ]


def test_every_kind_of_record_is_taken_in(tmp_path: Path) -> None:
    journal(tmp_path, every_kind())

    state = bring_up_to_date(tmp_path)

    found = tables(tmp_path)
    assert (state.seq, state.new_records, state.built_anew, state.missing) == (len(every_kind()), len(every_kind()), "", 0)
    assert all(found[name] for name in TABLES)
    noted = [record for record in every_kind() if isinstance(record, r.IncidentNoted)]
    assert [row[2] for row in found["incidents"]] == [record.incident_id for record in noted]


def test_an_orders_life_is_one_row_and_what_it_traded_is_the_markets_money(tmp_path: Path) -> None:
    bought, sold = fill(1), fill(2, "ask", 6_000, count_e2=100)
    journal(tmp_path, [*days(1), r.FillBooked(50, sold), r.MarketSettledBooked(60, bought.ticker, "yes", 300, 3_000_000)])

    bring_up_to_date(tmp_path)

    query = "SELECT order_id, intended_ns, placed_ns, ended_ns, ended_by FROM orders"
    assert ask(tmp_path, query)[1] == [("order-1", 10, 11, 13, "executed")]
    assert ask(tmp_path, "SELECT held_e2, cash_e6, is_settled FROM markets") == (
        ("held_e2", "cash_e6", "is_settled"),
        [(0, -400 * 5_000 + 100 * 6_000 + 3_000_000, 1)],
    )


def test_an_order_whose_end_is_not_known_is_open(tmp_path: Path) -> None:
    journal(tmp_path, [*days(1), *days(2)[:2]])

    bring_up_to_date(tmp_path)

    assert ask(tmp_path, "SELECT client_order_id FROM open_orders")[1] == [("ka-7-000002",)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=4))
def test_built_in_steps_or_at_once_it_is_the_same(tmp_path_factory: pytest.TempPathFactory, stops: list[int]) -> None:
    stepwise, at_once = tmp_path_factory.mktemp("stepwise"), tmp_path_factory.mktemp("at_once")
    records = [*every_kind(), *days(8), *days(9), incident(9)]
    for stop in [*sorted(stops), len(records)]:
        journal(stepwise, records[:stop])
        bring_up_to_date(stepwise)
    journal(at_once, records)
    state = bring_up_to_date(at_once)

    again = bring_up_to_date(stepwise)

    assert tables(stepwise) == tables(at_once)
    assert (again.seq, again.new_records, again.built_anew) == (state.seq, 0, "")


def test_without_a_journal_it_is_empty(tmp_path: Path) -> None:
    state = bring_up_to_date(tmp_path)

    assert (state.seq, state.new_records, state.built_anew) == (0, 0, "")
    assert all(rows == [] for rows in tables(tmp_path).values())
    assert Layout(tmp_path).ledger.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda path: path.write_bytes(b"no database at all, but long enough to be looked at" * 100), "it was damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:4_096] + b"\xff" * (path.stat().st_size - 4_096)), "it was damaged"),
        (lambda path: apsw.Connection(str(path)).pragma("user_version", 7), "it was of another version"),
    ],
    ids=["foreign", "overwritten", "other version"],
)
def test_what_cant_be_trusted_is_built_anew_and_said(tmp_path: Path, damage: object, why: str) -> None:
    journal(tmp_path, [*days(1), *days(2)])
    bring_up_to_date(tmp_path)
    whole = tables(tmp_path)
    assert callable(damage)
    damage(Layout(tmp_path).ledger)

    state = bring_up_to_date(tmp_path)

    assert state.built_anew.startswith(why)
    assert tables(tmp_path) == whole


def test_of_another_journal_nothing_is_kept(tmp_path: Path) -> None:
    journal(tmp_path, [*days(1), *days(2)])
    bring_up_to_date(tmp_path)
    journal(tmp_path, [*days(3), *days(4), *days(5)])

    state = bring_up_to_date(tmp_path)

    assert "another one" in state.built_anew
    assert [name for (name,) in ask(tmp_path, "SELECT order_id FROM orders")[1]] == ["order-3", "order-4", "order-5"]


def test_an_unfinished_line_waits_for_its_end(tmp_path: Path) -> None:
    records = days(1)
    journal(tmp_path, records)
    path = segment_path(Layout(tmp_path).journal, 1)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    first = bring_up_to_date(tmp_path)
    path.write_bytes(whole)

    second = bring_up_to_date(tmp_path)

    assert (first.seq, second.seq, second.new_records, second.built_anew) == (3, 4, 1, "")


def test_records_that_are_lost_are_counted(tmp_path: Path) -> None:
    journal(tmp_path, days(1))
    journal(tmp_path, days(3), first_seq=8)

    assert bring_up_to_date(tmp_path).missing == 3


def test_housekeeping_takes_nothing_from_it(tmp_path: Path) -> None:
    weeks(tmp_path)
    bring_up_to_date(tmp_path)
    before = tables(tmp_path)
    kept = keep_house(tmp_path, NOW, 30, SystemFiles(), dry_run=False)
    assert {action.does for action in kept.actions} >= {"compact", "retire"}

    after = bring_up_to_date(tmp_path)
    in_steps = tables(tmp_path)
    bring_up_to_date(tmp_path, anew=True)
    anew = tables(tmp_path)

    assert (after.new_records, after.built_anew) == (0, "")
    assert in_steps == before
    assert (anew["fills"], anew["settlements"]) == (before["fills"], before["settlements"])
    assert {row[0] for row in anew["orders"]} < {row[0] for row in before["orders"]}  # what is retired is gone
    assert len(anew["orders"]) == 2  # but the archive is read as well


@pytest.mark.parametrize("built", [False, True], ids=["first", "later"])
def test_killed_while_it_is_built_it_is_as_it_was_before(tmp_path: Path, built: bool) -> None:
    journal(tmp_path, days(1))
    if built:
        bring_up_to_date(tmp_path)
    journal(tmp_path, [record for number in range(1, 40) for record in days(number)])
    program = (
        "import os, sys; from pathlib import Path; from kalshi_alpha.adapters import ledger_db; real = ledger_db.statements\n"
        "def dying(seq, record):\n"
        "    if seq == 100: os.kill(os.getpid(), 9)\n"
        "    return real(seq, record)\n"
        "ledger_db.statements = dying; ledger_db.bring_up_to_date(Path(sys.argv[1]))"
    )

    died = subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=60, check=False)
    held = apsw.Connection(str(Layout(tmp_path).ledger)).execute("SELECT count(*) FROM sqlite_schema WHERE name = 'orders'").get
    orders = ask(tmp_path, "SELECT count(*) FROM orders")[1] if held else [(0,)]
    state = bring_up_to_date(tmp_path)

    assert died.returncode == -9
    assert orders == [(int(built),)]
    assert (state.seq, state.built_anew) == (156, "")


def test_two_at_once_build_it_once(tmp_path: Path) -> None:
    journal(tmp_path, [record for number in range(1, 500) for record in days(number)])
    program = (
        "import sys; from pathlib import Path; from kalshi_alpha.adapters.ledger_db import bring_up_to_date\n"
        "print(bring_up_to_date(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]

    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]

    assert [err for _, err in said] == ["", ""]
    assert sorted("new_records=0" in out for out, _ in said) == [False, True]
    assert ask(tmp_path, "SELECT count(*) FROM orders")[1] == [(499,)]


def test_a_query_changes_nothing(tmp_path: Path) -> None:
    journal(tmp_path, days(1))
    bring_up_to_date(tmp_path)

    for query in ("DELETE FROM fills", "DROP TABLE orders", "PRAGMA user_version = 5"):
        with pytest.raises(LedgerError, match="readonly"):
            ask(tmp_path, query)
    with pytest.raises(LedgerError, match="syntax error"):
        ask(tmp_path, "SELEC 1")
    with pytest.raises(LedgerError, match="one query"):
        ask(tmp_path, "SELECT 1; SELECT 2")
    with pytest.raises(LedgerError, match="one query"):
        ask(tmp_path, "  ")
    assert ask(tmp_path, "SELECT * FROM fills WHERE 0")[0][:2] == ("seq", "trade_id")


def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")

    with pytest.raises(LedgerError, match=r"SQLite 3\.51\.2: at least 3\.51\.3"):
        bring_up_to_date(tmp_path)


def test_a_folder_that_cant_be_written_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")

    with pytest.raises(LedgerError, match=r"ledger\.db: "):
        bring_up_to_date(tmp_path)


def test_the_trading_process_knows_no_database() -> None:
    program = "import sys, kalshi_alpha.exec.runners.trade; print([name for name in sys.modules if name in {'apsw', 'sqlite3'}])"

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True).stdout == "[]\n"


def test_a_segment_that_housekeeping_takes_meanwhile_is_read_in_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weeks(tmp_path)
    real = ledger_db._Source.money

    def meanwhile(source: ledger_db._Source) -> object:
        keep_house(tmp_path, NOW, 3_000, SystemFiles(), dry_run=False)
        return real(source)

    monkeypatch.setattr(ledger_db._Source, "money", meanwhile)

    assert bring_up_to_date(tmp_path).missing == 0
    assert len(tables(tmp_path)["orders"]) == 4
