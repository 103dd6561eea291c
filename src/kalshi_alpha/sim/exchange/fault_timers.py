"""Faults that begin and end by themselves: what strikes the open connections, the whole venue, or some of its markets."""

from collections.abc import Callable, Sequence
from functools import partial

from kalshi_alpha.sim.exchange.config import FaultLike
from kalshi_alpha.sim.exchange.faults import FRAME_KINDS, MARKET_KINDS, SESSION_KINDS, VENUE_KINDS
from kalshi_alpha.sim.exchange.lifecycle import Lifecycle
from kalshi_alpha.sim.exchange.stream import ExchangeSession
from kalshi_alpha.sim.exchange.venue import Venue


class FaultTimers:
    """Sets the timers of a script's faults; ``sessions`` returns the connections that are open."""

    def __init__(self, venue: Venue, lifecycle: Lifecycle, sessions: Callable[[], Sequence[ExchangeSession]]) -> None:
        self._venue = venue
        self._lifecycle = lifecycle
        self._sessions = sessions

    def start(self, faults: Sequence[FaultLike]) -> None:
        """Set the timers of those that need some."""
        for fault in faults:
            if fault.kind in VENUE_KINDS and "shard" not in fault.params:
                self._between(fault, self._pause)
            elif fault.kind in MARKET_KINDS:
                self._between(fault, self._change_markets)
            elif fault.kind in SESSION_KINDS and fault.kind != "refuse_connections":
                self._venue.at(fault.from_ns, partial(self._strike, fault))
                self._venue.at(fault.to_ns, self._relent)

    def set_status(self, exchange_active: bool, trading_active: bool, at_ns: int) -> None:
        """Pause or resume at an instant."""
        self._venue.at(at_ns, lambda _now: self._lifecycle.set_status(exchange_active=exchange_active, trading_active=trading_active))

    def _between(self, fault: FaultLike, change: Callable[[FaultLike, bool], None]) -> None:
        for at_ns, begins in ((fault.from_ns, True), (fault.to_ns, False)):
            self._venue.at(at_ns, partial(_at, change, fault, begins))

    def _pause(self, fault: FaultLike, begins: bool) -> None:
        exchange_active = not begins or fault.kind == "trading_pause"
        self._lifecycle.set_status(exchange_active=exchange_active, trading_active=not begins)
        if begins:
            self._venue.pause_status = int(fault.params.get("status", 409))

    def _change_markets(self, fault: FaultLike, begins: bool) -> None:
        match fault.kind:
            case "market_halt":
                self._lifecycle.halt(str(fault.params["market"]), halted=begins)
            case "market_inactive":
                self._lifecycle.deactivate(str(fault.params["market"]), inactive=begins)
            case _:
                fee_type, multiplier = (fault.params.get("fee_type"), fault.params.get("fee_multiplier")) if begins else (None, None)
                self._lifecycle.change_fees(
                    str(fault.params["event"]),
                    None if fee_type is None else str(fee_type),
                    None if multiplier is None else float(multiplier),
                )

    def _strike(self, fault: FaultLike, _utc_ns: int) -> None:
        for session in list(self._sessions()):
            match fault.kind:
                case "reset":
                    session.close("reset")
                case "half_open":
                    session.go_silent()
                case "slow_reader":
                    session.overflow()
                case "delay":
                    session.hold_until_ns = fault.to_ns
                case kind:
                    assert kind in FRAME_KINDS
                    session.damage(kind, int(fault.params.get("count", 1)))

    def _relent(self, _utc_ns: int) -> None:
        for session in self._sessions():
            session.catch_up()


def _at(change: Callable[[FaultLike, bool], None], fault: FaultLike, begins: bool, _utc_ns: int) -> None:
    change(fault, begins)
