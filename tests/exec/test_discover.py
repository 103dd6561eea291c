"""Listings against windows and accepted terms: what is missing, wrong, changed or merely worth a note."""

import msgspec
import pytest

from kalshi_alpha.exec.discover import Change, Expected, check_ladder, expected_ladders, other_events, terms_of, terms_together
from tests.exec.listings import EVENT, LADDER, MINUTE_NS, TEN_NS, at_least, day, event, window

EXPECTED = Expected(window(), "INXU")


def test_each_window_expects_a_ladder_of_each_of_its_series() -> None:
    windows = (window(), window(TEN_NS + 60 * MINUTE_NS, "hourly-1100"))

    both = expected_ladders(windows, None)
    one = expected_ladders(windows, "NASDAQ100U")

    assert [(found.window.label, found.series) for found in both] == [
        ("hourly-1000", "INXU"),
        ("hourly-1000", "NASDAQ100U"),
        ("hourly-1100", "INXU"),
        ("hourly-1100", "NASDAQ100U"),
    ]
    assert [(found.window.label, found.series) for found in one] == [("hourly-1000", "NASDAQ100U"), ("hourly-1100", "NASDAQ100U")]


def test_a_ladder_as_it_should_be_is_told_with_what_it_is() -> None:
    found = check_ladder(EXPECTED, day(*LADDER), None)

    assert (found.faults, found.changed, found.warnings) == ((), (), ())
    assert (found.event_ticker, found.strikes, found.by_strike_type) == (EVENT, 4, {"greater_or_equal": 4})
    assert (found.step_points, found.lowest, found.highest) == (5.0, 6_840.0, 6_855.0)
    assert found.close_utc == ("2026-11-23T15:00:00.000+00:00",)
    assert (found.target_utc, found.target_et) == ("2026-11-23T15:00:00.000+00:00", "2026-11-23T10:00:00.000-05:00")
    assert (found.collateral, found.fee_type, found.fee_multiplier, found.statuses) == ("DIRECNET", "quadratic", 1.0, {"active": 4})


def test_a_missing_event_is_told_with_the_nearest_one() -> None:
    later = tuple(msgspec.structs.replace(market, close_ns=TEN_NS + 60 * MINUTE_NS) for market in LADDER)

    found = check_ladder(EXPECTED, day(*later, events=(event(strike_ns=TEN_NS + 60 * MINUTE_NS),)), None)
    nothing = check_ladder(EXPECTED, day(events=()), None)

    assert found.faults == (
        f"missing: KXINXU lists no event for 2026-11-23T10:00:00.000-05:00; the nearest, {EVENT}, closes at 2026-11-23T11:00:00.000-05:00",
    )
    assert nothing.faults == ("missing: KXINXU lists no event for 2026-11-23T10:00:00.000-05:00",)
    assert (found.event_ticker, found.strikes, found.fee_type) == (None, 0, None)


def test_an_event_about_the_target_that_closes_at_another_time_is_found_by_its_own_date() -> None:
    moved = tuple(msgspec.structs.replace(market, close_ns=TEN_NS - 5 * MINUTE_NS) for market in LADDER)

    found = check_ladder(EXPECTED, day(*moved), None)

    assert found.event_ticker == EVENT
    assert len(found.faults) == 1
    assert found.faults[0].startswith(
        "closes at another time than 2026-11-23T10:00:00.000-05:00: KXINXU-26NOV23H1000-T6839.9999 at 2026-11-23T09:55"
    )


def test_one_market_that_closes_at_another_time_is_a_fault() -> None:
    moved = msgspec.structs.replace(LADDER[2], close_ns=TEN_NS + 1)

    found = check_ladder(EXPECTED, day(*LADDER[:2], moved, LADDER[3]), None)

    assert len(found.faults) == 1
    assert moved.ticker in found.faults[0]
    assert len(found.close_utc) == 2


def test_a_market_that_opens_after_the_window_does_is_a_fault() -> None:
    late = msgspec.structs.replace(LADDER[0], open_ns=window().start_ns + 1)
    in_time = msgspec.structs.replace(LADDER[0], open_ns=window().start_ns)

    assert check_ladder(EXPECTED, day(late, *LADDER[1:]), None).faults[0].startswith("opens after the window's start")
    assert check_ladder(EXPECTED, day(in_time, *LADDER[1:]), None).faults == ()


def test_two_events_about_one_target_are_a_fault() -> None:
    twin = tuple(msgspec.structs.replace(market, event_ticker="TWIN", ticker=f"TWIN-{market.ticker}") for market in LADDER)

    found = check_ladder(EXPECTED, day(*LADDER, *twin, events=(event(), event("TWIN"))), None)

    assert found.faults == (f"events {EVENT}, TWIN are about the same target",)


def test_a_market_is_never_placed_by_its_ticker() -> None:
    renamed = tuple(msgspec.structs.replace(market, ticker=f"KXINXU-26NOV23H1500-{place}") for place, market in enumerate(LADDER))

    assert check_ladder(EXPECTED, day(*renamed), None).faults == ()


def test_gaps_and_doubles_are_faults() -> None:
    found = check_ladder(EXPECTED, day(*LADDER[:1], *LADDER[2:], at_least(6_860), at_least(6_860, ticker="again")), None)

    assert found.gaps == ("nothing between 6,840 and 6,850",)
    assert found.duplicates == ("at least 6,860 x 2",)
    assert found.faults == ("gap: nothing between 6,840 and 6,850", "listed twice: at least 6,860 x 2")


ACCEPTED = terms_of(day(*LADDER), event(), window())


