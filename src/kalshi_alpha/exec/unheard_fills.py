"""Fills that the venue has told of, or may still tell of, before the trades themselves are heard: until then the order's risk stays.

That an order is executed is often heard before the trade that did it, and of one that is just gone nobody says why. Dropping its risk with
the order would leave a moment in which it counts neither as resting nor as held, and the next order would be let in on that account.
"""

from typing import Final

import msgspec

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.orders import Fill, Order, OrderIntent

_SURELY_NEWER_NS: Final = NS_PER_S
"""A read of a view that lags by up to a second."""


class _Unheard(msgspec.Struct):
    intent: OrderIntent
    order_id: str
    left_e2: int
    """Contracts that may have been traded and aren't booked."""
    ended_ns: int


class UnheardFills:
    """Keeps the risk of orders that have ended until their trades are booked, or a read shows that there are none."""

    def __init__(self, facts: EngineFacts) -> None:
        self._facts = facts
        self._waiting: dict[str, _Unheard] = {}
        """By client order id."""

    def ended(self, order: Order, unheard_e2: int, now: Now) -> None:
        """Take over the risk of an order that has ended.

        Args:
            order: It.
            unheard_e2: Hundredths of contracts that were, or may have been, traded beyond the booked ones.
            now: When its end was heard.

        """
        self._waiting[order.intent.client_order_id] = waiting = _Unheard(order.intent, order.order_id, unheard_e2, now.utc_ns)
        self._count(waiting)

    def booked(self, fill: Fill) -> bool:
        """Learn that a trade is in the ledger; return whether that freed risk."""
        for waiting in self._waiting.values():
            if fill.client_order_id == waiting.intent.client_order_id or (fill.order_id and fill.order_id == waiting.order_id):
                waiting.left_e2 -= fill.count_e2
                self._count(waiting)
                return True
        return False

    def read(self, as_of_ns: int) -> bool:
        """Learn that all trades up to an instant are booked; return whether that freed risk."""
        settled = [waiting for waiting in self._waiting.values() if waiting.ended_ns + _SURELY_NEWER_NS < as_of_ns]
        for waiting in settled:
            waiting.left_e2 = 0
            self._count(waiting)
        return bool(settled)

    def _count(self, waiting: _Unheard) -> None:
        risk, intent = self._facts.risk, waiting.intent
        ladder = self._facts.ladders.get(intent.event_ticker)
        if waiting.left_e2 > 0 and ladder is not None:
            rung = ladder.rung_of[intent.ticker]
            risk.set_order(intent.event_ticker, intent.client_order_id, rung, intent.side, intent.price_e4, waiting.left_e2)
        else:
            risk.drop_order(intent.event_ticker, intent.client_order_id)
            del self._waiting[intent.client_order_id]
