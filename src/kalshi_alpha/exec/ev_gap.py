"""Parity of expected values: each quote's recorded EV against what its recorded inputs give when worked out again.

The second working-out uses the journalled inputs alone: level, variance and bounds give the probability; price, side and the fee give the
EV. A difference means that the engine quoted on something other than what it wrote down. Differences are per contract, in dollars. A day
starts with the first quote of a later session.
"""

from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from kalshi_alpha.model.instruments import SERIES
from kalshi_alpha.model.orders import OrderIntent, QuoteInputs
from kalshi_alpha.model.snapshot import GapTallies, GapTally
from kalshi_alpha.model.units import CONTRACT_E2, DOLLAR_E4, DOLLAR_E6
from kalshi_alpha.pricing.ladder import yes_probability

THRESHOLD_USD: Final = 0.001
"""Per contract: a tenth of the venue's one-cent step."""
WORST_KEPT: Final = 5
WAITING_MAX: Final = 1_000


class MakerFees(Protocol):
    """What a fill of a resting order costs (``pricing.fees.FeeSchedule``)."""

    def maker_fee_e6(self, price_e4: int, count_e2: int) -> int:
        """Return the fee in 1e-6 dollars."""
        ...


class Independent(msgspec.Struct, frozen=True):
    """The inputs of one quote as tracked elsewhere, each replacing the recorded one alone. None: not tracked."""

    level: float | None = None
    variance: float | None = None
    """From another estimate of volatility, over the same time."""
    time_variance: float | None = None
    """From the same estimate, over the time as another clock sees it."""
    fee_e6: int | None = None
    best_bid_e4: int | None = None
    best_ask_e4: int | None = None


class GapGroup(msgspec.Struct, frozen=True):
    """The differences of some quotes, dollars per contract."""

    max_delta_usd: float
    mean_delta_usd: float
    sample_size: int


class GapCase(msgspec.Struct, frozen=True):
    """One quote whose EV doesn't come out again."""

    client_order_id: str
    ticker: str
    window: str
    side: str
    price_e4: int
    recorded_usd: float
    """EV per contract as recorded."""
    recomputed_usd: float
    delta_usd: float


class GapAttribution(msgspec.Struct, frozen=True):
    """Mean absolute change of EV, dollars per contract, when one input is replaced by the one tracked elsewhere; 0.0 without such."""

    index: float
    variance: float
    time: float
    fees: float
    book: float


class GapSummary(msgspec.Struct, frozen=True):
    """The day so far."""

    threshold_usd: float
    max_delta_usd: float
    mean_delta_usd: float
    sample_size: int
    by_window: dict[str, GapGroup]
    by_window_type: dict[str, GapGroup]
    attribution: GapAttribution
    worst: tuple[GapCase, ...]
    """Largest difference first."""


class _Tally:
    __slots__ = ("count", "largest", "total")

    def __init__(self, start: GapTally) -> None:
        self.count = start.count
        self.total = start.total_usd
        self.largest = start.largest_usd

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.largest = max(self.largest, value)

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0

    def group(self) -> GapGroup:
        return GapGroup(self.largest, self.mean, self.count)

    def kept(self) -> GapTally:
        return GapTally(self.count, self.total, self.largest)


