"""Random days for the proof: each seed first switches some classes of faults on, then draws faults of those classes only.

One day in four is a *liveness* day: from its last hourly window on nothing is wrong any more, and quoting has to resume.
Each day has an outage, a death and a refused order. Source: swarm testing, Groce et al. 2012; safety and liveness modes as in
deterministic simulation testing of databases.
"""

from datetime import date
from random import Random
from typing import Final

import msgspec

from kalshi_alpha.config import QuotingConfig, RiskConfig, WindowsConfig
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.instruments import Series, Window
from kalshi_alpha.sched.calendar import session
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sim.checkers import broken_promises
from kalshi_alpha.sim.exchange import ExchangeConfig
from kalshi_alpha.sim.fast import Played, judge, play_on, virtual_config, world_for
from kalshi_alpha.sim.feed.faults import FeedFault, FeedFaultKind
from kalshi_alpha.sim.script import DEMO_DAY, ClockFault, DayScript, Death, DiskFault, DiskFaultKind, OperatorAct, VenueFault
from kalshi_alpha.sim.virtual_day import LEAD_S

CLASSES: Final = ("feed_line", "feed_values", "venue_requests", "venue_stream", "deaths", "disk", "clock", "operator")
HOURLY: Final[tuple[tuple[Series, ...], ...]] = (("INXU",), ("NASDAQ100U",), ("INXU", "NASDAQ100U"))
TARGETS_ET: Final = ("10:00", "11:00", "12:00", "13:00", "14:00", "15:00")
ROOMY_S: Final = 90
"""In the last minute there may be nothing left to quote: a window this long surely has something before it."""
LEADS_S: Final = (61, 62, 75, 90, 120)
"""From the shortest that the settings allow."""
MARKETS: Final = {"KXINXU": 120, "KXNASDAQ100U": 240, "KXINX": 30, "KXNASDAQ100": 30}
"""Wide enough for the index's largest days, and less to list than the venue's 200 to 400."""
QUOTED_RUNGS: Final = 14
QUOTING: Final = QuotingConfig(rungs_each_side=5, max_open_orders=12)
FEED_LINE: Final[tuple[FeedFaultKind, ...]] = (
    "silent", "abort", "refuse", "lag", "close", "half_open", "slow_consumer", "no_greeting", "lag_ramp", "stall", "jitter", "shuffle",
)  # fmt: skip
FEED_VALUES: Final[tuple[FeedFaultKind, ...]] = (
    "frozen", "wrong_value", "stamp", "duplicate", "nan_value", "null_value", "text_value", "not_json", "unknown_event", "truncated",
)  # fmt: skip
VENUE_REQUESTS: Final = ("reject", "lose_request", "lose_reply", "repeat_request", "unavailable_before", "unavailable_after", "too_many")
VENUE_STREAM: Final = (
    "reset", "half_open", "slow_reader", "drop_frame", "repeat_frame", "reorder", "delay", "refuse_connections",
    "trading_pause", "exchange_pause", "market_halt", "market_inactive",
)  # fmt: skip
STEPS: Final = (
    "Persist", "PlaceOrders", "AmendExpiry", "CancelOrders", "CancelAll", "CreateGroup", "TriggerGroup", "CaptureSnapshot",
    "ReadOpenOrders", "IntentsDurable", "OrderAccepted", "Filled", "Booted",
)  # fmt: skip
"""Commands and events between which a process dies,"""
STARTING: Final = frozenset({"Booted", "TriggerGroup", "CreateGroup"})
"""some of them soon after its start only."""


class Swarm(msgspec.Struct, frozen=True):
    """A day and what it is played with."""

    script: DayScript
    windows: WindowsConfig
    classes: tuple[str, ...]
    """The classes of faults that are on."""
    heal_ns: int | None
    """From when (UTC ns) on nothing is wrong; None: no promise of that."""
    risk: RiskConfig
    """On half of the other days so narrow that it binds."""


