"""Asks the venue's ladders once a second what level they imply, and tells what the failover makes of it and of the further legs."""

from typing import Final

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.implied_level import implied_level, ladder_mids
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.instruments import Symbol

LOOK_NS: Final = NS_PER_S


class ImpliedWatch:
    """Looks while a window is open."""

    def __init__(self, facts: EngineFacts) -> None:
        self.stands_down: dict[Symbol, str] = {}
        """The indices whose level is contradicted for so long that nothing is quoted from it, and by whom."""
        self._facts = facts

    def look(self, now: Now) -> list[Symbol]:
        """Ask for each index of the open windows; return those whose quotes must be looked at because of the answer."""
        facts, moved = self._facts, []
        facts.deadlines["feed_implied"] = now.mono_ns + LOOK_NS
        facts.failover.look_at_further(now)
        for symbol in facts.active_symbols:
            before = facts.failover.opinion(symbol)
            self._ask(symbol, now)
            after = facts.failover.opinion(symbol)
            if (before.state, before.gap) != (after.state, after.gap):
                moved.append(symbol)
            self._tell(symbol, now)
        return moved

    def _ask(self, symbol: Symbol, now: Now) -> None:
        facts = self._facts
        for ladder in facts.ladders.values():
            if ladder.ladder.symbol == symbol and ladder.window.start_ns <= now.utc_ns < ladder.window.freeze_ns:
                found = implied_level(ladder_mids(ladder, facts.orders))
                if found is not None:
                    facts.failover.implied(symbol, found.level, found.half_width, now)
                    return
        facts.failover.not_implied(symbol, now)

    def _tell(self, symbol: Symbol, now: Now) -> None:
        facts, opinion = self._facts, self._facts.failover.opinion(symbol)
        is_down = opinion.state == "stand_down"
        if is_down and symbol not in self.stands_down:
            self.stands_down[symbol] = opinion.source
            title = f"{symbol}: by {opinion.source} the level is {opinion.gap * 1e4:.1f} bp from the feeds'"
            facts.incident(now, "feed", title, "stands down until they agree", facts.feed_facts(now))
        elif not is_down and symbol in self.stands_down:
            source = self.stands_down.pop(symbol)
            facts.incident(now, "feed", f"{symbol}: {source} and the feeds agree again", "may quote again", {})
