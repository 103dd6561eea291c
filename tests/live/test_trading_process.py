"""The trading process over real sockets, against simulated servers that are processes of their own."""

import json
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
from playwright.sync_api import expect, sync_playwright
from typing_extensions import override

from kalshi_alpha.adapters.control_socket import Stop, control_path, send_command
from kalshi_alpha.exec.state.orders_cli import Outstanding
from tests.console.test_page import CHROMIUM, FLAGS
from tests.live.venue import Servers, servers, wait_until


def run_trader(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kalshi_alpha.exec.runners.trade", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_it_quotes_and_leaves_nothing_resting_on_sigterm(tmp_path: Path) -> None:
    with servers(tmp_path) as venue:
        trader = venue.trader()
        wait_until(lambda: len(venue.accepted()) > 30)

        status = trader.end()

        assert status == 0
        assert venue.resting() == []


def test_the_service_manager_hears_that_it_is_ready_alive_and_leaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(20)
    with manager, servers(tmp_path) as venue:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "400000")
        trader = venue.trader()
        heard = [manager.recv(100) for _ in range(4)]
        trader.end()
        while heard[-1] == b"WATCHDOG=1":
            heard.append(manager.recv(100))

    assert heard[0] == b"READY=1"
    assert set(heard[1:-1]) == {b"WATCHDOG=1"}
    assert heard[-1] == b"STOPPING=1"


def test_a_killed_process_restarts_and_its_old_orders_are_gone(tmp_path: Path) -> None:
    with servers(tmp_path) as venue:
        trader = venue.trader()
        wait_until(lambda: len(venue.resting()) > 10)
        old_epoch = venue.accepted()[0].split("-")[0]

        trader.kill()
        trader.end()
        venue.trader()
        wait_until(lambda: not venue.accepted()[-1].startswith(old_epoch))

        of_epoch = {event.order_id: event.client_order_id for event in venue.log() if event.kind == "accepted"}
        assert [order_id for order_id in venue.resting() if of_epoch[order_id].startswith(old_epoch)] == []
        wait_until(lambda: "Restarted as epoch" in (tmp_path / "REPORT.md").read_text())


def test_a_confirmed_stop_outlives_the_kill_that_follows_it(tmp_path: Path) -> None:
    with servers(tmp_path) as venue:
        trader = venue.trader()
        wait_until(lambda: len(venue.resting()) > 10)

        epoch = venue.accepted()[0].split("-")[0]
        reply = send_command(control_path(tmp_path), Stop("anna", "drill"), 5.0)
        trader.kill()
        trader.end()
        venue.trader()
        wait_until(lambda: "Restarted as epoch" in (tmp_path / "REPORT.md").read_text())

        assert reply.ok
        wait_until(lambda: venue.resting() == [])
        assert {client_id.split("-")[0] for client_id in venue.accepted()} == {epoch}


