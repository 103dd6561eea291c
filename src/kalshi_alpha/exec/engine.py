"""The engine: facts in, commands out. Everything that is decided is decided here, in one straight line.

It does no I/O, never awaits and never reads a clock. ``handle`` takes one event and returns commands in the order in
which they must be carried out; ``next_deadline_ns`` says when silence alone would change a decision.
"""

from typing import Final

from kalshi_alpha.config import Config
from kalshi_alpha.exec.alert_watch import AlertWatch
from kalshi_alpha.exec.calendar_watch import CalendarWatch
from kalshi_alpha.exec.cancel_all_watch import CancelAllWatch
from kalshi_alpha.exec.clock_watch import ClockWatch
from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.feed_rearm import FeedRearm
from kalshi_alpha.exec.feed_watch import FeedWatch
from kalshi_alpha.exec.handlers import Table
from kalshi_alpha.exec.maintenance_watch import LATCH, MaintenanceWatch
from kalshi_alpha.exec.order_events import OrderEvents
from kalshi_alpha.exec.planner import OrderPlanner
from kalshi_alpha.exec.reconcile import Reconciler
from kalshi_alpha.exec.recovery import RecoveredState
from kalshi_alpha.exec.repricing import reprice
from kalshi_alpha.exec.storage_watch import StorageWatch
from kalshi_alpha.exec.window_life import WindowLife
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.commands import CaptureSnapshot, Command, Exit, Persist, PublishMonitors, TriggerGroup
from kalshi_alpha.model.maintenance import Gate
from kalshi_alpha.model.reasons import Reason, StandDown
from kalshi_alpha.model.records import EngineStarted, OrderIntended, StandDownChanged
from kalshi_alpha.model.snapshot import EngineSnapshot, SnapshotOrder

HOUSE_S: Final = 1.0
"""Monitors and snapshots are due this often while a window is open."""
HOUSE_IDLE_S: Final = 5.0
SHUTDOWN_S: Final = 5.0
TRADE_IDS_KEPT_MS: Final = 300_000
"""Reads of fills overlap by two minutes; a trade this old can't come up again."""
OWN_LATCHES: Final = (Reason.OPERATOR_STOP, Reason.RISK_LIMIT, Reason.CASH_MISMATCH)
LATCH_REASONS: Final[dict[str, Reason]] = {reason: reason for reason in OWN_LATCHES} | {LATCH: Reason.MAINTENANCE}

QUIET: Final = frozenset({
    ev.BookChanged, ev.BookSnapshotted, ev.IntentsDurable, ev.OrderAccepted, ev.OrderAmended, ev.OrderCancelled, ev.OrderUpdated,
    ev.CancelRefused,
})  # fmt: skip
"""Facts that can't change whether we may quote."""


