"""Days with maintenance in virtual time: nothing rests when it shouldn't, and quoting resumes without a human."""

from datetime import date, datetime

import msgspec
import pytest

from kalshi_alpha.config import MaintenanceConfig, WindowsConfig
from kalshi_alpha.model.clock import NS_PER_S, utc_ns_of
from kalshi_alpha.model.maintenance import Slot
from kalshi_alpha.model.records import IncidentNoted, LatchLifted, LatchSet, StandDownChanged
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sim.fast import Played, judge, play_on, virtual_config, world_for
from kalshi_alpha.sim.script import DayScript, PageEntry, VenueFault

DAY_NS = 86_400 * NS_PER_S
TEN = WindowsConfig(hourly_targets_et=("10:00",), close_series=(), hourly_lead_s=180)
ELEVEN = WindowsConfig(hourly_targets_et=("11:00",), close_series=())


def at(text: str) -> int:
    return utc_ns_of(datetime.fromisoformat(text))


def script_of(day: str, windows: WindowsConfig, **more: object) -> DayScript:
    made = DayScript(seed=7, day=day, windows=WindowSchedule(windows).day(date.fromisoformat(day)))
    return msgspec.structs.replace(made, **more)


def played(script: DayScript, windows: WindowsConfig, maintenance: MaintenanceConfig | None = None) -> Played:
    """Play a script and insist that the venue's record breaks no promise."""
    config = msgspec.structs.replace(virtual_config(windows), maintenance=maintenance or MaintenanceConfig())
    found = play_on(config, script, world_for(script, None))
    assert judge(found, script).violations == ()
    return found


def titles(day: Played, kind: str = "maintenance") -> list[str]:
    return [record.title for record in day.records if isinstance(record, IncidentNoted) and record.kind == kind]


def accepted(day: Played, from_ns: int, to_ns: int) -> int:
    return sum(event.kind == "accepted" and from_ns <= event.utc_ns < to_ns for event in day.exchange.order_log)


def resting_at(day: Played, utc_ns: int) -> int:
    """Count the orders resting at the venue at an instant, from its own record."""
    resting: set[str] = set()
    for event in day.exchange.order_log:
        if event.utc_ns > utc_ns:
            break
        if event.kind == "accepted" and event.remaining_e2 > 0:
            resting.add(event.order_id)
        elif event.kind == "cancelled" or event.remaining_e2 == 0:
            resting.discard(event.order_id)
    return len(resting)


def step_times(day: Played, word: str) -> list[int]:
    return [
        record.utc_ns
        for record in day.records
        if isinstance(record, IncidentNoted) and record.kind == "maintenance" and word in record.title
    ]


def latches(day: Played) -> list[tuple[str, str]]:
    return [(type(record).__name__, record.actor) for record in day.records if isinstance(record, LatchSet | LatchLifted)]


# The weekly pause


@pytest.mark.parametrize(
    ("day", "utc"),
    [("2026-12-03", "2026-12-03T08:00:00+00:00"), ("2026-10-29", "2026-10-29T07:00:00+00:00"), ("2027-03-18", "2027-03-18T07:00:00+00:00")],
)
def test_the_thursday_pause_is_stood_through_at_its_hour_in_both_times_of_the_year(day: str, utc: str) -> None:
    start = at(utc)
    script = script_of(day, TEN, also_played=((start - 2_400 * NS_PER_S, start + 9_000 * NS_PER_S),))

    result = played(script, TEN)

    assert step_times(result, "Housekeeping before") == [start - 1_800 * NS_PER_S]
    assert step_times(result, "standing down") == [start - 300 * NS_PER_S]
    [verified] = step_times(result, "Nothing rests")
    assert start - 300 * NS_PER_S < verified < start - 290 * NS_PER_S
    assert step_times(result, "In maintenance") == [start]
    assert step_times(result, "confirming") == [start + 7_200 * NS_PER_S]
    [rearmed] = step_times(result, "may resume")
    assert rearmed <= start + 7_215 * NS_PER_S
    assert titles(result, "venue") == titles(result, "both_feeds") == []
    assert step_times(result, "contradict") == []
    window = script.windows[0]
    assert accepted(result, window.start_ns, window.start_ns + 10 * NS_PER_S) > 5
    assert latches(result) == [("LatchSet", "maintenance"), ("LatchLifted", "maintenance")]


