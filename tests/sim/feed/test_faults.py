"""Each fault does what its name says, for as long as it is told to, to whom it is told to."""

import json

import pytest

from kalshi_alpha.sim.feed import SimFeed
from kalshi_alpha.sim.feed.faults import FeedFaultKind, strikes
from tests.sim.feed.days import KEY, Day, fault, ns, play, statuses, subscribe


def spx(kind: FeedFaultKind, until_s: float = 30, **params: float) -> list[tuple[float, float, float]]:
    """Return (when, stamp, level) of what polygon says of the S&P 500 with a fault from 10 to 20 s."""
    feed = SimFeed(Day(), 1, [fault(kind, 10, 20, "polygon", "*", **params)])
    session = subscribe(feed)
    return [(when, stamp, level) for when, symbol, stamp, level in play(feed, session, until_s) if symbol == "I:SPX"]


def frames(kind: FeedFaultKind) -> list[str]:
    """Return what is sent for one value of the S&P 500."""
    feed = SimFeed(Day(), 1, [fault(kind, 10, 20, symbol="I:SPX")])
    session = subscribe(feed, params="V.I:SPX", seconds=9)
    feed.advance(ns(9.9))
    session.drain()
    feed.advance(ns(10.9))
    return session.drain()


# Delivery


def test_a_ramp_of_lag_grows_and_the_rate_stays() -> None:
    lags = [when - stamp for when, stamp, _ in spx("lag_ramp", lag_s=5.0) if 10 <= stamp < 20]

    assert len(lags) == 10
    assert lags == sorted(lags)
    assert lags[0] < 0.2
    assert 4.4 < lags[-1] < 4.8


def test_a_stall_ends_in_a_burst_of_everything() -> None:
    found = [when for when, stamp, _ in spx("stall") if 10 <= stamp < 20]

    assert found == [20.0] * 10


def test_jitter_is_within_its_bounds() -> None:
    late = [when - stamp for when, stamp, _ in spx("jitter") if 10 <= stamp < 20]

    assert len(late) == 10
    assert all(0.2 <= seconds < 0.5 for seconds in late)


def test_a_shuffled_block_comes_last_value_first() -> None:
    stamps = [stamp for _, stamp, _ in spx("shuffle", block_s=5) if 10 <= stamp < 20]

    assert stamps == [14, 13, 12, 11, 10, 19, 18, 17, 16, 15]


# Values


@pytest.mark.parametrize("by_s", [-8.0, 2.0, 60.0])
def test_stamps_are_off_by_so_much(by_s: float) -> None:
    found = {when: stamp for when, stamp, _ in spx("stamp", by_s=by_s)}

    off = [round(stamp - int(when), 3) for when, stamp in found.items() if 10.01 < when < 20]
    assert off == [by_s] * 10


def test_a_delayed_plan_tells_the_value_of_then_with_its_own_time() -> None:
    found = [(stamp, level) for when, stamp, level in spx("delayed", lag_s=5.0) if 10.01 < when < 20]

    assert found[0] == (5.0, 6_000.05)
    assert [stamp for stamp, _ in found] == [float(second) for second in range(5, 15)]


def test_the_previous_close_is_the_level_before_the_open() -> None:
    assert {level for _, stamp, level in spx("previous_close") if 10 <= stamp < 20} == {Day().level("I:SPX", ns(-1))}


# Frames


def test_frames_are_spoilt_as_named() -> None:
    [plain, again] = frames("duplicate")
    value = json.loads(plain)[0]

    assert plain == again
    assert (value["val"], value["T"]) == (6_000.1, "I:SPX")
    assert json.loads(frames("nan_value")[0])[0]["val"] != json.loads(frames("nan_value")[0])[0]["val"]
    assert json.loads(frames("null_value")[0])[0]["val"] is None
    assert json.loads(frames("text_value")[0])[0]["val"] == "n/a"
    assert frames("not_json")[0].startswith("<html>")
    assert json.loads(frames("bare_object")[0]) == value
    assert [message["ev"] for message in json.loads(frames("unknown_event")[0])] == ["ZZ", "V"]
    assert [message["ev"] for message in json.loads(frames("extra_status")[0])] == ["status", "V"]
    with pytest.raises(json.JSONDecodeError):
        json.loads(frames("truncated")[0])


