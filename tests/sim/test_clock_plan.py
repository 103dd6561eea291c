"""The clock that simulators and a trading process share."""

from pathlib import Path

import pytest

from kalshi_alpha.adapters.system_clock import load_clock
from kalshi_alpha.cli import UsageError
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sim.clock_plan import main

AT_NS = 1_795_445_101_000_000_000  # 2026-11-23T14:45:01Z
NOW = "2026-11-23T09:45:01-05:00"


def test_the_plan_begins_now_at_the_instant_that_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "clock.json"

    status = main(["--now", NOW, "--speed", "0.001", "--out", str(file)])

    clock = load_clock(file)
    assert (status, clock.speed) == (0, 0.001)
    assert AT_NS <= clock.now().utc_ns < AT_NS + NS_PER_S
    assert "2026-11-23T09:45:01.000-05:00 New York now, at speed 0.001" in capsys.readouterr().out


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "10001"])
def test_a_speed_that_no_clock_runs_at_is_refused(speed: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--speed"):
        main(["--now", NOW, "--speed", speed, "--out", str(tmp_path / "clock.json")])


def test_a_place_where_no_file_can_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match=r"--out .*clock\.json: "):
        main(["--now", NOW, "--out", str(tmp_path / "file" / "clock.json")])


def test_without_an_instant_there_is_nothing_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--out", str(tmp_path / "clock.json")])

    assert ended.value.code == 2
    assert "--now" in capsys.readouterr().err
