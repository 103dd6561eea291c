"""What a played day comes to: the figures that the demo prints and that the seeds must keep at zero."""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.model.records import FeedSwitched, Record

VIOLATIONS_SHOWN: Final = 10
"""On a terminal: more would push the scorecard away."""


class RestartTime(msgspec.Struct, frozen=True):
    """One kill and what followed."""

    kill_to_quote_s: float | None
    """Seconds from the kill to the first new order resting, as the trading process lived them: real in the live demo, virtual in the
    fast one. None: none rested before the window's end."""


class Scorecard(msgspec.Struct, frozen=True):
    """One played day."""

    seed: int
    day: str
    windows: int
    quotes: int
    fills: int
    pnl_usd: float
    """Realised after settlement, after fees."""
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
    """Seconds from each loss of polygon to its return as the active feed."""
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


def recoveries(switches: Sequence[FeedSwitched], windows: Sequence[Window]) -> tuple[float, ...]:
    """Return how long polygon was away each time it was lost in a window, until it was the active feed again: the windows' seconds only."""
    found: list[float] = []
    lost_ns: int | None = None
    for switch in switches:
        in_window = any(window.start_ns <= switch.utc_ns < window.target_ns for window in windows)
        if switch.previous == "polygon" and lost_ns is None and in_window:
            lost_ns = switch.utc_ns
        elif switch.active == "polygon" and lost_ns is not None:
            found.append(round(_within(windows, lost_ns, switch.utc_ns) / NS_PER_S, 3))
            lost_ns = None
    return tuple(found)


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
        ("P&L after settlement", f"${card.pnl_usd:,.2f}"),
        ("seconds on each feed", ", ".join(f"{name} {seconds:,.0f}" for name, seconds in card.feed_seconds.items())),
        ("polygon away for", ", ".join(f"{seconds:.1f} s" for seconds in card.recoveries) or "never"),
        ("kill to first quote", restarts),
        ("orders resting after a freeze", f"{card.orders_resting_after_freeze}   (must be 0)"),
        ("quotes while standing down", f"{card.quotes_while_standing_down}   (must be 0)"),
        ("orders unknown to the engine", f"{card.unknown_orders}   (must be 0)"),
        ("EV gap, largest", f"${card.ev_gap_max_usd:.6f} a contract"),
        ("journal", card.journal_sha256[:16]),
    ]
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {value}" for name, value in rows]
    lines += [f"  VIOLATION: {violation}" for violation in card.violations[:VIOLATIONS_SHOWN]]
    more = len(card.violations) - VIOLATIONS_SHOWN
    if more > 0:
        lines.append(f"  ... and {more:,} more violations: --json has them all")
    return "\n".join(lines)
