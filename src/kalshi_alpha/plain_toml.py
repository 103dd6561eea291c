"""Read TOML that may be anything: what would take its reader long is refused first, and there is one kind of error."""

import re
import tomllib
from typing import Any, Final

CHARACTERS_MAX: Final = 131_072
PARTS_MAX: Final = 8
"""Of a dotted key. The library's time grows with the square of them, and of the tables within each other."""
DEPTH_MAX: Final = 32
"""On one line: inline tables can't go on on the next one, and the reader gives deeper arrays up by itself."""
_PART: Final = r"(?:[A-Za-z0-9_-]++|\"[^\"\n]*+\"|'[^'\n]*+')"
# Begun at the beginning of a name only, and never tried again with less of it: the time grows with the line, not with its square.
_is_long_key: Final = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}[ \t]*+\.[ \t]*+){{{PARTS_MAX}}}{_PART}").search
_is_nested: Final = re.compile(rf"(?:[\[{{][^\[\]{{}}\n]*+){{{DEPTH_MAX + 1}}}").search


class PlainTomlError(ValueError):
    """The text isn't TOML, or not the plain kind."""


def parse_toml(text: str) -> dict[str, Any]:
    """Return the document.

    Raises:
        PlainTomlError: not TOML, or too large, too deep, a dotted key of too many parts, a number of thousands of digits.

    """
    if len(text) > CHARACTERS_MAX:
        message = f"{len(text)} characters, expected at most {CHARACTERS_MAX}"
        raise PlainTomlError(message)
    for line, content in enumerate(text.split("\n"), 1):
        if _is_long_key(content):
            message = f"more than {PARTS_MAX} names with dots between them (at line {line})"
            raise PlainTomlError(message)
        if _is_nested(content):
            message = f"brackets {DEPTH_MAX + 1} deep (at line {line})"
            raise PlainTomlError(message)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is a plain ValueError
        raise PlainTomlError(str(error)) from error
