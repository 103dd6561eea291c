"""Sees the process through New York's clock changes: a checklist the week before, and the proof after it that the windows are right.

Nothing is ever computed in local time, so a change needs no action. The proof is a snapshot and a second computation of the first session's
windows; its result is in REPORT.md under an id of its own: once for each change, however often the process starts.
"""

from typing import Final

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.model.clock import NS_PER_S, Now, iso_et
from kalshi_alpha.model.commands import CaptureSnapshot
from kalshi_alpha.model.records import IncidentNoted
from kalshi_alpha.sched.calendar import CalendarRangeError, Session, et_date
from kalshi_alpha.sched.clock_changes import OffsetChange, changes_around, first_session_from
from kalshi_alpha.sched.clock_check import clock_problems

NEAR_NS: Final = 7 * 86_400 * NS_PER_S
LOOK_EVERY_NS: Final = 86_400 * NS_PER_S


class ClockChangeWatch:
    """Looks once a day, and at the change."""

    def __init__(self, facts: EngineFacts) -> None:
        self._facts = facts
        self.doubts: dict[str, str] = {}
        """Window key -> what the second computation says against it."""

    def coming(self, now: Now) -> OffsetChange:
        """Return the next change."""
        return changes_around(now.utc_ns)[1]

    def is_near(self, now: Now) -> bool:
        """Whether the next change is less than a week away."""
        return self.coming(now).at_ns - now.utc_ns < NEAR_NS

    def act(self, now: Now) -> None:
        """Look when it is time to."""
        if self._facts.due("clock", now):
            last, following = changes_around(now.utc_ns)
            self._facts.at_utc("clock", min(following.at_ns, now.utc_ns + LOOK_EVERY_NS), now)
            if following.at_ns - now.utc_ns < NEAR_NS:
                self._announce(following, now)
            self._prove(last, now)

    def check(self, now: Now) -> None:
        """Compute the first session after the last change a second time, for as long as it isn't over: the schedule is another one."""
        last, _ = changes_around(now.utc_ns)
        found = self._first_session(last)
        self.doubts = {}
        if found is None or now.utc_ns >= found.close_ns:
            return
        schedule = self._facts.schedule
        day = et_date(found.open_ns)
        problems = clock_problems(found, schedule.day(day), schedule.config)
        if problems:
            self.doubts = {window.key: problems[0] for window in schedule.day(day)}

    def _announce(self, change: OffsetChange, now: Now) -> None:
        day = et_date(change.at_ns).isoformat()
        first = self._first_session(change)
        told = {
            "change": f"{change.before} to {change.after} at {iso_et(change.at_ns)}",
            "first session after it": "beyond the built-in calendar" if first is None else f"{first.date}, opens {iso_et(first.open_ns)}",
            "checklist": "docs/runbooks/hourly.md",
            "confirm": "kalshi-alpha windows --series INXU --now TIME, for the first window of that session",
        }
        did = "goes through it; captures a snapshot and checks the first windows by itself"
        self._facts.note_once(IncidentNoted(now.utc_ns, f"clock-{day}-checklist", "calendar", f"The clocks change on {day}", did, told))

    def _prove(self, change: OffsetChange, now: Now) -> None:
        """After a change, until its first session is over: store a snapshot, compute the windows again, write down the result."""
        found = self._first_session(change)
        if found is None or now.utc_ns >= found.close_ns:
            return
        facts, day = self._facts, et_date(change.at_ns).isoformat()
        facts.out.append(CaptureSnapshot())
        self.check(now)
        windows = facts.schedule.day(et_date(found.open_ns))
        told = {window.label: f"{iso_et(window.start_ns)} to {iso_et(window.target_ns)}" for window in windows}
        wrong = dict(enumerate(dict.fromkeys(self.doubts.values()), 1))
        title = f"Clock change of {day}: the windows of {found.date} are {'WRONG' if wrong else 'right'}"
        did = "stands down for them" if wrong else "computed them a second time by the rule of 2007, stored a snapshot"
        told |= {f"problem {number}": problem for number, problem in wrong.items()}
        suffix = "wrong" if wrong else "validated"
        facts.note_once(IncidentNoted(now.utc_ns, f"clock-{day}-{suffix}", "calendar", title, did, told))

    def _first_session(self, change: OffsetChange) -> Session | None:
        try:
            return first_session_from(et_date(change.at_ns), self._facts.schedule.sessions)
        except CalendarRangeError:
            return None
