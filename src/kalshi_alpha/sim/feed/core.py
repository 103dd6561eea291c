"""The feed without its sockets: publishes each whole second of the day to whoever is subscribed, late, wrong or not at all by script."""

import heapq
from collections.abc import Sequence
from random import Random
from typing import Final, Protocol

import msgspec

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.instruments import LEGS, SYMBOLS

CATCH_UP_S: Final = 30
"""After a longer jump the values in between are nobody's."""
LATENCY_MS: Final = 22.0
LATE_SHARE: Final = 0.001
LATE_MS: Final = 500.0
CHANNELS: Final = tuple(f"V.{symbol}" for symbol in SYMBOLS)


class LevelPath(Protocol):
    """The day's index."""

    def level(self, symbol: str, utc_ns: int) -> float:
        """Return the value printed at the last whole second."""
        ...


class FeedFaultLike(Protocol):
    """One leg misbehaves for a while. ``leg`` and ``symbol`` may be ``*``."""

    @property
    def from_ns(self) -> int: ...  # noqa: D102 - a field
    @property
    def to_ns(self) -> int: ...  # noqa: D102 - a field
    @property
    def leg(self) -> str: ...  # noqa: D102 - a field
    @property
    def symbol(self) -> str: ...  # noqa: D102 - a field
    @property
    def kind(self) -> str: ...  # noqa: D102 - a field
    @property
    def params(self) -> dict[str, float]: ...  # noqa: D102 - a field


class FeedServerSession:
    """One client's connection, seen from the server."""

    def __init__(self, feed: "SimFeed", leg: str) -> None:
        """Greet the client."""
        self.leg = leg
        self.closed: str | None = None
        self.pairs: dict[str, None] = {}
        self._feed = feed
        self._authenticated = False
        self._out: list[str] = [_status("connected", "Connected Successfully")]

    def receive(self, text: str, utc_ns: int) -> None:  # noqa: ARG002 - the shape of all sessions
        """Take a client's frame: auth, subscribe or unsubscribe."""
        try:
            request = msgspec.json.decode(text, type=dict[str, str])
        except msgspec.DecodeError:
            self._out.append(_status("error", "invalid message"))
            return
        action, params = request.get("action"), request.get("params", "")
        if action == "auth":
            self._authenticate(params)
        elif not self._authenticated:
            self._out.append(_status("auth_timeout", "No authentication request received."))
        elif action == "subscribe":
            self._subscribe(params)
        elif action == "unsubscribe":
            self._unsubscribe(params)

    def drain(self) -> list[str]:
        """Hand over the frames to send."""
        taken, self._out = self._out, []
        return taken

    def publish(self, symbol: str, level: float, event_ms: int) -> None:
        """Send a value if the client wants it."""
        if f"V.{symbol}" in self.pairs:
            self._out.append(msgspec.json.encode([{"ev": "V", "val": level, "T": symbol, "t": event_ms}]).decode())

    def close(self, reason: str) -> None:
        """Hang up."""
        self.closed = reason

    def _authenticate(self, key: str) -> None:
        if key in self._feed.api_keys:
            self._authenticated = True
            self._out.append(_status("auth_success", "authenticated"))
        else:
            self._out.append(_status("auth_failed", "authentication failed"))
            self.close("authentication failed")

    def _subscribe(self, params: str) -> None:
        """Acknowledge each new pair of a known channel; an unknown channel is dropped without a word, as the vendor does."""
        for pair in (pair.strip() for pair in params.split(",")):
            wanted = CHANNELS if pair in {"V.*", "*"} else (pair,)
            if not pair.startswith("V.") and pair != "*":
                continue
            for one in wanted:
                if one not in self.pairs:
                    self.pairs[one] = None
                    self._out.append(_status("success", f"subscribed to: {one}"))

    def _unsubscribe(self, params: str) -> None:
        for pair in (pair.strip() for pair in params.split(",")):
            if self.pairs.pop(pair, 0) is None:
                self._out.append(_status("success", f"unsubscribed to: {pair}"))


