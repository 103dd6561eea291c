"""What a decoder is to the fuzzer: valid samples, a way to draw strange inputs from them, and the call that reads one."""

from collections.abc import Callable
from random import Random
from typing import Final

import msgspec

from tools.fuzz_inputs import JsonInputs, spoiled

LARGEST: Final = 1024 * 1024
"""What a stream's socket lets through at most. The rest is tried at this size, too."""


class Case(msgspec.Struct, frozen=True):
    """One input."""

    context: str
    """Where in the decoder it is read, such as the request that it answers."""
    data: bytes


Read = Callable[[Case], bool]
"""Whether the input was accepted. Whatever it raises, the decoder's contract doesn't name."""


class Decoder(msgspec.Struct, frozen=True):
    """One decoder."""

    name: str
    samples: tuple[Case, ...]
    read: Read
    drawer: Callable[[Random, tuple[Case, ...]], Callable[[], Case]]
    """Makes what draws the inputs from a source of chance and the samples."""


def json_drawer(rng: Random, samples: tuple[Case, ...]) -> Callable[[], Case]:
    """Draw changed samples, in one of four with some bytes of it changed, too."""
    inputs = JsonInputs(rng, tuple(sample.data for sample in samples))

    def draw() -> Case:
        number = rng.randrange(len(samples))
        return Case(samples[number].context, spoiled(rng, inputs.draw(number), LARGEST))

    return draw


def json_cases(context: str, *documents: object) -> tuple[Case, ...]:
    """Return documents as samples of one context."""
    return tuple(Case(context, msgspec.json.encode(document)) for document in documents)


def refuse_unwritable(*told: object) -> None:
    """Fail where what a decoder hands over can't be written down: the journal, the snapshot and the page all hold it.

    Raises:
        OverflowError: a number beyond 64 bits.
        UnicodeEncodeError: half of a character.

    """
    for one in told:
        msgspec.json.encode(one)
