"""The two small files in which the trading process and the guardian show that they live: replaced whole, never synced."""

from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.files import Layout, read_document, write_atomically
from kalshi_alpha.model.guardian import GuardianStatus, Heartbeat
from kalshi_alpha.regular_file import read_regular

HEARTBEAT_NAME: Final = "heartbeat.json"
GUARDIAN_NAME: Final = "guardian.json"
MISSING: Final = "missing"


def write_heartbeat(root: Path, beat: Heartbeat) -> None:
    """Replace the trading process's sign of life. It needn't survive a power cut: nothing lives then.

    Raises:
        OSError: it couldn't be written.

    """
    write_atomically(Layout(root).state / HEARTBEAT_NAME, msgspec.json.encode(beat), durable=False)


def read_heartbeat(root: Path) -> Heartbeat | str:
    """Return the trading process's last sign of life, or in words why there is none."""
    try:
        return msgspec.json.decode(read_regular(Layout(root).state / HEARTBEAT_NAME), type=Heartbeat)
    except FileNotFoundError:
        return MISSING
    except OSError as error:
        return f"unreadable: {error.strerror}"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"unreadable: {type(error).__name__}"


def write_guardian(root: Path, status: GuardianStatus) -> None:
    """Replace the guardian's status.

    Raises:
        OSError: it couldn't be written.

    """
    document = msgspec.json.format(msgspec.json.encode(status), indent=1)
    write_atomically(Layout(root).state / GUARDIAN_NAME, document, durable=False)


def read_guardian(root: Path) -> GuardianStatus | None:
    """Return the guardian's last status; None: there is none that can be read."""
    return read_document(Layout(root).state / GUARDIAN_NAME, GuardianStatus)
