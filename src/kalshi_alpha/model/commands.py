"""What the engine wants done, in order. Outcomes come back as events; no command returns anything."""

import msgspec

from kalshi_alpha.model.alerts import AlertMessage
from kalshi_alpha.model.instruments import Series, Symbol
from kalshi_alpha.model.orders import OrderIntent
from kalshi_alpha.model.records import Record


class Command(msgspec.Struct, frozen=True, tag=True):
    """Base of everything the engine can ask for."""


class Persist(Command, frozen=True):
    """Append these records to the journal. With ``sync`` an ``IntentsDurable(batch)`` must follow."""

    batch: int
    records: tuple[Record, ...]
    sync: bool


class CaptureSnapshot(Command, frozen=True):
    """Store the engine's snapshot for a hot restart (asynchronously, latest wins)."""

    verify: bool = False
    """Also read it back as a restart would; answered by ``SnapshotVerified`` unless one was just being stored."""


class PublishMonitors(Command, frozen=True):
    """Write freshness.json and ev_gap.json from the engine's present view."""


class PlaceOrders(Command, frozen=True):
    """Create these orders. Sent only after their intents are durable."""

    intents: tuple[OrderIntent, ...]


class AmendExpiry(Command, frozen=True):
    """Renew a resting order's expiry; price and size stay, so it keeps its queue position."""

    intent: OrderIntent
    order_id: str
    total_count_e2: int
    """The venue wants filled plus remaining."""
    expiration_s: int


class CancelTarget(msgspec.Struct, frozen=True):
    """One order to cancel."""

    client_order_id: str
    order_id: str
    ticker: str
    exchange_index: int


class CancelOrders(Command, frozen=True):
    """Cancel these orders in one batch."""

    targets: tuple[CancelTarget, ...]
    subaccount: int


class CancelAll(Command, frozen=True):
    """Cancel everything of the subaccount; the venue's tail may hit new orders for a minute."""

    subaccount: int


class CreateGroup(Command, frozen=True):
    """Create this epoch's order group."""

    request: int
    contracts_limit: int
    """Contracts matched in a rolling 15 s after which the venue stops the group."""
    subaccount: int


class TriggerGroup(Command, frozen=True):
    """Cancel everything in a group and block it for good."""

    request: int
    group_id: str
    subaccount: int
    """The group's own: under another one the venue doesn't know it."""


class ReadOpenOrders(Command, frozen=True):
    """Ask what rests, with the time up to which the answer is true."""

    request: int
    subaccount: int


class ReadFills(Command, frozen=True):
    """Ask for fills since ``since_s`` (Unix seconds)."""

    request: int
    since_s: int
    subaccount: int


class ReadPositions(Command, frozen=True):
    """Ask for unsettled positions."""

    request: int
    subaccount: int


class ReadBalance(Command, frozen=True):
    """Ask for the cash, and before it for what is held."""

    request: int
    subaccount: int


class ReadStatus(Command, frozen=True):
    """Ask whether the exchange trades."""

    request: int


class ReadSchedule(Command, frozen=True):
    """Ask for the venue's hours and maintenance windows."""

    request: int


class ReadCloses(Command, frozen=True):
    """Ask when the events of these series close that do so in a stretch of time (UTC ns, the end not included)."""

    request: int
    series: tuple[Series, ...]
    from_ns: int
    to_ns: int


class ReadStatusPage(Command, frozen=True):
    """Ask the status page for maintenances and incidents."""

    request: int


class ReadOperatorSlots(Command, frozen=True):
    """Read the operator's own maintenance slots; answered by ``OperatorSlotsRead``."""


class KeepHouse(Command, frozen=True):
    """Run the housekeeping beside the trading process; answered by ``HousekeepingDone``."""

    keep_days: int


class ReadLadder(Command, frozen=True):
    """Ask for the event of a series that closes at ``target_ns``, with every market and the fees."""

    request: int
    series: Series
    target_ns: int


class ReadDay(Command, frozen=True):
    """Ask for everything that a series lists to close in a stretch of time (UTC ns, whole seconds, the end not included)."""

    request: int
    series: Series
    from_ns: int
    to_ns: int


class ReadResults(Command, frozen=True):
    """Ask for the outcome of these markets; answered by ``MarketDetermined`` for those that have one."""

    request: int
    event_ticker: str
    tickers: tuple[str, ...]


class ProbeIndex(Command, frozen=True):
    """Ask the vendor's REST service for snapshots; ``IndexProbed`` answers for each index, ``RequestFailed`` for what can't be had."""

    request: int
    symbols: tuple[Symbol, ...]


class SubscribeBooks(Command, frozen=True):
    """Subscribe to these markets' books, in addition to the present ones."""

    tickers: tuple[str, ...]


class UnsubscribeBooks(Command, frozen=True):
    """Drop these markets' books."""

    tickers: tuple[str, ...]


class SendAlert(Command, frozen=True):
    """Tell the operator; nothing is waited for."""

    message: AlertMessage


class Exit(Command, frozen=True):
    """The engine is done: nothing rests, or it can do no more."""

    clean: bool
    reason: str
