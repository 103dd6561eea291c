"""Child processes of the demo: started with their output in a file, waited for, killed, and always ended."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kalshi_alpha.cli import UnreachableError
from kalshi_alpha.sim.keeper import Keeper

READY_S: Final = 30.0
END_S: Final = 8.0
SETTLED_S: Final = 1.0
"""Who lived this long is started again at once."""


class Child:
    """One process; its standard error goes to ``<name>.log``."""

    def __init__(self, name: str, module: str, arguments: Sequence[str], logs: Path, keeper: Keeper | None = None) -> None:
        """Start ``python -m module arguments``; the keeper ends it should this process be killed."""
        self.name = name
        self.first_line = ""
        self._ready = threading.Event()
        self._log = (logs / f"{name}.log").open("ab")
        command = [sys.executable, "-m", module, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - our own modules
        if keeper is not None:
            keeper.keep(self.process.pid)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def ready(self) -> str:
        """Return the first line the process prints.

        Raises:
            UnreachableError: it ended or printed nothing in time.

        """
        if not self._ready.wait(READY_S) or not self.first_line:
            message = f"{self.name} didn't start: see {self._log.name}"
            raise UnreachableError(message)
        return self.first_line

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL."""
        if self.alive():
            os.kill(self.process.pid, signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP."""
        if self.alive():
            os.kill(self.process.pid, signal.SIGSTOP)

    def end(self, patience_s: float = END_S) -> int | None:
        """SIGTERM, then SIGKILL when it doesn't end by itself; return its exit status."""
        if self.alive():
            self.process.terminate()
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.wait(END_S)
        finally:
            self._reader.join(END_S)
            self._log.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                if not self.first_line:
                    self.first_line = line.decode(errors="replace").strip()
                    self._ready.set()
        self._ready.set()


class Trader:
    """The trading process under its supervisor: whenever it dies it is started again, at once at first, then with back-off."""

    def __init__(self, arguments: Sequence[str], logs: Path, keeper: Keeper) -> None:
        """Start it."""
        self.starts = 0
        self.kills: list[float] = []
        self._arguments, self._logs, self._keeper = tuple(arguments), logs, keeper
        self._stopping = threading.Event()
        self.child = self._start()
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._thread.start()

    def stop(self) -> int | None:
        """SIGTERM and no restart; return the exit status."""
        self._stopping.set()
        status = self.child.end()
        self._thread.join(END_S)
        return status

    def kill_for_good(self) -> None:
        """SIGKILL and no restart: process and supervisor are dead at once."""
        self._stopping.set()
        self.child.kill()
        self.child.end()
        self._thread.join(END_S)

    def _start(self) -> Child:
        self.starts += 1
        return Child("trader", "kalshi_alpha.exec.runners.trade", self._arguments, self._logs, self._keeper)

    def _supervise(self) -> None:
        pause_s, started_s = 0.0, time.monotonic()  # noqa: TID251 - as above
        while not self._stopping.is_set():
            try:
                self.child.process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
            pause_s = 0.0 if time.monotonic() - started_s >= SETTLED_S else min(5.0, 2 * pause_s + 0.1)  # noqa: TID251 - a supervisor's own pace
            if self._stopping.wait(pause_s):
                return
            started_s = time.monotonic()  # noqa: TID251 - as above
            self.child = self._start()
