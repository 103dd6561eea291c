"""The schedule follows every source of hours while the engine runs, and what is in doubt isn't quoted."""

from datetime import datetime

import pytest

from kalshi_alpha.exec.engine_view import engine_view
from kalshi_alpha.exec.outputs import monitor_documents
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, utc_ns_of
from kalshi_alpha.model.hours import SpecialDay, SpecialHours
from kalshi_alpha.model.instruments import Series
from kalshi_alpha.model.maintenance import WeekHours
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import WindowPhase
from tests.exec.harness import LEVELS, START_S, TARGET_S, Rig, booted, ladder_of, quoting

NOON_S = TARGET_S + 7_200
OPEN_NS = (TARGET_S - 1_800) * NS_PER_S


def at(text: str) -> int:
    """Return a New York time of the harness's day."""
    return utc_ns_of(datetime.fromisoformat(f"2026-11-23T{text}-05:00"))


def hours(close: str, opens: str = "09:30", digest: str = "d") -> cal.SpecialHoursChanged:
    return cal.SpecialHoursChanged(SpecialHours("hours.toml", digest, (SpecialDay("2026-11-23", at(opens), at(close), "a notice"),)))


def week(*monday: tuple[str, str]) -> tuple[WeekHours, ...]:
    whole = (("00:00", "00:00"),)
    return (WeekHours(0, 1 << 61, (monday or whole, *[whole] * 6)),)


def listed(last: str = "16:00") -> dict[Series, tuple[int, ...]]:
    hourly = tuple(at(f"{hour}:00") for hour in range(10, 17) if at(f"{hour}:00") <= at(last))
    return {"INXU": hourly, "NASDAQ100U": hourly, "INX": hourly[-1:], "NASDAQ100": hourly[-1:]}


def in_the_noon_window() -> Rig:
    """Return an engine that quotes hourly-1200."""
    return quoting(Rig(at_s=START_S + 7_205))


def labels(rig: Rig) -> list[str]:
    return [window.label for window in rig.engine.facts.schedule.today(rig.utc_ns)]


def doubted(rig: Rig) -> list[str]:
    return [held.scope for held in rig.engine.facts.reasons if held.reason is Reason.CALENDAR_IN_DOUBT]


# Special hours


def test_special_hours_take_later_windows_away_and_move_the_close() -> None:
    rig = quoting()
    rig.tell(hours("13:30"))

    assert labels(rig) == ["hourly-1000", "hourly-1100", "hourly-1200", "hourly-1300", "close-1330"]
    assert rig.live("resting")
    (incident,) = rig.incidents("calendar")
    assert (incident.title, incident.facts["2026-11-23"]) == ("Special hours have changed", "a notice")


def test_an_open_window_that_vanishes_is_pulled_at_once_proven_empty_and_not_quoted_again() -> None:
    rig = in_the_noon_window()
    resting = {order.intent.client_order_id for order in rig.live("resting")}
    rig.listings = dict.fromkeys(("INX", "NASDAQ100"))  # the venue knows nothing of a close then

    commands = rig.tell(hours("11:55"))

    assert {
        target.client_order_id for command in commands if isinstance(command, cmd.CancelOrders) for target in command.targets
    } == resting
    rig.tick(5)
    assert not rig.live()
    assert [phase for phase in rig.phases() if phase[0].endswith("hourly-1200")] == [
        ("2026-11-23/hourly-1200", "frozen"),
        ("2026-11-23/hourly-1200", "verified"),
    ]
    rig.clear()
    rig.tick_until(NOON_S + 5)
    assert not rig.placed()
    assert ("2026-11-23/hourly-1200", "ended") in rig.phases()


def test_until_a_withdrawn_window_is_proven_empty_nothing_else_is_quoted() -> None:
    rig = in_the_noon_window()
    rig.silent = {"ReadOpenOrders"}
    rig.tell(hours("11:55"))
    rig.tick(8)

    assert (Reason.CALENDAR_IN_DOUBT, "") in {(held.reason, held.scope) for held in rig.engine.facts.reasons}
    assert "close-1155" in {window.label for window in rig.engine.facts.active_windows}
    assert not rig.placed()


