"""The service manager hears that we are ready, that the loop turns, and that we leave; without one nobody is told."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kalshi_alpha.adapters.sd_notify import tell_manager, watchdog_every_s
from kalshi_alpha.exec.runners.service import keep_manager_told


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = str(tmp_path / "notify") if request.param == "file" else f"@kalshi-alpha-test-{os.getpid()}"
    listening.bind(path.replace("@", "\0", 1) if request.param == "abstract" else path)
    listening.settimeout(5)
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    yield listening
    listening.close()


def test_it_hears_ready_alive_and_leaving(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "40000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))

    async def scene() -> None:
        task = asyncio.create_task(keep_manager_told())
        heard = [await asyncio.to_thread(manager.recv, 100) for _ in range(3)]
        task.cancel()
        await asyncio.wait({task})
        heard.append(manager.recv(100))
        while heard[-1] == b"WATCHDOG=1":
            heard.append(manager.recv(100))
        assert heard[:3] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        assert heard[-1] == b"STOPPING=1"

    asyncio.run(scene())


def test_without_a_manager_nobody_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for address in ("", "nonsense", str(tmp_path / "nobody")):
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        assert not tell_manager("READY=1")


@pytest.mark.parametrize(
    ("limit", "pid", "every_s"),
    [("5000000", "", 2.5), ("5000000", "ours", 2.5), ("5000000", "1", None), ("", "", None), ("0", "", None), ("soon", "", None)],
)
def test_it_wants_to_hear_twice_within_its_limit(monkeypatch: pytest.MonkeyPatch, limit: str, pid: str, every_s: float | None) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", limit)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "ours" else pid)

    assert watchdog_every_s() == every_s
