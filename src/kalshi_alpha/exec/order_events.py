"""What the venue says of our orders: acknowledgements, refusals, lost answers, ends and fills."""

from typing import Final

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.loss_limits import LossLimits
from kalshi_alpha.exec.planner import OrderPlanner
from kalshi_alpha.exec.strange_orders import StrangeOrders
from kalshi_alpha.exec.unheard_fills import UnheardFills
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.commands import CancelTarget, PlaceOrders
from kalshi_alpha.model.orders import Fill, Order, OrderIntent, VenueOrder
from kalshi_alpha.model.records import FillBooked, LatchSet, OrderClosed, OrderPlaced

PAUSE_CODES: Final = frozenset({"trading_is_paused", "exchange_is_paused"})
GROUP_CODES: Final = ("order_group", "exceeded_order_group")
GROUP_LATCH: Final = "order_group_stopped"
OTHERS_LATCH: Final = "somebody_else_trades"
NOT_FOUND: Final = 404
TOO_MANY: Final = 429


class OrderEvents:
    """Keeps orders, ledger, exposure and slots in step with the venue's word."""

    def __init__(self, facts: EngineFacts, planner: OrderPlanner) -> None:
        self._facts = facts
        self._planner = planner
        self.strangers = StrangeOrders(facts)
        self.losses = LossLimits(facts)
        self._unheard = UnheardFills(facts)
        self._batches: dict[int, tuple[str, ...]] = {}

    # Sending

    def batch_started(self, batch: int, client_order_ids: tuple[str, ...]) -> None:
        """Remember which intents a journal batch carries."""
        if client_order_ids:
            self._batches[batch] = client_order_ids

    def durable(self, event: ev.IntentsDurable, now: Now) -> None:
        """Send what is durable now, if everything still allows it: this is the last look before the wire."""
        facts = self._facts
        ready = [batch for batch in self._batches if batch <= event.batch]
        send: list[OrderIntent] = []
        for batch in ready:
            for client_order_id in self._batches.pop(batch):
                order = facts.orders.find(client_order_id)
                if order is None or order.status != "intended":
                    continue
                if self._may_send(order, now):
                    facts.orders.set_status(order, "sent", now.utc_ns)
                    send.append(order.intent)
                else:
                    self.close(order, "not sent: no longer wanted", now, unheard_e2=0)
        if send:
            if facts.first_order_mono_ns is None:
                facts.first_order_mono_ns = now.mono_ns
            facts.quotes_placed += len(send)
            facts.out.append(PlaceOrders(tuple(send)))

    def _may_send(self, order: Order, now: Now) -> bool:
        intent = order.intent
        ladder = self._facts.ladders.get(intent.event_ticker)
        if ladder is None or not ladder.allowed or now.utc_ns >= ladder.window.freeze_ns:
            return False
        if intent.expiration_s * NS_PER_S <= now.utc_ns or intent.group_id != self._facts.venue.group_id:
            return False
        wanted_e4 = ladder.wanted_e4(ladder.rung_of[intent.ticker], intent.side)
        return wanted_e4 == intent.price_e4

    # Answers to creates

    def accepted(self, event: ev.OrderAccepted, now: Now) -> None:
        """Learn that an order rests."""
        order = self._facts.orders.find(event.client_order_id, event.order_id)
        if order is None:
            if not self._facts.orders.was_ours(event.client_order_id):
                self.orphan(event.order_id, event.client_order_id, "", now)
            return
        self._facts.orders.accepted(order, event.order_id, event.filled_e2, now.utc_ns)
        self._facts.record(OrderPlaced(now.utc_ns, event.client_order_id, event.order_id))
        if order.status == "done":
            self._ended(order, "executed", event.filled_e2 - order.filled_e2, now)
        self._touch(order.intent)

    def rejected(self, event: ev.OrderRejected, now: Now) -> None:
        """Learn that an order was refused, so that nothing rests, and from the refusal that trading is paused or the group dead."""
        facts = self._facts
        facts.rejected += 1
        if event.code in PAUSE_CODES:
            facts.venue.trading_active = False
            facts.after("status", 0.5, now)
        if event.http_status == TOO_MANY:
            spare = int(facts.bucket.available(now.mono_ns)) - 2 * len(facts.orders)
            facts.bucket.take(max(0, spare), now.mono_ns)
        if event.code.lower().startswith(GROUP_CODES) and facts.venue.group_id:
            self._group_stopped(event.code, now)
        order = facts.orders.find(event.client_order_id)
        if order is not None:
            self.close(order, f"rejected: {event.code}", now, unheard_e2=0)

    def _group_stopped(self, code: str, now: Now) -> None:
        """Latch that the venue's fill-rate breaker tripped: only a person can say whether the fills were wanted."""
        facts = self._facts
        facts.venue.group_id = ""
        if facts.orders.mark_cancel_all(GROUP_LATCH):
            facts.record(LatchSet(now.utc_ns, GROUP_LATCH, "venue", code), sync=True)
            did = f"latched; cancelling {len(facts.orders)} orders; clearing {GROUP_LATCH} makes a new group"
            facts.incident(now, "venue", "The venue stopped our order group", did, {"code": code})

    def outcome_unknown(self, event: ev.OrderOutcomeUnknown, now: Now) -> None:
        """Learn that an answer was lost: the slot stays taken until the venue tells or the expiry passes."""
        facts = self._facts
        order = facts.orders.find(event.client_order_id)
        if order is None:
            return
        if event.action == "create" and order.status == "sent":
            facts.orders.set_status(order, "unknown", now.utc_ns)
            order.unknown_reason = event.reason
            facts.no_later("reads", now.mono_ns)
        elif event.action == "cancel":
            facts.no_later("cancel_retry", now.mono_ns + NS_PER_S)

    # Answers to cancels and amends

    def cancelled(self, event: ev.OrderCancelled, now: Now) -> None:
        """Learn that a cancel was acknowledged."""
        self.strangers.gone(event.order_id, now)
        order = self._facts.orders.find(event.client_order_id, event.order_id)
        if order is not None:
            self.close(order, "cancelled", now, unheard_e2=order.remaining_e2 - event.reduced_e2)

    def cancel_refused(self, event: ev.CancelRefused, now: Now) -> None:
        """404 proves that the order is gone; anything else is tried again."""
        if event.http_status == NOT_FOUND:
            self.strangers.gone(event.order_id, now)
        order = self._facts.orders.find(event.client_order_id, event.order_id)
        if order is None:
            return
        if event.http_status == NOT_FOUND:
            self.close(order, "gone at cancel", now)
        else:
            self._facts.no_later("cancel_retry", now.mono_ns + NS_PER_S)

    def amended(self, event: ev.OrderAmended, now: Now) -> None:
        """Learn that a renewal was acknowledged."""
        order = self._facts.orders.find(event.client_order_id)
        if order is not None:
            order.changed_ns = now.utc_ns

    def amend_refused(self, event: ev.AmendRefused, now: Now) -> None:
        """Learn that the old expiry holds, or that the order is gone: then its slot is free."""
        order = self._facts.orders.find(event.client_order_id)
        if order is not None and event.http_status == NOT_FOUND:
            self.close(order, "gone at renewal", now)

    # The private channels

    def updated(self, report: VenueOrder, now: Now) -> None:
        """Take the venue's own word on an order."""
        orders = self._facts.orders
        order = orders.find(report.client_order_id, report.order_id)
        if order is None:
            if report.status == "resting" and report.remaining_e2 > 0 and not orders.was_ours(report.client_order_id):
                self.orphan(report.order_id, report.client_order_id, report.ticker, now)
                self._watch_for_others(report, now)
            return
        orders.reported(order, report, now.utc_ns)
        if order.status == "done":
            self._ended(order, report.reason or report.status, report.filled_e2 - order.filled_e2, now)
        self._touch(order.intent)

    def filled(self, fill: Fill, now: Now) -> None:
        """Book a trade, once, wherever it was heard first."""
        facts = self._facts
        if not facts.ledger.book(fill):
            return
        facts.record(FillBooked(now.utc_ns, fill), sync=True)
        order = facts.orders.find(fill.client_order_id, fill.order_id)
        if order is not None:
            facts.orders.filled(order, fill.count_e2, now.utc_ns)
            if order.status == "done":
                self._ended(order, "executed", 0, now)
            else:
                self._expose(order)
        elif self._unheard.booked(fill):
            self._planner.retry_refused()
        self._position_changed(fill.ticker)
        held = facts.ledger.position_e2(fill.ticker)
        if fill.post_position_e2 is not None and fill.post_position_e2 != held:
            facts.no_later("reads", now.mono_ns)
        self.losses.watch(now)

    def _watch_for_others(self, report: VenueOrder, now: Now) -> None:
        """Latch when somebody else trades on this account: a newer process of ours with a root of its own, or a person.

        A leftover of an earlier epoch is none. Of two processes the older one stands down, so that one goes on.
        """
        facts = self._facts
        if not facts.venue.reconciled or epoch_of(report.client_order_id) <= facts.epoch:
            return
        if facts.orders.mark_cancel_all(OTHERS_LATCH):
            facts.record(LatchSet(now.utc_ns, OTHERS_LATCH, "venue", report.order_id), sync=True)
            did = f"latched; cancelling {len(facts.orders)} orders; give each process a subaccount of its own, then clear {OTHERS_LATCH}"
            told = {"order": report.order_id, "client_order_id": report.client_order_id, "ticker": report.ticker}
            facts.incident(now, "orders", "Somebody else trades on this account", did, told)

    def orphan(self, order_id: str, client_order_id: str, ticker: str, now: Now) -> None:
        """Have an order cancelled that rests at the venue and that we don't know."""
        self.strangers.found(CancelTarget(client_order_id, order_id, ticker, 0), now)

    def fills_known(self, as_of_ns: int) -> None:
        """Learn that every trade up to an instant (UTC ns) is booked."""
        if self._unheard.read(as_of_ns):
            self._planner.retry_refused()

    def close(self, order: Order, reason: str, now: Now, *, unheard_e2: int | None = None) -> None:
        """End an order and free its slot; its risk stays for ``unheard_e2`` that may have been traded: by default for all that was left."""
        self._facts.orders.close(order, now.utc_ns)
        self._ended(order, reason, order.remaining_e2 if unheard_e2 is None else unheard_e2, now)

    def _ended(self, order: Order, reason: str, unheard_e2: int, now: Now) -> None:
        facts, intent = self._facts, order.intent
        self._unheard.ended(order, unheard_e2, now)
        facts.record(OrderClosed(now.utc_ns, intent.client_order_id, reason))
        self._planner.retry_refused()
        self._touch(intent)

    def _expose(self, order: Order) -> None:
        ladder = self._facts.ladders.get(order.intent.event_ticker)
        if ladder is not None:
            intent = order.intent
            rung = ladder.rung_of[intent.ticker]
            self._facts.risk.set_order(intent.event_ticker, intent.client_order_id, rung, intent.side, intent.price_e4, order.remaining_e2)

    def _position_changed(self, ticker: str) -> None:
        facts = self._facts
        ladder = facts.ladders.get(facts.event_of.get(ticker, ""))
        if ladder is None:
            return
        rung = ladder.rung_of[ticker]
        position_e2 = facts.ledger.position_e2(ticker)
        facts.risk.set_position(ladder.ladder.event_ticker, rung, position_e2, facts.ledger.market_cash_e6(ticker))
        ladder.hold(rung, position_e2)

    def _touch(self, intent: OrderIntent) -> None:
        ladder = self._facts.ladders.get(intent.event_ticker)
        if ladder is not None:
            ladder.touch(ladder.rung_of[intent.ticker])


def epoch_of(client_order_id: str) -> int:
    """Return the epoch in an id of ours, ``EPOCH-NUMBER``; more than any epoch for an id that isn't."""
    epoch, dash, number = client_order_id.partition("-")
    return int(epoch) if dash and epoch.isdecimal() and number.isdecimal() and client_order_id.isascii() else 1 << 62
