"""The venue's listing: series, events and markets from JSON to the model's words.

A market is understood by its strike type and strikes, never by its ticker. Strikes are JSON numbers, read by their digits. Settlement
levels have two decimals, so bounds are whole hundredths of a point: the first and the last level that pays YES.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from kalshi_alpha.adapters.kalshi.fixed_point import Small, WireError, hundredths_ceil, hundredths_floor, price_e4, rfc3339_ns
from kalshi_alpha.model.instruments import SERIES, Ladder, Market, PriceRange, Series

Collateral = Literal["MECNET", "DIRECNET", ""]
NO_STRIKE: Final = msgspec.Raw(b"null")
_STRIKE_BYTES_MAX: Final = 40
_FEE_MULTIPLIER_MAX: Final = 100.0


class PriceRangeListed(msgspec.Struct, frozen=True):
    """A band of prices with one step, as dollars."""

    start: str
    end: str
    step: str


class MarketListed(msgspec.Struct, frozen=True):
    """The fields of a market that we use; the venue sends many more."""

    ticker: str
    event_ticker: str
    open_time: str
    close_time: str
    status: str
    exchange_index: Small
    price_ranges: list[PriceRangeListed]
    market_type: str = "binary"
    strike_type: str | None = None
    floor_strike: msgspec.Raw = NO_STRIKE
    cap_strike: msgspec.Raw = NO_STRIKE


class MarketOutcome(msgspec.Struct, frozen=True):
    """The fields of a market that tell how it ended."""

    ticker: str
    result: str | None = None
    expiration_value: str | None = None


class MarketsPage(msgspec.Struct, frozen=True):
    """One page of markets."""

    markets: list[MarketListed] | dict[str, object] | None
    cursor: str | None = None


class MarketClose(msgspec.Struct, frozen=True):
    """The one field of a market that tells when it closes."""

    close_time: str


class ClosesPage(msgspec.Struct, frozen=True):
    """One page of markets, read for their closes."""

    markets: list[MarketClose] | dict[str, object] | None
    cursor: str | None = None


class OutcomesPage(msgspec.Struct, frozen=True):
    """One page of markets, read for their outcomes."""

    markets: list[MarketOutcome] | dict[str, object] | None
    cursor: str | None = None


class SeriesListed(msgspec.Struct, frozen=True):
    """A series' fees."""

    fee_type: str
    fee_multiplier: float


class SeriesAnswer(msgspec.Struct, frozen=True):
    """The answer to a read of one series."""

    series: SeriesListed


class EventListed(msgspec.Struct, frozen=True):
    """An event's collateral rule, and its own fees where they differ from its series'."""

    event_ticker: str
    collateral_return_type: Collateral
    fee_type_override: str | None = None
    fee_multiplier_override: float | None = None


class EventAnswer(msgspec.Struct, frozen=True):
    """The answer to a read of one event."""

    event: EventListed


def market_of(listed: MarketListed, series: Series) -> Market:
    """Return the market in the model's words.

    Raises:
        WireError: its strikes, times or prices don't say what pays, when and in which steps.

    """
    try:
        lo_e2, hi_e2 = bounds(listed)
        return Market(
            ticker=listed.ticker,
            event_ticker=listed.event_ticker,
            series=series,
            lo_e2=lo_e2,
            hi_e2=hi_e2,
            open_ns=rfc3339_ns(listed.open_time),
            close_ns=rfc3339_ns(listed.close_time),
            price_ranges=_price_ranges(listed.price_ranges),
            exchange_index=listed.exchange_index,
            status=listed.status,
        )
    except WireError as error:
        message = f"market {listed.ticker}: {error}"
        raise WireError(message) from error


def bounds(listed: MarketListed) -> tuple[int | None, int | None]:
    """Return the lowest and highest level, in hundredths of a point and inclusive, that pays YES; None: no bound.

    Raises:
        WireError: another kind of strike, or one without its numbers.

    """
    if listed.market_type != "binary":
        message = f"market_type {listed.market_type!r}"
        raise WireError(message)
    lo_e2: int | None = None
    hi_e2: int | None = None
    floor_strike, cap_strike = strike_text(listed.floor_strike), strike_text(listed.cap_strike)
    match listed.strike_type, floor_strike, cap_strike:
        case "greater_or_equal", str() as floor, _:
            lo_e2 = hundredths_ceil(floor)
        case "greater", str() as floor, _:
            lo_e2 = hundredths_floor(floor) + 1
        case "less", _, str() as cap:
            hi_e2 = hundredths_ceil(cap) - 1
        case "less_or_equal", _, str() as cap:
            hi_e2 = hundredths_floor(cap)
        case "between", str() as floor, str() as cap:
            lo_e2, hi_e2 = hundredths_ceil(floor), hundredths_floor(cap)
        case _:
            message = f"strike_type {listed.strike_type!r} with floor {floor_strike} and cap {cap_strike}"
            raise WireError(message)
    if lo_e2 is not None and hi_e2 is not None and lo_e2 > hi_e2:
        message = f"no level lies between {floor_strike} and {cap_strike}"
        raise WireError(message)
    return lo_e2, hi_e2


def strike_text(strike: msgspec.Raw) -> str | None:
    """Return a strike as the venue wrote it, cut where it is absurdly long; None: there is none."""
    text = bytes(strike)[:_STRIKE_BYTES_MAX].decode("ascii", errors="replace")
    return None if text == "null" else text


def ladder_of(series: Series, markets: Sequence[Market], fees: SeriesListed, event: EventListed) -> Ladder:
    """Return the ladder of one event: its markets from low to high, and the fees that hold for it.

    Raises:
        WireError: markets of different events, or a fee multiplier that can't be one.

    """
    event_tickers = {market.event_ticker for market in markets}
    if event_tickers != {event.event_ticker}:
        message = f"event {event.event_ticker} with markets of {sorted(event_tickers)}"
        raise WireError(message)
    multiplier = fees.fee_multiplier if event.fee_multiplier_override is None else event.fee_multiplier_override
    if not 0.0 <= multiplier <= _FEE_MULTIPLIER_MAX:
        message = f"fee multiplier {multiplier}"
        raise WireError(message)
    return Ladder(
        series=series,
        event_ticker=event.event_ticker,
        symbol=SERIES[series].symbol,
        close_ns=markets[0].close_ns,
        markets=tuple(sorted(markets, key=_from_low_to_high)),
        collateral=event.collateral_return_type,
        fee_type=event.fee_type_override or fees.fee_type,
        fee_multiplier=multiplier,
    )


def _from_low_to_high(market: Market) -> tuple[bool, int, bool, int, str]:
    return market.lo_e2 is not None, market.lo_e2 or 0, market.hi_e2 is None, market.hi_e2 or 0, market.ticker


def _price_ranges(listed: Sequence[PriceRangeListed]) -> tuple[PriceRange, ...]:
    ranges = tuple(PriceRange(price_e4(band.start), price_e4(band.end), price_e4(band.step)) for band in listed)
    if not ranges or any(band.step_e4 <= 0 or band.start_e4 >= band.end_e4 for band in ranges):
        message = f"unusable price_ranges: {[(band.start, band.end, band.step) for band in listed]}"
        raise WireError(message)
    return ranges
