"""freshness.json and ev_gap.json as values: what an operator reads to know whether the feeds serve and the prices add up.

Both carry the same block about the feeds. The status is that of the open alerts:

* ``ALERT``: an alert about the feeds is open: polygon stale or massive active for more than two windows in a row, no
  leg serving in a window, legs that disagree, and so on; or (ev_gap) the playbook's alert, or the largest difference is too large.
* ``NO_DATA``: nothing can be said: no leg serves while that is nobody's alarm; or (ev_gap) no quote was checked.
* ``OK``: otherwise. ``message`` still names what isn't well.

They are views: nothing reads them to decide.
"""

from typing import Final, Literal

import msgspec

from kalshi_alpha.exec.ev_gap import GapAttribution, GapCase, GapGroup, GapSummary
from kalshi_alpha.model.alerts import OpenAlert
from kalshi_alpha.model.clock import NS_PER_MS, Now, iso_utc
from kalshi_alpha.model.view import ClockView, DualFeedView, FeedLegView

SCHEMA_VERSION: Final = 1
REQUIRED_FEEDS: Final = ("polygon_ws",)
PLAYBOOKS_ALERT: Final = "feed_degraded"
FEED_ALERTS: Final = (
    PLAYBOOKS_ALERT, "both_feeds", "feeds_missing", "feeds_disagree", "feeds_implied", "feeds_unconfirmed", "feed_flapping",
    "refused_polygon", "refused_massive",
)  # fmt: skip

Status = Literal["OK", "ALERT", "NO_DATA"]


class SymbolFreshness(msgspec.Struct, frozen=True):
    """One index on one leg."""

    stale: bool
    age_ms: int | None
    verdict: str
    note: str


class FeedFreshness(msgspec.Struct, frozen=True):
    """One leg."""

    stale: bool
    age_ms: int | None
    slo_ms: int
    event_lag_ms: int | None
    last_event_at: str | None
    connected: bool
    symbols: dict[str, SymbolFreshness]


class DualFeedBlock(msgspec.Struct, frozen=True):
    """What the failover decided."""

    active: str
    state: str
    since: str
    primary_age_ms: int | None
    secondary_age_ms: int | None
    agree: bool
    divergence_bp: float
    last_switch_at: str | None
    last_switch_reason: str | None
    switches_today: int
    windows_degraded: int


class AlertLine(msgspec.Struct, frozen=True):
    """An open alert."""

    key: str
    severity: str
    title: str
    since: str
    acknowledged_by: str


class FreshnessDocument(msgspec.Struct, frozen=True):
    """freshness.json."""

    name: str
    schema_version: int
    generated_at: str
    status: Status
    message: str
    required_feeds_ok: bool
    required_feeds: tuple[str, ...]
    stale_feeds: tuple[str, ...]
    data_freshness: dict[str, FeedFreshness]
    dual_feed: DualFeedBlock | None
    active_feed: str
    scheduler_window: object
    clock: ClockView | None
    """Our clock against the venue's; None before anything runs."""
    alerts: tuple[AlertLine, ...]
    """All that are open, oldest first."""


class EvGapDocument(FreshnessDocument, frozen=True):
    """ev_gap.json: the same block, and the parity of expected values in dollars per contract."""

    threshold_usd: float
    max_delta_usd: float
    mean_delta_usd: float
    sample_size: int
    by_window: dict[str, GapGroup]
    by_window_type: dict[str, GapGroup]
    attribution: GapAttribution
    worst: tuple[GapCase, ...]


