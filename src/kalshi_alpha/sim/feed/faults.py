"""What can be wrong with a feed: every fault of the chaos matrix, as small functions on a value, its delivery, its frame or a connection.

Source: Massive facts, section 7.4, with the incidents of section 4.
"""

from collections.abc import Callable
from random import Random
from typing import Final, Literal, NamedTuple, Protocol

import msgspec

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S

ValueKind = Literal["frozen", "wrong_value", "previous_close", "stamp", "delayed"]
DeliveryKind = Literal["lag", "lag_ramp", "stall", "jitter", "shuffle"]
FrameKind = Literal[
    "duplicate", "nan_value", "null_value", "text_value", "not_json", "bare_object", "unknown_event", "truncated", "extra_status"
]  # fmt: skip
ConnectionKind = Literal[
    "silent", "abort", "refuse", "close", "half_open", "slow_consumer", "evicted", "no_greeting", "auth_failed", "auth_timeout", "no_ack"
]  # fmt: skip
RestKind = Literal["rest_error", "rest_timeout", "rest_stale", "rest_delayed", "rest_wrong"]
FeedFaultKind = ValueKind | DeliveryKind | FrameKind | ConnectionKind | RestKind
Params = dict[str, float]

LAG_S: Final = 4.0
DELAYED_S: Final = 900.0
WRONG_FACTOR: Final = 1.01
STAMP_S: Final = -8.0
JITTER_MS: Final = (200.0, 400.0)
BLOCK_S: Final = 5
CLOSE_CODE: Final = 1_001
"""How far a fault goes that doesn't say."""
POLICY_CLOSE: Final = 1_008


class FeedFaultLike(Protocol):
    """One leg misbehaves for a while. ``leg`` and ``symbol`` may be ``*``.

    Connection:

    - silent: no values, the connection lives; half_open: no pongs either
    - abort: it drops without a close frame, nobody can connect; refuse: nobody can connect
    - close: it is closed with ``code``; slow_consumer, evicted: it is told so and closed; all three once, or every ``every_s``
    - no_greeting: a new connection hears nothing; auth_failed, auth_timeout: the key is refused, or not answered
    - no_ack: subscriptions of ``symbol`` aren't answered

    Delivery:

    - lag: values come ``lag_s`` late, the rest at once when it ends; lag_ramp: later and later, up to ``lag_s``
    - stall: all at once when it ends; jitter: ``min_ms`` to ``max_ms`` late; shuffle: blocks of ``block_s`` seconds, last value first

    Value:

    - frozen: always that of ``from_ns``; previous_close; wrong_value: times ``factor``
    - stamp: time stamps off by ``by_s``; delayed: value and time stamp of ``lag_s`` ago

    REST, at the leg's address:

    - rest_error: answers ``status``; rest_timeout: doesn't answer
    - rest_stale: snapshots are ``by_s`` old, by their own time; rest_delayed: as of the delayed plan; rest_wrong: times ``factor``

    Frame: as their names say; unknown_event has unknown keys, too; extra_status comes before each value.
    """

    @property
    def from_ns(self) -> int: ...  # noqa: D102 - a field
    @property
    def to_ns(self) -> int: ...  # noqa: D102 - a field
    @property
    def leg(self) -> str: ...  # noqa: D102 - a field
    @property
    def symbol(self) -> str: ...  # noqa: D102 - a field
    @property
    def kind(self) -> FeedFaultKind: ...  # noqa: D102 - a field
    @property
    def params(self) -> Params: ...  # noqa: D102 - a field


class FeedFault(msgspec.Struct, frozen=True):
    """One leg misbehaves for a while."""

    from_ns: int
    to_ns: int
    leg: str
    """``polygon``, ``massive``, a further one, or ``*``."""
    kind: FeedFaultKind
    symbol: str = "*"
    params: Params = {}


class LevelPath(Protocol):
    """The day's index."""

    @property
    def first_ns(self) -> int:
        """Where the day begins; the first value is published a second later."""
        ...

    @property
    def last_ns(self) -> int:
        """The last value's instant."""
        ...

    def level(self, symbol: str, utc_ns: int) -> float:
        """Return the value printed at the last whole second."""
        ...


class Value(NamedTuple):
    """What is published: index points, and the vendor's time stamp in Unix ms."""

    level: float
    event_ms: int


def _delayed(value: Value, fault: FeedFaultLike, path: LevelPath, symbol: str) -> Value:
    event_ms = value.event_ms - int(fault.params.get("lag_s", DELAYED_S) * 1_000)
    return Value(path.level(symbol, event_ms * NS_PER_MS), event_ms)


