"""One incarnation of the trading process in virtual time: the real engine and codecs, with modelled delays around them."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final, Protocol

from kalshi_alpha.adapters.journal_memory import MemoryJournal
from kalshi_alpha.adapters.kalshi.rest import calls_for
from kalshi_alpha.adapters.kalshi.stamps import clock_read
from kalshi_alpha.adapters.kalshi.stream import VenueStream
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.session import StreamSession
from kalshi_alpha.sim.script import ClockFault
from kalshi_alpha.sim.timeline import Timeline

Handle = Callable[[Engine, ev.Event, Now], list[cmd.Command]]
REQUEST_TIMEOUT_NS: Final = 2 * NS_PER_S


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


class Delays:
    """How long things take, drawn from one seeded generator."""

    def __init__(self, seed: int) -> None:
        """Draw from a generator of its own."""
        self._random = Random(seed)

    def request_ns(self) -> int:
        """Return the time of one way of an HTTP call: 4 to 25 ms."""
        return 4 * NS_PER_MS + int(self._random.random() ** 3 * 21 * NS_PER_MS)

    def frame_ns(self) -> int:
        """Return the time of one way of a stream frame: 2 to 12 ms."""
        return 2 * NS_PER_MS + int(self._random.random() ** 3 * 10 * NS_PER_MS)

    def sync_ns(self) -> int:
        """Return the time of a journal sync: 0.1 to 5 ms."""
        return 100_000 + int(self._random.random() ** 6 * 5 * NS_PER_MS)


class Wire:
    """One stream between a client session and its server, frames in order, delays between."""

    def __init__(self, client: "VirtualClient", stream: StreamSession, connect: Callable[[int], ServerSession | None]) -> None:
        """Tie a client stream to what makes server sessions; ``connect`` returns None when the server refuses."""
        self.stream = stream
        self.server: ServerSession | None = None
        self._client = client
        self._connect = connect
        self._last_down_ns = 0
        self._last_up_ns = 0
        self._generation = 0
        self._connecting = False
        self._next_ns: int | None = None
        self._next_known = False

    def tick(self, utc_ns: int) -> None:
        """Act on the client session's deadlines and its wish to connect."""
        due_ns = self.next_ns()
        if due_ns is None or due_ns > utc_ns:
            return
        now = self._client.now(utc_ns)
        self._next_known = False
        deadline_ns = self.stream.next_deadline_ns()
        if deadline_ns is not None and deadline_ns <= now.mono_ns:
            self._client.step(self.stream.timer(now), utc_ns)
            self.flush(utc_ns)
        if self.server is None and not self._connecting:
            at_ns = self.stream.connect_at_ns()
            if at_ns is not None and at_ns <= now.mono_ns:
                self._connecting = True
                self._client.later(utc_ns + 2 * self._client.delays.frame_ns(), self._open)

    def next_ns(self) -> int | None:
        """Return when ``tick`` has something to do (UTC ns)."""
        if not self._next_known:
            times = [self.stream.next_deadline_ns()]
            if self.server is None and not self._connecting:
                times.append(self.stream.connect_at_ns())
            known = [at_ns for at_ns in times if at_ns is not None]
            self._next_ns = self._client.utc_ns(min(known)) if known else None
            self._next_known = True
        return self._next_ns

    def pump(self, utc_ns: int) -> None:
        """Take what the server has to send, and notice when it hung up."""
        server = self.server
        if server is None:
            return
        generation = self._generation
        for frame in server.drain():
            self._last_down_ns = max(self._last_down_ns + 1, utc_ns + self._client.delays.frame_ns())
            self._client.later(self._last_down_ns, partial(self._deliver, frame, generation))
        reason = server.closed
        if reason is not None:
            self.server, self._next_known = None, False
            at_ns = max(self._last_down_ns + 1, utc_ns)
            self._client.later(at_ns, partial(self._closed, reason, generation))

    def flush(self, utc_ns: int) -> None:
        """Send what the client session has to send; called after whatever the session was told."""
        generation = self._generation
        self._next_known = False
        for text in self.stream.outgoing():
            self._last_up_ns = max(self._last_up_ns + 1, utc_ns + self._client.delays.frame_ns())
            self._client.later(self._last_up_ns, partial(self._receive, text, generation))
        if self.server is not None and (why := self.stream.wants_close()) is not None:
            self.hang_up(why)
            self._client.later(utc_ns, partial(self._closed, why, generation))

    def hang_up(self, reason: str) -> None:
        """End the connection from our side."""
        if self.server is not None:
            self.server.close(reason)
            self.server = None

    def _open(self, utc_ns: int) -> None:
        self._connecting = self._next_known = False
        self._generation += 1
        self.server = self._connect(utc_ns)
        now = self._client.now(utc_ns)
        if self.server is None:
            self._client.step(self.stream.closed("connection refused", now), utc_ns)
            self._next_known = False
            return
        self._client.step(self.stream.opened(now), utc_ns)
        self.flush(utc_ns)
        self.pump(utc_ns)

    def _deliver(self, frame: str, generation: int, utc_ns: int) -> None:
        if generation == self._generation:
            self._client.step(self.stream.received(frame, self._client.now(utc_ns)), utc_ns)
            self.flush(utc_ns)

    def _receive(self, text: str, generation: int, utc_ns: int) -> None:
        if generation == self._generation and self.server is not None:
            self.server.receive(text, utc_ns)
            self.pump(utc_ns)

    def _closed(self, reason: str, generation: int, utc_ns: int) -> None:
        if generation == self._generation:
            self._generation += 1
            self._client.step(self.stream.closed(reason, self._client.now(utc_ns)), utc_ns)
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
        self.wires: list[Wire] = []
        self.handle: Handle = Engine.handle
        self.on_monitors: Callable[[Engine, Now], None] = lambda _engine, _now: None
        self.on_snapshot: Callable[[Engine, Now], None] = lambda _engine, _now: None
        self.on_event: Callable[[ev.Event, int], None] = lambda _event, _utc_ns: None
        self.on_request: Callable[[HttpRequest, int], None] = lambda _request, _utc_ns: None
        self.clock_faults: tuple[ClockFault, ...] = ()
        self._timeline = timeline
        self._mono_base_ns = mono_base_ns
        self._request: Callable[[HttpRequest, int], HttpResponse] | None = None

    def connect(self, venue: VenueStream, wires: list[Wire], request: Callable[[HttpRequest, int], HttpResponse]) -> None:
        """Use these streams and this exchange."""
        self.venue, self.wires, self._request = venue, wires, request

    def now(self, utc_ns: int) -> Now:
        """Return the step's time: the monotonic clock is shifted, so that mixing the two shows; the wall clock may be wrong."""
        mono_ns = utc_ns - self._mono_base_ns
        for fault in self.clock_faults:
            utc_ns += fault.ahead_ns(mono_ns + self._mono_base_ns)
        return Now(utc_ns=utc_ns, mono_ns=mono_ns)

    def utc_ns(self, mono_ns: int) -> int:
        """Return the UTC instant of a monotonic one."""
        return mono_ns + self._mono_base_ns

    def later(self, utc_ns: int, action: Callable[[int], None]) -> None:
        """Do something at an instant, if this incarnation still lives then."""
        self._timeline.at(utc_ns, lambda at_ns: action(at_ns) if self.alive else None)

    def next_ns(self) -> int | None:
        """Return the next instant at which the engine or a stream has a deadline."""
        deadline_ns = self.engine.next_deadline_ns()
        first_ns = None if deadline_ns is None else deadline_ns + self._mono_base_ns
        for wire in self.wires:
            at_ns = wire.next_ns()
            if at_ns is not None and (first_ns is None or at_ns < first_ns):
                first_ns = at_ns
        return first_ns

    def tick(self, utc_ns: int) -> None:
        """Let deadlines count."""
        for wire in self.wires:
            wire.tick(utc_ns)
        deadline_ns = self.engine.next_deadline_ns()
        if deadline_ns is not None and self.utc_ns(deadline_ns) <= utc_ns:
            self.step([ev.TimerFired()], utc_ns)

    def step(self, events: list[ev.Event], utc_ns: int) -> None:
        """Hand events to the engine and carry out what it says."""
        now = self.now(utc_ns)
        for event in events:
            if not self.alive:
                return
            self.on_event(event, utc_ns)
            for command in self.handle(self.engine, event, now):
                self._carry_out(command, now, utc_ns)

    def kill(self) -> None:
        """SIGKILL: nothing of this incarnation happens any more; what is on the wire stays on the wire."""
        self.alive = False
        for wire in self.wires:
            wire.hang_up("the client's process is gone")

    def _carry_out(self, command: cmd.Command, now: Now, utc_ns: int) -> None:
        match command:
            case cmd.Persist():
                self.journal.append(command.records)
                if command.sync:
                    self.later(utc_ns + self.delays.sync_ns(), lambda at_ns: self._synced(command.batch, at_ns))
            case cmd.CaptureSnapshot():
                self.on_snapshot(self.engine, now)
            case cmd.PublishMonitors():
                self.on_monitors(self.engine, now)
            case cmd.SubscribeBooks():
                assert self.venue is not None
                self.venue.subscribe_books(command.tickers)
                self._flush_all(utc_ns)
            case cmd.UnsubscribeBooks():
                assert self.venue is not None
                self.venue.unsubscribe_books(command.tickers)
                self._flush_all(utc_ns)
            case cmd.Exit():
                self.alive = False
            case _:
                self._call(command, utc_ns)

    def _flush_all(self, utc_ns: int) -> None:
        for wire in self.wires:
            if wire.server is not None:
                wire.flush(utc_ns)

    def _synced(self, batch: int, utc_ns: int) -> None:
        self.journal.sync()
        self.step([ev.IntentsDurable(batch)], utc_ns)

    def _call(self, command: cmd.Command, utc_ns: int) -> None:
        """Carry out one venue command. What was sent arrives even when the sender dies meanwhile."""
        calls = calls_for(command)
        request_call = self._request
        assert request_call is not None

        def send(request: HttpRequest, at_ns: int) -> None:
            self.on_request(request, at_ns)
            sent_mono_ns = at_ns - self._mono_base_ns
            self._timeline.at(at_ns + self.delays.request_ns(), lambda when_ns: arrive(request, sent_mono_ns, when_ns))

        def arrive(request: HttpRequest, sent_mono_ns: int, at_ns: int) -> None:
            response = request_call(request, at_ns)
            back_ns = REQUEST_TIMEOUT_NS if response.status == 0 else self.delays.request_ns()
            timed = clock_read(request, response, sent_mono_ns) if response.status else []
            if response.status and not timed:
                # As the venue's Date header would tell it.
                timed = [ev.VenueTimed(sent_mono_ns, at_ns // NS_PER_S * NS_PER_S, NS_PER_S)]
            self.later(at_ns + back_ns, lambda when_ns: answer(response, timed, when_ns))

        def answer(response: HttpResponse, timed: list[ev.Event], at_ns: int) -> None:
            self.step(timed, at_ns)
            try:
                request = calls.send(response)
            except StopIteration as done:
                self.step(done.value, at_ns)
            else:
                send(request, at_ns)

        send(next(calls), utc_ns)
