"""The command: one line that says where it listens, loopback only, one line of error."""

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import ClientSession

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "kalshi_alpha.sim.feed"]


async def first_values(port: int, count: int, key: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    async with ClientSession() as http, http.ws_connect(f"ws://127.0.0.1:{port}/indices") as stream:
        await stream.send_json({"action": "auth", "params": key})
        await stream.send_json({"action": "subscribe", "params": "V.I:SPX"})
        async with asyncio.timeout(30):
            while len(found) < count:
                found += [message for message in json.loads(await stream.receive_str()) if message["ev"] == "V"]
    return found


def test_it_says_where_it_listens_and_publishes_the_day() -> None:
    arguments = ["--port", "0", "--api-key", "K", "--leg", "massive", "--now", "2026-11-23T10:00:00-05:00", "--speed", "20", "--seed", "3"]
    with subprocess.Popen([*COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = int(line.split(":")[-1])
        try:
            found = asyncio.run(first_values(port, 5, "K"))
        finally:
            process.terminate()

    assert line == f"listening ws://127.0.0.1:{port}/indices http://127.0.0.1:{port}\n"
    assert process.returncode == 0
    stamps = [message["t"] for message in found]
    assert all(isinstance(stamp, int) and 1_795_446_000_000 <= stamp < 1_795_447_000_000 for stamp in stamps)
    assert len(set(stamps)) == 5


def test_a_port_in_use_is_one_line_and_status_two() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ["--port", str(port), "--now", "2026-11-23T10:00:00-05:00"]
        answer = subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1
    assert str(port) in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--now", "2026-11-23T10:00:00"], "2026-11-23T10:00:00"),
        (["--now", "2026-11-23T10:00:00-05:00", "--speed", "0"], "0"),
        (["--day", "2026-11-22"], "2026-11-22"),
        (["--now", "2026-11-23T10:00:00-05:00", "--faults", "/nowhere.json"], "/nowhere.json"),
        (["--now", "2026-11-23T10:00:00-05:00", "--minutes", "/nowhere"], "/nowhere"),
        (["--port", "x"], "x"),
        (["--port", "99999"], "99999"),
    ],
)
def test_wrong_use_is_one_line_that_names_the_value(arguments: list[str], named: str) -> None:
    answer = subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert named in answer.stderr
