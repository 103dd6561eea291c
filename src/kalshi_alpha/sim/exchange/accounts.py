"""Money and contracts of each account. What is spent on a position is its cost; a pair of YES and NO is worth a dollar and dissolves.

Everybody else is one account: trades among them change nothing in it. Histories let reads show the state of a moment ago.
"""

from bisect import bisect_left, bisect_right
from operator import attrgetter, itemgetter
from typing import NamedTuple

import msgspec

from kalshi_alpha.model.units import DOLLAR_E4, Side


class Position(NamedTuple):
    """One market's position at an instant. Negative: NO contracts."""

    utc_ns: int
    position_e2: int
    cost_e6: int
    traded_e6: int
    fees_e6: int
    realized_e6: int
    settled: bool


class AccountFill(msgspec.Struct, frozen=True):
    """One trade of an account."""

    utc_ns: int
    trade_id: str
    order_id: str
    client_order_id: str
    ticker: str
    side: Side
    price_e4: int
    count_e2: int
    fee_e6: int
    is_taker: bool
    post_position_e2: int
    subaccount: int


class AccountSettlement(msgspec.Struct, frozen=True):
    """What a market paid. Negative positions are NO contracts."""

    utc_ns: int
    ticker: str
    event_ticker: str
    result: str
    position_e2: int
    cost_e6: int
    revenue_e6: int
    fees_e6: int
    subaccount: int


class Account:
    """One subaccount, or everybody else."""

    def __init__(self, subaccount: int, cash_e6: int) -> None:
        self.subaccount = subaccount
        self.cash_e6 = cash_e6
        self.reserved_e6 = 0
        """What the resting orders could cost."""
        self.fees_e6 = 0
        self.positions: dict[str, list[Position]] = {}
        """Ticker -> its history, the oldest first."""
        self.balances: list[tuple[int, int]] = []
        """(utc_ns, cash less what is reserved), the oldest first."""
        self.fills: list[AccountFill] = []
        self.settlements: list[AccountSettlement] = []
        self._opening_e6 = cash_e6

    @property
    def available_e6(self) -> int:
        """Cash that no resting order needs."""
        return self.cash_e6 - self.reserved_e6

    def position_e2(self, ticker: str) -> int:
        """Return the present position, signed."""
        history = self.positions.get(ticker)
        return history[-1].position_e2 if history else 0

    def reserve(self, change_e6: int, utc_ns: int) -> None:
        """Set cash aside for a resting order, or free it."""
        self.reserved_e6 += change_e6
        self._note_balance(utc_ns)

    def revenue_e6(self, ticker: str, side: Side, price_e4: int, count_e2: int) -> int:
        """Return how a trade would change the cash, without its fee."""
        pay_e4 = price_e4 if side == "bid" else DOLLAR_E4 - price_e4
        # Closing: the other side of the pair is worth the rest of the dollar.
        return DOLLAR_E4 * self._closing_e2(ticker, side, count_e2) - pay_e4 * count_e2

    def trade(self, ticker: str, side: Side, price_e4: int, count_e2: int, fee_e6: int, utc_ns: int) -> int:
        """Book a trade and return the position after it."""
        history = self.positions.setdefault(ticker, [])
        before = history[-1] if history else Position(utc_ns, 0, 0, 0, 0, 0, settled=False)
        signed = before.position_e2
        pay_e4 = price_e4 if side == "bid" else DOLLAR_E4 - price_e4
        closing_e2 = self._closing_e2(ticker, side, count_e2)
        opening_e2 = count_e2 - closing_e2
        self.cash_e6 += self.revenue_e6(ticker, side, price_e4, count_e2) - fee_e6
        returned_e6 = (DOLLAR_E4 - pay_e4) * closing_e2
        freed_e6 = before.cost_e6 * closing_e2 // abs(signed) if closing_e2 else 0
        cost_e6 = before.cost_e6 - freed_e6 + pay_e4 * opening_e2
        self.fees_e6 += fee_e6
        after_e2 = signed + (count_e2 if side == "bid" else -count_e2)
        history.append(
            Position(
                utc_ns,
                after_e2,
                cost_e6,
                before.traded_e6 + pay_e4 * count_e2,
                before.fees_e6 + fee_e6,
                before.realized_e6 + returned_e6 - freed_e6,
                settled=False,
            )
        )
        self._note_balance(utc_ns)
        return after_e2

    def settle(self, ticker: str, event_ticker: str, result: str, utc_ns: int) -> int:
        """Pay a market out and return what was paid."""
        history = self.positions.get(ticker)
        if not history or history[-1].settled:
            return 0
        held = history[-1]
        wins = held.position_e2 > 0 if result == "yes" else held.position_e2 < 0
        revenue_e6 = DOLLAR_E4 * abs(held.position_e2) if wins else 0
        self.cash_e6 += revenue_e6
        realized_e6 = held.realized_e6 + revenue_e6 - held.cost_e6
        history.append(Position(utc_ns, 0, 0, held.traded_e6, held.fees_e6, realized_e6, settled=True))
        self._note_balance(utc_ns)
        if held.position_e2:
            self.settlements.append(
                AccountSettlement(
                    utc_ns, ticker, event_ticker, result, held.position_e2, held.cost_e6, revenue_e6, held.fees_e6, self.subaccount
                )
            )
        return revenue_e6

    def balance_at(self, utc_ns: int) -> int:
        """Return the available cash of an earlier instant."""
        place = bisect_right(self.balances, utc_ns, key=itemgetter(0))
        return self.balances[place - 1][1] if place else self._opening_e6

    def position_at(self, ticker: str, utc_ns: int) -> Position | None:
        """Return a position of an earlier instant, if there was one."""
        history = self.positions.get(ticker, [])
        if history and history[-1].utc_ns <= utc_ns:
            return history[-1]
        place = bisect_right(history, utc_ns, key=itemgetter(0))
        return history[place - 1] if place else None

    def fills_between(self, first_ns: int, last_ns: int) -> list[AccountFill]:
        """Return the trades from the first to the last instant, both included."""
        start = bisect_left(self.fills, first_ns, key=attrgetter("utc_ns"))
        return self.fills[start : bisect_right(self.fills, last_ns, key=attrgetter("utc_ns"))]

    def _closing_e2(self, ticker: str, side: Side, count_e2: int) -> int:
        signed = self.position_e2(ticker)
        return min(count_e2, max(0, -signed if side == "bid" else signed))

    def _note_balance(self, utc_ns: int) -> None:
        if self.balances and self.balances[-1][0] == utc_ns:
            self.balances[-1] = (utc_ns, self.available_e6)
        else:
            self.balances.append((utc_ns, self.available_e6))
