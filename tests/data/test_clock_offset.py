"""The interval always holds the true offset, narrows with stamps, follows a step at once and drops what contradicts itself."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.data.clock_offset import ClockOffset, OffsetInterval
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now

UTC_NS = 1_795_445_000 * NS_PER_S
MONO_NS = 55_000 * NS_PER_S
MS = NS_PER_MS


def at(seconds: float, wall_off_ns: int = 0) -> Now:
    """Return our clocks at an instant of the other clock's ``UTC_NS + seconds``."""
    passed_ns = int(seconds * NS_PER_S)
    return Now(UTC_NS + passed_ns + wall_off_ns, MONO_NS + passed_ns)


def stamp_ns(seconds: float, resolution_ns: int) -> int:
    return (UTC_NS + int(seconds * NS_PER_S)) // resolution_ns * resolution_ns


def exchange(clock: ClockOffset, seconds: float, there_s: float = 0.02, back_s: float = 0.03, resolution_ns: int = MS) -> None:
    stamp = stamp_ns(seconds + there_s, resolution_ns)
    clock.exchanged(at(seconds).mono_ns, at(seconds + there_s + back_s).mono_ns, stamp, resolution_ns)


def test_without_a_stamp_nothing_is_known() -> None:
    interval = ClockOffset().interval(at(0))

    assert interval == OffsetInterval(None, None)
    assert interval.state == "unknown"


def test_one_exchange_bounds_the_offset_by_its_round_trip_and_the_stamps_resolution() -> None:
    clock = ClockOffset()

    exchange(clock, 0.0, there_s=0.02, back_s=0.03)

    # Sent 20 ms before the stamp, which is good to 1 ms; received 30 ms after it. In those 50 ms the clocks drift apart by 25 us at most.
    assert clock.interval(at(0.05)) == OffsetInterval(-21_025_000, 30 * MS)
    assert clock.interval(at(0.05, 400 * MS)) == OffsetInterval(378_975_000, 430 * MS)


def test_a_bound_widens_by_the_drift_of_its_age() -> None:
    clock = ClockOffset()
    exchange(clock, 0.0)

    # 500 ppm of 100 s are 50 ms.
    assert clock.interval(at(100.05)) == OffsetInterval(-71_025_000, 80 * MS)


def test_bounds_end_with_the_window_and_the_next_best_take_over() -> None:
    clock = ClockOffset()
    exchange(clock, 0.0, 0.001, 0.001)
    exchange(clock, 60.0, 0.100, 0.100)

    before, after, none = (clock.interval(at(seconds)) for seconds in (119.0, 121.0, 181.0))

    assert before.low_ns is not None
    assert after.low_ns is not None
    assert before.low_ns > -62 * MS > -131 * MS > after.low_ns
    assert none == OffsetInterval(None, None)


def test_a_second_is_enough_resolution_when_stamps_come_at_many_places_of_it() -> None:
    clock = ClockOffset()

    widths = []
    for step in range(40):
        exchange(clock, step * 1.37, 0.01, 0.01, NS_PER_S)
        interval = clock.interval(at(step * 1.37 + 0.02))
        assert interval.low_ns is not None
        assert interval.high_ns is not None
        widths.append(interval.high_ns - interval.low_ns)

    assert widths[0] == 1_020_010_000
    assert widths[-1] < 120 * MS


def test_a_one_way_message_bounds_one_side() -> None:
    clock = ClockOffset()

    clock.heard(at(0.04).mono_ns, stamp_ns(0.0, MS))

    assert clock.interval(at(0.04)) == OffsetInterval(None, 40 * MS)
    assert clock.interval(at(0.04, -1_040 * MS)).state == "stand_down"


def test_a_step_of_the_wall_clock_shows_at_once_and_in_full() -> None:
    clock = ClockOffset()
    exchange(clock, 0.0)

    states = [clock.interval(at(1.0, wall_off_ns)).state for wall_off_ns in (0, 2 * NS_PER_S, -2 * NS_PER_S, 400 * MS, 0)]

    assert states == ["fine", "stand_down", "stand_down", "warn", "fine"]


@pytest.mark.parametrize(
    ("low_ms", "high_ms", "state"),
    [
        (-249, 249, "fine"),
        (249, 900, "fine"),
        (250, 999, "warn"),
        (-999, -250, "warn"),
        (-999, 999, "fine"),
        (-1_000, 0, "unknown"),
        (0, 1_000, "unknown"),
        (999, 1_500, "unknown"),
        (1_000, 1_500, "stand_down"),
        (-1_500, -1_000, "stand_down"),
        (-1_500, -999, "unknown"),
        (None, -1_000, "stand_down"),
        (1_000, None, "stand_down"),
        (None, 0, "unknown"),
        (0, None, "unknown"),
    ],
)
def test_it_warns_when_surely_off_and_allows_what_is_surely_within_a_second(low_ms: int | None, high_ms: int | None, state: str) -> None:
    interval = OffsetInterval(None if low_ms is None else low_ms * MS, None if high_ms is None else high_ms * MS)

    assert interval.state == state


@pytest.mark.parametrize("moved_s", [-3.0, 3.0])
def test_bounds_that_contradict_each_other_are_dropped_but_for_the_newest(moved_s: float) -> None:
    clock = ClockOffset()
    exchange(clock, 0.0)

    sent, received = at(10.0).mono_ns, at(10.05).mono_ns
    clock.exchanged(sent, received, stamp_ns(10.02 + moved_s, MS), MS)

    interval = clock.interval(at(10.05))
    assert clock.contradictions == 1
    assert interval.state == "stand_down"
    assert interval == OffsetInterval(-21_025_000 - int(moved_s * NS_PER_S), 30 * MS - int(moved_s * NS_PER_S))


