"""A third word on the feeds: when to ask the vendor's REST service for a snapshot, and what its answers are good for.

    (nothing to ask) --legs disagree, nobody serves, or a leg is suspected, in a window--> asking --none of these any more--> (nothing)

Legs that disagree are asked about once a second, everything else less and less often, so that a long outage leaves something of the hour's
budget to a later disagreement. Once after the start it is asked whether the plan is real-time, until there is an answer.

A snapshot is an opinion: it is held against what the legs said at its own time, and never quoted from. One that repeats an event time, or
is older than a few seconds, is none; neither is a delayed one.
"""

from collections import deque
from typing import Final

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.handlers import Table, behind
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.commands import ProbeIndex
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Symbol

EVERY_NS: Final = NS_PER_S
EVERY_MAX_NS: Final = 32 * NS_PER_S
HOUR_NS: Final = 3_600 * NS_PER_S
PLAN_RETRY_NS: Final = 60 * NS_PER_S
UNANSWERED_NS: Final = 10 * NS_PER_S
"""An answer that hasn't come by then won't: the adapter's time-out is shorter."""
OLD_NS: Final = 5 * NS_PER_S
"""A snapshot older than this is about the past: the vendor's REST service falls behind, too."""
REAL_TIME: Final = "REAL-TIME"
DUE: Final = "index_probe"


