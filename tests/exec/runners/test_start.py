"""What a start makes of the state on disk."""

from pathlib import Path

import pytest

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.stop_request import StopRequest, read_stop_request, request_stop_offline
from kalshi_alpha.exec.runners.start import prepare
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.records import EngineStarted, LatchSet, StandDownChanged

NOW = Now(utc_ns=1_795_000_000 * NS_PER_S, mono_ns=0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    state = prepare(tmp_path, NOW)
    state.journal.append((EngineStarted(NOW.utc_ns, 7, "beef", "missing"), LatchSet(NOW.utc_ns, "operator_stop", "anna", "drill")))
    state.journal.append(tuple(StandDownChanged(NOW.utc_ns, (f"reason-{number}",)) for number in range(3)))
    state.journal.sync()
    state.journal.close()
    state.lock.close()
    return tmp_path


def segment(root: Path) -> Path:
    (found,) = [path for path in Layout(root).journal.glob("journal-*.jsonl") if path.stat().st_size]
    return found


def started(root: Path) -> tuple[list[str], StopRequest | None]:
    state = prepare(root, NOW)
    state.journal.close()
    state.lock.close()
    return [reason for reason, _, _ in state.recovered.latches], read_stop_request(root)


def test_a_whole_journal_keeps_its_latch_and_asks_for_nothing(root: Path) -> None:
    assert started(root) == (["operator_stop"], None)


def test_a_torn_end_is_no_damage(root: Path) -> None:
    file = segment(root)
    file.write_bytes(file.read_bytes()[:-7])

    assert started(root) == (["operator_stop"], None)


def test_a_damaged_record_stops_until_the_operator_goes_on(root: Path) -> None:
    file = segment(root)
    data = bytearray(file.read_bytes())
    data[data.index(b"anna")] ^= 1
    file.write_bytes(bytes(data))

    latches, stop = started(root)

    assert latches == []
    assert stop is not None
    assert stop.actor == "system"
    assert file.name in stop.reason
    assert started(root)[1] == stop  # until it is taken over, it stays


def test_an_operators_waiting_stop_keeps_its_words_over_damage(root: Path) -> None:
    request_stop_offline(root, "anna", "lunch")
    file = segment(root)
    file.write_bytes(file.read_bytes().replace(b"drill", b"dr1ll"))

    assert started(root)[1] == StopRequest("anna", "lunch")
