"""What a start makes of the state on disk."""

from pathlib import Path

import msgspec
import pytest

from kalshi_alpha.adapters.files import FileSnapshotStore, Layout
from kalshi_alpha.adapters.stop_request import StopRequest, read_stop_request, request_stop_offline
from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.exec.runners.start import prepare
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.records import EngineStarted, LatchSet, StandDownChanged
from kalshi_alpha.sched.hotrestart import HotRestartManager
from tests.adapters.journal_samples import snapshot_of

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


def spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def snapshots(root: Path) -> list[Path]:
    """Store four snapshots of 1 to 4 incidents; return the files, the newest first."""
    store = FileSnapshotStore(Layout(root).snapshot)
    for incidents in (1, 2, 3, 4):
        kept = snapshot_of(recover(None, ()), 5, NOW.utc_ns - NS_PER_S)
        HotRestartManager(store).capture(msgspec.structs.replace(kept, incidents=incidents))
    return [Layout(root).snapshot, *(Layout(root).snapshot.with_name(f"snapshot.json.{number}") for number in (1, 2))]


@pytest.mark.parametrize(("spoilt", "incidents", "verdict"), [(0, 4, "fresh"), (1, 3, "stale"), (2, 2, "stale"), (3, 0, "corrupt")])
def test_a_spoilt_snapshot_is_replaced_by_the_one_before(root: Path, spoilt: int, incidents: int, verdict: str) -> None:
    files = snapshots(root)
    for file in files[:spoilt]:
        spoil(file)

    state = prepare(root, NOW)
    state.journal.close()
    state.lock.close()

    assert state.recovered.incidents == incidents
    assert state.booted.snapshot_verdict == verdict
    assert len(list(files[0].parent.glob("snapshot.json.corrupt*"))) == bool(spoilt)
