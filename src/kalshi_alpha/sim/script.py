"""What happens on a simulated day besides the market: which windows are played and which faults strike when."""

from datetime import date
from random import Random
from typing import Final, Literal

import msgspec

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.hours import SpecialHours
from kalshi_alpha.model.instruments import Window
from kalshi_alpha.model.maintenance import Slot
from kalshi_alpha.sched.calendar import Session
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sim.feed.faults import FeedFault, FeedFaultKind

DEMO_DAY: Final = date(2026, 11, 23)
DEMO_HOURS: Final = ("10:00", "11:00")


class VenueFault(msgspec.Struct, frozen=True):
    """The exchange misbehaves for a while."""

    from_ns: int
    to_ns: int
    kind: str
    params: dict[str, float | str] = {}


class HoursChange(msgspec.Struct, frozen=True):
    """The operator's file of special hours becomes another one."""

    utc_ns: int
    hours: SpecialHours


class ClockFault(msgspec.Struct, frozen=True):
    """The trading process's wall clock is wrong for a while; its monotonic clock isn't."""

    from_ns: int
    to_ns: int
    """When it is set right again."""
    kind: Literal["clock_step", "clock_drift"]
    seconds: float = 0.0
    """Of a step: ahead at once by so much, behind when below 0."""
    ppm: float = 0.0
    """Of a drift: gains so much a second."""

    def ahead_ns(self, utc_ns: int) -> int:
        """Return how far it is ahead at a true instant."""
        if not self.from_ns <= utc_ns < self.to_ns:
            return 0
        return int(self.seconds * NS_PER_S) if self.kind == "clock_step" else int((utc_ns - self.from_ns) * self.ppm / 1e6)


class PageEntry(msgspec.Struct, frozen=True):
    """What the status page shows for a while: a maintenance, an incident, or no page at all."""

    shown_from_ns: int
    shown_to_ns: int
    kind: Literal["maintenance", "incident", "html", "error"]
    status: str = "scheduled"
    from_ns: int = 0
    to_ns: int = 0


class Death(msgspec.Struct, frozen=True):
    """SIGKILL between two steps of the process: at the nth event or command of a kind, within a span."""

    from_ns: int
    to_ns: int
    kind: str
    """An event's or a command's name, ``PlaceOrders``."""
    nth: int = 1
    after: bool = False
    """A command is carried out before the process dies, an event is acted upon."""


DiskFaultKind = Literal["sync_slow", "sync_error", "room_short"]


class DiskFault(msgspec.Struct, frozen=True):
    """The journal's disk misbehaves for a while."""

    from_ns: int
    to_ns: int
    kind: DiskFaultKind
    seconds: float = 2.0
    """Of a slow sync: how long it takes."""


class OperatorAct(msgspec.Struct, frozen=True):
    """The operator presses STOP, or lifts it."""

    utc_ns: int
    kind: Literal["stop", "clear"]
    latch: str = "operator_stop"
    """What a ``clear`` lifts."""


class DayScript(msgspec.Struct, frozen=True):
    """One day to play. All instants are UTC nanoseconds."""

    seed: int
    day: str
    windows: tuple[Window, ...]
    feed_faults: tuple[FeedFault, ...] = ()
    venue_faults: tuple[VenueFault, ...] = ()
    kills_ns: tuple[int, ...] = ()
    """The trading process is killed with SIGKILL and started again by its supervisor."""
    deaths: tuple[Death, ...] = ()
    """The same, between two of its steps."""
    torn_bytes: int = 0
    """So much of what a killed process hadn't synced is on the disk all the same."""
    disk_faults: tuple[DiskFault, ...] = ()
    operator_acts: tuple[OperatorAct, ...] = ()
    hours_changes: tuple[HoursChange, ...] = ()
    """By instant. The windows are those to judge by, whoever knows of them when."""
    venue_session: Session | None = None
    """The session by which the exchange lists its events; None: the calendar's."""
    clock_faults: tuple[ClockFault, ...] = ()
    also_played: tuple[tuple[int, int], ...] = ()
    """Stretches that are played besides the windows."""
    maintenances: tuple[tuple[int, int], ...] = ()
    """The announced ones that really take place: nothing may rest from shortly before them until they end."""
    operator_slots: tuple[Slot, ...] = ()
    page: tuple[PageEntry, ...] = ()
    """The status page, by time; where nothing is shown it says that all is well."""

    def both_down(self) -> list[tuple[int, int]]:
        """Return the spans in which no leg delivers anything fresh, as scripted. A refusal only meets who connects anew."""
        down = [
            fault for fault in self.feed_faults if fault.leg == "*" and fault.symbol == "*" and fault.kind in {"silent", "abort", "lag"}
        ]
        return [(fault.from_ns, fault.to_ns) for fault in down]


