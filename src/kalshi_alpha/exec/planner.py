"""The difference between what we want to rest and what rests, as the order calls the write budget allows.

Cancels come first and are always paid for: no create or renewal is sent unless what remains in the bucket still cancels
everything (invariant: budget >= 2 tokens x live orders). Of the rest, the quotes that matter most go first.
"""

from heapq import nlargest
from typing import Final

from kalshi_alpha.config import CANCEL_TOKENS
from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.missing_quotes import MissingQuotes
from kalshi_alpha.exec.quoted_ladder import QuotedLadder, quote_inputs
from kalshi_alpha.exec.state.orders import Slot
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.commands import AmendExpiry, CancelOrders, CancelTarget
from kalshi_alpha.model.orders import Order, OrderIntent
from kalshi_alpha.model.records import OrderIntended
from kalshi_alpha.model.units import CONTRACT_E2

CREATE_TOKENS: Final = 10
AMEND_TOKENS: Final = 10
RENEW_AHEAD_S: Final = 6
"""A resting order is renewed when it would expire within this time."""
RENEW_AHEAD_FINAL_S: Final = 4
LEAST_LIFE_S: Final = 3
"""An order that couldn't live this long isn't placed."""
CANCEL_RETRY_S: Final = 1.0
EVICTION_RATIO: Final = 1.5
REVIEW_S: Final = 0.5
"""How often renewals and evictions are looked for."""


