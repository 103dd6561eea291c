"""One leg's protocol without its socket: acknowledgements, deadlines, refusals, and when to come back."""

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.adapters.massive.stream import FeedStream
from kalshi_alpha.config import FeedLegConfig, FeedsConfig
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import Event, FeedConnected, FeedLost, FeedWarned, IndexTicked
from kalshi_alpha.model.instruments import SYMBOLS

if TYPE_CHECKING:
    from kalshi_alpha.model.session import StreamSession

KEY = "secret-key"
STAMP_MS = 1_795_444_200_000
LEG = FeedLegConfig(url="wss://127.0.0.1/indices", api_key_file="-")
CONFIG = FeedsConfig(polygon=LEG, massive=LEG)


JUNK = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]))
JUNK_FIELDS: dict[str, st.SearchStrategy[object]] = {
    "ev": st.one_of(st.sampled_from(["V", "V", "status", "A", "ZZ"]), JUNK),
    "status": st.one_of(st.sampled_from(["success", "error", "auth_failed", "max_connections"]), JUNK),
    "message": JUNK,
    "T": st.one_of(st.sampled_from(["I:SPX", "I:NDX", "I:VIX"]), JUNK),
    "t": st.one_of(st.sampled_from([STAMP_MS, STAMP_MS // 1_000, STAMP_MS * 1_000_000]), JUNK),
    "val": st.one_of(st.sampled_from([6_850.25, "6850.25", "NaN"]), JUNK),
}


def at(seconds: float) -> Now:
    return Now(utc_ns=STAMP_MS * 1_000_000 + round(seconds * 1e9), mono_ns=round(seconds * 1e9))


def new_stream(seed: int = 1) -> FeedStream:
    return FeedStream("polygon", SYMBOLS, KEY, CONFIG, seed)


def status(name: str, message: str = "") -> str:
    return json.dumps([{"ev": "status", "status": name, "message": message}])


def value(symbol: str = "I:SPX", val: object = 6850.25, stamp_ms: int = STAMP_MS) -> dict[str, object]:
    return {"ev": "V", "val": val, "T": symbol, "t": stamp_ms}


def open_stream(stream: FeedStream, seconds: float) -> None:
    """Play a whole handshake."""
    stream.opened(at(seconds))
    stream.received(status("connected"), at(seconds))
    stream.received(status("auth_success"), at(seconds))
    for symbol in SYMBOLS:
        stream.received(status("success", f"subscribed to: V.{symbol}"), at(seconds))
    stream.outgoing()


def data(stream: FeedStream, first: float, last: float) -> None:
    second = first
    while second <= last:
        stream.received(json.dumps([value()]), at(second))
        second += 1


def deadline_s(stream: FeedStream) -> float | None:
    due_ns = stream.next_deadline_ns()
    return None if due_ns is None else due_ns / 1e9


def test_it_is_a_stream_session() -> None:
    session: StreamSession = new_stream()

    assert session.connect_at_ns() == 0


def test_it_authenticates_when_greeted_and_subscribes_when_let_in() -> None:
    stream = new_stream()

    stream.opened(at(0))
    before = stream.outgoing()
    stream.received(status("connected"), at(0.1))
    auth = stream.outgoing()
    stream.received(status("auth_success"), at(0.2))

    assert before == []
    assert auth == ['{"action":"auth","params":"secret-key"}']
    assert stream.outgoing() == ['{"action":"subscribe","params":"V.I:SPX,V.I:NDX"}']
    assert stream.outgoing() == []


@pytest.mark.parametrize("together", [True, False])
def test_it_is_connected_when_every_pair_is_acknowledged(together: bool) -> None:
    stream = new_stream()
    stream.opened(at(0))
    acks = [{"ev": "status", "status": "success", "message": f"subscribed to: V.{symbol}"} for symbol in SYMBOLS]

    frames = [acks] if together else [[ack] for ack in acks]
    events = [stream.received(json.dumps(frame), at(0.3)) for frame in frames]

    assert events[-1] == [FeedConnected("polygon")]
    assert all(found == [] for found in events[:-1])
    assert stream.received(json.dumps(acks), at(0.4)) == []


def test_a_whole_handshake_may_come_in_one_frame() -> None:
    stream = new_stream()
    stream.opened(at(0))
    told = [("connected", ""), ("auth_success", ""), *(("success", f"subscribed to: V.{symbol}") for symbol in SYMBOLS)]
    frame = [{"ev": "status", "status": name, "message": message} for name, message in told]

    events = stream.received(json.dumps([*frame, value()]), at(0.3))

    assert events == [FeedConnected("polygon"), IndexTicked("polygon", "I:SPX", 6_850.25, STAMP_MS)]


@given(st.lists(st.one_of(st.none(), st.integers(), st.fixed_dictionaries({}, optional=JUNK_FIELDS)), max_size=4))
def test_no_junk_in_any_field_breaks_the_stream(messages: list[object]) -> None:
    stream = new_stream()
    open_stream(stream, 0)

    events = stream.received(json.dumps(messages), at(1))

    for event in events:
        assert isinstance(event, FeedWarned | FeedConnected | IndexTicked)
        if isinstance(event, IndexTicked):
            assert 0 < event.level < 1e9
            assert 10**12 <= event.event_ms < 10**13


def test_a_value_keeps_the_vendors_time() -> None:
    stream = new_stream()
    open_stream(stream, 0)

    events = stream.received(json.dumps([value(), value("I:NDX", "25300.1234", STAMP_MS - 900_000)]), at(1))

    assert events == [
        IndexTicked("polygon", "I:SPX", 6_850.25, STAMP_MS),
        IndexTicked("polygon", "I:NDX", 25_300.1234, STAMP_MS - 900_000),
    ]


def test_what_is_not_used_is_counted() -> None:
    stream = new_stream()
    open_stream(stream, 0)

    found = stream.received(json.dumps([{"ev": "A"}, {"ev": "ZZ"}, 7, value("I:VIX"), value(val=None), value()]), at(1))

    assert found == [IndexTicked("polygon", "I:SPX", 6_850.25, STAMP_MS)]
    assert stream.unused == {"aggregate": 1, "unknown": 2, "value": 2}


def test_bad_frames_are_told_once_a_connection() -> None:
    stream = new_stream()
    open_stream(stream, 0)

    events = [event for _ in range(50) for event in stream.received("{", at(1))]

    assert [type(event) for event in events] == [FeedWarned]
    assert stream.unused == {"frame": 50}
    assert stream.refused("frame refused: too deep") == []
    assert stream.unused == {"frame": 51}
    stream.closed("x", at(2))
    open_stream(stream, 3)
    assert len(stream.received("[", at(4))) == 1
    stream.closed("x", at(5))
    open_stream(stream, 6)
    assert stream.refused("frame refused: too deep") == [FeedWarned("polygon", "bad_frame", "frame refused: too deep")]


def test_without_any_acknowledgement_in_time_it_hangs_up() -> None:
    stream = new_stream()
    stream.opened(at(10))
    stream.received(status("connected"), at(10.1))

    assert deadline_s(stream) == 13.0
    assert stream.timer(at(12.9)) == []
    events = stream.timer(at(13.0))

    assert events == [FeedWarned("polygon", "ack_missing", "V.I:SPX, V.I:NDX")]
    assert stream.wants_close() == "no acknowledgement of V.I:SPX, V.I:NDX"
    assert stream.closed("no acknowledgement", at(13.1)) == [FeedLost("polygon", "no acknowledgement")]
    assert stream.wants_close() is None


def test_one_missing_acknowledgement_is_told_and_asked_for_again_while_the_other_index_goes_on() -> None:
    stream = new_stream()
    stream.opened(at(0))
    stream.received(status("success", "subscribed to: V.I:SPX"), at(0.1))

    events = stream.timer(at(3))

    assert events == [FeedWarned("polygon", "ack_missing", "V.I:NDX")]
    assert stream.outgoing() == ['{"action":"subscribe","params":"V.I:NDX"}']
    assert stream.wants_close() is None
    assert stream.received(status("success", "subscribed to: V.I:NDX"), at(3.1)) == [FeedConnected("polygon")]


def test_missing_first_data_is_told_by_pair_and_costs_no_connection() -> None:
    stream = new_stream()
    open_stream(stream, 0)
    stream.received(json.dumps([value("I:SPX")]), at(1))

    assert deadline_s(stream) == 5.0
    events = stream.timer(at(5))

    assert events == [FeedWarned("polygon", "no_first_data", "I:NDX")]
    assert stream.wants_close() is None


def test_a_silent_session_is_left_alone_until_it_had_data() -> None:
    stream = new_stream()
    open_stream(stream, 0)

    stream.timer(at(5))

    assert deadline_s(stream) is None


def test_falling_silent_for_fifteen_seconds_hangs_up_once() -> None:
    stream = new_stream()
    open_stream(stream, 0)
    data(stream, 1, 20)

    stream.timer(at(5))
    early = stream.timer(at(34.9))
    events = stream.timer(at(35))

    assert early == []
    assert [(event.status, event.message) for event in events if isinstance(event, FeedWarned)] == [("silent", "no value for 15 s")]
    assert stream.wants_close() == "no value for 15 s"
    assert deadline_s(stream) is None
    stream.closed("silent", at(35))
    open_stream(stream, 36)
    stream.timer(at(41))
    assert deadline_s(stream) is None


def test_a_refused_key_stops_the_leg_for_good() -> None:
    stream = new_stream()
    stream.opened(at(0))

    events = stream.received(status("auth_failed", "authentication failed"), at(0.2))
    closing = stream.wants_close()
    stream.closed("dropped", at(0.3))

    assert events == [FeedWarned("polygon", "auth_failed", "authentication failed")]
    assert closing == "authentication failed"
    assert stream.connect_at_ns() is None


def test_too_many_connections_cools_down_for_a_minute() -> None:
    stream = new_stream()
    open_stream(stream, 0)

    events = stream.received(status("max_connections", "Maximum number of websocket connections exceeded. "), at(1))
    closing = stream.wants_close()
    stream.closed("evicted", at(2))

    assert [event.status for event in events if isinstance(event, FeedWarned)] == ["max_connections"]
    assert closing == "too many connections"
    assert 62 <= (stream.connect_at_ns() or 0) / 1e9 <= 62.25
    open_stream(stream, 70)
    stream.closed("again", at(71))
    assert (stream.connect_at_ns() or 0) / 1e9 <= 71.5


@pytest.mark.parametrize("name", ["error", "slow_consumer", "force_disconnect", "auth_timeout", "not_authorized", "something_new", ""])
def test_every_other_status_is_told(name: str) -> None:
    stream = new_stream()
    open_stream(stream, 0)

    events = stream.received(status(name, "why"), at(1))

    assert events == [FeedWarned("polygon", name or "status", "why")]
    assert stream.wants_close() is None


def test_the_key_is_never_told() -> None:
    stream = new_stream()
    stream.opened(at(0))

    events: list[Event] = stream.received(status("error", f"unknown key {KEY}"), at(1))

    assert events == [FeedWarned("polygon", "error", "unknown key (key)")]


def waits(stream: FeedStream, tries: int, start: float = 0.0) -> list[float]:
    """Fail so many times; return how long each wait was."""
    found = []
    now = start
    for _ in range(tries):
        stream.closed("can't connect", at(now))
        connect_s = (stream.connect_at_ns() or 0) / 1e9
        found.append(connect_s - now)
        now = connect_s
    return found


def test_waits_grow_from_a_quarter_second_to_thirty_seconds_with_full_jitter() -> None:
    tried = [waits(new_stream(seed), 12) for seed in range(200)]

    for number, longest in enumerate([0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30]):
        found = [wait[number] for wait in tried]
        assert max(found) <= longest + 1e-6
        assert max(found) > 0.9 * longest
        assert min(found) < 0.1 * longest


def test_the_same_seed_waits_the_same() -> None:
    assert waits(new_stream(7), 10) == waits(new_stream(7), 10)
    assert waits(new_stream(7), 10) != waits(new_stream(8), 10)


@pytest.mark.parametrize(("last_value_s", "closed_s", "longest_s"), [(10.9, 11.2, 60.0), (11.0, 11.2, 0.25), (1.0, 14.0, 60.0)])
def test_only_ten_seconds_of_data_reset_the_wait(last_value_s: float, closed_s: float, longest_s: float) -> None:
    longest = 0.0
    for seed in range(60):
        stream = new_stream(seed)
        waits(stream, 8, -1_000.0)
        open_stream(stream, 0)
        stream.received(json.dumps([value()]), at(1.0))
        stream.received(json.dumps([value()]), at(last_value_s))
        stream.closed("dropped", at(closed_s))
        longest = max(longest, (stream.connect_at_ns() or 0) / 1e9 - closed_s)

    assert longest <= longest_s
    assert (longest > 0.25) == (longest_s > 0.25)


def test_a_lost_connection_is_told_only_if_there_was_one() -> None:
    stream = new_stream()

    refused = stream.closed("can't connect", at(0))
    stream.opened(at(1))
    dropped = stream.closed("closed 1008", at(2))

    assert refused == []
    assert dropped == [FeedLost("polygon", "closed 1008")]


def test_what_was_to_be_sent_on_a_dead_connection_is_forgotten() -> None:
    stream = new_stream()
    stream.opened(at(0))
    stream.received(status("connected"), at(0.1))

    stream.closed("dropped", at(0.2))

    assert stream.outgoing() == []
