"""The asyncio shell: real sockets and a real clock around the engine. It carries out commands and decides nothing."""

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from kalshi_alpha.adapters.journal import JournalError, JournalWriter
from kalshi_alpha.adapters.kalshi.http import carried_out
from kalshi_alpha.adapters.kalshi.rest import calls_for
from kalshi_alpha.adapters.kalshi.stamps import clock_read
from kalshi_alpha.adapters.kalshi.stream import VenueStream
from kalshi_alpha.adapters.log import log
from kalshi_alpha.adapters.system_clock import Clock
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.exec.incidents import AFTER_S, RECORDS_MAX
from kalshi_alpha.exec.outputs import ArtifactWriter, monitor_documents
from kalshi_alpha.exec.storage_watch import SLOW_COMMIT_S
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.alerts import AlertMessage
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.records import FeedSwitched, IncidentNoted, Record, StandDownChanged, WindowPhase
from kalshi_alpha.model.snapshot import EngineSnapshot
from kalshi_alpha.sched.hotrestart import Fresh, Stale

LEVELS_KEPT: Final = 900
COMPLETIONS_MAX: Final = 20
URGENT: Final = (cmd.CancelOrders, cmd.CancelAll, cmd.TriggerGroup)
"""These have connections of their own: a cancel never waits behind a create."""

Send = Callable[[HttpRequest], Awaitable[HttpResponse]]
Aside = Callable[[cmd.Command], Awaitable[Sequence[ev.Event]]]
"""What carries out a command that is neither the venue's nor the disk's, and never raises."""


