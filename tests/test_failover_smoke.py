"""The rehearsal's command, as the playbook calls it."""

from pathlib import Path

import msgspec
import pytest

from kalshi_alpha.sim import rehearsal
from tools.failover_smoke import Report, main


def reported(capfd: pytest.CaptureFixture[str]) -> Report:
    return msgspec.json.decode(capfd.readouterr().out, type=Report)


def test_a_dry_run_says_yes_and_shows_each_transition(capfd: pytest.CaptureFixture[str]) -> None:
    status = main(["--dry-run", "--json"])
    report = reported(capfd)

    assert status == 0
    assert (report.ok, report.dry_run, report.slo_ms, report.recovery_s) == (True, True, {"polygon": 2_000, "massive": 2_000}, 5.0)
    assert [step.active for step in report.steps] == ["polygon", "massive", "polygon", "none", "polygon"]


def test_the_limits_of_the_settings_are_rehearsed(capfd: pytest.CaptureFixture[str]) -> None:
    settings = Path("configs/example.toml")

    assert main(["--dry-run", "--json", "--config", str(settings)]) == 0
    assert reported(capfd).ok


def test_a_controller_that_fails_says_no(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = rehearsal.rehearse
    monkeypatch.setattr(rehearsal, "rehearse", lambda config, begin_ns: (real(config, begin_ns)[0], []))

    assert main(["--dry-run"]) == 1
    text = capfd.readouterr().out
    assert "missing" in text
    assert text.endswith("FAILED\n")


def test_a_rehearsal_over_real_sockets_says_yes(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"]) == 0
    report = reported(capfd)

    assert (report.dry_run, report.speed) == (False, 10.0)
    assert [step.active for step in report.steps] == ["polygon", "massive", "polygon", "none", "polygon"]
