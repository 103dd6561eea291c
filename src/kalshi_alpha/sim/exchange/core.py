"""The simulated venue as one object: requests in, answers out, time as an argument. Deterministic: same inputs, same outputs."""

import contextlib
from collections.abc import Sequence
from typing import Final

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.units import DOLLAR_E4
from kalshi_alpha.sim.exchange.audit import Audit, MarketTerms, OrderEvent, RestingOrder
from kalshi_alpha.sim.exchange.config import ExchangeConfig, FaultLike, IndexPathLike
from kalshi_alpha.sim.exchange.desk import OrderDesk
from kalshi_alpha.sim.exchange.errors import Refusal, json_response, not_found, too_many_requests
from kalshi_alpha.sim.exchange.fault_timers import FaultTimers
from kalshi_alpha.sim.exchange.faults import RequestFaults, check
from kalshi_alpha.sim.exchange.lifecycle import Lifecycle
from kalshi_alpha.sim.exchange.listing_faults import ListingFaults
from kalshi_alpha.sim.exchange.notices import Notices, weekly_pause
from kalshi_alpha.sim.exchange.order_entry import OrderEntry
from kalshi_alpha.sim.exchange.participants import LadderTraders
from kalshi_alpha.sim.exchange.query import Query
from kalshi_alpha.sim.exchange.rest_markets import MarketReads
from kalshi_alpha.sim.exchange.rest_orders import GroupRequests, OrderWrites
from kalshi_alpha.sim.exchange.rest_portfolio import PortfolioReads
from kalshi_alpha.sim.exchange.stream import ExchangeSession
from kalshi_alpha.sim.exchange.venue import Venue

_OK: Final = 200
_UNAVAILABLE: Final = {502: "bad_gateway", 503: "service_unavailable", 504: "gateway_timeout"}
_LATE_S: Final = 5.0


