"""One WebSocket connection without its socket: commands in, frames out, in the order in which they happen.

A channel has one subscription (sid) a connection; subscribing it again adds markets and is answered by ``ok``. Sequence numbers count per
sid, and acknowledgements use them up like messages do.
"""

from typing import Final

import msgspec

from kalshi_alpha.model.units import DOLLAR_E4, Side
from kalshi_alpha.sim.exchange.catalogue import Listed
from kalshi_alpha.sim.exchange.orders import AccountOrder
from kalshi_alpha.sim.exchange.stream_hub import ticker_message
from kalshi_alpha.sim.exchange.venue import Venue
from kalshi_alpha.sim.exchange.wire import count_text, price_text

BOOKS: Final = "orderbook_delta"
_BY_MARKET: Final = (BOOKS, "ticker", "trade")
_CHANNELS: Final = (BOOKS, "ticker", "trade", "fill", "user_orders", "market_positions", "market_lifecycle_v2", "order_group_updates")
_UNNUMBERED: Final = ("ticker", "fill", "user_orders", "market_positions")

PROCESS, NO_CHANNELS, NO_SIDS, UNKNOWN_COMMAND = 1, 3, 4, 5
UNKNOWN_SID, UNKNOWN_CHANNEL, INVALID_PARAM, ONE_SID, BAD_ACTION, NO_MARKET, NO_ACTION, OVERFLOW = 7, 8, 11, 12, 13, 14, 15, 25


class _Params(msgspec.Struct):
    channels: list[str] = []
    market_ticker: str = ""
    market_tickers: list[str] = []
    sid: int | None = None
    sids: list[int] = []
    action: str = ""
    use_yes_price: bool = False
    send_initial_snapshot: bool = False
    skip_ticker_ack: bool = False


class _Command(msgspec.Struct):
    cmd: str
    id: int = 0
    params: _Params | None = None


class _Frame(msgspec.Struct):
    type: str
    sid: int
    seq: int | msgspec.UnsetType
    sending_ts_ms: int
    msg: object


class StreamError(Exception):
    """A command the venue answers with an error frame."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Subscription:
    """One channel of one connection. Without markets, a channel that allows it carries all of them."""

    def __init__(self, sid: int, channel: str, *, use_yes_price: bool) -> None:
        self.sid = sid
        self.channel = channel
        self.use_yes_price = use_yes_price
        self.tickers: dict[str, None] = {}
        self.all_markets = False
        self.skip_ack = False
        self._seq = 0

    def next_seq(self) -> int:
        """Use up a sequence number."""
        self._seq += 1
        return self._seq

    def carries(self, ticker: str) -> bool:
        """Whether a market's messages belong here."""
        return self.all_markets or not ticker or ticker in self.tickers


