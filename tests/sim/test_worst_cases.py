"""The limits on what can be lost are seen broken in a venue's log, and kept where they are."""

import msgspec
import pytest

from kalshi_alpha.config import RiskConfig
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.units import Side
from kalshi_alpha.sim.exchange.audit import Kind, MarketTerms, OrderEvent
from kalshi_alpha.sim.worst_cases import limits_exceeded
from tests.sim.test_checkers import event as event_at

CLOSE_S = 1_000
TERMS = {
    # Two thresholds of one event, a range of another one, a threshold of the other index.
    "E1-low": MarketTerms("E1", "I:SPX", 10_000, None, CLOSE_S * NS_PER_S),
    "E1-high": MarketTerms("E1", "I:SPX", 20_000, None, CLOSE_S * NS_PER_S),
    "E2-range": MarketTerms("E2", "I:SPX", 10_000, 19_999, 2 * CLOSE_S * NS_PER_S),
    "E2-below": MarketTerms("E2", "I:SPX", None, 9_999, 2 * CLOSE_S * NS_PER_S),
    "E3-low": MarketTerms("E3", "I:NDX", 10_000, None, 2 * CLOSE_S * NS_PER_S),
}


def event(  # noqa: PLR0913, PLR0917 - the words of a record
    number: int, kind: Kind, ticker: str, side: Side = "bid", cents: int = 50, count: int = 10, left: int | None = None, at_s: float = 1
) -> OrderEvent:
    """Return a step of a venue's log; what is left is the count unless told, or the order has ended."""
    remaining = left if left is not None else 0 if kind in {"cancelled", "rejected", "filled"} else count
    made = event_at(0.0, kind, number, epoch=1, ticker=ticker)
    utc_ns, price_e4 = int(at_s * NS_PER_S), cents * 100
    return msgspec.structs.replace(
        made, utc_ns=utc_ns, order_id=f"v-{number}", side=side, price_e4=price_e4, count_e2=count * 100, remaining_e2=remaining * 100
    )


def broken(*log: OrderEvent, **limits: int) -> list[str]:
    """Return the names of the limits that were broken, in order."""
    wide = {"strike_usd": 1_000, "ladder_usd": 1_000, "family_usd": 1_000, "portfolio_usd": 1_000}
    found = limits_exceeded(log, TERMS, RiskConfig(**{**wide, **limits}))
    assert all(told.startswith("I4 1-") for told in found)
    return [told.split(", the ")[1].split()[0] for told in found]


@pytest.mark.parametrize(("side", "cents", "loss_usd"), [("bid", 30, 3), ("ask", 30, 7)])
def test_an_order_can_lose_its_price_or_the_rest_of_the_dollar(side: Side, cents: int, loss_usd: int) -> None:
    log = event(1, "accepted", "E1-low", side, cents)

    for name in ("strike", "ladder", "family", "portfolio"):
        assert broken(log, **{f"{name}_usd": loss_usd}) == []
        assert broken(log, **{f"{name}_usd": loss_usd - 1}) == [name]


def test_a_ladders_orders_lose_where_it_hurts_most_not_everywhere() -> None:
    # Below both levels the bids lose 5 and 2 dollars; the ask of the higher one can only lose above it, 8.
    bids = (event(1, "accepted", "E1-low", cents=50), event(2, "accepted", "E1-high", cents=20))
    ask = event(3, "accepted", "E1-high", "ask", 20)

    assert broken(*bids, ladder_usd=7) == []
    assert broken(*bids, ladder_usd=6) == ["ladder"]
    assert broken(*bids, ask, ladder_usd=8) == []
    assert broken(ask, ladder_usd=7) == ["ladder"]


def test_what_is_held_loses_with_what_rests_and_gains_against_it() -> None:
    bought = (event(1, "accepted", "E1-low", cents=60), event(1, "filled", "E1-low", cents=60))

    assert broken(*bought, event(2, "accepted", "E1-low", cents=60), strike_usd=12) == []
    assert broken(*bought, event(2, "accepted", "E1-low", cents=60), strike_usd=11) == ["strike"]
    # Bought at 60, to be sold at 70: at worst the sale doesn't happen.
    assert broken(*bought, event(2, "accepted", "E1-low", "ask", 70), strike_usd=6) == []


def test_a_round_trip_leaves_what_it_cost() -> None:
    trip = (
        event(1, "accepted", "E1-low", cents=60),
        event(1, "filled", "E1-low", cents=60),
        event(2, "accepted", "E1-low", "ask", 40),
        event(2, "filled", "E1-low", "ask", 40),
    )

    assert broken(*trip, event(3, "accepted", "E1-high", cents=10), ladder_usd=6) == []
    assert broken(*trip, event(3, "accepted", "E1-high", cents=50), ladder_usd=6) == ["ladder"]


def test_a_part_that_is_filled_counts_once() -> None:
    part = (event(1, "accepted", "E1-low", cents=50), event(1, "filled", "E1-low", cents=50, count=4, left=6))

    assert broken(*part, event(2, "accepted", "E3-low", cents=1), strike_usd=5) == []
    assert broken(*part, event(2, "accepted", "E1-low", cents=10), strike_usd=6) == []
    assert broken(*part, event(2, "accepted", "E1-low", cents=10), strike_usd=5) == ["strike"]


@pytest.mark.parametrize("ended", ["cancelled", "rejected"])
def test_what_has_ended_and_what_never_began_risks_nothing(ended: Kind) -> None:
    log = [event(1, "accepted", "E1-low"), event(1, "cancelled", "E1-low")] if ended == "cancelled" else [event(1, "rejected", "E1-low")]

    assert broken(*log, event(2, "accepted", "E1-low"), portfolio_usd=5) == []


def test_an_amended_order_counts_as_it_is_now() -> None:
    log = (event(1, "accepted", "E1-low", count=2), event(1, "amended", "E1-low", count=20))

    assert broken(*log, event(2, "accepted", "E3-low", cents=1), portfolio_usd=10) == ["portfolio"]
    assert broken(*log, event(1, "decreased", "E1-low", count=1), event(2, "accepted", "E3-low", cents=1), portfolio_usd=10) == []


def test_ranges_that_cant_both_pay_lose_one_at_least() -> None:
    log = (event(1, "accepted", "E2-range", "ask", 50), event(2, "accepted", "E2-below", "ask", 50))

    assert broken(*log, ladder_usd=5) == []
    assert broken(*log, ladder_usd=4) == ["ladder", "ladder"]


def test_above_all_ranges_none_of_them_pays() -> None:
    log = (event(1, "accepted", "E2-range"), event(2, "accepted", "E2-below"))

    assert broken(*log, ladder_usd=10) == []
    assert broken(*log, ladder_usd=9) == ["ladder"]


def test_events_of_an_index_add_up_and_so_does_everything_until_an_event_closes() -> None:
    log = (event(1, "accepted", "E1-low"), event(2, "accepted", "E2-range"))
    other = event(3, "accepted", "E3-low")

    assert broken(*log, family_usd=10) == []
    assert broken(*log, family_usd=9) == ["family"]
    assert broken(*log, other, family_usd=10, portfolio_usd=15) == []
    assert broken(*log, other, portfolio_usd=14) == ["portfolio"]
    assert broken(*log, event(3, "accepted", "E3-low", at_s=CLOSE_S), portfolio_usd=10) == []
