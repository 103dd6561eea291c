"""Keeps the schedule in step with everything that tells the hours, and stands down what is in doubt.

A source is heard (the operator's special hours, the venue's schedule, the closes of the events it lists) -> the schedule is made anew from
all of them -> open windows shrink or vanish at once. Contradictions are told before the session and stand down the windows they concern.
"""

from datetime import date, time, timedelta
from typing import Final

from kalshi_alpha.exec.alert_causes import Cause
from kalshi_alpha.exec.clock_change_watch import ClockChangeWatch
from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.handlers import Table, behind
from kalshi_alpha.exec.window_life import WindowLife
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, Now, iso_et
from kalshi_alpha.model.commands import ReadCloses, ReadSchedule
from kalshi_alpha.model.hours import Closure, SpecialHours
from kalshi_alpha.model.instruments import Series
from kalshi_alpha.model.reasons import Reason, StandDown
from kalshi_alpha.model.view import CalendarView
from kalshi_alpha.sched.calendar import CalendarRangeError, et_date, et_instant_ns
from kalshi_alpha.sched.cross_check import listing_on_a_closed_day, window_doubts
from kalshi_alpha.sched.special_hours import narrowed
from kalshi_alpha.sched.venue_hours import VenueHours
from kalshi_alpha.sched.windows import WindowSchedule

SCHEDULE_EVERY_S: Final = 900
RETRY_S: Final = 60
CHECK_FROM_ET: Final = time(8, 0)
"""Before it, the venue may not have listed the whole day."""
CHECK_EVERY_S: Final = 900
CLOSES_AFTER_S: Final = 2.0
"""After a start: long answers, for which the reads that quoting waits for mustn't lack tokens."""


