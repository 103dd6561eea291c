"""docs/running.md, step by step: its commands put simulators and trading process into a window together."""

import contextlib
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kalshi_alpha.adapters.control_socket import ControlError, Status, control_path, send_command
from tests.live.venue import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def steps(ports: dict[str, str]) -> list[str]:
    """Return the commands of the page's section, in order, with free ports in place of its own."""
    section = (REPOSITORY / "docs" / "running.md").read_text().split("\n## ")[1]
    blocks = section.split("```console\n")[2:]  # the first one is about a demo
    found = [line for block in blocks for line in block.split("```")[0].splitlines()]
    for named, free in ports.items():
        found = [line.replace(named, free) for line in found]
    return found


def free_ports(count: int) -> list[str]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [str(one.getsockname()[1]) for one in sockets]


@contextlib.contextmanager
def running(command: str, folder: Path) -> Iterator[None]:
    """Run a command for as long as the block lasts."""
    program, *arguments = shlex.split(command)
    process = subprocess.Popen([str(BIN / program), *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield
    finally:
        process.terminate()
        process.communicate(timeout=15)


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{BIN}:/usr/bin:/bin"
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env={"PATH": path}, capture_output=True, text=True, timeout=60, check=False
    )


def engine_answers(root: Path) -> bool:
    try:
        return send_command(control_path(root), Status(), 1.0).ok
    except ControlError:
        return False


def test_the_steps_end_with_quotes(tmp_path: Path) -> None:
    ports = dict(zip(("8700", "8701", "8702"), free_ports(3), strict=True))
    (tmp_path / "configs").mkdir()
    example = (REPOSITORY / "configs" / "example.toml").read_text()
    for named, free in ports.items():
        example = example.replace(f":{named}/", f":{free}/")
    (tmp_path / "configs" / "example.toml").write_text(example)
    plan, exchange, polygon, massive, key, settings, scan, run, console = steps(ports)

    written = shell(plan, tmp_path)

    assert written.returncode == 0, written.stderr
    with running(exchange, tmp_path), running(polygon, tmp_path), running(massive, tmp_path):
        wait_until((tmp_path / "sim-keys" / "ed25519.pem").exists)
        wait_until(lambda: all(listens(port) for port in ports.values()))
        assert shell(f"{key} && {settings}", tmp_path).returncode == 0
        scanned = shell(scan, tmp_path)
        assert scanned.returncode == 0, scanned.stdout + scanned.stderr
        assert "KXINXU-26NOV23H1000" in scanned.stdout
        with running(run, tmp_path):
            wait_until(lambda: engine_answers(tmp_path))
            captured = shell("python -m kalshi_alpha.sched.hotrestart --capture", tmp_path)
    assert captured.returncode == 0, captured.stdout + captured.stderr
    assert captured.stdout.startswith("fresh, ")
    assert console.startswith("python -m kalshi_alpha.console ")


def listens(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


@pytest.mark.parametrize("command", ["--capture --root nowhere"])
def test_a_capture_needs_a_running_engine(command: str, tmp_path: Path) -> None:
    done = shell(f"python -m kalshi_alpha.sched.hotrestart {command}", tmp_path)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
