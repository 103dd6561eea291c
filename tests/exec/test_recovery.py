from typing import get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.exec.ledger import Ledger
from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.model import records as r
from kalshi_alpha.model.orders import OrderStatus
from kalshi_alpha.model.records import Record
from kalshi_alpha.model.snapshot import EngineSnapshot, LedgerSnapshot, SnapshotOrder
from tests.adapters.journal_samples import TICKER, fill, incident, intent, snapshot_of


def test_nothing_on_disk_is_a_first_start() -> None:
    state = recover(None, [])

    assert (state.epoch, state.groups, state.orders, state.latches, state.ledger) == (0, (), (), (), LedgerSnapshot())


def test_an_intent_may_rest_from_the_moment_it_is_durable_until_it_is_closed() -> None:
    records: list[Record] = [r.OrderIntended(1, intent(1)), r.OrderIntended(1, intent(2)), r.OrderPlaced(2, "ka-7-000002", "order-2")]

    state = recover(None, records)
    later = recover(None, [*records, r.OrderClosed(3, "ka-7-000001", "rejected")])

    assert [(order.intent.client_order_id, order.status, order.order_id) for order in state.orders] == [
        ("ka-7-000001", "unknown", ""),
        ("ka-7-000002", "resting", "order-2"),
    ]
    assert [order.intent.client_order_id for order in later.orders] == ["ka-7-000002"]


def test_an_intent_that_is_read_twice_keeps_what_the_venue_said_of_it() -> None:
    state = recover(None, [r.OrderIntended(1, intent(1)), r.OrderPlaced(2, "ka-7-000001", "order-1"), r.OrderIntended(1, intent(1))])

    assert [(order.status, order.order_id) for order in state.orders] == [("resting", "order-1")]


def test_fills_reduce_what_may_rest_and_the_last_one_ends_it() -> None:
    placed: list[Record] = [r.OrderIntended(1, intent(1)), r.OrderPlaced(2, "ka-7-000001", "order-1")]
    nameless = msgspec.structs.replace(fill(1, count_e2=400), client_order_id="")
    rest = msgspec.structs.replace(fill(1, count_e2=600), trade_id="trade-rest")

    partly = recover(None, [*placed, r.FillBooked(3, nameless), r.FillBooked(3, nameless)])
    wholly = recover(None, [*placed, r.FillBooked(3, nameless), r.FillBooked(4, rest)])

    assert [order.remaining_e2 for order in partly.orders] == [600]
    assert wholly.orders == ()
    assert Ledger(wholly.ledger).position_e2(TICKER) == 1_000


def test_every_group_not_proven_triggered_must_be_triggered() -> None:
    state = recover(
        None,
        [
            r.GroupRecorded(1, "g1", 1),
            r.GroupRecorded(2, "g2", 2),
            r.GroupRetired(3, "g1"),
            r.GroupRetired(3, "g0"),
            r.GroupRecorded(4, "g3", 3),
        ],
    )

    assert state.groups == ("g2", "g3")


def test_a_latch_outlives_the_process_until_its_own_event_lifts_it() -> None:
    records: list[Record] = [
        r.LatchSet(1, "operator_stop", "ann", "lunch"),
        r.LatchSet(2, "risk_limit", "system", "daily loss"),
        r.EngineStarted(3, 8, "cafe", "fresh"),
        r.OrderIntended(4, intent()),
        r.LatchLifted(5, "risk_limit", "ann"),
    ]

    assert recover(None, records).latches == (("operator_stop", "ann", "lunch"),)


def test_the_window_is_active_from_its_opening_to_its_end() -> None:
    def after(*phases: tuple[str, str]) -> str:
        return recover(None, [r.WindowPhase(1, window, phase, 0, "") for window, phase in phases]).active_window

    assert after(("w1", "opened")) == "w1"
    assert after(("w1", "opened"), ("w1", "frozen")) == "w1"
    assert after(("w1", "opened"), ("w1", "ended"), ("w1", "verified")) == ""
    assert after(("w1", "opened"), ("w2", "opened"), ("w1", "ended")) == "w2"


