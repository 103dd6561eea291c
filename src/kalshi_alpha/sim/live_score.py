"""The scorecard of a live demo: the exchange's own record of our orders and the trading process's journal, read afterwards."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.journal import read_journal
from kalshi_alpha.adapters.ledger_db import LedgerError, ask, bring_up_to_date
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.model.records import FillBooked, Record
from kalshi_alpha.model.units import CONTRACT_E2
from kalshi_alpha.sim.drill_verdict import left_resting, recovered
from kalshi_alpha.sim.exchange.audit import OrderEvent
from kalshi_alpha.sim.journal_score import ev_gap_usd
from kalshi_alpha.sim.scorecard import Scorecard, Stall, feed_seconds, feed_switches, outages
from kalshi_alpha.sim.script import DayScript
from kalshi_alpha.sim.verdict import SLO_S, epochs_mixed, quotes_while_down, restart_times, resting_after_freeze, slots_shared


def live_scorecard(root: Path, script: DayScript, kills_ns: Sequence[int], speed: float, stall_ms: float) -> Scorecard:
    """Judge a run by what it left in its folder.

    Args:
        root: The folder.
        script: What was to happen.
        kills_ns: Simulated UTC of each kill.
        speed: Simulated seconds per second.
        stall_ms: This machine's longest delay, real milliseconds.

    """
    log = _audit(root / "audit.jsonl")
    layout = Layout(root)
    records = read_journal(layout.journal).records
    state = recovered(root, script)
    played = tuple(window for window in script.windows if log and window.start_ns <= log[-1].utc_ns)
    resting, down = resting_after_freeze(log, played), quotes_while_down(log, script)
    left = left_resting(log)
    filled = sum(event.kind == "filled" for event in log)
    booked = len({record.fill.trade_id for record in records if isinstance(record, FillBooked)})
    violations = [*resting, *down, *epochs_mixed(log), *slots_shared(log), *(f"left resting: {order_id}" for order_id in left)]
    if filled != booked:
        violations.append(f"I5 the venue filled {filled} times, the journal booked {booked}")
    violations += ledger_differs(root, log)
    switches, lived = feed_switches(records), _until(played, records)
    away = outages(switches, lived, script.feed_faults)
    return Scorecard(
        seed=script.seed,
        day=script.day,
        windows=len(played),
        quotes=sum(event.kind == "accepted" for event in log),
        fills=filled,
        pnl_usd=(state.ledger.realised_e6 - state.ledger.fees_e6) / 1e6,
        orders_resting_after_freeze=len(resting),
        quotes_while_standing_down=len(down),
        unknown_orders=len(left),
        feed_seconds=feed_seconds(switches, lived),
        recoveries=tuple(one.away_s for one in away),
        recoveries_scripted=tuple(one.scripted for one in away),
        contracts_unsettled=sum(abs(one.position_e2) for one in state.ledger.positions) / CONTRACT_E2,
        stall=Stall(stall_ms, SLO_S * 1e3 / speed),
        restarts=restart_times(log, kills_ns, script.windows, speed),
        ev_gap_max_usd=ev_gap_usd(records),
        journal_sha256=_digest(layout.journal),
        rejected=sum(event.kind == "rejected" for event in log),
        violations=tuple(violations),
    )


def _until(windows: Sequence[Window], records: Sequence[Record]) -> tuple[Window, ...]:
    """Cut the last window off where the run ended early."""
    last_ns = max((record.utc_ns for record in records), default=0)
    return tuple(msgspec.structs.replace(window, target_ns=min(window.target_ns, last_ns)) for window in windows)


def ledger_differs(root: Path, log: Sequence[OrderEvent]) -> list[str]:
    """Hold what the read model says of orders and fills against the exchange's record."""
    try:
        bring_up_to_date(root)
        known = {name for (name,) in ask(root, "SELECT client_order_id FROM orders")[1]}
        ours = ask(root, "SELECT count(*), ifnull(sum(count_e2), 0) FROM fills")[1][0]
    except LedgerError as error:
        return [f"no ledger: {error}"]
    filled = [event.count_e2 for event in log if event.kind == "filled"]
    unknown = [event.client_order_id for event in log if event.kind == "accepted" and event.client_order_id not in known]
    found = [f"order {name} isn't in the ledger" for name in unknown]
    if ours != (len(filled), sum(filled)):
        found.append(f"the ledger has {ours[0]} fills of {ours[1]} contracts e2, the venue {len(filled)} of {sum(filled)}")
    return found


def _audit(file: Path) -> list[OrderEvent]:
    """Read the exchange's record; none when the demo ended before there was one."""
    if not file.exists():
        return []
    decoder = msgspec.json.Decoder(OrderEvent)
    return [decoder.decode(line) for line in file.read_bytes().splitlines()]


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for segment in sorted(folder.glob("journal-*")):
        digest.update(segment.read_bytes())
    return digest.hexdigest()
