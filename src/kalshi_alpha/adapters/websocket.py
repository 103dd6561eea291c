"""The socket under any `StreamSession`: connects, hands frames over as they come, keeps the session's deadlines, never gives up."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from kalshi_alpha.adapters.system_clock import Clock
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import Event
from kalshi_alpha.model.session import StreamSession

FRAME_BYTES_MAX: Final = 4 * 1024 * 1024
OPEN_S: Final = 5.0
PING_S: Final = 2.0
CLOSE_S: Final = 1.0
IDLE_S: Final = 5.0
"""Longest sleep between looks at the deadlines."""

OnEvents = Callable[[Sequence[Event], Now], None]


class ConnectParameters(msgspec.Struct, frozen=True):
    """What one connection needs; made anew for each, since signatures age."""

    url: str
    headers: Mapping[str, str]


async def drive(
    session: StreamSession, parameters: Callable[[], ConnectParameters], clock: Clock, on_events: OnEvents, *, poke: asyncio.Event | None = None
) -> None:
    """Run a session over successive connections until cancelled. ``poke`` says that it has something to send."""
    wake = poke or asyncio.Event()
    while True:
        at_ns = session.connect_at_ns()
        if at_ns is None:
            await asyncio.Event().wait()
            continue
        wait_s = clock.real_seconds_until(at_ns)
        if wait_s > 0:
            await _pause(min(wait_s, IDLE_S), None)
            continue
        reason = await _one_connection(session, parameters(), clock, on_events, wake)
        now = clock.now()
        on_events(session.closed(reason, now), now)


async def _one_connection(session: StreamSession, given: ConnectParameters, clock: Clock, on_events: OnEvents, wake: asyncio.Event) -> str:
    """Serve one connection to its end; return why it ended."""
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
            max_size=FRAME_BYTES_MAX,
            user_agent_header=None,
        )
    except (OSError, TimeoutError, WebSocketException, ValueError) as error:
        return f"can't connect: {error}"[:300]
    keeper = asyncio.create_task(_keep_deadlines(session, connection, clock, on_events, wake))
    try:
        now = clock.now()
        on_events(session.opened(now), now)
        await _flush(session, connection)
        async for frame in connection:
            now = clock.now()
            events = session.received(frame, now)
            if events:
                on_events(events, now)
            if session.wants_close() is not None:
                break
            await _flush(session, connection)
            wake.set()
    except ConnectionClosed:
        pass
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper
        own = session.wants_close()
        if own is not None:
            connection.transport.abort()
    return own or f"closed {connection.close_code} {connection.close_reason or ''}".strip()


async def _keep_deadlines(session: StreamSession, connection: ClientConnection, clock: Clock, on_events: OnEvents, wake: asyncio.Event) -> None:
    """Fire the session's timer when it is due, and send what others made it want to send."""
    try:
        while True:
            wake.clear()
            await _flush(session, connection)
            at_ns = session.next_deadline_ns()
            wait_s = IDLE_S if at_ns is None else min(IDLE_S, clock.real_seconds_until(at_ns))
            if wait_s > 0:
                await _pause(wait_s, wake)
                continue
            now = clock.now()
            events = session.timer(now)
            if events:
                on_events(events, now)
            if session.wants_close() is not None:
                connection.transport.abort()
                return
    except ConnectionClosed:
        return


async def _flush(session: StreamSession, connection: ClientConnection) -> None:
    for text in session.outgoing():
        await connection.send(text)


async def _pause(seconds: float, wake: asyncio.Event | None) -> None:
    """Wait, or less when woken."""
    event = wake if wake is not None else asyncio.Event()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