def test_thanksgiving_week_rests_over_pause_and_holiday_and_quotes_to_fridays_early_close() -> None:
    pause, close = at("2026-11-26T03:00:00-05:00"), at("2026-11-27T13:00:00-05:00")
    windows = WindowsConfig(hourly_targets_et=("11:00", "13:00", "15:00"), hourly_lead_s=180, close_lead_s=180)
    script = script_of("2026-11-27", windows, also_played=((pause - 2_400 * NS_PER_S, pause + 9_000 * NS_PER_S),))

    result = played(script, windows)

    assert WindowSchedule(windows).day(date(2026, 11, 26)) == ()
    assert sorted({window.label for window in script.windows}) == ["close-1300", "hourly-1100", "hourly-1300"]
    assert step_times(result, "standing down") == [pause - 300 * NS_PER_S]
    assert step_times(result, "In maintenance") == [pause]
    [rearmed] = step_times(result, "may resume")
    assert pause + 7_200 * NS_PER_S <= rearmed <= pause + 7_215 * NS_PER_S
    assert accepted(result, 0, script.windows[0].start_ns) == 0
    assert all(accepted(result, window.start_ns, window.freeze_ns) > 5 for window in script.windows)
    assert accepted(result, close - 2 * NS_PER_S, close + DAY_NS) == 0
    assert resting_at(result, close - NS_PER_S) == 0


