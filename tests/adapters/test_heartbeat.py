"""The files in which the trading process and the guardian show that they live."""

import os
from pathlib import Path

import pytest

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.heartbeat import read_guardian, read_heartbeat, write_guardian, write_heartbeat
from kalshi_alpha.model.guardian import GuardianAction, GuardianStatus, Heartbeat

BEAT = Heartbeat(7, 3, ("g-1", "g-2"), 1_795_445_100_000_000_000, 500_000_000_000, 0, ("operator_stop",))
ACTION = GuardianAction("silent", "no sign of life", "2026-11-23T14:47:09.799+00:00", 32, 1, None, ended=False)
STATUS = GuardianStatus("acting", 9, "a", "b", 5, "silent", 3.1, None, None, "503", 1, ACTION)


def file(root: Path) -> Path:
    return Layout(root).state / "heartbeat.json"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_heartbeat(tmp_path, BEAT)
    write_guardian(tmp_path, STATUS)

    assert read_heartbeat(tmp_path) == BEAT
    assert read_guardian(tmp_path) == STATUS


def test_where_nothing_was_written_nothing_is_alive(tmp_path: Path) -> None:
    assert read_heartbeat(tmp_path) == "missing"
    assert read_guardian(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"pid": 7', b"\xff\xfe", b"[" * 100_000, b'{"pid": "7"}'])
def test_what_cant_be_understood_is_no_sign_of_life(tmp_path: Path, content: bytes) -> None:
    write_heartbeat(tmp_path, BEAT)
    file(tmp_path).write_bytes(content)
    (Layout(tmp_path).state / "guardian.json").write_bytes(content)

    found = read_heartbeat(tmp_path)

    assert isinstance(found, str)
    assert found.startswith("unreadable: ")
    assert read_guardian(tmp_path) is None


def test_every_cut_of_a_sign_of_life_is_none(tmp_path: Path) -> None:
    write_heartbeat(tmp_path, BEAT)
    whole = file(tmp_path).read_bytes()
    for length in range(len(whole)):
        file(tmp_path).write_bytes(whole[:length])
        assert isinstance(read_heartbeat(tmp_path), str), length


def test_a_pipe_in_its_place_holds_nobody_up(tmp_path: Path) -> None:
    file(tmp_path).parent.mkdir()
    os.mkfifo(file(tmp_path))

    assert read_heartbeat(tmp_path) == "unreadable: not a regular file"
