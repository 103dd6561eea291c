"""The simulated feed speaks the vendor's protocol, publishes the session second by second, and fails as told."""

import pytest

from kalshi_alpha.sim.feed import LimitMode, SimFeed
from tests.sim.feed.days import CLOSE_NS, KEY, OPEN_NS, SECOND, Day, fault, heard, ns, play, statuses, subscribe

AUTH = f'{{"action":"auth","params":"{KEY}"}}'


def test_the_handshake_is_the_vendors() -> None:
    session = SimFeed(Day(), 1).connect("polygon", OPEN_NS)
    assert session is not None

    greeting = session.drain()
    session.receive(AUTH, OPEN_NS)
    welcome = session.drain()
    session.receive('{"action":"subscribe","params":"V.I:SPX, V.I:NDX"}', OPEN_NS)

    assert greeting == ['[{"ev":"status","status":"connected","message":"Connected Successfully"}]']
    assert welcome == ['[{"ev":"status","status":"auth_success","message":"authenticated"}]']
    assert session.drain() == [
        '[{"ev":"status","status":"success","message":"subscribed to: V.I:SPX"}]',
        '[{"ev":"status","status":"success","message":"subscribed to: V.I:NDX"}]',
    ]


def test_silences_are_the_vendors_too() -> None:
    session = subscribe(SimFeed(Day(), 1), params="V.I:SPX")

    for params in ("V.I:SPX", "ZZ.I:SPX", "AS.I:SPX", "V", ""):
        session.receive(f'{{"action":"subscribe","params":"{params}"}}', OPEN_NS)
    nothing = statuses(session)
    session.receive('{"action":"subscribe","params":"V.I:BAD"}', OPEN_NS)
    session.receive('{"action":"unsubscribe","params":"V.I:SPX,V.I:NDX"}', OPEN_NS)

    assert nothing == []
    assert statuses(session) == ["success: subscribed to: V.I:BAD", "success: unsubscribed to: V.I:SPX"]


def test_a_wildcard_is_every_index() -> None:
    feed = SimFeed(Day(), 1)
    session = subscribe(feed, params="V.*")

    assert {symbol for _, symbol, _, _ in play(feed, session, 3)} == {"I:SPX", "I:NDX"}


def test_a_wrong_key_is_told_and_the_connection_dropped() -> None:
    session = SimFeed(Day(), 1).connect("polygon", OPEN_NS)
    assert session is not None

    session.receive('{"action":"auth","params":"wrong"}', OPEN_NS)

    assert statuses(session)[1:] == ["auth_failed: authentication failed"]
    assert session.closed == "authentication failed"


def test_nothing_is_delivered_before_authentication() -> None:
    feed = SimFeed(Day(), 1)
    session = feed.connect("polygon", OPEN_NS)
    assert session is not None

    session.receive('{"action":"subscribe","params":"V.I:SPX"}', OPEN_NS)
    told = statuses(session)[1:]

    assert told == ["error: not authorized"]
    assert play(feed, session, 5) == []


def test_who_never_says_who_it_is_is_dropped() -> None:
    feed = SimFeed(Day(), 1)
    session = feed.connect("polygon", ns(-60))
    assert session is not None
    session.drain()

    assert feed.next_event_ns() == ns(-50)
    feed.advance(ns(-50))

    assert statuses(session) == ["auth_timeout: No authentication request received."]
    assert session.closed is not None


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"action":1}', '{"action":"dance"}', "[" * 100_000])
def test_nonsense_from_a_client_breaks_nothing(text: str) -> None:
    feed = SimFeed(Day(), 1)
    session = subscribe(feed)

    session.receive(text, OPEN_NS)
    heard(session)

    assert len(play(feed, session, 2)) == 2


def test_each_second_of_the_session_has_one_value_of_each_index() -> None:
    feed = SimFeed(Day(), 1)
    session = subscribe(feed, seconds=-600)

    found = play(feed, session, 60)

    assert [(stamp, level) for _, symbol, stamp, level in found if symbol == "I:SPX" and stamp <= 59] == [
        (second, round(6_000 + second / 100, 2)) for second in range(1, 60)
    ]
    assert [level for _, symbol, stamp, level in found if symbol == "I:NDX" and stamp == 30] == [24_001.2]


