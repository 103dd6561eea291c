"""Our clock as the engine sees it: stamps of others into bounds, bounds into a reason to stand down, jumps into a new reconciliation.

The wall clock is held against the monotonic one at every step. Where it has moved by more than 250 ms since the step before, or where no
step was made for 10 s (a suspended machine, a stopped process), what is known may be of another time: everything that hangs on the
schedule is looked at anew, and nothing is quoted until the venue has told what rests and what filled.
"""

from typing import Final

from kalshi_alpha.data.clock_offset import ClockOffset, ClockState, OffsetInterval
from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.reconcile import Reconciler
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now, is_of_same_clocks
from kalshi_alpha.model.instruments import LEGS, Leg
from kalshi_alpha.model.reasons import Reason, StandDown
from kalshi_alpha.model.snapshot import ClockBounds
from kalshi_alpha.model.view import ClockView

JUMP_NS: Final = 250 * NS_PER_MS
SILENCE_NS: Final = 10 * NS_PER_S
"""Twice the longest time between two steps of a running process."""
LOOK_NS: Final = 100 * NS_PER_MS
MOVED_NS: Final = NS_PER_MS
"""An offset known to be fine is worked out anew when the venue was heard, this much later, or when the wall clock has moved this far
against the monotonic one: by then drift and step have changed it by no more than the second of these and 50 ns."""
ANOTHER_PHASE_NS: Final = 350 * NS_PER_MS
"""A stamp of whole seconds bounds the offset by where in the second it was asked for: one that isn't enough is followed by another at
another place. Our own schedule would ask at the same place for ever."""
ASK_AGAIN_MAX: Final = 6
"""Twice around the second; what isn't known then isn't a matter of the place."""
UNKNOWN_S: Final = 30.0
"""So long an unknown offset in an open window is worth a word."""
_STAMPED: Final = frozenset({ev.IndexTicked, ev.Filled, ev.OpenOrdersRead, ev.FillsRead, ev.PositionsRead})
"""The facts that carry a time of somebody else's; all others pass at next to no cost."""
_QUOTING: Final = frozenset({"fine", "warn"})


