"""One incarnation of the trading process in virtual time: the real engine and codecs, with modelled delays around them."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, Final, Protocol

from kalshi_alpha.adapters.journal_memory import MemoryJournal
from kalshi_alpha.adapters.kalshi.order_calls import Calls
from kalshi_alpha.adapters.kalshi.rest import calls_for
from kalshi_alpha.adapters.kalshi.stamps import clock_read
from kalshi_alpha.adapters.kalshi.stream import VenueStream
from kalshi_alpha.adapters.websocket import PING_S
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.session import StreamSession
from kalshi_alpha.sim.script import ClockFault
from kalshi_alpha.sim.timeline import Action, Timeline

Handle = Callable[[Engine, ev.Event, Now], list[cmd.Command]]
Request = Callable[[HttpRequest, int], HttpResponse]
REQUEST_TIMEOUT_NS: Final = 2 * NS_PER_S
TIMED_EVERY_NS: Final = NS_PER_S // 2
"""The venue's clock is read from its answers at most this often."""
UNANSWERED_NS: Final = int(2 * PING_S * NS_PER_S)
"""A ping goes out within its interval, and its answer is waited for as long."""
NEVER_NS: Final = 1 << 62
"""Later than anything."""


class ServerSession(Protocol):
    """The far end of a stream, as both simulated servers offer it."""

    def receive(self, text: str, utc_ns: int) -> None:
        """Take a client's frame."""
        ...

    def drain(self) -> list[str]:
        """Hand over the frames to send."""
        ...

    def close(self, reason: str) -> None:
        """End it."""
        ...

    closed: str | None
    """Why the server dropped the connection, if it did."""
    answers_pings: bool


class Delays:
    """How long things take, drawn from one seeded generator."""

    __slots__ = ("_draw",)

    def __init__(self, seed: int) -> None:
        """Draw from a generator of its own."""
        self._draw = Random(seed).random

    def request_ns(self) -> int:
        """Return the time of one way of an HTTP call: 4 to 25 ms."""
        return 4 * NS_PER_MS + int(self._draw() ** 3 * 21 * NS_PER_MS)

    def frame_ns(self) -> int:
        """Return the time of one way of a stream frame: 2 to 12 ms."""
        return 2 * NS_PER_MS + int(self._draw() ** 3 * 10 * NS_PER_MS)

    def sync_ns(self) -> int:
        """Return the time of a journal sync: 0.1 to 5 ms."""
        return 100_000 + int(self._draw() ** 6 * 5 * NS_PER_MS)


class Station(Protocol):
    """The process that a wire belongs to: its time, and what it does with what it hears."""

    alive: bool
    delays: Delays

    @property
    def later(self) -> Callable[[int, Action], None]:
        """Do something at an instant (UTC ns)."""
        ...

    def now(self, utc_ns: int) -> Now:
        """Return the step's time."""
        ...

    def utc_ns(self, mono_ns: int) -> int:
        """Return the UTC instant of a monotonic one."""
        ...

    def step(self, events: list[ev.Event], now: Now) -> None:
        """Take what a stream has to say."""
        ...

    def plan(self) -> None:
        """Learn that a wire's next deadline changed."""
        ...


