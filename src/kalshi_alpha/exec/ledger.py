"""The money: every fill once, exact positions and cash, settlements. Integers only.

A ``bid`` fill buys YES: cash falls by price times count. An ``ask`` fill sells YES: cash rises by it, and the position may become negative,
which the venue calls holding NO. A settlement at YES pays one dollar for each contract held and takes one for each contract owed; at NO
nothing moves. Fees are kept apart. At any time, exactly::

    cash_e6 = realised_e6 - sum of basis_e6 over the open positions
"""

from collections.abc import Collection, Iterable, Mapping
from math import ceil, floor
from operator import itemgetter

import msgspec

from kalshi_alpha.model.orders import Fill, VenuePosition
from kalshi_alpha.model.snapshot import AppliedTrade, LedgerPosition, LedgerSnapshot
from kalshi_alpha.model.units import CONTRACT_E2, DOLLAR_E4

_MISMATCHES_SHOWN = 3


class SettlementBooked(msgspec.Struct, frozen=True):
    """A position that a market's outcome ended."""

    ticker: str
    result: str
    position_e2: int
    cash_e6: int
    """What the settlement paid; negative: cost."""
    realised_e6: int
    """Gain on the whole position, before fees."""


class _Holding:
    __slots__ = ("basis_e6", "cash_e6", "last_ms", "position_e2")

    def __init__(self, position_e2: int = 0, basis_e6: int = 0, cash_e6: int = 0, last_ms: int = 0) -> None:
        self.position_e2 = position_e2
        self.basis_e6 = basis_e6
        self.cash_e6 = cash_e6
        self.last_ms = last_ms


