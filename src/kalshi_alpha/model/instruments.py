"""What is traded: series, markets and the ladder that all strikes of one event form."""

from typing import Final, Literal

import msgspec

Series = Literal["INX", "INXU", "NASDAQ100", "NASDAQ100U"]
Symbol = Literal["I:SPX", "I:NDX"]
Leg = Literal["polygon", "massive"]
TargetType = Literal["hourly", "close"]

SYMBOLS: Final[tuple[Symbol, ...]] = ("I:SPX", "I:NDX")
LEGS: Final[tuple[Leg, ...]] = ("polygon", "massive")


class SeriesSpec(msgspec.Struct, frozen=True):
    """One series: what the venue calls it, the index behind it, when it settles."""

    series: Series
    venue_ticker: str
    symbol: Symbol
    target_type: TargetType


SERIES: Final[dict[Series, SeriesSpec]] = {
    "INX": SeriesSpec("INX", "KXINX", "I:SPX", "close"),
    "INXU": SeriesSpec("INXU", "KXINXU", "I:SPX", "hourly"),
    "NASDAQ100": SeriesSpec("NASDAQ100", "KXNASDAQ100", "I:NDX", "close"),
    "NASDAQ100U": SeriesSpec("NASDAQ100U", "KXNASDAQ100U", "I:NDX", "hourly"),
}


class PriceRange(msgspec.Struct, frozen=True, array_like=True):
    """Prices from ``start_e4`` to ``end_e4`` move in ``step_e4``; all in 1e-4 dollars."""

    start_e4: int
    end_e4: int
    step_e4: int


class Market(msgspec.Struct, frozen=True):
    """One strike of an event: YES pays one dollar when the settlement level is inside its bounds."""

    ticker: str
    event_ticker: str
    series: Series
    lo_e2: int | None
    """Lowest settlement level that pays YES, in hundredths of an index point; None: no lower bound."""
    hi_e2: int | None
    """Highest settlement level that pays YES, inclusive; None: no upper bound."""
    open_ns: int
    close_ns: int
    """UTC nanoseconds; nothing can be placed or cancelled after it."""
    price_ranges: tuple[PriceRange, ...]
    exchange_index: int
    status: str

    def pays_yes(self, level_e2: int) -> bool:
        """Whether a settlement at ``level_e2`` hundredths of a point pays YES."""
        return (self.lo_e2 is None or level_e2 >= self.lo_e2) and (self.hi_e2 is None or level_e2 <= self.hi_e2)


class Ladder(msgspec.Struct, frozen=True):
    """All markets of one event, ordered by their bounds from low to high."""

    series: Series
    event_ticker: str
    symbol: Symbol
    close_ns: int
    markets: tuple[Market, ...]
    collateral: Literal["MECNET", "DIRECNET", ""]
    fee_type: str
    fee_multiplier: float
    """The venue's multiplier on its general fee formula; 1.0 is the standard fee."""


class Window(msgspec.Struct, frozen=True):
    """When the ladders of some series may be quoted. All instants are UTC nanoseconds."""

    label: str
    """Unique within a day: ``hourly-1000``, ``close-1600``."""
    target_type: TargetType
    series: tuple[Series, ...]
    start_ns: int
    freeze_ns: int
    target_ns: int
    final_minute_ns: int
    session_date: str
    """ISO date of the session in New York."""

    @property
    def key(self) -> str:
        """Name the window uniquely over days."""
        return f"{self.session_date}/{self.label}"
