"""When the venue made an answer, by its own clock: to the millisecond where an answer to a write says so, else to the second.

Reads' bodies aren't looked at: their times are those of the state they show, which lags.
"""

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from kalshi_alpha.adapters.kalshi.fixed_point import YEARS, UnixMs
from kalshi_alpha.adapters.kalshi.wire import UNREADABLE
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, utc_ns_of
from kalshi_alpha.model.events import Event, VenueTimed
from kalshi_alpha.model.http import HttpRequest, HttpResponse

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_imf_fixdate: Final = re.compile(
    rf"(?:{'|'.join(_DAYS)}), ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) ([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}}) GMT"
).fullmatch
"""RFC 9110, 5.6.7."""


class _Item(msgspec.Struct):
    ts_ms: UnixMs | None = None


class _Written(msgspec.Struct):
    ts_ms: UnixMs | None = None
    orders: list[_Item] | None = None


_written: Final = msgspec.json.Decoder(_Written)


def clock_read(request: HttpRequest, response: HttpResponse, sent_mono_ns: int) -> list[Event]:
    """Return what an answer tells of the venue's clock, if anything.

    Args:
        request: What was asked.
        response: What came, if it came.
        sent_mono_ns: Our monotonic clock before the request left.

    """
    stamp = _milliseconds(request, response)
    if stamp is not None:
        return [VenueTimed(sent_mono_ns, stamp * NS_PER_MS, NS_PER_MS)]
    date_ns = date_ns_of(response.date) if response.date else None
    return [] if date_ns is None else [VenueTimed(sent_mono_ns, date_ns, NS_PER_S)]


def date_ns_of(text: str) -> int | None:
    """Parse a ``Date`` header as UTC nanoseconds; None: it isn't one."""
    match = _imf_fixdate(text)
    if match is None:
        return None
    day, month, year, hour, minute, second = match.groups()
    try:
        moment = datetime(int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return None
    return utc_ns_of(moment) if moment.year in YEARS else None


def date_text(utc_ns: int) -> str:
    """Return the ``Date`` header of an instant."""
    moment = datetime.fromtimestamp(utc_ns // NS_PER_S, UTC)
    return f"{_DAYS[moment.weekday()]}, {moment:%d} {_MONTHS[moment.month - 1]} {moment:%Y %H:%M:%S} GMT"


def _milliseconds(request: HttpRequest, response: HttpResponse) -> int | None:
    """Return when a write was done."""
    if request.method == "GET" or not 200 <= response.status < 300 or b'"ts_ms"' not in response.body:  # noqa: PLR2004 - success
        return None
    try:
        written = _written.decode(response.body)
    except UNREADABLE:
        return None
    stamps = [item.ts_ms for item in (written, *(written.orders or ())) if item.ts_ms is not None]
    return stamps[-1] if stamps else None
