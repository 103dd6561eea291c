import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import icalendar
import pytest

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.operator_slots import add_entry
from kalshi_alpha.cli import UsageError
from kalshi_alpha.model.clock import utc_ns_of
from kalshi_alpha.sched.calendar_cli import main

SUNDAY = ("--now", "2026-11-22T12:00:00-05:00")


def test_the_days_are_listed_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    status = main([*SUNDAY, "--days", "7"])

    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert lines[0] == "Mon 2026-11-23  09:45:00-10:00:00  hourly-1000: INXU, NASDAQ100U"
    assert "Thu 2026-11-26  all day            NYSE closed" in lines
    assert len(lines) == 7 * 3 + 1 + 6 + 1


def test_the_weekly_pause_and_the_operators_slots_are_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin, end = (utc_ns_of(datetime.fromisoformat(f"2026-11-24T{hour}:00:00-05:00")) for hour in ("18", "19"))
    add_entry(tmp_path, (begin, end), "told by phone", begin)

    main([*SUNDAY, "--days", "7", "--root", str(tmp_path)])

    lines = [line for line in capsys.readouterr().out.splitlines() if "maintenance" in line]
    assert lines == [
        "Tue 2026-11-24  18:00:00-19:00:00  Kalshi maintenance (operator)",
        "Thu 2026-11-26  03:00:00-05:00:00  Kalshi maintenance (weekly)",
    ]


def test_an_unreadable_slot_file_is_no_empty_one(tmp_path: Path) -> None:
    Layout(tmp_path).maintenance.parent.mkdir(parents=True)
    Layout(tmp_path).maintenance.write_text("{")

    with pytest.raises(UsageError, match=r"maintenance"):
        main([*SUNDAY, "--root", str(tmp_path)])


def test_days_without_anything_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    main([*SUNDAY, "--days", "1"])

    assert capsys.readouterr().out == "nothing from 2026-11-22 on for 1 days\n"


def test_a_clock_change_is_listed_at_its_instant(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--now", "2027-03-14T00:00:00-05:00", "--days", "1"])

    assert capsys.readouterr().out == "Sun 2027-03-14  03:00:00           Clocks: EST to EDT\n"


def test_the_document_has_the_entries(capsys: pytest.CaptureFixture[str]) -> None:
    main([*SUNDAY, "--days", "2", "--json"])

    document = json.loads(capsys.readouterr().out)
    assert (document["first"], document["days"], document["warnings"], len(document["entries"])) == ("2026-11-22", 2, [], 7)


def test_the_export_is_an_icalendar_file_on_stdout() -> None:
    command = [sys.executable, "-m", "kalshi_alpha", "calendar", "--ics", "--days", "7", *SUNDAY]
    done = subprocess.run(command, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert len(list(icalendar.Calendar.from_ical(done.stdout).walk("VEVENT"))) == 7 * 3 + 1 + 6 + 1


def test_an_export_that_reaches_beyond_the_calendar_ends_with_it_and_says_how_to_extend_it(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--now", "2028-12-29T12:00:00-05:00", "--days", "30"])

    output = capsys.readouterr()
    assert status == 0
    assert "2028-12-29  15:50:00-16:00:00  close-1600" in output.out
    assert "no trading calendar for 2029-01-27" in output.err
    assert "tools.make_calendar --last-year" in output.err


def test_a_document_that_reaches_beyond_the_calendar_counts_its_days(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--now", "2028-12-29T12:00:00-05:00", "--days", "30", "--json"])

    document = json.loads(capsys.readouterr().out)
    assert document["days"] == 3
    assert "2029-01-27" in document["warnings"][0]


def test_special_hours_are_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hours.toml"
    path.write_text('schema_version = 1\n[[day]]\ndate = 2026-11-23\nclosed = true\nnote = "a storm"\n')

    main([*SUNDAY, "--days", "2", "--special-hours", str(path)])

    assert capsys.readouterr().out == "Mon 2026-11-23  all day            NYSE closed\n"


@pytest.mark.parametrize(
    ("arguments", "offending"),
    [
        (["--days", "0"], "'0': expected 1 to 731"),
        (["--days", "732"], "'732'"),
        (["--days", "-1"], "'-1'|expected one argument"),
        (["--days", "ten"], "'ten'"),
        (["--now", "2026-11-22T12:00:00"], "2026-11-22T12:00:00"),
    ],
)
def test_wrong_flags_are_one_line(arguments: list[str], offending: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(arguments)

    error = capsys.readouterr().err
    assert exited.value.code == 2
    assert len(error.splitlines()) == 1
    assert any(part in error for part in offending.split("|"))


@pytest.mark.parametrize(
    ("arguments", "offending"),
    [
        (["--ics", "--json"], "--ics and --json"),
        (["--now", "2031-01-02T12:00:00-05:00"], "2031-01-02"),
        (["--special-hours", "absent.toml"], "absent.toml"),
    ],
)
def test_what_can_not_be_done_is_one_line(arguments: list[str], offending: str) -> None:
    with pytest.raises(UsageError, match=offending):
        main(arguments)
