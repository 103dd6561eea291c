"""The trading process as a service: ready when it can be reached, alive while the engine's own loop turns, leaving when it does."""

import asyncio
from typing import Final

from kalshi_alpha.adapters.sd_notify import tell_manager, watchdog_every_s

QUIET_S: Final = 60.0
"""Without a watchdog there is nothing to say in between."""


async def keep_manager_told() -> None:
    """Say that we are ready, then again and again that the loop turns, until cancelled. A loop that hangs says nothing."""
    tell_manager("READY=1")
    every_s = watchdog_every_s()
    try:
        while True:
            await asyncio.sleep(every_s or QUIET_S)  # noqa: TID251 - a driver's own pace, no decision depends on it
            if every_s:
                tell_manager("WATCHDOG=1")
    finally:
        tell_manager("STOPPING=1")
