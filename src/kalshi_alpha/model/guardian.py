"""What the trading process and the guardian tell about themselves, each in one small file."""

from typing import Literal

import msgspec


class Heartbeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The trading process's sign of life, from its own loop, several times a second."""

    pid: int
    epoch: int
    groups: tuple[str, ...]
    """Order groups that aren't known to be triggered, oldest first: the epoch's own is the last."""
    utc_ns: int
    """By the clock it trades by."""
    mono_ns: int
    """By the machine's clock since its start, in real nanoseconds: the age of the sign is judged by it alone."""
    freeze_ns: int
    """When the last of the windows open now freezes (UTC); 0: none is open."""
    latches: tuple[str, ...]
    """The latches in force: while there is one, nothing is quoted."""


class GuardianAction(msgspec.Struct, frozen=True):
    """One time that the guardian cancelled everything. Times are ISO 8601."""

    cause: str
    """``silent``, ``stop``, ``latched`` or ``after_freeze``."""
    why: str
    at: str
    resting: int | None
    """Orders that rested when it began; None: the venue couldn't be asked."""
    rounds: int
    """How often it cancelled."""
    verified_at: str | None
    """When a read no older than the last cancel showed that nothing rests; None: not yet, or the engine came back first."""
    ended: bool


class GuardianStatus(msgspec.Struct, frozen=True):
    """``data/guardian.json``. Times are ISO 8601 by the clock that is traded by."""

    state: Literal["watching", "acting", "blind"]
    """``blind``: the venue hasn't answered a read for a while."""
    pid: int
    since: str
    generated_at: str
    mono_ns: int
    """When it was written, by the machine's clock since its start."""
    engine: str
    """``alive``, or what is wrong with its sign of life: ``silent``, ``missing``, ``unreadable: ...``, ``from the future``."""
    silent_s: float
    """Real seconds since the last sign of life."""
    last_look: str | None
    """The last whole read of the venue."""
    resting: int | None
    """Orders of ours that it showed."""
    trouble: str
    """Why the venue can't be read; empty: it can."""
    actions: int
    """How often it cancelled everything since its start."""
    last_action: GuardianAction | None
    schema_version: int = 1
