"""A real process that is killed, or whose disk fails, at every call of an order cycle; and the trading process with a full disk."""

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from tests.adapters.order_cycle import RECORDS, found
from tests.live.venue import servers, wait_until

ROOT = Path(__file__).resolve().parents[2]
STRACE = shutil.which("strace")
MEMORY = Path("/dev/shm")
CALLS = ("write", "pwrite64", "fdatasync", "fsync", "rename", "mkdir", "unlink", "ftruncate")
ERRORS = ("EIO", "ENOSPC", "EROFS")
needs_strace = pytest.mark.skipif(STRACE is None, reason="strace isn't installed (Debian package: strace)")


class Point(msgspec.Struct, frozen=True):
    """The n-th call of a name in an order cycle, and what it was made on."""

    call: str
    number: int
    on: str

    @property
    def may_be_silent(self) -> bool:
        """Whether nobody misses what it does.

        A folder that is there needs no making, the number in the lock file is a courtesy, above its root it syncs only where it may, the
        snapshots before the newest are kept if they can be, and room that isn't given back is given back by the next start.
        """
        if self.call in {"mkdir", "ftruncate"} or self.on.endswith(("/data/lock", "/snapshot.json.1")):
            return True
        return self.call == "fsync" and "/root" not in self.on


class Ran(msgspec.Struct, frozen=True):
    """What a process said and left."""

    status: int
    acknowledged: int
    said: str
    known: int
    stopped: bool


@pytest.fixture(scope="module")
def memory() -> Iterator[Path]:
    """Return a folder whose syncs cost nothing: the faults are put in by name, whatever lies below."""
    folder = Path(tempfile.mkdtemp(dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)


def traced(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    assert STRACE is not None
    # Coverage would put calls of its own into the process.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")} | {"PYTHONDONTWRITEBYTECODE": "1"}
    command = [STRACE, "-f", "-qq", *options, sys.executable, "-m", "tests.adapters.order_cycle", str(root)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def points(memory: Path) -> list[Point]:
    """Return every call of an undisturbed cycle."""
    if STRACE is None:
        pytest.skip("strace isn't installed")
    trace = memory / "trace"
    base = memory / "undisturbed"
    base.mkdir()
    ran = traced(base / "root", "-y", "-o", str(trace), "-e", f"trace={','.join(CALLS)}")
    if ran.returncode != 0:
        pytest.skip(f"strace doesn't work here: {ran.stderr[:200]}")
    seen: Counter[str] = Counter()
    found_points = []
    for match in re.finditer(r"^\d+ +(\w+)\((?:\d+<([^>]*)>|\"([^\"]*)\")", trace.read_text(), re.MULTILINE):
        seen[match[1]] += 1
        found_points.append(Point(match[1], seen[match[1]], match[2] or match[3]))
    return found_points


def disturbed(memory: Path, point: Point, fault: str) -> Ran:
    """Run a cycle with a fault at one call, then start on what it left."""
    base = Path(tempfile.mkdtemp(dir=memory))
    try:
        ran = traced(base / "root", "-o", os.devnull, "-e", f"trace={point.call}", "-e", f"inject={point.call}:{fault}:when={point.number}")
        known = found(base / "root")
        acks = [int(count) for count in re.findall(r"^ack (\d+)$", ran.stdout, re.MULTILINE)]
        return Ran(ran.returncode, max(acks, default=0), ran.stdout + ran.stderr, known.count, known.stopped)
    finally:
        shutil.rmtree(base)


def all_disturbed(memory: Path, points: list[Point], fault: str) -> list[tuple[Point, Ran]]:
    with ThreadPoolExecutor(2) as pool:
        return list(zip(points, pool.map(lambda point: disturbed(memory, point, fault), points), strict=True))


@needs_strace
def test_the_cycle_has_the_calls_that_matter(points: list[Point]) -> None:
    counts = Counter(point.call for point in points)

    assert counts["write"] >= 9
    assert counts["fdatasync"] >= 7
    assert counts["fsync"] >= 10
    assert counts["rename"] == 4


@needs_strace
def test_a_process_killed_at_any_call_loses_nothing_it_acknowledged(memory: Path, points: list[Point]) -> None:
    ran = all_disturbed(memory, points, "signal=KILL")

    assert [(point, one.said) for point, one in ran if one.status != -9] == []
    assert [(point, one) for point, one in ran if one.known < one.acknowledged or one.stopped] == []
    assert len({one.acknowledged for _, one in ran}) > 5


@needs_strace
@pytest.mark.parametrize("error", ERRORS)
def test_an_error_at_any_call_is_reported_and_loses_nothing(memory: Path, points: list[Point], error: str) -> None:
    ran = all_disturbed(memory, points, f"error={error}")

    assert [(point, one) for point, one in ran if one.known < one.acknowledged or one.stopped] == []
    silent = [point for point, one in ran if not re.search(r"^(snapshot|refused|failed) .", one.said, re.MULTILINE)]
    assert [point for point in silent if not point.may_be_silent] == []
    # Who failed to write the journal says so by its status and acknowledges nothing more; a snapshot is only a shorter way back.
    for point, one in ran:
        if "/journal/" in point.on and point.call in ("write", "fdatasync"):
            assert (one.status, one.acknowledged < len(RECORDS)) == (3, True), (point, one)
        assert one.status in (0, 2, 3), (point, one)


def test_the_trading_process_with_a_full_disk_cancels_everything_and_ends_and_the_next_one_quotes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("COV")]:
        monkeypatch.delenv(name)  # its file couldn't be written either
    with servers(tmp_path) as venue:
        trader = venue.trader()
        wait_until(lambda: len(venue.resting()) > 10)

        # No file may grow any more, whatever it is: the journal, snapshots, reports, the log itself.
        resource.prlimit(trader.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        wait_until(lambda: not trader.alive())
        status = trader.end()

        assert status == 3
        assert venue.resting() == []
        accepted = len(venue.accepted())
        again = venue.trader()
        wait_until(lambda: len(venue.accepted()) > accepted)
        assert again.end() == 0
        assert venue.resting() == []
