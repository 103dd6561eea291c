from pathlib import Path

import msgspec
import pytest

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.exec.monitor_history import MonitorHistory
from kalshi_alpha.exec.monitors import EvGapDocument, FreshnessDocument, ev_gap_document, freshness_document
from kalshi_alpha.exec.outputs import ArtifactWriter
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.monitor_line import MonitorLine
from tests.exec.test_monitors import NOW, alert, feeds, gap

Pair = tuple[FreshnessDocument, EvGapDocument]


def documents(after_s: float = 0, *, active: str = "polygon", max_delta_usd: float = 0.0, degraded: int = 0) -> Pair:
    now = Now(NOW.utc_ns + round(after_s * 1e9), 1)
    alerts = (alert("feed_degraded"),) if degraded > 2 else ()
    fresh = freshness_document(feeds(active, windows_degraded=degraded), now, None, None, alerts)
    return fresh, ev_gap_document(fresh, gap(max_delta_usd))


def test_a_line_says_what_both_monitors_said() -> None:
    assert MonitorHistory().line(*documents()) == MonitorLine(
        at="2026-11-23T14:45:01.000+00:00",
        status="OK",
        message="polygon serves",
        active_feed="polygon",
        feed_state="serving_polygon",
        required_feeds_ok=True,
        stale_feeds=(),
        primary_age_ms=340,
        secondary_age_ms=420,
        windows_degraded=0,
        ev_status="OK",
        max_delta_usd=0.0,
        sample_size=5,
    )


def test_before_the_feeds_are_up_the_line_says_so() -> None:
    fresh = freshness_document(None, NOW, None)

    line = MonitorHistory().line(fresh, ev_gap_document(fresh, gap()))

    assert line is not None
    assert (line.status, line.active_feed, line.feed_state, line.primary_age_ms) == ("NO_DATA", "none", "", None)


def test_there_is_one_line_a_minute() -> None:
    history = MonitorHistory()

    told = [history.line(*documents(second)) is not None for second in (0, 1, 58, 59, 60, 118, 119)]

    assert told == [True, False, False, True, False, False, True]


@pytest.mark.parametrize("change", [{"active": "massive"}, {"max_delta_usd": 0.5}, {"degraded": 3}])
def test_each_change_has_a_line_of_its_own(change: dict[str, object]) -> None:
    history = MonitorHistory()
    history.line(*documents())

    told = [history.line(*pair) is not None for pair in (documents(1, **change), documents(2, **change), documents(3))]  # type: ignore[arg-type]  # one of three

    assert told == [True, False, True]


def test_the_writer_keeps_a_file_a_day(tmp_path: Path) -> None:
    writer = ArtifactWriter(tmp_path)

    for second in (0, 1, 60, 86_400):
        writer.monitors(*documents(second))

    history = {path.name: len(path.read_bytes().splitlines()) for path in Layout(tmp_path).monitor_history.iterdir()}
    assert history == {"2026-11-23.jsonl": 2, "2026-11-24.jsonl": 1}
    fresh = msgspec.json.decode((Layout(tmp_path).monitors / "freshness.json").read_bytes())
    assert fresh["generated_at"] == "2026-11-24T14:45:01.000+00:00"
