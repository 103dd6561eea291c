"""Scripted misbehaviour, by time. What a fault does to a request, and to the connections that are open.

Requests (``count`` in the parameters limits how many are hit; ``reject`` and ``lose_reply`` hit one unless told otherwise):

- ``reject``: creates are refused with ``status`` and ``code`` (400 ``invalid_order``);
- ``too_many``: 429;
- ``unavailable_before``: 503 and nothing is done;
- ``unavailable_after``: it is done, and the answer is 503;
- ``lose_reply``: it is done, and there is no answer.

All but the first hit every write below ``/portfolio``, or what ``path`` (a prefix) and ``method`` name.

Connections, at the fault's first instant: ``reset`` drops them all; ``drop_frame`` and ``repeat_frame`` hit the next ``count`` messages;
``delay`` holds everything back until the last instant; ``refuse_connections`` lets no new one in.

The venue: ``trading_pause`` and ``exchange_pause``, from the first instant to the last; with ``resume_s`` (Unix seconds) the status names
an estimate, with ``shard`` (1 and up) only that shard pauses. What it lists: see ``listing_faults.py``.

What the venue says of itself: ``listed_window`` shows a maintenance window from ``start_s`` to ``end_s`` (Unix seconds) in the schedule;
``unlisted_pause`` leaves the weekly gap out of its hours; ``status_503`` answers reads of the status with 503 and the usual body.
"""

from collections.abc import Sequence
from typing import Final, Literal

from kalshi_alpha.model.http import HttpRequest
from kalshi_alpha.sim.exchange.config import FaultLike
from kalshi_alpha.sim.exchange.listing_faults import LISTING_KINDS

RequestFault = Literal["reject", "too_many", "unavailable_before", "unavailable_after", "lose_reply"]
REQUEST_KINDS: Final[tuple[RequestFault, ...]] = ("reject", "too_many", "unavailable_before", "unavailable_after", "lose_reply")
SESSION_KINDS: Final = ("reset", "drop_frame", "repeat_frame", "delay", "refuse_connections")
VENUE_KINDS: Final = ("trading_pause", "exchange_pause")
WORD_KINDS: Final = ("listed_window", "unlisted_pause", "status_503")
_ONCE: Final = ("reject", "lose_reply")
_CREATES: Final = ("/portfolio/events/orders", "/portfolio/events/orders/batched")
_FOREVER: Final = 1 << 30


class UnknownFaultError(ValueError):
    """A fault of a kind that doesn't exist, or without what that kind needs."""


class RequestFaults:
    """Which fault hits a request."""

    def __init__(self, faults: Sequence[FaultLike]) -> None:
        for fault in faults:
            if fault.kind not in (*REQUEST_KINDS, *SESSION_KINDS, *VENUE_KINDS, *LISTING_KINDS, *WORD_KINDS):
                message = f"unknown fault {fault.kind!r}"
                raise UnknownFaultError(message)
            missing = [name for name in LISTING_KINDS.get(fault.kind, ()) if name not in fault.params]
            if missing:
                message = f"fault {fault.kind!r} lacks {', '.join(missing)}"
                raise UnknownFaultError(message)
        self._faults = [fault for fault in faults if fault.kind in REQUEST_KINDS]
        self._left = [int(fault.params.get("count", 1 if fault.kind in _ONCE else _FOREVER)) for fault in self._faults]

    def hit(self, request: HttpRequest, utc_ns: int) -> tuple[RequestFault, FaultLike] | None:
        """Return the first fault that applies, and count it."""
        for place, fault in enumerate(self._faults):
            if self._left[place] and fault.from_ns <= utc_ns < fault.to_ns and _concerns(fault, request):
                self._left[place] -= 1
                return next(kind for kind in REQUEST_KINDS if kind == fault.kind), fault
        return None


def _concerns(fault: FaultLike, request: HttpRequest) -> bool:
    if fault.kind == "reject":
        return request.method == "POST" and request.path in _CREATES
    path, method = fault.params.get("path"), fault.params.get("method")
    if path is None and method is None:
        return request.method != "GET" and request.path.startswith("/portfolio")
    return request.path.startswith(str(path or "")) and method in {None, request.method}
