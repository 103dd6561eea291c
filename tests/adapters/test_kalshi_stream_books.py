"""The venue's books: subscriptions, sequence numbers, gaps and frames that don't fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.adapters.kalshi.stream import VenueStream
from kalshi_alpha.data.book import Book
from kalshi_alpha.model import events as ev
from tests.adapters.kalshi_frames import BOOKS, SECOND, at, delta, give, open_stream, sent, snapshot, subscribed, whole_stream

# Books


def test_snapshots_and_changes_come_in_yes_prices() -> None:
    stream = open_stream("A")

    first = give(stream, snapshot(1, yes=[["0.0800", "300.00"], ["0.2200", "333.00"]], no=[["0.5400", "20.00"]]))
    bid = give(stream, delta(2, price="0.2200", change="-54.00"))
    ask = give(stream, delta(3, price="0.5300", change="1.50", side="no"))

    assert first == [ev.BookSnapshotted("A", ((800, 30_000), (2_200, 33_300)), ((5_400, 2_000),))]
    assert bid == [ev.BookChanged("A", "bid", 2_200, -5_400)]
    assert ask == [ev.BookChanged("A", "ask", 5_300, 150)]


@pytest.mark.parametrize("empty", [None, [], {}])
def test_an_empty_book_is_a_snapshot_too(empty: object) -> None:
    assert give(open_stream("A"), snapshot(1, yes=empty)) == [ev.BookSnapshotted("A", (), ())]


def test_changes_before_a_books_snapshot_are_not_told() -> None:
    stream = open_stream("A", "B")
    give(stream, snapshot(1, "A"))

    assert give(stream, delta(2, "B")) == []
    assert give(stream, delta(3, "A")) != []


def test_acknowledgements_of_updates_use_up_sequence_numbers() -> None:
    stream = whole_stream("A")
    stream.subscribe_books(("B",))
    stream.unsubscribe_books(("A",))
    added, deleted = sent(stream)

    acknowledged = give(stream, {"id": added["id"], "type": "ok", "sid": BOOKS, "seq": 2, "msg": {"market_tickers": ["A", "B"]}})
    give(stream, {"id": deleted["id"], "type": "ok", "sid": BOOKS, "seq": 3, "msg": {"market_tickers": ["B"]}})
    arrived = give(stream, snapshot(4, "B"))

    assert added["params"] == {"sids": [BOOKS], "action": "add_markets", "market_tickers": ["B"]}
    assert deleted["params"] == {"sids": [BOOKS], "action": "delete_markets", "market_tickers": ["A"]}
    assert acknowledged == []
    assert arrived == [ev.BookSnapshotted("B", (), ())]


def test_books_no_longer_wanted_are_silent_at_once() -> None:
    stream = whole_stream("A", "B")

    stream.unsubscribe_books(("A",))

    assert give(stream, delta(3, "A")) == []
    assert give(stream, snapshot(4, "A")) == []
    assert give(stream, delta(5, "B")) == [ev.BookChanged("B", "bid", 4_700, 300)]


def test_the_subscription_ends_with_its_last_book_and_starts_anew_with_the_next() -> None:
    stream = whole_stream("A")

    stream.unsubscribe_books(("A",))
    stream.subscribe_books(("B",))
    ended, begun = sent(stream)
    give(stream, {"id": ended["id"], "type": "unsubscribed", "sid": BOOKS, "seq": 2})
    give(stream, subscribed(begun["id"], "orderbook_delta", BOOKS))

    assert (ended["cmd"], ended["params"]) == ("unsubscribe", {"sids": [BOOKS]})
    assert (begun["cmd"], begun["params"]["market_tickers"]) == ("subscribe", ["B"])
    assert give(stream, snapshot(1, "B")) == [ev.BookSnapshotted("B", (), ())]


def test_wishes_during_a_subscription_are_sent_after_its_acknowledgement() -> None:
    stream = VenueStream(7)
    stream.subscribe_books(("A", "B"))
    stream.opened(at(0))
    stream.outgoing()

    stream.subscribe_books(("C",))
    stream.unsubscribe_books(("A",))
    during = sent(stream)
    give(stream, subscribed(2, "orderbook_delta", BOOKS))

    assert during == []
    assert [(command["params"]["action"], command["params"]["market_tickers"]) for command in sent(stream)] == [
        ("add_markets", ["C"]),
        ("delete_markets", ["A"]),
    ]


def test_an_update_without_an_answer_ends_the_connection() -> None:
    stream = whole_stream("A")

    stream.subscribe_books(("B",))
    at_once = stream.next_deadline_ns()
    stream.timer(at(60))
    due = stream.next_deadline_ns()
    stream.timer(at(65))

    assert at_once == 0
    assert due == 65 * SECOND
    assert stream.wants_close() == "no answer to a subscription within 5 s"


# Gaps


def test_a_gap_makes_every_book_dirty_until_its_new_snapshot() -> None:
    stream = whole_stream("A", "B")
    stream.outgoing()

    gap = give(stream, delta(4, "A"))
    asked = sent(stream)
    dropped = give(stream, delta(5, "A"))
    mended = give(stream, snapshot(6, "A") | {"id": asked[0]["id"]})
    after = [give(stream, delta(7, "A")), give(stream, delta(8, "B"))]

    assert gap == [ev.BooksDirtied(("A", "B"), "sequence gap: 4 after 2")]
    assert [(command["cmd"], command["params"]) for command in asked] == [
        ("update_subscription", {"sids": [BOOKS], "action": "get_snapshot", "market_tickers": ["A", "B"]})
    ]
    assert dropped == []
    assert mended == [ev.BookSnapshotted("A", (), ())]
    assert after == [[ev.BookChanged("A", "bid", 4_700, 300)], []]


def test_a_snapshot_after_a_gap_counts_and_the_others_are_dirty() -> None:
    stream = whole_stream("A", "B")

    events = give(stream, snapshot(5, "B"))

    assert [type(event) for event in events] == [ev.BooksDirtied, ev.BookSnapshotted]


def test_an_acknowledgement_after_a_gap_shows_the_gap() -> None:
    stream = whole_stream("A")
    stream.subscribe_books(("B",))
    number = sent(stream)[0]["id"]

    events = give(stream, {"id": number, "type": "ok", "sid": BOOKS, "seq": 3})

    assert [type(event) for event in events] == [ev.BooksDirtied]


def test_a_frame_that_comes_twice_is_applied_once() -> None:
    stream = whole_stream("A")

    events = [give(stream, delta(2)), give(stream, delta(2)), give(stream, delta(3))]

    assert [len(found) for found in events] == [1, 0, 1]
    assert all(isinstance(event, ev.BookChanged) for found in events for event in found)


def test_a_sequence_that_goes_back_starts_the_subscription_anew() -> None:
    stream = whole_stream("A", "B")
    give(stream, delta(3))
    stream.outgoing()

    events = give(stream, delta(1))
    commands = sent(stream)
    ignored = give(stream, delta(2))
    give(stream, {"id": commands[0]["id"], "type": "unsubscribed", "sid": BOOKS, "seq": 4})
    give(stream, subscribed(commands[1]["id"], "orderbook_delta", 9))
    fresh = give(stream, snapshot(1) | {"sid": 9})

    assert events == [ev.BooksDirtied(("A", "B"), "sequence went back from 3 to 1")]
    assert [command["cmd"] for command in commands] == ["unsubscribe", "subscribe"]
    assert ignored == []
    assert fresh == [ev.BookSnapshotted("A", (), ())]


@pytest.mark.parametrize("code", [10, 25])
def test_a_subscription_ended_by_the_venue_is_made_again(code: int) -> None:
    stream = whole_stream("A")
    stream.outgoing()

    events = give(stream, {"type": "error", "sid": BOOKS, "seq": 2, "msg": {"code": code, "msg": "Subscription buffer overflow"}})

    assert events == [ev.BooksDirtied(("A",), f"stream error {code}")]
    assert [(command["cmd"], command["params"]["market_tickers"]) for command in sent(stream)] == [("subscribe", ["A"])]
    assert stream.wants_close() is None


def test_a_subscription_merged_into_a_living_one_is_taken_over_with_fresh_snapshots() -> None:
    stream = whole_stream("A")
    give(stream, {"type": "error", "sid": BOOKS, "msg": {"code": 25, "msg": "overflow"}})
    number = sent(stream)[0]["id"]

    give(stream, {"id": number, "type": "ok", "sid": BOOKS, "seq": 40, "msg": {"market_tickers": ["A"]}})
    commands = sent(stream)
    events = give(stream, snapshot(41))

    assert [command["params"]["action"] for command in commands] == ["get_snapshot"]
    assert events == [ev.BookSnapshotted("A", (), ())]
    assert stream.next_deadline_ns() is None


@pytest.mark.parametrize(
    "error",
    [
        {"type": "error", "id": 1, "msg": {"code": 9, "msg": "auth"}},
        {"type": "error", "sid": 1, "msg": {"code": 10, "msg": "channel error"}},
        {"type": "error", "msg": {"code": 25, "msg": "overflow"}},
        {"type": "error", "id": 2, "sid": BOOKS, "seq": 2, "msg": {"code": 26, "msg": "market limit"}},
    ],
)
def test_any_other_error_ends_the_connection(error: dict[str, object]) -> None:
    stream = whole_stream("A")

    give(stream, error)

    assert (stream.wants_close() or "").startswith("stream error")


def test_a_book_that_does_not_come_is_asked_for_again() -> None:
    stream = open_stream("A", "B")
    give(stream, snapshot(1, "A"))
    stream.outgoing()

    due = stream.next_deadline_ns()
    stream.timer(at(5))

    assert due == 5 * SECOND
    assert [command["params"] for command in sent(stream)] == [{"sids": [BOOKS], "action": "get_snapshot", "market_tickers": ["B"]}]
    assert stream.next_deadline_ns() == 10 * SECOND


def test_a_lost_answer_to_a_recovery_is_asked_for_again() -> None:
    stream = whole_stream("A")
    give(stream, delta(9), seconds=3)
    stream.outgoing()

    stream.timer(at(8))

    assert [command["params"]["action"] for command in sent(stream)] == ["get_snapshot"]


# Frames that don't fit


BAD_DELTAS = [
    delta(2, price="0.47001"),
    delta(2, price="1.0000"),
    delta(2, price="0.0000"),
    delta(2, change="0.001"),
    delta(2, change="lots"),
    delta(2, side="maybe"),
]


@pytest.mark.parametrize("frame", BAD_DELTAS)
def test_a_change_that_does_not_fit_makes_its_book_dirty(frame: dict[str, object]) -> None:
    stream = whole_stream("A")

    events = give(stream, frame)

    assert [type(event) for event in events] == [ev.BooksDirtied]
    assert give(stream, delta(3)) == []
    assert stream.unreadable_frames == 1
    assert stream.next_deadline_ns() == 5 * SECOND


@pytest.mark.parametrize("bad", [[["0.4700", "-3.00"]], [["0.4700"]], {"0.47": "3"}, [["0.47001", "3.00"]], "x"])
def test_a_snapshot_that_does_not_fit_cleans_nothing(bad: object) -> None:
    stream = open_stream("A")

    events = give(stream, snapshot(1, yes=bad))

    assert [type(event) for event in events] == [ev.BooksDirtied]
    assert give(stream, delta(2)) == []
    assert stream.unreadable_frames == 1


def test_a_change_without_its_market_makes_every_book_dirty() -> None:
    stream = whole_stream("A", "B")
    stream.outgoing()

    events = give(stream, {"type": "orderbook_delta", "sid": BOOKS, "seq": 3, "msg": {}})

    assert events == [ev.BooksDirtied(("A", "B"), "unreadable frame")]
    assert [command["params"]["action"] for command in sent(stream)] == ["get_snapshot"]
    assert give(stream, snapshot(4)) == [ev.BookSnapshotted("A", (), ())]


@pytest.mark.parametrize(
    "frame", [b"\xff", b"", b"not json", b"[]", b"{}", b"[" * 100_000, b'{"type":7}', b'{"type":"orderbook_delta"', b"null"]
)
def test_what_is_no_frame_ends_the_connection_and_never_raises(frame: bytes) -> None:
    stream = whole_stream("A")

    events = stream.received(frame, at(1))

    assert events == []
    assert stream.unreadable_frames == 1
    assert (stream.wants_close() or "").startswith("unreadable frame")


@pytest.mark.parametrize("kind", ["event_fee_update", "event_lifecycle", "invented_tomorrow"])
def test_frames_of_other_kinds_are_ignored(kind: str) -> None:
    stream = whole_stream("A")

    assert give(stream, {"type": kind, "sid": 3, "seq": 99, "msg": {"x": 1}}) == []
    assert stream.wants_close() is None
    assert stream.unreadable_frames == 0


def test_a_frame_of_another_kind_in_the_books_sequence_uses_up_its_number() -> None:
    stream = whole_stream("A")

    give(stream, {"type": "invented_tomorrow", "sid": BOOKS, "seq": 2, "msg": {}})

    assert give(stream, delta(3)) == [ev.BookChanged("A", "bid", 4_700, 300)]


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60)))
def test_no_frame_raises(frame: str | bytes) -> None:
    stream = whole_stream("A")

    stream.received(frame, at(1))

    assert stream.unreadable_frames <= 1


# The whole


def apply(book: Book, events: list[ev.Event]) -> None:
    for event in events:
        match event:
            case ev.BookSnapshotted():
                book.snapshot(event.bids, event.asks)
            case ev.BookChanged():
                book.change(event.side, event.price_e4, event.delta_e2)
            case ev.BooksDirtied():
                book.dirty = True
            case _:
                pytest.fail(f"unexpected {event}")


@given(st.lists(st.sampled_from((0, 1, 1, 2)), max_size=60))
def test_a_clean_book_equals_the_venues_whatever_is_lost_or_doubled(copies_of_each_change: list[int]) -> None:
    stream = open_stream("A")
    ours = Book()
    venue: dict[str, int] = {}
    seq = 1
    apply(ours, give(stream, snapshot(seq)))

    for step, copies in enumerate([*copies_of_each_change, 1]):
        if any(command["params"].get("action") == "get_snapshot" for command in sent(stream)):
            seq += 1
            apply(ours, give(stream, snapshot(seq, yes=[[price, f"{count}.00"] for price, count in venue.items()])))
        price = f"0.{step % 7 + 1}000"
        venue[price] = venue.get(price, 0) + 1
        seq += 1
        for _ in range(copies):
            apply(ours, give(stream, delta(seq, price=price, change="1.00")))

        # What was lost shows with the next frame that arrives.
        if copies and not ours.dirty:
            assert {price: ours.count_e2("bid", int(price[2:])) for price in venue} == {
                price: 100 * count for price, count in venue.items()
            }
