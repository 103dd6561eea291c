"""The simulated feed's REST service without its socket: snapshots, the market's status and bars, wrong or not at all by script."""

from datetime import UTC, date, datetime, time
from typing import Final
from urllib.parse import parse_qs

import msgspec

from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, iso_et, utc_ns_of
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.instruments import SYMBOLS
from kalshi_alpha.sim.feed.core import SimFeed
from kalshi_alpha.sim.feed.faults import DELAYED_S, RESTS, WRONG_FACTOR, FeedFaultLike

NAMES: Final = {"I:SPX": "S&P 500", "I:NDX": "Nasdaq-100"}
MINUTE_NS: Final = 60 * NS_PER_S
SPAN_MINUTES: Final = {"minute": 1, "hour": 60, "day": 1440}
BARS_MAX: Final = 50_000
BEHIND_S: Final = {"rest_stale": 60.0, "rest_delayed": DELAYED_S}
"""How old a snapshot is by the faults that make it so."""
UNAVAILABLE: Final = 503
SNAPSHOT_PATH: Final = "/v3/snapshot/indices"
STATUS_PATH: Final = "/v1/marketstatus/now"
BARS_ROOT: Final = "/v2/aggs/ticker/"


class FeedRest:
    """Answers for one leg, at whose address it is. Time is an argument."""

    def __init__(self, feed: SimFeed, leg: str) -> None:
        """Know the feed's keys, its faults and its day."""
        self._feed, self._path, self._leg = feed, feed.path, leg

    def answer(self, request: HttpRequest, key: str, utc_ns: int) -> HttpResponse:
        """Return the answer to who came with this key, or none came: status 0."""
        if key not in self._feed.api_keys:
            return _error(401, "Unknown API Key" if key else "API Key was not provided")
        fault = self._feed.struck(self._leg, "*", utc_ns, RESTS)
        if fault is not None and fault.kind == "rest_timeout":
            return HttpResponse(0, b"", "no answer, by script")
        if fault is not None and fault.kind == "rest_error":
            return _error(int(fault.params.get("status", UNAVAILABLE)), "Service unavailable")
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        if request.path == SNAPSHOT_PATH:
            return self._snapshot(query, fault, utc_ns)
        if request.path == STATUS_PATH:
            return self._market_status(utc_ns)
        return self._bars(request.path.removeprefix(BARS_ROOT).split("/"), utc_ns)

    def _snapshot(self, query: dict[str, str], fault: FeedFaultLike | None, utc_ns: int) -> HttpResponse:
        wanted = query.get("ticker.any_of", ",".join(SYMBOLS)).split(",")
        return _ok({"request_id": "0", "status": "OK", "results": [self._row(symbol, utc_ns, fault) for symbol in wanted]})

    def _row(self, symbol: str, utc_ns: int, fault: FeedFaultLike | None) -> dict[str, object]:
        if symbol not in NAMES:
            return {"ticker": symbol, "error": "NOT_FOUND", "message": "Ticker not found."}
        kind, params = ("", {}) if fault is None else (fault.kind, fault.params)
        at_ns = utc_ns - int(params.get("by_s", BEHIND_S.get(kind, 0.0)) * NS_PER_S)
        level = self._path.level(symbol, at_ns)
        if kind == "rest_wrong":
            level = round(level * params.get("factor", WRONG_FACTOR), 2)
        last_ns = max(self._path.first_ns, min(at_ns, self._path.last_ns)) // NS_PER_S * NS_PER_S
        previous, opening = self._path.level(symbol, self._path.first_ns - 1), self._path.level(symbol, self._path.first_ns)
        session = {
            "change": round(level - previous, 4), "change_percent": round((level / previous - 1.0) * 100.0, 4), "close": level,
            "high": max(opening, level), "low": min(opening, level), "open": opening, "previous_close": previous,
        }  # fmt: skip
        return {
            "ticker": symbol, "name": NAMES[symbol], "type": "indices", "value": level, "market_status": self._market(utc_ns),
            "timeframe": "DELAYED" if kind == "rest_delayed" else "REAL-TIME", "last_updated": last_ns, "session": session,
        }  # fmt: skip

    def _market(self, utc_ns: int) -> str:
        return "open" if self._path.first_ns <= utc_ns < self._path.last_ns else "closed"

    def _market_status(self, utc_ns: int) -> HttpResponse:
        market = self._market(utc_ns)
        return _ok({
            "market": market, "earlyHours": False, "afterHours": False, "serverTime": iso_et(utc_ns // NS_PER_MS * NS_PER_MS),
            "exchanges": dict.fromkeys(("nyse", "nasdaq", "otc"), market), "currencies": {"fx": "open", "crypto": "open"},
            "indicesGroups": dict.fromkeys(("s_and_p", "nasdaq", "dow_jones"), market),
        })  # fmt: skip

    def _bars(self, parts: list[str], utc_ns: int) -> HttpResponse:
        """Answer for ``{ticker}/range/{multiplier}/{span}/{start}/{end}``."""
        ticker, _, multiplier, span, start, end = parts
        try:
            minutes = int(multiplier) * SPAN_MINUTES[span]
            start_ns, end_ns = _instant(start, time.min), _instant(end, time.max)
        except (KeyError, ValueError):
            return _error(400, "Invalid range")
        found = self._bars_of(ticker, max(minutes, 1) * MINUTE_NS, start_ns, min(end_ns, utc_ns)) if ticker in NAMES else []
        count = len(found)
        return _ok({
            "ticker": ticker, "adjusted": True, "queryCount": count, "resultsCount": count, "count": count, "request_id": "0",
            "status": "OK", "results": found,
        })  # fmt: skip

    def _bars_of(self, symbol: str, width_ns: int, start_ns: int, end_ns: int) -> list[dict[str, float]]:
        """Return the bars that began in the range and are over, from once-a-second values."""
        last_ns = min(self._path.last_ns, end_ns)
        found: list[dict[str, float]] = []
        at_ns = max(start_ns, self._path.first_ns) // width_ns * width_ns
        while at_ns + width_ns <= last_ns + 1 and len(found) < BARS_MAX:
            levels = [self._path.level(symbol, second_ns) for second_ns in range(at_ns, at_ns + width_ns, NS_PER_S)]
            found.append({"o": levels[0], "h": max(levels), "l": min(levels), "c": levels[-1], "t": at_ns // NS_PER_MS})
            at_ns += width_ns
        return found


def _instant(text: str, of_day: time) -> int:
    """Read a date or Unix milliseconds."""
    return int(text) * NS_PER_MS if text.isdigit() else utc_ns_of(datetime.combine(date.fromisoformat(text), of_day, UTC))


def _ok(body: dict[str, object]) -> HttpResponse:
    return HttpResponse(200, msgspec.json.encode(body))


def _error(status: int, error: str) -> HttpResponse:
    return HttpResponse(status, msgspec.json.encode({"status": "ERROR", "request_id": "0", "error": error}))
