import subprocess
import sys
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import utc_ns_of
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sched.windows_cli import main
from kalshi_alpha.sched.windows_status import SchedulerReport, scheduler_window

SCHEDULE = WindowSchedule(WindowsConfig())
HOURLY = ["hourly-1000", "hourly-1100", "hourly-1200", "hourly-1300", "hourly-1400", "hourly-1500"]


def ns(text: str) -> int:
    return utc_ns_of(datetime.fromisoformat(text))


def report_of(output: str) -> SchedulerReport:
    return msgspec.json.decode(output, type=SchedulerReport)


# The block


def test_the_block_of_an_active_window_has_every_field() -> None:
    report = scheduler_window("INXU", ns("2026-11-02T09:50:00-05:00"), SCHEDULE)

    document = msgspec.to_builtins(report)
    window = document["scheduler_window"]
    assert (document["series"], document["now_et"], document["now_utc"]) == (
        "INXU",
        "2026-11-02T09:50:00.000-05:00",
        "2026-11-02T14:50:00.000+00:00",
    )
    assert {key: document["session"][key] for key in ("date", "kind", "open_et", "close_et")} == {
        "date": "2026-11-02",
        "kind": "regular",
        "open_et": "2026-11-02T09:30:00.000-05:00",
        "close_et": "2026-11-02T16:00:00.000-05:00",
    }
    assert (window["label"], window["target_type"], list(window["series"]), window["state"]) == (
        "hourly-1000",
        "hourly",
        ["INXU", "NASDAQ100U"],
        "active",
    )
    assert [window[key] for key in ("start_et", "final_minute_et", "freeze_et", "target_et")] == [
        f"2026-11-02T{at}.000-05:00" for at in ("09:45:00", "09:59:00", "09:59:58", "10:00:00")
    ]
    assert [window[key] for key in ("start_utc", "freeze_utc", "target_utc")] == [
        f"2026-11-02T{at}.000+00:00" for at in ("14:45:00", "14:59:58", "15:00:00")
    ]
    assert [window[key] for key in ("seconds_to_start", "seconds_to_freeze", "seconds_to_target")] == [0.0, 598.0, 600.0]
    assert document["clock_change"] == {
        "next_et": "2027-03-14T03:00:00.000-04:00",
        "from": "EST",
        "to": "EDT",
        "days_away": 132,
        "first_session_after": "2027-03-15",
        "last_et": "2026-11-01T01:00:00.000-05:00",
    }
    assert [w["label"] for w in document["next_windows"]][:6] == [*HOURLY[1:], "hourly-1000"]
    assert any("clocks went from EDT to EST on 2026-11-01" in line for line in document["explain"])
    assert document["warnings"] == ()


def test_before_its_start_a_window_is_next() -> None:
    window = scheduler_window("INX", ns("2026-11-02T15:49:30.500-05:00"), SCHEDULE).scheduler_window

    assert window is not None
    assert (window.label, window.state, window.seconds_to_start, window.seconds_to_freeze) == ("close-1600", "next", 29.5, 627.5)


def test_after_the_days_last_window_the_next_days_first_is_shown() -> None:
    report = scheduler_window("INXU", ns("2026-11-25T15:30:00-05:00"), SCHEDULE)

    assert report.scheduler_window is not None
    assert (report.scheduler_window.session_date, report.scheduler_window.label) == ("2026-11-27", "hourly-1000")


def test_a_day_without_a_window_has_none_but_lists_the_next_ones() -> None:
    report = scheduler_window("INXU", ns("2026-11-26T09:50:00-05:00"), SCHEDULE)

    assert report.scheduler_window is None
    assert (report.session.kind, report.session.open_et) == ("holiday", None)
    assert report.next_windows[0].start_et == "2026-11-27T09:45:00.000-05:00"
    assert any("no window on 2026-11-26" in line for line in report.explain)


def test_without_a_series_the_block_shows_whatever_window_comes() -> None:
    window = scheduler_window(None, ns("2026-11-23T15:55:00-05:00"), SCHEDULE).scheduler_window

    assert window is not None
    assert window.label == "close-1600"


