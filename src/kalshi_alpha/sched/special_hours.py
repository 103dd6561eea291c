"""Special hours: the reviewed file that narrows a day's session, and the sessions that come of it.

    schema_version = 1

    [[day]]
    date = 2026-12-31
    open = "09:30"
    close = "14:00"
    note = "NYSE notice of 2026-12-18"

Times are New York wall-clock (``HH:MM``) or date-times with an offset on that date; ``closed = true`` stands in place of both. The
file only narrows: hours outside of the calendar's session, or a day without one, are refused. Refused is always the whole file, with
one line naming the value.
"""

import hashlib
import re
from datetime import date, datetime, time, timedelta
from typing import Final, NoReturn

from kalshi_alpha.model.clock import NEW_YORK, NS_PER_S, utc_ns_of
from kalshi_alpha.model.hours import SpecialDay, SpecialHours
from kalshi_alpha.plain_toml import PlainTomlError, parse_toml
from kalshi_alpha.sched.calendar import (
    CLOSE_ET,
    EARLY_CLOSE_ET,
    OPEN_ET,
    CalendarRangeError,
    LocalTimeError,
    Session,
    SessionKind,
    Sessions,
    et_instant_ns,
    session,
)

_KEYS: Final = ("date", "open", "close", "closed", "note")
_HHMM: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_TOML_LINE: Final = re.compile(r"at line (\d+)")
_DIGEST_DIGITS: Final = 12
_DAYS_NEAR: Final = timedelta(days=2)
"""Within it a date-time of any offset can be on the day; year 1 in another zone may be no date at all."""
LEAST_SESSION_S: Final = 5_400
"""The market has never had a shorter one, and the profile of a session's movement knows none."""


class SpecialHoursError(ValueError):
    """The file is unusable; the message names it, the entry and the value."""


def parse_special_hours(text: str, source: str, sessions: Sessions = session) -> SpecialHours:
    """Return the file's days, each once, by date.

    Args:
        text: The file's TOML.
        source: Its name, for messages.
        sessions: The calendar that it narrows.

    Raises:
        SpecialHoursError: anything in it that isn't plainly right.

    """
    try:
        document = parse_toml(text)
    except PlainTomlError as error:
        message = f"{source}: {error}{_line_named(text, str(error))}"
        raise SpecialHoursError(message) from error
    _check_document(document, source)
    found: dict[str, SpecialDay] = {}
    for number, entry in enumerate(document.get("day", []), 1):
        special = _Entry(f"{source}: day {number}", entry, sessions).special_day()
        other = found.get(special.date)
        if other is not None:
            overlap = special.open_ns < other.close_ns and other.open_ns < special.close_ns
            _refuse(f"{source}: day {number}", f"date {special.date} is there twice{', with overlapping hours' if overlap else ''}")
        found[special.date] = special
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_DIGITS]
    return SpecialHours(source, digest, tuple(found[day] for day in sorted(found)))


def narrowed(special: SpecialHours, sessions: Sessions = session) -> Sessions:
    """Return what tells a day's session when these special hours hold."""
    by_date = {day.date: day for day in special.days}

    def told(day: date) -> Session:
        plain = sessions(day)
        found = by_date.get(plain.date)
        if found is None or not plain.trades:
            return plain
        source = f"{special.source}: {found.note}"
        open_ns, close_ns = max(plain.open_ns, found.open_ns), min(plain.close_ns, found.close_ns)
        if close_ns - open_ns < LEAST_SESSION_S * NS_PER_S:
            return Session(plain.date, "holiday", 0, 0, source)
        return Session(plain.date, _kind(day, open_ns, close_ns), open_ns, close_ns, source)

    return told


def _kind(day: date, open_ns: int, close_ns: int) -> SessionKind:
    if open_ns == et_instant_ns(day, OPEN_ET):
        if close_ns == et_instant_ns(day, CLOSE_ET):
            return "regular"
        if close_ns == et_instant_ns(day, EARLY_CLOSE_ET):
            return "early_close"
    return "special"