@pytest.mark.parametrize(
    ("changed_event", "changed_markets", "term", "now"),
    [
        ({"collateral": "MECNET"}, {}, "collateral", ("MECNET",)),
        ({"collateral": ""}, {}, "collateral", ("none",)),
        ({"fee_type": "quadratic_with_maker_fees"}, {}, "fee_type", ("quadratic_with_maker_fees",)),
        ({"fee_multiplier": 0.5}, {}, "fee_multiplier", ("0.5",)),
        ({"sources": ("Other",)}, {}, "settlement_sources", ("Other",)),
        ({}, {"settlement_timer_s": 1_800}, "settlement_timer_s", ("1800",)),
        ({}, {"shard": 1}, "shard", ("1",)),
        ({}, {"tick": "0.0000-1.0000 by 0.0010"}, "tick", ("0.0000-1.0000 by 0.0010",)),
        ({}, {"rules": "The official close."}, "wording greater_or_equal", ("The official close.",)),
    ],
)
def test_each_term_that_changed_is_told_with_what_was_accepted(
    changed_event: dict[str, object], changed_markets: dict[str, object], term: str, now: tuple[str, ...]
) -> None:
    markets = tuple(msgspec.structs.replace(market, **changed_markets) for market in LADDER)

    found = check_ladder(EXPECTED, day(*markets, events=(msgspec.structs.replace(event(), **changed_event),)), ACCEPTED)

    assert found.changed == (Change(term, ACCEPTED[term], now),)
    assert found.faults == ()


def test_another_step_or_other_contract_terms_are_changes() -> None:
    coarser = day(*(at_least(strike) for strike in (6_800, 6_810, 6_820)))
    other_terms = msgspec.structs.replace(day(*LADDER), contract_terms="https://venue.example/new.pdf")

    assert check_ladder(EXPECTED, coarser, ACCEPTED).changed == (Change("step_points", ("5",), ("10",)),)
    assert [change.term for change in check_ladder(EXPECTED, other_terms, ACCEPTED).changed] == ["contract_terms"]


def test_a_kind_of_market_never_accepted_is_a_change() -> None:
    kinds = tuple(msgspec.structs.replace(market, strike_type="greater") for market in LADDER)

    changed = check_ladder(EXPECTED, day(*kinds), ACCEPTED).changed

    assert [(change.term, change.accepted) for change in changed] == [("wording greater", ())]


def test_the_accepted_terms_of_another_strike_day_and_hour_still_hold() -> None:
    later_ns = TEN_NS + 24 * 60 * MINUTE_NS + 60 * MINUTE_NS
    ticker = "KXINXU-26NOV24H1100"
    later = tuple(
        msgspec.structs.replace(
            at_least(strike),
            event_ticker=ticker,
            close_ns=later_ns,
            rules=f"If the S&P 500 is above {strike - 1}.9999 on Nov 24, 2026 at 11am EST, then the market resolves to Yes.",
        )
        for strike in (6_900, 6_905)
    )

    found = check_ladder(Expected(window(later_ns), "INXU"), day(*later, events=(event(ticker, strike_ns=later_ns),)), ACCEPTED)

    assert (found.changed, found.faults) == ((), ())


@pytest.mark.parametrize(
    ("fee_type", "multiplier", "told"),
    [
        ("flat", 1.0, "fee type 'flat' x 1.0: not quoted"),
        ("quadratic_with_maker_fees", 1.0, "fee type quadratic_with_maker_fees: resting orders pay a fee"),
        ("quadratic_with_maker_fees", 0.0, None),
    ],
)
def test_a_fee_that_costs_or_that_nobody_can_price_is_noted(fee_type: str, multiplier: float, told: str | None) -> None:
    found = check_ladder(EXPECTED, day(*LADDER, events=(event(fee_type=fee_type, fee_multiplier=multiplier),)), None)

    assert found.warnings == ((told,) if told else ())


def test_markets_that_do_not_trade_before_their_close_are_noted() -> None:
    halted = msgspec.structs.replace(LADDER[0], status="inactive")

    found = check_ladder(EXPECTED, day(halted, *LADDER[1:]), None)

    assert found.warnings == (f"not open for trading: {halted.ticker} inactive",)
    assert found.statuses == {"active": 3, "inactive": 1}


def test_an_event_without_terms_does_not_net_and_has_no_fee_we_know() -> None:
    found = check_ladder(EXPECTED, day(*LADDER, events=()), None)

    assert (found.event_ticker, found.strikes) == (EVENT, 4)
    assert found.warnings == ("fee type '' x 0.0: not quoted", "positions in its markets don't net")


def test_events_that_no_window_quotes_are_listed_apart() -> None:
    sixteen_ns = TEN_NS + 360 * MINUTE_NS
    close = at_least(6_840, event_ticker="KXINXU-26NOV23H1600", close_ns=sixteen_ns)
    listed = day(*LADDER, close, events=(event(), event("KXINXU-26NOV23H1600", strike_ns=sixteen_ns)))

    others = other_events([EXPECTED, Expected(window(sixteen_ns, "close-1600"), "NASDAQ100U")], listed)

    assert [(other.event_ticker, other.strikes, other.close_utc) for other in others] == [
        ("KXINXU-26NOV23H1600", 1, ("2026-11-23T21:00:00.000+00:00",))
    ]


def test_terms_of_several_ladders_are_accepted_together() -> None:
    eleven_ns = TEN_NS + 60 * MINUTE_NS
    other = tuple(
        msgspec.structs.replace(market, event_ticker="E2", ticker=f"E2-{market.ticker}", close_ns=eleven_ns, settlement_timer_s=1_800)
        for market in LADDER
    )
    listed = day(*LADDER, *other, events=(event(), event("E2", strike_ns=eleven_ns)))

    together = terms_together([EXPECTED, Expected(window(eleven_ns), "INXU")], listed)

    assert together["settlement_timer_s"] == ("1800", "60")
    assert together["collateral"] == ("DIRECNET",)
