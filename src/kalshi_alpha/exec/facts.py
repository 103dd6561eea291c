"""What the engine knows, in one place: every module that learns or decides works on this."""

from collections import deque
from typing import Final

import msgspec

from kalshi_alpha.config import CANCEL_TOKENS, Config
from kalshi_alpha.data.failover import DualFeedFailover
from kalshi_alpha.data.token_bucket import TokenBucket
from kalshi_alpha.exec.ev_gap import EvGapMonitor
from kalshi_alpha.exec.feed_evidence import FeedEvidence
from kalshi_alpha.exec.ledger import Ledger
from kalshi_alpha.exec.quoted_ladder import QuotedLadder
from kalshi_alpha.exec.recovery import RecoveredState
from kalshi_alpha.exec.state.orders import OutstandingOrdersState
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.commands import Command
from kalshi_alpha.model.events import StorageRead
from kalshi_alpha.model.instruments import SERIES, SYMBOLS, Leg, Symbol, Window
from kalshi_alpha.model.reasons import StandDown
from kalshi_alpha.model.records import IncidentNoted, Record
from kalshi_alpha.model.snapshot import MoneyMarks
from kalshi_alpha.pricing.variance_clock import VarianceClock
from kalshi_alpha.risk import RiskBook
from kalshi_alpha.sched.windows import WindowSchedule

LISTING_LEAD_S: Final = 60
"""How long before a window its ladders are read and their books subscribed."""
INCIDENTS_KEPT: Final = 200
MAINTENANCE_RETRY_S: Final = 5.0


class VenueFacts:
    """What the venue told about itself and our group."""

    def __init__(self) -> None:
        self.connected = False
        self.exchange_active = False
        self.trading_active = False
        self.status_mono_ns: int | None = None
        self.group_id = ""
        self.reconciled = False
        self.clock_behind_ns = 0
        """So much our clock may be behind the venue's, as far as is known: the venue's time less this is surely past here as well."""
        self.no_rest_after_ns: int | None = None
        """Five minutes before the next maintenance (UTC ns): no order may expire later."""
        self.size_share = 1.0
        """Size of a quote as a share of the usual: less in the first minutes after a maintenance."""
        self.silence_expected = False
        """The venue is in maintenance: what it and the feeds fail to say is no incident."""


class StorageRoom(msgspec.Struct):
    """The room where the journal lies."""

    read: StorageRead | None = None
    """None: nobody has looked yet."""
    is_short: bool = False


