"""One ladder while its window lives."""

import pytest

from kalshi_alpha.config import QuotingConfig
from kalshi_alpha.exec.quoted_ladder import QuotedLadder
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.pricing.fees import UnknownFeeError
from tests.exec.harness import TARGET_S, ladder_of

WINDOW = Window("hourly-1000", "hourly", ("INXU",), 0, 0, TARGET_S * 10**9, 0, "2026-11-23")


def quoted(rungs: int = 7, edge_p: float = 0.012) -> QuotedLadder:
    return QuotedLadder(ladder_of("INXU", rungs=rungs), WINDOW, QuotingConfig(rungs_each_side=3, edge_p=edge_p))


def priced(edge_p: float = 0.012) -> QuotedLadder:
    ladder = quoted(edge_p=edge_p)
    ladder.new_band(6_850.0)
    ladder.reprice(6_850.0, 4e-6, 2e-8)
    ladder.allow(allowed=True)
    for rung in ladder.books:
        ladder.books[rung].snapshot((), ())
        ladder.book_changed(rung)
    ladder.dirty.clear()
    return ladder


def test_a_fee_we_cannot_price_is_refused() -> None:
    with pytest.raises(UnknownFeeError):
        QuotedLadder(ladder_of("INXU", fee_type="flat"), WINDOW, QuotingConfig())


def test_the_band_reaches_ten_rungs_beyond_the_quoted_ones() -> None:
    ladder = quoted(rungs=61)

    assert len(ladder.new_band(6_850.0)) == 26
    assert min(ladder.books) == 30 + 1 - 13


def test_the_band_moves_when_at_least_five_rungs_are_missing() -> None:
    ladder = quoted(rungs=61)
    ladder.new_band(6_850.0)

    assert ladder.new_band(6_850.0) == ()
    assert ladder.new_band(6_870.0) == ()
    assert len(ladder.new_band(6_875.0)) == 5


def test_nothing_is_wanted_without_leave_or_a_clean_book() -> None:
    ladder = priced()
    wanted = ladder.wanted_e4(3, "bid"), ladder.wanted_e4(3, "ask")

    ladder.books[3].dirty = True
    dirty = ladder.wanted_e4(3, "bid")
    ladder.books[3].dirty = False
    ladder.allow(allowed=False)

    assert 0 < wanted[0] < 5_000 < wanted[1] < 10_000
    assert dirty == 0
    assert ladder.wanted_e4(3, "bid") == 0
    assert quoted().wanted_e4(3, "bid") == 0


def test_leave_given_twice_changes_nothing() -> None:
    ladder = priced()

    ladder.allow(allowed=True)

    assert not ladder.dirty


def test_a_book_that_turns_dirty_has_its_slots_looked_at() -> None:
    ladder = priced()
    ladder.books[3].change("bid", 4_000, -100)

    ladder.book_changed(3)

    assert {slot[1] for slot in ladder.dirty} == {"bid", "ask"}
    assert set(ladder.dirty.values()) == {3}


def test_a_book_whose_best_prices_stay_has_nothing_to_look_at() -> None:
    ladder = priced()

    ladder.book_changed(3)

    assert not ladder.dirty


def test_a_position_shifts_the_quotes_against_itself() -> None:
    ladder = priced(edge_p=0.05)
    before = ladder.wanted_e4(3, "bid")

    ladder.hold(3, 20_000)

    assert ladder.wanted_e4(3, "bid") < before
    assert (ladder.ladder.markets[3].ticker, "bid") in ladder.dirty


def test_even_odds_matter_most() -> None:
    ladder = priced()

    assert max(range(7), key=ladder.value) == 3
    assert ladder.value(3) == pytest.approx(0.25, abs=1e-3)
