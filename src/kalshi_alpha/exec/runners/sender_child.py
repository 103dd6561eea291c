"""Keeps the process that delivers alerts alive beside the trading process: started with it, started again when it ends, ended with it."""

import asyncio
import sys
from pathlib import Path
from typing import Final

from kalshi_alpha.adapters.log import log

AGAIN_S: Final = 5.0
END_S: Final = 3.0


async def keep_sender(root: Path, settings_file: Path) -> None:
    """Run it until cancelled; then let it finish what it is delivering, for a moment."""
    module = "kalshi_alpha.exec.runners.alert_sender"
    while True:
        try:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, "--root", str(root), "--config", str(settings_file), stdout=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            log("alert_sender_not_started", error=str(error))
        else:
            try:
                log("alert_sender_ended", status=await child.wait())
            finally:
                await _end(child)
        await asyncio.sleep(AGAIN_S)  # noqa: TID251 - a driver's own pace, no decision depends on it


async def _end(child: asyncio.subprocess.Process) -> None:
    """End it: first kindly."""
    if child.returncode is not None:
        return
    child.terminate()
    try:
        async with asyncio.timeout(END_S):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()
