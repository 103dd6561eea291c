"""The first windows after a clock change, computed a second time by a rule that knows no time zone data.

Since 2007 New York is four hours behind UTC from the second Sunday of March to the first Sunday of November, else five. Where the
tables and this rule differ, one of them is wrong, and the day isn't quoted.
Source: Energy Policy Act of 2005, section 110; 15 U.S.C. 260a.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.sched.calendar import Session

_EPOCH: Final = date(1970, 1, 1)
_DAY_S: Final = 86_400
_SUNDAY: Final = 6
_HOURS_S: Final = {"regular": (34_200, 57_600), "early_close": (34_200, 46_800)}
"""Kind -> open and close, seconds after midnight in New York."""


def offset_hours(day: date) -> int:
    """Return how far New York is behind UTC at noon of a date, by the rule alone: 4 or 5."""
    march, november = date(day.year, 3, 1), date(day.year, 11, 1)
    begins = march + timedelta(days=(_SUNDAY - march.weekday()) % 7 + 7)
    ends = november + timedelta(days=(_SUNDAY - november.weekday()) % 7)
    return 4 if begins <= day < ends else 5


def clock_problems(found: Session, windows: Sequence[Window], config: WindowsConfig) -> tuple[str, ...]:
    """Return where a day's session or windows differ from the rule; empty: they agree."""
    day = date.fromisoformat(found.date)
    midnight_s = (day - _EPOCH).days * _DAY_S + offset_hours(day) * 3_600
    problems = []
    if found.kind in _HOURS_S:
        open_s, close_s = _HOURS_S[found.kind]
        problems += _unlike("session's open", found.open_ns, midnight_s + open_s) + _unlike(
            "session's close", found.close_ns, midnight_s + close_s
        )
    for window in windows:
        hhmm = window.label.rpartition("-")[2]
        target_s = midnight_s + int(hhmm[:2]) * 3_600 + int(hhmm[2:]) * 60
        problems += _unlike(f"{window.label}'s target", window.target_ns, target_s)
        lead_s = config.hourly_lead_s if window.target_type == "hourly" else config.close_lead_s
        if window.start_ns < (target_s - lead_s) * NS_PER_S or window.freeze_ns > (target_s - config.freeze_s) * NS_PER_S:
            problems.append(f"{window.label} reaches beyond {lead_s} s to {config.freeze_s} s before its target")
    return tuple(problems)


def _unlike(what: str, utc_ns: int, expected_s: int) -> list[str]:
    off_s = (utc_ns - expected_s * NS_PER_S) / NS_PER_S
    return [f"the {what} is {off_s:+.0f} s from where the rule of 2007 puts it"] if off_s else []
