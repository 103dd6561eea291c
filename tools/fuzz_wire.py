"""The decoders of what comes over the network: the venue's stream and REST answers, the feed's stream and snapshots, the status page."""

from collections.abc import Generator
from typing import Final

import msgspec

from kalshi_alpha.adapters import statuspage
from kalshi_alpha.adapters.frame_gate import FrameGate
from kalshi_alpha.adapters.kalshi.rest import calls_for
from kalshi_alpha.adapters.kalshi.stamps import clock_read
from kalshi_alpha.adapters.kalshi.stream import VenueStream
from kalshi_alpha.adapters.massive import rest as index_rest
from kalshi_alpha.adapters.massive.stream import FeedStream
from kalshi_alpha.config import FeedLegConfig, FeedsConfig
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.instruments import SYMBOLS
from kalshi_alpha.model.orders import OrderIntent, QuoteInputs
from kalshi_alpha.model.session import StreamSession
from tools.fuzz_decoder import Case, Decoder, json_cases, json_drawer, refuse_unwritable

_TARGET_S: Final = 1_795_446_000
_NOW: Final = Now(utc_ns=_TARGET_S * NS_PER_S, mono_ns=NS_PER_S)
_TICKER: Final = "KXINXU-26NOV23H1000-T6849.9999"
_EVENT: Final = "KXINXU-26NOV23H1000"
_BOOKS: Final = 4


def wire_decoders() -> tuple[Decoder, ...]:
    """Return them all."""
    return (
        Decoder("venue stream", _VENUE_FRAMES, _read_venue_stream, json_drawer),
        Decoder("venue REST", _venue_answers(), _read_venue_answer, json_drawer),
        Decoder("feed stream", _FEED_FRAMES, _read_feed_stream, json_drawer),
        Decoder("index REST", _INDEX_ANSWERS, _read_index_answer, json_drawer),
        Decoder("status page", _PAGE_ANSWERS, _read_page_answer, json_drawer),
    )


# Streams

_ORDER: Final[dict[str, object]] = {
    "order_id": "o-1", "user_id": "u", "client_order_id": "ka-7-000001", "ticker": _TICKER, "outcome_side": "no", "book_side": "ask",
    "type": "limit", "status": "resting", "yes_price_dollars": "0.5300", "no_price_dollars": "0.4700", "fill_count_fp": "1.00",
    "remaining_count_fp": "9.00", "initial_count_fp": "10.00", "expiration_time": "2026-11-23T14:59:50Z", "order_group_id": "g-1",
    "exchange_index": 0, "subaccount_number": 0, "last_update_reason": "Decrease",
}  # fmt: skip
_FILL: Final[dict[str, object]] = {
    "trade_id": "t-1", "order_id": "o-1", "client_order_id": "ka-7-000001", "ticker": _TICKER, "outcome_side": "yes", "book_side": "bid",
    "yes_price_dollars": "0.4700", "count_fp": "2.50", "fee_cost": "0.017472", "is_taker": False,
    "created_time": "2026-11-23T15:00:00.123Z",
    "subaccount": 0,
}  # fmt: skip
_VENUE_FRAMES: Final = (
    *json_cases(
        "frame",
        {"id": 1, "type": "subscribed", "msg": {"channel": "orderbook_delta", "sid": _BOOKS}},
        {"id": 2, "type": "ok", "sid": _BOOKS, "seq": 2, "msg": {"market_tickers": [_TICKER]}},
        {"id": 3, "type": "unsubscribed", "sid": _BOOKS, "seq": 2},
        {"id": 4, "type": "error", "sid": _BOOKS, "seq": 2, "msg": {"code": 25, "msg": "subscription buffer overflow"}},
        {"type": "orderbook_snapshot", "sid": _BOOKS, "seq": 2, "msg": {"market_ticker": _TICKER, "yes_dollars_fp": [["0.4700", "3.00"],
            ["0.4600", "9.00"]]}},
        {
            "type": "orderbook_delta", "sid": _BOOKS, "seq": 2, "sending_ts_ms": 1,
            "msg": {"market_ticker": _TICKER, "price_dollars": "0.4700", "delta_fp": "-3.00", "side": "yes", "ts_ms": 1_795_446_000_123},
        },
        {"type": "user_order", "sid": 1, "msg": {**_ORDER, "expiration_ts_ms": 1_795_445_990_000}},
        {"type": "fill", "sid": 2, "msg": {**_FILL, "market_ticker": _TICKER, "post_position_fp": "-7.00", "ts_ms": 1_795_446_000_123,
            "ts": 1_795_446_000}},
        {"type": "market_lifecycle_v2", "sid": 3, "msg": {"market_ticker": _TICKER, "event_type": "determined", "result": "yes"}},
        {"type": "event_lifecycle", "sid": 3, "msg": {"event_ticker": _EVENT}},
    ),
)  # fmt: skip
_FEED_FRAMES: Final = json_cases(
    "frame",
    [{"ev": "V", "val": 6850.25, "T": "I:SPX", "t": 1_795_446_000_123}],
    [
        {"ev": "V", "val": "6850.25", "T": "I:SPX", "t": 1_795_446_000_123},
        {"ev": "V", "val": 25_000.5, "T": "I:NDX", "t": 1_795_446_000_123},
    ],
    [{"ev": "status", "status": "connected", "message": "Connected Successfully"}],
    [{"ev": "status", "status": "auth_failed", "message": "authentication failed"}],
    [
        {"ev": "status", "status": "success", "message": "subscribed to: V.I:SPX,V.I:NDX"},
        {"ev": "A", "sym": "I:SPX", "op": 6_850.0, "s": 1, "e": 2},
    ],
)


