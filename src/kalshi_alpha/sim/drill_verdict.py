"""What a drill must not leave behind: orders that the store doesn't know, orders that are there twice, money that differs."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kalshi_alpha.adapters.files import FileSnapshotStore, Layout
from kalshi_alpha.adapters.journal import read_journal
from kalshi_alpha.exec.recovery import RecoveredState, recover
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.records import FillBooked, IncidentNoted, OrderIntended
from kalshi_alpha.model.units import CONTRACT_E2
from kalshi_alpha.sched.hotrestart import Fresh, HotRestartManager, Stale
from kalshi_alpha.sim.exchange.audit import OrderEvent
from kalshi_alpha.sim.script import DayScript
from kalshi_alpha.sim.verdict import epochs_mixed, resting_after_freeze, slots_shared

FAR_NS = 10**13


def broken_after_restarts(root: Path, log: Sequence[OrderEvent], script: DayScript) -> list[str]:
    """Return everything that doesn't hold in a folder after the trading process has ended, against the exchange's record."""
    records = read_journal(Layout(root).journal).records
    intended = {record.intent.client_order_id for record in records if isinstance(record, OrderIntended)}
    accepted = Counter(event.client_order_id for event in log if event.kind == "accepted")
    booked = Counter(record.fill.trade_id for record in records if isinstance(record, FillBooked))
    filled = sum(event.kind == "filled" for event in log)
    return [
        *(f"order {name} was accepted and is in no journal" for name in accepted if name not in intended),
        *(f"order {name} was accepted {times} times" for name, times in accepted.items() if times > 1),
        *(record.title for record in records if isinstance(record, IncidentNoted) and "unknown here" in record.title),
        *(f"order {order_id} was left resting" for order_id in left_resting(log)),
        *(f"trade {name} is booked {times} times" for name, times in booked.items() if times > 1),
        *([f"the venue filled {filled} times, the journal booked {len(booked)}"] if filled != len(booked) else []),
        *_money(recovered(root, script), log),
        *epochs_mixed(log),
        *slots_shared(log),
        *resting_after_freeze(log, script.windows),
    ]


def recovered(root: Path, script: DayScript) -> RecoveredState:
    """Return what a start would know, from snapshot and journal."""
    layout = Layout(root)
    restored = HotRestartManager(FileSnapshotStore(layout.snapshot)).restore(Now(script.windows[-1].target_ns + FAR_NS, 0))
    snapshot = restored.snapshot if isinstance(restored, Fresh | Stale) else None
    return recover(snapshot, read_journal(layout.journal, after_seq=snapshot.journal_seq if snapshot else 0).records)


def left_resting(log: Sequence[OrderEvent]) -> list[str]:
    """Return what rests at the end of the exchange's record."""
    resting: dict[str, None] = {}
    for event in log:
        if event.kind == "cancelled" or event.remaining_e2 == 0:
            resting.pop(event.order_id, None)
        elif event.order_id:
            resting[event.order_id] = None
    return list(resting)


def _money(state: RecoveredState, log: Sequence[OrderEvent]) -> list[str]:
    """Compare positions and cash before fees with the venue's fills."""
    positions: Counter[str] = Counter()
    cash_e6 = 0
    for event in log:
        if event.kind == "filled":
            signed_e2 = event.count_e2 if event.side == "bid" else -event.count_e2
            positions[event.ticker] += signed_e2
            cash_e6 -= signed_e2 * event.price_e4
    ours = {one.ticker: one.position_e2 for one in state.ledger.positions}
    differing = sorted(ticker for ticker in positions.keys() | ours.keys() if positions[ticker] != ours.get(ticker, 0))
    found = [
        f"{ticker}: the venue holds {positions[ticker] / CONTRACT_E2}, the ledger {ours.get(ticker, 0) / CONTRACT_E2}"
        for ticker in differing
    ]
    if cash_e6 != state.ledger.cash_e6:
        found.append(f"cash: the venue's {cash_e6}, the ledger's {state.ledger.cash_e6} (1e-6 dollars)")
    return found
