"""Every start is a restart: nothing is quoted until the venue has told what rests, what filled and what we hold.

booted -> old groups triggered -> orders, fills, positions read as of later than that, nothing resting
-> this epoch's group created -> reconciled
then: read again every 15 s while anything can rest, and after every doubt
"""

from typing import Final, NamedTuple

from kalshi_alpha.exec.cash_watch import CashWatch
from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.order_events import OrderEvents
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.commands import (
    CreateGroup,
    ReadFills,
    ReadOpenOrders,
    ReadPositions,
    ReadStatus,
    TriggerGroup,
)
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import GroupRecorded, GroupRetired

BOOT_RETRY_S: Final = 0.1
READ_RETRY_S: Final = 1.0
LISTING_AGAIN_NS: Final = NS_PER_S // 2
"""Until a ladder is asked for again whose read failed, as by the read limit just after a restart."""
LAG_LEAST_S, LAG_MOST_S = 0.01, 0.5
"""How long the next proof is waited for while the venue's view of our account lags: as long as it was too old, within these bounds."""
READ_EVERY_S: Final = 15.0
SURELY_NEWER_NS: Final = NS_PER_S
"""A read of a view that lags by up to a second, by a clock that is known to a quarter of one."""
STATUS_EVERY_S: Final = 10.0
STATUS_GOOD_FOR_S: Final = 45.0
FILLS_OVERLAP_S: Final = 120
FIRST_FILLS_S: Final = 86_400
READ_NAMES: Final = ("ReadOpenOrders", "ReadFills", "ReadPositions")


class _Asked(NamedTuple):
    """A request on its way."""

    name: str
    utc_ns: int


