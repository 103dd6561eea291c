"""Promises that need more than one record to judge: the venue's log and what the process heard, never the engine's variables.

The numbers are those of the invariants: I2b an order on old data goes, I3 a dead process's orders go, I4 no more orders than allowed and no
worst case beyond its limit, I5 cash that is off is noticed and cash that is right isn't doubted, I8 polygon serves again after five seconds
without a miss, I11 STOP holds until it is lifted, I12 cancels are always paid for, I14 the wall clock's steps neither lengthen an order's
life nor stop what is done every so often, L1 quoting resumes.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Final

from kalshi_alpha.config import Config, QuotingConfig, VenueConfig
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.instruments import LEGS, SERIES, SYMBOLS
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import EngineStarted, FeedSwitched, Record, StandDownChanged
from kalshi_alpha.sim.exchange.audit import OrderEvent
from kalshi_alpha.sim.fast import Played
from kalshi_alpha.sim.script import DayScript
from kalshi_alpha.sim.witness import CANCEL_TOKENS, SLO_NS, Witness, Write
from kalshi_alpha.sim.worst_cases import limits_exceeded

TTL_NS: Final = 20 * NS_PER_S
PULLED_NS: Final = NS_PER_S
"""An order on data beyond the SLO is gone within this time, where nothing else is wrong."""
RECOVERY_NS: Final = 5 * NS_PER_S
HEARD_NS: Final = NS_PER_S // 10
"""What left the process before it heard of a STOP may still arrive."""
CLOCKS_NS: Final = 2 * NS_PER_S
"""Quoting goes on while our clock is surely within a second of the venue's; a jump that isn't noticed is a quarter of one."""
PAID_NS: Final = NS_PER_S
"""An order whose cancel was sent so lately isn't cancelled again: that was paid for."""
LOOK_NS: Final = 25 * NS_PER_S
"""What rests is asked for every 15 s; a request may be lost, and is asked again."""
COMPARED_NS: Final = 70 * NS_PER_S
"""Before a window nothing rests and nothing is held: by its start the cash was compared, and compared again."""
RESUMED_NS: Final = 15 * NS_PER_S
"""A leg's five seconds, a start's reads, and a second look at everything."""


class Lives:
    """The orders of a venue's log: from when to when each rested."""

    def __init__(self, log: Sequence[OrderEvent], end_ns: int) -> None:
        """Take the log; what rests at its end does so until ``end_ns``."""
        self.orders: dict[str, tuple[OrderEvent, int]] = {}
        """Order id -> its acceptance, and when (UTC ns) it ended."""
        for event in log:
            if event.kind == "accepted":
                self.orders[event.order_id] = (event, event.utc_ns if event.remaining_e2 == 0 else end_ns)
            elif event.order_id in self.orders and (event.kind == "cancelled" or event.remaining_e2 == 0):
                first, ended_ns = self.orders[event.order_id]
                self.orders[event.order_id] = (first, min(ended_ns, event.utc_ns))

    def resting(self, from_ns: int, to_ns: int) -> list[OrderEvent]:
        """Return the orders that rested at some instant of a span."""
        return [first for first, ended_ns in self.orders.values() if first.utc_ns < to_ns and ended_ns > from_ns]

    def present(self) -> Callable[[int], Mapping[str, None]]:
        """Return what tells the ids of the orders resting at an instant; each instant is no earlier than the one before."""
        changes = [(first.utc_ns, True, order_id) for order_id, (first, _) in self.orders.items()]
        changes += [(ended_ns, False, order_id) for order_id, (_, ended_ns) in self.orders.items()]
        ahead, now = deque(sorted(changes, key=itemgetter(0))), dict[str, None]()

        def at(utc_ns: int) -> Mapping[str, None]:
            while ahead and ahead[0][0] <= utc_ns:
                _, begins, order_id = ahead.popleft()
                if begins:
                    now[order_id] = None
                else:
                    now.pop(order_id, None)
            return now

        return at