class Wire:
    """One stream between a client session and its server, frames in order, delays between. A dead client hears and does nothing."""

    def __init__(self, client: Station, stream: StreamSession, connect: Callable[[int], ServerSession | None]) -> None:
        """Tie a client stream to what makes server sessions; ``connect`` returns None when the server refuses."""
        self.stream = stream
        self.server: ServerSession | None = None
        self._client = client
        self._connect = connect
        self._last_down_ns = 0
        self._last_up_ns = 0
        self._generation = 0
        self._connecting = False
        self._is_up = False
        """The client session has a connection, or hasn't heard yet that it is gone."""
        self._unanswered = False
        self._next_ns = NEVER_NS

    def tick(self, utc_ns: int) -> None:
        """Act on the client session's deadlines and its wish to connect."""
        if self._next_ns > utc_ns:
            return
        client = self._client
        now = client.now(utc_ns)
        deadline_ns = self.stream.next_deadline_ns()
        if deadline_ns is not None and deadline_ns <= now.mono_ns:
            client.step(self.stream.timer(now), now)
            self.flush(utc_ns)
        if not (self._is_up or self._connecting):
            at_ns = self.stream.connect_at_ns()
            if at_ns is not None and at_ns <= now.mono_ns:
                self._connecting = True
                client.later(utc_ns + 2 * client.delays.frame_ns(), self._open)
        self.plan()

    def pump(self, utc_ns: int) -> None:
        """Take what the server has to send, and notice when it hung up."""
        server = self.server
        if server is None:
            return
        frames = server.drain()
        if frames:
            client, at_ns, generation = self._client, self._last_down_ns, self._generation
            later, frame_ns, deliver = client.later, client.delays.frame_ns, self._deliver
            for frame in frames:
                at_ns = max(at_ns + 1, utc_ns + frame_ns())
                later(at_ns, partial(deliver, frame, generation))
            self._last_down_ns = at_ns
        if server.closed is not None:
            self._hung_up(server.closed, utc_ns)
        elif not server.answers_pings and not self._unanswered:
            self._unanswered = True
            self._client.later(utc_ns + UNANSWERED_NS, partial(self._give_up, self._generation))

    def flush(self, utc_ns: int) -> None:
        """Send what the client session has to send; called after whatever the session was told."""
        stream = self.stream
        for text in stream.outgoing():
            self._last_up_ns = max(self._last_up_ns + 1, utc_ns + self._client.delays.frame_ns())
            self._client.later(self._last_up_ns, partial(self._receive, text, self._generation))
        if self.server is not None and (why := stream.wants_close()) is not None:
            self.hang_up(why)
            self._client.later(utc_ns, partial(self._closed, why, self._generation))
        self.plan()

    def hang_up(self, reason: str) -> None:
        """End the connection from our side."""
        if self.server is not None:
            self.server.close(reason)
            self.server = None

    def next_ns(self) -> int:
        """Return when ``tick`` has something to do (UTC ns), ``NEVER_NS`` if nothing."""
        return self._next_ns

    def plan(self) -> None:
        """Work out the next deadline; called after whatever the session was told."""
        first_ns = self.stream.next_deadline_ns()
        if not (self._is_up or self._connecting):
            connect_ns = self.stream.connect_at_ns()
            if connect_ns is not None and (first_ns is None or connect_ns < first_ns):
                first_ns = connect_ns
        next_ns = NEVER_NS if first_ns is None else self._client.utc_ns(first_ns)
        if next_ns != self._next_ns:
            self._next_ns = next_ns
            self._client.plan()

    def _hung_up(self, reason: str, utc_ns: int) -> None:
        self.server = None
        at_ns = max(self._last_down_ns + 1, utc_ns)
        self._client.later(at_ns, partial(self._closed, reason, self._generation))
        self.plan()

    def _give_up(self, generation: int, utc_ns: int) -> None:
        """Drop a connection whose pings weren't answered, as the socket under the real session does."""
        self._unanswered = False
        if generation == self._generation and self.server is not None and not self.server.answers_pings and self._client.alive:
            self.hang_up("no pong")
            self._closed("closed by us, 1011 keepalive ping timeout", generation, utc_ns)

    def _open(self, utc_ns: int) -> None:
        client = self._client
        if not client.alive:
            return
        self._connecting = False
        self._generation += 1
        self.server = self._connect(utc_ns)
        now = client.now(utc_ns)
        if self.server is None:
            client.step(self.stream.closed("connection refused", now), now)
            self.plan()
            return
        self._is_up = True
        client.step(self.stream.opened(now), now)
        self.flush(utc_ns)
        self.pump(utc_ns)

    def _deliver(self, frame: str, generation: int, utc_ns: int) -> None:
        client = self._client
        if generation == self._generation and client.alive:
            now = client.now(utc_ns)
            events = self.stream.received(frame, now)
            if events:
                client.step(events, now)
            self.flush(utc_ns)

    def _receive(self, text: str, generation: int, utc_ns: int) -> None:
        if generation == self._generation and self.server is not None and self._client.alive:
            self.server.receive(text, utc_ns)
            self.pump(utc_ns)

    def _closed(self, reason: str, generation: int, utc_ns: int) -> None:
        client = self._client
        if generation == self._generation and client.alive:
            self._is_up = False
            self._generation += 1
            now = client.now(utc_ns)
            client.step(self.stream.closed(reason, now), now)
            self.flush(utc_ns)


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
        self.on_event: Callable[[ev.Event, int], None] = lambda _event, _utc_ns: None
        self.on_request: Callable[[HttpRequest, int], None] = lambda _request, _utc_ns: None
        self.clock_faults: tuple[ClockFault, ...] = ()
        self.later = timeline.at
        """Do something at an instant; whether this incarnation still lives then is the action's to ask."""
        self.mono_base_ns = mono_base_ns
        """The UTC instant of the monotonic clock's zero."""
        self._request: Request | None = None
        self._timed_ns = 0
        self._wires_ns = NEVER_NS
        self._carriers: dict[type[cmd.Command], Callable[[Any, Now], None]] = {
            cmd.Persist: self._persist,
            cmd.CaptureSnapshot: self._capture,
            cmd.PublishMonitors: lambda _command, now: self.on_monitors(self.engine, now),
            cmd.SubscribeBooks: self._subscribe,
            cmd.UnsubscribeBooks: self._unsubscribe,
            cmd.ReadOperatorSlots: self._aside,
            cmd.ReadStatusPage: self._aside,
            cmd.KeepHouse: self._aside,
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
            for command in handle(engine, event, now):
                self._carriers.get(type(command), self._call)(command, now)

    def kill(self) -> None:
        """SIGKILL: nothing of this incarnation happens any more; what is on the wire stays on the wire."""
        self.alive = False
        for wire in self.wires:
            wire.hang_up("the client's process is gone")

    def _persist(self, command: cmd.Persist, now: Now) -> None:
        self.journal.append(command.records)
        if command.sync:
            self.later(self.utc_ns(now.mono_ns) + self.delays.sync_ns(), partial(self._synced, command.batch))

    def _subscribe(self, command: cmd.SubscribeBooks, now: Now) -> None:
        assert self.venue is not None
        self.venue.subscribe_books(command.tickers)
        self._flush_all(self.utc_ns(now.mono_ns))

    def _unsubscribe(self, command: cmd.UnsubscribeBooks, now: Now) -> None:
        assert self.venue is not None
        self.venue.unsubscribe_books(command.tickers)
        self._flush_all(self.utc_ns(now.mono_ns))

    def _exit(self, _command: cmd.Exit, _now: Now) -> None:
        self.alive = False

    def _capture(self, command: cmd.CaptureSnapshot, now: Now) -> None:
        self.on_snapshot(self.engine, now)
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
