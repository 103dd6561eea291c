import json

import msgspec
import pytest

from kalshi_alpha.exec.ev_gap import GapAttribution, GapGroup, GapSummary
from kalshi_alpha.exec.monitors import FreshnessDocument, ev_gap_document, freshness_document
from kalshi_alpha.model.alerts import OpenAlert
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.view import DualFeedView, FeedLegView, FeedSymbolView

NOW = Now(utc_ns=1_795_445_101_000_000_000, mono_ns=1)  # 2026-11-23T14:45:01Z
WINDOW = {"label": "hourly-1000", "state": "active"}


def leg(name: str, *, stale: bool = False, connected: bool = True, age_ms: int | None = 340) -> FeedLegView:
    return FeedLegView(
        leg=name,
        connected=connected,
        stale=stale,
        age_ms=age_ms,
        steady_ms=None if stale else 60_000,
        slo_ms=2_000,
        event_lag_ms=25,
        last_event_ms=None if age_ms is None else 1_795_445_100_625,
        symbols={"I:SPX": FeedSymbolView(stale, age_ms, 25, 6850.25, "FRESH"), "I:NDX": FeedSymbolView(stale, 410, 25, 25_000.0, "FRESH")},
    )


def feeds(active: str = "polygon", *, windows_degraded: int = 0, polygon: FeedLegView | None = None) -> DualFeedView:
    return DualFeedView(
        active=active,
        state=f"serving_{active}",
        since_ns=NOW.utc_ns - 60_000_000_000,
        primary_age_ms=340,
        secondary_age_ms=420,
        agree=True,
        divergence_bp=0.1,
        last_switch_ns=None,
        last_switch_reason=None,
        switches_today=0,
        windows_degraded=windows_degraded,
        recovery_ms=5_000,
        legs=(polygon or leg("polygon"), leg("massive", age_ms=420)),
    )


def gap(max_delta_usd: float = 0.0, sample_size: int = 5) -> GapSummary:
    group = GapGroup(max_delta_usd, max_delta_usd, sample_size)
    return GapSummary(0.001, max_delta_usd, 0.0, sample_size, {"w": group}, {"hourly": group}, GapAttribution(0.0, 0.0, 0.0, 0.0, 0.0), ())


def alert(key: str) -> OpenAlert:
    return OpenAlert(key, "page", f"{key} is open", "", NOW.utc_ns, NOW.utc_ns)


def document(view: DualFeedView | None, *alerts: OpenAlert) -> FreshnessDocument:
    return freshness_document(view, NOW, WINDOW, None, alerts)


def test_freshness_json_has_the_fields_that_other_programs_rely_on() -> None:
    written = json.loads(msgspec.json.encode(document(feeds())))

    assert written == {
        "name": "data_freshness",
        "schema_version": 1,
        "generated_at": "2026-11-23T14:45:01.000+00:00",
        "status": "OK",
        "message": "polygon serves",
        "required_feeds_ok": True,
        "required_feeds": ["polygon_ws"],
        "stale_feeds": [],
        "data_freshness": {
            f"{name}_ws": {
                "stale": False,
                "age_ms": age_ms,
                "slo_ms": 2000,
                "event_lag_ms": 25,
                "last_event_at": "2026-11-23T14:45:00.625+00:00",
                "connected": True,
                "symbols": {
                    "I:SPX": {"stale": False, "age_ms": age_ms, "verdict": "FRESH", "note": ""},
                    "I:NDX": {"stale": False, "age_ms": 410, "verdict": "FRESH", "note": ""},
                },
            }
            for name, age_ms in (("polygon", 340), ("massive", 420))
        },
        "dual_feed": {
            "active": "polygon",
            "state": "serving_polygon",
            "since": "2026-11-23T14:44:01.000+00:00",
            "primary_age_ms": 340,
            "secondary_age_ms": 420,
            "agree": True,
            "divergence_bp": 0.1,
            "last_switch_at": None,
            "last_switch_reason": None,
            "switches_today": 0,
            "windows_degraded": 0,
        },
        "active_feed": "polygon",
        "scheduler_window": {"label": "hourly-1000", "state": "active"},
        "clock": None,
        "alerts": [],
    }


