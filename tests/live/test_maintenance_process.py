"""Maintenance in the real trading process, over real sockets and by the real command."""

import subprocess
import sys
from pathlib import Path

import msgspec

from kalshi_alpha.model.clock import NS_PER_S, iso_utc
from kalshi_alpha.sim.script import DEMO_DAY, demo_script, windows_config
from tests.live.venue import servers, wait_until


def command(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "kalshi_alpha.sched.maintenance", *arguments, "--root", str(root)]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)


def test_the_operators_slot_stands_a_running_process_down_and_its_removal_lets_it_quote_again(tmp_path: Path) -> None:
    start_ns = demo_script(1, DEMO_DAY, windows_config(all_windows=False)).windows[0].start_ns
    span = ["--from", iso_utc(start_ns + 400 * NS_PER_S), "--to", iso_utc(start_ns + 4_000 * NS_PER_S)]
    with servers(tmp_path) as venue:
        venue.trader()
        wait_until(lambda: len(venue.resting()) > 4)
        added = command(tmp_path, "add", *span, "--note", "told by phone", "--now", iso_utc(start_ns))
        report = tmp_path / "REPORT.md"
        wait_until(lambda: report.exists() and "Nothing rests at the venue" in report.read_text())
        wait_until(lambda: "Snapshot stored and read back" in report.read_text())

        assert "the running engine follows it" in added.stdout, added.stderr
        assert venue.resting() == []
        refused = command(tmp_path, "confirm")
        assert (refused.returncode, refused.stdout) == (1, "nothing waits for a confirmation: verified\n")
        calendar = command(tmp_path, "--json", "--config", str(venue.config), "--now", iso_utc(start_ns))
        assert calendar.returncode == 0, calendar.stderr
        told = msgspec.json.decode(calendar.stdout)
        assert [one["sources"] for one in told["maintenances"]] == [["operator"], ["schedule", "weekly"]]
        placed = len(venue.accepted())
        assert command(tmp_path, "remove", "op-1").returncode == 0
        wait_until(lambda: len(venue.accepted()) > placed)
        wait_until(lambda: "Quoting may resume" in report.read_text())
