"""The shape of a streaming protocol without its socket: frames in, events and frames out, time as an argument."""

from typing import Protocol

from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import Event


class StreamSession(Protocol):
    """One logical stream over any number of successive connections. A driver owns the socket and the clock."""

    def opened(self, now: Now) -> list[Event]:
        """Learn that a connection is up (WebSocket handshake done)."""
        ...

    def received(self, frame: str | bytes, now: Now) -> list[Event]:
        """Take one text or binary frame. Never raises: what can't be understood becomes an event."""
        ...

    def refused(self, why: str) -> list[Event]:
        """Count a frame that is too large, too deep or too fast to be read; the driver ends the connection for it."""
        ...

    def closed(self, reason: str, now: Now) -> list[Event]:
        """Learn that the connection ended or couldn't be made."""
        ...

    def timer(self, now: Now) -> list[Event]:
        """Act on ``next_deadline_ns``."""
        ...

    def ponged(self, round_trip_ms: float) -> list[Event]:
        """Learn that the far end answered a ping, and how long that took."""
        ...

    def outgoing(self) -> list[str]:
        """Hand over the text frames to send, once; called after every other call."""
        ...

    def next_deadline_ns(self) -> int | None:
        """Monotonic time at which ``timer`` must be called, if any."""
        ...

    def wants_close(self) -> str | None:
        """Why the driver must drop the connection now, if it must."""
        ...

    def connect_at_ns(self) -> int | None:
        """Monotonic time from which the driver may connect (again); None: never (stopped for good)."""
        ...