def test_ev_gap_json_adds_its_own_fields_to_the_same_block() -> None:
    freshness = document(feeds())

    common, written = (json.loads(msgspec.json.encode(one)) for one in (freshness, ev_gap_document(freshness, gap())))

    own = {"threshold_usd", "max_delta_usd", "mean_delta_usd", "sample_size", "by_window", "by_window_type", "attribution", "worst"}
    assert set(written) == set(common) | own
    assert written["name"] == "ev_gap"
    assert written["data_freshness"] == common["data_freshness"]
    assert list(written["attribution"]) == ["index", "variance", "time", "fees", "book"]
    assert written["by_window"] == {"w": {"max_delta_usd": 0.0, "mean_delta_usd": 0.0, "sample_size": 5}}


@pytest.mark.parametrize(("is_open", "status"), [(False, "OK"), (True, "ALERT")])
def test_the_playbooks_alert_is_that_of_both_monitors(is_open: bool, status: str) -> None:
    freshness = document(feeds("massive", windows_degraded=3), *([alert("feed_degraded")] if is_open else []))

    assert freshness.status == status
    assert ev_gap_document(freshness, gap()).status == status


def test_other_alerts_about_the_feeds_are_not_those_of_the_expected_values() -> None:
    assert ev_gap_document(document(feeds("none"), alert("both_feeds")), gap()).status == "OK"


@pytest.mark.parametrize("sick", [leg("polygon", stale=True), leg("polygon", connected=False), leg("polygon", stale=True, age_ms=None)])
def test_a_stale_or_unconnected_polygon_is_not_ok_as_a_required_feed(sick: FeedLegView) -> None:
    freshness = document(feeds("massive", polygon=sick))

    assert (freshness.required_feeds_ok, freshness.stale_feeds) == (False, ("polygon_ws",))
    assert (freshness.status, freshness.message) == ("OK", "polygon is stale, massive serves; 0 degraded windows in a row")


def test_a_missing_leg_is_not_an_ok_leg() -> None:
    view = msgspec.structs.replace(feeds("massive"), legs=(leg("massive"),))

    assert not document(view).required_feeds_ok


@pytest.mark.parametrize("key", ["feed_degraded", "both_feeds", "feeds_missing", "feeds_disagree", "refused_massive", "feed_flapping"])
def test_an_open_alert_about_the_feeds_is_the_status_and_the_message(key: str) -> None:
    freshness = document(feeds("none"), alert("clock"), alert(key))

    assert (freshness.status, freshness.message) == ("ALERT", f"{key} is open; active: none")
    assert [(line.key, line.since) for line in freshness.alerts] == [
        ("clock", "2026-11-23T14:45:01.000+00:00"),
        (key, "2026-11-23T14:45:01.000+00:00"),
    ]


def test_no_leg_at_all_is_no_data_where_that_is_no_alarm() -> None:
    assert document(feeds("none"), alert("clock")).status == "NO_DATA"


def test_before_the_first_view_there_is_no_data_and_nothing_is_ok() -> None:
    freshness = document(None)

    assert (freshness.status, freshness.active_feed, freshness.required_feeds_ok, freshness.dual_feed) == ("NO_DATA", "none", False, None)


@pytest.mark.parametrize(
    ("summary", "status"), [(gap(), "OK"), (gap(0.001), "OK"), (gap(0.0011), "ALERT"), (gap(sample_size=0), "NO_DATA")]
)
def test_the_ev_gap_status_follows_the_largest_difference(summary: GapSummary, status: str) -> None:
    assert ev_gap_document(document(feeds()), summary).status == status
