"""How long the simulated venue takes to determine its events."""

from statistics import median

import pytest

from kalshi_alpha.model.clock import NS_PER_S
from tests.sim.exchange.venue_kit import Kit

FEW_LEGS = {"KXINXU": 1, "KXNASDAQ100U": 1, "KXINX": 3, "KXNASDAQ100": 3}


def waits_s(seed: int, sigma: float) -> list[float]:
    """Play a whole day and return what each event took from its close to its result."""
    kit = Kit(seed=seed, legs=FEW_LEGS, determination_sigma=sigma)
    kit.wait(9 * 3_600)
    return [(event.determined_ns - event.close_ns) / NS_PER_S for event in kit.exchange._venue.catalogue.events.values()]


def test_events_are_determined_after_127_seconds() -> None:
    assert set(waits_s(7, 0.0)) == {127.0}


def test_the_venues_own_delays_have_its_median_its_tail_and_its_end() -> None:
    # Measured at the venue: median 127 s, 99th percentile 1,324 s, longest 42 min.
    waits = sorted(wait for seed in range(60) for wait in waits_s(seed, 1.0))

    assert median(waits) == pytest.approx(127, rel=0.15)
    assert waits[int(len(waits) * 0.99)] == pytest.approx(1_324, rel=0.35)
    assert 0 < waits[0] < waits[-1] <= 2_520
    assert waits_s(3, 1.0) == waits_s(3, 1.0)
