"""The operator's slots: refused when they can't be, kept otherwise, never read as none when they can't be read."""

import threading
from pathlib import Path

import pytest

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.operator_slots import OperatorSlotsError, add_entry, read_entries, remove_entry

NOW = 1_795_447_200_000_000_000
HOUR = 3_600 * 10**9


def test_a_slot_is_kept_with_an_id_of_its_own_until_it_is_removed(tmp_path: Path) -> None:
    first = add_entry(tmp_path, (NOW, NOW + HOUR), "told  by\nphone", NOW)
    second = add_entry(tmp_path, (NOW + 2 * HOUR, NOW + 3 * HOUR), "", NOW)

    assert (first.id, first.note, second.id) == ("op-1", "told by phone", "op-2")
    assert (first.slot().from_ns, first.slot().to_ns, first.slot().source) == (NOW, NOW + HOUR, "operator")
    assert remove_entry(tmp_path, "op-2") == second
    assert remove_entry(tmp_path, "op-2") is None
    assert add_entry(tmp_path, (NOW, NOW + HOUR), "", NOW).id == "op-3"
    assert [entry.id for entry in read_entries(tmp_path).slots] == ["op-1", "op-3"]


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert read_entries(tmp_path).slots == ()


def test_what_ended_a_day_ago_is_dropped_when_another_is_added(tmp_path: Path) -> None:
    add_entry(tmp_path, (NOW, NOW + HOUR), "", NOW)

    add_entry(tmp_path, (NOW + 30 * HOUR, NOW + 31 * HOUR), "", NOW + 26 * HOUR)

    assert [entry.id for entry in read_entries(tmp_path).slots] == ["op-2"]


@pytest.mark.parametrize(
    ("span", "words"),
    [((NOW + HOUR, NOW + HOUR), "ends before"), ((NOW, NOW + 15 * 24 * HOUR), "two weeks"), ((NOW - HOUR, NOW), "already over")],
)
def test_a_slot_that_cant_be_is_refused(tmp_path: Path, span: tuple[int, int], words: str) -> None:
    with pytest.raises(OperatorSlotsError, match=words):
        add_entry(tmp_path, span, "", NOW)
    assert not Layout(tmp_path).maintenance.exists()


@pytest.mark.parametrize("text", ["", "{", '{"slots": [{}]}', '{"slots": [], "more": 1}', "reversed", "naive"])
def test_an_unreadable_file_is_an_error_and_stays(tmp_path: Path, text: str) -> None:
    add_entry(tmp_path, (NOW, NOW + HOUR), "", NOW)
    path = Layout(tmp_path).maintenance
    good = path.read_text()
    if text == "reversed":
        text = good.replace("15:20", "18:20")
    elif text == "naive":
        text = good.replace("+00:00", "")
    path.write_text(text)

    with pytest.raises(OperatorSlotsError, match=r"maintenance\.json"):
        read_entries(tmp_path)
    with pytest.raises(OperatorSlotsError):
        add_entry(tmp_path, (NOW, NOW + HOUR), "", NOW)
    assert path.read_text() == text


def test_commands_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    threads = [threading.Thread(target=add_entry, args=(tmp_path, (NOW, NOW + HOUR), "", NOW)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(entry.id for entry in read_entries(tmp_path).slots) == [f"op-{number}" for number in range(1, 9)]


def test_a_folder_that_cant_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")

    with pytest.raises(OperatorSlotsError, match="data"):
        add_entry(tmp_path, (NOW, NOW + HOUR), "", NOW)
