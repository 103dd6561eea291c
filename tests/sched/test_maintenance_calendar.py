"""Every source's slots, merged; nothing concluded from silence; contradictions told."""

from datetime import datetime

import msgspec
import pytest

from kalshi_alpha.model.clock import NS_PER_S, utc_ns_of
from kalshi_alpha.model.maintenance import OPEN_END_NS, Slot, SourceName, SourceWord, WeekHours
from kalshi_alpha.sched.maintenance_calendar import resolve, schedule_word, span, weekly_word, with_past

DAY = (("00:00", "00:00"),)
PAUSED_THURSDAY = (("00:00", "03:00"), ("05:00", "00:00"))
WEEK = (DAY, DAY, DAY, PAUSED_THURSDAY, DAY, DAY, DAY)


def at(text: str) -> int:
    return utc_ns_of(datetime.fromisoformat(text))


NOW = at("2026-11-23T12:00:00-05:00")  # a Monday
THURSDAY = (at("2026-11-26T08:00:00+00:00"), at("2026-11-26T10:00:00+00:00"))
NOON = (at("2026-11-24T17:00:00+00:00"), at("2026-11-24T19:00:00+00:00"))


def hours(days: tuple[tuple[tuple[str, str], ...], ...] = WEEK) -> WeekHours:
    return WeekHours(at("2026-01-01T00:00:00-05:00"), at("2028-01-01T00:00:00-05:00"), days)


def slot(source: SourceName, span_ns: tuple[int, int], name: str = "it") -> SourceWord:
    return SourceWord(source, (Slot(*span_ns, source, name),), NOW)


def spans(words: list[SourceWord], trading_since_ns: int = 0, utc_ns: int = NOW) -> list[tuple[int, int]]:
    return [(one.from_ns, one.to_ns) for one in resolve(words, trading_since_ns, utc_ns).maintenances]


# The weekly rule


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-11-23T12:00:00-05:00", "2026-11-26T08:00:00+00:00"),
        ("2026-10-26T12:00:00-04:00", "2026-10-29T07:00:00+00:00"),
        ("2026-10-30T12:00:00-04:00", "2026-11-05T08:00:00+00:00"),  # the clocks change on Sunday
        ("2027-03-12T12:00:00-05:00", "2027-03-18T07:00:00+00:00"),
    ],
)
def test_the_weekly_pause_is_at_three_in_new_york_whatever_the_clocks_do(now: str, start: str) -> None:
    [first, *_] = spans([weekly_word(at(now))], utc_ns=at(now))

    assert first == (at(start), at(start) + 7_200 * NS_PER_S)


def test_the_pause_of_this_very_day_is_there_while_it_runs() -> None:
    now = at("2026-11-26T04:59:59-05:00")

    assert spans([weekly_word(now)], utc_ns=now)[0] == THURSDAY


# The schedule


def test_a_gap_in_the_hours_and_the_weekly_rule_are_one_maintenance_of_two_sources() -> None:
    resolved = resolve([weekly_word(NOW), schedule_word([], [hours()], NOW)], 0, NOW)

    [only] = resolved.maintenances
    assert (only.from_ns, only.to_ns) == THURSDAY
    assert only.sources == ("schedule", "weekly")
    assert resolved.contradictions == ()


def test_a_close_a_minute_before_midnight_is_no_gap() -> None:
    tuesday = (("00:00", "23:59"),)

    assert schedule_word([], [hours((DAY, tuesday, *WEEK[2:]))], NOW) == schedule_word([], [hours()], NOW)


def test_a_session_may_run_over_midnight() -> None:
    evening = (("18:00", "02:00"),)
    monday = (("02:00", "00:00"),)
    word = schedule_word([], [hours((monday, *WEEK[1:6], evening))], NOW)

    assert (at("2026-11-29T00:00:00-05:00"), at("2026-11-29T18:00:00-05:00")) in [(one.from_ns, one.to_ns) for one in word.slots]
    assert all(one.from_ns != at("2026-11-30T00:00:00-05:00") for one in word.slots)


def test_a_day_without_hours_is_closed_and_a_day_outside_of_them_is_unknown() -> None:
    no_sunday = hours((*WEEK[:6], ()))
    until_friday = WeekHours(0, at("2026-11-28T00:00:00-05:00"), (*WEEK[:6], ()))

    closed, unknown = schedule_word([], [no_sunday], NOW), schedule_word([], [until_friday], NOW)

    assert (at("2026-11-29T05:00:00+00:00"), at("2026-11-30T05:00:00+00:00")) in [(one.from_ns, one.to_ns) for one in closed.slots]
    assert closed.lists_until_ns == at("2026-12-02T00:00:00-05:00")
    assert all(one.to_ns <= at("2026-11-28T00:00:00-05:00") for one in unknown.slots)
    assert unknown.lists_until_ns == 0


