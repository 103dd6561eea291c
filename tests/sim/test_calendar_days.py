"""Days with other hours in virtual time, judged by the venue's record and the windows as they should be."""

from datetime import date, datetime, time

import msgspec
import pytest

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import NS_PER_S, utc_ns_of
from kalshi_alpha.model.hours import SpecialDay, SpecialHours
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.model.records import IncidentNoted, StandDownChanged
from kalshi_alpha.sched.calendar import Session, session_with_hours
from kalshi_alpha.sched.special_hours import narrowed
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sim.fast import Played, judge, play
from kalshi_alpha.sim.scorecard import Scorecard
from kalshi_alpha.sim.script import DayScript, HoursChange

CONFIG = WindowsConfig(hourly_targets_et=("11:00", "13:00", "14:00"), hourly_lead_s=180, close_lead_s=180)
MONDAY, EARLY = date(2026, 11, 23), date(2026, 11, 27)


def at(text: str, day: date = MONDAY) -> int:
    return utc_ns_of(datetime.fromisoformat(f"{day.isoformat()}T{text}-05:00"))


def closing(close: str) -> SpecialHours:
    return SpecialHours("hours.toml", "d", (SpecialDay("2026-11-23", at("09:30"), at(close), "a notice"),))


def windows(hours: SpecialHours, day: date = MONDAY) -> tuple[Window, ...]:
    return WindowSchedule(CONFIG, narrowed(hours)).day(day)


def shorter(close: time) -> Session:
    return session_with_hours(MONDAY, time(9, 30), close, "the exchange's notice")


def played(script: DayScript) -> tuple[Played, Scorecard]:
    day = play(script, CONFIG)
    return day, judge(day, script)


def placed(day: Played) -> list[int]:
    return [event.utc_ns for event in day.exchange.order_log if event.kind == "accepted"]


def incidents(day: Played) -> list[str]:
    return [record.title for record in day.records if isinstance(record, IncidentNoted) and record.kind == "calendar"]


def quoted(day: Played, window: Window) -> bool:
    return any(window.start_ns <= utc_ns < window.freeze_ns for utc_ns in placed(day))


def test_an_early_close_is_played_to_its_end_and_nothing_rests_after_it() -> None:
    found = windows(SpecialHours(), EARLY)
    assert [window.label for window in found] == ["hourly-1100", "close-1300", "hourly-1300"]

    day, card = played(DayScript(11, EARLY.isoformat(), found))

    assert (card.violations, card.clean) == ((), True)
    assert all(quoted(day, window) for window in found)
    assert max(placed(day)) < at("12:59:58", EARLY)
    assert incidents(day) == []


def test_the_monday_after_the_clock_change_is_quoted_at_its_own_hours() -> None:
    monday = date(2027, 3, 15)
    found = windows(SpecialHours(), monday)

    day, card = played(DayScript(12, monday.isoformat(), found))

    assert card.violations == ()
    assert min(placed(day)) >= utc_ns_of(datetime.fromisoformat("2027-03-15T14:57:00Z"))
    assert incidents(day) == ["Clock change of 2027-03-14: the windows of 2027-03-15 are right"]


def test_special_hours_that_come_in_mid_day_end_the_quoting_at_the_new_close() -> None:
    """The venue has listed the shorter day all along; the operator's file follows at noon."""
    hours = closing("13:00")
    script = DayScript(
        13,
        MONDAY.isoformat(),
        windows(hours),
        hours_changes=(HoursChange(at("12:57:30"), hours),),
        venue_session=shorter(time(13, 0)),
    )

    day, card = played(script)

    assert card.violations == ()
    assert [window.label for window in script.windows] == ["hourly-1100", "close-1300", "hourly-1300"]
    assert all(quoted(day, window) for window in script.windows)
    assert incidents(day) == [
        "The calendar is in doubt: 3 windows",
        "Special hours have changed",
        "The calendar and the venue agree again",
    ]
    # Until the file came, what was in doubt wasn't quoted.
    assert not [utc_ns for utc_ns in placed(day) if at("12:57:00") <= utc_ns < at("12:57:30")]
    told = {reason for record in day.records if isinstance(record, StandDownChanged) for reason in record.reasons}
    assert "calendar_in_doubt:2026-11-23/hourly-1300" in told


def test_an_open_window_that_special_hours_take_away_is_empty_at_once() -> None:
    hours, change_ns = closing("12:58"), at("12:58:30")
    plain = windows(SpecialHours())
    cut = msgspec.structs.replace(plain[1], freeze_ns=change_ns)
    assert cut.label == "hourly-1300"
    script = DayScript(14, MONDAY.isoformat(), (plain[0], cut), hours_changes=(HoursChange(change_ns, hours),))

    day, card = played(script)

    assert quoted(day, cut)
    assert max(placed(day)) < change_ns + NS_PER_S // 10  # what was under way to the venue when the file came
    live: dict[str, int] = {}
    for event in day.exchange.order_log:
        if event.remaining_e2 > 0 and event.kind != "cancelled":
            live[event.order_id] = event.utc_ns
        elif live.pop(event.order_id, None) is not None:
            assert event.utc_ns < change_ns + NS_PER_S
    assert not live
    assert card.unknown_orders == 0


@pytest.mark.parametrize("close", ["13:30", "14:00"])
def test_a_process_that_is_killed_knows_the_special_hours_again(close: str) -> None:
    hours = closing(close)
    found = windows(hours)
    script = DayScript(
        15,
        MONDAY.isoformat(),
        found,
        kills_ns=(found[-1].start_ns + 60 * NS_PER_S,),
        hours_changes=(HoursChange(at("10:58:00"), hours),),
        venue_session=shorter(time.fromisoformat(close)),
    )

    day, card = played(script)

    assert card.violations == ()
    assert card.restarts[0].kill_to_quote_s is not None
    assert max(placed(day)) < found[-1].freeze_ns
