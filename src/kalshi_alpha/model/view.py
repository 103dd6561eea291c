"""The engine's present state as others show it: monitors, the page, the command line. Views, never inputs."""

import msgspec

from kalshi_alpha.model.alerts import OpenAlert
from kalshi_alpha.model.maintenance import Gate


class FeedSymbolView(msgspec.Struct, frozen=True):
    """One index on one leg."""

    stale: bool
    age_ms: int | None
    event_lag_ms: int | None
    level: float | None
    verdict: str = "DOWN"
    """``FRESH``, ``LATE``, ``STALE``, ``SUSPECT`` or ``DOWN``."""
    note: str = ""
    """Why it is suspected."""


class FeedLegView(msgspec.Struct, frozen=True):
    """One leg."""

    leg: str
    connected: bool
    stale: bool
    age_ms: int | None
    steady_ms: int | None
    """For how long every symbol has been fresh without a miss; None: one isn't fresh."""
    slo_ms: int
    event_lag_ms: int | None
    last_event_ms: int | None
    symbols: dict[str, FeedSymbolView]
    recovery_ms: int = 5_000
    """For how long it must be steady before it serves again, by now: the longer the more often it failed lately."""
    vendor: str = ""
    path: str = ""
    """Which way its values come."""


class DualFeedView(msgspec.Struct, frozen=True):
    """What the failover decided. ``active``: polygon, massive or none."""

    active: str
    state: str
    since_ns: int
    primary_age_ms: int | None
    secondary_age_ms: int | None
    agree: bool
    divergence_bp: float
    last_switch_ns: int | None
    last_switch_reason: str | None
    switches_today: int
    windows_degraded: int
    recovery_ms: int
    """For how long a leg that failed must be fresh without a miss before it serves again."""
    legs: tuple[FeedLegView, ...]
    """The pair."""
    further: tuple[FeedLegView, ...] = ()
    """Witnesses: never quoted from."""
    redundancy: str = "path"
    """``path`` where both legs carry one vendor's values, else ``source``."""


class WindowView(msgspec.Struct, frozen=True):
    """One window of the day."""

    label: str
    series: tuple[str, ...]
    state: str
    """``done``, ``active``, ``frozen`` or ``next``."""
    start_ns: int
    freeze_ns: int
    target_ns: int


class RungView(msgspec.Struct, frozen=True):
    """One strike of a quoted ladder. Prices in 1e-4 dollars, 0: none."""

    ticker: str
    label: str
    """``6,850`` or ``6,850-6,874.99``: from the bounds, never from the ticker."""
    fair_p: float | None
    book_bid_e4: int
    book_ask_e4: int
    our_bid_e4: int
    our_ask_e4: int
    position_e2: int


class LadderView(msgspec.Struct, frozen=True):
    """One quoted ladder."""

    series: str
    event_ticker: str
    symbol: str
    level: float | None
    worst_case_e6: int
    """Loss if every resting order filled when it hurts, 1e-6 dollars, >= 0."""
    limit_e6: int
    rungs: tuple[RungView, ...]


class OrderView(msgspec.Struct, frozen=True):
    """One order that may rest."""

    client_order_id: str
    ticker: str
    label: str
    """The index and the strike in short: ``SPX 6,850``, or ``NDX 24,800`` and after a dash ``899``."""
    side: str
    price_e4: int
    remaining_e2: int
    status: str
    placed_ns: int
    expiration_s: int


class IncidentView(msgspec.Struct, frozen=True):
    """One line of the incident list, newest first."""

    utc_ns: int
    kind: str
    title: str
    did: str


class PnlView(msgspec.Struct, frozen=True):
    """Money, 1e-6 dollars."""

    realised_e6: int
    marked_e6: int
    fees_e6: int
    fills: int
    contracts_e2: int
    unsettled_e2: int = 0
    """Contracts held, long or short, in markets that are over and whose outcome isn't known yet."""


class CalendarView(msgspec.Struct, frozen=True):
    """What the schedule is made of, and what comes up."""

    special_hours: str
    """The file in force; empty: none."""
    special_days: tuple[str, ...]
    """Its dates."""
    refused: str
    """Why a newer file isn't in force; empty: there is none such."""
    doubts: tuple[tuple[str, str], ...]
    """(window key, what contradicts it)."""
    clock_change_ns: int
    """The next one."""
    clock_change: str
    """``EST to EDT``."""
    clock_checklist: bool
    """It is less than a week away: the runbook's checklist is due."""
    venue_schedule_age_s: int | None
    """None: never read."""


class ClockView(msgspec.Struct, frozen=True):
    """Our clock against the venue's and the feeds'. Milliseconds, above 0: ours is ahead; None: not known on that side."""

    state: str
    """``fine``, ``warn``, ``stand_down`` or ``unknown``."""
    low_ms: int | None
    """Our clock less the venue's is at least this,"""
    high_ms: int | None
    """and at most this."""
    feed_high_ms: dict[str, int | None]
    """Leg -> at most this much ahead of the vendor's; its messages tell one side only."""
    jumps: int
    """Steps of our wall clock, and silences as of a suspended machine, since the start."""


class MaintenanceView(msgspec.Struct, frozen=True):
    """Where the venue's maintenance stands."""

    phase: str
    """One of the autopilot's, from ``clear`` over ``cancelling`` and ``maintenance`` to ``confirming`` and ``rearmed``."""
    from_ns: int | None
    """Of the one under way or coming; None: none is known."""
    to_ns: int | None
    """None: nobody has named an end."""
    sources: tuple[str, ...]
    confirm: str
    """``auto`` or ``operator``."""
    needs_confirmation: bool
    gates: tuple[Gate, ...]
    contradictions: tuple[str, ...]
    unknown: tuple[str, ...]
    """Sources that can't be read now, each with why."""


class EngineView(msgspec.Struct, frozen=True):
    """Everything the page shows, one struct, replaced whole."""

    utc_ns: int
    epoch: int
    mode: str
    clock_speed: float
    """1.0 in real time."""
    state: str
    """``quoting``, ``standing_down``, ``waiting`` (no window) or ``starting``."""
    reasons: tuple[str, ...]
    """Human sentences, one a reason."""
    latches: tuple[str, ...]
    """The latches in force, each by the name that lifts it."""
    restart_s: float | None
    """Seconds from this process's start to its first order, when it has placed one."""
    window: WindowView | None
    windows: tuple[WindowView, ...]
    feed: DualFeedView | None
    feed_timeline: tuple[tuple[int, str], ...]
    """(UTC ns of the change, active leg), oldest first."""
    levels: dict[str, tuple[tuple[int, float, str], ...]]
    """Symbol -> (UTC ns, level, leg), the last few minutes, oldest first, at most one a second."""
    venue_connected: bool
    exchange_status: str
    ladders: tuple[LadderView, ...]
    orders: tuple[OrderView, ...]
    incidents: tuple[IncidentView, ...]
    pnl: PnlView
    ev_gap_max_usd: float
    """Largest difference between a quote's recorded EV and the EV worked out again, dollars per contract."""
    ev_gap_threshold_usd: float
    """A larger difference is an alert."""
    ev_gap_sample_size: int
    """Quotes checked today."""
    quotes_placed: int
    write_tokens: float
    max_open_orders: int
    maintenance: MaintenanceView
    alerts: tuple[OpenAlert, ...] = ()
    """Oldest first."""
    calendar: CalendarView | None = None
    clock: ClockView | None = None
    feed_snapshots: dict[str, str] = {}
    """The last snapshots of the vendor's REST service, in words."""
