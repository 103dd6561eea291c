"""One client's connection, seen from the server: the vendor's protocol with its silences.

An unknown channel and a repeated subscription get no answer, an unknown ticker is acknowledged and never delivers, and a refused client
hears why before the connection drops without a close handshake.
"""

from collections.abc import Callable, Container
from typing import Final, Literal, Protocol

import msgspec

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import SYMBOLS
from kalshi_alpha.sim.feed.faults import CLOSE_CODE, POLICY_CLOSE, FeedFaultLike

LimitMode = Literal["evict_oldest", "reject_newest", "reject_after_ack"]
"""Whom the limit on connections hits: all three have been reported."""

CHANNELS: Final = ("V", "A")
"""Values, and one aggregate a second."""
AUTH_NS: Final = 10 * NS_PER_S
TOO_MANY: Final = "Maximum number of websocket connections exceeded. "


class Account(Protocol):
    """Whose connections these are."""

    @property
    def api_keys(self) -> tuple[str, ...]: ...  # noqa: D102 - a field
    @property
    def limit_mode(self) -> LimitMode | None: ...  # noqa: D102 - a field
    def live_sessions(self, leg: str) -> list["FeedServerSession"]:
        """Return a leg's authenticated clients, oldest first."""
        ...

    def struck(self, leg: str, symbol: str, utc_ns: int, kinds: Container[str]) -> FeedFaultLike | None:
        """Return the first fault of these kinds that holds now."""
        ...


class FeedServerSession:
    """One client's connection to one leg."""

    def __init__(self, account: Account, leg: str, utc_ns: int) -> None:
        """Greet the client."""
        self.leg = leg
        self.closed: str | None = None
        """Why the server dropped the connection, if it did."""
        self.close_code: int | None = None
        """The close frame's; None: it dropped without one, as the vendor mostly does."""
        self.answers_pings = True
        self.is_authenticated = False
        self.auth_by_ns = utc_ns + AUTH_NS
        self.pairs: dict[str, None] = {}
        self._account = account
        self._is_over_limit = False
        self._is_mute = account.struck(leg, "*", utc_ns, ("no_greeting",)) is not None
        self._out: list[str] = [] if self._is_mute else [_status("connected", "Connected Successfully")]

    def receive(self, text: str, utc_ns: int) -> None:
        """Take a client's frame: auth, subscribe or unsubscribe."""
        if self.closed is not None or self._is_mute:
            return
        try:
            request = msgspec.json.decode(text, type=dict[str, str])
        except (msgspec.DecodeError, RecursionError):
            self._out.append(_status("error", "invalid message"))
            return
        action, params = request.get("action"), request.get("params", "")
        if action == "auth":
            self._authenticate(params, utc_ns)
        elif not self.is_authenticated:
            self._out.append(_status("error", "not authorized"))
        elif action == "subscribe":
            self._subscribe(params, utc_ns)
        elif action == "unsubscribe":
            self._unsubscribe(params)

    def drain(self) -> list[str]:
        """Hand over the frames to send."""
        taken, self._out = self._out, []
        return taken

    def publish(self, symbol: str, level: float, event_ms: int, spoil: Callable[[dict[str, object]], list[str]] | None = None) -> None:
        """Send a value if the client wants it; ``spoil`` makes the frames that are sent in place of the right one."""
        if f"V.{symbol}" in self.pairs:
            message: dict[str, object] = {"ev": "V", "val": level, "T": symbol, "t": event_ms}
            if spoil is None:
                self._send(message)
            else:
                self._out += spoil(message)
        if f"A.{symbol}" in self.pairs:
            prices = dict.fromkeys(("op", "o", "c", "h", "l"), level)
            self._send({"ev": "A", "sym": symbol, **prices, "s": event_ms, "e": event_ms})

    def expire(self, utc_ns: int) -> None:
        """Drop a client that doesn't say who it is."""
        if not self.is_authenticated and utc_ns >= self.auth_by_ns:
            self._refuse("auth_timeout", "No authentication request received.")

    def evict(self) -> None:
        """Drop a client of an account that has too many."""
        self._refuse("max_connections", TOO_MANY)

    def close(self, reason: str, code: int | None = None) -> None:
        """Hang up: with a close frame of this code, or without one."""
        self.closed, self.close_code = reason, code

    def strike(self, fault: FeedFaultLike) -> None:
        """End the connection as a fault has it."""
        match fault.kind:
            case "slow_consumer":
                self._out.append(_status("slow_consumer", "Your connection is too slow"))
                self.close("slow consumer", POLICY_CLOSE)
            case "evicted":
                self.evict()
            case _:
                code = int(fault.params.get("code", CLOSE_CODE))
                self.close(f"closed {code}", code)

    def _authenticate(self, key: str, utc_ns: int) -> None:
        if self._account.struck(self.leg, "*", utc_ns, ("auth_timeout",)) is not None:
            return
        if key not in self._account.api_keys or self._account.struck(self.leg, "*", utc_ns, ("auth_failed",)) is not None:
            self._refuse("auth_failed", "authentication failed")
            return
        others = [session for session in self._account.live_sessions(self.leg) if session is not self]
        if others and self._account.limit_mode == "evict_oldest":
            others[0].evict()
        elif others and self._account.limit_mode == "reject_newest":
            self.evict()
            return
        self._is_over_limit = bool(others) and self._account.limit_mode == "reject_after_ack"
        self.is_authenticated = True
        self._out.append(_status("auth_success", "authenticated"))

    def _subscribe(self, params: str, utc_ns: int) -> None:
        for pair in _pairs(params):
            unheard = self._account.struck(self.leg, pair.partition(".")[2], utc_ns, ("no_ack",)) is not None
            if pair not in self.pairs and not unheard:
                self.pairs[pair] = None
                self._out.append(_status("success", f"subscribed to: {pair}"))
        if self._is_over_limit:
            self.evict()

    def _unsubscribe(self, params: str) -> None:
        for pair in _pairs(params):
            if pair in self.pairs:
                del self.pairs[pair]
                self._out.append(_status("success", f"unsubscribed to: {pair}"))

    def _refuse(self, status: str, message: str) -> None:
        self._out.append(_status(status, message))
        self.close(message.strip())

    def _send(self, message: dict[str, object]) -> None:
        self._out.append(msgspec.json.encode([message]).decode())


def _pairs(params: str) -> list[str]:
    """Return the pairs of known channels; ``V.*`` means every index."""
    found: list[str] = []
    for pair in (pair.strip() for pair in params.split(",")):
        channel, _, ticker = pair.partition(".")
        if channel in CHANNELS and ticker:
            found += [f"{channel}.{symbol}" for symbol in SYMBOLS] if ticker == "*" else [pair]
    return found


def _status(status: str, message: str) -> str:
    return msgspec.json.encode([{"ev": "status", "status": status, "message": message}]).decode()
