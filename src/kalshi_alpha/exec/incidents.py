"""An incident's evidence, made of the journal's records around it: the extract, a timeline, and the draft of a post-mortem. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from kalshi_alpha.model import records as r
from kalshi_alpha.model.clock import NS_PER_S, iso_et, iso_utc
from kalshi_alpha.model.records import IncidentNoted, Record

BEFORE_S: Final = 300
AFTER_S: Final = 30
RECORDS_MAX: Final = 2_000
_ORDERS: Final[dict[type[Record], str]] = {
    r.OrderIntended: "orders intended",
    r.OrderPlaced: "acknowledged",
    r.OrderClosed: "closed",
    r.FillBooked: "fills",
}


def evidence_files(noted: IncidentNoted, recent: Sequence[Record]) -> dict[str, bytes]:
    """Return what belongs into the incident's folder beside its facts, by file name.

    Args:
        noted: The incident.
        recent: The journal's last records, oldest first: those from five minutes before to half a minute after are taken.

    """
    near = around(noted, recent)
    return {
        "journal.jsonl": b"".join(msgspec.json.encode(record) + b"\n" for record in near),
        "timeline.md": timeline(noted, near).encode(),
        "post_mortem.md": post_mortem(noted, near).encode(),
    }


def around(noted: IncidentNoted, recent: Sequence[Record]) -> list[Record]:
    """Return the records near an incident: the last of them where there are too many."""
    first_ns, last_ns = noted.utc_ns - BEFORE_S * NS_PER_S, noted.utc_ns + AFTER_S * NS_PER_S
    return [record for record in recent if first_ns <= record.utc_ns <= last_ns][-RECORDS_MAX:]


def timeline(noted: IncidentNoted, near: Sequence[Record]) -> str:
    """Return what happened, a line a step; orders are counted by the second."""
    lines = [f"# Timeline: {_line(noted.title)}", "", f"Incident {noted.incident_id}, New York's date {iso_et(noted.utc_ns)[:10]}.", ""]
    lines += ["| New York | UTC | what |", "|---|---|---|"]
    orders: Counter[str] = Counter()
    second = -1
    for record in near:
        word = _ORDERS.get(type(record))
        if orders and (word is None or record.utc_ns // NS_PER_S != second):
            lines.append(_row(second * NS_PER_S, _counted(orders)))
            orders.clear()
        if word is not None:
            second = record.utc_ns // NS_PER_S
            orders[word] += 1
            continue
        text = _told(record)
        if text:
            mark = "**" if record == noted else ""
            lines.append(_row(record.utc_ns, f"{mark}{text}{mark}"))
    if orders:
        lines.append(_row(second * NS_PER_S, _counted(orders)))
    return "\n".join([*lines, ""])


def post_mortem(noted: IncidentNoted, near: Sequence[Record]) -> str:
    """Return a draft with what is known filled in."""
    counted = Counter(_ORDERS[type(record)] for record in near if type(record) in _ORDERS)
    windows = sorted({record.window for record in near if isinstance(record, r.WindowPhase)})
    switches = [f"{record.previous} to {record.active}" for record in near if isinstance(record, r.FeedSwitched)]
    reasons = sorted({reason for record in near if isinstance(record, r.StandDownChanged) for reason in record.reasons})
    lines = [
        f"# Post-mortem: {_line(noted.title)}",
        "",
        f"Draft, written by the system for incident {noted.incident_id}. Complete it and keep it; it isn't written over.",
        "",
        "## What happened",
        "",
        f"- Noted at {iso_et(noted.utc_ns)} New York ({iso_utc(noted.utc_ns)}); kind: {noted.kind}.",
        f"- What the system did: {_line(noted.did)}.",
        *(f"- {_line(key)}: {_line(value)}" for key, value in noted.facts.items()),
        "",
        "## Impact, from the records of the five minutes before it",
        "",
        f"- Windows: {', '.join(windows) or 'none opened or ended'}.",
        f"- Feeds: {', '.join(switches) or 'no switch'}.",
        f"- Stood down for: {', '.join(reasons) or 'nothing'}.",
        f"- Orders: {_counted(counted) or 'none'}.",
        "",
        "Every step stands in [timeline.md](timeline.md), every record in [journal.jsonl](journal.jsonl).",
        "",
    ]
    for question in (
        "Root cause",
        "How it was noticed, and how long that took",
        "What went well, what didn't",
        "What changes, by whom, by when",
    ):
        lines += [f"## {question}", "", "To be written.", ""]
    return "\n".join(lines)


def _told(record: Record) -> str:
    """Return what a step was; nothing for those that an operator wouldn't miss."""
    match record:
        case r.EngineStarted():
            return f"epoch {record.epoch} started, snapshot {record.snapshot_verdict}"
        case r.FeedSwitched():
            return f"active feed: {record.previous} to {record.active} ({_line(record.reason)})"
        case r.StandDownChanged():
            return f"stands down for {', '.join(record.reasons)}" if record.reasons else "nothing forbids quoting"
        case r.WindowPhase():
            return f"window {record.window}: {record.phase}, {record.resting} resting"
        case _:
            return _told_of_people(record)


def _told_of_people(record: Record) -> str:
    match record:
        case r.LatchSet():
            return f"latch {_line(record.reason)} set by {_line(record.actor)}"
        case r.LatchLifted():
            return f"latch {_line(record.reason)} lifted by {_line(record.actor)}"
        case r.IncidentNoted():
            return f"incident: {_line(record.title)}; {_line(record.did)}"
        case _:
            return _told_of_alerts(record)


def _told_of_alerts(record: Record) -> str:
    match record:
        case r.AlertRaised():
            return f"alert {record.alert.key} raised: {_line(record.alert.title)}"
        case r.AlertAcknowledged():
            return f"alert {record.key} taken on by {_line(record.actor)}"
        case r.AlertClosed():
            return f"alert {record.key} closed"
        case _:
            return ""


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _row(utc_ns: int, text: str) -> str:
    return f"| {iso_et(utc_ns)[11:23]} | {iso_utc(utc_ns)[11:23]} | {text} |"


def _line(text: str) -> str:
    """Return somebody else's words as one line of a table."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).replace("|", "/").replace("`", "'").split())
