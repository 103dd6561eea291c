"""One moment of a trading day as the page is shown it: Monday 2026-11-23, 12:55:48 in New York, the 13:00 window open."""

import tempfile
from collections.abc import Iterator
from datetime import datetime
from math import erf, sin, sqrt
from pathlib import Path

import pytest
from msgspec.structs import replace

from kalshi_alpha.model.clock import NS_PER_S, utc_ns_of
from kalshi_alpha.model.maintenance import Gate
from kalshi_alpha.model.view import (
    DualFeedView,
    EngineView,
    FeedLegView,
    FeedSymbolView,
    IncidentView,
    LadderView,
    MaintenanceView,
    OrderView,
    PnlView,
    RungView,
    WindowView,
)

NOON_ET = utc_ns_of(datetime.fromisoformat("2026-11-23T12:00:00-05:00"))
NOW = NOON_ET + (55 * 60 + 48) * NS_PER_S


def leg_view(leg: str, age_ms: int, shift: float = 0.0) -> FeedLegView:
    stale = age_ms > 2_000
    symbols = {
        "I:SPX": FeedSymbolView(stale, age_ms, 132, 6849.37 + shift, "STALE" if stale else "FRESH"),
        "I:NDX": FeedSymbolView(stale, age_ms + 40, 141, 25012.8 + shift, "STALE" if stale else "FRESH"),
    }
    return FeedLegView(
        leg,
        connected=True,
        stale=stale,
        age_ms=age_ms,
        steady_ms=None if stale else 60_000,
        slo_ms=2_000,
        event_lag_ms=132,
        last_event_ms=0,
        symbols=symbols,
        vendor="Massive",
        path=f"socket.{leg}.example",
    )


def windows_view() -> tuple[WindowView, ...]:
    made = []
    for hour in (10, 11, 12, 13, 14, 15):
        target = NOON_ET + (hour - 12) * 3_600 * NS_PER_S
        state = "done" if target < NOW else "active" if hour == 13 else "next"
        series = ("INXU", "NASDAQ100U")
        made.append(WindowView(f"hourly-{hour}00", series, state, target - 900 * NS_PER_S, target - 2 * NS_PER_S, target))
    target = NOON_ET + 4 * 3_600 * NS_PER_S
    return (*made, WindowView("close-1600", ("INX", "NASDAQ100"), "next", target - 600 * NS_PER_S, target - 2 * NS_PER_S, target))


def ladder_view(series: str, symbol: str, level: float, step: int) -> LadderView:
    middle = round(level / step) * step
    rungs = []
    for i in range(-13, 13):
        strike = middle + i * step
        fair = 0.5 * (1 + erf((level - strike) / (step * 4.2) / sqrt(2)))
        mid = fair + 0.008 * sin(i * 1.7)
        bid, ask = max(0, int(mid * 100 - 1.5)) * 100, min(100, int(mid * 100 + 2.6)) * 100
        near = -6 <= i <= 6
        rungs.append(
            RungView(
                ticker=f"KX{series}-26NOV2313-T{strike}",
                label=f"{strike:,}",
                fair_p=fair,
                book_bid_e4=bid,
                book_ask_e4=ask if ask < 10_000 else 0,
                our_bid_e4=int(fair * 100 - 1.3) * 100 if near else 0,
                our_ask_e4=int(fair * 100 + 2.4) * 100 if near else 0,
                position_e2={-2: 1_000, 1: -350}.get(i, 0),
            )
        )
    return LadderView(series, f"KX{series}-26NOV2313", symbol, level, 412_350_000, 1_500_000_000, tuple(rungs))


def orders_view(ladders: tuple[LadderView, ...]) -> tuple[OrderView, ...]:
    made = []
    for ladder in ladders:
        for n, rung in enumerate(one for one in ladder.rungs if one.our_bid_e4):
            for side, price in (("bid", rung.our_bid_e4), ("ask", rung.our_ask_e4)):
                placed = NOW - (3 + 4 * n) * NS_PER_S
                status = "unknown" if (n, side) == (4, "ask") else "resting"
                made.append(
                    OrderView(
                        client_order_id=f"o-{ladder.series}-{n}-{side}",
                        ticker=rung.ticker,
                        label=f"{ladder.series} {rung.label}",
                        side=side,
                        price_e4=price,
                        remaining_e2=1_000,
                        status=status,
                        placed_ns=placed,
                        expiration_s=NOW // NS_PER_S + 17,
                    )
                )
    return tuple(made[:14])


