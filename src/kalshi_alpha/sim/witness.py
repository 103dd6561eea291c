"""An independent witness: restates the promises from raw events and the venue's own record, never from the engine's variables."""

from typing import Final

import msgspec

from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.http import HttpRequest
from kalshi_alpha.model.instruments import SERIES, Window
from kalshi_alpha.sim.script import DayScript

SLO_NS: Final = 2_000 * NS_PER_MS
CREATE_PATH: Final = "/portfolio/events/orders"


class SentOrder(msgspec.Struct, frozen=True):
    """A create as it left the process."""

    utc_ns: int
    client_order_id: str
    ticker: str
    side: str
    expiration_s: int


class Witness:
    """Watches what reaches the engine and what leaves it, and lists every broken promise."""

    def __init__(self, script: DayScript) -> None:
        """Judge by the script's windows."""
        self.violations: list[str] = []
        self.sent: list[SentOrder] = []
        self.events = 0
        self._windows = script.windows
        self._fresh_ns: dict[str, int] = {}
        """Symbol -> when its newest event time was first heard (UTC ns of arrival)."""
        self._event_ms: dict[str, int] = {}
        self._seen_ids: set[str] = set()
        self._symbol_of = {spec.venue_ticker: spec.symbol for spec in SERIES.values()}

    def event_seen(self, event: ev.Event, utc_ns: int) -> None:
        """Note what the process hears."""
        self.events += 1
        if isinstance(event, ev.IndexTicked) and event.event_ms > self._event_ms.get(event.symbol, 0):
            self._event_ms[event.symbol] = event.event_ms
            self._fresh_ns[event.symbol] = utc_ns

    def request_sent(self, request: HttpRequest, utc_ns: int) -> None:
        """Judge what the process sends."""
        if request.method != "POST" or not request.path.startswith(CREATE_PATH) or request.path.endswith(("/amend", "/decrease")):
            return
        body = msgspec.json.decode(request.body)
        for order in body.get("orders", [body]):
            self._judge(order, utc_ns)

    def _judge(self, order: dict[str, object], utc_ns: int) -> None:
        client_order_id, ticker = str(order.get("client_order_id")), str(order.get("ticker"))
        where = f"{client_order_id} {ticker} at {utc_ns}"
        self._backstops(order, where)
        if client_order_id in self._seen_ids:
            self.violations.append(f"I4 id used twice: {where}")
        self._seen_ids.add(client_order_id)
        window = self._window_of(utc_ns)
        if window is None:
            self.violations.append(f"I1 order sent outside every window: {where}")
        elif int(str(order.get("expiration_time"))) * NS_PER_S > window.freeze_ns:
            self.violations.append(f"I1 order may outlive the freeze: {where}")
        symbol = self._symbol_of.get(ticker.split("-", 1)[0], "")
        fresh_ns = self._fresh_ns.get(symbol)
        if fresh_ns is None or utc_ns - fresh_ns > SLO_NS:
            self.violations.append(f"I2 order priced on a value {'never heard' if fresh_ns is None else utc_ns - fresh_ns} ns old: {where}")
        expiration_s = int(str(order.get("expiration_time")))
        self.sent.append(SentOrder(utc_ns, client_order_id, ticker, str(order.get("side")), expiration_s))

    def _backstops(self, order: dict[str, object], where: str) -> None:
        """I13: every order carries every venue-side backstop."""
        wanted = {"post_only": True, "cancel_order_on_pause": True, "time_in_force": "good_till_canceled"}
        missing = [name for name, value in wanted.items() if order.get(name) != value]
        missing += [name for name in ("order_group_id", "expiration_time", "self_trade_prevention_type") if not order.get(name)]
        missing += [name for name in ("exchange_index", "subaccount") if not isinstance(order.get(name), int)]
        if missing:
            self.violations.append(f"I13 order without {', '.join(missing)}: {where}")

    def _window_of(self, utc_ns: int) -> Window | None:
        for window in self._windows:
            if window.start_ns <= utc_ns < window.freeze_ns:
                return window
        return None
