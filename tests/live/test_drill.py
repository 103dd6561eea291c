"""The restart drill over real sockets, with few kills."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.live.marked_secrets import leaks, readings, secrets_of


def drill(root: Path, *flags: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "kalshi_alpha.sim.drill", *flags, "--json", "--root", str(root / "run"), "--artifacts", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    (root / "said").write_text(done.stdout + done.stderr)
    record: dict[str, Any] = json.loads(done.stdout)
    kept = root / "reports" / "_artifacts" / "drills" / f"{flags[0]}.json"
    assert json.loads(kept.read_text()) == record
    return record


def test_two_kills_leave_nothing_unknown_doubled_or_different(tmp_path: Path) -> None:
    record = drill(tmp_path, "restart", "--runs", "2")

    slow = [failure for failure in record["failures"] if failure.startswith("p99")]  # this machine's speed isn't what is tested
    assert record["failures"] == slow
    assert record["runs"] == 2
    assert 0.2 < record["p50_s"] <= record["max_s"] < 10.0

    keys = tmp_path / "run" / "keys"
    secrets, read = secrets_of(keys), dict(readings(tmp_path, keys))
    assert {"key_id", "ed25519.pem", "rsa.pem", "guardian/key_id", "guardian/ed25519.pem", "feed_api_key"} == set(secrets)
    assert {"said", "run/trader.log", "run/audit.jsonl"} <= set(read)
    assert leaks(secrets, read) == []
    for name in secrets:  # the search finds each of them
        assert leaks(secrets, {"log": (keys / name).read_bytes()}) == [f"log holds {name}"]
