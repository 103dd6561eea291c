"""Settlement wording without what differs from market to market: strikes, and the date and time of the target.

What is left must stay the same from day to day. Every other number stays in, so that ``60 seconds`` becoming ``30 seconds`` is seen.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from kalshi_alpha.model.clock import NEW_YORK, NS_PER_S

_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_WEEKDAY: Final = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+"
_DAY: Final = r"(?:[0-9]{1,2})(?:st|nd|rd|th)?"
_DATES: Final = re.compile(
    rf"\b(?:{_WEEKDAY})?(?:(?P<month>{_MONTH})\s+(?P<day>{_DAY}),?\s+(?P<year>[0-9]{{4}})"
    rf"|(?P<day2>{_DAY})\s+(?P<month2>{_MONTH}),?\s+(?P<year2>[0-9]{{4}})"
    r"|(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2}))\b",
    re.IGNORECASE,
)
_TIMES: Final = re.compile(
    r"\b(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2}))?(?::[0-9]{2})?(?P<half>\s*[ap]\.?m\.?)?(?P<zone>\s*(?:EDT|EST|ET)\b)?", re.IGNORECASE
)
_NUMBERS: Final = re.compile(r"\$?\b[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?\b|\b[0-9]+(?:\.[0-9]+)?\b")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NOON: Final = 12
_NEAR: Final = Decimal("0.01")
"""A strike of 6,845 is also written as above 6,844.9999."""


def wording_of(rules: str, strikes: Sequence[str], target_ns: int) -> str:
    """Return the wording with ``<strike>``, ``<date>`` and ``<time>`` in place of the market's own.

    Args:
        rules: As the venue writes them.
        strikes: The market's strikes as decimal numbers, index points.
        target_ns: The settlement instant, UTC nanoseconds.

    """
    target = datetime.fromtimestamp(target_ns // NS_PER_S, NEW_YORK)
    own = [Decimal(strike) for strike in strikes if strike]
    text = _DATES.sub(lambda match: "<date>" if _is_date(match, target) else match[0], rules)
    text = _NUMBERS.sub(lambda match: "<strike>" if _is_strike(match[0], own) else match[0], text)
    text = _TIMES.sub(lambda match: "<time>" if _is_time(match, target) else match[0], text)
    return " ".join(text.split())


def _is_date(match: re.Match[str], target: datetime) -> bool:
    if match["iso"]:
        return match["iso"] == f"{target:%Y-%m-%d}"
    month, day, year = match["month"] or match["month2"], match["day"] or match["day2"], match["year"] or match["year2"]
    return month[:3].lower() == _MONTHS[target.month - 1] and int(day.rstrip("dhnrst")) == target.day and int(year) == target.year


def _is_strike(number: str, own: Sequence[Decimal]) -> bool:
    value = Decimal(number.replace(",", "").removeprefix("$"))
    return any(abs(value - strike) <= _NEAR for strike in own)


def _is_time(match: re.Match[str], target: datetime) -> bool:
    """Whether it is the target's wall-clock time. A bare number is none: it needs minutes, am or pm, or a zone."""
    if not (match["minute"] or match["half"] or match["zone"]):
        return False
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    half = (match["half"] or "").replace(".", "").strip().lower()
    if half:
        hour = hour % _NOON + (_NOON if half == "pm" else 0)
    return (hour, minute) == (target.hour, target.minute)
