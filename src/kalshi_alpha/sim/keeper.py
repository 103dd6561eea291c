r"""Ends the demo's processes when the demo itself is killed and can't: their session of its own would let them run on.

    demo --"pid\n" per child--> keeper --end of input without "done"--> SIGTERM to each, the newest first, SIGKILL to what stays

``python -m kalshi_alpha.sim.keeper`` is the process; `Keeper` is the demo's end of the pipe.
"""

import os
import select
import signal
import subprocess
import sys
from typing import Final

PATIENCE_MS: Final = 8_000
DONE: Final = b"done"


class Keeper:
    """A process that outlives this one just long enough."""

    def __init__(self) -> None:
        """Start it."""
        command = [sys.executable, "-m", "kalshi_alpha.sim.keeper"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own module

    def keep(self, pid: int) -> None:
        """Have a process ended when this one is gone."""
        self._say(b"%d" % pid)

    def close(self) -> None:
        """Let it go: everything has been ended."""
        self._say(DONE)
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(PATIENCE_MS / 1_000)

    def _say(self, word: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + b"\n")
        self.process.stdin.flush()


def main() -> None:
    """Read process ids until the end of input, then end them, unless told that all is done."""
    kept: list[int] = []
    for line in sys.stdin.buffer:
        if line.strip() == DONE:
            return
        try:
            kept.append(os.pidfd_open(int(line)))
        except ProcessLookupError:
            continue
    for pidfd in reversed(kept):
        _end(pidfd)


def _end(pidfd: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError:
            return
        if select.select([pidfd], [], [], PATIENCE_MS / 1_000)[0]:
            return


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    main()
