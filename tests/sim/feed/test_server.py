"""The simulated feed over sockets: the vendor's own clients read it unmodified, and so does ours."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

import massive  # type: ignore[import-untyped]  # the vendor ships no types
import polygon  # type: ignore[import-untyped]  # the vendor ships no types
import pytest
from aiohttp import ClientSession, WSMsgType, web
from massive.websocket.models import IndexValue, Market  # type: ignore[import-untyped]  # the vendor ships no types
from polygon.websocket.models import IndexValue as FormerIndexValue  # type: ignore[import-untyped]  # the vendor ships no types
from polygon.websocket.models import Market as FormerMarket

from kalshi_alpha.adapters.kalshi.http import VenueHttp
from kalshi_alpha.adapters.massive.rest import Bearer, IndexRest
from kalshi_alpha.adapters.massive.stream import FeedStream
from kalshi_alpha.adapters.system_clock import ClockPlan, ClockSegment, ScaledClock
from kalshi_alpha.adapters.websocket import ConnectParameters, drive
from kalshi_alpha.config import FeedLegConfig, FeedsConfig
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.commands import ProbeIndex
from kalshi_alpha.model.events import Event, FeedConnected, FeedLost, FeedWarned, IndexProbed, IndexTicked, RequestFailed
from kalshi_alpha.model.http import HttpRequest
from kalshi_alpha.model.instruments import SYMBOLS
from kalshi_alpha.sim.feed import SimFeed
from kalshi_alpha.sim.feed.faults import FeedFault
from kalshi_alpha.sim.feed.server import FeedServer
from tests.sim.feed.days import KEY, OPEN_NS, SECOND, Day, fault, ns

SPEED = 20.0
LEG = FeedLegConfig(url="-", api_key_file="-")


@contextlib.asynccontextmanager
async def feed_at(seconds: float, *faults: FeedFault) -> AsyncIterator[tuple[str, ScaledClock]]:
    """Serve the polygon leg from an instant of the day on, twenty times as fast; yield its address and clock."""
    clock = ScaledClock(ClockPlan((ClockSegment(time.monotonic_ns(), ns(seconds), SPEED),)))  # noqa: TID251 - the plan's origin
    day = Day()
    server = FeedServer(SimFeed(day, 1, faults, (KEY,)), "polygon", clock)
    runner = web.AppRunner(server.app(), shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pacing = asyncio.create_task(server.pacer.run())
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}", clock
    finally:
        pacing.cancel()
        await asyncio.wait({pacing})
        await runner.cleanup()


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(30):
            await scene()

    asyncio.run(limited())


class Enough(Exception):  # noqa: N818 - no error: it ends the vendor's endless loop
    """The client has heard what it was to hear."""


def test_the_vendors_client_reads_the_index() -> None:
    heard: list[IndexValue] = []

    async def take(messages: Sequence[object]) -> None:
        heard.extend(message for message in messages if isinstance(message, IndexValue))
        if len(heard) >= 10:
            raise Enough

    async def scene() -> None:
        async with feed_at(100) as (address, _):
            client = massive.WebSocketClient(KEY, feed=address, market=Market.Indices, subscriptions=["V.I:SPX", "V.I:NDX"], secure=False)
            with pytest.raises(Enough):
                await client.connect(take)

    run(scene)

    assert {message.ticker for message in heard} == {"I:SPX", "I:NDX"}
    for message in heard:
        second = int(message.timestamp or 0) // 1_000 - OPEN_NS // SECOND
        assert second >= 100
        assert message.value == round((6_000 + second / 100) * (4 if message.ticker == "I:NDX" else 1), 4)


def test_the_vendors_former_client_reads_the_index() -> None:
    heard: list[FormerIndexValue] = []

    async def take(messages: Sequence[object]) -> None:
        heard.extend(message for message in messages if isinstance(message, FormerIndexValue))
        if len(heard) >= 10:
            raise Enough

    async def scene() -> None:
        async with feed_at(100) as (address, _):
            client = polygon.WebSocketClient(
                KEY, feed=address, market=FormerMarket.Indices, subscriptions=["V.I:SPX", "V.I:NDX"], secure=False
            )
            with pytest.raises(Enough):
                await client.connect(take)

    run(scene)

    assert {message.ticker for message in heard} == {"I:SPX", "I:NDX"}


def test_the_vendors_client_is_refused_with_a_wrong_key() -> None:
    async def take(_messages: Sequence[object]) -> None:
        pytest.fail("data without a key")

    async def scene() -> None:
        async with feed_at(100) as (address, _):
            client = massive.WebSocketClient("wrong", feed=address, market=Market.Indices, secure=False)
            with pytest.raises(massive.exceptions.AuthError, match="authentication failed"):
                await client.connect(take)

    run(scene)


def test_the_vendors_rest_client_reads_snapshot_status_and_bars() -> None:
    async def scene() -> None:
        async with feed_at(200) as (address, _):
            client = massive.RESTClient(KEY, base=f"http://{address}", retries=0)
            loop = asyncio.get_running_loop()
            indices = await loop.run_in_executor(None, lambda: list(client.get_snapshot_indices("I:SPX,I:BAD")))
            status = await loop.run_in_executor(None, client.get_market_status)
            bars = await loop.run_in_executor(None, lambda: list(client.list_aggs("I:SPX", 1, "minute", "2026-11-23", "2026-11-23")))
            assert [index.ticker for index in indices] == ["I:SPX", "I:BAD"]
            assert 6_002.0 <= indices[0].value < 6_010
            assert 10**18 < indices[0].last_updated < 10**19
            assert indices[1].error == "NOT_FOUND"
            assert status.market == "open"
            assert [(bar.open, bar.high, bar.low, bar.close) for bar in bars[:2]] == [
                (6_000.0, 6_000.59, 6_000.0, 6_000.59),
                (6_000.6, 6_001.19, 6_000.6, 6_001.19),
            ]
            assert [bar.timestamp for bar in bars[:2]] == [OPEN_NS // 1_000_000, OPEN_NS // 1_000_000 + 60_000]

    run(scene)


@pytest.mark.parametrize(
    "path", ["/v3/snapshot/indices", "/v1/marketstatus/now", "/v2/aggs/ticker/I:SPX/range/1/minute/2026-11-23/2026-11-23"]
)
def test_rest_needs_the_key(path: str) -> None:
    async def scene() -> None:
        async with feed_at(100) as (address, _), ClientSession() as http:
            for query, error in (("", "API Key was not provided"), ("?apiKey=wrong", "Unknown API Key")):
                async with http.get(f"http://{address}{path}{query}") as answer:
                    assert (answer.status, (await answer.json())["error"]) == (401, error)
            async with http.get(f"http://{address}{path}?apiKey={KEY}") as answer:
                assert answer.status == 200

    run(scene)


def test_our_own_client_reads_the_snapshots_and_hears_of_an_outage() -> None:
    async def scene() -> None:
        async with feed_at(200, fault("rest_error", 0, 1_000, status=502)) as (address, clock):
            out = await asked_at(address, KEY, clock)
        async with feed_at(200) as (address, clock):
            fine, refused = await asked_at(address, KEY, clock), await asked_at(address, "wrong", clock)
        assert [event.reason for event in out if isinstance(event, RequestFailed)] == ["http 502: Service unavailable"]
        assert [event.reason for event in refused if isinstance(event, RequestFailed)] == ["http 401: Unknown API Key"]
        probed = [event for event in fine if isinstance(event, IndexProbed)]
        assert [event.symbol for event in probed] == ["I:SPX", "I:NDX"]
        for event in probed:
            assert (event.event_ns - ns(200)) % SECOND == 0
            assert event.level == Day().level(event.symbol, event.event_ns)
            assert event.timeframe == "REAL-TIME"

    run(scene)


async def asked_at(address: str, key: str, clock: ScaledClock) -> list[Event]:
    service = IndexRest(f"http://{address}", key, clock)
    try:
        return await service.probe(ProbeIndex(1, SYMBOLS))
    finally:
        await service.close()


def test_a_request_that_the_script_leaves_unanswered_stays_so() -> None:
    async def scene() -> None:
        async with feed_at(200, fault("rest_timeout", 0, 1_000)) as (address, clock):
            http = VenueHttp(f"http://{address}", Bearer(KEY), clock, 0.2)
            answer = await http.send(HttpRequest("GET", "/v3/snapshot/indices"))
            await http.close()
        assert (answer.status, answer.reason) == (0, "no answer within 0.2 s")

    run(scene)


class Heard:
    """Our own stream, driven against the server."""

    def __init__(self, address: str, clock: ScaledClock, key: str = KEY) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Event()
        stream = FeedStream("polygon", SYMBOLS, key, FeedsConfig(polygon=LEG, massive=LEG), 1)
        self.task = asyncio.create_task(drive(stream, partial(ConnectParameters, f"ws://{address}/indices", {}), clock, self._take))

    def _take(self, events: Sequence[Event], now: Now) -> None:  # noqa: ARG002 - the shape of a listener
        self.events += events
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


def test_our_stream_reads_the_index() -> None:
    async def scene() -> None:
        async with feed_at(100) as (address, clock):
            heard = Heard(address, clock)
            await heard.until(lambda: len(heard.of(IndexTicked)) >= 20)
            await heard.stop()
            assert heard.events[0] == FeedConnected("polygon")
            ticks = [event for event in heard.events if isinstance(event, IndexTicked)]
            assert all(tick.event_ms % 1_000 == 0 and tick.leg == "polygon" for tick in ticks)
            assert {tick.symbol for tick in ticks} == set(SYMBOLS)

    run(scene)


def test_an_abort_ends_without_a_close_frame_and_our_stream_comes_back() -> None:
    async def scene() -> None:
        async with feed_at(100, fault("abort", 110, 115)) as (address, clock):
            heard = Heard(address, clock)
            await heard.until(lambda: len(heard.of(FeedConnected)) == 2 and isinstance(heard.events[-1], IndexTicked))
            await heard.stop()
            assert heard.of(FeedLost) == [FeedLost("polygon", "closed 1006")]

    run(scene)


def test_a_refused_key_is_heard_before_the_connection_drops() -> None:
    async def scene() -> None:
        async with feed_at(100) as (address, clock):
            heard = Heard(address, clock, "wrong")
            await heard.until(lambda: len(heard.of(FeedLost)) == 1)
            await heard.stop()
            assert heard.of(FeedWarned) == [FeedWarned("polygon", "auth_failed", "authentication failed")]

    run(scene)


def test_a_client_that_reads_nothing_holds_up_nobody() -> None:
    async def scene() -> None:
        async with feed_at(100) as (address, clock), ClientSession() as http, http.ws_connect(f"ws://{address}/indices") as idle:
            await idle.send_json({"action": "auth", "params": KEY})
            await idle.send_json({"action": "subscribe", "params": "V.*"})
            heard = Heard(address, clock)
            await heard.until(lambda: len(heard.of(IndexTicked)) >= 20)
            await heard.stop()
            assert (await idle.receive()).type is WSMsgType.TEXT

    run(scene)