class ExchangeSession:
    """One connection. ``closed`` says why the venue hung up, if it did."""

    def __init__(self, venue: Venue) -> None:
        self.closed: str | None = None
        self.answers_pings = True
        self.hold_until_ns = 0
        """Frames stay here until then."""
        self._venue = venue
        self._frames: list[str] = []
        self._subscriptions: dict[str, Subscription] = {}
        self._last_sid = 0
        self._damage = {"drop_frame": 0, "repeat_frame": 0, "reorder": 0}
        """Fault -> how many messages it still hits."""
        self._overtaken = ""
        venue.hub.join(self)

    def receive(self, text: str, utc_ns: int) -> None:
        """Take a client's frame."""
        self._venue.run_timers(utc_ns)
        if self.closed is not None or not self.answers_pings:
            return
        try:
            command = msgspec.json.decode(text, type=_Command)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            self._frame({"type": "error", "msg": {"code": PROCESS, "msg": "Unable to process message"}})
            return
        try:
            self._obey(command)
        except StreamError as error:
            self._frame({"type": "error", "id": command.id, "msg": {"code": error.code, "msg": str(error)}})

    def drain(self) -> list[str]:
        """Hand over the frames to send."""
        if not self._frames or self._venue.now_ns < self.hold_until_ns or not self.answers_pings:
            return []
        frames, self._frames = self._frames, []
        return frames

    def close(self, reason: str) -> None:
        """End the connection: nothing more is sent."""
        if self.closed is None:
            self.closed = reason
            for subscription in list(self._subscriptions.values()):
                self._forget(subscription)
            self._venue.hub.leave(self)

    def overflow(self) -> None:
        """Tell a client that reads too slowly that its subscriptions are over."""
        for subscription in list(self._subscriptions.values()):
            self._forget(subscription)
            message = {"code": OVERFLOW, "msg": "Subscription buffer overflow"}
            self._frame({"type": "error", "sid": subscription.sid, "seq": subscription.next_seq(), "msg": message})

    def damage(self, kind: str, count: int) -> None:
        """Lose the next so many messages, send them twice, or let each be overtaken by the one after it."""
        self._damage[kind] += count

    def catch_up(self) -> None:
        """Send what nothing has overtaken."""
        if self._overtaken:
            self._frames.append(self._overtaken)
            self._overtaken = ""
        self._damage["reorder"] = 0

    def go_silent(self) -> None:
        """Leave the connection open at one end only: nothing comes or goes any more, not even an answer to a ping."""
        self.answers_pings = False

    def has(self, channel: str) -> bool:
        """Whether a channel is subscribed."""
        return channel in self._subscriptions

    # What the hub calls

    def book_delta(self, market: Listed, side: Side, price_e4: int, delta_e2: int, own: AccountOrder | None) -> None:
        """Send a change of one level."""
        subscription = self._subscriptions[BOOKS]
        if side == "bid":
            word, shown_e4 = "yes", price_e4
        else:
            word, shown_e4 = "no", price_e4 if subscription.use_yes_price else DOLLAR_E4 - price_e4
        ms = self._venue.now_ns // 1_000_000
        tag = f',"client_order_id":"{own.now.client_order_id}","subaccount":{own.terms.subaccount}' if own is not None else ""
        self._data(
            f'{{"type":"orderbook_delta","sid":{subscription.sid},"seq":{subscription.next_seq()},"sending_ts_ms":{ms},'
            f'"msg":{{"market_ticker":"{market.ticker}","market_id":"{market.market_id}","clock":{market.clock},'
            f'"price_dollars":"{price_text(shown_e4)}","delta_fp":"{count_text(delta_e2)}","side":"{word}","ts_ms":{ms}{tag}}}}}\n'
        )

    def send(self, channel: str, kind: str, message: object, ticker: str = "") -> None:
        """Send a message of a channel, if it is subscribed for this market."""
        subscription = self._subscriptions.get(channel)
        if subscription is None or not subscription.carries(ticker):
            return
        seq = msgspec.UNSET if channel in _UNNUMBERED else subscription.next_seq()
        frame = _Frame(kind, subscription.sid, seq, self._venue.now_ns // 1_000_000, message)
        self._data(msgspec.json.encode(frame).decode() + "\n")

    # Commands

    def _obey(self, command: _Command) -> None:
        params = command.params or _Params()
        match command.cmd:
            case "subscribe":
                self._subscribe(command.id, params)
            case "unsubscribe":
                if not params.sids:
                    raise StreamError(NO_SIDS, "Subscription IDs required")
                for subscription in [self._by_sid(sid) for sid in params.sids]:
                    self._forget(subscription)
                    self._frame({"type": "unsubscribed", "id": command.id, "sid": subscription.sid, "seq": subscription.next_seq()})
            case "update_subscription":
                self._update(command.id, params)
            case "list_subscriptions":
                live = [{"channel": one.channel, "sid": one.sid} for one in self._subscriptions.values()]
                self._frame({"type": "ok", "id": command.id, "msg": live})
            case _:
                raise StreamError(UNKNOWN_COMMAND, "Unknown command")

    def _subscribe(self, number: int, params: _Params) -> None:
        if not params.channels:
            raise StreamError(NO_CHANNELS, "Channels required")
        unknown = [channel for channel in params.channels if channel not in _CHANNELS]
        if unknown:
            raise StreamError(UNKNOWN_CHANNEL, f"Unknown channel name: {unknown[0]}")
        markets = self._markets(params)
        if BOOKS in params.channels and not markets:
            raise StreamError(NO_MARKET, "Market ticker required")
        for channel in params.channels:
            self._subscribe_one(number, channel, markets, params)

    def _subscribe_one(self, number: int, channel: str, markets: list[Listed], params: _Params) -> None:
        subscription = self._subscriptions.get(channel)
        fresh = subscription is None
        if subscription is None:
            self._last_sid += 1
            subscription = Subscription(self._last_sid, channel, use_yes_price=params.use_yes_price)
            subscription.skip_ack = params.skip_ticker_ack
            self._subscriptions[channel] = subscription
        everything = channel != BOOKS and not markets
        subscription.all_markets = subscription.all_markets or everything
        wanted = list(self._venue.catalogue.markets.values()) if everything and channel in _BY_MARKET else markets
        new = self._add(subscription, wanted)
        if fresh:
            self._frame({"type": "subscribed", "id": number, "msg": {"channel": channel, "sid": subscription.sid}})
        else:
            self._acknowledge(number, subscription)
        if channel == BOOKS:
            for market in new:
                self._snapshot(subscription, market)
        elif channel == "ticker" and params.send_initial_snapshot:
            for market in new:
                self.send("ticker", "ticker", ticker_message(market, self._venue.now_ns), market.ticker)

    def _update(self, number: int, params: _Params) -> None:
        sids = params.sids or ([params.sid] if params.sid is not None else [])
        if len(sids) != 1:
            raise StreamError(ONE_SID, "Exactly one subscription ID required")
        subscription = self._by_sid(sids[0])
        markets = self._markets(params)
        if not params.action:
            raise StreamError(NO_ACTION, "Action required")
        if not markets:
            raise StreamError(NO_MARKET, "Market ticker required")
        self._change(number, subscription, params.action, markets)

    def _change(self, number: int, subscription: Subscription, action: str, markets: list[Listed]) -> None:
        match action:
            case "add_markets":
                new = self._add(subscription, markets)
                self._acknowledge(number, subscription)
                for market in new if subscription.channel == BOOKS else []:
                    self._snapshot(subscription, market)
            case "delete_markets":
                for market in markets:
                    self._remove(subscription, market)
                self._acknowledge(number, subscription)
            case "get_snapshot" if subscription.channel == BOOKS:
                for market in markets:
                    self._snapshot(subscription, market, number)
            case _:
                raise StreamError(BAD_ACTION, "Unsupported action")

    def _markets(self, params: _Params) -> list[Listed]:
        tickers = ([params.market_ticker] if params.market_ticker else []) + params.market_tickers
        known = self._venue.catalogue.markets
        missing = [ticker for ticker in tickers if ticker not in known]
        if missing:
            raise StreamError(INVALID_PARAM, f"Unknown market: {missing[0]}")
        return [known[ticker] for ticker in dict.fromkeys(tickers)]

    def _by_sid(self, sid: int) -> Subscription:
        for subscription in self._subscriptions.values():
            if subscription.sid == sid:
                return subscription
        raise StreamError(UNKNOWN_SID, "Unknown subscription ID")

    def _add(self, subscription: Subscription, markets: list[Listed]) -> list[Listed]:
        new = [market for market in markets if market.ticker not in subscription.tickers]
        for market in new:
            subscription.tickers[market.ticker] = None
            if subscription.channel in _BY_MARKET:
                self._venue.hub.watch(market, self, subscription.channel)
        return new

    def _remove(self, subscription: Subscription, market: Listed) -> None:
        if market.ticker in subscription.tickers:
            del subscription.tickers[market.ticker]
            if subscription.channel in _BY_MARKET:
                self._venue.hub.unwatch(market, self, subscription.channel)

    def _forget(self, subscription: Subscription) -> None:
        for ticker in list(subscription.tickers):
            self._remove(subscription, self._venue.catalogue.markets[ticker])
        del self._subscriptions[subscription.channel]

    def _acknowledge(self, number: int, subscription: Subscription) -> None:
        tickers = [] if subscription.all_markets or subscription.skip_ack else list(subscription.tickers)
        self._frame(
            {"type": "ok", "id": number, "sid": subscription.sid, "seq": subscription.next_seq(), "msg": {"market_tickers": tickers}}
        )

    def _snapshot(self, subscription: Subscription, market: Listed, number: int | None = None) -> None:
        book = market.book
        message: dict[str, object] = {"market_ticker": market.ticker, "market_id": market.market_id, "clock": market.clock}
        if book.bids:
            message["yes_dollars_fp"] = [(price_text(price), count_text(book.bids[price].total_e2)) for price in sorted(book.bids)]
        if book.asks:
            shown = subscription.use_yes_price
            levels = [(price if shown else DOLLAR_E4 - price, book.asks[price].total_e2) for price in sorted(book.asks, reverse=True)]
            message["no_dollars_fp"] = [(price_text(price), count_text(count_e2)) for price, count_e2 in levels]
        frame: dict[str, object] = {"type": "orderbook_snapshot", "sid": subscription.sid, "seq": subscription.next_seq()}
        if number is not None:
            frame["id"] = number
        frame["msg"] = message
        self._frame(frame)

    def _frame(self, frame: dict[str, object]) -> None:
        frame["sending_ts_ms"] = self._venue.now_ns // 1_000_000
        self._frames.append(msgspec.json.encode(frame).decode() + "\n")

    def _data(self, text: str) -> None:
        if self._hits("drop_frame"):
            return
        if not self._overtaken and self._hits("reorder"):
            self._overtaken = text
            return
        self._frames.append(text)
        if self._overtaken:
            self._frames.append(self._overtaken)
            self._overtaken = ""
        if self._hits("repeat_frame"):
            self._frames.append(text)

    def _hits(self, kind: str) -> bool:
        hit = self._damage[kind] > 0
        self._damage[kind] -= hit
        return hit
