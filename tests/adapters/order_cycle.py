"""One order's life through the real start, journal, snapshot and housekeeping, and what a start may know of it afterwards.

``python -m tests.adapters.order_cycle ROOT`` is a process that does it. It tells what it acknowledged and what failed by ``writev``, which
no fault is put into: ``ack N``, ``snapshot WHY``, ``refused WHY`` (exit status 2), ``failed WHY`` (3).
"""

import os
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.files import FileSnapshotStore, Layout
from kalshi_alpha.adapters.journal import JournalError, JournalWriter, list_segments, needed_segments
from kalshi_alpha.adapters.stop_request import read_stop_request
from kalshi_alpha.cli import UsageError
from kalshi_alpha.exec.recovery import RecoveredState, recover
from kalshi_alpha.exec.runners.housekeep_files import SystemFiles
from kalshi_alpha.exec.runners.start import prepare
from kalshi_alpha.model import records as r
from kalshi_alpha.model.alerts import OpenAlert
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.snapshot import EngineSnapshot
from kalshi_alpha.sched.hotrestart import HotRestartManager
from tests.adapters.journal_samples import fill, intent, snapshot_of

NOW: Final = Now(1_795_444_200_000_000_000, 5_000_000_000)
RECORDS: Final[tuple[r.Record, ...]] = (
    r.EngineStarted(1, 7, "cafe", "missing"),
    r.GroupRecorded(2, "group-7", 7),
    r.OrderIntended(3, intent(1)),
    r.OrderIntended(4, intent(2, "ask", 5_400)),
    r.OrderPlaced(5, "ka-7-000001", "order-1"),
    r.FillBooked(6, fill(1)),
    r.LatchSet(7, "operator_stop", "ann", "lunch"),
    r.OrderClosed(8, "ka-7-000002", "cancelled"),
    r.AlertRaised(9, OpenAlert("venue", "page", "The venue's stream is disconnected", "", 9, 9)),
    r.GroupRetired(10, "group-7"),
    r.LatchLifted(11, "operator_stop", "ann"),
    r.OrderIntended(12, intent(3)),
)
BATCH_ENDS: Final = (2, 4, 5, 7, 9, 11, 12)
"""Up to which record each sync goes."""
SNAPSHOTS: Final = (5, 9)
"""Behind which records a snapshot is stored. After the second one, what a restart doesn't need any more is taken away."""
SEGMENT_BYTES: Final = 1_500


def known(recovered: RecoveredState) -> bytes:
    """Return what the journal's records say, without when the snapshot was captured."""
    return msgspec.json.encode(msgspec.structs.replace(recovered, as_of_ns=0))


HISTORY: Final = tuple(known(recover(None, RECORDS[:count])) for count in range(len(RECORDS) + 1))
"""What is known after so many records. No two are the same."""
assert len(set(HISTORY)) == len(HISTORY)


def snapshot_at(count: int) -> EngineSnapshot:
    """Return the engine's snapshot after so many records."""
    return snapshot_of(recover(None, RECORDS[:count]), count, NOW.utc_ns - 1_000_000_000)


def go_on(
    root: Path, acknowledge: Callable[[int], None], until: int = len(RECORDS), *, failed: Callable[[str], None] | None = None
) -> None:
    """Start as the trading process does, and write the records that aren't there yet.

    Args:
        root: The trading process's folder.
        acknowledge: Hears, after each sync, how many records are promised to last; after the start, how many it found.
        until: Write at least so many records.
        failed: Hears of a snapshot that couldn't be stored, as the trading process logs it; None: that is an error.

    """
    layout = Layout(root)
    state = prepare(root, NOW)
    journal, count = state.journal, state.journal.next_seq - 1
    journal._segment_bytes = SEGMENT_BYTES
    acknowledge(count)
    while count < until:
        end = BATCH_ENDS[bisect_right(BATCH_ENDS, count)]
        _write(journal, RECORDS[count:end])
        count = end
        acknowledge(count)
        if count in SNAPSHOTS:
            try:
                HotRestartManager(FileSnapshotStore(layout.snapshot)).capture(snapshot_at(count))
                if count == SNAPSHOTS[-1]:
                    _take_away(layout, count)
            except OSError as error:
                if failed is None:
                    raise
                failed(str(error))
    journal.close()
    state.lock.close()


def _write(journal: JournalWriter, records: Sequence[r.Record]) -> None:
    """Make records durable. After a failure the writer has to refuse everything: a second try could only pretend."""
    try:
        journal.append(records)
        journal.sync()
    except JournalError as error:
        for again in (lambda: journal.append(records), journal.sync):
            try:
                again()
            except JournalError:
                continue
            message = "a writer that had failed took more"
            raise AssertionError(message) from error
        raise


def _take_away(layout: Layout, after_seq: int) -> None:
    """Remove the segments below the snapshot, as housekeeping does."""
    segments, _ = list_segments(layout.journal)
    needed = needed_segments(segments, after_seq)
    for _, path in segments[: len(segments) - len(needed)]:
        SystemFiles().remove(path)


class Found(msgspec.Struct, frozen=True):
    """What a start made of a folder."""

    count: int
    """So many records of the history are known; -1: it is a state that never was."""
    stopped: bool
    """Damage was found: a STOP waits for the operator."""


def found(root: Path) -> Found:
    """Start on the folder, twice: the second start has to know the same."""
    counts = []
    for _ in range(2):
        state = prepare(root, NOW)
        state.journal.close()
        state.lock.close()
        says = known(state.recovered)
        counts.append(HISTORY.index(says) if says in HISTORY else -1)
    return Found(counts[0] if counts[0] == counts[1] else -1, read_stop_request(root) is not None)


def _tell(line: str) -> None:
    os.writev(1, [line.encode() + b"\n"])


def main(root: Path) -> int:
    try:
        go_on(root, lambda count: _tell(f"ack {count}"), failed=lambda why: _tell(f"snapshot {why}"))
    except UsageError as error:
        _tell(f"refused {error}")
        return 2
    except JournalError as error:
        _tell(f"failed {error}")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
