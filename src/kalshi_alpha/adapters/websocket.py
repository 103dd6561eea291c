"""The socket under any `StreamSession`: connects, hands frames over as they come, keeps the session's deadlines, never gives up.

One task reads, one keeps the deadlines, one sends: a far end that takes nothing holds up neither frames nor deadlines, and is left. What
the session and ``on_events`` raise is a bug and ends the loop; what the network does never does.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.frames import CloseCode

from kalshi_alpha.adapters.frame_gate import FrameGate
from kalshi_alpha.adapters.system_clock import Clock
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import Event
from kalshi_alpha.model.session import StreamSession

FRAME_BYTES_MAX: Final = 1024 * 1024
OPEN_S: Final = 5.0
PING_S: Final = 2.0
CLOSE_S: Final = 1.0
SEND_S: Final = 2.0
"""A frame that the far end doesn't take for so long ends the connection: pings wait behind it and would never miss their answer."""
IDLE_S: Final = 5.0
"""Longest sleep between looks at the deadlines."""
REASON_CHARACTERS: Final = 300

OnEvents = Callable[[Sequence[Event], Now], None]


class ConnectParameters(msgspec.Struct, frozen=True):
    """What one connection needs; made anew for each, since signatures age."""

    url: str
    headers: Mapping[str, str]


async def drive(
    session: StreamSession,
    parameters: Callable[[], ConnectParameters],
    clock: Clock,
    on_events: OnEvents,
    *,
    poke: asyncio.Event | None = None,
    frame_bytes_max: int = FRAME_BYTES_MAX,
) -> None:
    """Run a session over successive connections until cancelled.

    Args:
        session: The protocol.
        parameters: Called once for each connection, just before it is made.
        clock: Simulated time may run faster than real time, and jump.
        on_events: Called synchronously with what a frame, a deadline or the end of a connection means.
        poke: Set it to say that the session has something to send.
        frame_bytes_max: A longer message ends the connection.

    """
    wake = poke or asyncio.Event()
    while True:
        at_ns = session.connect_at_ns()
        wait_s = IDLE_S if at_ns is None else clock.real_seconds_until(at_ns)
        if wait_s > 0:
            await _pause(min(wait_s, IDLE_S), asyncio.Event())
            continue
        connection, reason = await _connected(parameters(), frame_bytes_max)
        if connection is not None:
            reason = await _Line(session, connection, clock, on_events, wake).serve()
        now = clock.now()
        events = session.closed(reason, now)
        if events:
            on_events(events, now)


async def _connected(given: ConnectParameters, frame_bytes_max: int) -> tuple[ClientConnection | None, str]:
    """Return an open connection, or None and why not."""
    try:
        connection = await connect(
            given.url,
            additional_headers=dict(given.headers),
            proxy=None,
            compression=None,
            open_timeout=OPEN_S,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=CLOSE_S,
            max_size=frame_bytes_max,
            user_agent_header=None,
        )
    except (OSError, EOFError, TimeoutError, WebSocketException, ValueError) as error:
        return None, f"can't connect: {str(error) or type(error).__name__}"[:REASON_CHARACTERS]
    return connection, ""


