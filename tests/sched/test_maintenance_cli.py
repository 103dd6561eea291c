"""The command: the merged calendar with its sources, the operator's slots, and honest exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest

from kalshi_alpha import cli
from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.sched.maintenance_cli import main
from tests.adapters.small_site import small_site
from tests.exec.runners.test_trade import settings_file

NOW = "2026-11-23T12:00:00-05:00"
DAYS = ("monday", "tuesday", "wednesday", "friday", "saturday", "sunday")
ACTIVE = b'{"exchange_active":true,"trading_active":true}'
PAUSED = b'{"exchange_active":true,"trading_active":false}'


def schedule(*, gap: bool = True) -> bytes:
    day = [{"open_time": "00:00", "close_time": "00:00"}]
    thursday = [{"open_time": "00:00", "close_time": "03:00"}, {"open_time": "05:00", "close_time": "00:00"}]
    week = dict.fromkeys(DAYS, day) | {"thursday": thursday if gap else day}
    hours = {"start_time": "2026-01-01T05:00:00Z", "end_time": "2032-01-01T05:00:00Z", **week}
    return json.dumps({"schedule": {"standard_hours": [hours], "maintenance_windows": []}}).encode()


def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def answers(status: bytes = ACTIVE, listed: bytes | None = None) -> dict[str, tuple[int, bytes]]:
    code = 200 if status == ACTIVE else 503
    return {"/api/exchange/schedule": (200, listed or schedule()), "/api/exchange/status": (code, status)}


def at_venue(root: Path, url: str, tail: str = "") -> list[str]:
    return ["--root", str(root), "--config", str(settings_file(root, rest_url=f"{url}/api", tail=tail)), "--json"]


def test_the_calendar_names_every_slots_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with small_site(answers()) as url:
        status = main([*at_venue(tmp_path, url), "--now", NOW])

    told = shown(capsys)
    assert status == cli.EXIT_OK
    [only] = told["maintenances"]
    assert (only["begins_at"], only["ends_at"]) == ("2026-11-26T08:00:00.000+00:00", "2026-11-26T10:00:00.000+00:00")
    assert only["begins_et"] == "2026-11-26T03:00:00.000-05:00"
    assert only["state"] == "coming"
    assert [slot["source"] for slot in only["slots"]] == ["schedule", "weekly"]
    assert {line["source"]: line["read"] for line in told["sources"]} == {
        "weekly": True,
        "operator": True,
        "schedule": True,
        "statuspage": False,
    }


@pytest.mark.parametrize(
    ("status", "listed", "words"), [(ACTIVE, schedule(gap=False), "schedule lists nothing"), (PAUSED, None, "nobody announced")]
)
def test_contradicting_sources_are_exit_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], status: bytes, listed: bytes | None, words: str
) -> None:
    with small_site(answers(status, listed)) as url:
        code = main(at_venue(tmp_path, url))

    assert code == cli.EXIT_NO
    assert any(words in told for told in shown(capsys)["contradictions"])


def test_the_present_status_contradicts_no_other_instant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with small_site(answers(PAUSED)) as url:
        code = main([*at_venue(tmp_path, url), "--now", "2026-11-26T04:00:00-05:00"])

    told = shown(capsys)
    assert code == cli.EXIT_OK
    assert told["maintenances"][0]["state"] == "under_way"


def test_a_status_page_is_asked_where_it_is_set_and_html_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with small_site({"/api/v2/scheduled-maintenances/upcoming.json": (200, b"<p>All Systems Operational"), **answers()}) as url:
        code = main([*at_venue(tmp_path, url, f'[maintenance]\nstatus_page_url = "{url}"'), "--now", NOW])

    page = next(line for line in shown(capsys)["sources"] if line["source"] == "statuspage")
    assert code == cli.EXIT_OK
    assert "unreadable" in page["problem"]


def test_an_unreachable_venue_is_exit_three_and_the_rule_is_shown_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(cli.UnreachableError, match="schedule"):
        main(at_venue(tmp_path, "http://127.0.0.1:9"))

    assert len(shown(capsys)["maintenances"]) >= 1


def test_the_operators_slots_are_added_listed_merged_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--root", str(tmp_path)]
    span = ["--from", "2026-11-24T18:00:00+01:00", "--to", "2026-11-24T13:00:00-05:00"]

    assert main(["add", *span, "--note", "told by phone", "--now", NOW, *root]) == cli.EXIT_OK
    added = capsys.readouterr().out
    assert main([*root, "--now", NOW, "--offline"]) == cli.EXIT_OK
    merged = capsys.readouterr().out
    assert main(["list", *root, "--json"]) == cli.EXIT_OK
    listed = shown(capsys)
    assert main(["remove", "op-1", *root, "--json"]) == cli.EXIT_OK
    removed = shown(capsys)
    assert main(["list", *root]) == cli.EXIT_OK

    assert "op-1   Tue 2026-11-24 12:00 to 13:00 EST  told by phone" in added
    assert "counts from the next start" in added
    assert "operator   Tue 2026-11-24 12:00 to 13:00 EST  op-1 told by phone" in merged
    assert [entry["id"] for entry in listed] == ["op-1"]
    assert removed["engine_told"] is False
    assert capsys.readouterr().out == "no slots of the operator's\n"


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["add", "--from", "2026-11-24T12:00:00-05:00", "--to", "2026-11-24T12:00:00-05:00"], "ends before it begins"),
        (["remove", "op-7"], "op-7"),
        (["--config", "absent.toml"], "absent.toml"),
        ([], "no --config"),
    ],
)
def test_wrong_use_is_one_line_with_the_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], value: str) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(cli.UsageError, match=value):
        main(["--now", NOW, *arguments])


@pytest.mark.parametrize("arguments", [["add", "--from", "2026-11-24T12:00:00", "--to", "x"], ["add"], ["drop"], ["--now", "noon"]])
def test_what_cant_be_parsed_is_exit_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == cli.EXIT_USAGE


def test_an_unreadable_file_of_slots_is_never_read_as_none(tmp_path: Path) -> None:
    path = Layout(tmp_path).maintenance
    path.parent.mkdir()
    path.write_text("{")

    with pytest.raises(cli.UsageError, match=r"maintenance\.json"):
        main(["--root", str(tmp_path), "--offline"])


def test_confirming_without_a_trading_process_is_exit_three(tmp_path: Path) -> None:
    with pytest.raises(cli.UnreachableError):
        main(["confirm", "--root", str(tmp_path)])
