"""A venue client that can look and cancel: what places, renews or changes an order doesn't pass, by type and on the wire."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from kalshi_alpha.adapters.kalshi import order_calls, read_calls
from kalshi_alpha.adapters.kalshi.http import VenueHttp, carried_out
from kalshi_alpha.adapters.kalshi.order_calls import Calls
from kalshi_alpha.adapters.kalshi.stamps import clock_read
from kalshi_alpha.model.commands import CancelAll, CancelOrders, ReadOpenOrders, TriggerGroup
from kalshi_alpha.model.events import Event
from kalshi_alpha.model.http import HttpRequest, HttpResponse

CancelOnly = ReadOpenOrders | TriggerGroup | CancelOrders | CancelAll
"""Everything it takes."""
_ALLOWED: Final = (
    ("GET", re.compile(r"/exchange/user_data_timestamp")),
    ("GET", re.compile(r"/portfolio/orders")),
    ("PUT", re.compile(r"/portfolio/order_groups/[^/]+/trigger")),
    ("DELETE", re.compile(r"/portfolio/events/orders(/batched)?")),
)


class NotACancelError(Exception):
    """A request that could do more than look or cancel: a defect, and never sent."""


class CancelOnlyVenue:
    """Carries out looks and cancels over its own HTTP client, which nobody else gets."""

    def __init__(self, http: VenueHttp, mono_ns: Callable[[], int]) -> None:
        """Take the client, and the monotonic clock by which its requests leave."""
        self._http = http
        self._mono_ns = mono_ns

    async def carry_out(self, command: CancelOnly) -> list[Event]:
        """Send a command; return what came of it, and what the answers say of the venue's clock. Never raises for trouble on the way."""
        timed: list[Event] = []

        async def send(request: HttpRequest) -> HttpResponse:
            sent_ns = self._mono_ns()
            response = await guarded(self._http.send)(request)
            timed.extend(clock_read(request, response, sent_ns))
            return response

        return [*await carried_out(_calls(command), send), *timed]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def guarded(send: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """Return what sends looks and cancels only.

    The returned function raises NotACancelError for everything else.
    """

    def checked(request: HttpRequest) -> Awaitable[HttpResponse]:
        if not any(method == request.method and path.fullmatch(request.path) for method, path in _ALLOWED):
            message = f"{request.method} {request.path}"
            raise NotACancelError(message)
        return send(request)

    return checked


def _calls(command: CancelOnly) -> Calls:
    match command:
        case ReadOpenOrders():
            return read_calls.guarded(type(command).__name__, command.request, read_calls.open_orders(command))
        case TriggerGroup():
            return order_calls.trigger_group(command)
        case CancelOrders():
            return order_calls.cancel(command)
        case CancelAll():
            return order_calls.cancel_all(command)
