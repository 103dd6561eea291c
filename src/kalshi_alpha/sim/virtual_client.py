"""One incarnation of the trading process in virtual time: the real engine and codecs, with modelled delays around them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from kalshi_alpha.adapters.journal_memory import MemoryJournal
from kalshi_alpha.adapters.kalshi.order_calls import Calls
from kalshi_alpha.adapters.kalshi.rest import calls_for
from kalshi_alpha.adapters.kalshi.stamps import clock_read
from kalshi_alpha.adapters.kalshi.stream import VenueStream
from kalshi_alpha.adapters.massive.rest import Bearer
from kalshi_alpha.adapters.massive.rest import calls as snapshot_calls
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.exec.storage_watch import SLOW_COMMIT_S
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.alerts import AlertMessage
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.sim.script import ClockFault, DiskFault, DiskFaultKind
from kalshi_alpha.sim.timeline import Timeline
from kalshi_alpha.sim.wire import NEVER_NS, Delays, Wire

Handle = Callable[[Engine, ev.Event, Now], list[cmd.Command]]
Request = Callable[[HttpRequest, int], HttpResponse]
REQUEST_TIMEOUT_NS: Final = 2 * NS_PER_S
TIMED_EVERY_NS: Final = NS_PER_S // 2
"""The venue's clock is read from its answers at most this often."""
SNAPSHOT_NS: Final = 30 * NS_PER_MS
"""One way to the feed's REST service."""
ROOM_SHORT: Final = 100 * 2**20
ROOM_USUAL: Final = 50 * 2**30
ROOM_TOTAL: Final = 100 * 2**30
"""Of the journal's disk, bytes."""


