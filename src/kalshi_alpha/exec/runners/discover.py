"""``scan_ladders --discover``: a day's listings at the venue against its windows and the terms last accepted. It places nothing."""

import argparse
import asyncio
import sys
from datetime import date, time, timedelta
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.files import Layout, set_aside, write_atomically
from kalshi_alpha.adapters.kalshi.day_listing import read_day
from kalshi_alpha.adapters.kalshi.fixed_point import WireError
from kalshi_alpha.adapters.kalshi.http import VenueHttp, carried_out
from kalshi_alpha.adapters.kalshi.read_calls import ReadError
from kalshi_alpha.exec.discover import Terms, expected_ladders
from kalshi_alpha.exec.discover_report import Look, acceptable, after_accepting, as_lines, discover_report
from kalshi_alpha.exec.runners.trade import Settings, read_settings
from kalshi_alpha.model.clock import iso_utc, utc_ns_of
from kalshi_alpha.model.instruments import Series
from kalshi_alpha.model.listed_day import ListedDay
from kalshi_alpha.sched.calendar import CalendarRangeError, et_date, et_instant_ns
from kalshi_alpha.sched.windows import WindowSchedule

PATIENCE_S: Final = 5.0
"""Longest wait for one answer of the venue."""
TERMS_FILE: Final = "accepted_terms.json"


class Accepted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The terms of one series as they were last accepted."""

    at: str
    listed_on: str
    """The day whose listings had them."""
    terms: Terms


class AcceptedTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``data/accepted_terms.json``."""

    schema_version: Literal[1] = 1
    series: dict[Series, Accepted] = {}


def discover(arguments: argparse.Namespace) -> int:
    """Print the day's ladders; 1 when one is wrong, or its terms aren't those that were accepted.

    Args:
        arguments: Those of ``scan_ladders``, with ``config`` filled in.

    Raises:
        UsageError: unusable settings, a day beyond the calendar, a file of accepted terms that can't be read or written.
        UnreachableError: the venue gave no answer, or none that can be understood.

    """
    settings = read_settings(arguments)
    utc_ns = utc_ns_of(arguments.now) if arguments.now is not None else settings.clock.now().utc_ns
    day = arguments.date or et_date(utc_ns)
    schedule = WindowSchedule(settings.config.windows)
    try:
        session, windows = schedule.sessions(day), schedule.day(day)
    except CalendarRangeError as error:
        raise cli.UsageError(str(error)) from error
    file = Layout(arguments.root).state / TERMS_FILE
    known = _read_terms(file, aside_ns=utc_ns if arguments.accept else None)
    listed = asyncio.run(_listed(settings, day, arguments.series))
    terms = {series: accepted.terms for series, accepted in known.series.items()}
    look = Look(session, expected_ladders(windows, arguments.series), listed, terms)
    report = discover_report(look, utc_ns, str(file))
    if arguments.accept:
        present = acceptable(look, report)
        _write_terms(file, known, {series: Accepted(iso_utc(utc_ns), session.date, found) for series, found in present.items()})
        report = after_accepting(report, present)
    if arguments.json:
        cli.print_json(report)
    else:
        sys.stdout.write(as_lines(report))
    return cli.EXIT_OK if report.ok else cli.EXIT_NO


async def _listed(settings: Settings, day: date, series: Series | None) -> dict[Series, ListedDay]:
    """Read what the venue lists on a New York date, of one series or of all."""
    from_ns, to_ns = et_instant_ns(day, time(0)), et_instant_ns(day + timedelta(days=1), time(0))
    http = VenueHttp(settings.config.venue.rest_url, settings.signer, settings.clock, PATIENCE_S)
    try:
        return {one: await _read(http, one, from_ns, to_ns) for one in get_args(Series) if series in {None, one}}
    except (ReadError, WireError) as error:
        message = f"{settings.config.venue.rest_url}: {error}"
        raise cli.UnreachableError(message) from error
    finally:
        await http.close()


async def _read(http: VenueHttp, series: Series, from_ns: int, to_ns: int) -> ListedDay:
    return await carried_out(read_day(series, from_ns, to_ns), http.send)


def _read_terms(file: Path, aside_ns: int | None) -> AcceptedTerms:
    """Read what was accepted; without a file it is nothing. A corrupt one is set aside when it is about to be replaced."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=AcceptedTerms)
    except FileNotFoundError:
        return AcceptedTerms()
    except OSError as error:
        message = f"{file}: {error.strerror}"
        raise cli.UsageError(message) from error
    except (msgspec.MsgspecError, UnicodeError) as error:
        if aside_ns is None:
            message = f"{file}: {error} (--accept sets it aside and records the present terms)"
            raise cli.UsageError(message) from error
        set_aside(file, aside_ns)
        return AcceptedTerms()


def _write_terms(file: Path, known: AcceptedTerms, present: dict[Series, Accepted]) -> None:
    if not present:
        return
    document = AcceptedTerms(series={**known.series, **present})
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(file, msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n", durable=True)
    except OSError as error:
        message = f"{file}: {error.strerror}"
        raise cli.UsageError(message) from error