def windows_config(*, all_windows: bool, lead_s: int | None = None) -> WindowsConfig:
    """Return the windows a demo plays: every one, or two hourly ones and the close, as long as they are or opening ``lead_s`` before."""
    config = WindowsConfig() if all_windows else WindowsConfig(hourly_targets_et=DEMO_HOURS)
    return config if lead_s is None else msgspec.structs.replace(config, hourly_lead_s=lead_s, close_lead_s=lead_s)


def demo_script(seed: int, day: date, config: WindowsConfig) -> DayScript:
    """Return the built-in events: polygon dies and comes back, both legs die, the process is killed."""
    windows = WindowSchedule(config).day(day)
    first, second, last = windows[0], windows[min(1, len(windows) - 1)], windows[-1]
    polygon_ns, both_ns = _into(first, 0.27), _into(second, 0.33)
    return DayScript(
        seed=seed,
        day=day.isoformat(),
        windows=windows,
        feed_faults=(
            FeedFault(polygon_ns, _into(first, 0.43), "polygon", "abort"),
            FeedFault(both_ns, _into(second, 0.4), "*", "silent"),
        ),
        kills_ns=(_into(last, 0.33),),
    )


def _into(window: Window, share: float) -> int:
    """Return the whole second at a share of the window's time."""
    return window.start_ns + int((window.freeze_ns - window.start_ns) * share) // NS_PER_S * NS_PER_S


def random_script(seed: int, day: date, config: WindowsConfig) -> DayScript:
    """Return a day with at least one outage, one restart and one refused order at random places of its windows."""
    draw = Random(seed ^ 0x5EED)
    windows = WindowSchedule(config).day(day)
    feed_faults = [_outage(draw, windows) for _ in range(1 + draw.randrange(3))]
    kills = sorted(_moment(draw, windows) for _ in range(1 + draw.randrange(2)))
    kinds = ("reject", "lose_reply", "unavailable_before", "unavailable_after", "too_many")
    venue_faults = [VenueFault(at := _moment(draw, windows), at + 20 * NS_PER_S, "reject", {})]
    for _ in range(draw.randrange(4)):
        at = _moment(draw, windows)
        venue_faults.append(VenueFault(at, at + draw.randrange(1, 15) * NS_PER_S, draw.choice(kinds), {}))
    return DayScript(seed, day.isoformat(), windows, tuple(feed_faults), tuple(venue_faults), tuple(kills))


def _moment(draw: Random, windows: tuple[Window, ...]) -> int:
    """Return an instant in a window; one in five lies in its last ten seconds."""
    window = windows[draw.randrange(len(windows))]
    if draw.random() < 0.2:  # noqa: PLR2004 - one in five, as said above
        return window.freeze_ns - draw.randrange(8 * NS_PER_S)
    return window.start_ns + draw.randrange(window.freeze_ns - window.start_ns)


def _outage(draw: Random, windows: tuple[Window, ...]) -> FeedFault:
    at = _moment(draw, windows)
    leg = draw.choice(("polygon", "polygon", "massive", "*"))
    kinds: tuple[FeedFaultKind, ...] = ("silent", "abort", "refuse", "lag")
    symbol = draw.choice(("*", "*", "I:SPX", "I:NDX"))
    return FeedFault(at, at + draw.randrange(3, 90) * NS_PER_S, leg, draw.choice(kinds), symbol, {"lag_s": 4.0})
