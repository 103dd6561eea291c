"""What everybody can read: status, schedule, series, events, markets and books."""

from collections.abc import Callable
from typing import Final

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.units import DOLLAR_E4
from kalshi_alpha.sim.exchange.book import MatchingBook
from kalshi_alpha.sim.exchange.catalogue import Listed, ListedEvent, SeriesListing, level_text
from kalshi_alpha.sim.exchange.errors import Refusal, bad_parameter, not_found
from kalshi_alpha.sim.exchange.legacy import legacy_market
from kalshi_alpha.sim.exchange.notices import Notices
from kalshi_alpha.sim.exchange.query import Query
from kalshi_alpha.sim.exchange.venue import Venue
from kalshi_alpha.sim.exchange.wire import count_text, price_text, time_text

_MARKETS_MAX: Final = 1_000
_EVENTS_MAX: Final = 200
_PAGE: Final = 100
_BOOKS_MAX: Final = 100
_DEPTH_MAX: Final = 100
_STATUSES: Final = {
    "unopened": ("initialized",),
    "open": ("active",),
    "paused": ("inactive",),
    "closed": ("closed", "determined"),
    "settled": ("finalized",),
}
_SOURCES: Final = [{"name": "Kalshi", "url": "https://example.com/index"}]

Answer = dict[str, object]