class VirtualClient:
    """Carries out the engine's commands in virtual time, until it is killed."""

    def __init__(self, engine: Engine, journal: MemoryJournal, timeline: Timeline, delays: Delays, mono_base_ns: int) -> None:
        """Start an incarnation; ``connect`` gives it its streams and the exchange."""
        self.engine = engine
        self.journal = journal
        self.delays = delays
        self.alive = True
        self.venue: VenueStream | None = None
        self.wires: tuple[Wire, ...] = ()
        self.handle: Handle = Engine.handle
        self.on_monitors: Callable[[Engine, Now], None] = lambda _engine, _now: None
        self.on_snapshot: Callable[[Engine, Now], None] = lambda _engine, _now: None
        self.aside: Callable[[cmd.Command, Now], list[ev.Event]] = lambda _command, _now: []
        """What carries out commands that are neither the venue's nor the journal's."""
        self.snapshots: Request = lambda _request, _utc_ns: HttpResponse(0, b"", "nobody there")
        """The feed's REST service."""
        self.on_event: Callable[[ev.Event, int], None] = lambda _event, _utc_ns: None
        self.on_request: Callable[[HttpRequest, int], None] = lambda _request, _utc_ns: None
        self.is_fatal: Callable[[object, bool, int], bool] | None = None
        """Whether the process dies before (False) or after (True) this event or command, at an instant (UTC ns)."""
        self.on_exit: Callable[[int], None] = lambda _utc_ns: None
        self.on_death: Callable[[int], None] = lambda _utc_ns: None
        self.disk_faults: tuple[DiskFault, ...] = ()
        self.alerts: list[AlertMessage] = []
        self.clock_faults: tuple[ClockFault, ...] = ()
        self.later = timeline.at
        """Do something at an instant; whether this incarnation still lives then is the action's to ask."""
        self.mono_base_ns = mono_base_ns
        """The UTC instant of the monotonic clock's zero."""
        self._request: Request | None = None
        self._timed_ns = 0
        self._synced_ns = 0
        self._is_disk_lost = False
        self._wires_ns = NEVER_NS
        self._carriers: dict[type[cmd.Command], Callable[[Any, Now], None]] = {
            cmd.Persist: self._persist,
            cmd.CaptureSnapshot: self._capture,
            cmd.PublishMonitors: lambda _command, now: self.on_monitors(self.engine, now),
            cmd.SubscribeBooks: self._subscribe,
            cmd.UnsubscribeBooks: self._unsubscribe,
            cmd.SendAlert: lambda command, _now: self.alerts.append(command.message),
            cmd.ReadOperatorSlots: self._aside,
            cmd.ReadStatusPage: self._aside,
            cmd.KeepHouse: self._aside,
            cmd.ProbeIndex: self._probe,
            cmd.Exit: self._exit,
        }

    def connect(self, venue: VenueStream, wires: Sequence[Wire], request: Request) -> None:
        """Use these streams and this exchange."""
        self.venue, self.wires, self._request = venue, tuple(wires), request
        for wire in self.wires:
            wire.plan()

    def now(self, utc_ns: int) -> Now:
        """Return the step's time: the monotonic clock is shifted, so that mixing the two shows; the wall clock may be wrong."""
        ahead_ns = sum(fault.ahead_ns(utc_ns) for fault in self.clock_faults) if self.clock_faults else 0
        return Now(utc_ns + ahead_ns, utc_ns - self.mono_base_ns)

    def utc_ns(self, mono_ns: int) -> int:
        """Return the UTC instant of a monotonic one."""
        return mono_ns + self.mono_base_ns

    def next_ns(self) -> int:
        """Return the next instant at which the engine or a stream has a deadline, ``NEVER_NS`` if none has."""
        deadline_ns = self.engine.next_deadline_ns()
        return self._wires_ns if deadline_ns is None else min(deadline_ns + self.mono_base_ns, self._wires_ns)

    def plan(self) -> None:
        """Learn that a wire's next deadline changed."""
        self._wires_ns = min(wire.next_ns() for wire in self.wires)

    def tick(self, utc_ns: int) -> None:
        """Let deadlines count."""
        for wire in self.wires:
            wire.tick(utc_ns)
        deadline_ns = self.engine.next_deadline_ns()
        if deadline_ns is not None and self.utc_ns(deadline_ns) <= utc_ns:
            self.step([ev.TimerFired()], self.now(utc_ns))

    def step(self, events: list[ev.Event], now: Now) -> None:
        """Hand events to the engine and carry out what it says."""
        engine, handle, on_event, utc_ns = self.engine, self.handle, self.on_event, self.utc_ns(now.mono_ns)
        for event in events:
            if not self.alive:
                return
            on_event(event, utc_ns)
            if self.is_fatal is not None:
                self._step_or_die(event, now, utc_ns)
                continue
            for command in handle(engine, event, now):
                self._carriers.get(type(command), self._call)(command, now)

    def _step_or_die(self, event: ev.Event, now: Now, utc_ns: int) -> None:
        """Take one event as ``step`` does, and die where the script says so."""
        if self._dies(event, utc_ns, after=False):
            return
        for command in self.handle(self.engine, event, now):
            if self._dies(command, utc_ns, after=False):
                return
            self._carriers.get(type(command), self._call)(command, now)
            if not self.alive or self._dies(command, utc_ns, after=True):
                return
        self._dies(event, utc_ns, after=True)

    def _dies(self, what: object, utc_ns: int, *, after: bool) -> bool:
        if self.is_fatal is None or not self.is_fatal(what, after, utc_ns):
            return False
        self.on_death(utc_ns)
        return True

    def kill(self) -> None:
        """SIGKILL: nothing of this incarnation happens any more; what is on the wire stays on the wire."""
        self.alive = False
        for wire in self.wires:
            wire.hang_up("the client's process is gone")

    def _persist(self, command: cmd.Persist, now: Now) -> None:
        self.journal.append(command.records)
        if command.sync:
            utc_ns = self.utc_ns(now.mono_ns)
            fault = self._disk_fault(utc_ns, "sync_slow", "sync_error")
            slow_ns = int(fault.seconds * NS_PER_S) if fault is not None and fault.kind == "sync_slow" else 0
            self._synced_ns = max(self._synced_ns + 1, utc_ns + slow_ns + self.delays.sync_ns())  # one thread syncs, in order
            if fault is not None and fault.kind == "sync_error":
                self._is_disk_lost = True
            if slow_ns > SLOW_COMMIT_S * NS_PER_S:
                self.later(self._synced_ns, lambda at_ns: self._disk_said(ev.StorageSlow(slow_ns / NS_PER_S), at_ns))
            self.later(self._synced_ns, partial(self._lost if self._is_disk_lost else self._synced, command.batch))

    def _disk_fault(self, utc_ns: int, *kinds: DiskFaultKind) -> DiskFault | None:
        return next((fault for fault in self.disk_faults if fault.from_ns <= utc_ns < fault.to_ns and fault.kind in kinds), None)

    def _disk_said(self, event: ev.StorageRead | ev.StorageSlow, utc_ns: int) -> None:
        if self.alive:
            self.step([event], self.now(utc_ns))

    def _lost(self, _batch: int, utc_ns: int) -> None:
        """Tell that a sync failed; none after it counts."""
        if self.alive:
            self.step([ev.StorageFailed("EIO by script")], self.now(utc_ns))

    def _subscribe(self, command: cmd.SubscribeBooks, now: Now) -> None:
        assert self.venue is not None
        self.venue.subscribe_books(command.tickers)
        self._flush_all(self.utc_ns(now.mono_ns))

    def _unsubscribe(self, command: cmd.UnsubscribeBooks, now: Now) -> None:
        assert self.venue is not None
        self.venue.unsubscribe_books(command.tickers)
        self._flush_all(self.utc_ns(now.mono_ns))

    def _exit(self, _command: cmd.Exit, now: Now) -> None:
        self.alive = False
        self.on_exit(self.utc_ns(now.mono_ns))

    def _capture(self, command: cmd.CaptureSnapshot, now: Now) -> None:
        self.on_snapshot(self.engine, now)
        if any(fault.kind == "room_short" for fault in self.disk_faults):
            utc_ns = self.utc_ns(now.mono_ns)
            room = ev.StorageRead(ROOM_SHORT if self._disk_fault(utc_ns, "room_short") else ROOM_USUAL, ROOM_TOTAL)
            self.later(utc_ns + self.delays.sync_ns(), lambda at_ns: self._disk_said(room, at_ns))
        if command.verify:
            self._aside(command, now)

    def _aside(self, command: cmd.Command, now: Now) -> None:
        """Carry a command out now; its outcome takes as long as a journal sync."""
        events = self.aside(command, now)
        self.later(self.utc_ns(now.mono_ns) + self.delays.sync_ns(), lambda at_ns: self.step(events, self.now(at_ns)))

    def _flush_all(self, utc_ns: int) -> None:
        for wire in self.wires:
            if wire.server is not None:
                wire.flush(utc_ns)

    def _synced(self, batch: int, utc_ns: int) -> None:
        if self.alive:
            self.journal.sync()
            self.step([ev.IntentsDurable(batch)], self.now(utc_ns))

    def _probe(self, command: cmd.ProbeIndex, now: Now) -> None:
        """Ask the feed's REST service, by a single request."""
        calls = snapshot_calls(command, Bearer(""))
        request = next(calls)

        def arrive(utc_ns: int) -> None:
            response = self.snapshots(request, utc_ns)
            back_ns = SNAPSHOT_NS if response.status else REQUEST_TIMEOUT_NS
            self.later(utc_ns + back_ns, partial(self._answer, calls, response, []))

        self.later(self.utc_ns(now.mono_ns) + SNAPSHOT_NS, arrive)

    # Venue commands. What was sent arrives even when the sender dies meanwhile.

    def _call(self, command: cmd.Command, now: Now) -> None:
        calls = calls_for(command)
        self._send(calls, next(calls), self.utc_ns(now.mono_ns))

    def _send(self, calls: Calls, request: HttpRequest, utc_ns: int) -> None:
        self.on_request(request, utc_ns)
        self.later(utc_ns + self.delays.request_ns(), partial(self._arrive, calls, request, utc_ns))

    def _arrive(self, calls: Calls, request: HttpRequest, sent_ns: int, utc_ns: int) -> None:
        assert self._request is not None
        response = self._request(request, utc_ns)
        back_ns = REQUEST_TIMEOUT_NS if response.status == 0 else self.delays.request_ns()
        self.later(utc_ns + back_ns, partial(self._answer, calls, response, self._timed(request, response, sent_ns, utc_ns)))

    def _timed(self, request: HttpRequest, response: HttpResponse, sent_ns: int, utc_ns: int) -> list[ev.Event]:
        """Return what an answer tells of the venue's clock: its own stamp, or as its Date header would tell it."""
        if not response.status or utc_ns < self._timed_ns:
            return []
        self._timed_ns = utc_ns + TIMED_EVERY_NS
        sent_mono_ns = sent_ns - self.mono_base_ns
        return clock_read(request, response, sent_mono_ns) or [ev.VenueTimed(sent_mono_ns, utc_ns // NS_PER_S * NS_PER_S, NS_PER_S)]

    def _answer(self, calls: Calls, response: HttpResponse, timed: list[ev.Event], utc_ns: int) -> None:
        if not self.alive:
            return
        if timed:
            self.step(timed, self.now(utc_ns))
        try:
            request = calls.send(response)
        except StopIteration as done:
            self.step(done.value, self.now(utc_ns))
        else:
            self._send(calls, request, utc_ns)
