"""The feed without its sockets: each whole second of the session to whoever is subscribed, late, wrong or not at all by script."""

import heapq
from collections.abc import Container, Iterator, Sequence
from random import Random
from typing import Final

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.instruments import LEGS, SYMBOLS
from kalshi_alpha.sim.feed.faults import DELIVERIES, FRAMES, VALUES, FeedFaultLike, LevelPath, Value, strikes
from kalshi_alpha.sim.feed.session import FeedServerSession, LimitMode

CATCH_UP_S: Final = 30
"""After a longer jump the values in between are nobody's."""
LATENCY_MS: Final = 22.0
JITTER_MS: Final = 40.0
LATE_SHARE: Final = 0.001
LATE_MS: Final = 640.0


class SimFeed:
    """Both legs of the feed over one day. Time is an argument."""

    def __init__(
        self,
        path: LevelPath,
        seed: int,
        faults: Sequence[FeedFaultLike] = (),
        api_keys: Sequence[str] = ("sim-key",),
        *,
        limit_mode: LimitMode | None = None,
        legs: Sequence[str] = LEGS,
    ) -> None:
        """Publish this path's values.

        Args:
            path: The day.
            seed: Of the delays.
            faults: The script.
            api_keys: The keys of the one account.
            limit_mode: Whom the limit of one connection a leg hits; None: no limit.
            legs: Whom it serves.

        """
        self._legs = tuple(legs)
        self.api_keys = tuple(api_keys)
        self.limit_mode = limit_mode
        self.path = path
        self._random = Random(seed ^ 0xFEED)
        self._faults = tuple(faults)
        self._sessions: list[FeedServerSession] = []
        self._strangers: list[FeedServerSession] = []
        """Those that hadn't said who they are when last looked at."""
        self._due: list[tuple[int, int, str, str, int]] = []
        """(when, number, leg, symbol, event second)."""
        self._strikes = sorted((at_ns, number) for number, fault in enumerate(self._faults) for at_ns in strikes(fault))
        """(when, fault by its place) of what is still to strike."""
        self._number = 0
        self._next_s = path.first_ns // NS_PER_S + 1
        """The next whole second to publish, Unix s."""
        self._last_s = path.last_ns // NS_PER_S

    def connect(self, leg: str, utc_ns: int) -> FeedServerSession | None:
        """Accept a client on a leg, or refuse it."""
        if self.struck(leg, "*", utc_ns, ("abort", "refuse")) is not None:
            return None
        session = FeedServerSession(self, leg, utc_ns)
        self._sessions.append(session)
        self._strangers.append(session)
        return session

    def disconnect(self, session: FeedServerSession) -> None:
        """Forget a client that is gone."""
        if session in self._sessions:
            self._sessions.remove(session)

    def live_sessions(self, leg: str) -> list[FeedServerSession]:
        """Return a leg's authenticated clients, oldest first."""
        return [session for session in self._sessions if session.leg == leg and session.is_authenticated and session.closed is None]

    def advance(self, utc_ns: int) -> None:
        """Publish everything due."""
        second = utc_ns // NS_PER_S
        if second - self._next_s > CATCH_UP_S:
            self._next_s, self._due = second, []
        while self._next_s <= min(second, self._last_s):
            self._schedule(self._next_s)
            self._next_s += 1
        self._drop_clients(utc_ns)
        while self._due and self._due[0][0] <= utc_ns:
            when_ns, _, leg, symbol, event_s = heapq.heappop(self._due)
            self._publish(leg, symbol, event_s, when_ns)

    def next_event_ns(self) -> int | None:
        """Return when there is something to publish or to drop; None when the day is over and nobody waits."""
        first_ns = self._next_s * NS_PER_S if self._next_s <= self._last_s else None
        for waiting in (self._due, self._strikes):
            if waiting and (first_ns is None or waiting[0][0] < first_ns):
                first_ns = waiting[0][0]
        if self._strangers:
            self._strangers = [session for session in self._strangers if not session.is_authenticated and session.closed is None]
            for session in self._strangers:
                first_ns = session.auth_by_ns if first_ns is None else min(first_ns, session.auth_by_ns)
        return first_ns

    def _schedule(self, second: int) -> None:
        base_ns = second * NS_PER_S
        for symbol in SYMBOLS:
            for leg in self._legs:
                delay_ms = LATENCY_MS + JITTER_MS * self._random.random() ** 4
                if self._random.random() < LATE_SHARE:
                    delay_ms += LATE_MS * self._random.random()
                when_ns = base_ns + int(delay_ms * NS_PER_MS)
                fault = self.struck(leg, symbol, base_ns, DELIVERIES)
                if fault is not None:
                    when_ns = DELIVERIES[fault.kind](when_ns, fault, self._random)
                self._number += 1
                heapq.heappush(self._due, (when_ns, self._number, leg, symbol, second))

    def _publish(self, leg: str, symbol: str, event_s: int, when_ns: int) -> None:
        if self.struck(leg, symbol, when_ns, ("silent", "half_open")) is not None:
            return
        value = Value(self.path.level(symbol, event_s * NS_PER_S), event_s * 1_000)
        for fault in self._all_struck(leg, symbol, when_ns, VALUES):
            value = VALUES[fault.kind](value, fault, self.path, symbol)
        spoilt = self.struck(leg, symbol, when_ns, FRAMES)
        for session in self._sessions:
            if session.leg == leg and session.closed is None:
                session.publish(symbol, value.level, value.event_ms, None if spoilt is None else FRAMES[spoilt.kind])

    def _drop_clients(self, utc_ns: int) -> None:
        self._strike(utc_ns)
        for session in list(self._sessions):
            if session.closed is None:
                session.expire(utc_ns)
                session.answers_pings = self.struck(session.leg, "*", utc_ns, ("half_open",)) is None
                if self.struck(session.leg, "*", utc_ns, ("abort",)) is not None:
                    session.close("aborted by script")
            if session.closed is not None:
                self._sessions.remove(session)

    def _strike(self, utc_ns: int) -> None:
        """Have what strikes once, or every few seconds, hit the connections there are."""
        while self._strikes and self._strikes[0][0] <= utc_ns:
            fault = self._faults[self._strikes.pop(0)[1]]
            for session in self._sessions:
                if fault.leg in {session.leg, "*"} and session.closed is None:
                    session.strike(fault)

    def struck(self, leg: str, symbol: str, utc_ns: int, kinds: Container[str]) -> FeedFaultLike | None:
        """Return the first fault of these kinds that holds now; symbol ``*`` asks for the whole leg."""
        return next(self._all_struck(leg, symbol, utc_ns, kinds), None)

    def _all_struck(self, leg: str, symbol: str, utc_ns: int, kinds: Container[str]) -> Iterator[FeedFaultLike]:
        for fault in self._faults:
            is_meant = fault.leg in {leg, "*"} and (fault.symbol in {symbol, "*"} or symbol == "*")
            if is_meant and fault.kind in kinds and fault.from_ns <= utc_ns < fault.to_ns:
                yield fault
