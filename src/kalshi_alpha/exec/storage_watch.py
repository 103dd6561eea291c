"""The journal's disk: what can't be written, what may soon not be, and what takes so long that quotes would rest on it blindly.

A failed write or sync ends the process, since nothing after it could be trusted. Little room, and commits that hang, stand down until it
is better: each order waits for its intent to be durable, so a disk that stalls for half a second has them sent half a second late.
"""

from typing import Final

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.reasons import Reason

ROOM_MIN: Final = 256 * 2**20
"""Bytes that must be free where the journal lies; a window's records are a thousandth of it."""
SLOW_COMMIT_S: Final = 0.25
"""A commit that takes longer is slow: three thousand times the usual, fifty times that of a busy disk."""
SLOW_WITHIN_NS: Final = 60 * NS_PER_S
"""Two slow commits no further apart stand down; one alone may be anybody's."""
SLOW_HOLD_S: Final = 30.0
"""Without a slow one until quoting resumes."""


class StorageWatch:
    """Learns how the disk does, and says whether it may be quoted on."""

    def __init__(self, facts: EngineFacts) -> None:
        self._facts = facts
        self._slow_ns: int | None = None
        """Monotonic time of the last slow commit."""
        self._is_slow = False

    def failed(self, event: ev.StorageFailed, now: Now) -> bool:
        """Learn that the journal can't be written; return whether that is news."""
        facts = self._facts
        if facts.storage_failure:
            return False
        facts.storage_failure = event.reason
        facts.incident(now, "storage", "The journal can't be written", "stood down, cancelling, then exits", {"error": event.reason})
        return True

    def read(self, event: ev.StorageRead, _now: Now) -> None:
        """Learn how much room the journal has. Once short, it is enough again only with an eighth more."""
        room = self._facts.room
        room.read = event
        room.is_short = event.free_bytes < (ROOM_MIN + ROOM_MIN // 8 if room.is_short else ROOM_MIN)

    def slow(self, event: ev.StorageSlow, now: Now) -> None:
        """Learn that a commit took too long. The second within a minute stands down, and each from then on prolongs it."""
        before_ns, self._slow_ns = self._slow_ns, now.mono_ns
        if before_ns is None or now.mono_ns - before_ns > SLOW_WITHIN_NS:
            return
        self._facts.after("storage", SLOW_HOLD_S, now)
        if not self._is_slow:
            self._is_slow = True
            told = {"commit_s": f"{event.seconds:.3f}", "the_one_before_s_ago": f"{(now.mono_ns - before_ns) / NS_PER_S:.1f}"}
            self._facts.incident(now, "storage", "The journal's disk is slow", "stood down, cancelling until it isn't", told)

    def act(self, now: Now) -> None:
        """Let time count."""
        if self._facts.due("storage", now):
            self._is_slow = False

    def reasons(self) -> list[Reason]:
        """Return what of the disk forbids quoting."""
        facts = self._facts
        own = (
            (bool(facts.storage_failure), Reason.STORAGE_FAILED),
            (facts.room.is_short, Reason.STORAGE_SHORT),
            (self._is_slow, Reason.STORAGE_SLOW),
        )
        return [reason for held, reason in own if held]
