"""How a simulated venue is set up, and the two things it is told from outside: the index and the day's hours."""

from typing import Final, Literal, Protocol

import msgspec

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.sched.calendar import Session
from kalshi_alpha.sim.exchange.fees import FeeGrid

LEGS: Final = {"KXINXU": 200, "KXNASDAQ100U": 400, "KXINX": 30, "KXNASDAQ100": 30}
"""Markets of each event, by series, as the venue lists them."""


class IndexPathLike(Protocol):
    """The true index of the day."""

    def level(self, symbol: str, utc_ns: int) -> float:
        """Return the level in index points."""
        ...

    def sd_points(self, symbol: str, from_ns: int, to_ns: int) -> float:
        """Return the standard deviation of the move between two instants, in index points."""
        ...


class FaultLike(Protocol):
    """A scripted misbehaviour; ``faults.py`` lists the kinds."""

    @property
    def from_ns(self) -> int:
        """First instant."""
        ...

    @property
    def to_ns(self) -> int:
        """First instant after."""
        ...

    @property
    def kind(self) -> str:
        """What goes wrong."""
        ...

    @property
    def params(self) -> dict[str, float | str]:
        """How exactly."""
        ...


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scripted misbehaviour, as a file holds it. Instants are UTC nanoseconds."""

    from_ns: int
    to_ns: int
    kind: str
    params: dict[str, float | str] = {}


class ExchangeConfig(msgspec.Struct, frozen=True):
    """One venue for one session day."""

    session: Session
    legs: dict[str, int] = msgspec.field(default_factory=lambda: dict(LEGS))
    """Markets of each event, by series."""
    tier: str = "basic"
    cash_e6: int = 250_000_000_000
    """What each subaccount starts with, 1e-6 dollars."""
    read_lag_ns: int = 300 * NS_PER_MS
    """Reads of the portfolio show the state of this long ago."""
    determination_ns: int = 127 * NS_PER_S
    """From a market's close to its result, in the middle of all events."""
    determination_sigma: float = 0.0
    """How far that varies from event to event (of its logarithm); 1.0 gives the venue's own, whose 99th percentile is 22 minutes."""
    settlement_timer_s: int = 60
    close_cancel_ns: int = 100 * NS_PER_MS
    """From a market's close until its resting orders are cancelled."""
    post_only_cross: Literal["reject", "cancel"] = "reject"
    """A post-only order that would take is refused, or accepted and cancelled."""
    fee_grid: FeeGrid = FeeGrid()
    fee_type: str = "quadratic"
    fee_multiplier: float = 1
    cancel_all_tail_p: float = 0.5
    """How likely a cancel-all also hits an order placed within the minute after it."""
    participants: bool = True
    weekly_pause: bool = True
    """Whether trading pauses on Thursdays from 03:00 to 05:00 in New York."""
    active_ns: int = 20 * 60 * NS_PER_S
    """How long before each close the other traders are there."""
    quoted_rungs: int = 30
    legacy_fields: bool = False
    """Whether the fields that the venue dropped in 2026 are there as well: published clients of early 2026 insist on them."""
