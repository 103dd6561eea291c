"""What happens to an event by itself: it closes, its orders are cancelled, it is determined, it pays; and the venue's pauses."""

from functools import partial
from random import Random
from typing import Final

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sim.exchange.catalogue import Listed, ListedEvent, settlement_level_e2
from kalshi_alpha.sim.exchange.desk import OrderDesk
from kalshi_alpha.sim.exchange.venue import Venue

_DETERMINATION_MAX_NS: Final = 42 * 60 * NS_PER_S


class Lifecycle:
    """Moves every event along its timers."""

    def __init__(self, venue: Venue, desk: OrderDesk) -> None:
        self._venue = venue
        self._desk = desk

    def start(self) -> None:
        """Set the timers of all events. What lies in the past happens at once."""
        config = self._venue.config
        for event in self._venue.catalogue.events.values():
            determined_ns = event.close_ns + self._determination_ns(event)
            self._venue.at(event.close_ns + config.close_cancel_ns, partial(self._close, event))
            self._venue.at(determined_ns, partial(self._determine, event))
            self._venue.at(determined_ns + config.settlement_timer_s * NS_PER_S, partial(self._settle, event))

    def _determination_ns(self, event: ListedEvent) -> int:
        config = self._venue.config
        draw = Random(f"{self._venue.seed}/determination/{event.ticker}")
        return min(int(config.determination_ns * draw.lognormvariate(0.0, config.determination_sigma)), _DETERMINATION_MAX_NS)

    def set_status(self, *, exchange_active: bool, trading_active: bool) -> None:
        """Pause or resume; orders that asked for it die when a pause begins."""
        venue = self._venue
        was_active = venue.exchange_active and venue.trading_active
        venue.exchange_active, venue.trading_active = exchange_active, trading_active
        is_active = exchange_active and trading_active
        if was_active and not is_active:
            for order in list(venue.live.values()):
                if order.now.status == "resting" and order.terms.cancel_order_on_pause:
                    self._desk.cancel(order, "HaltCancel")
        if is_active and not was_active:
            venue.pause_status = 409
            venue.restart_clock()

    def halt(self, prefix: str, *, halted: bool) -> None:
        """Pause the trading of single markets, or resume it. Nobody is told, and what rests stays unless it asked not to."""
        for market in self._markets(prefix):
            market.halted = halted
            if halted:
                self._cancel_in(market, only_on_pause=True)

    def deactivate(self, prefix: str, *, inactive: bool) -> None:
        """Take single markets out of trading, or back in; when they come back, everything that rested in them is cancelled."""
        for market in self._markets(prefix):
            market.inactive = inactive
            self._cancel_in(market, only_on_pause=inactive)
            self._venue.hub.activity_changed(market)

    def change_fees(self, prefix: str, fee_type: str | None, multiplier: float | None) -> None:
        """Give events fees of their own, or none."""
        for event in self._venue.catalogue.events.values():
            if event.ticker.startswith(prefix):
                event.fee_type, event.fee_multiplier, event.fees_changed_ns = fee_type, multiplier, self._venue.now_ns
                self._venue.hub.fees_changed(event)

    def _markets(self, prefix: str) -> list[Listed]:
        return [market for market in self._venue.catalogue.markets.values() if market.ticker.startswith(prefix)]

    def _cancel_in(self, market: Listed, *, only_on_pause: bool) -> None:
        for order in list(self._venue.live.values()):
            dies = order.terms.cancel_order_on_pause or not only_on_pause
            if dies and order.now.status == "resting" and order.terms.ticker == market.ticker:
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
