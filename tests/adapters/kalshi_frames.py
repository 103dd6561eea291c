"""Frames as the venue sends them, and streams in the states that tests start from."""

from typing import Any

import msgspec

from kalshi_alpha.adapters.kalshi.stream import VenueStream
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import Now

SECOND = 1_000_000_000
BOOKS = 4


def at(seconds: float) -> Now:
    return Now(utc_ns=1_795_446_000 * SECOND + int(seconds * SECOND), mono_ns=int(seconds * SECOND))


def sent(stream: VenueStream) -> list[dict[str, Any]]:
    return [msgspec.json.decode(frame) for frame in stream.outgoing()]


def give(stream: VenueStream, frame: dict[str, object], seconds: float = 0.0) -> list[ev.Event]:
    return stream.received(msgspec.json.encode(frame).decode() + "\n", at(seconds))


def subscribed(number: int, channel: str, sid: int) -> dict[str, object]:
    return {"id": number, "type": "subscribed", "msg": {"channel": channel, "sid": sid}}


def snapshot(seq: int, ticker: str = "A", yes: object = None, no: object = None) -> dict[str, object]:
    msg: dict[str, object] = {"market_ticker": ticker, "market_id": "9b0f6b43", "clock": 4_182_057}
    msg |= {} if yes is None else {"yes_dollars_fp": yes}
    msg |= {} if no is None else {"no_dollars_fp": no}
    return {"type": "orderbook_snapshot", "sid": BOOKS, "seq": seq, "sending_ts_ms": 1, "msg": msg}


def delta(seq: int, ticker: str = "A", price: str = "0.4700", change: str = "3.00", side: str = "yes") -> dict[str, object]:
    msg = {"market_ticker": ticker, "market_id": "9b0f6b43", "price_dollars": price, "delta_fp": change, "side": side, "ts_ms": 1}
    return {"type": "orderbook_delta", "sid": BOOKS, "seq": seq, "sending_ts_ms": 1, "msg": msg}


def open_stream(*tickers: str) -> VenueStream:
    """Return a stream that is ready: private channels and the books' subscription acknowledged, no snapshots yet."""
    stream = VenueStream(7)
    stream.subscribe_books(tickers)
    stream.opened(at(0))
    commands = sent(stream)
    for sid, channel in enumerate(("user_orders", "fill", "market_lifecycle_v2"), 1):
        give(stream, subscribed(commands[0]["id"], channel, sid))
    if tickers:
        give(stream, subscribed(commands[1]["id"], "orderbook_delta", BOOKS))
    return stream


def whole_stream(*tickers: str) -> VenueStream:
    """Return a stream whose books all have their snapshots; the last sequence number is the number of books."""
    stream = open_stream(*tickers)
    for seq, ticker in enumerate(tickers, 1):
        give(stream, snapshot(seq, ticker, [["0.4700", "3.00"]]))
    return stream
