"""Commands to the venue as HTTP, without a socket: a generator yields requests, is sent the responses and returns events.

The same generators run over real connections and in simulated time.
"""

from typing import Final, assert_never

from kalshi_alpha.adapters.kalshi import order_calls, read_calls
from kalshi_alpha.adapters.kalshi.day_listing import read_day
from kalshi_alpha.adapters.kalshi.order_calls import Calls
from kalshi_alpha.model.calendar_events import DayListed
from kalshi_alpha.model.commands import (
    AmendExpiry,
    CancelAll,
    CancelOrders,
    Command,
    CreateGroup,
    PlaceOrders,
    ReadBalance,
    ReadCloses,
    ReadDay,
    ReadFills,
    ReadLadder,
    ReadOpenOrders,
    ReadPositions,
    ReadResults,
    ReadSchedule,
    ReadStatus,
    TriggerGroup,
)
from kalshi_alpha.model.events import Event

VenueWrite = PlaceOrders | AmendExpiry | CancelOrders | CancelAll | CreateGroup | TriggerGroup
VenueRead = (
    ReadOpenOrders | ReadFills | ReadPositions | ReadBalance | ReadStatus | ReadSchedule | ReadCloses | ReadLadder | ReadDay | ReadResults
)
CREATE_TOKENS: Final = 10
CANCEL_TOKENS: Final = 2


def calls_for(command: Command) -> Calls:
    """Return the requests of one command; drive it with ``next``, then ``send(response)`` until ``StopIteration.value``.

    Raises:
        TypeError: the command isn't for the venue's REST interface.

    """
    match command:
        case PlaceOrders() | AmendExpiry() | CancelOrders() | CancelAll() | CreateGroup() | TriggerGroup():
            return _write(command)
        case _ if isinstance(command, VenueRead):
            return read_calls.guarded(type(command).__name__, command.request, _read(command))
        case _:
            message = f"not a command to the venue: {type(command).__name__}"
            raise TypeError(message)


def _write(command: VenueWrite) -> Calls:
    match command:
        case PlaceOrders():
            return order_calls.place(command)
        case AmendExpiry():
            return order_calls.amend(command)
        case CancelOrders():
            return order_calls.cancel(command)
        case CancelAll():
            return order_calls.cancel_all(command)
        case CreateGroup():
            return order_calls.create_group(command)
        case TriggerGroup():
            return order_calls.trigger_group(command)
        case _:
            assert_never(command)


def _read(command: VenueRead) -> Calls:  # noqa: C901, PLR0911 - one a command
    match command:
        case ReadOpenOrders():
            return read_calls.open_orders(command)
        case ReadFills():
            return read_calls.fills(command)
        case ReadPositions():
            return read_calls.positions(command)
        case ReadBalance():
            return read_calls.balance(command)
        case ReadStatus():
            return read_calls.status(command)
        case ReadLadder():
            return read_calls.ladder(command)
        case ReadDay():
            return _day(command)
        case ReadResults():
            return read_calls.results(command)
        case ReadSchedule():
            return read_calls.schedule(command)
        case ReadCloses():
            return read_calls.closes(command)
        case _:
            assert_never(command)


def _day(command: ReadDay) -> Calls:
    events: list[Event] = [DayListed(command.request, (yield from read_day(command.series, command.from_ns, command.to_ns)))]
    return events
