"""One start path for every start: lock the folder, read what is on disk, choose the epoch."""

from pathlib import Path

import msgspec

from kalshi_alpha.adapters.files import FileSnapshotStore, FolderLock, FolderLockedError, Layout, lock_folder, settle_folders
from kalshi_alpha.adapters.journal import RESERVE_BYTES, JournalError, JournalRead, JournalWriter, read_journal
from kalshi_alpha.adapters.log import log
from kalshi_alpha.adapters.stop_request import read_stop_request, request_stop_offline
from kalshi_alpha.cli import UsageError
from kalshi_alpha.exec.recovery import RecoveredState, recover
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.sched.hotrestart import Corrupt, Fresh, HotRestartManager, Missing, Restored, Stale


class StartState(msgspec.Struct, frozen=True):
    """What the disk said, ready for the engine."""

    lock: FolderLock
    journal: JournalWriter
    recovered: RecoveredState
    booted: ev.Booted


def prepare(root: Path, now: Now) -> StartState:
    """Lock the state folder and recover; the lock is held for life and proves that no earlier process lives.

    Raises:
        UsageError: another process holds the folder, or it or what is in it can't be used.

    """
    layout = Layout(root)
    try:
        lock = lock_folder(layout.state)
    except FolderLockedError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        message = f"{layout.state}: {error.strerror}"
        raise UsageError(message) from error
    try:
        return _recovered(root, lock, now)
    except (OSError, JournalError) as error:
        lock.close()
        raise UsageError(str(error)) from error


def _recovered(root: Path, lock: FolderLock, now: Now) -> StartState:
    """Read what is on disk, under the lock. Where records are damaged, a STOP or a loss may be among them: only the operator may go on."""
    layout = Layout(root)
    settle_folders(root, layout.state)
    store = FileSnapshotStore(layout.snapshot)
    newest = HotRestartManager(store).restore(now)
    restored = newest
    if isinstance(newest, Corrupt):
        restored = _older(store, now) or newest
        store.set_aside(now.utc_ns)
    snapshot = restored.snapshot if isinstance(restored, Fresh | Stale) else None
    after_seq = snapshot.journal_seq if snapshot else 0
    read = read_journal(layout.journal, after_seq=after_seq)
    if read.corrupt:
        if read_stop_request(root) is None:
            names = ", ".join(path.name for path in read.corrupt)
            why = f"damaged records in {names}: what they said is lost; the venue's reads replace the orders"
            request_stop_offline(root, "system", why)
        read = read_journal(layout.journal, after_seq=after_seq, set_aside_ns=now.utc_ns)
    _tell(newest, read)
    recovered = recover(snapshot, read.records)
    journal = JournalWriter(layout.journal, read, snapshot_seq=after_seq, reserve_bytes=RESERVE_BYTES)
    return StartState(lock, journal, recovered, booted_event(restored, recovered, now, has_journal=bool(read.last_seq)))


def _older(store: FileSnapshotStore, now: Now) -> Stale | None:
    """Return the newest of the snapshots before the one that can't be used: the journal has what came after it."""
    for before in store.older():
        found = HotRestartManager(before).restore(now)
        if isinstance(found, Fresh | Stale):
            return Stale(found.snapshot, found.age_s)
    return None


def booted_event(restored: Restored, recovered: RecoveredState, now: Now, *, has_journal: bool) -> ev.Booted:
    """Return the engine's first event. An epoch is the start's Unix second, or one more than the last: never used twice."""
    epoch = max(recovered.epoch + 1, now.utc_ns // NS_PER_S)
    verdict, age_s = verdict_of(restored)
    if verdict == "missing" and has_journal:
        verdict = "stale"
    return ev.Booted(epoch, recovered.groups, verdict, age_s)


def verdict_of(restored: Restored) -> tuple[str, float]:
    """Return the verdict's word and the snapshot's age in seconds."""
    match restored:
        case Fresh():
            return "fresh", restored.age_s
        case Stale():
            return "stale", restored.age_s
        case Missing():
            return "missing", 0.0
        case Corrupt():
            return "corrupt", 0.0


def _tell(restored: Restored, read: JournalRead) -> None:
    if isinstance(restored, Corrupt):
        log("snapshot_corrupt", reason=restored.reason)
    if read.torn_bytes:
        log("journal_torn_tail_cut", bytes=read.torn_bytes)
    for path in read.corrupt:
        log("journal_set_aside", path=str(path))
