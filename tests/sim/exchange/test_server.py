"""The server on loopback: the command, and published clients talking to it unmodified."""

import asyncio
import importlib
import json
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import websockets
from pykalshi import KalshiClient
from pykalshi.enums import Action, Side

from kalshi_alpha.adapters.kalshi.auth import load_signer
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.sim.exchange.audit import OrderEvent

ROOT = Path(__file__).resolve().parents[3]
EVENT = "KXINXU-26NOV23H1100"
kalshi_python_sync: Any = importlib.import_module("kalshi_python_sync")
"""Generated in January 2026; its names aren't exported in a way that types see."""


class Served(NamedTuple):
    http: str
    ws: str
    keys: Path
    audit: Path
    process: subprocess.Popen[str]


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "kalshi_alpha.sim.exchange", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("venue")
    now, audit = "2026-11-23T10:50:00-05:00", folder / "audit.jsonl"
    process = start("--port", "0", "--keys", str(folder), "--now", now, "--tier", "expert", "--audit", str(audit))
    assert process.stdout is not None
    assert process.stderr is not None
    word, http, ws = process.stdout.readline().split()
    assert word == "listening"
    yield Served(http, ws, folder, audit, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert process.stderr.read() == ""
    process.stdout.close()
    process.stderr.close()


@pytest.fixture
def client(served: Served) -> Iterator[KalshiClient]:
    key_id = (served.keys / "key_id").read_text()
    with KalshiClient(api_key_id=key_id, private_key_path=str(served.keys / "rsa.pem"), api_base=served.http, max_retries=0) as made:
        yield made


@pytest.fixture
def old_client(served: Served) -> Any:
    configuration = kalshi_python_sync.Configuration(host=served.http)
    configuration.api_key_id = (served.keys / "key_id").read_text()
    configuration.private_key_pem = (served.keys / "rsa.pem").read_text()
    return kalshi_python_sync.KalshiClient(configuration)


def near_the_money(client: KalshiClient) -> Any:
    markets = client.get_markets(event_ticker=EVENT, limit=1000)
    return min(markets, key=lambda market: abs(float(market.data.yes_bid_dollars or 0) - 0.45))


def test_it_listens_on_loopback_and_keeps_its_keys_to_itself(served: Served) -> None:
    assert served.http.startswith("http://127.0.0.1:")
    assert served.http.endswith("/trade-api/v2")
    assert served.ws == served.http.replace("http", "ws").replace("/trade-api/v2", "/trade-api/ws/v2")
    assert {stat.S_IMODE((served.keys / name).stat().st_mode) for name in ("key_id", "rsa.pem", "ed25519.pem")} == {0o600}


def test_a_published_client_reads_the_market_and_its_account(client: KalshiClient) -> None:
    market = near_the_money(client)
    book = market.get_orderbook()

    assert client.portfolio.get_balance().balance == 25_000_000
    assert client.get_market(market.data.ticker).data.event_ticker == EVENT
    assert book.orderbook.yes_dollars
    assert client.get_series("KXINXU").ticker == "KXINXU"
    assert len(client.get_events(series_ticker="KXINXU")) == 7
    assert client.exchange.get_status().trading_active
    assert list(client.portfolio.get_positions()) == []


def test_a_published_client_places_changes_and_cancels_an_order(client: KalshiClient, served: Served) -> None:
    ticker = near_the_money(client).data.ticker

    order = client.portfolio.place_order(ticker, Action.BUY, Side.YES, count_fp="5", yes_price_dollars="0.02")
    client.portfolio.amend_order(order.order_id, ticker=ticker, action=Action.BUY, side=Side.YES, count_fp="6", yes_price_dollars="0.03")
    client.portfolio.decrease_order(order.order_id, reduce_by_fp="1")
    client.portfolio.cancel_order(order.order_id)

    steps = [json.loads(line) for line in served.audit.read_text().splitlines()]
    assert [step["kind"] for step in steps if step["order_id"] == order.order_id] == ["accepted", "amended", "decreased", "cancelled"]
    assert set(steps[0]) == set(OrderEvent.__struct_fields__)


def test_an_older_generated_client_reads_everything_it_insists_on(client: KalshiClient, old_client: Any) -> None:
    ticker = near_the_money(client).data.ticker
    portfolio, markets = kalshi_python_sync.PortfolioApi(old_client), kalshi_python_sync.MarketApi(old_client)

    assert portfolio.get_balance().balance == 25_000_000
    assert portfolio.get_positions().market_positions == []
    assert portfolio.get_fills().fills == []
    assert markets.get_market(ticker).market.yes_bid > 0
    assert len(markets.get_markets(event_ticker=EVENT, limit=200).markets) == 200
    assert markets.get_market_orderbook(ticker).orderbook.yes_dollars
    assert kalshi_python_sync.EventsApi(old_client).get_event(EVENT).event.event_ticker == EVENT
    assert kalshi_python_sync.ExchangeApi(old_client).get_exchange_schedule().schedule.standard_hours


def test_an_older_generated_clients_orders_are_refused_as_the_venue_refuses_them(old_client: Any) -> None:
    with pytest.raises(kalshi_python_sync.ApiException) as caught:
        kalshi_python_sync.OrdersApi(old_client).create_order(ticker=f"{EVENT}-T1", side="yes", action="buy", count=1, yes_price=5)

    assert caught.value.status == 410


def test_the_stream_wants_a_signature_and_then_carries_the_book(client: KalshiClient, served: Served) -> None:
    ticker = near_the_money(client).data.ticker
    signer = load_signer(served.keys / "key_id", served.keys / "ed25519.pem")
    headers = signer.headers("GET", "/trade-api/ws/v2", SystemClock().now().utc_ns // 1_000_000)

    async def talk() -> list[Any]:
        with pytest.raises(websockets.InvalidStatus, match="401"):
            await websockets.connect(served.ws)
        async with websockets.connect(served.ws, additional_headers=headers) as socket:
            params = {"channels": ["orderbook_delta"], "market_tickers": [ticker], "use_yes_price": True}
            await socket.send(json.dumps({"id": 1, "cmd": "subscribe", "params": params}))
            first = [json.loads(await socket.recv()) for _ in range(2)]
            await asyncio.to_thread(client.portfolio.place_order, ticker, Action.BUY, Side.YES, count_fp="5", yes_price_dollars="0.02")
            async with asyncio.timeout(5):
                while (told := json.loads(await socket.recv()))["msg"].get("client_order_id") is None:
                    pass
        return [*first, told]

    subscribed, snapshot, delta = asyncio.run(talk())
    assert (subscribed["type"], snapshot["type"], delta["msg"]["delta_fp"]) == ("subscribed", "orderbook_snapshot", "5.00")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--day", "2026-11-26"], "2026-11-26"),
        (["--speed", "0"], "--speed"),
        (["--clock", "/nowhere/plan.json"], "plan.json"),
        (["--faults", "/nowhere/faults.json"], "faults.json"),
        (["--audit", "/nowhere/audit.jsonl"], "audit.jsonl"),
        (["--tier", "platinum"], "platinum"),
        (["--port", "99999"], "99999"),
        (["--round-trip-ms", "-1"], "'-1'"),
        (["--round-trip-ms", "soon"], "'soon'"),
    ],
)
def test_a_wrong_option_gives_one_line_and_status_2(tmp_path: Path, arguments: list[str], word: str) -> None:
    process = start("--port", "0", "--keys", str(tmp_path), *arguments)
    out, err = process.communicate(timeout=20)

    assert (process.returncode, out, err.count("\n"), word in err) == (2, "", 1, True)


def test_a_taken_port_gives_one_line_and_status_2(served: Served, tmp_path: Path) -> None:
    port = served.http.split(":")[2].split("/")[0]

    process = start("--port", port, "--keys", str(tmp_path))
    out, err = process.communicate(timeout=20)

    assert (process.returncode, out, err.count("\n")) == (2, "", 1)
    assert f"--port {port}" in err


def test_answers_are_dated_by_the_exchanges_own_clock(served: Served) -> None:
    # It was started at 15:50 UTC of its day, whatever the machine's.
    with urllib.request.urlopen(f"{served.http}/exchange/status", timeout=10) as answer:
        assert answer.headers.get_all("Date")[0].startswith("Mon, 23 Nov 2026 15:5")
        assert len(answer.headers.get_all("Date")) == 1