class SimFeed:
    """Both legs of the feed over one day. Time is an argument."""

    def __init__(self, path: LevelPath, seed: int, faults: Sequence[FeedFaultLike] = (), api_keys: Sequence[str] = ("sim-key",)) -> None:
        """Publish this path's values; the seed draws the delays."""
        self.api_keys = tuple(api_keys)
        self._path = path
        self._random = Random(seed ^ 0xFEED)
        self._faults = tuple(faults)
        self._sessions: list[FeedServerSession] = []
        self._due: list[tuple[int, int, str, str, int]] = []
        """(when, number, leg, symbol, event second)."""
        self._number = 0
        self._second: int | None = None
        """The next whole second to publish, Unix s."""

    def connect(self, leg: str, utc_ns: int) -> FeedServerSession | None:
        """Accept a client on a leg, or refuse it."""
        if self._struck(leg, "*", utc_ns, ("abort", "refuse")) is not None:
            return None
        session = FeedServerSession(self, leg)
        self._sessions.append(session)
        return session

    def disconnect(self, session: FeedServerSession) -> None:
        """Forget a client that is gone."""
        if session in self._sessions:
            self._sessions.remove(session)

    def advance(self, utc_ns: int) -> None:
        """Publish everything due."""
        second = utc_ns // NS_PER_S
        if self._second is None or second - self._second > CATCH_UP_S:
            self._second, self._due = second, []
        while self._second <= second:
            self._schedule(self._second)
            self._second += 1
        self._abort(utc_ns)
        while self._due and self._due[0][0] <= utc_ns:
            when_ns, _, leg, symbol, event_s = heapq.heappop(self._due)
            self._publish(leg, symbol, event_s, when_ns)

    def next_event_ns(self) -> int | None:
        """Return when there is something to publish; None before the first ``advance``."""
        if self._second is None:
            return None
        next_second_ns = self._second * NS_PER_S
        return min(self._due[0][0], next_second_ns) if self._due else next_second_ns

    def _schedule(self, second: int) -> None:
        base_ns = second * NS_PER_S
        for symbol in SYMBOLS:
            for leg in LEGS:
                delay_ms = LATENCY_MS + 40.0 * self._random.random() ** 4
                if self._random.random() < LATE_SHARE:
                    delay_ms += LATE_MS * self._random.random()
                fault = self._struck(leg, symbol, base_ns, ("lag",))
                if fault is not None:
                    delay_ms += 1_000.0 * fault.params.get("lag_s", 4.0)
                self._number += 1
                heapq.heappush(self._due, (base_ns + int(delay_ms * NS_PER_MS), self._number, leg, symbol, second))

    def _publish(self, leg: str, symbol: str, event_s: int, when_ns: int) -> None:
        if self._struck(leg, symbol, when_ns, ("silent",)) is not None:
            return
        frozen = self._struck(leg, symbol, when_ns, ("frozen",))
        level = self._path.level(symbol, frozen.from_ns if frozen is not None else event_s * NS_PER_S)
        wrong = self._struck(leg, symbol, when_ns, ("wrong_value",))
        if wrong is not None:
            level = round(level * wrong.params.get("factor", 1.01), 2)
        for session in self._sessions:
            if session.leg == leg and session.closed is None:
                session.publish(symbol, level, event_s * 1_000)

    def _abort(self, utc_ns: int) -> None:
        for session in list(self._sessions):
            if session.closed is None and self._struck(session.leg, "*", utc_ns, ("abort",)) is not None:
                session.close("aborted by script")
            if session.closed is not None:
                self._sessions.remove(session)

    def _struck(self, leg: str, symbol: str, utc_ns: int, kinds: tuple[str, ...]) -> FeedFaultLike | None:
        for fault in self._faults:
            if fault.from_ns <= utc_ns < fault.to_ns and fault.kind in kinds and fault.leg in {leg, "*"} and (fault.symbol in {symbol, "*"} or symbol == "*"):
                return fault
        return None


def _status(status: str, message: str) -> str:
    return msgspec.json.encode([{"ev": "status", "status": status, "message": message}]).decode()
