"""The way between client and venue: how long things are on it, and that they arrive in their order."""

import asyncio
import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets

from kalshi_alpha.adapters.kalshi.auth import Signer, load_signer
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.sim.exchange.travel import Travel

ROOT = Path(__file__).resolve().parents[3]
ROUND_TRIP_MS = 60
TICKER = "KXINXU-26NOV23H1600-T6844.9999"
ORDERS = "/trade-api/v2/portfolio/events/orders"


def machine_ms() -> float:
    return SystemClock().now().mono_ns / 1e6


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Signer]]:
    folder = tmp_path_factory.mktemp("far")
    arguments = ["--keys", str(folder), "--now", "2026-11-23T12:20:00-05:00", "--round-trip-ms", str(ROUND_TRIP_MS)]
    command = [sys.executable, "-m", "kalshi_alpha.sim.exchange", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[1].split(":")[2].split("/")[0])
        yield port, load_signer(folder / "key_id", folder / "ed25519.pem")
        process.send_signal(signal.SIGTERM)


def asked(connection: http.client.HTTPConnection, path: str) -> float:
    since_ms = machine_ms()
    connection.request("GET", path)
    connection.getresponse().read()
    return machine_ms() - since_ms


def test_a_first_request_takes_three_round_trips_and_the_next_one(far: tuple[int, Signer]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", far[0])

    first_ms, second_ms = (asked(connection, "/trade-api/v2/exchange/status") for _ in range(2))
    connection.close()

    assert first_ms >= 3 * ROUND_TRIP_MS
    assert ROUND_TRIP_MS <= second_ms < first_ms


def test_frames_travel_half_a_round_trip_each_way_and_keep_their_order(far: tuple[int, Signer]) -> None:
    port, signer = far
    headers = signer.headers("GET", "/trade-api/ws/v2", SystemClock().now().utc_ns // 1_000_000)

    async def talk() -> tuple[float, list[Any]]:
        async with websockets.connect(f"ws://127.0.0.1:{port}/trade-api/ws/v2", additional_headers=headers) as socket:
            since_ms = machine_ms()
            for number in range(1, 6):
                await socket.send(json.dumps({"id": number, "cmd": "list_subscriptions"}))
            told = [json.loads(await socket.recv()) for _ in range(5)]
            return machine_ms() - since_ms, told

    took_ms, told = asyncio.run(talk())

    assert [frame["id"] for frame in told] == [1, 2, 3, 4, 5]
    assert ROUND_TRIP_MS <= took_ms < 5 * ROUND_TRIP_MS


def test_what_was_sent_arrives_though_its_sender_is_gone(far: tuple[int, Signer]) -> None:
    port, signer = far
    body = {
        "ticker": TICKER,
        "side": "bid",
        "price": "0.01",
        "count": "1",
        "client_order_id": "gone",
        "time_in_force": "good_till_canceled",
    }
    headers = signer.headers("POST", ORDERS, SystemClock().now().utc_ns // 1_000_000)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", ORDERS, json.dumps({**body, "self_trade_prevention_type": "maker"}), headers)
    connection.close()

    path = "/trade-api/v2/portfolio/orders"
    other = http.client.HTTPConnection("127.0.0.1", port)
    found: list[str] = []
    for _ in range(30):
        other.request("GET", path, headers=signer.headers("GET", path, SystemClock().now().utc_ns // 1_000_000))
        found = [order["client_order_id"] for order in json.loads(other.getresponse().read())["orders"]]
        if found:
            break
    other.close()

    assert found == ["gone"]


def test_without_a_round_trip_nothing_waits() -> None:
    async def go() -> float:
        travel = Travel(0.0)
        since_ms = machine_ms()
        await travel.handshake(asyncio.Transport())
        await travel.one_way()
        return machine_ms() - since_ms

    assert asyncio.run(go()) < 5
