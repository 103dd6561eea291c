"""One leg of the index feed without its socket: authenticate, subscribe, count acknowledgements, turn values into ticks.

    (down) --opened--> greeted? --connected--> auth sent --auth_success--> subscribe sent --an acknowledgement a pair--> live
       ^                                                                                                                  |
       '---- closed; nothing acknowledged in time; refused; evicted; 15 s without a value after there were values --------'

Every status outside the vendor's OK set is told. ``auth_failed`` stops the leg for good; ``max_connections`` waits a minute, since coming
back at once would only evict the other connection. A pair without acknowledgement is told and asked for again, the others go on. A live
socket proves nothing about the publisher behind it, so a leg that falls silent connects anew, once: silence from the start is only told,
because outside the session it is normal.
"""

from typing import Final

from kalshi_alpha.adapters.backoff import Backoff
from kalshi_alpha.adapters.massive import wire
from kalshi_alpha.config import FeedsConfig
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.events import Event, FeedConnected, FeedLost, FeedPinged, FeedWarned, IndexTicked
from kalshi_alpha.model.instruments import Leg, Symbol

OK_STATUSES: Final = frozenset({"connected", "auth_success", "success"})
COOL_DOWN_S: Final = 60.0
BACKOFF_CAP_S: Final = 30
ASK_AGAIN_NS: Final = 30 * NS_PER_S
SILENCE_NS: Final = 15 * NS_PER_S
SUBSCRIBED: Final = "subscribed to: "
TOLD_CHARACTERS: Final = 200