# Connections


@pytest.mark.parametrize("code", [1_000, 1_001, 1_008, 1_011])
def test_a_close_is_one_and_whoever_comes_back_is_welcome(code: int) -> None:
    feed = SimFeed(Day(), 1, [fault("close", 10, 20, code=code)])
    polygon, massive = subscribe(feed, "polygon"), subscribe(feed, "massive")
    feed.advance(ns(10.5))
    again = subscribe(feed, "polygon", seconds=11)
    feed.advance(ns(19.5))

    assert (polygon.closed, polygon.close_code) == (f"closed {code}", code)
    assert massive.closed is again.closed is None


def test_a_close_may_come_again_and_again() -> None:
    repeated = fault("close", 10, 20, code=1_008, every_s=3.0)

    assert strikes(repeated) == [ns(10), ns(13), ns(16), ns(19)]
    assert strikes(fault("silent", 10, 20)) == []
    feed = SimFeed(Day(), 1, [repeated])
    feed.advance(ns(10.5))
    session = subscribe(feed, "polygon", seconds=11)
    feed.advance(ns(13.5))
    assert session.closed == "closed 1008"


def test_a_slow_consumer_and_the_evicted_are_told_before_they_are_closed() -> None:
    feed = SimFeed(Day(), 1, [fault("slow_consumer", 10, 11), fault("evicted", 10, 11, "massive")])
    slow, evicted = subscribe(feed, "polygon", "V.I:ABC"), subscribe(feed, "massive", "V.I:ABC")
    feed.advance(ns(10.5))

    assert statuses(slow) == ["slow_consumer: Your connection is too slow"]
    assert statuses(evicted) == ["max_connections: Maximum number of websocket connections exceeded. "]
    assert (slow.close_code, evicted.close_code) == (1_008, None)


def test_a_half_open_connection_neither_speaks_nor_answers_pings() -> None:
    feed = SimFeed(Day(), 1, [fault("half_open", 10, 20)])
    session = subscribe(feed)
    stamps = [stamp for _, _, stamp, _ in play(feed, session, 19.9)]
    answered_during = session.answers_pings
    play(feed, session, 21)

    assert max(stamps) == 9
    assert not answered_during
    assert session.answers_pings
    assert session.closed is None


def test_a_connection_without_a_greeting_stays_mute() -> None:
    feed = SimFeed(Day(), 1, [fault("no_greeting", 10, 20)])
    session = feed.connect("polygon", ns(12))
    assert session is not None
    session.receive(json.dumps({"action": "auth", "params": KEY}), ns(12))

    assert session.drain() == []
    assert not session.is_authenticated


def test_a_key_may_be_refused_or_left_unanswered() -> None:
    feed = SimFeed(Day(), 1, [fault("auth_failed", 10, 20), fault("auth_timeout", 10, 20, "massive")])
    refused, ignored = feed.connect("polygon", ns(12)), feed.connect("massive", ns(12))
    assert refused is not None
    assert ignored is not None
    for session in (refused, ignored):
        session.drain()
        session.receive(json.dumps({"action": "auth", "params": KEY}), ns(12))
    feed.advance(ns(23))

    assert statuses(refused) == ["auth_failed: authentication failed"]
    assert statuses(ignored) == ["auth_timeout: No authentication request received."]


def test_a_subscription_may_go_unanswered_for_one_index() -> None:
    feed = SimFeed(Day(), 1, [fault("no_ack", 10, 20, symbol="I:NDX")])
    session = feed.connect("polygon", ns(12))
    assert session is not None
    session.receive(json.dumps({"action": "auth", "params": KEY}), ns(12))
    session.drain()
    session.receive(json.dumps({"action": "subscribe", "params": "V.I:SPX,V.I:NDX"}), ns(12))

    assert statuses(session) == ["success: subscribed to: V.I:SPX"]
    feed.advance(ns(14))
    assert {json.loads(frame)[0]["T"] for frame in session.drain()} == {"I:SPX"}
