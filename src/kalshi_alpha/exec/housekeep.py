"""``python -m kalshi_alpha.exec.housekeep``: compacts and retires old artifacts. Safe while the trading process runs."""

import argparse
import contextlib
import hashlib
import re
import sys
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.files import FolderLockedError, Layout, lock_folder
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.exec.housekeep_plan import Action, Item, Plan, plan
from kalshi_alpha.exec.runners.housekeep_files import Files, SystemFiles
from kalshi_alpha.exec.runners.housekeep_find import Places, find
from kalshi_alpha.model.clock import Now, iso_utc

KEEP_DAYS: Final = 30
KEEP_DAYS_MAX: Final = 36_500


class ArchiveFile(msgspec.Struct, frozen=True):
    """A Parquet file there is now."""

    path: str
    size_bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """The command's JSON document, and ``data/archive/manifest.json`` after a run. Paths are below ``--root``."""

    name: str
    schema_version: int
    generated_at: str
    keep_days: int
    dry_run: bool
    actions: tuple[Action, ...]
    """In order. A dry run's are those of the run that follows it."""
    kept: tuple[Item, ...]
    left: tuple[Item, ...]
    """What had to be left, actions that failed among them. Not empty: exit status 1."""
    archives: tuple[ArchiveFile, ...]


def main(argv: list[str], files: Files | None = None) -> int:
    """Keep house; 0: done, 1: something had to be left."""
    parser = cli.parser(
        "kalshi-alpha housekeep", "Compact old journal segments, ledger records and monitor history; retire older ones.", now=True
    )
    parser.add_argument("--keep-days", type=_days, default=KEEP_DAYS, help=f"retire what is older (default: {KEEP_DAYS})")
    parser.add_argument("--dry-run", action="store_true", help="show what would be done; change nothing")
    given = parser.parse_args(argv)
    if not given.root.is_dir():
        message = f"--root {str(given.root)!r}: no such folder"
        raise cli.UsageError(message)
    now = cli.now_from(given.now, SystemClock().now)
    manifest = keep_house(given.root, now, given.keep_days, files or SystemFiles(), dry_run=given.dry_run)
    if given.json:
        cli.print_json(manifest)
    else:
        sys.stdout.write(_text(manifest))
    return cli.EXIT_NO if manifest.left else cli.EXIT_OK


def keep_house(root: Path, now: Now, keep_days: int, files: Files, *, dry_run: bool) -> Manifest:
    """Find, plan and, unless ``dry_run``, do; return what was done. Never raises for what is on the disk: that is ``left``.

    Args:
        root: A folder that exists.
        now: Ages are taken at this instant.
        keep_days: At least 1.
        files: The operating system, unless its failure is rehearsed.
        dry_run: Change nothing on disk.

    """
    places = Places(Layout(root))
    if dry_run:
        return _manifest(places, now, keep_days, plan(find(root, now), places.archives, now.utc_ns, keep_days), dry_run=True)
    try:
        places.layout.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = lock_folder(places.layout.archive)
    except FolderLockedError as error:
        return _manifest(places, now, keep_days, Plan((), (), (Item(places.named(places.layout.archive), str(error)),)))
    except OSError as error:
        return _manifest(places, now, keep_days, Plan((), (), (Item(places.named(places.layout.archive), error.strerror or str(error)),)))
    with lock:
        planned = plan(find(root, now), places.archives, now.utc_ns, keep_days)
        if planned.actions:
            # Imports pyarrow, which takes 0.2 s and 60 MB: never in the trading process.
            from kalshi_alpha.exec.runners.housekeep_run import carry_out  # noqa: PLC0415

            left = carry_out(planned, places, files)
            planned = msgspec.structs.replace(planned, left=(*planned.left, *left))
        return _recorded(places, files, _manifest(places, now, keep_days, planned))


def _manifest(places: Places, now: Now, keep_days: int, planned: Plan, *, dry_run: bool = False) -> Manifest:
    return Manifest(
        name="housekeep",
        schema_version=1,
        generated_at=iso_utc(now.utc_ns),
        keep_days=keep_days,
        dry_run=dry_run,
        actions=planned.actions,
        kept=planned.kept,
        left=planned.left,
        archives=tuple(_archives(places)),
    )


def _archives(places: Places) -> list[ArchiveFile]:
    """Return what is in the archive; a file that can't be read has no checksum."""
    found: list[ArchiveFile] = []
    for path in sorted(places.layout.archive.glob("*/*.parquet")):
        try:
            data = path.read_bytes()
        except OSError:
            found.append(ArchiveFile(places.named(path), 0, ""))
        else:
            found.append(ArchiveFile(places.named(path), len(data), hashlib.sha256(data).hexdigest()))
    return found


def _recorded(places: Places, files: Files, manifest: Manifest) -> Manifest:
    """Write the manifest; return it, with its own failure to be written."""
    path = places.layout.archive / "manifest.json"
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        files.store(temporary, msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        files.rename(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            files.remove(temporary)
        why = f"the manifest isn't written: {error.strerror or error}"
        return msgspec.structs.replace(manifest, left=(*manifest.left, Item(places.named(path), why)))
    return manifest


def _days(text: str) -> int:
    """Parse ``--keep-days``."""
    if re.fullmatch(r"[0-9]{1,5}", text) is None or not 1 <= int(text) <= KEEP_DAYS_MAX:
        message = f"not a number of days from 1 to {KEEP_DAYS_MAX}: {text!r}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _text(manifest: Manifest) -> str:
    would = "would " if manifest.dry_run else ""
    failed = {item.path for item in manifest.left}
    lines = [
        f"{'left' if action.path in failed else would + action.does}  {action.path}  {action.size_bytes:,} bytes, {action.why}"
        + (f" -> {', '.join(action.to)}" if action.to else "")
        for action in manifest.actions
    ]
    lines += [f"kept  {item.path}  {item.why}" for item in manifest.kept]
    lines += [f"left  {item.path}: {item.why}" for item in manifest.left]
    if not manifest.actions and not manifest.left:
        lines.append("nothing to do")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    cli.run(main)
