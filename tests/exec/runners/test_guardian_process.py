"""The guardian's start: what is wrong with its input is one line that names it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kalshi_alpha.adapters.files import lock_folder
from tests.exec.runners.test_trade import settings_file


def section(root: Path, **changed: str) -> str:
    keys = root / "keys" / "guardian"
    named = {"key_id_file": str(keys / "key_id"), "private_key_file": str(keys / "ed25519.pem"), **changed}
    return "\n".join(["[guardian]", *(f'{key} = "{value}"' for key, value in named.items())])


def refusal(root: Path, tail: str) -> str:
    file = settings_file(root, tail=tail)
    command = [sys.executable, "-m", "kalshi_alpha.exec.runners.guardian", "--config", str(file), "--root", str(root)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (answer.returncode, answer.stdout) == (2, ""), answer.stderr
    assert answer.stderr.count("\n") == 1, answer.stderr
    return answer.stderr


def test_without_its_section_it_doesnt_start(tmp_path: Path) -> None:
    assert "config.toml: no section [guardian]" in refusal(tmp_path, "")


def test_it_refuses_the_trading_processs_own_key(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    tail = section(tmp_path, key_id_file=str(keys / "key_id"), private_key_file=str(keys / "ed25519.pem"))

    assert f"guardian.key_id_file is '{keys / 'key_id'}': the trading process's key" in refusal(tmp_path, tail)


@pytest.mark.parametrize("name", ["key_id_file", "private_key_file"])
def test_a_key_file_that_isnt_there_is_named(tmp_path: Path, name: str) -> None:
    assert "/absent" in refusal(tmp_path, section(tmp_path, **{name: str(tmp_path / "absent")}))


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    settings_file(tmp_path)
    key = tmp_path / "keys" / "guardian" / "ed25519.pem"
    key.chmod(0o640)

    assert f"{key}: mode 0640" in refusal(tmp_path, section(tmp_path))


@pytest.mark.parametrize("line", ["silent_s = 0.5", "look_s = 5.0", "venue_every_s = 0.1", "typo = 1"])
def test_a_setting_out_of_its_range_is_named(tmp_path: Path, line: str) -> None:
    assert line.split(maxsplit=1)[0] in refusal(tmp_path, f"{section(tmp_path)}\n{line}")


def test_paper_stays_on_loopback(tmp_path: Path) -> None:
    file = settings_file(tmp_path, tail=section(tmp_path), rest_url="https://venue.example/trade-api/v2")
    command = [sys.executable, "-m", "kalshi_alpha.exec.runners.guardian", "--config", str(file), "--root", str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert answer.returncode == 2
    assert "loopback only, not to https://venue.example" in answer.stderr


def test_a_folder_that_another_guardian_watches_is_refused(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "data" / "guardian"):
        assert "in use by process" in refusal(tmp_path, section(tmp_path))


def test_the_service_manager_hears_of_each_look_and_of_the_end(tmp_path: Path) -> None:
    file = settings_file(tmp_path, tail=section(tmp_path))
    command = [sys.executable, "-m", "kalshi_alpha.exec.runners.guardian", "--config", str(file), "--root", str(tmp_path)]
    told = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "10000000"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(told["NOTIFY_SOCKET"])
        manager.settimeout(20)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | told) as guardian:
            heard = [manager.recv(100) for _ in range(4)]
            guardian.terminate()
            while heard[-1] != b"STOPPING=1":
                heard.append(manager.recv(100))

    assert (heard[0], heard[-1]) == (b"READY=1", b"STOPPING=1")
    assert set(heard[1:-1]) == {b"WATCHDOG=1"}
    assert guardian.returncode == 0


def test_nothing_of_the_engine_is_loaded_so_that_no_defect_of_its_can_stop_the_guardian() -> None:
    program = "import sys, kalshi_alpha.exec.runners.guardian; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True).stdout.split()

    foreign = {"kalshi_alpha.exec.engine", "kalshi_alpha.exec.planner", "kalshi_alpha.exec.shell", "kalshi_alpha.adapters.kalshi.rest"}
    assert foreign.isdisjoint(loaded)