def _read_venue_stream(case: Case) -> bool:
    stream = VenueStream(7)
    stream.subscribe_books((_TICKER,))
    stream.opened(_NOW)
    stream.outgoing()
    for sid, channel in enumerate(("user_orders", "fill", "market_lifecycle_v2"), 1):
        stream.received(f'{{"id":1,"type":"subscribed","msg":{{"channel":"{channel}","sid":{sid}}}}}', _NOW)
    stream.received(f'{{"id":2,"type":"subscribed","msg":{{"channel":"orderbook_delta","sid":{_BOOKS}}}}}', _NOW)
    stream.received(
        f'{{"type":"orderbook_snapshot","sid":{_BOOKS},"seq":1,'
        f'"msg":{{"market_ticker":"{_TICKER}","yes_dollars_fp":[["0.4700","3.00"]]}}}}',
        _NOW,
    )
    told = _feed(stream, case.data)
    return stream.unreadable_frames == 0 and not any(isinstance(event, ev.BooksDirtied) for event in told)


def _read_feed_stream(case: Case) -> bool:
    leg = FeedLegConfig("ws://127.0.0.1/", "key")
    stream = FeedStream("polygon", SYMBOLS, "not-a-key", FeedsConfig(leg, leg), 7)
    stream.opened(_NOW)
    told = _feed(stream, case.data)
    return not stream.unused and not any(isinstance(event, ev.FeedWarned) for event in told)


def _feed(stream: StreamSession, data: bytes) -> list[ev.Event]:
    """Give a session the lines as frames, also those that the gate refuses: it must bear them. Return what it told."""
    gate = FrameGate()
    told: list[ev.Event] = []
    for line in data.split(b"\n"):
        frame = _frame(line)
        gate.refusal(frame, _NOW)
        told += stream.received(frame, _NOW)
        stream.outgoing()
        stream.next_deadline_ns()
    later = stream.timer(Now(_NOW.utc_ns + 60 * NS_PER_S, _NOW.mono_ns + 60 * NS_PER_S))
    refuse_unwritable(told, later, stream.wants_close())
    refuse_unwritable(stream.closed(stream.wants_close() or "closed 1006", _NOW), stream.outgoing())
    return told


def _frame(line: bytes) -> str | bytes:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line


# REST

