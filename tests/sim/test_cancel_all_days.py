"""Cancelling everything at the Basic rate tier in virtual time: how long it takes, and that quotes never leave it without tokens."""

from datetime import date

import msgspec
import pytest

from kalshi_alpha.config import QuotingConfig, WindowsConfig
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.http import HttpRequest
from kalshi_alpha.sched.calendar import session
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sim.exchange import ExchangeConfig, SimExchange
from kalshi_alpha.sim.exchange.order_bodies import CreateBody
from kalshi_alpha.sim.fast import virtual_config, world_for
from kalshi_alpha.sim.feed import SimFeed
from kalshi_alpha.sim.script import DayScript, VenueFault
from kalshi_alpha.sim.virtual_day import LEAD_S, VirtualDay

DAY = date(2026, 11, 23)
ELEVEN = WindowsConfig(hourly_targets_et=("11:00",), close_series=(), hourly_lead_s=2_700)
CANCEL_TOKENS = 2
# Basic: 100 write tokens a second, and no more than that held.
BASIC_BUCKET = 100
MOST_ORDERS = BASIC_BUCKET // CANCEL_TOKENS


class CancelAllDay:
    """One window at a venue of the Basic tier, with every step of the engine looked at."""

    def __init__(self, *faults: VenueFault, quoting: QuotingConfig | None = None) -> None:
        windows = WindowSchedule(ELEVEN).day(DAY)
        self.window = windows[0]
        self.script = DayScript(seed=7, day=DAY.isoformat(), windows=windows, venue_faults=faults)
        path = world_for(self.script, None)
        self.exchange = SimExchange(ExchangeConfig(session=session(DAY), tier="basic"), path, self.script.seed, faults)
        config = virtual_config(ELEVEN, quoting or QuotingConfig(max_open_orders=MOST_ORDERS))
        self.day = VirtualDay(config, self.script, self.exchange, SimFeed(path, self.script.seed, ()))
        self.day.handle = self.handle
        self.spare: list[float] = []
        """Tokens left after cancelling everything, at every step."""
        self.reads: list[tuple[int, int]] = []
        """(When, how many orders) the engine read of what rests."""
        self.proved_ns: list[int] = []
        """As of when the engine knew that nothing rests, at every step that taught it so."""
        self.lost_ns: list[int] = []
        self.refused_cancels = 0

    def handle(self, engine: Engine, event: ev.Event, now: Now) -> list[cmd.Command]:
        done = engine.handle(event, now)
        facts = engine.facts
        unpaid = sum(order.status != "cancelling" for order in facts.orders.live())
        self.spare.append(facts.bucket.available(now.mono_ns) - CANCEL_TOKENS * unpaid)
        match event:
            case ev.OpenOrdersRead():
                self.reads.append((now.utc_ns, len(event.orders)))
                if engine.reconciler.empty_as_of_ns and not len(facts.orders):
                    self.proved_ns.append(now.utc_ns)
            case ev.VenueLost():
                self.lost_ns.append(now.utc_ns)
            case ev.CancelRefused():
                self.refused_cancels += event.http_status == 429
            case _:
                pass
        return done

    def at(self, utc_ns: int, event: ev.Event) -> None:
        """Let the engine hear of something at an instant."""

        def tell(at_ns: int) -> None:
            client = self.day.client
            assert client is not None
            client.step([event], client.now(at_ns))

        self.day._timeline.at(utc_ns, tell)

    def resting(self, utc_ns: int) -> int:
        """Count what rested at the venue at an instant, by its own record."""
        names: set[str] = set()
        for step in self.exchange.order_log:
            if step.utc_ns <= utc_ns and step.order_id:
                (names.add if step.remaining_e2 and step.kind != "cancelled" else names.discard)(step.order_id)
        return len(names)

    def leave_behind(self, count: int, until_ns: int) -> None:
        """Rest orders as an earlier process at this tier would have: ten a second, where nobody else trades."""
        event = next(event for event in self.exchange._venue.catalogue.events.values() if event.ticker == "KXNASDAQ100U-26NOV23H1500")
        for number in range(count):
            at_ns = until_ns - (count + 5 - number) * NS_PER_S // 10
            ticker, name = event.markets[number].ticker, f"left-{number}"
            body = CreateBody(ticker, "bid", "1", "0.01", "good_till_canceled", "taker_at_cross", client_order_id=name, post_only=True)
            request = HttpRequest("POST", "/portfolio/events/orders", "", msgspec.json.encode(body))
            assert self.exchange.request(request, at_ns).status == 201

    def play_until(self, utc_ns: int) -> None:
        """Play from before the window to an instant."""
        at_ns = self.window.start_ns - LEAD_S * NS_PER_S
        self.day._jump(at_ns)
        self.day._start(at_ns)
        self.day._run(at_ns, utc_ns)