class Ledger:
    """The one owner of positions and cash."""

    def __init__(self, snapshot: LedgerSnapshot | None = None) -> None:
        """Continue from a snapshot, or start with nothing."""
        self.restore(snapshot or LedgerSnapshot())

    def restore(self, start: LedgerSnapshot) -> None:
        """Continue from a snapshot, dropping what is here."""
        self._holdings = {one.ticker: _Holding(one.position_e2, one.basis_e6, one.cash_e6, one.last_ms) for one in start.positions}
        self._applied = {one.trade_id: one for one in start.applied}
        self.cash_e6 = start.cash_e6
        """All that trades and settlements brought in and cost, before fees."""
        self.fees_e6 = start.fees_e6
        self.realised_e6 = start.realised_e6
        """Gain of the contracts that are closed, before fees."""
        self.fills = start.fills
        self.contracts_e2 = start.contracts_e2
        """Contracts traded, both sides."""
        self.last_fill_ms = start.last_fill_ms
        """The newest booked fill, Unix ms."""
        self._horizon_ms = start.horizon_ms

    def position_e2(self, ticker: str) -> int:
        """Return the signed position, 0 when there is none."""
        holding = self._holdings.get(ticker)
        return 0 if holding is None else holding.position_e2

    @property
    def realised_after_fees_e6(self) -> int:
        """Gain of the contracts that are closed, less all fees."""
        return self.realised_e6 - self.fees_e6

    @property
    def fills_cursor_s(self) -> int:
        """Unix second from which on fills must be read, 0 before the first fill."""
        return self.last_fill_ms // 1_000

    def held_tickers(self) -> list[str]:
        """Return the markets with an open position, ascending."""
        return sorted(ticker for ticker, holding in self._holdings.items() if holding.position_e2)

    def market_cash_e6(self, ticker: str) -> int:
        """Return all that an unsettled market's trades brought in and cost, after fees."""
        holding = self._holdings.get(ticker)
        return 0 if holding is None else holding.cash_e6

    def book(self, fill: Fill) -> bool:
        """Enter a fill, once by its trade id; return whether it was new.

        A fill from before the horizon (``forget``) isn't entered: it may have been before. If it wasn't, ``mismatch`` shows it.
        """
        if fill.trade_id in self._applied or fill.ts_ms < self._horizon_ms:
            return False
        self._applied[fill.trade_id] = AppliedTrade(fill.trade_id, fill.ts_ms)
        signed_e2 = fill.count_e2 if fill.side == "bid" else -fill.count_e2
        holding = self._holdings.setdefault(fill.ticker, _Holding())
        self._trade(holding, signed_e2, fill.price_e4)
        holding.cash_e6 -= fill.fee_e6
        holding.last_ms = max(holding.last_ms, fill.ts_ms)
        self.fees_e6 += fill.fee_e6
        self.fills += 1
        self.contracts_e2 += fill.count_e2
        self.last_fill_ms = max(self.last_fill_ms, fill.ts_ms)
        return True

    def settle(self, ticker: str, result: str) -> SettlementBooked | None:
        """Book a market's outcome; None: nothing is held there, or the outcome is neither ``yes`` nor ``no`` (the position stays)."""
        if ticker not in self._holdings or result not in ("yes", "no"):
            return None
        holding = self._holdings.pop(ticker)
        position_e2, realised_before_e6, cash_before_e6 = holding.position_e2, self.realised_e6, self.cash_e6
        if position_e2 == 0:
            return None
        self._trade(holding, -position_e2, DOLLAR_E4 if result == "yes" else 0)
        return SettlementBooked(ticker, result, position_e2, self.cash_e6 - cash_before_e6, self.realised_e6 - realised_before_e6)

    def unknown(self, fills: Iterable[Fill]) -> list[Fill]:
        """Return the fills that ``book`` would enter: reads tell of the same ones again and again."""
        applied, horizon_ms = self._applied, self._horizon_ms
        return [fill for fill in fills if fill.trade_id not in applied and fill.ts_ms >= horizon_ms]

    def marked_e6(self, fair_p: Mapping[str, float]) -> int:
        """Return fair value less basis of the open positions, given fair probabilities by ticker.

        Each probability is rounded against us to 1e-4 dollars. A position without one counts at its cost: neither the best nor the
        worst case is an estimate.
        """
        gain_e6 = 0
        for ticker, holding in self._holdings.items():
            probability = fair_p.get(ticker)
            if probability is not None:
                fair_e4 = (floor if holding.position_e2 > 0 else ceil)(probability * DOLLAR_E4)
                gain_e6 += fair_e4 * holding.position_e2 - holding.basis_e6
        return gain_e6

    def mismatch(self, positions: tuple[VenuePosition, ...], among: Collection[str] | None = None) -> str | None:
        """Compare with the venue's count; None: they agree.

        Args:
            positions: The venue's; a market that isn't there counts as none held.
            among: The markets to compare; None: all of them.

        """
        theirs = {one.ticker: one.position_e2 for one in positions}
        compared = sorted({*theirs, *self.held_tickers()} if among is None else among)
        found = [
            f"{ticker}: ours {_contracts(self.position_e2(ticker))}, the venue's {_contracts(theirs.get(ticker, 0))}"
            for ticker in compared
            if self.position_e2(ticker) != theirs.get(ticker, 0)
        ]
        if not found:
            return None
        more = len(found) - _MISMATCHES_SHOWN
        return "; ".join(found[:_MISMATCHES_SHOWN]) + (f"; and {more} more" if more > 0 else "")

    def forget(self, before_ms: int) -> None:
        """Drop what trades before this instant (Unix ms) left: their ids (they are never booked any more), round trips."""
        if before_ms <= self._horizon_ms:
            return
        self._horizon_ms = before_ms
        while self._applied and self._applied[oldest := next(iter(self._applied))].ts_ms < before_ms:
            del self._applied[oldest]
        self._holdings = {ticker: one for ticker, one in self._holdings.items() if one.position_e2 or one.last_ms >= before_ms}

    def snapshot(self) -> LedgerSnapshot:
        """Return everything, to continue from."""
        return LedgerSnapshot(
            positions=tuple(
                LedgerPosition(ticker, one.position_e2, one.basis_e6, one.cash_e6, one.last_ms)
                for ticker, one in sorted(self._holdings.items(), key=itemgetter(0))
            ),
            cash_e6=self.cash_e6,
            fees_e6=self.fees_e6,
            realised_e6=self.realised_e6,
            fills=self.fills,
            contracts_e2=self.contracts_e2,
            applied=tuple(self._applied.values()),
            horizon_ms=self._horizon_ms,
            last_fill_ms=self.last_fill_ms,
        )

    def _trade(self, holding: _Holding, signed_e2: int, price_e4: int) -> None:
        """Trade ``signed_e2`` contracts at the price: close what is open on the other side at its average cost, open the rest."""
        self.cash_e6 -= signed_e2 * price_e4
        holding.cash_e6 -= signed_e2 * price_e4
        closing_e2 = 0
        if holding.position_e2 * signed_e2 < 0:
            closing_e2 = min(abs(holding.position_e2), abs(signed_e2)) * (1 if signed_e2 > 0 else -1)
            # The released share of the basis rounds down; the remainder stays with the contracts that stay.
            released_e6 = holding.basis_e6 * -closing_e2 // holding.position_e2
            self.realised_e6 += -closing_e2 * price_e4 - released_e6
            holding.basis_e6 -= released_e6
        holding.basis_e6 += (signed_e2 - closing_e2) * price_e4
        holding.position_e2 += signed_e2


def _contracts(count_e2: int) -> str:
    whole, rest = divmod(abs(count_e2), CONTRACT_E2)
    return f"{'-' if count_e2 < 0 else '+'}{whole}.{rest:02d}"
