"""Twenty clean sessions, each value of each leg: what a calm month looks like must not move anything."""

from math import exp
from random import Random

from kalshi_alpha.config import FeedsConfig
from kalshi_alpha.data.failover import DualFeedFailover
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import IndexTicked
from kalshi_alpha.model.instruments import LEGS, Leg
from tests.data.feeds import OPEN_NS, leg_config

DAYS = 20
SESSION_S = 23_400
MS = 1_000_000
DAY_NS = 86_400 * 10**9
SD_BP = 0.5
"""Of a second: an index that moves 75 basis points a day."""


def session_of(rng: Random, level: float) -> list[tuple[int, Leg, float, int]]:
    """Return (arrival in ms, leg, level, stamp in ms) of one index: 1 Hz, 60 ms of jitter, one value of a thousand up to 700 ms late."""
    found: list[tuple[int, Leg, float, int]] = []
    for second in range(1, SESSION_S + 1):
        level = round(level * exp(rng.gauss(0.0, SD_BP * 1e-4)), 2)
        stamp_ms = second * 1_000
        for leg in LEGS:
            late_ms = rng.randint(0, 700) if rng.random() < 0.001 else 0
            found.append((stamp_ms + 30 + abs(round(rng.gauss(0.0, 60.0))) + late_ms, leg, level, stamp_ms))
    return sorted(found)


def test_twenty_clean_days_have_no_switch_and_no_second_without_a_feed() -> None:
    failover, rng = DualFeedFailover(FeedsConfig(polygon=leg_config(2_000), massive=leg_config(2_000))), Random(20)
    switches: list[tuple[int, float, str, str]] = []

    for day in range(DAYS):
        base_ns = OPEN_NS + day * DAY_NS
        failover.session(base_ns, base_ns + SESSION_S * 10**9)
        # The other index needs no values of its own: it is given the same ones, a thousand times smaller in its moves.
        for at_ms, leg, level, stamp_ms in session_of(rng, 6_850.0):
            now = Now(base_ns + at_ms * MS, base_ns + at_ms * MS)
            while (due_ns := failover.next_deadline_ns()) is not None and due_ns < now.mono_ns:
                switches += [(day, (due_ns - base_ns) / 1e9, one.active, one.reason) for one in failover.evaluate(Now(due_ns, due_ns))]
            failover.ingest(IndexTicked(leg, "I:SPX", level, base_ns // MS + stamp_ms), now)
            failover.ingest(IndexTicked(leg, "I:NDX", level * 3.7, base_ns // MS + stamp_ms), now)
            switches += [(day, at_ms / 1_000, one.active, one.reason) for one in failover.evaluate(now)]

    # Between sessions nobody is heard: a day begins with coming back and ends with silence.
    assert [one for one in switches if 10.0 < one[1] < SESSION_S] == []
    openings = [[active for known, at_s, active, _ in switches if known == day and at_s <= 10.0] for day in range(DAYS)]
    assert [opening[-1] for opening in openings] == ["polygon"] * DAYS
    assert {why for why in failover.rejected if why not in {"backward", "duplicate"}} == set()
