"""A snapshot counts whole or not at all, in the vendor's own time, and the key is never told."""

import asyncio
import json

import pytest

from kalshi_alpha.adapters.massive.rest import Bearer, IndexRest, calls
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.model.commands import ProbeIndex
from kalshi_alpha.model.events import Event, IndexProbed, RequestFailed
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.instruments import SYMBOLS

KEY = "s3cret-key"
UPDATED_NS = 1_761_941_123_456_789_012
# The vendor's own example, with another index's name.
VENDORS = {
    "last_updated": 1_679_597_116_344_223_500,
    "market_status": "closed",
    "name": "S&P 500",
    "session": {"change": -50.01, "close": 3822.39, "previous_close": 3812.19},
    "ticker": "I:SPX",
    "timeframe": "REAL-TIME",
    "type": "indices",
    "value": 3822.39,
}


def row(ticker: str = "I:SPX", **more: object) -> dict[str, object]:
    return {"ticker": ticker, "value": 6840.2, "last_updated": UPDATED_NS, "timeframe": "REAL-TIME"} | more


def answer(*rows: object) -> HttpResponse:
    return HttpResponse(200, json.dumps({"request_id": "a", "status": "OK", "results": rows}).encode())


def asked(response: HttpResponse) -> tuple[HttpRequest, list[Event]]:
    reading = calls(ProbeIndex(7, SYMBOLS), Bearer(KEY))
    request = next(reading)
    with pytest.raises(StopIteration) as done:
        reading.send(response)
    events: list[Event] = done.value.value
    return request, events


def spx(response: HttpResponse) -> Event:
    return asked(response)[1][0]


def test_both_indices_are_asked_for_at_once_and_the_key_is_in_no_address() -> None:
    request, _ = asked(answer())

    assert (request.method, request.path) == ("GET", "/v3/snapshot/indices")
    assert request.query == "ticker.any_of=I:SPX,I:NDX&limit=2"
    assert KEY not in repr(request)


def test_the_vendors_example_is_read() -> None:
    assert spx(answer(VENDORS)) == IndexProbed(7, "I:SPX", 3822.39, 1_679_597_116_344_223_500, "REAL-TIME")


def test_rows_come_in_any_order_with_any_keys_and_keep_the_vendors_time() -> None:
    _, events = asked(answer(row("I:NDX", value=25_000, unheard_of=[1]), row(), row("I:DJI")))

    assert events == [
        IndexProbed(7, "I:SPX", 6840.2, UPDATED_NS, "REAL-TIME"),
        IndexProbed(7, "I:NDX", 25_000.0, UPDATED_NS, "REAL-TIME"),
    ]


@pytest.mark.parametrize(("timeframe", "told"), [("DELAYED", "DELAYED"), (None, "")])
def test_the_timeframe_is_told_as_it_is(timeframe: str | None, told: str) -> None:
    event = spx(answer(row(timeframe=timeframe)))

    assert isinstance(event, IndexProbed)
    assert event.timeframe == told


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row(last_updated=UPDATED_NS // 1_000_000), "I:SPX: last_updated is 1761941123456: expected Unix nanoseconds"),
        (row(last_updated=UPDATED_NS * 10), "I:SPX: last_updated is 17619411234567890120: expected Unix nanoseconds"),
        (row(last_updated=None), "I:SPX: last_updated is None: expected Unix nanoseconds"),
        (row(value=None), "I:SPX: value is None"),
        (row(value=0), "I:SPX: value is 0.0"),
        (row(value=-1.5), "I:SPX: value is -1.5"),
        (row(value=1e9), "I:SPX: value is 1000000000.0"),
        (row(value="6840.2"), "I:SPX: no readable row"),
        (7, "I:SPX: no readable row"),
        ({"ticker": "I:SPX", "error": "NOT_ENTITLED", "message": "No."}, "I:SPX: NOT_ENTITLED No."),
        ({"ticker": "I:SPX", "error": "NOT_FOUND"}, "I:SPX: NOT_FOUND"),
    ],
)  # fmt: skip
def test_a_row_that_cant_be_believed_is_a_failure_and_costs_its_neighbour_nothing(bad: object, reason: str) -> None:
    _, events = asked(answer(bad, row("I:NDX")))

    assert events[0] == RequestFailed("ProbeIndex", 7, 200, reason)
    assert isinstance(events[1], IndexProbed)


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (HttpResponse(0, b"", "no answer within 2.0 s"), "no answer within 2.0 s"),
        (HttpResponse(503, b"<html>"), "http 503: no reason given"),
        (HttpResponse(401, b'{"status":"ERROR","request_id":"0","error":"Unknown API Key"}'), "http 401: Unknown API Key"),
        (HttpResponse(403, b'{"status":"NOT_AUTHORIZED","message":"You are not entitled"}'), "http 403: You are not entitled"),
        (HttpResponse(429, b"{}"), "http 429: no reason given"),
        (HttpResponse(302, b""), "http 302: no reason given"),
    ],
)
def test_no_answer_and_a_refusal_are_one_failure_with_its_reason(response: HttpResponse, reason: str) -> None:
    assert asked(response)[1] == [RequestFailed("ProbeIndex", 7, response.status, reason)]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"results": null}', b'{"results": {}}', b""])
def test_what_isnt_a_snapshot_is_a_failure(body: bytes) -> None:
    [event] = asked(HttpResponse(200, body))[1]

    assert isinstance(event, RequestFailed)
    assert event.reason.startswith("unreadable answer: ")


def test_an_answer_without_results_has_no_row() -> None:
    reasons = [event.reason for event in asked(HttpResponse(200, b'{"status":"OK"}'))[1] if isinstance(event, RequestFailed)]

    assert reasons == ["I:SPX: no readable row", "I:NDX: no readable row"]


def test_the_key_is_hidden_wherever_the_vendor_repeats_it() -> None:
    said = json.dumps({"error": f"Unknown API Key {KEY}" + "x" * 900}).encode()
    rows = answer({"ticker": "I:SPX", "error": KEY, "message": KEY}, {"ticker": "I:NDX", "error": f"{'y' * 186}{KEY}"})
    events = [*asked(HttpResponse(401, said))[1], *asked(HttpResponse(0, b"", f"bad {KEY}"))[1], *asked(rows)[1]]

    reasons = [event.reason for event in events if isinstance(event, RequestFailed)]
    assert len(reasons) == 4
    assert all(len(reason) <= 200 for reason in reasons)
    assert "s3c" not in "".join(reasons)
    assert KEY not in repr(Bearer(KEY))


def test_without_a_key_nothing_is_hidden() -> None:
    assert Bearer("").hidden("as it is") == "as it is"


def test_a_service_that_isnt_there_is_a_failure() -> None:
    async def scene() -> list[Event]:
        service = IndexRest("http://127.0.0.1:1", KEY, SystemClock())
        try:
            return await service.probe(ProbeIndex(3, SYMBOLS))
        finally:
            await service.close()

    [event] = asyncio.run(scene())

    assert isinstance(event, RequestFailed)
    assert (event.command, event.request, event.http_status) == ("ProbeIndex", 3, 0)
    assert event.reason.startswith("can't connect")