def test_days_unknown_in_between_are_no_gap() -> None:
    monday = WeekHours(0, at("2026-11-24T00:00:00-05:00"), WEEK)
    saturday = WeekHours(at("2026-11-28T00:00:00-05:00"), at("2028-01-01T00:00:00-05:00"), WEEK)

    word = schedule_word([], [monday, saturday], NOW)

    assert word.slots == ()


def test_a_schedule_without_hours_is_a_problem_and_its_windows_still_count() -> None:
    word = schedule_word([NOON], [], NOW)

    assert word.problem
    assert word.lists_until_ns == 0
    assert spans([word]) == [NOON]


def test_hours_that_the_clock_change_repeats_or_skips_are_read_as_closed_for_longer() -> None:
    odd = (("00:00", "01:30"), ("02:30", "00:00"))
    autumn = schedule_word([], [WeekHours(0, OPEN_END_NS, (*[DAY] * 6, odd))], at("2026-10-31T12:00:00-04:00"))
    spring = schedule_word([], [WeekHours(0, OPEN_END_NS, (*[DAY] * 6, odd))], at("2027-03-13T12:00:00-05:00"))

    # 01:30 is twice on 1 November: the first is 05:30Z. 02:30 isn't there on 14 March: its readings are 06:30Z and 07:30Z.
    assert (autumn.slots[0].from_ns, autumn.slots[0].to_ns) == (at("2026-11-01T05:30:00+00:00"), at("2026-11-01T07:30:00+00:00"))
    assert (spring.slots[0].from_ns, spring.slots[0].to_ns) == (at("2027-03-14T06:30:00+00:00"), at("2027-03-14T07:30:00+00:00"))


# Merging


def test_what_two_sources_say_holds_from_the_earlier_start_to_the_later_end() -> None:
    later = (NOON[0] + 1_800 * NS_PER_S, NOON[1] + 1_800 * NS_PER_S)

    resolved = resolve([slot("schedule", later), slot("operator", NOON)], 0, NOW)

    assert [(one.from_ns, one.to_ns) for one in resolved.maintenances] == [(NOON[0], later[1])]
    assert resolved.contradictions == (f"operator says {span(*NOON)}, schedule says {span(*later)}",)


def test_slots_within_a_minute_of_each_other_are_one_and_no_contradiction() -> None:
    next_door = (NOON[1] + 59 * NS_PER_S, NOON[1] + 3_600 * NS_PER_S)
    nearly = (NOON[0] + 59 * NS_PER_S, NOON[1] - 60 * NS_PER_S)

    assert spans([slot("schedule", NOON), slot("schedule", next_door)]) == [(NOON[0], next_door[1])]
    assert resolve([slot("schedule", NOON), slot("operator", nearly)], 0, NOW).contradictions == ()


def test_a_shorter_slot_behind_a_longer_one_doesnt_shorten_it() -> None:
    inside = (NOON[0] + 60 * NS_PER_S, NOON[0] + 600 * NS_PER_S)
    after = (NOON[1] - 60 * NS_PER_S, NOON[1] + 60 * NS_PER_S)

    assert spans([slot("schedule", NOON), slot("operator", inside), slot("statuspage", after)]) == [(NOON[0], after[1])]


def test_a_reversed_slot_and_one_that_is_over_are_nothing() -> None:
    assert spans([slot("statuspage", (NOON[1], NOON[0])), slot("operator", (NOW - 7_200 * NS_PER_S, NOW))]) == []


# The present


def paused(since_ns: int, to_ns: int = OPEN_END_NS) -> SourceWord:
    return slot("status", (since_ns, to_ns), "trading paused")


def test_a_pause_that_nobody_announced_is_a_maintenance_without_an_end() -> None:
    resolved = resolve([paused(NOW - 5)], 0, NOW)

    assert [(one.from_ns, one.to_ns) for one in resolved.maintenances] == [(NOW - 5, OPEN_END_NS)]
    assert "nobody announced it" in resolved.contradictions[0]


def test_a_pause_inside_its_slot_takes_the_slots_end_and_outlives_it() -> None:
    inside, behind = THURSDAY[0] + 600 * NS_PER_S, THURSDAY[1] + 60 * NS_PER_S
    words = [weekly_word(inside), paused(THURSDAY[0] + 7 * NS_PER_S)]

    seen_behind = msgspec.structs.replace(words[1], heard_ns=behind)
    assert spans(words, utc_ns=inside)[0] == THURSDAY
    assert spans([words[0], seen_behind], utc_ns=behind)[0] == (THURSDAY[0], OPEN_END_NS)
    assert resolve(words, 0, inside).contradictions == ()


def test_a_pause_with_an_estimated_end_is_believed() -> None:
    assert spans([paused(NOW - 5, NOW + 600 * NS_PER_S)]) == [(NOW - 5, NOW + 600 * NS_PER_S)]


