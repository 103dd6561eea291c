"""While our clock isn't surely right nothing is quoted; a jump means asking the venue again; both are told, and end by themselves."""

import msgspec

from kalshi_alpha.data.clock_offset import OffsetInterval
from kalshi_alpha.exec.clock_watch import interval_text
from kalshi_alpha.exec.engine_view import engine_view
from kalshi_alpha.exec.outputs import monitor_documents
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import StandDownChanged
from tests.exec.harness import START_S, TARGET_S, Rig, booted, quoting

MS = NS_PER_MS


def step_clock(rig: Rig, seconds: float) -> None:
    """Have our wall clock jump; the venue's and the feeds' go on."""
    ns = int(seconds * NS_PER_S)
    rig.utc_ns += ns
    rig._mono_less_utc_ns -= ns
    rig.clock_ahead_ns += ns


def titles(rig: Rig) -> list[str]:
    return [noted.title for noted in rig.incidents("clock")]


def test_nothing_is_quoted_before_the_venue_has_told_its_time() -> None:
    rig = Rig()
    rig.tells_time = False
    booted(rig)
    rig.tick(8)

    assert rig.reasons == {Reason.CLOCK_OFFSET}
    assert not rig.placed()

    rig.tells_time = True
    rig.tick(12)

    assert not rig.reasons
    assert rig.live("resting")


