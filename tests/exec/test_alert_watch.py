"""Alerts: one a cause, told once, repeated until somebody takes it on, closed by itself, kept over a restart."""

import pytest
from msgspec.structs import replace

from kalshi_alpha.exec.outputs import monitor_documents
from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.alerts import OpenAlert
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import LEGS, SYMBOLS
from kalshi_alpha.model.maintenance import Slot
from kalshi_alpha.model.records import AlertAcknowledged, AlertClosed, AlertRaised
from tests.exec.harness import START_S, Rig, booted, quoting, settings


def told(rig: Rig) -> list[tuple[str, str]]:
    return [(command.message.what, command.message.alert_id.rsplit("-", 1)[0]) for command in rig.take(cmd.SendAlert)]


def dead(rig: Rig) -> None:
    rig.dead_legs = {(leg, symbol) for leg in LEGS for symbol in SYMBOLS}


def test_both_feeds_down_is_told_at_once_and_its_end_when_it_has_lasted() -> None:
    rig = quoting()
    dead(rig)
    rig.tick(4)

    assert told(rig) == [("raised", "both_feeds")]
    rig.dead_legs.clear()
    rig.tick(10)
    assert told(rig) == [("raised", "both_feeds")]
    rig.tick(12)
    assert told(rig) == [("raised", "both_feeds"), ("closed", "both_feeds")]
    assert [type(record) for record in rig.all_records() if isinstance(record, AlertRaised | AlertClosed)] == [AlertRaised, AlertClosed]
    assert rig.engine.alerts.open == ()


def test_the_alert_leaves_at_the_instant_of_its_cause() -> None:
    rig = quoting()
    dead(rig)
    rig.tick(4)
    [raised] = rig.records(AlertRaised)

    assert raised.utc_ns == rig.engine.facts.failover.timeline[-1][0]


def test_a_page_is_repeated_until_somebody_takes_it_on() -> None:
    rig = quoting()
    dead(rig)
    rig.tick(4)
    rig.wait(301)
    assert told(rig) == [("raised", "both_feeds"), ("repeated", "both_feeds")]

    rig.tell(ev.AlertAcked("anna", "both_feeds"))
    rig.tell(ev.AlertAcked("bert", "both_feeds"))
    rig.wait(400)

    assert len(told(rig)) == 2
    assert [(record.key, record.actor) for record in rig.records(AlertAcknowledged)] == [("both_feeds", "anna")]


def test_taking_on_what_isnt_open_changes_nothing() -> None:
    rig = quoting()
    rig.tell(ev.AlertAcked("anna", "both_feeds"))

    assert not rig.records(AlertAcknowledged)


def test_no_alert_says_what_another_says() -> None:
    rig = quoting()
    rig.engine.facts.failover.windows_degraded = 3
    rig.tick(2)
    assert told(rig) == [("raised", "feed_degraded")]

    rig.clear()
    dead(rig)
    rig.tick(3)
    assert told(rig) == [("raised", "both_feeds")]


@pytest.mark.parametrize(("windows", "alerts"), [(2, 0), (3, 1)])
def test_more_than_two_degraded_windows_raise_the_playbooks_alert(windows: int, alerts: int) -> None:
    rig = quoting()
    rig.engine.facts.failover.windows_degraded = windows
    rig.tick(3)

    assert len(told(rig)) == alerts


def test_nothing_is_raised_about_feeds_in_an_expected_maintenance_nor_closed() -> None:
    rig = quoting()
    rig.engine.facts.failover.windows_degraded = 3
    rig.tick(2)
    slot = Slot(rig.utc_ns, rig.utc_ns + 60 * NS_PER_S, "operator", "op-1")
    rig.trading = False
    rig.tell(cal.OperatorSlotsRead((slot,), ""))
    rig.tick(5)
    rig.engine.facts.failover.windows_degraded = 0
    dead(rig)
    rig.tick(20)
    assert rig.engine.facts.venue.silence_expected
    assert told(rig) == [("raised", "feed_degraded")]

    rig.dead_legs.clear()
    rig.trading = True
    rig.tick(60)
    assert told(rig) == [("raised", "feed_degraded"), ("closed", "feed_degraded")]


def test_what_may_pass_by_itself_must_hold_for_a_while() -> None:
    rig = quoting()
    rig.tell(ev.VenueLost("closed 1006"))
    rig.tick(3)
    rig.tell(ev.VenueConnected())
    rig.tick(3)
    assert told(rig) == []

    rig.tell(ev.VenueLost("closed 1006"))
    rig.tick(8)
    assert told(rig) == [("raised", "venue")]


