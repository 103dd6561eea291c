"""What a power cut may leave of the journal and the snapshot, enumerated from what their writers really ask of the disk."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from kalshi_alpha.cli import UsageError
from kalshi_alpha.exec.runners import start
from tests.adapters.disk_recorder import Acknowledged, CrashState, Killed, Named, Op, Recorder, Synced, Wrote, crash_states, put
from tests.adapters.order_cycle import RECORDS, found, go_on

MEMORY = Path("/dev/shm")
ENOUGH_BAD = 5
FINE = ("", "stopped")
"""Nothing is bad; nothing is lost, but the operator is asked."""


@pytest.fixture
def memory() -> Iterator[Path]:
    """Return a folder that costs no disk, where the machine has such."""
    folder = Path(tempfile.mkdtemp(dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def without_room_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk in memory has to clear the room that is taken, at each of thousands of starts."""
    monkeypatch.setattr(start, "RESERVE_BYTES", 0)


def in_order(data: bytes) -> list[bytes]:
    """Return what a torn write may leave if its bytes reach the disk in order: a beginning, alone or with zeros behind it."""
    ends = [index + 1 for index, byte in enumerate(data) if byte == 10]
    cuts = sorted({1, len(data) - 1, *range(16, len(data), 16), *ends, *(end - 1 for end in ends)} - {len(data)})
    return [data[:cut] for cut in cuts] + [data[:cut] + bytes(len(data) - cut) for cut in cuts]


