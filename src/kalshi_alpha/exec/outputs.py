"""The engine's documents: freshness.json, ev_gap.json, the snapshot and REPORT.md, from its present state."""

from collections import deque
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha.adapters.files import FileSnapshotStore, Layout, write_atomically
from kalshi_alpha.adapters.log import log
from kalshi_alpha.adapters.monitor_lines import append_line
from kalshi_alpha.adapters.outbox import Outbox
from kalshi_alpha.adapters.report import note_incidents, write_evidence
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.exec.incidents import evidence_files
from kalshi_alpha.exec.monitor_history import MonitorHistory
from kalshi_alpha.exec.monitors import EvGapDocument, FreshnessDocument, ev_gap_document, freshness_document
from kalshi_alpha.model.alerts import AlertMessage
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.records import IncidentNoted, Record
from kalshi_alpha.sched.calendar import CalendarRangeError
from kalshi_alpha.sched.hotrestart import HotRestartManager
from kalshi_alpha.sched.windows_status import scheduler_window

WITH_EXTRACT: Final = 20
"""So many incidents at once get the journal's extract."""
UNREPORTED_KEPT: Final = 200


def monitor_documents(engine: Engine, now: Now) -> tuple[FreshnessDocument, EvGapDocument]:
    """Return both monitors for this instant."""
    facts = engine.facts
    try:
        block = scheduler_window(None, now.utc_ns, facts.schedule).scheduler_window
    except CalendarRangeError:
        block = None
    fresh = freshness_document(facts.failover.view(now), now, block, engine.clocks.view(now), engine.alerts.open)
    return fresh, ev_gap_document(fresh, facts.ev_gap.summary())


class ArtifactWriter:
    """Writes what was made in the loop; its methods run in a worker thread and never raise into it."""

    def __init__(self, root: Path, *, alerts: bool = False) -> None:
        """Write below ``root``; alerts only where somebody takes them out of the outbox."""
        self.layout = Layout(root)
        self._outbox = Outbox(self.layout.outbox) if alerts else None
        self._history = MonitorHistory()
        self._incidents: deque[tuple[IncidentNoted, tuple[Record, ...]]] = deque()
        self._unreported: list[tuple[IncidentNoted, tuple[str, ...]]] = []
        self.snapshots = HotRestartManager(FileSnapshotStore(self.layout.snapshot))

    def monitors(self, fresh: FreshnessDocument, gap: EvGapDocument) -> None:
        """Replace both monitor files; add what is worth it to the day's history."""
        try:
            self.layout.monitors.mkdir(parents=True, exist_ok=True)
            for document in (fresh, gap):
                name = "freshness.json" if document.name == "data_freshness" else "ev_gap.json"
                data = msgspec.json.format(msgspec.json.encode(document), indent=1)
                write_atomically(self.layout.monitors / name, data, durable=False)
            line = self._history.line(fresh, gap)
            if line is not None:
                append_line(self.layout.monitor_history / f"{line.at[: len('2026-11-23')]}.jsonl", line)
        except OSError as error:
            log("monitors_not_written", error=str(error))

    def alert(self, message: AlertMessage) -> None:
        """Put an alert into the outbox."""
        if self._outbox is None:
            return
        try:
            self._outbox.put(message)
        except OSError as error:
            log("alert_not_written", alert=message.alert_id, error=str(error))

    def queue_incident(self, noted: IncidentNoted, recent: tuple[Record, ...]) -> None:
        """Take an incident with the journal's last records, in the loop; ``incidents`` writes it."""
        self._incidents.append((noted, recent))

    def incidents(self) -> None:
        """Write all that were queued: their evidence, then REPORT.md once. What it refuses is tried again with the next ones."""
        queued = [self._incidents.popleft() for _ in range(len(self._incidents))]
        told: list[tuple[IncidentNoted, tuple[str, ...]]] = []
        for number, (noted, recent) in enumerate(queued):
            # In a flood the first ones tell how it began: the extracts of all would keep the process from ending.
            files = evidence_files(noted, recent) if number < WITH_EXTRACT else {}
            told.append((noted, self._evidence(noted, files)))
        try:
            note_incidents(self.layout.root, [*self._unreported, *told])
            self._unreported = []
        except OSError as error:
            self._unreported = [*self._unreported, *told][-UNREPORTED_KEPT:]
            log("report_not_written", incidents=len(self._unreported), error=str(error))

    def complete(self, noted: IncidentNoted, recent: tuple[Record, ...]) -> None:
        """Write an incident's evidence again, with what came after it."""
        self._evidence(noted, evidence_files(noted, recent))

    def _evidence(self, noted: IncidentNoted, files: dict[str, bytes]) -> tuple[str, ...]:
        try:
            return write_evidence(self.layout.root, noted, files)
        except OSError as error:
            log("evidence_not_written", incident=noted.incident_id, error=str(error))
            return ()
