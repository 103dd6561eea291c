"""Looks at everything that housekeeping may touch or must spare. Changes nothing."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.files import FileSnapshotStore, Layout
from kalshi_alpha.adapters.journal import decode_lines, list_segments, needed_segments, read_journal
from kalshi_alpha.adapters.ledger_rows import ledger_rows
from kalshi_alpha.exec.housekeep_plan import Archive, Archives, Found, History, Hold, Item, Kind, Segment, Temporary, day_of
from kalshi_alpha.exec.recovery import RecoveredState, recover
from kalshi_alpha.model import records as r
from kalshi_alpha.model.clock import NS_PER_S, Now, utc_ns_of
from kalshi_alpha.model.records import Record
from kalshi_alpha.sched.hotrestart import Corrupt, HotRestartManager, Missing

DAY_NS: Final = 86_400 * NS_PER_S
BEFORE_INCIDENT_NS: Final = 3_600 * NS_PER_S
AROUND_DRILL_NS: Final = 300 * NS_PER_S
FOREVER_NS: Final = 2**63 - 1
OPEN_MARK: Final = "open"
"""A file of this name in an incident's folder keeps it open, whatever its facts say."""

_DATE = r"\d{4}-\d{2}-\d{2}"
_HISTORY: Final = re.compile(rf"({_DATE})\.jsonl")
_ARCHIVE: Final = re.compile(rf"(?:journal-\d{{12}}_({_DATE})_)?({_DATE})\.parquet")
_TIME: Final = re.compile(rf"{_DATE}[T ]\d{{2}}:\d{{2}}.*")


class Places(msgspec.Struct, frozen=True):
    """The archive's folders below one root."""

    layout: Layout

    @property
    def journal(self) -> Path:
        """Segments."""
        return self.layout.archive / "journal"

    @property
    def ledger(self) -> Path:
        """A file a UTC month, never retired."""
        return self.layout.archive / "ledger"

    @property
    def monitors(self) -> Path:
        """A file a UTC day."""
        return self.layout.archive / "monitors"

    @property
    def archives(self) -> Archives:
        """The folders as the plan names them."""
        return Archives(self.named(self.journal), self.named(self.monitors))

    def named(self, path: Path) -> str:
        """Return the path below the root."""
        return path.relative_to(self.layout.root).as_posix()

    def ledger_file(self, utc_ns: int) -> str:
        """Return where a ledger row of this time belongs, below the root."""
        return self.named(self.ledger / f"{day_of(utc_ns)[:7]}.parquet")


def find(root: Path, now: Now) -> Found:
    """Look at the folder. What can't be looked at is told in ``left``."""
    return _Finder(root).find(now)


