"""An engine and the world around it, played by hand: a clock, a venue that answers when told to, two feeds."""

from typing import TypeVar

from kalshi_alpha.config import Config, QuotingConfig, WindowsConfig
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.exec.recovery import RecoveredState
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.instruments import LEGS, SERIES, Ladder, Leg, Market, PriceRange, Series, Symbol
from kalshi_alpha.model.listed_day import ListedDay, ListedEvent, ListedMarket
from kalshi_alpha.model.maintenance import WeekHours
from kalshi_alpha.model.orders import Fill, Order, OrderIntent, VenueOrder, VenuePosition
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import IncidentNoted, OrderClosed, Record, WindowPhase
from kalshi_alpha.sim.fast import virtual_config

TARGET_S = 1_795_446_000  # 2026-11-23 10:00 in New York: hourly-1000, 09:45 to 10:00, frozen from 09:59:58
START_S = TARGET_S - 900
MONO_NS = 55_000_000_000_000  # unlike the UTC clock, so that mixing the two shows
LEVELS: dict[Symbol, float] = {"I:SPX": 6_850.0, "I:NDX": 25_300.0}
STEP_E2 = {"I:SPX": 500, "I:NDX": 2_000}
CENTS = (PriceRange(0, 10_000, 100),)

T = TypeVar("T")


def settings(quoting: QuotingConfig | None = None, windows: WindowsConfig | None = None) -> Config:
    return virtual_config(windows or WindowsConfig(), quoting or QuotingConfig(rungs_each_side=3))