class Target(BaseHTTPRequestHandler):
    """Takes alerts."""

    titles: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.titles.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["title"])
        self.send_response(200)
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_both_feeds_down_reach_the_operator_who_takes_it_on(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    targets = tmp_path / "targets"
    targets.touch(mode=0o600)
    targets.write_text(f"json://127.0.0.1:{server.server_address[1]}\n")
    with servers(tmp_path) as venue:
        venue.config.write_text(venue.config.read_text().replace("[clock]", f'[alerts]\ntargets_file = "{targets}"\n[clock]'))
        trader = venue.trader()
        wait_until(lambda: len(venue.resting()) > 5)
        for leg in ("polygon", "massive"):
            venue.children[leg].kill()

        wait_until(lambda: "kalshi-alpha: Both feeds are down" in Target.titles)
        command = [sys.executable, "-m", "kalshi_alpha.exec.runners.alerts", "--root", str(tmp_path)]
        listed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        taken = subprocess.run([*command, "--ack", "both_feeds"], capture_output=True, text=True, timeout=30, check=False)
        trader.end()

    server.shutdown()
    server.server_close()
    assert (listed.returncode, taken.returncode) == (1, 0)
    assert "page    both_feeds: Both feeds are down" in listed.stdout
    assert "taken on by" in taken.stdout


def orders_command(root: Path, *arguments: str) -> tuple[int, Outstanding]:
    command = [sys.executable, "-m", "kalshi_alpha.exec.state.orders", "--json", "--root", str(root), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    return done.returncode, msgspec.json.decode(done.stdout, type=Outstanding)


def test_another_process_cancels_everything_and_clears_it_again(tmp_path: Path) -> None:
    with servers(tmp_path) as venue:
        trader = venue.trader()
        wait_until(lambda: len(venue.resting()) > 10)
        shown = orders_command(tmp_path)
        status, after = orders_command(tmp_path, "--mark-cancel-all", "drill")
        resting, placed = venue.resting(), len(venue.accepted())

        assert (shown[0], shown[1].source) == (0, "engine")
        assert shown[1].outstanding > 0
        assert (status, after.outstanding, after.latches) == (0, 0, ("drill",))
        assert resting == []
        trader.end()
        assert orders_command(tmp_path)[1].latches == ("drill",)
        venue.trader()
        wait_until(lambda: orders_command(tmp_path)[1].source == "engine")
        assert len(venue.accepted()) == placed
        status, after = orders_command(tmp_path, "--clear", "drill")
        assert (status, after.latches) == (0, ())
        wait_until(lambda: len(venue.accepted()) > placed)


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} isn't installed (apt-get install chromium)")
def test_the_page_shows_an_outage_and_its_stop_leaves_nothing_resting(tmp_path: Path) -> None:
    with servers(tmp_path) as venue, sync_playwright() as driver:
        trader = venue.trader()
        address = venue.console()
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page()
        page.goto(address)
        expect(page.locator("#state")).to_have_text("QUOTING", timeout=30_000)
        first = page.inner_text("#count")
        expect(page.locator("#count")).not_to_have_text(first, timeout=30_000)

        venue.children["polygon"].kill()
        expect(page.locator("#feeds")).to_contain_text("disconnected", timeout=20_000)
        expect(page.locator("#incidents")).to_contain_text("massive is the active feed", timeout=20_000)
        page.click("#stop")
        expect(page.locator("#stop-status")).to_contain_text("nothing rests", timeout=30_000)

        assert venue.resting() == []
        placed = len(venue.accepted())
        trader.end()
        venue.trader()
        expect(page.locator("#why")).to_contain_text("STOP", timeout=30_000)
        page.wait_for_timeout(1_500)
        assert len(venue.accepted()) == placed
        browser.close()


def broken(venue: Servers, old: str, new: str) -> Path:
    file = venue.root / "broken.toml"
    text = venue.config.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return file


def test_bad_input_is_one_line_that_names_the_value(tmp_path: Path) -> None:
    with servers(tmp_path) as venue:
        key = tmp_path / "keys" / "open_key"
        key.write_text("x")
        key.chmod(0o644)
        (tmp_path / "none.toml").write_text("[venue")
        cases = {
            "missing.toml": str(tmp_path / "missing.toml"),
            "none.toml": str(tmp_path / "none.toml"),
            "typo_s": str(broken(venue, "[clock]", "[quoting]\ntypo_s = 1\n[clock]")),
        }
        answers = {value: run_trader("--config", file, "--root", str(tmp_path / "other")) for value, file in cases.items()}
        answers["open_key"] = run_trader("--config", str(broken(venue, "ed25519.pem", "open_key")), "--root", str(tmp_path / "other"))
        answers["absent"] = run_trader("--config", str(broken(venue, "ed25519.pem", "absent")), "--root", str(tmp_path / "other"))
        answers["example.com"] = run_trader(
            "--config", str(broken(venue, "http://127.0.0.1", "http://example.com")), "--root", str(tmp_path / "other")
        )
        answers["--config"] = run_trader()

        assert {value: answer.returncode for value, answer in answers.items()} == dict.fromkeys(answers, 2)
        for value, answer in answers.items():
            assert value in answer.stderr
            assert answer.stderr.count("\n") == 1
            assert not answer.stdout


def test_a_scan_prices_the_ladder_and_writes_its_proposals(tmp_path: Path) -> None:
    with servers(tmp_path) as venue:
        command = [sys.executable, "-m", "kalshi_alpha.exec.runners.scan_ladders", "--series", "INXU", "--root", str(venue.root)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

        assert done.returncode == 0, done.stderr
        assert "want bid" in done.stdout
        assert len((tmp_path / "proposals" / "2026-11-23.jsonl").read_text().splitlines()) > 5
        assert "KXINXU-26NOV23H1000" in (tmp_path / "reports" / "INXU" / "2026-11-23.md").read_text()
        venue.children["polygon"].end()
        venue.children["massive"].end()
        blind = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert blind.returncode == 3
        assert "no index feed" in blind.stderr
