"""A whole day in virtual time: the real engine and codecs against the simulated exchange and feeds, no sockets."""

from collections.abc import Callable
from functools import partial
from typing import Final

from kalshi_alpha.adapters.journal_memory import MemoryJournal
from kalshi_alpha.adapters.kalshi.stream import VenueStream
from kalshi_alpha.adapters.massive.stream import FeedStream
from kalshi_alpha.config import Config
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.exec.recovery import RecoveredState, recover
from kalshi_alpha.exec.runners.start import booted_event
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.hours import SpecialHours
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.instruments import LEGS, SYMBOLS, Leg
from kalshi_alpha.model.snapshot import EngineSnapshot
from kalshi_alpha.sched.hotrestart import Fresh, HotRestartManager, Restored, Stale
from kalshi_alpha.sim.exchange import SimExchange
from kalshi_alpha.sim.feed import SimFeed
from kalshi_alpha.sim.feed.rest import FeedRest
from kalshi_alpha.sim.script import DayScript, OperatorAct
from kalshi_alpha.sim.status_page import read_page
from kalshi_alpha.sim.timeline import Timeline
from kalshi_alpha.sim.virtual_client import Handle, VirtualClient
from kalshi_alpha.sim.wire import NEVER_NS, Delays, ServerSession, Wire
from kalshi_alpha.sim.witness import Witness

LEAD_S: Final = 75
"""Played before each window."""
TAIL_S: Final = 5
"""Played after each target; the rest of the gap is jumped over."""
SETTLE_S: Final = 400
RESTART_NS: Final = 400_000_000
"""What a killed process needs to be back: its start, without the venue."""
REBOOT_EVERY: Final = 3
"""One start in so many finds the machine started anew, and the monotonic clock with it; the others the clocks of the process before."""
SPINS: Final = 10_000
"""Steps at one instant of which no day has a tenth."""
API_KEY: Final = "sim-key"
ACTOR: Final = "anna"


class MemoryStore:
    """The snapshot file, in memory."""

    def __init__(self) -> None:
        """Start without a snapshot."""
        self._data: bytes | None = None

    def read(self) -> bytes | None:
        """Return what was written last."""
        return self._data

    def write(self, data: bytes) -> None:
        """Replace it."""
        self._data = data


