"""What a start knows before it asks the venue: the snapshot, and the journal's records after it, folded. Pure.

An order may rest unless something proves that it doesn't: every intent counts from the moment it was durable, since nobody knows whether
it was sent. Every group that isn't proven to be triggered must be triggered.
"""

from collections.abc import Sequence

import msgspec

from kalshi_alpha.exec.ledger import Ledger
from kalshi_alpha.model import records as r
from kalshi_alpha.model.alerts import OpenAlert
from kalshi_alpha.model.clock import NS_PER_MS
from kalshi_alpha.model.instruments import SYMBOLS, Symbol
from kalshi_alpha.model.orders import Fill
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import Record
from kalshi_alpha.model.snapshot import (
    ClockBounds,
    EndedOrder,
    EngineSnapshot,
    GapTallies,
    HeardValue,
    LedgerSnapshot,
    MoneyMarks,
    SnapshotOrder,
)


class RecoveredState(msgspec.Struct, frozen=True):
    """What is known without the venue."""

    epoch: int
    """The highest epoch so far, 0 for none: the next start takes one more."""
    config_hash: str
    groups: tuple[str, ...]
    """To be triggered, oldest first."""
    orders: tuple[SnapshotOrder, ...]
    """May rest. Status ``resting`` where the venue acknowledged them, else ``unknown``."""
    latches: tuple[tuple[str, str, str], ...]
    """(reason, actor, note)."""
    ledger: LedgerSnapshot
    active_window: str
    windows_degraded: int
    """As of the snapshot: the journal doesn't count it."""
    incidents: int
    problems: tuple[str, ...]
    """Contradictions between records, to be reported; the venue decides."""
    day: str = ""
    """As of the snapshot; empty without one: then all realised money counts as today's."""
    day_start_e6: int = 0
    switches: tuple[int, int] = (0, 0)
    """As of the snapshot, as is what follows."""
    gap: GapTallies = GapTallies()
    levels: dict[Symbol, tuple[float, int]] = msgspec.field(default_factory=dict)
    """Index -> its last level and the vendor's time of it."""
    alerts: tuple[OpenAlert, ...] = ()
    """Open, oldest first."""
    ended: tuple[EndedOrder, ...] = ()
    """Orders that ended lately: a read that is older than that still shows them."""
    values: tuple[HeardValue, ...] = ()
    """What each index was priced from last; too old to be used unless the restart was quick."""
    feeds_unconfirmed: tuple[Symbol, ...] = ()
    """Indices whose recovery inside a window isn't confirmed yet: as of the last word on what forbids quoting."""
    marks: MoneyMarks = MoneyMarks()
    clock: ClockBounds | None = None
    """How far our clock was from the venue's."""
    as_of_ns: int = 0
    """When (UTC ns) the newest of this was written; 0: there is nothing."""


def recover(snapshot: EngineSnapshot | None, records: Sequence[Record]) -> RecoveredState:
    """Fold the records numbered above the snapshot's ``journal_seq`` (all records without a snapshot) into it."""
    fold = _Fold(snapshot)
    for record in records:
        fold.learn(record)
    return RecoveredState(
        epoch=fold.epoch,
        config_hash=fold.config_hash,
        groups=tuple(fold.groups),
        orders=tuple(fold.orders.values()),
        latches=tuple(fold.latches.values()),
        ledger=fold.ledger.snapshot(),
        active_window=fold.active_window,
        windows_degraded=snapshot.windows_degraded if snapshot else 0,
        incidents=fold.incidents,
        problems=tuple(fold.problems),
        day=snapshot.day if snapshot else "",
        day_start_e6=snapshot.day_start_e6 if snapshot else 0,
        switches=snapshot.switches if snapshot else (0, 0),
        gap=snapshot.gap if snapshot else GapTallies(),
        levels=snapshot.levels if snapshot else {},
        ended=tuple(EndedOrder(client_id, ended_ns) for client_id, ended_ns in fold.ended.items()),
        values=snapshot.values if snapshot else (),
        alerts=tuple(fold.alerts.values()),
        feeds_unconfirmed=fold.feeds_unconfirmed,
        marks=fold.marks,
        clock=snapshot.clock if snapshot else None,
        as_of_ns=max(snapshot.captured_utc_ns if snapshot else 0, records[-1].utc_ns if records else 0),
    )