VALUES: Final[dict[str, Callable[[Value, FeedFaultLike, LevelPath, str], Value]]] = {
    "frozen": lambda value, fault, path, symbol: Value(path.level(symbol, fault.from_ns), value.event_ms),
    "wrong_value": lambda value, fault, _path, _symbol: Value(
        round(value.level * fault.params.get("factor", WRONG_FACTOR), 2), value.event_ms
    ),
    "previous_close": lambda value, _fault, path, symbol: Value(path.level(symbol, path.first_ns - 1), value.event_ms),
    "stamp": lambda value, fault, _path, _symbol: Value(value.level, value.event_ms + int(fault.params.get("by_s", STAMP_S) * 1_000)),
    "delayed": _delayed,
}
"""Kind -> what becomes of a value."""


def _lag(when_ns: int, fault: FeedFaultLike, _random: Random) -> int:
    late_ns = when_ns + int(fault.params.get("lag_s", LAG_S) * NS_PER_S)
    return max(when_ns, min(late_ns, fault.to_ns))


def _lag_ramp(when_ns: int, fault: FeedFaultLike, _random: Random) -> int:
    share = (when_ns - fault.from_ns) / (fault.to_ns - fault.from_ns)
    return when_ns + int(fault.params.get("lag_s", LAG_S) * share * NS_PER_S)


def _jitter(when_ns: int, fault: FeedFaultLike, random: Random) -> int:
    least, most = fault.params.get("min_ms", JITTER_MS[0]), fault.params.get("max_ms", JITTER_MS[1])
    return when_ns + int((least + (most - least) * random.random()) * NS_PER_MS)


def _shuffle(when_ns: int, fault: FeedFaultLike, _random: Random) -> int:
    block_ns = int(fault.params.get("block_s", BLOCK_S)) * NS_PER_S
    place_ns = (when_ns - fault.from_ns) % block_ns
    end_ns = when_ns - place_ns + block_ns
    return end_ns + (block_ns - place_ns) // 1_000


DELIVERIES: Final[dict[str, Callable[[int, FeedFaultLike, Random], int]]] = {
    "lag": _lag,
    "lag_ramp": _lag_ramp,
    "stall": lambda when_ns, fault, _random: max(when_ns, fault.to_ns),
    "jitter": _jitter,
    "shuffle": _shuffle,
}
"""Kind -> when a value is delivered (UTC ns) that should be at ``when_ns``."""

Message = dict[str, object]


def _text(*messages: Message) -> str:
    return msgspec.json.encode(messages).decode()


def _spoilt(message: Message, written: str) -> list[str]:
    """Return the message with its value written like this."""
    kept = msgspec.json.encode({key: value for key, value in message.items() if key != "val"}).decode()
    return [f'[{kept[:-1]},"val":{written}}}]']


FRAMES: Final[dict[str, Callable[[Message], list[str]]]] = {
    "duplicate": lambda message: [_text(message)] * 2,
    "nan_value": lambda message: _spoilt(message, "NaN"),
    "null_value": lambda message: _spoilt(message, "null"),
    "text_value": lambda message: _spoilt(message, '"n/a"'),
    "not_json": lambda _message: ["<html>502 Bad Gateway</html>"],
    "bare_object": lambda message: [msgspec.json.encode(message).decode()],
    "unknown_event": lambda message: [_text({"ev": "ZZ", "news": [1, {"a": None}]}, {**message, "unheard_of": 1})],
    "truncated": lambda message: [_text(message)[:-9]],
    "extra_status": lambda message: [_text({"ev": "status", "status": "error", "message": "not authorized"}, message)],
}
"""Kind -> the frames that are sent in place of the one with this message."""

RESTS: Final[frozenset[str]] = frozenset({"rest_error", "rest_timeout", "rest_stale", "rest_delayed", "rest_wrong"})
"""What is wrong with the REST service."""

STRIKES: Final[frozenset[str]] = frozenset({"close", "slow_consumer", "evicted"})
"""What hits the connections there are, at ``from_ns`` and every ``every_s``, rather than for as long as it lasts."""


def strikes(fault: FeedFaultLike) -> list[int]:
    """Return when such a fault strikes (UTC ns); nothing for the others."""
    if fault.kind not in STRIKES:
        return []
    every_ns = int(fault.params.get("every_s", 0.0) * NS_PER_S)
    return list(range(fault.from_ns, fault.to_ns, every_ns)) if every_ns else [fault.from_ns]
