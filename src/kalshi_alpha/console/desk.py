"""What the operator does from the page: STOP until it has arrived, and lifting a latch.

A STOP that can't be delivered is written to disk for the trading process's next start and sent again until it is confirmed.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Final

from kalshi_alpha.adapters.control_socket import (
    AckAlert,
    Clear,
    ConfirmMaintenance,
    ControlClient,
    ControlReply,
    ControlUnreachableError,
    Stop,
    control_path,
)
from kalshi_alpha.adapters.stop_request import read_stop_request, request_stop_offline, take_stop_request
from kalshi_alpha.console.board import Board, StopStatus

ACTOR: Final = "console"
RETRY_S: Final = 0.5
ANSWER_S: Final = 2.0


class Desk:
    """Sends the operator's commands to the trading process of one root."""

    def __init__(self, root: Path, board: Board, retry_s: float = RETRY_S) -> None:
        """Take the root, where progress is shown, and the pause between attempts."""
        self._root = root
        self._board = board
        self._client = ControlClient(control_path(root))
        self._retry_s = retry_s
        self._closing = asyncio.Event()
        self._delivery: asyncio.Task[None] | None = None

    def resume(self) -> None:
        """Go on delivering a STOP that an earlier process left on disk."""
        waiting = read_stop_request(self._root)
        if waiting is not None:
            self._board.learn_stop(StopStatus("waiting", "an earlier STOP waits for the trading process"))
            self._deliver_later(Stop(waiting.actor, waiting.reason))

    async def stop(self, reason: str) -> StopStatus:
        """Send STOP; return how far it got at the first attempt."""
        stop = Stop(ACTOR, reason)
        self._board.learn_stop(StopStatus("sending", "stopping"))
        if not await self._attempt(stop):
            await self._leave_on_disk(stop)
            self._deliver_later(stop)
        return self._board.stop

    async def clear(self, latch: str) -> ControlReply:
        """Lift a latch.

        Raises:
            ControlUnreachableError: the trading process didn't answer.

        """
        if self._board.stop.state in {"sending", "waiting"}:
            return ControlReply(ok=False, message="a STOP is still on its way: nothing is cleared before it has arrived")
        reply = await self._client.send(Clear(ACTOR, latch), ANSWER_S)
        if reply.ok and latch == "operator_stop":
            self._board.learn_stop(StopStatus("none"))
        return reply

    async def confirm_maintenance(self) -> ControlReply:
        """Say that quoting may resume after a maintenance.

        Raises:
            ControlUnreachableError: the trading process didn't answer.

        """
        return await self._client.send(ConfirmMaintenance(ACTOR), ANSWER_S)

    async def acknowledge(self, key: str) -> ControlReply:
        """Take an alert on.

        Raises:
            ControlUnreachableError: the trading process didn't answer.

        """
        return await self._client.send(AckAlert(ACTOR, key), ANSWER_S)

    async def close(self) -> None:
        """End the attempts; what is on disk stays there."""
        self._closing.set()
        if self._delivery is not None:
            await self._delivery

    def _deliver_later(self, stop: Stop) -> None:
        if self._delivery is None or self._delivery.done():
            self._delivery = asyncio.ensure_future(self._deliver(stop))

    async def _deliver(self, stop: Stop) -> None:
        while not self._closing.is_set() and not await self._attempt(stop):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self._retry_s)

    async def _attempt(self, stop: Stop) -> bool:
        try:
            reply = await self._client.send(stop, ANSWER_S)
        except ControlUnreachableError:
            return False
        if not reply.ok:
            self._board.learn_stop(StopStatus("waiting", f"the trading process refused STOP ({reply.message}); trying again"))
            return False
        with contextlib.suppress(OSError):
            await asyncio.to_thread(take_stop_request, self._root)
        self._board.learn_stop(StopStatus("delivered", reply.message, self._board.seq))
        return True

    async def _leave_on_disk(self, stop: Stop) -> None:
        kept = "STOP is written for its next start, and sent again until it answers"
        try:
            await asyncio.to_thread(request_stop_offline, self._root, stop.actor, stop.reason)
        except OSError as error:
            kept = f"STOP could not be written to disk ({error.strerror}); it is sent again until the process answers"
        self._board.learn_stop(StopStatus("waiting", f"the trading process doesn't answer: {kept}"))
