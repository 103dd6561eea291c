"""The index as the engine sees it: ticks into the failover, its decisions into reasons, incidents and records."""

from typing import Final

from kalshi_alpha.data.failover import FeedDoubt, FeedSwitch
from kalshi_alpha.data.symbol_feed import DOUBTS, SymbolHealth
from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.feed_rearm import FeedRearm
from kalshi_alpha.exec.further_legs import FurtherLegs
from kalshi_alpha.exec.handlers import Table
from kalshi_alpha.exec.implied_watch import LOOK_NS, ImpliedWatch
from kalshi_alpha.exec.index_probe import IndexProbe
from kalshi_alpha.exec.recovery import RecoveredState
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.instruments import SYMBOLS, Leg, Symbol
from kalshi_alpha.model.reasons import Reason, StandDown
from kalshi_alpha.model.records import FeedSwitched
from kalshi_alpha.sched.calendar import CalendarRangeError, et_date

OVERALL: Final = ""
SESSION_S: Final = 300.0
LATE_LOOK_NS: Final = 250 * NS_PER_MS
"""How often a late value's quotes are widened further."""
SECOND_IS_WHOLE_NS: Final = 150 * NS_PER_MS
"""From a second's first value on until the other index has its own."""
EARLIER_NS: Final = 700 * NS_PER_MS
"""A snapshot isn't brought forward by more."""
WARNINGS: Final = {
    "silent": "connected, but silent",
    "no_first_data": "no value since it subscribed",
    "ack_missing": "a subscription wasn't acknowledged",
}
"""A leg's own warnings in the operator's words; the vendor's come as they are."""


