r"""OutstandingOrdersState: every order that may rest at the venue, one per slot, and the cancel-all latches.

    intended --durable--> sent --accepted--> resting --cancel sent--> cancelling
        |                  |  \--lost--> unknown --found--> resting      |
        '---- dropped ---->'---- rejected, executed, cancelled, expired, 404 --> done (removed)

An order leaves the state only by proof: the venue's refusal, its report of the end, a 404 on cancel, or the passing of
the expiry it carries. ``unknown`` and ``cancelling`` count as resting. A latch lifts only by ``clear``.
"""

import runpy
from collections.abc import Iterable
from itertools import takewhile
from typing import Final

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.orders import Order, OrderIntent, OrderStatus, VenueOrder
from kalshi_alpha.model.snapshot import EndedOrder, SnapshotOrder
from kalshi_alpha.model.units import Side

EXPIRY_GRACE_S: Final = 2
"""How long after its expiry an order is taken as gone without a word from the venue (sweep delay and clock error)."""
CLOSED_KEPT: Final = 4_096
"""So many ended order ids are remembered, to tell late echoes from strangers."""
LATELY_NS: Final = 10 * NS_PER_S
"""For so long after an order's end a view of the venue's may still show it."""

Slot = tuple[str, Side]


class OutstandingOrdersState:
    """Owns all live orders. Money at risk is elsewhere; this says what may rest."""

    def __init__(self) -> None:
        self._live: dict[str, Order] = {}
        self._by_slot: dict[Slot, Order] = {}
        self._by_order_id: dict[str, Order] = {}
        self._closed: dict[str, int] = {}
        """Orders that have ended, the last few thousand -> when (UTC ns) that was heard."""
        self.last_ended_ns = 0
        """When (UTC ns) it was last heard that an order has ended."""
        self.latches: dict[str, tuple[str, str]] = {}
        """Latch -> (actor, note)."""

    # Latches

    def mark_cancel_all(self, reason: str, actor: str = "system") -> bool:
        """Latch a cancel-all; no new order until ``clear(reason)``. Returns whether it is new."""
        if reason in self.latches:
            return False
        self.latches[reason] = (actor, "cancel-all")
        return True

    def clear(self, reason: str) -> bool:
        """Lift a latch; returns whether it was set."""
        return self.latches.pop(reason, None) is not None

    # Questions

    def __len__(self) -> int:
        """Count the orders that may rest or are about to."""
        return len(self._live)

    def live(self) -> Iterable[Order]:
        """Return every order that may rest or is about to, oldest first."""
        return self._live.values()

    def in_slot(self, ticker: str, side: Side) -> Order | None:
        """Return the slot's order, if it has one."""
        return self._by_slot.get((ticker, side))

    def find(self, client_order_id: str, order_id: str = "") -> Order | None:
        """Return a live order by either id."""
        return self._live.get(client_order_id) or (self._by_order_id.get(order_id) if order_id else None)

    def was_ours(self, client_order_id: str) -> bool:
        """Whether this id belonged to an order that has ended."""
        return client_order_id in self._closed

    def ended_ns(self, client_order_id: str) -> int | None:
        """Return when (UTC ns) an order was heard to have ended; None: it isn't known to have."""
        return self._closed.get(client_order_id)

    def ended_lately(self, utc_ns: int) -> tuple[EndedOrder, ...]:
        """Return the orders that ended so lately that a view of the venue's may still show them, oldest first."""
        lately = takewhile(lambda ended: ended[1] >= utc_ns - LATELY_NS, reversed(self._closed.items()))
        return tuple(EndedOrder(*ended) for ended in lately)[::-1]

    # Steps

    def intend(self, intent: OrderIntent, utc_ns: int) -> Order:
        """Take a slot for an order whose intent is being made durable."""
        slot = (intent.ticker, intent.side)
        assert slot not in self._by_slot, slot
        order = Order(intent, "intended", remaining_e2=intent.count_e2, changed_ns=utc_ns, expiration_s=intent.expiration_s)
        self._live[intent.client_order_id] = order
        self._by_slot[slot] = order
        return order

    def take_over(self, orders: Iterable[SnapshotOrder], ended: Iterable[EndedOrder], utc_ns: int, expiration_s: int) -> None:
        """Take over what an earlier process knew: each order that may rest as ``restore`` does, and those that ended lately."""
        self._closed |= {one.client_order_id: one.utc_ns for one in ended if one.utc_ns >= utc_ns - LATELY_NS}
        for kept in orders:
            self.restore(kept, utc_ns, expiration_s)

    def restore(self, kept: SnapshotOrder, utc_ns: int, expiration_s: int) -> Order:
        """Take over an order of an earlier process; whether it rests is unknown until the venue tells.

        Args:
            kept: What is known of it.
            utc_ns: When it is taken over.
            expiration_s: The latest expiry a renewal that nobody recorded can have given it.

        """
        intent, order_id = kept.intent, kept.order_id
        order = Order(intent, "unknown", remaining_e2=kept.remaining_e2, changed_ns=utc_ns)
        order.filled_e2 = intent.count_e2 - kept.remaining_e2
        order.expiration_s = max(kept.expiration_s, expiration_s)
        order.unknown_reason = "restart"
        self._live[intent.client_order_id] = order
        self._by_slot.setdefault((intent.ticker, intent.side), order)
        self._name(order, order_id)
        return order

    def set_status(self, order: Order, status: OrderStatus, utc_ns: int) -> None:
        """Move a live order on."""
        order.status = status
        order.changed_ns = utc_ns

    def accepted(self, order: Order, order_id: str, filled_e2: int, utc_ns: int) -> None:
        """Learn the venue's id. What is filled is counted by the fills alone, which may be told before or after."""
        self._name(order, order_id)
        if order.status in {"sent", "unknown", "intended"}:
            self.set_status(order, "resting", utc_ns)
        if filled_e2 >= order.intent.count_e2:
            self.close(order, utc_ns)

    def filled(self, order: Order, count_e2: int, utc_ns: int) -> None:
        """Count one fill; the caller has made sure that it counts once."""
        order.filled_e2 += count_e2
        order.remaining_e2 = order.intent.count_e2 - order.filled_e2
        if order.remaining_e2 <= 0:
            self.close(order, utc_ns)
        else:
            order.changed_ns = utc_ns

    def reported(self, order: Order, report: VenueOrder, utc_ns: int) -> None:
        """Learn the venue's own word on an order."""
        self._name(order, report.order_id)
        if report.status in {"canceled", "executed"}:
            self.close(order, utc_ns)
            return
        if report.expiration_s:
            order.expiration_s = max(order.expiration_s, report.expiration_s)
        if order.status in {"sent", "unknown", "intended"}:
            self.set_status(order, "resting", utc_ns)

    def close(self, order: Order, utc_ns: int) -> None:
        """Remove an order that provably doesn't rest."""
        intent = order.intent
        order.status = "done"
        self._live.pop(intent.client_order_id, None)
        if self._by_slot.get((intent.ticker, intent.side)) is order:
            del self._by_slot[(intent.ticker, intent.side)]
        self._by_order_id.pop(order.order_id, None)
        self._closed[intent.client_order_id] = self.last_ended_ns = utc_ns
        if len(self._closed) > CLOSED_KEPT:
            del self._closed[next(iter(self._closed))]

    def expired(self, utc_ns: int) -> list[Order]:
        """Return the orders whose latest possible expiry has passed by the grace: the venue holds none of them.

        One that is still being made durable is among them: it is dropped unsent.
        """
        limit_s = utc_ns // NS_PER_S - EXPIRY_GRACE_S
        return [order for order in self._live.values() if order.expiration_s < limit_s]

    def _name(self, order: Order, order_id: str) -> None:
        if order_id and not order.order_id:
            order.order_id = order_id
            self._by_order_id[order_id] = order


if __name__ == "__main__":
    # By name, so that this pure module doesn't import the command's sockets and files.
    runpy.run_module("kalshi_alpha.exec.state.orders_cli", run_name="__main__")
