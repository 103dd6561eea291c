"""``python -m kalshi_alpha.sched.maintenance``: the merged maintenance calendar, each slot with its source.

``add``, ``list`` and ``remove`` keep the operator's own slots; ``confirm`` lets a running engine quote again. 1: the sources contradict
each other, or the running engine says no. 3: the venue (or, for ``confirm``, the trading process) can't be reached.
"""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters import statuspage
from kalshi_alpha.adapters.control_socket import (
    ConfirmMaintenance,
    ControlUnreachableError,
    MaintenanceChanged,
    control_path,
    send_command,
)
from kalshi_alpha.adapters.kalshi.http import VenueHttp, carried_out
from kalshi_alpha.adapters.kalshi.order_calls import Calls
from kalshi_alpha.adapters.kalshi.rest import calls_for
from kalshi_alpha.adapters.operator_slots import Entry, OperatorSlotsError, add_entry, read_entries, remove_entry
from kalshi_alpha.adapters.system_clock import SystemClock
from kalshi_alpha.config import Config, ConfigError, load_config
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import commands as cmd
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, iso_et, iso_utc, utc_ns_of
from kalshi_alpha.model.maintenance import OPEN_END_NS, Slot, SourceWord
from kalshi_alpha.sched.maintenance_calendar import HORIZON_DAYS, Resolved, resolve, schedule_word, span, weekly_word

PROG: Final = "kalshi-alpha maintenance"
TIMEOUT_S: Final = 5.0
ABOUT: Final = "The merged maintenance calendar, each slot with its source; or, with a command, the operator's own slots."


class SlotLine(msgspec.Struct, frozen=True):
    """One slot of one source."""

    source: str
    name: str
    begins_at: str
    ends_at: str | None


class MaintenanceLine(msgspec.Struct, frozen=True):
    """One merged maintenance; ``ends_at`` is null while nobody has named an end."""

    begins_et: str
    begins_at: str
    ends_et: str | None
    ends_at: str | None
    state: str
    """``under_way`` or ``coming``."""
    sources: tuple[str, ...]
    slots: tuple[SlotLine, ...]


class SourceLine(msgspec.Struct, frozen=True):
    """What became of one source."""

    source: str
    read: bool
    problem: str
    advisories: tuple[str, ...]


class Calendar(msgspec.Struct, frozen=True):
    """The command's JSON document."""

    now_et: str
    now_utc: str
    maintenances: tuple[MaintenanceLine, ...]
    contradictions: tuple[str, ...]
    sources: tuple[SourceLine, ...]


def main(argv: list[str]) -> int:
    """Print the calendar, or carry out a command on the operator's slots."""
    arguments = _arguments(argv)
    actions: dict[str | None, Callable[[argparse.Namespace], int]] = {
        None: _show,
        "add": _add,
        "list": _list,
        "remove": _remove,
        "confirm": _confirm,
    }
    try:
        return actions[arguments.command](arguments)
    except (OperatorSlotsError, ConfigError) as error:
        raise cli.UsageError(str(error)) from error


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = cli.parser(PROG, ABOUT, now=True)
    parser.add_argument("--config", type=Path, help="settings file (default: ROOT/config.toml, else configs/production.toml)")
    parser.add_argument("--offline", action="store_true", help="ask nobody: the weekly rule and the operator's slots alone")
    commands = parser.add_subparsers(dest="command", metavar="{add,list,remove,confirm}")
    add = commands.add_parser("add", help="add a slot", parents=[_flags()])
    add.add_argument("--from", dest="from_", type=cli.instant, required=True, help="ISO 8601 with an offset")
    add.add_argument("--to", type=cli.instant, required=True, help="ISO 8601 with an offset")
    add.add_argument("--note", default="", help="where you know it from")
    commands.add_parser("list", help="show the operator's slots", parents=[_flags()])
    remove = commands.add_parser("remove", help="remove a slot", parents=[_flags()])
    remove.add_argument("id", help="as shown by list: op-1")
    commands.add_parser("confirm", help="the maintenance is over: quote again when every gate is green", parents=[_flags()])
    return parser.parse_args(argv)


