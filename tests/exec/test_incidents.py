"""An incident's evidence: what the folder tells, that a flood of them ends, and that no disk stops trading."""

import asyncio
import threading
from pathlib import Path

import msgspec
import pytest
from typing_extensions import override

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.journal import JournalWriter
from kalshi_alpha.adapters.outbox import Outbox
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.exec.incidents import RECORDS_MAX, around, evidence_files, timeline
from kalshi_alpha.exec.outputs import ArtifactWriter
from kalshi_alpha.exec.shell import Shell
from kalshi_alpha.model import events as ev
from kalshi_alpha.model import records as r
from kalshi_alpha.model.alerts import AlertMessage
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.commands import Persist, SendAlert
from tests.adapters.journal_samples import fill, incident, intent
from tests.exec.harness import settings

AT_NS = incident().utc_ns  # 09:45:02 in New York


def at(seconds: float) -> int:
    return AT_NS + int(seconds * NS_PER_S)


RECENT: list[r.Record] = [
    r.FeedSwitched(at(-301), "polygon", "none", "too early", None, None),
    r.FeedSwitched(at(-299), "massive", "polygon", "stale | 2 s\n", 2_100, None),
    r.OrderIntended(at(-2), intent(1)),
    r.OrderPlaced(at(-1.9), "ka-7-000001", "order-1"),
    r.OrderClosed(at(-1), "ka-7-000001", "cancelled"),
    r.FillBooked(at(-1), fill()),
    r.StandDownChanged(at(-0.5), ("feed_down:I:SPX",)),
    incident(),
    r.AlertAcknowledged(at(0), "both_feeds", "anna"),
    r.GroupRetired(at(1), "group-6"),
    r.WindowPhase(at(2), "2026-11-23/hourly-1000", "frozen", 3, ""),
    r.LatchSet(at(3), "operator_stop", "anna", ""),
    r.LatchLifted(at(4), "operator_stop", "anna"),
    r.StandDownChanged(at(5), ()),
    r.EngineStarted(at(29), 8, "cafe", "fresh"),
    r.EngineStarted(at(31), 9, "cafe", "too late"),
]


def test_the_timeline_has_a_line_a_step_and_orders_by_the_second() -> None:
    rows = [line.split(" | ") for line in timeline(incident(), around(incident(), RECENT)).splitlines() if line.startswith("| 09")]

    assert [(row[0].removeprefix("| "), row[2].removesuffix(" |")) for row in rows] == [
        ("09:40:03.000", "active feed: polygon to massive (stale / 2 s)"),
        ("09:45:00.000", "1 orders intended, 1 acknowledged"),
        ("09:45:01.000", "1 closed, 1 fills"),
        ("09:45:01.500", "stands down for feed_down:I:SPX"),
        ("09:45:02.000", "**incident: polygon_ws stale; massive serves**"),
        ("09:45:02.000", "alert both_feeds taken on by anna"),
        ("09:45:04.000", "window 2026-11-23/hourly-1000: frozen, 3 resting"),
        ("09:45:05.000", "latch operator_stop set by anna"),
        ("09:45:06.000", "latch operator_stop lifted by anna"),
        ("09:45:07.000", "nothing forbids quoting"),
        ("09:45:31.000", "epoch 8 started, snapshot fresh"),
    ]


def test_orders_at_the_very_end_are_counted_too() -> None:
    assert timeline(incident(), [r.OrderPlaced(at(0), "a", "b")]).rstrip().endswith("| 1 acknowledged |")


def test_the_extract_is_the_journals_records_around_it_the_last_of_too_many() -> None:
    lines = evidence_files(incident(), RECENT)["journal.jsonl"].splitlines()
    many: list[r.Record] = [r.OrderPlaced(at(0), str(number), "x") for number in range(RECORDS_MAX + 5)]

    assert len(lines) == len(RECENT) - 2
    assert msgspec.json.decode(lines[0])["type"] == "FeedSwitched"
    assert [record.client_order_id for record in around(incident(), many) if isinstance(record, r.OrderPlaced)][:1] == ["5"]
    assert len(around(incident(), many)) == RECORDS_MAX


def test_the_post_mortem_says_what_is_known_and_asks_for_the_rest() -> None:
    text = evidence_files(incident(), RECENT)["post_mortem.md"].decode()
    empty = evidence_files(incident(), [])["post_mortem.md"].decode()

    assert "- Feeds: polygon to massive.\n" in text
    assert "- Windows: 2026-11-23/hourly-1000.\n" in text
    assert "- Stood down for: feed_down:I:SPX.\n" in text
    assert "- Orders: 1 orders intended, 1 acknowledged, 1 closed, 1 fills.\n" in text
    assert "- zeta: first\n" in text
    assert text.count("To be written.") == 4
    assert "- Windows: none opened or ended.\n- Feeds: no switch.\n- Stood down for: nothing.\n- Orders: none.\n" in empty


def written(root: Path, *noted: r.IncidentNoted) -> ArtifactWriter:
    writer = ArtifactWriter(root)
    for one in noted:
        writer.queue_incident(one, tuple(RECENT))
    writer.incidents()
    return writer


