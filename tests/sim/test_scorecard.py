"""What the scorecard counts, and what it tells people."""

import msgspec
import pytest

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.model.records import FeedSwitched
from kalshi_alpha.sim.feed.faults import FeedFault
from kalshi_alpha.sim.scorecard import Outage, Scorecard, Stall, as_text, outages
from kalshi_alpha.sim.script import DEMO_DAY, demo_script, windows_config

WINDOWS = demo_script(1, DEMO_DAY, windows_config(all_windows=False)).windows  # 9:45 to 10:00, 10:45 to 11:00, 15:50 to 16:00
CARD = Scorecard(
    seed=7,
    day="2026-11-23",
    windows=3,
    quotes=100,
    fills=9,
    pnl_usd=-1.5,
    orders_resting_after_freeze=0,
    quotes_while_standing_down=0,
    unknown_orders=0,
    feed_seconds={"polygon": 2_400.0, "massive": 0.0, "none": 0.0},
    restarts=(),
    ev_gap_max_usd=0.0,
    journal_sha256="0" * 64,
)


def switch(window: Window, seconds: float, active: str, previous: str) -> FeedSwitched:
    at_ns = window.start_ns + int(seconds * NS_PER_S)
    return FeedSwitched(utc_ns=at_ns, active=active, previous=previous, reason="", polygon_age_ms=None, massive_age_ms=None)


def fault(window: Window, seconds: float, lasting_s: float, leg: str) -> FeedFault:
    from_ns = window.start_ns + int(seconds * NS_PER_S)
    return FeedFault(from_ns, from_ns + int(lasting_s * NS_PER_S), leg, "silent")


def row(card: Scorecard, name: str) -> str:
    return next(line.strip().removeprefix(name).strip() for line in as_text(card).splitlines() if line.strip().startswith(name))


def test_an_outage_over_a_windows_end_counts_the_windows_seconds_alone() -> None:
    lost, back = switch(WINDOWS[0], 880, "none", "polygon"), switch(WINDOWS[1], 10, "polygon", "none")

    assert [one.away_s for one in outages((lost, back), WINDOWS, ())] == [30.0]  # 20 s before 10:00, 10 s after 10:45


def test_an_outage_that_lasts_to_the_end_is_told_too() -> None:
    lost = switch(WINDOWS[-1], 540, "massive", "polygon")

    assert [one.away_s for one in outages((lost,), WINDOWS, ())] == [60.0]


def test_between_windows_nothing_is_lost() -> None:
    lost = switch(WINDOWS[0], 1_000, "none", "polygon"), switch(WINDOWS[0], 1_010, "polygon", "none")

    assert outages(lost, WINDOWS, ()) == ()


@pytest.mark.parametrize(
    ("leg", "lost_s", "scripted"),
    [("polygon", 102.1, True), ("*", 102.1, True), ("massive", 102.1, False), ("polygon", 99.9, False), ("polygon", 136.0, False)],
)
def test_an_outage_is_scripted_when_a_fault_of_polygon_explains_it(leg: str, lost_s: float, scripted: bool) -> None:
    lost, back = switch(WINDOWS[0], lost_s, "massive", "polygon"), switch(WINDOWS[0], 140.1, "polygon", "massive")

    found = outages((lost, back), WINDOWS, (fault(WINDOWS[0], 100, 30, leg),))

    assert found == (Outage(round(140.1 - lost_s, 3), scripted),)


def test_what_nobody_scripted_is_marked_in_real_time_as_the_machines() -> None:
    card = msgspec.structs.replace(CARD, recoveries=(77.0, 3.5), recoveries_scripted=(True, False), stall=Stall(81.4, 50.0))

    assert row(card, "polygon away for") == "77.0 s, 3.5 s (not scripted: this machine stalled)"
    assert row(card, "longest stall of this machine") == "81 ms (at this speed a feed may be silent for 50 ms)"


def test_a_machine_that_was_never_late_isnt_blamed() -> None:
    card = msgspec.structs.replace(CARD, recoveries=(3.5,), recoveries_scripted=(False,), stall=Stall(18.7, 66.7))

    assert row(card, "polygon away for") == "3.5 s (not scripted)"


def test_many_outages_that_nobody_scripted_are_summed_up() -> None:
    card = msgspec.structs.replace(CARD, recoveries=(1.0, 2.0, 60.0, 3.0, 4.0), recoveries_scripted=(False, False, True, False, False))

    assert row(card, "polygon away for") == "60.0 s, 4 times 10.0 s in all (not scripted)"


def test_in_virtual_time_there_is_no_stall_to_tell() -> None:
    assert "stall" not in as_text(CARD)
    assert row(CARD, "polygon away for") == "never"


def test_money_is_called_settled_only_when_nothing_is_held() -> None:
    assert row(CARD, "P&L after settlement") == "$-1.50"
    assert row(msgspec.structs.replace(CARD, contracts_unsettled=548.0), "P&L (548 contracts unsettled)") == "$-1.50"


def test_thousands_of_violations_leave_the_scorecard_on_the_screen() -> None:
    lines = as_text(msgspec.structs.replace(CARD, violations=tuple(f"I1 number {n}" for n in range(2_345)))).splitlines()

    assert sum("VIOLATION" in line for line in lines) == 10
    assert "... and 2,335 more" in lines[-1]


def test_ten_violations_are_all_told() -> None:
    text = as_text(msgspec.structs.replace(CARD, violations=("I1 one",) * 10))

    assert text.count("VIOLATION") == 10
    assert "more" not in text
