"""Wire numbers become integers exactly, or are refused."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.adapters.kalshi.fixed_point import (
    WireError,
    cash_e6,
    count_e2,
    count_text,
    hundredths_ceil,
    hundredths_floor,
    price_e4,
    price_text,
    rfc3339_ns,
)


@pytest.mark.parametrize(("text", "value"), [("0.5600", 5_600), ("0.56", 5_600), ("0.560000", 5_600), ("1", 10_000), ("0.0001", 1)])
def test_prices_are_ten_thousandths_of_a_dollar(text: str, value: int) -> None:
    assert price_e4(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "0.56001",
        "1.0001",
        "-0.01",
        "",
        "0.",
        ".5",
        "0,5",
        "5e-1",
        " 0.5",
        "0.5\n",
        "NaN",
        "0.5600000",
        "\u0660.5",
        "0.\u0665",
        "0x1",
        "1_0",
        "+0.5",
    ],
)
def test_what_is_no_price_in_ten_thousandths_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        price_e4(text)


@pytest.mark.parametrize(("text", "value"), [("10.00", 1_000), ("-54.00", -5_400), ("0.01", 1), ("3", 300), ("-0.50", -50)])
def test_counts_are_signed_hundredths(text: str, value: int) -> None:
    assert count_e2(text) == value


def test_a_count_finer_than_a_hundredth_is_refused() -> None:
    with pytest.raises(WireError, match="more than 2 decimals"):
        count_e2("0.001")


def test_fees_keep_six_decimals() -> None:
    assert cash_e6("0.017472") == 17_472
    assert cash_e6("0.0175") == 17_500


@given(st.integers(1, 9_999))
def test_every_price_survives_the_way_out_and_back(price: int) -> None:
    text = price_text(price)

    assert Decimal(text) == Decimal(price) / 10_000
    assert price_e4(text) == price


@given(st.integers(1, 10**9))
def test_every_count_survives_the_way_out_and_back(count: int) -> None:
    assert Decimal(count_text(count)) == Decimal(count) / 100
    assert count_e2(count_text(count)) == count


@pytest.mark.parametrize(
    ("points", "floor", "ceil"),
    [
        ("7845", 784_500, 784_500),
        ("7844.9999", 784_499, 784_500),
        ("7199.9999", 719_999, 720_000),
        ("0.29", 29, 29),
        ("-1.005", -101, -100),
        ("-0.001", -1, 0),
        ("-1.010", -101, -101),
    ],
)
def test_points_become_hundredths_without_floats(points: str, floor: int, ceil: int) -> None:
    assert hundredths_floor(points) == floor
    assert hundredths_ceil(points) == ceil


@pytest.mark.parametrize(
    "points",
    [
        "1E+1000000",
        "1E+999999999",
        "1E-999999999",
        "1000000000",
        "NaN",
        "Infinity",
        "",
        "-",
        "--5",
        "5.",
        ".5",
        "0_5",
        " 5",
        "5\n",
        "\u0665",
        '"5"',
    ],
)
def test_absurd_levels_are_refused_quickly(points: str) -> None:
    with pytest.raises(WireError, match="not an index level"):
        hundredths_floor(points)
    with pytest.raises(WireError, match="not an index level"):
        hundredths_ceil(points)


@pytest.mark.parametrize(
    ("text", "moment", "nanoseconds"),
    [
        ("2026-11-23T15:00:00Z", datetime(2026, 11, 23, 15, tzinfo=UTC), 0),
        ("2026-11-23T10:00:00-05:00", datetime(2026, 11, 23, 15, tzinfo=UTC), 0),
        ("2026-11-23T20:30:00+05:30", datetime(2026, 11, 23, 15, tzinfo=UTC), 0),
        ("2026-11-23T15:00:00.123456789Z", datetime(2026, 11, 23, 15, tzinfo=UTC), 123_456_789),
        ("2026-11-23T15:00:00.5Z", datetime(2026, 11, 23, 15, tzinfo=UTC), 500_000_000),
    ],
)
def test_times_are_read_to_the_nanosecond(text: str, moment: datetime, nanoseconds: int) -> None:
    assert rfc3339_ns(text) == int(moment.timestamp()) * 1_000_000_000 + nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T15:00:00",
        "2026-11-23",
        "2026-02-30T00:00:00Z",
        "2026-11-23T25:00:00Z",
        "",
        "now",
        "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "2026-11-23T15:00:00+99:99",
        "2026-11-23T15:00:00+05:60",
        "2026-11-23T15:00:00.1234567890Z",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        rfc3339_ns(text)