Answered = Generator[HttpRequest, HttpResponse, list[ev.Event]]
_INTENT: Final = OrderIntent(
    "ka-7-000001", _TICKER, _EVENT, "INXU", "2026-11-23/hourly-1000", "bid", 4_700, 1_000, _TARGET_S - 2, "g-1", 0, 0,
    QuoteInputs("I:SPX", 6_850.25, 1, "polygon", 1, 2, 1e-6, 1, None, 1, 2, 0.5, 1, "x"),
)  # fmt: skip
_SECOND: Final = msgspec.structs.replace(_INTENT, client_order_id="ka-7-000002", side="ask")
_TARGET: Final = cmd.CancelTarget("ka-7-000001", "o-1", _TICKER, 0)
_COMMANDS: Final[dict[str, cmd.Command]] = {
    "open orders": cmd.ReadOpenOrders(1, 0),
    "fills": cmd.ReadFills(2, _TARGET_S - 60, 0),
    "positions": cmd.ReadPositions(3, 0),
    "status": cmd.ReadStatus(4),
    "schedule": cmd.ReadSchedule(5),
    "closes": cmd.ReadCloses(6, ("INXU",), (_TARGET_S - 3_600) * NS_PER_S, (_TARGET_S + 3_600) * NS_PER_S),
    "ladder": cmd.ReadLadder(7, "INXU", _TARGET_S * NS_PER_S),
    "day": cmd.ReadDay(8, "INXU", (_TARGET_S - 36_000) * NS_PER_S, (_TARGET_S + 36_000) * NS_PER_S),
    "results": cmd.ReadResults(9, _EVENT, (_TICKER,)),
    "place": cmd.PlaceOrders((_INTENT,)),
    "place two": cmd.PlaceOrders((_INTENT, _SECOND)),
    "amend": cmd.AmendExpiry(_INTENT, "o-1", 1_000, _TARGET_S - 2),
    "cancel": cmd.CancelOrders((_TARGET,), 0),
    "cancel all": cmd.CancelAll(0),
    "create group": cmd.CreateGroup(10, 2_000, 0),
    "trigger group": cmd.TriggerGroup(11, "g-1", 0),
}
_MARKET: Final[dict[str, object]] = {
    "ticker": _TICKER, "event_ticker": _EVENT, "market_type": "binary", "open_time": "2026-11-20T21:00:00Z",
    "close_time": "2026-11-23T15:00:00Z",
    "status": "active", "exchange_index": 0, "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
    "strike_type": "between",
    "floor_strike": 6_825, "cap_strike": 6_849.9999, "result": "yes", "expiration_value": "6850.25", "settlement_timer_seconds": 60,
    "rules_primary": "Above 6844.9999.", "rules_secondary": "",
}  # fmt: skip
_DONE: Final[dict[str, object]] = {
    "order_id": "o-1", "client_order_id": "ka-7-000001", "fill_count": "0.00", "remaining_count": "10.00", "reduced_by": "10.00",
    "ts_ms": 1_795_446_000_123,
}  # fmt: skip
_BODIES: Final[dict[str, tuple[str, object]]] = {
    "/exchange/user_data_timestamp": ("open orders", {"as_of_time": "2026-11-23T15:00:00.25Z"}),
    "/portfolio/orders": ("open orders", {"orders": [_ORDER, {**_ORDER, "order_id": "o-2"}], "cursor": ""}),
    "/portfolio/fills": ("fills", {"fills": [_FILL], "cursor": ""}),
    "/portfolio/positions": ("positions", {"market_positions": [{"ticker": _TICKER, "position_fp": "-3.50"}], "event_positions": [],
        "cursor": ""}),
    "/exchange/status": (
        "status",
        {
            "exchange_active": True, "trading_active": True, "exchange_estimated_resume_time": "2026-11-23T16:00:00Z",
            "exchange_index_statuses": [{"exchange_index": 0, "exchange_active": True, "trading_active": True}],
        },
    ),
    "/exchange/schedule": (
        "schedule",
        {
            "schedule": {
                "standard_hours": [
                    {
                        "start_time": "2026-01-01T00:00:00Z", "end_time": "2027-01-01T00:00:00Z",
                        "monday": [{"open_time": "08:00", "close_time": "23:59"}],
                        "thursday": [{"open_time": "05:00", "close_time": "23:59"}],
                    }
                ],
                "maintenance_windows": [{"start_datetime": "2026-11-26T08:00:00Z", "end_datetime": "2026-11-26T10:00:00Z"}],
            }
        },
    ),
    "/series/KXINXU": ("ladder", {"series": {"fee_type": "quadratic", "fee_multiplier": 1,
        "contract_terms_url": "https://venue.example/terms.pdf"}}),
    "/markets": ("ladder", {"markets": [_MARKET, {**_MARKET, "strike_type": "greater", "floor_strike": 6849.9999, "ticker": "T2"}],
        "cursor": ""}),
    f"/events/{_EVENT}": ("ladder", {"event": {"event_ticker": _EVENT, "collateral_return_type": "MECNET",
        "fee_multiplier_override": 0.5}}),
    "/events": ("day", {"events": [{"event_ticker": _EVENT, "strike_date": "2026-11-23T15:00:00Z", "settlement_sources": [{"name": "S&P",
        "url": "u"}]}]}),
    "/portfolio/events/orders": ("place", _DONE),
    "/portfolio/events/orders/batched": ("place two", {"orders": [_DONE, {"client_order_id": "ka-7-000002",
        "error": {"code": "invalid_order", "message": "m"}}]}),
    "/portfolio/events/orders/o-1/amend": ("amend", {"order": _DONE, "ts_ms": 1_795_446_000_123}),
    "/portfolio/order_groups/create": ("create group", {"order_group_id": "g-1"}),
    "/portfolio/order_groups/g-1/trigger": ("trigger group", {}),
}  # fmt: skip
_ERRORS: Final[tuple[tuple[int, object], ...]] = (
    (400, {"error": {"code": "invalid_order", "message": "no", "details": "price"}}),
    (404, {"code": "not_found", "msg": "no such order"}),
    (409, {"msg": "order_already_exists"}),
    (429, {"error": "too many requests"}),
    (503, {"exchange_active": False, "trading_active": False}),
)


