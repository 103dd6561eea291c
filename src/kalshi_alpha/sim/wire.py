"""A stream in virtual time: a client session and its server, with modelled delays between them."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final, Protocol

from kalshi_alpha.adapters.websocket import PING_S
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.session import StreamSession
from kalshi_alpha.sim.timeline import Action

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
