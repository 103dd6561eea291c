"""Breaks the system in 28 ways that cost money, one at a time, and plays random days until the checkers notice.

A mutant that lives through its windows shows a hole in the checkers. One that the system itself refuses to run with, by an assertion, is
caught, too. The list follows the reliability reference's mutants: no sync, intent after send, blind retry, time-out assumed dead, the old
group not triggered, and what else each promise would miss.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, Final

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.journal_memory import MemoryJournal
from kalshi_alpha.adapters.kalshi import wire
from kalshi_alpha.data.flap_damping import FlapDamping
from kalshi_alpha.data.leg_health import LegSymbol
from kalshi_alpha.data.symbol_feed import SymbolFeed
from kalshi_alpha.exec import recovery
from kalshi_alpha.exec.cash_watch import CashWatch
from kalshi_alpha.exec.clock_watch import ClockWatch
from kalshi_alpha.exec.feed_watch import FeedWatch
from kalshi_alpha.exec.ledger import Ledger
from kalshi_alpha.exec.order_events import OrderEvents
from kalshi_alpha.exec.planner import OrderPlanner
from kalshi_alpha.exec.reconcile import Reconciler
from kalshi_alpha.exec.state.orders import OutstandingOrdersState
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.commands import PlaceOrders, TriggerGroup
from kalshi_alpha.model.records import LatchSet
from kalshi_alpha.risk import LadderExposure
from kalshi_alpha.sim.swarm import play_swarm, swarm
from kalshi_alpha.sim.virtual_client import VirtualClient

WINDOWS_MAX: Final = 200
Break = Callable[[], None]


class Verdict(msgspec.Struct, frozen=True):
    """What became of one mutant."""

    name: str
    windows: int
    """Played until it was caught, or in all."""
    by: str
    """The promise that caught it; empty: it lives."""


def _set(owner: Any, name: str, value: object) -> None:
    assert hasattr(owner, name), f"{owner} has no {name} any more: the mutant must follow"
    setattr(owner, name, value)


def _wrap(owner: Any, name: str, make: Callable[[Any], object]) -> None:
    _set(owner, name, make(getattr(owner, name)))


# Durability


def _no_sync() -> None:
    def synced(self: Any, batch: int, utc_ns: int) -> None:
        if self.alive:
            self.step([ev.IntentsDurable(batch)], self.now(utc_ns))

    _set(VirtualClient, "_synced", synced)


def _intent_after_send() -> None:
    def make(persist: Any) -> object:
        def early(self: Any, command: Any, now: Any) -> None:
            self.step([ev.IntentsDurable(command.batch)], now)
            persist(self, command, now)

        return early

    _wrap(VirtualClient, "_persist", make)


def _torn_line_believed() -> None:
    _set(MemoryJournal, "cut", lambda self, torn_bytes=0: self.data[: max(0, len(self.data) - 4_000 - torn_bytes)])


def _forgets_latches() -> None:
    _skip_records(LatchSet)
    _wrap(recovery, "recover", lambda real: lambda snapshot, records: msgspec.structs.replace(real(snapshot, records), latches=()))
    from kalshi_alpha.sim import virtual_day  # noqa: PLC0415 - only to change the name it uses

    _set(virtual_day, "recover", recovery.recover)


def _settles_nothing() -> None:
    _set(Ledger, "settle", lambda _self, _ticker, _result: None)


def _skip_records(kind: type) -> None:
    fold = recovery._Fold  # noqa: SLF001 - what is broken is inside
    _wrap(fold, "learn", lambda learn: lambda self, record: None if isinstance(record, kind) else learn(self, record))


# Orders


def _blind_retry() -> None:
    def unknown(self: Any, event: Any, _now: Any) -> None:
        order = self._facts.orders.find(event.client_order_id)
        if order is not None and event.action == "create":
            self._facts.out.append(PlaceOrders((order.intent,)))

    _set(OrderEvents, "outcome_unknown", unknown)


def _timeout_is_dead() -> None:
    def unknown(self: Any, event: Any, now: Any) -> None:
        order = self._facts.orders.find(event.client_order_id)
        if order is not None and event.action == "create":
            self.close(order, "timed out", now)

    _set(OrderEvents, "outcome_unknown", unknown)


def _old_orders_taken_for_gone() -> None:
    def make(read: Any) -> object:
        def without_the_old(self: Any, event: Any, now: Any) -> None:
            ours = tuple(order for order in event.orders if order.client_order_id.startswith(f"{self._facts.epoch}-"))
            read(self, msgspec.structs.replace(event, orders=ours), now)

        return without_the_old

    def untriggered(self: Any, command: Any, now: Any) -> None:
        self.later(self.utc_ns(now.mono_ns) + NS_PER_MS, lambda at_ns: self.step([ev.GroupTriggered(command.group_id)], self.now(at_ns)))

    _wrap(Reconciler, "open_orders_read", make)
    _wrap(
        VirtualClient,
        "_call",
        lambda call: lambda self, command, now: (untriggered if isinstance(command, TriggerGroup) else call)(self, command, now),
    )


def _same_epoch_again() -> None:
    _wrap(recovery, "recover", lambda real: lambda snapshot, records: msgspec.structs.replace(real(snapshot, records), epoch=0, orders=()))
    from kalshi_alpha.sim import virtual_day  # noqa: PLC0415 - only to change the names it uses

    _set(virtual_day, "recover", recovery.recover)
    _wrap(virtual_day, "booted_event", lambda real: lambda *args, **more: msgspec.structs.replace(real(*args, **more), epoch=7))


def _outlives_the_freeze() -> None:
    def expiration_s(self: Any, ladder: Any, now: Any) -> int:
        return int(min(now.utc_ns // NS_PER_S + self._facts.config.quoting.ttl_s, ladder.ladder.close_ns // NS_PER_S))

    _set(OrderPlanner, "_expiration_s", expiration_s)


def _without(field: str, value: object) -> Break:
    def apply() -> None:
        _set(wire, "_assert_backstops", lambda _order: None)
        _wrap(wire, "encode_create", lambda real: lambda order: real(msgspec.structs.replace(order, **{field: value})))
        _wrap(wire, "encode_creates", lambda real: lambda orders: real([msgspec.structs.replace(one, **{field: value}) for one in orders]))
        from kalshi_alpha.adapters.kalshi import order_calls  # noqa: PLC0415 - only to change the names it uses

        for name in ("encode_create", "encode_creates"):
            _set(order_calls, name, getattr(wire, name))

    return apply


def _more_orders_than_allowed() -> None:
    _set(OutstandingOrdersState, "__len__", lambda self: len(self._live) // 2)


def _stop_is_a_flag() -> None:
    _set(OutstandingOrdersState, "mark_cancel_all", lambda _self, _reason, _actor="system": False)


def _spends_the_cancels_tokens() -> None:
    def affordable(self: Any, tokens_each: int, _growth: int, now: Any) -> int:
        return max(0, int(self._facts.bucket.available(now.mono_ns)) // tokens_each)

    _set(OrderPlanner, "_affordable", affordable)
    _set(OrderPlanner, "_needed", lambda _self: 10)


def _wall_clock_believed() -> None:
    _set(ClockWatch, "look", lambda _self, _event, _now: False)
    _set(ClockWatch, "reasons", lambda _self, _now: [])

    def make(read: Any) -> object:
        def by_the_wall(self: Any, now: Any) -> None:
            if now.utc_ns < getattr(self, "wall_ns", 0):
                self._facts.after("reads", 1.0, now)
                return
            read(self, now)
            self.wall_ns = 0 if self._booting else now.utc_ns + 14 * NS_PER_S

        return by_the_wall

    _wrap(Reconciler, "_read", make)


def _resting_orders_risk_nothing() -> None:
    _set(LadderExposure, "set_order", lambda _self, *_order: None)


# Money


def _fills_count_twice() -> None:
    def make(book: Any) -> object:
        def again(self: Any, fill: Any) -> bool:
            self._applied.pop(fill.trade_id, None)
            return bool(book(self, fill))

        return again

    _wrap(Ledger, "book", make)
    _set(Ledger, "unknown", lambda _self, fills: list(fills))


def _cash_unseen() -> None:
    _set(CashWatch, "act", lambda self, now: self._facts.due("cash", now))


def _accepts_any_cash() -> None:
    def compare(self: Any, cash_e6: int, now: Any) -> None:
        ledger = self._facts.ledger
        self._count_from(cash_e6 - ledger.cash_e6 + ledger.fees_e6, "system", "as the venue says", now)
        self._facts.after("cash", 60.0, now)

    _set(CashWatch, "_compare", compare)


def _fills_of_reads_ignored() -> None:
    _set(Ledger, "unknown", lambda _self, _fills: [])


# Feeds


def _slow_to_notice() -> None:
    def make(init: Any) -> object:
        return lambda self, slo_ms, damping: init(self, 5 * slo_ms, damping)

    def make_feed(init: Any) -> object:
        def patient(self: Any, config: Any, rejected: Any) -> None:
            init(self, config, rejected)
            self._slo_ns = {leg: 5 * slo_ns for leg, slo_ns in self._slo_ns.items()}

        return patient

    _wrap(LegSymbol, "__init__", make)
    _wrap(SymbolFeed, "__init__", make_feed)


def _back_at_once() -> None:
    def make(init: Any) -> object:
        return lambda self, _least_ns, most_ns, half_ns: init(self, 0, most_ns, half_ns)

    _wrap(FlapDamping, "__init__", make)


def _quotes_without_feeds() -> None:
    _set(FeedWatch, "_forbids", lambda _self, _health, *, final: None)  # noqa: ARG005 - the method's own


def _never_again() -> None:
    _wrap(LegSymbol, "is_steady", lambda real: lambda self, mono_ns: self.broke_ns < 0 and real(self, mono_ns))


MUTANTS: Final[dict[str, Break]] = {
    "no sync before the order leaves": _no_sync,
    "intent written after the send": _intent_after_send,
    "the journal's last lines lost at a restart": _torn_line_believed,
    "latches forgotten at a restart": _forgets_latches,
    "outcomes that are never booked": _settles_nothing,
    "blind retry of an unknown create": _blind_retry,
    "a time-out taken for a refusal": _timeout_is_dead,
    "old orders taken for gone, their group not triggered": _old_orders_taken_for_gone,
    "an epoch used again": _same_epoch_again,
    "orders that outlive the freeze": _outlives_the_freeze,
    "orders without post_only": _without("post_only", False),
    "orders without an order group": _without("order_group_id", ""),
    "orders that stay in a pause": _without("cancel_order_on_pause", False),
    "twice as many orders as allowed": _more_orders_than_allowed,
    "orders that spend what cancels need": _spends_the_cancels_tokens,
    "reads by a wall clock whose steps nobody notices": _wall_clock_believed,
    "limits that count what is held and nothing that rests": _resting_orders_risk_nothing,
    "STOP latches nothing": _stop_is_a_flag,
    "a fill heard twice counts twice": _fills_count_twice,
    "fills that only a read shows are ignored": _fills_of_reads_ignored,
    "the venue's cash is never asked for": _cash_unseen,
    "whatever cash the venue tells is taken for right": _accepts_any_cash,
    "a dead feed noticed too late": _slow_to_notice,
    "polygon back at its first value": _back_at_once,
    "quotes without any feed": _quotes_without_feeds,
    "a leg that failed never serves again": _never_again,
}


def main(argv: list[str]) -> int:
    """Return 0 when every mutant is caught."""
    parser = cli.Parser(prog="python -m tools.mutants", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--windows", type=int, default=WINDOWS_MAX, help=f"windows within which each must be caught (default: {WINDOWS_MAX})"
    )
    parser.add_argument("--only", default="", help="play the mutants with this in their names (default: all)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    arguments = parser.parse_args(argv)
    names = [name for name in MUTANTS if arguments.only in name]
    if not names:
        message = f"--only {arguments.only}: no mutant is named so"
        raise cli.UsageError(message)
    with multiprocessing.get_context("spawn").Pool(arguments.workers, maxtasksperchild=1) as pool:
        verdicts = [tell(verdict) for verdict in pool.imap(partial(hunt, windows_max=arguments.windows), names, chunksize=1)]
    living = [verdict.name for verdict in verdicts if not verdict.by]
    sys.stdout.write(f"{len(verdicts) - len(living)} of {len(verdicts)} caught within {arguments.windows} windows\n")
    return cli.EXIT_NO if living else cli.EXIT_OK


def hunt(name: str, windows_max: int = WINDOWS_MAX) -> Verdict:
    """Break the system in this process for good, and play until somebody notices."""
    MUTANTS[name]()
    windows = 0
    for seed in count(1):
        drawn = swarm(seed)
        windows += len(drawn.script.windows)
        if windows > windows_max:
            return Verdict(name, windows_max, "")
        by = noticed(seed)
        if by:
            return Verdict(name, windows, by)
    raise AssertionError


def noticed(seed: int) -> str:
    """Play one day; return the first promise that was seen broken, or what the system itself refused."""
    try:
        _, violations = play_swarm(swarm(seed))
    except Exception as error:  # noqa: BLE001 - whatever the broken system dies of
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return violations[0] if violations else ""


def tell(verdict: Verdict) -> Verdict:
    """Print a line."""
    sys.stdout.write(f"{verdict.name:<48} {f'caught within {verdict.windows} windows' if verdict.by else 'LIVES':<28} {verdict.by[:90]}\n")
    sys.stdout.flush()
    return verdict


if __name__ == "__main__":
    cli.run(main)
