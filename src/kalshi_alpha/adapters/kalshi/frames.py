"""Frames of the venue's stream: what it sends, as typed structs, and the commands we send."""

from collections.abc import Sequence
from typing import Final

import msgspec

from kalshi_alpha.adapters.kalshi.fixed_point import Number, Small, WireError, count_e2, price_e4
from kalshi_alpha.adapters.kalshi.portfolio import FillReport, OrderReport
from kalshi_alpha.adapters.kalshi.wire import UNREADABLE
from kalshi_alpha.model.events import BookChanged, BookSnapshotted
from kalshi_alpha.model.units import DOLLAR_E4, Side


class Delta(msgspec.Struct, gc=False):
    """A signed change of one level; with ``use_yes_price`` the price of either side is the YES price."""

    market_ticker: str
    price_dollars: str
    delta_fp: str
    side: str


class DeltaFrame(msgspec.Struct, tag="orderbook_delta", gc=False):
    """A change of one book."""

    sid: Number
    seq: Number
    msg: Delta


_Levels = list[tuple[str, str]] | dict[str, object] | None


class Snapshot(msgspec.Struct):
    """A whole book; an empty side is left out."""

    market_ticker: str
    yes_dollars_fp: _Levels = None
    no_dollars_fp: _Levels = None


class SnapshotFrame(msgspec.Struct, tag="orderbook_snapshot"):
    """A whole book, after a subscription or when asked for."""

    sid: Number
    seq: Number
    msg: Snapshot


class Channel(msgspec.Struct):
    """A channel and the number of its subscription."""

    channel: str
    sid: Number


class SubscribedFrame(msgspec.Struct, tag="subscribed"):
    """A channel's first subscription."""

    msg: Channel
    id: Number | None = None


class OkFrame(msgspec.Struct, tag="ok"):
    """An update's acknowledgement, or a subscription that was merged into a living one. It uses up a sequence number."""

    id: Number | None = None
    sid: Number | None = None
    seq: Number | None = None


class UnsubscribedFrame(msgspec.Struct, tag="unsubscribed"):
    """The end of a subscription."""

    id: Number | None = None
    sid: Number | None = None
    seq: Number | None = None


class Complaint(msgspec.Struct):
    """What the venue says is wrong."""

    code: Small
    msg: str = ""


class ErrorFrame(msgspec.Struct, tag="error"):
    """A refused command, or the end of a subscription."""

    msg: Complaint
    id: Number | None = None
    sid: Number | None = None
    seq: Number | None = None


class FillFrame(msgspec.Struct, tag="fill"):
    """A trade of ours."""

    sid: Number
    msg: FillReport


class OrderFrame(msgspec.Struct, tag="user_order"):
    """An order of ours."""

    sid: Number
    msg: OrderReport


class LifecycleChange(msgspec.Struct):
    """A market's step; ``result`` comes with its determination only."""

    market_ticker: str
    event_type: str
    result: str | None = None


class LifecycleFrame(msgspec.Struct, tag="market_lifecycle_v2"):
    """A market's step, for every market of the venue."""

    sid: Number
    msg: LifecycleChange


class Envelope(msgspec.Struct):
    """What every frame has, for frames of other kinds."""

    type: str
    sid: Number | None = None
    seq: Number | None = None


Frame = DeltaFrame | SnapshotFrame | SubscribedFrame | OkFrame | UnsubscribedFrame | ErrorFrame | FillFrame | OrderFrame | LifecycleFrame

_SIDES: Final[dict[str, Side]] = {"yes": "bid", "no": "ask"}
_envelope: Final = msgspec.json.Decoder(Envelope)


def frame_decoder() -> msgspec.json.Decoder[Frame]:
    """Return the decoder of all frames we know."""
    return msgspec.json.Decoder(Frame)


def envelope_of(frame: str | bytes) -> Envelope | None:
    """Return what any frame has, or None if it isn't a frame at all."""
    try:
        return _envelope.decode(frame)
    except UNREADABLE:
        return None


def changed(delta: Delta) -> BookChanged:
    """Return the change in the model's words.

    Raises:
        WireError: the side, the price or the count doesn't fit.

    """
    side = _SIDES.get(delta.side)
    if side is None:
        message = f"side {delta.side[:10]!r}"
        raise WireError(message)
    return BookChanged(delta.market_ticker, side, _level_price(delta.price_dollars), count_e2(delta.delta_fp))


def snapshotted(snapshot: Snapshot) -> BookSnapshotted:
    """Return the book in the model's words.

    Raises:
        WireError: a price or count doesn't fit.

    """
    return BookSnapshotted(snapshot.market_ticker, _levels(snapshot.yes_dollars_fp), _levels(snapshot.no_dollars_fp))


def command(number: int, name: str, params: dict[str, object]) -> str:
    """Return a command's frame."""
    return msgspec.json.encode({"id": number, "cmd": name, "params": params}).decode()


def book_subscription(tickers: Sequence[str]) -> dict[str, object]:
    """Return what subscribes to books. The price convention is explicit: its default will change."""
    return {"channels": ["orderbook_delta"], "market_tickers": list(tickers), "use_yes_price": True}


def _levels(levels: _Levels) -> tuple[tuple[int, int], ...]:
    if not levels:
        return ()
    if isinstance(levels, dict):
        message = "an object instead of levels"
        raise WireError(message)
    parsed = tuple((_level_price(price), count_e2(count)) for price, count in levels)
    if any(count < 0 for _, count in parsed):
        message = "a level below zero"
        raise WireError(message)
    return parsed


def _level_price(text: str) -> int:
    price = price_e4(text)
    if not 0 < price < DOLLAR_E4:
        message = f"a level at {text!r}"
        raise WireError(message)
    return price
