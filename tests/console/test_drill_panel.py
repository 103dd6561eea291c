"""The page's line about the last drill: what was shown to hold, when, and what wasn't."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace
from playwright.async_api import expect

from kalshi_alpha.adapters.drill_records import keep_drill
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.console.drill_panel import NEVER, drill_panel
from kalshi_alpha.model.clock import iso_utc
from kalshi_alpha.model.drills import DrillRecord
from tests.console.test_page import Scene, play, pytestmark

__all__ = ["pytestmark"]

RESTART = DrillRecord("restart", "2026-11-23T14:00:00+00:00", 100, True, 0.65, 0.95, 0.97, 1.0, 0, (), (), "SIGKILL")
STOP = DrillRecord("stop", "2026-11-24T09:30:00-05:00", 1, True, 3.0, 3.1, 3.1, 5.0, 0, (), (), "SIGKILL")
SLOW = replace(RESTART, passed=False, failures=("p99 1.200 s: promised is less than 1.0 s",))
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def line(*records: DrillRecord, at: datetime = NOW) -> tuple[str, str]:
    panel = drill_panel(records, at)
    return panel.state, panel.text


def test_without_a_record_it_says_how_to_make_one() -> None:
    assert line() == (NEVER.state, NEVER.text) == ("never", "none here yet: kalshi-alpha drill restart")
    assert line(replace(RESTART, at_utc="yesterday"), replace(RESTART, at_utc="2026-11-23T14:00:00"))[0] == "never"


def test_the_newest_one_is_told_with_its_figures() -> None:
    assert line(RESTART) == ("passed", "restart 2026-11-23 14:00 UTC: passed, 100 kills, p99 0.95 s (limit 1)")
    assert line(RESTART, STOP) == ("passed", "stop 2026-11-24 14:30 UTC: passed, 1 kill, p99 3.10 s (limit 5)")
    assert line(replace(RESTART, p99_s=None))[1].endswith("passed, 100 kills")


def test_one_that_failed_is_told_until_it_passes() -> None:
    assert line(SLOW) == ("failed", "restart 2026-11-23 14:00 UTC: FAILED: p99 1.200 s: promised is less than 1.0 s")
    assert line(SLOW, STOP)[0] == "failed"
    assert line(SLOW, STOP)[1].endswith("(limit 5); restart failed before")
    assert line(replace(SLOW, failures=()))[1].endswith("FAILED: not finished")


def test_what_was_shown_a_month_ago_is_old() -> None:
    at = datetime(2026, 11, 23, 14, tzinfo=UTC)

    assert line(RESTART, at=at + timedelta(days=29, hours=23))[0] == "passed"
    assert line(RESTART, at=at + timedelta(days=30))[0] == "old"
    assert line(SLOW, at=at + timedelta(days=30))[0] == "failed"


def test_the_page_shows_a_drill_as_soon_as_its_record_is_there(root: Path) -> None:
    async def script(scene: Scene) -> None:
        await expect(scene.page.locator("#drill")).to_have_text(NEVER.text)
        await expect(scene.page.locator("#drill .dot")).to_have_class("dot warn")
        keep_drill(root, replace(RESTART, at_utc=iso_utc(SystemClock().now().utc_ns)))
        await expect(scene.page.locator("#drill")).to_contain_text("passed, 100 kills, p99 0.95 s")
        await expect(scene.page.locator("#drill .dot")).to_have_class("dot good")
        assert scene.errors == []

    play(root, script)
