"""The failover rehearsal: a primary outage, a recovery and a double outage, and what the controller must do about each, and when.

    0 s   both legs          20 s  polygon silent      35 s  polygon back
    70 s  both silent        80 s  both back           95 s  end

It judges transitions against the arrivals that led to them, so that it holds in virtual time and over real sockets alike. Values of one
instant reach us one after the other: where both legs fall silent, one may be active for the moment between their limits.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from kalshi_alpha.config import FeedsConfig
from kalshi_alpha.data.failover import DualFeedFailover, FeedSwitch
from kalshi_alpha.data.symbol_feed import Active
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.events import IndexTicked
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Leg, Symbol
from kalshi_alpha.sim.feed.faults import FeedFault

LENGTH_S: Final = 95
POLYGON_OUT_S: Final = (20, 35)
BOTH_OUT_S: Final = (70, 80)
DETECTION_MS: Final = 100
"""A limit that has passed must be acted on within this."""
_LATENCY_NS: Final = 22 * NS_PER_MS
_LEVELS: Final = {"I:SPX": 6_850.0, "I:NDX": 25_300.0}


class Arrival(msgspec.Struct, frozen=True):
    """A value came in. Times are in nanoseconds since the beginning of the rehearsal."""

    at_ns: int
    leg: Leg
    symbol: Symbol


class Transition(msgspec.Struct, frozen=True):
    """The active feed changed."""

    at_ns: int
    previous: Active
    active: Active
    reason: str


class Step(msgspec.Struct, frozen=True):
    """One transition that must be there, and what became of it. Times are seconds since the beginning."""

    what: str
    previous: Active
    active: Active
    earliest_s: float
    latest_s: float
    at_s: float | None
    """When it came; None: it didn't."""
    fault: str
    """What is wrong with it; empty: nothing."""


