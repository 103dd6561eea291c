"""One market as its rules say it works, written to be checked by eye: a list of orders, searched anew at every step.

Prices are cents of YES, counts whole contracts, money is fractions of dollars. It shares nothing with the simulated venue but the rules.
"""

from dataclasses import dataclass, field
from fractions import Fraction

NS = 1_000_000_000
WINDOW_NS = 15 * NS
START = Fraction(250_000)


@dataclass
class Resting:
    name: str
    owner: int
    side: str
    price: int
    left: int
    expires_s: int | None
    group: str
    self_trade: str = "taker_at_cross"


@dataclass
class Trade:
    owner: int
    side: str
    price: int
    count: int
    taker: bool
    name: str


@dataclass
class Group:
    limit: int
    stopped: bool = False
    matched: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class PlainMarket:
    """Everything that rests, the oldest first, and everything that was traded."""

    now_ns: int
    orders: list[Resting] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)

    # What can be met

    def counterparts(self, side: str, price: int) -> list[Resting]:
        """Return what an order meets, in the order in which it does: the best price first, and at one price the oldest."""
        if side == "bid":
            return sorted((one for one in self.orders if one.side == "ask" and one.price <= price), key=lambda one: one.price)
        return sorted((one for one in self.orders if one.side == "bid" and one.price >= price), key=lambda one: -one.price)

    def ahead(self, name: str) -> int:
        """Return the contracts that trade before an order at its own price."""
        mine = next(one for one in self.orders if one.name == name)
        older = self.orders[: self.orders.index(mine)]
        return sum(one.left for one in older if (one.side, one.price) == (mine.side, mine.price))

    # What happens

    def enter(self, order: Resting, tif: str = "good_till_canceled") -> int:
        """Match an order, rest what may rest, and return what was filled."""
        wanted = order.left
        if tif == "fill_or_kill" and sum(one.left for one in self.counterparts(order.side, order.price)) < wanted:
            return 0
        met_itself = False
        while order.left and (facing := self.counterparts(order.side, order.price)):
            first = facing[0]
            if first.owner == order.owner:
                if order.self_trade == "taker_at_cross":
                    met_itself = True
                    break
                self.orders.remove(first)
                continue
            self._match(first, order)
        stopped = order.group != "" and self.groups[order.group].stopped
        if order.left and tif == "good_till_canceled" and not met_itself and not stopped:
            self.orders.append(order)
        return wanted - order.left

    def _match(self, maker: Resting, taker: Resting) -> None:
        count = min(maker.left, taker.left)
        maker.left -= count
        taker.left -= count
        if not maker.left:
            self.orders.remove(maker)
        for order, is_taker in ((maker, False), (taker, True)):
            self.trades.append(Trade(order.owner, order.side, maker.price, count, is_taker, order.name))
            if order.group:
                self._count(order.group, count)

    def _count(self, name: str, count: int) -> None:
        group = self.groups[name]
        group.matched.append((self.now_ns, count))
        self.check_limit(name)

    def check_limit(self, name: str) -> None:
        group = self.groups[name]
        if sum(count for at_ns, count in group.matched if at_ns > self.now_ns - WINDOW_NS) >= group.limit:
            self.stop(name)

    def stop(self, name: str) -> None:
        self.groups[name].stopped = True
        self.orders = [one for one in self.orders if one.group != name]

    def remove(self, name: str) -> None:
        self.orders = [one for one in self.orders if one.name != name]

    def wait(self, seconds: float) -> None:
        self.now_ns += int(seconds * NS)
        self.orders = [one for one in self.orders if one.expires_s is None or one.expires_s * NS > self.now_ns]

    # What it comes to

    def position(self, owner: int) -> int:
        """Return YES contracts held, below 0 for NO."""
        return sum(trade.count if trade.side == "bid" else -trade.count for trade in self.trades if trade.owner == owner)

    def cash_before_fees(self, owner: int) -> Fraction:
        """Return the cash: YES bought and sold at their prices, and a dollar laid down for each contract that is short."""
        signed = sum(
            (trade.count if trade.side == "bid" else -trade.count) * Fraction(trade.price, 100)
            for trade in self.trades
            if trade.owner == owner
        )
        return START - signed - max(0, -self.position(owner))

    def model_fee(self, trade: Trade) -> Fraction:
        """Return 7 % of the count times price times its complement for a taker."""
        return Fraction(7, 100) * trade.count * Fraction(trade.price * (100 - trade.price), 10_000) if trade.taker else Fraction(0)