class _Entry:
    """One ``[[day]]`` of the file."""

    def __init__(self, where: str, entry: object, sessions: Sessions) -> None:
        if not isinstance(entry, dict):
            _refuse(where, f"{entry!r} isn't a table")
        unknown = [key for key in entry if key not in _KEYS]
        if unknown:
            _refuse(where, f"unknown key {unknown[0]!r} (expected: {', '.join(_KEYS)})")
        self._where = where
        self._entry = entry
        self._sessions = sessions

    def special_day(self) -> SpecialDay:
        day = self._date()
        self._where += f" ({day.isoformat()})"
        plain = self._session(day)
        note = self._entry.get("note")
        if not isinstance(note, str) or not note.strip():
            _refuse(self._where, f"note is {note!r}: expected who says so")
        if self._closed():
            return SpecialDay(plain.date, 0, 0, note.strip())
        open_ns, close_ns = self._instant("open", day), self._instant("close", day)
        if open_ns >= close_ns:
            _refuse(self._where, f"open {self._entry['open']} isn't before close {self._entry['close']}")
        if close_ns - open_ns < LEAST_SESSION_S * NS_PER_S:
            _refuse(
                self._where,
                f"open {self._entry['open']} to close {self._entry['close']} is no session: {LEAST_SESSION_S // 60} minutes at least",
            )
        if (close_ns - open_ns) % (60 * NS_PER_S):
            _refuse(self._where, f"open {self._entry['open']} to close {self._entry['close']}: expected whole minutes")
        if open_ns < plain.open_ns:
            _refuse(self._where, f"open {self._entry['open']} is before the session's: special hours only narrow it")
        if close_ns > plain.close_ns:
            _refuse(self._where, f"close {self._entry['close']} is after the session's: special hours only narrow it")
        return SpecialDay(plain.date, open_ns, close_ns, note.strip())

    def _date(self) -> date:
        value = self._entry.get("date")
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError:
                _refuse(self._where, f"date is {value!r}: no such date")
        if not isinstance(value, date) or isinstance(value, datetime):
            _refuse(self._where, f"date is {_shown(value)}: expected YYYY-MM-DD")
        return value

    def _session(self, day: date) -> Session:
        try:
            plain = self._sessions(day)
        except CalendarRangeError as error:
            _refuse(self._where, str(error))
        if not plain.trades:
            _refuse(self._where, f"the date is a {plain.kind}: there is no session to narrow")
        return plain

    def _closed(self) -> bool:
        closed = self._entry.get("closed", False)
        if not isinstance(closed, bool):
            _refuse(self._where, f"closed is {closed!r}: expected true or false")
        for key in ("open", "close"):
            if closed and key in self._entry:
                _refuse(self._where, f"closed and {key} {self._entry[key]} exclude each other")
            if not closed and key not in self._entry:
                _refuse(self._where, f"{key} is missing")
        return closed

    def _instant(self, key: str, day: date) -> int:
        value = self._entry[key]
        if isinstance(value, str) and _HHMM.fullmatch(value):
            value = time.fromisoformat(value)
        elif isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                _refuse(self._where, f"{key} is {value!r}: expected HH:MM in New York or a date-time with an offset")
        if isinstance(value, datetime):
            return self._moment(key, value, day)
        if not isinstance(value, time):
            _refuse(self._where, f"{key} is {_shown(value)}: expected HH:MM in New York or a date-time with an offset")
        try:
            return et_instant_ns(day, value)
        except LocalTimeError as error:
            _refuse(self._where, f"{key}: {error}")

    def _moment(self, key: str, value: datetime, day: date) -> int:
        if value.tzinfo is None:
            _refuse(self._where, f"{key} is {value.isoformat()}: a date-time without an offset")
        if abs(value.replace(tzinfo=None) - datetime.combine(day, time())) > _DAYS_NEAR or value.astimezone(NEW_YORK).date() != day:
            _refuse(self._where, f"{key} is {value.isoformat()}: that isn't on {day.isoformat()} in New York")
        return utc_ns_of(value)


def _check_document(document: dict[str, object], source: str) -> None:
    unknown = [key for key in document if key not in {"schema_version", "day"}]
    if unknown:
        _refuse(source, f"unknown key {unknown[0]!r} (expected: schema_version, day)")
    version = document.get("schema_version")
    if version != 1 or isinstance(version, bool):
        _refuse(source, f"schema_version is {version!r}: expected 1")
    if not isinstance(document.get("day", []), list):
        _refuse(source, f"day is {document['day']!r}: expected [[day]]")


def _line_named(text: str, problem: str) -> str:
    """Return the line that TOML stumbled over, since its own message gives the place alone."""
    at = _TOML_LINE.search(problem)
    lines = text.splitlines()
    return f": {lines[int(at[1]) - 1].strip()!r}" if at and int(at[1]) <= len(lines) else ""


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, date | time) else repr(value)


def _refuse(where: str, problem: str) -> NoReturn:
    message = f"{where}: {problem}"
    raise SpecialHoursError(message)
