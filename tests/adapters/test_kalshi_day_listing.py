"""A day's listing is read whole, page by page, in the model's words; what can't be understood in it stays in it."""

from urllib.parse import parse_qs

import msgspec
import pytest

from kalshi_alpha.adapters.kalshi.day_listing import read_day
from kalshi_alpha.adapters.kalshi.fixed_point import WireError
from kalshi_alpha.adapters.kalshi.read_calls import ReadError
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.listed_day import ListedDay, ListedEvent, ListedMarket

Answers = list[tuple[int, object]]
# 2026-11-23 in New York.
FROM_NS = 1_795_410_000 * NS_PER_S
TO_NS = FROM_NS + 86_400 * NS_PER_S
TEN_NS = 1_795_446_000 * NS_PER_S
SERIES: dict[str, object] = {"fee_type": "quadratic", "fee_multiplier": 1, "contract_terms_url": "https://venue.example/terms.pdf"}


def market(ticker: str, **changes: object) -> dict[str, object]:
    return {
        "ticker": ticker,
        "event_ticker": "E1",
        "market_type": "binary",
        "open_time": "2026-11-20T21:00:00Z",
        "close_time": "2026-11-23T15:00:00Z",
        "status": "active",
        "exchange_index": 0,
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
        "strike_type": "greater_or_equal",
        "floor_strike": 6845,
        "settlement_timer_seconds": 60,
        "rules_primary": "Above 6844.9999.",
        "rules_secondary": "As Kalshi says.",
    } | changes


def read(answers: Answers) -> tuple[list[HttpRequest], ListedDay]:
    calls = read_day("INXU", FROM_NS, TO_NS)
    requests = [next(calls)]
    for status, body in answers:
        response = HttpResponse(status, body if isinstance(body, bytes) else msgspec.json.encode(body), "lost" if status == 0 else "")
        try:
            requests.append(calls.send(response))
        except StopIteration as done:
            found: ListedDay = done.value
            return requests, found
    pytest.fail(f"asks for more: {requests[-1]}")


def test_series_markets_and_events_are_read_page_by_page() -> None:
    pages: Answers = [
        (200, {"series": SERIES}),
        (200, {"markets": [market("M1")], "cursor": "more"}),
        (200, {"markets": [market("M2", floor_strike=6850)], "cursor": ""}),
        (200, {"events": [{"event_ticker": "E1", "collateral_return_type": "DIRECNET"}], "cursor": "more"}),
        (200, {"events": [{"event_ticker": "E2"}], "cursor": ""}),
    ]

    requests, found = read(pages)

    assert [request.path for request in requests] == ["/series/KXINXU", "/markets", "/markets", "/events", "/events"]
    assert parse_qs(requests[2].query) == {
        "series_ticker": ["KXINXU"],
        "min_close_ts": [str(FROM_NS // NS_PER_S - 1)],
        "max_close_ts": [str(TO_NS // NS_PER_S)],
        "limit": ["1000"],
        "cursor": ["more"],
    }
    assert [one.ticker for one in found.markets] == ["M1", "M2"]
    assert [one.event_ticker for one in found.events] == ["E1"]


def test_a_market_and_its_event_come_in_the_models_words() -> None:
    event = {
        "event_ticker": "E1",
        "collateral_return_type": "MECNET",
        "strike_date": "2026-11-23T15:00:00Z",
        "fee_type_override": "flat",
        "fee_multiplier_override": 0.5,
        "settlement_sources": [{"name": "Kalshi", "url": "https://venue.example"}],
    }

    _, found = read([(200, {"series": SERIES}), (200, {"markets": [market("M1")]}), (200, {"events": [event]})])

    assert found.contract_terms == "https://venue.example/terms.pdf"
    assert found.events == (ListedEvent("E1", TEN_NS, "MECNET", "flat", 0.5, ("Kalshi https://venue.example",)),)
    assert found.markets == (
        ListedMarket(
            ticker="M1",
            event_ticker="E1",
            strike_type="greater_or_equal",
            floor_strike="6845",
            cap_strike="",
            lo_e2=684_500,
            hi_e2=None,
            problem="",
            open_ns=1_795_208_400 * NS_PER_S,
            close_ns=TEN_NS,
            status="active",
            shard=0,
            tick="0.0000-1.0000 by 0.0100",
            settlement_timer_s=60,
            rules="Above 6844.9999.\nAs Kalshi says.",
        ),
    )


def test_an_event_without_its_own_takes_its_series_fees_and_sources() -> None:
    series = SERIES | {"settlement_sources": [{"name": "B"}, {"name": "A"}], "contract_terms_url": None}

    _, found = read([(200, {"series": series}), (200, {"markets": [market("M1")]}), (200, {"events": [{"event_ticker": "E1"}]})])

    assert found.events == (ListedEvent("E1", None, "", "quadratic", 1.0, ("A", "B")),)
    assert found.contract_terms == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"strike_type": "functional"},
        {"floor_strike": None},
        {"market_type": "scalar"},
        {"strike_type": None},
        {"floor_strike": 1e30},
        {"floor_strike": "6845"},
        {"floor_strike": [6845]},
        {"floor_strike": int("9" * 400)},
    ],
)
def test_a_market_that_cannot_be_understood_is_kept_with_the_reason(changes: dict[str, object]) -> None:
    _, found = read([(200, {"series": SERIES}), (200, {"markets": [market("M1", **changes)]}), (200, {"events": {}})])

    assert found.markets[0].problem
    assert (found.markets[0].lo_e2, found.markets[0].hi_e2) == (None, None)


def test_what_closes_on_another_day_is_not_of_this_one() -> None:
    listed = [
        market("before", close_time="2026-11-23T04:59:59Z"),
        market("first", close_time="2026-11-23T05:00:00Z"),
        market("after", close_time="2026-11-24T05:00:00Z"),
    ]

    _, found = read([(200, {"series": SERIES}), (200, {"markets": listed}), (200, {"events": []})])

    assert [one.ticker for one in found.markets] == ["first"]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([(0, b"")], ReadError),
        ([(404, {"error": {"code": "not_found"}})], ReadError),
        ([(200, b"<html>")], WireError),
        ([(200, {"series": SERIES}), (200, {"markets": [market("M1", close_time="soon")]}), (200, {"events": []})], WireError),
        ([(200, {"series": SERIES}), (200, {"markets": [], "cursor": "a"}), (200, {"markets": [], "cursor": "a"})], ReadError),
    ],
)
def test_a_read_that_is_not_whole_is_an_error(answers: Answers, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(answers)
