"""What a day and a week may lose, by trades, outcomes or the index: then everything is cancelled and latched.

Both count what was realised after fees since New York's midnight (of the day, of its week's Monday) and the marked value of what is held.
Where each began is in the snapshot; where the week did, in the journal as well, so that a week's losses outlive a lost snapshot.
"""

from datetime import date, timedelta

import msgspec

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import LatchSet, MoneyMarked
from kalshi_alpha.model.units import usd
from kalshi_alpha.sched.calendar import et_date


class LossLimits:
    """Watches the ledger and latches."""

    def __init__(self, facts: EngineFacts) -> None:
        self._facts = facts

    def watch(self, now: Now) -> None:
        """Latch when the day or the week has lost what it may lose."""
        facts = self._facts
        today = et_date(now.utc_ns)
        week_e6, day_e6 = self._this_week_e6(today, now), self._today_e6(today)
        if Reason.RISK_LIMIT in facts.orders.latches:
            return
        marked_e6 = facts.ledger.marked_e6(fair_values(facts))
        if facts.risk.daily_loss_reached(day_e6, marked_e6):
            self._latch("Daily", day_e6, marked_e6, now)
        elif facts.risk.weekly_loss_reached(week_e6, marked_e6):
            self._latch("Weekly", week_e6, marked_e6, now)

    def _latch(self, span: str, realised_e6: int, marked_e6: int, now: Now) -> None:
        facts = self._facts
        facts.orders.mark_cancel_all(Reason.RISK_LIMIT)
        facts.record(LatchSet(now.utc_ns, Reason.RISK_LIMIT, "system", f"{span.lower()} loss limit"), sync=True)
        amounts = {"realised_usd": usd(realised_e6), "marked_usd": usd(marked_e6)}
        facts.incident(now, "risk", f"{span} loss limit reached", "cancelled everything and latched", amounts)

    def _today_e6(self, today: date) -> int:
        """Return what was realised after fees since New York's midnight; the base of the day survives restarts in the snapshot."""
        facts = self._facts
        realised_e6 = facts.ledger.realised_after_fees_e6
        if facts.day != today.isoformat():
            facts.day_start_e6 = realised_e6 if facts.day else 0
            facts.day = today.isoformat()
        return realised_e6 - facts.day_start_e6

    def _this_week_e6(self, today: date, now: Now) -> int:
        """Return what was realised after fees since Monday; called before the day is turned."""
        facts = self._facts
        realised_e6 = facts.ledger.realised_after_fees_e6
        monday = monday_of(today).isoformat()
        if facts.marks.week != monday:
            start_e6 = self._first_start_e6(monday) if not facts.marks.week else realised_e6
            facts.marks = msgspec.structs.replace(facts.marks, week=monday, week_start_e6=start_e6)
            facts.record(MoneyMarked(now.utc_ns, facts.marks, "system", "a new week"))
        return realised_e6 - facts.marks.week_start_e6

    def _first_start_e6(self, monday: str) -> int:
        """Return from where the first week is counted that was ever counted: from where the day that is known begins, else from nothing."""
        facts = self._facts
        if not facts.day:
            return 0
        if monday_of(date.fromisoformat(facts.day)).isoformat() == monday:
            return facts.day_start_e6
        return facts.ledger.realised_after_fees_e6


def monday_of(day: date) -> date:
    """Return the Monday of a date's week."""
    return day - timedelta(days=day.weekday())


def fair_values(facts: EngineFacts) -> dict[str, float]:
    """Return the fair value of every market that we hold: the last one there was, where the outcome is awaited."""
    fair = dict(facts.last_fair_p)
    for ticker in facts.ledger.held_tickers():
        ladder = facts.ladders.get(facts.event_of.get(ticker, ""))
        if ladder is not None:
            fair[ticker] = ladder.quoter.fair_p[ladder.rung_of[ticker]]
    return fair
