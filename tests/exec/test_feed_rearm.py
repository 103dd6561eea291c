"""Quoting again after nobody served an index: by itself when the gates are green, or when somebody has said so."""

import msgspec
import pytest

from kalshi_alpha.config import Config, MaintenanceConfig
from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.instruments import LEGS
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import StandDownChanged
from tests.exec.harness import TARGET_S, Rig, booted, quoting, settings


def by_hand() -> Config:
    return msgspec.structs.replace(settings(), maintenance=MaintenanceConfig(confirm="operator"))


def outage(rig: Rig, seconds: int = 8) -> Rig:
    """Let both legs fall silent, and come back for so long."""
    rig.wait(6)
    rig.clear()
    rig.tick(seconds)
    return rig


def held(rig: Rig) -> set[tuple[Reason, str, str]]:
    return {(one.reason, one.scope, one.note) for one in rig.engine.facts.reasons}


def test_with_green_gates_quoting_resumes_in_the_step_of_the_recovery() -> None:
    rig = outage(quoting())

    titles = [noted.title for noted in rig.incidents("feed")]
    assert not rig.reasons
    assert "I:SPX: the recovery is confirmed" in titles
    assert "I:SPX: recovered, not yet confirmed" not in titles
    proof = next(noted.facts for noted in rig.incidents("feed") if noted.title == "I:SPX: the recovery is confirmed")
    assert proof["confirmed_by"] == "auto"
    assert proof["status"].startswith("green: active since")


def test_while_the_feeds_are_down_both_reasons_stand() -> None:
    rig = quoting()
    rig.wait(6)

    assert rig.reasons == {Reason.FEED_DOWN, Reason.FEED_UNCONFIRMED}


def test_a_red_gate_is_waited_for() -> None:
    rig = quoting()
    rig.tell(ev.VenueLost("reset"))
    outage(rig, 16)
    waiting = held(rig)
    rig.tell(ev.VenueConnected())
    rig.tick(2)

    assert (Reason.FEED_UNCONFIRMED, "I:SPX", "red: reconciled") in waiting
    assert Reason.FEED_UNCONFIRMED not in rig.reasons
    assert [noted.did for noted in rig.incidents("feed") if "not yet confirmed" in noted.title] == ["waits for reconciled"] * 2


def test_with_the_operator_policy_nothing_is_quoted_until_somebody_confirms() -> None:
    rig = outage(quoting(Rig(config=by_hand())), 30)
    waiting, placed = held(rig), rig.placed()

    assert waiting == {(Reason.FEED_UNCONFIRMED, symbol, "waits for the operator") for symbol in ("I:SPX", "I:NDX")}
    assert not placed
    assert rig.engine.maintenance.view(rig.now).needs_confirmation

    rig.tell(cal.MaintenanceConfirmed("ada"))

    assert not rig.reasons
    assert rig.placed()
    assert not rig.engine.maintenance.view(rig.now).needs_confirmation
    assert {noted.facts["confirmed_by"] for noted in rig.incidents("feed") if "is confirmed" in noted.title} == {"ada"}
    assert rig.engine.rearm.confirmations == 1


def test_a_word_given_while_the_feeds_are_still_down_counts_for_nothing() -> None:
    rig = quoting(Rig(config=by_hand()))
    rig.wait(6)
    rig.tell(cal.MaintenanceConfirmed("ada"))

    rig.tick(8)

    assert rig.reasons == {Reason.FEED_UNCONFIRMED}
    assert rig.engine.rearm.confirmations == 0


def test_a_word_given_before_the_next_outage_counts_for_nothing_after_it() -> None:
    rig = quoting(Rig(config=by_hand()))
    rig.tell(ev.VenueLost("reset"))
    outage(rig)
    rig.tell(cal.MaintenanceConfirmed("ada"))
    rig.wait(6)
    rig.tell(ev.VenueConnected())
    rig.tick(20)

    assert rig.engine.rearm.confirmations == 1
    assert rig.reasons == {Reason.FEED_UNCONFIRMED}


def test_only_the_index_that_was_down_waits() -> None:
    rig = quoting(Rig(config=by_hand()))
    rig.dead_legs |= {(leg, "I:NDX") for leg in LEGS}
    rig.tick(5)
    rig.dead_legs.clear()
    rig.tick(8)

    assert held(rig) == {(Reason.FEED_UNCONFIRMED, "I:NDX", "waits for the operator")}
    assert {order.intent.series for order in rig.live()} == {"INXU"}


def test_a_start_that_hasnt_heard_a_feed_yet_waits_for_nobody() -> None:
    rig = booted(Rig(config=by_hand()))
    rig.wait(4)
    before = set(rig.reasons)

    rig.tick(8)

    assert Reason.FEED_UNCONFIRMED not in before
    assert not rig.reasons


def test_between_windows_an_outage_needs_no_confirmation() -> None:
    rig = booted(Rig(at_s=TARGET_S + 300, config=by_hand()))
    rig.tick(8)
    rig.wait(6)
    rig.tick(8)

    assert not rig.engine.rearm.waiting


@pytest.mark.parametrize("last", [(), (StandDownChanged(1, ("no_window",)),)])
def test_a_restart_confirms_nothing(last: tuple[StandDownChanged, ...]) -> None:
    rig = outage(quoting(Rig(config=by_hand())), 10)
    snapshot = rig.engine.snapshot(rig.now, 0)

    again = booted(Rig(at_s=rig.utc_ns / 1e9, config=by_hand(), recovered=recover(snapshot, last)), epoch=2)
    again.tick(10)

    assert again.reasons == {Reason.FEED_UNCONFIRMED}


def test_the_journal_alone_knows_what_waits_and_what_no_longer_does() -> None:
    waits = StandDownChanged(1, ("feed_down:I:NDX", "feed_unconfirmed:I:NDX"))

    assert recover(None, (waits,)).feeds_unconfirmed == ("I:NDX",)
    assert recover(None, (waits, StandDownChanged(2, ()))).feeds_unconfirmed == ()


def test_the_last_levels_outlive_a_restart() -> None:
    rig = quoting()
    state = recover(rig.engine.snapshot(rig.now, 0), ())

    assert {symbol: level for symbol, (level, _) in state.levels.items()} == {"I:SPX": 6_850.0, "I:NDX": 25_300.0}
