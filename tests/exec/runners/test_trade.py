"""The trading process's start: what is wrong with its input is one line that names it, and nothing is left running."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kalshi_alpha.adapters.control_socket import Stop, control_path, send_command
from kalshi_alpha.adapters.files import lock_folder
from kalshi_alpha.adapters.stop_request import request_stop_offline
from kalshi_alpha.sim.exchange.keys import load_keys
from tests.live.venue import servers, wait_until

NOBODY = "127.0.0.1:9"
"""The discard port: nothing listens there."""


def settings_file(root: Path, **changed: str) -> Path:
    """Write settings for simulators that don't run, with their keys."""
    keys = root / "keys"
    load_keys(keys)
    api_key = keys / "api_key"
    api_key.touch(mode=0o600)
    api_key.write_text("sim-key\n")
    values = {
        "rest_url": f"http://{NOBODY}/trade-api/v2",
        "ws_url": f"ws://{NOBODY}/trade-api/ws/v2",
        "private_key": str(keys / "ed25519.pem"),
        "polygon": f"ws://{NOBODY}/indices",
        "tail": "",
        **changed,
    }
    text = f"""schema_version = 1
[venue]
rest_url = "{values["rest_url"]}"
ws_url = "{values["ws_url"]}"
key_id_file = "{keys / "key_id"}"
private_key_file = "{values["private_key"]}"
[feeds.polygon]
url = "{values["polygon"]}"
api_key_file = "{api_key}"
[feeds.massive]
url = "ws://{NOBODY}/indices"
api_key_file = "{api_key}"
{values["tail"]}
"""
    file = root / "config.toml"
    file.write_text(text)
    return file


def run_trader(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kalshi_alpha.exec.runners.trade", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def refusal(file: Path, root: Path) -> str:
    """Start it and return the one line with which it refuses."""
    answer = run_trader("--config", str(file), "--root", str(root))
    assert answer.returncode == 2, answer.stderr
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1, answer.stderr
    return answer.stderr


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"rest_url": "ftp://127.0.0.1/v2"}, "venue.rest_url is 'ftp://127.0.0.1/v2'"),
        ({"rest_url": "http://[::1"}, "venue.rest_url is 'http://[::1'"),
        ({"ws_url": "http://127.0.0.1/ws"}, "venue.ws_url is 'http://127.0.0.1/ws'"),
        ({"polygon": "ws://127.0.0.1:70000/indices"}, "feeds.polygon.url is 'ws://127.0.0.1:70000/indices'"),
        ({"ws_url": "wss://venue.example/ws"}, "wss://venue.example/ws"),
        ({"polygon": "wss://socket.example/indices"}, "loopback only, not to wss://socket.example/indices"),
        ({"tail": '[maintenance]\nstatus_page_url = "https://status.example"'}, "loopback only, not to https://status.example"),
        ({"tail": '[feeds]\nrest_url = "https://api.example"'}, "loopback only, not to https://api.example"),
        ({"tail": '[feeds]\nrest_url = "ws://127.0.0.1:9"'}, "feeds.rest_url is 'ws://127.0.0.1:9'"),
        ({"rest_url": "http://127.0.0.1\\r\\nX: y/v2"}, r"venue.rest_url is 'http://127.0.0.1\r\nX: y/v2'"),
        ({"rest_url": "http://127.0.0.1/träde"}, "venue.rest_url is 'http://127.0.0.1/träde'"),
        ({"rest_url": "http://127.0.0.1/a b"}, "venue.rest_url is 'http://127.0.0.1/a b'"),
        ({"rest_url": "http://:secret@127.0.0.1/v2"}, "venue.rest_url is 'http://:secret@127.0.0.1/v2'"),
        ({"tail": "[quoting]\nedge_p = nan"}, "quoting.edge_p is nan: "),
        ({"tail": "[windows]\nfreeze_s = 0"}, "windows.freeze_s is 0"),
        ({"tail": '[clock]\nplan_file = "nowhere.json"'}, "nowhere.json"),
        ({"tail": '[windows]\nspecial_hours_file = "no_hours.toml"'}, "no_hours.toml: No such file or directory"),
        ({"tail": '[windows]\nspecial_hours_file = "pyproject.toml"'}, "pyproject.toml: unknown key 'build-system'"),
    ],
)
def test_settings_that_cannot_work_are_named(tmp_path: Path, changed: dict[str, str], named: str) -> None:
    file = settings_file(tmp_path, **changed)

    told = refusal(file, tmp_path / "run")

    assert named in told
    assert not (tmp_path / "run").exists()


