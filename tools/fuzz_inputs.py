"""Strange inputs from valid samples: what the sample is made of is changed first, then, now and then, its bytes.

A JSON sample is walked once; at each place it may lose a field, get one twice, swap types, become a number that costs a careless reader
minutes, nest deeply, or grow huge. TOML is changed line by line. The same ``Random`` gives the same inputs.
"""

import json
from collections.abc import Callable
from random import Random
from typing import Final

Tree = object
"""A JSON document: `Fields`, lists and `Literal` texts."""


class Fields(list[tuple[str, Tree]]):
    """A JSON object, in its order; a key may be there twice."""


class Literal(bytes):
    """A number, a word or a string, as it stands in the document."""


STRANGE: Final[tuple[bytes, ...]] = (
    b"null", b"true", b"false", b"{}", b"[]", b"[[]]", b'""', b"0", b"-0", b"-1", b"1", b"2.5", b"-0.0", b"1e5", b"1E+1000000", b"1e309",
    b"1E-999999", b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b".5", b"1.", b"0x10", b"9223372036854775807", b"9223372036854775808",
    b"-9223372036854775809", b"18446744073709551615", b"18446744073709551616", b"340282366920938463463374607431768211456", b"1" * 400,
    b"1" * 5_000, b"-" + b"9" * 5_000, b"0." + b"3" * 5_000, b"1" + b"0" * 400 + b".5", b"5e-324", b"1.7976931348623157e308",
    '"\u0660.\u0665"'.encode(), '"\uff10.\uff15\uff16"'.encode(), b'" 0.56 "', b'"0.56\\n"', b'"0_5"', b'"1E+1000000"', b'"1E-999999"',
    b'"NaN"', b'"Infinity"', b'"-0.00"', b'"0.56"', b'"0.5600000000"', b'"0.00001"', b'"1.0001"', b'"-0.5"', b'"+0.5"', b'".5"', b'"5."',
    b'"0x1p-2"', b'"999999999999.99"', b'"9999999999999.99"', b'"' + b"9" * 5_000 + b'"', b'"0.' + b"0" * 5_000 + b'1"',
    b'"\\u0000"', b'"\\ud800"', b'"\\udfff\\ud800"', b'"\\u202e\\u2066"', b'"\\x41"', b'"\xff\xfe"', b'"\xed\xa0\x80"',
    b'"\xf0\x9f\x98\x80"',
    b'"\x1b[2J"', b'"\r\n"', b'"../../etc/passwd"', b'"<script>"', b'"%s%n"', b'"yes"', b'"no"', b'"bid"', b'"polygon"', b'"operator_stop"',
    b'"2026-11-23T15:00:00Z"', b'"2026-02-30T15:00:00Z"', b'"0000-01-01T00:00:00Z"', b'"0001-01-01T00:00:00+23:59"',
    b'"9999-12-31T23:59:59.999999999-23:59"', b'"2026-11-23T15:00:00+99:99"', b'"2026-11-23T24:00:60Z"', b'"2026-11-23 15:00:00"',
    '"\u0662\u0660\u0662\u0666-11-23T15:00:00Z"'.encode(), b'"24:00"', b'"23:59"', b'"KXINXU-26NOV23H1000"', b'"A"', b'"I:SPX"',
    b'"I:NDX"', b"1795446000123", b"1795446000123456789", b"1795446000", b"-1795446000123", b"1.795446000123e12",
)  # fmt: skip
"""What stands in place of a value."""
_STRANGE_TOML: Final[tuple[bytes, ...]] = (
    b"true", b"0", b"-1", b"1.5", b"nan", b"-inf", b"inf", b"1e400", b"1e1000000", b"1_000", b"0x10", b"0o17", b"0b1",
    b"9223372036854775808",
    b"9" * 5_000, b"0." + b"3" * 5_000, b'""', b'"x"', b"'x'", b'"""x"""', b'"\\u0000"', b'"\\ud800"', b'"\x00"', b'"\xff"',
    b'"' + b"x" * 5_000 + b'"',
    b"[]", b"[[]]", b"[1, 'a', {}]", b"{}", b"{a = 1}", b"{a.b.c = 1, a.b.d = {}}", b"2026-11-27", b"0001-01-01", b"9999-12-31",
    b"2026-02-30",
    b"09:30:00", b"23:59:60", b"2026-11-27T10:00:00", b"2026-11-27T10:00:00Z", b"9999-12-31T23:59:59-23:59", b"0001-01-01T00:00:00+23:59",
    b"0001-01-01T00:00:00+00:00", b"2026-11-27T10:00:00-05:00", b'"10:00"', b'"24:00"', b'"2026-11-27T10:00:00+99:00"',
    b'"9999-12-31T23:00:00-05:00"',
    b'"0001-01-01T00:00:00+14:00"', b'"2026-11-27"', b'"20261127"', b'"2026-W48-5"', '"\u0660\u0669:30"'.encode(), b'"I:SPX"', b'"INXU"',
    b"['10:00']",
    b"['10:00', '10:00']", b"[['10:00']]", b"" , b"#", b"= 1",
)  # fmt: skip
_DEPTHS: Final = (2, 5, 31, 32, 33, 100, 2_000)
_TIMES: Final = (2, 2, 3, 50, 1_000)
_HUGE: Final = (1_000, 10_000, 100_000)
_BYTES: Final = tuple(bytes([one]) for one in b'"\\{}[]:,0e.-+ \n\r\t\x00\x7f\x80\xc0\xff=#_')
_OFTEN: Final = 0.85
"""The share of inputs whose bytes stay as the changed sample gave them."""


