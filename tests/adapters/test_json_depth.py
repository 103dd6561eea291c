"""Whatever nests too much for its reader is refused before it is read, and nothing else is."""

import json

import pytest

from kalshi_alpha.adapters.json_depth import nesting_refusal
from tools.fuzz import tried
from tools.fuzz_decoder import Case, Decoder, json_drawer

DEEP = "nested deeper than 32 levels"


@pytest.mark.parametrize("pair", [("[", "]"), ('{"x":', "}"), ('[{"x":', "}]")])
def test_thirty_two_levels_are_read_and_thirty_three_are_not(pair: tuple[str, str]) -> None:
    opening, closing = pair
    levels = len(opening.replace('"x":', ""))

    assert nesting_refusal(opening * (32 // levels) + "1" + closing * (32 // levels)) is None
    assert nesting_refusal(opening * (34 // levels) + "1" + closing * (34 // levels)) == DEEP


@pytest.mark.parametrize("kind", [str, str.encode, lambda text: bytearray(text.encode())])
def test_text_bytes_and_buffers_are_judged_alike(kind: type[str]) -> None:
    assert nesting_refusal(kind("[" * 40 + "]" * 40)) == DEEP
    assert nesting_refusal(kind("[" + "[]," * 40 + "1]")) is None


@pytest.mark.parametrize("text", ["[" * 40, "\\" * 7 + '"' + "[" * 40, '"]' * 40, "}{" * 40, '\\"[[{' * 40])
def test_brackets_inside_of_texts_nest_nothing(text: str) -> None:
    assert nesting_refusal(json.dumps([{"rules": text}, [text, text]])) is None


def test_a_text_that_never_ends_hides_what_follows_it() -> None:
    assert nesting_refusal('["' + "[" * 40) == DEEP  # the bracket before it never closes
    assert nesting_refusal('["' + "[" * 40 + '"]') is None


def test_many_brackets_that_never_close_are_refused() -> None:
    assert nesting_refusal("[" * 33) == DEEP
    assert nesting_refusal("[" * 32) is None


def test_half_of_a_character_is_judged_like_any_other() -> None:
    assert nesting_refusal("[" * 40 + "\ud800") == DEEP


def test_a_hundred_thousand_brackets_are_read_and_two_more_are_not() -> None:
    assert nesting_refusal("[" + "{}," * 49_999 + "1]") is None
    assert nesting_refusal("[" + "{}," * 50_000 + "1]") == "more than 100000 brackets"
    assert nesting_refusal("[" * 40 + "]" * 100_000) == "more than 100000 brackets"


def test_texts_are_looked_into_only_where_brackets_dont_close_and_only_so_long() -> None:
    texts = '"x",' * 200_001

    assert nesting_refusal("[" * 32 + texts + "1" + "]" * 32) is None
    assert nesting_refusal("[" * 33 + texts + "1" + "]" * 33) == "more than 400000 quotes and backslashes among brackets that don't close"


@pytest.mark.parametrize(
    "filler",
    [b'"', b"\\", b'"x",', b'\\"', b"[]", b"]", b"\x00"],
    ids=["quotes", "backslashes", "texts", "escapes", "pairs", "ends", "zeros"],
)
def test_the_worst_eight_megabytes_take_less_than_a_quarter_of_a_second(filler: bytes) -> None:
    # 50 ms on a quiet machine; the pattern tried anew from each quote would take minutes.
    document = b"[" * 33 + b'"' + filler * (8 * 1024 * 1024 // len(filler))

    _, took_ns, _ = tried(Decoder("depth", (), lambda case: nesting_refusal(case.data) is None, json_drawer), Case("", document))

    assert took_ns < 250_000_000
