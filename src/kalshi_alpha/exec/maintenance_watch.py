"""Maintenance in the engine: sources in, the autopilot's steps out as latch, cancels, reads, records and REPORT.md's lines.

It stands around the engine's handlers (`wrap`): it hears what they hear, and keeps from them what the venue's status says of other
shards. The latch `kalshi_maintenance` is the stand-down; set by the autopilot, it is lifted by the autopilot, over restarts too. One that
somebody else has set stays theirs.
"""

from collections.abc import Callable
from datetime import time, timedelta
from typing import Final

from kalshi_alpha.exec.alert_causes import Cause
from kalshi_alpha.exec.calendar_watch import CalendarWatch
from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.feed_rearm import FeedRearm
from kalshi_alpha.exec.handlers import Table, behind
from kalshi_alpha.exec.maintenance_gates import NOT_READ, Evidence, feed_gates, gates, wanted_ladders
from kalshi_alpha.exec.planner import OrderPlanner
from kalshi_alpha.exec.reconcile import Reconciler
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.commands import CaptureSnapshot, KeepHouse, ReadDay, ReadOperatorSlots, ReadStatusPage
from kalshi_alpha.model.hours import Closure
from kalshi_alpha.model.maintenance import OPEN_END_NS, Gate, Slot, SourceName, SourceWord
from kalshi_alpha.model.records import LatchLifted, LatchSet
from kalshi_alpha.model.view import MaintenanceView
from kalshi_alpha.sched.calendar import et_date, et_instant_ns
from kalshi_alpha.sched.maintenance import Fact, MaintenancePilot, Sight, Step
from kalshi_alpha.sched.maintenance_calendar import HORIZON_DAYS, Resolved, closures_of, resolve, schedule_word, weekly_word, with_past

LATCH: Final = "kalshi_maintenance"
ACTOR: Final = "maintenance"
LOOK_S: Final = 1.0
"""How often to look while nothing may rest."""
IDLE_LOOK_S: Final = 60.0
STATUS_S: Final = 2.0
LISTING_S: Final = 5.0
SNAPSHOT_S: Final = 2.0
NEAR_READ_S: Final = 30.0
NEAR_NS: Final = 3_600 * NS_PER_S
UNAVAILABLE: Final = range(500, 600)
UNAVAILABLE_READS: Final = 3
"""So many answers of this kind to reads of the status, one after the other, are a pause."""
TOLD_KEPT: Final = 64
BELIEVED_NS: Final = HORIZON_DAYS * 86_400 * NS_PER_S


