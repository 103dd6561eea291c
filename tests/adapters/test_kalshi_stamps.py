"""An answer tells the venue's time to the millisecond or the second, or not at all."""

import pytest

from kalshi_alpha.adapters.kalshi.stamps import clock_read, date_ns_of, date_text
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.events import VenueTimed
from kalshi_alpha.model.http import HttpRequest, HttpResponse

READ, WRITE = HttpRequest("GET", "/exchange/status"), HttpRequest("POST", "/portfolio/events/orders")
DATE = "Mon, 23 Nov 2026 15:00:00 GMT"
TEN_NS = 1_795_446_000 * NS_PER_S
TS_MS = 1_795_446_000_123


@pytest.mark.parametrize(
    "body", [b'{"order_id":"o","ts_ms":1795446000123}', b'{"orders":[{"ts_ms":1795446000001},{"ts_ms":1795446000123},{}]}']
)
def test_an_answer_to_a_write_tells_the_millisecond(body: bytes) -> None:
    assert clock_read(WRITE, HttpResponse(201, body, date=DATE), 7) == [VenueTimed(7, TS_MS * NS_PER_MS, NS_PER_MS)]


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (READ, HttpResponse(200, b'{"ts_ms":1795446000123}', date=DATE)),
        (WRITE, HttpResponse(400, b'{"error":{"ts_ms":1}}', date=DATE)),
        (WRITE, HttpResponse(503, b"", date=DATE)),
        (WRITE, HttpResponse(201, b'{"ts_ms":"soon"}', date=DATE)),
        (WRITE, HttpResponse(201, b'{"ts_ms":1e30}', date=DATE)),
        (WRITE, HttpResponse(201, b'{"ts_ms":10000000000001}', date=DATE)),
        (WRITE, HttpResponse(201, b'"ts_ms"', date=DATE)),
        (WRITE, HttpResponse(200, b'{"orders":[{"error":{"ts_ms":1}}]}', date=DATE)),
    ],
)
def test_any_other_answer_tells_the_second_of_its_date(request_: HttpRequest, response: HttpResponse) -> None:
    assert clock_read(request_, response, 7) == [VenueTimed(7, TEN_NS, NS_PER_S)]


@pytest.mark.parametrize("response", [HttpResponse(0, b"", "lost"), HttpResponse(200, b"{}"), HttpResponse(200, b"{}", date="yesterday")])
def test_no_answer_or_no_date_tells_nothing(response: HttpResponse) -> None:
    assert clock_read(READ, response, 7) == []


def test_a_date_header_reads_and_writes_as_the_standards_example() -> None:
    # RFC 9110, 5.6.7: Sun, 06 Nov 1994 08:49:37 GMT is 784111777 s.
    text = "Sun, 06 Nov 1994 08:49:37 GMT"

    assert date_ns_of(text) == 784_111_777 * NS_PER_S
    assert date_text(784_111_777 * NS_PER_S + 999_999_999) == text


@pytest.mark.parametrize(
    "text",
    [
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun, 31 Feb 2026 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 EST",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "",
        "0",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert date_ns_of(text) is None