def test_the_folder_holds_everything_and_the_report_links_to_it(tmp_path: Path) -> None:
    noted = msgspec.structs.replace(incident(), attachments={"ticket.txt": "To the vendor", "../evil": "x" * 100_000})

    written(tmp_path, noted)

    folder = tmp_path / "reports" / "incidents" / noted.incident_id
    names = sorted(path.name for path in folder.iterdir())
    assert names[1:] == ["facts.json", "journal.jsonl", "post_mortem.md", "ticket.txt", "timeline.md"]
    assert names[0].startswith("evil-"), "a name of somebody else's stays in the folder"
    assert (folder / "ticket.txt").read_text() == "To the vendor"
    assert (folder / names[0]).stat().st_size == 65_536
    report = (tmp_path / "REPORT.md").read_text()
    assert all(f"(reports/incidents/{noted.incident_id}/{name})" in report for name in names)


def test_what_follows_completes_the_timeline_and_leaves_the_operators_post_mortem_alone(tmp_path: Path) -> None:
    writer = written(tmp_path, incident())
    folder = tmp_path / "reports" / "incidents" / incident().incident_id
    (folder / "post_mortem.md").write_text("mine")

    writer.complete(incident(), (*RECENT, r.LatchSet(at(10), "later", "anna", "")))

    assert (folder / "post_mortem.md").read_text() == "mine"
    assert "latch later set by anna" in (folder / "timeline.md").read_text()


def test_a_flood_is_written_in_one_go_and_the_first_ones_have_extracts(tmp_path: Path) -> None:
    written(tmp_path, *(incident(number) for number in range(1, 101)))

    folders = tmp_path / "reports" / "incidents"
    assert (tmp_path / "REPORT.md").read_text().count("<!-- incident ") == 100
    assert len(list(folders.glob("*/facts.json"))) == 100
    assert len(list(folders.glob("*/timeline.md"))) == 20


def test_a_folder_that_cant_be_written_stops_nothing_and_the_report_catches_up(tmp_path: Path) -> None:
    (tmp_path / "reports").write_bytes(b"a file in its place")
    (tmp_path / "REPORT.md").mkdir()

    writer = written(tmp_path, incident(1))
    (tmp_path / "REPORT.md").rmdir()
    writer.queue_incident(incident(2), ())
    writer.incidents()

    report = (tmp_path / "REPORT.md").read_text()
    assert "<!-- incident 7-001-feed -->" in report
    assert "<!-- incident 7-002-feed -->" in report


class Stuck(ArtifactWriter):
    """An outbox on a disk that doesn't answer."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, alerts=True)
        self.free = threading.Event()

    @override
    def alert(self, message: AlertMessage) -> None:
        self.free.wait(10)
        super().alert(message)


async def flooded(root: Path, artifacts: Stuck, count: int) -> tuple[float, float]:
    """Return the seconds that a step with an alert and an incident took, at most, and those of the close."""
    shell = Shell(Engine(settings()), SystemClock(), JournalWriter(root / "journal"), artifacts)
    longest = 0.0
    for number in range(1, count + 1):
        began_ns = shell.clock.now().mono_ns
        shell._carry_out(SendAlert(AlertMessage(f"k-{number}", "raised", "page", "t", "x", AT_NS + number)), shell.clock.now())
        shell._carry_out(Persist(number, (incident(number),), sync=False), shell.clock.now())
        longest = max(longest, (shell.clock.now().mono_ns - began_ns) / NS_PER_S)
    artifacts.free.set()
    began_ns = shell.clock.now().mono_ns
    shell.close()
    return longest, (shell.clock.now().mono_ns - began_ns) / NS_PER_S


def test_neither_a_stuck_outbox_nor_a_flood_of_incidents_holds_up_a_step_or_the_exit(tmp_path: Path) -> None:
    longest_s, close_s = asyncio.run(flooded(tmp_path, Stuck(tmp_path), 300))

    assert longest_s < 0.5
    assert close_s < 15.0
    assert len(Outbox(Layout(tmp_path).outbox).waiting()) == 300
    assert (tmp_path / "REPORT.md").read_text().count("<!-- incident ") == 300


def test_an_outbox_that_cant_be_written_is_told_and_stops_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").write_bytes(b"a file in its place")

    asyncio.run(flooded(tmp_path, Stuck(tmp_path), 1))

    assert "alert_not_written" in capfd.readouterr().err


def test_the_shell_takes_the_facts_of_the_day_into_its_extract(tmp_path: Path) -> None:
    async def noted() -> None:
        shell = Shell(Engine(settings()), SystemClock(), JournalWriter(tmp_path / "journal"), ArtifactWriter(tmp_path))
        shell._carry_out(Persist(1, (r.LatchSet(at(-1), "before", "anna", ""),), sync=False), shell.clock.now())
        shell._carry_out(Persist(2, (incident(),), sync=False), shell.clock.now())
        shell.on_events([ev.TimerFired()])
        shell.close()

    asyncio.run(noted())

    assert "latch before set by anna" in (tmp_path / "reports" / "incidents" / "7-001-feed" / "timeline.md").read_text()