def faults(begin_ns: int) -> tuple[FeedFault, ...]:
    """Return the outages for a simulated feed whose rehearsal begins at a UTC instant."""

    def silent(span_s: tuple[int, int], leg: str) -> FeedFault:
        from_ns, to_ns = (begin_ns + second * NS_PER_S - NS_PER_S // 2 for second in span_s)
        return FeedFault(from_ns, to_ns, leg, "silent")

    return silent(POLYGON_OUT_S, "polygon"), silent(BOTH_OUT_S, "*")


def rehearse(config: FeedsConfig, begin_ns: int) -> tuple[list[Arrival], list[Transition]]:
    """Play the script on the real controller in virtual time, from a UTC instant on."""
    controller = DualFeedFailover(config)
    arrivals: list[Arrival] = []
    transitions: list[Transition] = []
    for leg in LEGS:
        controller.connected(leg, Now(begin_ns, begin_ns))
    for second in range(1, LENGTH_S + 1):
        utc_ns = begin_ns + second * NS_PER_S + _LATENCY_NS
        while (due_ns := controller.next_deadline_ns()) is not None and due_ns < utc_ns:
            transitions += told(controller.evaluate(Now(due_ns, due_ns)), due_ns - begin_ns)
        now = Now(utc_ns, utc_ns)
        for leg in LEGS:
            if _is_out(leg, second):
                continue
            for symbol in SYMBOLS:
                arrivals.append(Arrival(utc_ns - begin_ns, leg, symbol))
                level = _LEVELS[symbol] + 0.25 * (second % 7)
                controller.ingest(IndexTicked(leg, symbol, level, (begin_ns + second * NS_PER_S) // NS_PER_MS), now)
        transitions += told(controller.evaluate(now), utc_ns - begin_ns)
    return arrivals, transitions


def told(switches: Sequence[FeedSwitch], at_ns: int) -> list[Transition]:
    """Return the changes of the overall active feed among a controller's switches."""
    return [Transition(at_ns, switch.previous, switch.active, switch.reason) for switch in switches if not switch.symbol]


def judge(config: FeedsConfig, arrivals: Sequence[Arrival], transitions: Sequence[Transition], late_ms: int = DETECTION_MS) -> list[Step]:
    """Return every transition that must be there, and every one that mustn't, with its fault.

    Args:
        config: The limits that were in force.
        arrivals: What came in, in order.
        transitions: What the controller did, in order.
        late_ms: How late a decision may be.

    """
    left = _without_moments(list(transitions), late_ms * NS_PER_MS)
    steps = []
    for what, previous, active, earliest_ns in _expected(config, arrivals):
        latest_ns = earliest_ns + late_ms * NS_PER_MS
        alike = [one for one in left if (one.previous, one.active) == (previous, active)]
        found = min(alike, key=lambda one: abs(one.at_ns - earliest_ns), default=None)
        if found is not None:
            left.remove(found)
        steps.append(_step(what, found, (previous, active), (earliest_ns, latest_ns)))
    steps += [
        Step(f"not in the script: {one.reason}", one.previous, one.active, 0.0, 0.0, one.at_ns / NS_PER_S, "unexpected") for one in left
    ]
    return steps


def _expected(config: FeedsConfig, arrivals: Sequence[Arrival]) -> list[tuple[str, Active, Active, int]]:
    """Return the transitions of the script, each with the earliest moment it may come at by what had arrived."""
    slo_ns = {"polygon": config.polygon.slo_ms * NS_PER_MS, "massive": config.massive.slo_ms * NS_PER_MS}
    recovery_ns = int(config.recovery_s * NS_PER_S)
    out, both = POLYGON_OUT_S, BOTH_OUT_S

    def gone(leg: Leg, symbol: Symbol, before_s: int) -> int:
        last = max((one.at_ns for one in arrivals if (one.leg, one.symbol) == (leg, symbol) and one.at_ns < before_s * NS_PER_S), default=0)
        return last + slo_ns[leg]

    def back(symbol: Symbol, after_s: int, *legs: Leg) -> int:
        return min(
            (one.at_ns for one in arrivals if one.leg in legs and one.symbol == symbol and one.at_ns >= after_s * NS_PER_S), default=0
        )

    # The feed is as good as its worst symbol: gone with the first of them, back with the last.
    at_first = max(back(symbol, 0, *LEGS) for symbol in SYMBOLS)
    polygon_gone = min(gone("polygon", symbol, out[0]) for symbol in SYMBOLS)
    polygon_back = max(back(symbol, out[1] - 1, "polygon") for symbol in SYMBOLS) + recovery_ns
    all_gone = min(gone(leg, symbol, both[0]) for leg in LEGS for symbol in SYMBOLS)  # the second copy of a value makes it no newer
    back_again = max(back(symbol, both[1] - 1, "polygon") for symbol in SYMBOLS) + recovery_ns
    return [
        ("the first value", "none", "polygon", at_first),
        ("polygon is silent", "polygon", "massive", polygon_gone),
        ("polygon is back, without a miss", "massive", "polygon", polygon_back),
        ("both legs are silent", "polygon", "none", all_gone),
        ("polygon is back, without a miss", "none", "polygon", back_again),
    ]


def _step(what: str, found: Transition | None, between: tuple[Active, Active], window_ns: tuple[int, int]) -> Step:
    earliest_ns, latest_ns = window_ns
    if found is None:
        fault = "missing"
    elif found.at_ns < earliest_ns:
        fault = "early"
    else:
        fault = "late" if found.at_ns > latest_ns else ""
    at_s = None if found is None else found.at_ns / NS_PER_S
    return Step(what, *between, earliest_ns / NS_PER_S, latest_ns / NS_PER_S, at_s, fault)


def _without_moments(transitions: list[Transition], moment_ns: int) -> list[Transition]:
    """Leave out the feeds that were only passed through within a moment."""
    joined: list[Transition] = []
    for one in transitions:
        if not joined or one.at_ns - joined[-1].at_ns > moment_ns:
            joined.append(one)
            continue
        previous = joined.pop().previous
        if previous != one.active:
            joined.append(Transition(one.at_ns, previous, one.active, one.reason))
    return joined


def _is_out(leg: Leg, second: int) -> bool:
    polygon = leg == "polygon" and POLYGON_OUT_S[0] <= second < POLYGON_OUT_S[1]
    return polygon or BOTH_OUT_S[0] <= second < BOTH_OUT_S[1]
