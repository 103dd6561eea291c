"""What makes the engine stand down, and how it comes back."""

from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import LEGS
from kalshi_alpha.model.reasons import Reason
from tests.exec.harness import TARGET_S, Rig, booted, ladder_of, quoting


def cancelled_at_once(rig: Rig, resting: set[str]) -> bool:
    """Whether one step cancelled all of these."""
    for step in rig.steps:
        gone = {target.client_order_id for command in step if isinstance(command, cmd.CancelOrders) for target in command.targets}
        if resting <= gone:
            return True
    return False


def test_silence_of_both_feeds_cancels_everything_in_the_step_of_its_deadline() -> None:
    rig = quoting()
    rig.wait(1.99)  # late quotes are wider ones: some were replaced
    resting = {order.intent.client_order_id for order in rig.live()}

    rig.wait(0.02)

    assert Reason.FEED_DOWN in rig.reasons
    assert cancelled_at_once(rig, resting)
    assert not rig.live()
    told = rig.incidents("both_feeds")
    assert len(told) == 1
    assert {"active_feed", "polygon_ws", "massive_ws", "polygon I:SPX", "massive I:NDX"} <= set(told[0].facts)


def test_after_a_feed_outage_quotes_come_back_five_steady_seconds_later() -> None:
    rig = quoting()
    rig.wait(10)
    rig.clear()
    back_ns = rig.utc_ns

    rig.tick(4)

    assert not rig.placed()
    rig.tick(4)
    assert rig.placed()
    assert rig.utc_ns - back_ns < 9 * NS_PER_S


def test_one_leg_lost_costs_no_quote() -> None:
    rig = quoting()
    live = {order.intent.client_order_id for order in rig.live()}
    rig.dead_legs |= {("polygon", "I:SPX"), ("polygon", "I:NDX")}

    rig.tick(5)

    assert not rig.reasons
    assert live <= {order.intent.client_order_id for order in rig.live()}
    assert rig.engine.facts.failover.active == "massive"
    rig.dead_legs.clear()
    rig.tick(8)
    assert [noted.title.split(" after")[0] for noted in rig.incidents("feed")] == [
        "polygon_ws is stale: I:NDX: polygon beyond its SLO",
        "polygon_ws recovered",
    ]


def test_a_dead_index_stands_down_its_own_ladders_only() -> None:
    rig = quoting()
    rig.dead_legs |= {(leg, "I:NDX") for leg in LEGS}

    rig.tick(4)

    assert {(held.reason, held.scope) for held in rig.engine.facts.reasons} == {
        (Reason.FEED_DOWN, "I:NDX"),
        (Reason.FEED_UNCONFIRMED, "I:NDX"),
    }
    assert {order.intent.series for order in rig.live()} == {"INXU"}


def test_a_lost_venue_stream_stands_down_until_books_are_fresh_again() -> None:
    rig = quoting()
    tickers = list(rig.engine.facts.event_of)

    rig.tell(ev.VenueLost("broken pipe"))

    assert not rig.live()
    assert [noted.title for noted in rig.incidents("venue")] == ["Venue stream lost"]
    rig.tell(ev.VenueConnected())
    rig.tick(3)
    assert not rig.live()
    for ticker in tickers:  # the very same books as before
        rig.tell(ev.BookSnapshotted(ticker, (), ()))
    rig.tick(1)
    assert rig.live("resting")


def test_losing_the_venue_stream_between_windows_is_no_incident() -> None:
    rig = booted(Rig(at_s=TARGET_S - 3_600))

    rig.tell(ev.VenueLost("nightly"))

    assert not rig.incidents("venue")


def test_a_gap_in_one_book_takes_its_two_quotes_only() -> None:
    rig = quoting()
    ticker = rig.live("resting")[0].intent.ticker

    rig.tell(ev.BooksDirtied((ticker, "NOT-OURS"), "gap"))

    assert rig.live()
    assert all(order.intent.ticker != ticker for order in rig.live())
    rig.tell(ev.BooksDirtied((), "gap"))
    assert not rig.live()


def test_a_book_change_moves_the_quote_it_would_cross() -> None:
    rig = quoting()
    bid = next(order for order in rig.live("resting") if order.intent.side == "bid")

    rig.tell(ev.BookChanged(bid.intent.ticker, "ask", bid.intent.price_e4, 500))
    rig.tell(ev.BookChanged("NOT-OURS", "ask", 5_000, 500))
    rig.tell(ev.BookSnapshotted("NOT-OURS", (), ()))

    assert rig.cancelled() == [bid.intent.client_order_id]


