"""The console as its own process, and the files it serves."""

import hashlib
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from kalshi_alpha.console.app import STATIC

MODULE = [sys.executable, "-m", "kalshi_alpha.console"]


def test_it_prints_its_address_serves_and_ends_on_sigterm(root: Path) -> None:
    with subprocess.Popen([*MODULE, "--root", str(root), "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = re.fullmatch(r"console (http://127\.0\.0\.1:\d+)/\?token=[0-9a-f]{64}\n", line)
        assert address is not None
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address[1] + "/", timeout=10)
        refused.value.close()
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=20)

    assert refused.value.code == 401
    assert status == 0


def test_the_address_survives_a_restart_as_json_too(root: Path) -> None:
    tokens = []
    for _ in range(2):
        with subprocess.Popen([*MODULE, "--root", str(root), "--port", "0", "--json"], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            text = ""
            while not text.endswith("}\n"):
                text += process.stdout.readline()
            process.terminate()
        tokens.append(json.loads(text)["url"].split("token=")[1])

    assert tokens[0] == tokens[1]


def test_a_taken_port_is_one_line_and_status_2(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        answer = subprocess.run(
            [*MODULE, "--root", str(root), "--port", str(port)], capture_output=True, text=True, timeout=30, check=False
        )

    assert answer.returncode == 2
    assert answer.stderr == f"port {port}: Address already in use\n"
    assert answer.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(["--root", "/nonexistent/folder"], "no such folder"), (["--port", "70000"], "not a port"), (["--port", "x"], "invalid int value")],
)
def test_wrong_use_is_one_line_and_status_2(arguments: list[str], complaint: str) -> None:
    answer = subprocess.run([*MODULE, *arguments], capture_output=True, text=True, timeout=30, check=False)

    assert answer.returncode == 2
    assert complaint in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_vendored_files_are_the_published_ones() -> None:
    vendored = STATIC / "vendor" / "uplot"
    listed = dict(line.split("  ")[::-1] for line in (vendored / "SHA256SUMS").read_text().splitlines())

    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in vendored.iterdir() if path.name != "SHA256SUMS"} == listed


def test_the_page_has_no_inline_code_and_puts_text_in_as_text_only() -> None:
    own = [path for path in STATIC.iterdir() if path.suffix in {".html", ".js"}]
    markup = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\bon[a-z]+=|\bstyle=|<style")

    assert len(own) > 5
    assert [path.name for path in own if markup.search(path.read_text())] == []
