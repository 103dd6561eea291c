"""The ticket has what a vendor asks for, and never a key."""

import json
from importlib.metadata import version

import pytest

from kalshi_alpha.adapters.massive import rest
from kalshi_alpha.adapters.massive.stream import FeedStream
from kalshi_alpha.exec.feed_evidence import CLIENT
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.commands import ProbeIndex
from kalshi_alpha.model.http import HttpResponse
from kalshi_alpha.model.instruments import LEGS, SYMBOLS
from tests.exec.harness import Rig, quoting


def test_an_outage_of_both_legs_comes_with_a_ticket_that_can_be_sent() -> None:
    rig = quoting()
    rig.tell(ev.FeedLost("polygon", "closed 1008"))
    rig.tell(ev.FeedWarned("massive", "slow_consumer", "too slow"))
    for round_trip_ms in (30.04, 10.0, 20.0):
        rig.tell(ev.FeedPinged("massive", round_trip_ms))
    rig.dead_legs = {(leg, symbol) for leg in LEGS for symbol in SYMBOLS}
    rig.tick(4)

    [noted] = rig.incidents("both_feeds")
    text = noted.attachments["ticket.txt"]
    assert text.startswith("Subject: Indices WebSocket, account (set feeds.account_label): Both feeds are down")
    for leg in ("polygon", "massive"):
        assert f"Connection {leg}: {getattr(rig.engine.facts.config.feeds, leg).url}" in text
    assert "lost: closed 1008" in text
    assert "slow_consumer: too slow" in text
    assert "pings answered: none yet" in text.partition("Connection massive")[0]
    assert "pings answered: the last 3 took p50 20.0 ms, p99 30.0 ms, max 30.0 ms; the very last 20.0 ms" in text
    assert "lost 1 times since the start" in text
    assert text.count("last event time 2026-11-23T14:45:13.000+00:00; arrival less event time over the last 8 values: p50 20 ms") == 4
    assert "active_feed: none" in text


KEY = "pk_live_0123456789abcdef"


def told_by_a_vendor_that_repeats_the_key(rig: Rig) -> list[ev.Event]:
    """Return what the adapters make of status frames, closes and REST errors that all hold the key."""
    stream = FeedStream("polygon", SYMBOLS, KEY, rig.engine.facts.config.feeds, 1)
    found = stream.opened(rig.now)
    for status in ("error", "auth_failed", f"unknown {KEY}"):
        found += stream.received(json.dumps([{"ev": "status", "status": status, "message": f"bad key {KEY}, {'x' * 186}{KEY}"}]), rig.now)
    found += stream.received(f"<html>{KEY}", rig.now)
    found += stream.closed(f"closed 1008 {KEY}", rig.now)
    answers = (
        HttpResponse(401, json.dumps({"error": f"Unknown API Key {KEY}"}).encode()),
        HttpResponse(403, json.dumps({"message": KEY}).encode()),
        HttpResponse(200, json.dumps({"results": [{"ticker": "I:SPX", "error": KEY}]}).encode()),
    )
    for answer in answers:
        calls = rest.calls(ProbeIndex(1, SYMBOLS), rest.Bearer(KEY))
        next(calls)
        with pytest.raises(StopIteration) as done:
            calls.send(answer)
        found += done.value.value
    return found


def test_a_key_that_the_vendor_repeats_everywhere_is_in_no_ticket_and_no_record() -> None:
    rig = quoting()
    events = told_by_a_vendor_that_repeats_the_key(rig)
    for event in events:
        rig.tell(event)
    rig.dead_legs = {(leg, symbol) for leg in LEGS for symbol in SYMBOLS}
    rig.tick(4)

    assert len(events) >= 9
    noted = [*rig.incidents("feed"), *rig.incidents("both_feeds")]
    assert any("(key)" in one.attachments["ticket.txt"] for one in noted)
    assert "pk_live" not in repr(rig.all_records())


def test_the_ticket_names_the_client_with_its_version() -> None:
    assert CLIENT.startswith(f"kalshi-alpha {version('kalshi-alpha')}, ")


def test_the_lags_quantiles_are_of_the_last_ten_minutes() -> None:
    rig = quoting()
    evidence = type(rig.engine.facts.feed_evidence)(rig.engine.facts.config.feeds)
    for lag_ms in [9_000, *range(1, 601)]:
        evidence.ticked(ev.IndexTicked("polygon", "I:SPX", 6_850.0, rig.utc_ns // 1_000_000 - lag_ms), rig.now)

    assert "over the last 600 values: p50 301 ms, p99 595 ms, max 600 ms" in evidence.ticket("x", {}, rig.now)


def test_an_incident_of_something_else_has_none() -> None:
    rig = quoting()
    rig.tell(ev.OperatorStopped("anna", "lunch"))

    assert rig.incidents("operator")[0].attachments == {}


def test_before_anything_is_heard_the_ticket_says_so() -> None:
    rig = quoting()
    text = type(rig.engine.facts.feed_evidence)(rig.engine.facts.config.feeds).ticket("x", {}, rig.now)

    assert text.count("nothing heard of it yet") == 2
    assert text.count("no value yet") == 4
