"""The level that the venue's own ladder implies: where the mid of its thresholds crosses one half.

With no drift to speak of within the hour, the settlement's median is the level now. Between the two strikes around one half the mid is
taken as linear in the strike. Our own orders don't count: they repeat our opinion.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

from kalshi_alpha.data.book import Book
from kalshi_alpha.exec.quoted_ladder import QuotedLadder
from kalshi_alpha.exec.state.orders import OutstandingOrdersState
from kalshi_alpha.model.units import DOLLAR_E4, Side

HALF: Final = 0.5
MIDDLE_E4: Final = range(3_000, 17_001)
"""Twice a mid within 15 and 85 cents: further out a straight line from strike to strike says little."""
SPREAD_MAX_E4: Final = 800
"""A book with a wider spread has no mid."""


class Implied(msgspec.Struct, frozen=True):
    """A level in index points, and how much it may be off to either side."""

    level: float
    half_width: float


class Mid(msgspec.Struct, frozen=True):
    """One threshold's probability as the venue's book has it."""

    boundary: float
    """Index points."""
    p: float
    half_spread_p: float


def implied_level(mids: Sequence[Mid]) -> Implied | None:
    """Return where the mids cross one half; None where they do so not at all, or more than once.

    Args:
        mids: By boundary, ascending.

    """
    crossings = [(low, high) for low, high in pairwise(mids) if (low.p >= HALF) != (high.p >= HALF)]
    if len(crossings) != 1:
        return None
    low, high = crossings[0]
    if low.p <= high.p:
        return None
    per_p = (high.boundary - low.boundary) / (low.p - high.p)
    return Implied(low.boundary + (low.p - HALF) * per_p, max(low.half_spread_p, high.half_spread_p) * per_p)


def ladder_mids(quoted: QuotedLadder, orders: OutstandingOrdersState) -> list[Mid]:
    """Return the mids of a ladder's thresholds whose books are clean and narrow without our own orders, by boundary."""
    found: list[Mid] = []
    for rung, book in sorted(quoted.books.items()):
        market = quoted.ladder.markets[rung]
        if market.lo_e2 is None or market.hi_e2 is not None or book.dirty or book.best_bid_e4 + book.best_ask_e4 not in MIDDLE_E4:
            continue
        bid_e4, ask_e4 = _others_best_e4(book, market.ticker, "bid", orders), _others_best_e4(book, market.ticker, "ask", orders)
        if 0 < bid_e4 < ask_e4 < DOLLAR_E4 and ask_e4 - bid_e4 <= SPREAD_MAX_E4:
            found.append(Mid((market.lo_e2 - 0.5) / 100, (bid_e4 + ask_e4) / 2 / DOLLAR_E4, (ask_e4 - bid_e4) / 2 / DOLLAR_E4))
    return found


def _others_best_e4(book: Book, ticker: str, side: Side, orders: OutstandingOrdersState) -> int:
    ours = orders.in_slot(ticker, side)
    if ours is None:
        return book.best_bid_e4 if side == "bid" else book.best_ask_e4
    return book.best_without_e4(side, ours.intent.price_e4, ours.remaining_e2)
