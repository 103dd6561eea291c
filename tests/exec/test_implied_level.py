"""The venue's own ladder as an opinion on the level: where its mid crosses one half, without our orders."""

import pytest

from kalshi_alpha.exec.implied_level import Implied, Mid, implied_level, ladder_mids
from kalshi_alpha.exec.quoted_ladder import QuotedLadder
from kalshi_alpha.exec.state.orders import OutstandingOrdersState
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.reasons import Reason
from tests.exec.harness import Rig, quoting


def mids(*found: tuple[float, float], half_spread: float = 0.02) -> list[Mid]:
    return [Mid(boundary, p, half_spread) for boundary, p in found]


def rounded(found: Implied | None) -> tuple[float, float] | None:
    return None if found is None else (round(found.level, 9), round(found.half_width, 9))


def test_the_level_lies_between_the_strikes_around_one_half_in_proportion() -> None:
    found = implied_level(mids((6_840.0, 0.9), (6_845.0, 0.7), (6_850.0, 0.3), (6_855.0, 0.1)))

    assert rounded(found) == (6_847.5, 0.25)


def test_the_wider_of_the_two_spreads_is_its_uncertainty() -> None:
    found = implied_level([Mid(6_845.0, 0.6, 0.01), Mid(6_850.0, 0.4, 0.04)])

    assert rounded(found) == (6_847.5, 1.0)


@pytest.mark.parametrize(
    "ladder",
    [
        [],
        [(6_845.0, 0.6)],
        [(6_840.0, 0.9), (6_845.0, 0.8)],
        [(6_840.0, 0.2), (6_845.0, 0.1)],
        [(6_840.0, 0.3), (6_845.0, 0.7)],
        [(6_835.0, 0.7), (6_840.0, 0.3), (6_845.0, 0.7), (6_850.0, 0.2)],
    ],
)
def test_a_ladder_that_crosses_one_half_not_just_once_implies_nothing(ladder: list[tuple[float, float]]) -> None:
    assert implied_level(mids(*ladder)) is None


def spx(rig: Rig) -> QuotedLadder:
    return next(ladder for ladder in rig.engine.facts.ladders.values() if ladder.ladder.symbol == "I:SPX")


def tell_books(rig: Rig, level: float, ladder: QuotedLadder, half_spread_e4: int = 200) -> None:
    """Have somebody else quote every rung around a mid of 2 cents a point."""
    for rung in ladder.books:
        market = ladder.ladder.markets[rung]
        assert market.lo_e2 is not None
        mid_e4 = round(5_000 - (market.lo_e2 / 100 - level) * 200)
        mid_e4 = max(400, min(9_600, mid_e4 // 100 * 100))
        rig.tell(ev.BookSnapshotted(market.ticker, ((mid_e4 - half_spread_e4, 500),), ((mid_e4 + half_spread_e4, 500),)))


def test_books_that_are_dirty_wide_or_one_sided_have_no_mid() -> None:
    rig = quoting()
    ladder = spx(rig)
    tell_books(rig, 6_850.0, ladder)
    clean = ladder_mids(ladder, OutstandingOrdersState())
    rungs = sorted(ladder.books)
    ladder.books[rungs[0]].dirty = True
    ladder.books[rungs[1]].snapshot(((1_000, 100),), ((9_000, 100),))
    ladder.books[rungs[2]].snapshot((), ((9_000, 100),))

    left = ladder_mids(ladder, OutstandingOrdersState())

    assert len(clean) == len(rungs)
    assert [mid.boundary for mid in clean] == sorted(mid.boundary for mid in clean)
    assert len(left) == len(rungs) - 3
    assert (clean[3].boundary, round(clean[3].p, 9), round(clean[3].half_spread_p, 9)) == (6_849.995, 0.5, 0.02)


def test_our_own_orders_are_no_opinion() -> None:
    rig = quoting()
    ladder, orders = spx(rig), rig.engine.facts.orders
    rung = 3
    ticker = ladder.ladder.markets[rung].ticker
    bid, ask = orders.in_slot(ticker, "bid"), orders.in_slot(ticker, "ask")
    assert bid is not None
    assert ask is not None
    assert (bid.intent.price_e4, ask.intent.price_e4) == (4_600, 5_400)
    for other in ladder.books.values():
        other.dirty = True
    book = ladder.books[rung]

    book.snapshot(((4_600, bid.remaining_e2), (4_500, 100)), ((5_200, 100), (5_400, ask.remaining_e2)))
    without_ours = ladder_mids(ladder, orders)
    book.snapshot(((4_600, bid.remaining_e2 + 100), (4_500, 100)), ((5_200, 100), (5_400, ask.remaining_e2)))
    beside_ours = ladder_mids(ladder, orders)
    book.snapshot(((4_600, bid.remaining_e2),), ((5_200, 100),))

    assert without_ours == [Mid(6_849.995, 0.485, 0.035)]
    assert beside_ours == [Mid(6_849.995, 0.49, 0.03)]
    assert ladder_mids(ladder, orders) == []


def test_a_venue_that_keeps_saying_otherwise_widens_the_quotes_then_pulls_them_until_it_agrees() -> None:
    rig = quoting()
    ladder = spx(rig)
    quiet = ladder.quoter._ratio
    tell_books(rig, 6_862.0, ladder)  # 17 bp above the feeds' 6,850
    rig.tick(6)
    widened, before = ladder.quoter._ratio, set(rig.reasons)
    rig.tick(8)
    pulled = [(held.reason, held.scope) for held in rig.engine.facts.reasons]
    live = {order.intent.series for order in rig.live()}
    tell_books(rig, 6_850.0, ladder)
    rig.tick(6)

    assert widened > 2 * quiet
    assert not before
    assert pulled == [(Reason.IMPLIED_LEVEL, "I:SPX")]
    assert live == {"NASDAQ100U"}
    assert not rig.reasons
    titles = [noted.title for noted in rig.incidents("feed")]
    assert titles[0].startswith("I:SPX: by the venue's prices the level is 1")
    assert titles[1] == "I:SPX: the venue's prices and the feeds agree again"


def test_mids_far_from_one_half_are_left_out() -> None:
    rig = quoting()
    ladder = spx(rig)
    tell_books(rig, 6_835.0, ladder)

    # 6,835 to 6,865 by five points at 2 cents a point: 50, 40, 30, 20 cents, then 10 and less.
    assert [round(mid.p, 2) for mid in ladder_mids(ladder, OutstandingOrdersState())] == [0.5, 0.4, 0.3, 0.2]


def test_a_venue_that_agrees_changes_nothing() -> None:
    rig = quoting()
    for ladder in rig.engine.facts.ladders.values():
        if ladder.ladder.symbol == "I:SPX":
            tell_books(rig, 6_850.5, ladder)

    rig.tick(30)

    assert not rig.reasons
    assert rig.engine.facts.failover.opinion("I:SPX")[:2] == ("agrees", 0.0)
