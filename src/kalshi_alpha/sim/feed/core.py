"""The feed without its sockets: each whole second of the session to whoever is subscribed, late, wrong or not at all by script."""

import heapq
from collections.abc import Sequence
from random import Random
from typing import Final, Literal, Protocol

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.instruments import LEGS, SYMBOLS
from kalshi_alpha.sim.feed.session import FeedServerSession, LimitMode

CATCH_UP_S: Final = 30
"""After a longer jump the values in between are nobody's."""
LATENCY_MS: Final = 22.0
JITTER_MS: Final = 40.0
LATE_SHARE: Final = 0.001
LATE_MS: Final = 640.0
LAG_S: Final = 4.0
WRONG_FACTOR: Final = 1.01
"""How far a fault goes that doesn't say."""


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


class FeedFaultLike(Protocol):
    """One leg misbehaves for a while. ``leg`` and ``symbol`` may be ``*``.

    silent:       no values, the connection lives        abort:  the connection drops, nobody can connect
    refuse:       nobody can connect                     lag:    values come ``lag_s`` late, the rest at once when it ends
    frozen:       always the value of ``from_ns``        wrong_value: values times ``factor``
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
    def kind(self) -> Literal["silent", "abort", "refuse", "lag", "frozen", "wrong_value"]: ...  # noqa: D102 - a field
    @property
    def params(self) -> dict[str, float]: ...  # noqa: D102 - a field


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
    ) -> None:
        """Publish this path's values.

        Args:
            path: The day.
            seed: Of the delays.
            faults: The script.
            api_keys: The keys of the one account.
            limit_mode: Whom the limit of one connection a leg hits; None: no limit.

        """
        self.api_keys = tuple(api_keys)
        self.limit_mode = limit_mode
        self._path = path
        self._random = Random(seed ^ 0xFEED)
        self._faults = tuple(faults)
        self._sessions: list[FeedServerSession] = []
        self._strangers: list[FeedServerSession] = []
        """Those that hadn't said who they are when last looked at."""
        self._due: list[tuple[int, int, str, str, int]] = []
        """(when, number, leg, symbol, event second)."""
        self._number = 0
        self._next_s = path.first_ns // NS_PER_S + 1
        """The next whole second to publish, Unix s."""
        self._last_s = path.last_ns // NS_PER_S

    def connect(self, leg: str, utc_ns: int) -> FeedServerSession | None:
        """Accept a client on a leg, or refuse it."""
        if self._struck(leg, "*", utc_ns, ("abort", "refuse")) is not None:
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
        if self._due and (first_ns is None or self._due[0][0] < first_ns):
            first_ns = self._due[0][0]
        if self._strangers:
            self._strangers = [session for session in self._strangers if not session.is_authenticated and session.closed is None]
            for session in self._strangers:
                first_ns = session.auth_by_ns if first_ns is None else min(first_ns, session.auth_by_ns)
        return first_ns

    def _schedule(self, second: int) -> None:
        base_ns = second * NS_PER_S
        for symbol in SYMBOLS:
            for leg in LEGS:
                delay_ms = LATENCY_MS + JITTER_MS * self._random.random() ** 4
                if self._random.random() < LATE_SHARE:
                    delay_ms += LATE_MS * self._random.random()
                when_ns = base_ns + int(delay_ms * NS_PER_MS)
                fault = self._struck(leg, symbol, base_ns, ("lag",))
                if fault is not None:
                    late_ns = when_ns + int(fault.params.get("lag_s", LAG_S) * NS_PER_S)
                    when_ns = max(when_ns, min(late_ns, fault.to_ns))
                self._number += 1
                heapq.heappush(self._due, (when_ns, self._number, leg, symbol, second))

    def _publish(self, leg: str, symbol: str, event_s: int, when_ns: int) -> None:
        if self._struck(leg, symbol, when_ns, ("silent",)) is not None:
            return
        frozen = self._struck(leg, symbol, when_ns, ("frozen",))
        level = self._path.level(symbol, frozen.from_ns if frozen is not None else event_s * NS_PER_S)
        wrong = self._struck(leg, symbol, when_ns, ("wrong_value",))
        if wrong is not None:
            level = round(level * wrong.params.get("factor", WRONG_FACTOR), 2)
        for session in self._sessions:
            if session.leg == leg and session.closed is None:
                session.publish(symbol, level, event_s * 1_000)

    def _drop_clients(self, utc_ns: int) -> None:
        for session in list(self._sessions):
            if session.closed is None:
                session.expire(utc_ns)
                if self._struck(session.leg, "*", utc_ns, ("abort",)) is not None:
                    session.close("aborted by script")
            if session.closed is not None:
                self._sessions.remove(session)

    def _struck(self, leg: str, symbol: str, utc_ns: int, kinds: tuple[str, ...]) -> FeedFaultLike | None:
        """Return the first fault of these kinds that holds now; symbol ``*`` asks for the whole leg."""
        for fault in self._faults:
            is_meant = fault.leg in {leg, "*"} and (fault.symbol in {symbol, "*"} or symbol == "*")
            if is_meant and fault.kind in kinds and fault.from_ns <= utc_ns < fault.to_ns:
                return fault
        return None
