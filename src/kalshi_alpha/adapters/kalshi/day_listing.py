"""Everything a series lists on one day, page by page: what a check of the listings looks at.

Other than the trading process's own read of one ladder, a market that can't be understood doesn't fail the read: it is what is looked for.
"""

from collections.abc import Generator, Sequence
from typing import Final

import msgspec

from kalshi_alpha.adapters.kalshi.fixed_point import Small, WireError, rfc3339_ns
from kalshi_alpha.adapters.kalshi.listing import NO_STRIKE, MarketListed, PriceRangeListed, bounds, strike_text
from kalshi_alpha.adapters.kalshi.read_calls import read, read_pages
from kalshi_alpha.adapters.kalshi.wire import listed_items
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.instruments import SERIES, Series
from kalshi_alpha.model.listed_day import ListedDay, ListedEvent, ListedMarket

_MARKETS_PAGE: Final = 1_000
_EVENTS_PAGE: Final = 200


class _Source(msgspec.Struct, frozen=True):
    name: str = ""
    url: str = ""


class _SeriesTerms(msgspec.Struct, frozen=True):
    fee_type: str
    fee_multiplier: float
    contract_terms_url: str | None = None
    settlement_sources: list[_Source] | dict[str, object] | None = None


class _SeriesAnswer(msgspec.Struct, frozen=True):
    series: _SeriesTerms


class _EventTerms(msgspec.Struct, frozen=True):
    event_ticker: str
    collateral_return_type: str | None = None
    strike_date: str | None = None
    fee_type_override: str | None = None
    fee_multiplier_override: float | None = None
    settlement_sources: list[_Source] | dict[str, object] | None = None


class _EventsPage(msgspec.Struct, frozen=True):
    events: list[_EventTerms] | dict[str, object] | None
    cursor: str | None = None


class _MarketTerms(msgspec.Struct, frozen=True):
    ticker: str
    event_ticker: str
    open_time: str
    close_time: str
    status: str
    exchange_index: Small = 0
    price_ranges: list[PriceRangeListed] | None = None
    market_type: str = "binary"
    strike_type: str | None = None
    floor_strike: msgspec.Raw = NO_STRIKE
    cap_strike: msgspec.Raw = NO_STRIKE
    settlement_timer_seconds: Small | None = None
    rules_primary: str | None = None
    rules_secondary: str | None = None


class _MarketsPage(msgspec.Struct, frozen=True):
    markets: list[_MarketTerms] | dict[str, object] | None
    cursor: str | None = None


def read_day(series: Series, from_ns: int, to_ns: int) -> Generator[HttpRequest, HttpResponse, ListedDay]:
    """Read a series, and its events and markets that close in a stretch of time.

    Args:
        series: Ours.
        from_ns: First instant of the stretch, UTC nanoseconds, a whole second.
        to_ns: First instant after it.

    Raises:
        ReadError: the venue gave no answer, refused, or its pages don't end.
        WireError: an answer that can't be read.

    """
    name = SERIES[series].venue_ticker
    terms = (yield from read(f"/series/{name}", "", _SeriesAnswer)).series
    # The bounds may or may not belong to the stretch, so both are asked for generously.
    from_s, to_s = from_ns // NS_PER_S, to_ns // NS_PER_S
    query = f"series_ticker={name}&min_close_ts={from_s - 1}&max_close_ts={to_s}&limit={_MARKETS_PAGE}"
    market_pages = yield from read_pages("/markets", query, _MarketsPage)
    event_pages = yield from read_pages("/events", f"series_ticker={name}&min_close_ts={from_s - 1}&limit={_EVENTS_PAGE}", _EventsPage)
    closing = [_market(market) for page in market_pages for market in listed_items(page.markets)]
    markets = tuple(market for market in closing if from_ns <= market.close_ns < to_ns)
    named = {market.event_ticker for market in markets}
    events = [event for page in event_pages for event in listed_items(page.events) if event.event_ticker in named]
    contract = terms.contract_terms_url or ""
    return ListedDay(series, contract, tuple(_event(event, terms) for event in events), markets)


def _event(event: _EventTerms, series: _SeriesTerms) -> ListedEvent:
    return ListedEvent(
        event_ticker=event.event_ticker,
        strike_ns=rfc3339_ns(event.strike_date) if event.strike_date else None,
        collateral=event.collateral_return_type or "",
        fee_type=event.fee_type_override or series.fee_type,
        fee_multiplier=series.fee_multiplier if event.fee_multiplier_override is None else event.fee_multiplier_override,
        sources=_sources(listed_items(event.settlement_sources) or listed_items(series.settlement_sources)),
    )


def _sources(listed: Sequence[_Source]) -> tuple[str, ...]:
    return tuple(sorted(f"{source.name} {source.url}".strip() for source in listed))


def _market(listed: _MarketTerms) -> ListedMarket:
    lo_e2, hi_e2, problem = _bounds(listed)
    ranges = listed.price_ranges or []
    return ListedMarket(
        ticker=listed.ticker,
        event_ticker=listed.event_ticker,
        strike_type=listed.strike_type or "",
        floor_strike=strike_text(listed.floor_strike) or "",
        cap_strike=strike_text(listed.cap_strike) or "",
        lo_e2=lo_e2,
        hi_e2=hi_e2,
        problem=problem,
        open_ns=rfc3339_ns(listed.open_time),
        close_ns=rfc3339_ns(listed.close_time),
        status=listed.status,
        shard=listed.exchange_index,
        tick=", ".join(f"{band.start}-{band.end} by {band.step}" for band in ranges),
        settlement_timer_s=listed.settlement_timer_seconds,
        rules=f"{listed.rules_primary or ''}\n{listed.rules_secondary or ''}".strip(),
    )


def _bounds(listed: _MarketTerms) -> tuple[int | None, int | None, str]:
    """Return the market's bounds, or why it has none that can be understood."""
    plain = MarketListed(
        ticker=listed.ticker,
        event_ticker=listed.event_ticker,
        open_time=listed.open_time,
        close_time=listed.close_time,
        status=listed.status,
        exchange_index=listed.exchange_index,
        price_ranges=listed.price_ranges or [],
        market_type=listed.market_type,
        strike_type=listed.strike_type,
        floor_strike=listed.floor_strike,
        cap_strike=listed.cap_strike,
    )
    try:
        return *bounds(plain), ""
    except WireError as error:
        return None, None, str(error)
