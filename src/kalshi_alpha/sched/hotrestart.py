"""Hot restart: the engine's snapshot in a sealed envelope, and a verdict on what a restart finds.

The verdict says how far the snapshot can be trusted to be recent; it never says that quoting may start. Every start asks the venue first,
whatever was found here. An old snapshot is therefore still handed over: its order groups must be triggered and its trades not booked twice.
"""

import hashlib
from typing import Final, Literal, Protocol

import msgspec

from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.snapshot import SNAPSHOT_VERSION, EngineSnapshot

MAX_AGE_S: Final = 5.0
FUTURE_TOLERANCE_S: Final = 1.0
"""A snapshot may be this far ahead of the clock (a small step back); more contradicts the clock."""


class SnapshotStore(Protocol):
    """Where one snapshot is kept, replaced whole."""

    def read(self) -> bytes | None:
        """Return the stored bytes; None: never written. Raises OSError when there is something that can't be read."""
        ...

    def write(self, data: bytes) -> None:
        """Replace the stored bytes. Raises OSError."""
        ...


class Fresh(msgspec.Struct, frozen=True, tag=True):
    """A snapshot no older than the limit."""

    snapshot: EngineSnapshot
    age_s: float


class Stale(msgspec.Struct, frozen=True, tag=True):
    """A whole snapshot older than the limit."""

    snapshot: EngineSnapshot
    age_s: float


class Missing(msgspec.Struct, frozen=True, tag=True):
    """No snapshot was ever written here."""


class Corrupt(msgspec.Struct, frozen=True, tag=True):
    """There is something that isn't a snapshot of ours, or contradicts the clock."""

    reason: str
    ahead_s: float = 0.0
    """Above 0: it is whole, and from so far in the future by our clock."""


Restored = Fresh | Stale | Missing | Corrupt


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    schema_version: Literal[1]
    sha256: str
    snapshot: msgspec.Raw


class HotRestartManager:
    """Captures and restores the snapshot in one store."""

    def __init__(self, store: SnapshotStore, max_age_s: float = MAX_AGE_S) -> None:
        """Use the store; call a snapshot stale when it is older than ``max_age_s``."""
        self._store = store
        self._max_age_ns = round(max_age_s * NS_PER_S)

    def capture(self, snapshot: EngineSnapshot, now: Now | None = None) -> None:
        """Store the snapshot, stamped with ``now`` when that is given.

        Raises:
            OSError: it isn't stored; the previous one may still be.

        """
        stamped = snapshot if now is None else msgspec.structs.replace(snapshot, captured_utc_ns=now.utc_ns)
        self._store.write(sealed(stamped))

    def restore(self, now: Now) -> Restored:
        """Return the stored snapshot with a verdict. Never raises: what can't be read is ``Corrupt``."""
        try:
            data = self._store.read()
        except OSError as error:
            return Corrupt(f"unreadable: {error.strerror or error}")
        if data is None:
            return Missing()
        found = unsealed(data)
        if isinstance(found, Corrupt):
            return found
        age_ns = now.utc_ns - found.captured_utc_ns
        if age_ns < -FUTURE_TOLERANCE_S * NS_PER_S:
            ahead_s = -age_ns / NS_PER_S
            return Corrupt(f"captured {ahead_s:.3f} s in the future", ahead_s)
        age_s = max(0, age_ns) / NS_PER_S
        return Fresh(found, age_s) if age_ns <= self._max_age_ns else Stale(found, age_s)


def sealed(snapshot: EngineSnapshot) -> bytes:
    """Return the snapshot as bytes that show any change."""
    inside = msgspec.json.encode(snapshot)
    return msgspec.json.encode(_Envelope(1, hashlib.sha256(inside).hexdigest(), msgspec.Raw(inside)))


def unsealed(data: bytes) -> EngineSnapshot | Corrupt:
    """Open the envelope. Takes any bytes, never raises."""
    if not data:
        return Corrupt("empty")
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
        if hashlib.sha256(envelope.snapshot).hexdigest() != envelope.sha256:
            return Corrupt("the contents don't match their SHA-256")
        snapshot = msgspec.json.decode(envelope.snapshot, type=EngineSnapshot)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Corrupt(f"undecodable: {error}")
    if snapshot.schema_version != SNAPSHOT_VERSION:
        return Corrupt(f"schema version {snapshot.schema_version}, expected {SNAPSHOT_VERSION}")
    return snapshot


if __name__ == "__main__":
    import runpy

    # The command does I/O and therefore has a module of its own; this one stays pure.
    runpy.run_module("kalshi_alpha.sched.hotrestart_cli", run_name="__main__")
