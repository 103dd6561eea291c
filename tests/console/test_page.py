"""The page in a real browser, fed by a fake trading process over the real control socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from playwright.async_api import Page, async_playwright, expect

from kalshi_alpha.adapters.control_socket import Clear, ConfirmMaintenance, ControlCommand, ControlReply, ControlServer, Stop, control_path
from kalshi_alpha.adapters.stop_request import StopRequest, read_stop_request
from kalshi_alpha.console.server import listen, running
from kalshi_alpha.model.clock import utc_ns_of
from kalshi_alpha.model.view import CalendarView, EngineView, IncidentView

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TOKEN = "c3" * 32

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} isn't installed (apt-get install chromium)")


class Trading:
    """A fake trading process: shows what the test gives it, notes what it is told."""

    def __init__(self, root: Path) -> None:
        self.heard: list[ControlCommand] = []
        self.shown: EngineView | None = None
        self._server = ControlServer(control_path(root), self._on_command)
        self._after: EngineView | None = None

    async def start(self) -> None:
        await self._server.start()

    async def die(self) -> None:
        await self._server.close()

    def show(self, view: EngineView) -> None:
        self.shown = view
        self._server.publish(msgspec.json.encode(view))

    def _on_command(self, command: ControlCommand) -> ControlReply:
        self.heard.append(command)
        return ControlReply(ok=True, message="done")


class Scene:
    """The browser's page, the trading process behind it and what went wrong in the page."""

    def __init__(self, page: Page, trading: Trading, url: str) -> None:
        self.page = page
        self.trading = trading
        self.url = url
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)


