"""Every command of the runbooks is run as it stands there, in a folder like an operator's."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from kalshi_alpha.adapters.files import FileSnapshotStore, Layout
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.sched.hotrestart import HotRestartManager
from kalshi_alpha.sched.special_hours import parse_special_hours
from kalshi_alpha.sim.fast import virtual_config
from tests.exec.runners.test_guardian_process import section
from tests.exec.runners.test_trade import settings_file
from tests.test_tidy import ROOT

PAGES = [ROOT / "docs" / "runbooks" / name for name in ("hourly.md", "eod.md")]
BLOCK = re.compile(r"^ *```(?P<kind>console|bash|toml)\n(?P<text>.*?)^ *```", re.MULTILINE | re.DOTALL)
SAYS_NO = ("2026-11-26", "sched.hotrestart --restore")
"""What stands in a command whose exit status the page says is 1."""


def blocks(*kinds: str) -> list[str]:
    return [textwrap.dedent(match["text"]) for page in PAGES for match in BLOCK.finditer(page.read_text()) if match["kind"] in kinds]


NOBODY_THERE = "--url http://127.0.0.1:9/trade-api/v2 --seconds 0"
"""Practice must not reach the venue."""


def console_of(page: str) -> list[str]:
    text = (ROOT / "docs" / "runbooks" / page).read_text()
    return [line for match in BLOCK.finditer(text) if match["kind"] == "console" for line in match["text"].splitlines()]


def commands() -> list[str]:
    return [line for block in blocks("console") for line in block.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the shipped settings and the snapshot of a process that has ended."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    engine, now = Engine(virtual_config(WindowsConfig())), SystemClock().now()
    store = FileSnapshotStore(Layout(tmp_path).snapshot)
    Layout(tmp_path).snapshot.parent.mkdir(parents=True)
    HotRestartManager(store).capture(engine.snapshot(type(now)(now.utc_ns - 60 * 10**9, now.mono_ns), 0))
    return tmp_path


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    return subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("command", commands())
def test_a_command_does_what_the_runbook_says(command: str, folder: Path) -> None:
    expected = 1 if any(mark in command for mark in SAYS_NO) else 0

    done = run(command, folder)

    assert done.returncode == expected, done.stderr
    assert "warning " not in done.stdout  # an offset that New York doesn't have
    assert done.stdout or (folder / "kalshi-alpha.ics").read_text().startswith("BEGIN:VCALENDAR")


def test_every_page_has_commands() -> None:
    assert len(commands()) >= 14
    assert all("```console" in page.read_text() for page in PAGES)


def test_the_hot_restart_drill_finds_the_snapshot_fresh(folder: Path) -> None:
    (snippet,) = blocks("bash")
    assert snippet.startswith("python - <<'PY'\n")

    done = run(snippet, folder)

    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"fresh, \d\.\d{3} s old; window none, 0 orders may rest\n", done.stdout)


def test_the_drill_says_when_there_is_nothing_to_restore(tmp_path: Path) -> None:
    (snippet,) = blocks("bash")

    done = run(snippet, tmp_path)

    assert done.returncode == 1
    assert "no usable snapshot here" in done.stderr


def test_the_special_hours_shown_can_be_read() -> None:
    (shown,) = blocks("toml")

    (day,) = parse_special_hours(f"schema_version = 1\n{shown}", "the runbook").days

    assert day.date == "2026-12-31"


def test_the_commands_for_a_failed_feed_run_in_their_order(folder: Path) -> None:
    text = (ROOT / "docs" / "runbooks" / "outage_playbook.md").read_text().split("# When the venue is in maintenance")[0]
    asked = [line for match in BLOCK.finditer(text) if match["kind"] == "console" for line in match["text"].splitlines()]
    # These act on a running engine, and none runs here; tests/live has one.
    needs_engine = ("kalshi-alpha alerts", "--mark-cancel-all", "maintenance confirm", "--clear")

    assert len(asked) == 6
    for command in asked:
        done = run(command, folder)
        assert done.returncode == (3 if any(mark in command for mark in needs_engine) else 0), (command, done.stderr)
        assert len(done.stderr.splitlines()) <= 1


def test_the_commands_of_a_restart_run_and_the_drill_kills_a_real_process(folder: Path) -> None:
    asked = console_of("restart.md")
    needs_engine = ("--mark-cancel-all", "--clear")

    assert len(asked) == 7
    for command in asked:
        done = run(command, folder)
        if command.startswith("kalshi-alpha drill"):
            name = command.split()[2]
            assert f"{name}: 1 kills" in done.stdout, done.stderr
            record = json.loads((folder / "reports" / "_artifacts" / "drills" / f"{name}.json").read_text())
            assert [told for told in record["failures"] if name == "stop" or not told.startswith("p99")] == []
            continue
        expected = 3 if any(mark in command for mark in needs_engine) else 1 if "hotrestart" in command else 0
        assert done.returncode == expected, (command, done.stderr)


def test_the_ways_to_an_empty_book_do_what_the_runbook_says(folder: Path) -> None:
    asked = console_of("stop.md")
    settings_file(folder, tail=section(folder))
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    shutil.copy(folder / "keys" / "guardian" / "key_id", folder / "keys" / "emergency_key_id")
    shutil.copy(folder / "keys" / "guardian" / "ed25519.pem", folder / "keys" / "emergency_key.pem")

    shown, stopped, cleared, guardian, script = [
        run(command, folder) for command in (*asked[:3], f"timeout 3 {asked[3]}", f"{asked[4]} {NOBODY_THERE}")
    ]

    assert (shown.returncode, stopped.returncode, cleared.returncode) == (0, 3, 3)
    assert "a STOP is left for the next start" in stopped.stderr
    assert guardian.stdout == "guardian watches .\n"
    assert (folder / "data" / "guardian.json").exists()
    assert script.returncode == 3, script.stderr
    assert "cancel-all: no answer" in script.stderr
