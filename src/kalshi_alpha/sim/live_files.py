"""The files of a demo run: its folder, the faults, the trading process's settings."""

import shutil
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from kalshi_alpha.adapters.files import LOCK_NAME, FolderLock, FolderLockedError, Layout, lock_folder
from kalshi_alpha.cli import UsageError
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.sim.key_folders import GUARDIAN_KEYS
from kalshi_alpha.sim.script import DayScript

MARK: Final = ".kalshi-alpha-demo"
"""Only a folder with this file in it is emptied."""
API_KEY: Final = "sim-feed-key-7d1f0c52b9"
"""Long enough to be searched for in all that a run leaves behind."""


def prepare_root(root: Path) -> FolderLock:
    """Make the run's folder, emptying an earlier run's, and hold it until the lock is closed.

    Raises:
        UsageError: the folder holds something else, or a demo or a trading process runs in it.

    """
    try:
        if root.exists() and (not root.is_dir() or (any(root.iterdir()) and not (root / MARK).exists())):
            message = f"--root {root}: exists and isn't an earlier demo's folder"
            raise UsageError(message)
        root.mkdir(parents=True, exist_ok=True)
        (root / MARK).touch()
        lock = lock_folder(root)
        try:
            _empty(root)
        except BaseException:
            lock.close()
            raise
    except FolderLockedError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        message = f"--root {root}: {error.strerror}"
        raise UsageError(message) from error
    return lock


def _empty(root: Path) -> None:
    """Remove what an earlier run left, unless a trading process still works there."""
    state = Layout(root).state
    if state.is_dir():
        lock_folder(state).close()
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in {LOCK_NAME, MARK}:
            path.unlink()


def write_faults(root: Path, script: DayScript) -> tuple[Path, Path]:
    """Write the feeds' and the exchange's faults for their servers."""
    feed, venue = root / "feed_faults.json", root / "venue_faults.json"
    feed.write_bytes(msgspec.json.encode(script.feed_faults))
    venue.write_bytes(msgspec.json.encode(script.venue_faults))
    return feed, venue


def trader_config(root: Path, rest_url: str, ws_url: str, feeds: dict[str, str], script: DayScript, plan_file: Path) -> Path:
    """Write the trading process's settings; everything it talks to is an address in them."""
    keys = root / "keys"
    api_key = keys / "feed_api_key"
    api_key.touch(mode=0o600)
    api_key.write_text(API_KEY + "\n")
    hourly = sorted({window.label[-4:] for window in script.windows if window.target_type == "hourly"})
    targets = ", ".join(f'"{label[:2]}:{label[2:]}"' for label in hourly)
    lines = [
        "schema_version = 1",
        'mode = "paper"',
        "[venue]",
        f"rest_url = {_text(rest_url)}",
        f"ws_url = {_text(ws_url)}",
        f"key_id_file = {_text(keys / 'key_id')}",
        f"private_key_file = {_text(keys / 'ed25519.pem')}",
        "[guardian]",
        f"key_id_file = {_text(keys / GUARDIAN_KEYS / 'key_id')}",
        f"private_key_file = {_text(keys / GUARDIAN_KEYS / 'ed25519.pem')}",
        f"[feeds]\nrest_url = {_text('http://' + urlsplit(feeds['polygon']).netloc)}",  # the simulated feed's, at the same address
        *(f"[feeds.{leg}]\nurl = {_text(url)}\napi_key_file = {_text(api_key)}" for leg, url in feeds.items()),
        "[windows]",
        f"hourly_targets_et = [{targets}]",
        *(f"{kind}_lead_s = {lead_s}" for kind, lead_s in sorted(_leads_s(script).items())),
        "[clock]",
        f"plan_file = {_text(plan_file)}",
    ]
    file = root / "config.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


def _leads_s(script: DayScript) -> dict[str, int]:
    """Return how long before its target a window of each type opens."""
    return {window.target_type: (window.target_ns - window.start_ns) // NS_PER_S for window in script.windows}


def _text(value: object) -> str:
    """Return a TOML basic string."""
    return msgspec.json.encode(str(value)).decode()
