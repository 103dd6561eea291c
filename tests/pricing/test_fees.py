"""Fees are the venue's, to the millionth of a dollar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.pricing.fees import FeeSchedule, UnknownFeeError


@pytest.mark.parametrize(
    ("price_e4", "count_e2", "fee_e6"),
    [
        # A quarter of what takers pay.
        (5_200, 100, 4_368),  # recorded: one contract taken at 0.52 cost 0.017472; the venue then rounded to 0.0175
        (5_000, 10_000, 437_500),  # the fee table: 100 contracts at 0.50 cost a taker 1.75 dollars
        (100, 10_000, 17_325),  # the fee table: 100 at 0.01 cost a taker 0.07, which is 0.0693 before rounding to cents
        (9_999, 1, 1),  # a hundredth of a contract at 0.9999: a fraction of a millionth, rounded up
    ],
)
def test_makers_pay_a_quarter_where_they_pay(price_e4: int, count_e2: int, fee_e6: int) -> None:
    assert FeeSchedule.of("quadratic_with_maker_fees", 1.0).maker_fee_e6(price_e4, count_e2) == fee_e6


def test_quadratic_fees_are_free_for_makers() -> None:
    assert FeeSchedule.of("quadratic", 1.0).maker_fee_e6(5_000, 10_000) == 0


def test_the_multiplier_scales_the_fee() -> None:
    assert FeeSchedule.of("quadratic_with_maker_fees", 0.5).maker_fee_e6(5_000, 10_000) == 218_750


def test_a_waived_fee_is_nothing() -> None:
    assert FeeSchedule.of("quadratic_with_maker_fees", 0.0).maker_fee_e6(5_000, 10_000) == 0


@pytest.mark.parametrize("fee_type", ["flat", "", "Quadratic", "quadratic_with_combo_maker_fees"])
def test_an_unknown_fee_is_refused(fee_type: str) -> None:
    with pytest.raises(UnknownFeeError, match="fee type"):
        FeeSchedule.of(fee_type, 1.0)


@pytest.mark.parametrize("multiplier", [-0.5, float("nan"), float("inf"), 1e9, 1e-7, 0.1234567])
def test_a_multiplier_that_makes_no_sense_is_refused(multiplier: float) -> None:
    with pytest.raises(UnknownFeeError, match=r"multiplier|fee type"):
        FeeSchedule.of("quadratic", multiplier)


@given(st.integers(1, 9_999), st.integers(1, 1_000_000))
def test_yes_and_no_pay_the_same(price_e4: int, count_e2: int) -> None:
    fees = FeeSchedule.of("quadratic_with_maker_fees", 1.0)

    assert fees.maker_fee_e6(price_e4, count_e2) == fees.maker_fee_e6(10_000 - price_e4, count_e2)