class IndexProbe:
    """Decides when to ask, and hands what counts to the failover."""

    def __init__(self, facts: EngineFacts) -> None:
        """Ask for nothing yet."""
        self._facts = facts
        self._is_on = bool(facts.config.feeds.rest_url)
        self._asked: deque[int] = deque()
        """When (monotonic) it was asked in the last hour."""
        self._free_ns = 0
        """Nothing is asked before (monotonic),"""
        self._calm_ns = 0
        """and nothing that can wait before this."""
        self._pause_ns = EVERY_NS
        self._open: tuple[int, int] | None = None
        """The unanswered request's number, and until when its answer is waited for."""
        self._requests = 0
        self._plan_unknown = dict.fromkeys(SYMBOLS)
        self._newest_ns: dict[Symbol, int] = {}
        self._told: dict[str, None] = {}
        """What has been told and lasts."""
        self._moved: dict[Symbol, None] = {}

    def wrap(self, table: Table) -> Table:
        """Return the engine's handlers with ours behind them."""
        return behind(table, {ev.Booted: self._booted, ev.IndexProbed: self._probed, ev.RequestFailed: self._failed})

    def take_moved(self) -> dict[Symbol, None]:
        """Hand over the symbols whose merged value a snapshot has changed."""
        moved, self._moved = self._moved, {}
        return moved

    def need(self, now: Now, *, is_split: bool) -> None:
        """Ask at the next opportunity: something is wrong that a snapshot may tell about.

        Args:
            now: The instant.
            is_split: The legs contradict each other, so that it is urgent.

        """
        if self._is_on:
            self._facts.no_later(DUE, max(now.mono_ns, self._free_ns if is_split else self._calm_ns))

    def look(self, now: Now) -> None:
        """Find out whether there is anything to ask."""
        is_split, is_doubtful = self._doubts(now)
        if is_split or is_doubtful:
            self.need(now, is_split=is_split)

    def act(self, now: Now) -> None:
        """Ask, if there is something to ask and it may be asked now; look again while there is."""
        facts = self._facts
        if not facts.due(DUE, now):
            return
        self._free_ns = self._calm_ns = now.mono_ns + EVERY_NS
        is_split, is_doubtful = self._doubts(now)
        if not (is_split or is_doubtful or self._plan_unknown):
            self._pause_ns = EVERY_NS
            return
        if self._is_exhausted(now):
            self._free_ns = self._calm_ns = self._asked[0] + HOUR_NS
        elif self._open is None or now.mono_ns >= self._open[1]:
            self._ask(now)
            self._pause_ns = min(2 * self._pause_ns, EVERY_MAX_NS) if is_doubtful and not is_split else EVERY_NS
            self._calm_ns = now.mono_ns + self._pause_ns
        is_about_plan = not (is_split or is_doubtful)
        facts.deadlines[DUE] = max(self._calm_ns, now.mono_ns + PLAN_RETRY_NS if is_about_plan else 0)

    def _doubts(self, now: Now) -> tuple[bool, bool]:
        """Return whether the legs contradict each other, and whether anything else is wrong with an index of an open window."""
        facts = self._facts
        if not facts.alarms:
            return False, False
        failover, symbols = facts.failover, facts.active_symbols
        is_split = any(failover.feeds[symbol].disagrees for symbol in symbols)
        is_suspected = any(failover.feeds[symbol].legs[leg][0].suspicion for symbol in symbols for leg in LEGS)
        return is_split, is_suspected or any(failover.health(symbol, now).serving == "none" for symbol in symbols)

    def _is_exhausted(self, now: Now) -> bool:
        facts, asked = self._facts, self._asked
        while asked and asked[0] + HOUR_NS <= now.mono_ns:
            asked.popleft()
        is_exhausted = len(asked) >= facts.config.feeds.probes_per_hour
        if is_exhausted:
            self._tell("budget", f"The snapshots' budget is used up: {len(asked)} in an hour", {}, now)
        else:
            self._told.pop("budget", None)
        return is_exhausted

    def _ask(self, now: Now) -> None:
        self._requests += 1
        self._asked.append(now.mono_ns)
        self._open = (self._requests, now.mono_ns + UNANSWERED_NS)
        self._facts.out.append(ProbeIndex(self._requests, SYMBOLS))

    # Answers

    def _booted(self, _event: ev.Booted, now: Now) -> None:
        self.need(now, is_split=False)

    def _probed(self, event: ev.IndexProbed, now: Now) -> None:
        """Hold a snapshot against the legs, if it is of now and hasn't been already."""
        self._answered(event.request)
        self._told.pop(f"failed {event.symbol}", None)
        self._told.pop("failed", None)
        self._facts.feed_evidence.probed(event)
        self._check_plan(event, now)
        is_news = event.event_ns > self._newest_ns.get(event.symbol, 0)
        self._newest_ns[event.symbol] = max(event.event_ns, self._newest_ns.get(event.symbol, 0))
        if not is_news or event.timeframe != REAL_TIME or now.utc_ns - event.event_ns > OLD_NS:
            return
        if self._facts.failover.probed(event.symbol, event.level, event.event_ns // NS_PER_MS, now):
            self._moved[event.symbol] = None

    def _check_plan(self, event: ev.IndexProbed, now: Now) -> None:
        self._plan_unknown.pop(event.symbol, None)
        if event.timeframe == REAL_TIME:
            self._told.pop(f"plan {event.symbol}", None)
        else:
            title = f"The vendor's plan isn't real-time for {event.symbol}: timeframe {event.timeframe or 'missing'}"
            self._tell(f"plan {event.symbol}", title, {"timeframe": event.timeframe or "missing"}, now)

    def _failed(self, event: ev.RequestFailed, now: Now) -> None:
        """Note why there is no snapshot: told once, until there is one again."""
        if event.command != ProbeIndex.__name__:
            return
        self._answered(event.request)
        symbol = next((name for name in SYMBOLS if event.reason.startswith(name)), "")
        told = {"http": str(event.http_status) if event.http_status else "no answer", "reason": event.reason}
        self._tell(f"failed {symbol}".rstrip(), f"The vendor's snapshot can't be read: {event.reason}", told, now)

    def _answered(self, request: int) -> None:
        if self._open is not None and self._open[0] == request:
            self._open = None

    def _tell(self, key: str, title: str, told: dict[str, str], now: Now) -> None:
        """Note an incident that lasts, once."""
        if key in self._told or self._facts.venue.silence_expected:
            return
        self._told[key] = None
        facts = self._facts
        facts.incident(now, "feed", title, "the feeds are judged without it", told | facts.feed_facts(now))
