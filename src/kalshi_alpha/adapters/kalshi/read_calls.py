"""Reads of the venue: each command as HTTP requests page by page, each answer as one event.

A read is whole or it failed: a page that can't be read, a market that can't be understood or an endless cursor makes ``RequestFailed``,
never a shorter list.
"""

from collections.abc import Generator
from typing import Final, Protocol, TypeVar
from urllib.parse import quote

from kalshi_alpha.adapters.kalshi import listing, portfolio
from kalshi_alpha.adapters.kalshi.fixed_point import WireError, cash_e6, rfc3339_ns
from kalshi_alpha.adapters.kalshi.order_calls import Calls, failure, is_success
from kalshi_alpha.adapters.kalshi.schedule import ScheduleAnswer, schedule_of
from kalshi_alpha.adapters.kalshi.wire import Status, decode, listed_items
from kalshi_alpha.model.calendar_events import ClosesRead, ScheduleRead
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.commands import (
    ReadBalance,
    ReadCloses,
    ReadFills,
    ReadLadder,
    ReadOpenOrders,
    ReadPositions,
    ReadResults,
    ReadSchedule,
    ReadStatus,
)
from kalshi_alpha.model.events import (
    BalanceRead,
    Event,
    ExchangeStatusRead,
    FillsRead,
    LadderMissing,
    LadderRead,
    MarketDetermined,
    OpenOrdersRead,
    PositionsRead,
    RequestFailed,
)
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.instruments import SERIES, Series
from kalshi_alpha.model.maintenance import ShardStatus
from kalshi_alpha.model.orders import VenuePosition

_PAGE: Final = 1_000
_PAGES_MAX: Final = 100
_TICKERS_MAX: Final = 100

_T = TypeVar("_T")
_Answer = Generator[HttpRequest, HttpResponse, _T]


class _Page(Protocol):
    @property
    def cursor(self) -> str | None: ...


_P = TypeVar("_P", bound=_Page)


class ReadError(Exception):
    """A read didn't come to an end."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def guarded(name: str, request: int, calls: Calls) -> Calls:
    """Run a read; what goes wrong becomes ``RequestFailed``."""
    try:
        return (yield from calls)
    except ReadError as error:
        return [RequestFailed(name, request, error.status, error.reason)]
    except WireError as error:
        return [RequestFailed(name, request, 200, f"unreadable answer: {error}")]


def open_orders(command: ReadOpenOrders) -> Calls:
    """Read what rests. The time is read first, so that the orders are at least as new."""
    as_of_ns = yield from _as_of_ns()
    query = f"status=resting&subaccount={command.subaccount}&limit={_PAGE}"
    pages = yield from read_pages("/portfolio/orders", query, portfolio.OrdersPage)
    orders = tuple(portfolio.order_of(report) for page in pages for report in listed_items(page.orders))
    return [OpenOrdersRead(command.request, as_of_ns, orders)]


def fills(command: ReadFills) -> Calls:
    """Read the fills since a time. The venue's limit may exclude its own second, so one more is asked for."""
    as_of_ns = yield from _as_of_ns()
    query = f"min_ts={max(0, command.since_s - 1)}&subaccount={command.subaccount}&limit={_PAGE}"
    pages = yield from read_pages("/portfolio/fills", query, portfolio.FillsPage)
    found = tuple(portfolio.fill_read(bytes(document)) for page in pages for document in listed_items(page.fills))
    return [FillsRead(command.request, as_of_ns, found)]


def positions(command: ReadPositions) -> Calls:
    """Read the unsettled positions."""
    as_of_ns = yield from _as_of_ns()
    held = yield from _held(command.subaccount)
    return [PositionsRead(command.request, as_of_ns, held)]


def balance(command: ReadBalance) -> Calls:
    """Read the cash. What is held is read first: once nothing is, no settlement can come between the two."""
    as_of_ns = yield from _as_of_ns()
    held = yield from _held(command.subaccount)
    told = yield from read("/portfolio/balance", f"subaccount={command.subaccount}", portfolio.BalanceAnswer)
    tickers = tuple(sorted(position.ticker for position in held if position.position_e2))
    return [BalanceRead(command.request, as_of_ns, cash_e6(told.balance_dollars), tickers)]


def status(_command: ReadStatus) -> Calls:
    """Read whether the exchange trades. An outage answers with the same body under 5xx; it is never believed to say that all is well."""
    response = yield HttpRequest("GET", "/exchange/status")
    try:
        told = decode(response.body, Status)
    except WireError as error:
        reason = f"unreadable answer: {error}" if is_success(response) else failure(response).code
        raise ReadError(response.status, reason) from error
    if not is_success(response) and told.exchange_active and told.trading_active:
        raise ReadError(response.status, f"http {response.status} with a body that says all is well")
    resume = told.exchange_estimated_resume_time
    shards = tuple(ShardStatus(one.exchange_index, one.exchange_active, one.trading_active) for one in told.exchange_index_statuses or ())
    return [ExchangeStatusRead(told.exchange_active, told.trading_active, shards, rfc3339_ns(resume) if resume else None)]


