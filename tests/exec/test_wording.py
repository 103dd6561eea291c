"""Wording is the same from strike to strike and day to day, and differs as soon as anything else in it does."""

import pytest

from kalshi_alpha.exec.wording import wording_of
from kalshi_alpha.model.clock import NS_PER_S
from tests.exec.listings import TEN_NS

SUMMER_NS = 1_790_604_000 * NS_PER_S
"""Monday 2026-09-28, 10:00 in New York, which is then at -04:00."""
RULE = "If the S&P 500 index value is above 7844.9999 on Sep 28, 2026 at 10am EDT, then the market resolves to Yes."


@pytest.mark.parametrize(
    ("rules", "strikes", "wording"),
    [
        ("at 6,845 or above", ("6845",), "at <strike> or above"),
        ("above 6844.9999", ("6845",), "above <strike>"),
        ("between 7,175 and 7,199.9999", ("7175", "7199.9999"), "between <strike> and <strike>"),
        ("between 7175-7199.9999", ("7175", "7199.9999"), "between <strike>-<strike>"),
        ("a 60 second average of 500 stocks, worth $1", ("6845", ""), "a 60 second average of 500 stocks, worth $1"),
        ("above 6,846", ("6845",), "above 6,846"),
        ("on Monday, November 23rd, 2026", (), "on <date>"),
        ("on 23 Nov 2026 (2026-11-23)", (), "on <date> (<date>)"),
        ("not on Nov 24, 2026 nor on Nov 23, 2027", (), "not on Nov 24, 2026 nor on Nov 23, 2027"),
        ("at 10am EST", (), "at <time>"),
        ("at 10:00 AM", (), "at <time>"),
        ("at 10:00:00 a.m. ET", (), "at <time>"),
        ("at 10 ET", (), "at <time>"),
        ("at 10pm, 11:00 or 4:00 PM", (), "at 10pm, 11:00 or 4:00 PM"),
        ("rounded to 10 decimals", (), "rounded to 10 decimals"),
        ("two\n\n  lines ", (), "two lines"),
    ],
)
def test_only_the_markets_own_strikes_date_and_time_are_left_out(rules: str, strikes: tuple[str, ...], wording: str) -> None:
    assert wording_of(rules, strikes, TEN_NS) == wording


def test_the_venues_rule_reads_the_same_in_summer_and_in_winter_and_at_another_strike() -> None:
    winter = RULE.replace("EDT", "EST").replace("Sep 28", "Nov 23").replace("7844.9999", "6849.9999")

    assert wording_of(RULE, ("7845",), SUMMER_NS) == wording_of(winter, ("6850",), TEN_NS)


@pytest.mark.parametrize("changed", ["index average is", "S&P 100", "resolves to No"])
def test_any_other_word_or_number_makes_another_wording(changed: str) -> None:
    other = {"index average is": "index value is", "S&P 100": "S&P 500", "resolves to No": "resolves to Yes"}[changed]

    assert wording_of(RULE, ("7845",), SUMMER_NS) != wording_of(RULE.replace(other, changed), ("7845",), SUMMER_NS)


def test_noon_is_twelve_pm_and_midnight_is_not() -> None:
    noon_ns = TEN_NS + 2 * 3_600 * NS_PER_S

    assert wording_of("12pm, 12am, 12:00", (), noon_ns) == "<time>, 12am, <time>"
