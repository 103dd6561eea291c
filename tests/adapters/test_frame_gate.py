"""Frames over a rate or a depth are refused with their reason, counted, and honest ones never."""

import pytest

from kalshi_alpha.adapters.frame_gate import FrameGate
from kalshi_alpha.model.clock import Now

SECOND = 1_000_000_000
FRAME = '[{"ev":"V","val":6850.25,"T":"I:SPX","t":1795446000123}]'


def at(seconds: float) -> Now:
    return Now(utc_ns=1_795_446_000 * SECOND, mono_ns=round((100 + seconds) * SECOND))


def passed(gate: FrameGate, frame: str | bytes, seconds: float, most: int) -> int:
    """Return how many of the frame, all at one moment, pass before one is refused."""
    return next((number for number in range(most) if gate.refusal(frame, at(seconds)) is not None), most)


def test_what_waited_while_a_reader_stood_still_passes_at_once() -> None:
    assert passed(FrameGate(), FRAME, 0, 20_000) == 20_000


def test_one_more_than_twenty_thousand_at_once_is_refused_with_the_rate() -> None:
    gate = FrameGate()
    passed(gate, FRAME, 0, 20_000)

    assert gate.refusal(FRAME, at(0)) == "more than 5000 frames a second"


def test_five_thousand_a_second_pass_forever() -> None:
    gate = FrameGate()

    assert all(gate.refusal(FRAME, at(number / 5_000)) is None for number in range(60_000))


def test_twice_that_is_refused_within_five_seconds() -> None:
    gate = FrameGate()
    first = next(number for number in range(60_000) if gate.refusal(FRAME, at(number / 10_000)) is not None)

    assert first == pytest.approx(40_000, abs=2)


def test_a_second_of_quiet_makes_room_for_five_thousand() -> None:
    gate = FrameGate()
    passed(gate, FRAME, 0, 20_000)

    assert passed(gate, FRAME, 1, 20_000) == 5_000


def test_quiet_makes_no_more_room_than_twenty_thousand() -> None:
    gate = FrameGate()
    gate.refusal(FRAME, at(0))

    assert passed(gate, FRAME, 1_000, 30_000) == 20_000


def test_a_long_frame_counts_as_several() -> None:
    # 41,000 bytes are eleven times 4,096 begun.
    assert passed(FrameGate(), "x" * 41_000, 0, 20_000) == 20_000 // 11


@pytest.mark.parametrize("frame", ["[" * 33 + "]" * 33, b"[" * 33 + b"]" * 33])
def test_a_frame_that_nests_too_deeply_is_refused_with_the_depth(frame: str | bytes) -> None:
    gate = FrameGate()

    assert gate.refusal(frame, at(0)) == "nested deeper than 32 levels"
    assert gate.refusal(FRAME, at(0)) is None
