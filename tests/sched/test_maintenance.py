"""The autopilot: nothing rests when it shouldn't, and only green gates lead back to quoting."""

from datetime import datetime

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kalshi_alpha.model.clock import NS_PER_S, utc_ns_of
from kalshi_alpha.model.maintenance import OPEN_END_NS, Gate, Slot
from kalshi_alpha.sched.maintenance import MaintenancePilot, Sight, Step
from kalshi_alpha.sched.maintenance_calendar import Maintenance

START = utc_ns_of(datetime.fromisoformat("2026-11-26T03:00:00-05:00"))
END = START + 7_200 * NS_PER_S
MINUTE = 60 * NS_PER_S
HOUR = 3_600 * NS_PER_S
GREEN = (Gate("status", green=True, note="active"), Gate("feeds", green=True, note="fresh"))
RED = (Gate("status", green=True, note="active"), Gate("feeds", green=False, note="none"))


def maintenance(from_ns: int = START, to_ns: int = END, source: str = "operator", name: str = "op-1") -> Maintenance:
    return Maintenance(from_ns, to_ns, (Slot(from_ns, to_ns, source, name),))  # type: ignore[arg-type]  # a name of the closed list


class Drive:
    """A pilot and what it sees."""

    def __init__(self, *, needs_operator: bool = False) -> None:
        self.pilot = MaintenancePilot(needs_operator=needs_operator, rearm_ns=300 * NS_PER_S)
        self.calendar: tuple[Maintenance, ...] = (maintenance(),)
        self.live, self.empty_ns = 0, 0
        self.gates: tuple[Gate, ...] = RED
        self.taken: list[Step] = []

    def at(self, utc_ns: int) -> list[str]:
        calendar = tuple(one for one in self.calendar if one.to_ns > utc_ns)
        steps = self.pilot.step(Sight(calendar, self.live, self.empty_ns, self.gates), utc_ns)
        self.taken += steps
        return [step.fact for step in steps]

    def armed(self) -> "Drive":
        self.at(START - HOUR)
        assert self.at(START - 5 * MINUTE) == ["cancelling"]
        return self

    def inside(self) -> "Drive":
        self.armed()
        self.empty_ns = START - 4 * MINUTE
        assert self.at(START - 4 * MINUTE) == ["verified"]
        assert self.at(START) == ["maintenance"]
        return self


def test_a_maintenance_goes_through_every_step_at_its_time() -> None:
    drive = Drive()
    seen = {minutes: drive.at(START + minutes * MINUTE) for minutes in (-1441, -1440, -31, -30, -6, -5)}
    drive.live = 3
    seen[-4] = drive.at(START - 4 * MINUTE)
    drive.live, drive.empty_ns = 0, START - 4 * MINUTE
    seen |= {minutes: drive.at(START + minutes * MINUTE) for minutes in (-3, -1, 0, 119, 120)}
    drive.gates = GREEN
    seen |= {minutes: drive.at(START + minutes * MINUTE) for minutes in (121, 125, 126)}

    assert {minutes: facts for minutes, facts in seen.items() if facts} == {
        -1440: ["announced"],
        -30: ["housekeeping"],
        -5: ["cancelling"],
        -3: ["verified"],
        0: ["maintenance"],
        120: ["confirming"],
        121: ["rearmed"],
        126: ["clear"],
    }


def test_nothing_may_rest_from_five_minutes_before_the_next_start() -> None:
    drive = Drive()
    before = drive.pilot.no_rest_after_ns()
    drive.at(START - HOUR)

    assert before is None
    assert drive.pilot.no_rest_after_ns() == START - 5 * MINUTE


@pytest.mark.parametrize(("live", "empty_ns"), [(1, START - 3 * MINUTE), (0, START - 5 * MINUTE - 1), (0, 0)])
def test_what_isnt_proven_empty_two_minutes_before_is_escalated_once_and_tried_on(live: int, empty_ns: int) -> None:
    drive = Drive().armed()
    drive.live, drive.empty_ns = live, empty_ns

    assert drive.at(START - 2 * MINUTE - 1) == []
    assert drive.at(START - 2 * MINUTE) == ["escalated"]
    assert drive.at(START - MINUTE) == []
    assert drive.at(START) == ["maintenance"]
    drive.live, drive.empty_ns = 0, START + 1
    assert drive.at(START + 2) == ["verified"]
    assert drive.pilot.phase == "maintenance"