class MarketReads:
    """Answers the public reads."""

    def __init__(self, venue: Venue, notices: Notices) -> None:
        self._venue = venue
        self._notices = notices
        self._fixed: dict[str, Answer] = {}

    def routes(self) -> dict[tuple[str, int], Callable[[list[str], str], Answer]]:
        """Return what answers a path: by its first word, and by the number of its words."""
        return {
            ("exchange", 2): self._exchange,
            ("series", 1): self._series_list,
            ("series", 2): self._series,
            ("events", 1): self._events,
            ("events", 2): self._event,
            ("events", 3): self._event_metadata,
            ("markets", 1): self._markets,
            ("markets", 2): self._market,
            ("markets", 3): self._market_part,
        }

    # Exchange

    def _exchange(self, words: list[str], _query: str) -> Answer:
        venue = self._venue
        match words[1]:
            case "schedule":
                return self._notices.schedule()
            case "user_data_timestamp":
                return {"as_of_time": time_text(venue.now_ns - venue.config.read_lag_ns)}
            case _:
                raise not_found()

    # Series

    def _series_list(self, _words: list[str], _query: str) -> Answer:
        return {"series": [self._series_document(listing) for listing in self._venue.catalogue.series.values()]}

    def _series(self, words: list[str], query: str) -> Answer:
        if words[1] == "fee_changes":
            return self._fee_changes(Query(query, "GetSeriesFeeChanges"))
        listing = self._venue.catalogue.series.get(words[1])
        if listing is None:
            raise not_found(what="series")
        return {"series": self._series_document(listing)}

    def _fee_changes(self, query: Query) -> Answer:
        """Return what was or will be changed; the index series lost their half rate in July 2026."""
        if not query.flag("show_historical"):
            return {"series_fee_change_arr": []}
        wanted = query.text("series_ticker")
        tickers = [ticker for ticker in self._venue.catalogue.series if wanted in {"", ticker}]
        config = self._venue.config
        changes = [
            {
                "id": f"fee-{ticker}",
                "series_ticker": ticker,
                "fee_type": config.fee_type,
                "fee_multiplier": config.fee_multiplier,
                "scheduled_ts": "2026-07-03T17:00:00Z",
            }
            for ticker in tickers
        ]
        return {"series_fee_change_arr": changes}

    def _series_document(self, listing: SeriesListing) -> Answer:
        return {
            "ticker": listing.ticker,
            "frequency": "daily" if listing.is_range else "hourly",
            "title": listing.title,
            "category": "Financials",
            "categories": ["Financials"],
            "tags": ["Indices"],
            "settlement_sources": _SOURCES,
            "contract_url": "https://example.com/contract.pdf",
            "contract_terms_url": "https://example.com/terms.pdf",
            "fee_type": self._venue.config.fee_type,
            "fee_multiplier": self._venue.config.fee_multiplier,
            "additional_prohibitions": [],
            "exchange_index": 0,
        }

    # Events

    def _events(self, _words: list[str], query_text: str) -> Answer:
        query = Query(query_text, "GetEvents")
        series, status, tickers = query.text("series_ticker"), query.text("status"), query.names("event_tickers")
        min_close_ts = query.number("min_close_ts") or 0
        allowed = self._allowed(status, "GetEvents")
        found = [
            event
            for event in self._venue.catalogue.events.values()
            if series in {"", event.series.ticker}
            and (not tickers or event.ticker in tickers)
            and (allowed is None or event.status(self._venue.now_ns) in allowed)
            and event.close_ns >= min_close_ts * NS_PER_S
        ]
        page, cursor = query.page(found, _EVENTS_MAX, _EVENTS_MAX)
        nested = query.flag("with_nested_markets")
        return {"events": [self._event_document(event, nested=nested) for event in page], "cursor": cursor}

    def _event(self, words: list[str], query_text: str) -> Answer:
        if words[1] == "fee_changes":
            return self._event_fee_changes(Query(query_text, "GetEventFeeChanges"))
        query = Query(query_text, "GetEvent")
        event = self._venue.catalogue.events.get(words[1])
        if event is None:
            raise not_found(what="event")
        nested = query.flag("with_nested_markets")
        beside = [] if nested or query.flag("exclude_markets") else [self.market_document(market) for market in event.markets]
        return {"event": self._event_document(event, nested=nested), "markets": beside}

    def _event_fee_changes(self, query: Query) -> Answer:
        wanted = query.text("event_ticker")
        found: list[Answer] = [
            {
                "id": f"fee-{event.ticker}",
                "event_ticker": event.ticker,
                "series_ticker": event.series.ticker,
                "fee_type_override": event.fee_type,
                "fee_multiplier_override": event.fee_multiplier,
                "scheduled_ts": time_text(event.fees_changed_ns),
            }
            for event in self._venue.catalogue.events.values()
            if event.fees_changed_ns and wanted in {"", event.ticker}
        ]
        page, cursor = query.page(found, _PAGE, _MARKETS_MAX)
        return {"event_fee_changes": page, "cursor": cursor}

    def _event_metadata(self, words: list[str], _query: str) -> Answer:
        event = self._venue.catalogue.events.get(words[1])
        if event is None or words[2] != "metadata":
            raise not_found(what="event")
        details = [{"market_ticker": market.ticker, "image_url": "", "color_code": ""} for market in event.markets]
        return {"image_url": "", "market_details": details, "settlement_sources": _SOURCES}

    def _event_document(self, event: ListedEvent, *, nested: bool) -> Answer:
        document: Answer = {
            "event_ticker": event.ticker,
            "series_ticker": event.series.ticker,
            "sub_title": event.ticker.rsplit("-", 1)[1],
            "title": event.series.title,
            "collateral_return_type": event.series.collateral,
            "mutually_exclusive": event.series.is_range,
            "category": "Financials",
            "strike_date": time_text(event.close_ns),
            "settlement_sources": _SOURCES,
            "exchange_index": 0,
        }
        if event.fee_type is not None:
            document["fee_type_override"] = event.fee_type
        if event.fee_multiplier is not None:
            document["fee_multiplier_override"] = event.fee_multiplier
        if self._venue.config.legacy_fields:
            document["available_on_brokers"] = True
        if nested:
            document["markets"] = [self.market_document(market) for market in event.markets]
        return document

    # Markets

    def _markets(self, _words: list[str], query_text: str) -> Answer:
        query = Query(query_text, "GetMarkets")
        allowed = self._allowed(query.text("status"), "GetMarkets")
        series, event_ticker = query.text("series_ticker"), query.names("event_ticker")
        low_s, high_s = query.number("min_close_ts"), query.number("max_close_ts")
        tickers = query.names("tickers")
        events = [
            event
            for event in self._venue.catalogue.events.values()
            if series in {"", event.series.ticker}
            and (not event_ticker or event.ticker in event_ticker)
            and (low_s is None or event.close_ns >= low_s * NS_PER_S)
            and (high_s is None or event.close_ns <= high_s * NS_PER_S)
        ]
        if tickers:
            known = self._venue.catalogue.markets
            found = [known[ticker] for ticker in dict.fromkeys(tickers) if ticker in known and known[ticker].event in events]
        else:
            found = [market for event in events for market in event.markets]
        if allowed is not None:
            found = [market for market in found if market.status(self._venue.now_ns) in allowed]
        page, cursor = query.page(found, _PAGE, _MARKETS_MAX)
        return {"markets": [self.market_document(market) for market in page], "cursor": cursor}

    def _market(self, words: list[str], query_text: str) -> Answer:
        match words[1]:
            case "trades":
                return {"trades": [], "cursor": ""}
            case "orderbooks":
                tickers = Query(query_text, "GetMarketOrderbooks").names("tickers")
                if not tickers or len(tickers) > _BOOKS_MAX:
                    raise bad_parameter(operation="GetMarketOrderbooks", field="Tickers", tag="required" if not tickers else "max")
                return {"orderbooks": [{"ticker": ticker, "orderbook_fp": _levels(self._listed(ticker).book, 0)} for ticker in tickers]}
            case ticker:
                return {"market": self.market_document(self._listed(ticker))}

    def _market_part(self, words: list[str], query_text: str) -> Answer:
        if words[2] != "orderbook":
            raise not_found()
        depth = Query(query_text, "GetMarketOrderbook").number("depth") or 0
        if not 0 <= depth <= _DEPTH_MAX:
            raise bad_parameter(operation="GetMarketOrderbook", field="Depth", tag="lte")
        levels = _levels(self._listed(words[1]).book, depth)
        answer: Answer = {"orderbook_fp": levels}
        if self._venue.config.legacy_fields:
            answer["orderbook"] = {"yes": [], "no": [], **levels}
        return answer

    def _listed(self, ticker: str) -> Listed:
        market = self._venue.catalogue.markets.get(ticker)
        if market is None:
            raise Refusal(404, "market_not_found", ticker)
        return market

    def _allowed(self, status: str, operation: str) -> tuple[str, ...] | None:
        if not status:
            return None
        if status not in _STATUSES:
            raise bad_parameter(operation=operation, field="Status", tag="oneof")
        return _STATUSES[status]

    def market_document(self, market: Listed) -> Answer:
        """Return a market as the venue lists it."""
        fixed = self._fixed.get(market.ticker)
        if fixed is None:
            fixed = self._fixed[market.ticker] = _fixed_part(market, self._venue.config.settlement_timer_s)
        book, event = market.book, market.event
        bid_e4, ask_e4 = book.best_bid_e4, book.best_ask_e4
        document: Answer = {
            **fixed,
            "status": market.status(self._venue.now_ns),
            "yes_bid_dollars": price_text(bid_e4),
            "yes_bid_size_fp": count_text(book.best_size_e2("bid")),
            "yes_ask_dollars": price_text(ask_e4),
            "yes_ask_size_fp": count_text(book.best_size_e2("ask")),
            "no_bid_dollars": price_text(DOLLAR_E4 - ask_e4),
            "no_ask_dollars": price_text(DOLLAR_E4 - bid_e4),
            "last_price_dollars": price_text(market.last_e4),
            "volume_fp": count_text(market.volume_e2),
            "volume_24h_fp": count_text(market.volume_e2),
            "open_interest_fp": count_text(market.volume_e2),
            "result": market.result,
            "expiration_value": level_text(event.level_e2) if event.determined_ns else "",
        }
        if event.determined_ns:
            document["settlement_value_dollars"] = "1.0000" if market.result == "yes" else "0.0000"
        if event.settled_ns:
            document["settlement_ts"] = time_text(event.settled_ns)
        if self._venue.config.legacy_fields:
            document |= legacy_market(market)
        return document


