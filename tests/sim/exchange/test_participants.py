"""The other traders: where they quote, what they take, and that they do the same every time."""

import hashlib
from datetime import date

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sched.calendar import session
from kalshi_alpha.sim.exchange import ExchangeConfig, SimExchange
from kalshi_alpha.sim.world import generated_day
from tests.sim.exchange.venue_kit import LEVEL, TEN_NS, TICKER, Kit

BOOKS = "orderbook_delta"


def quoted(kit: Kit, event: str = "KXINXU-26NOV23H1000") -> list[tuple[float, int, int]]:
    """Return strike, bid and ask in cents of the markets with both."""
    markets = kit.get("/markets", f"event_ticker={event}&limit=1000")["markets"]
    rows = [(m["floor_strike"], round(float(m["yes_bid_dollars"]) * 100), round(float(m["yes_ask_dollars"]) * 100)) for m in markets]
    return [row for row in rows if row[1] > 0 and row[2] < 100]


def test_the_market_around_the_money_is_two_to_five_cents_wide_and_falls_with_the_strike() -> None:
    kit = Kit(participants=True)
    kit.wait(5)

    rows = quoted(kit)

    assert len(rows) >= 5
    assert all(2 <= ask - bid <= 5 for _, bid, ask in rows)
    assert [bid for _, bid, _ in rows] == sorted((bid for _, bid, _ in rows), reverse=True)
    at_the_money = min(rows, key=lambda row: abs(row[0] - LEVEL))
    # A standard deviation of 8 points and a strike 1.79 above the level: 41 %.
    assert at_the_money[1] < 41 < at_the_money[2]


def test_a_quote_far_from_fair_is_soon_taken_whole() -> None:
    kit = Kit(participants=True)
    kit.wait(5)
    made = kit.place("bid", "0.70", "400")
    assert made["remaining_count"] != "0.00"

    kit.wait(60)

    assert kit.order(made["order_id"])["status"] == "executed"


def test_nobody_is_there_long_before_a_close_or_after_it() -> None:
    kit = Kit(participants=True)
    later = quoted(kit, "KXINXU-26NOV23H1200")
    kit.wait(5)
    before = quoted(kit)

    kit.now_ns = TEN_NS
    kit.wait(1)

    assert (later, quoted(kit)) == ([], [])
    assert before


def test_a_day_is_the_same_every_time_and_however_it_is_stepped_through() -> None:
    def played(step_s: float) -> str:
        kit = Kit(participants=True)
        stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
        digest = hashlib.sha256()
        for _ in range(int(120 / step_s)):
            kit.wait(step_s)
            digest.update("".join(frame for frame in stream.drain() if '"ok"' not in frame).encode())
        return digest.hexdigest()

    assert played(0.5) == played(0.5) == played(60.0)


def test_a_pair_of_ladders_changes_ten_to_twenty_times_a_second() -> None:
    found = session(date(2026, 11, 23))
    exchange = SimExchange(ExchangeConfig(session=found), generated_day(1, found), 7)
    exchange.advance(TEN_NS - 19 * 60 * NS_PER_S)
    start = exchange._venue._clock

    exchange.advance(TEN_NS - 60 * NS_PER_S)

    assert 10 <= (exchange._venue._clock - start) / (18 * 60) <= 20


def test_hours_without_traders_are_jumped_over() -> None:
    kit = Kit(participants=True, tier="basic")
    kit.now_ns = TEN_NS + 300 * NS_PER_S
    kit.wait(0)
    steps = 0

    while (due_ns := kit.exchange.next_event_ns()) is not None and due_ns < TEN_NS + 40 * 60 * NS_PER_S:
        kit.exchange.advance(due_ns)
        steps += 1

    assert steps == 0