def ladder_of(series: Series, target_s: int = TARGET_S, rungs: int = 7, fee_type: str = "quadratic_with_maker_fees") -> Ladder:
    """Return thresholds around the money: the middle one pays from the level on."""
    spec = SERIES[series]
    event, middle_e2, step_e2 = f"{spec.venue_ticker}-{target_s}", int(LEVELS[spec.symbol] * 100), STEP_E2[spec.symbol]
    bounds = [middle_e2 + step_e2 * (rung - rungs // 2) for rung in range(rungs)]
    markets = tuple(Market(f"{event}-T{lo_e2}", event, series, lo_e2, None, 0, target_s * NS_PER_S, CENTS, 0, "active") for lo_e2 in bounds)
    return Ladder(series, event, spec.symbol, target_s * NS_PER_S, markets, "", fee_type, 1.0)


def listed_day(series: Series, ladders: tuple[Ladder, ...]) -> ListedDay:
    """Return the listing that these ladders are read from."""
    events = tuple(
        ListedEvent(ladder.event_ticker, ladder.close_ns, ladder.collateral, ladder.fee_type, ladder.fee_multiplier, ())
        for ladder in ladders
    )
    markets = tuple(_listed_market(market) for ladder in ladders for market in ladder.markets)
    return ListedDay(series, "", events, markets)


def _listed_market(market: Market) -> ListedMarket:
    return ListedMarket(
        ticker=market.ticker,
        event_ticker=market.event_ticker,
        strike_type="greater_or_equal",
        floor_strike="",
        cap_strike="",
        lo_e2=market.lo_e2,
        hi_e2=market.hi_e2,
        problem="",
        open_ns=market.open_ns,
        close_ns=market.close_ns,
        status=market.status,
        shard=market.exchange_index,
        tick="",
        settlement_timer_s=None,
        rules="",
    )


class Rig:
    """Drives an engine; obeys its timer; keeps what it commanded."""

    def __init__(self, at_s: float = START_S + 5, config: Config | None = None, recovered: RecoveredState | None = None) -> None:
        self.engine = Engine(config or settings(), recovered)
        self.utc_ns = int(at_s * NS_PER_S)
        self._mono_less_utc_ns = MONO_NS - START_S * NS_PER_S
        self.commands: list[cmd.Command] = []
        self.steps: list[list[cmd.Command]] = []
        self.dead_legs: set[tuple[Leg, Symbol]] = set()
        self.levels = dict(LEVELS)
        self.venue_orders: dict[str, OrderIntent] = {}
        self.auto = True
        """The venue answers reads, groups, status and listings at once; syncs come back at once."""
        self.answers_orders = True
        self.tells_time = True
        """The venue's answers carry its clock's time."""
        self.clock_ahead_ns = 0
        """Our wall clock less the venue's."""
        self.positions: tuple[VenuePosition, ...] = ()
        self.cash_e6: int | None = None
        """The venue's cash; None: it doesn't tell."""
        self.held: tuple[str, ...] = ()
        """What it held just before, by ticker."""
        self.trading = True
        self.silent: set[str] = set()
        """Commands by name that the venue doesn't answer."""
        self.listings: dict[Series, Ladder | None] = {}
        self.schedule: tuple[tuple[tuple[int, int], ...], tuple[WeekHours, ...]] | None = None
        """The venue's maintenance windows and hours; None: it doesn't answer."""
        self.closes: dict[Series, tuple[int, ...]] | None = None
        """When the venue's events close; None: it doesn't answer."""

    # Time

    @property
    def now(self) -> Now:
        return Now(self.utc_ns, self.utc_ns + self._mono_less_utc_ns)

    def wait(self, seconds: float) -> None:
        """Let time pass in silence, but for the timer."""
        self.wait_until(self.utc_ns + int(seconds * NS_PER_S))

    def wait_until(self, utc_ns: int) -> None:
        fired = 0
        while True:
            due_ns = self.engine.next_deadline_ns()
            if due_ns is None or due_ns - self._mono_less_utc_ns > utc_ns:
                break
            at_ns = max(self.utc_ns, due_ns - self._mono_less_utc_ns)
            fired = fired + 1 if at_ns == self.utc_ns else 0
            assert fired < 10, f"the timer spins: {self.engine.facts.deadlines}"
            self.utc_ns = at_ns
            self.tell(ev.TimerFired())
        self.utc_ns = utc_ns

    def tick(self, seconds: int = 1) -> None:
        """Let seconds pass with both feeds ticking on the whole second, 20 ms late."""
        for _ in range(seconds):
            second = self.utc_ns // NS_PER_S + 1
            self.wait_until(second * NS_PER_S + 20 * NS_PER_MS)
            for leg in LEGS:
                for symbol, level in self.levels.items():
                    if (leg, symbol) not in self.dead_legs:
                        self.tell(ev.IndexTicked(leg, symbol, level, second * 1_000))

    def tick_until(self, utc_s: float) -> None:
        while (self.utc_ns // NS_PER_S + 1) * NS_PER_S + 20 * NS_PER_MS <= utc_s * NS_PER_S:
            self.tick()
        self.wait_until(int(utc_s * NS_PER_S))

    # Facts in, commands out

    def tell(self, event: ev.Event) -> list[cmd.Command]:
        """Hand over one fact, and the venue's answers to what it led to."""
        commands = self.engine.handle(event, self.now)
        self.commands += commands
        self.steps.append(commands)
        if self.auto:
            for command in commands:
                self._answer(command)
        return commands

    def take(self, kind: type[T]) -> list[T]:
        """Return the commands of a kind since the last ``clear``."""
        return [command for command in self.commands if isinstance(command, kind)]

    def clear(self) -> None:
        self.commands.clear()
        self.steps.clear()

    def records(self, kind: type[T]) -> list[T]:
        return [record for persist in self.take(cmd.Persist) for record in persist.records if isinstance(record, kind)]

    def all_records(self) -> list[Record]:
        return [record for persist in self.take(cmd.Persist) for record in persist.records]

    def incidents(self, kind: str) -> list[IncidentNoted]:
        return [noted for noted in self.records(IncidentNoted) if noted.kind == kind]

    def closed(self) -> dict[str, str]:
        return {record.client_order_id: record.reason for record in self.records(OrderClosed)}

    def phases(self) -> list[tuple[str, str]]:
        return [(record.window, record.phase) for record in self.records(WindowPhase)]

    # Views

    @property
    def reasons(self) -> set[Reason]:
        return {held.reason for held in self.engine.facts.reasons}

    def live(self, status: str = "") -> list[Order]:
        return [order for order in self.engine.facts.orders.live() if not status or order.status == status]

    def placed(self) -> list[OrderIntent]:
        return [intent for command in self.take(cmd.PlaceOrders) for intent in command.intents]

    def cancelled(self) -> list[str]:
        return [target.client_order_id for command in self.take(cmd.CancelOrders) for target in command.targets]

    # The venue

    def _answer(self, command: cmd.Command) -> None:  # noqa: C901, PLR0912, PLR0915 - one case a command
        name = type(command).__name__
        if name in self.silent:
            return
        match command:
            case cmd.Persist(batch=batch, sync=True):
                self.tell(ev.IntentsDurable(batch))
            case cmd.CaptureSnapshot(verify=True):
                self.tell(cal.SnapshotVerified("fresh", 0.01))
            case cmd.CreateGroup():
                self.tell(ev.GroupCreated(f"group-{self.engine.facts.epoch}-{command.request}"))
            case cmd.TriggerGroup(group_id=group_id):
                for client_id, intent in list(self.venue_orders.items()):
                    if intent.group_id == group_id:
                        self.end(client_id)
                self.tell(ev.GroupTriggered(group_id))
            case cmd.ReadStatus():
                self._tell_time()
                self.tell(ev.ExchangeStatusRead(exchange_active=True, trading_active=self.trading))
            case cmd.ReadOpenOrders(request=request):
                reports = tuple(self.report(client_id) for client_id in self.venue_orders)
                self.tell(ev.OpenOrdersRead(request, self.utc_ns - self.clock_ahead_ns, reports))
            case cmd.ReadFills(request=request):
                self.tell(ev.FillsRead(request, self.utc_ns - self.clock_ahead_ns, ()))
            case cmd.ReadPositions(request=request):
                self.tell(ev.PositionsRead(request, self.utc_ns - self.clock_ahead_ns, self.positions))
            case cmd.ReadBalance(request=request) if self.cash_e6 is not None:
                self.tell(ev.BalanceRead(request, self.utc_ns - self.clock_ahead_ns, self.cash_e6, self.held))
            case cmd.ReadSchedule(request=request) if self.schedule is not None:
                self.tell(cal.ScheduleRead(request, *self.schedule))
            case cmd.ReadCloses(request=request, from_ns=from_ns) if self.closes is not None:
                self.tell(cal.ClosesRead(request, from_ns, tuple(self.closes.items())))
            case cmd.ReadLadder(series=series, target_ns=target_ns):
                self._list(series, target_ns)
            case cmd.ReadDay(request=request, series=series):
                self.tell(cal.DayListed(request, self._listed(series)))
            case cmd.SubscribeBooks(tickers=tickers):
                for ticker in tickers:
                    self.tell(ev.BookSnapshotted(ticker, (), ()))
            case cmd.PlaceOrders(intents=intents) if self.answers_orders:
                for intent in intents:
                    self.accept(intent)
            case cmd.CancelOrders(targets=targets) if self.answers_orders:
                for target in targets:
                    known = self.venue_orders.get(target.client_order_id)
                    self.end(target.client_order_id)
                    self.tell(ev.OrderCancelled(target.client_order_id, target.order_id, 0 if known is None else known.count_e2))
            case cmd.CancelAll() if self.answers_orders:
                self.tell(ev.CancelAllAcknowledged())
            case cmd.AmendExpiry(intent=intent, expiration_s=expiration_s) if self.answers_orders:
                self.tell(ev.OrderAmended(intent.client_order_id, expiration_s))
            case _:
                pass

    def _tell_time(self) -> None:
        if self.tells_time:
            self.tell(ev.VenueTimed(self.now.mono_ns, self.utc_ns - self.clock_ahead_ns, NS_PER_MS))

    def _list(self, series: Series, target_ns: int) -> None:
        ladder = self.listings.get(series, ladder_of(series, target_ns // NS_PER_S))
        if ladder is None:
            self.tell(ev.LadderMissing(series, target_ns, "no event closes then"))
        else:
            self.tell(ev.LadderRead(ladder))

    def _listed(self, series: Series) -> ListedDay:
        """Return what the venue lists for the rest of the day: the ladder put there by hand, or one for each window."""
        targets_s = [window.target_ns // NS_PER_S for window in self.engine.facts.schedule.today(self.utc_ns) if series in window.series]
        whole = [ladder_of(series, target_s) for target_s in targets_s]
        by_hand = self.listings.get(series)
        ladders = whole if series not in self.listings else [by_hand] if by_hand is not None else []
        return listed_day(series, tuple(ladders))

    def accept(self, intent: OrderIntent) -> None:
        """Have an order rest at the venue."""
        self.venue_orders[intent.client_order_id] = intent
        self.tell(ev.OrderAccepted(intent.client_order_id, f"v-{intent.client_order_id}", 0, intent.count_e2))

    def end(self, client_id: str) -> None:
        self.venue_orders.pop(client_id, None)

    def report(self, client_id: str) -> VenueOrder:
        intent = self.venue_orders[client_id]
        return VenueOrder(
            f"v-{client_id}", client_id, intent.ticker, intent.side, intent.price_e4, intent.count_e2, 0, "resting", intent.group_id
        )

    def fill_of(self, order: Order, count_e2: int = 100, trade: str = "t1", post_e2: int | None = None) -> Fill:
        intent = order.intent
        return Fill(
            trade,
            order.order_id,
            intent.client_order_id,
            intent.ticker,
            intent.side,
            intent.price_e4,
            count_e2,
            0,
            is_taker=False,
            ts_ms=self.utc_ns // NS_PER_MS,
            post_position_e2=post_e2,
        )


def booted(rig: Rig, old_groups: tuple[str, ...] = (), epoch: int = 1, verdict: str = "missing") -> Rig:
    """Start the engine's process with all connections up."""
    rig.tell(ev.Booted(epoch, old_groups, verdict, 0.0))
    rig.tell(ev.VenueConnected())
    for leg in LEGS:
        rig.tell(ev.FeedConnected(leg))
    return rig


def quoting(rig: Rig | None = None, seconds: int = 8) -> Rig:
    """Return an engine that quotes, its commands so far forgotten."""
    rig = booted(rig or Rig())
    rig.tick(seconds)
    assert rig.live("resting")
    assert not rig.reasons
    rig.clear()
    return rig


def quoting_alone(order_count: int = 1) -> Rig:
    """Return an engine that quotes and whose venue keeps silent on orders from now on."""
    rig = quoting(Rig(config=settings(QuotingConfig(rungs_each_side=3, max_open_orders=order_count))))
    rig.answers_orders = False
    return rig


def booked_ticker(rig: Rig) -> tuple[str, Order]:
    order = rig.live("resting")[0]
    return order.intent.ticker, order