def test_after_the_proof_the_window_that_took_its_place_is_quoted() -> None:
    rig = in_the_noon_window()
    rig.tell(hours("11:55"))
    rig.tick(20)

    assert {order.intent.window for order in rig.live("resting")} == {"2026-11-23/close-1155"}
    rig.tick_until(NOON_S - 300)
    assert not rig.live("resting")


def test_a_late_open_shrinks_the_open_window_and_its_quotes_come_back_with_it() -> None:
    rig = quoting()
    rig.tell(hours("16:00", opens="09:50"))
    rig.tick(3)

    assert not rig.live()
    assert Reason.NO_WINDOW in rig.reasons
    rig.tick_until(START_S + 310)
    assert rig.live("resting")


def test_hours_that_are_taken_back_bring_the_window_back_with_its_freeze_and_proof() -> None:
    rig = in_the_noon_window()
    rig.tell(hours("11:55"))
    rig.tick(5)
    rig.tell(cal.SpecialHoursChanged(SpecialHours()))
    rig.tick(10)
    assert {order.intent.window for order in rig.live("resting")} == {"2026-11-23/hourly-1200"}
    rig.clear()

    rig.tick_until(NOON_S + 5)

    assert not rig.live()
    assert [phase for window, phase in rig.phases() if window.endswith("hourly-1200")] == ["frozen", "verified", "ended"]


def test_the_same_hours_again_change_nothing() -> None:
    rig = quoting()
    rig.tell(hours("13:30"))
    rig.clear()
    schedule = rig.engine.facts.schedule

    rig.tell(hours("13:30"))
    rig.tell(hours("13:30", digest="another comment"))

    assert not rig.incidents("calendar")
    assert rig.engine.facts.schedule is schedule


def test_a_bad_file_is_told_once_and_the_hours_before_it_stay() -> None:
    rig = quoting()
    rig.tell(hours("13:30"))
    rig.clear()

    rig.tell(cal.SpecialHoursRefused("hours.toml: day 1: open 14:00 isn't before close 13:30"))
    rig.tell(cal.SpecialHoursRefused("hours.toml: day 1: open 14:00 isn't before close 13:30"))

    (incident,) = rig.incidents("calendar")
    assert incident.facts == {"error": "hours.toml: day 1: open 14:00 isn't before close 13:30", "in_force": "d"}
    assert labels(rig)[-1] == "close-1330"
    view = rig.engine.calendar.view(rig.now)
    assert (view.special_hours, view.special_days, view.refused[:10]) == ("hours.toml", ("2026-11-23",), "hours.toml")
    rig.tell(hours("13:30"))
    assert rig.engine.calendar.view(rig.now).refused == ""


def test_the_variance_follows_the_sessions_new_close() -> None:
    rig = quoting(Rig(at_s=START_S + 10_805))  # before 13:00, which is amid a regular session and at the end of a shorter one
    ladder = next(iter(rig.engine.facts.ladders.values()))
    rig.tell(hours("13:00"))
    rig.tick()

    assert rig.engine.facts.schedule.session_hours("2026-11-23") == (OPEN_NS, at("13:00"))
    clock, symbol, from_ns = rig.engine.facts.clock, ladder.ladder.symbol, rig.utc_ns // NS_PER_S * NS_PER_S
    shorter, regular = (clock.to_target(symbol, from_ns, at("13:00"), OPEN_NS, at(close)) for close in ("13:00", "16:00"))
    assert ladder.variance == shorter != regular


# The venue's schedule


def test_the_schedule_is_asked_for_at_the_start_and_every_quarter_of_an_hour() -> None:
    rig = Rig(at_s=START_S - 3_000)
    rig.schedule = ((), week())
    booted(rig)
    rig.wait(1)
    assert len(rig.take(cmd.ReadSchedule)) == 1
    rig.wait(900)
    assert len(rig.take(cmd.ReadSchedule)) == 2
    rig.wait(900)
    assert len(rig.take(cmd.ReadSchedule)) == 3


def test_a_failed_read_of_the_schedule_is_repeated_after_a_minute() -> None:
    rig = booted(Rig(at_s=START_S - 3_000))
    rig.wait(1)
    (asked,) = rig.take(cmd.ReadSchedule)
    rig.tell(ev.RequestFailed("ReadSchedule", asked.request, 503, "later"))
    rig.wait(61)

    assert len(rig.take(cmd.ReadSchedule)) == 2


