"""One leg of the index feed without its socket: authenticate, subscribe, count acknowledgements, turn values into ticks.

    opened --connected--> auth sent --auth_success--> subscribe sent --an acknowledgement a pair--> live

A status outside the vendor's OK set is told. ``auth_failed`` stops the leg for good; ``max_connections`` waits a minute, since
coming back at once would only evict the other connection.
"""

from typing import Final

from kalshi_alpha.adapters.backoff import Backoff
from kalshi_alpha.adapters.massive import wire
from kalshi_alpha.config import FeedsConfig
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.events import Event, FeedConnected, FeedLost, FeedWarned, IndexTicked
from kalshi_alpha.model.instruments import Leg, Symbol

OK_STATUSES: Final = frozenset({"connected", "auth_success", "success"})
COOL_DOWN_S: Final = 60.0
BACKOFF_CAP_S: Final = 30
SUBSCRIBED: Final = "subscribed to: "


class FeedStream:
    """A `StreamSession` over any number of successive connections."""

    def __init__(self, leg: Leg, symbols: tuple[Symbol, ...], api_key: str, config: FeedsConfig, seed: int) -> None:
        """Connect to nothing yet; the key is only ever sent, never told."""
        self.uncounted: dict[str, int] = {}
        """What couldn't be used, by kind."""
        self._leg: Leg = leg
        self._pairs = {f"V.{symbol}": symbol for symbol in symbols}
        self._symbols: dict[str, Symbol] = {symbol: symbol for symbol in symbols}
        self._api_key = api_key
        self._ack_ns = int(config.ack_deadline_s * NS_PER_S)
        self._data_ns = int(config.first_data_deadline_s * NS_PER_S)
        self._backoff = Backoff(seed, BACKOFF_CAP_S)
        self._out: list[str] = []
        self._unacked: dict[str, None] = {}
        self._silent: dict[str, None] = {}
        self._ack_by_ns: int | None = None
        self._data_by_ns: int | None = None
        self._is_open = False
        self._is_live = False
        self._stopped = False
        self._wait_s = 0.0
        self._close_reason: str | None = None

    def opened(self, now: Now) -> list[Event]:
        """Wait for the server's greeting."""
        self._is_open, self._is_live = True, False
        self._close_reason, self._wait_s = None, 0.0
        self._out.clear()
        self._unacked = dict.fromkeys(self._pairs)
        self._silent = dict.fromkeys(self._symbols)
        self._ack_by_ns, self._data_by_ns = now.mono_ns + self._ack_ns, None
        return []

    def received(self, frame: str | bytes, now: Now) -> list[Event]:
        """Take one frame."""
        try:
            messages = wire.decode(frame)
        except wire.FrameError as error:
            self._count("frame")
            return [FeedWarned(self._leg, "bad_frame", str(error)[:200])]
        events: list[Event] = []
        for message in messages:
            if message.ev == "V":
                self._value(message, now, events)
            elif message.ev == "status":
                self._status(message, now, events)
            else:
                self._count(message.ev)
        return events

    def closed(self, reason: str, now: Now) -> list[Event]:
        """Plan the next connection."""
        was_open, self._is_open = self._is_open, False
        self._ack_by_ns = self._data_by_ns = None
        self._backoff.lost(now, extra_s=self._wait_s)
        self._out.clear()
        return [FeedLost(self._leg, reason)] if was_open else []

    def timer(self, now: Now) -> list[Event]:
        """Complain of missing acknowledgements and missing data."""
        events: list[Event] = []
        if self._ack_by_ns is not None and now.mono_ns >= self._ack_by_ns:
            self._ack_by_ns = None
            missing = ", ".join(self._unacked)
            self._close_reason = f"no acknowledgement of {missing}"
            events.append(FeedWarned(self._leg, "ack_missing", missing))
        if self._data_by_ns is not None and now.mono_ns >= self._data_by_ns:
            self._data_by_ns = None
            if self._silent:
                events.append(FeedWarned(self._leg, "no_first_data", ", ".join(self._silent)))
        return events

    def outgoing(self) -> list[str]:
        """Hand over what is to be sent."""
        taken, self._out = self._out, []
        return taken

    def next_deadline_ns(self) -> int | None:
        """Return when ``timer`` has something to say."""
        return min((at_ns for at_ns in (self._ack_by_ns, self._data_by_ns) if at_ns is not None), default=None)

    def wants_close(self) -> str | None:
        """Say why the connection must be dropped."""
        return self._close_reason if self._is_open else None

    def connect_at_ns(self) -> int | None:
        """Return when to connect; None after a refused key."""
        return None if self._stopped else self._backoff.connect_at_ns()

    def _value(self, message: wire.FeedMessage, now: Now, events: list[Event]) -> None:
        value = wire.index_value(message)
        symbol = self._symbols.get(message.T)
        if value is None or symbol is None:
            self._count("value")
            return
        if self._silent:
            self._silent.pop(symbol, None)
        self._backoff.ready(now)
        events.append(IndexTicked(self._leg, symbol, value.level, value.event_ms))

    def _status(self, message: wire.FeedMessage, now: Now, events: list[Event]) -> None:
        if message.status == "connected":
            self._out.append(wire.auth(self._api_key))
        elif message.status == "auth_success":
            self._out.append(wire.subscribe(tuple(self._pairs)))
        elif message.status == "success":
            self._acknowledged(message.message, now, events)
        if message.status in OK_STATUSES:
            return
        events.append(FeedWarned(self._leg, message.status or "status", message.message[:200]))
        if message.status == "auth_failed":
            self._stopped = True
            self._close_reason = "authentication failed"
        elif message.status == "max_connections":
            self._wait_s = COOL_DOWN_S

    def _acknowledged(self, text: str, now: Now, events: list[Event]) -> None:
        for pair in text.removeprefix(SUBSCRIBED).split(","):
            self._unacked.pop(pair.strip(), None)
        if not self._unacked and not self._is_live:
            self._is_live = True
            self._ack_by_ns, self._data_by_ns = None, now.mono_ns + self._data_ns
            events.append(FeedConnected(self._leg))

    def _count(self, kind: str) -> None:
        self.uncounted[kind] = self.uncounted.get(kind, 0) + 1
