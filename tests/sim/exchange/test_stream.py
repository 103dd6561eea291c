"""The venue's stream: subscriptions, sequence numbers, snapshots, changes, and what goes wrong with a command."""

import json
from typing import Any

import pytest

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sim.exchange import ExchangeSession, Fault
from tests.sim.exchange.venue_kit import MORNING_NS, TEN_NS, TICKER, Kit, frames

SECOND = "KXINXU-26NOV23H1000-T6839.9999"
BOOKS = "orderbook_delta"


def say(kit: Kit, stream: ExchangeSession, number: int, cmd: str, **params: object) -> list[Any]:
    stream.receive(json.dumps({"id": number, "cmd": cmd, "params": params}), kit.now_ns)
    return frames(stream)


def test_a_subscription_is_acknowledged_and_then_shows_the_book_with_the_best_level_last() -> None:
    kit = Kit()
    kit.place("bid", "0.40")
    kit.place("bid", "0.41", "3")
    kit.place("ask", "0.48", "2")

    told = frames(kit.subscribe(BOOKS, market_tickers=[TICKER]))

    assert [frame["type"] for frame in told] == ["subscribed", "orderbook_snapshot"]
    assert told[0]["msg"] == {"channel": BOOKS, "sid": 1}
    assert (told[1]["seq"], told[1]["msg"]["yes_dollars_fp"]) == (1, [["0.4000", "10.00"], ["0.4100", "3.00"]])
    assert told[1]["msg"]["no_dollars_fp"] == [["0.5200", "2.00"]]


def test_the_no_side_comes_in_yes_prices_when_asked() -> None:
    kit = Kit()
    kit.place("ask", "0.48", "2")
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER], use_yes_price=True)
    snapshot = frames(stream)[1]["msg"]

    kit.place("ask", "0.47", "1")

    assert (snapshot["no_dollars_fp"], "yes_dollars_fp" in snapshot) == ([["0.4800", "2.00"]], False)
    change = frames(stream)[0]["msg"]
    assert (change["side"], change["price_dollars"], change["delta_fp"], change["client_order_id"]) == ("no", "0.4700", "1.00", "c-2")


def test_changes_are_signed_numbered_and_end_with_a_newline() -> None:
    kit = Kit()
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
    frames(stream)
    kit.place("bid", "0.40", "5")
    kit.place("ask", "0.40", "2", subaccount=1)

    raw = stream.drain()

    told = [json.loads(frame) for frame in raw]
    assert all(frame.endswith("}\n") for frame in raw)
    assert [(frame["seq"], frame["msg"]["delta_fp"]) for frame in told] == [(2, "5.00"), (3, "-2.00")]
    assert told[0]["msg"]["clock"] < told[1]["msg"]["clock"]


def test_a_second_subscription_is_merged_and_its_ok_uses_up_a_number() -> None:
    kit = Kit()
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
    frames(stream)

    told = say(kit, stream, 2, "subscribe", channels=[BOOKS], market_tickers=[SECOND])

    assert [(frame["type"], frame["sid"], frame["seq"]) for frame in told] == [("ok", 1, 2), ("orderbook_snapshot", 1, 3)]
    assert told[0]["msg"]["market_tickers"] == [TICKER, SECOND]


def test_markets_can_be_added_dropped_and_asked_for_again() -> None:
    kit = Kit()
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
    frames(stream)

    added = say(kit, stream, 2, "update_subscription", sids=[1], action="add_markets", market_tickers=[SECOND])
    dropped = say(kit, stream, 3, "update_subscription", sids=[1], action="delete_markets", market_tickers=[TICKER])
    again = say(kit, stream, 4, "update_subscription", sids=[1], action="get_snapshot", market_tickers=[SECOND])
    kit.place()

    assert [(frame["type"], frame["seq"]) for frame in added] == [("ok", 2), ("orderbook_snapshot", 3)]
    assert (dropped[0]["msg"]["market_tickers"], dropped[0]["seq"]) == ([SECOND], 4)
    assert (again[0]["type"], again[0]["id"], again[0]["seq"]) == ("orderbook_snapshot", 4, 5)
    assert frames(stream) == []


def test_an_ended_subscription_starts_anew_under_another_number() -> None:
    kit = Kit()
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
    frames(stream)

    ended = say(kit, stream, 2, "unsubscribe", sids=[1])
    kit.place()
    fresh = say(kit, stream, 3, "subscribe", channels=[BOOKS], market_tickers=[TICKER])

    assert [(frame["type"], frame["sid"], frame["seq"]) for frame in ended] == [("unsubscribed", 1, 2)]
    assert [(frame["type"], frame.get("seq")) for frame in fresh] == [("subscribed", None), ("orderbook_snapshot", 1)]
    assert fresh[0]["msg"]["sid"] == 2


