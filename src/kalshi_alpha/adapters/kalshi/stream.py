"""The venue's WebSocket as a stream session: books, our orders, our fills and outcomes of markets.

    (down) -- opened --> subscribing -- three private channels acknowledged --> ready (VenueConnected)
       ^                                                                          |
       +----- closed, or an answer missing, or a private frame unreadable --------+   (VenueLost)

Private channels carry no sequence numbers: what is lost on them shows only in reads over REST, so an unreadable frame there drops the
connection, and the engine reads everything again when it is back. Whether the connection lives is the driver's business, by its pings.
"""

import re
from typing import Final

from kalshi_alpha.adapters.backoff import Backoff
from kalshi_alpha.adapters.kalshi.book_channel import BookChannel
from kalshi_alpha.adapters.kalshi.fixed_point import WireError
from kalshi_alpha.adapters.kalshi.frames import (
    DeltaFrame,
    ErrorFrame,
    FillFrame,
    Frame,
    LifecycleChange,
    LifecycleFrame,
    OkFrame,
    OrderFrame,
    SnapshotFrame,
    SubscribedFrame,
    UnsubscribedFrame,
    envelope_of,
    frame_decoder,
)
from kalshi_alpha.adapters.kalshi.outbox import Outbox
from kalshi_alpha.adapters.kalshi.portfolio import fill_of, order_of
from kalshi_alpha.adapters.kalshi.wire import UNREADABLE
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import BookChanged, Event, Filled, MarketDetermined, OrderUpdated, VenueConnected, VenueLost
from kalshi_alpha.model.instruments import SERIES

_PRIVATE_CHANNELS: Final = ("user_orders", "fill", "market_lifecycle_v2")
_BOOK_TYPES: Final = frozenset({"orderbook_delta", "orderbook_snapshot"})
_ANSWER_TYPES: Final = frozenset({"subscribed", "ok", "unsubscribed", "error", "market_lifecycle_v2"})
_PRIVATE_TYPES: Final = frozenset({"user_order", "fill"})
# Errors that end the subscription they name; another error refuses the command it answers.
_ENDING_CODES: Final = frozenset({10, 25})
_OUR_SERIES: Final = tuple(f"{spec.venue_ticker}-" for spec in SERIES.values())
_refused: Final = re.compile(r"\b40[13]\b").search