def test_the_last_value_is_five_minutes_after_the_close() -> None:
    feed = SimFeed(Day(), 1)
    feed.advance(CLOSE_NS + 290 * SECOND)
    session = subscribe(feed)

    found = play(feed, session, 23_698)
    feed.advance(ns(23_710))
    last = [message["t"] for message in heard(session)]

    assert max(stamp for _, _, stamp, _ in found) == 23_697
    assert max(str(stamp) for stamp in last) == str((CLOSE_NS // SECOND + 300) * 1_000)
    assert feed.next_event_ns() is None


def test_values_come_late_by_some_dozen_milliseconds_and_rarely_by_half_a_second() -> None:
    feed = SimFeed(Day(), 5)
    session = subscribe(feed)

    delays = sorted(when - stamp for when, _, stamp, _ in play(feed, session, 3_600))

    assert delays[0] >= 0.02
    assert delays[len(delays) // 2] < 0.05
    assert delays[-1] < 0.71
    assert 1 <= sum(delay > 0.1 for delay in delays) <= 30


def test_the_same_seed_publishes_the_same_and_another_does_not() -> None:
    days = []
    for seed in (3, 3, 4):
        feed = SimFeed(Day(), seed)
        days.append(play(feed, subscribe(feed), 100))

    assert days[0] == days[1]
    assert days[0] != days[2]


def test_hours_are_jumped_and_their_values_are_nobodys() -> None:
    feed = SimFeed(Day(), 1)
    session = subscribe(feed)

    feed.advance(ns(10_000))
    found = play(feed, session, 10_003)

    assert min(stamp for _, _, stamp, _ in found) == 10_000


def test_aggregates_are_sent_to_who_asks_for_them() -> None:
    feed = SimFeed(Day(), 1)
    session = subscribe(feed, params="A.I:SPX")

    feed.advance(ns(1.9))

    level, stamp = 6_000.01, (OPEN_NS // SECOND + 1) * 1_000
    prices = {"op": level, "o": level, "c": level, "h": level, "l": level}
    assert heard(session) == [{"ev": "A", "sym": "I:SPX", **prices, "s": stamp, "e": stamp}]


def test_a_silent_leg_keeps_its_connection_and_the_other_leg_its_values() -> None:
    feed = SimFeed(Day(), 1, [fault("silent", 10, 20)])
    polygon, massive = subscribe(feed, "polygon"), subscribe(feed, "massive")

    stamps = [stamp for _, _, stamp, _ in play(feed, polygon, 30)]

    assert [second for second in range(1, 30) if second not in stamps] == list(range(10, 20))
    assert polygon.closed is None
    assert len([message for message in heard(massive) if message["ev"] == "V"]) >= 58


def test_a_fault_may_hit_one_index_only() -> None:
    feed = SimFeed(Day(), 1, [fault("silent", 10, 20, "*", "I:NDX")])
    session = subscribe(feed)

    found = play(feed, session, 30)

    assert not [stamp for _, symbol, stamp, _ in found if symbol == "I:NDX" and 10 <= stamp < 20]
    assert len([stamp for _, symbol, stamp, _ in found if symbol == "I:SPX" and 10 <= stamp < 20]) == 10


def test_an_abort_drops_the_leg_and_keeps_it_away() -> None:
    feed = SimFeed(Day(), 1, [fault("abort", 10, 20)])
    polygon, massive = subscribe(feed, "polygon"), subscribe(feed, "massive")

    play(feed, polygon, 15)

    assert polygon.closed == "aborted by script"
    assert massive.closed is None
    assert feed.connect("polygon", ns(15)) is None
    assert feed.connect("polygon", ns(20)) is not None


def test_refusing_leaves_present_connections_alone() -> None:
    feed = SimFeed(Day(), 1, [fault("refuse", 10, 20)])
    session = subscribe(feed)

    found = play(feed, session, 15)

    assert session.closed is None
    assert max(stamp for _, _, stamp, _ in found) >= 14
    assert feed.connect("polygon", ns(15)) is None


def test_lag_keeps_the_order_and_ends_in_a_burst() -> None:
    feed = SimFeed(Day(), 1, [fault("lag", 10, 20, lag_s=4.0)])
    session = subscribe(feed)

    found = [(when, stamp) for when, symbol, stamp, _ in play(feed, session, 30) if symbol == "I:SPX"]

    assert [stamp for _, stamp in found] == sorted(stamp for _, stamp in found)
    assert all(3.9 < when - stamp < 4.8 for when, stamp in found if 10 <= stamp < 16)
    assert all(20.0 <= when < 20.1 for when, stamp in found if 16 <= stamp < 20)
    assert all(when - stamp < 1 for when, stamp in found if stamp >= 20 or stamp < 10)


def test_a_frozen_value_has_moving_stamps() -> None:
    feed = SimFeed(Day(), 1, [fault("frozen", 10, 20, symbol="I:SPX")])
    session = subscribe(feed)

    found = play(feed, session, 30)

    assert {level for _, symbol, stamp, level in found if symbol == "I:SPX" and 10 <= stamp < 20} == {6_000.10}
    assert len([stamp for _, symbol, stamp, _ in found if symbol == "I:SPX" and 10 <= stamp < 20]) == 10


def test_a_wrong_value_is_wrong_by_its_factor() -> None:
    feed = SimFeed(Day(), 1, [fault("wrong_value", 10, 20, factor=1.5)])
    session = subscribe(feed)

    found = play(feed, session, 15)

    assert [level for _, symbol, stamp, level in found if symbol == "I:SPX" and stamp == 12] == [9_000.18]


@pytest.mark.parametrize(
    ("mode", "loser", "last_words"),
    [
        ("evict_oldest", "first", ["max_connections: Maximum number of websocket connections exceeded. "]),
        ("reject_newest", "second", ["max_connections: Maximum number of websocket connections exceeded. "]),
        (
            "reject_after_ack",
            "second",
            [
                "auth_success: authenticated",
                "success: subscribed to: V.I:SPX",
                "max_connections: Maximum number of websocket connections exceeded. ",
            ],
        ),
    ],
)
def test_the_limit_on_connections_hits_whom_the_mode_says(mode: LimitMode, loser: str, last_words: list[str]) -> None:
    feed = SimFeed(Day(), 1, limit_mode=mode)
    sessions = {"first": subscribe(feed)}
    other_leg = subscribe(feed, "massive")

    second = sessions["second"] = feed.connect("polygon", OPEN_NS) or pytest.fail("refused")
    second.drain()
    second.receive(AUTH, OPEN_NS)
    second.receive('{"action":"subscribe","params":"V.I:SPX"}', OPEN_NS)

    assert statuses(sessions[loser]) == last_words
    assert [name for name, session in sessions.items() if session.closed is not None] == [loser]
    assert other_leg.closed is None


def test_without_a_limit_everybody_is_served() -> None:
    feed = SimFeed(Day(), 1)
    first, second = subscribe(feed), subscribe(feed)

    feed.advance(ns(1.9))

    assert len(heard(first)) == len(heard(second)) == 2