def test_a_snapshot_is_where_the_fold_begins_and_its_unfinished_orders_are_unknown() -> None:
    snapshot = EngineSnapshot(
        captured_utc_ns=1,
        epoch=7,
        config_hash="cafe",
        journal_seq=50,
        active_window="w1",
        orders=tuple(SnapshotOrder(intent(number), status, "", 1_000, 5) for number, status in enumerate(get_args(OrderStatus), start=1)),
        groups=("g7",),
        latches=(("cancel_all", "ann", "x"),),
        ledger=LedgerSnapshot(),
        windows_degraded=2,
        incidents=4,
    )

    state = recover(snapshot, [r.EngineStarted(1, 8, "beef", "stale"), r.GroupRetired(2, "g7"), incident()])

    assert [order.status for order in state.orders] == ["unknown", "unknown", "resting", "unknown", "unknown"]
    assert (state.epoch, state.config_hash, state.groups, state.windows_degraded, state.incidents) == (8, "beef", (), 2, 5)


def test_a_settlement_that_contradicts_the_fills_is_reported() -> None:
    fills: list[Record] = [r.FillBooked(1, fill())]

    agreeing = recover(None, [*fills, r.MarketSettledBooked(2, TICKER, "yes", 400, 4_000_000)])
    contradicting = recover(None, [*fills, r.MarketSettledBooked(2, TICKER, "yes", 500, 5_000_000)])

    assert agreeing.problems == ()
    assert len(contradicting.problems) == 1


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("intend", "place", "close", "fill", "group", "retire", "latch", "lift", "start", "settle")), st.integers(1, 4)
    ),
    max_size=25,
)


def records_of(steps: list[tuple[str, int]]) -> list[Record]:
    return [record_of(kind, number) for kind, number in steps]


def record_of(kind: str, number: int) -> Record:
    made: dict[str, Record] = {
        "intend": r.OrderIntended(1, intent(number)),
        "place": r.OrderPlaced(1, f"ka-7-{number:06d}", f"order-{number}"),
        "close": r.OrderClosed(1, f"ka-7-{number:06d}", "cancelled"),
        "fill": r.FillBooked(1, fill(number)),
        "group": r.GroupRecorded(1, f"g{number}", number),
        "retire": r.GroupRetired(1, f"g{number}"),
        "latch": r.LatchSet(1, f"l{number}", "a", ""),
        "lift": r.LatchLifted(1, f"l{number}", "a"),
        "settle": r.MarketSettledBooked(1, TICKER, "yes", 400 * number, 4_000_000 * number),
        "start": r.EngineStarted(1, number, "", "fresh"),
    }
    return made[kind]


@given(STEPS, st.integers(0, 25))
def test_stopping_anywhere_and_going_on_from_a_snapshot_changes_nothing(steps: list[tuple[str, int]], stop: int) -> None:
    records = records_of(steps)

    whole = recover(None, records)
    resumed = recover(snapshot_of(recover(None, records[:stop]), 0, 1), records[stop:])

    assert msgspec.structs.replace(resumed, problems=(), as_of_ns=0) == msgspec.structs.replace(whole, problems=(), as_of_ns=0)


@given(STEPS)
def test_every_beginning_is_consistent(steps: list[tuple[str, int]]) -> None:
    state = recover(None, records_of(steps))

    intended = {number for kind, number in steps if kind == "intend"}
    resting = [int(order.intent.client_order_id[-6:]) for order in state.orders]
    assert len(resting) == len(set(resting))
    assert set(resting) <= intended
    assert all(0 < order.remaining_e2 <= 1_000 for order in state.orders)
    assert state.ledger.fills == len({number for kind, number in steps if kind == "fill"})
    for number in range(1, 5):
        latest = [kind for kind, of in steps if of == number and kind in ("latch", "lift")]
        assert (f"l{number}" in [latch[0] for latch in state.latches]) == (latest[-1:] == ["latch"])


def test_what_ended_is_known_to_have_by_whatever_ended_it() -> None:
    placed = [
        record
        for number in (1, 2)
        for record in (r.OrderIntended(1, intent(number)), r.OrderPlaced(2, f"ka-7-{number:06d}", f"order-{number}"))
    ]

    state = recover(None, [*placed, r.OrderClosed(7, "ka-7-000001", "cancelled"), r.FillBooked(8, fill(2, count_e2=1_000))])

    assert [(one.client_order_id, one.utc_ns) for one in state.ended] == [("ka-7-000001", 7), ("ka-7-000002", fill(2).ts_ms * 1_000_000)]
    assert state.orders == ()