class VenueStream:
    """Turns frames into events and wishes into commands, over any number of successive connections."""

    def __init__(self, seed: int, subaccount: int = 0) -> None:
        """Want no books yet.

        Args:
            seed: Of the reconnect jitter.
            subaccount: Orders and fills that name another one aren't ours.

        """
        self._subaccount = subaccount
        self._decode = frame_decoder().decode
        self._outbox = Outbox()
        self._books = BookChannel(self._outbox)
        self._backoff = Backoff(seed)
        self._private: int | None = None
        self._missing: list[str] = []
        self._is_open = False
        self._close_reason: str | None = None
        self._unreadable = 0
        self._last_unreadable = ""

    @property
    def unreadable_frames(self) -> int:
        """Frames that didn't fit, since the start."""
        return self._unreadable + self._books.unreadable

    @property
    def last_unreadable(self) -> str:
        """What was wrong with the last of them."""
        return self._last_unreadable or self._books.last_unreadable

    def subscribe_books(self, tickers: tuple[str, ...]) -> None:
        """Want these markets' books, too; kept over reconnects."""
        self._books.want(tickers)

    def unsubscribe_books(self, tickers: tuple[str, ...]) -> None:
        """Drop these markets' books."""
        self._books.drop(tickers)

    def opened(self, now: Now) -> list[Event]:
        """Subscribe to everything."""
        self._outbox.clear()
        self._close_reason = None
        self._is_open = True
        self._missing = list(_PRIVATE_CHANNELS)
        self._private = self._outbox.send("subscribe", {"channels": list(_PRIVATE_CHANNELS)})
        self._books.opened()
        self._outbox.stamp(now)
        return []

    def received(self, frame: str | bytes, now: Now) -> list[Event]:
        """Take one frame."""
        try:
            message = self._decode(frame)
        except UNREADABLE as error:
            return self._unknown(frame, f"{type(error).__name__}: {error}", now)
        events = self._books.delta(message) if type(message) is DeltaFrame else self._other(message, now)
        if len(events) == 1 and type(events[0]) is BookChanged:
            return events
        self._outbox.stamp(now)
        self._books.timer(now)
        return events

    def closed(self, reason: str, now: Now) -> list[Event]:
        """Learn that the connection ended or couldn't be made; when to try again depends on why."""
        refused = not self._is_open and _refused(reason) is not None
        self._is_open = False
        self._outbox.clear()
        self._books.closed()
        self._backoff.lost(now, extra_s=15.0 if refused else 0.0)
        why = self._close_reason or reason
        self._close_reason = None
        return [VenueLost(f"refused, check the key, its rights and the clock: {why}" if refused else why)]

    def timer(self, now: Now) -> list[Event]:
        """Look for answers that are overdue."""
        if self._is_open:
            self._outbox.stamp(now)
            self._books.timer(now)
            if self._outbox.is_overdue(now):
                self._drop_connection("no answer to a subscription within 5 s")
        return []

    def refused(self, why: str) -> list[Event]:
        """Count a frame that was refused unread; the end of its connection is what is told."""
        self._note(why)
        return []

    def ponged(self, round_trip_ms: float) -> list[Event]:  # noqa: ARG002 - the shape of all sessions
        """Tell nothing: the venue's answers to requests are what counts."""
        return []

    def outgoing(self) -> list[str]:
        """Hand over the commands to send."""
        return self._outbox.take()

    def next_deadline_ns(self) -> int | None:
        """Monotonic time at which an answer is overdue, or a missing book is asked for again."""
        if not self._is_open or self._close_reason is not None:
            return None
        answer_ns = self._outbox.next_deadline_ns()
        books_ns = self._books.next_deadline_ns()
        if answer_ns is None or books_ns is None:
            return answer_ns if books_ns is None else books_ns
        return min(answer_ns, books_ns)

    def wants_close(self) -> str | None:
        """Why the connection is of no use any more."""
        return self._close_reason

    def connect_at_ns(self) -> int | None:
        """Monotonic time from which to connect: at once at first, then with growing jitter."""
        return self._backoff.connect_at_ns()

    def _other(self, message: Frame, now: Now) -> list[Event]:
        match message:
            case DeltaFrame():
                return self._books.delta(message)
            case SnapshotFrame():
                return self._books.snapshot(message)
            case OrderFrame() | FillFrame():
                return self._own(message)
            case LifecycleFrame():
                return _outcome(message.msg)
            case SubscribedFrame() | OkFrame() | UnsubscribedFrame() | ErrorFrame():
                return self._answered(message, now)

    def _answered(self, message: SubscribedFrame | OkFrame | UnsubscribedFrame | ErrorFrame, now: Now) -> list[Event]:
        match message:
            case SubscribedFrame():
                return self._subscribed(message, now)
            case OkFrame():
                self._outbox.answer(message.id)
                return self._books.acknowledged(message)
            case UnsubscribedFrame():
                self._outbox.answer(message.id)
                return self._books.passed(message.sid, message.seq)
            case ErrorFrame():
                return self._refused_by_venue(message)

    def _own(self, frame: OrderFrame | FillFrame) -> list[Event]:
        subaccount = frame.msg.subaccount if isinstance(frame, FillFrame) else frame.msg.subaccount_number
        if subaccount is not None and subaccount != self._subaccount:
            return []
        try:
            return [Filled(fill_of(frame.msg)) if isinstance(frame, FillFrame) else OrderUpdated(order_of(frame.msg))]
        except WireError as error:
            self._note(str(error))
            self._drop_connection(f"unreadable private frame: {error}")
            return []

    def _subscribed(self, frame: SubscribedFrame, now: Now) -> list[Event]:
        channel = frame.msg.channel
        if self._books.is_subscription(frame.id):
            self._outbox.answer(frame.id)
            self._books.subscribed(frame.msg.sid)
        elif frame.id == self._private and channel in self._missing:
            self._missing.remove(channel)
            if not self._missing:
                self._outbox.answer(frame.id)
                self._backoff.ready(now)
                return [VenueConnected()]
        return []

    def _refused_by_venue(self, frame: ErrorFrame) -> list[Event]:
        self._outbox.answer(frame.id)
        for_books = self._books.is_sid(frame.sid)
        if for_books and frame.msg.code in _ENDING_CODES:
            return self._books.ended(frame)
        events = self._books.passed(frame.sid, frame.seq)
        self._drop_connection(f"stream error {frame.msg.code}: {frame.msg.msg[:100]}")
        return events

    def _unknown(self, frame: str | bytes, why: str, now: Now) -> list[Event]:
        """Handle a frame that isn't one of ours or doesn't fit: what it may have carried decides."""
        envelope = envelope_of(frame)
        if envelope is None or envelope.type in _PRIVATE_TYPES:
            self._note(why)
            self._drop_connection(f"unreadable frame: {why[:100]}")
            return []
        if envelope.type in _BOOK_TYPES:
            events = self._books.unreadable_frame(envelope, why)
        else:
            # Fee changes, events' lifecycles and what the venue will invent: nothing of ours, but it may use up a number.
            if envelope.type in _ANSWER_TYPES:
                self._note(why)
            events = self._books.passed(envelope.sid, envelope.seq)
        self._outbox.stamp(now)
        self._books.timer(now)
        return events

    def _note(self, why: str) -> None:
        self._unreadable += 1
        self._last_unreadable = why

    def _drop_connection(self, reason: str) -> None:
        self._close_reason = self._close_reason or reason


def _outcome(change: LifecycleChange) -> list[Event]:
    """Return a market's outcome, if the step is its determination; the stream doesn't tell the level."""
    if change.result in {"yes", "no"} and change.market_ticker.startswith(_OUR_SERIES):
        return [MarketDetermined(change.market_ticker, change.result, "")]
    return []
