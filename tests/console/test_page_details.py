"""What the page says in the moments that are easily misread: near the freeze, in an outage, on a small screen, with much to show."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.async_api import Page, expect

from kalshi_alpha.adapters.control_socket import AckAlert, Clear
from kalshi_alpha.model.alerts import OpenAlert
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.view import EngineView, FeedLegView, IncidentView, OrderView
from tests.console.test_page import Scene, play, pytestmark

__all__ = ["pytestmark"]

COLOURED_COLUMNS = """([red, green, blue]) => {
  const canvas = document.querySelector("#chart canvas");
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const near = (i) => Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) + Math.abs(data[i + 2] - blue) < 60 && data[i + 3] > 120;
  const found = [];
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) if (near(4 * (y * width + x))) { found.push(x); break; }
  }
  return found;
}"""
"""The columns of the chart with a pixel in about this colour."""
POLYGON, MASSIVE = [0x5A, 0xA5, 0xE8], [0xBB, 0x86, 0xE6]


def labelled(order: OrderView, *labels: str) -> tuple[OrderView, ...]:
    return tuple(replace(order, client_order_id=f"o-{n}", label=label) for n, label in enumerate(labels))


def many_orders(view: EngineView) -> tuple[OrderView, ...]:
    return labelled(view.orders[0], *(f"NDX {24_500 + 10 * n:,}" for n in range(34)))


def many_incidents(view: EngineView) -> tuple[IncidentView, ...]:
    did = "stood down; cancelling 40 orders; a ticket for the vendor needs the snapshot below"
    return tuple(IncidentView(view.utc_ns - n * NS_PER_S, "both_feeds", "Both feeds are down", did) for n in range(9))


async def boxes(page: Page, *selectors: str) -> dict[str, tuple[float, float, float, float]]:
    """Return left, top, right and bottom of each."""
    found = {}
    for selector in selectors:
        box = await page.locator(selector).bounding_box()
        assert box is not None, selector
        found[selector] = (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])
    return found


def overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


async def longest_gap(page: Page, colour: list[int]) -> float:
    """Return the widest run of columns without this colour between columns with it, as a share of the whole line's width."""
    columns: list[int] = await page.evaluate(COLOURED_COLUMNS, colour)
    return max(later - earlier for earlier, later in pairwise(columns)) / (columns[-1] - columns[0])


@pytest.mark.parametrize("width", [420, 360])
def test_nothing_in_a_narrow_header_covers_anything_else(root: Path, views: dict[str, EngineView], width: int) -> None:
    async def script(scene: Scene) -> None:
        page = scene.page
        await page.set_viewport_size({"width": width, "height": 900})
        scene.trading.show(views["standing_down"])
        await expect(page.locator("#state")).to_have_text("STANDING DOWN")
        found = await boxes(page, "#state", "#lift", "#why", "#clock-label", "#count", "#stop")
        covered = [(a, b) for a in found for b in found if a < b and overlap(found[a], found[b])]
        assert covered == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width

    play(root, script)


def test_a_latch_can_be_lifted_only_when_it_holds(root: Path, views: dict[str, EngineView]) -> None:
    view = replace(views["standing_down"], reasons=("I:SPX: no fresh index feed",), latches=())

    async def script(scene: Scene) -> None:
        page, trading = scene.page, scene.trading
        lift = page.get_by_role("button", name="Lift a latch")
        trading.show(view)
        await expect(page.locator("#state")).to_have_text("STANDING DOWN")
        await expect(lift).to_be_hidden()
        trading.show(replace(view, latches=("order_group_stopped", "kalshi_maintenance")))
        await lift.click()
        await expect(page.locator("#clear-latch option")).to_have_text(["order group stopped by the venue", "kalshi maintenance"])
        await page.get_by_label("Type CLEAR").fill("CLEAR")
        await page.get_by_role("button", name="Lift the latch").click()
        await expect(page.locator("#clear")).to_be_hidden()
        assert trading.heard == [Clear("console", "order_group_stopped")]
        trading.show(view)
        await expect(lift).to_be_hidden()

    play(root, script)