def test_an_escalated_one_that_is_proven_in_time_is_verified() -> None:
    drive = Drive().armed()
    drive.at(START - 2 * MINUTE)
    drive.empty_ns = START - MINUTE

    assert drive.at(START - MINUTE) == ["verified"]
    assert drive.pilot.phase == "verified"


def test_a_wall_clock_put_back_keeps_no_proof_from_counting() -> None:
    drive = Drive()
    drive.calendar = (maintenance(START - 2 * HOUR, OPEN_END_NS, "status"),)
    assert drive.at(START) == ["cancelling"]
    drive.empty_ns = START - HOUR

    assert drive.at(START - HOUR) == ["verified", "maintenance"]


def test_a_wall_clock_put_back_makes_neither_the_confirming_nor_the_reduced_size_longer() -> None:
    drive = Drive().inside()
    drive.calendar = ()
    assert drive.at(END) == ["confirming"]
    back_ns = END - HOUR
    drive.at(back_ns)
    assert drive.pilot.ended_ns == back_ns
    drive.gates = GREEN
    assert drive.at(END) == ["rearmed"]

    assert drive.at(back_ns) == []
    assert drive.at(back_ns + 5 * MINUTE) == ["clear"]


# Followed wherever it goes


def test_a_slot_moved_later_before_its_half_hour_is_announced_again_only_as_moved() -> None:
    drive = Drive()
    drive.at(START - HOUR)
    drive.calendar = (maintenance(START + 3 * HOUR, END + 3 * HOUR),)

    assert drive.at(START - HOUR) == ["changed"]
    assert "moved" in drive.taken[-1].title
    assert drive.pilot.phase == "announced"
    assert drive.at(START) == []


def test_housekeeping_isnt_repeated_for_a_slot_that_moves_on_by_an_hour() -> None:
    drive = Drive()
    drive.at(START - HOUR)
    drive.at(START - 30 * MINUTE)
    drive.calendar = (maintenance(START + HOUR, END + HOUR),)

    assert drive.at(START - 20 * MINUTE) == ["changed"]
    assert drive.at(START + 30 * MINUTE) == []
    assert drive.pilot.phase == "housekeeping"
    drive.calendar = (maintenance(START + 8 * HOUR, END + 8 * HOUR),)
    assert drive.at(START + 31 * MINUTE) == ["changed"]
    assert drive.at(START + 8 * HOUR - 30 * MINUTE) == ["housekeeping"]


def test_a_slot_moved_earlier_cancels_at_once() -> None:
    drive = Drive()
    drive.at(START - HOUR)
    drive.calendar = (maintenance(START - 56 * MINUTE),)

    assert drive.at(START - HOUR) == ["changed", "cancelling"]


@pytest.mark.parametrize(
    "calendar", [(), (maintenance(START + 6 * HOUR, END + 6 * HOUR),), (maintenance(START + 24 * HOUR, END + 24 * HOUR, name="2"),)]
)
def test_one_cancelled_or_moved_at_the_last_minute_is_confirmed_before_quoting(calendar: tuple[Maintenance, ...]) -> None:
    drive = Drive().armed()
    drive.calendar = calendar

    assert drive.at(START - 4 * MINUTE) == ["changed", "confirming"]
    assert drive.pilot.stands_down
    drive.gates = GREEN
    assert drive.at(START - 3 * MINUTE) == ["rearmed"]
    assert not drive.pilot.stands_down


def test_extended_and_shortened_while_it_runs() -> None:
    drive = Drive().inside()
    drive.gates = GREEN
    drive.calendar = (maintenance(to_ns=END + HOUR),)

    assert drive.at(START + HOUR) == ["changed"]
    assert "extended" in drive.taken[-1].title
    assert drive.at(END + 1) == []
    drive.calendar = (maintenance(to_ns=END + 10 * MINUTE),)
    assert drive.at(END + 2) == ["changed"]
    assert "shortened" in drive.taken[-1].title
    assert drive.at(END + 10 * MINUTE) == ["confirming", "rearmed"]


def test_a_cancelled_announcement_is_told_and_forgotten() -> None:
    drive = Drive()
    drive.at(START - HOUR)
    drive.calendar = ()

    assert drive.at(START - 50 * MINUTE) == ["changed"]
    assert drive.pilot.phase == "clear"
    assert drive.pilot.next_deadline_ns(START) is None


def test_one_that_vanishes_while_it_runs_is_over() -> None:
    drive = Drive().inside()
    drive.calendar = ()

    assert drive.at(START + HOUR) == ["confirming"]


