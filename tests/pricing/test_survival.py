"""The Gaussian survival against tables."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.pricing.survival import survival


@pytest.mark.parametrize(("z", "tail_p"), [(0.0, 0.5), (1.0, 0.1586552539), (-1.96, 0.9750021049), (inf, 0.0), (-inf, 1.0)])
def test_survival_is_the_tables(z: float, tail_p: float) -> None:
    assert survival(z) == pytest.approx(tail_p, abs=1e-10)


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_survival_never_rises(one: float, other: float) -> None:
    assert survival(min(one, other)) >= survival(max(one, other))
