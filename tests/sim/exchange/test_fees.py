"""What fills cost at the simulated venue. The figures are those of the venue's own pages."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sim.exchange import Fault
from kalshi_alpha.sim.exchange.fees import FeeGrid, fill_fee, model_fee_e6
from tests.sim.exchange.venue_kit import MORNING_NS, TICKER, Kit, frames

EVENT = "KXINXU-26NOV23H1000"
AUGUST = FeeGrid(trade_e6=100, balance_e6=10_000)
"""A member who isn't a direct one, as of August 2026: what the worked examples were made for."""


@pytest.mark.parametrize(
    ("model_e6", "revenue_e6", "net_e6", "carried_e6"),
    [
        # Three fills of 1 at 0.055, of 0.30 at 0.50, of 0.03 at 0.3301: "Fee Rounding", August 2026.
        (8_500, -55_000, [15_000, 5_000, 15_000], [6_500, 3_000, 9_500]),
        (4_100, -150_000, [10_000, 0, 10_000], [5_900, 1_800, 7_700]),
        (500, -9_903, [10_097, 97, 97], [9_597, 9_194, 8_791]),
    ],
)
def test_an_orders_fills_cost_what_the_worked_examples_say(
    model_e6: int, revenue_e6: int, net_e6: list[int], carried_e6: list[int]
) -> None:
    fees, overpaid_e6 = [], 0
    for _ in range(3):
        fee = fill_fee(Fraction(model_e6), revenue_e6, overpaid_e6, AUGUST)
        overpaid_e6 = fee.overpaid_e6
        fees.append(fee)

    assert [fee.net_e6 for fee in fees] == net_e6
    assert [fee.overpaid_e6 for fee in fees] == carried_e6


def test_since_september_the_models_fee_is_kept_to_six_decimals() -> None:
    # "Fee Rounding", September 2026: 0.00363825 becomes 0.003639, and with its rounding 0.005.
    model_e6 = model_fee_e6("quadratic", 1, 550, 100, is_taker=True)

    assert model_e6 == Fraction("3638.25")
    assert fill_fee(model_e6, -55_000, 0, FeeGrid(balance_e6=10_000)) == (5_000, 1_361)
    assert fill_fee(model_e6, -55_000, 0, FeeGrid()) == (3_700, 61)


@pytest.mark.parametrize(
    ("fee_type", "multiplier", "is_taker", "fee_e6"),
    [
        ("quadratic", 1, True, 17_472),
        ("quadratic", 0.5, True, 8_736),
        ("quadratic", 1, False, 0),
        ("quadratic_with_maker_fees", 1, False, 4_368),
    ],
)
def test_makers_pay_a_quarter_where_they_pay_at_all(fee_type: str, multiplier: float, is_taker: bool, fee_e6: int) -> None:
    assert model_fee_e6(fee_type, multiplier, 5_200, 100, is_taker=is_taker) == fee_e6


def test_a_fee_never_falls_below_nothing_and_the_rest_waits_for_the_next_fill() -> None:
    assert fill_fee(Fraction(0), -20_000, 150, FeeGrid()) == (0, 150)
    assert fill_fee(Fraction(60), -20_000, 150, FeeGrid()) == (0, 90)


@given(
    fills=st.lists(st.tuples(st.integers(1, 9_999), st.integers(1, 5_000)), min_size=1, max_size=30),
    balance_e6=st.sampled_from([100, 10_000]),
)
def test_however_an_order_is_filled_its_fees_are_the_exact_ones_and_less_than_a_unit_and_a_tick_a_fill_more(
    fills: list[tuple[int, int]], balance_e6: int
) -> None:
    exact, paid, balance, overpaid_e6 = Fraction(0), 0, 0, 0
    for price_e4, count_e2 in fills:
        price, count = Fraction(price_e4, 10_000), Fraction(count_e2, 100)
        model = 1_000_000 * Fraction(7, 100) * count * price * (1 - price)
        fee = fill_fee(model, -price_e4 * count_e2, overpaid_e6, FeeGrid(balance_e6=balance_e6))
        overpaid_e6 = fee.overpaid_e6
        exact, paid, balance = exact + model, paid + fee.net_e6, balance - price_e4 * count_e2 - fee.net_e6
        assert fee.net_e6 >= 0
        assert balance % balance_e6 == 0
        assert exact <= paid - overpaid_e6 < exact + len(fills)


def test_an_events_own_fee_is_told_charged_and_lifted_again() -> None:
    second = MORNING_NS + NS_PER_S
    change = Fault(
        second, second + 10 * NS_PER_S, "fee_change", {"event": EVENT, "fee_type": "quadratic_with_maker_fees", "fee_multiplier": 2.0}
    )
    kit = Kit(faults=[change])
    stream = kit.subscribe("market_lifecycle_v2")
    kit.wait(1)
    told = frames(stream)[1]
    kit.place("ask", "0.52", "1", subaccount=1)
    kit.place("bid", "0.52", "1")
    listed = kit.get(f"/events/{EVENT}")["event"]
    changes = kit.get("/events/fee_changes")["event_fee_changes"]
    kit.wait(10)

    fills = {fill["is_taker"]: fill["fee_cost"] for fill in kit.get("/portfolio/fills")["fills"]}
    assert (told["type"], told["msg"]["fee_multiplier_override"]) == ("event_fee_update", 2.0)
    assert fills == {True: "0.035000", False: "0.008800"}
    assert listed["fee_type_override"] == changes[0]["fee_type_override"] == "quadratic_with_maker_fees"
    assert frames(stream)[-1]["msg"] == {"event_ticker": EVENT, "fee_type_override": None, "fee_multiplier_override": None}
    assert "fee_type_override" not in kit.get(f"/events/{EVENT}")["event"]


def test_what_makers_paid_stands_in_the_order() -> None:
    second = MORNING_NS
    kit = Kit(faults=[Fault(second, second + NS_PER_S, "fee_change", {"event": EVENT, "fee_type": "quadratic_with_maker_fees"})])
    made = kit.place("bid", "0.52", "1")
    kit.place("ask", "0.52", "1", subaccount=1)

    order = kit.order(made["order_id"])

    assert (order["maker_fees_dollars"], order["taker_fees_dollars"], order["ticker"]) == ("0.004400", "0.000000", TICKER)
    assert json.dumps(order)
