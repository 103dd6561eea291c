"""The drills' records below ``reports/_artifacts/drills/``: the latest of each kind, and each by its time."""

import json
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.files import Layout, read_document, write_atomically
from kalshi_alpha.model.drills import DrillRecord

DRILLS: Final = ("restart", "stop")


def keep_drill(root: Path, record: DrillRecord) -> Path:
    """Write a drill's record, as the latest and by its time; return the first's path.

    Raises:
        OSError: it couldn't be written.

    """
    folder = Layout(root).drills
    data = json.dumps(json.loads(msgspec.json.encode(record)), indent=1).encode() + b"\n"
    latest = folder / f"{record.drill}.json"
    write_atomically(folder / f"{record.drill}-{record.at_utc.replace(':', '')}.json", data, durable=False)
    write_atomically(latest, data, durable=False)
    return latest


def last_drills(root: Path) -> tuple[DrillRecord, ...]:
    """Return the latest record of each drill, of those that can be read."""
    found = (read_document(Layout(root).drills / f"{drill}.json", DrillRecord) for drill in DRILLS)
    return tuple(record for record in found if record is not None)
