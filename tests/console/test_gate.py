"""What the console refuses: a table of hostile requests over raw sockets, and the token's file."""

import asyncio
import contextlib
import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from kalshi_alpha.adapters.control_socket import Clear, ControlCommand, ControlReply, ControlServer, Stop, control_path
from kalshi_alpha.cli import UsageError
from kalshi_alpha.console import server
from kalshi_alpha.console.gate import Gate, load_token
from kalshi_alpha.console.server import listen, running
from kalshi_alpha.model.view import EngineView

TOKEN = "5a" * 32


class Console:
    """A running console, a fake trading process, and the secrets of a signed-in page."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[ControlCommand] = []
        self.trading: ControlServer | None = None
        gate = Gate(TOKEN, port)
        self.cookie = f"{gate._cookie_name}={gate._cookie}"
        self.csrf = gate.csrf

    def on_command(self, command: ControlCommand) -> ControlReply:
        self.heard.append(command)
        return ControlReply(ok=True, message="done")

    async def show(self, view: EngineView) -> None:
        """Have the trading process show a view; return when the console has it."""
        assert self.trading is not None
        self.trading.publish(msgspec.json.encode(view))
        async with asyncio.timeout(10):
            while '"view":null' in (await self.raw("GET /api/view HTTP/1.1\r\n" + OURS + "\r\n"))[1]:
                pass

    async def raw(self, request: str | bytes) -> tuple[int, str]:
        """Send bytes as they are; return the status (0: dropped without an answer) and the whole answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        data = request.encode("latin-1") if isinstance(request, str) else request
        for old, new in ((b"PORT", str(self.port)), (b"COOKIE", self.cookie), (b"CSRF", self.csrf), (b"TOKEN", TOKEN)):
            data = data.replace(b"{" + old + b"}", new.encode())
        writer.write(data)
        answer = b""
        try:
            async with asyncio.timeout(10):
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    answer = await reader.readuntil(b"\r\n\r\n")
                    length = re.search(rb"(?i)content-length: (\d+)", answer)
                    if length and not data.startswith(b"HEAD"):
                        answer += await reader.readexactly(int(length[1]))
        finally:
            writer.close()
        text = answer.decode("latin-1")
        return int(text.split()[1]) if text else 0, text


@contextlib.asynccontextmanager
async def signed_in(root: Path) -> AsyncIterator[Console]:
    listener = listen(0)
    console = Console(listener.getsockname()[1])
    console.trading = trading = ControlServer(control_path(root), console.on_command)
    await trading.start()
    try:
        async with running(root, TOKEN, listener):
            yield console
    finally:
        await trading.close()


OURS = "Host: 127.0.0.1:{PORT}\r\nCookie: {COOKIE}\r\n"
ORIGIN = "Origin: http://127.0.0.1:{PORT}\r\n"
ACTION = OURS + ORIGIN + "X-Console-Csrf: {CSRF}\r\nContent-Type: application/json\r\n"
STOP = "Content-Length: 2\r\n\r\n{}"
CLEAR = 'Content-Length: 43\r\n\r\n{"latch":"operator_stop","confirm":"CLEAR"}'