def test_the_next_one_near_the_end_of_this_one_doesnt_let_quoting_through() -> None:
    drive = Drive().inside()
    drive.gates = GREEN
    drive.calendar = (maintenance(), maintenance(END + 4 * MINUTE, END + HOUR, name="2"))

    drive.at(END)
    assert drive.pilot.stands_down
    drive.at(END + 4 * MINUTE)
    assert drive.pilot.stands_down
    assert "rearmed" not in [step.fact for step in drive.taken]


@pytest.mark.parametrize("gates", [RED, GREEN])
def test_a_new_one_while_confirming_or_rearmed_stands_down_again(gates: tuple[Gate, ...]) -> None:
    drive = Drive().inside()
    drive.gates = gates
    drive.at(END)
    drive.calendar = (maintenance(END + 5 * MINUTE, END + HOUR, name="2"),)

    assert drive.at(END + 1) == ["cancelling"]
    assert not drive.pilot.is_empty_proven


def test_one_that_wasnt_over_after_all_goes_on_without_a_new_proof() -> None:
    drive = Drive(needs_operator=True).inside()
    drive.gates = GREEN
    drive.at(END)
    drive.pilot.confirm("owner")
    drive.calendar = (maintenance(to_ns=END + HOUR),)

    assert drive.at(END + 1) == ["changed"]
    assert drive.pilot.phase == "maintenance"
    assert drive.pilot.is_empty_proven
    assert drive.at(END + HOUR) == ["confirming"]
    assert drive.pilot.needs_confirmation


# Nobody announced it


def pause(seen_ns: int) -> Maintenance:
    return maintenance(seen_ns, OPEN_END_NS, "status", "exchange paused")


def test_a_pause_that_nobody_announced_takes_the_same_path_from_the_moment_it_is_seen() -> None:
    drive = Drive()
    drive.calendar = (pause(START),)

    assert drive.at(START) == ["cancelling"]
    assert "nobody announced" in drive.taken[-1].title
    drive.empty_ns = START + 2
    assert drive.at(START + 3) == ["verified", "maintenance"]
    drive.calendar, drive.gates = (), GREEN
    assert drive.at(START + HOUR) == ["confirming", "rearmed"]


def test_orders_that_may_rest_three_minutes_into_it_are_escalated() -> None:
    drive = Drive()
    drive.calendar, drive.live = (pause(START),), 1
    drive.at(START)

    assert drive.at(START + 3 * MINUTE - 1) == []
    assert drive.at(START + 3 * MINUTE) == ["escalated", "maintenance"]


def test_a_process_started_inside_a_silent_maintenance_isnt_alarmed_by_the_silence() -> None:
    drive = Drive()

    assert drive.at(START + HOUR) == ["cancelling"]
    assert "Inside" in drive.taken[-1].title
    assert drive.pilot.expects_silence(START + HOUR)
    assert drive.at(START + HOUR + 3 * MINUTE) == ["maintenance"]
    drive.gates = GREEN
    assert drive.at(END) == ["confirming", "rearmed"]
    assert not drive.pilot.expects_silence(END)


def test_silence_is_an_alarm_before_the_start() -> None:
    drive = Drive().armed()

    assert not drive.pilot.expects_silence(START - 1)
    assert drive.pilot.expects_silence(START)


# The way back


def test_an_operator_who_must_confirm_can_do_so_only_after_the_end_and_only_for_this_one() -> None:
    drive = Drive(needs_operator=True).inside()
    early = drive.pilot.confirm("owner")
    drive.gates = GREEN
    drive.at(END)

    assert not early
    assert drive.pilot.needs_confirmation
    assert drive.at(END + 1) == []
    assert drive.pilot.confirm("owner")
    assert drive.at(END + 2) == ["rearmed"]
    assert drive.taken[-1].proof["confirmed_by"] == "owner"
    drive.calendar = (maintenance(END + HOUR, END + 2 * HOUR, name="2"),)
    drive.at(END + 55 * MINUTE)
    drive.at(END + 2 * HOUR)
    assert drive.pilot.needs_confirmation


def test_a_confirmation_doesnt_turn_a_red_gate_green() -> None:
    drive = Drive(needs_operator=True).inside()
    drive.at(END)
    drive.pilot.confirm("owner")

    assert drive.at(END + 1) == []


