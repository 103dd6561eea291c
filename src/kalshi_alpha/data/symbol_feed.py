"""One index on both legs: the merged value, who serves it, and what speaks against a value that came in time.

* *The legs disagree*: two values for one event time. Nobody serves until one leg is under suspicion, or they agree again three times.
* *Frozen*: in the regular session a leg repeats its value while the other one has moved away from it. A quiet market repeats both.
* *Previous close*: in the first half minute of a session a leg has shown nothing but the last value of the session before.
* *Outvoted*: a value from elsewhere, a snapshot or a further leg's, agrees with the other leg at that event time; or, twice, contradicts
  the only leg there is.
* *Contradicts itself*: another value for an event time that it had given already.
* *Delayed*: a lag of minutes that stays the same (``leg_health``).

A suspected leg serves nothing and brings no values. It is cleared when it agrees with the other one three times, or two snapshots agree
with it; one that is alone, when its value has moved three times; the previous close, when it changes.

A *jump* is a value further from the last one than ``jump_bp`` times the square root of the seconds between them, a diffusion's pace: about
thirty standard deviations of an average second of the S&P 500, fifteen of the opening minutes'. It is used once the other leg repeats it;
until then nothing is quoted. A leg that is alone is believed when the root of time has caught up. Beyond the first market-wide circuit
breaker both legs must repeat it ``CONFIRMATIONS_TO_MOVE`` times.
"""

from math import sqrt
from typing import Final, Literal

import msgspec

from kalshi_alpha.config import FeedsConfig
from kalshi_alpha.data.flap_damping import FlapDamping, damping_ns
from kalshi_alpha.data.leg_health import NEVER_NS, SAME_LEVEL, LegSymbol, Suspicion, Taken
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.events import IndexTicked
from kalshi_alpha.model.instruments import LEGS, Leg

Active = Literal["polygon", "massive", "none"]

PRICE_BAND: Final = 0.07
"""The first market-wide circuit breaker: a level further from the last one is not a level."""
AGREEMENTS_TO_CLEAR: Final = 3
PROBE_WEIGHT: Final = 2
"""What a snapshot that agrees counts towards clearing a leg."""
PROBES_TO_DOUBT: Final = 2
PROBE_REACH_MS: Final = 1_100
"""A value is in force until the next second's; an older one can't be held against a snapshot."""
CONFIRMATIONS_TO_MOVE: Final = 5
"""So many values outside the band, the same on both legs, move the band."""
OPENING_MS: Final = 30_000
PATIENCE_NS: Final = 250 * NS_PER_MS
"""When nobody serves, polygon is waited for if it will be steady within this time."""
JUMP_KEPT_MS: Final = 3_000
"""A jump that its own leg neither repeats nor takes back is forgotten when the other one has gone on for this long."""
BP: Final = 1e-4
OTHER: Final[dict[Leg, Leg]] = {"polygon": "massive", "massive": "polygon"}
DOUBTS: Final[dict[Suspicion, str]] = {
    "frozen": "frozen",
    "previous_close": "repeating the previous close",
    "delayed": "delayed by minutes on purpose: is the plan real-time?",
    "outvoted": "contradicted by a snapshot or a further leg",
    "contradicts_itself": "contradicting itself",
}
"""A suspicion in the operator's words."""
ALONE: Final[frozenset[Suspicion]] = frozenset({"frozen", "contradicts_itself"})
"""What a leg without the other one can disprove by moving."""
UNWEIGHED: Final[frozenset[Suspicion]] = frozenset({"previous_close", "delayed"})
"""What agreement doesn't disprove: both legs may repeat it."""


class Sample(msgspec.Struct, frozen=True, gc=False):
    """The newest value of an index, from whichever leg brought it first."""

    level: float
    event_ms: int
    leg: Leg
    mono_ns: int
    """Arrival."""
    lag_ms: int
    """Arrival less event time, corrected for the leg's clock offset."""


class SymbolHealth(msgspec.Struct, frozen=True, gc=False):
    """One index, as far as quoting is concerned."""

    serving: Active
    age_ms: int | None
    event_lag_ms: int | None
    disagrees: bool
    """The legs disagree and nothing tells which of them is right."""
    jumped: bool
    """One leg has jumped and the other hasn't repeated it."""


