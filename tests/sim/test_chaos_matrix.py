"""The chaos matrix: every fault of a feed, on either leg and on both, against an engine that quotes.

What must happen, and by when: a leg that brings nothing usable is found out within its SLO and 100 ms of the last good value; polygon is
then replaced by massive, and where neither is left the quotes are pulled in the very step that finds it out. Values that contradict each
other pull them as soon as they are seen. What harms nothing changes nothing.

Source: Massive facts, section 7.4.
"""

from typing import Final, Literal, NamedTuple

import pytest

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.events import FeedConnected, FeedLost, FeedWarned, IndexTicked
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Leg, Symbol
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.sim.feed.faults import FeedFault, FeedFaultKind
from tests.sim.chaos import BEGIN_S, ChaosRig, Seen

T0: Final = int(BEGIN_S * NS_PER_S) + 30 * NS_PER_S
LASTS: Final = 20 * NS_PER_S
SLO_NS: Final = 2_000 * NS_PER_MS
DETECTED_NS: Final = SLO_NS + 100 * NS_PER_MS
BAD: Final = frozenset({"STALE", "SUSPECT", "DOWN"})
DOUBTS: Final = frozenset({Reason.FEED_DISAGREES, Reason.FEED_JUMPED, Reason.FEED_DOWN, Reason.FEED_UNCONFIRMED})
Effect = Literal["stale", "doubt", "harmless"]


class Cell(NamedTuple):
    name: str
    effect: Effect
    faults: tuple[tuple[FeedFaultKind, dict[str, float]], ...]
    begins_s: float = 0.0
    """When it begins to break the SLO."""
    comes_back: bool = True
    """The leg serves again by itself within half a minute of its end."""


def one(name: str, effect: Effect, kind: FeedFaultKind, begins_s: float = 0.0, *, comes_back: bool = True, **params: float) -> Cell:
    return Cell(name, effect, ((kind, params),), begins_s, comes_back)


def after_a_close(name: str, kind: FeedFaultKind, *, comes_back: bool = True) -> Cell:
    return Cell(name, "stale", (("close", {"code": 1_001}), (kind, {})), 0.0, comes_back)


CONNECTION: Final = [
    one("abort", "stale", "abort"),
    one("close 1000", "harmless", "close", code=1_000),
    one("close 1001", "harmless", "close", code=1_001),
    one("close 1008 without a reason", "harmless", "close", code=1_008),
    one("close 1011", "harmless", "close", code=1_011),
    one("half-open: no pong", "stale", "half_open"),
    one("nobody new is let in", "harmless", "refuse"),
    one("slow consumer", "harmless", "slow_consumer"),
    one("max_connections", "stale", "evicted", comes_back=False),
    after_a_close("connection refused", "refuse"),
    after_a_close("never connected: no greeting", "no_greeting"),
    after_a_close("auth_failed", "auth_failed", comes_back=False),
    after_a_close("auth_timeout", "auth_timeout"),
]
VALUES: Final = [
    one("silent, pings answered", "stale", "silent"),
    one("constant lag", "stale", "lag", lag_s=4.0),
    one("lag ramp", "stale", "lag_ramp", 4.0, lag_s=10.0),
    one("15 minutes delayed", "stale", "delayed"),
    one("stall, then a burst", "stale", "stall"),
    one("200 to 400 ms of jitter", "harmless", "jitter"),
    one("blocks out of order", "stale", "shuffle"),
    one("stamps 8 s back", "stale", "stamp", by_s=-8.0),
    one("stamps 2 s ahead", "stale", "stamp", by_s=2.0),
    one("stamps 60 s ahead", "stale", "stamp", by_s=60.0),
    one("duplicates", "harmless", "duplicate"),
    one("NaN", "stale", "nan_value"),
    one("null", "stale", "null_value"),
    one("text", "stale", "text_value"),
    one("not JSON", "stale", "not_json"),
    one("a bare object", "stale", "bare_object"),
    one("an unknown event with unknown keys", "harmless", "unknown_event"),
    one("a truncated frame", "stale", "truncated"),
    one("a status outside of the vendor's OK set", "harmless", "extra_status"),
    one("frozen at 1 Hz", "doubt", "frozen"),
    one("wrong by 1 %", "doubt", "wrong_value", factor=1.01),
    one("wrong by 0.05 %", "doubt", "wrong_value", factor=1.0005),
    one("another instrument", "doubt", "wrong_value", factor=0.008),
    one("the previous close", "doubt", "previous_close"),
]


