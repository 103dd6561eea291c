"""The simulated venue's answers against the venue's published OpenAPI document: to generated requests, and with everything in them.

Where the wire is known to differ from the document (which statuses there are, errors' shapes), the wire is simulated; bodies of success
must conform.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings

from kalshi_alpha.model.http import HttpRequest, HttpResponse
from tests.sim.exchange.venue_kit import ORDERS, TICKER, Kit

DOCUMENT = Path(__file__).resolve().parents[4] / "shared" / "spec" / "kalshi" / "openapi.yaml"
ROOT = "http://127.0.0.1/trade-api/v2"
EVENT = "KXINXU-26NOV23H1000"
GROUPS = "/portfolio/order_groups"
GENERATED = [
    "GET /account/endpoint_costs",
    "GET /account/limits",
    "GET /events",
    "GET /events/fee_changes",
    "GET /events/{event_ticker}",
    "GET /events/{event_ticker}/metadata",
    "GET /exchange/schedule",
    "GET /exchange/status",
    "GET /exchange/user_data_timestamp",
    "GET /markets",
    "GET /markets/orderbooks",
    "GET /markets/trades",
    "GET /markets/{ticker}",
    "GET /markets/{ticker}/orderbook",
    "GET /portfolio/balance",
    "GET /portfolio/deposits",
    "GET /portfolio/fills",
    "GET /portfolio/order_groups",
    "GET /portfolio/order_groups/{order_group_id}",
    "GET /portfolio/orders",
    "GET /portfolio/orders/queue_positions",
    "GET /portfolio/orders/{order_id}",
    "GET /portfolio/orders/{order_id}/queue_position",
    "GET /portfolio/positions",
    "GET /portfolio/settlements",
    "GET /portfolio/subaccounts/balances",
    "GET /portfolio/summary/total_resting_order_value",
    "GET /portfolio/withdrawals",
    "GET /series",
    "GET /series/fee_changes",
    "GET /series/{series_ticker}",
    "POST /portfolio/events/orders",
    "POST /portfolio/events/orders/batched",
    "POST /portfolio/events/orders/{order_id}/amend",
    "POST /portfolio/events/orders/{order_id}/decrease",
    "DELETE /portfolio/events/orders",
    "DELETE /portfolio/events/orders/batched",
    "DELETE /portfolio/events/orders/{order_id}",
    "POST /portfolio/order_groups/create",
    "PUT /portfolio/order_groups/{order_group_id}/limit",
    "PUT /portfolio/order_groups/{order_group_id}/reset",
    "PUT /portfolio/order_groups/{order_group_id}/trigger",
    "DELETE /portfolio/order_groups/{order_group_id}",
]
READS = [
    ("/series/KXINXU", ""),
    (f"/events/{EVENT}", "with_nested_markets=true"),
    ("/markets", "limit=1000&series_ticker=KXINX"),
    (f"/markets/{TICKER}", ""),
    (f"/markets/{TICKER}/orderbook", "depth=5"),
    ("/markets/orderbooks", f"tickers={TICKER}"),
    ("/series/fee_changes", "show_historical=true"),
    ("/portfolio/orders", ""),
    ("/portfolio/orders/queue_positions", f"market_tickers={TICKER}"),
    ("/portfolio/fills", ""),
    ("/portfolio/positions", ""),
    ("/portfolio/positions", "settlement_status=all"),
    ("/portfolio/settlements", ""),
    ("/portfolio/balance", ""),
    (GROUPS, ""),
]

pytestmark = pytest.mark.skipif(not DOCUMENT.exists(), reason="the published document isn't beside the repository")


@cache
def contract() -> Any:
    return schemathesis.openapi.from_path(DOCUMENT)


def operation(label: str) -> Any:
    method, path = label.split()
    return contract()[path][method]


def conforms(label: str, answer: HttpResponse) -> None:
    """Insist that an answer's body is what the document says of its status."""
    method, path = label.split()
    request = requests.Request(method, ROOT + path.replace("{", "").replace("}", "")).prepare()
    content = {"content-type": ["application/json"]}
    operation(label).validate_response(schemathesis.Response(answer.status, content, answer.body, request, 0.0, verify=False))


class Lively:
    """A venue with an order of each kind, a fill, a group, and positions."""

    def __init__(self) -> None:
        self.kit = Kit()
        made = self.kit.ask("POST", f"{GROUPS}/create", body={"contracts_limit": 500, "subaccount": 0})
        conforms("POST /portfolio/order_groups/create", made)
        self.group = json.loads(made.body)["order_group_id"]
        self.order = self.kit.place(order_group_id=self.group, expiration_time=self.kit.now_ns // 10**9 + 900)["order_id"]
        self.kit.place("ask", "0.40", "4", subaccount=1)
        self.kit.wait(1)

    def real(self, label: str) -> dict[str, str]:
        """Return what exists for each name in a path."""
        known = {"order_id": self.order, "order_group_id": self.group, "ticker": TICKER, "event_ticker": EVENT, "series_ticker": "KXINXU"}
        return {name: value for name, value in known.items() if f"{{{name}}}" in label}


@pytest.mark.parametrize("label", GENERATED)
def test_every_answer_to_a_generated_request_is_as_published(label: str) -> None:
    lively, method = Lively(), label.split(maxsplit=1)[0]

    @settings(max_examples=max(10, settings().max_examples // 10), suppress_health_check=list(HealthCheck))
    @given(operation(label).as_strategy(path_parameters=lively.real(label)))
    def ask(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url=ROOT)
        body = json.dumps(sent["json"]).encode() if sent.get("json") is not None else b""
        query = urlencode(sent.get("params") or {}, doseq=True)
        lively.kit.wait(1)
        answer = lively.kit.exchange.request(HttpRequest(method, case.formatted_path, query, body), lively.kit.now_ns)
        assert answer.status in {200, 201, 204, 400, 404, 409, 410}
        if answer.status != 204:
            conforms(label, answer)

    ask()


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize(("path", "query"), READS)
def test_what_has_something_to_tell_tells_it_as_published(path: str, query: str, settled: bool) -> None:
    lively = Lively()
    if settled:
        lively.kit.wait(1_800)

    answer = lively.kit.ask("GET", path, query)

    assert answer.status == 200
    label = "GET " + path.replace(TICKER, "{ticker}").replace(EVENT, "{event_ticker}").replace("KXINXU", "{series_ticker}")
    conforms(label, answer)


def test_what_changes_an_order_answers_as_published() -> None:
    lively = Lively()
    kit, order = lively.kit, lively.order
    amended = {"ticker": TICKER, "side": "bid", "price": "0.41", "count": "9"}

    made = kit.ask("POST", ORDERS, body=kit.body("ask", "0.40", "2", subaccount=2))
    conforms("POST /portfolio/events/orders", made)
    conforms("POST /portfolio/events/orders/{order_id}/amend", kit.ask("POST", f"{ORDERS}/{order}/amend", body=amended))
    conforms("POST /portfolio/events/orders/{order_id}/decrease", kit.ask("POST", f"{ORDERS}/{order}/decrease", body={"reduce_by": "1"}))
    batch = {"orders": [kit.body(), {**kit.body(), "price": "0.405"}]}
    conforms("POST /portfolio/events/orders/batched", kit.ask("POST", f"{ORDERS}/batched", body=batch))
    gone = {"orders": [{"order_id": order}, {"order_id": "none"}]}
    conforms("DELETE /portfolio/events/orders/batched", kit.ask("DELETE", f"{ORDERS}/batched", body=gone))

    assert json.loads(made.body)["average_fill_price"] == "0.4000"