def freshness_document(
    view: DualFeedView | None, now: Now, scheduler_window: object, clock: ClockView | None = None, alerts: tuple[OpenAlert, ...] = ()
) -> FreshnessDocument:
    """Return freshness.json.

    Args:
        view: The failover's view at ``now``; None before there is one.
        now: When the document is made.
        scheduler_window: The block of the present or next window, as ``sched/windows`` makes it; None when there is none.
        clock: Our clock against the others'.
        alerts: The open ones, oldest first.

    """
    status, message = _feed_status(view, alerts)
    legs = view.legs if view else ()
    stale = tuple(f"{leg.leg}_ws" for leg in legs if leg.stale or not leg.connected)
    known = {f"{leg.leg}_ws" for leg in legs}
    return FreshnessDocument(
        name="data_freshness",
        schema_version=SCHEMA_VERSION,
        generated_at=iso_utc(now.utc_ns),
        status=status,
        message=message,
        required_feeds_ok=all(feed in known and feed not in stale for feed in REQUIRED_FEEDS),
        required_feeds=REQUIRED_FEEDS,
        stale_feeds=stale,
        data_freshness={f"{leg.leg}_ws": _freshness(leg) for leg in legs},
        dual_feed=_dual_feed(view) if view else None,
        active_feed=view.active if view else "none",
        scheduler_window=scheduler_window,
        clock=clock,
        alerts=tuple(
            AlertLine(alert.key, alert.severity, alert.title, iso_utc(alert.opened_ns), alert.acknowledged_by) for alert in alerts
        ),
    )


def ev_gap_document(freshness: FreshnessDocument, gap: GapSummary) -> EvGapDocument:
    """Return ev_gap.json for the same instant as a freshness.json."""
    status, message = _gap_status(freshness, gap)
    common = {name: getattr(freshness, name) for name in FreshnessDocument.__struct_fields__}
    own = {name: getattr(gap, name) for name in GapSummary.__struct_fields__}
    return EvGapDocument(**{**common, **own, "name": "ev_gap", "status": status, "message": message})


def _feed_status(view: DualFeedView | None, alerts: tuple[OpenAlert, ...]) -> tuple[Status, str]:
    if view is None:
        return "NO_DATA", "the feeds aren't up yet"
    polygon = next((leg for leg in view.legs if leg.leg == "polygon"), None)
    sick = polygon is None or polygon.stale or not polygon.connected
    firing = [alert.title for alert in alerts if alert.key in FEED_ALERTS]
    if firing:
        return "ALERT", f"{'; '.join(firing)}; active: {view.active}"
    if view.active == "none":
        return "NO_DATA", "no leg serves"
    if sick or view.active != "polygon":
        what = "polygon is stale" if sick else "polygon is recovering"
        return "OK", f"{what}, {view.active} serves; {view.windows_degraded} degraded windows in a row"
    return "OK", "polygon serves"


def _gap_status(freshness: FreshnessDocument, gap: GapSummary) -> tuple[Status, str]:
    if gap.max_delta_usd > gap.threshold_usd:
        return "ALERT", (
            f"EV differs by up to {gap.max_delta_usd:.6f} USD a contract from its recorded inputs, above {gap.threshold_usd:.6f}; "
            f"{freshness.message}"
        )
    if any(alert.key == PLAYBOOKS_ALERT for alert in freshness.alerts):
        return "ALERT", freshness.message
    if gap.sample_size == 0:
        return "NO_DATA", f"no quote checked today; {freshness.message}"
    return "OK", f"{gap.sample_size} quotes checked, largest difference {gap.max_delta_usd:.6f} USD a contract; {freshness.message}"


def _freshness(leg: FeedLegView) -> FeedFreshness:
    return FeedFreshness(
        stale=leg.stale,
        age_ms=leg.age_ms,
        slo_ms=leg.slo_ms,
        event_lag_ms=leg.event_lag_ms,
        last_event_at=None if leg.last_event_ms is None else iso_utc(leg.last_event_ms * NS_PER_MS),
        connected=leg.connected,
        symbols={symbol: SymbolFreshness(one.stale, one.age_ms, one.verdict, one.note) for symbol, one in leg.symbols.items()},
    )


def _dual_feed(view: DualFeedView) -> DualFeedBlock:
    return DualFeedBlock(
        active=view.active,
        state=view.state,
        since=iso_utc(view.since_ns),
        primary_age_ms=view.primary_age_ms,
        secondary_age_ms=view.secondary_age_ms,
        agree=view.agree,
        divergence_bp=view.divergence_bp,
        last_switch_at=None if view.last_switch_ns is None else iso_utc(view.last_switch_ns),
        last_switch_reason=view.last_switch_reason,
        switches_today=view.switches_today,
        windows_degraded=view.windows_degraded,
    )
