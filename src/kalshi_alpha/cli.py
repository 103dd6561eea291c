"""What all commands share: exit codes, flags and output."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final, NoReturn

import msgspec
from typing_extensions import override

from kalshi_alpha.config import ConfigError
from kalshi_alpha.model.clock import Now, utc_ns_of

EXIT_OK: Final = 0
EXIT_NO: Final = 1
"""The check says no."""
EXIT_USAGE: Final = 2
EXIT_UNREACHABLE: Final = 3
YEARS: Final = (1970, 2199)
"""The instants that ``--now`` takes: what any clock of ours can show, in any zone."""
SHIPPED_SETTINGS: Final = Path("configs/production.toml")
PORT_MAX: Final = 65_535
STDERR_FD: Final = 2
PROGRAM: Final = "kalshi-alpha"
PACKAGES: Final = frozenset({"kalshi_alpha", "tools"})


class UsageError(Exception):
    """The operator's mistake: one line on stderr with the offending value, exit status 2."""


class UnreachableError(Exception):
    """A needed service can't be reached: one line on stderr, exit status 3."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    @override
    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message} (see --help)\n")
        raise SystemExit(EXIT_USAGE)


def parser(prog: str, description: str, *, root: bool = True, now: bool = False) -> Parser:
    """Return a parser with the flags every command has; ``prog`` is its name where nothing tells how it was called."""
    made = Parser(prog=own_name(prog), description=description, allow_abbrev=False)
    made.add_argument("--json", action="store_true", help="print one JSON document on stdout, nothing else")
    if root:
        made.add_argument("--root", type=Path, default=Path(), help="folder of reports/, data/ and REPORT.md (default: .)")
    if now:
        made.add_argument("--now", type=instant, default=None, help="act as at this instant: ISO 8601 with an offset")
    return made


def own_name(otherwise: str) -> str:
    """Return what the operator called, or ``otherwise`` where this isn't a command of its own."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return called_as(spec.name if spec is not None else "", sys.argv) or otherwise


def called_as(main_module: str, argv: Sequence[str]) -> str:
    """Return the words that start the present command, as the operator typed them; empty: not to be told.

    Args:
        main_module: The module that Python was told to run; empty for a script.
        argv: The process's own arguments, with the program's name first.

    """
    if main_module.partition(".")[0] in PACKAGES:
        words = f"python -m {main_module.removesuffix('.__main__')}"
    elif not main_module and Path(argv[0]).name == PROGRAM:
        words = PROGRAM
    else:
        return ""
    has_command = words in {PROGRAM, "python -m kalshi_alpha"} and len(argv) > 1 and not argv[1].startswith("-")
    return f"{words} {argv[1]}" if has_command else words


def day(text: str) -> date:
    """Parse ``--day``."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = f"not a date YYYY-MM-DD: {text!r}"
        raise argparse.ArgumentTypeError(message) from error


def instant(text: str) -> datetime:
    """Parse ``--now``: ISO 8601 with an offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"not an ISO 8601 time: {text!r}"
        raise argparse.ArgumentTypeError(message) from error
    if moment.tzinfo is None:
        message = f"time without an offset: {text!r}"
        raise argparse.ArgumentTypeError(message)
    if not YEARS[0] <= moment.year <= YEARS[1]:
        message = f"time outside of the years {YEARS[0]} to {YEARS[1]}: {text!r}"
        raise argparse.ArgumentTypeError(message)
    return moment


def port(text: str) -> int:
    """Parse ``--port``: 0 to 65535."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= PORT_MAX):  # noqa: PLR2004 - the digits of the largest
        message = f"not a port, 0 to {PORT_MAX}: {text!r}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def settings_file(root: Path) -> Path:
    """Return the settings to use where none are named: the root's own, else the shipped ones.

    Raises:
        UsageError: there are neither.

    """
    for file in (root / "config.toml", SHIPPED_SETTINGS):
        if file.is_file():
            return file
    message = f"no --config, and neither {root / 'config.toml'} nor {SHIPPED_SETTINGS} exists"
    raise UsageError(message)


def now_from(moment: datetime | None, clock: Callable[[], Now]) -> Now:
    """Return the asked-for instant, or the clock's."""
    if moment is None:
        return clock()
    utc_ns = utc_ns_of(moment)
    return Now(utc_ns=utc_ns, mono_ns=utc_ns)


def print_json(document: object) -> None:
    """Write one JSON document to stdout."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    sys.stdout.flush()


def run(main: Callable[[list[str]], int], argv: list[str] | None = None) -> NoReturn:
    """Run a command's main, turning its known errors into one line and an exit status."""
    _open_missing_streams()
    try:
        status = main(sys.argv[1:] if argv is None else argv)
    except (UsageError, ConfigError) as error:
        _complain(error)
        status = EXIT_USAGE
    except UnreachableError as error:
        _complain(error)
        status = EXIT_UNREACHABLE
    except BrokenPipeError:
        status = EXIT_NO
    except KeyboardInterrupt:
        status = 130
    raise SystemExit(status)


def _complain(error: Exception) -> None:
    """Say what went wrong, if the disk that a log lies on has room for it; the exit status says so anyway."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()


def _open_missing_streams() -> None:
    """Let a command that was started with closed streams write to nowhere, and let no file of its own take their numbers."""
    null = os.open(os.devnull, os.O_RDWR)
    while null <= STDERR_FD:
        null = os.open(os.devnull, os.O_RDWR)
    os.close(null)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - for the process's whole life
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