def test_a_latch_that_goes_while_it_is_chosen_takes_the_typed_word_with_it(root: Path, views: dict[str, EngineView]) -> None:
    view = replace(views["standing_down"], latches=("operator_stop", "risk_limit"))

    async def script(scene: Scene) -> None:
        page, trading = scene.page, scene.trading
        do = page.get_by_role("button", name="Lift the latch")
        trading.show(view)
        await page.get_by_role("button", name="Lift a latch").click()
        await page.locator("#clear-latch").select_option("risk_limit")
        await page.get_by_label("Type CLEAR").fill("CLEAR")
        trading.show(replace(view, latches=("operator_stop", "risk_limit", "kalshi_maintenance")))
        await expect(page.locator("#clear-latch option")).to_have_count(3)
        await expect(page.locator("#clear-latch")).to_have_value("risk_limit")
        await expect(do).to_be_enabled()
        trading.show(replace(view, latches=("operator_stop",)))
        await expect(page.locator("#clear-latch")).to_have_value("operator_stop")
        await expect(page.get_by_label("Type CLEAR")).to_have_value("")
        await expect(do).to_be_disabled()
        trading.show(replace(view, latches=()))
        await expect(page.locator("#clear-latch option")).to_have_count(0)
        await page.get_by_label("Type CLEAR").fill("CLEAR")
        await expect(do).to_be_disabled()

    play(root, script)


def test_the_strikes_of_the_close_are_read_whole_in_the_resting_orders(root: Path, views: dict[str, EngineView]) -> None:
    names = (
        "NDX 24,800\N{EN DASH}899",
        "NDX 24,900\N{EN DASH}25,024",
        "SPX 6,975\N{EN DASH}7,024",
        "NDX \N{LESS-THAN OR EQUAL TO} 24,299.99",
    )
    view = replace(views["quoting"], orders=labelled(replace(views["quoting"].orders[0], status="cancelling"), *names))

    async def script(scene: Scene) -> None:
        page = scene.page
        await page.set_viewport_size({"width": 1440, "height": 900})
        scene.trading.show(view)
        cells = page.locator("#orders tbody th")
        await expect(cells).to_have_text(list(names))
        assert await cells.evaluate_all("cells => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).length") == 0
        assert await page.locator("#orders").evaluate("box => box.scrollWidth - box.clientWidth") <= 0

    play(root, script)


def test_the_closes_ladder_fits_a_narrow_screen_up_to_the_position(root: Path, views: dict[str, EngineView]) -> None:
    view = views["quoting"]
    ladder = view.ladders[0]
    rungs = tuple(replace(rung, label="6,725-6,749.99", position_e2=-56_000) for rung in ladder.rungs)

    async def script(scene: Scene) -> None:
        page = scene.page
        await page.set_viewport_size({"width": 420, "height": 900})
        scene.trading.show(replace(view, ladders=(replace(ladder, rungs=rungs),)))
        await expect(page.locator("#ladder tbody td:last-child").first).to_have_text("\N{MINUS SIGN}560")
        assert await page.locator("#ladder").evaluate("box => box.scrollWidth - box.clientWidth") <= 0

    play(root, script)


def test_quoting_ends_with_the_freeze_even_before_the_next_view(root: Path, views: dict[str, EngineView]) -> None:
    window = views["quoting"].window
    assert window is not None
    view = replace(views["quoting"], utc_ns=window.freeze_ns - 1_000 * NS_PER_MS)

    async def script(scene: Scene) -> None:
        page = scene.page
        await page.clock.install()
        await page.reload()
        scene.trading.show(view)
        await expect(page.locator("#state")).to_have_text("QUOTING")
        await expect(page.locator("#clock-label")).to_contain_text("freeze in")
        await page.clock.fast_forward(1_400)
        await expect(page.locator("#clock-label")).to_contain_text("frozen, settles in")
        await expect(page.locator("#state")).to_have_text("WAITING")
        await expect(page.locator("#state-dot")).to_have_class("dot idle")
        await expect(page.locator("#why")).to_have_text("Frozen until the target")
        assert await page.title() == "WAITING \N{MIDDLE DOT} kalshi-alpha"

    play(root, script)


