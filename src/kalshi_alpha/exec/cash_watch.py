"""Our cash against the venue's, to the cent, whenever both must be the same number.

That is while nothing rests, is on its way or is held: the venue doesn't say whether its balance counts what resting orders need, nor what
it gives back of positions that net across strikes. Then, exactly::

    balance = opening_e6 + all that trades and settlements brought in and cost - fees

``opening_e6`` is learnt at the first comparison there ever was and changes only when the operator accepts the venue's cash; it stays over
restarts, so that neither a restart nor many small differences make one of a cent go unseen. A difference forbids quoting at once. When a
second read has the same, it becomes a latch with an incident, since somebody has to say where the money came from or went: a deposit,
a withdrawal, interest, or an error. ``--clear cash_mismatch`` accepts the amount that was told, and no other.
"""

from typing import Final

import msgspec

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.handlers import Table, behind
from kalshi_alpha.exec.strange_orders import StrangeOrders
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.commands import ReadBalance
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import LatchSet, MoneyMarked
from kalshi_alpha.model.units import DOLLAR_E6, usd

LATCH: Final = Reason.CASH_MISMATCH
CENT_E6: Final = DOLLAR_E6 // 100
EVERY_S: Final = 60.0
RETRY_S: Final = 5.0
"""Until the next look when the two can't be compared now."""
CONFIRM_S: Final = 2.5
"""Until a difference is read again; the venue answers for the balance once a second at most."""
SURELY_NEWER_NS: Final = NS_PER_S
"""A view that lags by up to a second, by a clock that is known to a quarter of one."""


class _Asked(msgspec.Struct, frozen=True):
    """A read that is under way, and what the ledger and the orders were when it was asked for."""

    request: int
    money: tuple[int, ...]


class CashWatch:
    """Asks for the venue's cash when it can be compared, and compares it."""

    def __init__(self, facts: EngineFacts, strangers: StrangeOrders) -> None:
        self._facts = facts
        self._strangers = strangers
        self._asked: _Asked | None = None
        self._fills_ns = self._empty_ns = 0
        """As of when (UTC ns) all fills were read, and nothing of ours rested; 0: something did."""
        self._seen_e6: int | None = None
        """The difference by the last read, where it isn't explained."""
        self._told_e6: int | None = None
        """The difference that the operator was told, while it lasts."""

    def wrap(self, table: Table) -> Table:
        """Return the engine's handlers with ours behind them."""
        ours: Table = {
            ev.Booted: lambda _event, now: self._facts.after("cash", RETRY_S, now),
            ev.FillsRead: self._fills_read,
            ev.OpenOrdersRead: self._orders_read,
            ev.BalanceRead: self._balance_read,
            ev.RequestFailed: self._failed,
            ev.OperatorCleared: self._cleared,
        }
        return behind(table, ours)

    @property
    def differs(self) -> bool:
        """Whether the last read has another amount than it must have."""
        return self._seen_e6 is not None and self._facts.marks.opening_e6 is not None

    def act(self, now: Now) -> None:
        """Ask, when it is time to and the answer can be judged."""
        facts = self._facts
        if not facts.due("cash", now):
            return
        facts.after("cash", RETRY_S, now)
        if self._asked is None and self._is_quiet():
            self._asked = _Asked(facts.number(), self._money())
            facts.out.append(ReadBalance(self._asked.request, facts.config.venue.subaccount))

    def _is_quiet(self) -> bool:
        """Whether nothing rests, is on its way or is held, by reads that are surely newer than the last order and the last fill."""
        facts = self._facts
        if not facts.venue.reconciled or facts.venue.silence_expected:
            return False
        if len(facts.orders) or len(self._strangers) or facts.ledger.held_tickers():
            return False
        return min(self._fills_ns, self._empty_ns) > self._since_ns()

    def _since_ns(self) -> int:
        facts = self._facts
        return max(facts.orders.last_ended_ns, facts.ledger.last_fill_ms * NS_PER_MS) + SURELY_NEWER_NS

    def _money(self) -> tuple[int, ...]:
        """Return what changes whenever something was placed, filled, settled or ended."""
        facts, ledger = self._facts, self._facts.ledger
        return facts.quotes_placed, facts.orders.last_ended_ns, ledger.fills, ledger.cash_e6, ledger.fees_e6

    # Answers

    def _fills_read(self, event: ev.FillsRead, _now: Now) -> None:
        self._fills_ns = event.as_of_ns - self._facts.venue.clock_behind_ns

    def _orders_read(self, event: ev.OpenOrdersRead, _now: Now) -> None:
        self._empty_ns = 0 if event.orders else event.as_of_ns - self._facts.venue.clock_behind_ns

    def _failed(self, event: ev.RequestFailed, _now: Now) -> None:
        if self._asked is not None and event.request == self._asked.request:
            self._asked = None

    def _balance_read(self, event: ev.BalanceRead, now: Now) -> None:
        asked, self._asked = self._asked, None
        if asked is None or event.held or asked.money != self._money() or not self._is_quiet():
            return
        if event.as_of_ns - self._facts.venue.clock_behind_ns > self._since_ns():
            self._compare(event.cash_e6, now)

    def _compare(self, cash_e6: int, now: Now) -> None:
        facts, ledger = self._facts, self._facts.ledger
        opening_e6 = facts.marks.opening_e6
        off_e6 = cash_e6 - (ledger.cash_e6 - ledger.fees_e6) - (opening_e6 or 0)
        facts.after("cash", EVERY_S, now)
        if opening_e6 is not None and abs(off_e6) <= CENT_E6:
            self._seen_e6 = self._told_e6 = None
        elif off_e6 != self._seen_e6:
            self._seen_e6 = off_e6
            facts.after("cash", CONFIRM_S, now)
        elif opening_e6 is None:
            self._count_from(off_e6, "system", "the first comparison", now)
        elif off_e6 != self._told_e6:
            self._told_e6 = off_e6
            self._tell(cash_e6, off_e6, now)

    def _tell(self, cash_e6: int, off_e6: int, now: Now) -> None:
        facts = self._facts
        if facts.orders.mark_cancel_all(LATCH):
            facts.record(LatchSet(now.utc_ns, LATCH, "system", f"the venue's cash is {usd(off_e6)} off"), sync=True)
        told = {"venue_usd": usd(cash_e6), "ours_usd": usd(cash_e6 - off_e6), "difference_usd": usd(off_e6)}
        did = f"latched; clearing {LATCH} accepts this difference, as after a deposit or a withdrawal"
        facts.incident(now, "cash", "Cash differs from the venue's", did, told)

    def _cleared(self, event: ev.OperatorCleared, now: Now) -> None:
        """Accept what was told. Where nothing was since the start, nothing is: the next reads judge anew."""
        if event.reason == LATCH and self._told_e6 is not None:
            why = f"accepted {usd(self._told_e6)} that trades and settlements don't explain"
            self._count_from((self._facts.marks.opening_e6 or 0) + self._told_e6, event.actor, why, now)

    def _count_from(self, opening_e6: int, actor: str, why: str, now: Now) -> None:
        facts = self._facts
        self._seen_e6 = self._told_e6 = None
        facts.marks = msgspec.structs.replace(facts.marks, opening_e6=opening_e6)
        facts.record(MoneyMarked(now.utc_ns, facts.marks, actor, why), sync=True)