def rested_on_old_data(lives: Lives, witness: Witness, script: DayScript, kills_ns: Sequence[int]) -> list[str]:
    """I2b: return the orders that rested too long after the index behind them was last heard of.

    Too long is a second; up to an order's own expiry where the venue or the disk misbehaves as well, or the process is dead.
    """
    is_hard = bool(script.venue_faults or script.disk_faults or script.clock_faults or kills_ns)
    most_ns = SLO_NS + (TTL_NS if is_hard else PULLED_NS)
    found: list[str] = []
    for first, ended_ns in lives.orders.values():
        symbol = next(spec.symbol for spec in SERIES.values() if spec.venue_ticker == first.ticker.split("-", 1)[0])
        news = witness.news.get(symbol, [])
        for at_ns in (*news[max(0, bisect_right(news, first.utc_ns) - 1) : bisect_left(news, ended_ns)], ended_ns):
            following = bisect_right(news, at_ns)
            silent_ns = min(news[following] if following < len(news) else ended_ns, ended_ns) - at_ns
            if at_ns < ended_ns and silent_ns > most_ns:
                found.append(f"I2b {first.client_order_id} {first.ticker} rested {silent_ns / NS_PER_S:.2f} s on one value")
    return found


def outlived_their_process(lives: Lives, kills_ns: Sequence[int]) -> list[str]:
    """I3: return the orders of a dead process that rested longer than their own expiry can explain."""
    found: list[str] = []
    for kill_ns in kills_ns:
        epochs = [_epoch(first) for first, _ in lives.orders.values() if first.utc_ns < kill_ns]
        for first, ended_ns in lives.orders.values():
            if epochs and _epoch(first) <= max(epochs) and first.utc_ns < kill_ns and ended_ns > kill_ns + TTL_NS + NS_PER_S:
                found.append(f"I3 {first.client_order_id} rested {(ended_ns - kill_ns) / NS_PER_S:.2f} s after its process was killed")
    return found


def _epoch(order: OrderEvent) -> int:
    return int(order.client_order_id.split("-")[0])


def epochs_together(lives: Lives) -> list[str]:
    """I7: return the orders of an older epoch that still rested when a newer one's first order did."""
    newest, found = 0, []
    for first, _ in sorted(lives.orders.values(), key=lambda life: life[0].utc_ns):
        if _epoch(first) > newest:
            newest = _epoch(first)
            found += [
                f"I7 {old.client_order_id} rested when {first.client_order_id} was accepted"
                for old in lives.resting(first.utc_ns, first.utc_ns + 1)
                if _epoch(old) < newest
            ]
    return found


def too_many_orders(lives: Lives, most: int) -> list[str]:
    """I4: return the moments at which more orders rested than are allowed."""
    changes = sorted(
        change for first, ended_ns in lives.orders.values() if ended_ns > first.utc_ns for change in ((first.utc_ns, 1), (ended_ns, -1))
    )
    count, found = 0, []
    for at_ns, change in changes:
        count += change
        if count > most:
            found.append(f"I4 {count} orders rested at {at_ns}, allowed are {most}")
    return found


def came_back_too_soon(records: Sequence[Record], witness: Witness) -> list[str]:
    """I8: return the switches back to polygon that came before it was fresh for five seconds, by what was heard from it."""
    found: list[str] = []
    started_ns, was_polygon = 0, False
    for record in records:
        match record:
            case EngineStarted():
                started_ns, was_polygon = record.utc_ns, False
            case FeedSwitched(active="polygon") if was_polygon:
                found += [
                    f"I8 polygon came back at {record.utc_ns}, {symbol} had a gap of {gap_ns / NS_PER_S:.3f} s"
                    for symbol in SYMBOLS
                    if (gap_ns := _widest_gap(witness, symbol, max(started_ns, record.utc_ns - RECOVERY_NS), record.utc_ns)) > SLO_NS
                ]
            case FeedSwitched(previous="polygon"):
                was_polygon = True
            case _:
                pass
    return found