def _flags() -> cli.Parser:
    """Return the shared flags once more, so that they may also follow the command; absent, they change nothing."""
    flags = cli.Parser(prog=PROG, add_help=False, argument_default=argparse.SUPPRESS)
    flags.add_argument("--json", action="store_true", help="print one JSON document on stdout, nothing else")
    flags.add_argument("--root", type=Path, help="folder of reports/, data/ and REPORT.md (default: .)")
    flags.add_argument("--now", type=cli.instant, help="act as at this instant: ISO 8601 with an offset")
    return flags


# The calendar


def _show(arguments: argparse.Namespace) -> int:
    now = cli.now_from(arguments.now, SystemClock().now)
    words: list[SourceWord] = [weekly_word(now.utc_ns), _operator_word(arguments.root, now.utc_ns)]
    trading_since_ns = 0
    if not arguments.offline:
        config = load_config(arguments.config or cli.settings_file(arguments.root))
        events = asyncio.run(_ask(config))
        trading_since_ns = now.utc_ns if arguments.now is None and _trades(events) else 0
        if arguments.now is not None:  # the present status says nothing about another instant
            events = [event for event in events if not isinstance(event, ev.ExchangeStatusRead)]
        words += _words(events, now.utc_ns, has_page=bool(config.maintenance.status_page_url))
    resolved = resolve(words, trading_since_ns, now.utc_ns)
    calendar = _calendar(resolved, words, now.utc_ns)
    if arguments.json:
        cli.print_json(calendar)
    else:
        sys.stdout.write(_text(calendar, resolved))
    unread = [f"{word.source}: {word.problem}" for word in words if word.problem and word.source in {"schedule", "status"}]
    if unread:
        raise cli.UnreachableError("; ".join(unread))
    return cli.EXIT_NO if resolved.contradictions else cli.EXIT_OK


async def _ask(config: Config) -> list[ev.Event]:
    """Read the venue's public words and the status page, side by side."""
    asked = [_answers(config.venue.rest_url, calls_for(command)) for command in (cmd.ReadSchedule(1), cmd.ReadStatus(2))]
    if config.maintenance.status_page_url:
        asked.append(_answers(config.maintenance.status_page_url, statuspage.calls(cmd.ReadStatusPage(3))))
    return [event for events in await asyncio.gather(*asked) for event in events]


async def _answers(url: str, calls: Calls) -> Sequence[ev.Event]:
    try:
        client = VenueHttp(url, None, SystemClock(), TIMEOUT_S, body_bytes_max=statuspage.BODY_BYTES_MAX)
    except ValueError as error:
        raise cli.UsageError(str(error)) from error
    try:
        return await carried_out(calls, client.send)
    finally:
        await client.close()


def _trades(events: Sequence[ev.Event]) -> bool:
    return any(isinstance(event, ev.ExchangeStatusRead) and event.exchange_active and event.trading_active for event in events)


def _words(events: Sequence[ev.Event], utc_ns: int, *, has_page: bool) -> list[SourceWord]:
    """Return what each source that was asked came to."""
    words: list[SourceWord] = []
    for event in events:
        match event:
            case cal.ScheduleRead():
                words.append(schedule_word(event.windows, event.hours, utc_ns))
            case ev.ExchangeStatusRead():
                words.append(_status_word(event, utc_ns))
            case cal.StatusPageRead():
                until_ns = utc_ns + HORIZON_DAYS * 86_400 * NS_PER_S
                words.append(SourceWord("statuspage", event.slots, utc_ns, "", until_ns, event.advisories))
            case ev.RequestFailed():
                reason = event.reason or f"http {event.http_status}"
                source = {"ReadSchedule": "schedule", "ReadStatus": "status"}.get(event.command, "statuspage")
                words.append(SourceWord(source, problem=reason))  # type: ignore[arg-type]  # one of the closed list
            case _:
                continue
    if not has_page:
        words.append(SourceWord("statuspage", problem="no address in the settings"))
    return words


def _status_word(event: ev.ExchangeStatusRead, utc_ns: int) -> SourceWord:
    if event.exchange_active and event.trading_active:
        return SourceWord("status", (), utc_ns)
    what = "trading paused" if event.exchange_active else "exchange paused"
    to_ns = event.resume_ns if event.resume_ns is not None and event.resume_ns > utc_ns else OPEN_END_NS
    return SourceWord("status", (Slot(utc_ns, to_ns, "status", what),), utc_ns)