def schedule(command: ReadSchedule) -> Calls:
    """Read the venue's hours and maintenance windows."""
    told = (yield from read("/exchange/schedule", "", ScheduleAnswer)).schedule
    windows, hours = schedule_of(told)
    return [ScheduleRead(command.request, windows, hours)]


def closes(command: ReadCloses) -> Calls:
    """Read when the events of some series close. The venue's bounds may exclude their own second: one more is asked for on either side."""
    found: list[tuple[Series, tuple[int, ...]]] = []
    from_s, to_s = command.from_ns // NS_PER_S, command.to_ns // NS_PER_S
    for series in command.series:
        query = f"series_ticker={SERIES[series].venue_ticker}&min_close_ts={from_s - 1}&max_close_ts={to_s + 1}&limit={_PAGE}"
        pages = yield from read_pages("/markets", query, listing.ClosesPage)
        texts = {market.close_time for page in pages for market in listed_items(page.markets)}
        instants = sorted({rfc3339_ns(text) for text in texts})
        found.append((series, tuple(at_ns for at_ns in instants if command.from_ns <= at_ns < command.to_ns)))
    return [ClosesRead(command.request, command.from_ns, tuple(found))]


def ladder(command: ReadLadder) -> Calls:
    """Read the event of a series that closes at the target: fees, every market, collateral."""
    spec = SERIES[command.series]
    fees = (yield from read(f"/series/{spec.venue_ticker}", "", listing.SeriesAnswer)).series
    target_s = command.target_ns // NS_PER_S
    query = f"series_ticker={spec.venue_ticker}&min_close_ts={target_s - 1}&max_close_ts={target_s + 1}&limit={_PAGE}"
    pages = yield from read_pages("/markets", query, listing.MarketsPage)
    closing = [market for page in pages for market in listed_items(page.markets) if rfc3339_ns(market.close_time) == command.target_ns]
    event_tickers = sorted({market.event_ticker for market in closing})
    if len(event_tickers) != 1:
        reason = f"events {', '.join(event_tickers)} close together" if event_tickers else "no market closes at the target"
        return [LadderMissing(command.series, command.target_ns, reason)]
    event = (yield from read(f"/events/{quote(event_tickers[0], safe='')}", "", listing.EventAnswer)).event
    markets = [listing.market_of(market, command.series) for market in closing]
    return [LadderRead(listing.ladder_of(command.series, markets, fees, event))]


def results(command: ReadResults) -> Calls:
    """Read the outcome of markets; those that have none yet aren't answered."""
    events: list[Event] = []
    for start in range(0, len(command.tickers), _TICKERS_MAX):
        tickers = ",".join(quote(ticker, safe="") for ticker in command.tickers[start : start + _TICKERS_MAX])
        pages = yield from read_pages("/markets", f"tickers={tickers}&limit={_PAGE}", listing.OutcomesPage)
        for page in pages:
            events += [
                MarketDetermined(market.ticker, market.result, market.expiration_value or "")
                for market in listed_items(page.markets)
                if market.result in {"yes", "no"} and market.ticker in command.tickers
            ]
    return events


def _held(subaccount: int) -> _Answer[tuple[VenuePosition, ...]]:
    pages = yield from read_pages("/portfolio/positions", f"subaccount={subaccount}&limit={_PAGE}", portfolio.PositionsPage)
    return tuple(portfolio.position_of(report) for page in pages for report in listed_items(page.market_positions))


def _as_of_ns() -> _Answer[int]:
    told = yield from read("/exchange/user_data_timestamp", "", portfolio.UserDataTimestamp)
    return rfc3339_ns(told.as_of_time)


def read_pages(path: str, query: str, kind: type[_P]) -> _Answer[list[_P]]:
    """Read pages until the cursor is empty. A cursor seen before would read in circles: the venue answers a bad one with page one.

    Raises:
        ReadError: no answer, not a success, or no end.
        WireError: a page that can't be read.

    """
    pages: list[_P] = []
    seen: list[str] = []
    cursor = ""
    for _ in range(_PAGES_MAX):
        page = yield from read(path, f"{query}&cursor={quote(cursor, safe='')}" if cursor else query, kind)
        pages.append(page)
        cursor = page.cursor or ""
        if not cursor:
            return pages
        if cursor in seen:
            break
        seen.append(cursor)
    raise ReadError(200, f"{path}: the cursor doesn't end")


def read(path: str, query: str, kind: type[_T]) -> _Answer[_T]:
    """Read one document.

    Raises:
        ReadError: no answer, or not a success.
        WireError: it isn't what is expected there.

    """
    response = yield HttpRequest("GET", path, query=query)
    if not is_success(response):
        error = failure(response)
        raise ReadError(response.status, error.detail if response.status == 0 else f"{path}: {error.code} {error.detail}".rstrip())
    return decode(response.body, kind)
