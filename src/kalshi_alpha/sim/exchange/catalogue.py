"""What is listed for one session day: four series, their events by the hour, and the markets of each event.

Above/below events ("U" series) are named for each whole hour from 10:00 to the close; the ranges have one event at the close. A market's
ticker is the venue's spelling (``T7844.9999`` for 7,845 or above), which is not what decides: its strike fields are.
"""

import math
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

from kalshi_alpha.model.clock import NEW_YORK, NS_PER_S
from kalshi_alpha.model.units import Side
from kalshi_alpha.sched.calendar import et_instant_ns
from kalshi_alpha.sim.exchange.book import MatchingBook
from kalshi_alpha.sim.exchange.config import ExchangeConfig, IndexPathLike
from kalshi_alpha.sim.exchange.wire import identity

if TYPE_CHECKING:
    from kalshi_alpha.sim.exchange.orders import AccountOrder

StrikeType = Literal["greater", "greater_or_equal", "less", "between"]
_FIRST_HOUR: Final = 10
_NOON_SESSION_HOURS: Final = 16
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class SeriesListing(msgspec.Struct, frozen=True):
    """One series: its index, the step of its strikes in hundredths of a point, how its tickers spell the last level below a strike."""

    ticker: str
    symbol: str
    title: str
    step_e2: int
    is_range: bool
    below: str

    @property
    def collateral(self) -> str:
        """How the event's positions net."""
        return "MECNET" if self.is_range else "DIRECNET"


LISTINGS: Final = (
    SeriesListing("KXINX", "I:SPX", "S&P 500 daily close range", 2_500, True, "9999"),
    SeriesListing("KXINXU", "I:SPX", "S&P 500 above or below", 500, False, "9999"),
    SeriesListing("KXNASDAQ100", "I:NDX", "Nasdaq-100 daily close range", 10_000, True, "99"),
    SeriesListing("KXNASDAQ100U", "I:NDX", "Nasdaq-100 above or below", 1_000, False, "99"),
)


class Strike(msgspec.Struct, frozen=True):
    """What a market asks. Levels are hundredths of a point; ``lo_e2`` and ``hi_e2`` are the first and the last that pay YES."""

    kind: StrikeType
    name: str
    """The end of the market's ticker."""
    lo_e2: int | None
    hi_e2: int | None
    floor: float | None
    cap: float | None
    words: str

    def pays_yes(self, level_e2: int) -> bool:
        """Whether a settlement at this level pays YES."""
        return (self.lo_e2 is None or level_e2 >= self.lo_e2) and (self.hi_e2 is None or level_e2 <= self.hi_e2)


class BookReader(Protocol):
    """Who is told of a book's changes."""

    def book_delta(self, market: "Listed", side: Side, price_e4: int, delta_e2: int, own: "AccountOrder | None") -> None:
        """Take a change of one level; ``own`` is the account's order that made it, if one did."""
        ...


class Listed:
    """A market: what it asks, its book, and where it stands."""

    __slots__ = (
        "book",
        "clock",
        "event",
        "halted",
        "inactive",
        "last_e4",
        "market_id",
        "readers",
        "result",
        "strike",
        "ticker",
        "volume_e2",
        "watchers",
    )

    def __init__(self, event: "ListedEvent", strike: Strike, market_id: str) -> None:
        self.event = event
        self.strike = strike
        self.ticker = f"{event.ticker}-{strike.name}"
        self.market_id = market_id
        self.book = MatchingBook()
        self.clock = 0
        self.last_e4 = 0
        self.volume_e2 = 0
        self.halted = False
        """Trading of this market alone is paused."""
        self.inactive = False
        """It was taken out of trading, and its orders with it."""
        self.result = ""
        self.watchers = 0
        """Subscriptions that look at this market's book, top or trades."""
        self.readers: list[BookReader] = []
        """The connections that are told of every change of the book."""

    def status(self, utc_ns: int) -> str:
        """Return the market's status: its event's, unless it alone is inactive."""
        status = self.event.status(utc_ns)
        return "inactive" if self.inactive and status == "active" else status


class ListedEvent:
    """An event: its markets from low to high, and how far it has come."""

    def __init__(self, series: SeriesListing, ticker: str, open_ns: int, close_ns: int) -> None:
        self.series = series
        self.ticker = ticker
        self.open_ns = open_ns
        self.close_ns = close_ns
        self.markets: list[Listed] = []
        self.determined_ns = 0
        self.settled_ns = 0
        self.level_e2 = 0
        """The settlement level, once determined."""
        self.fee_type: str | None = None
        self.fee_multiplier: float | None = None
        """The event's own fee, where it has one."""
        self.fees_changed_ns = 0
        """When that was last set or lifted; 0: never."""

    def status(self, utc_ns: int) -> str:
        """Return the status of the event's markets."""
        if self.settled_ns:
            return "finalized"
        if self.determined_ns:
            return "determined"
        if utc_ns >= self.close_ns:
            return "closed"
        return "active" if utc_ns >= self.open_ns else "initialized"


