"""The scan as a command: one look at real simulated servers, its files, its exit codes."""

import subprocess
import sys
from math import erfc, log, sqrt
from pathlib import Path

import msgspec
import pytest

from kalshi_alpha.exec.scan import Proposal, ScanReport
from tests.exec.runners.test_trade import NOBODY, settings_file
from tests.live.venue import Servers, servers

IN_WINDOW = "2026-11-23T09:50:00-05:00"


def scan(root: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kalshi_alpha.exec.runners.scan_ladders", "--root", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=cwd)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--series", "SPX"], "'SPX'"),
        (["--series", "INXU", "--now", "2026-11-23T09:50:00"], "2026-11-23T09:50:00"),
        (["--series", "INXU", "--now", "soon"], "'soon'"),
        (["--series", "INXU", "--config", "missing.toml"], "missing.toml"),
        (["--series", "INXU"], "configs/production.toml"),
    ],
)
def test_wrong_use_is_one_line_that_names_the_value(tmp_path: Path, arguments: list[str], named: str) -> None:
    answer = scan(tmp_path, *arguments, cwd=tmp_path)

    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1
    assert named in answer.stderr


def test_a_key_others_can_read_is_named(tmp_path: Path) -> None:
    settings_file(tmp_path)
    (tmp_path / "keys" / "key_id").chmod(0o644)

    answer = scan(tmp_path, "--series", "INXU")

    assert answer.returncode == 2
    assert str(tmp_path / "keys" / "key_id") in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_venue_nobody_answers_at_is_status_three_and_writes_nothing(tmp_path: Path) -> None:
    settings_file(tmp_path)

    answer = scan(tmp_path, "--series", "INXU", "--now", IN_WINDOW)

    assert answer.returncode == 3
    assert answer.stderr.startswith(f"http://{NOBODY}/trade-api/v2: ")
    assert answer.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "keys"]


def in_json(venue: Servers, *arguments: str) -> tuple[int, ScanReport]:
    answer = scan(venue.root, "--series", "INXU", "--json", *arguments)
    assert answer.stderr == ""
    return answer.returncode, msgspec.json.decode(answer.stdout, type=ScanReport)


def proposed(venue: Servers) -> list[Proposal]:
    lines = (venue.root / "proposals" / "2026-11-23.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Proposal) for line in lines]


def test_it_prices_the_open_window_from_one_value_and_places_nothing(tmp_path: Path) -> None:
    with servers(tmp_path) as venue:
        status, report = in_json(venue)

        assert (status, report.reasons) == (0, ())
        assert (report.window, report.event_ticker) == ("2026-11-23/hourly-1000", "KXINXU-26NOV23H1000")
        assert report.level is not None
        assert len(report.rungs) >= 8
        fair = [rung.fair_p for rung in report.rungs]
        assert fair == sorted(fair, reverse=True)
        found = proposed(venue)
        wanted = [rung for rung in report.rungs for price in (rung.want_bid, rung.want_ask) if price is not None]
        assert len(found) == len(wanted) > 5
        for one in found:
            # Every number can be worked out again from its line.
            inputs = one.inputs
            assert inputs.level == report.level
            assert inputs.lo_e2 is not None
            z = (log((inputs.lo_e2 - 0.5) / 100 / inputs.level) + inputs.variance / 2) / sqrt(inputs.variance)
            assert inputs.fair_p == pytest.approx(erfc(z / sqrt(2)) / 2, abs=1e-9)
            assert inputs.ev_e6 > 0
        assert venue.log() == []

        before_text = (tmp_path / "reports" / "INXU" / "2026-11-23.md").read_text()
        early_status, early = in_json(venue, "--now", "2026-11-23T09:40:00-05:00")

        # Before the window there is as much to see, but nothing would rest; the day's files grow.
        assert (early_status, early.reasons) == (1, ("no_window",))
        assert early.window == report.window
        assert early.variance is not None
        assert report.variance is not None
        assert early.variance > report.variance
        assert {one.reasons for one in proposed(venue)[len(found) :]} == {("no_window",)}
        after_text = (tmp_path / "reports" / "INXU" / "2026-11-23.md").read_text()
        assert after_text.startswith(before_text)
        assert "stands down: no_window" in after_text[len(before_text) :]


def test_help_says_what_now_is_for() -> None:
    answer = scan(Path(), "--help")

    assert answer.returncode == 0
    assert "--now only chooses the window" in " ".join(answer.stdout.split())
