"""One look at a ladder, from values alone."""

import msgspec
import pytest

from kalshi_alpha.config import QuotingConfig
from kalshi_alpha.data.symbol_feed import Sample
from kalshi_alpha.exec.quoted_ladder import QuotedLadder
from kalshi_alpha.exec.scan import Proposal, ScannedRung, ScanReport, as_table, proposals, scanned_rungs
from kalshi_alpha.model.instruments import Window
from tests.exec.harness import TARGET_S, ladder_of

WINDOW = Window("hourly-1000", "hourly", ("INXU",), 0, 0, TARGET_S * 10**9, 0, "2026-11-23")
SAMPLE = Sample(6_850.0, TARGET_S * 1_000 - 600_000, "massive", 1, 20)
MIDDLE = 3


def priced() -> QuotedLadder:
    """Return seven strikes 5 points apart around 6,850; a standard deviation to the target is 13.7 points."""
    ladder = QuotedLadder(ladder_of("INXU"), WINDOW, QuotingConfig(rungs_each_side=4))
    ladder.new_band(6_850.0)
    ladder.reprice(6_850.0, 4e-6, 2e-8)
    ladder.allow(allowed=True)
    for rung, book in ladder.books.items():
        book.snapshot(((3_000, 100),), () if rung == MIDDLE else ((9_900, 100),))
        ladder.book_changed(rung)
    return ladder


def made(ladder: QuotedLadder, reasons: tuple[str, ...] = ()) -> list[Proposal]:
    return proposals(ladder, SAMPLE, 7, "hash", reasons)


def test_every_rung_shows_fair_value_book_and_what_is_wanted() -> None:
    rungs = scanned_rungs(priced())

    # One strike up is 5/13.7 of a standard deviation: 0.358 by the tables.
    assert [rung.label for rung in rungs] == ["6,835", "6,840", "6,845", "6,850", "6,855", "6,860", "6,865"]
    assert rungs[MIDDLE].fair_p == pytest.approx(0.5, abs=2e-3)
    assert rungs[MIDDLE + 1].fair_p == pytest.approx(0.358, abs=2e-3)
    assert (rungs[MIDDLE].book_bid, rungs[MIDDLE].book_ask) == (0.30, None)
    wanted = rungs[MIDDLE].want_bid, rungs[MIDDLE].want_ask
    assert wanted[0] is not None
    assert wanted[1] is not None
    assert 0.45 <= wanted[0] <= 0.49
    assert 0.51 <= wanted[1] <= 0.55


def test_what_a_quote_is_worth_is_its_edge_less_the_fee() -> None:
    rung = scanned_rungs(priced())[MIDDLE]

    # A maker of ten contracts at 46 cents pays 10 x 0.0175 x 0.46 x 0.54 dollars.
    assert rung.want_bid == 0.46
    assert rung.ev_bid_usd == pytest.approx(10 * (rung.fair_p - 0.46) - 0.04347, abs=2e-5)


def test_a_book_that_was_not_read_wants_nothing() -> None:
    ladder = priced()
    ladder.books[MIDDLE].dirty = True

    rung = scanned_rungs(ladder)[MIDDLE]

    assert (rung.want_bid, rung.want_ask, rung.ev_bid_usd, rung.ev_ask_usd) == (None, None, None, None)
    assert not [one for one in made(ladder) if one.ticker == rung.ticker]


def test_a_proposal_carries_what_its_price_came_from_and_why_it_would_not_rest() -> None:
    found = {(one.ticker[-6:], one.side): one for one in made(priced(), ("no_window",))}

    one = found["685000", "bid"]
    assert one.reasons == ("no_window",)
    inputs = one.inputs
    assert (inputs.level, inputs.event_ms, inputs.leg) == (6_850.0, SAMPLE.event_ms, "massive")
    assert (inputs.variance, inputs.target_ns, inputs.lo_e2, inputs.hi_e2) == (4e-6, TARGET_S * 10**9, 685_000, None)
    assert (inputs.best_bid_e4, inputs.best_ask_e4) == (3_000, 10_000)
    assert msgspec.json.decode(msgspec.json.encode(one), type=Proposal) == one


def test_the_table_shows_fractions_of_a_cent_only_where_there_are_any() -> None:
    rung = ScannedRung("T", "6,850", 0.5, 0.4825, 0.5, None, 0.52, None, 0.15)

    table = as_table(ScanReport("INXU", "E", "W", "now", 6_850.0, "then", "polygon", 4e-6, ("feed_down",), (rung,)))

    assert table.splitlines()[1] == "stands down: feed_down"
    assert table.splitlines()[-1].split() == ["6,850", "0.500", "0.4825", "0.50", "-", "0.52", "-", "0.15"]