def in_any_order(data: bytes) -> list[bytes]:
    """Return what a torn write may leave if its pages reach the disk in any order: an end behind zeros, too."""
    cuts = sorted({*(index + 1 for index, byte in enumerate(data) if byte == 10), *range(96, len(data), 96), len(data) // 2} - {len(data)})
    return [bytes(cut) + data[cut:] for cut in cuts] + [data[:cut] for cut in cuts]


def by_half(data: bytes) -> list[bytes]:
    """Return the least that shows whether torn writes are noticed."""
    return [data[: len(data) // 2]]


def recorded(root: Path) -> Recorder:
    """Return what a whole order cycle asks of the disk."""
    recorder = Recorder(str(root))
    with recorder.listening():
        go_on(root / "root", lambda count: recorder.note(Acknowledged(count)))
    return recorder


def verdict(state: CrashState, memory: Path) -> str:
    """Return what is bad about a start from this state; else one of ``FINE``."""
    base = Path(tempfile.mkdtemp(dir=memory))
    try:
        put(state.files, base)
        known = found(base / "root")
    except (Exception, UsageError) as error:  # noqa: BLE001 - whatever it is, it would have killed the start
        return f"the start died: {error!r}"
    finally:
        shutil.rmtree(base)
    if known.count < 0:
        return "a state that never was"
    if known.count < state.acknowledged:
        return f"lost: {known.count} of {state.acknowledged} acknowledged records"
    return "stopped" if known.stopped else ""


def judged(states: Iterable[CrashState], memory: Path) -> list[str]:
    """Return the verdicts, up to the first few bad ones: a broken writer leaves thousands of bad states."""
    verdicts: list[str] = []
    bad = 0
    for state in states:
        said = verdict(state, memory)
        bad += said not in FINE
        verdicts.append(said if said in FINE else f"power cut at {state.cut}: {said}")
        if bad == ENOUGH_BAD:
            break
    return verdicts


def bad_states(base: Path, ops: list[Op], memory: Path) -> list[str]:
    """Return the first few of what is bad."""
    return [said for said in judged(crash_states(str(base), ops, by_half), memory) if said not in FINE]


def test_the_recorder_misses_nothing(memory: Path) -> None:
    recorder = recorded(memory / "base")

    *_, whole = crash_states(str(memory / "base"), recorder.ops, lambda _data: [])

    real = {path.relative_to(memory / "base").as_posix(): path for path in (memory / "base").rglob("*")}
    assert whole.files == {
        f"{name}/" if path.is_dir() else name: b"" if path.is_dir() else path.read_bytes()
        for name, path in real.items()
        if name != "root/data/lock"
    }
    assert whole.acknowledged == len(RECORDS)


@pytest.mark.parametrize(("tears", "at_least"), [(in_order, 400), (in_any_order, 100)])
def test_no_power_cut_loses_or_invents_a_record(memory: Path, tears: Callable[[bytes], list[bytes]], at_least: int) -> None:
    recorder = recorded(memory / "base")

    states = crash_states(str(memory / "base"), recorder.ops, tears)
    verdicts = judged(states, memory)

    assert [said for said in verdicts if said not in FINE] == []
    assert len(verdicts) > at_least
    # Only a write whose end outran its beginning looks like damage in the middle: then the operator is asked, and nothing is lost.
    assert ("stopped" in verdicts) == (tears is in_any_order)


@pytest.mark.parametrize("half", [False, True])
def test_no_power_cut_after_a_kill_and_a_restart_loses_or_invents_a_record(memory: Path, half: bool) -> None:
    whole = recorded(memory / "whole").ops
    points = [index for index, op in enumerate(whole) if (isinstance(op, Wrote) if half else not isinstance(op, Acknowledged))]

    count = 0
    for point in points:
        base = memory / f"{point}"
        recorder = killed_and_restarted(base, point, half=half)
        verdicts = judged(crash_states(str(base), recorder.ops, in_any_order, from_cut=point), memory)
        assert [said for said in verdicts if said not in FINE] == [], f"killed at {whole[point]}"
        count += len(verdicts)

    assert count > (300 if half else 1_000)


def killed_and_restarted(base: Path, point: int, *, half: bool = False) -> Recorder:
    """Return what a cycle that is killed at an operation asks of the disk, and then the next process."""
    recorder = Recorder(str(base), kill_at=point, half=half)

    def acknowledge(count: int) -> None:
        recorder.note(Acknowledged(count))
        counts.append(count)

    counts: list[int] = []
    with recorder.listening():
        with pytest.raises(Killed):
            go_on(base / "root", acknowledge)
        recorder.bury()
        go_on(base / "root", acknowledge, min(len(RECORDS), max([0, *counts]) + 3))
    return recorder


def without_sync_of(ops: list[Op], part: str) -> list[Op]:
    """Return the operations of a writer that never syncs the files whose name has this part."""
    nodes = {op.node for op in ops if isinstance(op, Named) and op.node and part in op.name}
    return [op for op in ops if not (isinstance(op, Synced) and op.what in nodes)]


def without_sync_of_folders(ops: list[Op], part: str) -> list[Op]:
    """Return the operations of a writer that never syncs the folders whose path has this end."""
    return [op for op in ops if not (isinstance(op, Synced) and str(op.what).endswith(part))]


def acknowledged_early(ops: list[Op]) -> list[Op]:
    """Return the operations of a writer that acknowledges before it syncs."""
    swapped = list(ops)
    for index, op in enumerate(swapped):
        if isinstance(op, Acknowledged) and isinstance(swapped[index - 1], Synced):
            swapped[index - 1], swapped[index] = op, swapped[index - 1]
    return swapped


MUTANTS: dict[str, Callable[[list[Op]], list[Op]]] = {
    "no fdatasync of the journal": lambda ops: without_sync_of(ops, "journal-"),
    "no fsync of the snapshot before its rename": lambda ops: without_sync_of(ops, "snapshot"),
    "no fsync of the journal's folder": lambda ops: without_sync_of_folders(ops, "/journal"),
    "no fsync of the state folder": lambda ops: without_sync_of_folders(ops, "/data"),
    "no fsync of the root": lambda ops: without_sync_of_folders(ops, "/root"),
    "acknowledged before the sync": acknowledged_early,
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_writer_without_one_of_its_syncs_is_found(memory: Path, mutant: str) -> None:
    ops = recorded(memory / "base").ops

    mutated = MUTANTS[mutant](ops)

    assert mutated != ops
    assert len(bad_states(memory / "base", mutated, memory)) == ENOUGH_BAD


def test_a_start_that_does_not_sync_what_a_killed_process_left_is_found(memory: Path) -> None:
    whole = recorded(memory / "whole").ops
    point = whole.index(Acknowledged(4)) - 1  # its records are written, not synced
    written = whole[point - 1]
    assert isinstance(written, Wrote)
    recorder = killed_and_restarted(memory / "base", point)
    inherited = recorder.ops.index(Synced(written.node), point)

    mutated = [*recorder.ops[:inherited], *recorder.ops[inherited + 1 :]]

    assert bad_states(memory / "base", recorder.ops, memory) == []
    assert bad_states(memory / "base", mutated, memory)
