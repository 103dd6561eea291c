"""Every start is a restart: nothing rests, or is quoted, before the venue has told."""

import msgspec

from kalshi_alpha.config import QuotingConfig
from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.orders import Fill, VenueOrder, VenuePosition
from kalshi_alpha.model.reasons import Reason
from tests.exec.harness import Rig, booted, ladder_of, quoting, settings

READS = {"ReadOpenOrders", "ReadFills", "ReadPositions"}


def stranger(client_id: str = "who") -> VenueOrder:
    return VenueOrder(f"v-{client_id}", client_id, "KXINXU-T1", "bid", 5_000, 100, 0, "resting")


def answer(rig: Rig, as_of_ns: int, orders: tuple[VenueOrder, ...] = ()) -> None:
    """Answer every read that was asked since the last ``clear``."""
    for command in list(rig.commands):
        match command:
            case cmd.ReadOpenOrders(request=request):
                rig.tell(ev.OpenOrdersRead(request, as_of_ns, orders))
            case cmd.ReadFills(request=request):
                rig.tell(ev.FillsRead(request, as_of_ns, ()))
            case cmd.ReadPositions(request=request):
                rig.tell(ev.PositionsRead(request, as_of_ns, ()))
            case _:
                pass
    rig.clear()


def test_a_cold_engine_quotes_nothing_until_reconciled() -> None:
    rig = Rig()
    rig.silent |= READS
    booted(rig)

    rig.tick(10)

    assert rig.reasons == {Reason.NOT_RECONCILED}
    assert not rig.placed()


def test_an_answer_as_of_before_the_boot_proves_nothing() -> None:
    rig = Rig()
    rig.silent |= READS
    boot_ns = rig.utc_ns
    booted(rig)
    rig.tick(2)

    answer(rig, boot_ns - 1)
    early = rig.engine.facts.venue.reconciled
    rig.tick(2)
    answer(rig, boot_ns)

    assert not early
    assert rig.engine.facts.venue.reconciled


def test_a_view_that_lags_is_asked_again_when_it_will_be_new_enough() -> None:
    rig = Rig()
    rig.silent |= READS
    boot_ns = rig.utc_ns
    booted(rig)
    rig.wait(0.01)
    answer(rig, boot_ns - 300_000_000)

    rig.wait(0.28)
    before = [type(command).__name__ for command in rig.commands if type(command).__name__ in READS]
    rig.wait(0.02)

    assert before == []
    assert {type(command).__name__ for command in rig.commands} >= READS


def test_a_view_that_stands_still_is_asked_again_twice_a_second() -> None:
    rig = Rig()
    rig.silent |= READS
    boot_ns = rig.utc_ns
    booted(rig)
    rig.wait(0.01)
    answer(rig, boot_ns - 60 * NS_PER_S)

    rig.wait(0.52)

    assert len(rig.take(cmd.ReadPositions)) == 1


def names(rig: Rig) -> list[str]:
    return [type(command).__name__ for command in rig.commands if type(command).__name__ in READS]


def test_while_an_old_group_may_still_place_only_what_rests_is_read_and_then_all_when_the_view_has_caught_up() -> None:
    rig = Rig()
    rig.silent |= READS | {"TriggerGroup"}
    booted(rig, ("group-a",), epoch=2)
    rig.wait(0.01)
    scouted = names(rig)
    answer(rig, rig.utc_ns - 310_000_000)

    rig.tell(ev.GroupTriggered("group-a"))
    rig.wait(0.29)
    before = names(rig)
    rig.wait(0.03)

    assert scouted == ["ReadOpenOrders"]
    assert before == []
    assert set(names(rig)) == READS


def test_a_group_that_isnt_triggered_yet_costs_few_reads() -> None:
    rig = Rig()
    rig.silent.add("TriggerGroup")
    booted(rig, ("group-a",), epoch=2)
    rig.wait(3.0)

    assert 2 <= names(rig).count("ReadOpenOrders") <= 13
    assert set(names(rig)) == {"ReadOpenOrders"}


def test_positions_that_come_before_the_fills_count_when_those_are_there() -> None:
    rig = Rig()
    rig.silent |= READS
    booted(rig)
    rig.wait(0.01)
    for command in (rig.take(cmd.ReadPositions)[0], rig.take(cmd.ReadFills)[0], rig.take(cmd.ReadOpenOrders)[0]):
        kind = {"ReadPositions": ev.PositionsRead, "ReadFills": ev.FillsRead}.get(type(command).__name__, ev.OpenOrdersRead)
        rig.tell(kind(command.request, rig.utc_ns, ()))

    assert rig.engine.facts.venue.reconciled