def tree_of(sample: bytes) -> Tree:
    """Return a JSON sample as a tree, its numbers as they are written."""
    return json.loads(sample, object_pairs_hook=_fields, parse_float=_literal, parse_int=_literal)


def _fields(pairs: list[tuple[str, object]]) -> Fields:
    return Fields(pairs)


def _literal(text: str) -> Literal:
    return Literal(text.encode())


class JsonInputs:
    """Draws inputs from JSON samples."""

    def __init__(self, rng: Random, samples: tuple[bytes, ...]) -> None:
        """Take the source of chance and the samples."""
        self._rng = rng
        self._trees = [tree_of(sample) for sample in samples]
        self._places = [max(1, _places(tree)) for tree in self._trees]
        self._parts = [part for tree in self._trees for part in _scalars(tree)] or [b"null"]
        self._keys = [key for tree in self._trees for key in _keys(tree)] or [b'"x"']
        self._share = 0.0

    def draw(self, number: int) -> bytes:
        """Return a changed copy of one sample: of about one to four places of it, and rarely none."""
        rng = self._rng
        self._share = rng.choice((0.0, 1.0, 1.0, 1.5, 4.0)) / self._places[number]
        out: list[bytes] = []
        self._write(self._trees[number], out)
        return b"".join(out)

    def _write(self, tree: Tree, out: list[bytes]) -> None:
        if self._rng.random() < self._share:
            self._write_changed(tree, out)
        elif isinstance(tree, Fields):
            self._write_fields(tree, out)
        elif isinstance(tree, list):
            self._write_items(tree, out)
        else:
            out.append(_text(tree))

    def _write_fields(self, fields: Fields, out: list[bytes]) -> None:
        separator = b"{"
        for key, value in fields:
            out += (separator, json.dumps(key).encode(), b":")
            self._write(value, out)
            separator = b","
        out.append(b"}" if fields else b"{}")

    def _write_items(self, items: list[Tree], out: list[bytes]) -> None:
        separator = b"["
        for item in items:
            out.append(separator)
            self._write(item, out)
            separator = b","
        out.append(b"]" if items else b"[]")

    def _write_changed(self, tree: Tree, out: list[bytes]) -> None:
        rng = self._rng
        kind = rng.randrange(10)
        if kind < 3:
            out.append(rng.choice(STRANGE))
        elif kind == 3:
            out.append(rng.choice(self._parts))
        elif kind == 4:
            self._nest(tree, out)
        elif isinstance(tree, Fields):
            self._write_fields(self._changed_fields(tree), out)
        elif isinstance(tree, list):
            self._write_items(self._changed_items(tree), out)
        else:
            out.append(self._changed_scalar(_text(tree)))

    def _nest(self, tree: Tree, out: list[bytes]) -> None:
        """Put a value inside of many arrays or objects, now and then without their ends."""
        rng = self._rng
        depth = rng.choice(_DEPTHS)
        opening, closing = rng.choice(((b"[", b"]"), (b'{"x":', b"}"), (b'[{"type":', b"}]")))
        out += (
            opening * depth,
            _text(tree) if isinstance(tree, bytes | str) else b"1",
            closing * (depth if rng.random() < _OFTEN else depth - 1),
        )

    def _changed_fields(self, fields: Fields) -> Fields:
        rng = self._rng
        changed = Fields(fields)
        kind = rng.randrange(5)
        place = rng.randrange(len(fields) + 1)
        if kind == 0 and fields:
            del changed[place % len(fields)]
        elif kind == 1 and fields:
            key, _ = fields[place % len(fields)]
            changed.insert(place, (key, Literal(rng.choice(STRANGE))))
        elif kind == 2 and fields:
            _, value = fields[place % len(fields)]
            changed[place % len(fields)] = (json.loads(rng.choice(self._keys)), value)
        elif kind == 3:
            rng.shuffle(changed)
        else:
            depth = rng.choice(_DEPTHS)
            changed.insert(place, ("unknown", Literal(b"[" * depth + b"]" * depth)))
        return changed

    def _changed_items(self, items: list[Tree]) -> list[Tree]:
        rng = self._rng
        kind = rng.randrange(4)
        if kind == 0 or not items:
            return items[: rng.randrange(len(items) + 1)]
        place = rng.randrange(len(items))
        if kind == 1:
            return items[:place] + [items[place]] * rng.choice(_TIMES) + items[place:]
        if kind == 2:
            return [*items[:place], Literal(rng.choice(STRANGE)), *items[place:]]
        return items[::-1]

    def _changed_scalar(self, text: bytes) -> bytes:
        rng = self._rng
        kind = rng.randrange(6)
        if kind == 0:
            return text[1:-1] if text[:1] == b'"' else b'"' + text + b'"'
        if kind == 1 and text[:1] == b'"':
            return b'"' + text[1:-1] * rng.choice(_TIMES) + b'"'
        if kind == 2:
            filler = rng.choice((b"x", b"9", b"0", b"[", b"\\n", b"\\u0661", "\U0001f600".encode()))
            return b'"' + filler * rng.choice(_HUGE) + b'"'
        if kind == 3 and text[:1] != b'"':
            return text + rng.choice((b"0", b"000", b".5", b"e9", b"E+1000000", b"e-400", b"0" * 30))
        place = rng.randrange(1, max(2, len(text)))
        return (
            text[:place]
            + rng.choice((b"", b"0", b"9", b".", b"-", b"e", b" ", b"_", b"x", b"\\u0665", "\u0665".encode()))
            + text[place + kind % 2 :]
        )


