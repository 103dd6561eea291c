"""Money at the simulated venue: collateral, positions, what a market pays, and that nothing comes from nowhere."""

import random

from tests.sim.exchange.venue_kit import LEVEL, ORDERS, TEN_NS, TICKER, Kit

RICH = "KXINXU-26NOV23H1000-T6839.9999"
"""Pays at 6,840 or above: at the level, YES."""


def test_a_resting_order_ties_up_what_it_can_cost_until_it_ends() -> None:
    kit = Kit(cash_e6=10_000_000)
    made = kit.place("ask", "0.40", "10")
    kit.wait(0.3)
    tied = kit.get("/portfolio/balance")

    refused = kit.refused("bid", "0.50", "10")[1]
    kit.ask("DELETE", f"{ORDERS}/{made['order_id']}")
    kit.wait(1)

    # Selling YES at 0.40 can lose 0.60 a contract.
    assert (tied["balance"], tied["balance_dollars"], refused) == (400, "4.0000", "insufficient_balance")
    assert kit.get("/portfolio/balance")["balance_dollars"] == "10.0000"


def test_yes_and_no_of_one_market_dissolve_into_a_dollar() -> None:
    kit = Kit(cash_e6=100_000_000)
    kit.place("ask", "0.40", "10", subaccount=1)
    kit.place("bid", "0.40", "10")
    kit.place("bid", "0.55", "10", subaccount=1)

    kit.place("ask", "0.55", "10")
    kit.wait(0.3)

    position = kit.get("/portfolio/positions")["market_positions"][0]
    # Both are taken: 0.07 * 10 * 0.4 * 0.6 = 0.168 and 0.07 * 10 * 0.55 * 0.45 = 0.17325, up to 0.1733.
    assert (position["position_fp"], position["realized_pnl_dollars"], position["fees_paid_dollars"]) == ("0.00", "1.500000", "0.341300")
    assert kit.get("/portfolio/balance")["balance_dollars"] == "101.1587"


def test_a_market_pays_a_dollar_for_each_contract_on_the_right_side() -> None:
    kit = Kit(cash_e6=100_000_000)
    kit.place("ask", "0.60", "10", ticker=RICH, subaccount=1)
    kit.place("bid", "0.60", "10", ticker=RICH)
    kit.now_ns = TEN_NS
    kit.wait(126.9)
    undetermined = kit.get(f"/markets/{RICH}")["market"]["result"]
    kit.wait(0.1)
    determined = kit.get(f"/markets/{RICH}")["market"]

    kit.wait(61)

    assert (undetermined, determined["result"], determined["expiration_value"]) == ("", "yes", f"{LEVEL:.2f}")
    assert kit.get("/portfolio/positions")["market_positions"] == []
    settled = kit.get("/portfolio/settlements")["settlements"]
    assert [(one["market_result"], one["yes_count_fp"], one["no_count_fp"], one["revenue"]) for one in settled] == [
        ("yes", "0.00", "10.00", 0),
        ("yes", "10.00", "0.00", 1000),
    ]
    # 100 - 6 - fee of 0.168 + 10, and 100 - 4.
    assert kit.exchange.audit(kit.now_ns).cash_e6 == {0: 103_832_000, 1: 96_000_000}


def test_the_settlement_level_is_rounded_to_two_decimals() -> None:
    kit = Kit(levels={TEN_NS: 6_844.995})
    kit.now_ns = TEN_NS
    kit.wait(130)

    assert kit.get(f"/markets/{TICKER}")["market"]["expiration_value"] == "6845.00"
    assert kit.get(f"/markets/{TICKER}")["market"]["result"] == "yes"


def test_nothing_comes_from_nowhere_whatever_is_traded() -> None:
    draw = random.Random(5)
    kit = Kit(participants=True)
    kit.wait(30)
    markets = [
        m["ticker"] for m in kit.get("/markets", "event_ticker=KXINXU-26NOV23H1000&limit=1000")["markets"] if m["yes_bid_size_fp"] != "0.00"
    ]
    assert len(markets) > 10

    for _ in range(400):
        price, count = f"0.{draw.randrange(1, 100):02d}", str(draw.randrange(1, 30))
        body = kit.body(draw.choice(("bid", "ask")), price, count, ticker=draw.choice(markets), subaccount=draw.randrange(3))
        kit.ask("POST", ORDERS, body=body)
        kit.wait(draw.random())
    filled = sum(event.kind == "filled" for event in kit.exchange.order_log)
    before = kit.exchange.audit(kit.now_ns)
    kit.now_ns = TEN_NS
    kit.wait(200)
    after = kit.exchange.audit(kit.now_ns)

    assert filled > 100
    assert (before.cash_drift_e6, before.contracts_drift_e2) == (0, 0)
    assert (after.cash_drift_e6, after.contracts_drift_e2) == (0, 0)
    assert after.positions_e2 == {0: {}, 1: {}, 2: {}}


def test_reads_follow_every_trade_and_keep_to_the_seconds_asked_for() -> None:
    kit = Kit(cash_e6=100_000_000)
    held, read = [], []
    for count in ("10", "4"):
        kit.place("ask", "0.40", count, subaccount=1)
        kit.place("bid", "0.40", count)
        kit.wait(2)
        held.append([kit.get("/portfolio/positions", f"subaccount={number}")["market_positions"][0]["position_fp"] for number in (0, 1)])
        read.append(kit.get("/portfolio/fills", "subaccount=0")["fills"])

    first_s = read[0][0]["ts"]
    since = kit.get("/portfolio/fills", f"subaccount=0&min_ts={first_s + 1}")["fills"]
    until = kit.get("/portfolio/fills", f"subaccount=0&max_ts={first_s + 1}")["fills"]

    assert held == [["10.00", "-10.00"], ["14.00", "-14.00"]]
    assert [[fill["count_fp"] for fill in fills] for fills in read] == [["10.00"], ["4.00", "10.00"]]
    assert ([fill["count_fp"] for fill in since], [fill["count_fp"] for fill in until]) == (["4.00"], ["10.00"])
    assert read[1][1] == read[0][0]
