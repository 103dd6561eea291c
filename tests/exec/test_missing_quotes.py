"""The most valuable missing quote comes first, whatever changed or went in between."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.exec.missing_quotes import OUTDATED_LEAST, OUTDATED_SHARE, MissingQuotes
from kalshi_alpha.exec.state.orders import Slot

SLOTS: list[Slot] = [(f"M{number}", side) for number in range(12) for side in ("bid", "ask")]


@given(st.integers(0, 2**32))
def test_quotes_come_out_as_if_sorted_each_time(seed: int) -> None:
    random, missing, plain = Random(seed), MissingQuotes(), dict[Slot, tuple[float, str]]()
    for _ in range(200):
        slot, step = random.choice(SLOTS), random.random()
        if step < 0.6:
            value, event = random.choice((0.05, 0.1, 0.2, 0.25)), random.choice("EF")
            missing.put(slot, value, event)
            plain[slot] = (value, event)
        elif step < 0.8:
            missing.drop(slot)
            plain.pop(slot, None)
        elif plain:
            taken, value, event = missing.take()
            assert value == max(kept for kept, _ in plain.values())
            assert plain.pop(taken) == (value, event)
        assert len(missing) == len(plain)
        assert missing.best_value() == max((kept for kept, _ in plain.values()), default=0.0)


def test_nothing_can_be_taken_from_nothing() -> None:
    missing = MissingQuotes()
    missing.put(SLOTS[0], 0.1, "E")
    missing.drop(SLOTS[0])

    with pytest.raises(IndexError):
        missing.take()


def test_outdated_entries_dont_pile_up() -> None:
    missing = MissingQuotes()

    for step in range(10_000):
        missing.put(SLOTS[step % 3], 1.0 / (step + 1), "E")

    assert len(missing._heap) <= OUTDATED_LEAST + OUTDATED_SHARE * 3 + 1
