"""Facts that reach the engine. Frozen, tagged by their class name; times inside are the sender's."""

import msgspec

from kalshi_alpha.model.instruments import Ladder, Leg, Series, Symbol
from kalshi_alpha.model.maintenance import ShardStatus
from kalshi_alpha.model.orders import Fill, VenueOrder, VenuePosition
from kalshi_alpha.model.units import Side


class Event(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Base of everything the engine can learn."""


# Process


class Booted(Event, frozen=True):
    """The process started; what it found on disk follows as arguments, never as decisions."""

    epoch: int
    old_groups: tuple[str, ...]
    """Order groups of earlier epochs, to be triggered before anything else."""
    snapshot_verdict: str
    """``fresh``, ``stale``, ``missing`` or ``corrupt``."""
    snapshot_age_s: float


class TimerFired(Event, frozen=True):
    """``next_deadline_ns`` was reached."""


class IntentsDurable(Event, frozen=True):
    """The journal has everything up to and including this batch on disk."""

    batch: int


class StorageFailed(Event, frozen=True):
    """A journal write or sync failed."""

    reason: str


class StorageRead(Event, frozen=True):
    """How much room there is where the journal lies."""

    free_bytes: int
    """What this process may still use."""
    total_bytes: int


class StorageSlow(Event, frozen=True):
    """A commit of the journal took longer than 250 ms (``exec.storage_watch.SLOW_COMMIT_S``)."""

    seconds: float
    """Real ones, whatever time is simulated."""


class ShutdownRequested(Event, frozen=True):
    """SIGTERM or Ctrl-C."""

    reason: str


# Operator


class OperatorStopped(Event, frozen=True):
    """STOP: latch, cancel everything."""

    actor: str
    reason: str


class OperatorCleared(Event, frozen=True):
    """The operator lifts a latch: ``operator_stop``, ``risk_limit`` or ``cancel_all``."""

    actor: str
    reason: str


class AlertAcked(Event, frozen=True):
    """The operator has taken an alert on."""

    actor: str
    key: str


class CancelAllMarked(Event, frozen=True):
    """``OutstandingOrdersState.mark_cancel_all(reason)`` asked from outside the engine."""

    actor: str
    reason: str


# Index feeds


class FeedConnected(Event, frozen=True):
    """A leg is authenticated and every subscription was acknowledged."""

    leg: Leg


class FeedLost(Event, frozen=True):
    """A leg's connection ended."""

    leg: Leg
    reason: str


class FeedWarned(Event, frozen=True):
    """A status outside the vendor's OK set, an undecodable frame, a missing acknowledgement."""

    leg: Leg
    status: str
    message: str


class IndexTicked(Event, frozen=True):
    """An index value on one leg."""

    leg: Leg
    symbol: Symbol
    level: float
    """Index points."""
    event_ms: int
    """The vendor's time stamp, Unix ms, never restamped."""


class FeedPinged(Event, frozen=True):
    """The far end of a leg's connection answered a ping."""

    leg: Leg
    round_trip_ms: float


class FurtherStated(Event, frozen=True):
    """A further leg's connection came up, ended, or has something to complain of."""

    name: str
    connected: bool
    text: str


class FurtherTicked(Event, frozen=True):
    """An index value on a further leg: an opinion, never quoted from."""

    name: str
    symbol: Symbol
    level: float
    """Index points."""
    event_ms: int
    """The vendor's time stamp, Unix ms, never restamped."""


class IndexProbed(Event, frozen=True):
    """The vendor's REST snapshot of an index, asked for by ``ProbeIndex``: an opinion, never quoted from."""

    request: int
    symbol: Symbol
    level: float
    """Index points."""
    event_ns: int
    """The vendor's ``last_updated``, Unix ns, never restamped: it may be as old as it is."""
    timeframe: str
    """``REAL-TIME``, ``DELAYED``, or whatever else the vendor says; empty: nothing."""


# Venue: market data


class VenueConnected(Event, frozen=True):
    """The venue's WebSocket is up and its private channels are subscribed."""


class VenueLost(Event, frozen=True):
    """The venue's WebSocket ended; every book is unusable until its next snapshot."""

    reason: str


class BookSnapshotted(Event, frozen=True):
    """A whole book in YES prices: ((price_e4, count_e2), ...), any order."""

    ticker: str
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


class BookChanged(Event, frozen=True):
    """One level of a book changed by ``delta_e2`` (signed), in YES prices."""

    ticker: str
    side: Side
    price_e4: int
    delta_e2: int


class BooksDirtied(Event, frozen=True):
    """A sequence gap: these books are unusable until their next snapshot. Empty: all of them."""

    tickers: tuple[str, ...]
    reason: str


class LadderRead(Event, frozen=True):
    """The venue's listing of one event, with its fees."""

    ladder: Ladder


class LadderMissing(Event, frozen=True):
    """The venue lists no event of this series that closes at the target."""

    series: Series
    target_ns: int
    reason: str


class MarketDetermined(Event, frozen=True):
    """A market's outcome."""

    ticker: str
    result: str
    """``yes`` or ``no``."""
    level: str
    """``expiration_value`` as the venue wrote it; empty when absent."""


class ExchangeStatusRead(Event, frozen=True):
    """The venue's own word on whether it trades."""

    exchange_active: bool
    trading_active: bool
    shards: tuple[ShardStatus, ...] = ()
    """Where the venue tells them; the two above speak for shard 0."""
    resume_ns: int | None = None
    """When the venue expects to be back (UTC), where it says so."""


# Venue: its clock


class VenueTimed(Event, frozen=True):
    """The venue's clock was read by a request and its answer."""

    sent_mono_ns: int
    """Our monotonic clock, before the request left; the step's ``now`` is after its answer came."""
    stamp_ns: int
    """The venue's clock in between, UTC: at least this,"""
    resolution_ns: int
    """and less than so much more."""


# Venue: our orders


class OrderAccepted(Event, frozen=True):
    """A create was acknowledged."""

    client_order_id: str
    order_id: str
    filled_e2: int
    remaining_e2: int


class OrderRejected(Event, frozen=True):
    """The venue refused a create: nothing rests."""

    client_order_id: str
    http_status: int
    code: str
    detail: str


class OrderOutcomeUnknown(Event, frozen=True):
    """A create's, amend's or cancel's answer was lost: time-out, 5xx or a broken connection."""

    client_order_id: str
    action: str
    """``create``, ``amend`` or ``cancel``."""
    reason: str


class OrderAmended(Event, frozen=True):
    """An expiry-only amendment was acknowledged."""

    client_order_id: str
    expiration_s: int


class AmendRefused(Event, frozen=True):
    """The venue refused an amendment: the old expiry holds, or the order is gone (404)."""

    client_order_id: str
    http_status: int
    code: str


class OrderCancelled(Event, frozen=True):
    """A cancel was acknowledged."""

    client_order_id: str
    order_id: str
    reduced_e2: int


class CancelRefused(Event, frozen=True):
    """The venue refused a cancel. 404 proves that the order no longer rests."""

    client_order_id: str
    order_id: str
    http_status: int
    code: str


class CancelAllAcknowledged(Event, frozen=True):
    """A cancel-all was applied; for a minute the venue may also cancel newly placed orders."""


class OrderUpdated(Event, frozen=True):
    """The private channel's word on one of our orders."""

    order: VenueOrder


class Filled(Event, frozen=True):
    """One of our orders traded."""

    fill: Fill


class GroupCreated(Event, frozen=True):
    """The order group of this epoch exists."""

    group_id: str


class GroupTriggered(Event, frozen=True):
    """A group is triggered (or proven gone): the venue refuses every order in it."""

    group_id: str


# Answers to reads of the venue


class OpenOrdersRead(Event, frozen=True):
    """All resting orders of the subaccount as of ``as_of_ns`` (the venue's clock, UTC)."""

    request: int
    as_of_ns: int
    orders: tuple[VenueOrder, ...]


class FillsRead(Event, frozen=True):
    """All fills since the requested time."""

    request: int
    as_of_ns: int
    fills: tuple[Fill, ...]


class PositionsRead(Event, frozen=True):
    """All unsettled positions."""

    request: int
    as_of_ns: int
    positions: tuple[VenuePosition, ...]


class BalanceRead(Event, frozen=True):
    """The venue's cash, read after the unsettled positions."""

    request: int
    as_of_ns: int
    cash_e6: int
    """As the venue tells it, 1e-6 dollars; whether what resting orders need is in it isn't documented."""
    held: tuple[str, ...]
    """The markets in which something was held just before."""


class RequestFailed(Event, frozen=True):
    """A read or a group call failed; the engine decides whether and when to ask again."""

    command: str
    """The command's class name."""
    request: int
    http_status: int
    """0: no answer at all."""
    reason: str
