"""Reads are whole or failed: pages to the end, the time first, the ladder from strikes and close time."""

from urllib.parse import parse_qs

import msgspec
import pytest

from kalshi_alpha.adapters.kalshi.rest import calls_for
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.orders import Fill, VenueOrder, VenuePosition

Answers = list[tuple[int, object]]
TARGET_NS = 1_795_446_000 * 1_000_000_000
AS_OF: tuple[int, object] = (200, {"as_of_time": "2026-11-23T15:00:00.25Z"})
AS_OF_NS = 1_795_446_000_250_000_000


def run(command: cmd.Command, answers: Answers) -> tuple[list[HttpRequest], list[ev.Event]]:
    """Drive one command with prepared answers, which must be used up exactly."""
    calls = calls_for(command)
    requests = [next(calls)]
    for position, (status, body) in enumerate(answers):
        response = HttpResponse(status, body if isinstance(body, bytes) else msgspec.json.encode(body), "lost" if status == 0 else "")
        try:
            requests.append(calls.send(response))
        except StopIteration as done:
            assert position == len(answers) - 1, "answers left over"
            events: list[ev.Event] = done.value
            return requests, events
    pytest.fail(f"asks for more: {requests[-1]}")


def order(order_id: str, **changes: object) -> dict[str, object]:
    return {
        "order_id": order_id,
        "user_id": "u",
        "client_order_id": f"c-{order_id}",
        "ticker": "T1",
        "outcome_side": "no",
        "book_side": "ask",
        "type": "limit",
        "status": "resting",
        "yes_price_dollars": "0.5300",
        "no_price_dollars": "0.4700",
        "fill_count_fp": "1.00",
        "remaining_count_fp": "9.00",
        "initial_count_fp": "10.00",
        "expiration_time": "2026-11-23T14:59:50Z",
        "order_group_id": "g-1",
        "exchange_index": 0,
    } | changes


def test_open_orders_are_read_after_the_time_up_to_which_they_are_true() -> None:
    requests, events = run(cmd.ReadOpenOrders(3, 5), [AS_OF, (200, {"orders": [order("o-1")], "cursor": ""})])

    assert [request.path for request in requests] == ["/exchange/user_data_timestamp", "/portfolio/orders"]
    assert parse_qs(requests[1].query) == {"status": ["resting"], "subaccount": ["5"], "limit": ["1000"]}
    expected = VenueOrder("o-1", "c-o-1", "T1", "ask", 5_300, 900, 100, "resting", "g-1", 1_795_445_990, "")
    assert events == [ev.OpenOrdersRead(3, AS_OF_NS, (expected,))]


def test_pages_are_read_to_the_empty_cursor() -> None:
    pages: Answers = [AS_OF, (200, {"orders": [order("1")], "cursor": "x&y"}), (200, {"orders": [order("2")], "cursor": ""})]

    requests, events = run(cmd.ReadOpenOrders(3, 0), pages)

    assert parse_qs(requests[2].query)["cursor"] == ["x&y"]
    assert isinstance(events[0], ev.OpenOrdersRead)
    assert [found.order_id for found in events[0].orders] == ["1", "2"]


@pytest.mark.parametrize("empty", [{"orders": [], "cursor": ""}, {"orders": {}, "cursor": ""}, {"orders": None}])
def test_an_empty_list_comes_in_several_shapes(empty: object) -> None:
    _, events = run(cmd.ReadOpenOrders(3, 0), [AS_OF, (200, empty)])

    assert events == [ev.OpenOrdersRead(3, AS_OF_NS, ())]


FAILURES: list[Answers] = [
    [(0, b"")],
    [(200, b"<html>")],
    [(503, b"")],
    [(200, {"as_of_time": "yesterday"})],
    [AS_OF, (429, {"error": "too many requests"})],
    [AS_OF, (200, {"cursor": ""})],
    [AS_OF, (200, {"orders": {"0": {}}, "cursor": ""})],
    [AS_OF, (200, {"orders": [order("1", yes_price_dollars="0.53001")], "cursor": ""})],
    [AS_OF, (200, {"orders": [order("1", book_side=None, outcome_side=None)], "cursor": ""})],
    [AS_OF, (200, {"orders": [order("1")], "cursor": "same"}), (200, {"orders": [order("1")], "cursor": "same"})],
    [AS_OF, (200, {"orders": [order("1")], "cursor": "next"}), (0, b"")],
]