def test_a_refused_key_is_told_until_the_leg_is_connected() -> None:
    rig = quoting()
    rig.tell(ev.FeedWarned("massive", "auth_failed", "no"))
    rig.tell(ev.FeedWarned("massive", "error", "not authorized"))
    rig.tick(2)
    assert told(rig) == [("raised", "refused_massive")]

    rig.tell(ev.FeedConnected("massive"))
    rig.tick(15)
    assert told(rig)[-1] == ("closed", "refused_massive")


def test_flapping_and_disagreement_and_latches_are_told() -> None:
    rig = quoting()
    for number in range(4):
        rig.engine.facts.failover.timeline.append((rig.utc_ns + number, "massive"))
    rig.tell(ev.CancelAllMarked("venue", "somebody_else_trades"))
    rig.tick(2)

    assert {key for _, key in told(rig)} == {"feed_flapping", "latch_somebody_else_trades"}


def test_the_start_of_a_feed_is_no_change_of_feeds() -> None:
    rig = quoting()
    assert len(rig.engine.facts.failover.timeline) == 1
    for number in range(3):
        rig.engine.facts.failover.timeline.append((rig.utc_ns + number, "massive"))
    rig.tick(2)

    assert told(rig) == []


def test_a_restart_takes_the_open_alerts_over_and_tells_none_twice() -> None:
    rig = quoting()
    rig.engine.facts.failover.windows_degraded = 3
    rig.tick(2)
    rig.tell(ev.AlertAcked("anna", "feed_degraded"))
    snapshot = rig.engine.snapshot(rig.now, 0)
    records = rig.all_records()

    from_snapshot, from_journal = recover(snapshot, ()), recover(None, records)
    assert from_snapshot.alerts == from_journal.alerts == rig.engine.alerts.open
    assert from_snapshot.alerts[0].acknowledged_by == "anna"

    again = Rig(at_s=START_S + 60, recovered=from_snapshot)
    booted(again, epoch=2)
    again.tick(20)
    assert told(again) == []
    assert [alert.key for alert in again.engine.alerts.open] == ["feed_degraded"]


def test_an_alert_that_was_closed_is_not_taken_over() -> None:
    alert = OpenAlert("venue", "page", "t", "", 1, 1)

    assert recover(None, [AlertRaised(1, alert), AlertClosed(2, "venue"), AlertAcknowledged(3, "venue", "anna")]).alerts == ()


def test_the_clock_change_is_told_a_week_before_and_never_repeated() -> None:
    rig = Rig(at_s=START_S - 21 * 86_400)  # the autumn change of 2026 is on November 1st
    booted(rig)
    rig.wait(3_600)
    assert ("raised", "clock_change") not in told(rig)

    near = Rig(at_s=START_S - 26 * 86_400)
    booted(near)
    near.wait(20_000)
    about = [command.message for command in near.take(cmd.SendAlert) if command.message.alert_id.startswith("clock_change")]
    assert [(message.what, message.severity) for message in about] == [("raised", "info")]


def test_tickets_are_repeated_at_their_own_pace() -> None:
    config = replace(settings(), alerts=replace(settings().alerts, repeat_ticket_s=60))
    rig = quoting(Rig(config=config))
    for number in range(4):
        rig.engine.facts.failover.timeline.append((rig.utc_ns + 10**12 + number, "massive"))
    rig.tick(70)

    assert told(rig) == [("raised", "feed_flapping"), ("repeated", "feed_flapping")]


def test_feeds_that_bring_no_value_after_a_start_are_told_after_a_while() -> None:
    rig = booted(Rig())
    rig.wait(9)
    before = told(rig)
    rig.wait(3)

    assert (before, told(rig)) == ([], [("raised", "feeds_missing")])


def test_the_monitors_status_is_that_of_the_open_alerts() -> None:
    rig = quoting()
    rig.tick(2)
    fine, _gap = monitor_documents(rig.engine, rig.now)
    dead(rig)
    rig.tick(4)
    bad, _gap = monitor_documents(rig.engine, rig.now)

    assert (fine.status, fine.alerts) == ("OK", ())
    assert (bad.status, bad.message, [line.key for line in bad.alerts]) == ("ALERT", "Both feeds are down; active: none", ["both_feeds"])