HOSTILE = {
    "another host": ("GET /api/view HTTP/1.1\r\nHost: evil.example\r\nCookie: {COOKIE}\r\n\r\n", {421}),
    "a rebound host with our port": ("GET /api/view HTTP/1.1\r\nHost: evil.example:{PORT}\r\nCookie: {COOKIE}\r\n\r\n", {421}),
    "a host that only starts like ours": (
        "GET /api/view HTTP/1.1\r\nHost: 127.0.0.1.evil.example:{PORT}\r\nCookie: {COOKIE}\r\n\r\n",
        {421},
    ),
    "our host with a trailing dot": ("GET /api/view HTTP/1.1\r\nHost: localhost.:{PORT}\r\nCookie: {COOKIE}\r\n\r\n", {421}),
    "our host without the port": ("GET /api/view HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {COOKIE}\r\n\r\n", {421}),
    "our host with another port": ("GET /api/view HTTP/1.1\r\nHost: 127.0.0.1:1\r\nCookie: {COOKIE}\r\n\r\n", {421}),
    "a user before the host": ("GET /api/view HTTP/1.1\r\nHost: a@127.0.0.1:{PORT}\r\nCookie: {COOKIE}\r\n\r\n", {400, 421}),
    "any address": ("GET /api/view HTTP/1.1\r\nHost: 0.0.0.0:{PORT}\r\nCookie: {COOKIE}\r\n\r\n", {421}),
    "no host": ("GET /api/view HTTP/1.0\r\nCookie: {COOKIE}\r\n\r\n", {400, 421}),
    "two hosts": ("GET /api/view HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nHost: evil.example\r\nCookie: {COOKIE}\r\n\r\n", {400, 421}),
    "an absolute target": ("GET http://evil.example/api/view HTTP/1.1\r\n" + OURS + "\r\n", {400, 421}),
    "no token": ("GET / HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n", {401}),
    "no token for a file": ("GET /static/app.js HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n", {401}),
    "no token for what doesn't exist": ("GET /nothing HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n", {401}),
    "no token for the stream": ("GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n", {401}),
    "no token for STOP": ("POST /api/stop HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n" + ORIGIN + STOP, {401}),
    "a wrong token": ("GET /?token=" + "0" * 64 + " HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n", {401}),
    "half the token": ("GET /?token=" + TOKEN[:32] + " HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n", {401}),
    "an empty token": ("GET /?token= HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n", {401}),
    "two tokens": ("GET /?token={TOKEN}&token=x HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n", {401}),
    "a token that isn't text": ("GET /?token=%ff%fe HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n", {401}),
    "the token where it isn't taken": ("GET /api/view?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n", {401}),
    "the token as the cookie": ("GET /api/view HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nCookie: kalshi_console_{PORT}={TOKEN}\r\n\r\n", {401}),
    "an old cookie": ("GET /api/view HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nCookie: kalshi_console_{PORT}=" + "a" * 64 + "\r\n\r\n", {401}),
    "the token with another host": ("GET /?token={TOKEN} HTTP/1.1\r\nHost: evil.example\r\n\r\n", {421}),
    "the token from another site": ("GET /?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nSec-Fetch-Site: cross-site\r\n\r\n", {403}),
    "a read from another site": ("GET /api/view HTTP/1.1\r\n" + OURS + "Sec-Fetch-Site: cross-site\r\n\r\n", {403}),
    "a read from another port of this machine": ("GET /api/view HTTP/1.1\r\n" + OURS + "Sec-Fetch-Site: same-site\r\n\r\n", {403}),
    "a read from another origin": ("GET /api/view HTTP/1.1\r\n" + OURS + "Origin: http://evil.example\r\n\r\n", {403}),
    "a preflight": ("OPTIONS /api/stop HTTP/1.1\r\n" + OURS + ORIGIN + "Access-Control-Request-Method: POST\r\n\r\n", {405}),
    "STOP by a link": ("GET /api/stop HTTP/1.1\r\n" + OURS + "\r\n", {405}),
    "clear by a link": ("GET /api/clear HTTP/1.1\r\n" + OURS + "\r\n", {405}),
    "STOP by HEAD": ("HEAD /api/stop HTTP/1.1\r\n" + OURS + "\r\n", {405}),
    "STOP by PUT": ("PUT /api/stop HTTP/1.1\r\n" + ACTION + STOP, {405}),
    "TRACE": ("TRACE / HTTP/1.1\r\n" + OURS + "\r\n", {405}),
    "CONNECT": ("CONNECT evil.example:443 HTTP/1.1\r\n" + OURS + "\r\n", {400, 405, 421}),
    "an action without an origin": ("POST /api/stop HTTP/1.1\r\n" + ACTION.replace(ORIGIN, "") + STOP, {403}),
    "an action from another origin": (
        "POST /api/stop HTTP/1.1\r\n" + ACTION.replace(ORIGIN, "Origin: http://evil.example\r\n") + STOP,
        {403},
    ),
    "an action from a null origin": ("POST /api/stop HTTP/1.1\r\n" + ACTION.replace(ORIGIN, "Origin: null\r\n") + STOP, {403}),
    "an action from our origin by https": ("POST /api/stop HTTP/1.1\r\n" + ACTION.replace("http:", "https:") + STOP, {403}),
    "an action from two origins": ("POST /api/stop HTTP/1.1\r\n" + ACTION + ORIGIN + STOP, {400, 403}),
    "an action from another site": ("POST /api/stop HTTP/1.1\r\n" + ACTION + "Sec-Fetch-Site: cross-site\r\n" + STOP, {403}),
    "an action without the page's header": ("POST /api/stop HTTP/1.1\r\n" + ACTION.replace("X-Console-Csrf", "X-Other") + STOP, {403}),
    "an action with a wrong header": ("POST /api/stop HTTP/1.1\r\n" + ACTION.replace("{CSRF}", "b" * 64) + STOP, {403}),
    "an action as a form": (
        "POST /api/stop HTTP/1.1\r\n" + ACTION.replace("application/json", "application/x-www-form-urlencoded") + STOP,
        {415},
    ),
    "an action as plain text": ("POST /api/stop HTTP/1.1\r\n" + ACTION.replace("application/json", "text/plain") + STOP, {415}),
    "an oversized body": ("POST /api/clear HTTP/1.1\r\n" + ACTION + "Content-Length: 9000\r\n\r\n" + "x" * 9_000, {413}),
    "an oversized chunked body": (
        "POST /api/clear HTTP/1.1\r\n" + ACTION + "Transfer-Encoding: chunked\r\n\r\n2328\r\n" + "x" * 9_000 + "\r\n0\r\n\r\n",
        {413},
    ),
    "two body lengths": ("POST /api/stop HTTP/1.1\r\n" + ACTION + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", {400}),
    "length and chunks": ("POST /api/stop HTTP/1.1\r\n" + ACTION + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}", {400}),
    "clear without the word": ("POST /api/clear HTTP/1.1\r\n" + ACTION + STOP, {400}),
    "clear with another word": ("POST /api/clear HTTP/1.1\r\n" + ACTION + CLEAR.replace("CLEAR", "clear"), {400}),
    "clear of no latch": ("POST /api/clear HTTP/1.1\r\n" + ACTION + CLEAR, {409}),
    "a path out of the folder": ("GET /static/../gate.py HTTP/1.1\r\n" + OURS + "\r\n", {404}),
    "an encoded path out": ("GET /static/%2e%2e%2fgate.py HTTP/1.1\r\n" + OURS + "\r\n", {404}),
    "a backslashed path out": ("GET /static/..%5cgate.py HTTP/1.1\r\n" + OURS + "\r\n", {404}),
    "an absolute path": ("GET /static//etc/passwd HTTP/1.1\r\n" + OURS + "\r\n", {404}),
    "a path with a zero byte": ("GET /static/app.js%00.html HTTP/1.1\r\n" + OURS + "\r\n", {404}),
    "the template": ("GET /static/index.html HTTP/1.1\r\n" + OURS + "\r\n", {404}),
    "a huge header": ("GET / HTTP/1.1\r\n" + OURS + "X: " + "y" * 70_000 + "\r\n\r\n", {400}),
    "a header over two lines": ("GET / HTTP/1.1\r\n" + OURS + "X: a\r\n b\r\nX\x00: b\r\n\r\n", {400}),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400}),
}


