"""What all commands share: their flags' values and how they end."""

import argparse
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from kalshi_alpha.cli import called_as, day, instant, now_from, port
from kalshi_alpha.model.clock import Now, iso_et

WINDOWS = "kalshi_alpha.sched.windows_cli"


@pytest.mark.parametrize("text", ["0", "1", "8700", "65535"])
def test_a_port_is_a_number_of_16_bits(text: str) -> None:
    assert port(text) == int(text)


@pytest.mark.parametrize("text", ["65536", "99999", "-1", "", "x", "80.0", "٣", "1" * 5_000])
def test_anything_else_is_no_port(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="not a port, 0 to 65535"):
        port(text)


@pytest.mark.parametrize(
    "text", ["1970-01-01T00:00+14:00", "1970-01-01T00:00-12:00", "2199-12-31T23:59:59-12:00", "2199-12-31T23:59:59+14:00"]
)
def test_every_instant_that_is_taken_can_be_shown(text: str) -> None:
    def never() -> Now:
        raise AssertionError

    now = now_from(instant(text), never)

    assert iso_et(now.utc_ns)


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00+00:00", "9999-12-31T23:59:59-12:00", "1969-12-31T23:59:59+00:00", "2200-01-01T00:00+00:00"]
)
def test_an_instant_that_no_clock_shows_is_one_line_that_names_it(text: str) -> None:
    command = [sys.executable, "-m", WINDOWS, "--series", "INX", "--now", text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert text in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("flags", ["--json", ""])
def test_a_command_without_streams_answers_by_its_status_alone(closed: str, flags: str) -> None:
    def status(now: str) -> subprocess.CompletedProcess[str]:
        line = f'"{sys.executable}" -m {WINDOWS} --series INX --now {now} {flags} {closed}'
        return subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=30, check=False)

    open_day, holiday, wrong = status("2026-11-27T12:55:00-05:00"), status("2026-11-26T12:55:00-05:00"), status("yesterday")

    assert [done.returncode for done in (open_day, holiday, wrong)] == [0, 1, 2]
    assert "Traceback" not in open_day.stderr + holiday.stderr + wrong.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_no_file_takes_a_closed_streams_number(closed: str) -> None:
    code = "import os; from kalshi_alpha import cli; cli.run(lambda _: os.open('/dev/null', os.O_RDONLY))"

    done = subprocess.run(["/bin/sh", "-c", f'"{sys.executable}" -c "{code}" {closed}'], timeout=30, check=False)

    assert done.returncode > 2


def test_a_day_is_a_date() -> None:
    assert day("2026-11-23") == date(2026, 11, 23)


@pytest.mark.parametrize("text", ["foo", "", "2026-02-30", "23.11.2026"])
def test_anything_else_is_no_date(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"not a date YYYY-MM-DD: {text!r}"):
        day(text)


@pytest.mark.parametrize(
    ("main_module", "argv", "words"),
    [
        ("", ["/opt/bin/kalshi-alpha", "scan", "--help"], "kalshi-alpha scan"),
        ("", ["kalshi-alpha", "--help"], "kalshi-alpha"),
        ("", ["kalshi-alpha"], "kalshi-alpha"),
        ("kalshi_alpha.__main__", ["x/__main__.py", "discover"], "python -m kalshi_alpha discover"),
        ("kalshi_alpha.sched.windows", ["windows.py", "--help"], "python -m kalshi_alpha.sched.windows"),
        ("kalshi_alpha.console.__main__", ["x/__main__.py", "--help"], "python -m kalshi_alpha.console"),
        ("tools.seeds", ["seeds.py", "--runs", "5"], "python -m tools.seeds"),
        ("pytest.__main__", ["x/__main__.py", "tests"], ""),
        ("", ["own_script.py", "scan"], ""),
    ],
)
def test_a_command_goes_by_the_words_it_was_called_by(main_module: str, argv: list[str], words: str) -> None:
    assert called_as(main_module, argv) == words


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ([sys.executable, "-m", "kalshi_alpha.sched.windows"], "usage: python -m kalshi_alpha.sched.windows ["),
        ([sys.executable, "-m", "kalshi_alpha.sched.hotrestart"], "usage: python -m kalshi_alpha.sched.hotrestart ["),
        ([str(Path(sys.executable).with_name("kalshi-alpha")), "scan"], "usage: kalshi-alpha scan ["),
        ([sys.executable, "-m", "kalshi_alpha"], "usage: python -m kalshi_alpha COMMAND"),
    ],
)
def test_the_usage_can_be_typed_again(command: list[str], usage: str) -> None:
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 0
    assert done.stdout.startswith(usage)


def test_settings_that_dont_fit_are_one_line_whichever_command_meets_them() -> None:
    code = "from kalshi_alpha import cli, config; cli.run(lambda _: (_ for _ in ()).throw(config.ConfigError('a.toml: no')))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stderr) == (2, "a.toml: no\n")
