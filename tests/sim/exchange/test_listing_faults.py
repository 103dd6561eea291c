"""A catalogue told wrongly: each fault changes what is listed while it holds, and nothing else."""

from typing import Any

import pytest

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sim.exchange import Fault
from kalshi_alpha.sim.exchange.faults import UnknownFaultError
from tests.sim.exchange.venue_kit import MORNING_NS, Kit

EVENT = "KXINXU-26NOV23H1000"
ALL_DAY = (0, 1 << 62)
Params = dict[str, float | str]


def faulty(kind: str, **params: float | str) -> Kit:
    return Kit(faults=[Fault(*ALL_DAY, kind, {"event": EVENT, **params})])


def markets(kit: Kit, event: str = EVENT) -> list[Any]:
    found: list[Any] = kit.get("/markets", f"event_ticker={event}&limit=1000")["markets"]
    return found


def test_a_missing_event_is_nowhere_and_the_others_are() -> None:
    kit = faulty("missing_event")
    ticker = "KXINXU-26NOV23H1000-T6844.9999"

    listed = [event["event_ticker"] for event in kit.get("/events", "series_ticker=KXINXU")["events"]]

    assert listed == [f"KXINXU-26NOV23H{hour}00" for hour in range(11, 17)]
    assert markets(kit) == []
    assert len(markets(kit, "KXINXU-26NOV23H1100")) == 200
    assert (kit.ask("GET", f"/events/{EVENT}").status, kit.ask("GET", f"/markets/{ticker}").status) == (404, 404)


def test_a_missing_strike_leaves_a_hole() -> None:
    found = [market["floor_strike"] for market in markets(faulty("missing_strike", floor=6_845.0))]

    assert len(found) == 199
    assert 6_845.0 not in found


def test_a_range_is_missed_by_its_cap() -> None:
    kit = Kit(faults=[Fault(*ALL_DAY, "missing_strike", {"event": "KXINX-26NOV23H1600", "cap": 6_849.9999})])

    assert len(markets(kit, "KXINX-26NOV23H1600")) == 29


def test_a_duplicate_strike_has_another_ticker() -> None:
    found = [market for market in markets(faulty("duplicate_strike", floor=6_845.0)) if market["floor_strike"] == 6_845.0]

    assert [market["ticker"] for market in found] == [f"{EVENT}-T6844.9999", f"{EVENT}-T6844.9999-2"]


def test_another_close_shows_in_the_markets_and_not_in_the_events_date() -> None:
    kit = faulty("other_close", seconds=300)

    nested = kit.get(f"/events/{EVENT}", "with_nested_markets=true")["event"]

    assert {market["close_time"] for market in markets(kit)} == {"2026-11-23T15:05:00Z"}
    assert {market["close_time"] for market in nested["markets"]} == {"2026-11-23T15:05:00Z"}
    assert nested["strike_date"] == "2026-11-23T15:00:00.000000Z"


def test_changed_terms_show_where_the_venue_has_them() -> None:
    params: Params = {
        "collateral": "MECNET",
        "fee_type": "flat",
        "fee_multiplier": 2.0,
        "settlement_timer_s": 1_800.0,
        "wording": "Perhaps:",
    }
    kit = faulty("changed_terms", **params)

    event, market = kit.get(f"/events/{EVENT}")["event"], markets(kit)[0]

    assert (event["collateral_return_type"], event["fee_type_override"], event["fee_multiplier_override"]) == ("MECNET", "flat", 2.0)
    assert market["settlement_timer_seconds"] == 1_800
    assert market["rules_primary"].startswith("Perhaps: Resolves YES")


def test_a_fault_holds_from_its_first_instant_until_its_last() -> None:
    kit = Kit(faults=[Fault(MORNING_NS + NS_PER_S, MORNING_NS + 2 * NS_PER_S, "missing_event", {"event": EVENT})])

    before = len(markets(kit))
    kit.wait(1.0)
    during = len(markets(kit))
    kit.wait(1.0)

    assert (before, during, len(markets(kit))) == (200, 0, 200)


def test_what_is_told_wrongly_trades_all_the_same() -> None:
    kit = faulty("missing_event")

    placed = kit.place(expiration_time=MORNING_NS // NS_PER_S + 60)

    assert kit.resting() == [placed["order_id"]]


@pytest.mark.parametrize(("kind", "params", "lacks"), [("missing_event", {}, "event"), ("other_close", {"event": EVENT}, "seconds")])
def test_a_fault_without_what_it_needs_is_refused(kind: str, params: Params, lacks: str) -> None:
    with pytest.raises(UnknownFaultError, match=lacks):
        Kit(faults=[Fault(*ALL_DAY, kind, params)])
