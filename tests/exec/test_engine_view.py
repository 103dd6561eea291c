"""The engine's state as the page shows it."""

import pytest

from kalshi_alpha.config import QuotingConfig
from kalshi_alpha.exec.engine_view import SENTENCES, engine_view, short_label, strike_label
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.instruments import Market
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.view import EngineView
from tests.exec.harness import TARGET_S, Rig, booted, ladder_of, quoting, settings


def seen(rig: Rig) -> EngineView:
    return engine_view(rig.engine, rig.now, 1.0, {})


def test_every_reason_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Reason)


def test_a_quoting_engine_shows_its_orders_ladders_and_window() -> None:
    rig = quoting()

    view = seen(rig)

    assert (view.state, view.reasons, view.exchange_status) == ("quoting", (), "trading")
    assert view.window is not None
    assert (view.window.label, view.window.state) == ("hourly-1000", "active")
    assert {ladder.series for ladder in view.ladders} == {"INXU", "NASDAQ100U"}
    assert len(view.orders) == len(rig.live())
    assert view.orders[0].label.startswith("SPX 6,8")
    shown = {price for ladder in view.ladders for rung in ladder.rungs for price in (rung.our_bid_e4, rung.our_ask_e4) if price}
    assert shown == {order.intent.price_e4 for order in rig.live()}
    assert view.restart_s is not None
    assert 0 < view.restart_s < 10


def test_a_cold_engine_is_starting_with_nothing_known() -> None:
    rig = Rig()
    before = seen(rig)
    rig.silent.add("ReadOpenOrders")
    booted(rig)

    assert (before.exchange_status, before.restart_s) == ("unknown", None)
    assert seen(rig).state == "starting"
    assert seen(rig).restart_s is None


def test_between_windows_it_waits() -> None:
    rig = booted(Rig(at_s=TARGET_S + 300))
    rig.tick(3)

    view = seen(rig)

    assert view.state == "waiting"
    assert view.reasons == ("no window is open",)
    assert view.window is not None
    assert (view.window.label, view.window.state) == ("hourly-1100", "next")
    assert view.windows[0].state == "done"
    assert {window.state for window in view.windows[1:]} == {"next"}


def test_frozen_says_so() -> None:
    rig = quoting(Rig(at_s=TARGET_S - 90))
    rig.tick_until(TARGET_S - 1)

    view = seen(rig)

    assert view.window is not None
    assert view.window.state == "frozen"
    assert any("frozen until the target" in reason for reason in view.reasons)


def test_a_dead_index_leaves_the_other_quoting_and_both_stand_down() -> None:
    rig = quoting()
    rig.dead_legs |= {("polygon", "I:NDX"), ("massive", "I:NDX")}
    rig.tick(4)
    half = seen(rig)
    rig.tell(ev.OperatorStopped("anna", "drill"))

    assert half.state == "quoting"
    assert half.reasons == ("I:NDX: no fresh index feed", "I:NDX: the feed's recovery isn't confirmed")
    assert seen(rig).state == "standing_down"
    assert any("operator_stop by anna" in reason for reason in seen(rig).reasons)


@pytest.mark.parametrize(("active", "trading", "word"), [(False, True, "exchange paused"), (True, False, "trading paused")])
def test_a_pause_is_named(active: bool, trading: bool, word: str) -> None:
    rig = quoting()

    rig.tell(ev.ExchangeStatusRead(exchange_active=active, trading_active=trading))

    assert seen(rig).exchange_status == word


def test_intents_are_listed_but_not_shown_as_quotes() -> None:
    rig = Rig(config=settings(QuotingConfig(rungs_each_side=3, max_open_orders=1)))
    booted(rig)
    rig.silent.add("Persist")
    while not rig.live("intended"):
        rig.tick()

    view = seen(rig)

    assert [order.status for order in view.orders] == ["intended"]
    assert not any(rung.our_bid_e4 or rung.our_ask_e4 for ladder in view.ladders for rung in ladder.rungs)


def test_an_order_whose_ladder_is_over_shows_its_ticker() -> None:
    rig = quoting()
    order = rig.live("resting")[0]
    del rig.engine.facts.ladders[order.intent.event_ticker]

    assert seen(rig).orders[0].label == f"SPX {order.intent.ticker}"


def test_a_ladder_without_a_level_shows_no_rung_and_a_dirty_book_no_price() -> None:
    rig = booted(Rig())
    rig.wait(0.1)
    before = seen(rig)
    rig = quoting()
    ticker = rig.live("resting")[0].intent.ticker
    rig.tell(ev.BookSnapshotted(ticker, ((3_000, 100),), ((9_000, 100),)))
    clean = {rung.ticker: (rung.book_bid_e4, rung.book_ask_e4) for ladder in seen(rig).ladders for rung in ladder.rungs}
    rig.tell(ev.VenueLost("gone"))

    assert all(not ladder.rungs for ladder in before.ladders)
    assert clean[ticker] == (3_000, 9_000)
    assert all((rung.book_bid_e4, rung.book_ask_e4) == (0, 0) for ladder in seen(rig).ladders for rung in ladder.rungs)


@pytest.mark.parametrize(
    ("low", "high", "label"),
    [(685_000, None, "6,850"), (685_000, 687_499, "6,850-6,874.99"), (None, 684_999, "≤ 6,849.99")],
)
def test_strikes_are_named_by_their_bounds(low: int | None, high: int | None, label: str) -> None:
    market = ladder_of("INXU").markets[0]

    assert strike_label(Market(market.ticker, market.event_ticker, "INXU", low, high, 0, 0, (), 0, "active")) == label


@pytest.mark.parametrize(
    ("low", "high", "label"),
    [
        (685_000, None, "6,850"),
        (None, 684_999, "≤ 6,849.99"),
        (672_500, 674_999, "6,725~749"),
        (2_480_000, 2_489_999, "24,800~899"),
        (2_500_000, 2_509_999, "25,000~099"),
        (697_500, 702_499, "6,975~7,024"),
        (80_000, 89_999, "800~899"),
        (685_000, 687_450, "6,850-6,874.50"),
    ],
)
def test_a_short_label_leaves_out_what_both_bounds_share(low: int | None, high: int | None, label: str) -> None:
    market = ladder_of("INXU").markets[0]

    short = short_label(Market(market.ticker, market.event_ticker, "INXU", low, high, 0, 0, (), 0, "active"))

    assert short == label.replace("~", "\N{EN DASH}")


def test_the_latches_in_force_are_named_as_they_are_lifted() -> None:
    rig = quoting()
    before = seen(rig)
    rig.tell(ev.OperatorStopped("anna", "drill"))
    rig.tell(ev.CancelAllMarked("anna", "kalshi_maintenance"))
    both = seen(rig)
    rig.tell(ev.OperatorCleared("anna", "operator_stop"))

    assert before.latches == ()
    assert both.latches == ("operator_stop", "kalshi_maintenance")
    assert seen(rig).latches == ("kalshi_maintenance",)


def test_the_ev_gap_says_how_many_quotes_it_speaks_of() -> None:
    before = seen(Rig())
    rig = quoting()

    view = seen(rig)

    assert before.ev_gap_sample_size == 0
    assert view.ev_gap_sample_size == view.quotes_placed > 0
    assert view.ev_gap_max_usd < view.ev_gap_threshold_usd == 0.001