class EngineFacts:
    """All facts, the commands being collected, and the deadlines by name."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.config_hash = config.content_hash()
        self.schedule = WindowSchedule(config.windows)
        self.failover, self.feed_evidence = DualFeedFailover(config.feeds), FeedEvidence(config.feeds)
        self.clock = VarianceClock(config.pricing)
        self.params_hash = self.clock.params_hash
        self.orders = OutstandingOrdersState()
        self.ledger = Ledger()
        self.risk = RiskBook(config.risk)
        self.ev_gap = EvGapMonitor()
        self.bucket = TokenBucket(config.venue.write_tokens_per_s, config.venue.write_bucket)
        self.venue = VenueFacts()
        self.ladders: dict[str, QuotedLadder] = {}
        self.event_of: dict[str, str] = {}
        """Market ticker -> event ticker, for every ladder read since the start."""
        self.last_fair_p: dict[str, float] = {}
        """Market ticker -> its last fair value, for what is held of ladders that are over and await their outcome."""
        self.active_windows: tuple[Window, ...] = ()
        self.active_symbols: tuple[Symbol, ...] = ()
        """The indices that the active windows need, in the order of all."""
        self.final_minute_ns = 0
        """When the first of the active windows is in its final minute (UTC)."""
        self.reasons: tuple[StandDown, ...] = ()
        self.feed_connected: dict[Leg, bool] = {"polygon": False, "massive": False}
        self.fees_unknown: dict[str, str] = {}
        self.storage_failure = self.shutting_down = self.day = ""
        self.room = StorageRoom()
        self.epoch = 0
        self.booted: Now | None = None
        self.snapshot_verdict, self.snapshot_age_s = "", 0.0
        self.first_order_mono_ns: int | None = None
        self.groups: list[str] = []
        self.incidents: deque[IncidentNoted] = deque(maxlen=INCIDENTS_KEPT)
        self.quotes_placed = self.tokens_spent = self.ticks_merged = self.rejected = 0
        self.day_start_e6, self.marks = 0, MoneyMarks()
        self.out: list[Command] = []
        self.deadlines: dict[str, int] = {}
        self._records: list[Record] = []
        self._sync = False
        self._numbers = self._incident_number = 0

    def activate(self, windows: tuple[Window, ...]) -> None:
        """Take the windows that are open now."""
        needed = {SERIES[series].symbol for window in windows for series in window.series}
        self.active_windows = windows
        self.active_symbols = tuple(symbol for symbol in SYMBOLS if symbol in needed)
        self.final_minute_ns = min((window.final_minute_ns for window in windows), default=0)

    @property
    def alarms(self) -> bool:
        """Whether a feed or the venue falling silent is an incident: in a window, outside of maintenance."""
        return bool(self.active_windows) and not self.venue.silence_expected

    def retry_s(self, usual_s: float) -> float:
        """Return when to ask the venue again after a failure: not often while it is in maintenance."""
        return max(usual_s, MAINTENANCE_RETRY_S) if self.venue.silence_expected else usual_s

    def number(self) -> int:
        """Return the next number, for requests, batches and order ids of this epoch."""
        self._numbers += 1
        return self._numbers

    def record(self, record: Record, *, sync: bool = False) -> None:
        """Have a record journalled at the end of this step."""
        self._records.append(record)
        self._sync = self._sync or sync

    def take_records(self) -> tuple[tuple[Record, ...], bool]:
        """Hand over the step's records and whether they must be durable before anything depends on them."""
        if not self._records:
            return (), False
        taken, sync = tuple(self._records), self._sync
        self._records.clear()
        self._sync = False
        return taken, sync

    def incident(self, now: Now, kind: str, title: str, did: str, facts: dict[str, str]) -> None:
        """Note something the operator must be able to read later; of a feed, with a ticket for its vendor."""
        self._incident_number += 1
        incident_id = f"{self.epoch}-{self._incident_number:03d}-{kind}"
        attached = {"ticket.txt": self.feed_evidence.ticket(title, facts, now)} if kind in {"feed", "both_feeds"} else {}
        noted = IncidentNoted(now.utc_ns, incident_id, kind, title, did, facts, attached)
        self.incidents.appendleft(noted)
        self.record(noted)

    def note_once(self, noted: IncidentNoted) -> None:
        """Note something under an id of its own: the report has it once, however often processes start."""
        if noted.incident_id not in {known.incident_id for known in self.incidents}:
            self.incidents.appendleft(noted)
            self.record(noted)

    def at_utc(self, name: str, utc_ns: int, now: Now) -> None:
        """Set a deadline by the schedule's clock."""
        self.deadlines[name] = now.mono_ns + (utc_ns - now.utc_ns)

    def take_over(self, recovered: RecoveredState, now: Now) -> None:
        """Learn what the process before knew of orders and money, and count what it may have spent of the write tokens.

        It kept what cancelling all its orders takes, may have spent everything else by the time of its last word, and nothing since.
        """
        self.ledger.restore(recovered.ledger)
        self.ev_gap.restore(recovered.gap)
        self.day, self.day_start_e6, self.marks = recovered.day, recovered.day_start_e6, recovered.marks
        for reason, actor, note in recovered.latches:
            self.orders.latches[reason] = (actor, note)
        self.orders.take_over(recovered.orders, recovered.ended, now.utc_ns, now.utc_ns // NS_PER_S + self.config.quoting.ttl_s)
        refilled = max(0, now.utc_ns - recovered.as_of_ns) * self.config.venue.write_tokens_per_s // NS_PER_S
        spent = self.config.venue.write_bucket - CANCEL_TOKENS * len(self.orders) - refilled
        self.bucket.take(max(0, spent), now.mono_ns)

    def after(self, name: str, seconds: float, now: Now) -> None:
        """Set a deadline a while from now."""
        self.deadlines[name] = now.mono_ns + int(seconds * NS_PER_S)

    def no_later(self, name: str, mono_ns: int) -> None:
        """Bring a deadline forward to this time, or set it."""
        self.deadlines[name] = min(self.deadlines.get(name, mono_ns), mono_ns)

    def due(self, name: str, now: Now) -> bool:
        """Whether a deadline has been reached; if so it is cleared."""
        at_ns = self.deadlines.get(name)
        if at_ns is None or now.mono_ns < at_ns:
            return False
        del self.deadlines[name]
        return True

    def feed_facts(self, now: Now) -> dict[str, str]:
        """Return the active-feed snapshot that belongs to every feed incident."""
        view = self.failover.view(now)
        facts = {"active_feed": view.active, "state": view.state, "redundancy": view.redundancy}
        for leg in (*view.legs, *view.further):
            age = "never" if leg.age_ms is None else f"{leg.age_ms} ms"
            facts[f"{leg.leg}_ws"] = f"{'connected' if leg.connected else 'disconnected'}, age {age}, SLO {leg.slo_ms} ms"
            for symbol, seen in sorted(leg.symbols.items()):
                level = "-" if seen.level is None else f"{seen.level:.2f}"
                seen_age = "never" if seen.age_ms is None else f"{seen.age_ms} ms"
                facts[f"{leg.leg} {symbol}"] = ", ".join(filter(None, (level, f"age {seen_age}", seen.verdict, seen.note)))
        return facts | self.feed_evidence.snapshots(now)