class EvGapMonitor:
    """Checks every intent. Noting one costs next to nothing; the working-out waits until somebody reads, off the path to the venue."""

    def __init__(self, threshold_usd: float = THRESHOLD_USD) -> None:
        """Call a difference above ``threshold_usd`` per contract too large."""
        self._threshold_usd = threshold_usd
        self._waiting: list[tuple[OrderIntent, MakerFees, Independent | None]] = []
        self.restore(GapTallies())

    def observe(self, intent: OrderIntent, fees: MakerFees, independent: Independent | None = None) -> None:
        """Take a quote, with its event's fees and what is known of its inputs from elsewhere."""
        self._waiting.append((intent, fees, independent))
        if len(self._waiting) >= WAITING_MAX:
            self._work_off()

    @property
    def max_delta_usd(self) -> float:
        """The day's largest difference, dollars per contract."""
        self._work_off()
        return self._all.largest

    def summary(self) -> GapSummary:
        """Return the day so far."""
        self._work_off()
        return GapSummary(
            threshold_usd=self._threshold_usd,
            max_delta_usd=self._all.largest,
            mean_delta_usd=self._all.mean,
            sample_size=self._all.count,
            by_window={name: tally.group() for name, tally in self._by_window.items()},
            by_window_type={name: tally.group() for name, tally in self._by_type.items()},
            attribution=GapAttribution(**{cause: tally.mean for cause, tally in self._causes.items()}),
            worst=tuple(self._worst),
        )

    def tallies(self) -> GapTallies:
        """Return what a restart needs to go on with the day; the worst cases and the attribution start anew."""
        self._work_off()
        return GapTallies(
            self._day,
            self._all.kept(),
            {name: tally.kept() for name, tally in self._by_window.items()},
            {name: tally.kept() for name, tally in self._by_type.items()},
        )

    def restore(self, start: GapTallies) -> None:
        """Go on with a day, or begin one."""
        self._day = start.day
        self._all = _Tally(start.overall)
        self._by_window = {name: _Tally(tally) for name, tally in start.by_window.items()}
        self._by_type = {name: _Tally(tally) for name, tally in start.by_type.items()}
        self._causes = {cause: _Tally(GapTally()) for cause in GapAttribution.__struct_fields__}
        self._worst: list[GapCase] = []

    def _work_off(self) -> None:
        waiting, self._waiting = self._waiting, []
        for intent, fees, independent in waiting:
            day = intent.window.partition("/")[0]
            if day != self._day:
                self.restore(GapTallies(day))
            self._check(intent, fees.maker_fee_e6(intent.price_e4, intent.count_e2), independent)

    def _check(self, intent: OrderIntent, fee_e6: int, independent: Independent | None) -> None:
        per_contract_usd = CONTRACT_E2 / intent.count_e2 / DOLLAR_E6
        fair_p = recomputed_p(intent.inputs)
        recomputed_e6 = ev_e6(intent, fair_p, fee_e6)
        self._note(intent, intent.inputs.ev_e6 * per_contract_usd, recomputed_e6 * per_contract_usd)
        if independent is not None:
            for cause, other_e6 in _with_one_replaced(intent, independent, fair_p, fee_e6).items():
                self._causes[cause].add(abs(other_e6 - recomputed_e6) * per_contract_usd)

    def _note(self, intent: OrderIntent, recorded_usd: float, recomputed_usd: float) -> None:
        delta_usd = abs(recorded_usd - recomputed_usd)
        self._all.add(delta_usd)
        self._by_window.setdefault(intent.window, _Tally(GapTally())).add(delta_usd)
        self._by_type.setdefault(SERIES[intent.series].target_type, _Tally(GapTally())).add(delta_usd)
        if len(self._worst) == WORST_KEPT and delta_usd <= self._worst[-1].delta_usd:
            return
        case = GapCase(
            intent.client_order_id, intent.ticker, intent.window, intent.side, intent.price_e4, recorded_usd, recomputed_usd, delta_usd
        )
        self._worst = sorted([*self._worst, case], key=lambda one: -one.delta_usd)[:WORST_KEPT]


def recomputed_p(inputs: QuoteInputs, level: float | None = None, variance: float | None = None) -> float:
    """Return the probability of YES from the recorded inputs, with level or variance replaced if given."""
    return yes_probability(
        inputs.level if level is None else level,
        inputs.variance if variance is None else variance,
        (inputs.lo_e2, inputs.hi_e2),
    )


def ev_e6(intent: OrderIntent, fair_p: float, fee_e6: int) -> float:
    """Return the expected value of a full fill after the fee, in 1e-6 dollars, not rounded."""
    gain_e4 = fair_p * DOLLAR_E4 - intent.price_e4
    return (gain_e4 if intent.side == "bid" else -gain_e4) * intent.count_e2 - fee_e6


def _with_one_replaced(intent: OrderIntent, other: Independent, fair_p: float, fee_e6: int) -> Mapping[str, float]:
    """Return the EV for each cause that is tracked elsewhere."""
    inputs = intent.inputs
    found: dict[str, float] = {}
    if other.level is not None:
        found["index"] = ev_e6(intent, recomputed_p(inputs, level=other.level), fee_e6)
    for cause, variance in (("variance", other.variance), ("time", other.time_variance)):
        if variance is not None:
            found[cause] = ev_e6(intent, recomputed_p(inputs, variance=variance), fee_e6)
    if other.fee_e6 is not None:
        found["fees"] = ev_e6(intent, fair_p, other.fee_e6)
    opposite_e4 = other.best_ask_e4 if intent.side == "bid" else other.best_bid_e4
    if opposite_e4 is not None:
        # Against that book the quote would have traded at once, at the opposite side's price; post-only refuses it.
        crosses = opposite_e4 <= intent.price_e4 if intent.side == "bid" else opposite_e4 >= intent.price_e4
        price_e4 = opposite_e4 if crosses else intent.price_e4
        found["book"] = ev_e6(msgspec.structs.replace(intent, price_e4=price_e4), fair_p, fee_e6)
    return found
