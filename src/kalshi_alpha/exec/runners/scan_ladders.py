"""``scan_ladders``: price a series' ladder now. It reads the venue and the index feed, writes proposals, and places nothing."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final, get_args
from urllib.parse import urlsplit

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.files import write_atomically
from kalshi_alpha.adapters.kalshi.http import VenueHttp, carried_out
from kalshi_alpha.adapters.kalshi.rest import calls_for
from kalshi_alpha.adapters.kalshi.stream import VenueStream
from kalshi_alpha.adapters.massive.stream import FeedStream
from kalshi_alpha.adapters.websocket import ConnectParameters, drive
from kalshi_alpha.data.failover import DualFeedFailover
from kalshi_alpha.data.symbol_feed import Sample
from kalshi_alpha.exec.quoted_ladder import QuotedLadder
from kalshi_alpha.exec.runners.addresses import legs
from kalshi_alpha.exec.runners.discover import discover
from kalshi_alpha.exec.runners.trade import Settings, read_settings
from kalshi_alpha.exec.scan import ScanReport, as_markdown, as_table, level_event_at, proposals, scanned_rungs
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now, iso_utc, utc_ns_of
from kalshi_alpha.model.instruments import SERIES, SYMBOLS, Series, Window
from kalshi_alpha.pricing.fees import UnknownFeeError
from kalshi_alpha.pricing.variance_clock import VarianceClock
from kalshi_alpha.sched.calendar import CalendarRangeError, et_date, session
from kalshi_alpha.sched.windows import WindowSchedule

PATIENCE_S: Final = 5.0
"""Longest wait for an index value, and for the books."""
ABOUT: Final = (
    "Price a series' ladder now, or --discover what is listed; it places nothing. --now only chooses the window (the day) and the time to "
    "its target: listings, books and index are the present ones."
)


def main(argv: list[str]) -> int:
    """Print the ladder's prices, or what is listed; 0 when it would be quoted (is as it should be), 1 when not."""
    parser = cli.parser("python -m kalshi_alpha.exec.runners.scan_ladders", ABOUT, now=True)
    parser.add_argument("--series", choices=get_args(Series), help="which ladder; --discover looks at all without it")
    parser.add_argument("--config", type=Path, help="settings file (default: ROOT/config.toml, else configs/production.toml)")
    parser.add_argument("--discover", action="store_true", help="instead: compare the day's listings with its windows and accepted terms")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--today", action="store_true", help="discover the New York date of now (default)")
    which.add_argument("--date", type=_day, help="discover another day: YYYY-MM-DD")
    parser.add_argument("--accept", action="store_true", help="discover, and accept the terms found")
    arguments = parser.parse_args(argv)
    _refuse_mixed(parser, arguments)
    arguments.config = arguments.config or cli.settings_file(arguments.root)
    return discover(arguments) if arguments.discover else _scan(arguments)


def _refuse_mixed(parser: cli.Parser, arguments: argparse.Namespace) -> None:
    """Refuse flags that don't go together."""
    if arguments.discover:
        return
    for flag, given in (("--today", arguments.today), ("--date", arguments.date), ("--accept", arguments.accept)):
        if given:
            parser.error(f"{flag} needs --discover")
    if arguments.series is None:
        parser.error("the following arguments are required: --series")


