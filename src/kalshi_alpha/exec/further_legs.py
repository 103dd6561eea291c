"""The further legs as the engine sees them: their values to the failover, what befalls them told once."""

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.handlers import Table
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.instruments import Symbol


class FurtherLegs:
    """Witnesses: they change how careful we are and whom we believe, never what we quote from."""

    def __init__(self, facts: EngineFacts) -> None:
        """Start with nothing heard."""
        self._facts = facts
        self._moved: dict[Symbol, None] = {}
        self._told: dict[str, None] = {}
        """Legs with which something is wrong, and that was told."""

    def wrap(self, table: Table) -> Table:
        """Return the engine's handlers and ours."""
        return table | {ev.FurtherTicked: self._ticked, ev.FurtherStated: self._stated}

    def take_moved(self) -> dict[Symbol, None]:
        """Hand over the symbols that are to be priced anew because of a witness."""
        moved, self._moved = self._moved, {}
        return moved

    def _ticked(self, tick: ev.FurtherTicked, now: Now) -> None:
        failover = self._facts.failover
        before = failover.opinion(tick.symbol)
        is_changed = failover.witnessed(tick.name, tick.symbol, tick.level, tick.event_ms, now)
        if is_changed or failover.opinion(tick.symbol) != before:
            self._moved[tick.symbol] = None

    def _stated(self, event: ev.FurtherStated, now: Now) -> None:
        facts = self._facts
        leg = facts.failover.further[event.name]
        is_back = event.connected and not leg.is_connected
        leg.is_connected = event.connected
        if is_back:
            self._told.pop(event.name, None)
        elif event.name not in self._told and facts.alarms:
            self._told[event.name] = None
            title = f"{event.name}, a further leg: {event.text}"
            facts.incident(now, "feed", title, "the pair is judged without it; the leg tries again by itself", facts.feed_facts(now))