def test_the_line_beside_the_state_is_never_cut(root: Path, views: dict[str, EngineView]) -> None:
    view = replace(views["quoting"], clock_speed=20.0, epoch=1_795_445_025, quotes_placed=13_322, restart_s=75.2)

    async def script(scene: Scene) -> None:
        page = scene.page
        facts = page.locator("#facts")
        for width, shown in ((1440, 2), (1250, 1)):
            await page.set_viewport_size({"width": width, "height": 900})
            scene.trading.show(view)
            await expect(facts).to_contain_text("13,322 quotes placed")
            line = (await boxes(page, "#facts"))["#facts"]
            parts: list[list[float]] = await facts.locator("span").evaluate_all(
                "parts => parts.map((part) => part.getBoundingClientRect()).map((box) => [box.left, box.top, box.right, box.bottom])"
            )
            seen = [part for part in parts if part[1] < line[3] - 1]
            assert len(seen) == shown
            assert all(part[2] <= line[2] + 1 and part[3] <= line[3] + 1 for part in seen)
        assert "first order" not in await facts.inner_text()
        await expect(facts.locator("[title*='first order 75.2 s after']")).to_have_count(1)

    play(root, script)


def test_every_panel_is_on_a_full_screen_and_long_lists_say_what_is_below(root: Path, views: dict[str, EngineView]) -> None:
    view = replace(views["quoting"], orders=many_orders(views["quoting"]), incidents=many_incidents(views["quoting"]))

    async def script(scene: Scene) -> None:
        page = scene.page
        await page.set_viewport_size({"width": 1440, "height": 900})
        scene.trading.show(view)
        await expect(page.locator("#orders-more")).to_have_text(re.compile(r"^2[5-8] more below"))
        await expect(page.locator("#incidents-more")).to_have_text(re.compile(r"^[67] more below"))
        for panel in ("#pnl", "#monitors", "#risk"):
            await expect(page.locator(panel)).to_be_in_viewport(ratio=1)
        await page.locator("#orders").evaluate("box => box.scrollTo(0, box.scrollHeight)")
        await expect(page.locator("#orders-more")).to_be_hidden(timeout=3_000)
        assert await page.locator("#state").inner_text() == "QUOTING"  # It wasn't the silence that drew it anew.
        assert await page.locator("#orders").evaluate("box => box.scrollTop") > 0
        scene.trading.show(replace(view, orders=view.orders[:3], incidents=view.incidents[:1]))
        await expect(page.locator("#h-orders")).to_have_text("Resting orders (3)")
        await expect(page.locator("#incidents-more")).to_be_hidden()

    play(root, script)


def test_the_chart_breaks_where_a_leg_was_silent_or_time_jumped(root: Path, views: dict[str, EngineView]) -> None:
    now = views["quoting"].utc_ns

    def points(leg: str, level: float, seconds: list[int]) -> list[tuple[int, float, str]]:
        return [(now - (180 - n) * NS_PER_S, level, leg) for n in seconds]

    all_the_time, apart = list(range(180)), [*range(60), *range(120, 180)]
    outage = tuple(sorted(points("polygon", 6_850.0, apart) + points("massive", 6_849.0, all_the_time)))
    jump = tuple(sorted(points("polygon", 6_850.0, apart) + points("massive", 6_849.0, apart)))
    slow = tuple(sorted(points("polygon", 6_850.0, all_the_time[::5]) + points("massive", 6_849.0, all_the_time)))
    old = tuple((ns - 3_600 * NS_PER_S, level, leg) for ns, level, leg in slow)

    async def script(scene: Scene) -> None:
        page = scene.page
        for levels, polygon, massive in ((outage, 61 / 179, 0.0), (jump, 61 / 179, 61 / 179), (slow, 0.0, 0.0), (old + slow, 0.0, 0.0)):
            scene.trading.show(replace(views["quoting"], levels={"I:SPX": levels}, quotes_placed=len(levels)))
            await expect(page.locator("#facts")).to_contain_text(f"{len(levels)} quotes placed")
            assert await longest_gap(page, POLYGON) == pytest.approx(polygon, abs=0.02)
            assert await longest_gap(page, MASSIVE) == pytest.approx(massive, abs=0.02)

    play(root, script)