class Catalogue:
    """Everything listed, by ticker."""

    def __init__(self, config: ExchangeConfig, path: IndexPathLike, seed: int) -> None:
        self.series = {listing.ticker: listing for listing in LISTINGS}
        self.events: dict[str, ListedEvent] = {}
        self.markets: dict[str, Listed] = {}
        self._seed = seed
        day = date.fromisoformat(config.session.date)
        for listing in LISTINGS:
            level = path.level(listing.symbol, config.session.open_ns)
            strikes = _strikes(listing, level, config.legs[listing.ticker])
            for hour, minute in _targets(listing, config.session.close_ns):
                self._list(listing, day, time(hour, minute), strikes)

    def _list(self, listing: SeriesListing, day: date, at: time, strikes: list[Strike]) -> None:
        opens = et_instant_ns(day, time(3, 10)) if at.hour == _NOON_SESSION_HOURS else et_instant_ns(day - timedelta(days=1), time(16))
        ticker = f"{listing.ticker}-{day:%y}{_MONTHS[day.month - 1]}{day:%d}H{at:%H%M}"
        event = ListedEvent(listing, ticker, opens, et_instant_ns(day, at))
        for strike in strikes:
            market = Listed(event, strike, identity(self._seed, 1, len(self.markets) + 1))
            event.markets.append(market)
            self.markets[market.ticker] = market
        self.events[ticker] = event


def settlement_level_e2(path: IndexPathLike, event: ListedEvent) -> int:
    """Return the index at the target in hundredths of a point, halves up."""
    return math.floor(path.level(event.series.symbol, event.close_ns) * 100 + 0.5)


def level_text(level_e2: int) -> str:
    """Return a level for people and for ``expiration_value``: two decimals."""
    return f"{level_e2 // 100}.{level_e2 % 100:02d}"


def _targets(listing: SeriesListing, close_ns: int) -> list[tuple[int, int]]:
    close = datetime.fromtimestamp(close_ns // NS_PER_S, NEW_YORK)
    at_close = (close.hour, close.minute)
    if listing.is_range:
        return [at_close]
    return [(hour, 0) for hour in range(_FIRST_HOUR, close.hour + (1 if close.minute else 0))] + [at_close]


def _strikes(listing: SeriesListing, level: float, legs: int) -> list[Strike]:
    centre_e2 = round(level * 100 / listing.step_e2) * listing.step_e2
    if listing.is_range:
        return _ranges(listing, centre_e2, legs)
    first_e2 = centre_e2 - (legs // 2) * listing.step_e2
    return [_at_least(listing, first_e2 + leg * listing.step_e2) for leg in range(legs)]


def _at_least(listing: SeriesListing, strike_e2: int) -> Strike:
    points = strike_e2 // 100
    return Strike("greater_or_equal", f"T{points - 1}.{listing.below}", strike_e2, None, float(points), None, f"{points:,} or above")


def _ranges(listing: SeriesListing, centre_e2: int, legs: int) -> list[Strike]:
    """Return a lower tail, ranges without gaps, and an upper tail."""
    between = legs - 2
    step_e2 = listing.step_e2
    bottom_e2 = centre_e2 - (between // 2) * step_e2
    top_e2 = bottom_e2 + between * step_e2
    bottom, top = bottom_e2 // 100, top_e2 // 100
    fraction = float(f"0.{listing.below}")
    found = [Strike("less", f"T{bottom}", None, bottom_e2 - 1, None, float(bottom), f"below {bottom:,}")]
    for lo_e2 in range(bottom_e2, top_e2, step_e2):
        hi_e2 = lo_e2 + step_e2 - 1
        lo, last = lo_e2 // 100, hi_e2 // 100
        words = f"{lo:,} to {last:,}.{listing.below}"
        found.append(Strike("between", f"B{(lo_e2 + step_e2 // 2) // 100}", lo_e2, hi_e2, float(lo), last + fraction, words))
    name = f"T{top - 1}.{listing.below}"
    found.append(Strike("greater", name, top_e2, None, top - 1 + fraction, None, f"above {top - 1:,}.{listing.below}"))
    return found