class FeedWatch:
    """Wraps the failover: one decision per symbol's health, every change told once."""

    def __init__(self, facts: EngineFacts, rearm: FeedRearm) -> None:
        self._facts = facts
        self._rearm = rearm
        self._implied = ImpliedWatch(facts)
        self.probe = IndexProbe(facts)
        self._further = FurtherLegs(facts)
        self._moved: dict[Symbol, None] = {}
        """Symbols to be priced anew in this step: their level advanced, or the time since then counts."""
        self._polygon_lost_ns: int | None = None
        """Since when polygon hasn't been active, once anything was."""

    # Facts

    def wrap(self, table: Table) -> Table:
        """Return the engine's handlers with those of the third opinions."""
        return self._further.wrap(self.probe.wrap(table)) | {ev.FeedPinged: self._facts.feed_evidence.pinged}

    def ticked(self, tick: ev.IndexTicked, now: Now) -> None:
        """Take a value from a leg."""
        self._facts.feed_evidence.ticked(tick, now)
        if self._facts.failover.ingest(tick, now):
            self._moved[tick.symbol] = None
            self._facts.ticks_merged += 1
            self._keep_soon(now)

    def _keep_soon(self, now: Now) -> None:
        """Have a new second's values in the snapshot soon, for a restart to price from; a snapshot a second is enough for that."""
        facts = self._facts
        at_ns = facts.deadlines.get("house")
        if facts.active_windows and at_ns is not None:
            facts.no_later("house", max(now.mono_ns + SECOND_IS_WHOLE_NS, at_ns - EARLIER_NS))

    def take_over(self, recovered: RecoveredState, now: Now) -> None:
        """Learn what the process before knew of the feeds."""
        failover = self._facts.failover
        failover.windows_degraded, failover.switches = recovered.windows_degraded, recovered.switches
        failover.restore_levels(recovered.levels)
        failover.take_over(recovered.values, now)

    def connected(self, leg: Leg, now: Now) -> None:
        """Learn that a leg is subscribed."""
        self._facts.feed_connected[leg] = True
        self._facts.feed_evidence.connected(leg, now)
        self._facts.failover.connected(leg, now)

    def lost(self, leg: Leg, reason: str, now: Now) -> None:
        """Learn that a leg's connection ended: its last values still count until they are stale."""
        self._facts.feed_evidence.lost(leg, reason, now)
        self._facts.feed_connected[leg] = False
        self._facts.failover.lost(leg, now)

    def warned(self, event: ev.FeedWarned, now: Now) -> None:
        """Note that the vendor complains, or that a subscription isn't acknowledged."""
        self._facts.feed_evidence.warned(event, now)
        if self._facts.alarms:
            active = self._facts.failover.active
            serves = "no leg serves" if active == "none" else f"{active} serves"
            title = f"{event.leg}_ws: {WARNINGS.get(event.status, event.status)}"
            told = {"leg": event.leg, "status": event.status, "message": event.message}
            self._facts.incident(now, "feed", title, f"{serves}; the leg tries again by itself", told)

    def take_moved(self) -> tuple[Symbol, ...]:
        """Hand over the symbols that are to be priced anew."""
        moved = tuple(self._moved | self.probe.take_moved() | self._further.take_moved())
        self._moved.clear()
        return moved

    # Decisions

    def act(self, now: Now) -> None:
        """Do what the clock asks for: tell the failover when the market is open, and widen what is quoted from a late value."""
        if self._facts.due("feed_session", now):
            self._learn_session(now)
        self._facts.due("feed_rearm", now)
        if self._facts.due("feed_implied", now):
            self._moved |= dict.fromkeys(self._implied.look(now))
            self.probe.look(now)
        self.probe.act(now)
        if self._facts.due("feed_late", now):
            self._look_for_late(now)

    def judge(self, now: Now) -> None:
        """Let time and silence count, and tell what changed."""
        for switch in self._facts.failover.evaluate(now):
            if switch.symbol == OVERALL:
                self._tell(switch, now)
        for doubt in self._facts.failover.take_doubts():
            self._tell_doubt(doubt, now)

    def _learn_session(self, now: Now) -> None:
        """Values may freeze or repeat the last session's only while the market is open: learn when that is, every few minutes."""
        facts = self._facts
        facts.after("feed_session", SESSION_S, now)
        today = et_date(now.utc_ns)
        try:
            found = facts.schedule.sessions(today)
        except CalendarRangeError:
            return
        facts.failover.session(found.open_ns, found.close_ns)

    def _look_for_late(self, now: Now) -> None:
        """Have late values priced anew, again and again while they are; otherwise look when the oldest one would become late.

        Ticks in between move nothing: the next look finds out how old the value is by then.
        """
        facts = self._facts
        late_ns = facts.config.feeds.late_ms * NS_PER_MS
        looks: list[int] = []
        for symbol in facts.active_symbols:
            sample = facts.failover.sample(symbol)
            if sample is None or facts.failover.health(symbol, now).serving == "none":
                continue
            if facts.failover.stale_ns(symbol, now):
                self._moved[symbol] = None
                looks.append(now.mono_ns + LATE_LOOK_NS)
            else:
                looks.append(sample.mono_ns + late_ns + 1)
        if looks:
            facts.deadlines["feed_late"] = min(looks)

    def _tell_doubt(self, doubt: FeedDoubt, now: Now) -> None:
        """Report what speaks against a leg's values, where it isn't what it was replaced for anyway."""
        facts = self._facts
        if facts.alarms:
            active = facts.failover.active
            did = "no leg serves" if active == "none" else f"{active} serves; the leg is believed again when its values prove right"
            title = f"{doubt.leg}_ws: {doubt.symbol} is {DOUBTS[doubt.suspicion]}"
            facts.incident(now, "feed", title, did, facts.feed_facts(now))

    def _tell(self, switch: FeedSwitch, now: Now) -> None:
        facts = self._facts
        record = FeedSwitched(now.utc_ns, switch.active, switch.previous, switch.reason, switch.polygon_age_ms, switch.massive_age_ms)
        facts.record(record)
        outage = self._outage_s(switch, now)
        if not facts.alarms or switch.is_start:
            return
        told = facts.feed_facts(now)
        if switch.active == "none":
            did = f"stood down; cancelling {len(facts.orders)} orders; the feeds as they were are in the evidence"
            title = "Both feeds are down" if facts.failover.agrees else "The feeds disagree and nothing tells which is right"
            facts.incident(now, "both_feeds", title, did, told)
        elif switch.active == "massive":
            title = "Served by massive" if switch.previous == "none" else "polygon_ws is stale"
            facts.incident(now, "feed", f"{title}: {switch.reason}", "massive is the active feed", told)
        elif outage is not None:
            facts.incident(now, "feed", f"polygon_ws recovered after {outage:.1f} s", "polygon is the active feed again", told)

    def _outage_s(self, switch: FeedSwitch, now: Now) -> float | None:
        """Follow how long polygon has been out; return it when polygon is back, None otherwise and at its first value."""
        if switch.active != "polygon":
            if self._polygon_lost_ns is None and not switch.is_start:
                self._polygon_lost_ns = now.mono_ns
            return None
        lost_ns, self._polygon_lost_ns = self._polygon_lost_ns, None
        return None if lost_ns is None else (now.mono_ns - lost_ns) / NS_PER_S

    def reasons(self, now: Now) -> list[StandDown]:
        """Return what the feeds forbid, by symbol, for the symbols of the open windows."""
        facts = self._facts
        found: list[StandDown] = []
        if not facts.active_windows:
            facts.deadlines.pop("final_age", None)
            facts.deadlines.pop("feed_late", None)
            facts.deadlines.pop("feed_implied", None)
            return found
        final = facts.final_minute_ns <= now.utc_ns
        for symbol in facts.active_symbols:
            health = facts.failover.health(symbol, now)
            reason = self._forbids(health, final=final)
            if reason is not None:
                found.append(StandDown(reason, symbol))
            if health.serving == "none":
                self.probe.need(now, is_split=health.disagrees)
            if health.serving == "none" or self._rearm.waiting:
                waits = self._rearm.reason(symbol, now, is_down=health.serving == "none")
                if waits is not None:
                    found.append(waits)
        if final:
            self._arm_final_minute(now)
        self._see_to_looks(now)
        return found + [StandDown(Reason.IMPLIED_LEVEL, symbol) for symbol in self._implied.stands_down if symbol in facts.active_symbols]

    def _see_to_looks(self, now: Now) -> None:
        """Have somebody look at the values' age and at the venue's opinion of them while a window is open."""
        facts = self._facts
        if "feed_late" not in facts.deadlines:
            self._look_for_late(now)
        if "feed_implied" not in facts.deadlines:
            facts.deadlines["feed_implied"] = now.mono_ns + LOOK_NS

    def _forbids(self, health: SymbolHealth, *, final: bool) -> Reason | None:
        if health.disagrees:
            return Reason.FEED_DISAGREES
        if health.serving == "none":
            return Reason.FEED_DOWN
        if health.jumped:
            return Reason.FEED_JUMPED
        return Reason.FINAL_MINUTE_LAG if final and self._late(health.age_ms, health.event_lag_ms) else None

    def _late(self, age_ms: int | None, event_lag_ms: int | None) -> bool:
        feeds = self._facts.config.feeds
        if age_ms is None or event_lag_ms is None:
            return True
        return age_ms > feeds.final_minute_age_ms or event_lag_ms > feeds.final_minute_lag_ms

    def _arm_final_minute(self, now: Now) -> None:
        """In the last minute silence counts sooner: look again when the oldest value reaches the stricter age."""
        facts = self._facts
        limit_ns = (facts.config.feeds.final_minute_age_ms + 1) * NS_PER_MS
        arrivals = [sample.mono_ns + limit_ns for symbol in SYMBOLS if (sample := facts.failover.sample(symbol)) is not None]
        later = [at_ns for at_ns in arrivals if at_ns > now.mono_ns]
        if later:
            facts.deadlines["final_age"] = min(later)
        else:
            facts.deadlines.pop("final_age", None)
