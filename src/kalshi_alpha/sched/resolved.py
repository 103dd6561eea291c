"""A window cut down to what every source allows, with the rule behind each bound.

The session and the special hours have made the window; here the venue's closures are taken out of it. What is left is one stretch, the
longest of those that aren't past: a closure at its beginning moves the start, one at its end moves the freeze. The target is the
settlement's moment and stays.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from kalshi_alpha.model.clock import NS_PER_S, iso_et
from kalshi_alpha.model.hours import Closure
from kalshi_alpha.model.instruments import Window


class Resolved(NamedTuple):
    """What is left of a window."""

    window: Window | None
    """None: nothing worth quoting."""
    rules: tuple[str, ...]
    """One line for each closure's effect; empty: the window stands as it was."""


class _Piece(NamedTuple):
    from_ns: int
    to_ns: int
    after: Closure | None
    before: Closure | None
    """The closures that bound it; None: the window's own bound."""


def without_closures(window: Window, closures: Sequence[Closure], freeze_s: int) -> Resolved:
    """Return the longest stretch of a window in which no closure holds."""
    touching = [closure for closure in closures if closure.from_ns < window.target_ns and window.start_ns < closure.to_ns]
    if not touching:
        return Resolved(window, ())
    pieces = _pieces(window, sorted(touching))
    if not pieces:
        return Resolved(None, (f"{window.label} is dropped: {_told(touching[0])}",))
    best = max(pieces, key=lambda piece: (piece.to_ns - piece.from_ns, -piece.from_ns))
    freeze_ns = window.freeze_ns if best.before is None else best.to_ns - freeze_s * NS_PER_S
    final_minute_ns = min(window.final_minute_ns, freeze_ns)
    if best.from_ns >= final_minute_ns:
        return Resolved(None, (f"{window.label} is dropped: less than a minute of it is left, {_told(touching[0])}",))
    rules = []
    if best.after is not None:
        rules.append(f"start {_et(best.from_ns)}: {_told(best.after)}")
    if best.before is not None:
        rules.append(f"freeze {_et(freeze_ns)}: {freeze_s} s before the venue is closed, {_told(best.before)}")
    cut = msgspec.structs.replace(window, start_ns=best.from_ns, freeze_ns=freeze_ns, final_minute_ns=final_minute_ns)
    return Resolved(cut, tuple(rules))


def _pieces(window: Window, closures: Sequence[Closure]) -> list[_Piece]:
    found: list[_Piece] = []
    at_ns, after = window.start_ns, None
    for closure in closures:
        if closure.from_ns > at_ns:
            found.append(_Piece(at_ns, closure.from_ns, after, closure))
        if closure.to_ns > at_ns:
            at_ns, after = closure.to_ns, closure
    if at_ns < window.target_ns:
        found.append(_Piece(at_ns, window.target_ns, after, None))
    over_ns = max((closure.to_ns for closure in closures if closure.is_over), default=window.start_ns)
    return [piece for piece in found if piece.from_ns >= over_ns]


def _told(closure: Closure) -> str:
    return f"closed {iso_et(closure.from_ns)[:16].replace('T', ' ')} to {iso_et(closure.to_ns)[:16].replace('T', ' ')} by {closure.source}"


def _et(utc_ns: int) -> str:
    return iso_et(utc_ns)[11:19]
