"""The read model: the same however it was built, thrown away when it can't be trusted, whole whatever happens while it is built."""

import fcntl
import os
import shutil
import subprocess
import sys
from contextlib import closing
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
from tests.exec.house_scene import NOW, a_days_records, capture, segment, weeks

Tables = dict[str, list[tuple[object, ...]]]


def journal(root: Path, records: list[Record], first_seq: int = 1) -> None:
    path = segment_path(Layout(root).journal, first_seq)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(chained(records, first_seq)))


def tables(root: Path) -> Tables:
    return {name: list(ask(root, f"SELECT * FROM {name} ORDER BY 1, 2")[1]) for name in (*TABLES, "position", "markets")}


def days(number: int) -> list[Record]:
    """Return a life of an order in four records."""
    client_id = f"ka-7-{number:06d}"
    return [
        r.OrderIntended(10 * number, intent(number)),
        r.OrderPlaced(10 * number + 1, client_id, f"order-{number}"),
        r.FillBooked(10 * number + 2, fill(number)),
        r.OrderClosed(10 * number + 3, client_id, "executed"),
    ]


def change(path: Path, statement: str) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(statement)


def foreign(path: Path, statement: str) -> None:
    path.unlink()
    change(path, statement)


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
        (lambda path: change(path, "ALTER TABLE fills ADD COLUMN later TEXT"), "it was of another version"),
        (lambda path: change(path, "DROP TABLE fills"), "it was of another version"),
        (lambda path: foreign(path, "CREATE TABLE orders(theirs)"), "it was of another version, or no ledger"),
        (lambda path: foreign(path, "CREATE TABLE theirs(a)"), "it was of another version, or no ledger"),
    ],
    ids=["foreign", "overwritten", "other version", "a table is gone", "foreign tables of the same name", "foreign tables"],
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
    assert ask(tmp_path, "PRAGMA journal_mode")[1] == [("wal",)]
    assert ask(tmp_path, "SELECT count(*) FROM sqlite_schema WHERE name = 'theirs'")[1] == [(0,)]
    assert bring_up_to_date(tmp_path).built_anew == ""


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


def test_of_several_who_meet_a_damaged_file_one_throws_it_away(tmp_path: Path) -> None:
    journal(tmp_path, [record for number in range(1, 500) for record in days(number)])
    program = (
        "import sys; from pathlib import Path; from kalshi_alpha.adapters.ledger_db import bring_up_to_date\n"
        "sys.stdin.readline(); print(bring_up_to_date(Path(sys.argv[1])).built_anew)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    pipe = subprocess.PIPE

    for _ in range(4):
        Layout(tmp_path).ledger.write_bytes(b"no database" * 1_000)
        several = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(4)]
        said = [process.communicate("go\n", timeout=60) for process in several]

        assert [err for _, err in said] == [""] * 4
        assert sorted(out.startswith("it was damaged") for out, _ in said) == [False, False, False, True]
        assert ask(tmp_path, "SELECT count(*) FROM orders")[1] == [(499,)]


def test_whoever_builds_is_alone_also_while_a_file_is_thrown_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal(tmp_path, days(1))
    path = Layout(tmp_path).ledger
    path.write_bytes(b"no database" * 1_000)
    lock = path.with_name("ledger.db.lock")
    real, held = ledger_db._without, []

    def meanwhile(damaged: Path) -> Path:
        with lock.open() as another, pytest.raises(BlockingIOError):
            fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held.append(damaged)
        return real(damaged)

    monkeypatch.setattr(ledger_db, "_without", meanwhile)
    bring_up_to_date(tmp_path)

    assert held == [path]
    with lock.open() as another:
        fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_full_disk_leaves_what_was_there_and_is_one_error(tmp_path: Path) -> None:
    journal(tmp_path, days(1))
    bring_up_to_date(tmp_path)
    journal(tmp_path, [record for number in range(1, 3_000) for record in days(number)])
    program = (
        "import resource, sys; from pathlib import Path; from kalshi_alpha.adapters.ledger_db import LedgerError, bring_up_to_date\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "try: bring_up_to_date(Path(sys.argv[1]))\n"
        "except LedgerError as error: print(error)"
    )

    said = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False)

    assert said.stderr == ""
    assert said.stdout.startswith(f"{Layout(tmp_path).ledger}: ")
    assert said.stdout.count("\n") == 1
    assert ask(tmp_path, "SELECT count(*) FROM orders")[1] == [(1,)]
    assert bring_up_to_date(tmp_path).seq == 4 * 2_999


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

    with pytest.raises(LedgerError, match=r"/data: File exists$"):
        bring_up_to_date(tmp_path)


