r"""The maintenance autopilot: from the merged calendar to standing down, proving that nothing rests, and quoting again.

    clear --24 h ahead--> announced --T-30 min--> housekeeping --T-5 min--> cancelling
      ^                       ^                        |                        | nothing rests as of later than T-5 min
      |                       '---- moved later -------'                        v
      |                                                  escalated <--T-2 min-- or --> verified
      |                                                        \__________T__________/
      |                                                                     v
    rearmed <-- every gate green (and confirmed) -- confirming <-- over -- maintenance
    at reduced size                                      \--- the next one's T-5 min ---> cancelling

T is the earliest start that any source names. A pause that nobody announced has its T at the moment it is seen. A slot that is moved,
extended, shortened or cancelled is followed wherever it finds the machine: what is over, or not near any more, is confirmed like any other
end. From cancelling to confirming nothing may be quoted; only the gates lead out.

Pure: ``step`` takes what is true now and returns the steps taken. The command ``python -m kalshi_alpha.sched.maintenance`` is in
``maintenance_cli``.
"""

import runpy
from typing import Final, Literal

import msgspec

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.maintenance import OPEN_END_NS, Gate
from kalshi_alpha.sched.maintenance_calendar import Maintenance, moment, span

Phase = Literal["clear", "announced", "housekeeping", "cancelling", "verified", "escalated", "maintenance", "confirming", "rearmed"]
STANDING_DOWN: Final[frozenset[Phase]] = frozenset({"cancelling", "verified", "escalated", "maintenance", "confirming"})
ANNOUNCED_NS: Final = 24 * 3_600 * NS_PER_S
HOUSEKEEPING_NS: Final = 30 * 60 * NS_PER_S
CANCEL_NS: Final = 5 * 60 * NS_PER_S
ESCALATE_NS: Final = 2 * 60 * NS_PER_S
HOUSE_KEPT_NS: Final = 6 * 3_600 * NS_PER_S
"""Housekeeping isn't repeated within this time: a slot may be moved again and again."""
OVERDUE_NS: Final = 10 * 60 * NS_PER_S
"""When the gates are still not green so long after the end, somebody must look."""

Fact = Literal["announced", "changed", "housekeeping", "cancelling", "verified", "escalated", "maintenance", "confirming", "overdue",
               "rearmed", "clear"]  # fmt: skip


class Sight(msgspec.Struct, frozen=True):
    """What is true at a step."""

    maintenances: tuple[Maintenance, ...]
    """The merged calendar: what isn't over, by start."""
    live_orders: int
    """Orders that may rest, as far as we know."""
    empty_as_of_ns: int
    """The venue showed nothing of ours resting as of this instant of its own clock; 0: it doesn't."""
    gates: tuple[Gate, ...]


class Step(msgspec.Struct, frozen=True):
    """One step taken, with its proof."""

    fact: Fact
    title: str
    proof: dict[str, str]


