"""The page's line about the guardian: present, absent said plainly, or what it did."""

from pathlib import Path

from msgspec.structs import replace
from playwright.async_api import expect

from kalshi_alpha.adapters.heartbeat import write_guardian
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.console.guardian_panel import guardian_panel
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.guardian import GuardianAction, GuardianStatus
from kalshi_alpha.model.view import EngineView
from tests.console.test_page import Scene, play, pytestmark

__all__ = ["pytestmark"]

AT = "2026-11-23T17:55:40.000+00:00"
ACTION = GuardianAction("silent", "no sign of life for 3.1 s", AT, 32, 2, AT, ended=True)
WELL = GuardianStatus("watching", 9, AT, AT, 100 * NS_PER_S, "alive", 0.2, AT, 14, "", 0, None)


def line(status: GuardianStatus | None, second: float = 100.5) -> tuple[str, str]:
    panel = guardian_panel(status, int(second * NS_PER_S))
    return panel.state, panel.text


def test_what_it_shows_is_what_it_does() -> None:
    assert line(WELL) == ("watching", "watching, 14 resting at the last look")
    assert line(replace(WELL, resting=None)) == ("watching", "watching, the venue not read yet")
    assert line(replace(WELL, state="blind", trouble="http 503"))[1] == "can't read the venue: http 503"
    acting = replace(WELL, state="acting", last_action=replace(ACTION, ended=False, verified_at=None))
    assert line(acting) == ("acting", "cancelling everything, 2 times so far: no sign of life for 3.1 s")


def test_what_it_did_stays_to_be_seen() -> None:
    proven = line(replace(WELL, last_action=ACTION))
    taken_over = line(replace(WELL, last_action=replace(ACTION, verified_at=None)))

    assert proven == ("acted", "acted 2026-11-23T17:55:40 UTC, nothing rests: no sign of life for 3.1 s")
    assert taken_over[1].startswith("acted 2026-11-23T17:55:40 UTC, the trading process took over")


def test_without_a_present_file_it_is_absent() -> None:
    assert line(None) == ("absent", "absent: nobody watches from outside")
    assert line(WELL, 105.1) == ("absent", "absent: last seen 2026-11-23T17:55:40 UTC")
    assert line(WELL, 99.9)[0] == "absent"  # from before the machine's start
    assert line(WELL, 104.9)[0] == "watching"


def test_the_page_says_plainly_that_it_is_absent_and_sees_it_come(root: Path, views: dict[str, EngineView]) -> None:
    async def script(scene: Scene) -> None:
        await expect(scene.page.locator("#guardian")).to_have_text("absent: nobody watches from outside")
        scene.trading.show(views["quoting"])
        await expect(scene.page.locator("#exchange")).to_contain_text("trading")
        await expect(scene.page.locator("#guardian .dot")).to_have_class("dot bad")
        write_guardian(root, replace(WELL, mono_ns=SystemClock().now().mono_ns))
        await expect(scene.page.locator("#guardian")).to_have_text("watching, 14 resting at the last look")
        await expect(scene.page.locator("#guardian .dot")).to_have_class("dot good")
        write_guardian(root, replace(WELL, mono_ns=SystemClock().now().mono_ns, last_action=ACTION))
        await expect(scene.page.locator("#guardian")).to_contain_text("nothing rests: no sign of life")
        assert scene.errors == []

    play(root, script)
