"""What is asked besides the venue: the status page, the operator's slots, the housekeeping, the index vendor's snapshots.

Nothing here blocks the engine.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kalshi_alpha.adapters import statuspage
from kalshi_alpha.adapters.kalshi.http import VenueHttp, carried_out
from kalshi_alpha.adapters.massive.rest import IndexRest
from kalshi_alpha.adapters.operator_slots import OperatorSlotsError, read_entries
from kalshi_alpha.adapters.system_clock import Clock
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev

PAGE_TIMEOUT_S: Final = 10.0
HOUSEKEEPING_TIMEOUT_S: Final = 1_500.0
SUMMARY_CHARS: Final = 300
LOWEST_PRIORITY: Final = 19
FAILED: Final = -1


class Upkeep:
    """Carries out these commands; what goes wrong is told as an event."""

    def __init__(self, root: Path, page_url: str, clock: Clock, snapshots: IndexRest | None = None) -> None:
        """Connect to nothing yet.

        Args:
            root: Where the operator's slots lie and what is kept clean.
            page_url: The status page's address; empty: there is none.
            clock: The trading process's.
            snapshots: The index vendor's REST service; None: there is none.

        """
        self._root = root
        self._snapshots = snapshots
        self._page = VenueHttp(page_url, None, clock, PAGE_TIMEOUT_S, body_bytes_max=statuspage.BODY_BYTES_MAX) if page_url else None

    async def carry_out(self, command: cmd.Command) -> Sequence[ev.Event]:
        """Return what came of a command."""
        match command:
            case cmd.ReadStatusPage() if self._page is not None:
                return await carried_out(statuspage.calls(command), self._page.send)
            case cmd.ProbeIndex() if self._snapshots is not None:
                return await self._snapshots.probe(command)
            case cmd.ReadOperatorSlots():
                return [await asyncio.to_thread(self._operator_slots)]
            case cmd.KeepHouse():
                return [await self._keep_house(command)]
            case _:
                return []

    async def close(self) -> None:
        """Drop the connections."""
        for client in (self._page, self._snapshots):
            if client is not None:
                await client.close()

    def _operator_slots(self) -> cal.OperatorSlotsRead:
        try:
            entries = read_entries(self._root)
        except OperatorSlotsError as error:
            return cal.OperatorSlotsRead((), str(error))
        return cal.OperatorSlotsRead(tuple(entry.slot() for entry in entries.slots), "")

    async def _keep_house(self, command: cmd.KeepHouse) -> cal.HousekeepingDone:
        """Run the housekeeping's command as a process of its own, behind everything else."""
        arguments = ["-m", "kalshi_alpha.exec.housekeep", "--keep-days", str(command.keep_days), "--root", str(self._root)]
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
        except OSError as error:
            return cal.HousekeepingDone(FAILED, f"not started: {error}")
        try:
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, LOWEST_PRIORITY)
            async with asyncio.timeout(HOUSEKEEPING_TIMEOUT_S):
                said, _ = await process.communicate()
        except TimeoutError:
            return cal.HousekeepingDone(FAILED, f"not done within {HOUSEKEEPING_TIMEOUT_S:.0f} s: ended")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        lines = said.decode(errors="replace").strip().splitlines()
        return cal.HousekeepingDone(process.returncode or 0, lines[-1][:SUMMARY_CHARS] if lines else "")
