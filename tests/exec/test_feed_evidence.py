"""The ticket has what a vendor asks for, and never a key."""

from kalshi_alpha.model import events as ev
from kalshi_alpha.model.instruments import LEGS, SYMBOLS
from tests.exec.harness import quoting


def test_an_outage_of_both_legs_comes_with_a_ticket_that_can_be_sent() -> None:
    rig = quoting()
    rig.tell(ev.FeedLost("polygon", "closed 1008"))
    rig.tell(ev.FeedWarned("massive", "slow_consumer", "too slow"))
    rig.dead_legs = {(leg, symbol) for leg in LEGS for symbol in SYMBOLS}
    rig.tick(4)

    [noted] = rig.incidents("both_feeds")
    text = noted.attachments["ticket.txt"]
    assert text.startswith("Subject: Indices WebSocket, account (set feeds.account_label): Both feeds are down")
    for leg in ("polygon", "massive"):
        assert f"Connection {leg}: {getattr(rig.engine.facts.config.feeds, leg).url}" in text
    assert "lost: closed 1008" in text
    assert "slow_consumer: too slow" in text
    assert "lost 1 times since the start" in text
    assert text.count("last event time 2026-11-23T14:45:13.000+00:00; arrival less event time over the last 8 values: p50 20 ms") == 4
    assert "active_feed: none" in text


def test_an_incident_of_something_else_has_none() -> None:
    rig = quoting()
    rig.tell(ev.OperatorStopped("anna", "lunch"))

    assert rig.incidents("operator")[0].attachments == {}


def test_before_anything_is_heard_the_ticket_says_so() -> None:
    rig = quoting()
    text = type(rig.engine.facts.feed_evidence)(rig.engine.facts.config.feeds).ticket("x", {}, rig.now)

    assert text.count("nothing heard of it yet") == 2
    assert text.count("no value yet") == 4