class SimExchange:
    """A Kalshi-like venue for one session day. Before the first call with a time nothing has happened."""

    def __init__(self, config: ExchangeConfig, path: IndexPathLike, seed: int, faults: Sequence[FaultLike] = ()) -> None:
        self.sessions: list[ExchangeSession] = []
        self._venue = Venue(config, path, seed)
        self._desk = OrderDesk(self._venue)
        entry = OrderEntry(self._venue, self._desk)
        self._lifecycle = Lifecycle(self._venue, self._desk)
        self._notices = Notices(self._venue, faults)
        self._markets = MarketReads(self._venue, self._notices)
        self._market_routes = self._markets.routes()
        self._portfolio = PortfolioReads(self._venue, faults)
        self._portfolio_routes = self._portfolio.routes()
        self._order_writes = OrderWrites(self._venue, entry)
        self._groups = GroupRequests(self._venue, self._desk)
        check(faults)
        self._faults = faults
        self._timers = FaultTimers(self._venue, self._lifecycle, lambda: [one for one in self.sessions if one.closed is None])
        self._request_faults = RequestFaults(faults)
        self._listing_faults = ListingFaults(faults)
        self._started = False
        self.next_event_ns = self._venue.next_timer_ns
        """Returns when ``advance`` has something to do."""

    # Time

    def advance(self, utc_ns: int) -> None:
        """Let everything happen that is due, in order."""
        if not self._started:
            self._start(utc_ns)
        self._venue.run_timers(utc_ns)

    def set_status(self, exchange_active: bool, trading_active: bool, at_ns: int) -> None:
        """Pause or resume at an instant."""
        self._timers.set_status(exchange_active, trading_active, at_ns)

    def _start(self, utc_ns: int) -> None:
        """Set all timers; what ended before the start is over, and nobody traded before it."""
        self._started = True
        venue = self._venue
        venue.now_ns = utc_ns
        self._lifecycle.start()
        if venue.config.participants:
            for event in venue.catalogue.events.values():
                if event.close_ns > utc_ns:
                    LadderTraders(venue, self._desk, event).start()
        if venue.config.weekly_pause:
            for from_ns, to_ns in weekly_pause(venue.config.session.date):
                self.set_status(True, False, from_ns)
                self.set_status(True, True, to_ns)
        self._timers.start(self._faults)

    # Streams

    def connect(self) -> ExchangeSession:
        """Return a new connection's session. Its frames and its end are the caller's to fetch."""
        session = ExchangeSession(self._venue)
        self.sessions = [one for one in self.sessions if one.closed is None]
        self.sessions.append(session)
        return session

    def accepts_connections(self, utc_ns: int) -> bool:
        """Whether no fault keeps new connections out."""
        return not any(fault.kind == "refuse_connections" and fault.from_ns <= utc_ns < fault.to_ns for fault in self._faults)

    # Requests

    def request(self, request: HttpRequest, utc_ns: int) -> HttpResponse:
        """Answer a request; status 0 means that it got no answer, whatever was done."""
        self.advance(utc_ns)
        hit = self._request_faults.hit(request, utc_ns)
        try:
            if hit is not None:
                return self._faulty(request, *hit)
            return self._answer(request)
        except Refusal as refusal:
            return refusal.response()

    def _faulty(self, request: HttpRequest, kind: str, fault: FaultLike) -> HttpResponse:
        match kind:
            case "reject":
                raise Refusal(int(fault.params.get("status", 400)), str(fault.params.get("code", "invalid_order")), "fault")
            case "too_many":
                raise too_many_requests()
            case "unavailable_before":
                return _unavailable(fault)
            case "unavailable_after":
                self._apply(request)
                return _unavailable(fault)
            case "lose_request":
                return HttpResponse(0, b"", "the request was lost")
            case "late":
                delay_ns = int(float(fault.params.get("delay_s", _LATE_S)) * NS_PER_S)
                self._venue.at(self._venue.now_ns + delay_ns, lambda _now: self._apply(request))
                return HttpResponse(0, b"", "the request is under way")
            case "repeat_request":
                self._apply(request)
                return self._answer(request)
            case _:
                self._apply(request)
                return HttpResponse(0, b"", "the reply was lost")

    def _apply(self, request: HttpRequest) -> None:
        """Do what is asked, whatever the answer would be."""
        with contextlib.suppress(Refusal):
            self._answer(request)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        words = [word for word in request.path.split("/") if word]
        if not words:
            raise not_found()
        if request.method == "GET":
            return self._read(request, words)
        if request.method == "POST" and not request.body:
            raise Refusal(400, "invalid_content_type")
        match words:
            case ["portfolio", "events", "orders", *rest]:
                return self._order_writes.answer(request, rest)
            case ["portfolio", "order_groups", *rest]:
                return self._groups.answer(request, rest)
            case ["portfolio", "orders", *_]:
                self._venue.limits.charge_write(10, self._venue.now_ns)
                raise Refusal(410, "deprecated_v1_order_endpoint", "Please switch to the V2 endpoints")
            case _:
                raise not_found()

    def _read(self, request: HttpRequest, words: list[str]) -> HttpResponse:
        venue = self._venue
        if words == ["exchange", "status"]:
            return json_response(self._notices.status_code(venue.now_ns), self._notices.status())
        venue.limits.charge_read(request.path, venue.now_ns)
        public = self._market_routes.get((words[0], len(words)))
        if public is not None:
            return json_response(_OK, self._listing_faults.told(public(words, request.query), venue.now_ns))
        private = self._portfolio_routes.get(tuple(words))
        if private is not None:
            return json_response(_OK, private(Query(request.query, "".join(word.capitalize() for word in words))))
        match words:
            case ["portfolio", "orders", order_id]:
                return json_response(_OK, self._portfolio.order(order_id))
            case ["portfolio", "orders", order_id, "queue_position"]:
                return json_response(_OK, self._portfolio.queue_position(order_id))
            case ["portfolio", "order_groups", *rest]:
                return self._groups.answer(request, rest)
            case _:
                raise not_found()

    # The record

    @property
    def order_log(self) -> list[OrderEvent]:
        """Everything that happened to the account's orders, in order."""
        return self._venue.log

    def terms(self) -> dict[str, MarketTerms]:
        """Return what each market pays on, by ticker."""
        return {
            ticker: MarketTerms(
                market.event.ticker, market.event.series.symbol, market.strike.lo_e2, market.strike.hi_e2, market.event.close_ns
            )
            for ticker, market in self._venue.catalogue.markets.items()
        }

    def audit(self, utc_ns: int) -> Audit:
        """Return the venue's own account of an instant."""
        self.advance(utc_ns)
        venue = self._venue
        accounts = venue.accounts
        return Audit(
            utc_ns=venue.now_ns,
            resting=tuple(self._resting()),
            group_ids_open=tuple(group.group_id for group in venue.groups.values() if not group.triggered and not group.deleted),
            cash_e6={number: accounts[number].cash_e6 for number in sorted(accounts)},
            positions_e2={
                number: {
                    ticker: held[-1].position_e2 for ticker, held in sorted(accounts[number].positions.items()) if held[-1].position_e2
                }
                for number in sorted(accounts)
            },
            cash_drift_e6=self._cash_drift_e6(),
            contracts_drift_e2=sum(abs(self._imbalance_e2(ticker)) for ticker in venue.traders.positions),
            write_tokens=venue.limits.write_tokens_taken,
        )

    def _resting(self) -> list[RestingOrder]:
        return [
            RestingOrder(
                order_id=order.terms.order_id,
                client_order_id=order.now.client_order_id,
                ticker=order.terms.ticker,
                side=order.terms.side,
                price_e4=order.now.price_e4,
                remaining_e2=order.now.remaining_e2,
                filled_e2=order.now.filled_e2,
                accepted_ns=order.terms.created_ns,
                expiration_s=order.now.expiration_s,
                group_id=order.terms.group_id,
                subaccount=order.terms.subaccount,
                post_only=order.terms.post_only,
                cancel_order_on_pause=order.terms.cancel_order_on_pause,
            )
            for order in self._venue.live.values()
            if order.now.status == "resting"
        ]

    def _imbalance_e2(self, ticker: str) -> int:
        return self._venue.traders.position_e2(ticker) + sum(account.position_e2(ticker) for account in self._venue.accounts.values())

    def _cash_drift_e6(self) -> int:
        """Cash, fees and the dollar behind each pair of contracts add up to what there was at the start."""
        everybody = [*self._venue.accounts.values(), self._venue.traders]
        total_e6 = sum(account.cash_e6 + account.fees_e6 for account in everybody)
        tickers = list(dict.fromkeys(ticker for account in everybody for ticker in account.positions))
        pairs_e2 = sum(max(0, account.position_e2(ticker)) for account in everybody for ticker in tickers)
        return total_e6 + DOLLAR_E4 * pairs_e2 - self._venue.config.cash_e6 * len(self._venue.accounts)


def _unavailable(fault: FaultLike) -> HttpResponse:
    status = int(fault.params.get("status", 503))
    return Refusal(status, _UNAVAILABLE.get(status, "service_unavailable")).response()