def test_a_leg_on_its_way_back_says_how_far(root: Path, views: dict[str, EngineView]) -> None:
    outage = views["outage"]
    assert outage.feed is not None
    feed = outage.feed
    polygon, massive = feed.legs

    def told(active: str, *legs: FeedLegView) -> EngineView:
        return replace(outage, feed=replace(feed, active=active, legs=legs))

    back = replace(polygon, stale=False, age_ms=200, steady_ms=3_420)

    async def script(scene: Scene) -> None:
        legs = scene.page.locator("#feeds .leg")
        scene.trading.show(told("massive", back, massive))
        await expect(legs.nth(0)).to_contain_text("recovering, 3 of 5 s")
        await expect(legs.nth(1)).to_contain_text("fresh 0.3 s")
        scene.trading.show(told("none", back, replace(massive, steady_ms=900)))
        await expect(legs.nth(1)).to_contain_text("recovering, 0 of 5 s")
        scene.trading.show(told("polygon", back, replace(massive, steady_ms=900)))
        await expect(legs.nth(0)).to_contain_text("fresh 0.2 s")
        await expect(legs.nth(1)).to_contain_text("fresh 0.3 s")
        scene.trading.show(told("massive", replace(back, connected=False), massive))
        await expect(legs.nth(0)).to_contain_text("disconnected")

    play(root, script)


def test_a_quote_that_fair_value_has_passed_explains_its_edge(root: Path, views: dict[str, EngineView]) -> None:
    view = views["quoting"]
    ladder = view.ladders[0]
    rungs = tuple(replace(rung, fair_p=rung.our_bid_e4 / 10_000 - 0.02) if rung.label == "6,850" else rung for rung in ladder.rungs)

    async def script(scene: Scene) -> None:
        page = scene.page
        scene.trading.show(replace(view, ladders=(replace(ladder, rungs=rungs),)))
        cells = page.locator("#ladder td.bad-cell")
        await expect(cells).to_have_text(["-2.0"])
        await expect(cells.locator("[title^='below 0: fair value has passed a quote of ours']")).to_have_count(1)
        await expect(page.locator("#ladder td.fair-cell [title]")).to_have_count(0)

    play(root, script)


def test_the_ev_gap_has_a_verdict_and_says_how_many_quotes_it_speaks_of(root: Path, views: dict[str, EngineView]) -> None:
    view = views["quoting"]

    async def script(scene: Scene) -> None:
        monitors = scene.page.locator("#monitors")
        scene.trading.show(view)
        await expect(monitors).to_contain_text("OK \N{MIDDLE DOT} max $0.0003 in 1,869 quotes")
        scene.trading.show(replace(view, ev_gap_max_usd=0.0012))
        await expect(monitors).to_contain_text("ALERT \N{MIDDLE DOT} max $0.0012 in 1,869 quotes")
        scene.trading.show(replace(view, ev_gap_max_usd=0.0, ev_gap_sample_size=0))
        await expect(monitors).to_contain_text("no quote checked yet")

    play(root, script)