def _widest_gap(witness: Witness, symbol: str, from_ns: int, to_ns: int) -> int:
    """Return polygon's longest time without a value that was in time, within a span."""
    heard = [
        at_ns
        for at_ns, event_ms in witness.arrivals.get((LEGS[0], symbol), [])
        if from_ns <= at_ns <= to_ns and at_ns - event_ms * NS_PER_MS <= SLO_NS + NS_PER_S
    ]
    instants = [from_ns, *heard, to_ns]
    return max(later - earlier for earlier, later in pairwise(instants))


def placed_after_stop(log: Sequence[OrderEvent], witness: Witness, end_ns: int) -> list[str]:
    """I11: return the orders accepted between a STOP and its being lifted."""
    found: list[str] = []
    acts = [*witness.acts, (end_ns, "OperatorCleared")]
    stopped_ns: int | None = None
    for at_ns, name in acts:
        if name == "OperatorStopped":
            stopped_ns = at_ns if stopped_ns is None else stopped_ns
        elif stopped_ns is not None:
            found += [
                f"I11 {event.client_order_id} accepted {(event.utc_ns - stopped_ns) / NS_PER_S:.2f} s after STOP"
                for event in log
                if event.kind == "accepted" and stopped_ns + HEARD_NS < event.utc_ns < at_ns
            ]
            stopped_ns = None
    return found


def cancels_starved(writes: Sequence[Write], lives: Lives, starts_ns: Sequence[int], venue: VenueConfig) -> list[str]:
    """I12: return the orders after which the write tokens left couldn't have cancelled all that rested, and what was sent without tokens.

    Each process counts from a full bucket, as the trading process does.
    """
    found: list[str] = []
    resting, paid_ns = lives.present(), dict[str, int]()
    tokens, last_ns, left = float(venue.write_bucket), 0, list(starts_ns)
    for write in writes:
        while left and left[0] <= write.utc_ns:
            tokens, last_ns = float(venue.write_bucket), left.pop(0)
        tokens = min(venue.write_bucket, tokens + (write.utc_ns - last_ns) / NS_PER_S * venue.write_tokens_per_s) - write.tokens
        last_ns = write.utc_ns
        paid_ns.update(dict.fromkeys(write.cancels, write.utc_ns))
        unpaid = [order_id for order_id in resting(write.utc_ns) if write.utc_ns - paid_ns.get(order_id, 0) > PAID_NS]
        needed = CANCEL_TOKENS * (len(unpaid) + write.creates)
        if write.creates and tokens < needed - 1:
            found.append(f"I12 {tokens:.0f} write tokens left at {write.utc_ns} by an order, cancelling everything takes {needed}")
        elif tokens < -1:
            found.append(f"I12 {-tokens:.0f} write tokens more than there were taken at {write.utc_ns}")
    return found


def clock_believed(log: Sequence[OrderEvent], quoting: QuotingConfig) -> list[str]:
    """I14: return the orders that the venue was to hold for longer than their time to live, by its own clock: ours was believed."""
    most_ns = quoting.ttl_s * NS_PER_S + CLOCKS_NS
    return [
        f"I14 {event.client_order_id} {event.kind} until {(event.expiration_s * NS_PER_S - event.utc_ns) / NS_PER_S:.1f} s later"
        for event in log
        if event.kind in {"accepted", "amended"} and event.expiration_s * NS_PER_S - event.utc_ns > most_ns
    ]