class SymbolFeed:
    """One index: its legs, the merged value and who serves it. Pure: time is an argument."""

    __slots__ = ("_agreements", "_close_ms", "_confirmations", "_contradictions", "_disagreed_ns", "_dwell_ns", "_frozen_ns",
                 "_frozen_share", "_jump_leg", "_jump_ms", "_near", "_open_ms", "_opening_until_ms", "_previous", "_rejected",
                 "_restored", "_slo_ns", "cold_until_ns", "disagrees", "legs", "sample", "served_since_ns", "serving")  # fmt: skip

    def __init__(self, config: FeedsConfig, rejected: dict[str, int]) -> None:
        """Start with nothing heard; ``rejected`` counts why values weren't taken."""
        polygon, massive = (LegSymbol(leg.slo_ms, FlapDamping(*damping_ns(config))) for leg in (config.polygon, config.massive))
        self.legs: dict[str, tuple[LegSymbol, LegSymbol]] = {"polygon": (polygon, massive), "massive": (massive, polygon)}
        """Leg -> its health and the other's."""
        self.serving: Active = "none"
        self.served_since_ns = NEVER_NS
        self.sample: Sample | None = None
        self.cold_until_ns: int | None = None
        """None: nobody has served it yet."""
        self.disagrees = False
        self._rejected = rejected
        self._slo_ns = {"polygon": config.polygon.slo_ms * NS_PER_MS, "massive": config.massive.slo_ms * NS_PER_MS}
        self._dwell_ns, self._frozen_ns = int(config.dwell_s * NS_PER_S), int(config.frozen_s * NS_PER_S)
        self._frozen_share, self._near = config.frozen_bp * BP, config.jump_bp * BP
        self._agreements = self._confirmations = self._contradictions = 0
        self._disagreed_ns = NEVER_NS
        self._jump_ms, self._jump_leg = 0, ""
        self._open_ms = self._opening_until_ms = self._close_ms = 0
        self._previous: float | None = None
        """The last level before this session's open."""
        self._restored: tuple[float, int] | None = None

    # Facts

    def ingest(self, tick: IndexTicked, now: Now) -> bool:
        """Take a value; return whether the merged sample advanced."""
        mine, other = self.legs[tick.leg]
        level, event_ms, sample = tick.level, tick.event_ms, self.sample
        is_far = sample is not None and not -self._near < level / sample.level - 1.0 < self._near
        if is_far and self._outside_band(tick, now):
            return False
        taken = mine.arrived(level, event_ms, now)
        if taken != "taken":
            return self._refused(tick.leg, taken, now)
        mono_ns = now.mono_ns
        replaced = False
        if event_ms < self._opening_until_ms or mono_ns - mine.still_since_ns >= self._frozen_ns:
            replaced = self._check(tick, now)
        theirs = other.recent.get(event_ms)
        if theirs is not None:
            self._compare(mine, other, level, theirs, mono_ns)
        if mine.suspicion:
            self._alone(mine, other, mono_ns)
            return replaced
        if sample is not None and event_ms <= sample.event_ms:
            return False
        if (is_far or self._jump_ms) and self._jumps(tick, theirs, other):
            return False
        self._confirmations = 0
        self.sample = Sample(level, event_ms, tick.leg, mono_ns, mine.lag_ms)
        return True

    def levels_at(self, event_ms: int) -> list[tuple[Leg, float]]:
        """Return what each leg had at an instant of the vendor's clock, as far as it is known."""
        levels = [(leg, self.legs[leg][0].level_at(event_ms, PROBE_REACH_MS)) for leg in LEGS]
        return [(leg, level) for leg, level in levels if level is not None]

    def probed(self, level: float, event_ms: int, now: Now, tolerance: float = SAME_LEVEL) -> bool:
        """Hold a value from elsewhere against both legs; return whether the merged sample changed.

        Args:
            level: Index points; never itself used as a value.
            event_ms: The vendor's time of it.
            now: The instant.
            tolerance: Values this far apart agree, index points; those that may differ at all speak for no suspected leg.

        """
        agree: list[Leg] = []
        differ: list[Leg] = []
        for leg, known in self.levels_at(event_ms):
            (agree if abs(known - level) <= tolerance else differ).append(leg)
        if tolerance <= SAME_LEVEL:
            for leg in agree:
                _prove(self.legs[leg][0], PROBE_WEIGHT, now.mono_ns)
        if self.disagrees and len(agree) == 1 and (differ or not self.legs[OTHER[agree[0]]][0].is_usable(now.mono_ns)):
            return self._suspect(OTHER[agree[0]], "outvoted", now)
        if agree or len(differ) != 1 or self.legs[OTHER[differ[0]]][0].is_usable(now.mono_ns):
            self._contradictions = 0
            return False
        self._contradictions += 1
        if self._contradictions >= PROBES_TO_DOUBT and not self.legs[differ[0]][0].suspicion:
            return self._suspect(differ[0], "outvoted", now)
        return False

    def session(self, open_ns: int, close_ns: int) -> None:
        """Learn when the regular session opens and closes (UTC ns): values may only freeze, or repeat the last session's, in there."""
        open_ms = open_ns // NS_PER_MS
        if open_ms != self._open_ms:
            self._previous = None
        self._open_ms, self._opening_until_ms, self._close_ms = open_ms, open_ms + OPENING_MS, close_ns // NS_PER_MS

    def restore(self, level: float, event_ms: int) -> None:
        """Take over the last level that an earlier process knew, to recognise it when it is repeated; it is never served."""
        self._restored = (level, event_ms)

    def unhear(self, leg: Leg) -> None:
        """Be as if a leg had never been heard; without any, as if nothing had."""
        mine, other = self.legs[leg]
        silent = LegSymbol(self._slo_ns[leg] // NS_PER_MS, mine.damping)
        polygon, massive = (silent, other) if leg == "polygon" else (other, silent)
        self.legs = {"polygon": (polygon, massive), "massive": (massive, polygon)}
        if other.level is None or other.arrival_ns is None:
            self.sample = self.cold_until_ns = None
        elif self.sample is not None and self.sample.mono_ns == mine.arrival_ns:
            self.sample = Sample(other.level, other.event_ms, OTHER[leg], other.arrival_ns, other.lag_ms)

    # What follows

    def choose(self, mono_ns: int, judged_ns: int) -> Active:
        """Polygon if it may serve, else massive if it may, else nobody; and nobody while the merged value itself is too old.

        Args:
            mono_ns: The instant.
            judged_ns: When this was asked last: who broke since then has to come back first.

        """
        sample, serving = self.sample, self.serving
        if sample is None or self.disagrees:
            return "none"
        polygon, massive = self.legs["polygon"]
        is_cold = self.cold_until_ns is None or mono_ns < self.cold_until_ns
        chosen: Active = "none"
        if _may_serve(polygon, mono_ns, judged_ns, keeps=serving == "polygon", is_cold=is_cold):
            chosen = "polygon"
        dwells = serving == "massive" and not is_cold and mono_ns < self.served_since_ns + self._dwell_ns
        if (dwells or chosen == "none") and _may_serve(massive, mono_ns, judged_ns, keeps=serving != "none", is_cold=is_cold):
            chosen = "massive"
        if chosen == "massive" and serving == "none" and not is_cold and polygon.is_steady(mono_ns + PATIENCE_NS):
            return "none"  # both came back together: no massive for a moment
        return chosen if chosen != "none" and self._is_current(sample, chosen, mono_ns) else "none"

    def health(self, now: Now) -> SymbolHealth:
        """Return whether this may be priced from, and how old it is."""
        sample, serving, mono_ns = self.sample, self.serving, now.mono_ns
        if sample is None:
            return SymbolHealth("none", None, None, self.disagrees, jumped=False)
        if serving != "none" and (
            self.disagrees or not (self.legs[serving][0].is_usable(mono_ns) and self._is_current(sample, serving, mono_ns))
        ):
            serving = "none"
        age_ms = (mono_ns - sample.mono_ns) // NS_PER_MS
        return SymbolHealth(serving, age_ms, sample.lag_ms, self.disagrees, jumped=self._jump_ms > 0)

    def deadlines_ns(self, judged_ns: int) -> list[int]:
        """Return when, after it was judged, silence or steadiness may change who serves."""
        times = [at_ns for leg, _ in self.legs.values() if (at_ns := leg.deadline_ns(judged_ns)) is not None]
        if self.sample is not None and self.serving != "none":
            times.append(self.sample.mono_ns + self._slo_ns[self.serving] + 1)
        if self.serving == "massive" and self.served_since_ns + self._dwell_ns > judged_ns:
            times.append(self.served_since_ns + self._dwell_ns)
        return times

    def divergence_bp(self) -> float:
        """Return how far apart the legs were at the newest event time both gave a value for."""
        ours, theirs = (leg.recent for leg, _ in self.legs.values())
        newest_ms = max((event_ms for event_ms in ours if event_ms in theirs), default=None)
        return 0.0 if newest_ms is None else round(abs(ours[newest_ms] / theirs[newest_ms] - 1.0) / BP, 3)

    def _is_current(self, sample: Sample, serving: Active, mono_ns: int) -> bool:
        return mono_ns - sample.mono_ns <= self._slo_ns[serving]

    # Value checks

    def _refused(self, leg: Leg, taken: Taken, now: Now) -> bool:
        self._reject(taken)
        if taken == "contradicted":
            mine = self.legs[leg][0]
            mine.proofs = 0
            if not mine.suspicion:
                return self._suspect(leg, "contradicts_itself", now)
        return False

    def _check(self, tick: IndexTicked, now: Now) -> bool:
        """Look for the previous close and for a frozen value; return whether the merged sample changed."""
        mine, other = self.legs[tick.leg]
        level, event_ms = tick.level, tick.event_ms
        if mine.suspicion:
            return False
        if self._open_ms <= event_ms < self._opening_until_ms and self._is_previous_close(mine, level):
            return self._suspect(tick.leg, "previous_close", now)
        if not self._open_ms <= event_ms < self._close_ms or now.mono_ns - mine.still_since_ns < self._frozen_ns:
            return False
        # A second later than we stopped: the same last move reaches the two legs at different times.
        moved_on = other.still_since_ns > mine.still_since_ns + NS_PER_S and other.is_usable(now.mono_ns)
        if moved_on and other.level is not None and abs(other.level / level - 1.0) > self._frozen_share:
            return self._suspect(tick.leg, "frozen", now)
        return False

    def _is_previous_close(self, mine: LegSymbol, level: float) -> bool:
        """Whether a leg repeats the last session's level and has shown no other one in this session."""
        sample, restored = self.sample, self._restored
        if sample is not None and sample.event_ms < self._open_ms:
            self._previous = sample.level
        elif self._previous is None and restored is not None and restored[1] < self._open_ms:
            self._previous = restored[0]
        if not self._repeats_previous(level):
            return False
        return all(self._repeats_previous(known) for at_ms, known in mine.recent.items() if at_ms >= self._open_ms)

    def _repeats_previous(self, level: float | None) -> bool:
        return self._previous is not None and level is not None and abs(level - self._previous) <= SAME_LEVEL

    def _jumps(self, tick: IndexTicked, theirs: float | None, other: LegSymbol) -> bool:
        """Whether a value is too far from the last one to be used unconfirmed; remembered until it is confirmed or taken back."""
        sample = self.sample
        assert sample is not None
        if theirs is None or abs(theirs - tick.level) > SAME_LEVEL or other.suspicion:
            seconds = max(1.0, (tick.event_ms - sample.event_ms) / 1_000)
            if abs(tick.level / sample.level - 1.0) >= self._near * sqrt(seconds):
                self._reject("jump")
                self._jump_ms, self._jump_leg = tick.event_ms, tick.leg
                return True
            if tick.leg != self._jump_leg and tick.event_ms < self._jump_ms + JUMP_KEPT_MS:
                return False
        self._jump_ms = 0
        return False

    def _outside_band(self, tick: IndexTicked, now: Now) -> bool:
        """Keep a value beyond the circuit breaker out, but hold it against the other leg's."""
        sample = self.sample
        if sample is None or -PRICE_BAND < tick.level / sample.level - 1.0 < PRICE_BAND:
            return False
        mine, other = self.legs[tick.leg]
        self._reject("band")
        if tick.event_ms in mine.recent:
            return True
        mine.note(tick.level, tick.event_ms)
        theirs = other.recent.get(tick.event_ms)
        if theirs is not None:
            self._compare(mine, other, tick.level, theirs, now.mono_ns)
            self._confirmations = self._confirmations + 1 if abs(tick.level - theirs) <= SAME_LEVEL else 0
            if self._confirmations >= CONFIRMATIONS_TO_MOVE:
                self.sample, self._confirmations = None, 0
        return True

    def _compare(self, mine: LegSymbol, other: LegSymbol, level: float, theirs: float, mono_ns: int) -> None:
        """Hold two legs' values for one event time against each other."""
        is_same = abs(level - theirs) <= SAME_LEVEL
        if not is_same:
            self._reject("disagree")
        if mine.suspicion or other.suspicion:
            _weigh(mine, other, mono_ns, is_same=is_same)
        elif not is_same:
            self.disagrees, self._agreements, self._disagreed_ns = True, 0, mono_ns
        elif self.disagrees:
            self._agreements += 1
            if self._agreements >= AGREEMENTS_TO_CLEAR:
                self.disagrees = False
                for leg in (mine, other):  # nobody knows which of them was wrong
                    leg.miss(self._disagreed_ns)

    def _alone(self, mine: LegSymbol, other: LegSymbol, mono_ns: int) -> None:
        """Let a suspected leg that can't be compared disprove what it can."""
        has_moved = mine.still_since_ns == mono_ns
        if mine.suspicion == "previous_close" and not self._repeats_previous(mine.level):
            mine.clear(mono_ns)
        elif mine.suspicion in ALONE and has_moved and not other.is_usable(mono_ns):
            _prove(mine, 1, mono_ns)

    def _suspect(self, leg: Leg, suspicion: Suspicion, now: Now) -> bool:
        """Stop believing a leg: the other one's value takes the place of its own. Return whether it did."""
        mine, other = self.legs[leg]
        self._reject(suspicion)
        mine.suspect(suspicion)
        self.disagrees, self._agreements, self._contradictions = False, 0, 0
        sample = self.sample
        if sample is None or sample.leg != leg or other.level is None or other.arrival_ns is None or not other.is_usable(now.mono_ns):
            return False
        self.sample = Sample(other.level, other.event_ms, OTHER[leg], other.arrival_ns, other.lag_ms)
        return True

    def _reject(self, why: str) -> None:
        self._rejected[why] = self._rejected.get(why, 0) + 1


def _weigh(mine: LegSymbol, other: LegSymbol, mono_ns: int, *, is_same: bool) -> None:
    """Let a leg that isn't suspected speak for or against one that is."""
    suspected = mine if mine.suspicion else other
    if not is_same:
        suspected.proofs = 0
    elif not (mine.suspicion and other.suspicion):
        _prove(suspected, 1, mono_ns)


def _prove(leg: LegSymbol, weight: int, mono_ns: int) -> None:
    """Count what speaks for a suspected leg; clear it when it is enough."""
    if leg.suspicion and leg.suspicion not in UNWEIGHED:
        leg.proofs += weight
        if leg.proofs >= AGREEMENTS_TO_CLEAR:
            leg.clear(mono_ns)


def _may_serve(leg: LegSymbol, mono_ns: int, judged_ns: int, *, keeps: bool, is_cold: bool) -> bool:
    """Whoever steps in at once needs a usable leg, also in between two looks; whoever comes back needs a steady one."""
    if not leg.is_usable(mono_ns):
        return False
    if keeps and leg.broke_ns <= judged_ns:
        return True
    return leg.is_steady(mono_ns) or (is_cold and leg.broke_ns == NEVER_NS)
