"""The operator's own maintenance slots: a small file that the command writes and the trading process reads."""

import contextlib
import fcntl
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.files import Layout, write_atomically
from kalshi_alpha.model.clock import NS_PER_S, iso_utc, utc_ns_of
from kalshi_alpha.model.hours import Closure
from kalshi_alpha.model.maintenance import Slot

DAY_NS: Final = 86_400 * NS_PER_S
LONGEST_NS: Final = 14 * DAY_NS
"""A slot longer than two weeks is a mistyped date."""


class OperatorSlotsError(Exception):
    """The file can't be read or written, or a slot can't be; the message names the value."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One slot as the file holds it. Times are ISO 8601 with an offset."""

    id: str
    begins: str
    ends: str
    note: str
    added_at: str

    def slot(self) -> Slot:
        """Return it for the calendar."""
        return Slot(_ns(self.begins), _ns(self.ends), "operator", f"{self.id} {self.note}".strip())


class Entries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    slots: tuple[Entry, ...] = ()
    last_number: int = 0


def read_entries(root: Path) -> Entries:
    """Return what the file holds; nothing when there is none.

    Raises:
        OperatorSlotsError: it can't be read; the message says why.

    """
    path = Layout(root).maintenance
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Entries)
        for entry in found.slots:
            _check(entry.slot())
    except FileNotFoundError:
        return Entries()
    except (OSError, ValueError, msgspec.DecodeError) as error:
        message = f"{path}: {error}"
        raise OperatorSlotsError(message) from error
    return found


def read_closures(root: Path) -> tuple[Closure, ...]:
    """Return the slots as what cuts the windows.

    Raises:
        OperatorSlotsError: the file can't be read; the message says why.

    """
    slots = [entry.slot() for entry in read_entries(root).slots]
    return tuple(sorted(Closure(slot.from_ns, slot.to_ns, slot.source, slot.name) for slot in slots))


def add_entry(root: Path, span_ns: tuple[int, int], note: str, now_ns: int) -> Entry:
    """Add a slot and return it with its id. Those that ended a day ago are dropped.

    Raises:
        OperatorSlotsError: it ends before it begins, is too long or is over; or the file can't be used.

    """
    from_ns, to_ns = span_ns
    slot = Slot(from_ns, to_ns, "operator", note)
    try:
        _check(slot)
    except ValueError as error:
        raise OperatorSlotsError(str(error)) from error
    if to_ns <= now_ns:
        message = f"already over: it ends at {iso_utc(to_ns)}, and now it is {iso_utc(now_ns)}"
        raise OperatorSlotsError(message)
    with _locked(root):
        kept = read_entries(root)
        number = kept.last_number + 1
        entry = Entry(f"op-{number}", iso_utc(from_ns), iso_utc(to_ns), " ".join(note.split())[:200], iso_utc(now_ns))
        recent = tuple(one for one in kept.slots if one.slot().to_ns > now_ns - DAY_NS)
        _write(root, Entries((*recent, entry), number))
    return entry


def remove_entry(root: Path, entry_id: str) -> Entry | None:
    """Remove a slot and return it; None: there is none with this id.

    Raises:
        OperatorSlotsError: the file can't be used.

    """
    with _locked(root):
        kept = read_entries(root)
        removed = next((one for one in kept.slots if one.id == entry_id), None)
        if removed is not None:
            _write(root, Entries(tuple(one for one in kept.slots if one.id != entry_id), kept.last_number))
    return removed


def _ns(text: str) -> int:
    return utc_ns_of(datetime.fromisoformat(text))


def _check(slot: Slot) -> None:
    if slot.to_ns <= slot.from_ns:
        message = f"a slot from {iso_utc(slot.from_ns)} to {iso_utc(slot.to_ns)} ends before it begins"
        raise ValueError(message)
    if slot.to_ns - slot.from_ns > LONGEST_NS:
        message = f"a slot from {iso_utc(slot.from_ns)} to {iso_utc(slot.to_ns)} is longer than two weeks"
        raise ValueError(message)


def _write(root: Path, entries: Entries) -> None:
    path = Layout(root).maintenance
    try:
        write_atomically(path, msgspec.json.format(msgspec.json.encode(entries), indent=2) + b"\n", durable=True)
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise OperatorSlotsError(message) from error


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Let one command at a time change the file."""
    path = Layout(root).maintenance.with_suffix(".lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise OperatorSlotsError(message) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