class MaintenanceWatch:
    """Keeps the sources' words, drives the autopilot and does what its steps ask for."""

    def __init__(
        self, facts: EngineFacts, planner: OrderPlanner, reconciler: Reconciler, calendar: CalendarWatch, rearm: FeedRearm
    ) -> None:
        config = facts.config.maintenance
        self.pilot = MaintenancePilot(needs_operator=config.confirm == "operator", rearm_ns=config.rearm_s * NS_PER_S)
        self._facts = facts
        self._planner = planner
        self._reconciler = reconciler
        self._calendar = calendar
        self._rearm = rearm
        self._closed: tuple[Closure, ...] = ()
        """What the windows were cut by last."""
        self._evidence = Evidence()
        self._words: dict[SourceName, SourceWord] = {"schedule": SourceWord("schedule", problem="not read yet")}
        if config.status_page_url:
            self._words["statuspage"] = SourceWord("statuspage", problem="not read yet")
        self._resolved = Resolved((), ())
        self._told: dict[str, None] = {}
        self._unavailable = 0
        self._asked: dict[str, int] = {}
        """What was asked for -> when (mono ns)."""

    # The engine's side

    def wrap(self, table: Table) -> Table:
        """Return the engine's handlers with ours around them."""
        cleared, status = table[ev.OperatorCleared], table[ev.ExchangeStatusRead]

        def status_read(event: ev.ExchangeStatusRead, now: Now) -> None:
            ours = self._for_our_shards(event)
            status(ours, now)
            self._status_read(ours, now)

        def operator_cleared(event: ev.OperatorCleared, now: Now) -> None:
            if event.reason == LATCH and self.pilot.stands_down:
                self._confirmed(event.actor, now)
            else:
                cleared(event, now)

        ours: Table = {
            ev.ExchangeStatusRead: status_read,
            ev.OperatorCleared: operator_cleared,
            cal.StatusPageRead: self._status_page_read,
            cal.OperatorSlotsRead: self._operator_slots_read,
            cal.OperatorSlotsChanged: self._operator_slots_changed,
            cal.MaintenanceConfirmed: lambda event, now: self._confirmed(event.actor, now),
            cal.SnapshotVerified: self._snapshot_verified,
            cal.HousekeepingDone: self._housekeeping_done,
            cal.DayListed: self._day_listed,
        }
        after: Table = {
            ev.Booted: self._booted,
            ev.RequestFailed: self._failed,
            cal.ScheduleRead: self._schedule_read,
        }
        return behind(table | ours, after)

    def act(self, now: Now) -> None:
        """Look when it is time to."""
        if self._facts.due("maintenance", now):
            self._look(now)

    def view(self, now: Now) -> MaintenanceView:
        """Return what the page shows."""
        pilot, slot = self.pilot, self.pilot.slot
        return MaintenanceView(
            phase=pilot.phase,
            from_ns=None if slot is None else slot.from_ns,
            to_ns=None if slot is None or slot.to_ns == OPEN_END_NS else slot.to_ns,
            sources=() if slot is None else slot.sources,
            confirm=self._facts.config.maintenance.confirm,
            needs_confirmation=pilot.needs_confirmation or self._rearm.needs_confirmation(now),
            gates=self._gates(now),
            contradictions=self._resolved.contradictions,
            unknown=tuple(f"{word.source}: {word.problem}" for word in self._words.values() if word.problem),
        )

    def causes(self, _now: Now) -> dict[str, Cause]:
        """Return what of the maintenance needs somebody."""
        phase = self.pilot.phase
        if phase == "escalated":
            return {"maintenance": Cause("page", "Not proven that nothing rests before the maintenance", "check the venue's own pages")}
        if self.pilot.is_overdue:
            return {"maintenance": Cause("page", "The maintenance is over and quoting doesn't resume", "the gates are on the page")}
        return {}

    # Facts

    def _booted(self, _event: ev.Booted, now: Now) -> None:
        if self._owns_latch:
            self.pilot.resume(now.utc_ns)
        self._look(now)

    def _for_our_shards(self, event: ev.ExchangeStatusRead) -> ev.ExchangeStatusRead:
        """Return the status of the shards that our ladders are on; the top level speaks for shard 0, where they are until it is known."""
        markets = [market.exchange_index for ladder in self._facts.ladders.values() for market in ladder.ladder.markets[:1]]
        wanted = set(markets) or {0}
        shards = [shard for shard in event.shards if shard.exchange_index in wanted]
        whole = 0 in wanted or len(shards) < len(wanted)
        exchange = all(shard.exchange_active for shard in shards) and (event.exchange_active or not whole)
        trading = all(shard.trading_active for shard in shards) and (event.trading_active or not whole)
        return ev.ExchangeStatusRead(exchange, trading, event.shards, event.resume_ns)

    def _status_read(self, event: ev.ExchangeStatusRead, now: Now) -> None:
        evidence, self._unavailable = self._evidence, 0
        evidence.status_ns = now.utc_ns
        if event.exchange_active and event.trading_active:
            self._words.pop("status", None)
            evidence.trading_since_ns = min(evidence.trading_since_ns or now.utc_ns, now.utc_ns)  # a wall clock may be put back
        else:
            self._paused("exchange paused" if not event.exchange_active else "trading paused", event.resume_ns, now)
        self._look(now)

    def _paused(self, what: str, resume_ns: int | None, now: Now) -> None:
        """Have a slot from the moment the pause was seen until the venue's estimate, for as long as that lies ahead."""
        self._evidence.trading_since_ns = 0
        known = self._words.get("status")
        from_ns = now.utc_ns if known is None else min(known.slots[0].from_ns, now.utc_ns)  # as above
        to_ns = resume_ns if resume_ns is not None and now.utc_ns < resume_ns < now.utc_ns + BELIEVED_NS else OPEN_END_NS
        self._words["status"] = SourceWord("status", (Slot(from_ns, to_ns, "status", what),), now.utc_ns)

    def _failed(self, event: ev.RequestFailed, now: Now) -> None:
        """Keep what a source said last; a venue that answers nothing but 5xx is paused."""
        reason = event.reason or f"http {event.http_status}"
        match event.command:
            case "ReadSchedule":
                self._unknown("schedule", reason)
            case "ReadStatusPage":
                self._unknown("statuspage", reason)
            case "ReadStatus" if event.http_status in UNAVAILABLE:
                self._unavailable += 1
                self._evidence.trading_since_ns = 0
                if self._unavailable >= UNAVAILABLE_READS:
                    self._paused(f"http {event.http_status}", None, now)
            case _:
                return
        self._look(now)

    def _unknown(self, source: SourceName, reason: str) -> None:
        known = self._words.get(source, SourceWord(source))
        self._words[source] = SourceWord(source, known.slots, known.heard_ns, reason)

    def _learn(self, word: SourceWord, now: Now) -> None:
        self._words[word.source] = with_past(word, self._words.get(word.source), now.utc_ns)

    def _schedule_read(self, event: cal.ScheduleRead, now: Now) -> None:
        self._learn(schedule_word(event.windows, event.hours, now.utc_ns), now)
        self._look(now)

    def _status_page_read(self, event: cal.StatusPageRead, now: Now) -> None:
        until_ns = now.utc_ns + BELIEVED_NS
        self._learn(SourceWord("statuspage", event.slots, now.utc_ns, "", until_ns, event.advisories), now)
        self._look(now)

    def _operator_slots_read(self, event: cal.OperatorSlotsRead, now: Now) -> None:
        if event.problem:
            self._unknown("operator", event.problem)
        else:
            self._learn(SourceWord("operator", event.slots, now.utc_ns), now)
        self._look(now)

    def _operator_slots_changed(self, _event: cal.OperatorSlotsChanged, now: Now) -> None:
        self._asked.pop("operator", None)
        self._look(now)

    def _confirmed(self, actor: str, now: Now) -> None:
        """Take the operator's word. A latch of their own on the same maintenance is ours from then on."""
        feeds, taken = self._rearm.confirm(actor, now), self.pilot.confirm(actor)
        if taken and LATCH in self._facts.orders.latches:
            self._facts.orders.latches[LATCH] = (ACTOR, f"confirmed by {actor}")
        did = "rearms when every gate is green" if taken or feeds else "not taken: nothing waits for a confirmation"
        self._facts.incident(now, "maintenance", f"Confirmed by {actor}", did, {gate.name: gate.note for gate in self._gates(now)})
        self._look(now)

    def _snapshot_verified(self, event: cal.SnapshotVerified, now: Now) -> None:
        first = not self._evidence.snapshot_verdict
        self._evidence.snapshot_verdict, self._evidence.snapshot_mono_ns = event.verdict, now.mono_ns
        if first and self.pilot.stands_down:
            told = {"verdict": event.verdict, "age_s": f"{event.age_s:.3f}"}
            self._facts.incident(now, "maintenance", "Snapshot stored and read back", "a restart would find it", told)

    def _housekeeping_done(self, event: cal.HousekeepingDone, now: Now) -> None:
        told = {"exit_status": str(event.exit_status), "summary": event.summary}
        word = "done" if event.exit_status == 0 else "left something undone"
        self._facts.incident(now, "maintenance", f"Housekeeping {word}", "the maintenance goes on as planned", told)

    def _day_listed(self, event: cal.DayListed, now: Now) -> None:
        self._evidence.verify(event.day, wanted_ladders(self._facts, now))

    # Looking

    def _look(self, now: Now) -> None:
        """Merge what the sources say, take the steps, and see to it that everything needed is asked for."""
        self._resolved = resolve((weekly_word(now.utc_ns), *self._words.values()), self._evidence.trading_since_ns, now.utc_ns)
        self._tell_contradictions(now)
        self._close(closures_of(self._resolved, self._closed, now.utc_ns), now)
        facts, pilot = self._facts, self.pilot
        sight = Sight(self._resolved.maintenances, len(facts.orders), self._reconciler.empty_as_of_ns, self._gates(now))
        for step in pilot.step(sight, now.utc_ns):
            self._take(step, now)
        facts.venue.no_rest_after_ns = pilot.no_rest_after_ns()
        facts.venue.silence_expected = pilot.expects_silence(now.utc_ns)
        facts.venue.size_share = facts.config.maintenance.rearm_share if pilot.phase == "rearmed" else 1.0
        self._press(now)
        self._ask(now)
        due_ns = pilot.next_deadline_ns(now.utc_ns)
        facts.after("maintenance", LOOK_S if pilot.stands_down else IDLE_LOOK_S, now)
        if due_ns is not None:
            facts.no_later("maintenance", now.mono_ns + due_ns - now.utc_ns)

    def _close(self, closures: tuple[Closure, ...], now: Now) -> None:
        """Have the windows cut by what is announced."""
        if closures != self._closed:
            self._closed = closures
            self._calendar.close(closures, now)

    def _press(self, now: Now) -> None:
        """While nothing may rest: cancel what does, read until the venue shows that nothing does, watch the status."""
        facts, pilot = self._facts, self.pilot
        if not pilot.stands_down:
            return
        if not pilot.is_empty_proven and pilot.phase != "confirming":
            self._planner.cancel_everything(now)
        red = {gate.name for gate in self._gates(now) if not gate.green}
        every_s = facts.retry_s(LOOK_S) if pilot.phase == "maintenance" else LOOK_S
        if not pilot.is_empty_proven or (pilot.phase == "confirming" and "reconciled" in red):
            facts.no_later("reads", now.mono_ns + int(every_s * NS_PER_S))
        facts.no_later("status", now.mono_ns + int(STATUS_S * NS_PER_S))

    def _ask(self, now: Now) -> None:
        """Ask the sources at their pace, and for the gates' evidence once it counts."""
        facts, pilot = self._facts, self.pilot
        near = pilot.stands_down or (pilot.slot is not None and pilot.slot.from_ns - NEAR_NS <= now.utc_ns)
        if near and self._is_time("schedule", NEAR_READ_S, now):
            facts.no_later("schedule", now.mono_ns)  # the calendar reads it, at its own pace otherwise
        if "statuspage" in self._words and self._is_time("statuspage", NEAR_READ_S if near else IDLE_LOOK_S, now):
            facts.out.append(ReadStatusPage(facts.number()))
        if self._is_time("operator", NEAR_READ_S, now):
            facts.out.append(ReadOperatorSlots())
        if pilot.phase == "confirming":
            if self._is_time("snapshot", SNAPSHOT_S, now):
                facts.out.append(CaptureSnapshot(verify=True))
            if self._is_time("listing", LISTING_S, now):
                self._ask_listings(now)

    def _ask_listings(self, now: Now) -> None:
        """Ask for the day of every series whose next ladder isn't verified: whole, so that one at another time is found, too."""
        day = et_date(now.utc_ns)
        from_ns, to_ns = et_instant_ns(day, time(0)), et_instant_ns(day + timedelta(days=1), time(0))
        for one in wanted_ladders(self._facts, now):
            if self._evidence.listed.get(one, NOT_READ):
                self._facts.out.append(ReadDay(self._facts.number(), one.series, from_ns, to_ns))

    def _is_time(self, what: str, every_s: float, now: Now) -> bool:
        asked_ns = self._asked.get(what)
        if asked_ns is not None and now.mono_ns < asked_ns + int(every_s * NS_PER_S):
            return False
        self._asked[what] = now.mono_ns
        return True

    def feed_gates(self, now: Now) -> tuple[Gate, ...]:
        """Return the gates that apply when a feed has recovered inside a window."""
        return feed_gates(self._facts, self._reconciler, self._evidence, self.pilot.ended_ns, now)

    def _gates(self, now: Now) -> tuple[Gate, ...]:
        return gates(self._facts, self._reconciler, self._evidence, self.pilot.ended_ns, now)

    def _tell_contradictions(self, now: Now) -> None:
        """Report each contradiction once."""
        fresh = [told for told in self._resolved.contradictions if told not in self._told]
        for told in fresh:
            self._told[told] = None
            self._facts.incident(
                now, "maintenance", "The sources of maintenance contradict each other", "obeys the stricter one", {"they": told}
            )
        while len(self._told) > TOLD_KEPT:
            del self._told[next(iter(self._told))]

    # Steps

    @property
    def _owns_latch(self) -> bool:
        return self._facts.orders.latches.get(LATCH, ("", ""))[0] == ACTOR

    def _take(self, step: Step, now: Now) -> None:
        facts, config, actions = self._facts, self._facts.config.maintenance, self._actions()
        if step.fact in actions:
            actions[step.fact](step, now)
        did = {
            "announced": "followed; stands down five minutes before the start",
            "changed": "followed",
            "housekeeping": f"started the housekeeping, keeping {config.keep_days} days",
            "cancelling": f"marked {LATCH}; cancelling {len(facts.orders)} orders",
            "verified": "storing a snapshot",
            "escalated": "goes on cancelling and reading; every order expires by itself within seconds",
            "maintenance": "waits; the venue's silence and refusals raise no alarm",
            "confirming": "checks the gates",
            "overdue": "goes on checking",
            "rearmed": f"lifted {LATCH}; quotes at {config.rearm_share:.0%} of the usual size",
            "clear": "quotes at the usual size",
        }[step.fact]
        facts.incident(now, "maintenance", step.title, did, step.proof)

    def _actions(self) -> dict[Fact, Callable[[Step, Now], None]]:
        out, keep_days = self._facts.out, self._facts.config.maintenance.keep_days
        return {
            "housekeeping": lambda _step, _now: out.append(KeepHouse(keep_days)),
            "cancelling": self._mark,
            "verified": lambda _step, _now: out.append(CaptureSnapshot(verify=True)),
            "confirming": self._start_confirming,
            "rearmed": self._lift,
        }

    def _mark(self, step: Step, now: Now) -> None:
        facts = self._facts
        if facts.orders.mark_cancel_all(LATCH, ACTOR):
            facts.record(LatchSet(now.utc_ns, LATCH, ACTOR, step.title), sync=True)
        self._evidence.snapshot_verdict = ""

    def _start_confirming(self, _step: Step, _now: Now) -> None:
        """Forget what was seen before the end."""
        self._evidence.listed.clear()
        self._evidence.snapshot_verdict = ""
        for what in ("snapshot", "listing"):
            self._asked.pop(what, None)

    def _lift(self, _step: Step, now: Now) -> None:
        facts = self._facts
        if self._owns_latch:
            facts.orders.clear(LATCH)
            facts.record(LatchLifted(now.utc_ns, LATCH, self.pilot.confirmed_by or ACTOR), sync=True)
