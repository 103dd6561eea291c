"""Discovery as a command against real simulated exchanges: sound and faulty catalogues, accepted terms, exit codes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kalshi_alpha.exec.discover_report import DiscoverReport
from kalshi_alpha.sim.exchange import Fault
from kalshi_alpha.sim.supervisor import Child
from tests.exec.runners.test_trade import NOBODY, settings_file

MONDAY = "2026-11-23T09:40:00-05:00"
HOLIDAY = "2026-11-26T09:40:00-05:00"
ALL_DAY = (0, 1 << 62)
TERMS = Path("data", "accepted_terms.json")


def run(root: Path, *arguments: str, module: str = "kalshi_alpha.exec.runners.scan_ladders") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments, "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=root)


def discover(root: Path, *arguments: str) -> tuple[int, DiscoverReport]:
    answer = run(root, "--discover", "--today", "--json", "--now", MONDAY, *arguments)
    assert answer.stderr == ""
    return answer.returncode, msgspec.json.decode(answer.stdout, type=DiscoverReport)


@contextmanager
def exchange(root: Path, *faults: Fault, now: str = MONDAY) -> Iterator[Path]:
    """Serve a catalogue; yield a folder with the settings to read it."""
    root.mkdir(exist_ok=True)
    file = root / "faults.json"
    file.write_bytes(msgspec.json.encode(faults))
    arguments = ["--keys", str(root / "keys"), "--now", now, "--speed", "2", "--seed", "1", "--faults", str(file), "--port", "0"]
    child = Child("exchange", "kalshi_alpha.sim.exchange", arguments, root)
    try:
        _, rest_url, ws_url = child.ready().split()
        settings_file(root, rest_url=rest_url, ws_url=ws_url)
        yield root
    finally:
        child.end()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with exchange(tmp_path_factory.mktemp("sound")) as root:
        yield root


def test_a_regular_days_fourteen_ladders_are_found_whole(sound: Path) -> None:
    status, report = discover(sound)

    # Twelve hourly ladders and two at the close; the hourly events at the close are nobody's. 7 x 200 + 7 x 400 + 2 x 30 markets.
    assert (status, report.ok, report.markets_read) == (0, True, 4_260)
    assert [(ladder.label, ladder.series, ladder.strikes) for ladder in report.ladders[:2]] == [
        ("hourly-1000", "INXU", 200),
        ("hourly-1000", "NASDAQ100U", 400),
    ]
    assert [(ladder.series, ladder.strikes, ladder.step_points) for ladder in report.ladders[-2:]] == [
        ("INX", 30, 25.0),
        ("NASDAQ100", 30, 100.0),
    ]
    assert len(report.ladders) == 14
    assert [other.event_ticker for other in report.not_quoted] == ["KXINXU-26NOV23H1600", "KXNASDAQ100U-26NOV23H1600"]
    assert report.never_accepted == ("INXU", "NASDAQ100U", "INX", "NASDAQ100")
    assert not (sound / "data").exists()


def test_one_series_alone(sound: Path) -> None:
    status, report = discover(sound, "--series", "INX")

    assert (status, [ladder.event_ticker for ladder in report.ladders]) == (0, ["KXINX-26NOV23H1600"])


def test_people_get_lines_and_the_program_has_the_command_too(sound: Path) -> None:
    answer = run(sound, "discover", "--now", MONDAY, "--series", "INXU", module="kalshi_alpha")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("2026-11-23  regular, 09:30 to 16:00 ET\n6 ladders expected, all listed as they should be\n")
    assert answer.stdout.count("200 greater_or_equal, every 5 from") == 6


@pytest.mark.parametrize(("arguments", "kind"), [(["--date", "2026-11-28"], "weekend"), (["--today", "--now", HOLIDAY], "holiday")])
def test_a_day_without_windows_is_fine(sound: Path, arguments: list[str], kind: str) -> None:
    answer = run(sound, "--discover", *arguments)

    assert answer.returncode == 0
    assert f"no windows on this day ({kind})" in answer.stdout


def test_a_day_the_venue_does_not_list_yet_is_missing(sound: Path) -> None:
    status, report = discover(sound, "--series", "INX")
    later = run(sound, "--discover", "--date", "2026-11-24", "--series", "INX")

    assert (status, report.ok) == (0, True)
    assert later.returncode == 1
    assert "missing: KXINX lists no event for 2026-11-24T16:00:00.000-05:00" in later.stdout


FAULTS: list[tuple[str, dict[str, float | str], str]] = [
    ("missing_event", {}, "missing: KXINXU lists no event for 2026-11-23T10:00:00.000-05:00; the nearest, KXINXU-26NOV23H1100"),
    ("missing_strike", {"floor": 6_755.0}, "gap: nothing between 6,750 and 6,760"),
    ("duplicate_strike", {"floor": 6_755.0}, "listed twice: at least 6,755 x 2"),
    ("other_close", {"seconds": -300.0}, "closes at another time than 2026-11-23T13:00:00.000-05:00: "),
]


def test_each_fault_says_no_and_only_its_ladder_is_wrong(tmp_path: Path) -> None:
    faults = [
        Fault(*ALL_DAY, kind, {"event": f"KXINXU-26NOV23H{hour}00", **params}) for hour, (kind, params, _) in enumerate(FAULTS, start=10)
    ]
    with exchange(tmp_path / "faulty", *faults) as root:
        status, report = discover(root, "--series", "INXU")

    assert (status, report.ok) == (1, False)
    wrong = {ladder.label: ladder.faults for ladder in report.ladders if ladder.faults}
    assert list(wrong) == ["hourly-1000", "hourly-1100", "hourly-1200", "hourly-1300"]
    for found, (_, _, told) in zip(wrong.values(), FAULTS, strict=True):
        assert len(found) == 1
        assert found[0].startswith(told)


def change(**params: float | str) -> Fault:
    return Fault(*ALL_DAY, "changed_terms", {"event": "KXINX-", **params})


def terms_in(root: Path) -> Any:
    return msgspec.json.decode((root / TERMS).read_bytes())["series"]


def test_changed_terms_say_no_until_they_are_accepted(tmp_path: Path) -> None:
    with exchange(tmp_path / "before") as root:
        status, report = discover(root, "--accept")
        assert (status, set(report.accepted_now)) == (0, {"INXU", "NASDAQ100U", "INX", "NASDAQ100"})
        assert discover(root)[1].never_accepted == ()
        accepted = (root / TERMS).read_bytes()

    faults = change(
        collateral="DIRECNET", fee_type="quadratic_with_maker_fees", wording="By the official close:", settlement_timer_s=1_800.0
    )
    with exchange(tmp_path / "after", faults) as root:
        (root / "data").mkdir()
        (root / TERMS).write_bytes(accepted)

        status, report = discover(root)
        shown = run(root, "--discover", "--now", MONDAY).stdout
        kept = (root / TERMS).read_bytes()
        accepting_status, accepting = discover(root, "--accept", "--series", "INX")
        after_status, after = discover(root)

        assert status == 1
        changed = {
            ladder.series: {one.term: (one.accepted, one.found) for one in ladder.changed} for ladder in report.ladders if ladder.changed
        }
        assert list(changed) == ["INX"]
        assert changed["INX"]["collateral"] == (("MECNET",), ("DIRECNET",))
        assert changed["INX"]["fee_type"] == (("quadratic",), ("quadratic_with_maker_fees",))
        assert changed["INX"]["settlement_timer_s"] == (("60",), ("1800",))
        assert changed["INX"]["wording less"] == (
            ("Resolves YES if the index at the target is below <strike>.",),
            ("By the official close: Resolves YES if the index at the target is below <strike>.",),
        )
        assert "collateral was 'MECNET'" in shown
        assert kept == accepted
        assert (accepting_status, accepting.ladders[-1].changed, accepting.accepted_now) == (0, report.ladders[-2].changed, ("INX",))
        assert (after_status, after.ok) == (0, True)
        assert terms_in(root)["INXU"] == msgspec.json.decode(accepted)["series"]["INXU"]


def test_a_corrupt_file_of_accepted_terms_is_named_and_set_aside_only_when_replaced(sound: Path, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes((sound / "config.toml").read_bytes())
    (tmp_path / "data").mkdir()
    (tmp_path / TERMS).write_text('{"schema_version": 2}')

    refused = run(tmp_path, "--discover", "--now", MONDAY, "--series", "INX")
    accepting = run(tmp_path, "--discover", "--now", MONDAY, "--series", "INX", "--accept")

    assert refused.returncode == 2
    assert refused.stderr.startswith(f"{tmp_path / TERMS}: ")
    assert refused.stderr.count("\n") == 1
    assert accepting.returncode == 0
    names = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert [name.split(".corrupt-")[0] for name in names] == ["accepted_terms.json", "accepted_terms.json"]
    assert list(terms_in(tmp_path)) == ["INX"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--discover", "--date", "tomorrow"], "'tomorrow'"),
        (["--discover", "--date", "2026-02-30"], "'2026-02-30'"),
        (["--discover", "--date", "2026-11-24", "--today"], "--today"),
        (["--discover", "--date", "1999-11-24"], "1999-11-24"),
        (["--discover", "--series", "SPX"], "'SPX'"),
        (["--discover", "--now", "2026-11-23T09:40:00"], "2026-11-23T09:40:00"),
        (["--today", "--series", "INX"], "--today needs --discover"),
        (["--accept", "--series", "INX"], "--accept needs --discover"),
        (["--date", "2026-11-24", "--series", "INX"], "--date needs --discover"),
    ],
)
def test_wrong_use_is_one_line_that_names_the_value(tmp_path: Path, arguments: list[str], named: str) -> None:
    settings_file(tmp_path)

    answer = run(tmp_path, *arguments)

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.count("\n") == 1
    assert named in answer.stderr


def test_a_venue_nobody_answers_at_is_status_three(tmp_path: Path) -> None:
    settings_file(tmp_path)

    answer = run(tmp_path, "--discover", "--today", "--now", MONDAY)

    assert (answer.returncode, answer.stdout) == (3, "")
    assert answer.stderr.startswith(f"http://{NOBODY}/trade-api/v2: ")
    assert answer.stderr.count("\n") == 1


def test_a_venue_that_only_fails_is_status_three(tmp_path: Path) -> None:
    with exchange(tmp_path / "down", Fault(*ALL_DAY, "unavailable_before", {"path": "/markets", "method": "GET"})) as root:
        answer = run(root, "--discover", "--today", "--now", MONDAY, "--series", "INX")

    assert (answer.returncode, answer.stdout) == (3, "")
    assert "/markets: service_unavailable" in answer.stderr