def test_contracts_that_wait_for_their_settlement_are_told(root: Path, views: dict[str, EngineView]) -> None:
    view = views["quoting"]

    async def script(scene: Scene) -> None:
        pnl = scene.page.locator("#pnl")
        for unsettled_e2 in (0, 12_350):
            scene.trading.show(replace(view, pnl=replace(view.pnl, marked_e6=unsettled_e2, unsettled_e2=unsettled_e2)))
            await expect(pnl).to_contain_text(f"${unsettled_e2 / 1_000_000:.2f}")
            await expect(pnl.get_by_text("held, not settled yet")).to_have_count(1 if unsettled_e2 else 0)
        await expect(pnl).to_contain_text("123.5 contracts")

    play(root, script)


def test_open_alerts_stand_above_everything_and_are_acknowledged_with_one_click(root: Path, views: dict[str, EngineView]) -> None:
    async def script(scene: Scene) -> None:
        page, view = scene.page, views["outage"]
        raised_ns = view.utc_ns - 5_000_000_000
        polygon = OpenAlert("polygon_degraded", "page", "polygon_ws <b>out</b>", "see", raised_ns, raised_ns)
        clock = OpenAlert("clock", "ticket", "Our clock is off", "", raised_ns, raised_ns)
        scene.trading.show(replace(view, alerts=(polygon, clock)))

        await expect(page.locator("#alerts li")).to_have_count(2)
        await expect(page.locator("#alerts li").first).to_contain_text("PAGE")
        await expect(page.locator("#alerts li").first).to_contain_text("polygon_ws <b>out</b>")
        await expect(page.locator("#alerts li").first).to_contain_text("since 12:55:43")
        await expect(page.locator("#alerts li").last).to_contain_text("TICKET")
        await page.get_by_role("button", name="Acknowledge polygon_degraded").click()
        for _ in range(50):
            if scene.trading.heard:
                break
            await page.wait_for_timeout(50)
        assert scene.trading.heard == [AckAlert("console", "polygon_degraded")]
        scene.trading.show(replace(view, alerts=(replace(polygon, acknowledged_by="anna"), clock)))
        await expect(page.locator("#alerts li").first).to_contain_text("acknowledged by anna")
        scene.trading.show(view)
        await expect(page.locator("#alerts-box")).to_be_hidden()
        assert scene.errors == []

    play(root, script)


def test_each_index_of_each_leg_has_its_verdict(root: Path, views: dict[str, EngineView]) -> None:
    async def script(scene: Scene) -> None:
        scene.trading.show(views["outage"])

        await expect(scene.page.locator("#feeds .verdict")).to_have_text(["STALE", "STALE", "FRESH", "FRESH"])

    play(root, script)


def test_a_further_leg_is_shown_as_a_witness_and_whose_values_they_are_is_said(root: Path, views: dict[str, EngineView]) -> None:
    view = views["quoting"]
    assert view.feed is not None
    other = replace(view.feed.legs[1], leg="backup", vendor="Other <b>", path="line 2")

    async def script(scene: Scene) -> None:
        feeds = scene.page.locator("#feeds")
        assert view.feed is not None
        snapshots = {"snapshot I:SPX": "6849.37, age 900 ms by its own time, REAL-TIME"}
        scene.trading.show(replace(view, feed=replace(view.feed, further=(other,)), feed_snapshots=snapshots))

        await expect(feeds.locator(".badge")).to_have_text(["ACTIVE", "WITNESS"])
        await expect(feeds.locator(".leg").last).to_have_attribute("title", "Other <b>, by line 2")
        await expect(feeds).to_contain_text(
            "Both legs carry Massive's data: path redundancy, not source redundancy. Held against Other <b>."
        )
        await expect(feeds).to_contain_text("snapshot SPX: 6849.37, age 900 ms by its own time, REAL-TIME")
        legs = (view.feed.legs[0], replace(view.feed.legs[1], vendor="Other"))
        scene.trading.show(replace(view, feed=replace(view.feed, legs=legs, redundancy="source")))
        await expect(feeds).to_contain_text("The legs carry the data of Massive and Other: source redundancy.")
        await expect(feeds.locator(".badge")).to_have_text(["ACTIVE"])
        assert scene.errors == []

    play(root, script)
