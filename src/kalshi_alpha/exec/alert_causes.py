"""What is worth an alert, worked out from what is true now.

Causes about the feeds and the venue's stream are looked at in windows and outside of maintenance only: there silence means something.
"""

from itertools import islice
from typing import Final

import msgspec

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.model.alerts import Severity
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.reasons import Reason

WINDOWS_DEGRADED_MAX: Final = 2
"""More degraded windows in a row than this raise the playbook's alert."""
ROOM_SHARE_MIN: Final = 0.05
"""With less of the journal's disk free, somebody should look."""
FLAPS: Final = 4
FLAP_NS: Final = 600 * NS_PER_S
"""So many changes of the active feed within this time are flapping."""
LATCHES: Final = {
    "risk_limit": "The daily or the weekly loss limit is reached",
    "order_group_stopped": "The venue stopped our order group",
    "somebody_else_trades": "Somebody else trades on this account",
}
_EVERYWHERE: Final[dict[Reason, tuple[str, Severity, str]]] = {
    Reason.CLOCK_OFFSET: ("clock", "page", "Our clock isn't surely within a second of the venue's"),
    Reason.LEDGER_MISMATCH: ("positions", "page", "Positions differ from the venue's"),
    Reason.CASH_MISMATCH: ("cash", "page", "Cash differs from the venue's"),
    Reason.STORAGE_FAILED: ("storage", "page", "The journal can't be written"),
    Reason.STORAGE_SLOW: ("storage_slow", "page", "The journal's disk is slow: not quoting"),
    Reason.STORAGE_SHORT: ("storage_room", "page", "The journal's disk is nearly full: not quoting"),
    Reason.CALENDAR_IN_DOUBT: ("calendar", "ticket", "The calendar and the venue contradict each other"),
    Reason.CALENDAR_ENDS: ("calendar_ends", "page", "The built-in calendar has ended"),
    Reason.FEES_UNKNOWN: ("fees", "ticket", "A ladder's fees can't be understood: not quoted"),
}
_IN_WINDOWS: Final[dict[Reason, tuple[str, Severity, str]]] = {
    Reason.FEED_DISAGREES: ("feeds_disagree", "page", "The legs disagree about an index"),
    Reason.FEED_JUMPED: ("feeds_disagree", "page", "One leg has jumped and the other hasn't"),
    Reason.IMPLIED_LEVEL: ("feeds_implied", "page", "The venue's own ladder, or a further leg, contradicts the feeds"),
    Reason.FEED_UNCONFIRMED: ("feeds_unconfirmed", "page", "The feeds are back and nobody has confirmed it"),
    Reason.VENUE_DISCONNECTED: ("venue", "page", "The venue's stream is disconnected"),
    Reason.EXCHANGE_UNKNOWN: ("venue_status", "page", "The venue's status can't be read"),
    Reason.NO_LADDER: ("ladder", "ticket", "The venue lists no ladder for an open window"),
}
HOLD_S: Final = {
    "venue": 5.0, "venue_status": 5.0, "ladder": 30.0, "clock": 5.0, "positions": 5.0, "feeds_missing": 10.0, "feeds_unconfirmed": 15.0,
}  # fmt: skip
"""What may pass by itself must hold for so long before it is told; everything else is told at once."""


class Cause(msgspec.Struct, frozen=True):
    """Something that is worth an alert."""

    severity: Severity
    title: str
    text: str = ""


def causes(facts: EngineFacts, now: Now) -> dict[str, Cause]:
    """Return what is worth an alert now, by the key of the cause."""
    found: dict[str, Cause] = {}
    tables = [_EVERYWHERE, *([_IN_WINDOWS] if facts.alarms else [])]
    for held in facts.reasons:
        for table in tables:
            if held.reason in table:
                key, severity, title = table[held.reason]
                scope = " ".join(word for word in (held.scope, held.note) if word)
                found.setdefault(key, Cause(severity, title, scope))
    if (room := facts.room.read) is not None and room.free_bytes < ROOM_SHARE_MIN * room.total_bytes:
        text = f"{room.free_bytes / 2**20:,.0f} of {room.total_bytes / 2**20:,.0f} MiB are free"
        found.setdefault("storage_room", Cause("ticket", "The journal's disk is getting full", text))
    for latch in facts.orders.latches:
        if latch in LATCHES:
            found[f"latch_{latch}"] = Cause("page", LATCHES[latch], f"latched; clear {latch} when it is understood")
    return found | _feeds(facts, now)


def _feeds(facts: EngineFacts, now: Now) -> dict[str, Cause]:
    found: dict[str, Cause] = {}
    failover = facts.failover
    degraded = failover.windows_degraded
    if degraded > WINDOWS_DEGRADED_MAX:
        found["feed_degraded"] = Cause(
            "page", f"polygon was stale or massive active in {degraded} windows in a row", f"active: {failover.active}"
        )
    if facts.alarms and failover.active == "none" and failover.timeline:
        found["both_feeds"] = Cause("page", "Both feeds are down", _feeds_text(facts, now))
    if facts.alarms and not failover.timeline:
        found["feeds_missing"] = Cause("page", "No feed has brought a value since the start", _feeds_text(facts, now))
    changes = [at_ns for at_ns, _ in islice(failover.timeline, 1, None) if now.utc_ns - at_ns <= FLAP_NS]  # the first is the start
    if facts.alarms and len(changes) >= FLAPS:
        title = f"The active feed changed {len(changes)} times within {FLAP_NS // NS_PER_S // 60} min"
        found["feed_flapping"] = Cause("ticket", title, _feeds_text(facts, now))
    return found


def _feeds_text(facts: EngineFacts, now: Now) -> str:
    return "; ".join(f"{name}: {value}" for name, value in facts.feed_facts(now).items())
