"""The venue's fixed-point strings and times as integers, and back. What doesn't fit is refused, never rounded."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final

import msgspec

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.units import DOLLAR_E4

# The hot path calls the compiled pattern's method at once. ASCII digits only: \d would let other scripts through.
# Nine digits, so that what is added up and multiplied later fits 64 bits, too.
_fixed: Final = re.compile(r"(-?)([0-9]{1,9})(?:\.([0-9]{1,6}))?").fullmatch
_points: Final = re.compile(r"(-?)([0-9]{1,9})(?:\.([0-9]{1,15}))?").fullmatch
_time: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
).fullmatch
Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A number of a sequence, a subscription or a command, as any JSON reader keeps it exactly."""
Small = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
"""A shard, a subaccount, some seconds."""
UnixMs = Annotated[int, msgspec.Meta(ge=0, le=10_000_000_000_000)]
"""Milliseconds since 1970, to 2286."""
UnixS = Annotated[int, msgspec.Meta(ge=0, le=10_000_000_000)]
_KEPT: Final = 8_192
"""Prices, counts and times repeat: so many parsed texts are kept."""
YEARS: Final = range(1970, 2200)
"""Beyond them nanoseconds don't fit 64 bits, and nothing of ours is there."""


class WireError(ValueError):
    """The venue sent something that doesn't fit what it documents; the message says what and where."""


@lru_cache(maxsize=_KEPT)
def price_e4(text: str) -> int:
    """Parse dollars as 1e-4 dollars, 0..10000.

    Raises:
        WireError: not a price, or finer than 1e-4 dollars.

    """
    value = scaled(text, 4)
    if not 0 <= value <= DOLLAR_E4:
        message = f"price out of 0..1: {text!r}"
        raise WireError(message)
    return value


def count_e2(text: str) -> int:
    """Parse contracts as hundredths, signed.

    Raises:
        WireError: not a count, or finer than a hundredth.

    """
    return scaled(text, 2)


def cash_e6(text: str) -> int:
    """Parse dollars as 1e-6 dollars, signed.

    Raises:
        WireError: not an amount.

    """
    return scaled(text, 6)


@lru_cache(maxsize=_KEPT)
def scaled(text: str, digits: int) -> int:
    """Parse a decimal number as an integer scaled by 10^digits.

    Raises:
        WireError: not a decimal number, or one with more digits than that.

    """
    match = _fixed(text)
    if match is None:
        message = f"not a fixed-point number: {text[:40]!r}"
        raise WireError(message)
    sign, whole, fraction = match.groups()
    if fraction is None:
        fraction = ""
    if len(fraction) > digits:
        if fraction[digits:].strip("0"):
            message = f"more than {digits} decimals: {text!r}"
            raise WireError(message)
        fraction = fraction[:digits]
    value = int(whole + fraction.ljust(digits, "0"))
    return -value if sign else value


def price_text(price: int) -> str:
    """Return 1e-4 dollars as the venue wants them: ``0.4700``."""
    return f"{price // DOLLAR_E4}.{price % DOLLAR_E4:04d}"


def count_text(count: int) -> str:
    """Return hundredths of contracts as the venue wants them: ``10.00``."""
    return f"{count // 100}.{count % 100:02d}"


def hundredths_floor(points: str) -> int:
    """Return the largest whole number of hundredths of a point that isn't above ``points``, a number as JSON writes it.

    Raises:
        WireError: not a plausible index level.

    """
    return _hundredths(points)[0]


def hundredths_ceil(points: str) -> int:
    """Return the smallest whole number of hundredths of a point that isn't below ``points``, a number as JSON writes it.

    Raises:
        WireError: not a plausible index level.

    """
    return _hundredths(points)[1]


def _hundredths(points: str) -> tuple[int, int]:
    """Return the whole hundredths on both sides of a level, twice the same where it is one."""
    match = _points(points)
    if match is None:
        message = f"not an index level: {points[:40]!r}"
        raise WireError(message)
    sign, whole, fraction = match.groups()
    digits = (fraction or "").ljust(2, "0")
    low = int(whole + digits[:2])
    high = low + bool(digits[2:].strip("0"))
    return (-high, -low) if sign else (low, high)


@lru_cache(maxsize=_KEPT)
def rfc3339_ns(text: str) -> int:
    """Parse an RFC 3339 time as UTC nanoseconds.

    Raises:
        WireError: not a time, or one without an offset.

    """
    match = _time(text)
    if match is None:
        message = f"not an RFC 3339 time: {text[:40]!r}"
        raise WireError(message)
    *parts, fraction, offset = match.groups()
    try:
        moment = datetime(*(int(part) for part in parts), tzinfo=UTC)  # type: ignore[misc, arg-type]  # six of them
    except ValueError as error:
        message = f"no such time: {text!r}"
        raise WireError(message) from error
    if moment.year not in YEARS:
        message = f"time outside of the years {YEARS.start} to {YEARS.stop - 1}: {text!r}"
        raise WireError(message)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since.days * 86_400 + since.seconds
    if offset not in {"Z", "z"}:
        minutes = int(offset[1:3]) * 60 + int(offset[4:6])
        seconds -= minutes * 60 if offset[0] == "+" else -minutes * 60
    return seconds * NS_PER_S + int((fraction or "").ljust(9, "0"))
