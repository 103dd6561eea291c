"""A STOP on disk that can't be read."""

import os
from pathlib import Path

from kalshi_alpha.adapters.stop_request import read_stop_request


def test_a_pipe_in_a_stops_place_is_a_stop_at_once(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "data" / "stop_request.json")

    waiting = read_stop_request(tmp_path)

    assert waiting is not None
    assert waiting.reason == "unreadable stop request: OSError"


def test_a_stop_that_nests_deeply_is_a_stop(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "stop_request.json").write_text('{"more":' + "[" * 100_000)

    waiting = read_stop_request(tmp_path)

    assert waiting is not None
    assert waiting.reason.startswith("unreadable stop request: ")
