"""A further leg of the index feed: the pair's protocol, told as a witness's."""

from typing import Final

from kalshi_alpha.adapters.massive.stream import FeedStream
from kalshi_alpha.config import FeedsConfig
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import Event, FeedConnected, FeedLost, FeedWarned, FurtherStated, FurtherTicked, IndexTicked
from kalshi_alpha.model.instruments import Leg, Symbol

_INSIDE: Final[Leg] = "polygon"
"""The name the stream inside goes by; nobody hears it."""


class FurtherStream:
    """A `StreamSession` that tells what its leg says under the leg's own name."""

    def __init__(self, name: str, symbols: tuple[Symbol, ...], api_key: str, config: FeedsConfig, seed: int) -> None:
        """Connect to nothing yet; see `FeedStream`."""
        self._name = name
        self._stream = FeedStream(_INSIDE, symbols, api_key, config, seed)
        self._is_connected = False
        self.outgoing = self._stream.outgoing
        self.next_deadline_ns = self._stream.next_deadline_ns
        self.wants_close = self._stream.wants_close
        self.connect_at_ns = self._stream.connect_at_ns

    def opened(self, now: Now) -> list[Event]:
        """Wait for the server's greeting."""
        return self._told(self._stream.opened(now))

    def received(self, frame: str | bytes, now: Now) -> list[Event]:
        """Take one frame."""
        return self._told(self._stream.received(frame, now))

    def refused(self, why: str) -> list[Event]:
        """Tell that a frame was refused unread."""
        return self._told(self._stream.refused(why))

    def closed(self, reason: str, now: Now) -> list[Event]:
        """Plan the next connection."""
        return self._told(self._stream.closed(reason, now))

    def timer(self, now: Now) -> list[Event]:
        """Complain of what is missing, and give a silent connection up."""
        return self._told(self._stream.timer(now))

    def ponged(self, round_trip_ms: float) -> list[Event]:  # noqa: ARG002 - the shape of all sessions
        """Tell nothing: its pings are nobody's evidence."""
        return []

    def _told(self, events: list[Event]) -> list[Event]:
        return [told for event in events if (told := self._renamed(event)) is not None]

    def _renamed(self, event: Event) -> Event | None:
        match event:
            case IndexTicked():
                return FurtherTicked(self._name, event.symbol, event.level, event.event_ms)
            case FeedConnected():
                self._is_connected = True
                return FurtherStated(self._name, connected=True, text="subscribed")
            case FeedLost():
                self._is_connected = False
                return FurtherStated(self._name, connected=False, text=f"lost: {event.reason}")
            case FeedWarned():
                return FurtherStated(self._name, self._is_connected, f"{event.status}: {event.message}")
            case _:
                return None