class CalendarWatch:
    """Owns what is known of the hours; the schedule made of it is in the facts."""

    def __init__(self, facts: EngineFacts, windows: WindowLife) -> None:
        self._facts = facts
        self._windows = windows
        self._special = SpecialHours()
        self._venue = VenueHours()
        self._heard_ns: int | None = None
        """Monotonic time of the venue's last schedule."""
        self._closes: tuple[date, dict[Series, tuple[int, ...]]] | None = None
        self._doubts: dict[str, str] = {}
        self._refused = ""
        self._told: dict[str, None] = {}
        self._clock = ClockChangeWatch(facts)

    # The engine's side

    def wrap(self, table: Table) -> Table:
        """Return the engine's handlers with ours behind them."""
        ours: Table = {
            ev.Booted: self._booted,
            cal.SpecialHoursChanged: self._hours_changed,
            cal.SpecialHoursRefused: self._hours_refused,
            cal.ScheduleRead: self._schedule_read,
            cal.ClosesRead: self._closes_read,
            ev.RequestFailed: self._failed,
        }
        return behind(table, ours)

    def act(self, now: Now) -> None:
        """Ask what is due to be asked."""
        facts = self._facts
        if facts.due("schedule", now):
            self._ask_schedule(now)
        if facts.due("closes", now):
            self._ask_closes(now)
        self._clock.act(now)

    def reasons(self) -> list[StandDown]:
        """Return which of the open windows are in doubt."""
        doubts = self._doubts | self._clock.doubts
        if not doubts:
            return []
        return [
            StandDown(Reason.CALENDAR_IN_DOUBT, window.key, doubts[window.key])
            for window in self._facts.active_windows
            if window.key in doubts
        ]

    def view(self, now: Now) -> CalendarView:
        """Return what the page shows."""
        change = self._clock.coming(now)
        return CalendarView(
            special_hours=self._special.source,
            special_days=tuple(day.date for day in self._special.days),
            refused=self._refused,
            doubts=tuple(sorted((self._doubts | self._clock.doubts).items())),
            clock_change_ns=change.at_ns,
            clock_change=f"{change.before} to {change.after}",
            clock_checklist=self._clock.is_near(now),
            venue_schedule_age_s=None if self._heard_ns is None else (now.mono_ns - self._heard_ns) // NS_PER_S,
        )

    def causes(self, now: Now) -> dict[str, Cause]:
        """Return what of the calendar somebody should know."""
        found: dict[str, Cause] = {}
        if self._refused:
            found["special_hours"] = Cause("ticket", "The file of special hours is unusable", self._refused)
        if self._clock.is_near(now):
            change = self._clock.coming(now)
            text = f"{change.before} to {change.after} on {iso_et(change.at_ns)[:10]}: docs/runbooks/hourly.md has the checklist"
            found["clock_change"] = Cause("info", "The clocks change within a week", text)
        return found

    # Facts

    def _booted(self, _event: ev.Booted, now: Now) -> None:
        facts = self._facts
        for name, wait_s in (("schedule", 0.0), ("clock", 0.0), ("closes", CLOSES_AFTER_S)):
            facts.after(name, wait_s, now)

    def _hours_changed(self, event: cal.SpecialHoursChanged, now: Now) -> None:
        hours, self._refused = event.hours, ""
        if hours == self._special:
            return
        before, self._special = self._special, hours
        told = {day.date: day.note for day in hours.days}
        facts = {"file": hours.source or "none", "sha256": hours.digest or "-", **told}
        if before.days != hours.days:
            self._facts.incident(now, "calendar", "Special hours have changed", "in force; open windows were adapted", facts)
            self._rebuild(now)

    def _hours_refused(self, event: cal.SpecialHoursRefused, now: Now) -> None:
        if event.reason != self._refused:
            self._refused = event.reason
            told = {"error": event.reason, "in_force": self._special.digest or "none"}
            self._facts.incident(now, "calendar", "The file of special hours is unusable", "the hours before it stay in force", told)

    def _schedule_read(self, event: cal.ScheduleRead, now: Now) -> None:
        self._heard_ns = now.mono_ns
        self._facts.after("schedule", SCHEDULE_EVERY_S, now)
        venue = VenueHours(event.hours, event.windows, self._venue.slots)
        if venue != self._venue:
            self._venue = venue
            self._rebuild(now)

    def _closes_read(self, event: cal.ClosesRead, now: Now) -> None:
        self._closes = (et_date(event.from_ns), dict(event.closes))
        self._judge(now)

    def _failed(self, event: ev.RequestFailed, now: Now) -> None:
        if event.command == "ReadSchedule":
            self._facts.after("schedule", RETRY_S, now)
        elif event.command == "ReadCloses":
            self._facts.after("closes", RETRY_S, now)

    def close(self, slots: tuple[Closure, ...], now: Now) -> None:
        """Take what others than the venue's schedule announce: it cuts the windows like the venue's own maintenance."""
        self._venue = VenueHours(self._venue.weeks, self._venue.maintenance, slots)
        self._rebuild(now)

    # Asking

    def _ask_schedule(self, now: Now) -> None:
        facts = self._facts
        facts.out.append(ReadSchedule(facts.number()))
        facts.after("schedule", SCHEDULE_EVERY_S, now)

    def _ask_closes(self, now: Now) -> None:
        """Ask what closes when, from the morning of a day on until its last window. It is a long answer: once known, not in a window."""
        facts = self._facts
        day = et_date(now.utc_ns)
        from_ns, to_ns = et_instant_ns(day, time(0)), et_instant_ns(day + timedelta(days=1), time(0))
        check_ns = et_instant_ns(day, CHECK_FROM_ET)
        known = self._closes is not None and self._closes[0] == day
        if now.utc_ns < check_ns:
            facts.at_utc("closes", check_ns, now)
        elif known and not self._windows_left(now):
            facts.at_utc("closes", et_instant_ns(day + timedelta(days=1), CHECK_FROM_ET), now)
        elif known and facts.active_windows:
            facts.after("closes", RETRY_S, now)
        else:
            config = facts.config.windows
            facts.out.append(ReadCloses(facts.number(), (*config.hourly_series, *config.close_series), from_ns, to_ns))
            facts.after("closes", CHECK_EVERY_S, now)

    def _windows_left(self, now: Now) -> bool:
        try:
            return any(window.target_ns > now.utc_ns for window in self._facts.schedule.whole(et_date(now.utc_ns)))
        except CalendarRangeError:
            return False

    # Judging

    def _rebuild(self, now: Now) -> None:
        """Make the schedule from every source, and have it count at once."""
        facts = self._facts
        facts.schedule = WindowSchedule(facts.config.windows, narrowed(self._special), self._venue.closures)
        self._clock.check(now)
        self._judge(now)
        self._windows.reschedule(now)

    def _judge(self, now: Now) -> None:
        """Compare the day with what the venue says; tell each contradiction once, and when they are over."""
        facts, day = self._facts, et_date(now.utc_ns)
        closes = self._closes[1] if self._closes is not None and self._closes[0] == day else {}
        try:
            found = facts.schedule.sessions(day)
            doubts = window_doubts(facts.schedule.whole(day), found, closes, self._venue.gaps(day))
            listed = listing_on_a_closed_day(found, closes)
        except CalendarRangeError:
            doubts, listed = {}, ""
        if listed and listed not in self._told:
            self._told[listed] = None
            facts.incident(now, "calendar", "The venue lists events on a day without a session", "nothing is quoted", {"they": listed})
        if doubts and doubts != self._doubts:
            facts.incident(now, "calendar", f"The calendar is in doubt: {len(doubts)} windows", "stands down for them, asks again", doubts)
        elif self._doubts and not doubts:
            facts.incident(now, "calendar", "The calendar and the venue agree again", "no window is in doubt", {})
        self._doubts = doubts
