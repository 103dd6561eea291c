"""A folder as a trading process leaves it after some weeks, and a disk whose every step can fail."""

import errno
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from typing_extensions import override

from kalshi_alpha.adapters.files import FileSnapshotStore, Layout
from kalshi_alpha.adapters.journal import JournalWriter, read_journal
from kalshi_alpha.exec.recovery import recover
from kalshi_alpha.exec.runners.housekeep_files import SystemFiles
from kalshi_alpha.model import records as r
from kalshi_alpha.model.clock import Now, utc_ns_of
from kalshi_alpha.model.monitor_line import MonitorLine
from kalshi_alpha.model.records import Record
from kalshi_alpha.sched.hotrestart import HotRestartManager
from tests.adapters.journal_samples import fill, intent, snapshot_of

DAY_NS = 86_400_000_000_000
NOW_NS = utc_ns_of(datetime(2026, 11, 26, 7, 30, tzinfo=UTC))  # Thanksgiving, half an hour before the Thursday pause
NOW = Now(NOW_NS, NOW_NS)
NOW_TEXT = "2026-11-26T02:30:00-05:00"


def ago(days: float) -> int:
    return NOW_NS - round(days * DAY_NS)


def a_days_records(number: int, days: float) -> list[Record]:
    """One start's records: an order, its fill, and the market's outcome."""
    at_ns, ticker = ago(days), f"KXINXU-{number}"
    bought = msgspec.structs.replace(fill(number, ticker=ticker), ts_ms=at_ns // 1_000_000)
    return [
        r.EngineStarted(at_ns, number, "cafe", "fresh"),
        r.GroupRecorded(at_ns, f"group-{number}", number),
        r.OrderIntended(at_ns, intent(number)),
        r.FillBooked(at_ns + 1, bought),
        r.OrderClosed(at_ns + 2, f"ka-7-{number:06d}", "executed"),
        r.MarketSettledBooked(at_ns + 3, ticker, "yes", 400, 4_000_000),
        r.GroupRetired(at_ns + 4, f"group-{number}"),
    ]


def segment(root: Path, records: Sequence[Record], *, torn: bytes = b"") -> Path:
    writer = JournalWriter(Layout(root).journal)
    writer.append(records)
    writer.sync()
    writer.close()
    if torn:
        writer.path.write_bytes(writer.path.read_bytes() + torn)
    return writer.path


def capture(root: Path) -> None:
    layout = Layout(root)
    read = read_journal(layout.journal)
    HotRestartManager(FileSnapshotStore(layout.snapshot)).capture(snapshot_of(recover(None, read.records), read.last_seq, NOW_NS))


def line(day: str, minute: int = 0) -> bytes:
    at = f"{day}T14:{minute:02d}:00.000+00:00"
    told = MonitorLine(at, "OK", "polygon serves", "polygon", "serving_polygon", True, (), 340, 420, 0, "OK", 0.0, 12)
    return msgspec.json.encode(told) + b"\n"


def history(root: Path, day: str, data: bytes | None = None) -> Path:
    path = Layout(root).monitor_history / f"{day}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(line(day) + line(day, 1) if data is None else data)
    return path


def weeks(root: Path) -> Path:
    """40, 35 and 5 days old segments, one of today; monitor history beside them; a snapshot; fresh monitors."""
    for number, days in enumerate((40, 35, 5, 0.1), start=1):
        segment(root, a_days_records(number, days), torn=b"0bad" if number == 2 else b"")
    capture(root)
    for day in ("2026-10-15", "2026-11-20", "2026-11-26"):
        history(root, day)
    for name in ("freshness.json", "ev_gap.json"):
        (Layout(root).monitors / name).write_bytes(b"{}")
    return root


def tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


class KilledError(BaseException):
    """The process ends here."""


class RehearsedFiles(SystemFiles):
    """The operating system, until the given step; each call has three steps, or two: before, half-way, after."""

    def __init__(self, at: int, trouble: Callable[[], None], *, lasting: bool = False) -> None:
        """``lasting``: from that step on, every write fails."""
        self.step = 0
        self.calls: list[str] = []
        self._at = at
        self._trouble = trouble
        self._lasting = lasting

    @override
    def store(self, path: Path, data: bytes) -> None:
        self._pass(f"store {path.name}")
        super().store(path, data[: len(data) // 2])
        self._pass(f"half of {path.name}")
        super().store(path, data)
        self._pass(f"stored {path.name}")

    @override
    def rename(self, path: Path, target: Path) -> None:
        self._pass(f"rename to {target.name}")
        super().rename(path, target)
        self._pass(f"renamed to {target.name}")

    @override
    def remove(self, path: Path) -> None:
        self._pass(f"remove {path.name}")
        super().remove(path)
        self._pass(f"removed {path.name}")

    def _pass(self, name: str) -> None:
        number, self.step = self.step, self.step + 1
        self.calls.append(name)
        if number == self._at or (self._lasting and number > self._at and "remove" not in name):
            self._trouble()


def killed() -> None:
    raise KilledError


def full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
