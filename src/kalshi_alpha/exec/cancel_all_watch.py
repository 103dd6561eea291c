"""STOP and cancel-all: latched, carried out, proven and, where that takes too long, carried out by stronger means.

A latch is a reason to stand down, so every order is cancelled one by one, within the write budget and again until it is gone. That is
enough where the venue answers. Where a read as of later than the latch hasn't shown an empty book after three seconds, the order group is
triggered and the whole account is cancelled, again and again until one has. By then most orders have expired, too.
"""

from typing import Final

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.reconcile import Reconciler
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.commands import CancelAll, TriggerGroup
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import LatchLifted, LatchSet

READ_AFTER_S: Final = 0.5
"""The venue's view of our account lags by less, mostly."""
LOOK_S: Final = 1.0
"""Until it is looked whether that read has proven it, and asked again."""
ESCALATE_NS: Final = 3 * NS_PER_S
"""Until stronger means are used, and used again."""
CANCEL_ALL_TOKENS: Final = 2
TRIGGER_TOKENS: Final = 10


class CancelAllWatch:
    """Sets and lifts the operator's latches, and watches that nothing rests once one is set."""

    def __init__(self, facts: EngineFacts, reconciler: Reconciler) -> None:
        self._facts = facts
        self._reconciler = reconciler
        self._unproven: Now | None = None
        """When a latch was last set, until a read as of then or later proves that nothing rests."""
        self._waiting_mono_ns = 0
        """When the first one was set that isn't proven: others after it change neither this nor the next look."""
        self._escalate_mono_ns = 0
        self._group = ""
        """The one that was given up."""
        self._told = False

    def stopped(self, event: ev.OperatorStopped, now: Now) -> None:
        """STOP: latch, and cancel the whole account at once."""
        facts = self._facts
        if facts.orders.mark_cancel_all(Reason.OPERATOR_STOP, event.actor):
            facts.record(LatchSet(now.utc_ns, Reason.OPERATOR_STOP, event.actor, event.reason), sync=True)
            did = f"latched; cancelling {len(facts.orders)} orders"
            facts.incident(now, "operator", f"STOP by {event.actor}", did, {"reason": event.reason})
        self._cancel_all(now)
        self._watch(now)

    def marked(self, event: ev.CancelAllMarked, now: Now) -> None:
        """Cancel-all for a reason: latch; what rests is cancelled one by one."""
        facts = self._facts
        if facts.orders.mark_cancel_all(event.reason, event.actor):
            facts.record(LatchSet(now.utc_ns, event.reason, event.actor, "cancel-all"), sync=True)
            did = f"latched; cancelling {len(facts.orders)} orders"
            facts.incident(now, "operator", f"Cancel-all: {event.reason}", did, {"actor": event.actor})
        self._watch(now)

    def cleared(self, event: ev.OperatorCleared, now: Now) -> None:
        """Lift a latch."""
        facts = self._facts
        if facts.orders.clear(event.reason):
            facts.after("group", 0.0, now)
            facts.record(LatchLifted(now.utc_ns, event.reason, event.actor), sync=True)
            facts.incident(now, "operator", f"{event.reason} cleared by {event.actor}", "may quote again", {})

    def act(self, now: Now) -> None:
        """Have it proven that nothing rests, and use stronger means where that takes too long. A latch may come from anywhere."""
        facts = self._facts
        if self._group and not facts.orders.latches:
            self._group = ""
            facts.no_later("group", now.mono_ns)
        if self._unproven is None:
            if facts.orders.latches and len(facts.orders):
                self._watch(now)
            return
        if not facts.due("cancel_all", now):
            return
        if now.utc_ns < self._unproven.utc_ns:  # the wall clock was put back: a read from now on is later in any case
            self._unproven = now
        if not facts.orders.latches or (not len(facts.orders) and self._reconciler.empty_as_of_ns >= self._unproven.utc_ns):
            self._unproven = None
            return
        if now.mono_ns >= self._escalate_mono_ns:
            self._escalate(now)
        self._prove_soon(now)

    def _watch(self, now: Now) -> None:
        first = self._unproven is None
        self._unproven = now
        if first:  # a STOP pressed again and again puts off neither the next look nor the stronger means
            self._told = False
            self._waiting_mono_ns = now.mono_ns
            self._escalate_mono_ns = now.mono_ns + ESCALATE_NS
            self._prove_soon(now)

    def _prove_soon(self, now: Now) -> None:
        facts = self._facts
        if facts.venue.reconciled:  # before that, reads follow one another anyway
            facts.after("reads", facts.retry_s(READ_AFTER_S), now)
        facts.after("cancel_all", facts.retry_s(LOOK_S), now)

    def _escalate(self, now: Now) -> None:
        facts = self._facts
        self._escalate_mono_ns = now.mono_ns + ESCALATE_NS
        self._group = facts.venue.group_id or self._group
        facts.venue.group_id = ""  # whether the venue has heard it or not, nothing is placed in this one any more
        if self._group in facts.groups:
            facts.out.append(TriggerGroup(facts.number(), self._group, facts.config.venue.subaccount))
            facts.bucket.take(TRIGGER_TOKENS, now.mono_ns)
        self._cancel_all(now)
        if not self._told:
            self._told = True
            title = f"Cancel-all isn't proven after {(now.mono_ns - self._waiting_mono_ns) / NS_PER_S:.0f} s"
            facts.incident(
                now, "operator", title, "triggered the order group and cancelled the account", {"orders": str(len(facts.orders))}
            )

    def _cancel_all(self, now: Now) -> None:
        facts = self._facts
        facts.out.append(CancelAll(facts.config.venue.subaccount))
        facts.bucket.take(CANCEL_ALL_TOKENS, now.mono_ns)
