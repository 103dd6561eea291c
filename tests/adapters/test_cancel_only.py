"""The guardian's venue client takes what looks or cancels, and lets nothing else pass."""

import asyncio
import typing

import pytest
from typing_extensions import override

from kalshi_alpha.adapters.kalshi import cancel_only
from kalshi_alpha.adapters.kalshi.cancel_only import CancelOnlyVenue, NotACancelError, guarded
from kalshi_alpha.adapters.kalshi.http import VenueHttp
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.http import HttpRequest, HttpResponse

ORDERS = "/portfolio/events/orders"
GROUPS = "/portfolio/order_groups"


class Http(VenueHttp):
    """Answers from a list, and notes what it was asked."""

    def __init__(self, *answers: HttpResponse) -> None:
        super().__init__("http://127.0.0.1:9/trade-api/v2", None, SystemClock(), 1.0)
        self.asked: list[HttpRequest] = []
        self._answers = list(answers)

    @override
    async def send(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        return self._answers.pop(0)


def carried_out(http: Http, command: cancel_only.CancelOnly) -> list[ev.Event]:
    return asyncio.run(CancelOnlyVenue(http, lambda: 77).carry_out(command))


async def sent(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, b"")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ORDERS),
        ("POST", f"{ORDERS}/batched"),
        ("POST", f"{ORDERS}/abc/amend"),
        ("POST", f"{ORDERS}/abc/decrease"),
        ("POST", f"{GROUPS}/create"),
        ("PUT", f"{GROUPS}/abc/reset"),
        ("PUT", f"{GROUPS}/abc/limit"),
        ("PUT", f"{GROUPS}/abc/reset?x=/trigger"),
        ("DELETE", f"{GROUPS}/abc"),
        ("DELETE", f"{ORDERS}/batched/x"),
        ("POST", "/portfolio/subaccounts/transfer"),
        ("GET", "/portfolio/balance"),
        ("DELETE", "/api_keys/abc"),
    ],
)
def test_what_isnt_a_look_or_a_cancel_is_never_sent(method: str, path: str) -> None:
    with pytest.raises(NotACancelError, match=f"{method} /"):
        guarded(sent)(HttpRequest(method, path))


def test_its_commands_are_looks_and_cancels_alone() -> None:
    assert set(typing.get_args(cancel_only.CancelOnly)) == {cmd.ReadOpenOrders, cmd.TriggerGroup, cmd.CancelOrders, cmd.CancelAll}


def test_a_look_reads_the_time_of_the_view_and_then_the_orders() -> None:
    http = Http(HttpResponse(200, b'{"as_of_time":"2026-11-23T14:47:08.5Z"}'), HttpResponse(200, b'{"orders":{},"cursor":""}'))

    (read,) = carried_out(http, cmd.ReadOpenOrders(1, 5))

    assert [(request.method, request.path) for request in http.asked] == [
        ("GET", "/exchange/user_data_timestamp"),
        ("GET", "/portfolio/orders"),
    ]
    assert "subaccount=5" in http.asked[1].query
    assert read == ev.OpenOrdersRead(1, 1_795_445_228_500_000_000, ())


def test_each_cancel_says_when_the_venue_did_it() -> None:
    date = "Mon, 23 Nov 2026 14:47:09 GMT"
    http = Http(*(HttpResponse(status, body, date=date) for status, body in ((200, b"{}"), (204, b""), (200, b'{"orders":[]}'))))
    target = cmd.CancelTarget("c", "o", "T", 0)
    stamp = ev.VenueTimed(77, 1_795_445_229_000_000_000, 1_000_000_000)

    found = [carried_out(http, command) for command in (cmd.TriggerGroup(1, "g", 5), cmd.CancelAll(5), cmd.CancelOrders((target,), 5))]

    assert [events[-1] for events in found] == [stamp] * 3
    assert [events[0] for events in found[:2]] == [ev.GroupTriggered("g"), ev.CancelAllAcknowledged()]
    assert [(request.method, request.path, request.query) for request in http.asked] == [
        ("PUT", f"{GROUPS}/g/trigger", "subaccount=5"),
        ("DELETE", ORDERS, "subaccount=5"),
        ("DELETE", f"{ORDERS}/batched", ""),
    ]


def test_no_answer_is_an_outcome_not_an_error() -> None:
    (failed,) = carried_out(Http(HttpResponse(0, b"", "no answer within 2.0 s")), cmd.ReadOpenOrders(1, 5))

    assert failed == ev.RequestFailed("ReadOpenOrders", 1, 0, "no answer within 2.0 s")
