"""Why the engine may not quote: the closed list of stand-down reasons."""

from enum import StrEnum

import msgspec


class Reason(StrEnum):
    """One cause to stand down. The set of causes that hold, empty or not, is the only gate on quoting."""

    NOT_RECONCILED = "not_reconciled"
    """Since start, the venue hasn't yet told what rests and what filled."""
    NO_WINDOW = "no_window"
    CALENDAR_ENDS = "calendar_ends"
    """The built-in calendar doesn't reach this day."""
    CALENDAR_IN_DOUBT = "calendar_in_doubt"
    """The calendar and the venue contradict each other about a window, or withdrawn windows aren't proven empty yet."""
    FROZEN = "frozen"
    """Between freeze and target."""
    CLOCK_OFFSET = "clock_offset"
    """Our clock isn't surely within a second of the venue's."""
    FEED_DOWN = "feed_down"
    """No leg serves this index freshly."""
    FEED_DISAGREES = "feed_disagrees"
    """Two legs give different values for the same instant."""
    FEED_UNCONFIRMED = "feed_unconfirmed"
    """Nobody served this index inside a window; it isn't confirmed yet that quoting may resume."""
    FEED_JUMPED = "feed_jumped"
    """One leg's value jumped and the other leg hasn't repeated it."""
    IMPLIED_LEVEL = "implied_level"
    """The venue's own prices imply, or a further leg has, another level than the feeds give."""
    FINAL_MINUTE_LAG = "final_minute_lag"
    """The last minute's stricter limits on age and lag are exceeded."""
    VENUE_DISCONNECTED = "venue_disconnected"
    EXCHANGE_PAUSED = "exchange_paused"
    EXCHANGE_UNKNOWN = "exchange_unknown"
    """The venue's status couldn't be read."""
    NO_ORDER_GROUP = "no_order_group"
    NO_LADDER = "no_ladder"
    """The venue hasn't listed the event this window quotes, or its close differs from the target."""
    FEES_UNKNOWN = "fees_unknown"
    RISK_LIMIT = "risk_limit"
    """The daily or the weekly loss limit is reached: latched until the operator clears it."""
    LEDGER_MISMATCH = "ledger_mismatch"
    """Our positions and the venue's differ: latched until a later read agrees."""
    CASH_MISMATCH = "cash_mismatch"
    """Our cash and the venue's differ by more than a cent: latched, once a second read says so, until the operator accepts it."""
    STORAGE_FAILED = "storage_failed"
    """A journal write failed: never retried, the process must restart."""
    STORAGE_SHORT = "storage_short"
    """The journal's disk is nearly full: its next write may fail."""
    STORAGE_SLOW = "storage_slow"
    """Commits of the journal take longer than 250 ms."""
    CANCEL_ALL = "cancel_all"
    """An operator's or schedule's cancel-all: latched."""
    MAINTENANCE = "maintenance"
    """From five minutes before a maintenance, or from a pause that is seen, until every gate is green again."""
    OPERATOR_STOP = "operator_stop"
    """STOP was pressed: latched."""
    SHUTTING_DOWN = "shutting_down"


class StandDown(msgspec.Struct, frozen=True, order=True):
    """A reason with what it applies to."""

    reason: Reason
    scope: str = ""
    """Empty: everything; else a symbol (``I:NDX``) or an event ticker."""
    note: str = ""