def test_a_message_from_the_future_contradicts_as_well() -> None:
    clock = ClockOffset()
    exchange(clock, 0.0)

    clock.heard(at(1.0).mono_ns, stamp_ns(2.5, MS))

    assert clock.contradictions == 1
    assert clock.interval(at(1.0)) == OffsetInterval(None, -1_500 * MS)


def test_what_is_forgotten_is_unknown() -> None:
    clock = ClockOffset()
    exchange(clock, 0.0)

    clock.forget()

    assert clock.interval(at(0.1)).state == "unknown"


def test_what_is_taken_over_replaces_what_is_known() -> None:
    clock, later = ClockOffset(), ClockOffset()
    exchange(clock, 0.0)
    exchange(later, 5.0, there_s=90.0)

    later.take_over(*clock.bounds(at(10.0).mono_ns), at(10.0).mono_ns)

    assert later.interval(at(20.0)) == clock.interval(at(20.0))
    assert later.contradictions == 0


DELAY_NS = st.integers(0, 3 * NS_PER_S)
STEP = st.tuples(
    st.integers(0, 40 * NS_PER_S), DELAY_NS, DELAY_NS, st.sampled_from([1, MS, NS_PER_S, None]), st.integers(-600, 600), st.booleans()
)


@given(
    st.lists(STEP, min_size=1, max_size=25),
    st.integers(-500, 500),
    st.integers(-10 * NS_PER_S, 10 * NS_PER_S),
)
def test_the_true_offset_is_always_inside(steps: list[tuple[int, int, int, int | None, int, bool]], ppm: int, wall_ns: int) -> None:
    """Their clock gains ``ppm`` on our monotonic one; messages take any time each way; the wall clock steps, we restart as we like."""
    clock = ClockOffset()

    def theirs_ns(mono_ns: int) -> int:
        return UTC_NS + mono_ns - MONO_NS + (mono_ns - MONO_NS) * ppm // 1_000_000

    mono_ns = MONO_NS
    for pause_ns, there_ns, back_ns, resolution_ns, wall_ms, restarts in steps:
        if restarts:
            known, clock = clock, ClockOffset()
            clock.take_over(*known.bounds(mono_ns), mono_ns)
        sent_ns = mono_ns + pause_ns
        met_ns, mono_ns = sent_ns + there_ns, sent_ns + there_ns + back_ns
        if resolution_ns is None:
            clock.heard(mono_ns, theirs_ns(met_ns) // MS * MS)
        else:
            clock.exchanged(sent_ns, mono_ns, theirs_ns(met_ns) // resolution_ns * resolution_ns, resolution_ns)
        now = Now(UTC_NS + mono_ns - MONO_NS + wall_ns + wall_ms * MS, mono_ns)

        interval = clock.interval(now)

        truth_ns = now.utc_ns - theirs_ns(mono_ns)
        assert interval.low_ns is None or interval.low_ns <= truth_ns
        assert interval.high_ns is None or truth_ns <= interval.high_ns
        if abs(truth_ns) >= NS_PER_S:
            assert interval.state in {"stand_down", "unknown"}
    assert clock.contradictions == 0


@given(st.lists(st.tuples(st.integers(0, 20 * NS_PER_S), st.integers(0, NS_PER_S), st.integers(0, NS_PER_S)), min_size=2, max_size=40))
def test_what_is_kept_gives_the_same_interval_as_everything(steps: list[tuple[int, int, int]]) -> None:
    """The slow, obvious way: every bound of the last 120 s, widened by its age."""
    clock = ClockOffset()
    bounds: list[tuple[int, int, int, int]] = []
    mono_ns = 0
    for pause_ns, there_ns, back_ns in steps:
        sent_ns, mono_ns = mono_ns + pause_ns, mono_ns + pause_ns + there_ns + back_ns
        clock.exchanged(sent_ns, mono_ns, sent_ns + there_ns, 0)
        bounds.append((sent_ns, mono_ns, -there_ns, back_ns))

        found = clock.interval(Now(mono_ns, mono_ns))

        low_ns = max(low - (mono_ns - sent) * 500 / 1e6 for sent, _, low, _ in bounds if mono_ns - sent <= 120 * NS_PER_S)
        high_ns = min(high + (mono_ns - got) * 500 / 1e6 for _, got, _, high in bounds if mono_ns - got <= 120 * NS_PER_S)
        assert found.low_ns == pytest.approx(low_ns, abs=2)
        assert found.high_ns == pytest.approx(high_ns, abs=2)


def test_drift_beyond_the_allowance_is_noticed_as_a_contradiction() -> None:
    clock = ClockOffset()
    counts = []
    for step in range(60):
        mono_ns = MONO_NS + step * 10 * NS_PER_S
        gained_ns = step * 10 * NS_PER_S // 100  # one per cent
        clock.exchanged(mono_ns, mono_ns + 10 * MS, UTC_NS + mono_ns - MONO_NS + gained_ns, MS)
        counts.append(clock.contradictions)

    assert counts[-1] > 50
    assert all(later >= earlier for earlier, later in pairwise(counts))