@pytest.mark.parametrize(
    ("now", "change", "days_away", "first"),
    [
        ("2026-11-01T05:59:59Z", "2026-11-01T01:00:00.000-05:00", 0, "2026-11-02"),
        ("2026-11-01T06:00:00Z", "2027-03-14T03:00:00.000-04:00", 133, "2027-03-15"),
        ("2026-10-30T16:00:00Z", "2026-11-01T01:00:00.000-05:00", 2, "2026-11-02"),
        ("2027-03-14T06:59:59Z", "2027-03-14T03:00:00.000-04:00", 0, "2027-03-15"),
        ("2028-12-29T18:00:00Z", "2029-03-11T03:00:00.000-04:00", 72, None),
    ],
)
def test_the_next_clock_change_is_found_to_the_second(now: str, change: str, days_away: int, first: str | None) -> None:
    found = scheduler_window("INX", ns(now), SCHEDULE).clock_change

    assert (found.next_et, found.days_away, found.first_session_after) == (change, days_away, first)


# The command


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kalshi_alpha.sched.windows", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_prints_one_json_document() -> None:
    done = run_command("--series", "INXU", "--now", "2026-11-02T09:50:00-05:00", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    assert report_of(done.stdout) == scheduler_window("INXU", ns("2026-11-02T09:50:00-05:00"), SCHEDULE)


def test_the_command_warns_when_the_given_offset_is_not_new_yorks(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--series", "INXU", "--now", "2026-11-02T09:50:00-04:00", "--json"])

    report = report_of(capsys.readouterr().out)
    assert status == 0
    assert report.warnings == ("--now says -04:00, New York is at -05:00 on that date: this is 08:50:00 there",)
    assert report.now_et == "2026-11-02T08:50:00.000-05:00"


def test_without_json_the_command_prints_text(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--series", "INX", "--now", "2026-11-27T12:55:00-05:00"])

    text = capsys.readouterr().out
    assert status == 0
    for expected in ("close-1300  active", "early_close", "2026-11-27T12:59:58.000-05:00", "2026-11-30  close-1600"):
        assert expected in text


def test_the_command_says_no_on_a_day_without_a_window(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--series", "NASDAQ100U", "--now", "2026-11-26T09:50:00-05:00"])

    text = capsys.readouterr().out
    assert status == 1
    assert "2026-11-26  holiday, closed" in text
    assert "NASDAQ100U has no window on 2026-11-26" in text
    assert "2026-11-27  hourly-1000" in text


@pytest.mark.parametrize(
    ("arguments", "offending"),
    [
        (["--series", "SPY"], "SPY"),
        (["--series", "INXU", "--now", "2026-11-02T09:50:00"], "2026-11-02T09:50:00"),
        (["--series", "INXU", "--now", "yesterday"], "yesterday"),
        (["--series", "INXU", "--now", "2031-01-02T09:50:00-05:00"], "2031-01-02"),
        (["--series", "INXU", "--config", "absent.toml"], "absent.toml"),
        (["--series", "INXU", "--special-hours", "absent_hours.toml"], "absent_hours.toml"),
        ([], "--series"),
    ],
)
def test_wrong_use_is_one_line_with_the_offending_value(arguments: list[str], offending: str) -> None:
    done = run_command(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert offending in done.stderr


def test_the_command_knows_the_present_time() -> None:
    assert run_command("--series", "INX", "--json").returncode in {0, 1}


def test_the_command_takes_the_windows_of_a_settings_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leg = 'url = "wss://127.0.0.1"\napi_key_file = "key"\n'
    settings = (
        'schema_version = 1\n[venue]\nrest_url = "http://127.0.0.1"\nws_url = "ws://127.0.0.1"\n'
        'key_id_file = "id"\nprivate_key_file = "pem"\n'
        f"[feeds.polygon]\n{leg}[feeds.massive]\n{leg}[windows]\nclose_lead_s = 300\n"
    )
    (tmp_path / "config.toml").write_text(settings)

    status = main(["--series", "INX", "--now", "2026-11-23T12:00:00-05:00", "--config", str(tmp_path / "config.toml"), "--json"])

    window = report_of(capsys.readouterr().out).scheduler_window
    assert status == 0
    assert window is not None
    assert window.start_et == "2026-11-23T15:55:00.000-05:00"
