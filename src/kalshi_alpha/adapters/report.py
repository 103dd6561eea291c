"""REPORT.md, the incident log, newest first, and each incident's folder of evidence.

Whatever else is in REPORT.md stays byte for byte: operators write into it too. A section is found again by its id, so noting an incident
twice (after a restart) changes nothing.
"""

import re
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.files import Layout, write_atomically
from kalshi_alpha.model.clock import iso_et, iso_utc, utc_datetime
from kalshi_alpha.model.records import IncidentNoted

_HEADING: Final = b"# Incident log\n\nNewest first. The system adds incidents below the marker; everything else here is left alone.\n\n"
_MARKER: Final = b"<!-- incidents -->\n"
_FOLDER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>&|~$#])")
_LINK: Final = re.compile(r"://|(?<=www)\.", re.IGNORECASE)

POST_MORTEM: Final = "post_mortem.md"
ATTACHED: Final = 8
ATTACHED_BYTES: Final = 65_536


class IncidentFacts(msgspec.Struct, frozen=True):
    """facts.json."""

    incident_id: str
    kind: str
    at_utc: str
    at_et: str
    title: str
    did: str
    facts: dict[str, str]


def write_evidence(root: Path, incident: IncidentNoted, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Write the facts, the incident's attachments and these files into its folder; return their names.

    A post-mortem that is there stays: somebody may have worked on it. Nothing is synced: the journal has the incident.

    Raises:
        OSError: a file couldn't be written.

    """
    folder = Layout(root).incidents / folder_name(incident.incident_id)
    attached = {
        folder_name(name): text.encode(errors="replace")[:ATTACHED_BYTES] for name, text in list(incident.attachments.items())[:ATTACHED]
    }
    written = {"facts.json": _facts(incident), **files, **attached}
    for name, data in written.items():
        if name != POST_MORTEM or not (folder / name).exists():
            write_atomically(folder / name, data, durable=False)
    return tuple(written)


def note_incidents(root: Path, incidents: Sequence[tuple[IncidentNoted, tuple[str, ...]]]) -> None:
    """Add the sections of these incidents, oldest first, to REPORT.md, each with links to its files, in one rewrite.

    Raises:
        OSError: REPORT.md couldn't be read or written; the old one stands.

    """
    report = Layout(root).report
    try:
        present = report.read_bytes()
    except FileNotFoundError:
        present = b""
    changed = present
    for incident, names in incidents:
        changed = with_incident(changed, incident, names)
    if changed != present:
        write_atomically(report, changed, durable=True)


def _facts(incident: IncidentNoted) -> bytes:
    facts = IncidentFacts(
        incident_id=incident.incident_id,
        kind=incident.kind,
        at_utc=iso_utc(incident.utc_ns),
        at_et=iso_et(incident.utc_ns),
        title=incident.title,
        did=incident.did,
        facts=incident.facts,
    )
    return msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n"


def with_incident(report: bytes, incident: IncidentNoted, names: tuple[str, ...] = ("facts.json",)) -> bytes:
    """Return the report with the incident's section on top of the others; the same report when it has it."""
    if _tag(incident) in report:
        return report
    section = _section(incident, names)
    if not report:
        return _HEADING + _MARKER + b"\n" + section
    at = report.find(_MARKER)
    if at >= 0:
        at += len(_MARKER)
        return report[:at] + b"\n" + section + report[at:]
    # Somebody else's file: above its first section, below its title; without sections at its end.
    first = re.search(rb"^## ", report, re.MULTILINE)
    at = first.start() if first else len(report)
    gap = b"" if report[:at].endswith(b"\n") or at == 0 else b"\n"
    return report[:at] + gap + _MARKER + b"\n" + section + b"\n" + report[at:]


def folder_name(incident_id: str) -> str:
    """Return a harmless folder name: the id itself where it is one, else what is harmless in it and a checksum."""
    if _FOLDER_NAME.fullmatch(incident_id) and not incident_id.endswith("."):
        return incident_id
    harmless = re.sub(r"[^A-Za-z0-9_-]+", "-", incident_id).strip("-")[:60]
    return f"{harmless or 'incident'}-{zlib.crc32(incident_id.encode()):08x}"


def escaped(text: str) -> str:
    """Return one line of text that Markdown shows as it is: no markup, HTML, links, control or invisible characters."""
    visible = "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text)
    shown = "".join(char for char in visible if unicodedata.category(char) not in ("Cf", "Cs", "Co", "Cn"))
    return _LINK.sub(lambda match: f"\\{match[0]}", _SPECIAL.sub(r"\\\1", " ".join(shown.split())))


def _tag(incident: IncidentNoted) -> bytes:
    return f"<!-- incident {folder_name(incident.incident_id)} -->".encode()


def _section(incident: IncidentNoted, names: tuple[str, ...]) -> bytes:
    moment_et = iso_et(incident.utc_ns)
    name = folder_name(incident.incident_id)
    lines = [
        f"## {moment_et[:10]} {moment_et[11:19]} ET: {escaped(incident.title)}",
        _tag(incident).decode(),
        "",
        f"- **Time:** {moment_et} New York, {utc_datetime(incident.utc_ns):%H:%M:%S} UTC ({iso_utc(incident.utc_ns)})",
        f"- **Kind:** {escaped(incident.kind)}",
        f"- **What the system did:** {escaped(incident.did)}",
        *(f"- {escaped(key)}: {escaped(value)}" for key, value in incident.facts.items()),
        f"- Evidence: {', '.join(f'[{escaped(one)}](reports/incidents/{name}/{one})' for one in names)}",
        "",
    ]
    return "\n".join(lines).encode()
