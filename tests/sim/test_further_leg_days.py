"""A further leg beside a pair that lies: simulated feeds, the real clients, an engine that quotes."""

from itertools import pairwise
from typing import Final

import pytest
from msgspec.structs import replace

from kalshi_alpha.config import FurtherLegConfig
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.sim.feed.faults import FeedFault, FeedFaultKind
from tests.exec.harness import settings
from tests.sim.chaos import BEGIN_S, ChaosRig

T0: Final = int(BEGIN_S * NS_PER_S) + 30 * NS_PER_S
LASTS: Final = 30 * NS_PER_S
WITNESS: Final = FurtherLegConfig(url="wss://127.0.0.1/indices", api_key_file="-", vendor="Other")


def played(*faults: FeedFault, witness: bool = True) -> ChaosRig:
    config = settings()
    further = {"backup": WITNESS} if witness else {}
    chaos = ChaosRig(faults, config=replace(config, feeds=replace(config.feeds, further=further)))
    chaos.run_until(T0 + LASTS + 60 * NS_PER_S)
    return chaos


def fault(leg: str, kind: FeedFaultKind, symbol: str = "I:SPX", **params: float) -> FeedFault:
    return FeedFault(T0, T0 + LASTS, leg, kind, symbol, params)


def held(chaos: ChaosRig, reason: Reason) -> list[float]:
    """Return when the reason held the S&P 500 first and last, in seconds from the fault's begin; nothing if never."""
    steps = chaos.seen
    first = next((seen.utc_ns for seen in steps if (reason, "I:SPX") in seen.reasons), None)
    if first is None:
        return []
    lifted = [after.utc_ns for before, after in pairwise(steps) if (reason, "I:SPX") in before.reasons - after.reasons]
    return [(at_ns - T0) / NS_PER_S for at_ns in (first, lifted[-1])]


BOTH_LIE: Final = (fault("polygon", "wrong_value", factor=1.001), fault("massive", "wrong_value", factor=1.001))


def test_both_legs_wrong_in_the_same_way_pull_that_indexs_quotes() -> None:
    chaos = played(*BOTH_LIE)

    begin_s, end_s = held(chaos, Reason.IMPLIED_LEVEL)
    assert 10.0 <= begin_s <= 13.0
    assert 30.0 <= end_s <= 36.0
    assert not any(scope == "I:NDX" for seen in chaos.seen if seen.utc_ns > T0 for _, scope in seen.reasons)
    assert next(seen for seen in chaos.seen if (Reason.IMPLIED_LEVEL, "I:SPX") in seen.reasons).pulled >= {"I:SPX"}


def test_without_a_witness_nothing_notices() -> None:
    assert held(played(*BOTH_LIE, witness=False), Reason.IMPLIED_LEVEL) == []


def test_legs_that_disagree_are_told_apart_within_two_seconds() -> None:
    chaos = played(fault("polygon", "wrong_value", factor=1.0005))

    _, end_s = held(chaos, Reason.FEED_DISAGREES)
    assert end_s < 2.1
    assert next(seen for seen in chaos.seen if seen.utc_ns > T0 + 3 * NS_PER_S or seen.active == "massive").active == "massive"


@pytest.mark.parametrize("kind", ["silent", "abort", "half_open", "close", "frozen", "lag"])
def test_a_witness_in_trouble_is_no_trouble(kind: FeedFaultKind) -> None:
    chaos = played(fault("backup", kind, "*"))

    assert {seen.active for seen in chaos.seen if seen.utc_ns > T0} <= {"polygon"}
    assert not [reason for seen in chaos.seen if seen.utc_ns > T0 for reason in seen.reasons]
