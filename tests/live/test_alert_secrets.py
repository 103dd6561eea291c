"""The real sender with marked tokens in its addresses: it delivers, is refused, finds nobody, and tells none of them."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typing_extensions import override

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.outbox import Outbox
from kalshi_alpha.model.alerts import AlertMessage
from tests.live.marked_secrets import forms, leaks, readings
from tests.live.venue import wait_until

TOKENS = {
    "taker": "TakerMark7Q2xV9",
    "refuser": "RefuserMark3Kz8Lp",
    "nobody": "NobodyMark5Wt1Rn",
    "alien": "AlienMark9Bd4Hs",
    "dead man": "DeadMark6Yc2Jf",
}


@pytest.fixture
def web() -> Iterator[tuple[int, list[str]]]:
    """Serve what takes everything but on ``/refuse``; yield its port and the paths it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.do_GET()

        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(500 if self.path.startswith("/refuse") else 200)
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], paths
    server.shutdown()
    server.server_close()


def private(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.touch(0o600)
    path.write_text(text)
    return path


def test_no_address_is_told_by_who_delivers_to_it(tmp_path: Path, web: tuple[int, list[str]]) -> None:
    port, paths = web
    targets = (
        f"json://user:{TOKENS['taker']}@127.0.0.1:{port}/take/{TOKENS['taker']}\n"
        f"json://127.0.0.1:{port}/refuse?+token={TOKENS['refuser']}\n"
        f"json://{TOKENS['nobody']}@127.0.0.1:1/\n"
        f"alien://{TOKENS['alien']}/\n"
    )
    keys, root = tmp_path / "keys", tmp_path / "root"
    targets_file = private(keys / "targets", targets)
    dead_man_file = private(keys / "dead_man", f"http://127.0.0.1:{port}/refuse/{TOKENS['dead man']}")
    config = tmp_path / "config.toml"
    text = Path("configs/example.toml").read_text()
    config.write_text(
        text.replace('targets_file = ""', f'targets_file = "{targets_file}"').replace(
            'dead_man_file = ""', f'dead_man_file = "{dead_man_file}"'
        )
    )
    layout = Layout(root)
    layout.snapshot.parent.mkdir(parents=True)
    layout.snapshot.write_bytes(b"alive")
    layout.outbox.mkdir(parents=True, exist_ok=True)
    Outbox(layout.outbox).put(AlertMessage("both_feeds-1", "raised", "page", "Both feeds are down", "active: none", 10**9))

    command = [sys.executable, "-m", "kalshi_alpha.exec.runners.alert_sender", "--config", str(config), "--root", str(root)]
    with (tmp_path / "said").open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as sender:
        try:
            wait_until(lambda: f"/take/{TOKENS['taker']}" in paths and sum(path.startswith("/refuse") for path in paths) > 2)
        finally:
            sender.terminate()
        status = sender.wait(30)

    secrets = {name: forms(token.encode()) for name, token in TOKENS.items()}
    read = dict(readings(tmp_path, keys))
    assert status == 0
    assert f"/refuse/{TOKENS['dead man']}" in paths
    assert read["said"].count(b"\n") > 1
    assert leaks(secrets, read) == []
    assert leaks(secrets, {"targets": targets.encode()}) == [f"targets holds {name}" for name in secrets if name != "dead man"]