def _venue_answers() -> tuple[Case, ...]:
    """Return a sample for each answer of each command; the context names the command, the path and the status."""
    cases = [case for path, (name, body) in _BODIES.items() for case in json_cases(f"{name} {path} 200", body)]
    for name in ("day", "closes", "results"):
        cases += json_cases(f"{name} /markets 200", _BODIES["/markets"][1])
    cases += json_cases("cancel /portfolio/events/orders/batched 200", {"orders": [_DONE]})
    cases += json_cases("cancel all /portfolio/events/orders 200", {})
    for status, body in _ERRORS:
        for name, path in (
            ("open orders", "/portfolio/orders"),
            ("place", "/portfolio/events/orders"),
            ("cancel", "/portfolio/events/orders/batched"),
        ):
            cases += json_cases(f"{name} {path} {status}", body)
        cases += json_cases(f"trigger group /portfolio/order_groups/g-1/trigger {status}", body)
        cases += json_cases(f"status /exchange/status {status}", body)
    return tuple(cases)


def _read_venue_answer(case: Case) -> bool:
    name, _, rest = case.context.partition(" /")
    path, _, status = rest.rpartition(" ")
    return _accepted(calls_for(_COMMANDS[name]), f"/{path}", HttpResponse(int(status), case.data))


def _accepted(calls: Answered, path: str, strange: HttpResponse) -> bool:
    """Drive a command with valid answers and the strange one."""
    events: list[ev.Event] = []
    try:
        request = next(calls)
        while True:
            response = strange if request.path == path else HttpResponse(200, _VALID[request.path])
            refuse_unwritable(clock_read(request, response, 0))
            request = calls.send(response)
    except StopIteration as done:
        events = done.value
    refuse_unwritable(events)
    bad = (ev.RequestFailed, ev.OrderOutcomeUnknown, ev.LadderMissing, ev.OrderRejected, ev.CancelRefused, ev.AmendRefused)
    return not any(isinstance(event, bad) for event in events)


_INDEX_ANSWERS: Final = (
    *json_cases(
        f"{index_rest.SNAPSHOT_PATH} 200",
        {
            "status": "OK", "request_id": "r",
            "results": [
                {"ticker": "I:SPX", "value": 6_850.25, "last_updated": 1_795_446_000_123_456_789, "timeframe": "REAL-TIME",
                    "session": {"close": 1.5}},
                {"ticker": "I:NDX", "value": 25_000.5, "last_updated": 1_795_446_000_123_456_789, "timeframe": "DELAYED"},
            ],
        },
        {"results": [{"ticker": "I:SPX", "error": "NOT_FOUND", "message": "Ticker not found."}]},
    ),
    *json_cases(f"{index_rest.SNAPSHOT_PATH} 401", {"status": "ERROR", "request_id": "r", "error": "Unknown API Key"}),
    *json_cases(f"{index_rest.SNAPSHOT_PATH} 403", {"status": "NOT_AUTHORIZED",
        "message": "Your plan doesn't include this data timeframe."}),
)  # fmt: skip


def _read_index_answer(case: Case) -> bool:
    path, _, status = case.context.rpartition(" ")
    command = cmd.ProbeIndex(1, SYMBOLS)
    return _accepted(index_rest.calls(command, index_rest.Bearer("not-a-key")), path, HttpResponse(int(status), case.data))


_MAINTENANCE: Final[dict[str, object]] = {
    "id": "x1", "name": "Upgrade", "status": "scheduled", "impact": "maintenance", "components": [], "started_at": None,
    "scheduled_for": "2026-11-23T10:20:00.000-05:00", "scheduled_until": "2026-11-23T16:50:00+01:00",
}  # fmt: skip
_PAGE: Final[dict[str, object]] = {
    "/api/v2/scheduled-maintenances/upcoming.json": {"page": {}, "scheduled_maintenances": [_MAINTENANCE]},
    "/api/v2/scheduled-maintenances/active.json": {
        "page": {},
        "scheduled_maintenances": [{**_MAINTENANCE, "id": "x2", "started_at": "2026-11-23T15:00:00Z"}],
    },
    "/api/v2/incidents/unresolved.json": {"page": {}, "incidents": [{"name": "Slow", "status": "investigating", "impact": "major"}]},
}
_PAGE_ANSWERS: Final = tuple(case for path, body in _PAGE.items() for case in json_cases(f"{path} 200", body))
_VALID: Final = {path: msgspec.json.encode(body) for path, body in [*((path, body) for path, (_, body) in _BODIES.items()), *_PAGE.items()]}


def _read_page_answer(case: Case) -> bool:
    path, _, status = case.context.rpartition(" ")
    command = cmd.ReadStatusPage(1)
    return _accepted(statuspage.calls(command), path, HttpResponse(int(status), case.data))