def test_a_stamp_of_whole_seconds_that_is_not_enough_is_asked_for_at_another_place_of_the_second() -> None:
    rig = quoting()
    rig.tells_time = False
    rig.silent |= {"ReadOpenOrders", "ReadFills", "ReadPositions"}
    rig.tick(130)  # what was known is too old by now
    assert rig.reasons == {Reason.CLOCK_OFFSET}
    rig.clear()
    asked_ns: list[int] = []

    for _ in range(250):
        rig.wait(0.1)
        if rig.take(cmd.ReadStatus):
            rig.clear()
            behind_ns = 0 if asked_ns else rig.utc_ns % NS_PER_S  # the first was on its way since the second began
            asked_ns.append(rig.utc_ns)
            rig.tell(ev.VenueTimed(rig.now.mono_ns - behind_ns, rig.utc_ns // NS_PER_S * NS_PER_S, NS_PER_S))
            assert (Reason.CLOCK_OFFSET in rig.reasons) == bool(behind_ns)

    assert asked_ns[1] - asked_ns[0] <= 400 * MS
    assert len(asked_ns) <= 4


def test_an_unknown_offset_in_a_window_is_told_after_half_a_minute_once() -> None:
    rig = Rig()
    rig.tells_time = False
    booted(rig)

    rig.tick(25)
    early = titles(rig)
    rig.tick(30)

    assert early == []
    assert titles(rig) == ["Nobody tells how far our clock is off"]


def test_a_jump_of_seconds_cancels_everything_and_quoting_returns_when_the_clock_is_right() -> None:
    rig = quoting()

    step_clock(rig, 3.0)
    rig.wait(0.5)
    during = set(rig.reasons)
    resting = list(rig.live())
    rig.clear()
    rig.wait(4.0)
    placed = rig.placed()
    told = titles(rig)
    step_clock(rig, -3.0)
    rig.tick(8)

    assert Reason.CLOCK_OFFSET in during
    assert resting == []
    assert placed == []
    assert told == []
    assert not rig.reasons
    assert rig.live("resting")
    assert titles(rig) == ["The wall clock jumped by -3.000 s", "Our clock is right again"]


def test_the_jump_itself_is_told_with_the_offset() -> None:
    rig = quoting()

    step_clock(rig, -3.0)
    rig.wait(0.5)

    assert titles(rig) == ["The wall clock jumped by -3.000 s", "Our clock is off by a second or more"]
    assert rig.incidents("clock")[0].facts["wall_clock_step_s"] == "-3.000"


def test_a_small_jump_means_reconciling_before_the_next_quote_and_a_warning() -> None:
    rig = quoting()

    step_clock(rig, 0.4)
    rig.tick(4)

    first, *_ = rig.records(StandDownChanged)
    assert first.reasons == (Reason.NOT_RECONCILED,)
    assert rig.take(cmd.ReadOpenOrders)
    assert rig.take(cmd.ReadFills)
    assert rig.take(cmd.ReadPositions)
    assert len(rig.cancelled()) > 3
    assert not rig.reasons
    assert rig.live("resting")
    assert titles(rig) == ["The wall clock jumped by +0.400 s", "Our clock is off by 250 ms or more"]
    assert rig.incidents("restart") == []


def test_less_than_a_quarter_second_is_no_jump() -> None:
    rig = quoting()

    step_clock(rig, 0.249)
    rig.tick(2)

    assert not rig.reasons
    assert titles(rig) == []
    assert rig.engine.reconciler.reasons(rig.now) == []


def test_a_slow_drift_is_no_jump_but_an_offset() -> None:
    rig = quoting()
    for _ in range(24):
        step_clock(rig, 0.050)
        rig.tick(1)

    assert Reason.CLOCK_OFFSET in rig.reasons
    assert titles(rig) == ["Our clock is off by 250 ms or more", "Our clock is off by a second or more"]


def test_small_steps_in_a_row_count_at_once_even_if_nobody_tells_the_time() -> None:
    rig = quoting()
    rig.tells_time = False
    for _ in range(5):
        step_clock(rig, 0.240)
        rig.utc_ns += 5 * MS
        rig.tell(ev.TimerFired())

    assert Reason.CLOCK_OFFSET in rig.reasons
    assert rig.engine.clocks.view(rig.now).jumps == 0


def test_an_offset_that_nobody_confirms_is_unknown_after_two_minutes() -> None:
    rig = quoting()
    rig.tells_time = False
    rig.tell(ev.VenueTimed(rig.now.mono_ns, rig.utc_ns, NS_PER_MS))
    told_ns = rig.utc_ns
    while Reason.CLOCK_OFFSET not in rig.reasons:
        rig.wait(0.2)
        rig.tell(ev.TimerFired())

    assert 120 * NS_PER_S < rig.utc_ns - told_ns <= 120.4 * NS_PER_S


def test_a_long_silence_means_reconciling_and_measuring_again() -> None:
    rig = quoting()
    rig.tells_time = False

    rig.utc_ns += 11 * NS_PER_S
    rig.tell(ev.TimerFired())

    assert Reason.CLOCK_OFFSET in rig.reasons
    assert titles(rig) == ["Nothing ran for 11.0 s: stopped or suspended"]


def test_a_long_silence_when_nothing_is_open_and_nothing_rests_is_not_worth_a_word() -> None:
    rig = booted(Rig(START_S - 600))
    rig.tick(2)

    rig.utc_ns += 60 * NS_PER_S
    rig.tell(ev.TimerFired())

    assert rig.engine.clocks.view(rig.now).jumps == 1
    assert titles(rig) == []


def test_a_fill_from_our_future_shows_that_we_are_behind() -> None:
    rig = quoting()
    order = rig.live("resting")[0]
    fill = msgspec.structs.replace(rig.fill_of(order), ts_ms=rig.utc_ns // MS + 2_000)

    rig.tell(ev.Filled(fill))

    assert rig.records(StandDownChanged)[0].reasons == (Reason.CLOCK_OFFSET,)


def test_the_schedule_is_looked_at_anew_after_a_jump() -> None:
    rig = booted(Rig(START_S - 30))
    rig.tick(2)
    before = rig.engine.facts.active_windows

    step_clock(rig, 40.0)
    rig.tell(ev.TimerFired())

    assert before == ()
    assert [window.label for window in rig.engine.facts.active_windows] == ["hourly-1000"]


def test_a_stamp_that_contradicts_the_others_is_checked_at_once() -> None:
    rig = quoting()

    rig.tell(ev.VenueTimed(rig.now.mono_ns, rig.utc_ns - 5 * NS_PER_S, NS_PER_S))
    rig.wait(0.1)

    assert [record.reasons for record in rig.records(StandDownChanged)] == [(Reason.CLOCK_OFFSET,), ()]
    assert rig.take(cmd.ReadStatus)


def test_the_venues_own_stamps_bound_how_far_we_are_behind() -> None:
    rig = quoting()

    rig.tell(ev.FillsRead(0, rig.utc_ns + 2 * NS_PER_S, ()))

    assert rig.records(StandDownChanged)[0].reasons == (Reason.CLOCK_OFFSET,)


def test_feeds_from_our_future_are_told_once_and_do_not_stand_down() -> None:
    rig = quoting()
    for _ in range(3):
        rig.wait(1.0)
        rig.tell(ev.IndexTicked("massive", "I:SPX", 6_850.0, (rig.utc_ns + 400 * MS) // MS))

    assert titles(rig) == ["massive's time stamps are ahead of our clock"]
    assert Reason.CLOCK_OFFSET not in rig.reasons


def test_feeds_that_come_from_our_future_again_are_told_again() -> None:
    rig = quoting()
    for ahead_ms, seconds in ((400, 3), (-50, 130), (400, 3)):
        for _ in range(seconds):
            rig.wait(1.0)
            rig.tell(ev.IndexTicked("massive", "I:SPX", 6_850.0, rig.utc_ns // MS + ahead_ms))

    assert titles(rig) == ["massive's time stamps are ahead of our clock"] * 2


def test_page_and_monitors_show_the_interval() -> None:
    rig = quoting()
    step_clock(rig, 0.1)
    rig.tick(1)

    view = engine_view(rig.engine, rig.now, 1.0, {}).clock
    fresh, gap = monitor_documents(rig.engine, rig.now)

    assert view is not None
    assert (view.state, view.jumps) == ("fine", 0)
    assert view.low_ms is not None
    assert view.high_ms is not None
    assert view.low_ms <= 100 <= view.high_ms
    assert view.high_ms - view.low_ms < 20
    assert view.feed_high_ms["polygon"] is not None
    assert fresh.clock == gap.clock == view


def test_an_interval_reads_outwards() -> None:
    assert interval_text(OffsetInterval(-1_500_000, 1_500_000)) == "-2 to +2 ms"
    assert interval_text(OffsetInterval(None, None)) == "? to ? ms"


def test_a_wall_clock_that_jumped_ahead_ends_no_order_and_cancels_all_at_once() -> None:
    rig = quoting()
    rig.silent |= {"ReadOpenOrders", "CancelOrders"}
    resting = {order.intent.client_order_id for order in rig.live("resting")}
    rig.clear()

    step_clock(rig, 3_600.0)
    rig.tell(ev.TimerFired())
    at_once = set(rig.cancelled())
    rig.wait(5.0)

    assert resting
    assert at_once == resting
    assert {order.intent.client_order_id for order in rig.live()} == resting
    assert "expired" not in rig.closed().values()


def test_orders_expire_again_once_the_clock_is_right() -> None:
    rig = quoting()
    rig.silent |= {"ReadOpenOrders", "CancelOrders", "AmendExpiry"}
    expiries = [order.expiration_s for order in rig.live("resting")]
    step_clock(rig, 3_600.0)
    rig.wait(1.0)
    assert rig.live()

    step_clock(rig, -3_600.0)
    rig.wait_until((max(expiries) + 5) * NS_PER_S)

    assert set(rig.closed().values()) == {"expired"}
    assert not rig.live()


def test_a_window_that_a_clock_ahead_has_frozen_is_not_proven_until_its_freeze_comes() -> None:
    rig = quoting()
    false_freeze_s = 3_600.0 + (TARGET_S - 2) - rig.utc_ns / NS_PER_S
    step_clock(rig, false_freeze_s - 1.0)
    rig.wait(2.0)
    frozen = [phase for _, phase in rig.phases()]
    step_clock(rig, 1.0 - false_freeze_s)
    rig.wait(2.0)
    rig.clear()

    rig.wait(10.0)

    assert "frozen" in frozen
    assert len(rig.take(cmd.ReadOpenOrders)) <= 2  # not four a second for an hour
    rig.clear()
    rig.tick_until(TARGET_S + 1)
    assert [phase for _, phase in rig.phases()] == ["frozen", "verified", "ended"]


def test_a_pause_that_began_while_the_clock_was_ahead_goes_on_when_it_is_put_back_and_ends_with_the_venues_word() -> None:
    rig = quoting()
    step_clock(rig, 3_600.0)
    rig.tell(ev.TimerFired())
    rig.trading = False
    rig.tell(ev.ExchangeStatusRead(exchange_active=True, trading_active=False))
    rig.wait(2.0)
    step_clock(rig, -3_600.0)
    rig.tick(5)
    phase = engine_view(rig.engine, rig.now, 1.0, {}).maintenance.phase

    rig.trading = True
    rig.tick(15)

    assert phase == "maintenance"
    assert not rig.engine.facts.orders.latches
    assert rig.live("resting")


def test_a_pause_that_was_over_while_the_clock_was_ahead_holds_nothing_back_once_it_is_put_back() -> None:
    rig = quoting()
    step_clock(rig, 3_600.0)
    rig.tell(ev.TimerFired())
    for trading in (False, True):
        rig.trading = trading
        rig.tell(ev.ExchangeStatusRead(exchange_active=True, trading_active=trading))
    rig.wait(2.0)
    step_clock(rig, -3_600.0)
    rig.tick(15)

    assert not rig.engine.facts.orders.latches
    assert rig.live("resting")


def test_a_stop_while_the_clock_was_ahead_is_proven_once_it_is_put_back() -> None:
    rig = quoting()
    step_clock(rig, 3_600.0)
    rig.tell(ev.CancelAllMarked("anna", "lunch"))
    rig.wait(1.0)
    step_clock(rig, -3_600.0)
    rig.wait(1.5)
    rig.clear()

    rig.wait(20.0)

    assert not rig.live()
    assert not rig.take(cmd.CancelAll)  # not every three seconds for an hour


def test_what_was_read_before_a_jump_proves_nothing_after_it() -> None:
    rig = quoting()
    rig.tell(ev.CancelAllMarked("anna", "lunch"))
    rig.wait(2.0)
    before_ns = rig.engine.reconciler.empty_as_of_ns
    rig.silent.add("ReadOpenOrders")
    step_clock(rig, -30.0)
    rig.wait(2.0)

    assert before_ns
    assert rig.engine.reconciler.empty_as_of_ns == 0