class ClockWatch:
    """Estimates the offset, and tells when it matters."""

    def __init__(self, facts: EngineFacts, reconciler: Reconciler) -> None:
        self._facts = facts
        self._reconciler = reconciler
        self._venue = ClockOffset()
        self._feeds: dict[Leg, ClockOffset] = {leg: ClockOffset() for leg in LEGS}
        self._last: Now | None = None
        self._jumps = 0
        self._state: ClockState = "unknown"
        self._looked: Now | None = None
        """When the state was worked out; None: something was heard since."""
        self._told: ClockState = "fine"
        self._contradictions = 0
        self._unknown_since_ns: int | None = None
        self._asked_again = 0
        """Readings asked for in a row because those before weren't enough."""
        self._ahead: dict[Leg, bool] = {}
        """Legs that have stamped in our future lately, true when that was told."""

    # Over a restart

    def bounds(self, now: Now) -> ClockBounds | None:
        """Return what is known of the venue's clock, for a later process."""
        low_ns, high_ns = self._venue.bounds(now.mono_ns)
        return None if low_ns is None and high_ns is None else ClockBounds(low_ns, high_ns, now.utc_ns, now.mono_ns)

    def take_over(self, bounds: ClockBounds | None, now: Now) -> None:
        """Take what the process before knew of the venue's clock, where ours are the ones it was held against."""
        if bounds is None or now.mono_ns - bounds.mono_ns > SILENCE_NS:
            return
        if is_of_same_clocks(Now(bounds.utc_ns, bounds.mono_ns), now):
            self._venue.take_over(bounds.low_ns, bounds.high_ns, bounds.mono_ns)
            self._looked = None

    # Facts

    def look(self, event: ev.Event, now: Now) -> bool:
        """Hold the two clocks against each other, and take what any fact tells of others' clocks; return whether ours jumped."""
        last, self._last = self._last, now
        if type(event) in _STAMPED:
            self._heard(event, now)
        if last is None:
            return False
        silence_ns = now.mono_ns - last.mono_ns
        step_ns = now.utc_ns - last.utc_ns - silence_ns
        if abs(step_ns) <= JUMP_NS and silence_ns <= SILENCE_NS:
            return False
        self._jumped(step_ns, silence_ns, now)
        return True

    def _heard(self, event: ev.Event, now: Now) -> None:
        match event:
            case ev.IndexTicked():
                self._feeds[event.leg].heard(now.mono_ns, event.event_ms * NS_PER_MS)
                if now.utc_ns - event.event_ms * NS_PER_MS <= -JUMP_NS:
                    self._ahead.setdefault(event.leg, False)
                return
            case ev.Filled():
                self._venue.heard(now.mono_ns, event.fill.ts_ms * NS_PER_MS)
            case ev.OpenOrdersRead() | ev.FillsRead() | ev.PositionsRead():
                self._facts.venue.clock_behind_ns = max(0, -(self._venue.interval(now).low_ns or 0))
                self._venue.heard(now.mono_ns, event.as_of_ns)
            case _:
                pass
        self._check(now)

    def timed(self, event: ev.VenueTimed, now: Now) -> None:
        """Take a reading of the venue's clock."""
        self._venue.exchanged(event.sent_mono_ns, now.mono_ns, event.stamp_ns, event.resolution_ns)
        self._check(now)
        if self._venue.interval(now).state != "unknown":
            self._asked_again = 0
        elif self._facts.active_windows and self._asked_again < ASK_AGAIN_MAX:
            self._asked_again += 1
            self._facts.no_later("status", now.mono_ns + ANOTHER_PHASE_NS)

    def _check(self, now: Now) -> None:
        """Have what contradicts the other readings checked by another at once."""
        self._looked = None
        if self._venue.contradictions != self._contradictions:
            self._contradictions = self._venue.contradictions
            self._facts.no_later("status", now.mono_ns)

    def _jumped(self, step_ns: int, silence_ns: int, now: Now) -> None:
        facts = self._facts
        self._jumps += 1
        self._looked = None
        if silence_ns > SILENCE_NS:
            # How well the monotonic clock counted meanwhile is the hardware's secret.
            for clock in (self._venue, *self._feeds.values()):
                clock.forget()
        facts.no_later("window", now.mono_ns)
        facts.after("leftovers", 0.0, now)
        self._reconciler.again(now)
        if abs(step_ns) > JUMP_NS or facts.active_windows or len(facts.orders):
            told = {"wall_clock_step_s": f"{step_ns / NS_PER_S:+.3f}", "silence_s": f"{silence_ns / NS_PER_S:.3f}"}
            title = f"The wall clock jumped by {step_ns / NS_PER_S:+.3f} s" if abs(step_ns) > JUMP_NS else _silence_title(silence_ns)
            facts.incident(now, "clock", title, "cancelling; reconciles with the venue before it quotes", told)

    # Decisions

    @property
    def is_right(self) -> bool:
        """Whether the wall clock is known to be right enough to say what has expired, as of the last look at the reasons."""
        return self._state in _QUOTING

    def reasons(self, now: Now) -> list[StandDown]:
        """Return whether the offset forbids quoting, and tell what changed."""
        if self._state != "fine" or self._is_outdated(now):
            interval = self._venue.interval(now)
            self._state, self._looked = interval.state, now
            self._tell(self._state, interval, now)
        if self._ahead:
            self._tell_of_feeds(now)
        return [] if self.is_right else [StandDown(Reason.CLOCK_OFFSET)]

    def _is_outdated(self, now: Now) -> bool:
        looked = self._looked
        if looked is None or now.mono_ns - looked.mono_ns >= LOOK_NS:
            return True
        return abs((now.utc_ns - now.mono_ns) - (looked.utc_ns - looked.mono_ns)) >= MOVED_NS

    def _tell(self, state: ClockState, interval: OffsetInterval, now: Now) -> None:
        if state == "unknown":
            self._tell_unknown(interval, now)
            return
        self._unknown_since_ns = None
        if state == self._told:
            return
        was, self._told = self._told, state
        told = {"our_clock_less_the_venues": interval_text(interval)}
        if state == "fine":
            self._facts.incident(now, "clock", "Our clock is right again", "quotes again" if was != "warn" else "noted", told)
        elif state == "warn":
            did = "goes on quoting; set the clock" if was == "fine" else "quotes again; set the clock"
            self._facts.incident(now, "clock", "Our clock is off by 250 ms or more", did, told)
        else:
            self._facts.incident(now, "clock", "Our clock is off by a second or more", "stood down until it is right", told)

    def _tell_unknown(self, interval: OffsetInterval, now: Now) -> None:
        facts = self._facts
        if not facts.active_windows:
            self._unknown_since_ns = None
            return
        if self._unknown_since_ns is None:
            self._unknown_since_ns = now.mono_ns
        if self._told != "unknown" and now.mono_ns - self._unknown_since_ns >= UNKNOWN_S * NS_PER_S:
            self._told = "unknown"
            told = {"our_clock_less_the_venues": interval_text(interval)}
            facts.incident(now, "clock", "Nobody tells how far our clock is off", "stood down until the venue's answers tell", told)

    def _tell_of_feeds(self, now: Now) -> None:
        """Tell of a vendor's stamps from our future while ours is right. The failover has its own rule for such values."""
        for leg, is_told in list(self._ahead.items()):
            interval = self._feeds[leg].interval(now)
            if interval.high_ns is None or interval.high_ns > -JUMP_NS:
                del self._ahead[leg]
            elif not is_told and self._state == "fine" and self._facts.active_windows:
                self._ahead[leg] = True
                told = {f"our_clock_less_{leg}s": interval_text(interval)}
                title = f"{leg}'s time stamps are ahead of our clock"
                self._facts.incident(now, "clock", title, "noted; ours agrees with the venue's", told)

    # Views

    def view(self, now: Now) -> ClockView:
        """Return what the page and the monitors show."""
        interval = self._venue.interval(now)
        feeds = {str(leg): _ms(clock.interval(now).high_ns, up=True) for leg, clock in self._feeds.items()}
        return ClockView(interval.state, _ms(interval.low_ns, up=False), _ms(interval.high_ns, up=True), feeds, self._jumps)


def interval_text(interval: OffsetInterval) -> str:
    """Return the interval for people, in milliseconds, rounded outwards."""
    low, high = _ms(interval.low_ns, up=False), _ms(interval.high_ns, up=True)
    return f"{'?' if low is None else f'{low:+d}'} to {'?' if high is None else f'{high:+d}'} ms"


def _ms(value_ns: int | None, *, up: bool) -> int | None:
    if value_ns is None:
        return None
    return -(-value_ns // NS_PER_MS) if up else value_ns // NS_PER_MS


def _silence_title(silence_ns: int) -> str:
    return f"Nothing ran for {silence_ns / NS_PER_S:.1f} s: stopped or suspended"