def quoting() -> EngineView:
    ladders = (ladder_view("INXU", "I:SPX", 6849.37, 5), ladder_view("NASDAQ100U", "I:NDX", 25012.8, 25))
    timeline = ((NOW - 3_300 * NS_PER_S, "polygon"), (NOW - 1_500 * NS_PER_S, "massive"), (NOW - 1_380 * NS_PER_S, "polygon"))
    levels = tuple((NOW - (240 - n) * NS_PER_S, 6847 + 2.5 * sin(n / 11) + 0.4 * sin(n / 2), "polygon") for n in range(240))
    return EngineView(
        utc_ns=NOW,
        epoch=7,
        mode="paper",
        clock_speed=1.0,
        state="quoting",
        reasons=(),
        latches=(),
        restart_s=0.8,
        window=windows_view()[3],
        windows=windows_view(),
        feed=DualFeedView(
            active="polygon",
            state="polygon_active",
            since_ns=timeline[-1][0],
            primary_age_ms=310,
            secondary_age_ms=420,
            agree=True,
            divergence_bp=0.04,
            last_switch_ns=timeline[-1][0],
            last_switch_reason="polygon fresh for 5.0 s",
            switches_today=2,
            windows_degraded=1,
            recovery_ms=5_000,
            legs=(leg_view("polygon", 310), leg_view("massive", 420, 0.02)),
        ),
        feed_timeline=timeline,
        levels={"I:SPX": levels, "I:NDX": tuple((ns, 25_000 + 4 * (level - 6847), leg) for ns, level, leg in levels)},
        venue_connected=True,
        exchange_status="trading",
        ladders=ladders,
        orders=orders_view(ladders),
        incidents=(
            IncidentView(
                NOW - 1_500 * NS_PER_S,
                "feed",
                "polygon stale for 2.1 s",
                "Switched to massive; quoting went on without a gap.",
            ),
            IncidentView(
                NOW - 7_300 * NS_PER_S,
                "restart",
                "process restarted after a kill",
                "Adopted 12 resting orders, cancelled 2, quoted after 0.8 s.",
            ),
        ),
        pnl=PnlView(realised_e6=31_420_000, marked_e6=-2_180_000, fees_e6=4_060_000, fills=23, contracts_e2=21_300),
        ev_gap_max_usd=0.0003,
        ev_gap_threshold_usd=0.001,
        ev_gap_sample_size=1_869,
        quotes_placed=1_874,
        write_tokens=88.0,
        max_open_orders=40,
        maintenance=MaintenanceView(
            phase="announced",
            from_ns=NOON_ET + 63 * 3_600 * NS_PER_S,
            to_ns=NOON_ET + 65 * 3_600 * NS_PER_S,
            sources=("schedule", "weekly"),
            confirm="auto",
            needs_confirmation=False,
            gates=(Gate("status", green=True, note="active"), Gate("feeds", green=False, note="none fresh for I:SPX")),
            contradictions=(),
            unknown=(),
        ),
    )


def outage() -> EngineView:
    """Return the moment with the polygon leg stale for 7.4 s and massive active."""
    view = quoting()
    assert view.feed is not None
    switched = NOW - 5 * NS_PER_S
    feed = replace(
        view.feed,
        active="massive",
        state="massive_active",
        since_ns=switched,
        last_switch_ns=switched,
        last_switch_reason="polygon stale",
        switches_today=3,
        legs=(leg_view("polygon", 7_400), leg_view("massive", 290)),
    )
    levels = {
        symbol: tuple((ns, level, leg if ns < NOW - 60 * NS_PER_S else "massive") for ns, level, leg in points)
        for symbol, points in view.levels.items()
    }
    return replace(view, feed=feed, feed_timeline=(*view.feed_timeline, (switched, "massive")), levels=levels)


def standing_down() -> EngineView:
    """Return the moment with both legs stale: nothing rests."""
    view = outage()
    assert view.feed is not None
    feed = replace(view.feed, active="none", legs=(leg_view("polygon", 9_400), leg_view("massive", 3_100)))
    bare = tuple(
        replace(ladder, worst_case_e6=0, rungs=tuple(replace(rung, our_bid_e4=0, our_ask_e4=0) for rung in ladder.rungs))
        for ladder in view.ladders
    )
    return replace(
        view,
        state="standing_down",
        reasons=("I:SPX: no fresh index feed", "I:NDX: no fresh index feed", "STOP was pressed (by console)"),
        latches=("operator_stop", "risk_limit"),
        feed=feed,
        feed_timeline=(*view.feed_timeline, (NOW - NS_PER_S, "none")),
        ladders=bare,
        orders=(),
    )


def first_run() -> EngineView:
    """Return a view before anything happened: no window, no feed, no order."""
    return replace(
        quoting(),
        epoch=1,
        state="waiting",
        reasons=("no window is open",),
        restart_s=None,
        window=None,
        windows=(),
        feed=None,
        feed_timeline=(),
        levels={},
        venue_connected=False,
        exchange_status="unknown",
        ladders=(),
        orders=(),
        incidents=(),
        pnl=PnlView(0, 0, 0, 0, 0),
        ev_gap_max_usd=0.0,
        ev_gap_sample_size=0,
        quotes_placed=0,
    )


@pytest.fixture
def root() -> Iterator[Path]:
    # The test runner's own temporary folders have paths too long for a socket on some machines.
    with tempfile.TemporaryDirectory(prefix="con") as folder:
        yield Path(folder)


@pytest.fixture
def views() -> dict[str, EngineView]:
    return {"quoting": quoting(), "outage": outage(), "standing_down": standing_down(), "first_run": first_run()}
