"""What housekeeping does with what it found, and why. Pure: facts of the files in, a list of actions out.

* Journal segments go oldest first and never around one that stays: what is left must still read as one chain. A segment stays when a
  restart reads it, when a restart without its snapshot would need it for what is in force (a latch, an order, a group, a position), when
  it was written within the last day, or when it can't be read. The newest is never touched: somebody may be writing it.
* Compacting keeps every byte, so evidence only holds off retiring: an open incident and a drill record keep what was written in their time.
* The ledger's archive is the money's record. It is never retired.
"""

from typing import Final, Literal

import msgspec

from kalshi_alpha.model.clock import NS_PER_S, utc_datetime

DAY_NS: Final = 86_400 * NS_PER_S
SETTLED_NS: Final = DAY_NS
"""What was written to within the last day stays as it is, for the day's own reports."""

Kind = Literal["journal", "monitors"]


class Segment(msgspec.Struct, frozen=True):
    """A journal segment."""

    first_seq: int
    path: str
    """Below the root, with slashes, as all paths here."""
    size_bytes: int
    from_ns: int = 0
    to_ns: int = 0
    """Its first and last record's time, UTC; without a record: when the file was written."""
    records: int = 0
    sets: frozenset[str] = frozenset()
    """What is in force now and was set in here, as ``latch:..``, ``group:..``, ``order:..`` or ``position:..``."""
    ledger: tuple[str, ...] = ()
    """The ledger's files that its fills and settlements belong to."""
    trouble: str = ""
    """Why it can't be read; empty: it can."""


class History(msgspec.Struct, frozen=True):
    """A day of monitor history."""

    path: str
    day_ns: int
    """The day's beginning, UTC."""
    size_bytes: int


class Archive(msgspec.Struct, frozen=True):
    """A Parquet file of an earlier run."""

    path: str
    kind: Kind
    from_ns: int
    to_ns: int
    """The end of its last day, UTC."""
    size_bytes: int


class Hold(msgspec.Struct, frozen=True):
    """What evidence needs: everything written in a time, and files it names."""

    why: str
    from_ns: int
    to_ns: int
    """Before ``from_ns``: no time at all."""
    paths: frozenset[str] = frozenset()


class Temporary(msgspec.Struct, frozen=True):
    """What a run that was killed left half-written."""

    path: str
    size_bytes: int


class Item(msgspec.Struct, frozen=True):
    """A file that isn't touched, and why."""

    path: str
    why: str


class Found(msgspec.Struct, frozen=True):
    """What is on disk."""

    segments: tuple[Segment, ...] = ()
    """In order. Those from ``restart_seq`` on needn't have been opened."""
    restart_seq: int = 0
    """The first number of the first segment that a restart reads; 0: it reads all of them."""
    restart_why: str = "a restart reads it"
    histories: tuple[History, ...] = ()
    archives: tuple[Archive, ...] = ()
    holds: tuple[Hold, ...] = ()
    temporaries: tuple[Temporary, ...] = ()
    left: tuple[Item, ...] = ()
    """What couldn't even be looked at."""


class Action(msgspec.Struct, frozen=True):
    """One step: ``compact`` (to Parquet, then away), ``retire`` (away) or ``clean`` (a temporary file)."""

    does: Literal["clean", "compact", "retire"]
    kind: Literal["journal", "monitors", "temporary"]
    path: str
    to: tuple[str, ...]
    """The Parquet files it writes first; the ledger's before the others."""
    size_bytes: int
    why: str
    records: int = 0
    """Of a segment."""


class Plan(msgspec.Struct, frozen=True):
    """Everything housekeeping would do, in order, and what it wouldn't touch."""

    actions: tuple[Action, ...]
    kept: tuple[Item, ...]
    """Needed, or not old enough."""
    left: tuple[Item, ...]
    """Should have been dealt with and can't be: the operator must look."""


class Archives(msgspec.Struct, frozen=True):
    """Folders of the archive, below the root."""

    journal: str
    monitors: str


def plan(found: Found, archives: Archives, now_ns: int, keep_days: int) -> Plan:
    """Return what to do at this instant (UTC): retire what is older than ``keep_days``, compact what is a day old.

    What frees space without needing any comes first.
    """
    planner = _Planner(found.holds, archives, now_ns, keep_days)
    planner.left += found.left
    for temporary in found.temporaries:
        why = "left by a run that was cut short"
        planner.actions.append(Action("clean", "temporary", temporary.path, (), temporary.size_bytes, why))
    for archive in found.archives:
        planner.archive(archive)
    planner.journal(found)
    newest_ns = max((history.day_ns for history in found.histories), default=0)
    for history in found.histories:
        planner.history(history, is_newest=history.day_ns == newest_ns)
    return Plan(tuple(planner.actions), tuple(planner.kept), tuple(planner.left))


