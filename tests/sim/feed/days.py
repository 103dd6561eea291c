"""A day whose level tells its second, and faults written by hand."""

import json

from kalshi_alpha.sim.feed import FeedServerSession, SimFeed
from kalshi_alpha.sim.feed.faults import FeedFault, FeedFaultKind

SECOND = 1_000_000_000
OPEN_NS = 1_795_444_200 * SECOND  # 2026-11-23 09:30:00 in New York
CLOSE_NS = OPEN_NS + 23_400 * SECOND
KEY = "sim-key"


class Day:
    """SPX is at 6000 points plus a hundredth a second since the open, NDX at four times that."""

    first_ns = OPEN_NS
    last_ns = CLOSE_NS + 300 * SECOND

    def level(self, symbol: str, utc_ns: int) -> float:
        second = max(-1, (utc_ns - OPEN_NS) // SECOND)
        return round((6_000 + second / 100) * (4 if symbol == "I:NDX" else 1), 4)


def fault(kind: FeedFaultKind, first_s: float, last_s: float, leg: str = "polygon", symbol: str = "*", **params: float) -> FeedFault:
    return FeedFault(OPEN_NS + int(first_s * SECOND), OPEN_NS + int(last_s * SECOND), leg, kind, symbol, params)


def ns(seconds: float) -> int:
    return OPEN_NS + round(seconds * SECOND)


def subscribe(feed: SimFeed, leg: str = "polygon", params: str = "V.I:SPX,V.I:NDX", seconds: float = 0.0) -> FeedServerSession:
    """Connect, authenticate and subscribe; what the server says to that is dropped."""
    session = feed.connect(leg, ns(seconds))
    assert session is not None
    session.receive(json.dumps({"action": "auth", "params": KEY}), ns(seconds))
    session.receive(json.dumps({"action": "subscribe", "params": params}), ns(seconds))
    session.drain()
    return session


def heard(session: FeedServerSession) -> list[dict[str, object]]:
    """Take what the server sent: frames are arrays."""
    found: list[dict[str, object]] = []
    for frame in session.drain():
        found += json.loads(frame)
    return found


def statuses(session: FeedServerSession) -> list[str]:
    return [f"{message['status']}: {message['message']}" for message in heard(session) if message["ev"] == "status"]


def play(feed: SimFeed, session: FeedServerSession, until_s: float) -> list[tuple[float, str, float, float]]:
    """Step from event to event; return (seconds when, symbol, stamp in seconds, level) of each value heard."""
    found: list[tuple[float, str, float, float]] = []
    while (at_ns := feed.next_event_ns()) is not None and at_ns <= ns(until_s):
        feed.advance(at_ns)
        for message in heard(session):
            stamp = message["t"]
            assert isinstance(stamp, int)
            found.append(((at_ns - OPEN_NS) / SECOND, str(message["T"]), stamp / 1_000 - OPEN_NS / SECOND, float(str(message["val"]))))
    return found
