"""The index feed's frames: JSON arrays of mixed messages, read tolerantly. Unknown keys and events are counted, never fatal."""

from typing import Final

import msgspec

MS_MIN: Final = 1_000_000_000_000
MS_MAX: Final = 10_000_000_000_000
"""Unix milliseconds have 13 digits from 2001 to 2286: anything else is another unit."""


class FeedMessage(msgspec.Struct, gc=False):
    """Any message, as far as we read it."""

    ev: str = ""
    status: str = ""
    message: str = ""
    val: float | str | None = None
    T: str = ""
    t: int | str | float | None = None


class IndexValue(msgspec.Struct, frozen=True, gc=False):
    """One ``V`` message that holds."""

    symbol: str
    level: float
    event_ms: int


class FrameError(ValueError):
    """A frame that isn't a JSON array of objects."""


_DECODER: Final = msgspec.json.Decoder(list[FeedMessage])
_LOOSE: Final = msgspec.json.Decoder()


def decode(frame: str | bytes) -> list[FeedMessage]:
    """Return a frame's messages.

    Raises:
        FrameError: not JSON, or not an array.
    """
    try:
        return _DECODER.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return _decode_each(frame)


def _decode_each(frame: str | bytes) -> list[FeedMessage]:
    """Read message by message, so that a bad one doesn't cost its neighbours."""
    try:
        items = _LOOSE.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        message = f"not JSON: {error}"
        raise FrameError(message) from error
    if not isinstance(items, list):
        message = f"not an array: {type(items).__name__}"
        raise FrameError(message)
    found: list[FeedMessage] = []
    for item in items:
        try:
            found.append(msgspec.convert(item, FeedMessage))
        except msgspec.ValidationError:
            found.append(FeedMessage(ev="?"))
    return found


def index_value(message: FeedMessage) -> IndexValue | None:
    """Return the value of a ``V`` message; None when a field is missing, of another unit, or no number."""
    level = message.val
    if isinstance(level, str):
        try:
            level = float(level)
        except ValueError:
            return None
    event_ms = message.t
    if level is None or not 0.0 < level < 1e9 or not isinstance(event_ms, int) or not MS_MIN <= event_ms < MS_MAX:  # noqa: PLR2004 - no index is there
        return None
    return IndexValue(message.T, level, event_ms)


def auth(api_key: str) -> str:
    """Return the frame that authenticates."""
    return msgspec.json.encode({"action": "auth", "params": api_key}).decode()


def subscribe(pairs: tuple[str, ...]) -> str:
    """Return the frame that subscribes to ``V.I:SPX`` and the like."""
    return msgspec.json.encode({"action": "subscribe", "params": ",".join(pairs)}).decode()