@pytest.mark.parametrize(
    "body",
    [
        "Content-Length: 9000\r\n\r\n" + "x" * 9_000,
        "Transfer-Encoding: chunked\r\n\r\n2328\r\n" + "x" * 9_000 + "\r\n0\r\n\r\n",
        "Content-Length: 30\r\n\r\n{",
    ],
    ids=["oversized", "oversized in chunks", "unfinished"],
)
def test_stop_stops_whatever_becomes_of_its_body(root: Path, body: str) -> None:
    async def scene() -> list[ControlCommand]:
        async with signed_in(root) as console:
            await console.raw("POST /api/stop HTTP/1.1\r\n" + ACTION + body)
            return console.heard

    assert [type(command) for command in asyncio.run(scene())] == [Stop]


@pytest.mark.parametrize(("request_text", "expected"), list(HOSTILE.values()), ids=list(HOSTILE))
def test_a_hostile_request_is_refused_and_reaches_nobody(root: Path, request_text: str | bytes, expected: set[int]) -> None:
    async def scene() -> tuple[int, str, list[ControlCommand]]:
        async with signed_in(root) as console:
            status, answer = await console.raw(request_text)
            return status, answer, console.heard

    status, answer, heard = asyncio.run(scene())

    assert status in expected
    assert heard == []
    assert "evil" not in answer
    assert TOKEN not in answer
    assert "Access-Control-" not in answer


def test_a_signed_in_page_reads_stops_and_clears(root: Path, views: dict[str, EngineView]) -> None:
    async def scene() -> tuple[list[int], list[ControlCommand]]:
        async with signed_in(root) as console:
            await console.show(views["standing_down"])
            answers = [
                await console.raw("GET / HTTP/1.1\r\n" + OURS + "\r\n"),
                await console.raw("GET /static/app.js HTTP/1.1\r\n" + OURS + "Sec-Fetch-Site: same-origin\r\n\r\n"),
                await console.raw("GET /api/view HTTP/1.1\r\n" + OURS + "Sec-Fetch-Site: none\r\n\r\n"),
                await console.raw("POST /api/stop HTTP/1.1\r\n" + ACTION + STOP),
                await console.raw("POST /api/clear HTTP/1.1\r\n" + ACTION + CLEAR),
            ]
            return [status for status, _ in answers], console.heard

    statuses, heard = asyncio.run(scene())

    assert statuses == [200, 200, 200, 200, 200]
    assert heard == [Stop("console", "STOP pressed on the page"), Clear("console", "operator_stop")]


