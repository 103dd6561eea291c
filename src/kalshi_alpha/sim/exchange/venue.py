"""The venue's whole state, and the few primitives that change it. No clock: ``now_ns`` is set by whoever asks."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from kalshi_alpha.model.units import Side
from kalshi_alpha.sim.exchange.accounts import Account
from kalshi_alpha.sim.exchange.catalogue import Catalogue, Listed, ListedEvent
from kalshi_alpha.sim.exchange.config import ExchangeConfig, IndexPathLike
from kalshi_alpha.sim.exchange.limits import RateLimits
from kalshi_alpha.sim.exchange.orders import AccountOrder
from kalshi_alpha.sim.exchange.stream_hub import StreamHub
from kalshi_alpha.sim.exchange.wire import identity

if TYPE_CHECKING:
    from kalshi_alpha.sim.exchange.audit import OrderEvent
    from kalshi_alpha.sim.exchange.groups import OrderGroup

Timer = Callable[[int], None]
SUBACCOUNT_MAX: Final = 63
_TRADERS_CASH_E6: Final = 0


class Venue:
    """Everything the parts of the exchange share."""

    def __init__(self, config: ExchangeConfig, path: IndexPathLike, seed: int) -> None:
        self.config = config
        self.path = path
        self.seed = seed
        self.now_ns = 0
        self.catalogue = Catalogue(config, path, seed)
        self.user_id = identity(seed, 2, 1)
        self.hub = StreamHub(self.user_id, seed)
        self.limits = RateLimits(config.tier)
        self.accounts: dict[int, Account] = {}
        self.traders = Account(-1, _TRADERS_CASH_E6)
        self.orders: dict[str, AccountOrder] = {}
        self.client_ids: dict[str, str] = {}
        """Every client order id ever accepted -> order id."""
        self.live: dict[str, AccountOrder] = {}
        """Orders that rest, and those that ended too recently for a lagging read to know."""
        self.groups: dict[str, OrderGroup] = {}
        self.cancel_all_ns: dict[int, int] = {}
        """Subaccount -> its last cancel-all."""
        self.exchange_active = True
        self.trading_active = True
        self.pause_status = 409
        """How an order is refused while trading is paused: 409, or 503."""
        self.log: list[OrderEvent] = []
        self._timers: list[tuple[int, int, Timer]] = []
        self._timer_number = 0
        self._ids = 0
        self._clock = 0

    def account(self, subaccount: int) -> Account:
        """Return a subaccount, made with its starting cash when first used."""
        found = self.accounts.get(subaccount)
        if found is None:
            found = self.accounts[subaccount] = Account(subaccount, self.config.cash_e6)
        return found

    def new_id(self, kind: int) -> tuple[int, str]:
        """Return the next number and the id made of it."""
        self._ids += 1
        return self._ids, identity(self.seed, kind, self._ids)

    def is_open(self, market: Listed) -> bool:
        """Whether orders can trade in a market now."""
        if market.halted or market.inactive:
            return False
        return market.event.open_ns <= self.now_ns < market.event.close_ns and self.exchange_active and self.trading_active

    def fee_terms(self, event: ListedEvent) -> tuple[str, float]:
        """Return an event's type of fee and its multiplier: its own, or its series'."""
        return event.fee_type or self.config.fee_type, self.config.fee_multiplier if event.fee_multiplier is None else event.fee_multiplier

    def restart_clock(self) -> None:
        """Let the books' clock count from the start again, as it may after a pause."""
        self._clock = 0

    def at(self, utc_ns: int, timer: Timer) -> None:
        """Do something at an instant."""
        self._timer_number += 1
        heappush(self._timers, (utc_ns, self._timer_number, timer))

    def next_timer_ns(self) -> int | None:
        """Return when the first timer is due."""
        return self._timers[0][0] if self._timers else None

    def run_timers(self, utc_ns: int) -> None:
        """Run everything due up to and including an instant, in order."""
        timers = self._timers
        while timers and timers[0][0] <= utc_ns:
            due_ns, _, timer = heappop(timers)
            if due_ns > self.now_ns:  # noqa: PLR1730 - twice as fast as max()
                self.now_ns = due_ns
            timer(self.now_ns)
        if utc_ns > self.now_ns:  # noqa: PLR1730 - see above
            self.now_ns = utc_ns

    def book_changed(self, market: Listed, side: Side, price_e4: int, delta_e2: int, own: AccountOrder | None) -> None:
        """Count a change of a book, and tell those who look at it."""
        self._clock += 1
        market.clock = self._clock
        if market.watchers:
            self.hub.book_changed(market, side, price_e4, delta_e2, own, self.now_ns)
