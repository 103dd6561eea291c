"""An independent witness: restates the promises from raw events and the venue's own record, never from the engine's variables."""

import re
from typing import Final

import msgspec

from kalshi_alpha.adapters.journal_memory import MemoryJournal
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.http import HttpRequest
from kalshi_alpha.model.instruments import SERIES, Window
from kalshi_alpha.sim.script import DayScript

SLO_NS: Final = 2_000 * NS_PER_MS
FUTURE_NS: Final = 250 * NS_PER_MS
"""A value stamped further ahead is no news, and doesn't make those after it old."""
CREATE_PATH: Final = "/portfolio/events/orders"
BATCH_PATH: Final = "/portfolio/events/orders/batched"
LOOK_PATH: Final = "/portfolio/orders"
WRITE_TOKENS: Final = 10
CANCEL_TOKENS: Final = 2


class _Sent(msgspec.Struct):
    """A create as it left the process; what is missing stays None."""

    client_order_id: str | None = None
    ticker: str | None = None
    expiration_time: int | None = None
    order_group_id: str | None = None
    self_trade_prevention_type: str | None = None
    time_in_force: str | None = None
    post_only: bool | None = None
    cancel_order_on_pause: bool | None = None
    exchange_index: int | None = None
    subaccount: int | None = None


class Write(msgspec.Struct, frozen=True):
    """A request that costs write tokens, as it left the process."""

    utc_ns: int
    tokens: int
    creates: int
    cancels: tuple[str, ...] = ()
    """The ids of the orders to be cancelled; none for a cancel-all."""


class _Cancel(msgspec.Struct):
    order_id: str


class _CancelBatch(msgspec.Struct):
    orders: list[_Cancel] = []


class _SentBatch(msgspec.Struct):
    orders: list[_Sent]


_INTENDED: Final = re.compile(rb'"type":"OrderIntended"[^\n]*?"client_order_id":"([^"]+)"')
_ONE: Final = msgspec.json.Decoder(_Sent)
_CANCELS: Final = msgspec.json.Decoder(_CancelBatch)
_BATCH: Final = msgspec.json.Decoder(_SentBatch)


