"""The maintenance calendar: every source's slots side by side, merged, and where the sources contradict each other.

Nothing is ever concluded from silence: a source that can't be read keeps its last slots. What two sources say together holds from the
earlier start to the later end. One thing may be taken back: a slot that the status page alone names, while the venue itself goes on trading
through it.
"""

from collections.abc import Sequence
from datetime import date, time, timedelta
from itertools import pairwise
from typing import Final

import msgspec
from msgspec.structs import replace

from kalshi_alpha.model.clock import NEW_YORK, NS_PER_S, utc_datetime
from kalshi_alpha.model.hours import Closure
from kalshi_alpha.model.maintenance import OPEN_END_NS, Slot, SourceName, SourceWord, WeekHours
from kalshi_alpha.sched.calendar import et_date, et_instant_ns
from kalshi_alpha.sched.venue_hours import VenueHours

HORIZON_DAYS: Final = 8
"""A week ahead, and the weekly pause after it."""
WEEKLY_FROM_ET: Final = time(3, 0)
WEEKLY_TO_ET: Final = time(5, 0)
TOLERANCE_NS: Final = 60 * NS_PER_S
"""Times this close are the same: ``23:59`` closes and seconds that one source doesn't give."""
DOUBT_NS: Final = 600 * NS_PER_S
"""The venue trading for so long inside a slot that only the status page names proves that the page is wrong."""
PAST_NS: Final = 86_400 * NS_PER_S
_THURSDAY: Final = 3
WINDOW: Final = "maintenance window"
"""The venue's own word for what a status page should list as well; the weekly pause is on none."""
_NOON: Final = time(12)


ANNOUNCING: Final[frozenset[SourceName]] = frozenset({"schedule", "statuspage", "operator"})


class Maintenance(msgspec.Struct, frozen=True):
    """A stretch without trading, with every slot that makes it up, by start."""

    from_ns: int
    to_ns: int
    slots: tuple[Slot, ...]

    @property
    def sources(self) -> tuple[SourceName, ...]:
        """Return who speaks of it, by name, each once."""
        return tuple(sorted({slot.source for slot in self.slots}))


class Resolved(msgspec.Struct, frozen=True):
    """The calendar at an instant."""

    maintenances: tuple[Maintenance, ...]
    """Those that aren't over, by start."""
    contradictions: tuple[str, ...]


def weekly_word(utc_ns: int) -> SourceWord:
    """Return the weekly pauses from yesterday on, as far as is looked ahead."""
    return SourceWord("weekly", weekly_slots(et_date(utc_ns) - timedelta(days=1), HORIZON_DAYS + 2), utc_ns)


def weekly_slots(first: date, days: int) -> tuple[Slot, ...]:
    """Return the weekly pauses of some New York dates as the rule has them: Thursdays 03:00 to 05:00 there, whatever the clocks do.

    Source: Kalshi docs, "Maintenance and pauses", read 2026-11-22.
    """
    thursdays = [day for ahead in range(days) if (day := first + timedelta(days=ahead)).weekday() == _THURSDAY]
    return tuple(
        Slot(et_instant_ns(day, WEEKLY_FROM_ET), et_instant_ns(day, WEEKLY_TO_ET), "weekly", "Thursday 03:00-05:00 ET") for day in thursdays
    )


def schedule_word(windows: Sequence[tuple[int, int]], hours: Sequence[WeekHours], utc_ns: int) -> SourceWord:
    """Return what the venue's schedule says: its maintenance windows, and the gaps in its standard hours.

    Args:
        windows: (from, to) in UTC nanoseconds.
        hours: The weekly hours; a day that none of them covers is unknown, not closed.
        utc_ns: When it was read: gaps are worked out from the day before until the horizon.

    """
    slots = [Slot(from_ns, to_ns, "schedule", WINDOW) for from_ns, to_ns in windows]
    first, venue = et_date(utc_ns) - timedelta(days=1), VenueHours(tuple(hours))
    days = [first + timedelta(days=ahead) for ahead in range(HORIZON_DAYS + 2)]
    gaps: list[Closure] = []
    for gap in (gap for day in days for gap in venue.gaps(day)):
        if gaps and gap.from_ns == gaps[-1].to_ns:  # over midnight
            gaps[-1] = replace(gaps[-1], to_ns=gap.to_ns)
        else:
            gaps.append(gap)
    slots += [Slot(gap.from_ns, gap.to_ns, "schedule", "gap in standard_hours") for gap in gaps]
    known = [any(week.from_ns <= et_instant_ns(day, _NOON) < week.to_ns for week in hours) for day in days]
    until_ns = et_instant_ns(days[-1] + timedelta(days=1), time(0)) if all(known) else 0
    return SourceWord("schedule", tuple(sorted(slots)), utc_ns, "" if any(known) else "no standard_hours for these days", until_ns)


