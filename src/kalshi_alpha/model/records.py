"""The journal's vocabulary: one record per step that changes what we owe, hold or believe."""

import msgspec

from kalshi_alpha.model.alerts import OpenAlert
from kalshi_alpha.model.orders import Fill, OrderIntent
from kalshi_alpha.model.snapshot import MoneyMarks


class Record(msgspec.Struct, frozen=True, tag=True):
    """Base of all journal records."""

    utc_ns: int


class EngineStarted(Record, frozen=True):
    """A new epoch began."""

    epoch: int
    config_hash: str
    snapshot_verdict: str


class GroupRecorded(Record, frozen=True):
    """An order group of ours exists: it must be triggered by the next epoch."""

    group_id: str
    epoch: int


class GroupRetired(Record, frozen=True):
    """The venue confirmed that a group is triggered."""

    group_id: str


class OrderIntended(Record, frozen=True):
    """An order may be sent after this is durable."""

    intent: OrderIntent


class OrderPlaced(Record, frozen=True):
    """The venue gave an order its id."""

    client_order_id: str
    order_id: str


class OrderClosed(Record, frozen=True):
    """An order no longer rests, and why."""

    client_order_id: str
    reason: str


class FillBooked(Record, frozen=True):
    """A fill entered the ledger."""

    fill: Fill


class MarketSettledBooked(Record, frozen=True):
    """A settlement entered the ledger."""

    ticker: str
    result: str
    position_e2: int
    cash_e6: int


class MoneyMarked(Record, frozen=True):
    """From here on money is counted from other marks."""

    marks: MoneyMarks
    """All of them."""
    actor: str
    """``system``, or who accepted the venue's cash."""
    why: str


class WindowPhase(Record, frozen=True):
    """A window opened, froze, was verified empty at the venue, or ended."""

    window: str
    phase: str
    resting: int
    note: str


class FeedSwitched(Record, frozen=True):
    """The leg that is shown as active changed."""

    active: str
    previous: str
    reason: str
    polygon_age_ms: int | None
    massive_age_ms: int | None


class StandDownChanged(Record, frozen=True):
    """The set of stand-down reasons changed; the whole set, as ``reason`` or ``reason:scope``."""

    reasons: tuple[str, ...]


class LatchSet(Record, frozen=True):
    """A latch was set; it survives restarts."""

    reason: str
    actor: str
    note: str


class LatchLifted(Record, frozen=True):
    """A latch was lifted by the operator."""

    reason: str
    actor: str


class IncidentNoted(Record, frozen=True):
    """Something an operator must be able to read later, in REPORT.md and on the page."""

    incident_id: str
    kind: str
    """``feed``, ``both_feeds``, ``restart``, ``freeze``, ``venue``, ``orders``, ``risk``, ``operator``, ``storage``, ``maintenance``,
    ``cash``."""
    title: str
    did: str
    """What the system did about it."""
    facts: dict[str, str]
    """Small, ordered: the active-feed snapshot and what else belongs to it."""
    attachments: dict[str, str] = {}
    """File name -> text, for the incident's folder: a ticket that can be sent as it is."""


class AlertRaised(Record, frozen=True):
    """The operator is told that something needs them."""

    alert: OpenAlert


class AlertAcknowledged(Record, frozen=True):
    """Somebody has taken an alert on: it isn't repeated any more."""

    key: str
    actor: str


class AlertClosed(Record, frozen=True):
    """An alert's cause is gone."""

    key: str
