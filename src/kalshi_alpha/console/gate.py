"""Who may talk to the console: this machine's browser with the token, asking from the console's own page.

A page of another site can make the browser send requests here, and by rebinding its name even read the answers. So the Host must be
ours, a stated origin must be ours, everything needs the cookie, and an action also needs a header that only our own page knows.
"""

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.cli import UsageError

CSRF_HEADER: Final = "X-Console-Csrf"
MAX_BODY_BYTES: Final = 4_096
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "console",
}


def load_token(root: Path) -> str:
    """Return the root's token, made at the first start: 64 hex digits, readable by the owner alone.

    Raises:
        UsageError: the file is readable by others, isn't a token, or can't be made.

    """
    path = Layout(root).state / "console_token"
    try:
        return _made_token(path)
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise UsageError(message) from error


class Gate:
    """Decides on each request before anything else sees it."""

    def __init__(self, token: str, port: int) -> None:
        """Take the secret and the port we listen on."""
        self._token = token.encode()
        self._cookie_name = f"kalshi_console_{port}"
        self._cookie = self._derived("cookie")
        self.csrf = self._derived("csrf")
        self._hosts = tuple(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))

    def middleware(self, on_admitted: Callable[[web.Request], None]) -> Middleware:
        """Return what stands before every handler; ``on_admitted`` learns of each request that passed."""

        @web.middleware
        async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
            refused = self._misdirected(request) or self._foreign(request)
            if refused is not None:
                return refused
            if request.path == "/" and request.method == "GET" and "token" in request.query:
                return self._exchange(request)
            refused = self._unknown(request) or self._unsafe(request)
            if refused is not None:
                return refused
            on_admitted(request)
            return await handler(request)

        return admit

    def _misdirected(self, request: web.Request) -> web.Response | None:
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or hosts[0] not in self._hosts or not request.raw_path.startswith("/"):
            return refusal(HTTPStatus.MISDIRECTED_REQUEST, "not a host of this console")
        return None

    def _foreign(self, request: web.Request) -> web.Response | None:
        sites = request.headers.getall("Sec-Fetch-Site", [])
        if any(site not in {"same-origin", "none"} for site in sites):
            return refusal(HTTPStatus.FORBIDDEN, "asked for by another site; paste the console's address into the address bar")
        origins = request.headers.getall("Origin", [])
        if origins not in ([], [f"http://{request.headers['Host']}"]):
            return refusal(HTTPStatus.FORBIDDEN, "asked for by another origin")
        return None

    def _exchange(self, request: web.Request) -> web.Response:
        """Turn the address's token into a cookie and take it out of the address."""
        tokens = request.query.getall("token")
        if len(tokens) != 1 or not _same(tokens[0], self._token.decode()):
            return refusal(HTTPStatus.UNAUTHORIZED, "wrong token: open the address that the console printed at its start")
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
        response.set_cookie(self._cookie_name, self._cookie, path="/", httponly=True, samesite="Strict")
        return response

    def _unknown(self, request: web.Request) -> web.Response | None:
        if not _same(request.cookies.get(self._cookie_name, ""), self._cookie):
            return refusal(HTTPStatus.UNAUTHORIZED, "open the address that the console printed at its start")
        return None

    def _unsafe(self, request: web.Request) -> web.Response | None:
        if request.method in {"GET", "HEAD"}:
            return None
        if request.method != "POST":
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method not allowed")
        if "Origin" not in request.headers:
            return refusal(HTTPStatus.FORBIDDEN, "an action needs its origin")
        if not _same(request.headers.get(CSRF_HEADER, ""), self.csrf):
            return refusal(HTTPStatus.FORBIDDEN, "an action needs the page's own header")
        if request.content_type != "application/json":
            return refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "an action's body is application/json")
        return None

    def _derived(self, purpose: str) -> str:
        return hmac.new(self._token, purpose.encode(), hashlib.sha256).hexdigest()


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Put the browser's restrictions on every answer."""
    response.headers.update(HEADERS)


def refusal(status: HTTPStatus, text: str) -> web.Response:
    """Return a plain answer that repeats nothing of the request."""
    return web.Response(status=status, text=text + "\n")


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


def _kept_token(path: Path) -> str:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        message = f"{path}: readable by others; run chmod 600 on it, or delete it for a new token"
        raise UsageError(message)
    token = path.read_text(errors="replace").strip()
    if len(token) != 64 or not set(token) <= set("0123456789abcdef"):  # noqa: PLR2004  # 256 bits in hex
        message = f"{path}: not a token of 64 hex digits; delete it for a new one"
        raise UsageError(message)
    return token


def _made_token(path: Path) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _kept_token(path)
    with os.fdopen(fd, "w") as file:
        token = secrets.token_hex(32)
        file.write(token + "\n")
    return token
