"""Who listens to what: carries each change to the sessions that subscribed it, and to no other."""

from random import Random
from typing import Protocol

from kalshi_alpha.model.units import Side
from kalshi_alpha.sim.exchange.accounts import Account, AccountFill
from kalshi_alpha.sim.exchange.catalogue import BookReader, Listed, ListedEvent
from kalshi_alpha.sim.exchange.groups import OrderGroup
from kalshi_alpha.sim.exchange.orders import AccountOrder, direction, order_message
from kalshi_alpha.sim.exchange.wire import cash_text, count_text, price_text, time_text


class Listener(BookReader, Protocol):
    """One connection, as the hub sees it."""

    def send(self, channel: str, kind: str, message: object, ticker: str = "") -> None:
        """Send a message of a channel, if it is subscribed (for this market)."""
        ...

    def has(self, channel: str) -> bool:
        """Whether a channel is subscribed."""
        ...


class StreamHub:
    """The venue's end of all connections."""

    def __init__(self, user_id: str, seed: int) -> None:
        self._user_id = user_id
        self._random = Random(f"{seed}/stream")
        self._listeners: list[Listener] = []
        self._public: dict[str, list[Listener]] = {"ticker": [], "trade": []}
        self._tops: dict[str, tuple[int, int, int, int]] = {}

    def join(self, listener: Listener) -> None:
        """Take a connection in."""
        self._listeners.append(listener)

    def leave(self, listener: Listener) -> None:
        """Forget a connection; its subscriptions ended before."""
        self._listeners.remove(listener)
        for listeners in self._public.values():
            if listener in listeners:
                listeners.remove(listener)

    def watch(self, market: Listed, listener: Listener, channel: str) -> None:
        """Let a connection see a market: its book, its top or its trades."""
        market.watchers += 1
        if channel == "orderbook_delta":
            market.readers.append(listener)
        elif listener not in self._public[channel]:
            self._public[channel].append(listener)

    def unwatch(self, market: Listed, listener: Listener, channel: str) -> None:
        """End ``watch``."""
        market.watchers -= 1
        if channel == "orderbook_delta":
            market.readers.remove(listener)

    def book_changed(self, market: Listed, side: Side, price_e4: int, delta_e2: int, own: AccountOrder | None, utc_ns: int) -> None:
        """Tell of a change of one level, and of the top if it moved."""
        for listener in market.readers:
            listener.book_delta(market, side, price_e4, delta_e2, own)
        if self._public["ticker"]:
            self._top_changed(market, utc_ns)

    def traded(self, market: Listed, trade_id: str, taker: Side, price_e4: int, count_e2: int, utc_ns: int) -> None:
        """Tell of a trade to everybody."""
        if not self._public["trade"]:
            return
        outcome = "yes" if taker == "bid" else "no"
        message: dict[str, object] = {
            "trade_id": trade_id,
            "market_ticker": market.ticker,
            "yes_price_dollars": price_text(price_e4),
            "no_price_dollars": price_text(10_000 - price_e4),
            "count_fp": count_text(count_e2),
            "taker_side": outcome,
            "taker_outcome_side": outcome,
            "taker_book_side": taker,
            "is_block_trade": False,
            "ts": utc_ns // 1_000_000_000,
            "ts_ms": utc_ns // 1_000_000,
        }
        for listener in self._public["trade"]:
            listener.send("trade", "trade", message, market.ticker)

    def order_changed(self, order: AccountOrder) -> None:
        """Tell of an order of the account."""
        message = order_message(order, self._user_id)
        for listener in self._listeners:
            listener.send("user_orders", "user_order", message, order.terms.ticker)

    def filled(self, order: AccountOrder, fill: AccountFill) -> None:
        """Tell of a fill and of its order, in either sequence."""
        order_first = self._random.random() < 0.5  # noqa: PLR2004 - even odds
        if order_first:
            self.order_changed(order)
        message: dict[str, object] = {
            "trade_id": fill.trade_id,
            "order_id": fill.order_id,
            "client_order_id": fill.client_order_id,
            "market_ticker": fill.ticker,
            "exchange_index": 0,
            "is_taker": fill.is_taker,
            "yes_price_dollars": price_text(fill.price_e4),
            "count_fp": count_text(fill.count_e2),
            "fee_cost": cash_text(fill.fee_e6),
            "post_position_fp": count_text(fill.post_position_e2),
            "purchased_side": "yes" if fill.side == "bid" else "no",
            "ts": fill.utc_ns // 1_000_000_000,
            "ts_ms": fill.utc_ns // 1_000_000,
            "subaccount": fill.subaccount,
            **direction(fill.side),
        }
        for listener in self._listeners:
            listener.send("fill", "fill", message, fill.ticker)
        if not order_first:
            self.order_changed(order)

    def trade_goes_first(self) -> bool:
        """Whether everybody hears of a trade before its two sides hear of their fills."""
        return self._random.random() < 0.5  # noqa: PLR2004 - even odds

    def position_changed(self, account: Account, fill: AccountFill) -> None:
        """Tell of the position after a fill."""
        listeners = [listener for listener in self._listeners if listener.has("market_positions")]
        if not listeners:
            return
        held = account.positions[fill.ticker][-1]
        message: dict[str, object] = {
            "user_id": self._user_id,
            "market_ticker": fill.ticker,
            "position_fp": count_text(held.position_e2),
            "position_cost_dollars": cash_text(held.cost_e6),
            "realized_pnl_dollars": cash_text(held.realized_e6),
            "fees_paid_dollars": cash_text(held.fees_e6),
            "position_fee_cost_dollars": cash_text(held.fees_e6),
            "volume_fp": count_text(sum(one.count_e2 for one in account.fills if one.ticker == fill.ticker)),
            "subaccount": fill.subaccount,
        }
        for listener in listeners:
            listener.send("market_positions", "market_position", message, fill.ticker)

    def fees_changed(self, event: ListedEvent) -> None:
        """Tell of an event's own fee, or that it has none any more."""
        message = {"event_ticker": event.ticker, "fee_type_override": event.fee_type, "fee_multiplier_override": event.fee_multiplier}
        for listener in self._listeners:
            listener.send("market_lifecycle_v2", "event_fee_update", message)

    def activity_changed(self, market: Listed) -> None:
        """Tell that a market was taken out of trading, or back in."""
        event_type = "deactivated" if market.inactive else "activated"
        message: dict[str, object] = {"event_type": event_type, "market_ticker": market.ticker, "exchange_index": 0}
        message["is_deactivated"] = market.inactive
        for listener in self._listeners:
            listener.send("market_lifecycle_v2", "market_lifecycle_v2", message, market.ticker)

    def group_changed(self, event_type: str, group: OrderGroup, utc_ns: int) -> None:
        """Tell of an order group."""
        message: dict[str, object] = {"event_type": event_type, "order_group_id": group.group_id, "ts_ms": utc_ns // 1_000_000}
        if event_type in {"created", "limit_updated"}:
            message["contracts_limit_fp"] = count_text(group.limit_e2)
        for listener in self._listeners:
            listener.send("order_group_updates", "order_group_updates", message)

    def lifecycle(self, event_type: str, event: ListedEvent, utc_ns: int) -> None:
        """Tell of every market of an event that it was determined or settled."""
        for market in event.markets:
            message: dict[str, object] = {"event_type": event_type, "market_ticker": market.ticker, "exchange_index": 0}
            if event_type == "determined":
                message["determination_ts"] = utc_ns // 1_000_000_000
                message["result"] = market.result
                message["settlement_value"] = "1.0000" if market.result == "yes" else "0.0000"
            else:
                message["settled_ts"] = utc_ns // 1_000_000_000
            for listener in self._listeners:
                listener.send("market_lifecycle_v2", "market_lifecycle_v2", message, market.ticker)

    def _top_changed(self, market: Listed, utc_ns: int) -> None:
        book = market.book
        top = (book.best_bid_e4, book.best_ask_e4, book.best_size_e2("bid"), book.best_size_e2("ask"))
        if self._tops.get(market.ticker) == top:
            return
        self._tops[market.ticker] = top
        message = ticker_message(market, utc_ns)
        for listener in self._public["ticker"]:
            listener.send("ticker", "ticker", message, market.ticker)


def ticker_message(market: Listed, utc_ns: int) -> dict[str, object]:
    """Return a market's top as the stream reports it."""
    book = market.book
    return {
        "market_ticker": market.ticker,
        "market_id": market.market_id,
        "price_dollars": price_text(market.last_e4),
        "yes_bid_dollars": price_text(book.best_bid_e4),
        "yes_ask_dollars": price_text(book.best_ask_e4),
        "yes_bid_size_fp": count_text(book.best_size_e2("bid")),
        "yes_ask_size_fp": count_text(book.best_size_e2("ask")),
        "last_trade_size_fp": "0.00",
        "volume_fp": count_text(market.volume_e2),
        "open_interest_fp": count_text(market.volume_e2),
        "dollar_volume": market.volume_e2 // 100,
        "dollar_open_interest": market.volume_e2 // 100,
        "ts": utc_ns // 1_000_000_000,
        "ts_ms": utc_ns // 1_000_000,
        "time": time_text(utc_ns),
    }
