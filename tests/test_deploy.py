"""The systemd units are sound, start what exists, and never give up."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from kalshi_alpha.__main__ import COMMANDS
from tests.test_tidy import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def read(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    parser.read_string(unit.read_text())
    return parser


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_starts_a_command_that_exists_and_starts_it_again_for_ever(unit: Path) -> None:
    parser = read(unit)

    assert parser["Service"]["ExecStart"].split()[1] in COMMANDS
    assert parser["Unit"]["StartLimitIntervalSec"] == "0"
    assert parser["Service"]["Restart"] == "always"
    assert parser["Service"]["NoNewPrivileges"] == "yes"


def test_the_trading_process_is_ready_by_its_own_word_and_watched() -> None:
    service = read(ROOT / "deploy" / "systemd" / "kalshi-alpha-trader.service")["Service"]

    assert (service["Type"], service["WatchdogSec"], service["RestartSec"]) == ("notify", "5", "100ms")


def test_the_guardian_is_watched_and_in_nobodys_tree() -> None:
    unit = read(ROOT / "deploy" / "systemd" / "kalshi-alpha-guardian.service")

    assert (unit["Service"]["Type"], unit["Service"]["WatchdogSec"]) == ("notify", "10")
    assert not {"BindsTo", "PartOf", "Requires", "Requisite"} & set(unit["Unit"])
    assert "trader" not in unit["Unit"]["After"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_has_nothing_to_say_of_a_unit(unit: Path, tmp_path: Path) -> None:
    text = (
        unit.read_text().replace("/opt/kalshi-alpha/.venv/bin/kalshi-alpha", "/bin/true").replace("After=kalshi-alpha-trader.service\n", "")
    )
    copy = tmp_path / unit.name
    copy.write_text(text)

    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, timeout=60, check=False)

    complaints = [line for line in done.stderr.splitlines() if unit.name in line]
    assert complaints == []
