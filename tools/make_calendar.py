"""Write ``src/kalshi_alpha/sched/calendar_table.py`` from exchange_calendars' NYSE calendar.

Run it when a new exchange_calendars release changes a day, or when the table's last year comes near:
``python -m tools.make_calendar --last-year 2028``. The diff is reviewed like code. Only what differs from 09:30 to 16:00, Monday
to Friday, is written.
"""

import argparse
import sys
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import exchange_calendars  # type: ignore[import-untyped]  # it has no type hints

FIRST_YEAR: Final = 2006
LAST_YEAR: Final = 2028
TABLE: Final = Path(__file__).parents[1] / "src/kalshi_alpha/sched/calendar_table.py"
_REGULAR: Final = ("09:30", "16:00")
_EARLY: Final = ("09:30", "13:00")


def main(argv: list[str]) -> int:
    """Write the table; with ``--check`` only compare and return 1 when it is out of date."""
    arguments = argparse.ArgumentParser(prog="make_calendar", description="write the trading calendar's table")
    arguments.add_argument("--last-year", type=int, default=LAST_YEAR)
    arguments.add_argument("--check", action="store_true", help="compare only; exit 1 when the table differs")
    chosen = arguments.parse_args(argv)
    text = render(trading_hours(FIRST_YEAR, chosen.last_year), FIRST_YEAR, chosen.last_year)
    if chosen.check:
        is_same = TABLE.read_text(encoding="utf-8") == text
        sys.stdout.write(f"{TABLE.name} is {'up to date' if is_same else 'out of date'} for {exchange_calendars.__version__}\n")
        return 0 if is_same else 1
    TABLE.write_text(text, encoding="utf-8")
    return 0


def trading_hours(first_year: int, last_year: int) -> dict[date, tuple[str, str]]:
    """Return every session of the years with its opening and closing time in New York, ``HH:MM``."""
    calendar = exchange_calendars.get_calendar("XNYS", start=f"{first_year}-01-01", end=f"{last_year}-12-31")
    hours = {}
    for day, opening, closing in zip(calendar.sessions, calendar.opens, calendar.closes, strict=True):
        opens, closes = (moment.tz_convert("America/New_York").strftime("%H:%M") for moment in (opening, closing))
        hours[day.date()] = (opens, closes)
    return hours


def render(hours: dict[date, tuple[str, str]], first_year: int, last_year: int) -> str:
    """Return the module's text for these sessions."""
    holidays: dict[int, list[str]] = defaultdict(list)
    early: dict[int, list[str]] = defaultdict(list)
    special: list[str] = []
    day = date(first_year, 1, 1)
    while day.year <= last_year:
        times = hours.get(day)
        if times is None and day.isoweekday() <= 5:  # noqa: PLR2004 - Friday
            holidays[day.year].append(f"{day:%m-%d}")
        elif times == _EARLY:
            early[day.year].append(f"{day:%m-%d}")
        elif times not in {None, _REGULAR}:
            special.append(f'    "{day.isoformat()}": {times},'.replace("'", '"'))
        day += timedelta(days=1)
    lines = [
        '"""The New York Stock Exchange\'s closed days and irregular hours. By ``python -m tools.make_calendar``: don\'t edit."""',
        "",
        "from typing import Final",
        "",
        f'SOURCE: Final = "exchange_calendars {exchange_calendars.__version__} XNYS"',
        f"FIRST_YEAR: Final = {first_year}",
        f"LAST_YEAR: Final = {last_year}",
        "",
        "HOLIDAYS: Final[dict[int, str]] = {",
        *(f'    {year}: "{" ".join(holidays[year])}",' for year in range(first_year, last_year + 1)),
        "}",
        '"""Weekdays without trading, month and day, by year."""',
        "",
        "EARLY_CLOSES: Final[dict[int, str]] = {",
        *(f'    {year}: "{" ".join(early[year])}",' for year in range(first_year, last_year + 1)),
        "}",
        '"""Sessions from 09:30 to 13:00 New York time."""',
        "",
        *(
            ["SPECIAL_HOURS: Final[dict[str, tuple[str, str]]] = {", *special, "}"]
            if special
            else ["SPECIAL_HOURS: Final[dict[str, tuple[str, str]]] = {}"]
        ),
        '"""Sessions with other hours: ISO date to opening and closing time in New York."""',
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
