"""STOP until it has arrived, clear only after it, and a board that never takes old state for present."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from kalshi_alpha.adapters.control_socket import (
    Clear,
    ConfirmMaintenance,
    ControlCommand,
    ControlReply,
    ControlServer,
    ControlUnreachableError,
    ServerLost,
    Stop,
    ViewReceived,
    control_path,
)
from kalshi_alpha.adapters.stop_request import StopRequest, read_stop_request, request_stop_offline
from kalshi_alpha.console.board import MAX_PAGES, Board, PageState, StopStatus
from kalshi_alpha.console.desk import Desk
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.view import EngineView


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.mono_ms = 0

    def now(self) -> Now:
        return Now(utc_ns=0, mono_ns=self.mono_ms * 1_000_000)


class Trading:
    """A fake trading process that can refuse."""

    def __init__(self, *, accepts: bool = True) -> None:
        self.heard: list[ControlCommand] = []
        self.accepts = accepts

    def on_command(self, command: ControlCommand) -> ControlReply:
        self.heard.append(command)
        return ControlReply(ok=self.accepts, message="" if self.accepts else "busy")


def state(board: Board) -> PageState:
    return msgspec.json.decode(board.state_json(), type=PageState)


def received(view: EngineView) -> ViewReceived:
    return ViewReceived(msgspec.json.encode(view))


async def until(board: Board, wanted: str) -> None:
    page = board.join()
    async with asyncio.timeout(10):
        while board.stop.state != wanted:
            page.changed.clear()
            await page.changed.wait()
    board.leave(page)


def test_a_stop_without_a_trading_process_is_left_on_disk_and_delivered_when_it_is_back(root: Path) -> None:
    trading = Trading()

    async def scene() -> tuple[StopStatus, StopRequest | None, StopRequest | None]:
        board = Board(Clock().now)
        desk = Desk(root, board, retry_s=0.0)
        first = await desk.stop("drill")
        left = read_stop_request(root)
        server = ControlServer(control_path(root), trading.on_command)
        await server.start()
        await until(board, "delivered")
        await desk.close()
        await server.close()
        return first, left, read_stop_request(root)

    first, left, after = asyncio.run(scene())

    assert first.state == "waiting"
    assert "written for its next start" in first.message
    assert left == StopRequest("console", "drill")
    assert trading.heard == [Stop("console", "drill")]
    assert after is None


def test_a_refused_stop_is_tried_again_and_kept_on_disk(root: Path) -> None:
    trading = Trading(accepts=False)

    async def scene() -> StopRequest | None:
        board = Board(Clock().now)
        desk = Desk(root, board, retry_s=0.0)
        server = ControlServer(control_path(root), trading.on_command)
        await server.start()
        first = await desk.stop("drill")
        assert first.state == "waiting"
        left = read_stop_request(root)
        trading.accepts = True
        await until(board, "delivered")
        await desk.close()
        await server.close()
        return left

    assert asyncio.run(scene()) == StopRequest("console", "drill")
    assert len(trading.heard) >= 2


def test_a_stop_that_cannot_be_written_says_so_and_is_still_tried(root: Path) -> None:
    (root / "data").write_text("a file where the folder belongs")

    async def scene() -> StopStatus:
        desk = Desk(root, Board(Clock().now), retry_s=0.0)
        status = await desk.stop("drill")
        assert desk._delivery is not None
        assert not desk._delivery.done()
        await desk.close()
        return status

    assert "could not be written" in asyncio.run(scene()).message


def test_a_stop_left_by_an_earlier_console_is_delivered(root: Path) -> None:
    trading = Trading()
    request_stop_offline(root, "cli", "before")

    async def scene() -> None:
        board = Board(Clock().now)
        desk = Desk(root, board, retry_s=0.0)
        server = ControlServer(control_path(root), trading.on_command)
        await server.start()
        desk.resume()
        await until(board, "delivered")
        await desk.close()
        await server.close()

    asyncio.run(scene())

    assert trading.heard == [Stop("cli", "before")]


def test_nothing_is_cleared_while_a_stop_is_on_its_way(root: Path) -> None:
    async def scene() -> ControlReply:
        desk = Desk(root, Board(Clock().now), retry_s=0.0)
        await desk.stop("drill")
        reply = await desk.clear("operator_stop")
        await desk.close()
        return reply

    reply = asyncio.run(scene())

    assert not reply.ok
    assert "still on its way" in reply.message


def test_clear_without_a_trading_process_is_an_error(root: Path) -> None:
    with pytest.raises(ControlUnreachableError):
        asyncio.run(Desk(root, Board(Clock().now)).clear("operator_stop"))


def test_a_confirmation_is_passed_on_and_without_a_trading_process_an_error(root: Path) -> None:
    trading = Trading(accepts=False)

    async def script() -> ControlReply:
        desk = Desk(root, Board(Clock().now))
        with pytest.raises(ControlUnreachableError):
            await desk.confirm_maintenance()
        server = ControlServer(control_path(root), trading.on_command)
        await server.start()
        try:
            return await desk.confirm_maintenance()
        finally:
            await server.close()

    assert asyncio.run(script()).message == "busy"
    assert trading.heard == [ConfirmMaintenance("console")]


@pytest.mark.parametrize(("latch", "shown"), [("operator_stop", "none"), ("risk_limit", "delivered")])
def test_only_lifting_the_operators_latch_ends_the_stops_progress(root: Path, latch: str, shown: str) -> None:
    trading = Trading()

    async def scene() -> str:
        board = Board(Clock().now)
        desk = Desk(root, board)
        server = ControlServer(control_path(root), trading.on_command)
        await server.start()
        await desk.stop("drill")
        await desk.clear(latch)
        await desk.close()
        await server.close()
        return board.stop.state

    assert asyncio.run(scene()) == shown
    assert trading.heard[-1] == Clear("console", latch)


def test_the_board_tells_the_age_of_the_last_view_and_that_its_process_is_gone(views: dict[str, EngineView]) -> None:
    clock = Clock()
    board = Board(clock.now)
    before = state(board)
    board.learn(received(views["quoting"]))
    clock.mono_ms += 1_500
    present = state(board)
    board.learn(ServerLost("gone"))
    after = state(board)

    assert (before.reachable, before.view_age_ms, bytes(before.view)) == (False, None, b"null")
    assert (present.reachable, present.view_age_ms, present.seq) == (True, 1_500, 1)
    assert (after.reachable, after.view_age_ms, after.note) == (False, 1_500, "gone")
    assert msgspec.json.decode(after.view, type=EngineView) == views["quoting"]


@pytest.mark.parametrize("rubbish", [b"", b"{}", b"null", b'{"utc_ns":1}', b"[[[", b"\xff"])
def test_a_view_that_is_not_understood_is_not_shown_as_live(views: dict[str, EngineView], rubbish: bytes) -> None:
    board = Board(Clock().now)
    board.learn(received(views["quoting"]))
    board.learn(ViewReceived(rubbish))

    shown = state(board)

    assert not shown.reachable
    assert shown.seq == 1
    assert "isn't understood" in shown.note


def test_a_latch_lifted_elsewhere_ends_the_stops_progress(views: dict[str, EngineView]) -> None:
    board = Board(Clock().now)
    board.learn_stop(StopStatus("delivered"))
    board.learn(received(views["quoting"]))  # made before the STOP, arrived after it
    late = board.stop.state
    board.learn(received(views["standing_down"]))
    stopped = board.stop.state
    board.learn(received(replace(views["quoting"], epoch=8)))

    assert (late, stopped, board.stop.state) == ("delivered", "delivered", "none")


def test_one_page_more_than_there_is_room_for_closes_the_oldest() -> None:
    board = Board(Clock().now)
    pages = [board.join() for _ in range(MAX_PAGES + 1)]

    assert [page.is_closed for page in pages] == [True] + [False] * MAX_PAGES