def test_the_trading_process_knows_no_database() -> None:
    program = "import sys, kalshi_alpha.exec.runners.trade; print([name for name in sys.modules if name in {'apsw', 'sqlite3'}])"
    untraced = {name: value for name, value in os.environ.items() if not name.startswith("COV")}  # tracing has a database of its own
    command = [sys.executable, "-c", program]

    assert subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=untraced).stdout == "[]\n"


def test_a_segment_that_housekeeping_takes_meanwhile_is_read_in_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weeks(tmp_path)
    real = ledger_db._Source.records

    def meanwhile(source: ledger_db._Source, after_seq: int) -> object:
        keep_house(tmp_path, NOW, 3_000, SystemFiles(), dry_run=False)
        return real(source, after_seq)

    monkeypatch.setattr(ledger_db._Source, "records", meanwhile)

    assert bring_up_to_date(tmp_path).missing == 0
    assert len(tables(tmp_path)["orders"]) == 4


def lives(root: Path, *numbers_and_days: tuple[int, float]) -> None:
    for number, days_ago in numbers_and_days:
        segment(root, a_days_records(number, days_ago))
    capture(root)


def retire(root: Path) -> None:
    kept = keep_house(root, NOW, 30, SystemFiles(), dry_run=False)
    assert kept.left == ()


def names(root: Path) -> list[str]:
    return [str(name) for (name,) in ask(root, "SELECT client_order_id FROM orders ORDER BY seq")[1]]


def test_what_is_inside_stays_when_the_journal_of_that_time_is_retired_before_the_next_look(tmp_path: Path) -> None:
    lives(tmp_path, (1, 40), (2, 35))
    bring_up_to_date(tmp_path)
    lives(tmp_path, (3, 5), (4, 0.1))
    retire(tmp_path)

    state = bring_up_to_date(tmp_path)

    assert (state.built_anew, state.missing) == ("", 0)
    assert names(tmp_path) == [f"ka-7-{number:06d}" for number in (1, 2, 3, 4)]


def test_the_money_of_records_that_were_retired_unseen_is_taken_in(tmp_path: Path) -> None:
    lives(tmp_path, (1, 40))
    bring_up_to_date(tmp_path)
    lives(tmp_path, (2, 35), (3, 34), (4, 0.1))
    retire(tmp_path)

    state = bring_up_to_date(tmp_path)

    assert (state.built_anew, state.missing) == ("", 14)
    assert names(tmp_path) == ["ka-7-000001", "ka-7-000004"]
    assert [name for (name,) in ask(tmp_path, "SELECT trade_id FROM fills ORDER BY seq")[1]] == [f"trade-{n}" for n in (1, 2, 3, 4)]
    assert ask(tmp_path, "SELECT count(*) FROM settlements")[1] == [(4,)]


def test_a_start_that_has_written_nothing_yet_is_no_other_journal(tmp_path: Path) -> None:
    lives(tmp_path, (1, 40))
    state = bring_up_to_date(tmp_path)
    segment(tmp_path, [])
    retire(tmp_path)
    assert [path.stat().st_size for path in Layout(tmp_path).journal.iterdir()] == [0]

    again = bring_up_to_date(tmp_path)

    assert (again.seq, again.built_anew) == (state.seq, "")
    assert names(tmp_path) == ["ka-7-000001"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["start", "look", "retire"]), min_size=3, max_size=12))
def test_whenever_it_is_looked_at_and_retired_no_order_goes_and_no_money_is_missing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    root = tmp_path_factory.mktemp("weeks")
    started, seen = 0, set[str]()
    for step in ["start", *steps, "start", "look"]:
        if step == "start":
            started += 1
            lives(root, (started, 60 - 4 * started))
        elif step == "retire":
            retire(root)
        else:
            state = bring_up_to_date(root)
            assert state.built_anew == ""
            assert seen <= (seen := set(names(root)))
    looked_at = {name: rows for name, rows in tables(root).items() if name in {"fills", "settlements", "markets"}}

    bring_up_to_date(root, anew=True)

    assert len(looked_at["fills"]) == len(looked_at["settlements"]) == started
    assert {name: tables(root)[name] for name in looked_at} == looked_at
    assert set(names(root)) <= seen


def test_of_a_journal_begun_anew_the_archive_gives_the_money_alone(tmp_path: Path) -> None:
    lives(tmp_path, (1, 5), (2, 4), (3, 3), (4, 0.1))
    retire(tmp_path)
    bring_up_to_date(tmp_path)
    shutil.rmtree(Layout(tmp_path).journal)
    Layout(tmp_path).snapshot.unlink()
    lives(tmp_path, (5, 0.05), (6, 0.04))

    state = bring_up_to_date(tmp_path)
    segment(tmp_path, days(7))
    later = bring_up_to_date(tmp_path)

    assert "another one" in state.built_anew
    assert (state.missing, later.missing, later.new_records, later.built_anew) == (0, 0, 4, "")
    assert names(tmp_path) == ["ka-7-000005", "ka-7-000006", "ka-7-000007"]
    assert {name for (name,) in ask(tmp_path, "SELECT trade_id FROM fills")[1]} == {f"trade-{n}" for n in (1, 2, 3, 5, 6, 7)}
    assert ask(tmp_path, "SELECT count(*) FROM settlements")[1] == [(5,)]


