"""Quoting again after nobody served an index inside a window: recovered isn't confirmed yet.

    served --nobody serves it, in a window--> waiting --served again, gates green, and confirmed where the policy says so--> served

The gates are those of a maintenance's end that apply: the venue trades, and nothing is known to differ between it and us. With
``maintenance.confirm`` "auto" green gates are enough; with "operator" somebody must say so, after the recovery, by the same command as
after a maintenance. What waits is in the stand-down reasons, hence in the journal, and in the snapshot: a restart confirms nothing.
"""

from collections.abc import Callable
from typing import Final

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.instruments import Symbol
from kalshi_alpha.model.maintenance import Gate
from kalshi_alpha.model.reasons import Reason, StandDown

LOOK_S: Final = 1.0
"""How often the gates are looked at while they are waited for."""


class FeedRearm:
    """The indices that wait for their confirmation."""

    def __init__(self, facts: EngineFacts, gates: Callable[[Now], tuple[Gate, ...]]) -> None:
        """Take where to find the gates that apply."""
        self.confirmations = 0
        """How many of the operator's words were taken."""
        self.waiting: dict[Symbol, None] = {}
        """Nobody served them inside a window, and their recovery isn't confirmed yet."""
        self._facts = facts
        self._gates = gates
        self._confirmed: dict[Symbol, str] = {}
        """Symbol -> who has confirmed it."""
        self._told: dict[Symbol, None] = {}

    def reason(self, symbol: Symbol, now: Now, *, is_down: bool) -> StandDown | None:
        """Return what waits for a symbol of an open window; lifts it when nothing does any more."""
        facts = self._facts
        if is_down:
            self._confirmed.pop(symbol, None)
            self._told.pop(symbol, None)
            if symbol not in self.waiting:
                if not facts.alarms or facts.failover.sample(symbol) is None:
                    return None
                self.waiting[symbol] = None
            return StandDown(Reason.FEED_UNCONFIRMED, symbol)
        if symbol not in self.waiting:
            return None
        gates = self._gates(now)
        red = [gate.name for gate in gates if not gate.green]
        if red or self._needs_operator(symbol):
            self._wait(symbol, gates, red, now)
            return StandDown(Reason.FEED_UNCONFIRMED, symbol, f"red: {', '.join(red)}" if red else "waits for the operator")
        del self.waiting[symbol]
        by = self._confirmed.pop(symbol, "auto")
        proof = {gate.name: f"green: {gate.note}" for gate in gates} | {"confirmed_by": by}
        facts.incident(now, "feed", f"{symbol}: the recovery is confirmed", "quotes again", proof | facts.feed_facts(now))
        return None

    def confirm(self, actor: str, now: Now) -> bool:
        """Take somebody's word that quoting may resume; it counts for what serves again by now. Return whether anything waits for it."""
        facts = self._facts
        recovered = [symbol for symbol in self.waiting if facts.failover.health(symbol, now).serving != "none"]
        self._confirmed |= dict.fromkeys(recovered, actor)
        self.confirmations += bool(recovered)
        return bool(recovered)

    def needs_confirmation(self, now: Now) -> bool:
        """Whether somebody must still confirm what serves again."""
        facts = self._facts
        waiting = [symbol for symbol in self.waiting if self._needs_operator(symbol)]
        return any(facts.failover.health(symbol, now).serving != "none" for symbol in waiting)

    def _needs_operator(self, symbol: Symbol) -> bool:
        return self._facts.config.maintenance.confirm == "operator" and symbol not in self._confirmed

    def _wait(self, symbol: Symbol, gates: tuple[Gate, ...], red: list[str], now: Now) -> None:
        facts = self._facts
        facts.no_later("feed_rearm", now.mono_ns + int(LOOK_S * NS_PER_S))
        if red:
            facts.no_later("status", now.mono_ns + int(LOOK_S * NS_PER_S))
        if symbol not in self._told:
            self._told[symbol] = None
            waits = f"waits for {', '.join(red)}" if red else "waits for the operator's confirmation"
            colours = {gate.name: f"{'green' if gate.green else 'RED'}: {gate.note}" for gate in gates}
            facts.incident(now, "feed", f"{symbol}: recovered, not yet confirmed", waits, colours | facts.feed_facts(now))
