"""Listings of one series on Monday 2026-11-23, as values."""

import msgspec

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import Series, Window
from kalshi_alpha.model.listed_day import ListedDay, ListedEvent, ListedMarket

# Monday 2026-11-23, 10:00 in New York, is 15:00 UTC.
TEN_NS = 1_795_446_000 * NS_PER_S
MINUTE_NS = 60 * NS_PER_S
EVENT = "KXINXU-26NOV23H1000"


def window(target_ns: int = TEN_NS, label: str = "hourly-1000") -> Window:
    return Window(
        label=label,
        target_type="hourly",
        series=("INXU", "NASDAQ100U"),
        start_ns=target_ns - 15 * MINUTE_NS,
        freeze_ns=target_ns - 2 * NS_PER_S,
        target_ns=target_ns,
        final_minute_ns=target_ns - MINUTE_NS,
        session_date="2026-11-23",
    )


def at_least(strike: int, **changes: object) -> ListedMarket:
    """Return the market that asks for a level of ``strike`` points or above."""
    market = ListedMarket(
        ticker=f"{EVENT}-T{strike - 1}.9999",
        event_ticker=EVENT,
        strike_type="greater_or_equal",
        floor_strike=str(strike),
        cap_strike="",
        lo_e2=strike * 100,
        hi_e2=None,
        problem="",
        open_ns=TEN_NS - 18 * 3_600 * NS_PER_S,
        close_ns=TEN_NS,
        status="active",
        shard=0,
        tick="0.0000-1.0000 by 0.0100",
        settlement_timer_s=60,
        rules=f"If the S&P 500 is above {strike - 1}.9999 on Nov 23, 2026 at 10am EST, then the market resolves to Yes.",
    )
    return msgspec.structs.replace(market, **changes)


def between(lo_e2: int | None, hi_e2: int | None) -> ListedMarket:
    kind = "less" if lo_e2 is None else ("greater" if hi_e2 is None else "between")
    return at_least(0, ticker=f"{lo_e2}-{hi_e2}", strike_type=kind, lo_e2=lo_e2, hi_e2=hi_e2)


def event(ticker: str = EVENT, **changes: object) -> ListedEvent:
    found = ListedEvent(ticker, TEN_NS, "DIRECNET", "quadratic", 1.0, ("Kalshi",))
    return msgspec.structs.replace(found, **changes)


def day(*markets: ListedMarket, events: tuple[ListedEvent, ...] = (event(),), series: Series = "INXU") -> ListedDay:
    return ListedDay(series, "https://venue.example/terms.pdf", events, markets)


LADDER = tuple(at_least(strike) for strike in (6_840, 6_845, 6_850, 6_855))
