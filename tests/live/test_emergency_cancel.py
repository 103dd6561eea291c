"""The script that cancels everything, over real HTTP, copied to a folder of its own, with nothing of the project in reach."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from kalshi_alpha.model.http import HttpRequest
from tests.live.orders import ask, place_lasting_orders
from tests.live.venue import servers, wait_until
from tests.test_tidy import ROOT

SCRIPT = ROOT / "deploy" / "emergency_cancel.sh"


def run(
    folder: Path, *arguments: str, url: str = "", keys: Path | None = None, key: str = "ed25519.pem"
) -> subprocess.CompletedProcess[str]:
    """Run a copy of the script in an otherwise empty folder and environment."""
    copy = folder / "emergency_cancel.sh"
    shutil.copy(SCRIPT, copy)
    named = ["--key-id-file", str(keys / "key_id"), "--key", str(keys / key)] if keys is not None else []
    address = ["--url", url] if url else []
    command = [str(copy), *named, *address, *arguments]
    environment = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "elsewhere"
    made.mkdir()
    return made


@pytest.mark.parametrize("key", ["ed25519.pem", "rsa.pem"])
def test_everything_is_cancelled_and_proven_gone(tmp_path: Path, folder: Path, key: str) -> None:
    with servers(tmp_path, speed=1.0) as venue:
        place_lasting_orders(venue, 5)
        before = len(venue.resting())

        done = run(folder, url=venue.rest_url, keys=tmp_path / "keys", key=key)

        assert before == 5
        assert (done.returncode, venue.resting()) == (0, []), done.stderr
        assert done.stdout.startswith("nothing rests on subaccount 0 as of 2026-11-23T14:47:")
        assert "warning" not in done.stderr


def test_order_groups_are_triggered_so_that_a_living_engine_cant_place_any_more(tmp_path: Path, folder: Path) -> None:
    with servers(tmp_path, speed=1.0) as venue:
        body = json.dumps({"contracts_limit": 100, "subaccount": 0, "exchange_index": 0}).encode()
        made = ask(venue, *[HttpRequest("POST", "/portfolio/order_groups/create", body=body)] * 2)
        names = [json.loads(one.body)["order_group_id"] for one in made]
        seen = HttpRequest("GET", "/portfolio/order_groups", query="subaccount=0")
        wait_until(lambda: len(json.loads(ask(venue, seen)[0].body)["order_groups"]) == 2)  # the venue's view of them lags

        done = run(folder, url=venue.rest_url, keys=tmp_path / "keys")
        (listed,) = ask(venue, seen)

        assert done.returncode == 0, done.stderr
        assert all(f"order group {name} triggered" in done.stderr for name in names)
        assert [group["is_auto_cancel_enabled"] for group in json.loads(listed.body)["order_groups"]] == [False, False]


def test_another_subaccounts_orders_are_left_alone(tmp_path: Path, folder: Path) -> None:
    with servers(tmp_path, speed=1.0) as venue:
        place_lasting_orders(venue, 2)

        done = run(folder, "--subaccount", "7", url=venue.rest_url, keys=tmp_path / "keys")

        assert done.returncode == 0, done.stderr
        assert len(venue.resting()) == 2


def test_a_refused_key_and_a_silent_venue_are_said_and_are_no_success(tmp_path: Path, folder: Path) -> None:
    with servers(tmp_path, speed=1.0) as venue:
        place_lasting_orders(venue, 1)
        wrong = tmp_path / "wrong"
        shutil.copytree(tmp_path / "keys", wrong)
        shutil.copy(tmp_path / "keys" / "guardian" / "ed25519.pem", wrong / "ed25519.pem")

        refused = run(folder, "--seconds", "0", url=venue.rest_url, keys=wrong)
        silent = run(folder, "--seconds", "0", url="http://127.0.0.1:9/trade-api/v2", keys=tmp_path / "keys")

        assert (refused.returncode, silent.returncode) == (3, 3)
        assert "INCORRECT_API_KEY_SIGNATURE" in refused.stderr
        assert "no answer" in silent.stderr
        assert (refused.stdout, silent.stdout) == ("", "")
        assert len(venue.resting()) == 1


def test_a_wrong_use_is_one_line_that_names_the_value(tmp_path: Path, folder: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    for name in ("key_id", "ed25519.pem"):
        (keys / name).write_text("abc\n")
        (keys / name).chmod(0o600)
    cases = {
        "--key-id-file": run(folder),
        "--nonsense": run(folder, "--nonsense"),
        "--subaccount 64": run(folder, "--subaccount", "64", keys=keys),
        "--seconds -1": run(folder, "--seconds", "-1", keys=keys),
        "--url ftp://x": run(folder, url="ftp://x", keys=keys),
        "absent.pem": run(folder, keys=keys, key="absent.pem"),
        "not an unencrypted private key": run(folder, keys=keys),
        "needs a value": run(folder, "--key"),
    }

    assert {value: done.returncode for value, done in cases.items()} == dict.fromkeys(cases, 2)
    for value, done in cases.items():
        assert value in done.stderr
        assert (done.stderr.count("\n"), done.stdout) == (1, "")


def test_a_key_that_others_can_read_is_warned_of_and_used(tmp_path: Path, folder: Path) -> None:
    with servers(tmp_path, speed=1.0) as venue:
        (tmp_path / "keys" / "ed25519.pem").chmod(0o644)

        done = run(folder, url=venue.rest_url, keys=tmp_path / "keys")

        assert done.returncode == 0
        assert "can be read by others" in done.stderr


def test_it_explains_itself(folder: Path) -> None:
    done = run(folder, "--help")

    assert done.returncode == 0
    assert "--key-id-file FILE --key FILE" in done.stdout