class VirtualDay:
    """Moves exchange, feeds and trading process through a script's windows."""

    def __init__(self, config: Config, script: DayScript, exchange: SimExchange, feed: SimFeed) -> None:
        """Put the parts of one day together; ``play`` runs it."""
        self.witness = Witness(script)
        self.journal = MemoryJournal()
        self.client: VirtualClient | None = None
        self.restarts: list[tuple[int, int]] = []
        """(kill, new process) instants."""
        self.streams: dict[Leg, FeedStream] = {}
        """The feed clients of the process that runs now."""
        self.died: list[str] = []
        """What killed the process between two steps, ``PlaceOrders, after``."""
        self.torn = 0
        """Torn tails that a start has cut."""
        self.steps = 0
        self.engines: list[Engine] = []
        self.handle: Handle = Engine.handle
        self._config = config
        self._script = script
        self._exchange = exchange
        self._feed = feed
        self._rest = FeedRest(feed, "polygon")
        self._timeline = Timeline()
        self._delays = Delays(script.seed ^ 0xDE1A)
        self._store = MemoryStore()
        self._snapshots = HotRestartManager(self._store)
        self._captured: EngineSnapshot | None = None
        """The newest snapshot. It is frozen, so that it need only be sealed for the one who reads it: the next start."""
        self._starts = 0
        self._mono_base_ns = 0
        self._deaths = list(script.deaths)
        self._left = [death.nth for death in script.deaths]
        self._hours = SpecialHours()
        self._unheard: list[ev.Event] = []
        """What the operator wanted while no process listened."""
        self._said: tuple[ev.Event, int] | None = None
        """What the operator said last, and the number of the record that confirms it."""

    def play(self) -> None:
        """Play every window with its lead and tail, then wait for the outcomes."""
        for kill_ns in self._script.kills_ns:
            self._timeline.at(kill_ns, self._kill)
        for change in self._script.hours_changes:
            self._timeline.at(change.utc_ns, partial(self._change_hours, change.hours))
        for act in self._script.operator_acts:
            self._timeline.at(act.utc_ns, partial(self._operator, act))
        stretches = self._stretches()
        at_ns = stretches[0][0]
        self._jump(at_ns)
        self._start(at_ns)
        for from_ns, to_ns in stretches:
            if from_ns > at_ns:
                self._jump(from_ns)
                at_ns = from_ns
            at_ns = self._run(at_ns, max(at_ns, to_ns))
        self._run(at_ns, at_ns + SETTLE_S * NS_PER_S)

    def _stretches(self) -> list[tuple[int, int]]:
        """Return what is played, by start: every window with its lead and tail, and what the script wants besides."""
        windows = [(window.start_ns - LEAD_S * NS_PER_S, window.target_ns + TAIL_S * NS_PER_S) for window in self._script.windows]
        return sorted([*windows, *self._script.also_played])

    # Time

    def _jump(self, utc_ns: int) -> None:
        """Skip a gap between windows: the exchange catches up, the feeds' values of the gap are nobody's."""
        self._exchange.advance(utc_ns)
        self._feed.advance(utc_ns)
        self._pump(utc_ns)

    def _pump(self, utc_ns: int) -> None:
        if self.client is not None:
            for wire in self.client.wires:
                wire.pump(utc_ns)

    def _pump_venue(self, utc_ns: int) -> None:
        if self.client is not None:
            self.client.wires[0].pump(utc_ns)

    def _run(self, from_ns: int, until_ns: int) -> int:
        """Move from instant to instant until ``until_ns``."""
        timeline, exchange, feed = self._timeline, self._exchange, self._feed
        at_ns, stands_still = from_ns, 0
        while True:
            client = self.client
            exchange_ns, feed_ns = exchange.next_event_ns() or NEVER_NS, feed.next_event_ns() or NEVER_NS
            client_ns = client.next_ns() if client is not None and client.alive else NEVER_NS
            following_ns = min(exchange_ns, feed_ns, timeline.next_ns() or NEVER_NS, client_ns, until_ns)
            if following_ns >= until_ns:
                return until_ns
            stands_still = stands_still + 1 if following_ns <= at_ns else 0
            assert stands_still < SPINS, f"time stands still at {at_ns}: the process is due again and again, in reality at a full core"
            at_ns = max(at_ns, following_ns)
            self.steps += 1
            if exchange_ns <= at_ns:
                exchange.advance(at_ns)
                self._pump_venue(at_ns)
            if feed_ns <= at_ns:
                feed.advance(at_ns)
                self._pump(at_ns)
            timeline.run_due(at_ns)
            if client is not None and client is self.client and client_ns <= at_ns:
                client.tick(at_ns)

    # The process

    def _start(self, utc_ns: int) -> None:
        """Start an incarnation through the one start path."""
        now = Now(utc_ns=utc_ns + sum(fault.ahead_ns(utc_ns) for fault in self._script.clock_faults), mono_ns=utc_ns)
        restored = self._restored(now)
        snapshot = restored.snapshot if isinstance(restored, Fresh | Stale) else None
        read = self.journal.read(snapshot.journal_seq if snapshot else 0)
        recovered: RecoveredState = recover(snapshot, read.records)
        engine = Engine(self._config, recovered)
        if self._starts % REBOOT_EVERY == 0:
            self._mono_base_ns = utc_ns - (self._starts + 1) * NS_PER_S
        self._starts += 1
        self.engines.append(engine)
        client = VirtualClient(engine, self.journal, self._timeline, self._delays, self._mono_base_ns)
        venue = VenueStream(seed=self._script.seed + self._starts)
        wires = [Wire(client, venue, self._to_exchange)]
        for leg in LEGS:
            stream = FeedStream(leg, SYMBOLS, API_KEY, self._config.feeds, self._script.seed + self._starts)
            self.streams[leg] = stream
            wires.append(Wire(client, stream, self._feed_of(leg)))
        client.connect(venue, wires, self._request)
        client.clock_faults, client.disk_faults = self._script.clock_faults, self._script.disk_faults
        client.is_fatal = self._is_fatal if self._deaths else None
        client.on_death, client.on_exit = self._kill, self._exited
        client.handle = self.handle
        client.on_snapshot = self._capture
        client.aside = self._aside
        client.snapshots = self._snapshot
        self.witness.journal_is(self.journal)
        client.on_event = self.witness.event_seen
        client.on_request = self.witness.request_sent
        self.client = client
        booted = booted_event(restored, recovered, now, has_journal=bool(read.last_seq))
        unheard, self._unheard = self._unheard, []
        client.step([booted, cal.SpecialHoursChanged(self._hours), *unheard], client.now(utc_ns))
        if client.alive:
            client.tick(utc_ns)

    def _to_exchange(self, utc_ns: int) -> ServerSession | None:
        return self._exchange.connect() if self._exchange.accepts_connections(utc_ns) else None

    def _feed_of(self, leg: Leg) -> Callable[[int], ServerSession | None]:
        return lambda at_ns: self._feed.connect(leg, at_ns)

    def _request(self, request: HttpRequest, utc_ns: int) -> HttpResponse:
        response = self._exchange.request(request, utc_ns)
        self._pump_venue(utc_ns)
        return response

    def _snapshot(self, request: HttpRequest, utc_ns: int) -> HttpResponse:
        return self._rest.answer(request, API_KEY, utc_ns)

    def _restored(self, now: Now) -> Restored:
        """Read the newest snapshot as a start would."""
        if self._captured is not None:
            self._snapshots.capture(self._captured)
        return self._snapshots.restore(now)

    def _capture(self, engine: Engine, now: Now) -> None:
        self.journal.sync()
        self._captured = engine.snapshot(now, self.journal.next_seq - 1)

    def _change_hours(self, hours: SpecialHours, utc_ns: int) -> None:
        """Change the file: the process hears of it, and so will those started later."""
        self._hours = hours
        if self.client is not None:
            self.client.step([cal.SpecialHoursChanged(hours)], self.client.now(utc_ns))

    def _aside(self, command: cmd.Command, now: Now) -> list[ev.Event]:
        match command:
            case cmd.CaptureSnapshot():
                return [cal.SnapshotVerified(type(self._restored(now)).__name__.lower(), 0.0)]
            case cmd.ReadOperatorSlots():
                return [cal.OperatorSlotsRead(self._script.operator_slots, "")]
            case cmd.ReadStatusPage():
                return read_page(self._script.page, command, now.utc_ns)
            case cmd.KeepHouse():
                return [cal.HousekeepingDone(0, "simulated")]
            case _:
                return []

    def _operator(self, act: OperatorAct, utc_ns: int) -> None:
        """Press STOP or lift it: on the control socket where a process listens, else by the file that the next start reads."""
        client = self.client
        event = ev.OperatorStopped(ACTOR, act.kind) if act.kind == "stop" else ev.OperatorCleared(ACTOR, act.latch)
        if client is None or not client.alive:
            self._unheard.append(event)
        else:
            self._said = (event, self.journal.next_seq)
            client.step([event], client.now(utc_ns))

    def _is_fatal(self, what: object, after: bool, utc_ns: int) -> bool:
        """Whether a scripted death strikes at this step."""
        name = type(what).__name__
        for place, death in enumerate(self._deaths):
            if death.kind != name or death.after != after or not death.from_ns <= utc_ns < death.to_ns or not self._left[place]:
                continue
            self._left[place] -= 1
            if not self._left[place]:
                self.died.append(f"{name}, {'after' if after else 'before'}")
                return True
        return False

    def _kill(self, utc_ns: int) -> None:
        """SIGKILL: what wasn't synced is gone, the supervisor starts the next one."""
        client = self.client
        if client is None or not client.alive:
            return
        client.kill()
        self._restart(utc_ns)

    def _exited(self, utc_ns: int) -> None:
        """Start the next one when the process left because of its disk; it can start when the disk is well."""
        assert self.client is not None
        if not self.client.engine.facts.storage_failure:
            return
        self.client.kill()
        well_ns = max((fault.to_ns for fault in self._script.disk_faults if fault.from_ns <= utc_ns < fault.to_ns), default=utc_ns)
        self._restart(utc_ns, max(utc_ns, well_ns))

    def _restart(self, utc_ns: int, from_ns: int | None = None) -> None:
        self.client = None
        left = self.journal.cut(self._script.torn_bytes)
        self.torn += len(left) > len(self.journal.data)
        self.journal = MemoryJournal(left)
        if self._said is not None and self.journal.next_seq <= self._said[1]:
            self._unheard.append(self._said[0])  # never confirmed, so that whoever asked left it for the next start
        back_ns = (from_ns or utc_ns) + RESTART_NS
        self.restarts.append((utc_ns, back_ns))
        self._timeline.at(back_ns, self._start)