def test_archived_numbers_that_the_journal_has_again_are_passed_over(tmp_path: Path) -> None:
    lives(tmp_path, (1, 5), (2, 4), (3, 3), (4, 0.1))
    retire(tmp_path)
    shutil.rmtree(Layout(tmp_path).journal)
    ours = [record for number in range(11, 18) for record in days(number)]
    assert sorted(path.name[8:20] for path in (Layout(tmp_path).archive / "journal").iterdir()) == [f"{n:012d}" for n in (1, 8, 15)]
    journal(tmp_path, ours[:8])
    first = bring_up_to_date(tmp_path)
    journal(tmp_path, ours[:10])
    journal(tmp_path, ours[10:], first_seq=11)
    journal(tmp_path, days(18), first_seq=len(ours) + 1)

    second = bring_up_to_date(tmp_path)
    stepwise = tables(tmp_path)
    bring_up_to_date(tmp_path, anew=True)

    assert (first.seq, second.seq, second.missing, second.built_anew) == (8, len(ours) + 4, 0, "")
    assert names(tmp_path) == [f"ka-7-{number:06d}" for number in range(11, 19)]
    assert tables(tmp_path) == stepwise


def test_an_archive_without_its_journal_is_read(tmp_path: Path) -> None:
    lives(tmp_path, (1, 5), (2, 4), (3, 0.1))
    retire(tmp_path)
    shutil.rmtree(Layout(tmp_path).journal)

    assert bring_up_to_date(tmp_path).seq == 14
    assert names(tmp_path) == ["ka-7-000001", "ka-7-000002"]


def test_a_rebuild_keeps_no_page_of_a_file_that_isnt_well(tmp_path: Path) -> None:
    records = [record for number in range(1, 200) for record in days(number)]
    journal(tmp_path, records)
    bring_up_to_date(tmp_path)
    path, whole = Layout(tmp_path).ledger, tables(tmp_path)
    with closing(apsw.Connection(str(path))) as connection:
        pages = dict(connection.execute("SELECT name, rootpage FROM sqlite_schema WHERE type = 'table'"))
    data = bytearray(path.read_bytes())
    rightmost = 4_096 * (pages["orders"] - 1) + 8
    assert data[rightmost - 8] == 5  # an inner page of a table's tree, whose last child is another table's root now
    data[rightmost : rightmost + 4] = pages["windows"].to_bytes(4, "big")
    path.write_bytes(data)

    state = bring_up_to_date(tmp_path, anew=True)

    assert state.built_anew.startswith("it was damaged: ")
    assert tables(tmp_path) == whole
    assert ask(tmp_path, "PRAGMA integrity_check")[1] == [("ok",)]


def test_a_file_of_ones_own_in_the_archive_is_passed_over(tmp_path: Path) -> None:
    weeks(tmp_path)
    retire(tmp_path)
    (Layout(tmp_path).archive / "journal" / "journal-copy.parquet").write_bytes(b"")

    assert bring_up_to_date(tmp_path).missing == 0


@pytest.mark.parametrize("folder", ["journal", "ledger"])
def test_a_damaged_archive_is_named(tmp_path: Path, folder: str) -> None:
    lives(tmp_path, (1, 5), (2, 0.1))
    retire(tmp_path)
    (path,) = (Layout(tmp_path).archive / folder).iterdir()
    path.write_bytes(b"PAR1")

    with pytest.raises(LedgerError, match=f"^{path}: not a readable Parquet file"):
        bring_up_to_date(tmp_path)


def test_of_a_segment_retired_meanwhile_the_money_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lives(tmp_path, (1, 60))
    bring_up_to_date(tmp_path)
    lives(tmp_path, (2, 40), (3, 0.1))
    real = ledger_db._Source.goes_on

    def meanwhile(source: ledger_db._Source, seq: int, last: bytes) -> bool:
        retire(tmp_path)
        return real(source, seq, last)

    monkeypatch.setattr(ledger_db._Source, "goes_on", meanwhile)

    state = bring_up_to_date(tmp_path)

    assert (state.built_anew, state.missing) == ("", 7)
    assert names(tmp_path) == ["ka-7-000001", "ka-7-000003"]
    assert ask(tmp_path, "SELECT count(*) FROM fills")[1] == [(3,)]