def test_a_maintenance_window_cuts_the_window_it_falls_into() -> None:
    rig = Rig()
    rig.schedule = (((at("09:55"), at("11:50")),), week())
    quoting(rig)

    rig.tick_until(TARGET_S - 300 - 1)
    assert not rig.live()
    rig.clear()
    rig.tick_until(TARGET_S + 2)

    assert not rig.placed()
    assert labels(rig)[:3] == ["hourly-1000", "hourly-1200", "hourly-1300"]


def test_a_maintenance_that_is_announced_for_now_pulls_the_quotes() -> None:
    rig = quoting()
    rig.tell(cal.ScheduleRead(1, ((at("09:40"), at("09:52")),), week()))
    rig.tick(3)
    assert not rig.live()

    rig.tell(cal.ScheduleRead(2, ((at("09:40"), at("09:47")),), week()))
    rig.tick(150)

    assert rig.live("resting")


def test_weekly_hours_that_close_inside_a_session_put_the_windows_in_doubt() -> None:
    rig = quoting()
    rig.tell(cal.ScheduleRead(1, (), week(("00:00", "09:58"))))
    rig.tick(3)

    assert doubted(rig) == ["2026-11-23/hourly-1000"]
    assert not rig.live()
    (incident,) = rig.incidents("calendar")
    assert incident.title == "The calendar is in doubt: 7 windows"
    assert "the venue closed from 09:58 to" in incident.facts["2026-11-23/hourly-1000"]


# The venue's listing


def test_a_listing_that_agrees_is_read_before_the_session_and_not_again_in_a_window() -> None:
    rig = Rig(at_s=START_S - 600)
    rig.closes = listed()
    booted(rig)
    rig.wait(590)
    assert len(rig.take(cmd.ReadCloses)) == 1
    (asked,) = rig.take(cmd.ReadCloses)
    assert (asked.series, asked.from_ns, asked.to_ns) == (
        ("INXU", "NASDAQ100U", "INX", "NASDAQ100"),
        at("00:00"),
        at("00:00") + 86_400 * NS_PER_S,
    )
    rig.tick_until(TARGET_S - 1)

    assert len(rig.take(cmd.ReadCloses)) == 1
    assert not rig.incidents("calendar")