def _day(text: str) -> date:
    """Parse ``--date``."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = f"not a date YYYY-MM-DD: {text!r}"
        raise argparse.ArgumentTypeError(message) from error


def _scan(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments)
    utc_ns = utc_ns_of(arguments.now) if arguments.now is not None else settings.clock.now().utc_ns
    try:
        window = next(iter(WindowSchedule(settings.config.windows).upcoming(utc_ns, 1, arguments.series)), None)
    except CalendarRangeError as error:
        raise cli.UsageError(str(error)) from error
    scan = Scan(settings, arguments.series, window, utc_ns)
    report = asyncio.run(scan.look())
    _write(arguments.root, report, scan)
    if arguments.json:
        cli.print_json(report)
    else:
        sys.stdout.write(as_table(report) + "\n")
    return cli.EXIT_NO if report.reasons else cli.EXIT_OK


class Scan:
    """One look: collects what the venue and the feeds say until it is enough, or patience ends."""

    def __init__(self, settings: Settings, series: Series, window: Window | None, utc_ns: int) -> None:
        """Look at the series' window at an instant; a window of None prices nothing."""
        self.quoted: QuotedLadder | None = None
        self.failover = DualFeedFailover(settings.config.feeds)
        self.reasons: list[str] = []
        self.utc_ns = utc_ns
        self._settings, self._series, self._window = settings, series, window
        self._symbol = SERIES[series].symbol
        self._clock = VarianceClock(settings.config.pricing)
        self._venue = VenueStream(seed=utc_ns // NS_PER_S, subaccount=settings.config.venue.subaccount)
        self._feed_heard = False
        self._warned: dict[str, str] = {}
        self._sample: Sample | None = None
        """The value that is priced, reported and proposed from: one and the same."""
        self._news = asyncio.Event()
        self._poke = asyncio.Event()

    async def look(self) -> ScanReport:
        """Ask the venue, hear the index, read the books, price."""
        window = self._window
        if window is None or not window.start_ns <= self.utc_ns < window.freeze_ns:
            self.reasons.append("no_window" if window is None or self.utc_ns < window.start_ns else "frozen")
        http = VenueHttp(self._settings.config.venue.rest_url, self._settings.signer, self._settings.clock, PATIENCE_S)
        streams = [asyncio.create_task(work) for work in self._streams()]
        try:
            await self._call(http, cmd.ReadStatus(1))
            if window is not None:
                await self._call(http, cmd.ReadLadder(2, self._series, window.target_ns))
            if not await self._until(lambda: self.failover.sample(self._symbol) is not None) and not self._feed_heard:
                message = "no index feed: " + ", ".join(leg.url for _, leg in legs(self._settings.config))
                raise cli.UnreachableError(message)
            if self.quoted is not None:
                await self._read_books(self.quoted)
            self._price(self._settings.clock.now())
        finally:
            for task in streams:
                task.cancel()
            await asyncio.gather(*streams, return_exceptions=True)
            await http.close()
        return self._report()

    def proposals(self) -> list[bytes]:
        """Return the wanted quotes with their inputs, a JSON line each."""
        if self.quoted is None or self._sample is None:
            return []
        found = proposals(self.quoted, self._sample, self.utc_ns, self._clock.params_hash, tuple(self.reasons))
        return [msgspec.json.encode(one) for one in found]

    async def _read_books(self, quoted: QuotedLadder) -> None:
        sample = self.failover.sample(self._symbol)
        if sample is None:
            return
        self._venue.subscribe_books(quoted.new_band(sample.level))
        self._poke.set()
        if not await self._until(lambda: not any(book.dirty for book in quoted.books.values())):
            self.reasons.append("books_unread")

    def _price(self, now: Now) -> None:
        """Judge the feed and price, in one moment and from one value: waiting for the books took time."""
        self._sample, quoted = self.failover.sample(self._symbol), self.quoted
        self._judge_feed(now)
        if self._sample is None or quoted is None:
            return
        found = session_of(quoted.window)
        to_ns = quoted.window.target_ns
        variance = self._clock.to_target(self._symbol, self.utc_ns, to_ns, *found)
        ahead_ns = self.utc_ns + int(self._settings.config.quoting.vol_edge_s * NS_PER_S)
        quoted.reprice(self._sample.level, variance, self._clock.variance(self._symbol, self.utc_ns, ahead_ns, *found))
        quoted.allow(allowed=True)

    def _judge_feed(self, now: Now) -> None:
        self.failover.evaluate(now)
        health = self.failover.health(self._symbol, now)
        if health.disagrees:
            self.reasons.append("feed_disagrees")
        elif health.serving == "none":
            self.reasons.append(": ".join(["feed_down", *(["; ".join(self._warned.values())] if self._warned else [])]))
        elif health.jumped:
            self.reasons.append("feed_jumped")

    def _streams(self) -> list[Coroutine[None, None, None]]:
        config, clock = self._settings.config, self._settings.clock

        def venue_parameters() -> ConnectParameters:
            path = urlsplit(config.venue.ws_url).path
            headers = self._settings.signer.headers("GET", path, clock.now().utc_ns // NS_PER_MS)
            return ConnectParameters(config.venue.ws_url, headers)

        loops = [drive(self._venue, venue_parameters, clock, self._hear, poke=self._poke)]
        for leg, leg_config in legs(config):
            stream = FeedStream(leg, SYMBOLS, self._settings.api_keys[leg], config.feeds, self.utc_ns // NS_PER_S)
            loops.append(drive(stream, partial(ConnectParameters, leg_config.url, {}), clock, self._hear))
        return loops

    def _hear(self, events: Sequence[ev.Event], now: Now) -> None:
        for event in events:
            self._learn(event, now)
        self._news.set()

    def _learn(self, event: ev.Event, now: Now) -> None:
        match event:
            case ev.FeedConnected():
                self._feed_heard = True
            case ev.FeedWarned():
                self._feed_heard = True
                self._warned[event.leg] = f"{event.leg} {event.status}"
            case ev.IndexTicked():
                self.failover.ingest(event, now)
            case ev.LadderRead():
                self._take(event)
            case ev.BookSnapshotted() | ev.BookChanged():
                self._book(event)
            case _:
                self._complain(event)

    def _complain(self, event: ev.Event) -> None:
        """Turn what forbids quoting into a reason.

        Raises:
            UnreachableError: the venue gave no answer at all.

        """
        match event:
            case ev.LadderMissing():
                self.reasons.append(f"no_ladder: {event.reason}")
            case ev.ExchangeStatusRead():
                if not (event.exchange_active and event.trading_active):
                    self.reasons.append("exchange_paused")
            case ev.RequestFailed():
                if event.http_status == 0:
                    message = f"{self._settings.config.venue.rest_url}: {event.reason}"
                    raise cli.UnreachableError(message)
                self.reasons.append(f"{event.command} failed: {event.http_status} {event.reason}")
            case _:
                return

    def _take(self, event: ev.LadderRead) -> None:
        assert self._window is not None
        try:
            self.quoted = QuotedLadder(event.ladder, self._window, self._settings.config.quoting)
        except UnknownFeeError as error:
            self.reasons.append(f"fees_unknown: {error}")

    def _book(self, event: ev.BookSnapshotted | ev.BookChanged) -> None:
        rung = None if self.quoted is None else self.quoted.rung_of.get(event.ticker)
        if self.quoted is None or rung is None or rung not in self.quoted.books:
            return
        if isinstance(event, ev.BookSnapshotted):
            self.quoted.books[rung].snapshot(event.bids, event.asks)
        else:
            self.quoted.books[rung].change(event.side, event.price_e4, event.delta_e2)
        self.quoted.book_changed(rung)

    async def _call(self, http: VenueHttp, command: cmd.Command) -> None:
        self._hear(await carried_out(calls_for(command), http.send), self._settings.clock.now())

    async def _until(self, enough: Callable[[], bool]) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not enough():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def _report(self) -> ScanReport:
        sample, quoted = self._sample, self.quoted
        return ScanReport(
            series=self._series,
            event_ticker=quoted.ladder.event_ticker if quoted is not None else None,
            window=self._window.key if self._window is not None else None,
            now_utc=iso_utc(self.utc_ns),
            level=sample.level if sample is not None else None,
            level_event_at=level_event_at(sample),
            leg=sample.leg if sample is not None else None,
            variance=quoted.variance if quoted is not None and quoted.variance > 0 else None,
            reasons=tuple(self.reasons),
            rungs=scanned_rungs(quoted) if quoted is not None and quoted.level is not None else (),
        )


def session_of(window: Window) -> tuple[int, int]:
    """Return the open and close of a window's session."""
    found = session(date.fromisoformat(window.session_date))
    return found.open_ns, found.close_ns


def _write(root: Path, report: ScanReport, scan: Scan) -> None:
    """Append to the day's proposals and to the series' report of the day."""
    day = et_date(scan.utc_ns).isoformat()
    lines = scan.proposals()
    try:
        _append(root / "proposals" / f"{day}.jsonl", b"".join(line + b"\n" for line in lines))
        _append(root / "reports" / report.series / f"{day}.md", as_markdown(report).encode(), f"# {report.series} {day}\n".encode())
    except OSError as error:
        message = f"{root}: {error.strerror}"
        raise cli.UsageError(message) from error


def _append(file: Path, data: bytes, heading: bytes = b"") -> None:
    if not data:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_bytes() if file.exists() else heading
    write_atomically(file, before + data, durable=False)


if __name__ == "__main__":
    cli.run(main)