def stopped_looking(looks_ns: Sequence[int], script: DayScript, lives_ns: Sequence[tuple[int, int]]) -> list[str]:
    """I14: return the stretches of windows, by true time, in which a living process didn't ask what rests, whatever its wall clock did."""
    found: list[str] = []
    for window in script.windows:
        for born_ns, died_ns in lives_ns:
            from_ns, to_ns = max(window.start_ns, born_ns), min(window.freeze_ns, died_ns)
            between = looks_ns[bisect_left(looks_ns, from_ns) : bisect_right(looks_ns, to_ns)]
            found += [
                f"I14 nobody asked what rests for {(later_ns - earlier_ns) / NS_PER_S:.1f} s from {earlier_ns} on in {window.key}"
                for earlier_ns, later_ns in pairwise((from_ns, *between, max(from_ns, to_ns)))
                if later_ns - earlier_ns > LOOK_NS
            ]
    return found


def cash_misjudged(records: Sequence[Record], log: Sequence[OrderEvent], script: DayScript) -> list[str]:
    """I5: return the alarms about cash that was right, and the orders of windows before which it was wrong, and could be seen to be."""
    off = [fault for fault in script.venue_faults if fault.kind == "balance_off" and abs(int(fault.params["cents"])) > 1]
    first_ns = min((fault.from_ns for fault in off), default=1 << 63)
    found = [
        f"I5 cash_mismatch at {record.utc_ns}, the venue's cash was right"
        for record in records
        if isinstance(record, StandDownChanged) and Reason.CASH_MISMATCH in record.reasons and record.utc_ns < first_ns
    ]
    accepted_ns = min((act.utc_ns for act in script.operator_acts if act.latch == Reason.CASH_MISMATCH), default=1 << 63)
    for window in script.windows:
        seen_ns = window.start_ns - COMPARED_NS
        if any(fault.from_ns <= seen_ns and window.start_ns <= fault.to_ns for fault in off):
            found += [
                f"I5 {event.client_order_id} accepted in {window.key}, the venue's cash was off before it"
                for event in log
                if event.kind == "accepted" and window.start_ns <= event.utc_ns < min(window.target_ns, accepted_ns)
            ]
    return found


def not_resumed(lives: Lives, script: DayScript, heal_ns: int) -> list[str]:
    """L1: return the hourly windows in which nothing was quoted again although nothing had been wrong for long enough.

    In the last minutes before a close every range may be surely in or surely out, and nothing is left to quote.
    """
    return [
        f"L1 nothing rested in {window.key} from {RESUMED_NS / NS_PER_S:.0f} s after everything was well"
        for window in script.windows
        if window.target_type == "hourly"
        and max(heal_ns, window.start_ns) + RESUMED_NS + NS_PER_S < window.freeze_ns
        and not lives.resting(max(heal_ns, window.start_ns) + RESUMED_NS, window.freeze_ns)
    ]


def broken_promises(played: Played, script: DayScript, config: Config, heal_ns: int | None) -> tuple[str, ...]:
    """Return what of all this didn't hold on a played day."""
    log, witness = played.exchange.order_log, played.day.witness
    end_ns = script.windows[-1].target_ns + 400 * NS_PER_S
    kills_ns = [kill_ns for kill_ns, _ in played.day.restarts]
    lives = Lives(log, end_ns)
    processes = list(zip((0, *(back_ns for _, back_ns in played.day.restarts)), (*kills_ns, end_ns), strict=True))
    return (
        *rested_on_old_data(lives, witness, script, kills_ns),
        *outlived_their_process(lives, kills_ns),
        *epochs_together(lives),
        *too_many_orders(lives, config.quoting.max_open_orders),
        *limits_exceeded(log, played.exchange.terms(), config.risk),
        *came_back_too_soon(played.records, witness),
        *placed_after_stop(log, witness, end_ns),
        *cash_misjudged(played.records, log, script),
        *cancels_starved(witness.writes, lives, [born_ns for born_ns, _ in processes], config.venue),
        *clock_believed(log, config.quoting),
        *stopped_looking(witness.looks, script, processes),
        *(not_resumed(lives, script, heal_ns) if heal_ns is not None else ()),
    )
