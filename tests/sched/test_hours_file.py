import os
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.operator_slots import add_entry
from kalshi_alpha.cli import UsageError
from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import utc_ns_of
from kalshi_alpha.model.hours import SpecialHours
from kalshi_alpha.sched.hours_file import HoursFileWatch, load_special_hours, special_hours_of
from kalshi_alpha.sched.special_hours import SpecialHoursError
from kalshi_alpha.sched.windows_cli import main
from kalshi_alpha.sched.windows_status import SchedulerReport

TEXT = 'schema_version = 1\n[[day]]\ndate = 2026-11-23\nopen = "09:30"\nclose = "13:30"\nnote = "a notice"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "hours.toml"
    found.write_text(TEXT)
    return found


def test_a_file_is_read_with_its_name(path: Path) -> None:
    found = load_special_hours(path)

    assert (found.source, [day.date for day in found.days]) == (str(path), ["2026-11-23"])


def test_without_a_file_there_are_no_special_hours() -> None:
    assert special_hours_of(WindowsConfig()) == SpecialHours()


def test_the_settings_name_the_file_and_a_flag_another(path: Path, tmp_path: Path) -> None:
    config = WindowsConfig(special_hours_file=str(path))
    other = tmp_path / "other.toml"
    other.write_text("schema_version = 1\n")

    assert len(special_hours_of(config).days) == 1
    assert special_hours_of(config, other).days == ()


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SpecialHoursError, match=r"absent\.toml: No such file"):
        load_special_hours(tmp_path / "absent.toml")


def test_a_file_that_is_no_text_is_an_error_that_names_it(path: Path) -> None:
    path.write_bytes(b"note = \xff")

    with pytest.raises(SpecialHoursError, match=r"hours\.toml: not UTF-8 at byte 7"):
        load_special_hours(path)


def test_the_watch_tells_each_change_once(path: Path) -> None:
    watch = HoursFileWatch(path)
    seen = [watch.changed()]
    path.write_text(TEXT + "\n")
    seen += [watch.changed(), watch.changed()]
    path.unlink()
    seen += [watch.changed(), watch.changed()]
    path.write_text(TEXT)
    seen += [watch.changed(), watch.changed()]

    assert seen == [False, True, False, True, False, True, False]


def test_the_watch_sees_another_file_of_the_same_size_and_time(path: Path, tmp_path: Path) -> None:
    watch = HoursFileWatch(path)
    stat = path.stat()
    other = tmp_path / "new.toml"
    other.write_text(TEXT.replace("13:30", "12:30"))
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(path)

    assert watch.changed()


def test_the_command_takes_special_hours(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--series", "INX", "--now", "2026-11-23T12:00:00-05:00", "--special-hours", str(path), "--json"])

    report = msgspec.json.decode(capsys.readouterr().out, type=SchedulerReport)
    assert status == 0
    assert report.scheduler_window is not None
    assert (report.session.kind, report.session.source) == ("special", f"{path}: a notice")
    assert report.scheduler_window.label == "close-1330"


def test_the_command_finds_the_shipped_file_in_the_working_folder(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "configs").mkdir()
    path.rename(tmp_path / "configs" / "special_hours.toml")
    monkeypatch.chdir(tmp_path)

    main(["--series", "INX", "--now", "2026-11-23T12:00:00-05:00"])

    assert "special, 09:30:00 to 13:30:00  [configs/special_hours.toml: a notice]" in capsys.readouterr().out


def test_the_operators_slots_in_the_root_cut_the_windows(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    moments = ("2026-11-23T12:40:00-05:00", "2026-11-23T12:50:00-05:00", "2026-11-23T09:00:00-05:00")
    from_ns, to_ns, now_ns = (utc_ns_of(datetime.fromisoformat(moment)) for moment in moments)
    add_entry(tmp_path, (from_ns, to_ns), "by phone", now_ns)
    asked = ["--series", "INXU", "--now", "2026-11-23T12:30:00-05:00", "--json", "--root", str(tmp_path)]

    assert main(asked) == 0
    report = msgspec.json.decode(capfd.readouterr().out, type=SchedulerReport)
    assert report.scheduler_window is not None
    assert report.scheduler_window.start_et.startswith("2026-11-23T12:50:00")
    assert any("by operator" in line for line in report.explain)


def test_operators_slots_that_cant_be_read_are_an_error(tmp_path: Path) -> None:
    Layout(tmp_path).maintenance.parent.mkdir()
    Layout(tmp_path).maintenance.write_text("[")

    with pytest.raises(UsageError, match=r"maintenance\.json"):
        main(["--series", "INXU", "--root", str(tmp_path)])
