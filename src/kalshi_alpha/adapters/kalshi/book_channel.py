"""The books' subscription: which markets are wanted, which books are whole, and that no frame is missing.

    (none) -- want --> subscribing -- subscribed --> live -- gap --> live, books dirty until their snapshots
       ^                                              |
       +---- nothing wanted, ended by the venue ------+

All markets share one subscription and one sequence of numbers, and the acknowledgements of our own updates use numbers up, too. After a
gap every book is dirty, and snapshots are asked for; they come in the same sequence. A number that goes back means that the sequence
started anew without our knowing: then so do we.
"""

from collections.abc import Iterable
from typing import Final

from kalshi_alpha.adapters.kalshi.fixed_point import WireError
from kalshi_alpha.adapters.kalshi.frames import (
    DeltaFrame,
    Envelope,
    ErrorFrame,
    OkFrame,
    SnapshotFrame,
    book_subscription,
    changed,
    snapshotted,
)
from kalshi_alpha.adapters.kalshi.outbox import Outbox
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.events import BooksDirtied, Event

SNAPSHOT_RETRY_NS: Final = 5 * NS_PER_S


class BookChannel:
    """Books by ticker, true where a snapshot came and nothing was missed since."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._whole: dict[str, bool] = {}
        self._connected = False
        self._sid: int | None = None
        self._seq = 0
        self._subscribing: int | None = None
        self._asked: tuple[str, ...] = ()
        self._retry_at_ns: int | None = None
        self.unreadable = 0
        self.last_unreadable = ""

    def want(self, tickers: Iterable[str]) -> None:
        """Add markets."""
        added = [ticker for ticker in dict.fromkeys(tickers) if ticker not in self._whole]
        for ticker in added:
            self._whole[ticker] = False
        if not added or not self._connected or self._subscribing is not None:
            return
        if self._sid is None:
            self._subscribe()
        else:
            self._update("add_markets", added)

    def drop(self, tickers: Iterable[str]) -> None:
        """Remove markets."""
        removed = [ticker for ticker in dict.fromkeys(tickers) if self._whole.pop(ticker, None) is not None]
        if not removed or self._sid is None:
            return
        if self._whole:
            self._update("delete_markets", removed)
        else:
            self._unsubscribe()

    def opened(self) -> None:
        """Subscribe on a new connection to what is wanted."""
        self.closed()
        self._connected = True
        self._subscribe()

    def closed(self) -> None:
        """Forget the connection, not what is wanted."""
        self._connected = False
        self._sid = None
        self._subscribing = None
        self._retry_at_ns = None
        self._set_all_dirty()

    def is_subscription(self, number: int | None) -> bool:
        """Whether a command is the books' subscription that waits for its answer."""
        return number is not None and number == self._subscribing

    def is_sid(self, sid: int | None) -> bool:
        """Whether frames of this subscription are the books'."""
        return sid is not None and sid == self._sid

    def subscribed(self, sid: int) -> None:
        """Take the subscription's number and bring it up to what has been wanted since."""
        self._begin(sid, 0)

    def acknowledged(self, frame: OkFrame) -> list[Event]:
        """Take an ``ok``: mostly a used-up number; for a subscription, that it was merged into one the venue still had."""
        if self.is_subscription(frame.id) and frame.sid is not None and frame.seq is not None:
            self._begin(frame.sid, frame.seq)
            self._ask_snapshots(list(self._whole))
            return []
        return self.passed(frame.sid, frame.seq)

    def passed(self, sid: int | None, seq: int | None) -> list[Event]:
        """Take a frame that only uses up a number, if it is the books'."""
        if seq is None or not self.is_sid(sid):
            return []
        return self._out_of_order(seq)[1]

    def ended(self, frame: ErrorFrame) -> list[Event]:
        """Subscribe anew after the venue ended the subscription or refused an update."""
        return self._restart(f"stream error {frame.msg.code}", unsubscribe=False)

    def delta(self, frame: DeltaFrame) -> list[Event]:
        """Take a change."""
        if frame.sid != self._sid:
            return []
        events: list[Event] = []
        if frame.seq == self._seq + 1:
            self._seq = frame.seq
        else:
            void, events = self._out_of_order(frame.seq)
            if void:
                return events
        if self._whole.get(frame.msg.market_ticker):
            try:
                events.append(changed(frame.msg))
            except WireError as error:
                events += self._unreadable_book(frame.msg.market_ticker, str(error))
        return events

    def snapshot(self, frame: SnapshotFrame) -> list[Event]:
        """Take a whole book."""
        if frame.sid != self._sid:
            return []
        void, events = self._out_of_order(frame.seq)
        ticker = frame.msg.market_ticker
        if void or ticker not in self._whole:
            return events
        try:
            events.append(snapshotted(frame.msg))
        except WireError as error:
            return events + self._unreadable_book(ticker, str(error))
        self._whole[ticker] = True
        return events

    def unreadable_frame(self, envelope: Envelope, why: str) -> list[Event]:
        """Distrust every book: one of them changed in a way we couldn't read."""
        self._note(why)
        if envelope.seq is not None and envelope.seq == self._seq + 1:
            self._seq = envelope.seq
        self._ask_snapshots(list(self._whole))
        return [self._all_dirty("unreadable frame")]

    def timer(self, now: Now) -> None:
        """Ask again for books that didn't come."""
        if self._sid is None or all(self._whole.values()):
            self._retry_at_ns = None
        elif self._retry_at_ns is None:
            self._retry_at_ns = now.mono_ns + SNAPSHOT_RETRY_NS
        elif now.mono_ns >= self._retry_at_ns:
            self._ask_snapshots([ticker for ticker, whole in self._whole.items() if not whole])
            self._retry_at_ns = now.mono_ns + SNAPSHOT_RETRY_NS

    def next_deadline_ns(self) -> int | None:
        """Monotonic time to ask again for missing books."""
        return self._retry_at_ns

    def _begin(self, sid: int, seq: int) -> None:
        self._sid = sid
        self._seq = seq
        self._subscribing = None
        if not self._whole:
            self._unsubscribe()
            return
        asked = dict.fromkeys(self._asked)
        added = [ticker for ticker in self._whole if ticker not in asked]
        removed = [ticker for ticker in asked if ticker not in self._whole]
        if added:
            self._update("add_markets", added)
        if removed:
            self._update("delete_markets", removed)

    def _out_of_order(self, seq: int) -> tuple[bool, list[Event]]:
        """Follow the sequence. Returns whether the frame's content is void, and what a break in the sequence makes known."""
        if seq == self._seq + 1:
            self._seq = seq
            return False, []
        if seq == self._seq:
            # The last frame once more: it is in the books already.
            return True, []
        if seq < self._seq:
            return True, self._restart(f"sequence went back from {self._seq} to {seq}", unsubscribe=True)
        reason = f"sequence gap: {seq} after {self._seq}"
        self._seq = seq
        self._ask_snapshots(list(self._whole))
        return False, [self._all_dirty(reason)]

    def _restart(self, reason: str, *, unsubscribe: bool) -> list[Event]:
        if unsubscribe:
            self._unsubscribe()
        self._sid = None
        self._subscribing = None
        dirtied = self._all_dirty(reason)
        self._subscribe()
        return [dirtied]

    def _unreadable_book(self, ticker: str, why: str) -> list[Event]:
        self._note(why)
        self._whole[ticker] = False
        return [BooksDirtied((ticker,), f"unreadable: {why}")]

    def _note(self, why: str) -> None:
        self.unreadable += 1
        self.last_unreadable = why

    def _all_dirty(self, reason: str) -> Event:
        self._set_all_dirty()
        return BooksDirtied(tuple(self._whole), reason)

    def _set_all_dirty(self) -> None:
        for ticker in self._whole:
            self._whole[ticker] = False

    def _subscribe(self) -> None:
        if self._whole:
            self._asked = tuple(self._whole)
            self._subscribing = self._outbox.send("subscribe", book_subscription(self._asked))

    def _unsubscribe(self) -> None:
        self._outbox.send("unsubscribe", {"sids": [self._sid]})
        self._sid = None

    def _update(self, action: str, tickers: list[str]) -> None:
        self._outbox.send("update_subscription", {"sids": [self._sid], "action": action, "market_tickers": tickers})

    def _ask_snapshots(self, tickers: list[str]) -> None:
        if tickers and self._sid is not None:
            params: dict[str, object] = {"sids": [self._sid], "action": "get_snapshot", "market_tickers": tickers}
            self._outbox.send("update_subscription", params, answered=False)