def _operator_word(root: Path, utc_ns: int) -> SourceWord:
    return SourceWord("operator", tuple(entry.slot() for entry in read_entries(root).slots), utc_ns)


def _calendar(resolved: Resolved, words: Sequence[SourceWord], utc_ns: int) -> Calendar:
    lines = tuple(
        MaintenanceLine(
            begins_et=iso_et(one.from_ns),
            begins_at=iso_utc(one.from_ns),
            ends_et=None if one.to_ns == OPEN_END_NS else iso_et(one.to_ns),
            ends_at=_end(one.to_ns),
            state="under_way" if one.from_ns <= utc_ns else "coming",
            sources=one.sources,
            slots=tuple(SlotLine(slot.source, slot.name, iso_utc(slot.from_ns), _end(slot.to_ns)) for slot in one.slots),
        )
        for one in resolved.maintenances
    )
    sources = tuple(SourceLine(word.source, not word.problem, word.problem, word.advisories) for word in words)
    return Calendar(iso_et(utc_ns), iso_utc(utc_ns), lines, resolved.contradictions, sources)


def _end(to_ns: int) -> str | None:
    return None if to_ns == OPEN_END_NS else iso_utc(to_ns)


def _text(calendar: Calendar, resolved: Resolved) -> str:
    lines = [f"now {calendar.now_et} ({calendar.now_utc})"]
    for line, one in zip(calendar.maintenances, resolved.maintenances, strict=True):
        lines += ["", f"{line.state.replace('_', ' '):<10} {span(one.from_ns, one.to_ns)}"]
        lines += [f"  {slot.source:<10} {span(slot.from_ns, slot.to_ns)}  {slot.name}" for slot in one.slots]
    lines += ["", *(f"{source.source:<10} {'read' if source.read else f'unknown: {source.problem}'}" for source in calendar.sources)]
    lines += [f"{source.source:<10} {told}" for source in calendar.sources for told in source.advisories]
    lines += [f"CONTRADICTION {told}" for told in calendar.contradictions]
    return "\n".join(lines) + "\n"


# The operator's slots


def _add(arguments: argparse.Namespace) -> int:
    now = cli.now_from(arguments.now, SystemClock().now)
    entry = add_entry(arguments.root, (utc_ns_of(arguments.from_), utc_ns_of(arguments.to)), arguments.note, now.utc_ns)
    _tell_engine(arguments, entry, "added")
    return cli.EXIT_OK


def _list(arguments: argparse.Namespace) -> int:
    entries = read_entries(arguments.root).slots
    if arguments.json:
        cli.print_json(entries)
    else:
        sys.stdout.write("".join(f"{_line(entry)}\n" for entry in entries) or "no slots of the operator's\n")
    return cli.EXIT_OK


def _remove(arguments: argparse.Namespace) -> int:
    entry = remove_entry(arguments.root, arguments.id)
    if entry is None:
        message = f"no such slot: {arguments.id!r}"
        raise cli.UsageError(message)
    _tell_engine(arguments, entry, "removed")
    return cli.EXIT_OK


def _tell_engine(arguments: argparse.Namespace, entry: Entry, what: str) -> None:
    """Say what was done and whether a running engine has heard of it."""
    try:
        heard = send_command(control_path(arguments.root), MaintenanceChanged()).ok
    except ControlUnreachableError:
        heard = False
    if arguments.json:
        cli.print_json({"slot": entry, "what": what, "engine_told": heard})
    else:
        told = "the running engine follows it" if heard else "no running engine here: it counts from the next start"
        sys.stdout.write(f"{what} {_line(entry)}\n{told}\n")


def _line(entry: Entry) -> str:
    slot = entry.slot()
    return f"{entry.id:<6} {span(slot.from_ns, slot.to_ns)}  {entry.note}".rstrip()


def _confirm(arguments: argparse.Namespace) -> int:
    try:
        reply = send_command(control_path(arguments.root), ConfirmMaintenance(getpass.getuser()))
    except ControlUnreachableError as error:
        raise cli.UnreachableError(str(error)) from error
    if arguments.json:
        cli.print_json({"ok": reply.ok, "message": reply.message})
    else:
        sys.stdout.write(f"{reply.message}\n")
    return cli.EXIT_OK if reply.ok else cli.EXIT_NO


if __name__ == "__main__":
    cli.run(main)
