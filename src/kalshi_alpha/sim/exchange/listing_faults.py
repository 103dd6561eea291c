"""A catalogue that is told wrongly: what the public reads list isn't what trades. Each fault holds from its first instant to its last.

They hit the events whose ticker starts with ``event`` (``KXINXU-26NOV23H1000``, or a series' ``KXINXU-`` for all of them):

- ``missing_event``: neither the event nor a market of it is listed;
- ``missing_strike``: the market with ``floor`` (or ``cap``) isn't;
- ``duplicate_strike``: the market with ``floor`` (or ``cap``) is listed twice, the second time under another ticker;
- ``other_close``: its markets close ``seconds`` later than told by the event's own date;
- ``changed_terms``: ``collateral``, ``fee_type``, ``fee_multiplier`` or ``settlement_timer_s`` are these; ``wording`` precedes the rules.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from kalshi_alpha.sim.exchange.config import FaultLike
from kalshi_alpha.sim.exchange.errors import not_found

LISTING_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "missing_event": ("event",),
    "missing_strike": ("event",),
    "duplicate_strike": ("event",),
    "other_close": ("event", "seconds"),
    "changed_terms": ("event",),
}
"""Kind -> what its parameters must have."""

Document = dict[str, object]
_EVENT_TERMS: Final = {"collateral": "collateral_return_type", "fee_type": "fee_type_override", "fee_multiplier": "fee_multiplier_override"}


class ListingFaults:
    """Turns right answers into wrong ones; without a fault that holds, the answer stays the same object."""

    def __init__(self, faults: Sequence[FaultLike]) -> None:
        self._faults = [fault for fault in faults if fault.kind in LISTING_KINDS]

    def told(self, answer: Document, utc_ns: int) -> Document:
        """Return the answer of a public read as the venue gives it now."""
        told = answer
        for fault in self._faults:
            if fault.from_ns <= utc_ns < fault.to_ns:
                told = _retold(told, fault)
        return told


def _retold(answer: Document, fault: FaultLike) -> Document:
    changes: dict[str, Callable[[Document, FaultLike], list[Document]]] = {"market": _market, "event": _event}
    told = dict(answer)
    for name, change in changes.items():
        one, many = told.get(name), told.get(f"{name}s")
        if isinstance(one, dict):
            changed = change(one, fault)
            if not changed:
                raise not_found(what=name)
            told[name] = changed[0]
        if isinstance(many, list):
            told[f"{name}s"] = [document for listed in many for document in change(listed, fault)]
    return told


def _market(market: Document, fault: FaultLike) -> list[Document]:
    if not str(market["event_ticker"]).startswith(str(fault.params["event"])):
        return [market]
    match fault.kind:
        case "missing_event":
            return []
        case "missing_strike":
            return [] if _is_strike(market, fault) else [market]
        case "duplicate_strike":
            return [market, {**market, "ticker": f"{market['ticker']}-2"}] if _is_strike(market, fault) else [market]
        case "other_close":
            closes = datetime.fromisoformat(str(market["close_time"])) + timedelta(seconds=float(fault.params["seconds"]))
            return [{**market, "close_time": closes.isoformat().replace("+00:00", "Z")}]
        case _:
            return [_with_terms(market, fault)]


def _with_terms(market: Document, fault: FaultLike) -> Document:
    told = dict(market)
    if "wording" in fault.params:
        told["rules_primary"] = f"{fault.params['wording']} {market['rules_primary']}"
    if "settlement_timer_s" in fault.params:
        told["settlement_timer_seconds"] = int(fault.params["settlement_timer_s"])
    return told


def _event(event: Document, fault: FaultLike) -> list[Document]:
    if not str(event["event_ticker"]).startswith(str(fault.params["event"])):
        return [event]
    if fault.kind == "missing_event":
        return []
    told = dict(event)
    if fault.kind == "changed_terms":
        told |= {field: fault.params[name] for name, field in _EVENT_TERMS.items() if name in fault.params}
    nested = event.get("markets")
    if isinstance(nested, list):
        told["markets"] = [document for market in nested for document in _market(market, fault)]
    return [told]


def _is_strike(market: Document, fault: FaultLike) -> bool:
    name = "floor" if "floor" in fault.params else "cap"
    return market.get(f"{name}_strike") == fault.params[name]
