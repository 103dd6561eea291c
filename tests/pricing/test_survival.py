"""The Gaussian survival against tables and the standard library's own normal distribution."""

from math import inf
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.pricing.survival import density, density_bound, survival, z_at


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


@given(st.floats(1e-300, 0.4999), st.floats(0.0, 1.0))
def test_no_density_is_above_its_bound_out_to_the_tail(tail_p: float, share: float) -> None:
    further_p = tail_p * share

    # The tail's own density, or that of any point further out.
    assert NormalDist().pdf(z_at(further_p)) <= density_bound(tail_p) * (1.0 + 1e-9)


def test_the_bound_is_nothing_without_a_tail_and_the_peak_from_one_half_on() -> None:
    assert (density_bound(0.0), density_bound(-0.1)) == (0.0, 0.0)
    assert density_bound(0.5) == density_bound(0.9) == pytest.approx(0.3989422804, abs=1e-10)