@pytest.mark.parametrize("answers", FAILURES)
def test_a_read_that_is_not_whole_failed(answers: Answers) -> None:
    _, events = run(cmd.ReadOpenOrders(3, 0), answers)

    assert [(type(event), getattr(event, "command", ""), getattr(event, "request", 0)) for event in events] == [
        (ev.RequestFailed, "ReadOpenOrders", 3)
    ]


FILL: dict[str, object] = {
    "fill_id": "f-1",
    "trade_id": "f-1",
    "order_id": "o-1",
    "ticker": "T1",
    "market_ticker": "T1",
    "outcome_side": "yes",
    "book_side": "bid",
    "count_fp": "2.50",
    "yes_price_dollars": "0.4700",
    "no_price_dollars": "0.5300",
    "is_taker": False,
    "fee_cost": "0.017472",
    "created_time": "2026-11-23T15:00:00.123456Z",
    "exchange_index": 0,
}


def test_fills_are_read_from_a_second_before() -> None:
    requests, events = run(cmd.ReadFills(4, 1_795_440_000, 5), [AS_OF, (200, {"fills": [FILL], "cursor": ""})])

    assert requests[1].path == "/portfolio/fills"
    assert parse_qs(requests[1].query) == {"min_ts": ["1795439999"], "subaccount": ["5"], "limit": ["1000"]}
    expected = Fill("f-1", "o-1", "", "T1", "bid", 4_700, 250, 17_472, False, 1_795_446_000_123)
    assert events == [ev.FillsRead(4, AS_OF_NS, (expected,))]


def test_a_fill_read_again_is_the_same_and_one_that_changed_is_another() -> None:
    read = cmd.ReadFills(4, 1_795_440_000, 5)
    pages = [{"fills": [FILL]}, {"fills": [FILL, FILL | {"fill_id": "f-2", "trade_id": "f-2", "count_fp": "1.00"}]}]

    told = [run(read, [AS_OF, (200, page)])[1][0] for page in pages]

    assert [[(fill.trade_id, fill.count_e2) for fill in one.fills] for one in told if isinstance(one, ev.FillsRead)] == [
        [("f-1", 250)],
        [("f-1", 250), ("f-2", 100)],
    ]


@pytest.mark.parametrize("wrong", [{"count_fp": "many"}, {"count_fp": 1}, {"trade_id": None, "fill_id": None}])
def test_one_fill_that_cant_be_read_fails_the_whole_read_each_time(wrong: dict[str, object]) -> None:
    for _ in range(2):
        _, events = run(cmd.ReadFills(4, 1_795_440_000, 5), [AS_OF, (200, {"fills": [FILL, FILL | wrong]})])

        assert [(type(event), getattr(event, "command", "")) for event in events] == [(ev.RequestFailed, "ReadFills")]


def test_the_balance_is_read_to_its_last_digit_after_what_is_held() -> None:
    held = [{"ticker": "T2", "position_fp": "-3.50"}, {"ticker": "T1", "position_fp": "1.00"}, {"ticker": "T3", "position_fp": "0.00"}]
    told = {"balance": 9801, "balance_dollars": "98.0186", "portfolio_value": 0, "updated_ts": 1}

    requests, events = run(cmd.ReadBalance(4, 5), [AS_OF, (200, {"market_positions": held, "cursor": ""}), (200, told)])

    assert [request.path for request in requests] == ["/exchange/user_data_timestamp", "/portfolio/positions", "/portfolio/balance"]
    assert [parse_qs(request.query)["subaccount"] for request in requests[1:]] == [["5"], ["5"]]
    assert events == [ev.BalanceRead(4, AS_OF_NS, 98_018_600, ("T1", "T2"))]


@pytest.mark.parametrize("told", [{"balance": 9801}, {"balance_dollars": "1E+1000000"}, {"balance_dollars": 98.01}])
def test_a_balance_that_isnt_an_exact_amount_is_no_balance(told: dict[str, object]) -> None:
    _, events = run(cmd.ReadBalance(4, 0), [AS_OF, (200, {"market_positions": [], "cursor": ""}), (200, told)])

    [failed] = events
    assert isinstance(failed, ev.RequestFailed)
    assert failed.reason.startswith("unreadable answer")