def test_only_a_latch_that_holds_is_cleared_whatever_its_name(root: Path, views: dict[str, EngineView]) -> None:
    other = CLEAR.replace("43", "45").replace("operator_stop", "order_group_sto")

    async def scene() -> tuple[list[int], list[ControlCommand]]:
        async with signed_in(root) as console:
            await console.show(replace(views["standing_down"], latches=("order_group_sto",)))
            answers = [await console.raw("POST /api/clear HTTP/1.1\r\n" + ACTION + body) for body in (CLEAR, other)]
            return [status for status, _ in answers], console.heard

    statuses, heard = asyncio.run(scene())

    assert statuses == [409, 200]
    assert heard == [Clear("console", "order_group_sto")]


def test_a_stop_with_a_broken_body_still_stops(root: Path) -> None:
    async def scene() -> tuple[int, list[ControlCommand]]:
        async with signed_in(root) as console:
            status, _ = await console.raw("POST /api/stop HTTP/1.1\r\n" + ACTION + "Content-Length: 3\r\n\r\n{]}")
            return status, console.heard

    status, heard = asyncio.run(scene())

    assert status == 200
    assert heard == [Stop("console", "STOP pressed on the page")]


def test_the_token_becomes_a_cookie_that_scripts_cannot_read_and_leaves_the_address(root: Path) -> None:
    async def scene() -> str:
        async with signed_in(root) as console:
            return (await console.raw("GET /?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n"))[1]

    answer = asyncio.run(scene())

    assert answer.startswith("HTTP/1.1 303 ")
    assert "\r\nLocation: /\r\n" in answer
    cookie = next(line for line in answer.splitlines() if line.startswith("Set-Cookie: "))
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert TOKEN not in answer


@pytest.mark.parametrize(
    "request_text", ["GET / HTTP/1.1\r\n" + OURS + "\r\n", "GET /nothing HTTP/1.1\r\n" + OURS + "\r\n", HOSTILE["no token"][0]]
)
def test_every_answer_carries_the_browsers_restrictions(root: Path, request_text: str) -> None:
    async def scene() -> str:
        async with signed_in(root) as console:
            return (await console.raw(request_text))[1]

    answer = asyncio.run(scene())

    assert "Content-Security-Policy: default-src 'self'; " in answer
    assert "unsafe" not in answer.split("\r\n\r\n", maxsplit=1)[0]
    assert "X-Frame-Options: DENY\r\n" in answer
    assert "X-Content-Type-Options: nosniff\r\n" in answer
    assert "Cache-Control: no-store\r\n" in answer


def test_clients_that_never_finish_a_request_cannot_keep_the_operator_out(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PROVE_S", 600.0)

    async def scene() -> tuple[int, int]:
        async with signed_in(root) as console:
            slow = [await asyncio.open_connection("127.0.0.1", console.port) for _ in range(150)]
            for _, writer in slow:
                writer.write(b"GET / HTTP/1.1\r\nHost: ")
            status, _ = await console.raw("GET /api/view HTTP/1.1\r\n" + OURS + "\r\n")
            dropped = 0
            for reader, _ in slow[:80]:
                with contextlib.suppress(ConnectionError):
                    async with asyncio.timeout(3):
                        await reader.read()
                dropped += 1
            for _, writer in slow:
                writer.close()
            return status, dropped

    assert asyncio.run(scene()) == (200, 80)


def test_a_connection_without_the_cookie_is_dropped_in_time(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PROVE_S", 0.01)

    async def scene() -> bytes:
        async with signed_in(root) as console:
            reader, writer = await asyncio.open_connection("127.0.0.1", console.port)
            async with asyncio.timeout(10):
                rest = await reader.read()
            writer.close()
            return rest

    assert asyncio.run(scene()) == b""


def test_the_token_is_made_once_for_its_owner_alone(root: Path) -> None:
    first = load_token(root)

    assert re.fullmatch(r"[0-9a-f]{64}", first)
    assert load_token(root) == first
    assert stat.S_IMODE((root / "data" / "console_token").stat().st_mode) == 0o600


def test_a_token_that_others_can_read_is_refused(root: Path) -> None:
    load_token(root)
    (root / "data" / "console_token").chmod(0o644)

    with pytest.raises(UsageError, match="readable by others"):
        load_token(root)


@pytest.mark.parametrize("content", ["", "short", "g" * 64, "a" * 63 + "é"])
def test_a_file_that_holds_no_token_is_refused(root: Path, content: str) -> None:
    load_token(root)
    (root / "data" / "console_token").write_text(content)

    with pytest.raises(UsageError, match="not a token"):
        load_token(root)


def test_a_folder_that_cannot_hold_the_token_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").touch()

    with pytest.raises(UsageError, match=f"{tmp_path}/data/console_token: "):
        load_token(tmp_path)
