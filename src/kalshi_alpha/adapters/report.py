"""REPORT.md, the incident log, newest first, and each incident's folder of evidence.

Whatever else is in REPORT.md stays byte for byte: operators write into it too. A section is found again by its id, so noting an incident
twice (after a restart) changes nothing.
"""

import re
import unicodedata
import zlib
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


class IncidentFacts(msgspec.Struct, frozen=True):
    """facts.json."""

    incident_id: str
    kind: str
    at_utc: str
    at_et: str
    title: str
    did: str
    facts: dict[str, str]


def note_incident(root: Path, incident: IncidentNoted) -> Path:
    """Write the evidence, then the section in REPORT.md; return the evidence's folder.

    Raises:
        OSError: a file couldn't be written or read; the old REPORT.md stands.

    """
    layout = Layout(root)
    folder = layout.incidents / folder_name(incident.incident_id)
    facts = IncidentFacts(
        incident_id=incident.incident_id,
        kind=incident.kind,
        at_utc=iso_utc(incident.utc_ns),
        at_et=iso_et(incident.utc_ns),
        title=incident.title,
        did=incident.did,
        facts=incident.facts,
    )
    write_atomically(folder / "facts.json", msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n", durable=True)
    try:
        present = layout.report.read_bytes()
    except FileNotFoundError:
        present = b""
    changed = with_incident(present, incident)
    if changed != present:
        write_atomically(layout.report, changed, durable=True)
    return folder


def with_incident(report: bytes, incident: IncidentNoted) -> bytes:
    """Return the report with the incident's section on top of the others; the same report when it has it."""
    if _tag(incident) in report:
        return report
    section = _section(incident)
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


def _section(incident: IncidentNoted) -> bytes:
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
        f"- Evidence: [reports/incidents/{name}](reports/incidents/{name}/facts.json)",
        "",
    ]
    return "\n".join(lines).encode()
