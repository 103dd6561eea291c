"""Tells the service manager that we are ready, alive and leaving. Where there is none, nobody is told.

Source: sd_notify(3), sd_watchdog_enabled(3).
"""

import os
import socket
from typing import Final

MICROSECONDS: Final = 1e6


def tell_manager(state: str) -> bool:
    """Send a state, ``READY=1``, ``WATCHDOG=1`` or ``STOPPING=1``; return whether somebody was told."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as line:
            line.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
    except OSError:  # a manager that doesn't listen must not hold us up
        return False
    return True


def watchdog_every_s() -> float | None:
    """Return how often the manager wants to hear of us: twice within its limit. None: it doesn't."""
    limit, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not limit.isdecimal() or not int(limit) or (pid and pid != str(os.getpid())):
        return None
    return int(limit) / MICROSECONDS / 2
