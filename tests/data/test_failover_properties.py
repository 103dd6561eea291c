"""For any arrivals: nothing is served beyond its SLO, and nobody comes back without five seconds in a row, by the raw arrivals alone."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.model.events import IndexTicked
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Leg, Symbol
from tests.data.feeds import MONO_NS, START_MS, Feeds, at

SLO_S = 2.0
RECOVERY_S = 5.0


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[float, Leg, Symbol, int]]:
    """Return half a minute of one-a-second values of both legs with outages, lateness and lost values: (when, leg, symbol, stamp ms)."""
    found: list[tuple[float, Leg, Symbol, int]] = []
    for leg in LEGS:
        for symbol in SYMBOLS:
            outages = draw(st.lists(st.tuples(st.integers(0, 35), st.integers(1, 8)), max_size=3))
            lags = draw(st.lists(st.integers(0, 400), min_size=40, max_size=40))
            slow = draw(st.one_of(st.none(), st.tuples(st.integers(0, 35), st.integers(1_500, 4_000))))
            for second, lag_ms in enumerate(lags):
                if any(first <= second < first + length for first, length in outages):
                    continue
                extra_ms = slow[1] if slow is not None and slow[0] <= second < slow[0] + 6 else 0
                found.append((second + (lag_ms + extra_ms) / 1_000, leg, symbol, second * 1_000))
    return sorted(found)


@given(arrivals())
def test_nothing_is_served_beyond_its_slo(played: list[tuple[float, Leg, Symbol, int]]) -> None:
    feeds = Feeds()
    heard: dict[Symbol, float] = {}
    newest: dict[Symbol, int] = {}

    for seconds, leg, symbol, stamp_ms in played:
        feeds.wait(seconds)
        for name in SYMBOLS:
            # The raw truth: when this index's newest event time was first heard.
            if feeds.failover.health(name, at(seconds)).serving != "none":
                assert seconds - heard[name] <= SLO_S + 1e-9
        if stamp_ms > newest.get(symbol, -1):
            heard[symbol], newest[symbol] = seconds, stamp_ms
        feeds.tick(leg, symbol, seconds, 6_850.0 if symbol == "I:SPX" else 25_300.0, stamp_ms / 1_000)

    assert feeds.active_at(played[-1][0] + 10 if played else 10) == "none"


@given(arrivals())
def test_polygon_comes_back_only_after_five_seconds_without_a_miss(played: list[tuple[float, Leg, Symbol, int]]) -> None:
    feeds = Feeds()

    for seconds, leg, symbol, stamp_ms in played:
        feeds.tick(leg, symbol, seconds, 6_850.0 if symbol == "I:SPX" else 25_300.0, stamp_ms / 1_000)

    for symbol in SYMBOLS:
        served = [(seconds, active) for seconds, name, active in feeds.switches if name == symbol]
        heard = [(seconds, stamp_ms) for seconds, leg, name, stamp_ms in played if (leg, name) == ("polygon", symbol)]
        # A value overtaken by a newer one, or later than the SLO beyond any clock offset, is none.
        fresh = [(seconds, stamp_ms) for n, (seconds, stamp_ms) in enumerate(heard) if all(stamp_ms > before for _, before in heard[:n])]
        times = [seconds for seconds, _ in fresh]
        late = {seconds for seconds, stamp_ms in fresh if seconds - stamp_ms / 1_000 > SLO_S + 0.25}
        cold_until = served[0][0] + RECOVERY_S if served else 0.0
        for back, active in served:
            if active != "polygon" or back < cold_until:
                continue
            recent = [seconds for seconds in times if back - RECOVERY_S - SLO_S < seconds <= back + 1e-9]
            gaps = [after - before for before, after in pairwise(recent)]
            assert late.isdisjoint(seconds for seconds in recent if seconds > back - RECOVERY_S)
            assert recent[0] <= back - RECOVERY_S + 1e-6
            assert max(gaps, default=0.0) <= SLO_S + 1e-6


@given(arrivals(), st.integers(1, 400))
def test_how_often_somebody_looks_decides_nothing(played: list[tuple[float, Leg, Symbol, int]], step_ms: int) -> None:
    obeying, restless = Feeds(), Feeds()

    looked_ns = MONO_NS
    for seconds, leg, symbol, stamp_ms in played:
        tick = IndexTicked(leg, symbol, 6_850.0, START_MS + stamp_ms)
        while looked_ns + step_ms * 1_000_000 < at(seconds).mono_ns:
            looked_ns += step_ms * 1_000_000
            looked_s = (looked_ns - MONO_NS) / 1e9
            restless.wait(looked_s)
            restless.failover._changed = True  # Else it would trust the very deadline in question.
            restless._judge(looked_s)
        restless.tick(leg, symbol, seconds, tick.level, stamp_ms / 1_000)
        obeying.tick(leg, symbol, seconds, tick.level, stamp_ms / 1_000)

    assert [(round(seconds, 6), *rest) for seconds, *rest in obeying.switches] == [
        (round(seconds, 6), *rest) for seconds, *rest in restless.switches
    ]