def toml_inputs(rng: Random, sample: bytes) -> bytes:
    """Return a changed copy of a TOML sample."""
    lines = sample.split(b"\n")
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        place = rng.randrange(len(lines))
        key, equals, value = lines[place].partition(b" = ")
        kind = rng.randrange(10)
        if kind < 5 and equals:
            lines[place] = key + b" = " + rng.choice(_STRANGE_TOML)
        elif kind == 5:
            lines.insert(place, lines[rng.randrange(len(lines))])
        elif kind == 6:
            del lines[place]
            lines = lines or [b""]
        elif kind == 7 and equals:
            lines[place] = key + b" = " + _toml_nest(rng, value)
        elif kind == 8 and equals:
            lines[place] = (
                rng.choice((b"x", b"a.b.c", b"date", b'"\\u0000"', b"a." * rng.choice((3, 100, 1_000)) + b"a", b"")) + b" = " + value
            )
        else:
            lines.insert(
                place,
                rng.choice((b"[venue]", b"[[day]]", b"[day]", b"[a.b.c]", b"[[a.b]]", b"[" * 500, b"x = 1", b"[feeds.further.x]", b"\x00")),
            )
    return b"\n".join(lines)


def _toml_nest(rng: Random, value: bytes) -> bytes:
    depth = rng.choice(_DEPTHS)
    opening, closing = rng.choice(((b"[", b"]"), (b"{a = ", b"}")))
    return opening * depth + value + closing * (depth if rng.random() < _OFTEN else depth - 1)


def spoiled(rng: Random, data: bytes, largest: int) -> bytes:
    """Return the input, or now and then one whose bytes were cut, changed, added to or doubled; never longer than ``largest``."""
    if rng.random() < _OFTEN:
        return data[:largest]
    changes: tuple[Callable[[], bytes], ...] = (
        lambda: data[: rng.randrange(len(data) + 1)],
        lambda: data[rng.randrange(len(data) + 1) :],
        lambda: _at(rng, data, lambda old: bytes([old[0] ^ 1 << rng.randrange(8)]) if old else b"\x80"),
        lambda: _at(rng, data, lambda _: rng.choice(_BYTES)),
        lambda: _at(rng, data, lambda old: old + rng.choice(_BYTES) * rng.choice(_TIMES)),
        lambda: data + data,
        lambda: b"\xef\xbb\xbf" + data,
        lambda: data.decode(errors="replace").encode(rng.choice(("utf-16", "utf-32", "utf-7"))),
        lambda: rng.randbytes(rng.randrange(40)),
    )
    return rng.choice(changes)()[:largest]


def _at(rng: Random, data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + change(data[place : place + 1]) + data[place + 1 :]


def _text(tree: Tree) -> bytes:
    return tree if isinstance(tree, Literal) else json.dumps(tree).encode()


def _places(tree: Tree) -> int:
    if isinstance(tree, Fields):
        return 1 + sum(_places(value) for _, value in tree)
    return 1 + sum(_places(item) for item in tree) if isinstance(tree, list) else 1


def _scalars(tree: Tree) -> list[bytes]:
    if isinstance(tree, Fields):
        return [part for _, value in tree for part in _scalars(value)]
    return [part for item in tree for part in _scalars(item)] if isinstance(tree, list) else [_text(tree)]


def _keys(tree: Tree) -> list[bytes]:
    if isinstance(tree, Fields):
        return [json.dumps(key).encode() for key, _ in tree] + [key for _, value in tree for key in _keys(value)]
    return [key for item in tree for key in _keys(item)] if isinstance(tree, list) else []