def played(cell: Cell, leg: str, symbol: str) -> ChaosRig:
    # Where no value is to be lost, between two of them.
    begins_ns = T0 + NS_PER_S // 2 if cell.effect == "harmless" else T0
    faults = [FeedFault(begins_ns, T0 + LASTS, leg, kind, symbol, params) for kind, params in cell.faults]
    chaos = ChaosRig(faults)
    chaos.run_until(T0 - NS_PER_S // 2)
    assert chaos.rig.live("resting")
    assert not chaos.rig.reasons
    assert not [verdict for verdict in chaos.seen[-1].verdicts.values() if verdict in BAD]
    chaos.run_until(T0 + LASTS + 45 * NS_PER_S)
    return chaos


def last_good_ns(chaos: ChaosRig, leg: Leg, symbol: Symbol, begins_ns: int) -> int:
    """Return when the leg's last value of before the fault came in."""
    ticks = [at_ns for at_ns, event in chaos.heard if isinstance(event, IndexTicked) and (event.leg, event.symbol) == (leg, symbol)]
    return max(at_ns for at_ns in ticks if at_ns <= begins_ns)


def during(chaos: ChaosRig) -> list[Seen]:
    return [seen for seen in chaos.seen if seen.utc_ns >= T0]


def assert_stale(cell: Cell, chaos: ChaosRig, hit: list[tuple[Leg, Symbol]]) -> None:
    begins_ns = T0 + int(cell.begins_s * NS_PER_S)
    due = {key: last_good_ns(chaos, *key, begins_ns) + DETECTED_NS for key in hit}
    for key, due_ns in due.items():
        at_ns = next((seen.utc_ns for seen in during(chaos) if seen.verdicts[key] in BAD), None)
        assert at_ns is not None, f"{key} never found out"
        assert at_ns <= due_ns + int(1.0 * NS_PER_S) * (cell.begins_s > 0), (key, at_ns - T0)
    legs, symbols = {leg for leg, _ in hit}, {symbol for _, symbol in hit}
    if legs == {"massive"}:
        assert {seen.active for seen in during(chaos)} == {"polygon"}
    elif legs == {"polygon"}:
        switch = next(seen for seen in during(chaos) if seen.active != "polygon")
        assert switch.active == "massive"
        assert switch.utc_ns <= max(due.values()) + int(1.0 * NS_PER_S) * (cell.begins_s > 0)
        assert not {reason for seen in during(chaos) for reason, _ in seen.reasons} - {Reason.FEED_DISAGREES}
    else:
        for symbol in symbols:
            pulled = next(seen for seen in during(chaos) if (Reason.FEED_DOWN, symbol) in seen.reasons)
            assert symbol in pulled.pulled
            assert pulled.utc_ns <= max(due[leg, symbol] for leg in legs) + int(1.0 * NS_PER_S) * (cell.begins_s > 0)


def assert_doubt(chaos: ChaosRig, hit: list[tuple[Leg, Symbol]]) -> None:
    for _, symbol in hit:
        pulled = next((seen for seen in during(chaos) if any(scope == symbol for _, scope in seen.reasons)), None)
        assert pulled is not None, "never doubted"
        assert {reason for reason, scope in pulled.reasons if scope == symbol} <= DOUBTS
        assert symbol in pulled.pulled
        assert pulled.utc_ns <= T0 + NS_PER_S + DETECTED_NS - SLO_NS  # a frozen value differs from the second after it on


def assert_harmless(chaos: ChaosRig) -> None:
    found = during(chaos)
    assert {seen.active for seen in found} <= {"polygon"}
    assert not [reason for seen in found for reason in seen.reasons]
    assert not [seen for seen in found if BAD & set(seen.verdicts.values())]


def assert_back(chaos: ChaosRig) -> None:
    last = chaos.seen[-1]
    assert last.active == "polygon"
    assert not last.reasons
    assert set(last.verdicts.values()) <= {"FRESH", "LATE"}
    assert chaos.rig.live("resting")


@pytest.mark.parametrize("leg", ["polygon", "massive", "*"])
@pytest.mark.parametrize("cell", [*CONNECTION, *VALUES], ids=lambda cell: cell.name)
def test_a_leg_with_a_fault_is_found_out_in_time_and_quotes_never_rest_on_it(cell: Cell, leg: str) -> None:
    chaos = played(cell, leg, "*")
    hit = [(each, symbol) for each in LEGS if leg in {each, "*"} for symbol in SYMBOLS]

    if cell.effect == "stale":
        assert_stale(cell, chaos, hit)
    elif cell.effect == "doubt" and leg != "*":
        assert_doubt(chaos, hit)
    elif cell.effect == "harmless":
        assert_harmless(chaos)
    if cell.comes_back:
        assert_back(chaos)


@pytest.mark.parametrize("cell", VALUES, ids=lambda cell: cell.name)
def test_a_fault_of_one_index_leaves_the_other_one_alone(cell: Cell) -> None:
    chaos = played(cell, "*", "I:NDX")

    if cell.effect == "stale":
        assert_stale(cell, chaos, [(leg, "I:NDX") for leg in LEGS])
    assert {scope for seen in during(chaos) for _, scope in seen.reasons} <= {"I:NDX"}
    assert not [seen for seen in during(chaos) for leg in LEGS if seen.verdicts[leg, "I:SPX"] in BAD]


@pytest.mark.parametrize(
    ("kind", "status", "connects"),
    [("auth_failed", "auth_failed", 1), ("auth_timeout", "ack_missing", 6), ("no_greeting", "ack_missing", 6)],
)
def test_what_is_refused_is_told_and_a_refused_key_is_never_tried_again(kind: FeedFaultKind, status: str, connects: int) -> None:
    chaos = ChaosRig([FeedFault(T0, T0 + LASTS, "polygon", "close"), FeedFault(T0, T0 + LASTS, "polygon", kind)])
    chaos.run_until(T0 + LASTS)

    assert {event.status for _, event in chaos.heard if isinstance(event, FeedWarned)} == {status}
    assert len([event for _, event in chaos.heard if isinstance(event, FeedLost)]) - 1 <= connects


def test_an_evicted_leg_waits_a_minute_before_it_evicts_in_turn() -> None:
    chaos = ChaosRig([FeedFault(T0, T0 + LASTS, "polygon", "evicted")])
    chaos.run_until(T0 + 80 * NS_PER_S)

    connected = [at_ns for at_ns, event in chaos.heard if isinstance(event, FeedConnected) and event.leg == "polygon"]
    assert len(connected) == 2
    assert 60 * NS_PER_S <= connected[1] - T0 < 62 * NS_PER_S


def test_a_loop_of_1008_is_no_hot_loop() -> None:
    chaos = ChaosRig([FeedFault(T0, T0 + 120 * NS_PER_S, "polygon", "close", "*", {"code": 1_008, "every_s": 0.5})])
    chaos.run_until(T0 + 120 * NS_PER_S)

    lost = [event for _, event in chaos.heard if isinstance(event, FeedLost)]
    assert 5 < len(lost) < 40
    assert chaos.rig.engine.facts.failover.active == "massive"


def test_a_stalled_consumer_is_noticed_by_growing_lag_before_the_server_ends_it() -> None:
    killed_ns = T0 + LASTS
    faults = [
        FeedFault(T0, killed_ns, "polygon", "lag_ramp", "*", {"lag_s": 10.0}),
        FeedFault(killed_ns, killed_ns + NS_PER_S, "polygon", "slow_consumer"),
    ]
    chaos = ChaosRig(faults)
    chaos.run_until(killed_ns + 5 * NS_PER_S)

    noticed_ns = next(seen.utc_ns for seen in chaos.seen if seen.utc_ns > T0 and seen.verdicts["polygon", "I:SPX"] == "STALE")
    warned_ns = next(at_ns for at_ns, event in chaos.heard if isinstance(event, FeedWarned) and event.status == "slow_consumer")
    assert noticed_ns < T0 + 7 * NS_PER_S < killed_ns <= warned_ns
    assert next(seen.active for seen in chaos.seen if seen.utc_ns >= noticed_ns) == "massive"
