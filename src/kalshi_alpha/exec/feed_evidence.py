"""What a vendor asks for when something was wrong: how each leg's connection fared, and how late its values came. And the ticket's text.

Nothing in here knows a key; an address has none either.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from kalshi_alpha.config import FeedsConfig
from kalshi_alpha.model.clock import NS_PER_MS, Now, iso_utc
from kalshi_alpha.model.events import FeedPinged, FeedWarned, IndexProbed, IndexTicked
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Leg, Symbol

LAGS_KEPT: Final = 600
"""Ten minutes of a value a second."""
PINGS_KEPT: Final = 300
"""Ten minutes of a ping every two seconds."""
WORDS_KEPT: Final = 8
CLIENT: Final = "kalshi-alpha 0.1.0, own client over RFC 6455, one connection a leg"


class FeedEvidence:
    """Collects as the facts come in; cheap a tick."""

    def __init__(self, config: FeedsConfig) -> None:
        """Start with nothing heard."""
        self._config = config
        self._lags: dict[tuple[Leg, Symbol], deque[int]] = {(leg, symbol): deque(maxlen=LAGS_KEPT) for leg in LEGS for symbol in SYMBOLS}
        """Arrival less the vendor's time, both by our clock and uncorrected, in ms."""
        self._last_ms: dict[tuple[Leg, Symbol], int] = {}
        self._words: dict[Leg, deque[str]] = {leg: deque(maxlen=WORDS_KEPT) for leg in LEGS}
        """Connections, closes and status frames, oldest first."""
        self._snapshots: dict[Symbol, IndexProbed] = {}
        self._pings: dict[Leg, deque[float]] = {leg: deque(maxlen=PINGS_KEPT) for leg in LEGS}
        """Round trips of pings, ms."""
        self._losses: dict[Leg, int] = dict.fromkeys(LEGS, 0)

    def ticked(self, tick: IndexTicked, now: Now) -> None:
        """Note a value."""
        key = tick.leg, tick.symbol
        self._lags[key].append(now.utc_ns // NS_PER_MS - tick.event_ms)
        self._last_ms[key] = tick.event_ms

    def connected(self, leg: Leg, now: Now) -> None:
        """Note a connection that is subscribed."""
        self._words[leg].append(f"{iso_utc(now.utc_ns)} subscribed")

    def lost(self, leg: Leg, reason: str, now: Now) -> None:
        """Note the end of a connection."""
        self._losses[leg] += 1
        self._words[leg].append(f"{iso_utc(now.utc_ns)} lost: {reason}")

    def warned(self, event: FeedWarned, now: Now) -> None:
        """Note a status frame, or what should have come and didn't."""
        self._words[event.leg].append(f"{iso_utc(now.utc_ns)} {event.status}: {event.message}")

    def pinged(self, event: FeedPinged, now: Now) -> None:  # noqa: ARG002 - the shape of all handlers
        """Note how long a ping took."""
        self._pings[event.leg].append(event.round_trip_ms)

    def probed(self, event: IndexProbed) -> None:
        """Note a snapshot of the REST service."""
        self._snapshots[event.symbol] = event

    def snapshots(self, now: Now) -> dict[str, str]:
        """Return the last snapshots, each as old as its own time stamp says."""
        return {
            f"snapshot {symbol}": f"{event.level:.2f}, age {(now.utc_ns - event.event_ns) // NS_PER_MS} ms by its own time,"
            f" {event.timeframe or 'no timeframe'}"
            for symbol, event in sorted(self._snapshots.items())
        }

    def ticket(self, what: str, feeds: dict[str, str], now: Now) -> str:
        """Return a ticket that can be sent as it is.

        Args:
            what: The incident in a line.
            feeds: The active-feed snapshot.
            now: The instant.

        """
        config = self._config
        lines = [
            f"Subject: Indices WebSocket, account {config.account_label or '(set feeds.account_label)'}: {what}",
            "",
            f"Time: {iso_utc(now.utc_ns)}",
            f"Account: {config.account_label or '(set feeds.account_label)'}",
            f"Client: {CLIENT}",
            "",
            "What we saw:",
            *(f"  {name}: {value}" for name, value in feeds.items()),
        ]
        urls: dict[Leg, str] = {"polygon": config.polygon.url, "massive": config.massive.url}
        for leg, url in urls.items():
            lines += ["", f"Connection {leg}: {url}", f"  lost {self._losses[leg]} times since the start"]
            lines += [f"  pings answered: {self._round_trips(leg)}"]
            lines += [f"  {word}" for word in self._words[leg]] or ["  nothing heard of it yet"]
            lines += [f"  {symbol}: {self._values(leg, symbol)}" for symbol in SYMBOLS]
        return "\n".join([*lines, ""])

    def _values(self, leg: Leg, symbol: Symbol) -> str:
        lags = sorted(self._lags[leg, symbol])
        if not lags:
            return "no value yet"
        last = iso_utc(self._last_ms[leg, symbol] * NS_PER_MS)
        return f"last event time {last}; arrival less event time over the last {len(lags)} values: {_quantiles(lags)}"

    def _round_trips(self, leg: Leg) -> str:
        trips = self._pings[leg]
        return f"the last {len(trips)} took {_quantiles(trips)}; the very last {trips[-1]:.1f} ms" if trips else "none yet"


_QUANTILES: Final = (("p50", 0.5), ("p99", 0.99), ("max", 1.0))


def _quantiles(values_ms: Iterable[float]) -> str:
    known = sorted(values_ms)
    return ", ".join(f"{name} {round(known[min(len(known) - 1, int(len(known) * share))], 1)} ms" for name, share in _QUANTILES)