def resolve(words: Sequence[SourceWord], trading_since_ns: int, utc_ns: int) -> Resolved:
    """Merge what the sources say, and say where they differ.

    Args:
        words: The last word of each source, in any order.
        trading_since_ns: Since when the venue's status has said without a break that it trades; 0: it doesn't say so now.
        utc_ns: The present.

    """
    slots = sorted(slot for word in words for slot in word.slots if slot.from_ns < slot.to_ns)
    refuted = [slot for slot in slots if _is_refuted(slot, slots, trading_since_ns, utc_ns)]
    seen_ns = max((word.heard_ns for word in words if word.source == "status"), default=0)
    kept = [_ended(slot, slots, seen_ns, utc_ns) for slot in slots if slot not in refuted]
    found = tuple(maintenance for maintenance in _merged(sorted(kept), utc_ns) if maintenance.to_ns > utc_ns)
    told = [
        *(
            f"the status page says '{slot.name}' since {moment(slot.from_ns)}, and the venue trades: not believed"
            for slot in refuted
            if slot.to_ns > utc_ns
        ),
        *_differing_times(found),
        *_unlisted(found, words),
        *_against_status(found, trading_since_ns, utc_ns),
    ]
    return Resolved(found, tuple(dict.fromkeys(told)))


def closures_of(found: Resolved, before: Sequence[Closure], utc_ns: int) -> tuple[Closure, ...]:
    """Return what announced maintenance cuts the windows by: the status page's, the operator's, the venue's own.

    A pause that is seen, or one without an end, stands down and cuts nothing: nobody knows what will be left of a window.

    Args:
        found: The calendar now; what isn't believed isn't in it.
        before: What the windows were cut by until now: of it stays what has ended lately, which the calendar doesn't have any more.
        utc_ns: The present.

    """
    ended = [replace(closure, is_over=True) for closure in before if utc_ns - PAST_NS < closure.to_ns <= utc_ns]
    coming = [
        Closure(slot.from_ns, slot.to_ns, slot.source, slot.name)
        for maintenance in found.maintenances
        for slot in maintenance.slots
        if slot.source in ANNOUNCING and slot.to_ns != OPEN_END_NS
    ]
    return tuple(sorted({*ended, *coming}))


def moment(utc_ns: int) -> str:
    """Return an instant for people: ``Thu 2026-11-26 03:00 EST``, with seconds where it has some."""
    if utc_ns == OPEN_END_NS:
        return "open end"
    local = utc_datetime(utc_ns).astimezone(NEW_YORK)
    return f"{local:%a %Y-%m-%d %H:%M:%S %Z}" if local.second else f"{local:%a %Y-%m-%d %H:%M %Z}"


def span(from_ns: int, to_ns: int) -> str:
    """Return a stretch of time for people, the day once where it is one day."""
    start, end = moment(from_ns), moment(to_ns)
    if start[:14] == end[:14]:
        return f"{start[:14]} {start[15:].split()[0]} to {end[15:]}"
    return f"{start} to {end}"


def with_past(word: SourceWord, before: SourceWord | None, utc_ns: int) -> SourceWord:
    """Return a source's new word with what ended lately as it had said: that it isn't listed any more doesn't undo it."""
    if before is None:
        return word
    past = [slot for slot in before.slots if utc_ns - PAST_NS < slot.to_ns <= utc_ns]
    return replace(word, slots=tuple(sorted({*word.slots, *past})))


# Merging