def test_before_eight_the_venue_is_not_asked_what_it_lists() -> None:
    rig = Rig(at_s=at("06:00") // NS_PER_S)
    rig.closes = listed()
    booted(rig)
    rig.wait_until(at("07:59"))
    assert not rig.take(cmd.ReadCloses)
    rig.wait_until(at("08:00:05"))

    assert len(rig.take(cmd.ReadCloses)) == 1


def test_a_close_that_only_the_venue_knows_is_a_warning_before_and_a_stand_down_in_its_windows() -> None:
    rig = Rig(at_s=START_S - 600)
    rig.closes = listed("10:00")
    booted(rig)
    rig.wait(5)
    (incident,) = rig.incidents("calendar")
    assert (incident.title, incident.did) == ("The calendar is in doubt: 7 windows", "stands down for them, asks again")
    assert Reason.CALENDAR_IN_DOUBT not in rig.reasons

    rig.tick_until(START_S + 60)

    assert doubted(rig) == ["2026-11-23/hourly-1000"]
    assert not rig.placed()


def test_a_doubt_that_is_over_lets_quoting_begin() -> None:
    rig = Rig(at_s=START_S - 1_000)
    rig.closes = listed("10:00")
    booted(rig)
    rig.wait(5)
    rig.closes = listed()
    rig.tick_until(START_S - 890)
    rig.levels = {symbol: level + 0.5 for symbol, level in LEVELS.items()}  # what never moves after the open is the close of the day before
    rig.tick_until(START_S + 20)

    assert rig.live("resting")
    assert [incident.title for incident in rig.incidents("calendar")] == [
        "The calendar is in doubt: 7 windows",
        "The calendar and the venue agree again",
    ]


def test_a_restart_inside_a_window_asks_what_is_listed() -> None:
    rig = Rig()
    rig.closes = listed("10:00")
    booted(rig)
    rig.tick(10)

    assert doubted(rig) == ["2026-11-23/hourly-1000"]
    assert not rig.live()


def test_windows_without_a_doubt_are_quoted_beside_those_in_doubt() -> None:
    rig = Rig()
    rig.closes = listed("15:00")
    booted(rig)
    rig.tick(10)

    assert rig.live("resting")
    assert rig.engine.calendar.view(rig.now).doubts[0][0] == "2026-11-23/close-1600"


def test_a_failed_read_of_the_listing_is_repeated_after_a_minute() -> None:
    rig = booted(Rig(at_s=START_S - 600))
    rig.wait(3)
    (asked,) = rig.take(cmd.ReadCloses)
    rig.tell(ev.RequestFailed("ReadCloses", asked.request, 0, "no answer"))
    rig.wait(61)

    assert len(rig.take(cmd.ReadCloses)) == 2


def test_after_the_last_window_the_listing_is_read_the_next_morning() -> None:
    rig = Rig(at_s=at("16:30") // NS_PER_S)
    rig.closes = listed()
    booted(rig)
    rig.wait(5)
    assert len(rig.take(cmd.ReadCloses)) == 1
    rig.wait_until(at("00:00") + 31 * 3_600 * NS_PER_S)
    assert len(rig.take(cmd.ReadCloses)) == 1
    rig.wait_until(at("00:00") + 33 * 3_600 * NS_PER_S)

    assert len(rig.take(cmd.ReadCloses)) > 1


def test_events_on_a_holiday_are_told_once_and_not_quoted() -> None:
    thursday_ns = at("10:00") + 3 * 86_400 * NS_PER_S
    rig = Rig(at_s=thursday_ns // NS_PER_S - 3_600)
    rig.closes = {"INXU": (thursday_ns,)}
    booted(rig)
    rig.tick_until(thursday_ns // NS_PER_S - 2_500)
    rig.tell(cal.ClosesRead(0, thursday_ns - 10 * 3_600 * NS_PER_S, (("INXU", (thursday_ns,)),)))

    (incident,) = rig.incidents("calendar")
    assert incident.title == "The venue lists events on a day without a session"
    assert not rig.placed()


# The end of the table


@pytest.mark.parametrize("start", ["2028-12-31T21:00:00-05:00", "2029-01-02T09:50:00-05:00"])
def test_beyond_its_table_the_engine_stands_down_and_says_how_to_extend_it(start: str) -> None:
    rig = booted(Rig(at_s=utc_ns_of(datetime.fromisoformat(start)) // NS_PER_S))
    rig.wait_until(utc_ns_of(datetime.fromisoformat("2029-01-02T09:50:30-05:00")))
    rig.tick(5)

    held = next(held for held in rig.engine.facts.reasons if held.reason is Reason.CALENDAR_ENDS)
    assert "tools.make_calendar --last-year" in held.note
    assert not rig.placed()
    assert not rig.live()
    assert [incident.title for incident in rig.incidents("calendar")] == ["The built-in calendar has ended"]
    assert engine_view(rig.engine, rig.now, 1.0, {}).windows == ()
    assert monitor_documents(rig.engine, rig.now)[0].scheduler_window is None


def test_a_ladder_of_a_window_that_is_gone_is_not_taken() -> None:
    rig = Rig()
    rig.silent = {"ReadLadder"}
    booted(rig)
    rig.wait(1)
    rig.tell(hours("09:55"))

    rig.tell(ev.LadderRead(ladder_of("INXU")))

    assert not rig.engine.facts.ladders
    assert not rig.records(WindowPhase)[-1].window.endswith("1100")


def test_beyond_the_table_the_venue_is_still_listened_to() -> None:
    rig = Rig(at_s=utc_ns_of(datetime.fromisoformat("2029-01-02T09:00:00-05:00")) // NS_PER_S)
    rig.schedule, rig.closes = ((), week()), {"INXU": (rig.utc_ns + 3_600 * NS_PER_S,)}
    booted(rig)
    rig.wait(3_000)

    assert Reason.CALENDAR_ENDS in rig.reasons
    assert [incident.title for incident in rig.incidents("calendar")] == ["The built-in calendar has ended"]
    assert len(rig.take(cmd.ReadCloses)) == 1
