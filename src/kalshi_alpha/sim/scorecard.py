"""What a played day comes to: the figures that the demo prints and that the seeds must keep at zero."""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.model.records import FeedSwitched, Record
from kalshi_alpha.sim.feed.faults import FeedFault

NOTICED_S: Final = 5
"""How long after a fault's end its effect on a feed may first be noticed: more than any leg's freshness limit."""
VIOLATIONS_SHOWN: Final = 10
"""On a terminal: more would push the scorecard away."""

UNSCRIPTED_SHOWN: Final = 3


class RestartTime(msgspec.Struct, frozen=True):
    """One kill and what followed."""

    kill_to_quote_s: float | None
    """Seconds from the kill to the first new order resting, as the trading process lived them: real in the live demo, virtual in the
    fast one. None: none rested before the window's end."""


class Outage(msgspec.Struct, frozen=True):
    """Polygon lost in a window."""

    away_s: float
    """Seconds of window time until it was the active feed again, or until the last window's end."""
    scripted: bool
    """A fault of the script explains it."""


class Stall(msgspec.Struct, frozen=True):
    """How late this machine was, in real time."""

    ms_max: float
    """The demo's own longest delay beyond what it had asked to sleep, while a window was open."""
    limit_ms: float
    """For how long a feed may be silent at the demo's speed."""


class Scorecard(msgspec.Struct, frozen=True):
    """One played day."""

    seed: int
    day: str
    windows: int
    quotes: int
    fills: int
    pnl_usd: float
    """Realised, after fees: all of it after settlement, unless contracts are unsettled."""
    orders_resting_after_freeze: int
    quotes_while_standing_down: int
    unknown_orders: int
    """Orders resting at the venue at the end of a window that the engine doesn't know."""
    feed_seconds: dict[str, float]
    """Seconds of window time by active feed."""
    restarts: tuple[RestartTime, ...]
    ev_gap_max_usd: float
    journal_sha256: str
    recoveries: tuple[float, ...] = ()
    """Seconds of window time from each loss of polygon to its return as the active feed."""
    recoveries_scripted: tuple[bool, ...] = ()
    """For each of them, whether a fault of the script explains it."""
    contracts_unsettled: float = 0.0
    """Contracts held, long or short, whose outcome isn't booked: the day ended early."""
    stall: Stall | None = None
    """None: in virtual time nothing is late."""
    rejected: int = 0
    violations: tuple[str, ...] = ()
    write_tokens: int = 0
    events: int = 0

    @property
    def clean(self) -> bool:
        """Whether every promised zero holds."""
        return not (self.orders_resting_after_freeze or self.quotes_while_standing_down or self.unknown_orders or self.violations)


def feed_seconds(switches: Sequence[FeedSwitched], windows: Sequence[Window], start: str = "none") -> dict[str, float]:
    """Return the seconds each feed was the active one while a window was open."""
    totals = {"polygon": 0, "massive": 0, "none": 0}
    edges = [(switch.utc_ns, switch.active) for switch in sorted(switches, key=lambda switch: switch.utc_ns)]
    for window in windows:
        active, since_ns = start, window.start_ns
        for at_ns, name in edges:
            if at_ns <= window.start_ns:
                active = name
                continue
            if at_ns >= window.target_ns:
                break
            totals[active] += at_ns - since_ns
            active, since_ns = name, at_ns
        totals[active] += window.target_ns - since_ns
    return {name: round(total / NS_PER_S, 3) for name, total in totals.items()}


def outages(switches: Sequence[FeedSwitched], windows: Sequence[Window], faults: Sequence[FeedFault]) -> tuple[Outage, ...]:
    """Return each loss of polygon in a window until it was the active feed again, in order; the time between windows doesn't count."""
    found: list[Outage] = []
    lost_ns: int | None = None
    for switch in switches:
        in_window = any(window.start_ns <= switch.utc_ns < window.target_ns for window in windows)
        if switch.previous == "polygon" and lost_ns is None and in_window:
            lost_ns = switch.utc_ns
        elif switch.active == "polygon" and lost_ns is not None:
            found.append(_outage(lost_ns, switch.utc_ns, windows, faults))
            lost_ns = None
    if lost_ns is not None:
        found.append(_outage(lost_ns, windows[-1].target_ns, windows, faults))
    return tuple(found)


