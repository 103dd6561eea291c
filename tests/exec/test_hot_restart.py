"""A killed process and the next one: what it prices from, what it knows to be over, and how often that is kept."""

from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S
from kalshi_alpha.model.reasons import Reason
from kalshi_alpha.model.records import IncidentNoted
from tests.exec.harness import Rig, booted, quoting

RESTART_S = 0.4
BOOT_S = 0.3
GROUP = 10
"""What creating an order group takes of the write tokens."""


def killed(at_s: float = 0.5) -> tuple[Rig, Rig]:
    """Return a process that was killed so long after a second's values while it quoted, and the next one, which hasn't started yet."""
    before = quoting()
    before.wait(at_s)
    state = recover(before.engine.snapshot(before.now, 1), ())
    after = Rig(at_s=0.0, recovered=state)
    after.utc_ns = before.utc_ns + int(RESTART_S * NS_PER_S)
    return before, after


def started(after: Rig) -> Rig:
    groups = after.engine._recovered.groups if after.engine._recovered else ()
    booted(after, groups, epoch=2, verdict="fresh")
    after.wait(BOOT_S)
    return after


def test_a_quick_restart_quotes_before_the_next_value_comes() -> None:
    _, after = killed()

    started(after)

    assert after.placed()
    assert not after.reasons


def test_quotes_on_values_that_none_follows_are_pulled_at_the_slo_and_nothing_is_told() -> None:
    _, after = killed()
    started(after)

    after.wait(2.0 - 0.5 - RESTART_S - BOOT_S - 0.01)
    early = after.live("resting")
    after.wait(0.02)

    assert early
    assert not after.live("resting")
    assert after.reasons == {Reason.FEED_DOWN}
    assert after.incidents("both_feeds") == []

    after.tick(2)
    assert not after.reasons  # unconfirmed is what failed, not what hadn't begun
    assert after.live("resting")


def test_a_slow_restart_waits_for_the_feed() -> None:
    _, after = killed()
    after.utc_ns += 2 * NS_PER_S

    started(after)

    assert not after.placed()
    assert after.reasons == {Reason.FEED_DOWN}


def test_a_machine_started_anew_waits_for_the_feed() -> None:
    _, after = killed()
    after._mono_less_utc_ns -= 50_000 * NS_PER_S

    started(after)

    assert not after.placed()


def test_the_next_process_knows_the_venues_clock() -> None:
    before, after = killed()
    after.tells_time = False

    started(after)

    assert after.placed()
    assert before.engine.clocks.view(before.now).high_ms is not None


def test_a_process_with_other_clocks_asks_for_the_venues_time() -> None:
    _, after = killed()
    after._mono_less_utc_ns += 200 * NS_PER_MS
    after.tells_time = False

    started(after)

    assert Reason.CLOCK_OFFSET in after.reasons


def test_an_order_that_ended_just_before_is_no_strangers() -> None:
    before = quoting()
    order = before.live("resting")[0]
    shown = before.report(order.intent.client_order_id)
    before.tell(ev.Filled(before.fill_of(order, count_e2=order.intent.count_e2)))
    after = Rig(at_s=0.0, recovered=recover(before.engine.snapshot(before.now, 1), ()))
    after.utc_ns = before.utc_ns + int(RESTART_S * NS_PER_S)
    after.silent.add("ReadOpenOrders")
    started(after)

    read = after.take(cmd.ReadOpenOrders)[-1]
    after.tell(ev.OpenOrdersRead(read.request, before.utc_ns - 200 * NS_PER_MS, (shown,)))

    assert [noted.title for noted in after.records(IncidentNoted) if "unknown here" in noted.title] == []


def test_a_new_seconds_values_are_in_a_snapshot_soon_at_a_snapshot_a_second() -> None:
    rig = quoting()
    delays_ms: list[int] = []
    for _ in range(20):
        rig.tick()
        rig.clear()
        ticked_ns = rig.utc_ns
        while not rig.take(cmd.CaptureSnapshot):
            rig.wait(0.01)
        delays_ms.append((rig.utc_ns - ticked_ns) // NS_PER_MS)

    assert max(delays_ms[2:]) <= 150
    rig.clear()
    rig.tick(20)
    assert 19 <= len(rig.take(cmd.CaptureSnapshot)) <= 22


def test_what_the_process_before_may_have_spent_of_the_write_tokens_is_not_spent_again() -> None:
    before, after = killed()
    orders = len(before.live())
    rate, capacity = 100, 100
    again = Rig(at_s=0.0, recovered=after.engine._recovered)
    again.utc_ns = before.utc_ns + 60 * NS_PER_S

    after.tell(ev.Booted(2, (), "fresh", RESTART_S))
    again.tell(ev.Booted(2, (), "fresh", 60.0))

    assert orders
    assert after.engine.facts.bucket.available(after.now.mono_ns) == 2 * orders + int(RESTART_S * rate) - GROUP
    assert again.engine.facts.bucket.available(again.now.mono_ns) == capacity - GROUP
