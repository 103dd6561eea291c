import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kalshi_alpha.adapters.control_socket import ControlCommand, ControlReply, ControlServer, control_path
from kalshi_alpha.adapters.files import FileSnapshotStore, Layout
from kalshi_alpha.adapters.system_clock import ClockPlan, ClockSegment
from kalshi_alpha.cli import UnreachableError, UsageError
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.snapshot import AppliedTrade, EngineSnapshot, LedgerPosition, LedgerSnapshot, SnapshotOrder
from kalshi_alpha.sched.hotrestart import Corrupt, Fresh, HotRestartManager, Missing, Stale, sealed, unsealed
from kalshi_alpha.sched.hotrestart_cli import main, wait_for_capture
from tests.adapters.journal_samples import TICKER, intent

AT_NS = 1_795_445_101_000_000_000  # 2026-11-23T14:45:01Z


class MemoryStore:
    def __init__(self, data: bytes | None = None, error: OSError | None = None) -> None:
        self.data = data
        self.error = error

    def read(self) -> bytes | None:
        if self.error is not None:
            raise self.error
        return self.data

    def write(self, data: bytes) -> None:
        self.data = data


def snapshot() -> EngineSnapshot:
    return EngineSnapshot(
        captured_utc_ns=AT_NS,
        epoch=7,
        config_hash="cafe",
        journal_seq=120,
        active_window="2026-11-23/hourly-1000",
        orders=(SnapshotOrder(intent(), "resting", "order-1", 600, 1_795_445_120),),
        groups=("group-7",),
        latches=(("operator_stop", "ann", "lunch"),),
        ledger=LedgerSnapshot(
            positions=(LedgerPosition(TICKER, 400, 2_000_000, -2_017_500, 5),),
            cash_e6=-2_000_000,
            fees_e6=17_500,
            fills=1,
            contracts_e2=400,
            applied=(AppliedTrade("trade-1", 5),),
            last_fill_ms=5,
        ),
        windows_degraded=1,
        incidents=3,
    )


def at(seconds: float) -> Now:
    return Now(utc_ns=AT_NS + round(seconds * 1e9), mono_ns=1)


@pytest.mark.parametrize("age_s", [0.0, 4.9, 5.0])
def test_a_snapshot_up_to_five_seconds_old_is_fresh_and_comes_back_equal(age_s: float) -> None:
    manager = HotRestartManager(MemoryStore())

    manager.capture(snapshot())

    assert manager.restore(at(age_s)) == Fresh(snapshot(), age_s)


@pytest.mark.parametrize("age_s", [5.001, 3_600.0, 864_000.0])
def test_an_older_snapshot_is_stale_and_still_handed_over(age_s: float) -> None:
    manager = HotRestartManager(MemoryStore())

    manager.capture(snapshot())

    assert manager.restore(at(age_s)) == Stale(snapshot(), age_s)


def test_a_snapshot_can_be_stamped_when_it_is_captured() -> None:
    manager = HotRestartManager(MemoryStore())

    manager.capture(snapshot(), at(60))

    restored = manager.restore(at(61))
    assert isinstance(restored, Fresh)
    assert restored.age_s == 1.0


def test_a_clock_that_stepped_back_a_little_is_tolerated_a_lot_is_not() -> None:
    manager = HotRestartManager(MemoryStore(sealed(snapshot())))

    assert manager.restore(at(-1)) == Fresh(snapshot(), 0.0)
    assert manager.restore(at(-1.001)) == Corrupt("captured 1.001 s in the future", 1.001)


def test_nothing_stored_is_missing_and_an_empty_file_is_not() -> None:
    assert HotRestartManager(MemoryStore()).restore(at(0)) == Missing()
    assert HotRestartManager(MemoryStore(b"")).restore(at(0)) == Corrupt("empty")


def test_an_unreadable_store_is_corrupt_never_missing() -> None:
    store = MemoryStore(error=PermissionError(13, "Permission denied"))

    assert HotRestartManager(store).restore(at(0)) == Corrupt("unreadable: Permission denied")


def test_a_half_written_snapshot_is_corrupt_at_every_length() -> None:
    data = sealed(snapshot())

    assert all(isinstance(unsealed(data[:length]), Corrupt) for length in range(len(data)))


def test_a_snapshot_with_any_changed_byte_is_corrupt() -> None:
    data = sealed(snapshot())

    for offset in range(len(data)):
        for mask in (0x01, 0x20, 0x80):
            changed = bytearray(data)
            changed[offset] ^= mask
            assert isinstance(unsealed(bytes(changed)), Corrupt), (offset, mask)


def test_another_schema_version_is_corrupt_with_its_number() -> None:
    newer = msgspec.structs.replace(snapshot(), schema_version=2)

    assert unsealed(sealed(newer)) == Corrupt("schema version 2, expected 1")


