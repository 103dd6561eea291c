"""Orders placed at the simulated exchange by hand, as nobody of ours would: without group and expiry."""

import asyncio
import json

from kalshi_alpha.adapters.kalshi.auth import load_signer
from kalshi_alpha.adapters.kalshi.http import VenueHttp
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from tests.live.venue import Servers


def ask(venue: Servers, *requests: HttpRequest) -> list[HttpResponse]:
    """Send signed requests with the trading process's key."""

    async def all_of_them() -> list[HttpResponse]:
        keys = venue.root / "keys"
        client = VenueHttp(venue.rest_url, load_signer(keys / "key_id", keys / "ed25519.pem"), SystemClock(), 5.0)
        try:
            return [await client.send(request) for request in requests]
        finally:
            await client.close()

    return asyncio.run(all_of_them())


def place_lasting_orders(venue: Servers, count: int) -> None:
    """Have orders rest in a market of the first window, far from its price, for good."""
    target_s = venue.window.target_ns // 10**9
    (listed,) = ask(
        venue, HttpRequest("GET", "/markets", query=f"series_ticker=KXINXU&min_close_ts={target_s - 1}&max_close_ts={target_s + 1}")
    )
    ticker = json.loads(listed.body)["markets"][0]["ticker"]
    body = {
        "ticker": ticker,
        "side": "bid",
        "count": "1.00",
        "price": "0.0100",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "post_only": True,
        "exchange_index": 0,
        "subaccount": 0,
    }
    bodies = [json.dumps(body | {"client_order_id": f"by-hand-{number}"}).encode() for number in range(count)]
    answers = ask(venue, *(HttpRequest("POST", "/portfolio/events/orders", body=one) for one in bodies))
    assert [answer.status for answer in answers] == [201] * count, answers


def place_lasting_order(venue: Servers) -> None:
    """Have one order rest."""
    place_lasting_orders(venue, 1)