class Witness:
    """Watches what reaches the engine and what leaves it, and lists every broken promise."""

    def __init__(self, script: DayScript) -> None:
        """Judge by the script's windows."""
        self.violations: list[str] = []
        self.events = 0
        self.arrivals: dict[tuple[str, str], list[tuple[int, int]]] = {}
        """Leg and symbol -> (UTC ns of arrival, event time in Unix ms) of every value the process heard."""
        self.news: dict[str, list[int]] = {}
        """Symbol -> when (UTC ns) a value newer than all before was heard, from either leg."""
        self.acts: list[tuple[int, str]] = []
        """When (UTC ns) the process heard of a STOP or of its being lifted."""
        self.writes: list[Write] = []
        self.looks: list[int] = []
        """When (UTC ns) the process asked what rests."""
        self._windows = script.windows
        self._journal: MemoryJournal | None = None
        self._durable_bytes = 0
        self._durable_ids: set[str] = set()
        self._fresh_ns: dict[str, int] = {}
        """Symbol -> when its newest event time was first heard (UTC ns of arrival)."""
        self._event_ms: dict[str, int] = {}
        self._seen_ids: set[str] = set()
        self._symbol_of = {spec.venue_ticker: spec.symbol for spec in SERIES.values()}

    def event_seen(self, event: ev.Event, utc_ns: int) -> None:
        """Note what the process hears."""
        self.events += 1
        if type(event) is not ev.IndexTicked:
            if isinstance(event, ev.OperatorStopped | ev.OperatorCleared):
                self.acts.append((utc_ns, type(event).__name__))
            return
        self.arrivals.setdefault((event.leg, event.symbol), []).append((utc_ns, event.event_ms))
        if event.event_ms * NS_PER_MS > utc_ns + FUTURE_NS:
            return
        if event.event_ms > self._event_ms.get(event.symbol, 0):
            self._event_ms[event.symbol] = event.event_ms
            self._fresh_ns[event.symbol] = utc_ns
            self.news.setdefault(event.symbol, []).append(utc_ns)

    def journal_is(self, journal: MemoryJournal) -> None:
        """Learn which journal the process writes from now on: what is durable in it was so before."""
        self._journal, self._durable_bytes = journal, 0
        self._durable_ids.clear()

    def request_sent(self, request: HttpRequest, utc_ns: int) -> None:
        """Judge what the process sends."""
        if request.method == "GET":
            if request.path == LOOK_PATH:
                self.looks.append(utc_ns)
            return
        try:
            self.writes.append(_write(request, utc_ns))
            if request.method != "POST":
                return
            if request.path == CREATE_PATH:
                self._judge(_ONE.decode(request.body), utc_ns)
            elif request.path == BATCH_PATH:
                for order in _BATCH.decode(request.body).orders:
                    self._judge(order, utc_ns)
        except msgspec.DecodeError as error:
            self.violations.append(f"I13 unreadable order: {error} at {utc_ns}")

    def _judge(self, order: _Sent, utc_ns: int) -> None:
        missing = _missing_backstops(order)
        if missing:
            self._tell(f"I13 order without {', '.join(missing)}", order, utc_ns)
        client_order_id = order.client_order_id or ""
        if client_order_id in self._seen_ids:
            self._tell("I4 id used twice", order, utc_ns)
        self._seen_ids.add(client_order_id)
        if self._journal is not None and client_order_id not in self._written(self._journal):
            self._tell("I9 order sent before its intent was durable", order, utc_ns)
        window = self._window_of(utc_ns)
        if window is None:
            self._tell("I1 order sent outside every window", order, utc_ns)
        elif (order.expiration_time or 0) * NS_PER_S > window.freeze_ns:
            self._tell("I1 order may outlive the freeze", order, utc_ns)
        symbol = self._symbol_of.get((order.ticker or "").split("-", 1)[0], "")
        fresh_ns = self._fresh_ns.get(symbol)
        if fresh_ns is None or utc_ns - fresh_ns > SLO_NS:
            self._tell(f"I2 order priced on a value {'never heard' if fresh_ns is None else utc_ns - fresh_ns} ns old", order, utc_ns)

    def _written(self, journal: MemoryJournal) -> set[str]:
        """Return the ids of the durable intents, from the journal's bytes alone."""
        more = journal.durable_from(self._durable_bytes)
        self._durable_bytes += len(more)
        self._durable_ids.update(found.decode() for found in _INTENDED.findall(more))
        return self._durable_ids

    def _tell(self, what: str, order: _Sent, utc_ns: int) -> None:
        self.violations.append(f"{what}: {order.client_order_id} {order.ticker} at {utc_ns}")

    def _window_of(self, utc_ns: int) -> Window | None:
        for window in self._windows:
            if window.start_ns <= utc_ns < window.freeze_ns:
                return window
        return None


def _write(request: HttpRequest, utc_ns: int) -> Write:
    """Return what a write costs: ten tokens, a cancel two, a batch each of its orders."""
    if request.method == "DELETE":
        cancels = tuple(one.order_id for one in _CANCELS.decode(request.body).orders) if request.path == BATCH_PATH else ()
        return Write(utc_ns, CANCEL_TOKENS * max(1, len(cancels)), 0, cancels)
    creates = 1 if request.path == CREATE_PATH else len(_BATCH.decode(request.body).orders) if request.path == BATCH_PATH else 0
    return Write(utc_ns, WRITE_TOKENS * max(1, creates), creates)


def _missing_backstops(order: _Sent) -> list[str]:
    """I13: every order carries every venue-side backstop."""
    held = {
        "post_only": order.post_only is True,
        "cancel_order_on_pause": order.cancel_order_on_pause is True,
        "time_in_force": order.time_in_force == "good_till_canceled",
        "order_group_id": bool(order.order_group_id),
        "expiration_time": bool(order.expiration_time),
        "self_trade_prevention_type": bool(order.self_trade_prevention_type),
        "exchange_index": order.exchange_index is not None,
        "subaccount": order.subaccount is not None,
    }
    return [] if all(held.values()) else [name for name, is_held in held.items() if not is_held]