def _merged(slots: Sequence[Slot], utc_ns: int) -> tuple[Maintenance, ...]:
    """Join what overlaps. A pause without an end reaches to the present: what comes later isn't part of it yet."""
    groups: list[list[Slot]] = []
    end_ns = 0
    for slot in slots:
        slot_end_ns = utc_ns if slot.to_ns == OPEN_END_NS else slot.to_ns
        if groups and slot.from_ns <= end_ns + TOLERANCE_NS:
            groups[-1].append(slot)
            end_ns = max(end_ns, slot_end_ns)
        else:
            groups.append([slot])
            end_ns = slot_end_ns
    return tuple(Maintenance(group[0].from_ns, max(slot.to_ns for slot in group), tuple(group)) for group in groups)


def _ended(slot: Slot, slots: Sequence[Slot], heard_ns: int, utc_ns: int) -> Slot:
    """Give a pause without a known end the end of what was announced for now, unless it was seen to outlast it."""
    if slot.source != "status" or slot.to_ns != OPEN_END_NS:
        return slot
    announced = [other.to_ns for other in slots if other.source != "status" and other.from_ns <= utc_ns and slot.from_ns < other.to_ns]
    end_ns = max(announced, default=0)
    return replace(slot, to_ns=end_ns) if min(utc_ns, heard_ns) < end_ns else slot


def _is_refuted(slot: Slot, slots: Sequence[Slot], trading_since_ns: int, utc_ns: int) -> bool:
    """Whether the venue has traded long enough inside a slot that nobody but the status page names."""
    if slot.source != "statuspage" or not trading_since_ns:
        return False
    shared = any(other.source != "statuspage" and other.from_ns < slot.to_ns and slot.from_ns < other.to_ns for other in slots)
    return not shared and max(slot.from_ns, trading_since_ns) + DOUBT_NS <= utc_ns


# Contradictions


def _differing_times(found: Sequence[Maintenance]) -> list[str]:
    """Return the pairs of sources that speak of one maintenance with different times."""
    told = []
    for maintenance in found:
        by_source: dict[SourceName, tuple[int, int]] = {}
        for slot in maintenance.slots:
            if slot.source == "status":
                continue  # a pause that is seen says when it was seen, not when it was to begin
            from_ns, to_ns = by_source.get(slot.source, (slot.from_ns, slot.to_ns))
            by_source[slot.source] = (min(from_ns, slot.from_ns), max(to_ns, slot.to_ns))
        for (one, first), (other, second) in pairwise(sorted(by_source.items())):
            if _far(first[0], second[0]) or _far(first[1], second[1]):
                told.append(f"{one} says {span(*first)}, {other} says {span(*second)}")
    return told


def _far(one_ns: int, other_ns: int) -> bool:
    return abs(one_ns - other_ns) > TOLERANCE_NS


def _unlisted(found: Sequence[Maintenance], words: Sequence[SourceWord]) -> list[str]:
    """Return what a readable source would have to list and doesn't. The operator may know more than anybody."""
    told = []
    for word in words:
        if word.problem or not word.lists_until_ns:
            continue
        for maintenance in found:
            others = [slot for slot in maintenance.slots if slot.source not in {word.source, "operator", "status"}]
            expected = [slot for slot in others if word.source != "statuspage" or slot.name == WINDOW]
            if expected and word.source not in maintenance.sources and maintenance.from_ns < word.lists_until_ns:
                told.append(f"{expected[0].source} says {span(expected[0].from_ns, expected[0].to_ns)}, {word.source} lists nothing then")
    return told


def _against_status(found: Sequence[Maintenance], trading_since_ns: int, utc_ns: int) -> list[str]:
    """Return where the calendar and the venue's own status disagree about the present."""
    told = []
    for maintenance in found:
        if maintenance.from_ns > utc_ns:
            continue
        names = ", ".join(maintenance.sources)
        if trading_since_ns and maintenance.from_ns + TOLERANCE_NS < utc_ns:
            told.append(f"{names} says {span(maintenance.from_ns, maintenance.to_ns)}, and the venue's status says that it trades")
        if maintenance.sources == ("status",):
            told.append(f"the venue has been paused since {moment(maintenance.from_ns)}, and nobody announced it")
    return told