class Shell:
    """Feeds events to the engine one at a time and carries out what it says."""

    def __init__(self, engine: Engine, clock: Clock, journal: JournalWriter, artifacts: ArtifactWriter) -> None:
        """Tie the engine to its clock, journal and files; ``connect`` adds the venue."""
        self.engine = engine
        self.clock = clock
        self.finished: asyncio.Future[cmd.Exit] = asyncio.get_running_loop().create_future()
        self.levels: dict[str, deque[tuple[int, float, str]]] = {}
        self._journal = journal
        self._artifacts = artifacts
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._files = ThreadPoolExecutor(1, thread_name_prefix="files")
        self._notices = ThreadPoolExecutor(1, thread_name_prefix="notices")
        """Alerts never wait behind a report that is being rewritten."""
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy = False
        self._broken = False
        """The engine raised: it may have learnt half a fact, so it gets no other."""
        self._queue: deque[ev.Event] = deque()
        self._recent: deque[Record] = deque(maxlen=RECORDS_MAX)
        self._completions: dict[str, asyncio.TimerHandle] = {}
        """Incident -> when its evidence is completed."""
        self._capturing = self._capture_again = False
        self._storage_failed = False
        self._venue: VenueStream | None = None
        self._flush_venue: Callable[[], None] = lambda: None
        self._calm: Send | None = None
        self._urgent: Send | None = None
        self._upkeep: Aside | None = None

    def connect(self, venue: VenueStream, flush: Callable[[], None], calm: Send, urgent: Send) -> None:
        """Use the venue's stream and its two HTTP senders."""
        self._venue, self._flush_venue, self._calm, self._urgent = venue, flush, calm, urgent

    def connect_upkeep(self, upkeep: Aside) -> None:
        """Have what is asked besides the venue: the status page, the operator's slots, the housekeeping, the index vendor's snapshots."""
        self._upkeep = upkeep

    def on_events(self, events: Sequence[ev.Event], _now: Now | None = None) -> None:
        """Hand events to the engine, in order, one step each.

        A bug ends the process, whoever called: the event loop itself would only print what a timer or a signal's handler raises, and
        go on with an engine that nothing wakes any more.
        """
        self._queue.extend(events)
        if self._busy or self._broken:
            return
        self._busy = True
        try:
            while self._queue:
                self._step(self._queue.popleft())
        except Exception as error:  # noqa: BLE001 - the top of the shell
            self._broken = True
            self.fail(error)
            return
        finally:
            self._busy = False
        self._arm()

    async def written(self) -> bool:
        """Wait until everything that was to be durable so far is on disk; return whether it is."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, lambda: not self._storage_failed)

    def close(self) -> None:
        """Stop the timer and the worker threads; all that was said is made durable first, also what didn't have to be at once."""
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        for handle in self._completions.values():
            handle.cancel()
        self._disk.submit(self._committed, self._journal.take())
        self._disk.shutdown(wait=True)
        self._capture_again = False
        self._notices.shutdown(wait=True)
        self._files.shutdown(wait=True)

    # One step

    def _step(self, event: ev.Event) -> None:
        now = self.clock.now()
        if isinstance(event, ev.IndexTicked):
            self.levels.setdefault(event.symbol, deque(maxlen=LEVELS_KEPT)).append((now.utc_ns, event.level, event.leg))
        for command in self.engine.handle(event, now):
            self._carry_out(command, now)

    def _carry_out(self, command: cmd.Command, now: Now) -> None:
        match command:
            case cmd.Persist():
                self._persist(command)
            case cmd.CaptureSnapshot():
                self._capture(now, verify=command.verify)
            case cmd.PublishMonitors():
                self._files.submit(self._artifacts.monitors, *monitor_documents(self.engine, now))
            case cmd.SendAlert():
                self._alert(command.message)
            case cmd.SubscribeBooks() | cmd.UnsubscribeBooks():
                self._books(command)
            case cmd.ReadStatusPage() | cmd.ReadOperatorSlots() | cmd.KeepHouse() | cmd.ProbeIndex():
                self._start(self._aside(command))
            case cmd.Exit():
                self._finish(command)
            case _:
                self._start(self._call(command))

    def _finish(self, command: cmd.Exit) -> None:
        if not self.finished.done():
            self.finished.set_result(command)

    def _alert(self, message: AlertMessage) -> None:
        log("alert", what=message.what, severity=message.severity, title=message.title)
        self._notices.submit(self._artifacts.alert, message)

    def _books(self, command: cmd.SubscribeBooks | cmd.UnsubscribeBooks) -> None:
        assert self._venue is not None
        if isinstance(command, cmd.SubscribeBooks):
            self._venue.subscribe_books(command.tickers)
        else:
            self._venue.unsubscribe_books(command.tickers)
        self._flush_venue()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.watch(task)

    def watch(self, task: asyncio.Task[None]) -> None:
        """Have a background task's failure end the process."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """End the process with an error, so that it restarts through the one recovery path."""
        if not self.finished.done():
            self.finished.set_exception(error)

    # Commands

    async def _call(self, command: cmd.Command) -> None:
        """Carry out one venue command: its requests one after the other, then its outcome."""
        send = self._urgent if isinstance(command, URGENT) else self._calm
        assert send is not None

        async def timed(request: HttpRequest) -> HttpResponse:
            sent_mono_ns = self.clock.now().mono_ns
            response = await send(request)
            self.on_events(clock_read(request, response, sent_mono_ns))
            return response

        self.on_events(await carried_out(calls_for(command), timed))

    async def _aside(self, command: cmd.Command) -> None:
        if self._upkeep is not None:
            self.on_events(await self._upkeep(command))

    def _persist(self, command: cmd.Persist) -> None:
        """Append now; when it must be durable, sync in the disk thread and say so when it is."""
        self._tell(command.records)
        try:
            self._journal.append(command.records)
        except JournalError as error:
            self._storage_failed = True
            self._queue.append(ev.StorageFailed(str(error)))
            return
        if command.sync:
            data = self._journal.take()
            loop = asyncio.get_running_loop()
            self._disk.submit(self._commit, data, command.batch, loop)

    def _commit(self, data: bytes, batch: int, loop: asyncio.AbstractEventLoop) -> None:
        told = self._committed(data)
        loop.call_soon_threadsafe(self.on_events, told if self._storage_failed else (*told, ev.IntentsDurable(batch)))

    def _committed(self, data: bytes) -> tuple[ev.Event, ...]:
        """Write and sync, in the disk thread; return what there is to say of the disk."""
        from_ns = self.clock.now().mono_ns
        try:
            self._journal.commit(data)
        except JournalError as error:
            self._storage_failed = True
            return (ev.StorageFailed(str(error)),)
        took_s = (self.clock.now().mono_ns - from_ns) / NS_PER_S / self.clock.speed
        return (ev.StorageSlow(took_s),) if took_s > SLOW_COMMIT_S else ()

    def _capture(self, now: Now, *, verify: bool) -> None:
        """Store a snapshot, once the last one is stored, and read back what is there then, if that is asked for."""
        loop = asyncio.get_running_loop()
        self._capture_again = self._capturing
        if not self._capturing:
            self._capturing = True
            snapshot = self.engine.snapshot(now, self._journal.next_seq - 1)
            self._disk.submit(self._store, snapshot, self._journal.take(), loop)
        if verify:
            self._disk.submit(lambda: loop.call_soon_threadsafe(self.on_events, (self._restored(),)))

    def _store(self, snapshot: EngineSnapshot, data: bytes, loop: asyncio.AbstractEventLoop) -> None:
        told = self._committed(data)
        try:
            if not self._storage_failed:
                self._artifacts.snapshots.capture(snapshot)
                told = (*told, self._room())
        except OSError as error:
            log("snapshot_not_written", error=str(error))
        finally:
            loop.call_soon_threadsafe(self.on_events, told)
            loop.call_soon_threadsafe(self._captured)

    def _captured(self) -> None:
        """Store the one that was to be taken meanwhile, of now."""
        self._capturing = False
        if self._capture_again:
            self._capture(self.clock.now(), verify=False)

    def _room(self) -> ev.StorageRead:
        """Look how much room the journal has. Raises OSError."""
        found = os.statvfs(self._journal.path.parent)
        return ev.StorageRead(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)

    def _restored(self) -> cal.SnapshotVerified:
        """Read the snapshot back, as a restart would now."""
        restored = self._artifacts.snapshots.restore(self.clock.now())
        age_s = restored.age_s if isinstance(restored, Fresh | Stale) else 0.0
        return cal.SnapshotVerified(type(restored).__name__.lower(), age_s)

    def _tell(self, records: Sequence[Record]) -> None:
        """Log what an operator at the terminal wants to see, and put incidents into REPORT.md."""
        self._recent.extend(records)
        for record in records:
            match record:
                case IncidentNoted():
                    log("incident", kind=record.kind, title=record.title, did=record.did)
                    self._incident(record)
                case FeedSwitched():
                    log("feed_switched", active=record.active, previous=record.previous, reason=record.reason)
                case WindowPhase():
                    log("window", window=record.window, phase=record.phase, resting=record.resting)
                case StandDownChanged():
                    log("stand_down", reasons=",".join(record.reasons))
                case _:
                    continue

    def _incident(self, noted: IncidentNoted) -> None:
        """Have an incident's evidence written now, and again when what follows is known."""
        self._artifacts.queue_incident(noted, tuple(self._recent))
        self._files.submit(self._artifacts.incidents)
        if len(self._completions) < COMPLETIONS_MAX:
            handle = asyncio.get_running_loop().call_later(AFTER_S / self.clock.speed, self._complete, noted)
            self._completions[noted.incident_id] = handle

    def _complete(self, noted: IncidentNoted) -> None:
        del self._completions[noted.incident_id]
        self._files.submit(self._artifacts.complete, noted, tuple(self._recent))

    # Time

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at_ns = self.engine.next_deadline_ns()
        if at_ns is not None:
            self._timer = asyncio.get_running_loop().call_later(self.clock.real_seconds_until(at_ns), self._fire)

    def _fire(self) -> None:
        self._timer = None
        self.on_events((ev.TimerFired(),))
