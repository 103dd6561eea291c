"""Scripted misbehaviour, by time: which faults there are, and which of them hits a request.

Requests (``count`` in the parameters limits how many are hit; those marked 1 hit one unless told otherwise):

- ``reject`` (1): creates are refused with ``status`` and ``code`` (400 ``invalid_order``);
- ``too_many``: 429;
- ``unavailable_before``: nothing is done, and the answer is ``status`` (503; 502 and 504 are as likely);
- ``unavailable_after``: it is done, and the answer is ``status``;
- ``lose_request`` (1): it never arrives, and there is no answer;
- ``lose_reply`` (1): it is done, and there is no answer;
- ``late`` (1): it is done only ``delay_s`` seconds later (5), and there is no answer;
- ``repeat_request`` (1): it arrives twice, and the second answer is the one that is heard.

All but the first hit every write below ``/portfolio``, or what ``path`` (a prefix) and ``method`` name.

Connections, at the fault's first instant: ``reset`` drops them all; ``half_open`` leaves them open, and nothing goes through any more, not
even an answer to a ping; ``slow_reader`` ends their subscriptions as if they had read too slowly; ``drop_frame``, ``repeat_frame`` and
``reorder`` hit the next ``count`` messages; ``delay`` holds everything back until the last instant; ``refuse_connections`` lets no
new one in.

The venue: ``trading_pause`` and ``exchange_pause``, from the first instant to the last; with ``resume_s`` (Unix seconds) the status names
an estimate, with ``shard`` (1 and up) only that shard pauses, with ``status`` 503 orders are refused by it instead of 409. Of markets whose
ticker starts with ``market``: ``market_halt`` refuses orders like a pause, while status and listing show nothing; ``market_inactive``
takes them out of trading, and on their return cancels what rests in them. ``fee_change`` gives the events whose ticker starts with
``event`` their own ``fee_type`` and ``fee_multiplier``. What the venue lists: see ``listing_faults.py``.

What the venue says of itself: ``listed_window`` shows a maintenance window from ``start_s`` to ``end_s`` (Unix seconds) in the schedule;
``unlisted_pause`` leaves the weekly gap out of its hours; ``status_503`` answers reads of the status with 503 and the usual body.
``balance_off`` adds ``cents`` to the cash that reads of the balance show: a deposit, a withdrawal, or an error of theirs or ours.
"""

from collections.abc import Sequence
from typing import Final, Literal

from kalshi_alpha.model.http import HttpRequest
from kalshi_alpha.sim.exchange.config import FaultLike
from kalshi_alpha.sim.exchange.listing_faults import LISTING_KINDS

RequestFault = Literal[
    "reject", "too_many", "unavailable_before", "unavailable_after", "lose_request", "lose_reply", "late", "repeat_request"
]
REQUEST_KINDS: Final[tuple[RequestFault, ...]] = (
    "reject",
    "too_many",
    "unavailable_before",
    "unavailable_after",
    "lose_request",
    "lose_reply",
    "late",
    "repeat_request",
)
FRAME_KINDS: Final = ("drop_frame", "repeat_frame", "reorder")
SESSION_KINDS: Final = ("reset", "half_open", "slow_reader", *FRAME_KINDS, "delay", "refuse_connections")
VENUE_KINDS: Final = ("trading_pause", "exchange_pause")
MARKET_KINDS: Final[dict[str, tuple[str, ...]]] = {"market_halt": ("market",), "market_inactive": ("market",), "fee_change": ("event",)}
WORD_KINDS: Final = ("listed_window", "unlisted_pause", "status_503")
MONEY_KINDS: Final[dict[str, tuple[str, ...]]] = {"balance_off": ("cents",)}
_ONCE: Final = ("reject", "lose_request", "lose_reply", "late", "repeat_request")
_CREATES: Final = ("/portfolio/events/orders", "/portfolio/events/orders/batched")
_FOREVER: Final = 1 << 30


class UnknownFaultError(ValueError):
    """A fault of a kind that doesn't exist, or without what that kind needs."""


def check(faults: Sequence[FaultLike]) -> None:
    """Refuse what can't be simulated.

    Raises:
        UnknownFaultError: it names the kind, or what is missing.

    """
    without = dict.fromkeys((*REQUEST_KINDS, *SESSION_KINDS, *VENUE_KINDS, *WORD_KINDS), ())
    needed = {**without, **MARKET_KINDS, **LISTING_KINDS, **MONEY_KINDS}
    for fault in faults:
        if fault.kind not in needed:
            message = f"unknown fault {fault.kind!r}"
            raise UnknownFaultError(message)
        missing = [name for name in needed[fault.kind] if name not in fault.params]
        if missing:
            message = f"fault {fault.kind!r} lacks {', '.join(missing)}"
            raise UnknownFaultError(message)


class RequestFaults:
    """Which fault hits a request."""

    def __init__(self, faults: Sequence[FaultLike]) -> None:
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