class _Finder:
    def __init__(self, root: Path) -> None:
        self._layout = Layout(root)
        self._places = Places(self._layout)
        self._left: list[Item] = []

    def find(self, now: Now) -> Found:
        journal = self._journal(now)
        holds = (*self._incidents(), *self._drills())
        places = self._places
        return msgspec.structs.replace(
            journal,
            histories=tuple(self._histories()),
            archives=(*self._archives(places.journal, "journal"), *self._archives(places.monitors, "monitors")),
            holds=holds,
            temporaries=tuple(self._temporaries()),
            left=tuple(self._left),
        )

    # The journal and what a restart needs of it

    def _journal(self, now: Now) -> Found:
        """Return the segments. The snapshot is read first: it never gets ahead of the journal that is read after it."""
        try:
            restored = HotRestartManager(FileSnapshotStore(self._layout.snapshot)).restore(now)
            listed, lost = list_segments(self._layout.journal)
            if not listed:
                return Found()
            if isinstance(restored, Missing):
                return self._untouched(listed, "there is no snapshot: a restart reads every segment")
            if isinstance(restored, Corrupt):
                self._left.append(Item(self._places.named(self._layout.snapshot), restored.reason))
                return self._untouched(listed, "the snapshot can't be used: a restart reads every segment")
            after_seq = restored.snapshot.journal_seq
            read = read_journal(self._layout.journal, after_seq=after_seq)
            if read.corrupt:
                self._left += [Item(self._places.named(path), "corrupt, and a restart reads it") for path in read.corrupt]
                return self._untouched(listed, "what a restart reads is corrupt: it may need every segment")
            in_force = _in_force(recover(restored.snapshot, read.records))
            needed = needed_segments(listed, after_seq)
            closed = [self._segment(first, path, in_force) for first, path in listed[: -len(needed)]]
            ends = [first for first, _ in listed[1:]]
            whole = [_with_its_end(one, end, lost) for one, end in zip(closed, ends, strict=False)]
            return Found((*whole, *(self._unopened(first, path) for first, path in needed)), needed[0][0])
        except OSError as error:
            self._left.append(self._trouble(self._layout.journal, error))
            return Found()

    def _untouched(self, listed: list[tuple[int, Path]], why: str) -> Found:
        return Found(tuple(self._unopened(first, path) for first, path in listed), restart_why=why)

    def _unopened(self, first_seq: int, path: Path) -> Segment:
        return Segment(first_seq, self._places.named(path), path.stat().st_size)

    def _segment(self, first_seq: int, path: Path, in_force: frozenset[str]) -> Segment:
        name, status = self._places.named(path), path.stat()
        try:
            decoded = decode_lines(path.read_bytes())
        except OSError as error:
            return Segment(first_seq, name, status.st_size, trouble=error.strerror or str(error))
        if decoded.corrupt or decoded.seqs[:1] not in ((), (first_seq,)):
            return Segment(first_seq, name, status.st_size, trouble=f"corrupt after byte {decoded.good_bytes}")
        times = [record.utc_ns for record in decoded.records] or [status.st_mtime_ns]
        rows = ledger_rows(decoded.seqs, decoded.records)
        return Segment(
            first_seq=first_seq,
            path=name,
            size_bytes=status.st_size,
            from_ns=min(times),
            to_ns=max(times),
            sets=frozenset(things_set(decoded.records)) & in_force,
            records=len(decoded.records),
            ledger=tuple(sorted({self._places.ledger_file(row.utc_ns) for row in rows})),
        )

    # Monitors and archives

    def _histories(self) -> Iterator[History]:
        for path in self._listing(self._layout.monitor_history):
            match = _HISTORY.fullmatch(path.name)
            day_ns = _day_ns(match[1]) if match else None
            if day_ns is not None:
                yield History(self._places.named(path), day_ns, path.stat().st_size)

    def _archives(self, folder: Path, kind: Kind) -> Iterator[Archive]:
        for path in self._listing(folder):
            if (match := _ARCHIVE.fullmatch(path.name)) is None:
                continue
            from_ns, to_ns = _day_ns(match[1] or match[2]), _day_ns(match[2])
            if from_ns is not None and to_ns is not None:
                yield Archive(self._places.named(path), kind, from_ns, to_ns + DAY_NS, path.stat().st_size)

    def _temporaries(self) -> Iterator[Temporary]:
        places = self._places
        for folder in (self._layout.archive, places.journal, places.ledger, places.monitors):
            for path in self._listing(folder):
                if path.name.startswith(".") and path.name.endswith(".tmp"):
                    yield Temporary(places.named(path), path.stat().st_size)

    # Evidence

    def _incidents(self) -> Iterator[Hold]:
        for folder in self._listing(self._layout.incidents):
            if not folder.is_dir():
                continue
            facts = self._document(folder / "facts.json")
            if isinstance(facts, Item):
                self._left.append(facts)
                yield Hold(f"an incident that can't be read, {folder.name}", 0, FOREVER_NS)
                continue
            known = facts if isinstance(facts, dict) else {}
            if (folder / OPEN_MARK).exists() or known.get("closed_at", "") is None:
                at_ns = next(_times(known.get("at_utc")), BEFORE_INCIDENT_NS)
                yield Hold(f"the open incident {folder.name}", at_ns - BEFORE_INCIDENT_NS, FOREVER_NS)

    def _drills(self) -> Iterator[Hold]:
        for path in self._listing(self._layout.drills):
            if path.suffix != ".json":
                continue
            record = self._document(path)
            if isinstance(record, Item):
                self._left.append(record)
                yield Hold(f"a drill record that can't be read, {path.name}", 0, FOREVER_NS)
                continue
            words = [*_words(record)]
            times = [time for word in words for time in _times(word)]
            span = (min(times) - AROUND_DRILL_NS, max(times) + AROUND_DRILL_NS) if times else (0, -1)
            yield Hold(f"the drill record {path.name}", *span, paths=frozenset(words))

    def _document(self, path: Path) -> object:
        """Return the JSON document, None where no file is, or an item that tells why it can't be read."""
        try:
            return msgspec.json.decode(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._trouble(path, error)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Item(self._places.named(path), f"unreadable, so nothing is retired: {error}")

    def _listing(self, folder: Path) -> list[Path]:
        try:
            return sorted(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self._left.append(self._trouble(folder, error))
            return []

    def _trouble(self, path: Path, error: OSError) -> Item:
        return Item(self._places.named(path), error.strerror or str(error))


def _with_its_end(segment: Segment, next_seq: int, lost: list[int]) -> Segment:
    """Return the segment; in trouble when its last records are gone without a start having told so."""
    ends_seq = segment.first_seq + segment.records
    if segment.trouble or ends_seq == next_seq or any(segment.first_seq <= seq < next_seq for seq in lost):
        return segment
    return msgspec.structs.replace(segment, trouble=f"corrupt: records {ends_seq} to {next_seq - 1} are missing")


def things_set(records: tuple[Record, ...]) -> Iterator[str]:
    """Yield what these records put in force, or open: latches, groups, orders and positions."""
    for record in records:
        match record:
            case r.LatchSet(reason=reason):
                yield f"latch:{reason}"
            case r.GroupRecorded(group_id=group_id):
                yield f"group:{group_id}"
            case r.OrderIntended(intent=intent):
                yield f"order:{intent.client_order_id}"
            case r.FillBooked(fill=fill):
                yield f"position:{fill.ticker}"
            case _:
                pass


def _in_force(state: RecoveredState) -> frozenset[str]:
    return frozenset(
        [
            *(f"latch:{reason}" for reason, _, _ in state.latches),
            *(f"group:{group_id}" for group_id in state.groups),
            *(f"order:{order.intent.client_order_id}" for order in state.orders),
            *(f"position:{position.ticker}" for position in state.ledger.positions if position.position_e2),
        ]
    )


def _day_ns(day: str) -> int | None:
    """Return the day's beginning; None: there is no such day."""
    return next(_times(f"{day}T00:00:00+00:00"), None)


def _times(word: object) -> Iterator[int]:
    """Yield the instant, if the word is one with an offset."""
    if not isinstance(word, str) or not _TIME.fullmatch(word):
        return
    try:
        yield utc_ns_of(datetime.fromisoformat(word))
    except ValueError:
        return


def _words(document: object) -> Iterator[str]:
    """Yield every text in a JSON document."""
    match document:
        case str():
            yield document
        case dict():
            for value in document.values():
                yield from _words(value)
        case list():
            for value in document:
                yield from _words(value)
        case _:
            pass
