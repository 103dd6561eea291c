from pathlib import Path

import msgspec
import pytest

from kalshi_alpha.adapters.report import escaped, folder_name, note_incidents, with_incident, write_evidence
from kalshi_alpha.model.records import IncidentNoted
from tests.adapters.journal_samples import incident


def note_incident(root: Path, noted: IncidentNoted) -> Path:
    note_incidents(root, [(noted, write_evidence(root, noted, {}))])
    return root / "reports" / "incidents" / folder_name(noted.incident_id)


# 1795445102 s is 2026-11-23 14:45:02 UTC, 09:45:02 in New York (EST).


def test_the_first_incident_makes_the_report_and_its_evidence(tmp_path: Path) -> None:
    folder = note_incident(tmp_path, incident())

    report = (tmp_path / "REPORT.md").read_text()
    assert report.startswith("# Incident log\n")
    assert "## 2026-11-23 09:45:02 ET: polygon\\_ws stale\n" in report
    assert "2026-11-23T09:45:02.000-05:00 New York, 14:45:02 UTC (2026-11-23T14:45:02.000+00:00)" in report
    assert "- **What the system did:** massive serves\n" in report
    assert "- zeta: first\n- alpha: second\n" in report
    assert "(reports/incidents/7-001-feed/facts.json)" in report
    facts = msgspec.json.decode((folder / "facts.json").read_bytes())
    assert folder == tmp_path / "reports" / "incidents" / "7-001-feed"
    assert (facts["kind"], facts["at_et"]) == ("feed", "2026-11-23T09:45:02.000-05:00")
    assert facts["facts"] == incident().facts


def test_the_newest_incident_is_on_top(tmp_path: Path) -> None:
    for number, title in ((1, "feed lost"), (2, "venue lost"), (3, "both lost")):
        note_incident(tmp_path, incident(number, title))

    report = (tmp_path / "REPORT.md").read_text()
    assert report.index("both lost") < report.index("venue lost") < report.index("feed lost")


def test_an_incident_noted_twice_stands_once() -> None:
    once = with_incident(b"", incident())

    assert with_incident(once, incident(title="told differently")) == once


@pytest.mark.parametrize(
    "present",
    [
        b"# Operations\n\nOur own words.\n\n## Maintenance slots\n\n- Thursday\n",
        b"no newline at the end",
        b"\xff\xfe not UTF-8\n## section\n",
        b"## section at once\n",
    ],
)
def test_what_others_wrote_stays_byte_for_byte(present: bytes) -> None:
    one = with_incident(present, incident())
    two = with_incident(one, incident(2))

    for report in (one, two):
        left = iter(report)
        assert all(byte in left for byte in present)
        assert present.split(b"## ")[0].rstrip() in report
        assert present.split(b"\n")[-1] in report
    assert two.index(b"7-002-feed") < two.index(b"7-001-feed")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, 1.5 s (twice)", "plain, 1.5 s (twice)"),
        ("a\n## b\r\nc", "a \\#\\# b c"),
        ("<script>&amp;", "\\<script\\>\\&amp;"),
        ("![x](y) `z` *s* _u_ a|b", "!\\[x\\](y) \\`z\\` \\*s\\* \\_u\\_ a\\|b"),
        ("see https://x.example www.x.example", "see https\\://x.example www\\.x.example"),
        ("esc\x1b[31m bidi\u202e zero\u200bwidth", "esc \\[31m bidi zerowidth"),
    ],
)
def test_text_is_shown_as_it_is_and_never_as_markup(text: str, shown: str) -> None:
    assert escaped(text) == shown


@pytest.mark.parametrize("hostile", ["../../etc/passwd", "..", "", "a/b", "x" * 200, "end.", "--> <b>", "line\nbreak"])
def test_a_hostile_id_stays_inside_its_folder(tmp_path: Path, hostile: str) -> None:
    noted = IncidentNoted(1_795_445_102_000_000_000, hostile, "feed", "t", "d", {})

    folder = note_incident(tmp_path, noted)

    assert folder.parent == tmp_path / "reports" / "incidents"
    assert (folder / "facts.json").is_file()
    assert (tmp_path / "REPORT.md").read_text().count("<!--") == 2


def test_ids_that_look_alike_get_folders_of_their_own() -> None:
    assert folder_name("a/b") != folder_name("a:b")
