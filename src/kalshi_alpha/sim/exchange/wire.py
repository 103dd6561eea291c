"""Numbers, times and ids as the venue writes them."""

from datetime import UTC, datetime
from functools import lru_cache

from kalshi_alpha.model.clock import NS_PER_S


@lru_cache(maxsize=16_384)
def price_text(price_e4: int) -> str:
    """Return 1e-4 dollars as dollars: ``0.4700``."""
    return f"{price_e4 // 10_000}.{price_e4 % 10_000:04d}"


@lru_cache(maxsize=16_384)
def count_text(count_e2: int) -> str:
    """Return hundredths of contracts, signed: ``-3.00``."""
    if count_e2 < 0:
        return f"-{-count_e2 // 100}.{-count_e2 % 100:02d}"
    return f"{count_e2 // 100}.{count_e2 % 100:02d}"


@lru_cache(maxsize=16_384)
def cash_text(cash_e6: int) -> str:
    """Return 1e-6 dollars, signed, with all six decimals."""
    sign = "-" if cash_e6 < 0 else ""
    whole, rest = divmod(abs(cash_e6), 1_000_000)
    return f"{sign}{whole}.{rest:06d}"


def cash_text_e4(cash_e6: int) -> str:
    """Return 1e-6 dollars with four decimals, cut toward zero."""
    sign = "-" if cash_e6 < 0 else ""
    whole, rest = divmod(abs(cash_e6), 1_000_000)
    return f"{sign}{whole}.{rest // 100:04d}"


def cents(cash_e6: int) -> int:
    """Return whole cents, cut toward zero."""
    return cash_e6 // 10_000 if cash_e6 >= 0 else -(-cash_e6 // 10_000)


@lru_cache(maxsize=16_384)
def time_text(utc_ns: int) -> str:
    """Return RFC 3339 in UTC with microseconds."""
    seconds, rest = divmod(utc_ns, NS_PER_S)
    return f"{_second_text(seconds)}.{rest // 1_000:06d}Z"


@lru_cache(maxsize=1_024)
def _second_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def scaled(text: str, digits: int) -> int | None:
    """Return a decimal number times 10^digits, or None if it isn't one or is finer."""
    whole, _, fraction = text.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 12):  # noqa: PLR2004 - more can't be meant
        return None
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        return None
    if len(fraction) > digits:
        if fraction[digits:].strip("0"):
            return None
        fraction = fraction[:digits]
    return int(whole + fraction.ljust(digits, "0"))


def identity(seed: int, kind: int, number: int) -> str:
    """Return an id in the form of a UUID, a function of its inputs."""
    return f"{seed & 0xFFFFFFFF:08x}-{kind:04x}-4000-8000-{number:012x}"
