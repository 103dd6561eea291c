"""Judges a played day by the venue's own record: what rested when, who knew of it, and whether the money agrees."""

from collections.abc import Sequence
from typing import Final

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.sim.exchange.audit import OrderEvent
from kalshi_alpha.sim.scorecard import RestartTime
from kalshi_alpha.sim.script import DayScript

SLO_S: Final = 2
EMPTY_BEFORE_S: Final = 270
HEARD_S: Final = 0.5
"""Longest time between a feed's silence and the last value still on its way."""


def resting_after_freeze(log: Sequence[OrderEvent], windows: Sequence[Window]) -> list[str]:
    """I1: return the orders that rested at the venue at a freeze or were accepted between a freeze and the next start."""
    found: list[str] = []
    for window in windows:
        resting: dict[str, OrderEvent] = {}
        for event in log:
            if event.utc_ns >= window.target_ns:
                break
            if event.remaining_e2 > 0 and event.kind in {"accepted", "amended", "filled", "decreased"}:
                resting[event.order_id] = event
                if event.kind == "accepted" and event.utc_ns >= window.freeze_ns:
                    found.append(f"accepted after the freeze of {window.label}: {event.client_order_id}")
            else:
                resting.pop(event.order_id, None)
        ended = {event.order_id: event.utc_ns for event in log if event.remaining_e2 == 0 or event.kind == "cancelled"}
        early = {event.order_id for event in log if event.kind == "accepted" and event.utc_ns < window.freeze_ns}
        found += [f"resting at the target of {window.label}: {order_id}" for order_id in resting]
        found += [
            f"resting {(ended[order_id] - window.freeze_ns) / NS_PER_S:.2f} s after the freeze of {window.label}: {order_id}"
            for order_id in sorted(early & ended.keys())
            if window.freeze_ns < ended[order_id] < window.target_ns
        ]
    return found


def resting_in_maintenance(log: Sequence[OrderEvent], maintenances: Sequence[tuple[int, int]]) -> list[str]:
    """I6: return the orders that rested at the venue from four and a half minutes before an announced maintenance until its end."""
    found: list[str] = []
    began: dict[str, int] = {}
    ended: dict[str, int] = {}
    for event in log:
        if event.kind == "accepted" and event.remaining_e2 > 0:
            began[event.order_id] = event.utc_ns
        if event.remaining_e2 == 0 or event.kind == "cancelled":
            ended.setdefault(event.order_id, event.utc_ns)
    for from_ns, to_ns in maintenances:
        empty_ns = from_ns - EMPTY_BEFORE_S * NS_PER_S
        found += [
            f"I6 {order_id} rested in the maintenance of {from_ns}"
            for order_id, began_ns in began.items()
            if began_ns < to_ns and ended.get(order_id, to_ns) > empty_ns
        ]
    return found


def quotes_while_down(log: Sequence[OrderEvent], script: DayScript) -> list[str]:
    """Return the orders accepted while both feeds were silent by the script, or outside every window."""
    found: list[str] = []
    for event in log:
        if event.kind != "accepted":
            continue
        if not any(window.start_ns <= event.utc_ns < window.freeze_ns for window in script.windows):
            found.append(f"accepted outside every window: {event.client_order_id}")
        for from_ns, to_ns in script.both_down():
            if from_ns + int((SLO_S + HEARD_S) * NS_PER_S) < event.utc_ns < to_ns:
                found.append(f"accepted while both feeds were down: {event.client_order_id}")
    return found


def restart_times(
    log: Sequence[OrderEvent], kills_ns: Sequence[int], windows: Sequence[Window], speed: float = 1.0
) -> tuple[RestartTime, ...]:
    """Return for each kill the time to the first new order resting; None when the window ended before.

    Args:
        log: The venue's record.
        kills_ns: Simulated UTC of each kill.
        windows: Those that were played.
        speed: Simulated seconds per second of the trading process.

    """
    times: list[RestartTime] = []
    for kill_ns in kills_ns:
        end_ns = next((window.freeze_ns for window in windows if window.start_ns <= kill_ns < window.target_ns), kill_ns)
        epoch = next(
            (event.client_order_id.split("-")[0] for event in reversed(log) if event.kind == "accepted" and event.utc_ns < kill_ns), ""
        )
        first = next(
            (
                event.utc_ns
                for event in log
                if event.kind == "accepted" and kill_ns < event.utc_ns < end_ns and not event.client_order_id.startswith(epoch + "-")
            ),
            None,
        )
        times.append(RestartTime(None if first is None else round((first - kill_ns) / NS_PER_S / speed, 3)))
    return tuple(times)


def epochs_mixed(log: Sequence[OrderEvent]) -> list[str]:
    """I7: return the orders of an older epoch accepted after a newer epoch's first."""
    newest = 0
    found: list[str] = []
    for event in log:
        if event.kind != "accepted":
            continue
        epoch = int(event.client_order_id.split("-")[0])
        if epoch < newest:
            found.append(f"I7 order of epoch {epoch} accepted after epoch {newest}: {event.client_order_id}")
        newest = max(newest, epoch)
    return found


def slots_shared(log: Sequence[OrderEvent]) -> list[str]:
    """I4: return the moments at which two orders rested in one slot (market and side) within one epoch."""
    resting: dict[tuple[str, str], dict[str, str]] = {}
    found: list[str] = []
    for event in log:
        slot = resting.setdefault((event.ticker, event.side), {})
        if event.kind == "accepted" and event.remaining_e2 > 0:
            slot[event.order_id] = event.client_order_id
            if len(slot) > 1:
                found.append(f"I4 two orders in one slot {event.ticker} {event.side}: {', '.join(slot.values())}")
        elif event.kind == "cancelled" or event.remaining_e2 == 0:
            slot.pop(event.order_id, None)
    return found