@contextlib.asynccontextmanager
async def browser_scene(root: Path) -> AsyncIterator[Scene]:
    trading = Trading(root)
    await trading.start()
    listener = listen(0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    try:
        async with running(root, TOKEN, listener), async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = await browser.new_page(viewport={"width": 1440, "height": 860}, reduced_motion="reduce")
            scene = Scene(page, trading, url)
            await page.goto(f"{url}?token={TOKEN}")
            yield scene
            await browser.close()
    finally:
        await trading.die()


def play(root: Path, script: Callable[[Scene], Awaitable[None]]) -> None:
    async def scene() -> None:
        async with browser_scene(root) as made:
            await script(made)

    asyncio.run(scene())


def test_the_page_shows_the_moment_and_follows_it_without_a_reload(root: Path, views: dict[str, EngineView]) -> None:
    async def script(scene: Scene) -> None:
        page = scene.page
        scene.trading.show(views["quoting"])
        await expect(page.locator("#state")).to_have_text("QUOTING")
        assert page.url == scene.url
        await page.evaluate("window.unreloaded = true")
        await expect(page.locator("#count")).to_have_text("00:04:10")  # 12:55:48 to 12:59:58
        await expect(page.locator("#clock-label")).to_have_text("INXU + NASDAQ100U · hourly-1300 · freeze in")
        await expect(page.locator("#now")).to_contain_text("Mon, Nov 23 12:55:48 ET")
        await expect(page.locator("#windows tr.active")).to_contain_text("12:45")
        await expect(page.locator("#windows tr.active")).to_contain_text("12:59:58")
        row = page.locator("#ladder tr", has_text="6,850").first
        await expect(row).to_contain_text("0.488")
        assert await row.locator(".track .tick.ours").count() == 2
        assert await row.locator(".track .tick.fair").count() == 1
        await expect(page.locator("#h-orders")).to_have_text("Resting orders (14)")
        await expect(page.locator("#pnl")).to_contain_text("$31.42")
        await expect(page.locator("#pnl")).to_contain_text("\u2212$2.18")
        await expect(page.locator("#risk")).to_contain_text("$412 of $1,500")
        await expect(page.locator("#incidents")).to_contain_text("process restarted after a kill")
        await page.get_by_role("tab", name="NASDAQ100U").click()
        await expect(page.locator("#ladder")).to_contain_text("25,000")
        scene.trading.show(replace(views["quoting"], orders=views["quoting"].orders[:3], quotes_placed=1_900))
        await expect(page.locator("#h-orders")).to_have_text("Resting orders (3)")
        await expect(page.locator("#facts")).to_contain_text("1,900 quotes placed")
        await expect(page.get_by_role("tab", name="NASDAQ100U")).to_have_attribute("aria-selected", "true")
        assert await page.evaluate("window.unreloaded") is True
        assert scene.errors == []

    play(root, script)


def test_an_outage_shows_the_stale_leg_the_active_one_and_simulated_time(root: Path, views: dict[str, EngineView]) -> None:
    async def script(scene: Scene) -> None:
        page = scene.page
        scene.trading.show(replace(views["outage"], clock_speed=60.0))
        legs = page.locator("#feeds .legs")
        await expect(legs.nth(0)).to_contain_text("stale 7.4 s")
        await expect(legs.nth(0).locator(".badge")).to_have_count(0)
        await expect(legs.nth(1)).to_contain_text("fresh 0.3 s")
        await expect(legs.nth(1).locator(".badge")).to_have_text("ACTIVE")
        await expect(page.locator("#feeds")).to_contain_text("path redundancy, not source redundancy")
        await expect(page.locator("#timeline")).to_contain_text("massive since 12:55:43")
        await expect(page.locator("#badges")).to_contain_text("SIM \u00d760")
        scene.trading.show(views["standing_down"])
        await expect(page.locator("#state")).to_have_text("STANDING DOWN")
        await expect(page.locator("#why")).to_contain_text("I:SPX: no fresh index feed")
        assert scene.errors == []

    play(root, script)


def test_a_view_before_anything_happened_has_words_for_everything(root: Path, views: dict[str, EngineView]) -> None:
    async def script(scene: Scene) -> None:
        page = scene.page
        scene.trading.show(views["first_run"])
        await expect(page.locator("#state")).to_have_text("WAITING")
        await expect(page.locator("#why")).to_have_text("No window is open")
        await expect(page.locator("#count")).to_have_text("--:--:--")
        for panel in ("feeds", "timeline", "windows", "ladder", "orders", "risk", "incidents"):
            await expect(page.locator(f"#{panel} .empty")).to_have_count(1)
        await expect(page.locator("#chart-empty")).to_be_visible()
        assert scene.errors == []

    play(root, script)


def test_the_venues_text_stays_text(root: Path, views: dict[str, EngineView]) -> None:
    hostile = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>\u202e\u200b\'"&amp;'
    view = views["quoting"]
    ladder = view.ladders[0]
    rungs = tuple(replace(rung, ticker=hostile, label=hostile) for rung in ladder.rungs)
    hostile_view = replace(
        view,
        mode=hostile,
        reasons=(hostile,),
        exchange_status=hostile,
        ladders=(replace(ladder, series=hostile, event_ticker=hostile, symbol=hostile, rungs=rungs),),
        orders=tuple(replace(order, label=hostile, ticker=hostile, client_order_id=hostile, status=hostile) for order in view.orders[:2]),
        incidents=(IncidentView(view.utc_ns, hostile, hostile, hostile),),
    )

    async def script(scene: Scene) -> None:
        page = scene.page
        scene.trading.show(hostile_view)
        for panel in ("#why", "#badges", "#exchange", "#tabs", "#ladder", "#orders", "#incidents"):
            await expect(page.locator(panel)).to_contain_text("<img src=x onerror=", ignore_case=True)
        for panel in ("#why", "#ladder", "#orders", "#incidents"):
            await expect(page.locator(panel)).to_contain_text("⟨202E⟩⟨200B⟩")
        text = await page.locator("body").inner_text()
        assert "\u202e" not in text
        assert await page.locator("img, main script").count() == 0
        assert await page.evaluate("window.hit") is None
        assert scene.errors == []

    play(root, script)


def test_stop_reaches_the_trading_process_and_the_page_follows_until_nothing_rests(root: Path, views: dict[str, EngineView]) -> None:
    async def script(scene: Scene) -> None:
        page, trading = scene.page, scene.trading
        trading.show(views["quoting"])
        await expect(page.locator("#state")).to_have_text("QUOTING")
        await page.locator("#stop").click()
        await expect(page.locator("#stop-status")).to_have_text("stopping… 14 resting")
        assert trading.heard == [Stop("console", "STOP pressed on the page")]
        trading.show(replace(views["standing_down"], orders=views["quoting"].orders[:2]))
        await expect(page.locator("#stop-status")).to_have_text("stopping… 2 resting")
        trading.show(views["standing_down"])
        await expect(page.locator("#stop-status")).to_have_text("stopped, nothing rests")
        await page.keyboard.press("F10")
        await expect(page.locator("#stop-status")).to_have_text("stopping… 0 resting")
        assert len(trading.heard) == 2
        assert scene.errors == []

    play(root, script)


def test_clear_needs_the_typed_word(root: Path, views: dict[str, EngineView]) -> None:
    async def script(scene: Scene) -> None:
        page, trading = scene.page, scene.trading
        trading.show(views["standing_down"])
        await page.get_by_role("button", name="Lift a latch").click()
        lift = page.get_by_role("button", name="Lift the latch")
        await page.get_by_label("Type CLEAR").fill("clear")
        await expect(lift).to_be_disabled()
        await page.locator("#clear-latch").select_option("risk_limit")
        await page.get_by_label("Type CLEAR").fill("CLEAR")
        await lift.click()
        await expect(page.locator("#clear")).to_be_hidden()
        assert trading.heard == [Clear("console", "risk_limit")]

    play(root, script)


def test_special_hours_clock_changes_and_doubts_are_shown(root: Path, views: dict[str, EngineView]) -> None:
    calendar = CalendarView(
        special_hours="hours.toml",
        special_days=("2026-12-24",),
        refused="",
        doubts=(("2026-11-27/close-1300", "the venue closes at 16:00"),),
        clock_change_ns=utc_ns_of(datetime.fromisoformat("2027-03-14T07:00:00+00:00")),
        clock_change="EST to EDT",
        clock_checklist=True,
        venue_schedule_age_s=3,
    )

    async def script(scene: Scene) -> None:
        panel = scene.page.locator("#maintenance")
        scene.trading.show(replace(views["quoting"], calendar=calendar))
        await expect(panel).to_contain_text("2026-12-24")
        await expect(panel).to_contain_text("EST to EDT on Sun, Mar 14: go through the checklist")
        await expect(panel).to_contain_text("in doubt: 2026-11-27/close-1300: the venue closes at 16:00")
        scene.trading.show(replace(views["quoting"], calendar=replace(calendar, refused="line 3", clock_checklist=False)))
        await expect(panel).to_contain_text("not taken over: line 3")
        await expect(panel).not_to_contain_text("checklist")

    play(root, script)


def test_the_gates_are_always_shown_and_a_confirmation_is_asked_for_only_when_it_counts(root: Path, views: dict[str, EngineView]) -> None:
    async def script(scene: Scene) -> None:
        page, trading = scene.page, scene.trading
        trading.show(views["quoting"])
        panel = page.locator("#maintenance")
        await expect(panel).to_contain_text("green: active")
        await expect(panel).to_contain_text("red: none fresh for I:SPX")
        await expect(panel).to_contain_text("schedule, weekly")
        await expect(page.locator("#confirm")).to_be_hidden()
        trading.show(replace(views["quoting"], maintenance=replace(views["quoting"].maintenance, phase="clear")))
        await expect(panel).to_contain_text("green; not feeds")
        hostile = "<img src=x onerror=1>"
        told = replace(views["quoting"].maintenance, phase="confirming", needs_confirmation=True, contradictions=(hostile,), to_ns=None)
        trading.show(replace(views["standing_down"], maintenance=told))
        await expect(panel).to_contain_text(hostile)
        await expect(panel).to_contain_text("open end")
        await page.locator("#confirm").click()
        await expect(page.locator("#confirm-result")).to_have_text("done")
        assert trading.heard == [ConfirmMaintenance("console")]
        await trading.die()
        await expect(panel).to_contain_text("Not known now")
        await expect(page.locator("#confirm")).to_be_hidden()

    play(root, script)


def test_without_the_trading_process_nothing_is_shown_as_live_and_stop_is_kept(root: Path, views: dict[str, EngineView]) -> None:
    async def script(scene: Scene) -> None:
        page, trading = scene.page, scene.trading
        await expect(page.locator("#banner")).to_contain_text("No view has come yet")
        trading.show(views["quoting"])
        await expect(page.locator("#banner")).to_be_hidden()
        await trading.die()
        await expect(page.locator("#banner")).to_contain_text("Trading process not running — restarting? Last view")
        await expect(page.locator("#state")).to_have_text("NOT LIVE")
        await expect(page.locator("#count")).to_have_text("--:--:--")
        await expect(page.locator("body")).to_have_class("away")
        await page.locator("#stop").click()
        await expect(page.locator("#stop-status")).to_contain_text("STOP is written for its next start")
        assert read_stop_request(root) == StopRequest("console", "STOP pressed on the page")
        await trading.start()
        trading.show(views["standing_down"])
        await expect(page.locator("#state")).to_have_text("STANDING DOWN")
        await expect(page.locator("#stop-status")).not_to_contain_text("written")
        trading.show(views["standing_down"])
        await expect(page.locator("#stop-status")).to_have_text("stopped, nothing rests")
        assert trading.heard[0] == Stop("console", "STOP pressed on the page")
        assert read_stop_request(root) is None

    play(root, script)


def test_a_silent_trading_process_is_not_live_either(root: Path, views: dict[str, EngineView]) -> None:
    async def script(scene: Scene) -> None:
        page = scene.page
        await page.clock.install()
        await page.reload()
        scene.trading.show(views["quoting"])
        await expect(page.locator("#state")).to_have_text("QUOTING")
        await page.clock.fast_forward(6_000)
        await expect(page.locator("#state")).to_have_text("NOT LIVE")
        await expect(page.locator("#banner")).to_contain_text("Trading process is silent. Last view")

    play(root, script)


@pytest.mark.parametrize("width", [1440, 1200, 900, 480])
def test_the_page_never_scrolls_sideways_and_stop_stays_in_sight(root: Path, views: dict[str, EngineView], width: int) -> None:
    async def script(scene: Scene) -> None:
        page = scene.page
        await page.set_viewport_size({"width": width, "height": 860})
        scene.trading.show(views["standing_down"])
        await expect(page.locator("#state")).to_have_text("STANDING DOWN")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await expect(page.locator("#stop")).to_be_in_viewport(ratio=1)
        box = await page.locator("#state").bounding_box()
        clock = await page.locator("#count").bounding_box()
        assert box is not None
        assert clock is not None
        assert box["x"] + box["width"] <= clock["x"] or box["y"] + box["height"] <= clock["y"]

    play(root, script)