class OrderPlanner:
    """Holds what is wanted but doesn't rest, and turns differences into calls."""

    def __init__(self, facts: EngineFacts) -> None:
        self._facts = facts
        self._missing = MissingQuotes()
        self._refused: dict[Slot, tuple[float, str]] = {}
        self._budget_at_ns = 0
        """Until then the bucket can't pay for another create."""

    def __len__(self) -> int:
        """Count the wanted quotes that don't rest."""
        return len(self._missing)

    def plan(self, now: Now, *, due: bool) -> None:
        """Emit cancels, new intents and renewals for everything that changed, or that time makes due."""
        facts = self._facts
        targets: list[Order] = []
        for ladder in facts.ladders.values():
            if ladder.dirty:
                self._compare(ladder, targets)
        review = due and self._review(targets, now)
        if targets:
            self._cancel(targets, now)
        if review:
            self._renew(now)
        room = facts.config.quoting.max_open_orders - len(facts.orders)
        if room > 0 and self._missing and now.mono_ns >= self._budget_at_ns:
            self._create(room, now)
        if "review" not in facts.deadlines and len(facts.orders):
            facts.after("review", REVIEW_S, now)

    def forget(self, ladder: QuotedLadder) -> None:
        """Drop what was wanted of a ladder that ends."""
        for rung in ladder.books:
            ticker = ladder.ladder.markets[rung].ticker
            slots: tuple[Slot, Slot] = (ticker, "bid"), (ticker, "ask")
            for slot in slots:
                self._missing.drop(slot)
                self._refused.pop(slot, None)

    def retry_refused(self) -> None:
        """Risk was freed: what it refused may be wanted again."""
        if self._refused:
            for slot, (value, event) in self._refused.items():
                self._missing.put(slot, value, event)
            self._refused.clear()

    def cancel_everything(self, now: Now) -> None:
        """Cancel all that rests, whatever is wanted."""
        resting = [order for order in self._facts.orders.live() if order.status == "resting"]
        self._cancel(resting, now)

    def _review(self, targets: list[Order], now: Now) -> bool:
        """Add what time makes due for a cancel; return whether renewals are due as well."""
        review = self._facts.due("review", now)
        if self._facts.due("cancel_retry", now):
            targets += self._unanswered(now)
        if review:
            self._evict(targets)
        return review

    def _unanswered(self, now: Now) -> list[Order]:
        """Return the orders whose cancel was sent long enough ago, and look again when the others' time has come."""
        facts = self._facts
        wait_ns = int(CANCEL_RETRY_S * NS_PER_S)
        asked = [order for order in facts.orders.live() if order.status == "cancelling"]
        waiting = [order.changed_ns + wait_ns - now.utc_ns for order in asked if order.changed_ns + wait_ns > now.utc_ns]
        if waiting:
            facts.deadlines["cancel_retry"] = now.mono_ns + min(waiting)
        return [order for order in asked if order.changed_ns + wait_ns <= now.utc_ns]

    def _compare(self, ladder: QuotedLadder, targets: list[Order]) -> None:
        orders, event = self._facts.orders, ladder.ladder.event_ticker
        for slot, rung in ladder.dirty.items():
            wanted_e4 = ladder.wanted_e4(rung, slot[1])
            order = orders.in_slot(*slot)
            if self._refused:
                self._refused.pop(slot, None)
            if order is None:
                if wanted_e4:
                    self._missing.put(slot, ladder.value(rung), event)
                else:
                    self._missing.drop(slot)
                continue
            self._missing.drop(slot)
            if order.status == "resting" and order.intent.price_e4 != wanted_e4:
                targets.append(order)
        ladder.dirty.clear()

    def _cancel(self, targets: list[Order], now: Now) -> None:
        if not targets:
            return
        facts = self._facts
        affordable = max(0, facts.bucket.available(now.mono_ns)) // CANCEL_TOKENS
        named = [order for order in targets if order.order_id]
        sent = named[:affordable]
        if len(sent) < len(named):
            facts.after("cancel_retry", 0.1, now)
            for order in named[affordable:]:
                self._touch(order)
        if not sent:
            return
        facts.bucket.take(CANCEL_TOKENS * len(sent), now.mono_ns)
        facts.tokens_spent += CANCEL_TOKENS * len(sent)
        for order in sent:
            facts.orders.set_status(order, "cancelling", now.utc_ns)
        cancels = tuple(
            CancelTarget(order.intent.client_order_id, order.order_id, order.intent.ticker, order.intent.exchange_index) for order in sent
        )
        facts.out.append(CancelOrders(cancels, facts.config.venue.subaccount))
        facts.no_later("cancel_retry", now.mono_ns + int(CANCEL_RETRY_S * NS_PER_S))

    def _touch(self, order: Order) -> None:
        ladder = self._facts.ladders.get(order.intent.event_ticker)
        if ladder is not None:
            ladder.touch(ladder.rung_of[order.intent.ticker])

    def _evict(self, targets: list[Order]) -> None:
        """Give up the resting quote that matters least for a wanted one that matters much more."""
        facts = self._facts
        if len(facts.orders) < facts.config.quoting.max_open_orders or not self._missing:
            return
        best = self._missing.best_value()
        resting = [(self._value(order), order.intent.client_order_id, order) for order in facts.orders.live() if order.status == "resting"]
        if resting:
            worst, _, order = min(resting)
            if best > EVICTION_RATIO * worst and order not in targets:
                targets.append(order)

    def _value(self, order: Order) -> float:
        ladder = self._facts.ladders.get(order.intent.event_ticker)
        return 0.0 if ladder is None else ladder.value(ladder.rung_of[order.intent.ticker])

    def _affordable(self, tokens_each: int, growth: int, now: Now) -> int:
        """Return how many calls leave enough to cancel everything, each adding ``growth`` live orders."""
        spare = int(self._facts.bucket.available(now.mono_ns)) - CANCEL_TOKENS * len(self._facts.orders)
        return max(0, spare // (tokens_each + CANCEL_TOKENS * growth))

    def _renew(self, now: Now) -> None:
        facts = self._facts
        due: list[tuple[float, str, Order, int]] = []
        latest_s = now.utc_ns // NS_PER_S + RENEW_AHEAD_S
        for order in facts.orders.live():
            if order.expiration_s > latest_s:
                continue
            ladder = facts.ladders.get(order.intent.event_ticker)
            if order.status != "resting" or ladder is None or not ladder.allowed:
                continue
            final = now.utc_ns >= ladder.window.final_minute_ns
            ahead_s = RENEW_AHEAD_FINAL_S if final else RENEW_AHEAD_S
            expiration_s = self._expiration_s(ladder, now)
            if order.expiration_s - now.utc_ns // NS_PER_S <= ahead_s and expiration_s > order.expiration_s:
                due.append((self._value(order), order.intent.client_order_id, order, expiration_s))
        for _, _, order, expiration_s in nlargest(self._affordable(AMEND_TOKENS, 0, now), due):
            facts.bucket.take(AMEND_TOKENS, now.mono_ns)
            facts.tokens_spent += AMEND_TOKENS
            order.expiration_s = expiration_s
            total_e2 = order.filled_e2 + order.remaining_e2
            facts.out.append(AmendExpiry(order.intent, order.order_id, total_e2, expiration_s))

    def _create(self, room: int, now: Now) -> None:
        facts = self._facts
        count = min(room, self._affordable(CREATE_TOKENS, 1, now), len(self._missing))
        if count <= 0:
            self._budget_at_ns = facts.deadlines["budget"] = facts.bucket.ready_at_ns(self._needed(), now.mono_ns)
        for _ in range(count):
            slot, value, event = self._missing.take()
            self._intend(slot, (value, event), now)

    def _needed(self) -> int:
        live = len(self._facts.orders)
        return min(self._facts.config.venue.write_bucket, CREATE_TOKENS + CANCEL_TOKENS * (live + 1))

    def _intend(self, slot: Slot, kept: tuple[float, str], now: Now) -> None:
        facts, ladder = self._facts, self._facts.ladders[kept[1]]
        quoter, (ticker, side) = ladder.quoter, slot
        rung = ladder.rung_of[ticker]
        price_e4 = ladder.wanted_e4(rung, side)
        expiration_s = self._expiration_s(ladder, now)
        if not price_e4 or expiration_s - now.utc_ns // NS_PER_S < LEAST_LIFE_S:
            return
        count_e2 = max(1, int(facts.config.quoting.count_contracts * facts.venue.size_share)) * CONTRACT_E2
        refusal = facts.risk.refusal(ladder.ladder.event_ticker, rung, side, price_e4, count_e2, quoter.fair_p[rung])
        if refusal is not None:
            self._refused[slot] = kept
            return
        market = ladder.ladder.markets[rung]
        sample = facts.failover.sample(ladder.ladder.symbol)
        assert sample is not None
        assert ladder.level is not None
        intent = OrderIntent(
            client_order_id=f"{facts.epoch}-{facts.number()}",
            ticker=ticker,
            event_ticker=market.event_ticker,
            series=market.series,
            window=ladder.window.key,
            side=side,
            price_e4=price_e4,
            count_e2=count_e2,
            expiration_s=expiration_s,
            group_id=facts.venue.group_id,
            exchange_index=market.exchange_index,
            subaccount=facts.config.venue.subaccount,
            inputs=quote_inputs(ladder, rung, side, sample, now.utc_ns, facts.params_hash),
        )
        facts.orders.intend(intent, now.utc_ns)
        facts.risk.set_order(intent.event_ticker, intent.client_order_id, rung, side, price_e4, count_e2)
        facts.bucket.take(CREATE_TOKENS, now.mono_ns)
        facts.tokens_spent += CREATE_TOKENS
        facts.ev_gap.observe(intent, ladder.fees)
        facts.record(OrderIntended(now.utc_ns, intent), sync=True)

    def _expiration_s(self, ladder: QuotedLadder, now: Now) -> int:
        """Return the venue-side end of an order placed now: its TTL, a second before the freeze or five minutes before a maintenance."""
        quoting, window = self._facts.config.quoting, ladder.window
        ttl_s = quoting.ttl_final_minute_s if now.utc_ns >= window.final_minute_ns else quoting.ttl_s
        latest_s = window.freeze_ns // NS_PER_S - 1
        if self._facts.venue.no_rest_after_ns is not None:
            latest_s = min(latest_s, self._facts.venue.no_rest_after_ns // NS_PER_S)
        return min(now.utc_ns // NS_PER_S + ttl_s, latest_s, ladder.ladder.close_ns // NS_PER_S)
