"""The demo's folder belongs to one demo at a time."""

from pathlib import Path

import pytest

from kalshi_alpha.adapters.files import Layout, lock_folder
from kalshi_alpha.cli import UsageError
from kalshi_alpha.sim.live_files import prepare_root


def test_an_earlier_runs_folder_is_emptied(tmp_path: Path) -> None:
    root = tmp_path / "run"
    prepare_root(root).close()
    (root / "data").mkdir()
    (root / "data" / "old").touch()
    (root / "REPORT.md").touch()

    prepare_root(root).close()

    assert sorted(path.name for path in root.iterdir()) == [".kalshi-alpha-demo", "lock"]


def test_a_running_demos_folder_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "run"
    held = prepare_root(root)
    (root / "REPORT.md").touch()

    with pytest.raises(UsageError, match="in use by process"):
        prepare_root(root)

    assert (root / "REPORT.md").exists()
    held.close()


def test_a_folder_that_another_demo_has_just_made_is_in_use_not_strange(tmp_path: Path) -> None:
    root = tmp_path / "run"
    held = prepare_root(root)

    with pytest.raises(UsageError, match=f"{root}: in use by process"):
        prepare_root(root)

    held.close()


def test_an_emptying_that_was_killed_halfway_is_taken_up_again(tmp_path: Path) -> None:
    root = tmp_path / "run"
    prepare_root(root).close()
    (root / "data").mkdir()
    held = lock_folder(root / "data")  # stops the next one before it has removed anything

    with pytest.raises(UsageError):
        prepare_root(root)
    held.close()

    assert (root / ".kalshi-alpha-demo").exists()
    prepare_root(root).close()


def test_a_folder_in_which_a_trading_process_runs_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "run"
    prepare_root(root).close()
    trader = lock_folder(Layout(root).state)

    with pytest.raises(UsageError, match="in use by process"):
        prepare_root(root)

    trader.close()
    prepare_root(root).close()


def test_somebody_elses_folder_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "letters").touch()

    with pytest.raises(UsageError, match="isn't an earlier demo's folder"):
        prepare_root(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["letters"]