@pytest.mark.parametrize(("gates", "needs_operator", "words"), [(RED, False, "red: feeds"), (GREEN, True, "operator's confirmation")])
def test_what_doesnt_come_back_in_ten_minutes_is_told_once(gates: tuple[Gate, ...], needs_operator: bool, words: str) -> None:
    drive = Drive(needs_operator=needs_operator).inside()
    drive.gates = gates
    drive.at(END)

    assert drive.pilot.next_deadline_ns(END) == END + 10 * MINUTE
    assert drive.at(END + 10 * MINUTE) == ["overdue"]
    assert words in drive.taken[-1].title
    assert drive.at(END + 20 * MINUTE) == []


def test_a_restart_goes_on_confirming() -> None:
    drive = Drive()
    drive.calendar = ()
    drive.pilot.resume(END)

    assert drive.at(END + 1) == []
    assert drive.pilot.stands_down
    drive.gates = GREEN
    assert drive.at(END + 2) == ["rearmed"]


def test_what_is_announced_during_the_reduced_minutes_is_told_after_them() -> None:
    drive = Drive().inside()
    drive.gates = GREEN
    drive.at(END)
    drive.calendar = (maintenance(END + 20 * HOUR, END + 21 * HOUR, name="2"),)

    assert drive.at(END + MINUTE) == []
    assert drive.at(END + 5 * MINUTE) == ["clear", "announced"]


class Machine(RuleBasedStateMachine):
    """Any calendar that changes in any way: the promises hold at every step."""

    @initialize(needs_operator=st.booleans())
    def begin(self, needs_operator: bool) -> None:
        self.drive = Drive(needs_operator=needs_operator)
        self.drive.calendar = ()
        self.needs_operator = needs_operator
        self.confirmed = False
        self.now = START
        self.look()

    def look(self) -> None:
        was_down = self.drive.pilot.stands_down
        facts = self.drive.at(self.now)
        if was_down and not self.drive.pilot.stands_down:
            assert all(gate.green for gate in self.drive.gates)
            assert self.confirmed or not self.needs_operator
            assert "rearmed" in facts
        if "verified" in facts:
            assert self.drive.live == 0
            assert self.drive.empty_ns >= self.drive.pilot.armed_ns or "rearmed" in facts
        if "cancelling" in facts or "changed" in facts:
            self.confirmed = self.confirmed and bool(self.drive.pilot.confirmed_by)

    @rule(minutes=st.sampled_from([0, 1, 2, 4, 6, 20, 40, 200]), later=st.integers(1, NS_PER_S))
    def pass_time(self, minutes: int, later: int) -> None:
        self.now += minutes * MINUTE + later
        self.look()

    @rule(ahead=st.sampled_from([-3, -1, 0, 1, 4, 6, 10, 31, 90]), length=st.sampled_from([2, 30, 120]), count=st.integers(0, 2))
    def announce(self, ahead: int, length: int, count: int) -> None:
        found, at_ns = [], self.now + ahead * MINUTE
        for number in range(count):
            found.append(maintenance(at_ns, at_ns + length * MINUTE, name=f"op-{number}"))
            at_ns += (length + 3) * MINUTE
        self.drive.calendar = tuple(found)
        self.look()

    @rule(live=st.integers(0, 2), known=st.booleans())
    def read(self, live: int, known: bool) -> None:
        self.drive.live, self.drive.empty_ns = live, self.now if known and not live else 0
        self.look()

    @rule(green=st.booleans())
    def turn(self, green: bool) -> None:
        self.drive.gates = GREEN if green else RED
        self.look()

    @rule()
    def confirm(self) -> None:
        self.confirmed = self.drive.pilot.confirm("owner") or self.confirmed
        self.look()

    @rule()
    def follow_the_deadline(self) -> None:
        due_ns = self.drive.pilot.next_deadline_ns(self.now)
        if due_ns is not None:
            assert due_ns > self.now
            self.now = due_ns
            self.look()

    @invariant()
    def nothing_may_rest_near_or_inside(self) -> None:
        for one in self.drive.calendar:
            if one.from_ns - 5 * MINUTE <= self.now < one.to_ns:
                assert self.drive.pilot.stands_down

    @invariant()
    def time_alone_never_has_an_unseen_effect(self) -> None:
        """Until the next deadline nothing happens by itself."""
        pilot = self.drive.pilot
        due_ns = pilot.next_deadline_ns(self.now)
        before = pilot.phase
        self.now = self.now + 7 * 24 * HOUR if due_ns is None else due_ns - 1
        self.look()
        assert pilot.phase == before


TestMachine = Machine.TestCase