def test_positions_are_signed() -> None:
    page = {"market_positions": [{"ticker": "T1", "position_fp": "-3.50"}, {"ticker": "T2", "position_fp": "7.00"}], "event_positions": []}

    requests, events = run(cmd.ReadPositions(5, 0), [AS_OF, (200, page)])

    assert parse_qs(requests[1].query) == {"subaccount": ["0"], "limit": ["1000"]}
    assert events == [ev.PositionsRead(5, AS_OF_NS, (VenuePosition("T1", -350), VenuePosition("T2", 700)))]


@pytest.mark.parametrize(
    ("status", "active", "trading"), [(200, True, True), (200, True, False), (503, True, False), (500, False, False), (504, False, True)]
)
def test_the_status_is_believed_under_errors_too(status: int, active: bool, trading: bool) -> None:
    _, events = run(cmd.ReadStatus(6), [(status, {"exchange_active": active, "trading_active": trading})])

    assert events == [ev.ExchangeStatusRead(active, trading)]


@pytest.mark.parametrize(
    ("status", "body"),
    [(503, {"exchange_active": True, "trading_active": True}), (200, {"exchange_active": True}), (503, b""), (0, b""), (200, b"{}")],
)
def test_an_unclear_status_is_a_failure_never_all_is_well(status: int, body: object) -> None:
    _, events = run(cmd.ReadStatus(6), [(status, body)])

    assert [(type(event), getattr(event, "request", 0)) for event in events] == [(ev.RequestFailed, 6)]


# Ladders


def market(ticker: str, **changes: object) -> dict[str, object]:
    return {
        "ticker": ticker,
        "event_ticker": "KXINX-26NOV23H1600",
        "market_type": "binary",
        "open_time": "2026-11-20T21:00:00Z",
        "close_time": "2026-11-23T15:00:00Z",
        "status": "active",
        "exchange_index": 0,
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
        "strike_type": "between",
        "floor_strike": 7175,
        "cap_strike": 7199.9999,
    } | changes


SERIES: tuple[int, object] = (200, {"series": {"fee_type": "quadratic", "fee_multiplier": 1, "ticker": "KXINX"}})
EVENT: tuple[int, object] = (200, {"event": {"event_ticker": "KXINX-26NOV23H1600", "collateral_return_type": "MECNET"}})
TOP = market("top", strike_type="greater", floor_strike=7224.9999, cap_strike=None)
MIDDLE = market("middle", floor_strike=7200, cap_strike=7224.9999)
LOW = market("low")
BOTTOM = market("bottom", strike_type="less", floor_strike=None, cap_strike=7175)
OTHER_HOUR = market("other", close_time="2026-11-23T16:00:00Z", event_ticker="KXINX-26NOV23H1700", strike_type="custom")
READ_LADDER = cmd.ReadLadder(9, "INX", TARGET_NS)


def test_a_ladder_is_read_from_low_to_high_with_fees_and_collateral() -> None:
    answers: Answers = [
        SERIES,
        (200, {"markets": [TOP, OTHER_HOUR, LOW], "cursor": "2"}),
        (200, {"markets": [BOTTOM, MIDDLE], "cursor": ""}),
        EVENT,
    ]

    requests, events = run(READ_LADDER, answers)

    assert [request.path for request in requests] == ["/series/KXINX", "/markets", "/markets", "/events/KXINX-26NOV23H1600"]
    assert parse_qs(requests[1].query) == {
        "series_ticker": ["KXINX"],
        "min_close_ts": ["1795445999"],
        "max_close_ts": ["1795446001"],
        "limit": ["1000"],
    }
    assert isinstance(events[0], ev.LadderRead)
    ladder = events[0].ladder
    assert [(rung.ticker, rung.lo_e2, rung.hi_e2) for rung in ladder.markets] == [
        ("bottom", None, 717_499),
        ("low", 717_500, 719_999),
        ("middle", 720_000, 722_499),
        ("top", 722_500, None),
    ]
    assert (ladder.fee_type, ladder.fee_multiplier, ladder.collateral, ladder.close_ns) == ("quadratic", 1.0, "MECNET", TARGET_NS)
    assert (ladder.series, ladder.event_ticker, ladder.symbol) == ("INX", "KXINX-26NOV23H1600", "I:SPX")