def test_trading_inside_an_announced_slot_is_a_contradiction_and_the_slot_holds() -> None:
    inside = THURSDAY[0] + 3_600 * NS_PER_S

    resolved = resolve([weekly_word(inside)], THURSDAY[0] - 1, inside)

    assert (resolved.maintenances[0].from_ns, resolved.maintenances[0].to_ns) == THURSDAY
    assert [told for told in resolved.contradictions if "says that it trades" in told]


# The status page


def test_a_slot_that_only_the_status_page_names_is_believed_until_the_venue_traded_through_ten_minutes_of_it() -> None:
    words = [slot("statuspage", NOON, "Upgrade")]
    nearly, then = NOON[0] + 600 * NS_PER_S - 1, NOON[0] + 600 * NS_PER_S

    assert spans(words, NOW, nearly) == [NOON]
    assert spans(words, NOW, then) == []
    assert spans(words, 0, then) == [NOON]
    assert spans(words, then - 599 * NS_PER_S, then) == [NOON]
    assert "not believed" in resolve(words, NOW, then).contradictions[0]
    assert resolve(words, NOW, NOON[1]).contradictions == ()


def test_a_slot_that_somebody_else_names_too_isnt_taken_back() -> None:
    then = NOON[0] + 601 * NS_PER_S

    longer = (NOON[0], NOON[1] + 1_800 * NS_PER_S)

    assert spans([slot("statuspage", longer), slot("operator", NOON)], NOW, then) == [longer]


def test_a_page_that_lists_nothing_contradicts_a_listed_window_but_not_the_weekly_pause() -> None:
    page = SourceWord("statuspage", (), NOW, lists_until_ns=NOW + 8 * 86_400 * NS_PER_S)

    told = resolve([page, schedule_word([NOON], [hours()], NOW)], 0, NOW).contradictions

    assert f"schedule says {span(*NOON)}, statuspage lists nothing then" in told
    assert resolve([page, weekly_word(NOW), schedule_word([], [hours()], NOW)], 0, NOW).contradictions == ()


def test_a_schedule_without_the_weekly_pause_contradicts_the_rule_unless_it_cant_be_read() -> None:
    word = schedule_word([], [hours((DAY,) * 7)], NOW)
    unread = SourceWord("schedule", word.slots, word.heard_ns, "http 503", word.lists_until_ns)

    assert [told for told in resolve([weekly_word(NOW), word], 0, NOW).contradictions if "schedule lists nothing then" in told]
    assert resolve([weekly_word(NOW), unread], 0, NOW).contradictions == ()


def test_what_the_operator_alone_knows_contradicts_nobody() -> None:
    assert resolve([slot("operator", NOON), schedule_word([], [hours()], NOW), weekly_word(NOW)], 0, NOW).contradictions == ()


# For people


def test_times_are_told_in_new_york_with_the_zone_in_force() -> None:
    assert span(*THURSDAY) == "Thu 2026-11-26 03:00 to 05:00 EST"
    assert (
        span(at("2026-10-31T23:00:00-04:00"), at("2026-11-01T01:30:07-05:00")) == "Sat 2026-10-31 23:00 EDT to Sun 2026-11-01 01:30:07 EST"
    )
    assert span(NOON[0], OPEN_END_NS) == "Tue 2026-11-24 12:00 EST to open end"


def test_a_pause_without_an_end_doesnt_swallow_what_comes_later() -> None:
    assert spans([paused(NOW - 5), weekly_word(NOW)])[:2] == [(NOW - 5, OPEN_END_NS), THURSDAY]


def test_a_pause_is_longer_than_announced_only_once_it_was_seen_behind_the_end() -> None:
    behind = THURSDAY[1] + NS_PER_S
    last_seen = SourceWord("status", (Slot(THURSDAY[0] + 1, OPEN_END_NS, "status", "trading paused"),), THURSDAY[1] - 1)

    assert spans([weekly_word(behind), last_seen], utc_ns=behind)[0][0] > behind


def test_what_ended_as_listed_stays_when_it_isnt_listed_any_more_and_what_is_taken_back_goes() -> None:
    before = SourceWord("schedule", (Slot(NOW - 10, NOW, "schedule", "a"), Slot(NOW - 5, NOW + 5, "schedule", "b")), NOW - 20)
    ages = SourceWord("schedule", (Slot(NOW - 10, NOW - 86_400 * NS_PER_S, "schedule", "a"),), NOW - 20)

    assert [one.name for one in with_past(SourceWord("schedule"), before, NOW).slots] == ["a"]
    assert with_past(SourceWord("schedule"), ages, NOW).slots == ()
    assert with_past(SourceWord("schedule"), None, NOW).slots == ()
