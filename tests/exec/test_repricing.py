"""Quotes of a late value: they go back while it ages, and come forward with the next one."""

import msgspec
import pytest

from kalshi_alpha.config import Config, QuotingConfig
from kalshi_alpha.exec.quoted_ladder import QuotedLadder
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import LEGS
from kalshi_alpha.model.reasons import Reason
from tests.exec.harness import TARGET_S, Rig, quoting, settings

LATE_NS = 1_100_000_000


def config(**feeds: float) -> Config:
    plain = settings(QuotingConfig(rungs_each_side=3, max_open_orders=40))
    return msgspec.structs.replace(plain, feeds=msgspec.structs.replace(plain.feeds, **feeds))


def spread_p(ladder: QuotedLadder) -> float:
    """Return the distance between bid and ask of the rung in the middle."""
    return (ladder.quoter.ask_e4[3] - ladder.quoter.bid_e4[3]) / 10_000


def spx(rig: Rig) -> QuotedLadder:
    return next(ladder for ladder in rig.engine.facts.ladders.values() if ladder.ladder.symbol == "I:SPX")


def late_rig(**feeds: float) -> Rig:
    """Return an engine that quotes four minutes before the target, where seconds count."""
    return quoting(Rig(at_s=TARGET_S - 240, config=config(**feeds)))


def test_quotes_widen_from_a_second_and_a_tenth_on_and_are_pulled_at_the_limit() -> None:
    rig = late_rig()
    heard_ns = rig.utc_ns
    widths: list[float] = []
    for age_ms in (1_000, 1_099, 1_101, 1_999, 2_001):
        rig.wait_until(heard_ns + age_ms * 1_000_000)
        widths.append(spread_p(spx(rig)))
        pulled = not any(order.intent.series == "INXU" for order in rig.live())
        assert pulled is (age_ms > 2_000)

    assert widths[0] == widths[1] < widths[2] <= widths[3]  # a cent's difference is kept
    assert Reason.FEED_DOWN in rig.reasons


def test_a_late_value_is_looked_at_again_every_quarter_of_a_second() -> None:
    rig = late_rig()
    heard_ns = rig.utc_ns
    looks: list[int] = []
    while rig.utc_ns < heard_ns + 2 * NS_PER_S:
        at_ns = rig.engine.facts.deadlines["feed_late"]
        looks.append(at_ns)
        rig.wait_until(rig.utc_ns + at_ns - rig.now.mono_ns)

    ages_ms = [(at_ns - heard_ns - (rig.now.mono_ns - rig.utc_ns)) // 1_000_000 for at_ns in looks]
    # The first look was due by an earlier value: it finds that this one isn't late yet.
    assert ages_ms[-5:] == [1_100, 1_350, 1_600, 1_850, 2_100]
    assert len(ages_ms) <= 6


def test_the_next_value_brings_the_quotes_back() -> None:
    rig = late_rig()
    rig.wait(1.7)
    late = spread_p(spx(rig))

    second = rig.utc_ns // NS_PER_S
    for leg in LEGS:
        rig.tell(ev.IndexTicked(leg, "I:SPX", 6_850.0, second * 1_000))
        rig.tell(ev.IndexTicked(leg, "I:NDX", 25_300.0, second * 1_000))

    assert spread_p(spx(rig)) <= late
    assert spx(rig).quoter._ratio < 0.2


def test_without_a_weight_nothing_widens() -> None:
    rig = late_rig(late_weight=0.0)
    before = spread_p(spx(rig))

    rig.wait(1.9)

    assert spread_p(spx(rig)) == before


def test_the_variance_of_the_late_time_is_added_by_its_weight() -> None:
    rig = late_rig(late_weight=4.0)
    rig.wait(1.5)
    quoter = spx(rig).quoter
    facts = rig.engine.facts
    open_ns, close_ns = facts.schedule.session_hours("2026-11-23")
    per_s = facts.clock.variance("I:SPX", rig.utc_ns, rig.utc_ns + NS_PER_S, open_ns, close_ns)

    # The last look was at 1.351 s; the value was 20 ms late: 4 s for the quotes themselves and 4 x 1.371 s.
    assert quoter._ratio**2 * quoter.fair_p.variance == pytest.approx((4.0 + 4.0 * 1.37) * per_s, rel=0.02)


def test_a_value_with_a_great_lag_widens_at_once() -> None:
    rig = late_rig()
    second = rig.utc_ns // NS_PER_S + 1
    rig.wait_until(second * NS_PER_S + 100_000_000)
    on_time = spx(rig).quoter._ratio
    rig.wait_until((second + 1) * NS_PER_S + 300_000_000)

    for leg in LEGS:
        rig.tell(ev.IndexTicked(leg, "I:SPX", 6_850.0, second * 1_000))

    assert spx(rig).quoter._ratio > 1.4 * on_time


def test_between_windows_nobody_looks() -> None:
    rig = quoting(Rig(at_s=TARGET_S - 50))
    rig.tick_until(TARGET_S + 5)

    assert "feed_late" not in rig.engine.facts.deadlines