class Engine:
    """One deterministic decision maker over `EngineFacts`."""

    def __init__(self, config: Config, recovered: RecoveredState | None = None) -> None:
        """Start from what an earlier process left, or from nothing."""
        self.facts = EngineFacts(config)
        self.planner = OrderPlanner(self.facts)
        self.orders = OrderEvents(self.facts, self.planner)
        self.reconciler = Reconciler(self.facts, self.orders)
        self.windows = WindowLife(self.facts, self.planner, self.reconciler)
        self.rearm = FeedRearm(self.facts, self._feed_gates)
        self.feeds = FeedWatch(self.facts, self.rearm)
        self.calendar = CalendarWatch(self.facts, self.windows)
        self.clocks = ClockWatch(self.facts, self.reconciler)
        self.maintenance = MaintenanceWatch(self.facts, self.planner, self.reconciler, self.calendar, self.rearm)
        self.storage = StorageWatch(self.facts)
        self.stops = CancelAllWatch(self.facts, self.reconciler)
        self.alerts = AlertWatch(self.facts, (self.maintenance.causes, self.calendar.causes))
        self._recovered = recovered
        self._leaving_since_ns = 0
        self._deadline_ns: int | None = None
        self._handlers = self.alerts.wrap(
            self.feeds.wrap(self.maintenance.wrap(self.calendar.wrap(self.reconciler.cash.wrap(self._table()))))
        )

    # The interface

    def handle(self, event: ev.Event, now: Now) -> list[Command]:
        """Learn one fact, decide, and return what to do, in order.

        Args:
            event: The fact.
            now: The instant of this step; the only time there is.

        """
        due = self.clocks.look(event, now) or (self._deadline_ns is not None and self._deadline_ns <= now.mono_ns)
        if due:
            self._act_on_time(now)
        self._handlers[type(event)](event, now)
        self._decide(now, due=due, quiet=type(event) in QUIET or (due and type(event) is ev.TimerFired))
        commands = self._commands()
        self._deadline_ns = self._first_deadline_ns()
        return commands

    def next_deadline_ns(self) -> int | None:
        """Return the monotonic time at which silence would change a decision, if any."""
        return self._deadline_ns

    def snapshot(self, now: Now, journal_seq: int) -> EngineSnapshot:
        """Return what a hot restart needs."""
        facts = self.facts
        live = tuple(
            SnapshotOrder(order.intent, order.status, order.order_id, order.remaining_e2, order.expiration_s)
            for order in facts.orders.live()
        )
        return EngineSnapshot(
            schema_version=1,
            captured_utc_ns=now.utc_ns,
            epoch=facts.epoch,
            config_hash=facts.config_hash,
            journal_seq=journal_seq,
            active_window=facts.active_windows[0].key if facts.active_windows else "",
            orders=live,
            groups=tuple(facts.groups),
            latches=tuple((reason, actor, note) for reason, (actor, note) in facts.orders.latches.items()),
            ledger=facts.ledger.snapshot(),
            windows_degraded=facts.failover.windows_degraded,
            day=facts.day,
            day_start_e6=facts.day_start_e6,
            incidents=len(facts.incidents),
            switches=facts.failover.switches,
            gap=facts.ev_gap.tallies(),
            levels=facts.failover.levels(),
            ended=facts.orders.ended_lately(now.utc_ns),
            values=facts.failover.heard_values(now),
            alerts=self.alerts.open,
            marks=facts.marks,
            clock=self.clocks.bounds(now),
            feeds_unconfirmed=tuple(self.rearm.waiting),
        )

    def _feed_gates(self, now: Now) -> tuple[Gate, ...]:
        return self.maintenance.feed_gates(now)

    def _first_deadline_ns(self) -> int | None:
        feed_ns = self.facts.failover.next_deadline_ns()
        deadlines = self.facts.deadlines
        if not deadlines:
            return feed_ns
        first_ns = min(deadlines.values())
        return first_ns if feed_ns is None or first_ns < feed_ns else feed_ns

    # Learning

    def _table(self) -> Table:
        orders, reconciler, windows, feeds = self.orders, self.reconciler, self.windows, self.feeds
        return {
            ev.Booted: self._booted,
            ev.TimerFired: lambda _event, _now: None,
            ev.IntentsDurable: orders.durable,
            ev.StorageFailed: self._storage_failed,
            ev.StorageRead: self.storage.read,
            ev.StorageSlow: self.storage.slow,
            ev.ShutdownRequested: self._shutdown,
            ev.OperatorStopped: self.stops.stopped,
            ev.OperatorCleared: self.stops.cleared,
            ev.CancelAllMarked: self.stops.marked,
            ev.FeedConnected: lambda event, now: feeds.connected(event.leg, now),
            ev.FeedLost: lambda event, now: feeds.lost(event.leg, event.reason, now),
            ev.FeedWarned: feeds.warned,
            ev.IndexTicked: feeds.ticked,
            ev.VenueConnected: self._venue_connected,
            ev.VenueLost: self._venue_lost,
            ev.VenueTimed: self.clocks.timed,
            ev.BookSnapshotted: self._book_snapshotted,
            ev.BookChanged: self._book_changed,
            ev.BooksDirtied: self._books_dirtied,
            ev.LadderRead: windows.ladder_read,
            ev.LadderMissing: windows.ladder_missing,
            ev.MarketDetermined: windows.determined,
            ev.ExchangeStatusRead: reconciler.status_read,
            ev.OrderAccepted: orders.accepted,
            ev.OrderRejected: orders.rejected,
            ev.OrderOutcomeUnknown: orders.outcome_unknown,
            ev.OrderAmended: orders.amended,
            ev.AmendRefused: orders.amend_refused,
            ev.OrderCancelled: orders.cancelled,
            ev.CancelRefused: orders.cancel_refused,
            ev.CancelAllAcknowledged: lambda _event, _now: None,
            ev.OrderUpdated: lambda event, now: orders.updated(event.order, now),
            ev.Filled: lambda event, now: orders.filled(event.fill, now),
            ev.GroupCreated: reconciler.group_created,
            ev.GroupTriggered: reconciler.group_triggered,
            ev.OpenOrdersRead: reconciler.open_orders_read,
            ev.FillsRead: reconciler.fills_read,
            ev.PositionsRead: reconciler.positions_read,
            ev.RequestFailed: reconciler.failed,
        }

    def _booted(self, event: ev.Booted, now: Now) -> None:
        facts = self.facts
        facts.epoch, facts.booted = event.epoch, now
        facts.snapshot_verdict, facts.snapshot_age_s = event.snapshot_verdict, event.snapshot_age_s
        facts.record(EngineStarted(now.utc_ns, event.epoch, facts.config_hash, event.snapshot_verdict), sync=True)
        if self._recovered is not None:
            self._take_over(self._recovered, now)
        self.reconciler.boot(event, now)
        facts.after("window", 0.0, now)
        facts.after("house", 0.0, now)
        facts.after("feed_session", 0.0, now)
        self.windows.resume_settlement(now)

    def _take_over(self, recovered: RecoveredState, now: Now) -> None:
        self.facts.take_over(recovered, now)
        self.feeds.take_over(recovered, now)
        self.clocks.take_over(recovered.clock, now)
        self.alerts.restore(recovered.alerts)
        self.rearm.waiting |= dict.fromkeys(recovered.feeds_unconfirmed)

    def _storage_failed(self, event: ev.StorageFailed, now: Now) -> None:
        if self.storage.failed(event, now):
            self._leave(now)

    def _shutdown(self, event: ev.ShutdownRequested, now: Now) -> None:
        if not self.facts.shutting_down:
            self.facts.shutting_down = event.reason
            self._leave(now)

    def _leave(self, now: Now) -> None:
        """Cancel everything twice over, prove it, then exit: by the deadline in any case."""
        facts = self.facts
        for order in [order for order in facts.orders.live() if order.status == "intended"]:
            self.orders.close(order, "not sent: leaving", now, unheard_e2=0)
        if facts.venue.group_id:
            facts.out.append(TriggerGroup(facts.number(), facts.venue.group_id, facts.config.venue.subaccount))
        facts.after("leave", SHUTDOWN_S, now)
        facts.after("reads", 0.2, now)
        self._leaving_since_ns = now.utc_ns

    def _venue_connected(self, _event: ev.VenueConnected, now: Now) -> None:
        self.facts.venue.connected = True
        self.facts.deadlines["reads"] = now.mono_ns

    def _venue_lost(self, event: ev.VenueLost, now: Now) -> None:
        facts = self.facts
        if facts.venue.connected and facts.alarms:
            facts.incident(now, "venue", "Venue stream lost", "stood down until books are fresh again", {"reason": event.reason})
        facts.venue.connected = False
        for ladder in facts.ladders.values():
            ladder.books_dirtied()

    def _book_snapshotted(self, event: ev.BookSnapshotted, _now: Now) -> None:
        ladder = self.facts.ladders.get(self.facts.event_of.get(event.ticker, ""))
        if ladder is not None:
            rung = ladder.rung_of[event.ticker]
            if rung in ladder.books:
                ladder.books[rung].snapshot(event.bids, event.asks)
                ladder.book_changed(rung)
                ladder.touch(rung)  # a clean book counts even if its best prices are those of before

    def _book_changed(self, event: ev.BookChanged, _now: Now) -> None:
        ladder = self.facts.ladders.get(self.facts.event_of.get(event.ticker, ""))
        if ladder is not None:
            rung = ladder.rung_of[event.ticker]
            book = ladder.books.get(rung)
            if book is not None:
                book.change(event.side, event.price_e4, event.delta_e2)
                ladder.book_changed(rung)

    def _books_dirtied(self, event: ev.BooksDirtied, _now: Now) -> None:
        for ladder in self.facts.ladders.values():
            if not event.tickers:
                ladder.books_dirtied()
                continue
            for ticker in event.tickers:
                rung = ladder.rung_of.get(ticker)
                if rung is not None and rung in ladder.books:
                    ladder.books[rung].dirty = True
                    ladder.touch(rung)

    # Deciding

    def _act_on_time(self, now: Now) -> None:
        """Let the time that has passed count before the next fact: what it forbids must not be sent on that fact's account."""
        self.windows.act(now)
        self.calendar.act(now)
        self.reconciler.act(now)
        self.maintenance.act(now)
        self.storage.act(now)
        self.stops.act(now)
        self.feeds.act(now)
        self.feeds.judge(now)
        self._stand(now)
        reprice(self.facts, self.feeds.take_moved(), self.windows, now)
        self._expire(now)

    def _decide(self, now: Now, *, due: bool, quiet: bool) -> None:
        """Derive from the facts, and only from them, what should rest and what to do about it.

        Args:
            now: The instant of this step.
            due: A deadline had passed when the step began.
            quiet: The fact can't have changed whether we may quote, only what is wanted or rests; a timer's step has looked already.

        """
        facts = self.facts
        if not quiet:
            self.feeds.judge(now)
            self._stand(now)
            reprice(facts, self.feeds.take_moved(), self.windows, now)
        self.planner.plan(now, due=due)
        leaving = facts.shutting_down or facts.storage_failure
        if (due and facts.due("leftovers", now)) or leaving:
            self.planner.cancel_everything(now)
        self.orders.strangers.cancel(now)
        if leaving:
            self._maybe_exit(now)
        if due:
            self.alerts.act(now)
            self._keep_house(now)

    def _stand(self, now: Now) -> None:
        """Bring the set of stand-down reasons up to date and open or close each ladder by it."""
        facts = self.facts
        found = [StandDown(reason) for reason in self.reconciler.reasons(now)]
        for latch, (actor, _note) in facts.orders.latches.items():
            found.append(StandDown(LATCH_REASONS.get(latch, Reason.CANCEL_ALL), "", f"{latch} by {actor}"))
        found += self.windows.reasons(now)
        found += self.calendar.reasons()
        found += self.feeds.reasons(now)
        found += self.clocks.reasons(now)
        found += [StandDown(reason) for reason in self.storage.reasons()]
        reasons = tuple(sorted(found))
        if reasons != facts.reasons:
            facts.reasons = reasons
            facts.record(
                StandDownChanged(now.utc_ns, tuple(f"{held.reason}:{held.scope}" if held.scope else held.reason for held in reasons))
            )
            facts.after("house", 0.0, now)
            facts.after("alerts", 0.0, now)
        scopes = {held.scope for held in reasons}
        for event_ticker, ladder in facts.ladders.items():
            in_time = ladder.window.start_ns <= now.utc_ns < ladder.window.freeze_ns
            blocked = bool(scopes) and not scopes.isdisjoint(("", ladder.ladder.symbol, event_ticker, ladder.window.key))
            ladder.allow(allowed=in_time and not blocked and ladder.level is not None)

    def _expire(self, now: Now) -> None:
        facts = self.facts
        if not facts.due("expiry", now) and "expiry" in facts.deadlines:
            return
        for order in facts.orders.expired(now.utc_ns) if self.clocks.is_right else ():
            self.orders.close(order, "expired", now)
        if len(facts.orders):
            facts.after("expiry", 1.0, now)

    def _maybe_exit(self, now: Now) -> None:
        facts = self.facts
        empty = not len(facts.orders) and self.reconciler.empty_as_of_ns >= self._leaving_since_ns
        if empty or facts.due("leave", now):
            why = facts.storage_failure or facts.shutting_down
            facts.out.append(Exit(empty, why))
        else:
            facts.no_later("reads", now.mono_ns + NS_PER_S // 4)

    def _keep_house(self, now: Now) -> None:
        facts = self.facts
        if facts.due("house", now):
            facts.after("house", HOUSE_S if facts.active_windows or len(facts.orders) else HOUSE_IDLE_S, now)
            if facts.venue.reconciled:  # before that, fills of any age may still have to be booked
                facts.ledger.forget(now.utc_ns // 1_000_000 - TRADE_IDS_KEPT_MS)
            self.orders.losses.watch(now)
            facts.out.append(PublishMonitors())
            facts.out.append(CaptureSnapshot())
        facts.due("final_age", now)
        facts.due("budget", now)

    def _commands(self) -> list[Command]:
        """Put the journal first: nothing is done before it is written."""
        facts = self.facts
        records, sync = facts.take_records()
        if not (records or facts.out):
            return []
        commands, facts.out = facts.out, []
        if records:
            batch = facts.number()
            intended = tuple(record.intent.client_order_id for record in records if isinstance(record, OrderIntended))
            self.orders.batch_started(batch, intended)
            commands.insert(0, Persist(batch, records, sync))
        return commands