def test_an_extended_maintenance_is_followed_while_it_runs() -> None:
    start = at("2026-12-03T03:00:00-05:00")
    pause = VenueFault(start + 7_200 * NS_PER_S, start + 9_000 * NS_PER_S, "trading_pause", {"resume_s": float(start // NS_PER_S + 9_000)})
    script = script_of("2026-12-03", TEN, also_played=((start - 600 * NS_PER_S, start + 9_900 * NS_PER_S),), venue_faults=(pause,))

    result = played(script, TEN)

    assert len(step_times(result, "extended")) >= 1
    [rearmed] = step_times(result, "may resume")
    assert start + 9_000 * NS_PER_S < rearmed <= start + 9_015 * NS_PER_S
    assert accepted(result, script.windows[0].start_ns, script.windows[0].freeze_ns) > 5


def test_a_process_started_inside_the_pause_quotes_at_ten() -> None:
    start = at("2026-12-03T03:00:00-05:00")
    script = script_of("2026-12-03", TEN, also_played=((start + 3_600 * NS_PER_S, start + 7_500 * NS_PER_S),))

    result = played(script, TEN)

    assert any("Inside a maintenance" in title for title in titles(result))
    assert len(step_times(result, "may resume")) == 1
    assert not step_times(result, "Not proven")
    assert accepted(result, script.windows[0].start_ns, script.windows[0].freeze_ns) > 5


def test_a_process_started_while_the_venue_answers_nothing_but_503_quotes_at_ten_and_doesnt_flood_it() -> None:
    start = at("2026-12-03T03:00:00-05:00")
    fault = VenueFault(start, start + 7_200 * NS_PER_S, "unavailable_before", {"path": "/"})
    script = script_of("2026-12-03", TEN, also_played=((start + 3_600 * NS_PER_S, start + 7_500 * NS_PER_S),), venue_faults=(fault,))

    result = played(script, TEN)

    assert titles(result, "venue") == titles(result, "both_feeds") == []
    assert accepted(result, script.windows[0].start_ns, script.windows[0].freeze_ns) > 5
    [rearmed] = step_times(result, "may resume")
    assert rearmed <= start + 7_230 * NS_PER_S


# In a window


def window_day(**more: object) -> tuple[DayScript, int]:
    """Return the 11:00 window of a Monday, 10:45 to 10:59:58, and 10:54, when something begins."""
    return script_of("2026-11-23", ELEVEN, **more), at("2026-11-23T10:54:00-05:00")


def listed(shown_ns: int, start_ns: int, end_ns: int, until_ns: int = 0) -> VenueFault:
    params = {"start_s": start_ns / NS_PER_S, "end_s": end_ns / NS_PER_S}
    return VenueFault(shown_ns, until_ns or end_ns, "listed_window", params)  # type: ignore[arg-type]  # floats are among its values


def told(start_ns: int, end_ns: int) -> tuple[Slot, ...]:
    """Return what the operator alone knows."""
    return (Slot(start_ns, end_ns, "operator", "op-1 told by phone"),)


def test_a_maintenance_that_the_venue_lists_interrupts_its_window_and_spares_the_next() -> None:
    windows = WindowsConfig(hourly_targets_et=("11:00", "12:00"), close_series=())
    start = at("2026-11-23T10:54:00-05:00")
    end = start + 90 * NS_PER_S
    faults = (listed(start - DAY_NS, start, end), VenueFault(start, end, "trading_pause", {}))
    script = script_of("2026-11-23", windows, venue_faults=faults, maintenances=((start, end),))

    result = played(script, windows)

    assert resting_at(result, start - 301 * NS_PER_S) > 10
    assert resting_at(result, start - 298 * NS_PER_S) == 0
    assert accepted(result, start - 300 * NS_PER_S, end) == 0
    assert len(step_times(result, "may resume")) == 1
    assert accepted(result, end, end + 20 * NS_PER_S) > 0
    second = script.windows[1]
    assert accepted(result, second.start_ns, second.start_ns + 10 * NS_PER_S) > 5


@pytest.mark.parametrize("kind", ["trading_pause", "exchange_pause"])
def test_an_announced_maintenance_in_a_window_finds_nothing_resting_from_five_minutes_before(kind: str) -> None:
    _, start = window_day()
    end = start + 90 * NS_PER_S
    script, _ = window_day(operator_slots=told(start, end), venue_faults=(VenueFault(start, end, kind, {}),), maintenances=((start, end),))

    result = played(script, ELEVEN)

    assert resting_at(result, start - 301 * NS_PER_S) > 10
    assert resting_at(result, start - 298 * NS_PER_S) == 0
    assert accepted(result, start - 300 * NS_PER_S, end) == 0
    assert accepted(result, end, end + 12 * NS_PER_S) > 0
    assert not step_times(result, "Not proven")
    [verified] = step_times(result, "Nothing rests")
    assert verified < start - 295 * NS_PER_S


def test_a_hole_in_the_ladder_after_it_holds_quoting_back_until_the_venue_lists_it_whole() -> None:
    _, start = window_day()
    end = start + 60 * NS_PER_S
    hole = VenueFault(start, end + 30 * NS_PER_S, "missing_event", {"event": "KXNASDAQ100U-26NOV23H1100"})
    script, _ = window_day(operator_slots=told(start, end), venue_faults=(VenueFault(start, end, "trading_pause", {}), hole))

    result = played(script, ELEVEN)

    assert accepted(result, start - 300 * NS_PER_S, end + 30 * NS_PER_S) == 0
    assert accepted(result, end + 30 * NS_PER_S, end + 50 * NS_PER_S) > 0


def test_after_it_quotes_are_half_as_large_for_five_minutes() -> None:
    _, start = window_day()
    start -= 240 * NS_PER_S
    end = start + 20 * NS_PER_S
    script, _ = window_day(operator_slots=told(start, end), venue_faults=(VenueFault(start, end, "trading_pause", {}),))

    result = played(script, ELEVEN)

    [rearmed], [full] = step_times(result, "may resume"), step_times(result, "full size")
    sizes = {event.utc_ns: event.remaining_e2 for event in result.exchange.order_log if event.kind == "accepted"}
    assert full == rearmed + 300 * NS_PER_S
    assert {size for utc_ns, size in sizes.items() if rearmed <= utc_ns < full} == {500}
    assert {size for utc_ns, size in sizes.items() if utc_ns > full + NS_PER_S} == {1_000}


def test_no_order_expires_later_than_five_minutes_before() -> None:
    _, start = window_day()
    script, _ = window_day(venue_faults=(listed(start - DAY_NS, start, start + 60 * NS_PER_S),))

    result = played(script, ELEVEN)

    log = result.exchange.order_log  # expiries are renewed, too
    before = [event.expiration_s for event in log if event.kind in {"accepted", "amended"} and event.utc_ns < start - 300 * NS_PER_S]
    assert before
    assert max(before) == start // NS_PER_S - 300


def test_a_slot_moved_an_hour_later_at_the_last_minute_lets_quoting_go_on() -> None:
    _, start = window_day()
    moved = start - 200 * NS_PER_S
    later = (start + 3_600 * NS_PER_S, start + 3_700 * NS_PER_S)
    script, _ = window_day(venue_faults=(listed(start - DAY_NS, start, start + 90 * NS_PER_S, moved), listed(moved, *later, later[1])))

    result = played(script, ELEVEN)

    assert step_times(result, "Maintenance cancelled") or step_times(result, "Maintenance moved")
    assert accepted(result, moved + 45 * NS_PER_S, start) > 0


def test_an_unannounced_exchange_pause_half_a_minute_before_one_takes_the_same_path() -> None:
    windows = WindowsConfig(hourly_targets_et=("13:00", "14:00"), close_series=())
    start = at("2026-11-23T12:59:30-05:00")
    end = start + 900 * NS_PER_S
    span = (start - 60 * NS_PER_S, end + 60 * NS_PER_S)
    script = script_of("2026-11-23", windows, venue_faults=(VenueFault(start, end, "exchange_pause", {}),), also_played=(span,))

    result = played(script, windows)

    [seen] = step_times(result, "nobody announced it")
    assert start < seen <= start + 11 * NS_PER_S
    assert resting_at(result, start + NS_PER_S) == 0
    assert accepted(result, start, end) == 0
    [rearmed] = step_times(result, "may resume")
    assert end < rearmed <= end + 15 * NS_PER_S
    second = script.windows[1]
    assert accepted(result, second.start_ns, second.start_ns + 10 * NS_PER_S) > 5


def test_another_shards_pause_doesnt_concern_us() -> None:
    _, start = window_day()
    script, _ = window_day(venue_faults=(VenueFault(start, start + 60 * NS_PER_S, "trading_pause", {"shard": 2}),))

    result = played(script, ELEVEN)

    assert not step_times(result, "standing down")
    assert accepted(result, start + 15 * NS_PER_S, start + 60 * NS_PER_S) > 0


def test_the_status_is_believed_under_503_too() -> None:
    _, start = window_day()
    end = start + 60 * NS_PER_S
    faults = (VenueFault(start, end, "trading_pause", {}), VenueFault(start, end, "status_503", {}))
    script, _ = window_day(venue_faults=faults)

    result = played(script, ELEVEN)

    assert len(step_times(result, "nobody announced it")) == 1
    assert accepted(result, start, end) == 0
    assert len(step_times(result, "may resume")) == 1


# The status page


PAGE = MaintenanceConfig(status_page_url="http://127.0.0.1:1")


def test_a_status_page_that_says_all_is_well_or_is_html_stops_nothing_that_others_say() -> None:
    _, start = window_day()
    end = start + 90 * NS_PER_S
    for entries in ((), (PageEntry(0, end + DAY_NS, "html"),), (PageEntry(0, end + DAY_NS, "error"),)):
        script, _ = window_day(
            venue_faults=(VenueFault(start, end, "trading_pause", {}),),
            operator_slots=told(start, end),
            maintenances=((start, end),),
            page=entries,
        )

        result = played(script, ELEVEN, PAGE)

        assert accepted(result, start - 300 * NS_PER_S, end) == 0
        assert accepted(result, end, end + 12 * NS_PER_S) > 0
        assert not step_times(result, "contradict")


def test_a_status_page_that_invents_a_maintenance_costs_its_first_ten_minutes_and_no_more() -> None:
    windows = WindowsConfig(hourly_targets_et=("11:00", "12:00"), close_series=())
    start = at("2026-11-23T10:54:00-05:00")
    lie = PageEntry(start - DAY_NS, start + DAY_NS, "maintenance", "in_progress", start, start + DAY_NS)
    span = (start - 60 * NS_PER_S, start + 900 * NS_PER_S)
    script = script_of("2026-11-23", windows, page=(lie,), also_played=(span,))

    result = played(script, windows, PAGE)

    assert accepted(result, start - 300 * NS_PER_S, start + 600 * NS_PER_S) == 0
    [rearmed] = step_times(result, "may resume")
    assert start + 600 * NS_PER_S <= rearmed <= start + 620 * NS_PER_S
    second = script.windows[1]
    assert accepted(result, second.start_ns, second.start_ns + 10 * NS_PER_S) > 5
    assert step_times(result, "contradict")


# People


def test_where_the_operator_must_confirm_nothing_is_quoted_until_then_over_a_restart_too() -> None:
    _, start = window_day()
    end = start + 60 * NS_PER_S
    script, _ = window_day(
        venue_faults=(VenueFault(start, end, "trading_pause", {}),), operator_slots=told(start, end), kills_ns=(end + 60 * NS_PER_S,)
    )

    result = played(script, ELEVEN, MaintenanceConfig(confirm="operator"))

    assert accepted(result, start - 300 * NS_PER_S, start + DAY_NS) == 0
    assert len(result.day.engines) == 2
    assert result.engine.maintenance.pilot.needs_confirmation
    assert latches(result) == [("LatchSet", "maintenance")]
    last = [record.reasons for record in result.records if isinstance(record, StandDownChanged)][-1]
    assert "maintenance" in last


@pytest.mark.parametrize("kill_s", [-280, 30, 63])
def test_a_process_killed_before_during_or_just_after_it_goes_on_where_it_was(kill_s: int) -> None:
    _, start = window_day()
    end = start + 60 * NS_PER_S
    script, _ = window_day(
        venue_faults=(VenueFault(start, end, "trading_pause", {}),),
        operator_slots=told(start, end),
        kills_ns=(start + kill_s * NS_PER_S,),
        maintenances=((start, end),),
    )

    result = played(script, ELEVEN)

    assert accepted(result, start - 300 * NS_PER_S, end) == 0
    assert accepted(result, end, end + 20 * NS_PER_S) > 0
