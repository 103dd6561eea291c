"""The demo's command line: what it refuses before anything starts, and what it says of a day that broke a promise."""

import json
import shlex
import socket
from pathlib import Path

import msgspec
import pytest

from kalshi_alpha.cli import UsageError
from kalshi_alpha.config import load_config
from kalshi_alpha.sim.demo import again, check, main, parse, script_of, show
from kalshi_alpha.sim.live_files import trader_config
from tests.sim.test_scorecard import CARD

BROKEN = msgspec.structs.replace(CARD, violations=("I4 id used twice",))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--lead", "60"], "--lead 60: must be between 61 and 900"),
        (["--lead", "901", "--fast"], "--lead 901: must be between 61 and 900"),
        (["--speed", "41"], "--speed 41.0: must be between 1 and 40"),
        (["--day", "2026-11-26"], "--day 2026-11-26: no session"),
        (["--minutes", "nowhere"], "--minutes nowhere: no such folder"),
    ],
)
def test_what_cant_be_played_is_refused_with_its_value(flags: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words.replace(".", r"\.")):
        check(parse(flags))


def test_every_lead_that_the_help_names_is_taken_by_the_trading_processs_settings(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    feeds = dict.fromkeys(("polygon", "massive"), "ws://127.0.0.1:1/indices")
    for lead_s in (61, 900):
        arguments = parse(["--lead", str(lead_s)])
        check(arguments)
        file = trader_config(tmp_path, "http://127.0.0.1:1", "ws://127.0.0.1:1", feeds, script_of(arguments), tmp_path / "clock.json")

        assert load_config(file).windows.hourly_lead_s == lead_s


@pytest.mark.parametrize(("flag", "text"), [("--day", "foo"), ("--day", "2026-02-30"), ("--port", "99999")])
def test_a_flags_wrong_value_is_one_line_in_plain_words(flag: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([flag, text])

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.count("\n") == 1
    assert f"{text!r}" in said
    assert "fromisoformat" not in said


def test_a_port_in_use_is_refused_before_the_servers_start() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(UsageError, match=f"--port {port}: "):
            check(parse(["--port", str(port)]))


def test_a_folder_without_bars_is_refused_with_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected SPX/2025-10-31\.csv and NDX/2025-10-31\.csv in it or in its index_minutes/"):
        check(parse(["--minutes", str(tmp_path), "--day", "2025-10-31"]))


@pytest.mark.parametrize(
    "typed",
    [
        "--fast --random --seed 7",
        "--fast --all --lead 120 --seed 3",
        "--speed 30 --seed 2 --day 2025-10-31 --minutes 'my bars'",
    ],
)
def test_the_command_that_plays_it_again_is_the_one_that_was_typed(typed: str) -> None:
    given = parse(shlex.split(typed))

    program, name, *flags = shlex.split(again(given))

    assert (program, name) == ("kalshi-alpha", "demo")
    assert vars(parse(flags)) == vars(given)


def test_a_broken_promise_comes_with_that_command(capsys: pytest.CaptureFixture[str]) -> None:
    show(BROKEN, parse(["--fast", "--random", "--seed", "7"]))

    out = capsys.readouterr().out
    assert "VIOLATION: I4 id used twice" in out
    assert out.endswith("to play it again: kalshi-alpha demo --fast --random --seed 7 --day 2026-11-23\n")


def test_with_json_stdout_is_the_document_alone(capsys: pytest.CaptureFixture[str]) -> None:
    show(BROKEN, parse(["--json", "--seed", "7"]))

    said = capsys.readouterr()
    assert json.loads(said.out)["violations"] == ["I4 id used twice"]
    assert "kalshi-alpha demo --seed 7" in said.err


def test_a_day_that_kept_every_promise_needs_no_such_command(capsys: pytest.CaptureFixture[str]) -> None:
    show(CARD, parse([]))

    assert "again" not in capsys.readouterr().out
