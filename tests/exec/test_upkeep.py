"""Beside the engine: the status page, the operator's slots, the housekeeping; each failure is told, none is raised."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.massive.rest import IndexRest
from kalshi_alpha.adapters.operator_slots import add_entry
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.exec.upkeep import Upkeep
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.instruments import SYMBOLS
from tests.adapters.small_site import small_site

NOW = 1_795_447_200 * 10**9
HOUR = 3_600 * 10**9


def carried_out(root: Path, command: cmd.Command, url: str = "") -> Sequence[ev.Event]:
    async def once() -> Sequence[ev.Event]:
        upkeep = Upkeep(root, url, SystemClock())
        try:
            return await upkeep.carry_out(command)
        finally:
            await upkeep.close()

    return asyncio.run(once())


def test_the_page_is_read_over_the_network(tmp_path: Path) -> None:
    plan = {"scheduled_for": "2026-11-23T15:20:00Z", "scheduled_until": "2026-11-23T16:20:00Z"}
    listed = {"id": "x", "name": "Up", "status": "scheduled", **plan}
    root = "/api/v2/scheduled-maintenances"
    pages = {
        f"{root}/upcoming.json": (200, json.dumps({"scheduled_maintenances": [listed]}).encode()),
        f"{root}/active.json": (200, b'{"scheduled_maintenances":[]}'),
        "/api/v2/incidents/unresolved.json": (200, b'{"incidents":[]}'),
    }

    with small_site(pages) as url:
        [event] = carried_out(tmp_path, cmd.ReadStatusPage(1), url)

    assert isinstance(event, cal.StatusPageRead)
    assert [slot.from_ns for slot in event.slots] == [NOW]


def test_a_page_that_isnt_there_is_unknown_and_one_that_isnt_set_isnt_asked(tmp_path: Path) -> None:
    [event] = carried_out(tmp_path, cmd.ReadStatusPage(1), "http://127.0.0.1:9")

    assert isinstance(event, ev.RequestFailed)
    assert carried_out(tmp_path, cmd.ReadStatusPage(1)) == []


def test_a_snapshot_is_asked_for_where_there_is_a_service(tmp_path: Path) -> None:
    async def once() -> Sequence[ev.Event]:
        upkeep = Upkeep(tmp_path, "", SystemClock(), IndexRest("http://127.0.0.1:9", "key", SystemClock()))
        try:
            return await upkeep.carry_out(cmd.ProbeIndex(4, SYMBOLS))
        finally:
            await upkeep.close()

    [event] = asyncio.run(once())

    assert isinstance(event, ev.RequestFailed)
    assert (event.command, event.request) == ("ProbeIndex", 4)
    assert carried_out(tmp_path, cmd.ProbeIndex(4, SYMBOLS)) == []


def test_the_operators_slots_are_read_and_an_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    add_entry(tmp_path, (NOW, NOW + HOUR), "phone", NOW)
    [good] = carried_out(tmp_path, cmd.ReadOperatorSlots())
    Layout(tmp_path).maintenance.write_text("{")
    [bad] = carried_out(tmp_path, cmd.ReadOperatorSlots())

    assert isinstance(good, cal.OperatorSlotsRead)
    assert isinstance(bad, cal.OperatorSlotsRead)
    assert [slot.name for slot in good.slots] == ["op-1 phone"]
    assert good.problem == ""
    assert "maintenance.json" in bad.problem


def test_the_housekeepings_end_is_told_with_its_last_word(tmp_path: Path) -> None:
    [event] = carried_out(tmp_path, cmd.KeepHouse(-1))

    assert isinstance(event, cal.HousekeepingDone)
    assert event.exit_status != 0
    assert event.summary
