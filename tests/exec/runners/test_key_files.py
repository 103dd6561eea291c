"""A key file that others than its owner can read stops the start: one line with its path and mode, nothing of its content."""

from pathlib import Path

import pytest

from kalshi_alpha.cli import UsageError
from kalshi_alpha.exec.runners import guardian, trade
from tests.exec.runners.test_guardian_process import section
from tests.exec.runners.test_trade import settings_file

ENGINE = ("key_id", "ed25519.pem", "api_key", "massive_key", "targets", "dead_man")
GUARDIAN = ("guardian/key_id", "guardian/ed25519.pem")


def nowhere(root: Path) -> str:
    """Return a root that can't be used: without the refusal looked for the start would end there."""
    (root / "no-folder").touch()
    return str(root / "no-folder")


def settings(root: Path) -> Path:
    """Write settings in which every secret has a file of its own, all of them in order."""
    keys = root / "keys"
    tail = f"{section(root)}\n[alerts]\ntargets_file = '{keys / 'targets'}'\ndead_man_file = '{keys / 'dead_man'}'"
    file = settings_file(root, tail=tail)
    for name, content in (("massive_key", "sim-key"), ("targets", "json://127.0.0.1:9/t0ken"), ("dead_man", "http://127.0.0.1:9/t0ken")):
        (keys / name).touch(mode=0o600)
        (keys / name).write_text(f"{content}\n")
    before, massive = file.read_text().split("[feeds.massive]")
    file.write_text(f"{before}[feeds.massive]{massive.replace(str(keys / 'api_key'), str(keys / 'massive_key'))}")
    return file


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
@pytest.mark.parametrize("name", ENGINE)
def test_the_trading_process_refuses_each_of_its_files(tmp_path: Path, name: str, mode: int) -> None:
    file = settings(tmp_path)
    path = tmp_path / "keys" / name
    path.chmod(mode)

    with pytest.raises(UsageError) as refusal:
        trade.main(["--config", str(file), "--root", nowhere(tmp_path)])

    assert str(refusal.value) == f"{path}: mode {mode:04o} lets others than its owner in, expected 0600"


@pytest.mark.parametrize("name", GUARDIAN)
def test_the_guardian_refuses_each_of_its_files(tmp_path: Path, name: str) -> None:
    file = settings(tmp_path)
    path = tmp_path / "keys" / name
    path.chmod(0o640)

    with pytest.raises(UsageError) as refusal:
        guardian.main(["--config", str(file), "--root", nowhere(tmp_path)])

    assert str(refusal.value) == f"{path}: mode 0640 lets others than its owner in, expected 0600"
