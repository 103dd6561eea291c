"""Whatever several participants do, the simulated venue does what a plain model of its rules says; nothing comes from nothing."""

import json
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kalshi_alpha.model.clock import NS_PER_S
from tests.sim.exchange.plain_market import START, Group, PlainMarket, Resting
from tests.sim.exchange.venue_kit import MORNING_NS, ORDERS, TICKER, Kit, refusal

FEW_LEGS = {"KXINXU": 1, "KXNASDAQ100U": 1, "KXINX": 3, "KXNASDAQ100": 3}
OWNERS = (0, 1, 2)
CENTICENT = Fraction(1, 10_000)

owners = st.sampled_from(OWNERS)
sides = st.sampled_from(["bid", "ask"])
prices = st.integers(45, 52)
counts = st.integers(1, 12)
picks = st.integers(0, 1_000)
Way = tuple[str, str, int | None]
ways: st.SearchStrategy[Way] = st.tuples(
    st.sampled_from(["good_till_canceled"] * 3 + ["immediate_or_cancel", "fill_or_kill"]),
    st.sampled_from(["taker_at_cross", "maker"]),
    st.sampled_from([None, None, 1, 5, 20]),
)
"""Time in force, self-trade prevention, and how long an order lives (s)."""


class Market(RuleBasedStateMachine):
    """Drives the venue and the model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.owned: dict[str, int] = {}

    @initialize(post_only_cross=st.sampled_from(["reject", "cancel"]))
    def begin(self, post_only_cross: str) -> None:
        self.post_only_cross = post_only_cross
        self.kit = Kit(legs=FEW_LEGS, read_lag_ns=0, post_only_cross=post_only_cross)
        self.model = PlainMarket(MORNING_NS)
        for owner in OWNERS:
            # An account exists from its first read on.
            self.kit.get("/portfolio/balance", f"subaccount={owner}")

    # Steps

    @rule(owner=owners, side=sides, price=prices, count=counts, way=ways, pick=picks)
    def place(self, owner: int, side: str, price: int, count: int, way: Way, pick: int) -> None:
        tif, stp, lives_s = way
        expires_s = self.model.now_ns // NS_PER_S + lives_s if lives_s and tif == "good_till_canceled" else None
        group = self.group_of(owner, pick)
        body = {"time_in_force": tif, "self_trade_prevention_type": stp, "subaccount": owner, "order_group_id": group}
        if expires_s:
            body["expiration_time"] = expires_s
        answer = self.kit.ask("POST", ORDERS, body=self.kit.body(side, f"0.{price}", str(count), **body))
        if group and self.model.groups[group].stopped:
            assert refusal(answer)[1] == "exceeded_order_group_risk_limit"
            return
        made = json.loads(answer.body)

        filled = self.model.enter(Resting(made["order_id"], owner, side, price, count, expires_s, group, stp), tif)

        assert made["fill_count"] == f"{filled}.00"

    @rule(owner=owners, side=sides, price=prices, count=counts)
    def place_post_only(self, owner: int, side: str, price: int, count: int) -> None:
        crosses = bool(self.model.counterparts(side, price))
        answer = self.kit.ask("POST", ORDERS, body=self.kit.body(side, f"0.{price}", str(count), post_only=True, subaccount=owner))

        if crosses and self.post_only_cross == "reject":
            assert refusal(answer) == (400, "invalid_order", "post only cross")
            return
        made = json.loads(answer.body)
        assert made["fill_count"] == "0.00"
        assert made["remaining_count"] == ("0.00" if crosses else f"{count}.00")
        if not crosses:
            self.model.enter(Resting(made["order_id"], owner, side, price, count, None, ""))

    @precondition(lambda self: self.model.orders)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        order = self.picked(pick)

        answer = self.kit.ask("DELETE", f"{ORDERS}/{order.name}", f"subaccount={order.owner}")

        assert json.loads(answer.body)["reduced_by"] == f"{order.left}.00"
        self.model.remove(order.name)
        assert self.kit.ask("DELETE", f"{ORDERS}/{order.name}", f"subaccount={order.owner}").status == 404

    @precondition(lambda self: self.model.orders)
    @rule(pick=picks, price=prices, left=counts)
    def amend(self, pick: int, price: int, left: int) -> None:
        order = self.picked(pick)
        filled = sum(trade.count for trade in self.model.trades if trade.name == order.name)
        body = {"ticker": TICKER, "side": order.side, "price": f"0.{price}", "count": str(filled + left)}
        answer = self.kit.ask("POST", f"{ORDERS}/{order.name}/amend", f"subaccount={order.owner}", body=body)
        post_only = self.kit.order(order.name)["order_id"] in self.post_only_names()
        if post_only and (price != order.price or left > order.left) and self.model.counterparts(order.side, price):
            assert refusal(answer) == (400, "invalid_order", "post only cross")
            self.model.wait(0.3)
            return

        if price == order.price and left <= order.left:
            order.left = left
        else:
            self.model.remove(order.name)
            self.model.enter(replace(order, price=price, left=left))
        self.model.wait(0.3)

    @precondition(lambda self: self.model.orders)
    @rule(pick=picks, by=counts)
    def decrease(self, pick: int, by: int) -> None:
        order = self.picked(pick)
        body = {"reduce_by": str(by)}
        assert self.kit.ask("POST", f"{ORDERS}/{order.name}/decrease", f"subaccount={order.owner}", body=body).status == 200

        order.left = max(0, order.left - by)
        if not order.left:
            self.model.remove(order.name)

    @rule(owner=owners, limit=st.integers(1, 25))
    def open_group(self, owner: int, limit: int) -> None:
        body = {"contracts_limit": limit, "subaccount": owner}
        made = json.loads(self.kit.ask("POST", "/portfolio/order_groups/create", body=body).body)
        self.owned[made["order_group_id"]] = owner
        self.model.groups[made["order_group_id"]] = Group(limit)

    @precondition(lambda self: self.owned)
    @rule(pick=picks, step=st.sampled_from(["trigger", "reset", "limit"]), limit=st.integers(1, 25))
    def change_group(self, pick: int, step: str, limit: int) -> None:
        name = sorted(self.owned)[pick % len(self.owned)]
        body = {"contracts_limit": limit} if step == "limit" else {}
        assert self.kit.ask("PUT", f"/portfolio/order_groups/{name}/{step}", f"subaccount={self.owned[name]}", body=body).status == 200
        group = self.model.groups[name]

        if step == "trigger":
            self.model.stop(name)
        elif step == "reset":
            group.stopped, group.matched = False, []
        else:
            group.limit = limit
            self.model.check_limit(name)

    @rule(seconds=st.sampled_from([0.5, 1.0, 5.0, 14.0, 15.0]))
    def wait(self, seconds: float) -> None:
        self.kit.wait(seconds)
        self.model.wait(seconds)

    # Claims

    @invariant()
    def the_same_orders_rest(self) -> None:
        told = {order.order_id: (order.price_e4 // 100, order.remaining_e2) for order in self.kit.exchange.audit(self.kit.now_ns).resting}

        assert told == {order.name: (order.price, order.left * 100) for order in self.model.orders}

    @invariant()
    def the_same_contracts_stand_before_them(self) -> None:
        for owner in OWNERS:
            queue = self.kit.get("/portfolio/orders/queue_positions", f"market_tickers={TICKER}&subaccount={owner}")["queue_positions"]
            for place in queue:
                assert place["queue_position_fp"] == f"{self.model.ahead(place['order_id'])}.00"

    @invariant()
    def the_book_is_never_crossed_and_adds_up(self) -> None:
        levels = self.kit.get(f"/markets/{TICKER}/orderbook")["orderbook_fp"]
        bids: dict[int, int] = defaultdict(int)
        asks: dict[int, int] = defaultdict(int)
        for order in self.model.orders:
            (bids if order.side == "bid" else asks)[order.price] += order.left

        assert max(bids, default=0) < min(asks, default=100)
        assert levels["yes_dollars"] == [[f"0.{price:02}00", f"{bids[price]}.00"] for price in sorted(bids)]
        assert levels["no_dollars"] == [[f"0.{100 - price:02}00", f"{asks[price]}.00"] for price in sorted(asks, reverse=True)]

    @invariant()
    def cash_and_contracts_are_kept(self) -> None:
        audit = self.kit.exchange.audit(self.kit.now_ns)
        fees = self.fees_paid()
        total = Fraction(0)
        for owner in OWNERS:
            held = audit.positions_e2[owner].get(TICKER, 0)
            cash = Fraction(audit.cash_e6[owner], 1_000_000)
            assert held == self.model.position(owner) * 100
            assert cash == self.model.cash_before_fees(owner) - sum(fees[owner].values())
            assert cash % CENTICENT == 0
            total += cash + Fraction(max(0, held), 100) + sum(fees[owner].values())
        # Every pair of YES and NO is worth a dollar; its YES is counted, its NO isn't.
        assert total == START * len(OWNERS)
        assert sum(self.model.position(owner) for owner in OWNERS) == 0
        assert (audit.cash_drift_e6, audit.contracts_drift_e2) == (0, 0)

    @invariant()
    def an_orders_fees_are_the_models_to_a_centicent(self) -> None:
        paid = self.fees_paid()
        for owner in OWNERS:
            for name, fee in paid[owner].items():
                trades = [trade for trade in self.model.trades if trade.name == name]
                exact = sum((self.model.model_fee(trade) for trade in trades), Fraction(0))
                assert exact <= fee <= exact + CENTICENT + Fraction(len(trades), 1_000_000)
                assert fee % CENTICENT == 0

    # Looking things up

    def picked(self, pick: int) -> Resting:
        return self.model.orders[pick % len(self.model.orders)]

    def group_of(self, owner: int, pick: int) -> str:
        own = ["", *sorted(name for name, whose in self.owned.items() if whose == owner)]
        return own[pick % len(own)]

    def post_only_names(self) -> set[str]:
        return {event.order_id for event in self.kit.exchange.order_log if event.post_only}

    def fees_paid(self) -> dict[int, dict[str, Fraction]]:
        """Return owner -> order -> fees, as the account reads them."""
        fees: dict[int, dict[str, Fraction]] = {owner: defaultdict(Fraction) for owner in OWNERS}
        for fill in self.kit.get("/portfolio/fills", "limit=1000")["fills"]:
            fees[fill["subaccount_number"]][fill["order_id"]] += Fraction(fill["fee_cost"])
        return fees


TestMarket = Market.TestCase
TestMarket.settings = settings(stateful_step_count=40, max_examples=3 * settings().max_examples)
