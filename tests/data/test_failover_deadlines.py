"""The failover's timer: obeying it finds every change at its instant, and it is never due in the past."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.config import FeedsConfig
from kalshi_alpha.data.failover import DualFeedFailover
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import IndexTicked
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Leg, Symbol
from tests.data.feeds import LEVELS, MONO_NS, START_MS, leg_config

MS = 1_000_000
LAST_MS = 30_000
END_MS = 45_000
"""After the last value, long enough for all to be stale."""
Arrival = tuple[int, Leg, Symbol, int]
"""(when in ms, leg, symbol, stamp in ms)."""
Limits = dict[Leg, int]
SLOS = st.sampled_from([(2_000, 2_000), (1_200, 3_000), (3_000, 1_200), (1_200, 1_200)])


EDGES = st.sampled_from([1_199, 1_200, 1_201, 1_999, 2_000, 2_001, 3_000, 3_001])
OUTAGES = st.dictionaries(st.integers(0, 12), st.one_of(EDGES, st.integers(1, 5_000)), max_size=2)
LAGS = st.dictionaries(st.integers(0, 25), st.integers(0, 3_500), max_size=2)


@st.composite
def days(draw: st.DrawFn) -> list[Arrival]:
    """Return half a minute of both legs: a value a second but for some gaps, around the limits more often than not, and some lags."""
    found: list[Arrival] = []
    for leg in LEGS:
        for symbol in SYMBOLS:
            when, step = (
                draw(st.sampled_from([20, 20, 20, 20, 1_500, 9_000])),
                draw(st.sampled_from([1_000, 1_000, 1_000, 1_000, 700, 1_600])),
            )
            gaps, lags = draw(OUTAGES), draw(LAGS)
            for number in range(31):
                when += gaps.get(number, step)
                if when < LAST_MS:
                    found.append((when, leg, symbol, when - lags.get(number, 20)))
    return sorted(found)


def at(mono_ns: int) -> Now:
    return Now(utc_ns=START_MS * MS + mono_ns, mono_ns=MONO_NS + mono_ns)


class Player:
    """Plays a day into the failover: a decision after each value, at each deadline, and on a grid if asked."""

    def __init__(self, limits: tuple[int, int]) -> None:
        polygon, massive = (leg_config(slo_ms) for slo_ms in limits)
        self.failover = DualFeedFailover(FeedsConfig(polygon=polygon, massive=massive))
        self.changes: list[tuple[int, str, str]] = []
        self.looks = 0
        self.played: list[Arrival] = []

    def play(self, day: list[Arrival], grid_ms: int | None = None, watch: Callable[[int], None] | None = None) -> None:
        grid = iter(()) if grid_ms is None else iter(range(0, END_MS * MS, grid_ms * MS))
        look_ns = next(grid, None)
        for when, leg, symbol, stamp in [*day, (END_MS, None, None, 0)]:
            while (due_ns := self._due(look_ns)) is not None and due_ns < when * MS:
                if look_ns is not None and look_ns <= due_ns:
                    look_ns = next(grid, None)
                    self.failover._changed = True  # Else it would trust the very deadline in question.
                self.look(due_ns)
                if watch is not None:
                    watch(due_ns)
            if leg is not None and symbol is not None:
                if watch is not None:
                    watch(when * MS)  # before anybody has decided
                self.played.append((when, leg, symbol, stamp))
                self.failover.ingest(IndexTicked(leg, symbol, LEVELS[symbol], START_MS + stamp), at(when * MS))
                self.look(when * MS)

    def look(self, mono_ns: int) -> None:
        self.looks += 1
        self.changes += [(mono_ns, switch.symbol, switch.active) for switch in self.failover.evaluate(at(mono_ns))]
        due_ns = self.failover.next_deadline_ns()
        assert due_ns is None or due_ns > MONO_NS + mono_ns, "due in the past: the driver would spin"

    def _due(self, look_ns: int | None) -> int | None:
        deadline_ns = self.failover.next_deadline_ns()
        times = [time_ns for time_ns in (look_ns, None if deadline_ns is None else deadline_ns - MONO_NS) if time_ns is not None]
        return min(times, default=None)


@given(days(), SLOS)
def test_looking_every_ten_milliseconds_finds_nothing_the_timer_does_not(day: list[Arrival], limits: tuple[int, int]) -> None:
    obeying, restless = Player(limits), Player(limits)

    obeying.play(day)
    restless.play(day, grid_ms=10)

    assert obeying.changes == restless.changes


@given(days(), SLOS)
def test_the_timer_ends_and_costs_few_looks(day: list[Arrival], limits: tuple[int, int]) -> None:
    player = Player(limits)

    player.play(day)

    # A value makes each leg's symbol stale once and steady once, and its merged value old once.
    assert player.looks <= 4 * len(day)
    assert player.failover.next_deadline_ns() is None
    assert player.failover.active == "none"


@given(days(), SLOS)
def test_nobody_is_served_when_every_legs_last_arrival_is_beyond_its_limit(day: list[Arrival], limits: tuple[int, int]) -> None:
    player = Player(limits)
    slo_ms: Limits = dict(zip(LEGS, limits, strict=True))

    def watch(mono_ns: int) -> None:
        for symbol in SYMBOLS:
            heard = [(leg, when) for when, leg, name, _ in player.played if name == symbol]
            if all(mono_ns - when * MS > slo_ms[leg] * MS for leg, when in heard):
                assert player.failover.health(symbol, at(mono_ns)).serving == "none"

    player.play(day, grid_ms=250, watch=watch)


@given(days(), SLOS)
def test_polygon_takes_over_from_massive_only_after_five_seconds_of_raw_arrivals(day: list[Arrival], limits: tuple[int, int]) -> None:
    player = Player(limits)

    player.play(day)

    for symbol in SYMBOLS:
        changes = [(mono_ns, active) for mono_ns, name, active in player.changes if name == symbol]
        cold_until_ns = changes[0][0] + 5_000 * MS if changes else 0
        for (_, before), (back_ns, active) in pairwise(changes):
            if (before, active) == ("massive", "polygon") and back_ns >= cold_until_ns:
                heard = [when * MS for when, leg, name, _ in day if (leg, name) == ("polygon", symbol) and when * MS <= back_ns]
                first = max(n for n, when_ns in enumerate(heard) if when_ns <= back_ns - 5_000 * MS)
                gaps = [after - earlier for earlier, after in pairwise([*heard[first:], back_ns])]
                assert max(gaps) <= limits[0] * MS


def test_health_tells_of_silence_before_anybody_has_decided() -> None:
    player = Player((2_000, 2_000))
    for leg in LEGS:
        for symbol in SYMBOLS:
            player.failover.ingest(IndexTicked(leg, symbol, LEVELS[symbol], START_MS), at(30 * MS))
    player.look(30 * MS)

    served = [player.failover.health("I:SPX", at(age_ns)).serving for age_ns in (2_030 * MS, 2_030 * MS + 1)]

    assert served == ["polygon", "none"]
