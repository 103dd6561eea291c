"""What happens to an event by itself: it closes, its orders are cancelled, it is determined, it pays; and the venue's pauses."""

from functools import partial

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sim.exchange.catalogue import ListedEvent, settlement_level_e2
from kalshi_alpha.sim.exchange.desk import OrderDesk
from kalshi_alpha.sim.exchange.venue import Venue


class Lifecycle:
    """Moves every event along its timers."""

    def __init__(self, venue: Venue, desk: OrderDesk) -> None:
        self._venue = venue
        self._desk = desk

    def start(self) -> None:
        """Set the timers of all events. What lies in the past happens at once."""
        config = self._venue.config
        for event in self._venue.catalogue.events.values():
            self._venue.at(event.close_ns + config.close_cancel_ns, partial(self._close, event))
            self._venue.at(event.close_ns + config.determination_ns, partial(self._determine, event))
            settles_ns = event.close_ns + config.determination_ns + config.settlement_timer_s * NS_PER_S
            self._venue.at(settles_ns, partial(self._settle, event))

    def set_status(self, *, exchange_active: bool, trading_active: bool) -> None:
        """Pause or resume; orders that asked for it die when a pause begins."""
        venue = self._venue
        was_active = venue.exchange_active and venue.trading_active
        venue.exchange_active, venue.trading_active = exchange_active, trading_active
        if was_active and not (exchange_active and trading_active):
            for order in list(venue.live.values()):
                if order.now.status == "resting" and order.terms.cancel_order_on_pause:
                    self._desk.cancel(order, "HaltCancel")

    def _close(self, event: ListedEvent, _utc_ns: int) -> None:
        for order in list(self._venue.live.values()):
            if order.now.status == "resting" and order.terms.event_ticker == event.ticker:
                self._desk.cancel(order, "CloseCancel")

    def _determine(self, event: ListedEvent, _utc_ns: int) -> None:
        venue = self._venue
        event.level_e2 = settlement_level_e2(venue.path, event)
        event.determined_ns = venue.now_ns
        for market in event.markets:
            market.result = "yes" if market.strike.pays_yes(event.level_e2) else "no"
        venue.hub.lifecycle("determined", event, venue.now_ns)

    def _settle(self, event: ListedEvent, _utc_ns: int) -> None:
        venue = self._venue
        event.settled_ns = venue.now_ns
        for market in event.markets:
            for account in (*venue.accounts.values(), venue.traders):
                account.settle(market.ticker, event.ticker, market.result, venue.now_ns)
        venue.hub.lifecycle("settled", event, venue.now_ns)
