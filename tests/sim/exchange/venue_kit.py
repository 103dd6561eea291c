"""A venue with a still index and nobody else in it, and short ways to ask it things."""

import json
from collections.abc import Iterable
from datetime import date
from typing import Any, TypedDict, Unpack

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.sched.calendar import session
from kalshi_alpha.sim.exchange import ExchangeConfig, ExchangeSession, Fault, SimExchange

# Monday 2026-11-23, 9:40 in New York, is 14:40 UTC.
MORNING_NS = 1_795_444_800 * NS_PER_S
TEN_NS = MORNING_NS + 20 * 60 * NS_PER_S
LEVEL = 6_843.21
TICKER = "KXINXU-26NOV23H1000-T6844.9999"
ORDERS = "/portfolio/events/orders"
REST_LAG_NS = 300 * NS_PER_MS


class StillPath:
    """An index that stays where it is, but for what is written down."""

    def __init__(self, levels: dict[int, float] | None = None) -> None:
        self._levels = levels or {}

    def level(self, symbol: str, utc_ns: int) -> float:
        return self._levels.get(utc_ns, LEVEL if symbol == "I:SPX" else 25_310.0)

    def sd_points(self, symbol: str, from_ns: int, to_ns: int) -> float:  # noqa: ARG002 - always the same
        return 8.0


class Settings(TypedDict, total=False):
    tier: str
    participants: bool
    post_only_cross: Any
    cancel_all_tail_p: float
    cash_e6: int
    legs: dict[str, int]
    determination_sigma: float
    weekly_pause: bool
    read_lag_ns: int


class Kit:
    """One exchange and the time it is there."""

    def __init__(
        self,
        *,
        day: date = date(2026, 11, 23),
        faults: Iterable[Fault] = (),
        levels: dict[int, float] | None = None,
        seed: int = 7,
        **settings: Unpack[Settings],
    ) -> None:
        merged: Settings = {"tier": "prestige", "participants": False, **settings}
        self.exchange = SimExchange(ExchangeConfig(session=session(day), **merged), StillPath(levels), seed, tuple(faults))
        self.now_ns = MORNING_NS
        self.exchange.advance(self.now_ns)
        self.numbers = 0

    def wait(self, seconds: float) -> None:
        self.now_ns += int(seconds * NS_PER_S)
        self.exchange.advance(self.now_ns)

    def ask(self, method: str, path: str, query: str = "", body: object = None) -> HttpResponse:
        raw = b"" if body is None else json.dumps(body).encode()
        return self.exchange.request(HttpRequest(method, path, query, raw), self.now_ns)

    def get(self, path: str, query: str = "") -> Any:
        answer = self.ask("GET", path, query)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def body(self, side: str = "bid", price: str = "0.40", count: str = "10", **changes: object) -> dict[str, object]:
        self.numbers += 1
        return {
            "ticker": TICKER,
            "side": side,
            "price": price,
            "count": count,
            "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross",
            "client_order_id": f"c-{self.numbers}",
            "exchange_index": 0,
            **changes,
        }

    def place(self, side: str = "bid", price: str = "0.40", count: str = "10", **changes: object) -> Any:
        answer = self.ask("POST", ORDERS, body=self.body(side, price, count, **changes))
        assert answer.status == 201, answer.body
        return json.loads(answer.body)

    def refused(self, side: str = "bid", price: str = "0.40", count: str = "10", **changes: object) -> tuple[int, str, str]:
        return refusal(self.ask("POST", ORDERS, body=self.body(side, price, count, **changes)))

    def order(self, order_id: str) -> Any:
        """Return an order as it is now: reads lag."""
        self.wait(0.3)
        return self.get(f"/portfolio/orders/{order_id}")["order"]

    def resting(self) -> list[str]:
        return [order.order_id for order in self.exchange.audit(self.now_ns).resting]

    def subscribe(self, *channels: str, **params: object) -> ExchangeSession:
        stream = self.exchange.connect()
        stream.receive(json.dumps({"id": 1, "cmd": "subscribe", "params": {"channels": channels, **params}}), self.now_ns)
        return stream


def frames(stream: ExchangeSession) -> list[Any]:
    return [json.loads(frame) for frame in stream.drain()]


def refusal(answer: HttpResponse) -> tuple[int, str, str]:
    error = json.loads(answer.body)["error"]
    return answer.status, error["code"], error.get("details", "")
