"""The book keeps best prices right under any sequence of changes, and knows when it can't be trusted."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.data.book import Book
from kalshi_alpha.model.units import Side


def test_a_new_book_is_dirty_and_empty() -> None:
    book = Book()

    assert book.dirty
    assert (book.best_bid_e4, book.best_ask_e4) == (0, 10_000)


def test_a_snapshot_cleans_the_book_and_gives_its_best_prices() -> None:
    book = Book()

    book.snapshot(((800, 30_000), (2_200, 33_300)), ((4_600, 2_000), (4_400, 14_600)))

    assert not book.dirty
    assert (book.best_bid_e4, book.best_ask_e4) == (2_200, 4_400)


def test_changes_before_the_first_snapshot_are_ignored() -> None:
    book = Book()

    book.change("bid", 4_700, 300)

    assert book.dirty
    assert book.count_e2("bid", 4_700) == 0


def test_removing_the_best_level_uncovers_the_next_one() -> None:
    book = Book()
    book.snapshot(((4_700, 300), (4_500, 100)), ((5_200, 200), (5_500, 100)))

    book.change("bid", 4_700, -300)
    book.change("ask", 5_200, -200)

    assert (book.best_bid_e4, book.best_ask_e4) == (4_500, 5_500)


def test_removing_the_last_level_empties_the_side() -> None:
    book = Book()
    book.snapshot(((4_700, 300),), ((5_200, 200),))

    book.change("bid", 4_700, -300)
    book.change("ask", 5_200, -200)

    assert (book.best_bid_e4, book.best_ask_e4) == (0, 10_000)
    assert not book.dirty


def test_a_level_below_zero_makes_the_book_dirty_until_a_snapshot() -> None:
    book = Book()
    book.snapshot(((4_700, 300),), ())

    book.change("bid", 4_700, -301)
    was_dirty = book.dirty
    book.snapshot(((4_600, 100),), ())

    assert was_dirty
    assert not book.dirty
    assert book.best_bid_e4 == 4_600


def test_a_snapshot_level_without_contracts_is_no_level() -> None:
    book = Book()

    book.snapshot(((4_700, 0),), ((5_200, 0),))

    assert (book.best_bid_e4, book.best_ask_e4) == (0, 10_000)


@given(st.lists(st.tuples(st.sampled_from(("bid", "ask")), st.integers(1, 12), st.integers(-3, 5)), max_size=80))
def test_best_prices_equal_those_of_a_plain_recount_after_any_changes(changes: list[tuple[Side, int, int]]) -> None:
    book = Book()
    book.snapshot((), ())
    recount: dict[str, Counter[int]] = {"bid": Counter(), "ask": Counter()}

    for side, price, delta in changes:
        if recount[side][price] + delta < 0:
            continue
        recount[side][price] += delta
        book.change(side, price, delta)

        bids = [level for level, count in recount["bid"].items() if count]
        asks = [level for level, count in recount["ask"].items() if count]
        assert book.best_bid_e4 == (max(bids) if bids else 0)
        assert book.best_ask_e4 == (min(asks) if asks else 10_000)
        assert not book.dirty


@pytest.mark.parametrize(
    ("side", "price_e4", "count_e2", "best_e4"),
    [
        ("bid", 4_000, 500, 3_900),
        ("bid", 4_000, 499, 4_000),
        ("bid", 3_900, 500, 4_000),
        ("ask", 4_200, 300, 4_300),
        ("ask", 4_300, 900, 4_200),
    ],
)
def test_a_book_without_an_order_of_ours(side: Side, price_e4: int, count_e2: int, best_e4: int) -> None:
    book = Book()
    book.snapshot([(4_000, 500), (3_900, 100)], [(4_200, 300), (4_300, 900)])

    assert book.best_without_e4(side, price_e4, count_e2) == best_e4


def test_a_book_of_nothing_but_our_orders_is_empty_without_them() -> None:
    book = Book()
    book.snapshot([(4_000, 500)], [(4_200, 300)])

    assert (book.best_without_e4("bid", 4_000, 500), book.best_without_e4("ask", 4_200, 300)) == (0, 10_000)