def swarm(seed: int, day: date = DEMO_DAY) -> Swarm:
    """Return a seed's day: six hourly windows and the close, all of one or of both indices."""
    draw = Random(seed ^ 0x5A4B)
    lead_s = draw.choice(LEADS_S)
    series = draw.choice(HOURLY)
    config = WindowsConfig(
        hourly_targets_et=TARGETS_ET, hourly_series=series, hourly_lead_s=lead_s, close_lead_s=lead_s,
        close_series=("INX",) if "INXU" in series else ("NASDAQ100",),
    )  # fmt: skip
    windows = WindowSchedule(config).day(day)
    classes = tuple(name for name in CLASSES if draw.random() < 0.5)  # noqa: PLR2004 - on or off
    last = windows[-2]
    heal_ns = last.start_ns if lead_s >= ROOMY_S and draw.random() < 0.6 else None  # noqa: PLR2004 - a day in four
    return Swarm(_Drawn(draw, windows, heal_ns).script(seed, day, classes), config, classes, heal_ns, _risk(Random(seed ^ 0x11A5), heal_ns))


def play_swarm(drawn: Swarm) -> tuple[Played, tuple[str, ...]]:
    """Play a day on a venue that lists and quotes little more than we do; return it and every broken promise."""
    script = drawn.script
    lead_s = drawn.windows.hourly_lead_s + LEAD_S
    venue = ExchangeConfig(
        session=session(date.fromisoformat(script.day)), legs=MARKETS, quoted_rungs=QUOTED_RUNGS, active_ns=lead_s * NS_PER_S
    )
    config = msgspec.structs.replace(virtual_config(drawn.windows, QUOTING), risk=drawn.risk)
    played = play_on(config, script, world_for(script, None), venue)
    violations = (*judge(played, script).violations, *broken_promises(played, script, config, drawn.heal_ns))
    return played, violations


def _risk(draw: Random, heal_ns: int | None) -> RiskConfig:
    """Return limits; where quoting has to resume, wide enough to leave room whatever is held."""
    if heal_ns is not None or draw.random() < 0.5:  # noqa: PLR2004 - half of them
        return RiskConfig()
    return RiskConfig(
        strike_usd=draw.choice((10, 15)), ladder_usd=draw.choice((15, 25)), family_usd=draw.choice((25, 35)), portfolio_usd=40
    )


