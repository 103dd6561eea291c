"""Follows the file of special hours while the trading process runs."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import events as ev
from kalshi_alpha.sched.hours_file import HoursFileWatch, load_special_hours
from kalshi_alpha.sched.special_hours import SpecialHoursError

LOOK_EVERY_S: Final = 1.0


async def follow_special_hours(path: Path, on_events: Callable[[Sequence[ev.Event]], None], every_s: float = LOOK_EVERY_S) -> None:
    """Look at the file for ever; hand over what it says each time it is another one.

    What was read before this began may be older than the first look, so the file is read at once.
    """
    watch = HoursFileWatch(path)
    on_events([read_event(path)])
    while True:
        await asyncio.sleep(every_s)  # noqa: TID251 - a driver's own pace, no decision depends on it
        if watch.changed():
            on_events([read_event(path)])


def read_event(path: Path) -> ev.Event:
    """Return what the file says now: hours that hold, or why it is refused."""
    try:
        return cal.SpecialHoursChanged(load_special_hours(path))
    except SpecialHoursError as error:
        return cal.SpecialHoursRefused(str(error))
