"""What the simulated venue lists on a day, against what was seen listed by the real one, and that our own reading understands it."""

from datetime import date
from itertools import pairwise

import msgspec
import pytest

from kalshi_alpha.adapters.kalshi.listing import MarketListed, bounds
from tests.sim.exchange.venue_kit import MORNING_NS, Kit

EARLY_CLOSE = date(2026, 11, 27)


def test_a_regular_day_has_an_event_each_hour_and_ranges_at_the_close() -> None:
    kit = Kit()

    tickers = [event["event_ticker"] for event in kit.get("/events")["events"]]

    assert [ticker for ticker in tickers if ticker.startswith("KXINXU-")] == [f"KXINXU-26NOV23H{hour}00" for hour in range(10, 17)]
    assert [ticker for ticker in tickers if "U-" not in ticker] == ["KXINX-26NOV23H1600", "KXNASDAQ100-26NOV23H1600"]


def test_an_early_close_lists_nothing_after_it() -> None:
    kit = Kit(day=EARLY_CLOSE)

    tickers = [event["event_ticker"] for event in kit.get("/events")["events"]]

    assert [ticker for ticker in tickers if ticker.startswith("KXINX")] == [
        "KXINX-26NOV27H1300",
        *[f"KXINXU-26NOV27H{hour}00" for hour in (10, 11, 12, 13)],
    ]


@pytest.mark.parametrize(
    ("series", "count", "grid", "collateral"),
    [
        ("KXINXU", 200, 5, "DIRECNET"),
        ("KXNASDAQ100U", 400, 10, "DIRECNET"),
        ("KXINX", 30, 25, "MECNET"),
        ("KXNASDAQ100", 30, 100, "MECNET"),
    ],
)
def test_a_ladder_has_the_venues_size_grid_and_netting_and_leaves_no_level_out(series: str, count: int, grid: int, collateral: str) -> None:
    kit = Kit()
    event = kit.get("/events", f"series_ticker={series}")["events"][-1]

    markets = kit.get("/markets", f"event_ticker={event['event_ticker']}&limit=1000")["markets"]
    found = [bounds(market) for market in msgspec.json.decode(msgspec.json.encode(markets), type=list[MarketListed], strict=False)]

    assert (len(found), event["collateral_return_type"]) == (count, collateral)
    if collateral == "MECNET":
        assert found[0][0] is None
        assert found[-1][1] is None
        assert all(low[1] is not None and high[0] == low[1] + 1 for low, high in pairwise(found))
    lows = [low for low, _ in found if low is not None]
    assert {second - first for first, second in pairwise(lows)} == {grid * 100}


def test_a_market_reads_like_the_venues_own() -> None:
    kit = Kit()

    market = kit.get("/markets/KXINXU-26NOV23H1000-T6844.9999")["market"]

    assert (market["strike_type"], market["floor_strike"], "cap_strike" in market) == ("greater_or_equal", 6845.0, False)
    assert (market["close_time"], market["result"]) == ("2026-11-23T15:00:00.000000Z", "")
    assert (market["yes_bid_dollars"], market["yes_ask_dollars"]) == ("0.0000", "1.0000")
    assert (market["price_level_structure"], market["exchange_index"], market["status"]) == ("linear_cent", 0, "active")


def test_ranges_carry_both_strikes_and_their_tickers_name_the_middle() -> None:
    kit = Kit()
    markets = kit.get("/markets", "series_ticker=KXINX")["markets"]

    middle = next(market for market in markets if market["ticker"].endswith("B6837"))

    assert (middle["strike_type"], middle["floor_strike"], middle["cap_strike"]) == ("between", 6825.0, 6849.9999)
    assert [markets[0]["strike_type"], markets[-1]["strike_type"]] == ["less", "greater"]


def test_markets_are_found_by_when_they_close_and_read_page_by_page() -> None:
    kit = Kit()
    eleven_s = MORNING_NS // 10**9 + 80 * 60
    query = f"series_ticker=KXNASDAQ100U&min_close_ts={eleven_s}&max_close_ts={eleven_s}&limit=300"

    first = kit.get("/markets", query)
    second = kit.get("/markets", f"{query}&cursor={first['cursor']}")
    lost = kit.get("/markets", f"{query}&cursor=garbage")

    assert (len(first["markets"]), len(second["markets"]), second["cursor"]) == (300, 100, "")
    assert {market["event_ticker"] for market in first["markets"] + second["markets"]} == {"KXNASDAQ100U-26NOV23H1100"}
    assert lost == first
