"""The day's document: what it says no to, what it would accept, and where calendars contradict each other."""

from datetime import date

import msgspec

from kalshi_alpha.exec.discover import Expected, Terms, terms_of
from kalshi_alpha.exec.discover_report import DiscoverReport, Look, acceptable, after_accepting, as_lines, discover_report
from kalshi_alpha.model.instruments import Series
from kalshi_alpha.model.listed_day import ListedMarket
from kalshi_alpha.sched.calendar import Session, session
from tests.exec.listings import LADDER, MINUTE_NS, TEN_NS, day, event, window

MONDAY = session(date(2026, 11, 23))
THANKSGIVING = session(date(2026, 11, 26))
TERMS = terms_of(day(*LADDER), event(), window())


def look(*markets: ListedMarket, accepted: dict[Series, Terms] | None = None, hours: Session = MONDAY) -> Look:
    expected = (Expected(window(), "INXU"),) if hours.trades else ()
    return Look(hours, expected, {"INXU": day(*markets)}, accepted or {})


def report(seen: Look) -> DiscoverReport:
    return discover_report(seen, TEN_NS, "data/accepted_terms.json")


def test_sound_ladders_are_fine_even_when_nobody_has_accepted_their_terms() -> None:
    found = report(look(*LADDER))

    assert (found.ok, found.message, found.markets_read) == (True, "1 ladders expected, all listed as they should be", 4)
    assert found.never_accepted == ("INXU",)
    assert (found.date, found.session.kind, found.session.open_et) == ("2026-11-23", "regular", "2026-11-23T09:30:00.000-05:00")
    assert "nothing to compare with; --accept records the present ones" in as_lines(found)


def test_accepted_terms_that_still_hold_are_fine_and_silent() -> None:
    found = report(look(*LADDER, accepted={"INXU": TERMS}))

    assert (found.ok, found.never_accepted) == (True, ())
    assert "--accept" not in as_lines(found)


def test_a_faulty_ladder_says_no_and_names_the_fault() -> None:
    found = report(look(*LADDER[:1], *LADDER[2:]))

    assert (found.ok, found.message) == (False, "1 ladders expected, 1 wrong, 0 on terms that weren't accepted")
    lines = as_lines(found)
    assert "WRONG   hourly-1000" in lines
    assert "gap: nothing between 6,840 and 6,850" in lines


def test_a_changed_term_says_no_until_it_is_accepted_and_is_shown_either_way() -> None:
    slower = tuple(msgspec.structs.replace(market, settlement_timer_s=1_800) for market in LADDER)
    seen = look(*slower, accepted={"INXU": TERMS})

    before = report(seen)
    present = acceptable(seen, before)
    after = after_accepting(before, present)
    again = report(look(*slower, accepted=present))

    assert (before.ok, before.message) == (False, "1 ladders expected, 0 wrong, 1 on terms that weren't accepted")
    assert "settlement_timer_s was '60'" in as_lines(before)
    assert "now '1800'" in as_lines(after)
    assert (after.ok, after.accepted_now, after.ladders) == (True, ("INXU",), before.ladders)
    assert (again.ok, again.ladders[0].changed) == (True, ())


def test_the_terms_of_a_faulty_ladder_are_not_accepted_and_it_stays_wrong() -> None:
    seen = look(*LADDER[:1], *LADDER[2:])
    found = report(seen)

    present = acceptable(seen, found)

    assert present == {}
    assert not after_accepting(found, {"INXU": TERMS}).ok


def test_a_day_without_windows_expects_nothing_and_is_fine() -> None:
    found = report(look(hours=THANKSGIVING))

    assert (found.ok, found.message) == (True, "no windows on this day (holiday): no ladder is expected")
    assert (found.session.open_et, found.warnings, found.never_accepted) == (None, (), ())


def test_listings_on_a_closed_day_or_after_the_close_contradict_our_calendar() -> None:
    closed = report(look(*LADDER, hours=THANKSGIVING))
    late = tuple(msgspec.structs.replace(market, close_ns=MONDAY.close_ns + MINUTE_NS) for market in LADDER)
    at_close = tuple(msgspec.structs.replace(market, close_ns=MONDAY.close_ns) for market in LADDER)

    assert closed.warnings == ("INXU: the venue lists KXINXU-26NOV23H1000, but our calendar says holiday",)
    assert closed.ok
    assert report(look(*late)).warnings == ("INXU: the venue lists KXINXU-26NOV23H1000, but our calendar closes at 16:00 ET",)
    assert report(look(*at_close)).warnings == ()
    assert "warning: INXU: the venue lists" in as_lines(closed)
