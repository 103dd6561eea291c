"""Orders that rest at the venue and that we don't know: cancelled in batches as the write budget allows, until they are gone."""

from typing import Final

from kalshi_alpha.config import CANCEL_TOKENS
from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.planner import CANCEL_RETRY_S
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.commands import CancelOrders, CancelTarget

_LAG_NS: Final = 2 * NS_PER_S
"""A read that shows an order for so long after its end is behind; after that, the end wasn't true."""


class StrangeOrders:
    """Remembers each until it is gone; the same one is asked for once a second at most."""

    def __init__(self, facts: EngineFacts) -> None:
        self._facts = facts
        self._again_ns: dict[str, int] = {}
        """Order id -> when to ask for its cancel (monotonic)."""
        self._targets: dict[str, CancelTarget] = {}
        self._new: list[CancelTarget] = []
        self._gone_ns: dict[str, int] = {}
        """Order id -> when the venue last said that it is gone: a read may show it for a moment more."""

    def __len__(self) -> int:
        """Count those that aren't known to be gone."""
        return len(self._targets)

    def found(self, target: CancelTarget, now: Now) -> None:
        """Learn of one, perhaps again."""
        order_id, gone_ns = target.order_id, self._gone_ns.get(target.order_id)
        if order_id in self._targets or (gone_ns is not None and now.mono_ns < gone_ns + _LAG_NS):
            return
        if gone_ns is None:
            self._new.append(target)
        self._targets[order_id] = target
        self._again_ns[order_id] = now.mono_ns

    def gone(self, order_id: str, now: Now) -> None:
        """Learn that one rests no more, if it was one."""
        if self._targets.pop(order_id, None) is not None:
            del self._again_ns[order_id]
            self._gone_ns[order_id] = now.mono_ns

    def cancel(self, now: Now) -> None:
        """Ask for the cancels that are due; called at the end of every step, after our own."""
        facts = self._facts
        facts.due("strange_orders", now)
        if not self._targets:
            return
        self._tell(now)
        due = [order_id for order_id, again_ns in self._again_ns.items() if again_ns <= now.mono_ns]
        sent = due[: max(0, facts.bucket.available(now.mono_ns)) // CANCEL_TOKENS]
        for order_id in sent:
            self._again_ns[order_id] = now.mono_ns + int(CANCEL_RETRY_S * NS_PER_S)
        if sent:
            cost = CANCEL_TOKENS * len(sent)
            facts.bucket.take(cost, now.mono_ns)
            facts.tokens_spent += cost
            facts.out.append(CancelOrders(tuple(self._targets[order_id] for order_id in sent), facts.config.venue.subaccount))
        first_ns = min(self._again_ns.values())
        facts.deadlines["strange_orders"] = max(first_ns, facts.bucket.ready_at_ns(CANCEL_TOKENS, now.mono_ns) + NS_PER_S // 10)

    def _tell(self, now: Now) -> None:
        if not self._new:
            return
        first, count = self._new[0], len(self._new)
        rests = f"Order {first.order_id} rests" if count == 1 else f"{count} orders rest"
        are = "is" if count == 1 else "are"
        told = {"client_order_id": first.client_order_id, "ticker": first.ticker}
        self._facts.incident(
            now, "orders", f"{rests} at the venue and {are} unknown here", "cancelled" if count > 1 else "cancelled it", told
        )
        self._new.clear()
