"""The Gaussian survival against tables and the standard library's own normal distribution."""

from math import inf
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.pricing.survival import density, survival, z_at


@pytest.mark.parametrize(("z", "tail_p"), [(0.0, 0.5), (1.0, 0.1586552539), (-1.96, 0.9750021049), (inf, 0.0), (-inf, 1.0)])
def test_survival_is_the_tables(z: float, tail_p: float) -> None:
    assert survival(z) == pytest.approx(tail_p, abs=1e-10)


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_survival_never_rises(one: float, other: float) -> None:
    assert survival(min(one, other)) >= survival(max(one, other))


@given(st.floats(-6, 6))
def test_density_is_the_standard_librarys(z: float) -> None:
    assert density(z) == pytest.approx(NormalDist().pdf(z), rel=1e-12)


@given(st.floats(0.0001, 0.9999))
def test_z_is_found_from_its_survival(tail_p: float) -> None:
    assert z_at(tail_p) == pytest.approx(-NormalDist().inv_cdf(tail_p), abs=1e-9)


def test_impossible_and_certain_tails_are_at_infinity() -> None:
    assert (z_at(0.0), z_at(1.0)) == (inf, -inf)
