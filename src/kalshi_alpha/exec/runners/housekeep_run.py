"""Carries out housekeeping's plan, one action after the other, each whole at every step.

An original goes only when its copy is on disk under its own name and was read back equal: write beside, fsync, read back, rename, fsync the
folder, then remove. Whatever fails leaves the original where it is. Doing an action again comes to the same files.
Imports pyarrow: only the command imports this, when there is something to do.
"""

import contextlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kalshi_alpha.adapters.archive import ArchiveError, history_of, history_parquet, journal_of, journal_parquet, ledger_of, ledger_parquet
from kalshi_alpha.adapters.journal import decode_lines
from kalshi_alpha.adapters.ledger_rows import LedgerRow, ledger_rows
from kalshi_alpha.exec.housekeep_plan import Action, Item, Plan
from kalshi_alpha.exec.runners.housekeep_files import Files
from kalshi_alpha.exec.runners.housekeep_find import Places

Contents = TypeVar("Contents")


class ChangedError(Exception):
    """A file isn't what it was when the plan was made."""


def carry_out(plan: Plan, places: Places, files: Files) -> tuple[Item, ...]:
    """Do everything that can be done; return what couldn't, and why. Segments after one that had to stay, stay too."""
    keeper = _Keeper(places, files)
    left: list[Item] = []
    stuck = ""
    for action in plan.actions:
        is_segment = action.path.endswith(".jsonl") and action.kind == "journal"
        if stuck and is_segment:
            left.append(Item(action.path, f"comes after {stuck}, which had to stay"))
            continue
        try:
            keeper.do(action)
        except (OSError, ArchiveError, ChangedError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            left.append(Item(action.path, reason or str(error)))
            stuck = action.path if is_segment else stuck
    return tuple(left)


class _Keeper:
    def __init__(self, places: Places, files: Files) -> None:
        self._places = places
        self._root = places.layout.root
        self._files = files

    def do(self, action: Action) -> None:
        path = self._root / action.path
        match action.kind:
            case "journal" if path.suffix == ".jsonl":
                self._take_segment(path, action)
            case "monitors" if action.does == "compact":
                self._take_history(path, self._root / action.to[0])
            case "temporary" | "journal" | "monitors":
                self._files.remove(path)

    def _take_segment(self, path: Path, action: Action) -> None:
        stamp = _stamp(path)
        data = path.read_bytes()
        decoded = decode_lines(data)
        if len(decoded.records) != action.records or decoded.corrupt:
            message = (
                f"it had {action.records} records when it was looked at and now has {len(decoded.records)} up to byte {decoded.good_bytes}"
            )
            raise ChangedError(message)
        months: defaultdict[str, list[LedgerRow]] = defaultdict(list)
        for row in ledger_rows(decoded.seqs, decoded.records):
            months[self._places.ledger_file(row.utc_ns)].append(row)
        for month, rows in months.items():
            self._add_to_ledger(self._root / month, rows)
        if action.does == "compact":
            self._keep_segment(self._root / action.to[-1], data, journal_parquet(data, decoded))
        self._remove(path, stamp)

    def _keep_segment(self, target: Path, data: bytes, parquet: bytes) -> None:
        """Archive a segment; one of the same name that says something else (a journal begun anew) is never overwritten."""
        if self._archived(target, journal_of) not in (None, data):
            message = f"{self._places.named(target)}: holds another segment of this name"
            raise ArchiveError(message)
        self._keep(target, parquet, lambda stored: journal_of(stored) == data)

    def _take_history(self, path: Path, target: Path) -> None:
        """Compact a day. What the archive has of it already, from before a step of the clock, comes first."""
        stamp = _stamp(path)
        data = path.read_bytes()
        present = self._archived(target, history_of) or b""
        whole = present if present.endswith(data) else present + data
        if whole != present or not target.exists():
            self._keep(target, history_parquet(whole), lambda parquet: history_of(parquet) == whole)
        self._remove(path, stamp)

    def _add_to_ledger(self, path: Path, rows: list[LedgerRow]) -> None:
        """Add what isn't there yet. A month that can't be read stays as it is, and so do the segments that belong to it."""
        present = self._archived(path, ledger_of) or []
        wanted = {*present, *rows}
        if wanted - set(present):
            self._keep(path, ledger_parquet(wanted), lambda parquet: set(ledger_of(parquet)) == wanted)

    def _archived(self, path: Path, read: Callable[[bytes], Contents]) -> Contents | None:
        """Return what an archive file holds; None: there is none.

        Raises:
            ArchiveError: it can't be read; the message names it.

        """
        try:
            return read(path.read_bytes())
        except FileNotFoundError:
            return None
        except ArchiveError as error:
            message = f"{self._places.named(path)}: {error}"
            raise ArchiveError(message) from error

    def _keep(self, path: Path, parquet: bytes, is_same: Callable[[bytes], bool]) -> None:
        """Put a Parquet file in its place once what is on disk reads back as what went in."""
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            self._files.store(temporary, parquet)
            self._check(temporary, is_same)
            self._files.rename(temporary, path)
        except (OSError, ArchiveError):
            with contextlib.suppress(OSError):
                self._files.remove(temporary)
            raise

    def _check(self, path: Path, is_same: Callable[[bytes], bool]) -> None:
        if not is_same(path.read_bytes()):
            message = f"{self._places.named(path)}: what was written doesn't read back"
            raise ArchiveError(message)

    def _remove(self, path: Path, stamp: tuple[int, int, int]) -> None:
        if _stamp(path) != stamp:
            message = "it changed while it was copied"
            raise ChangedError(message)
        self._files.remove(path)


def _stamp(path: Path) -> tuple[int, int, int]:
    """Return what tells a file from one that was replaced or written to since."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