class MaintenancePilot:
    """The state machine of the module's drawing."""

    def __init__(self, *, needs_operator: bool, rearm_ns: int) -> None:
        """Start clear.

        Args:
            needs_operator: Green gates aren't enough: somebody must confirm.
            rearm_ns: How long to quote at reduced size afterwards.

        """
        self.phase: Phase = "clear"
        self.slot: Maintenance | None = None
        """The one that is coming or under way."""
        self.armed_ns = 0
        """Since when nothing may rest; a proof must be later. 0: it may."""
        self.ended_ns = 0
        """When the last one was over: what is confirmed must have been seen later."""
        self.confirmed_by = ""
        self._needs_operator = needs_operator
        self._rearm_ns = rearm_ns
        self._is_proven = False
        self._is_overdue = False
        self._rearmed_ns = 0
        self._kept_ns = 0

    # Views

    @property
    def stands_down(self) -> bool:
        """Whether nothing may be quoted."""
        return self.phase in STANDING_DOWN

    @property
    def is_empty_proven(self) -> bool:
        """Whether the venue has shown, since the cancelling began, that nothing rests."""
        return self._is_proven

    @property
    def is_overdue(self) -> bool:
        """Whether the end is long past and something still holds quoting back."""
        return self.phase == "confirming" and self._is_overdue

    @property
    def needs_confirmation(self) -> bool:
        """Whether somebody must still confirm."""
        return self.phase == "confirming" and self._needs_operator and not self.confirmed_by

    def no_rest_after_ns(self) -> int | None:
        """Return the UTC instant from which nothing may rest: five minutes before the next one; None: none is known."""
        return None if self.slot is None else self.slot.from_ns - CANCEL_NS

    def expects_silence(self, utc_ns: int) -> bool:
        """Whether the venue may be silent, answer 503 or be paused now without anything being wrong."""
        return self.stands_down and self.phase != "confirming" and self.slot is not None and self.slot.from_ns <= utc_ns

    def next_deadline_ns(self, utc_ns: int) -> int | None:
        """Return the next UTC instant at which time alone takes a step."""
        marks: list[int] = []
        if self.slot is not None:
            marks += [self.slot.from_ns - lead_ns for lead_ns in (ANNOUNCED_NS, HOUSEKEEPING_NS, CANCEL_NS, 0)]
            marks.append(self.slot.to_ns)
        if self.phase == "cancelling":
            marks.append(self._escalate_at_ns())
        if self.phase == "confirming":
            marks.append(self.ended_ns + OVERDUE_NS)
        if self.phase == "rearmed":
            marks.append(self._rearmed_ns + self._rearm_ns)
        return min((mark for mark in marks if utc_ns < mark < OPEN_END_NS), default=None)

    # Events

    def resume(self, utc_ns: int) -> None:
        """Take over from a process that stood down: whatever there was, its end must be confirmed."""
        assert self.phase == "clear", self.phase
        self.phase, self.armed_ns, self.ended_ns = "confirming", utc_ns, utc_ns

    def confirm(self, actor: str) -> bool:
        """Take somebody's word that quoting may resume; it counts only after the end, and only for this one."""
        if self.phase != "confirming":
            return False
        self.confirmed_by = actor
        return True

    def step(self, sight: Sight, utc_ns: int) -> tuple[Step, ...]:
        """Take every step that what is true now asks for, in order."""
        self._set_back(utc_ns)
        steps = self._follow(sight, utc_ns)
        while (taken := self._advance(sight, utc_ns)) is not None:
            steps.append(taken)
        return tuple(steps)

    # Steps

    def _set_back(self, utc_ns: int) -> None:
        """Have what happened lie in the past although the wall clock was put back; a proof from now on is later than it in any case."""
        self.armed_ns, self.ended_ns = min(self.armed_ns, utc_ns), min(self.ended_ns, utc_ns)
        self._rearmed_ns, self._kept_ns = min(self._rearmed_ns, utc_ns), min(self._kept_ns, utc_ns)

    def _follow(self, sight: Sight, utc_ns: int) -> list[Step]:
        """Take the calendar's first maintenance as ours, and tell how it differs from what was told before."""
        old, self.slot = self.slot, sight.maintenances[0] if sight.maintenances else None
        new = self.slot
        told = old is not None and self.phase not in {"clear", "confirming", "rearmed"}
        if old is None or not told or old.to_ns <= utc_ns or (new is not None and (old.from_ns, old.to_ns) == (new.from_ns, new.to_ns)):
            return []
        if new is None or not _is_same(old, new):
            was = span(old.from_ns, old.to_ns)
            return [] if old.from_ns <= utc_ns else [Step("changed", f"Maintenance cancelled: {was}", {"was": was})]
        word = "moved" if old.from_ns != new.from_ns else "extended" if new.to_ns > old.to_ns else "shortened"
        proof = {"was": span(old.from_ns, old.to_ns), "is": span(new.from_ns, new.to_ns), **_named(new)}
        return [Step("changed", f"Maintenance {word}: {span(new.from_ns, new.to_ns)}", proof)]

    def _advance(self, sight: Sight, utc_ns: int) -> Step | None:
        ahead_ns = OPEN_END_NS if self.slot is None else self.slot.from_ns - utc_ns
        match self.phase:
            case "clear" | "announced" | "housekeeping":
                return self._approach(ahead_ns, utc_ns)
            case "cancelling" | "verified" | "escalated" | "maintenance":
                return self._endure(sight, ahead_ns, utc_ns)
            case "confirming":
                return self._leave(sight, ahead_ns, utc_ns)
            case "rearmed":
                if ahead_ns <= CANCEL_NS:
                    return self._arm(utc_ns)
                if utc_ns < self._rearmed_ns + self._rearm_ns:
                    return None
                self.phase = "clear"
                return Step("clear", "Back to full size", {"reduced_since": moment(self._rearmed_ns)})

    def _approach(self, ahead_ns: int, utc_ns: int) -> Step | None:
        if ahead_ns <= CANCEL_NS:
            return self._arm(utc_ns)
        if ahead_ns <= HOUSEKEEPING_NS:
            if self.phase == "housekeeping":
                return None
            self.phase = "housekeeping"
            return self._keep_house(utc_ns)
        if ahead_ns > ANNOUNCED_NS:
            self.phase = "clear"
            return None
        if self.phase != "clear":
            self.phase = "announced"
            return None
        self.phase = "announced"
        slot = self._present()
        return Step("announced", f"Maintenance announced: {span(slot.from_ns, slot.to_ns)}", _named(slot))

    def _keep_house(self, utc_ns: int) -> Step | None:
        slot = self._present()
        if self._kept_ns and utc_ns - self._kept_ns < HOUSE_KEPT_NS:
            return None
        self._kept_ns = utc_ns
        return Step("housekeeping", f"Housekeeping before the maintenance at {moment(slot.from_ns)}", _named(slot))

    def _arm(self, utc_ns: int) -> Step:
        slot = self._present()
        self.phase, self.armed_ns, self.confirmed_by = "cancelling", utc_ns, ""
        self._is_proven = self._is_overdue = False
        left_s = (slot.from_ns - utc_ns) // NS_PER_S
        if all(one.source == "status" for one in slot.slots):
            title = "The venue paused and nobody announced it: standing down"
        elif left_s > 0:
            title = f"Maintenance in {left_s // 60} min {left_s % 60} s: standing down"
        else:
            title = "Inside a maintenance: standing down"
        return Step("cancelling", title, {"starts": moment(slot.from_ns), "ends": moment(slot.to_ns), **_named(slot)})

    def _endure(self, sight: Sight, ahead_ns: int, utc_ns: int) -> Step | None:
        if not self._is_proven and not sight.live_orders and sight.empty_as_of_ns >= self.armed_ns:
            self._is_proven = True
            self.phase = "maintenance" if self.phase == "maintenance" else "verified"
            took_s = (utc_ns - self.armed_ns) / NS_PER_S
            proof = {"user_data_timestamp": moment(sight.empty_as_of_ns), "after_the_cancels_s": f"{took_s:.1f}"}
            return Step("verified", "Nothing rests at the venue", proof)
        if ahead_ns > CANCEL_NS:
            self.phase, self.ended_ns, self._is_overdue = "confirming", utc_ns, False
            return Step("confirming", "Maintenance over: confirming", _colours(sight.gates))
        is_late = utc_ns >= self._escalate_at_ns()
        if self.phase == "cancelling" and is_late and (sight.live_orders or self.armed_ns < self._present().from_ns):
            self.phase = "escalated"
            as_of = moment(sight.empty_as_of_ns) if sight.empty_as_of_ns else "never"
            proof = {"live_orders": str(sight.live_orders), "venue_empty_as_of": as_of}
            return Step("escalated", "Not proven that nothing rests before the maintenance: check the venue", proof)
        if ahead_ns <= 0 and self.phase != "maintenance" and (self.phase != "cancelling" or is_late):
            self.phase = "maintenance"
            slot = self._present()
            return Step(
                "maintenance", f"In maintenance until {moment(slot.to_ns)}", {"empty_proven": _word(self._is_proven), **_named(slot)}
            )
        return None

    def _leave(self, sight: Sight, ahead_ns: int, utc_ns: int) -> Step | None:
        if ahead_ns <= CANCEL_NS:
            return self._return(utc_ns)
        red = [gate.name for gate in sight.gates if not gate.green]
        if not red and not self.needs_confirmation:
            self.phase, self._rearmed_ns, self.armed_ns = "rearmed", utc_ns, 0
            proof = {**_colours(sight.gates), "confirmed_by": self.confirmed_by or "auto"}
            return Step("rearmed", f"Quoting may resume, at reduced size for {self._rearm_ns // NS_PER_S} s", proof)
        if not self._is_overdue and utc_ns >= self.ended_ns + OVERDUE_NS:
            self._is_overdue = True
            waits = f"red: {', '.join(red)}" if red else "waits for the operator's confirmation"
            return Step(
                "overdue", f"Maintenance over for {OVERDUE_NS // NS_PER_S // 60} min and not quoting: {waits}", _colours(sight.gates)
            )
        return None

    def _return(self, utc_ns: int) -> Step:
        """Stand down again: for the next one, or because this one wasn't over after all. What was proven of it still holds."""
        slot = self._present()
        if slot.from_ns >= self.ended_ns:
            return self._arm(utc_ns)
        self.phase, self.confirmed_by = "maintenance", ""
        return Step("changed", f"Maintenance extended: {span(slot.from_ns, slot.to_ns)}", _named(slot))

    def _escalate_at_ns(self) -> int:
        """Return T-2 min; three minutes after the cancels where they began later than T-5 min."""
        start_ns = 0 if self.slot is None else self.slot.from_ns
        return max(start_ns - ESCALATE_NS, self.armed_ns + CANCEL_NS - ESCALATE_NS)

    def _present(self) -> Maintenance:
        assert self.slot is not None, self.phase
        return self.slot


def _is_same(old: Maintenance, new: Maintenance) -> bool:
    """Whether this is the old one, changed: they overlap, or a source has moved it."""
    if old.from_ns < new.to_ns and new.from_ns < old.to_ns:
        return True
    keys = {(slot.source, slot.name) for slot in old.slots if slot.source in {"statuspage", "operator"}}
    return any((slot.source, slot.name) in keys for slot in new.slots)


def _named(slot: Maintenance) -> dict[str, str]:
    """Return who says what."""
    return {f"{one.source}: {one.name}": span(one.from_ns, one.to_ns) for one in slot.slots}


def _colours(gates: tuple[Gate, ...]) -> dict[str, str]:
    return {gate.name: f"{'green' if gate.green else 'RED'}: {gate.note}" for gate in gates}


def _word(claim: bool) -> str:
    return "yes" if claim else "no"


if __name__ == "__main__":
    # By name, so that this pure module doesn't import the command's clock and files.
    runpy.run_module("kalshi_alpha.sched.maintenance_cli", run_name="__main__")
