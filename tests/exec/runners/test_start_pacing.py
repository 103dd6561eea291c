"""A start waits only when those before it died young, the longer the more of them did."""

from pathlib import Path

import pytest

from kalshi_alpha.exec.runners.start_pacing import Start, note_start, pace_start, wait_s

SECOND = 1_000_000_000
T0 = 1_795_444_200 * SECOND


def crashes(count: int, lived_s: float) -> tuple[list[Start], int]:
    """Return the starts of a process that lives so long each time, waited for as it is meant to be, and when the next one comes."""
    starts: list[Start] = []
    at_ns = T0
    for _ in range(count):
        pause_s = wait_s(starts, at_ns)
        starts.append(Start(at_ns, pause_s))
        at_ns += int((pause_s + lived_s) * SECOND)
    return starts, at_ns


def test_the_first_start_and_one_after_a_long_life_do_not_wait() -> None:
    assert wait_s([], T0) == 0.0
    assert wait_s(*crashes(5, 1.0)) == 0.0
    assert wait_s([Start(T0, 0.0)], T0 + 3_600 * SECOND) == 0.0


def test_each_young_death_in_a_row_doubles_the_wait_up_to_five_seconds() -> None:
    assert [wait_s(*crashes(count, 0.3)) for count in range(9)] == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_one_long_life_ends_the_row() -> None:
    starts, at_ns = crashes(4, 0.3)
    starts.append(Start(at_ns, 0.8))

    assert wait_s(starts, at_ns + int(1.9 * SECOND)) == 0.0


def test_a_clock_that_was_set_back_makes_nobody_young() -> None:
    assert wait_s([Start(T0, 0.0)], T0 - 60 * SECOND) == 0.0


def test_starts_are_kept_over_processes_and_only_the_last_ones(tmp_path: Path) -> None:
    file = tmp_path / "starts.json"
    waits = [note_start(file, T0 + number * SECOND // 2) for number in range(3)]

    assert waits == [0.0, 0.1, 0.2]
    for number in range(40):
        note_start(file, T0 + (100 + number) * 10 * SECOND)
    assert file.read_text().count("utc_ns") == 16


@pytest.mark.parametrize("text", ["", "nonsense", "{}", '[{"utc_ns": 5, "waited_s": 0.0}, {"utc_ns": 4, "waited_s": 0.0}]'])
def test_nonsense_in_the_file_waits_for_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "starts.json"
    file.write_text(text)

    assert note_start(file, T0) == 0.0
    assert note_start(file, T0 + SECOND // 4) == 0.1


def test_a_folder_that_takes_nothing_holds_nobody_up(tmp_path: Path) -> None:
    slept: list[float] = []
    (tmp_path / "file").write_text("")

    pace_start(tmp_path / "file" / "starts.json", slept.append)
    for _ in range(2):
        pace_start(tmp_path / "starts.json", slept.append)

    assert slept == [0.1]