def test_books_beyond_the_band_are_ignored() -> None:
    rig = Rig()
    wide = rig.listings["INXU"] = ladder_of("INXU", rungs=61)
    quoting(rig)
    far = wide.markets[0].ticker

    rig.tell(ev.BookSnapshotted(far, (), ()))
    rig.tell(ev.BookChanged(far, "bid", 9_000, 100))
    rig.tell(ev.BooksDirtied((far,), "gap"))

    assert 0 not in rig.engine.facts.ladders[wide.event_ticker].books
    assert not rig.cancelled()


def test_a_paused_exchange_is_not_quoted_into() -> None:
    rig = quoting()

    rig.tell(ev.ExchangeStatusRead(exchange_active=True, trading_active=False))

    assert rig.reasons == {Reason.EXCHANGE_PAUSED, Reason.MAINTENANCE}
    assert not rig.live()
    rig.tell(ev.ExchangeStatusRead(exchange_active=True, trading_active=True))
    rig.tick(5)
    assert rig.live()


def test_a_status_too_old_is_no_status() -> None:
    rig = quoting()
    rig.silent.add("ReadStatus")

    rig.tick(56)

    assert rig.reasons == {Reason.EXCHANGE_UNKNOWN}


def test_a_rejection_for_a_pause_stands_down_until_the_status_says_otherwise() -> None:
    rig = quoting()
    rig.answers_orders = False
    rig.silent.add("ReadStatus")
    while not rig.live("sent"):
        rig.levels["I:SPX"] += 1.0
        rig.tick()
    order = rig.live("sent")[0]

    rig.tell(ev.OrderRejected(order.intent.client_order_id, 400, "trading_is_paused", ""))

    assert Reason.EXCHANGE_PAUSED in rig.reasons
    assert rig.closed()[order.intent.client_order_id] == "rejected: trading_is_paused"
    assert set(rig.cancelled()) >= {one.intent.client_order_id for one in rig.live("cancelling")}
    rig.silent.clear()
    rig.answers_orders = True
    rig.tick(2)
    assert Reason.EXCHANGE_PAUSED not in rig.reasons


def test_a_disk_that_is_nearly_full_is_not_quoted_on_until_there_is_clearly_more_room() -> None:
    rig = quoting()
    mib = 2**20
    seen = []

    for free in (257, 256, 255, 287, 288):
        rig.tell(ev.StorageRead(free * mib, 1_000 * mib))
        seen.append(Reason.STORAGE_SHORT in rig.reasons)
        if free == 255:
            rig.wait(1)
            assert not rig.live()
    rig.tick(3)

    assert seen == [False, False, True, True, False]
    assert rig.live()


def test_a_disk_that_fills_up_is_told_before_it_costs_a_quote() -> None:
    rig = quoting()

    rig.tell(ev.StorageRead(300 * 2**20, 7_000 * 2**20))
    rig.tick(2)
    raised = [command.message.title for command in rig.take(cmd.SendAlert)]

    assert raised == ["The journal's disk is getting full"]
    assert rig.live()


def test_a_disk_whose_commits_hang_twice_within_a_minute_is_not_quoted_on_until_half_a_minute_without() -> None:
    rig = quoting()
    seen = []

    rig.tell(ev.StorageSlow(0.3))
    rig.tick(50)
    seen.append(Reason.STORAGE_SLOW in rig.reasons)
    rig.tell(ev.StorageSlow(0.4))
    seen.append(Reason.STORAGE_SLOW in rig.reasons)
    rig.wait(1)
    assert not rig.live()
    rig.tick(20)
    rig.tell(ev.StorageSlow(0.3))
    rig.tick(28)
    seen.append(Reason.STORAGE_SLOW in rig.reasons)
    rig.tick(5)

    assert seen == [False, True, True]
    assert not rig.reasons
    assert rig.live()
    assert [noted.facts["commit_s"] for noted in rig.incidents("storage")] == ["0.400"]


def test_slow_commits_far_apart_are_nobodys_concern() -> None:
    rig = quoting()

    rig.tell(ev.StorageSlow(0.3))
    rig.tick(61)
    rig.tell(ev.StorageSlow(0.3))

    assert not rig.reasons