class FeedStream:
    """A `StreamSession` over any number of successive connections."""

    def __init__(self, leg: Leg, symbols: tuple[Symbol, ...], api_key: str, config: FeedsConfig, seed: int) -> None:
        """Connect to nothing yet.

        Args:
            leg: Whose values these are.
            symbols: The indices to subscribe to.
            api_key: Only ever sent, never told.
            config: The deadlines.
            seed: Of the reconnect jitter.

        """
        self.unused: dict[str, int] = {}
        """What was received and not used, counted by kind: ``frame``, ``value``, ``aggregate``, ``unknown``."""
        self._leg: Leg = leg
        self._pairs = {f"V.{symbol}": symbol for symbol in symbols}
        self._symbols: dict[str, Symbol] = {symbol: symbol for symbol in symbols}
        self._api_key = api_key
        self._ack_ns = int(config.ack_deadline_s * NS_PER_S)
        self._data_ns = int(config.first_data_deadline_s * NS_PER_S)
        self._backoff = Backoff(seed, BACKOFF_CAP_S)
        self._stopped = False
        self._begin()

    def _begin(self) -> None:
        """Forget what belongs to one connection."""
        self._out: list[str] = []
        self._is_open = self._is_live = self._frame_told = False
        self._unacked = dict.fromkeys(self._pairs)
        self._silent = dict.fromkeys(self._symbols)
        self._ack_by_ns: int | None = None
        self._data_by_ns: int | None = None
        self._value_ns: int | None = None
        self._wait_s = 0.0
        self._close_reason: str | None = None

    def opened(self, now: Now) -> list[Event]:
        """Wait for the server's greeting."""
        self._begin()
        self._is_open = True
        self._ack_by_ns = now.mono_ns + self._ack_ns
        return []

    def received(self, frame: str | bytes, now: Now) -> list[Event]:
        """Take one frame."""
        try:
            messages = wire.decode(frame)
        except wire.FrameError as error:
            return self._bad_frame(str(error))
        events: list[Event] = []
        for message in messages:
            if message.ev == "V":
                self._value(message, now, events)
            elif message.ev == "status":
                self._status(message, now, events)
            else:
                self._count("aggregate" if message.ev in {"A", "AM"} else "unknown")
        return events

    def closed(self, reason: str, now: Now) -> list[Event]:
        """Plan the next connection."""
        was_open, wait_s, good_until_ns = self._is_open, self._wait_s, self._value_ns
        self._begin()
        self._backoff.lost(now, extra_s=wait_s, good_until_ns=good_until_ns)
        return [FeedLost(self._leg, self._hidden(reason))] if was_open else []

    def timer(self, now: Now) -> list[Event]:
        """Complain of missing acknowledgements and missing data, and give a silent connection up."""
        events: list[Event] = []
        if self._ack_by_ns is not None and now.mono_ns >= self._ack_by_ns:
            self._ask_again(now, events)
        if self._data_by_ns is not None and now.mono_ns >= self._data_by_ns:
            self._data_by_ns = None
            if self._silent:
                events.append(self._warning("no_first_data", ", ".join(self._silent)))
        if self._value_ns is not None and self._close_reason is None and now.mono_ns >= self._value_ns + SILENCE_NS:
            self._close_reason = f"no value for {SILENCE_NS // NS_PER_S} s"
            events.append(self._warning("silent", self._close_reason))
        return events

    def refused(self, why: str) -> list[Event]:
        """Tell that a frame was refused unread."""
        return self._bad_frame(why)

    def ponged(self, round_trip_ms: float) -> list[Event]:
        """Tell how long a ping took."""
        return [FeedPinged(self._leg, round_trip_ms)]

    def outgoing(self) -> list[str]:
        """Hand over what is to be sent."""
        taken, self._out = self._out, []
        return taken

    def next_deadline_ns(self) -> int | None:
        """Return when ``timer`` has something to say."""
        if self._close_reason is not None:
            return None
        silent_ns = None if self._value_ns is None else self._value_ns + SILENCE_NS
        return min((at_ns for at_ns in (self._ack_by_ns, self._data_by_ns, silent_ns) if at_ns is not None), default=None)

    def wants_close(self) -> str | None:
        """Say why the connection must be dropped."""
        return self._close_reason if self._is_open else None

    def connect_at_ns(self) -> int | None:
        """Return when to connect; None after a refused key."""
        return None if self._stopped else self._backoff.connect_at_ns()

    def _value(self, message: wire.FeedMessage, now: Now, events: list[Event]) -> None:
        value = wire.index_value(message)
        symbol = self._symbols.get(value.symbol) if value is not None else None
        if value is None or symbol is None:
            self._count("value")
            return
        if self._silent:
            self._silent.pop(symbol, None)
        self._value_ns = now.mono_ns
        self._backoff.ready(now)
        events.append(IndexTicked(self._leg, symbol, value.level, value.event_ms))

    def _status(self, message: wire.FeedMessage, now: Now, events: list[Event]) -> None:
        status, text = message.status or "", message.message or ""
        if status == "connected":
            self._out.append(wire.auth(self._api_key))
        elif status == "auth_success":
            self._out.append(wire.subscribe(tuple(self._unacked)))
        elif status == "success":
            self._acknowledged(text, now, events)
        if status in OK_STATUSES:
            return
        events.append(self._warning(status or "status", text))
        if status == "auth_failed":
            self._stopped = True
            self._close_reason = "authentication failed"
        elif status == "max_connections":
            self._wait_s = COOL_DOWN_S
            self._close_reason = "too many connections"

    def _acknowledged(self, text: str, now: Now, events: list[Event]) -> None:
        for pair in text.removeprefix(SUBSCRIBED).split(","):
            self._unacked.pop(pair.strip(), None)
        if self._data_by_ns is None and not self._is_live and len(self._unacked) < len(self._pairs):
            self._data_by_ns = now.mono_ns + self._data_ns
        if not self._unacked and not self._is_live:
            self._is_live, self._ack_by_ns = True, None
            events.append(FeedConnected(self._leg))

    def _ask_again(self, now: Now, events: list[Event]) -> None:
        missing = tuple(self._unacked)
        events.append(self._warning("ack_missing", ", ".join(missing)))
        if len(missing) == len(self._pairs):
            self._ack_by_ns, self._close_reason = None, f"no acknowledgement of {', '.join(missing)}"
            return
        self._ack_by_ns = now.mono_ns + ASK_AGAIN_NS
        self._out.append(wire.subscribe(missing))

    def _bad_frame(self, why: str) -> list[Event]:
        """Tell the first of a connection; a server gone mad must not flood the journal."""
        self._count("frame")
        if self._frame_told:
            return []
        self._frame_told = True
        return [self._warning("bad_frame", why)]

    def _warning(self, status: str, message: str) -> FeedWarned:
        return FeedWarned(self._leg, self._hidden(status), self._hidden(message))

    def _hidden(self, text: str) -> str:
        """Never tell the key, even if the vendor repeats it."""
        return (text.replace(self._api_key, "(key)") if self._api_key else text)[:TOLD_CHARACTERS]

    def _count(self, kind: str) -> None:
        self.unused[kind] = self.unused.get(kind, 0) + 1