def lost_stream(from_ns: int) -> tuple[VenueFault, VenueFault]:
    """Return what drops the venue's stream and keeps it from coming back for 300 ms."""
    return VenueFault(from_ns, from_ns + 1, "reset"), VenueFault(from_ns, from_ns + 300 * NS_PER_MS, "refuse_connections")


def first_start_ns() -> int:
    return WindowSchedule(ELEVEN).day(DAY)[0].start_ns - LEAD_S * NS_PER_S


def test_no_more_orders_than_the_bucket_can_cancel_are_accepted_as_a_setting() -> None:
    virtual_config(ELEVEN, QuotingConfig(max_open_orders=MOST_ORDERS))

    with pytest.raises(ValueError, match=f"max_open_orders is {MOST_ORDERS + 1}: expected at most {MOST_ORDERS}"):
        virtual_config(ELEVEN, QuotingConfig(max_open_orders=MOST_ORDERS + 1))


@pytest.mark.parametrize("lost_after_ms", [700, 1_500, 2_900])
def test_two_hundred_orders_of_an_earlier_process_are_cancelled_and_proved_gone_in_five_seconds(lost_after_ms: int) -> None:
    start_ns = first_start_ns()
    tried = CancelAllDay(*lost_stream(start_ns + lost_after_ms * NS_PER_MS))
    tried.leave_behind(200, start_ns)
    before = tried.resting(start_ns)

    tried.play_until(start_ns + 15 * NS_PER_S)

    found = next(count for _, count in tried.reads if count)
    emptied_ns = max(step.utc_ns for step in tried.exchange.order_log if step.kind == "cancelled")
    proved_ns = next(at_ns for at_ns in tried.proved_ns if at_ns > emptied_ns)
    # 400 tokens with 100 of them at hand and 100 a second: the venue itself takes three seconds.
    assert (before, found, tried.resting(emptied_ns)) == (200, 200, 0)
    assert emptied_ns - start_ns > 3 * NS_PER_S - 100 * NS_PER_MS
    assert proved_ns - start_ns < 5 * NS_PER_S
    assert any(start_ns < lost_ns < emptied_ns for lost_ns in tried.lost_ns)
    # A batch that overtakes the venue's count of tokens by a millisecond is refused; nobody hammers.
    assert tried.refused_cancels <= 10
    assert [noted.title for noted in tried.day.engines[-1].facts.incidents if noted.kind == "orders"] == [
        "200 orders rest at the venue and are unknown here"
    ]


@pytest.mark.parametrize("into_s", [30, 61, 97, 240, 400])
def test_a_cancel_all_in_the_middle_of_quoting_never_waits_for_tokens(into_s: int) -> None:
    marked_ns = WindowSchedule(ELEVEN).day(DAY)[0].start_ns + into_s * NS_PER_S + 137 * NS_PER_MS
    tried = CancelAllDay(*lost_stream(marked_ns + 5 * NS_PER_MS))
    tried.at(marked_ns, ev.CancelAllMarked("operator", "tired"))

    tried.play_until(marked_ns + 10 * NS_PER_S)

    emptied_ns = max(step.utc_ns for step in tried.exchange.order_log if step.kind == "cancelled")
    proved_ns = next(at_ns for at_ns in tried.proved_ns if at_ns > emptied_ns)
    assert tried.resting(marked_ns) > 20
    assert tried.resting(emptied_ns) == 0
    assert emptied_ns - marked_ns < NS_PER_S // 2
    assert proved_ns - marked_ns < 2 * NS_PER_S
    assert min(tried.spare) >= 0
    assert tried.refused_cancels == 0