class Reconciler:
    """Asks the venue until its answers prove the state, at the start and for ever after."""

    def __init__(self, facts: EngineFacts, orders: OrderEvents) -> None:
        self._facts = facts
        self._orders = orders
        self.cash = CashWatch(facts, orders.strangers)
        self._old_groups: list[str] = []
        self._in_flight: dict[int, _Asked] = {}
        self._lag_ns: int | None = None
        """How far the venue's view of our account is behind, by its last answer; None: it hasn't been heard."""
        self._early: tuple[ev.PositionsRead, int] | None = None
        """Positions that came before the fills that were asked for with them, and when they were asked for."""
        self._proof_ns = 0
        self._proved: dict[str, bool] = dict.fromkeys(READ_NAMES, False)
        self._group_asked = False
        self._restart_noted = False
        self.mismatch = ""
        self.empty_as_of_ns = 0
        """The venue showed nothing of ours resting as of this instant (UTC ns); 0: it never did or has since shown some."""

    def boot(self, event: ev.Booted, now: Now) -> None:
        """Start over: trigger every earlier group, then read."""
        facts = self._facts
        self._proof_ns = now.utc_ns
        self._old_groups = list(event.old_groups)
        facts.groups[:] = self._old_groups
        for group in self._old_groups:
            facts.out.append(TriggerGroup(self._ask("TriggerGroup", now), group, facts.config.venue.subaccount))
            facts.bucket.take(10, now.mono_ns)
        facts.after("status", 0.0, now)
        facts.after("reads", 0.0, now)
        if not self._old_groups:
            self._create_group(now)

    def again(self, now: Now) -> None:
        """Prove everything once more before anything is quoted: what was known may rest on a wrong clock, or on a long silence."""
        facts = self._facts
        facts.venue.reconciled = False
        self._proof_ns, self._lag_ns = now.utc_ns, None
        self.empty_as_of_ns = 0
        self._proved = dict.fromkeys(READ_NAMES, False)
        facts.no_later("reads", now.mono_ns)
        facts.no_later("status", now.mono_ns)

    def act(self, now: Now) -> None:
        """Ask what is due to be asked."""
        facts = self._facts
        self._retry_triggers(now)
        if facts.due("status", now):
            facts.out.append(ReadStatus(self._ask("ReadStatus", now)))
            facts.after("status", STATUS_EVERY_S, now)
        if facts.due("reads", now):
            self._read(now)
        if facts.due("positions", now) and self._proved["ReadPositions"]:
            self._read_positions(now)
        self.cash.act(now)
        if facts.due("group", now) and not (facts.venue.group_id or self._group_asked or self._old_groups):
            self._create_group(now)

    def _read(self, now: Now) -> None:
        """Ask what rests, what filled and what we hold; while an earlier group may still place, only the first, for the view's lag."""
        facts = self._facts
        if "ReadOpenOrders" not in self._waiting:
            facts.out.append(ReadOpenOrders(self._ask("ReadOpenOrders", now), facts.config.venue.subaccount))
        if not self._old_groups:
            if not (self._booting and self._proved["ReadFills"]):
                self._read_fills(now)
            if not (self._booting and self._proved["ReadPositions"]):
                self._read_positions(now)
        self._schedule_read(now)

    def _read_fills(self, now: Now) -> None:
        facts = self._facts
        cursor_s = facts.ledger.fills_cursor_s
        if "ReadFills" not in self._waiting:
            since_s = cursor_s - FILLS_OVERLAP_S if cursor_s else now.utc_ns // NS_PER_S - FIRST_FILLS_S
            facts.out.append(ReadFills(self._ask("ReadFills", now), since_s, facts.config.venue.subaccount))

    def _read_positions(self, now: Now) -> None:
        facts = self._facts
        if "ReadPositions" not in self._waiting:
            facts.out.append(ReadPositions(self._ask("ReadPositions", now), facts.config.venue.subaccount))

    @property
    def _waiting(self) -> set[str]:
        return {asked.name for asked in self._in_flight.values()}

    @property
    def _booting(self) -> bool:
        return not self._facts.venue.reconciled

    def _schedule_read(self, now: Now) -> None:
        facts = self._facts
        if self._booting:
            facts.after("reads", facts.retry_s(BOOT_RETRY_S * 3 if self._old_groups else BOOT_RETRY_S), now)
        elif facts.active_windows or len(facts.orders):
            facts.after("reads", READ_EVERY_S, now)
        else:
            facts.after("reads", 4 * READ_EVERY_S, now)

    def _ask(self, name: str, now: Now) -> int:
        request = self._facts.number()
        self._in_flight[request] = _Asked(name, now.utc_ns)
        return request

    def _create_group(self, now: Now) -> None:
        facts = self._facts
        self._group_asked = True
        facts.bucket.take(10, now.mono_ns)
        limit = facts.config.quoting.group_contracts_limit
        facts.out.append(CreateGroup(self._ask("CreateGroup", now), limit, facts.config.venue.subaccount))

    # Answers

    def failed(self, event: ev.RequestFailed, now: Now) -> None:
        """Ask again soon when a read or group call failed; fail closed until then."""
        facts = self._facts
        asked = self._in_flight.pop(event.request, None)
        name = asked.name if asked is not None else ""
        if name == "TriggerGroup":
            facts.after("triggers", facts.retry_s(BOOT_RETRY_S * 3), now)
        elif name == "CreateGroup":
            self._group_asked = False
            facts.after("group", facts.retry_s(READ_RETRY_S / 2), now)
        elif name == "ReadStatus":
            facts.after("status", READ_RETRY_S, now)
        elif name in READ_NAMES:
            facts.after("reads", facts.retry_s(BOOT_RETRY_S * 3 if self._booting else READ_RETRY_S), now)
        elif event.command == "ReadLadder":
            facts.no_later("listing", now.mono_ns + LISTING_AGAIN_NS)

    def _retry_triggers(self, now: Now) -> None:
        """Trigger again what wasn't acknowledged."""
        facts = self._facts
        if facts.due("triggers", now) and "TriggerGroup" not in self._waiting:
            for group in self._old_groups:
                facts.out.append(TriggerGroup(self._ask("TriggerGroup", now), group, facts.config.venue.subaccount))

    def group_created(self, event: ev.GroupCreated, now: Now) -> None:
        """Take this epoch's group, durably."""
        facts = self._facts
        self._answered("CreateGroup")
        self._group_asked = False
        facts.venue.group_id = event.group_id
        facts.groups.append(event.group_id)
        facts.record(GroupRecorded(now.utc_ns, event.group_id, facts.epoch), sync=True)

    def group_triggered(self, event: ev.GroupTriggered, now: Now) -> None:
        """Learn that an earlier epoch can place nothing any more: what is read from now on is the whole truth."""
        facts = self._facts
        self._answered("TriggerGroup")
        if event.group_id in facts.groups:
            facts.groups.remove(event.group_id)
            facts.record(GroupRetired(now.utc_ns, event.group_id))
        if event.group_id in self._old_groups:
            self._old_groups.remove(event.group_id)
            if not self._old_groups:
                self._proof_ns = now.utc_ns
                self._proved = dict.fromkeys(READ_NAMES, False)
                if self._lag_ns is not None:
                    facts.after("reads", min(LAG_MOST_S, self._lag_ns / NS_PER_S), now)
                self._create_group(now)
        if event.group_id == facts.venue.group_id:
            facts.venue.group_id = ""

    def status_read(self, event: ev.ExchangeStatusRead, now: Now) -> None:
        """Take the venue's word on whether it trades."""
        venue = self._facts.venue
        self._answered("ReadStatus")
        was_trading = venue.exchange_active and venue.trading_active
        venue.exchange_active, venue.trading_active = event.exchange_active, event.trading_active
        venue.status_mono_ns = now.mono_ns
        if was_trading != (event.exchange_active and event.trading_active):
            self._facts.no_later("reads", now.mono_ns)

    def open_orders_read(self, event: ev.OpenOrdersRead, now: Now) -> None:
        """Compare what rests at the venue with what we think rests."""
        facts = self._facts
        as_of_ns = event.as_of_ns - facts.venue.clock_behind_ns
        asked_ns = self._heard(event.request, event.as_of_ns, now)
        at_venue = {order.order_id: order for order in event.orders}
        for report in event.orders:
            self._orders.updated(report, now)
        self._cancel_revenants(event, as_of_ns, now)
        for order in list(facts.orders.live()):
            known = order.status in {"resting", "cancelling"} or order.unknown_reason == "restart"
            if known and order.changed_ns < as_of_ns and order.order_id not in at_venue:
                self._orders.close(order, "not at the venue", now)
        self.empty_as_of_ns = 0 if event.orders else as_of_ns
        if event.orders and self._booting:
            self._cancel_leftovers(now)
        self._prove("ReadOpenOrders", event.as_of_ns, asked_ns, now, fine=not event.orders)

    def _cancel_revenants(self, event: ev.OpenOrdersRead, as_of_ns: int, now: Now) -> None:
        """Cancel what rests by a read that is surely newer than its end; an older read shows what was, and another one is asked for."""
        orders = self._facts.orders
        ended = [(report, ended_ns) for report in event.orders if (ended_ns := orders.ended_ns(report.client_order_id)) is not None]
        for report, ended_ns in ended:
            if as_of_ns > ended_ns + SURELY_NEWER_NS:
                self._orders.orphan(report.order_id, report.client_order_id, report.ticker, now)
        if ended:
            self._facts.no_later("reads", now.mono_ns + NS_PER_S)

    def _cancel_leftovers(self, now: Now) -> None:
        if any(order.status == "resting" for order in self._facts.orders.live()):
            self._facts.after("leftovers", 0.0, now)

    def fills_read(self, event: ev.FillsRead, now: Now) -> None:
        """Book every fill that wasn't heard of before."""
        asked_ns = self._heard(event.request, event.as_of_ns, now)
        for fill in self._facts.ledger.unknown(event.fills):
            self._orders.filled(fill, now)
        self._orders.fills_known(event.as_of_ns - self._facts.venue.clock_behind_ns)
        self._prove("ReadFills", event.as_of_ns, asked_ns, now, fine=True)
        early, self._early = self._early, None
        if early is not None:
            self._compare(*early, now)

    def positions_read(self, event: ev.PositionsRead, now: Now) -> None:
        """Compare positions in the markets that still trade; a difference stands down until a later read agrees."""
        asked_ns = self._heard(event.request, event.as_of_ns, now)
        if self._proved["ReadFills"] or not self._booting:
            self._compare(event, asked_ns, now)
        else:
            self._early = (event, asked_ns)

    def _compare(self, event: ev.PositionsRead, asked_ns: int, now: Now) -> None:
        facts = self._facts
        if event.as_of_ns < facts.ledger.last_fill_ms * 1_000_000:
            return
        trading = {ticker for ladder in facts.ladders.values() if now.utc_ns < ladder.window.target_ns for ticker in ladder.rung_of}
        relevant = tuple(position for position in event.positions if position.ticker in trading)
        found = facts.ledger.mismatch(relevant, trading) or ""
        if found and not self.mismatch:
            facts.incident(now, "orders", f"Positions differ from the venue's: {found}", "stood down until they agree", {})
        if found:
            facts.after("reads", READ_RETRY_S, now)
        self.mismatch = found
        self._prove("ReadPositions", event.as_of_ns, asked_ns, now, fine=not found)

    def _answered(self, name: str) -> None:
        for request, asked in self._in_flight.items():
            if asked.name == name:
                del self._in_flight[request]
                return

    def _heard(self, request: int, as_of_ns: int, now: Now) -> int:
        """Take an answer in, and how far its view lags; return when it was asked for."""
        asked_ns = self._in_flight.pop(request, _Asked("", now.utc_ns)).utc_ns
        self._lag_ns = max(0, (asked_ns + now.utc_ns) // 2 - as_of_ns)
        return asked_ns

    def _prove(self, name: str, as_of_ns: int, asked_ns: int, now: Now, *, fine: bool) -> None:
        facts = self._facts
        if not self._booting:
            return
        self._proved[name] = self._proved[name] or (fine and as_of_ns >= self._proof_ns and not self._old_groups)
        if as_of_ns < self._proof_ns and not self._old_groups:
            due_s = (asked_ns + self._proof_ns - as_of_ns - now.utc_ns) / NS_PER_S
            facts.after("reads", facts.retry_s(min(LAG_MOST_S, max(LAG_LEAST_S, due_s))), now)
        if all(self._proved.values()) and not len(facts.orders):
            facts.venue.reconciled = True
            self._schedule_read(now)
            if facts.snapshot_verdict != "missing" and not self._restart_noted:
                self._note_restart(now)

    def _note_restart(self, now: Now) -> None:
        facts = self._facts
        self._restart_noted = True
        assert facts.booted is not None
        took_s = (now.mono_ns - facts.booted.mono_ns) / NS_PER_S
        snapshot = facts.snapshot_verdict
        if snapshot in {"fresh", "stale"}:
            snapshot += f", {facts.snapshot_age_s:.1f} s old; the journal told the rest"
        told = {"epoch": str(facts.epoch), "snapshot": snapshot, "latches": ", ".join(facts.orders.latches) or "none"}
        facts.incident(
            now,
            "restart",
            f"Restarted as epoch {facts.epoch}",
            f"triggered older groups and reconciled with the venue in {took_s:.2f} s",
            told,
        )

    def reasons(self, now: Now) -> list[Reason]:
        """Return what of the venue's state forbids quoting."""
        facts, venue = self._facts, self._facts.venue
        found: list[Reason] = []
        if not venue.reconciled:
            found.append(Reason.NOT_RECONCILED)
        if not venue.connected:
            found.append(Reason.VENUE_DISCONNECTED)
        if venue.status_mono_ns is None or now.mono_ns - venue.status_mono_ns > STATUS_GOOD_FOR_S * NS_PER_S:
            found.append(Reason.EXCHANGE_UNKNOWN)
        elif not (venue.exchange_active and venue.trading_active):
            found.append(Reason.EXCHANGE_PAUSED)
        if not venue.group_id:
            found.append(Reason.NO_ORDER_GROUP)
        own = (
            (self.mismatch, Reason.LEDGER_MISMATCH),
            (self.cash.differs, Reason.CASH_MISMATCH),
            (facts.shutting_down, Reason.SHUTTING_DOWN),
        )
        return found + [reason for held, reason in own if held]