class _Fold:
    def __init__(self, snapshot: EngineSnapshot | None) -> None:
        self.epoch = snapshot.epoch if snapshot else 0
        self.config_hash = snapshot.config_hash if snapshot else ""
        self.groups: dict[str, None] = dict.fromkeys(snapshot.groups) if snapshot else {}
        self.orders: dict[str, SnapshotOrder] = {}
        self.ended = {one.client_order_id: one.utc_ns for one in snapshot.ended} if snapshot else {}
        self.latches = {latch[0]: latch for latch in snapshot.latches} if snapshot else {}
        self.ledger = Ledger(snapshot.ledger if snapshot else None)
        self.active_window = snapshot.active_window if snapshot else ""
        self.incidents = snapshot.incidents if snapshot else 0
        self.alerts = {alert.key: alert for alert in snapshot.alerts} if snapshot else {}
        self.feeds_unconfirmed = snapshot.feeds_unconfirmed if snapshot else ()
        self.marks = snapshot.marks if snapshot else MoneyMarks()
        self.problems: list[str] = []
        self._client_ids: dict[str, str] = {}
        for order in snapshot.orders if snapshot else ():
            if order.status != "done":
                status = "resting" if order.status == "resting" else "unknown"
                self._keep(msgspec.structs.replace(order, status=status))

    def learn(self, record: Record) -> None:
        match record:
            case r.EngineStarted(epoch=epoch, config_hash=config_hash):
                self.epoch = max(self.epoch, epoch)
                self.config_hash = config_hash
            case r.OrderIntended() | r.OrderPlaced() | r.OrderClosed() | r.FillBooked() | r.MarketSettledBooked():
                self._learn_order(record)
            case r.MoneyMarked(marks=marks):
                self.marks = marks
            case r.WindowPhase(window=window, phase=phase):
                self._phase(window, phase)
            case r.IncidentNoted():
                self.incidents += 1
            case r.AlertRaised() | r.AlertAcknowledged() | r.AlertClosed():
                self._learn_alert(record)
            case r.StandDownChanged(reasons=reasons):
                self._stood_down(reasons)
            case _:
                self._learn_fence(record)

    def _phase(self, window: str, phase: str) -> None:
        if phase in ("opened", "frozen"):
            self.active_window = window
        elif phase == "ended" and window == self.active_window:
            self.active_window = ""

    def _stood_down(self, reasons: tuple[str, ...]) -> None:
        if not {Reason.NO_WINDOW, Reason.CALENDAR_ENDS}.isdisjoint(reasons):
            return  # between windows nothing is said of the feeds
        self.feeds_unconfirmed = tuple(symbol for symbol in SYMBOLS if f"{Reason.FEED_UNCONFIRMED}:{symbol}" in reasons)

    def _learn_fence(self, record: Record) -> None:
        match record:
            case r.GroupRecorded(group_id=group_id):
                self.groups[group_id] = None
            case r.GroupRetired(group_id=group_id):
                self.groups.pop(group_id, None)
            case r.LatchSet(reason=reason, actor=actor, note=note):
                self.latches[reason] = (reason, actor, note)
            case r.LatchLifted(reason=reason):
                self.latches.pop(reason, None)
            case _:
                pass

    def _learn_alert(self, record: Record) -> None:
        match record:
            case r.AlertRaised(alert=alert):
                self.alerts[alert.key] = alert
            case r.AlertAcknowledged(key=key, actor=actor) if key in self.alerts:
                self.alerts[key] = msgspec.structs.replace(self.alerts[key], acknowledged_by=actor)
            case r.AlertClosed(key=key):
                self.alerts.pop(key, None)
            case _:
                pass

    def _learn_order(self, record: Record) -> None:
        match record:
            case r.OrderIntended(intent=intent):
                if intent.client_order_id not in self.orders:
                    self._keep(SnapshotOrder(intent, "unknown", "", intent.count_e2, intent.expiration_s))
            case r.OrderPlaced(client_order_id=client_id, order_id=order_id):
                if (order := self.orders.get(client_id)) is not None:
                    self._keep(msgspec.structs.replace(order, status="resting", order_id=order_id))
            case r.OrderClosed(client_order_id=client_id, utc_ns=utc_ns):
                self.orders.pop(client_id, None)
                self.ended[client_id] = utc_ns
            case r.FillBooked(fill=fill):
                self._fill(fill)
            case r.MarketSettledBooked():
                self._settle(record)
            case _:
                pass

    def _keep(self, order: SnapshotOrder) -> None:
        self.orders[order.intent.client_order_id] = order
        if order.order_id:
            self._client_ids[order.order_id] = order.intent.client_order_id

    def _fill(self, fill: Fill) -> None:
        if not self.ledger.book(fill):
            return
        client_id = fill.client_order_id or self._client_ids.get(fill.order_id, "")
        order = self.orders.get(client_id)
        if order is None:
            return
        remaining_e2 = order.remaining_e2 - fill.count_e2
        if remaining_e2 > 0:
            self._keep(msgspec.structs.replace(order, remaining_e2=remaining_e2))
        else:
            del self.orders[client_id]
            self.ended[client_id] = fill.ts_ms * NS_PER_MS

    def _settle(self, record: r.MarketSettledBooked) -> None:
        booked = self.ledger.settle(record.ticker, record.result)
        found = (booked.position_e2, booked.cash_e6) if booked else (0, 0)
        if found != (record.position_e2, record.cash_e6):
            self.problems.append(
                f"{record.ticker}: settled with position_e2 {record.position_e2}, cash_e6 {record.cash_e6}; "
                f"the fills before it give {found[0]}, {found[1]}"
            )