def test_an_events_own_fees_come_before_its_series() -> None:
    fees = {"fee_type_override": "quadratic_with_maker_fees", "fee_multiplier_override": 0.5}
    event = {"event": {"event_ticker": "KXINX-26NOV23H1600", "collateral_return_type": "", **fees}}

    _, events = run(READ_LADDER, [SERIES, (200, {"markets": [LOW], "cursor": ""}), (200, event)])

    assert isinstance(events[0], ev.LadderRead)
    assert (events[0].ladder.fee_type, events[0].ladder.fee_multiplier) == ("quadratic_with_maker_fees", 0.5)


def test_no_market_at_the_target_is_a_missing_ladder() -> None:
    _, events = run(READ_LADDER, [SERIES, (200, {"markets": [OTHER_HOUR], "cursor": ""})])

    assert events == [ev.LadderMissing("INX", TARGET_NS, "no market closes at the target")]


def test_two_events_at_the_target_are_no_ladder() -> None:
    twin = market("twin", event_ticker="KXINX-26NOV23TWIN")

    _, events = run(READ_LADDER, [SERIES, (200, {"markets": [LOW, twin], "cursor": ""})])

    assert [type(event) for event in events] == [ev.LadderMissing]


LADDER_FAILURES: dict[str, Answers] = {
    "series lost": [(0, b"")],
    "no such series": [(404, {"error": {"code": "not_found"}})],
    "no fees": [(200, {"series": {}})],
    "markets lost": [SERIES, (500, b"")],
    "a market lacks its shard": [SERIES, (200, {"markets": [{k: v for k, v in LOW.items() if k != "exchange_index"}], "cursor": ""})],
    "a market of another kind": [SERIES, (200, {"markets": [LOW, market("odd", strike_type="custom")], "cursor": ""}), EVENT],
    "event lost": [SERIES, (200, {"markets": [LOW], "cursor": ""}), (503, b"")],
    "another event": [
        SERIES,
        (200, {"markets": [LOW], "cursor": ""}),
        (200, {"event": {"event_ticker": "OTHER", "collateral_return_type": "MECNET"}}),
    ],
    "unknown collateral": [
        SERIES,
        (200, {"markets": [LOW], "cursor": ""}),
        (200, {"event": {"event_ticker": "KXINX-26NOV23H1600", "collateral_return_type": "NEWNET"}}),
    ],
    "negative fees": [
        (200, {"series": {"fee_type": "quadratic", "fee_multiplier": -1}}),
        (200, {"markets": [LOW], "cursor": ""}),
        EVENT,
    ],
}


@pytest.mark.parametrize("answers", LADDER_FAILURES.values(), ids=LADDER_FAILURES)
def test_a_ladder_that_can_not_be_understood_failed(answers: Answers) -> None:
    _, events = run(READ_LADDER, answers)

    assert [(type(event), getattr(event, "request", 0)) for event in events] == [(ev.RequestFailed, 9)]


# Results


def test_results_are_told_for_markets_that_have_one() -> None:
    page = {
        "markets": [
            {"ticker": "A", "result": "yes", "expiration_value": "7850.12"},
            {"ticker": "B", "result": "no"},
            {"ticker": "C", "result": ""},
            {"ticker": "D", "result": "scalar"},
            {"ticker": "unasked", "result": "yes"},
        ],
        "cursor": "",
    }

    requests, events = run(cmd.ReadResults(2, "E", ("A", "B", "C", "D")), [(200, page)])

    assert parse_qs(requests[0].query)["tickers"] == ["A,B,C,D"]
    assert events == [ev.MarketDetermined("A", "yes", "7850.12"), ev.MarketDetermined("B", "no", "")]


def test_many_results_are_read_a_hundred_markets_at_a_time() -> None:
    empty: tuple[int, object] = (200, {"markets": [], "cursor": ""})

    requests, _ = run(cmd.ReadResults(2, "E", tuple(f"M{number}" for number in range(250))), [empty] * 3)

    assert [request.query.count(",") + 1 for request in requests] == [100, 100, 50]


def test_no_nonsense_raises_from_a_read() -> None:
    for body in (b"[" * 50_000, b"\xff\xfe", b'{"markets":"x"}', b"null", b"7"):
        _, events = run(cmd.ReadResults(2, "E", ("A",)), [(200, body)])

        assert [type(event) for event in events] == [ev.RequestFailed]
