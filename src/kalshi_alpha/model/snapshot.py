"""What a hot restart needs of the engine: frozen, serialisable, complete with its place in the journal."""

from typing import Final

import msgspec

from kalshi_alpha.model.alerts import OpenAlert
from kalshi_alpha.model.instruments import Leg, Symbol
from kalshi_alpha.model.orders import OrderIntent, OrderStatus

SNAPSHOT_VERSION: Final = 1


class SnapshotOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One order that may rest."""

    intent: OrderIntent
    status: OrderStatus
    order_id: str
    """Empty until the venue has told it."""
    remaining_e2: int
    expiration_s: int
    """The latest expiry the venue may hold for it, as far as is known."""


class EndedOrder(msgspec.Struct, frozen=True, array_like=True):
    """An order that has ended so lately that a lagging view may still show it as resting."""

    client_order_id: str
    utc_ns: int
    """When that was heard."""


class LedgerPosition(msgspec.Struct, frozen=True, array_like=True):
    """One unsettled market in which we traded."""

    ticker: str
    position_e2: int
    """Signed; negative: YES sold, which is NO held; 0 after a round trip."""
    basis_e6: int
    """Cash paid for the open contracts, 1e-6 dollars; negative for a short: the proceeds."""
    cash_e6: int
    """All that its trades brought in and cost, after fees."""
    last_ms: int
    """Its newest trade, Unix ms."""


class AppliedTrade(msgspec.Struct, frozen=True, array_like=True):
    """A trade that is in the ledger and mustn't enter again."""

    trade_id: str
    ts_ms: int


class LedgerSnapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The money. Amounts in 1e-6 dollars."""

    positions: tuple[LedgerPosition, ...] = ()
    """By ticker, ascending."""
    cash_e6: int = 0
    fees_e6: int = 0
    realised_e6: int = 0
    fills: int = 0
    contracts_e2: int = 0
    applied: tuple[AppliedTrade, ...] = ()
    """In the order of booking."""
    horizon_ms: int = 0
    """Trades before it (Unix ms) are forgotten, therefore never booked any more."""
    last_fill_ms: int = 0
    """The newest booked fill, Unix ms: reading fills starts from its second."""


class GapTally(msgspec.Struct, frozen=True, array_like=True):
    """How many quotes' expected values were checked, and their differences in dollars per contract."""

    count: int = 0
    total_usd: float = 0.0
    largest_usd: float = 0.0


class GapTallies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parity of expected values of a day so far."""

    day: str = ""
    """Session date; empty before the first quote."""
    overall: GapTally = GapTally()
    by_window: dict[str, GapTally] = msgspec.field(default_factory=dict)
    by_type: dict[str, GapTally] = msgspec.field(default_factory=dict)


class MoneyMarks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From where money is counted. Amounts in 1e-6 dollars."""

    opening_e6: int | None = None
    """The venue's cash less all that trades brought in and cost since the ledger began; None: not known yet."""
    week: str = ""
    """New York date of the Monday from which the weekly loss is counted; empty: none yet."""
    week_start_e6: int = 0
    """Realised money after fees when that week began."""


class HeardValue(msgspec.Struct, frozen=True, array_like=True):
    """The value that an index was priced from, and when it came."""

    symbol: Symbol
    leg: Leg
    level: float
    """Index points."""
    event_ms: int
    """The vendor's time stamp, Unix ms."""
    utc_ns: int
    mono_ns: int
    """When it came, by both clocks: together they tell whether a later process reads the same ones."""


class ClockBounds(msgspec.Struct, frozen=True, array_like=True):
    """Between what our monotonic clock less the venue's lies, nanoseconds; None: open on that side."""

    low_ns: int | None
    high_ns: int | None
    utc_ns: int
    mono_ns: int
    """When they held, by both clocks."""


class EngineSnapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The engine at one instant."""

    captured_utc_ns: int
    epoch: int
    config_hash: str
    journal_seq: int
    """The last record whose effect is inside; recovery folds the ones after it."""
    active_window: str
    """``Window.key``, empty between windows."""
    orders: tuple[SnapshotOrder, ...]
    groups: tuple[str, ...]
    """Order groups that aren't known to be triggered, oldest first."""
    latches: tuple[tuple[str, str, str], ...]
    """(reason, actor, note) of each latch in force."""
    ledger: LedgerSnapshot
    windows_degraded: int
    incidents: int
    """How many incidents were noted so far."""
    day: str = ""
    """New York date that the daily loss is counted for; empty: none yet."""
    day_start_e6: int = 0
    """Realised money after fees when that day began."""
    switches: tuple[int, int] = (0, 0)
    """(days since 1970 UTC, how often the active feed changed on that day)."""
    gap: GapTallies = GapTallies()
    levels: dict[Symbol, tuple[float, int]] = msgspec.field(default_factory=dict)
    """The last level of each index and its event time in Unix ms, to be recognised when it is repeated at the next open."""
    ended: tuple[EndedOrder, ...] = ()
    """Of the last seconds, oldest first."""
    values: tuple[HeardValue, ...] = ()
    """What each index is priced from, where it may be."""
    feeds_unconfirmed: tuple[Symbol, ...] = ()
    """The indices whose recovery inside a window isn't confirmed yet."""
    alerts: tuple[OpenAlert, ...] = ()
    marks: MoneyMarks = MoneyMarks()
    clock: ClockBounds | None = None
    """How far our clock is from the venue's; None: nothing is known of it."""
    schema_version: int = SNAPSHOT_VERSION