def test_the_command_tells_age_verdict_and_orders(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    HotRestartManager(FileSnapshotStore(Layout(tmp_path).snapshot)).capture(snapshot())
    arguments = ["--restore", "--root", str(tmp_path), "--json", "--now"]

    fresh = main([*arguments, "2026-11-23T09:45:03-05:00"]), json.loads(capsysbinary.readouterr().out)
    stale = main([*arguments, "2026-11-23T14:46:01+00:00"]), json.loads(capsysbinary.readouterr().out)

    assert (fresh[0], fresh[1]["verdict"], fresh[1]["age_s"]) == (0, "fresh", 2.0)
    assert fresh[1]["snapshot"]["active_window"] == "2026-11-23/hourly-1000"
    assert fresh[1]["snapshot"]["orders"][0]["expires_at"] == "2026-11-23T14:45:20.000+00:00"
    assert (stale[0], stale[1]["verdict"], stale[1]["age_s"]) == (1, "stale", 60.0)


def test_the_command_says_no_to_a_missing_and_to_a_corrupt_snapshot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--restore", "--root", str(tmp_path)]

    missing = main(arguments), capsys.readouterr().out
    Layout(tmp_path).state.mkdir()
    Layout(tmp_path).snapshot.write_bytes(sealed(snapshot())[:-9])
    corrupt = main(arguments), capsys.readouterr().out

    assert missing[0] == corrupt[0] == 1
    assert missing[1].startswith("missing: ")
    assert corrupt[1].startswith("corrupt: ")
    assert Layout(tmp_path).snapshot.exists()


def test_the_module_runs_as_a_command(tmp_path: Path) -> None:
    HotRestartManager(FileSnapshotStore(Layout(tmp_path).snapshot)).capture(snapshot())

    done = subprocess.run(
        [sys.executable, "-m", "kalshi_alpha.sched.hotrestart", "--restore", "--root", str(tmp_path), "--now", "2026-11-23T14:45:02+00:00"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "fresh, 1.000 s old (limit 5 s)" in done.stdout
    assert "bid 6.00 KXINXU-26NOV23H1000-T6849.9999 at 0.5000, resting" in done.stdout
    assert "latch operator_stop, set by ann: lunch" in done.stdout


def test_a_snapshot_from_the_future_is_called_that_and_is_not_usable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    HotRestartManager(FileSnapshotStore(Layout(tmp_path).snapshot)).capture(snapshot())
    arguments = ["--restore", "--root", str(tmp_path), "--now", "2026-11-23T13:45:01+00:00"]

    status, text = main(arguments), capsys.readouterr().out
    main([*arguments, "--json"])
    document = json.loads(capsys.readouterr().out)

    assert status == 1
    assert text.startswith("future, 3600.000 s ahead of our clock: ")
    assert "from the future" in text
    assert "corrupt" not in text
    assert (document["verdict"], document["age_s"], document["snapshot"]) == ("future", -3600.0, None)


def test_where_a_clock_plan_lies_the_time_is_the_plans(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    HotRestartManager(FileSnapshotStore(Layout(tmp_path).snapshot)).capture(snapshot())
    (tmp_path / "clock.json").write_bytes(msgspec.json.encode(ClockPlan((ClockSegment(0, AT_NS + 2_000_000_000, 1e-9),))))

    status = main(["--restore", "--root", str(tmp_path)])

    assert status == 0
    assert capsys.readouterr().out.startswith("fresh, 2.000 s old")


def test_an_unusable_clock_plan_is_one_line_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "clock.json").write_text("{}")

    with pytest.raises(UsageError, match=r"clock\.json: .*segments"):
        main(["--restore", "--root", str(tmp_path)])


def test_one_of_the_two_flags_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--root", str(tmp_path)])

    assert ended.value.code == 2
    assert "--capture and --restore" in capsys.readouterr().err


@pytest.fixture
def short_root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hot") as folder:
        yield Path(folder)


@contextlib.contextmanager
def engine(root: Path, captures: EngineSnapshot | None) -> Iterator[None]:
    """Run what answers at the control socket as an engine would, and stores this snapshot a moment later."""

    def answer(_: ControlCommand) -> ControlReply:
        if captures is not None:
            store = HotRestartManager(FileSnapshotStore(Layout(root).snapshot))
            loop.call_later(0.2, store.capture, captures)
        return ControlReply(ok=True)

    loop, started, stopping = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        server = ControlServer(control_path(root), answer)
        await server.start()
        started.set()
        await stopping.wait()
        await server.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
        loop.close()


def test_a_capture_shows_the_engines_next_snapshot(short_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    HotRestartManager(FileSnapshotStore(Layout(short_root).snapshot)).capture(snapshot())

    with engine(short_root, msgspec.structs.replace(snapshot(), captured_utc_ns=AT_NS + 60_000_000_000)):
        status = main(["--capture", "--root", str(short_root), "--now", "2026-11-23T14:46:02+00:00"])

    assert status == 0
    assert capsys.readouterr().out.startswith("fresh, 1.000 s old")


def test_without_an_engine_there_is_nobody_to_capture(tmp_path: Path) -> None:
    HotRestartManager(FileSnapshotStore(Layout(tmp_path).snapshot)).capture(snapshot())

    with pytest.raises(UnreachableError, match="no engine to capture a snapshot"):
        main(["--capture", "--root", str(tmp_path)])


def test_an_engine_that_stores_nothing_is_waited_for_so_long_only(short_root: Path) -> None:
    with engine(short_root, None), pytest.raises(UnreachableError, match=r"stored no snapshot within 0\.1 s"):
        wait_for_capture(short_root, Layout(short_root).snapshot, 0.1)
