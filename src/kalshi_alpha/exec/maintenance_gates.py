"""What must be true before anything is quoted after a maintenance: five gates, each with what was seen."""

from typing import Final

import msgspec

from kalshi_alpha.exec.discover import Expected, check_ladder
from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.reconcile import STATUS_GOOD_FOR_S, Reconciler
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.instruments import SYMBOLS
from kalshi_alpha.model.listed_day import ListedDay
from kalshi_alpha.model.maintenance import Gate
from kalshi_alpha.sched.calendar import CalendarRangeError, et_date, session
from kalshi_alpha.sched.maintenance_calendar import moment

STEADY_NS: Final = 3 * NS_PER_S
"""The status must have said for so long that the venue trades."""
SNAPSHOT_GOOD_FOR_NS: Final = 5 * NS_PER_S
NOT_READ: Final = ("not read",)


class Evidence(msgspec.Struct):
    """What was seen since the end of the last maintenance."""

    status_ns: int = 0
    """UTC of the venue's last word on its status; 0: none."""
    trading_since_ns: int = 0
    """Since when it has said without a break that it trades; 0: it doesn't."""
    snapshot_verdict: str = ""
    snapshot_mono_ns: int = 0
    listed: dict[Expected, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Ladder -> what is wrong with it; empty: it is as it should be."""

    def verify(self, day: ListedDay, wanted: tuple[Expected, ...]) -> None:
        """Compare the ladders of a series that are wanted next with what the venue lists: there, whole, closing at the target."""
        self.listed |= {one: check_ladder(one, day, None).faults for one in wanted if one.series == day.series}


def wanted_ladders(facts: EngineFacts, now: Now) -> tuple[Expected, ...]:
    """Return the ladder of the next window of each series that has one today."""
    try:
        windows = facts.schedule.today(now.utc_ns)
    except CalendarRangeError:
        return ()
    ahead = [Expected(window, series) for window in windows if window.freeze_ns > now.utc_ns for series in window.series]
    return tuple({one.series: one for one in reversed(ahead)}.values())[::-1]


def gates(facts: EngineFacts, reconciler: Reconciler, evidence: Evidence, ended_ns: int, now: Now) -> tuple[Gate, ...]:
    """Return the gates in the order in which they are usually reached.

    Args:
        facts: What the engine knows.
        reconciler: Knows what the venue showed.
        evidence: What was seen of the rest.
        ended_ns: The end of the last maintenance, or of the start; only what was seen later counts.
        now: The instant.

    """
    return (
        _status(facts, evidence, ended_ns, now),
        _reconciled(facts, reconciler, ended_ns),
        _ladders(facts, evidence, now),
        _snapshot(evidence, now),
        _feeds(facts, now),
    )


def feed_gates(facts: EngineFacts, reconciler: Reconciler, evidence: Evidence, ended_ns: int, now: Now) -> tuple[Gate, ...]:
    """Return the gates that apply when a feed has recovered inside a window; the arguments are those of ``gates``."""
    return (_status(facts, evidence, ended_ns, now), _reconciled(facts, reconciler, ended_ns))


def _status(facts: EngineFacts, evidence: Evidence, ended_ns: int, now: Now) -> Gate:
    venue = facts.venue
    if venue.status_mono_ns is None or now.mono_ns - venue.status_mono_ns > STATUS_GOOD_FOR_S * NS_PER_S:
        return Gate("status", green=False, note="unknown")
    if not (venue.exchange_active and venue.trading_active):
        return Gate("status", green=False, note="exchange paused" if not venue.exchange_active else "trading paused")
    since_ns = evidence.trading_since_ns
    if not since_ns or now.utc_ns - since_ns < STEADY_NS or evidence.status_ns < ended_ns:
        return Gate("status", green=False, note="active, not yet for long enough")
    return Gate("status", green=True, note=f"active since {moment(since_ns)}")


def _reconciled(facts: EngineFacts, reconciler: Reconciler, ended_ns: int) -> Gate:
    venue, empty_ns = facts.venue, reconciler.empty_as_of_ns
    missing = [
        word
        for holds, word in (
            (venue.reconciled, "start not reconciled"),
            (venue.connected, "stream not connected"),
            (bool(venue.group_id), "no order group"),
            (not reconciler.mismatch, f"positions differ: {reconciler.mismatch}"),
        )
        if not holds
    ]
    if not missing and empty_ns < ended_ns:
        missing = ["what rests not read since the end"]
    return Gate(
        "reconciled",
        green=not missing,
        note=", ".join(missing) or (f"nothing rests as of {moment(empty_ns)}" if empty_ns else "agrees with the venue"),
    )


def _ladders(facts: EngineFacts, evidence: Evidence, now: Now) -> Gate:
    wanted = wanted_ladders(facts, now)
    if not wanted:
        return Gate("ladders", green=True, note="no further window today")
    faults = {one.series: evidence.listed.get(one, NOT_READ) for one in wanted}
    wrong = [f"{series}: {'; '.join(told)}" for series, told in faults.items() if told]
    return Gate("ladders", green=not wrong, note=", ".join(wrong) or f"{len(wanted)} verified for the next windows")


def _snapshot(evidence: Evidence, now: Now) -> Gate:
    if not evidence.snapshot_verdict:
        return Gate("snapshot", green=False, note="not read back")
    age_ns = now.mono_ns - evidence.snapshot_mono_ns
    fresh = evidence.snapshot_verdict == "fresh" and age_ns <= SNAPSHOT_GOOD_FOR_NS
    return Gate("snapshot", green=fresh, note=f"{evidence.snapshot_verdict}, read back {age_ns // NS_PER_S} s ago")


def _feeds(facts: EngineFacts, now: Now) -> Gate:
    try:
        today = session(et_date(now.utc_ns))
    except CalendarRangeError:
        return Gate("feeds", green=False, note="no calendar for today")
    if not today.open_ns <= now.utc_ns < today.close_ns:
        return Gate("feeds", green=True, note="the market is closed: no index value is due")
    down = [symbol for symbol in SYMBOLS if facts.failover.health(symbol, now).serving == "none"]
    return Gate("feeds", green=not down, note=f"none fresh for {', '.join(down)}" if down else "fresh")