class _Planner:
    def __init__(self, holds: tuple[Hold, ...], archives: Archives, now_ns: int, keep_days: int) -> None:
        self.actions: list[Action] = []
        self.kept: list[Item] = []
        self.left: list[Item] = []
        self._holds = holds
        self._archives = archives
        self._now_ns = now_ns
        self._keep_days = keep_days

    def archive(self, archive: Archive) -> None:
        hold = self._hold(archive.path, archive.from_ns, archive.to_ns)
        if not self._is_old(archive.to_ns):
            self.kept.append(Item(archive.path, self._young()))
        elif hold:
            self.kept.append(Item(archive.path, hold))
        else:
            self.actions.append(Action("retire", archive.kind, archive.path, (), archive.size_bytes, self._old()))

    def journal(self, found: Found) -> None:
        needed = _needed(found.segments)
        for number, segment in enumerate(found.segments):
            is_newest = number == len(found.segments) - 1
            if segment.trouble and not is_newest and segment.first_seq < found.restart_seq:
                self.left.append(Item(segment.path, segment.trouble))
                stays = True
            elif why := self._segment_stays(segment, found, needed, is_newest=is_newest):
                self.kept.append(Item(segment.path, why))
                stays = True
            else:
                stays = False
            if stays:
                after = f"comes after {segment.path}, which stays"
                self.kept += [Item(later.path, after) for later in found.segments[number + 1 :]]
                return
            self._take(segment)

    def history(self, history: History, *, is_newest: bool) -> None:
        end_ns = history.day_ns + DAY_NS
        if is_newest:
            self.kept.append(Item(history.path, "the newest: the trading process may be writing it"))
        elif named := self._named(history.path):
            self.kept.append(Item(history.path, named))
        elif self._now_ns - end_ns < SETTLED_NS:
            self.kept.append(Item(history.path, "written within the last day"))
        elif self._is_old(end_ns) and not self._hold(history.path, history.day_ns, end_ns):
            self.actions.append(Action("retire", "monitors", history.path, (), history.size_bytes, self._old()))
        else:
            target = f"{self._archives.monitors}/{day_of(history.day_ns)}.parquet"
            why = self._hold(history.path, history.day_ns, end_ns) or self._young()
            self.actions.append(Action("compact", "monitors", history.path, (target,), history.size_bytes, why))

    def _segment_stays(self, segment: Segment, found: Found, needed: dict[int, str], *, is_newest: bool) -> str:
        if is_newest:
            return "the newest: the trading process may be writing it"
        if segment.first_seq >= found.restart_seq:
            return found.restart_why
        if segment.first_seq in needed:
            return f"holds what is in force: {needed[segment.first_seq]}"
        if self._now_ns - segment.to_ns < SETTLED_NS:
            return "written within the last day"
        return self._named(segment.path)

    def _take(self, segment: Segment) -> None:
        hold = self._hold(segment.path, segment.from_ns, segment.to_ns)
        if self._is_old(segment.to_ns) and not hold:
            self.actions.append(Action("retire", "journal", segment.path, segment.ledger, segment.size_bytes, self._old(), segment.records))
            return
        name = f"journal-{segment.first_seq:012d}_{day_of(segment.from_ns)}_{day_of(segment.to_ns)}.parquet"
        to = (*segment.ledger, f"{self._archives.journal}/{name}")
        self.actions.append(Action("compact", "journal", segment.path, to, segment.size_bytes, hold or self._young(), segment.records))

    def _is_old(self, to_ns: int) -> bool:
        return self._now_ns - to_ns >= self._keep_days * DAY_NS

    def _named(self, path: str) -> str:
        return next((f"named by {hold.why}" for hold in self._holds if path in hold.paths), "")

    def _hold(self, path: str, from_ns: int, to_ns: int) -> str:
        holding = (hold for hold in self._holds if hold.from_ns <= to_ns and from_ns <= hold.to_ns)
        return self._named(path) or next((f"needed by {hold.why}" for hold in holding), "")

    def _old(self) -> str:
        return f"older than {self._keep_days} days"

    def _young(self) -> str:
        return f"not yet {self._keep_days} days old"


def _needed(segments: tuple[Segment, ...]) -> dict[int, str]:
    """Return what each segment is needed for, by first number: a latch counts where it was set last, all else where it began."""
    places: dict[str, int] = {}
    for segment in segments:
        for thing in sorted(segment.sets):
            if thing.startswith("latch:") or thing not in places:
                places[thing] = segment.first_seq
    needed: dict[int, str] = {}
    for thing, first_seq in places.items():
        needed.setdefault(first_seq, thing)
    return needed


def day_of(utc_ns: int) -> str:
    """Return the UTC date, ``2026-11-23``."""
    return utc_datetime(utc_ns).strftime("%Y-%m-%d")
