"""Any text is TOML or one kind of error, and soon."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.plain_toml import PlainTomlError, parse_toml
from tools.fuzz import tried
from tools.fuzz_decoder import Case, Decoder, json_drawer


def test_toml_is_read() -> None:
    text = '[a.b]\nc = [1, "[[[[", {d = 2.5}]\n"e.f" = \'g\'\n'

    assert parse_toml(text) == {"a": {"b": {"c": [1, "[[[[", {"d": 2.5}], "e.f": "g"}}}


def test_eight_names_with_dots_between_them_are_read_and_nine_are_not() -> None:
    assert parse_toml("a.b.c.d.e.f.g.h = 1")["a"]["b"]["c"]["d"]["e"]["f"]["g"] == {"h": 1}
    with pytest.raises(PlainTomlError, match=r"more than 8 names with dots between them \(at line 2\)"):
        parse_toml("x = 1\na.b.c.d.e.f.g.h.i = 1")


@pytest.mark.parametrize("key", ['"a"', "'a'", "a-_1"])
@pytest.mark.parametrize("dot", [".", " . ", "\t.\t"])
@pytest.mark.parametrize("where", ["{} = 1", "[{}]", "x = {{{} = 1}}"])
def test_a_long_key_is_found_however_it_is_written(key: str, dot: str, where: str) -> None:
    with pytest.raises(PlainTomlError, match="more than 8 names"):
        parse_toml(where.format(dot.join([key] * 9)))


def test_thirty_two_brackets_are_read_and_thirty_three_are_not() -> None:
    assert parse_toml("x = " + "[" * 32 + "]" * 32)
    with pytest.raises(PlainTomlError, match=r"brackets 33 deep \(at line 1\)"):
        parse_toml("x = " + "[" * 33 + "]" * 33)


@pytest.mark.parametrize(
    "text", ["x = " + "[\n" * 30_000, "x = " + "{a = " * 30_000, "x = " + "9" * 10_000, "x = = 1", "x = 1\nx = 2", "\x00"]
)
def test_whatever_the_reader_refuses_is_the_same_kind_of_error(text: str) -> None:
    with pytest.raises(PlainTomlError):
        parse_toml(text)


def test_a_text_that_is_too_long_is_not_looked_at() -> None:
    assert parse_toml("#" * 131_072) == {}
    with pytest.raises(PlainTomlError, match="131073 characters, expected at most 131072"):
        parse_toml("#" * 131_073)


@pytest.mark.parametrize("text", ["a." * 60_000 + "a = 1", "a" * 130_000, "[" * 130_000, '"' * 130_000, "a ." * 40_000, '"a".' * 30_000])
def test_the_worst_line_takes_less_than_a_quarter_of_a_second(text: str) -> None:
    def is_read(case: Case) -> bool:
        with pytest.raises(PlainTomlError):
            parse_toml(case.data.decode())
        return False

    _, took_ns, _ = tried(Decoder("toml", (), is_read, json_drawer), Case("", text.encode()))

    assert took_ns < 250_000_000


@given(st.text() | st.text("a.[]{}=\"'\n# 1"))
def test_any_text_is_a_document_or_refused(text: str) -> None:
    try:
        found = parse_toml(text)
    except PlainTomlError:
        return

    assert isinstance(found, dict)