def _fixed_part(market: Listed, timer_s: int) -> Answer:
    event, strike = market.event, market.strike
    opened, closes = time_text(event.open_ns), time_text(event.close_ns)
    fixed: Answer = {
        "ticker": market.ticker,
        "event_ticker": event.ticker,
        "market_type": "binary",
        "title": event.series.title,
        "subtitle": strike.words,
        "yes_sub_title": strike.words,
        "no_sub_title": strike.words,
        "created_time": opened,
        "updated_time": opened,
        "open_time": opened,
        "close_time": closes,
        "expected_expiration_time": closes,
        "expiration_time": closes,
        "latest_expiration_time": time_text(event.close_ns + 7 * 86_400 * NS_PER_S),
        "settlement_timer_seconds": timer_s,
        "can_close_early": False,
        "notional_value_dollars": "1.0000",
        "previous_yes_bid_dollars": "0.0000",
        "previous_yes_ask_dollars": "0.0000",
        "previous_price_dollars": "0.0000",
        "settlement_bounds_type": "default",
        "strike_type": strike.kind,
        "rules_primary": f"Resolves YES if the index at the target is {strike.words}.",
        "rules_secondary": "",
        "price_level_structure": "linear_cent",
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
        "is_provisional": True,
        "exchange_index": 0,
    }
    if strike.floor is not None:
        fixed["floor_strike"] = strike.floor
    if strike.cap is not None:
        fixed["cap_strike"] = strike.cap
    return fixed


def _levels(book: MatchingBook, depth: int) -> Answer:
    """Return both sides as bids, the best last; ``depth`` 0 is everything."""
    yes = [[price_text(price), count_text(book.bids[price].total_e2)] for price in sorted(book.bids)]
    no = [[price_text(DOLLAR_E4 - price), count_text(book.asks[price].total_e2)] for price in sorted(book.asks, reverse=True)]
    return {"yes_dollars": yes[-depth:], "no_dollars": no[-depth:]}
