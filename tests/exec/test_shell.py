"""The shell around an engine with a bug: it must not live on with orders that nobody looks after."""

import asyncio
import shutil
from pathlib import Path

import pytest
from typing_extensions import override

from kalshi_alpha.adapters.journal import JournalWriter, SystemDisk, read_journal
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.exec.outputs import ArtifactWriter
from kalshi_alpha.exec.shell import Shell
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, Now
from kalshi_alpha.model.records import OrderClosed
from tests.exec.harness import settings


class Buggy(Engine):
    """Raises on every timer; its deadline is always due."""

    seen = 0

    @override
    def handle(self, event: ev.Event, now: Now) -> list[cmd.Command]:
        self.seen += 1
        assert not isinstance(event, ev.TimerFired), "a broken invariant"
        return []

    @override
    def next_deadline_ns(self) -> int | None:
        return 0


async def ended(engine: Buggy, root: Path) -> None:
    shell = Shell(engine, SystemClock(), JournalWriter(root / "journal"), ArtifactWriter(root))
    try:
        shell.on_events([ev.VenueConnected()])
        async with asyncio.timeout(5):
            await shell.finished
    finally:
        shell.on_events([ev.VenueConnected()])
        shell.close()


def test_a_bug_in_a_timers_step_ends_the_process(tmp_path: Path) -> None:
    engine = Buggy(settings())

    with pytest.raises(AssertionError, match="a broken invariant"):
        asyncio.run(ended(engine, tmp_path))

    # Nothing is learnt after it: the fact that arrived at the very end wasn't handed over.
    assert engine.seen == 2


async def written(root: Path, *, broken: bool) -> bool:
    journal = JournalWriter(root / "journal")
    shell = Shell(Engine(settings()), SystemClock(), journal, ArtifactWriter(root))
    try:
        if broken:
            journal.close()
        shell.on_events([ev.OperatorStopped("test", "a drill")])
        return await shell.written()
    finally:
        shell.finished.cancel()
        shell.close()


def test_a_latch_counts_as_written_only_when_it_is_on_disk(tmp_path: Path) -> None:
    assert asyncio.run(written(tmp_path / "good", broken=False))
    assert b"operator_stop" in b"".join(file.read_bytes() for file in (tmp_path / "good" / "journal").iterdir())
    assert not asyncio.run(written(tmp_path / "bad", broken=True))


class Noting(Engine):
    """Has something noted that needn't be durable before anything else happens, and ends."""

    @override
    def handle(self, event: ev.Event, now: Now) -> list[cmd.Command]:
        return [
            cmd.Persist(1, (OrderClosed(now.utc_ns, "7-1", "not at the venue"),), sync=False),
            cmd.Exit(clean=True, reason="SIGTERM"),
        ]


async def noted(root: Path) -> None:
    journal = JournalWriter(root / "journal")
    shell = Shell(Noting(settings()), SystemClock(), journal, ArtifactWriter(root))
    shell.on_events([ev.VenueConnected()])
    await shell.finished
    shell.close()
    journal.close()


def test_what_was_noted_last_is_on_disk_when_the_process_ends(tmp_path: Path) -> None:
    asyncio.run(noted(tmp_path))

    assert [record.client_order_id for record in read_journal(tmp_path / "journal").records if isinstance(record, OrderClosed)] == ["7-1"]


class Captures(Engine):
    """Asks for a snapshot, and at once for one that is read back; notes what it hears."""

    heard: list[ev.Event]
    stored_twice: asyncio.Event

    @override
    def handle(self, event: ev.Event, now: Now) -> list[cmd.Command]:
        self.heard.append(event)
        if [type(heard) for heard in self.heard].count(ev.StorageRead) == 2:
            self.stored_twice.set()
        return [cmd.CaptureSnapshot(), cmd.CaptureSnapshot(verify=True)] if isinstance(event, ev.VenueConnected) else []


async def read_back(root: Path) -> list[ev.Event]:
    engine = Captures(settings())
    engine.heard, engine.stored_twice = [], asyncio.Event()
    shell = Shell(engine, SystemClock(), JournalWriter(root / "journal"), ArtifactWriter(root))
    try:
        shell.on_events([ev.VenueConnected()])
        await shell.written()  # the disk's jobs are done in order
        await shell.written()
        await asyncio.wait_for(engine.stored_twice.wait(), 10.0)
    finally:
        shell.finished.cancel()
        shell.close()
    return engine.heard


def test_a_snapshot_is_read_back_also_while_another_is_being_stored(tmp_path: Path) -> None:
    heard = asyncio.run(read_back(tmp_path))

    assert [event.verdict for event in heard if isinstance(event, cal.SnapshotVerified)] == ["fresh"]


def test_a_snapshot_asked_for_while_another_is_stored_follows_it(tmp_path: Path) -> None:
    heard = asyncio.run(read_back(tmp_path))

    assert len([event for event in heard if isinstance(event, ev.StorageRead)]) == 2


def test_each_stored_snapshot_tells_how_much_room_is_left(tmp_path: Path) -> None:
    heard = asyncio.run(read_back(tmp_path))

    room = next(event for event in heard if isinstance(event, ev.StorageRead))
    usage = shutil.disk_usage(tmp_path)
    assert room.total_bytes == usage.total
    assert abs(room.free_bytes - usage.free) < usage.total // 100


class LateClock(SystemClock):
    """The system's, and what has been added to it."""

    late_ns = 0

    @override
    def now(self) -> Now:
        now = super().now()
        return Now(now.utc_ns + self.late_ns, now.mono_ns + self.late_ns)


class HangingDisk(SystemDisk):
    """Each sync takes 0.4 s by that clock."""

    def __init__(self, clock: LateClock) -> None:
        self._clock = clock

    @override
    def sync(self, fd: int) -> None:
        super().sync(fd)
        self._clock.late_ns += 400 * NS_PER_MS


class Intends(Captures):
    """Has something made durable."""

    @override
    def handle(self, event: ev.Event, now: Now) -> list[cmd.Command]:
        self.heard.append(event)
        kept = cmd.Persist(1, (OrderClosed(now.utc_ns, "7-1", "not at the venue"),), sync=True)
        return [kept, cmd.Exit(clean=True, reason="SIGTERM")] if isinstance(event, ev.VenueConnected) else []


async def hanging(root: Path) -> list[ev.Event]:
    engine, clock = Intends(settings()), LateClock()
    engine.heard = []
    shell = Shell(engine, clock, JournalWriter(root / "journal", disk=HangingDisk(clock)), ArtifactWriter(root))
    shell.on_events([ev.VenueConnected()])
    await shell.finished
    await shell.written()
    shell.close()
    return engine.heard


def test_a_commit_that_hangs_is_told_before_what_it_made_durable(tmp_path: Path) -> None:
    heard = asyncio.run(hanging(tmp_path))

    told = [event for event in heard if isinstance(event, ev.StorageSlow | ev.IntentsDurable)]
    assert [type(event) for event in told] == [ev.StorageSlow, ev.IntentsDurable]
    assert isinstance(told[0], ev.StorageSlow)
    assert 0.4 <= told[0].seconds < 1.0