class _Line:
    """One open connection and its session."""

    def __init__(
        self, session: StreamSession, connection: ClientConnection, clock: Clock, on_events: OnEvents, wake: asyncio.Event
    ) -> None:
        self._session = session
        self._connection = connection
        self._clock = clock
        self._on_events = on_events
        self._wake = wake
        self._why = ""
        self._latency_s = 0.0
        """Of the last ping that was answered."""
        self._watched_ns: int | None = None
        """The deadline the keeper sleeps for."""
        self._texts: deque[str] = deque()
        """What is to be sent, in order."""
        self._has_texts = asyncio.Event()

    async def serve(self) -> str:
        """Serve the connection to its end; return why it ended."""
        others = asyncio.create_task(self._keep_deadlines()), asyncio.create_task(self._send())
        try:
            await self._read()
        except ConnectionClosed as error:
            self._why = self._why or _closing(error)[:REASON_CHARACTERS]
            if error.sent is not None and error.sent.code == CloseCode.MESSAGE_TOO_BIG:
                self._refuse(self._why)
        finally:
            self._connection.transport.abort()
            for task in others:
                task.cancel()
            await asyncio.wait(others)
        for task in others:
            if not task.cancelled() and (bug := task.exception()) is not None:
                raise bug
        return self._session.wants_close() or self._why

    async def _read(self) -> None:
        session, clock, on_events, gate = self._session, self._clock, self._on_events, FrameGate()
        now = clock.now()
        self._tell(session.opened(now), now)
        self._flush()
        while session.wants_close() is None:
            frame = await self._connection.recv()
            now = clock.now()
            if (refusal := gate.refusal(frame, now)) is not None:
                self._refuse(f"frame refused: {refusal}")
                return
            events = session.received(frame, now)
            if events:
                on_events(events, now)
            self._flush()
            if session.next_deadline_ns() != self._watched_ns:
                self._wake_if_earlier()

    def _refuse(self, why: str) -> None:
        self._why = why
        self._tell(self._session.refused(why), self._clock.now())

    async def _keep_deadlines(self) -> None:
        """Fire the session's timer when it is due, and send what others made it want to send."""
        try:
            while True:
                self._wake.clear()
                self._flush()
                if self._session.wants_close() is not None:
                    self._connection.transport.abort()
                    return
                self._look_for_pong()
                self._watched_ns = at_ns = self._session.next_deadline_ns()
                wait_s = IDLE_S if at_ns is None else min(IDLE_S, self._clock.real_seconds_until(at_ns))
                if wait_s > 0:
                    await _pause(wait_s, self._wake)
                    continue
                now = self._clock.now()
                self._tell(self._session.timer(now), now)
                await _pause(0.0, asyncio.Event())  # A deadline that stays due must not starve the reader.
        except BaseException:
            self._connection.transport.abort()
            raise

    async def _send(self) -> None:
        """Send in order; give the connection up when the far end takes nothing."""
        texts = self._texts
        try:
            while True:
                while texts:
                    async with asyncio.timeout(SEND_S):
                        await self._connection.send(texts.popleft())
                self._has_texts.clear()
                await self._has_texts.wait()
        except ConnectionClosed:
            return
        except TimeoutError:
            self._why = "can't send: the far end takes nothing"
            self._connection.transport.abort()
        except BaseException:
            self._connection.transport.abort()
            raise

    def _look_for_pong(self) -> None:
        """Tell the round trip of a ping that was answered since the last look."""
        if self._connection.latency != self._latency_s:
            self._latency_s = self._connection.latency
            self._tell(self._session.ponged(self._latency_s * 1e3), self._clock.now())

    def _wake_if_earlier(self) -> None:
        """Wake the keeper for an earlier deadline only; a later one is found when the old one is due."""
        at_ns = self._session.next_deadline_ns()
        if at_ns is not None and (self._watched_ns is None or at_ns < self._watched_ns):
            self._wake.set()

    def _tell(self, events: list[Event], now: Now) -> None:
        if events:
            self._on_events(events, now)

    def _flush(self) -> None:
        """Take what the session wants to send."""
        texts = self._session.outgoing()
        if texts:
            self._texts += texts
            self._has_texts.set()


def _closing(error: ConnectionClosed) -> str:
    """Say who ended it, and how: a missing close frame is 1006."""
    if error.rcvd is not None:
        return f"closed {error.rcvd.code} {error.rcvd.reason}".strip()
    if error.sent is not None:
        return f"closed by us, {error.sent.code} {error.sent.reason}".strip()
    return "closed 1006"


async def _pause(seconds: float, wake: asyncio.Event) -> None:
    """Wait, or less when woken."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()
