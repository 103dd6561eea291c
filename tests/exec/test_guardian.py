"""When the guardian cancels everything, what it sends and until when: a day of its life with the venue played by the test."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import pytest
from msgspec.structs import replace

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.exec.guardian import Guardian, GuardianCommand, GuardianRequest, Pace
from kalshi_alpha.exec.guardian_watch import EngineWatch
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, Now, utc_ns_of
from kalshi_alpha.model.guardian import Heartbeat
from kalshi_alpha.model.orders import VenueOrder
from kalshi_alpha.sched.windows import WindowSchedule

FREEZE_NS = utc_ns_of(datetime.fromisoformat("2026-11-23T09:59:58-05:00"))
STEP_S = 0.25


def order(name: str, group: str = "g-1", ticker: str = "KXINXU-26NOV23H1000-T6849.9999") -> VenueOrder:
    return VenueOrder(name, f"c-{name}", ticker, "bid", 4_700, 1_000, 0, "resting", group)


class Scene:
    """The guardian, a trading process and a venue, ten minutes before the freeze."""

    def __init__(self, at_ns: int = FREEZE_NS - 600 * NS_PER_S) -> None:
        self.now = Now(at_ns, 1_000 * NS_PER_S)
        self.orders: dict[str, VenueOrder] = {}
        self.alive, self.readable, self.answers = True, True, True
        self.keeps: frozenset[str] = frozenset()
        """Orders that no cancel reaches."""
        self.lag_ns = NS_PER_S // 2
        self.freeze_ns, self.stop = FREEZE_NS, ""
        self.latches: tuple[str, ...] = ()
        self.sign: Heartbeat | str = "missing"
        self.guardian = Guardian(EngineWatch(self.now, 3.0), WindowSchedule(WindowsConfig()), 5, Pace(5 * NS_PER_S, 100))
        self.sent: list[tuple[float, GuardianCommand]] = []
        self._start = self.now
        self._past: list[tuple[int, tuple[VenueOrder, ...]]] = []

    @property
    def second(self) -> float:
        return (self.now.mono_ns - self._start.mono_ns) / NS_PER_S

    def run(self, seconds: float) -> None:
        """Let time pass, with a look at each step; what is sent is answered at once."""
        for _ in range(round(seconds / STEP_S)):
            step_ns = int(STEP_S * NS_PER_S)
            self.now = Now(self.now.utc_ns + step_ns, self.now.mono_ns + step_ns)
            if self.alive:
                self.sign = Heartbeat(7, 3, ("g-1",), self.now.utc_ns, self.now.mono_ns, self.freeze_ns, self.latches)
            self._past.append((self.now.utc_ns, tuple(self.orders.values())))
            self.answer(self.guardian.look(self.sign, self.stop, self.now))

    def answer(self, commands: Sequence[GuardianCommand]) -> None:
        for command in commands:
            self.sent.append((self.second, command))
            if not isinstance(command, cmd.SendAlert):
                self.answer(self.guardian.done(command, self._outcome(command), self.now))

    def _outcome(self, command: GuardianRequest) -> list[ev.Event]:
        if isinstance(command, cmd.ReadOpenOrders):
            return [self._read(command.request)]
        if not self.answers:
            return [ev.RequestFailed(type(command).__name__, 0, 0, "no answer")]
        gone: list[str] = []
        events: list[ev.Event] = []
        match command:
            case cmd.TriggerGroup(group_id=group):
                gone = [name for name, one in self.orders.items() if one.group_id == group]
                events = [ev.GroupTriggered(group)]
            case cmd.CancelOrders(targets=targets):
                gone = [target.order_id for target in targets]
            case cmd.CancelAll():
                gone, events = list(self.orders), [ev.CancelAllAcknowledged()]
            case _:
                raise AssertionError(command)
        self.orders = {name: one for name, one in self.orders.items() if name not in gone or name in self.keeps}
        return [*events, ev.VenueTimed(self.now.mono_ns, self.now.utc_ns, 1_000_000)]

    def _read(self, request: int) -> ev.Event:
        if not self.readable:
            return ev.RequestFailed("ReadOpenOrders", request, 503, "unavailable")
        as_of_ns = self.now.utc_ns - self.lag_ns
        seen = [orders for at_ns, orders in self._past if at_ns <= as_of_ns]
        return ev.OpenOrdersRead(request, as_of_ns, seen[-1] if seen else ())

    def of(self, kind: type) -> list[float]:
        """Return when commands of this kind were sent, in seconds since the start."""
        return [second for second, command in self.sent if isinstance(command, kind)]

    def cancels(self) -> list[GuardianCommand]:
        return [command for _, command in self.sent if isinstance(command, cmd.TriggerGroup | cmd.CancelOrders | cmd.CancelAll)]

    def alerts(self) -> list[tuple[str, str]]:
        return [(command.message.what, command.message.severity) for _, command in self.sent if isinstance(command, cmd.SendAlert)]

    def cause(self) -> str:
        assert self.guardian.episode is not None
        return self.guardian.episode.cause


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.orders = {name: order(name) for name in ("a", "b")}
    return made


def test_while_all_is_well_it_only_reads_and_seldom(scene: Scene) -> None:
    scene.run(60)

    assert scene.cancels() == []
    assert len(scene.of(cmd.ReadOpenOrders)) == 12  # every five seconds
    assert scene.alerts() == []


def test_a_silence_of_three_seconds_with_orders_resting_triggers_the_group_and_nothing_else(scene: Scene) -> None:
    scene.run(10)
    scene.alive = False
    scene.run(2.75)
    before = scene.cancels()
    scene.run(0.25)

    assert before == []
    assert [type(command) for command in scene.cancels()] == [cmd.TriggerGroup]
    (trigger,) = scene.cancels()
    assert isinstance(trigger, cmd.TriggerGroup)
    assert (trigger.group_id, trigger.subaccount) == ("g-1", 5)
    assert scene.orders == {}
    scene.run(5)
    assert len(scene.cancels()) == 1
    assert scene.guardian.episode is not None
    assert scene.guardian.episode.verified_ns is not None
    assert scene.cause() == "silent"
    assert scene.alerts() == [("raised", "page"), ("closed", "page")]


def test_a_restart_within_three_seconds_is_left_alone(scene: Scene) -> None:
    scene.run(10)
    scene.alive = False
    scene.run(2.75)
    scene.alive = True
    scene.run(10)

    assert scene.cancels() == []


def test_a_silence_in_which_the_venue_shows_nothing_is_nobodys_business(scene: Scene) -> None:
    scene.run(10)
    scene.alive, scene.orders = False, {}
    scene.run(120)

    assert scene.cancels() == []
    assert scene.alerts() == []


def test_orders_that_rest_no_more_by_a_newer_read_are_no_reason(scene: Scene) -> None:
    scene.run(6)  # the read at five seconds shows them
    scene.orders = {}
    scene.run(0.75)
    scene.alive = False
    scene.run(10)

    assert scene.cancels() == []


def test_an_order_that_comes_late_after_the_death_is_found(scene: Scene) -> None:
    scene.orders = {}
    scene.run(10)
    scene.alive = False
    scene.run(8)
    scene.orders = {"late": order("late")}
    scene.run(2)

    assert scene.orders == {}
    assert [type(command) for command in scene.cancels()] == [cmd.TriggerGroup]


def test_orders_outside_of_the_known_group_are_cancelled_by_id_and_their_group_triggered(scene: Scene) -> None:
    scene.orders |= {"c": order("c", "g-9"), "d": order("d", "")}
    scene.run(10)
    scene.alive = False
    scene.run(4)

    kinds = [type(command) for command in scene.cancels()]
    assert kinds == [cmd.TriggerGroup, cmd.TriggerGroup, cmd.CancelOrders]
    assert [target.order_id for target in scene.cancels()[2].targets] == ["d"]  # type: ignore[union-attr]  # the kinds are checked above
    assert scene.orders == {}


def test_what_a_trigger_leaves_is_cancelled_by_id_and_by_cancel_all_again_and_again(scene: Scene) -> None:
    scene.keeps = frozenset({"b"})
    scene.run(10)
    scene.alive = False
    scene.run(60)
    while_kept = len(scene.of(cmd.CancelAll))
    scene.keeps = frozenset()
    scene.run(10)

    assert len(scene.of(cmd.TriggerGroup)) == 1  # it is triggered for good
    assert 8 <= while_kept <= 20  # twice as long between them each time, up to five seconds
    assert scene.orders == {}
    assert scene.guardian.episode is not None
    assert scene.guardian.episode.over
    assert [what for what, _ in scene.alerts()] == ["raised", "closed"]


def test_a_cancel_that_never_ends_is_told_again_every_minute(scene: Scene) -> None:
    scene.keeps = frozenset({"b"})
    scene.run(10)
    scene.alive = False
    scene.run(130)

    assert [what for what, _ in scene.alerts()] == ["raised", "repeated", "repeated"]


def test_a_read_older_than_the_cancel_proves_nothing(scene: Scene) -> None:
    scene.run(10)
    scene.alive = False
    scene.run(2.75)
    scene.lag_ns, before = 1_500_000_000, len(scene.of(cmd.ReadOpenOrders))
    scene.run(1.5)

    assert scene.guardian.episode is not None
    assert not scene.guardian.episode.over
    assert len(scene.of(cmd.ReadOpenOrders)) - before >= 4  # it reads on
    scene.run(0.5)
    assert scene.guardian.episode.over


def test_where_the_venue_cant_be_read_everything_is_cancelled_unseen(scene: Scene) -> None:
    scene.run(10)
    scene.alive = scene.readable = False
    scene.run(3)

    assert [type(command) for command in scene.cancels()] == [cmd.TriggerGroup, cmd.CancelAll]
    assert scene.guardian.episode is not None
    assert scene.guardian.episode.resting is None
    scene.run(30)
    assert 3 <= len(scene.of(cmd.CancelAll)) <= 10
    assert not scene.guardian.episode.over
    scene.readable = True
    scene.run(10)
    assert scene.guardian.episode.over


def test_an_empty_read_from_before_the_cancel_proves_nothing(scene: Scene) -> None:
    scene.orders = {}
    scene.run(9.5)
    scene.orders = {"new": order("new")}
    scene.run(0.5)
    scene.alive = scene.readable = False
    scene.run(20)

    assert scene.guardian.read is not None
    assert scene.guardian.read.orders == ()
    assert scene.guardian.episode is not None
    assert not scene.guardian.episode.over


def test_requests_that_fail_are_made_again_less_and_less_often(scene: Scene) -> None:
    scene.answers = False
    scene.run(10)
    scene.alive = False
    scene.run(60)

    times = scene.of(cmd.TriggerGroup)
    gaps = [round(later - earlier, 2) for earlier, later in pairwise(times)]
    assert gaps[0] <= 4
    assert max(gaps) <= 6
    assert len(times) >= 10
    scene.answers = True
    scene.run(10)
    assert scene.orders == {}


def test_reads_that_fail_come_less_often_and_a_ticket_tells_of_it_after_five_minutes(scene: Scene) -> None:
    scene.readable = False
    scene.run(290)
    early = scene.alerts()
    scene.run(20)

    assert 30 <= len(scene.of(cmd.ReadOpenOrders)) <= 60
    assert scene.guardian.is_blind(scene.now)
    assert early == []
    assert scene.alerts() == [("raised", "ticket")]
    scene.readable = True
    scene.run(20)
    assert scene.alerts() == [("raised", "ticket"), ("closed", "ticket")]
    assert not scene.guardian.is_blind(scene.now)
    assert scene.cancels() == []  # the trading process lives


def test_an_engine_that_comes_back_takes_over(scene: Scene) -> None:
    scene.keeps = frozenset({"a", "b"})
    scene.run(10)
    scene.alive = False
    scene.run(5)
    scene.alive = True
    scene.run(0.5)
    sent = len(scene.cancels())
    scene.run(20)

    assert scene.guardian.episode is not None
    assert scene.guardian.episode.over
    assert scene.guardian.episode.verified_ns is None
    assert len(scene.cancels()) == sent
    assert [what for what, _ in scene.alerts()] == ["raised", "closed"]


def test_orders_that_rest_after_the_freeze_are_cancelled_although_the_engine_lives(scene: Scene) -> None:
    scene.now = replace(scene.now, utc_ns=FREEZE_NS - 20 * NS_PER_S)
    scene.run(20)
    before = scene.cancels()
    scene.run(2)

    assert before == []
    assert scene.cause() == "after_freeze"
    assert {type(command) for command in scene.cancels()} == {cmd.TriggerGroup, cmd.CancelAll}
    assert scene.orders == {}


def test_orders_gone_by_the_freeze_are_proven_gone_by_a_read_within_two_seconds_of_it(scene: Scene) -> None:
    scene.now = replace(scene.now, utc_ns=FREEZE_NS - 20 * NS_PER_S)
    scene.run(18)
    scene.orders = {}
    scene.run(2)
    before = len(scene.of(cmd.ReadOpenOrders))
    scene.run(2)

    assert len(scene.of(cmd.ReadOpenOrders)) > before
    assert scene.cancels() == []


def test_the_calendar_says_when_a_freeze_is_whatever_the_engine_says(scene: Scene) -> None:
    scene.now = replace(scene.now, utc_ns=FREEZE_NS - 10 * NS_PER_S)
    scene.freeze_ns = FREEZE_NS + 3_600 * NS_PER_S
    scene.run(13)

    assert scene.cause() == "after_freeze"


def test_an_earlier_freeze_of_the_engines_counts_as_well(scene: Scene) -> None:
    scene.freeze_ns = scene.now.utc_ns + 20 * NS_PER_S
    scene.run(20)
    before = scene.cancels()
    scene.run(10)

    assert before == []
    assert scene.cause() == "after_freeze"


def test_a_window_that_the_engine_withdraws_leaves_it_two_seconds_for_its_cancels(scene: Scene) -> None:
    scene.guardian._pace = Pace(NS_PER_S // 4, 100)
    scene.run(10)
    scene.freeze_ns = 0
    scene.run(1.5)
    scene.orders = {}
    scene.run(60)

    assert scene.cancels() == []


def test_the_first_orders_of_a_window_arent_mistaken_for_old_ones(scene: Scene) -> None:
    scene.orders, scene.freeze_ns = {}, 0
    scene.lag_ns = 0
    scene.run(30)
    scene.sign, scene.alive = scene.sign, False  # the sign with the new window comes after the orders
    scene.orders = {"new": order("new")}
    scene.run(0.25)
    scene.alive, scene.freeze_ns = True, FREEZE_NS
    scene.run(30)

    assert scene.cancels() == []


def test_an_order_of_a_series_without_a_window_rests_where_none_may(scene: Scene) -> None:
    scene.orders = {"x": order("x", "g-1", "KXINX-26NOV23H1600-B6862")}  # the close's window opens at 15:50
    scene.run(6)

    assert scene.cause() == "after_freeze"


def test_beyond_the_calendar_nothing_may_rest() -> None:
    scene = Scene(utc_ns_of(datetime.fromisoformat("2199-06-03T10:00:00-04:00")))
    scene.orders, scene.freeze_ns = {"a": order("a")}, scene.now.utc_ns + 600 * NS_PER_S
    scene.run(6)

    assert scene.cause() == "after_freeze"


def test_a_stop_with_orders_resting_cancels_all_at_once(scene: Scene) -> None:
    scene.run(10)
    scene.alive, scene.stop = False, "drill (by anna)"
    scene.run(1)

    assert scene.cause() == "stop"
    assert cmd.CancelAll in {type(command) for command in scene.cancels()}
    assert scene.orders == {}


def test_a_stop_with_nothing_resting_is_the_engines_own_business(scene: Scene) -> None:
    scene.orders = {}
    scene.run(10)
    scene.stop = "drill (by anna)"
    scene.run(30)

    assert scene.cancels() == []


def test_orders_that_stay_under_a_latch_are_cancelled_but_not_before_the_engine_had_its_time(scene: Scene) -> None:
    scene.run(10)
    scene.latches = ("operator_stop",)
    scene.run(3)
    before = scene.cancels()
    scene.run(3)

    assert before == []
    assert scene.cause() == "latched"
    assert scene.orders == {}


def test_an_order_that_comes_and_goes_under_a_latch_is_the_engines_business(scene: Scene) -> None:
    scene.latches = ("somebody_else_trades",)
    for number in range(20):
        scene.orders = {str(number): order(str(number))}
        scene.run(1.5)

    assert scene.cancels() == []


def test_at_the_start_an_old_sign_and_resting_orders_are_enough_once_the_venue_was_asked(scene: Scene) -> None:
    scene.alive = False
    scene.sign = Heartbeat(7, 3, ("g-1",), scene.now.utc_ns - 60 * NS_PER_S, scene.now.mono_ns - 60 * NS_PER_S, FREEZE_NS, ())
    scene._past = [(scene.now.utc_ns - NS_PER_S, tuple(scene.orders.values()))]
    scene.run(0.25)

    assert scene.orders == {}


def test_at_the_start_with_nothing_known_the_venue_is_asked_before_anything_is_cancelled() -> None:
    scene = Scene()
    scene.alive = False
    scene.run(30)

    assert scene.cancels() == []


def test_at_the_start_the_venue_has_its_time_to_answer_before_everything_is_cancelled_unseen(scene: Scene) -> None:
    scene.alive = scene.readable = False
    scene.sign = Heartbeat(7, 3, ("g-1",), scene.now.utc_ns - 60 * NS_PER_S, scene.now.mono_ns - 60 * NS_PER_S, FREEZE_NS, ())
    scene.run(1.5)
    before = scene.cancels()
    scene.run(0.5)

    assert before == []
    assert cmd.CancelAll in {type(command) for command in scene.cancels()}


def test_a_rounds_cancels_fit_the_write_bucket(scene: Scene) -> None:
    scene.orders = {str(number): order(str(number), "") for number in range(200)}
    scene.run(10)
    scene.alive = False
    scene.run(3)

    spent = sum(
        10 if isinstance(command, cmd.TriggerGroup) else 2 * len(command.targets) if isinstance(command, cmd.CancelOrders) else 2
        for command in scene.cancels()
    )
    assert 80 <= spent <= 100
    scene.run(10)
    assert scene.orders == {}


def test_a_late_answer_of_an_episode_that_is_over_changes_nothing(scene: Scene) -> None:
    scene.run(10)
    scene.alive = False
    scene.run(8)
    (trigger,) = scene.cancels()
    assert isinstance(trigger, cmd.TriggerGroup)

    assert scene.guardian.done(trigger, [ev.RequestFailed("TriggerGroup", 1, 0, "late")], scene.now) == []