def _outage(lost_ns: int, back_ns: int, windows: Sequence[Window], faults: Sequence[FeedFault]) -> Outage:
    scripted = any(fault.leg in {"polygon", "*"} and fault.from_ns <= lost_ns <= fault.to_ns + NOTICED_S * NS_PER_S for fault in faults)
    return Outage(round(_within(windows, lost_ns, back_ns) / NS_PER_S, 3), scripted)


def _within(windows: Sequence[Window], from_ns: int, until_ns: int) -> int:
    """Return the nanoseconds of a stretch that lie in any of the windows, which come by their start and may overlap."""
    total_ns, counted_ns = 0, from_ns
    for window in windows:
        begin_ns, end_ns = max(window.start_ns, counted_ns), min(window.target_ns, until_ns)
        if end_ns > begin_ns:
            total_ns, counted_ns = total_ns + end_ns - begin_ns, end_ns
    return total_ns


def feed_switches(records: Sequence[Record]) -> list[FeedSwitched]:
    """Return the journal's changes of the active feed."""
    return [record for record in records if isinstance(record, FeedSwitched)]


def sha256(data: bytes) -> str:
    """Return the digest by which two runs are compared byte for byte."""
    return hashlib.sha256(data).hexdigest()


def as_text(card: Scorecard) -> str:
    """Return the scorecard for people."""
    restarts = ", ".join("-" if one.kill_to_quote_s is None else f"{one.kill_to_quote_s:.2f} s" for one in card.restarts) or "none"
    rows = [
        ("day", f"{card.day}, seed {card.seed}, {card.windows} windows"),
        ("quotes placed", f"{card.quotes:,} ({card.rejected} refused by the venue)"),
        ("fills", f"{card.fills:,}"),
        (_pnl_name(card), f"${card.pnl_usd:,.2f}"),
        ("seconds on each feed", ", ".join(f"{name} {seconds:,.0f}" for name, seconds in card.feed_seconds.items())),
        ("polygon away for", ", ".join(_away(card)) or "never"),
        ("kill to first quote", restarts),
        ("orders resting after a freeze", f"{card.orders_resting_after_freeze}   (must be 0)"),
        ("quotes while standing down", f"{card.quotes_while_standing_down}   (must be 0)"),
        ("orders unknown to the engine", f"{card.unknown_orders}   (must be 0)"),
        ("EV gap, largest", f"${card.ev_gap_max_usd:.6f} a contract"),
        ("journal", card.journal_sha256[:16]),
    ]
    if card.stall is not None:
        late = f"{card.stall.ms_max:.0f} ms (at this speed a feed may be silent for {card.stall.limit_ms:.0f} ms)"
        rows.insert(6, ("longest stall of this machine", late))
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {value}" for name, value in rows]
    lines += [f"  VIOLATION: {violation}" for violation in card.violations[:VIOLATIONS_SHOWN]]
    more = len(card.violations) - VIOLATIONS_SHOWN
    if more > 0:
        lines.append(f"  ... and {more:,} more violations: --json has them all")
    return "\n".join(lines)


def _pnl_name(card: Scorecard) -> str:
    return f"P&L ({card.contracts_unsettled:,g} contracts unsettled)" if card.contracts_unsettled else "P&L after settlement"


def _away(card: Scorecard) -> list[str]:
    """Return each outage, or of many that nobody scripted their sum."""
    stalled = card.stall is not None and card.stall.ms_max > card.stall.limit_ms / 2  # a value comes every half of the limit
    why = "not scripted: this machine stalled" if stalled else "not scripted"
    pairs = list(zip(card.recoveries, card.recoveries_scripted, strict=True))
    others = [seconds for seconds, scripted in pairs if not scripted]
    if len(others) <= UNSCRIPTED_SHOWN:
        return [f"{seconds:.1f} s" if scripted else f"{seconds:.1f} s ({why})" for seconds, scripted in pairs]
    return [f"{seconds:.1f} s" for seconds, scripted in pairs if scripted] + [f"{len(others)} times {sum(others):.1f} s in all ({why})"]
