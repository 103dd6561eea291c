"""The index vendor's REST snapshot: one request, an event for each index, and ``RequestFailed`` for whatever can't be believed.

A snapshot is an opinion on the feeds, so only a whole row counts: a level, the vendor's own time in nanoseconds, no error. That time is
passed on as it came, however old it is. Unknown keys are ignored. The key goes into a header, never into an address or an event.

Source: the vendor's description of ``GET /v3/snapshot/indices``.
"""

from typing import Final

import msgspec

from kalshi_alpha.adapters.kalshi.fixed_point import WireError
from kalshi_alpha.adapters.kalshi.http import VenueHttp, carried_out
from kalshi_alpha.adapters.kalshi.order_calls import Calls, is_success
from kalshi_alpha.adapters.kalshi.wire import decode
from kalshi_alpha.adapters.massive.wire import LEVEL_MAX
from kalshi_alpha.adapters.system_clock import Clock
from kalshi_alpha.model.commands import ProbeIndex
from kalshi_alpha.model.events import Event, IndexProbed, RequestFailed
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.instruments import Symbol

SNAPSHOT_PATH: Final = "/v3/snapshot/indices"
NS_MIN: Final = 10**18
NS_MAX: Final = 10**19
"""Unix nanoseconds have 19 digits from 2001 to 2286: anything else is another unit."""
TIMEOUT_S: Final = 2.0
BODY_BYTES_MAX: Final = 262_144
"""An index takes some 500."""
TOLD_CHARACTERS: Final = 200
COMMAND: Final = "ProbeIndex"


class Row(msgspec.Struct, frozen=True):
    """One index of the answer, as far as we read it."""

    ticker: str
    value: float | None = None
    last_updated: int | None = None
    timeframe: str | None = None
    error: str | None = None
    message: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """The answer; its rows are read one by one, so that a bad one doesn't cost its neighbours."""

    results: list[msgspec.Raw] = []


class Refusal(msgspec.Struct, frozen=True):
    """What an error's body says: ``error`` with 400, 401 and 429, ``message`` with 403."""

    error: str | None = None
    message: str | None = None


class Bearer:
    """Authenticates with a key. Its representation shows nothing."""

    __slots__ = ("_key",)

    def __init__(self, api_key: str) -> None:
        """Hold the key."""
        self._key = api_key

    def headers(self, method: str, full_path: str, timestamp_ms: int) -> dict[str, str]:  # noqa: ARG002 - the shape of every signer
        """Return the header that authenticates any request."""
        return {"Authorization": f"Bearer {self._key}"}

    def hidden(self, text: str) -> str:
        """Return a text of the vendor's without the key, should it repeat it, and not too long."""
        return (text.replace(self._key, "(key)") if self._key else text)[:TOLD_CHARACTERS]


class IndexRest:
    """Carries ``ProbeIndex`` out over a real connection."""

    def __init__(self, url: str, api_key: str, clock: Clock) -> None:
        """Connect to nothing yet; ``url`` is the service's root, such as ``https://api.massive.com``."""
        self._bearer = Bearer(api_key)
        self._http = VenueHttp(url, self._bearer, clock, TIMEOUT_S, body_bytes_max=BODY_BYTES_MAX)

    async def probe(self, command: ProbeIndex) -> list[Event]:
        """Ask, and return what came of it; trouble is an event, too."""
        return await carried_out(calls(command, self._bearer), self._http.send)

    async def close(self) -> None:
        """Drop the connection."""
        await self._http.close()


def calls(command: ProbeIndex, bearer: Bearer) -> Calls:
    """Ask for the snapshots and read them."""
    tickers = ",".join(command.symbols)
    response = yield HttpRequest("GET", SNAPSHOT_PATH, query=f"ticker.any_of={tickers}&limit={len(command.symbols)}")
    if not is_success(response):
        return [_failed(command, response.status, bearer.hidden(_refusal(response)))]
    try:
        rows = [row for raw in decode(response.body, Answer).results if (row := _row(raw)) is not None]
    except WireError as error:
        return [_failed(command, response.status, bearer.hidden(f"unreadable answer: {error}"))]
    found: list[Event] = []
    for symbol in command.symbols:
        outcome = _event(command, symbol, next((row for row in rows if row.ticker == symbol), None))
        found.append(_failed(command, response.status, bearer.hidden(f"{symbol}: {outcome}")) if isinstance(outcome, str) else outcome)
    return found


def _row(raw: msgspec.Raw) -> Row | None:
    try:
        return decode(bytes(raw), Row)
    except WireError:
        return None


def _event(command: ProbeIndex, symbol: Symbol, row: Row | None) -> IndexProbed | str:
    """Return what a row says, or what is wrong with it."""
    if row is None:
        return "no readable row"
    if row.error is not None:
        return f"{row.error} {row.message or ''}".rstrip()
    if row.value is None or not 0.0 < row.value < LEVEL_MAX:
        return f"value is {row.value!r}"
    if row.last_updated is None or not NS_MIN <= row.last_updated < NS_MAX:
        return f"last_updated is {row.last_updated!r}: expected Unix nanoseconds"
    return IndexProbed(command.request, symbol, row.value, row.last_updated, row.timeframe or "")


def _failed(command: ProbeIndex, status: int, why: str) -> RequestFailed:
    return RequestFailed(COMMAND, command.request, status, why)


def _refusal(response: HttpResponse) -> str:
    if response.status == 0:
        return response.reason
    try:
        said = decode(response.body, Refusal)
    except WireError:
        said = Refusal()
    return f"http {response.status}: {said.error or said.message or 'no reason given'}"