def test_a_ladder_that_comes_later_has_only_the_positions_read_again() -> None:
    rig = Rig()
    rig.silent.add("ReadLadder")
    booted(rig)
    rig.wait(0.5)
    series, target_ns = next((command.series, command.target_ns) for command in rig.take(cmd.ReadLadder))
    rig.clear()

    rig.tell(ev.LadderRead(ladder_of(series, target_ns // NS_PER_S)))
    rig.wait(0.01)

    assert names(rig) == ["ReadPositions"]


def test_old_groups_are_triggered_before_this_epochs_group_is_created() -> None:
    rig = Rig()
    rig.silent.add("TriggerGroup")
    booted(rig, ("group-a", "group-b"), epoch=3, verdict="fresh")
    rig.tick(2)
    before = rig.take(cmd.CreateGroup)
    triggered = [command.group_id for command in rig.take(cmd.TriggerGroup)]

    rig.tell(ev.GroupTriggered("group-a"))
    half = rig.take(cmd.CreateGroup)
    reconciled = rig.engine.facts.venue.reconciled
    rig.tell(ev.GroupTriggered("group-b"))

    assert triggered == ["group-a", "group-b"]
    assert not before
    assert not half
    assert not reconciled
    assert len(rig.take(cmd.CreateGroup)) == 1
    rig.tick(3)
    assert rig.engine.facts.venue.reconciled
    assert [noted.facts["epoch"] for noted in rig.incidents("restart")] == ["3"]


def test_a_cleared_latch_makes_no_group_before_the_old_ones_are_triggered() -> None:
    rig = Rig()
    rig.silent.add("TriggerGroup")
    booted(rig, ("group-a",), epoch=2)
    rig.tell(ev.CancelAllMarked("anna", "lunch"))

    rig.tell(ev.OperatorCleared("anna", "lunch"))
    rig.tick(2)

    assert not rig.take(cmd.CreateGroup)


def test_a_failed_trigger_is_asked_again() -> None:
    rig = Rig()
    rig.silent.add("TriggerGroup")
    booted(rig, ("group-a",), epoch=2)
    first = rig.take(cmd.TriggerGroup)[0]

    rig.tell(ev.RequestFailed("TriggerGroup", first.request, 500, "internal"))
    rig.wait(0.4)

    assert [command.group_id for command in rig.take(cmd.TriggerGroup)] == ["group-a", "group-a"]


def test_a_failed_group_is_asked_again_and_so_is_the_status() -> None:
    rig = Rig()
    rig.silent |= {"CreateGroup", "ReadStatus"}
    booted(rig)
    rig.wait(0.01)
    group, status = rig.take(cmd.CreateGroup)[0], rig.take(cmd.ReadStatus)[0]
    rig.clear()

    rig.tell(ev.RequestFailed("CreateGroup", group.request, 0, "timeout"))
    rig.tell(ev.RequestFailed("ReadStatus", status.request, 0, "timeout"))
    rig.tell(ev.RequestFailed("ReadLadder", 9_999, 0, "timeout"))
    rig.wait(1.1)

    assert len(rig.take(cmd.CreateGroup)) == 1
    assert len(rig.take(cmd.ReadStatus)) == 1
    assert {Reason.NO_ORDER_GROUP, Reason.EXCHANGE_UNKNOWN} <= rig.reasons


def test_a_failed_read_is_asked_again_and_proves_nothing() -> None:
    rig = Rig()
    rig.silent |= READS
    booted(rig)
    rig.wait(0.01)
    first = rig.take(cmd.ReadOpenOrders)[0]
    rig.clear()

    rig.tell(ev.RequestFailed("ReadOpenOrders", first.request, 503, "busy"))
    rig.wait(0.4)

    assert len(rig.take(cmd.ReadOpenOrders)) == 1
    assert Reason.NOT_RECONCILED in rig.reasons


def test_a_failed_read_while_quoting_is_asked_again_after_a_second() -> None:
    rig = quoting()
    rig.silent.add("ReadOpenOrders")
    rig.tick(15)
    first = rig.take(cmd.ReadOpenOrders)[0]
    rig.clear()

    rig.tell(ev.RequestFailed("ReadOpenOrders", first.request, 503, "busy"))
    rig.tick(2)

    assert len(rig.take(cmd.ReadOpenOrders)) == 1


def test_leftovers_found_at_boot_are_cancelled_before_quoting() -> None:
    before = quoting()
    state = recover(before.engine.snapshot(before.now, 1), ())
    rig = Rig(at_s=before.utc_ns / NS_PER_S + 1, recovered=state)
    rig.venue_orders = dict(before.venue_orders)
    rig.silent.add("TriggerGroup")  # the venue says so but the orders stay
    booted(rig, state.groups, epoch=2, verdict="fresh")

    for group in state.groups:
        rig.tell(ev.GroupTriggered(group))
    rig.tick(3)

    kinds = [command for command in rig.commands if isinstance(command, cmd.CancelOrders | cmd.PlaceOrders)]
    assert isinstance(kinds[0], cmd.CancelOrders)
    assert {target.client_order_id for command in rig.take(cmd.CancelOrders) for target in command.targets} >= set(before.venue_orders)
    assert rig.engine.facts.venue.reconciled


def test_orders_of_before_that_the_venue_does_not_show_are_over() -> None:
    before = quoting()
    kept = {order.intent.client_order_id for order in before.live()}
    state = recover(before.engine.snapshot(before.now, 1), ())
    rig = booted(Rig(at_s=before.utc_ns / NS_PER_S + 1, recovered=state), state.groups, epoch=2, verdict="fresh")

    rig.tick(3)

    assert {client_id for client_id, reason in rig.closed().items() if reason == "not at the venue"} == kept
    assert rig.engine.facts.venue.reconciled


def test_a_stranger_at_boot_is_cancelled_and_keeps_the_engine_waiting() -> None:
    rig = Rig()
    rig.silent |= READS
    booted(rig)
    rig.tick(2)

    answer(rig, rig.utc_ns, (stranger(),))

    assert not rig.engine.facts.venue.reconciled
    assert rig.engine.facts.incidents[0].kind == "orders"


def test_an_order_of_an_unknown_id_is_cancelled_and_becomes_an_incident() -> None:
    rig = quoting()
    rig.silent.add("ReadOpenOrders")
    reports = tuple(rig.report(client_id) for client_id in rig.venue_orders)

    rig.tell(ev.OpenOrdersRead(0, rig.utc_ns + 1, (*reports, stranger())))
    rig.tick(1)

    assert "who" in rig.cancelled()
    assert "Order v-who rests at the venue and is unknown here" in [noted.title for noted in rig.incidents("orders")]


def test_an_order_that_ended_here_but_rests_there_is_cancelled_at_the_second_sight() -> None:
    rig = quoting()
    rig.silent.add("ReadOpenOrders")
    order = rig.live("resting")[0]
    ghost = rig.report(order.intent.client_order_id)
    rig.tell(ev.OrderCancelled(order.intent.client_order_id, order.order_id, 0))
    rest = tuple(rig.report(one.intent.client_order_id) for one in rig.live("resting"))
    rig.clear()

    rig.tell(ev.OpenOrdersRead(0, rig.utc_ns, (*rest, ghost)))
    first = rig.cancelled()
    rig.wait(1.01)
    again = rig.take(cmd.ReadOpenOrders)
    rig.tell(ev.OpenOrdersRead(0, rig.utc_ns, (*rest, ghost)))

    assert not first
    assert again
    assert rig.cancelled() == [order.intent.client_order_id]


def test_a_read_older_than_an_orders_end_shows_no_stranger() -> None:
    rig = quoting()
    rig.silent.add("ReadOpenOrders")
    order = rig.live("resting")[0]
    ghost = rig.report(order.intent.client_order_id)
    rig.tell(ev.OrderCancelled(order.intent.client_order_id, order.order_id, 0))
    ended_ns = rig.utc_ns
    rest = tuple(rig.report(one.intent.client_order_id) for one in rig.live("resting"))
    rig.clear()

    for lag_s in (0.0, 0.1, 0.2):
        rig.wait(0.3)
        rig.tell(ev.OpenOrdersRead(0, ended_ns - int(lag_s * 1e9), (*rest, ghost)))

    assert not rig.cancelled()
    assert not rig.incidents("orders")


def test_an_order_accepted_after_the_venues_as_of_stays() -> None:
    rig = quoting()
    rig.silent.add("ReadOpenOrders")
    live = rig.live("resting")

    rig.tell(ev.OpenOrdersRead(0, live[0].changed_ns - 1, ()))

    assert rig.live("resting") == live


def test_a_position_mismatch_stands_down_until_a_later_read_agrees() -> None:
    rig = quoting()
    ticker = rig.live("resting")[0].intent.ticker
    rig.positions = (VenuePosition(ticker, 500), VenuePosition("settled-elsewhere", 100))

    rig.tick(15)

    assert rig.reasons == {Reason.LEDGER_MISMATCH}
    assert not rig.live()
    rig.tick(3)
    assert len(rig.incidents("orders")) == 1
    rig.positions = ()
    rig.tick(4)
    assert not rig.reasons
    assert rig.live()


def test_positions_older_than_our_last_fill_say_nothing() -> None:
    rig = quoting()
    order = rig.live("resting")[0]
    rig.tell(ev.Filled(rig.fill_of(order, 100)))

    rig.tell(ev.PositionsRead(0, rig.utc_ns - NS_PER_S, ()))

    assert Reason.LEDGER_MISMATCH not in rig.reasons


def test_positions_before_any_fills_were_read_prove_nothing() -> None:
    rig = Rig()
    rig.silent |= READS
    booted(rig)
    rig.tick(2)

    rig.tell(ev.PositionsRead(rig.take(cmd.ReadPositions)[0].request, rig.utc_ns, ()))
    rig.tick(2)

    assert len(rig.take(cmd.ReadPositions)) == 2


def test_a_pause_has_the_venue_asked_at_once() -> None:
    rig = quoting()

    rig.tell(ev.ExchangeStatusRead(exchange_active=False, trading_active=True))
    rig.wait(0.01)

    assert rig.take(cmd.ReadOpenOrders)


def test_our_own_group_triggered_is_no_group_any_more() -> None:
    rig = quoting()

    rig.tell(ev.GroupTriggered(rig.engine.facts.venue.group_id))
    rig.tell(ev.GroupTriggered("never-heard-of"))

    assert rig.reasons == {Reason.NO_ORDER_GROUP}
    assert not rig.live()
    assert not rig.engine.facts.groups


def test_between_windows_the_venue_is_asked_less_often() -> None:
    rig = booted(Rig(at_s=1_795_446_000 + 300))
    rig.wait(60)
    rig.clear()

    rig.wait(120)

    assert len(rig.take(cmd.ReadOpenOrders)) == 2


def test_fills_are_read_with_an_overlap() -> None:
    rig = quoting()
    fill = rig.fill_of(rig.live("resting")[0], 100)
    rig.positions = (VenuePosition(fill.ticker, 100 if fill.side == "bid" else -100),)
    rig.tell(ev.Filled(fill))
    rig.tick(15)

    assert rig.take(cmd.ReadFills)[0].since_s == fill.ts_ms // 1_000 - 120


def test_a_renewed_order_is_taken_over_with_the_latest_expiry_it_can_have() -> None:
    before = quoting(Rig(config=settings(QuotingConfig(rungs_each_side=3, max_open_orders=1))))
    snapshot = before.engine.snapshot(before.now, 1)
    kept = msgspec.structs.replace(snapshot.orders[0], expiration_s=1, remaining_e2=400)
    state = recover(msgspec.structs.replace(snapshot, orders=(kept,)), ())
    rig = Rig(at_s=before.utc_ns / NS_PER_S + 1, recovered=state)
    rig.silent |= {*READS, "TriggerGroup"}

    booted(rig, state.groups, epoch=2, verdict="stale")

    order = rig.live("unknown")[0]
    assert order.expiration_s == rig.utc_ns // NS_PER_S + 20
    assert (order.filled_e2, order.remaining_e2) == (600, 400)


def test_a_start_without_state_books_fills_of_any_age() -> None:
    rig = Rig()
    rig.silent.add("ReadFills")
    booted(rig)
    rig.wait(3.0)
    old = Fill("t-1", "o-1", "", "T1", "bid", 5_000, 1_000, 0, False, rig.now.utc_ns // 1_000_000 - 3_600_000)

    rig.tell(ev.FillsRead(0, rig.now.utc_ns, (old,)))

    assert rig.engine.facts.ledger.position_e2("T1") == 1_000


def test_a_ladder_whose_read_failed_is_asked_for_again_in_half_a_second() -> None:
    rig = Rig()
    rig.silent.add("ReadLadder")
    booted(rig)
    rig.wait(0.1)
    asked = rig.take(cmd.ReadLadder)
    rig.clear()

    rig.tell(ev.RequestFailed("ReadLadder", asked[0].request, 429, "too_many_requests"))
    rig.wait(0.49)
    early = rig.take(cmd.ReadLadder)
    rig.wait(0.02)

    assert asked
    assert early == []
    assert rig.take(cmd.ReadLadder)
