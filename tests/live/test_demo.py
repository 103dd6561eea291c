"""The demo over real sockets: its zeros hold, and Ctrl-C leaves nothing behind."""

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urljoin
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

import pytest

from tests.live.marked_secrets import forms, leaks, readings, secrets_of
from tests.live.venue import wait_until


def demo(root: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "kalshi_alpha.sim.demo", "--no-browser", "--json", "--root", str(root), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def hotrestart(flag: str, root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kalshi_alpha.sched.hotrestart", flag, "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def running_in(root: Path) -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(word.startswith(str(root)) for word in words):
            found.append(" ".join(words))
    return found


def test_a_day_with_outages_and_a_kill_keeps_its_zeros(tmp_path: Path) -> None:
    root = tmp_path / "run"
    process = demo(root, "--speed", "15", "--lead", "120")
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "?token=" in line:
            break
    page = Viewer(said[-1].split()[-1])
    page.thread.start()

    out, err = process.communicate(timeout=150)
    page.thread.join(10)

    err = "".join(said) + err
    assert process.returncode == 0, err
    card = json.loads(out)
    assert card["windows"] == 3
    assert card["quotes"] > 100
    assert card["fills"] > 0
    assert (card["orders_resting_after_freeze"], card["quotes_while_standing_down"], card["unknown_orders"]) == (0, 0, 0)
    assert len(card["restarts"]) == 1
    assert card["feed_seconds"]["massive"] > 0 < card["feed_seconds"]["none"]
    assert "SIGKILL to the trading process" in err
    assert "Both feeds are down" in (root / "REPORT.md").read_text()
    assert running_in(tmp_path) == []

    token = page.token.encode()
    secrets = secrets_of(root / "keys") | {"page": forms(token)}
    read = dict(readings(root, root / "keys")) | {"stdout": out.encode(), "stderr": err.replace(page.token, "").encode()}
    assert read.pop("data/console_token").strip().endswith(token)
    read |= {f"page {number}": state for number, state in enumerate(page.states)}
    assert len(page.states) > 20
    assert any("ticket" in name for name in read)
    assert leaks(secrets, read) == []


class Viewer:
    """Somebody who has the page open: keeps every state that it is sent, until the page is gone."""

    def __init__(self, address: str) -> None:
        self.token = address.partition("?token=")[2]
        self.states: list[bytes] = []
        self._address = address
        self.thread = Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        browser = build_opener(ProxyHandler({}), HTTPCookieProcessor())
        with contextlib.suppress(OSError):
            self.states.append(browser.open(self._address, timeout=5).read())
            while True:
                self.states.append(browser.open(urljoin(self._address, "/api/view"), timeout=5).read())
                Event().wait(0.5)


def test_ctrl_c_ends_it_with_nothing_resting_and_nothing_running(tmp_path: Path) -> None:
    root = tmp_path / "run"
    process = demo(root, "--speed", "15", "--lead", "120")
    wait_until(lambda: (root / "audit.jsonl").read_text().count("accepted") > 20)

    clock = (root / "clock.json").read_bytes()
    second = demo(root)
    _, refusal = second.communicate(timeout=30)
    captured = hotrestart("--capture", root)

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert (second.returncode, refusal) == (2, f"{root}: in use by process {process.pid}\n")
    assert (root / "clock.json").read_bytes() == clock
    assert captured.stdout.split(",")[0] in {"fresh", "stale"}, captured.stderr
    assert hotrestart("--restore", root).stdout.startswith("stale, ")
    assert "  starting\n" in err
    assert process.returncode == 0, err
    card = json.loads(out)
    assert card["stall"]["limit_ms"] == pytest.approx(133.3, abs=0.1)  # 2 s at speed 15
    assert len(card["recoveries"]) == len(card["recoveries_scripted"])
    assert card["unknown_orders"] == 0
    assert card["windows"] == 1
    assert running_in(tmp_path) == []