class _Drawn:
    """Draws faults at random places of the windows, none of which lasts beyond ``heal_ns``."""

    def __init__(self, draw: Random, windows: tuple[Window, ...], heal_ns: int | None) -> None:
        self._draw, self._windows = draw, windows
        self._end_ns = windows[-1].target_ns if heal_ns is None else heal_ns

    def script(self, seed: int, day: date, classes: tuple[str, ...]) -> DayScript:
        draw = self._draw
        outage = self._feed(("silent", "abort"), legs=("polygon", "massive", "*"))
        acts = self._acts() if "operator" in classes else ()
        kills = [self._moment()]
        if acts and draw.random() < 0.5:  # noqa: PLR2004 - a death while STOP holds
            kills.append((acts[0].utc_ns + acts[1].utc_ns) // 2)
        refused = VenueFault(*self._span(20, 20), "reject")
        off = self._balance_off(Random(seed ^ 0xCA54))
        return DayScript(
            seed=seed,
            day=day.isoformat(),
            windows=self._windows,
            feed_faults=(outage, *self._feeds(FEED_LINE, "feed_line" in classes), *self._feeds(FEED_VALUES, "feed_values" in classes)),
            venue_faults=(
                refused,
                *self._venue(VENUE_REQUESTS, "venue_requests" in classes),
                *self._venue(VENUE_STREAM, "venue_stream" in classes),
                *off,
            ),
            kills_ns=tuple(sorted(kills)),
            deaths=tuple(self._death(kills[0], acts, seed + at) for at in range(draw.randrange(1, 5) if "deaths" in classes else 0)),
            torn_bytes=draw.choice((0, 0, 7, 90, 1_000)),
            disk_faults=tuple(self._disk() for _ in range(draw.randrange(1, 3) if "disk" in classes else 0)),
            clock_faults=tuple(self._clock() for _ in range(1 if "clock" in classes else 0)),
            operator_acts=acts,
        )

    def _moment(self) -> int:
        """Return an instant in a window; one in five lies in its last ten seconds."""
        draw = self._draw
        window = self._windows[draw.randrange(len(self._windows))]
        at_ns = window.start_ns + draw.randrange(window.freeze_ns - window.start_ns)
        if draw.random() < 0.2:  # noqa: PLR2004 - one in five, as said above
            at_ns = window.freeze_ns - draw.randrange(8 * NS_PER_S)
        return min(at_ns, self._end_ns - 25 * NS_PER_S)

    def _span(self, least_s: int, most_s: int) -> tuple[int, int]:
        at_ns = self._moment()
        return at_ns, min(self._end_ns, at_ns + self._draw.randint(least_s, most_s) * NS_PER_S)

    def _feeds(self, kinds: tuple[FeedFaultKind, ...], is_on: bool) -> list[FeedFault]:
        return [self._feed(kinds) for _ in range(self._draw.randrange(1, 6) if is_on else 0)]

    def _feed(self, kinds: tuple[FeedFaultKind, ...], legs: tuple[str, ...] = ("polygon", "polygon", "massive", "*")) -> FeedFault:
        draw = self._draw
        from_ns, to_ns = self._span(2, 60)
        symbol = draw.choice(("*", "*", "I:SPX", "I:NDX"))
        return FeedFault(from_ns, to_ns, draw.choice(legs), draw.choice(kinds), symbol, {})

    def _venue(self, kinds: tuple[str, ...], is_on: bool) -> list[VenueFault]:
        found: list[VenueFault] = []
        for _ in range(self._draw.randrange(1, 6) if is_on else 0):
            kind = self._draw.choice(kinds)
            found.append(VenueFault(*self._span(1, 15), kind, {"market": "KX"} if kind.startswith("market") else {}))
        return found

    def _balance_off(self, draw: Random) -> list[VenueFault]:
        """Have the venue's cash be off from the last hourly target on, one day in four; never where the day gets well."""
        if draw.random() >= 0.25 or self._end_ns < self._windows[-1].target_ns:  # noqa: PLR2004 - as said above
            return []
        from_ns = self._windows[-2].target_ns + NS_PER_S
        return [VenueFault(from_ns, from_ns + 86_400 * NS_PER_S, "balance_off", {"cents": draw.choice((-250_000, -2, 2, 1_000))})]

    def _death(self, kill_ns: int, acts: tuple[OperatorAct, ...], turn: int) -> Death:
        """Return a death before or after a step, each in its turn; those of a start come after a kill, that of STOP with it."""
        draw = self._draw
        step, after = STEPS[turn % len(STEPS)], turn // len(STEPS) % 2 == 0
        if step in STARTING:
            return Death(kill_ns, min(self._end_ns, kill_ns + 5 * NS_PER_S), step, 1, after)
        if step == "CancelAll" and acts:
            return Death(acts[0].utc_ns, acts[1].utc_ns, step, 1, after)
        if step == "AmendExpiry":  # where prices move, hardly an order lives long enough for one
            return Death(self._moment(), self._end_ns - 25 * NS_PER_S, step, 1, after)
        return Death(*self._span(10, 25), step, draw.randrange(1, 4), after)

    def _disk(self) -> DiskFault:
        kind: DiskFaultKind = self._draw.choice(("sync_slow", "sync_slow", "sync_error", "room_short"))
        from_ns, to_ns = self._span(5, 20) if kind == "room_short" else self._span(1, 6)
        return DiskFault(from_ns, to_ns, kind, self._draw.choice((0.3, 1.0, 2.0)))

    def _clock(self) -> ClockFault:
        from_ns, to_ns = self._span(5, 40)
        return ClockFault(from_ns, to_ns, "clock_step", self._draw.choice((-30.0, -2.0, -0.4, 0.4, 2.0, 30.0, 3_600.0)))

    def _acts(self) -> tuple[OperatorAct, ...]:
        from_ns, to_ns = self._span(5, 20)
        return OperatorAct(from_ns, "stop"), OperatorAct(to_ns, "clear")