def test_private_channels_carry_no_numbers_and_the_position_after_each_fill() -> None:
    kit = Kit()
    stream = kit.subscribe("fill", "user_orders")
    kit.place("bid", "0.40", "5")
    kit.place("ask", "0.40", "2", subaccount=1)

    told = frames(stream)[2:]

    assert all("seq" not in frame for frame in told)
    fills = [frame["msg"] for frame in told if frame["type"] == "fill"]
    assert [(fill["is_taker"], fill["post_position_fp"], fill["book_side"]) for fill in fills] == [
        (False, "2.00", "bid"),
        (True, "-2.00", "ask"),
    ]


def test_determination_is_told_for_every_market_and_close_for_none() -> None:
    kit = Kit(legs={"KXINXU": 4, "KXNASDAQ100U": 4, "KXINX": 4, "KXNASDAQ100": 4})
    stream = kit.subscribe("market_lifecycle_v2")
    frames(stream)
    kit.now_ns = TEN_NS
    kit.wait(1)
    at_close = frames(stream)

    kit.wait(126)

    told = frames(stream)
    assert at_close == []
    assert [frame["seq"] for frame in told] == list(range(1, 9))
    assert {frame["msg"]["event_type"] for frame in told} == {"determined"}
    assert [frame["msg"]["result"] for frame in told[:4]] == ["yes", "yes", "no", "no"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("{", 1),
        ('{"id":9,"cmd":"dance"}', 5),
        ('{"id":9,"cmd":"subscribe","params":{}}', 3),
        ('{"id":9,"cmd":"subscribe","params":{"channels":["weather"]}}', 8),
        ('{"id":9,"cmd":"subscribe","params":{"channels":["orderbook_delta"]}}', 14),
        ('{"id":9,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["X"]}}', 11),
        ('{"id":9,"cmd":"unsubscribe","params":{"sids":[4]}}', 7),
        ('{"id":9,"cmd":"unsubscribe","params":{}}', 4),
        ('{"id":9,"cmd":"update_subscription","params":{"sids":[1,2],"action":"add_markets"}}', 12),
    ],
)
def test_a_wrong_command_is_answered_by_the_venues_code(command: str, code: int) -> None:
    kit = Kit()
    stream = kit.exchange.connect()

    stream.receive(command, kit.now_ns)

    assert [frame["msg"]["code"] for frame in frames(stream)] == [code]


def test_a_reader_that_is_too_slow_loses_its_subscriptions() -> None:
    kit = Kit()
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
    frames(stream)

    stream.overflow()
    kit.place()

    assert [(frame["sid"], frame["msg"]["code"]) for frame in frames(stream)] == [(1, 25)]


def test_a_dropped_message_leaves_a_gap_and_a_repeated_one_a_double() -> None:
    faults = [
        Fault(MORNING_NS + second * NS_PER_S, MORNING_NS + second * NS_PER_S + 1, kind)
        for second, kind in ((1, "drop_frame"), (3, "repeat_frame"))
    ]
    kit = Kit(faults=faults)
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
    frames(stream)
    for _ in range(4):
        kit.place("bid", "0.40", "1")
        kit.wait(1)

    assert [frame["seq"] for frame in frames(stream)] == [2, 4, 5, 5]


def test_a_reset_ends_the_connection() -> None:
    at = MORNING_NS + NS_PER_S
    kit = Kit(faults=[Fault(at, at + NS_PER_S, "reset"), Fault(at, at + NS_PER_S, "refuse_connections")])
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
    frames(stream)

    kit.wait(1.5)
    kit.place()

    assert (stream.closed, frames(stream)) == ("reset", [])
    assert not kit.exchange.accepts_connections(kit.now_ns)
    assert kit.exchange.accepts_connections(kit.now_ns + NS_PER_S)


def test_snapshot_and_changes_add_up_to_the_same_book_in_the_no_sides_own_prices() -> None:
    kit = Kit()
    kit.place("ask", "0.48", "9")
    stream = kit.subscribe(BOOKS, market_tickers=[TICKER])
    frames(stream)
    kit.place("ask", "0.48", "2")
    kit.place("bid", "0.48", "4", subaccount=1)

    changes = [(frame["msg"]["side"], frame["msg"]["price_dollars"], frame["msg"]["delta_fp"]) for frame in frames(stream)]
    again = say(kit, stream, 2, "update_subscription", sids=[1], action="get_snapshot", market_tickers=[TICKER])[0]["msg"]

    assert changes == [("no", "0.5200", "2.00"), ("no", "0.5200", "-4.00")]
    assert again["no_dollars_fp"] == [["0.5200", "7.00"]]
    assert kit.get(f"/markets/{TICKER}/orderbook")["orderbook_fp"] == {"yes_dollars": [], "no_dollars": [["0.5200", "7.00"]]}
