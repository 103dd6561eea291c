"""The index feed's frames: JSON arrays of mixed messages, read tolerantly. Unknown keys and events are counted, never fatal."""

import json
import re
from typing import Final

import msgspec

MS_MIN: Final = 1_000_000_000_000
MS_MAX: Final = 10_000_000_000_000
"""Unix milliseconds have 13 digits from 2001 to 2286: anything else is another unit."""
LEVEL_MAX: Final = 1e9
FRAME_CHARACTERS_MAX: Final = 131_072
"""A value takes some 70; a second has two."""
UNREADABLE: Final = "?"
"""``ev`` of a message whose fields don't fit."""


class FeedMessage(msgspec.Struct, gc=False):
    """Any message, as far as we read it."""

    ev: str = ""
    status: str | None = None
    message: str | None = None
    val: float | str | None = None
    T: str | None = None
    t: int | float | str | None = None


class IndexValue(msgspec.Struct, frozen=True, gc=False):
    """One ``V`` message that holds."""

    symbol: str
    level: float
    """Index points, above 0."""
    event_ms: int
    """The vendor's time stamp, Unix ms."""


class FrameError(ValueError):
    """A frame that isn't a JSON array."""


_DECODER: Final = msgspec.json.Decoder(list[FeedMessage])
_level: Final = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?").fullmatch


def decode(frame: str | bytes) -> list[FeedMessage]:
    """Return a frame's messages.

    Raises:
        FrameError: not JSON, not an array, or longer than any honest one.

    """
    if len(frame) > FRAME_CHARACTERS_MAX:
        message = f"longer than {FRAME_CHARACTERS_MAX} characters: {len(frame)}"
        raise FrameError(message)
    try:
        return _DECODER.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return _decode_each(frame)


def _decode_each(frame: str | bytes) -> list[FeedMessage]:
    """Read message by message, so that a bad one doesn't cost its neighbours. The standard library's decoder also reads NaN."""
    try:
        items: object = json.loads(frame)
    except (ValueError, RecursionError) as error:
        message = f"not JSON: {error}"
        raise FrameError(message) from error
    if not isinstance(items, list):
        message = f"not an array but {type(items).__name__}"
        raise FrameError(message)
    return [_message(item) for item in items]


def _message(item: object) -> FeedMessage:
    try:
        message = msgspec.convert(item, FeedMessage)
        msgspec.json.encode(message)  # half of a character is no text: it couldn't be written down
    except (msgspec.ValidationError, RecursionError, UnicodeError):
        return FeedMessage(ev=UNREADABLE)
    return message


def index_value(message: FeedMessage) -> IndexValue | None:
    """Return the value of a ``V`` message; None when a field is missing, of another unit, or no number."""
    level, symbol, event_ms = message.val, message.T, message.t
    if type(level) is str:
        level = _number(level)
    if type(level) is not float or not 0.0 < level < LEVEL_MAX:
        return None
    if type(event_ms) is not int or not MS_MIN <= event_ms < MS_MAX or symbol is None:
        return None
    return IndexValue(symbol, level, event_ms)


def _number(text: str) -> float | None:
    """Read a number as JSON writes it: Python's own spellings, such as ``6_850``, and other scripts' digits are none."""
    return float(text) if _level(text) else None


def auth(api_key: str) -> str:
    """Return the frame that authenticates."""
    return msgspec.json.encode({"action": "auth", "params": api_key}).decode()


def subscribe(pairs: tuple[str, ...]) -> str:
    """Return the frame that subscribes to ``V.I:SPX`` and the like."""
    return msgspec.json.encode({"action": "subscribe", "params": ",".join(pairs)}).decode()
