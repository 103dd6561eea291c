"""The simulated feed's REST service: the day's values in the vendor's shapes, and each fault as its name says."""

import json

import pytest

from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.sim.feed import SimFeed
from kalshi_alpha.sim.feed.faults import FeedFault
from kalshi_alpha.sim.feed.rest import FeedRest
from tests.sim.feed.days import CLOSE_NS, KEY, SECOND, Day, fault, ns

ASKED = HttpRequest("GET", "/v3/snapshot/indices", "ticker.any_of=I:SPX,I:NDX&limit=2")


def answer(seconds: float, *faults: FeedFault, leg: str = "polygon", request: HttpRequest = ASKED) -> HttpResponse:
    return FeedRest(SimFeed(Day(), 1, faults), leg).answer(request, KEY, ns(seconds))


def rows(response: HttpResponse) -> list[tuple[str, float, float, str]]:
    """Return (ticker, level, seconds of its own time, timeframe)."""
    found = json.loads(response.body)["results"]
    return [(row["ticker"], row["value"], (row["last_updated"] - ns(0)) / SECOND, row["timeframe"]) for row in found]


def test_a_snapshot_is_the_last_seconds_value_in_nanoseconds() -> None:
    assert rows(answer(100.7)) == [("I:SPX", 6_001.0, 100.0, "REAL-TIME"), ("I:NDX", 24_004.0, 100.0, "REAL-TIME")]


def test_after_the_day_the_last_value_keeps_its_time() -> None:
    found = json.loads(FeedRest(SimFeed(Day(), 1), "polygon").answer(ASKED, KEY, CLOSE_NS + 7_200 * SECOND).body)["results"]

    assert [row["last_updated"] for row in found] == [Day.last_ns] * 2
    assert {row["market_status"] for row in found} == {"closed"}


def test_an_unknown_ticker_is_an_error_in_its_row() -> None:
    [row] = json.loads(answer(100, request=HttpRequest("GET", ASKED.path, "ticker.any_of=I:BAD")).body)["results"]

    assert row == {"ticker": "I:BAD", "error": "NOT_FOUND", "message": "Ticker not found."}


@pytest.mark.parametrize(("key", "error"), [("", "API Key was not provided"), ("wrong", "Unknown API Key")])
def test_a_key_that_isnt_the_accounts_is_refused(key: str, error: str) -> None:
    refused = FeedRest(SimFeed(Day(), 1), "polygon").answer(ASKED, key, ns(100))

    assert (refused.status, json.loads(refused.body)["error"]) == (401, error)


def test_a_range_that_cant_be_is_refused() -> None:
    assert answer(100, request=HttpRequest("GET", "/v2/aggs/ticker/I:SPX/range/1/minute/2026-13-45/x")).status == 400


def test_an_outage_answers_its_status_on_every_path() -> None:
    out = fault("rest_error", 90, 110, status=502)

    assert [answer(seconds, out).status for seconds in (89, 90, 109.9, 110)] == [200, 502, 502, 200]
    assert answer(100, fault("rest_error", 90, 110)).status == 503
    assert answer(100, out, request=HttpRequest("GET", "/v1/marketstatus/now")).status == 502


def test_a_time_out_is_no_answer() -> None:
    assert answer(100, fault("rest_timeout", 90, 110)).status == 0


def test_a_fault_of_the_other_legs_address_changes_nothing() -> None:
    assert answer(100, fault("rest_error", 90, 110, "massive")).status == 200
    assert answer(100, fault("rest_error", 90, 110, "massive"), leg="massive").status == 503


def test_a_stale_snapshot_says_how_old_it_is() -> None:
    assert rows(answer(100, fault("rest_stale", 90, 110)))[0] == ("I:SPX", 6_000.4, 40.0, "REAL-TIME")
    assert rows(answer(100, fault("rest_stale", 90, 110, by_s=3)))[0] == ("I:SPX", 6_000.97, 97.0, "REAL-TIME")


def test_a_delayed_plan_is_a_quarter_of_an_hour_behind_and_says_so() -> None:
    assert rows(answer(1_000, fault("rest_delayed", 990, 1_010)))[0] == ("I:SPX", 6_001.0, 100.0, "DELAYED")


def test_a_wrong_snapshot_is_as_new_as_a_right_one() -> None:
    assert rows(answer(100, fault("rest_wrong", 90, 110, factor=1.1)))[0] == ("I:SPX", 6_601.1, 100.0, "REAL-TIME")
