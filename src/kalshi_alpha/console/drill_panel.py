"""What the page says of the last drill, from the records of the drills. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from kalshi_alpha.model.drills import DrillRecord

OLD_DAYS: Final = 30
"""What was shown to hold so long ago may not hold any more."""


class DrillPanel(msgspec.Struct, frozen=True):
    """One line of the page."""

    state: Literal["never", "passed", "failed", "old"]
    text: str


NEVER: Final = DrillPanel("never", "none here yet: kalshi-alpha drill restart")


def drill_panel(records: Iterable[DrillRecord], utc: datetime) -> DrillPanel:
    """Return the line about the newest record, with a word on those before it that failed; ``utc``: the present, aware."""
    dated = sorted(((at, record) for record in records if (at := _instant(record)) is not None), key=lambda one: one[0], reverse=True)
    if not dated:
        return NEVER
    at, newest = dated[0]
    failed = [record for _, record in dated if not record.passed]
    text = f"{newest.drill} {at:%Y-%m-%d %H:%M} UTC: {_outcome(newest)}"
    if failed and failed[0] is not newest:
        text += f"; {failed[0].drill} failed before"
    if failed:
        return DrillPanel("failed", text)
    return DrillPanel("old" if (utc - at).days >= OLD_DAYS else "passed", text)


def _instant(record: DrillRecord) -> datetime | None:
    try:
        at = datetime.fromisoformat(record.at_utc)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None


def _outcome(record: DrillRecord) -> str:
    if not record.passed:
        return f"FAILED: {record.failures[0] if record.failures else 'not finished'}"
    p99 = "" if record.p99_s is None else f", p99 {record.p99_s:.2f} s (limit {record.limit_p99_s:g})"
    return f"passed, {record.runs} kill{'s' if record.runs != 1 else ''}{p99}"