def test_a_key_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.touch(mode=0o600)
    wrong.write_text("hello\n")

    assert str(wrong) in refusal(settings_file(tmp_path, private_key=str(wrong)), tmp_path / "run")


def test_a_folder_in_use_is_named_with_its_owner(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    with lock_folder(tmp_path / "data"):
        told = refusal(file, tmp_path)

    assert f"{tmp_path / 'data'}: in use by process " in told


def test_a_journal_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal").touch()

    assert str(tmp_path / "data" / "journal") in refusal(settings_file(tmp_path), tmp_path)


def test_a_folder_too_deep_for_the_control_socket_is_named(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)

    told = refusal(settings_file(tmp_path), deep)

    assert str(control_path(deep)) in told
    assert not deep.exists()


@pytest.mark.parametrize("speed", ["0", "-3", "1e300"])
def test_a_clock_that_cannot_run_is_named_with_its_file(tmp_path: Path, speed: str) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(f'{{"segments": [{{"real_ns": 0, "utc_ns": 0, "speed": {speed}}}]}}')

    told = refusal(settings_file(tmp_path, tail=f'[clock]\nplan_file = "{plan}"'), tmp_path / "run")

    assert told == f"clock plan {plan}: speed is {float(speed)}: expected above 0, at most 10000\n"


def test_a_stop_that_cannot_be_removed_is_latched_and_stays(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    (tmp_path / "data" / "stop_request.json").mkdir(parents=True)

    answer = run_trader("--config", str(file), "--root", str(tmp_path))

    assert answer.returncode == 3
    assert "Traceback" not in answer.stderr
    assert "stop_request_left" in answer.stderr
    assert b"operator_stop" in b"".join(part.read_bytes() for part in (tmp_path / "data" / "journal").iterdir())
    assert (tmp_path / "data" / "stop_request.json").is_dir()


def test_a_pipe_in_the_snapshots_place_is_set_aside(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "data" / "snapshot.json")

    answer = run_trader("--config", str(file), "--root", str(tmp_path))

    assert answer.returncode == 3
    assert "snapshot_corrupt" in answer.stderr
    assert [path.is_fifo() for path in (tmp_path / "data").glob("snapshot.json.corrupt-*")] == [True]


def test_a_venue_nobody_answers_at_ends_the_start_and_leaves_a_waiting_stop_latched(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    request_stop_offline(tmp_path, "test", "a drill")

    answer = run_trader("--config", str(file), "--root", str(tmp_path))

    assert answer.returncode == 3
    words = [line for line in answer.stderr.splitlines() if not line.startswith("{")]
    assert words == [f"http://{NOBODY}/trade-api/v2: no answer within 5 s"]
    assert b"operator_stop" in b"".join(part.read_bytes() for part in (tmp_path / "data" / "journal").iterdir())
    assert not (tmp_path / "data" / "stop_request.json").exists()
    with lock_folder(tmp_path / "data"):
        pass  # nobody holds it any more


def test_a_stop_outlives_a_kill_and_nothing_is_placed_after_it(tmp_path: Path) -> None:
    with servers(tmp_path) as venue:
        trader = venue.trader()
        wait_until(lambda: len(venue.resting()) > 10)
        assert send_command(control_path(tmp_path), Stop("test", "a drill")).ok
        wait_until(lambda: not venue.resting(), 5.0)
        placed = len(venue.accepted())

        trader.kill()
        trader.end()
        report = tmp_path / "REPORT.md"
        venue.trader()
        wait_until(lambda: report.exists() and "Restarted as epoch" in report.read_text())
        log = tmp_path / "trader.log"
        wait_until(lambda: '"reasons":"operator_stop"' in log.read_text())

        # The STOP alone stands between it and its quotes, and it goes on standing there.
        assert len(venue.accepted()) == placed
        assert venue.children["trader"].end() == 0
        assert len(venue.accepted()) == placed
