"""How deeply a JSON document nests, found without reading it: whoever reads it recurses."""

import re
from typing import Final

DEPTH_MAX: Final = 32
"""The deepest thing that any of our services sends has seven levels."""
BRACKETS_MAX: Final = 100_000
"""The venue's largest page has some 20,000."""
MARKS_MAX: Final = 400_000
"""Quotes and backslashes, where texts with brackets of their own must be told from the rest: 90 ns each."""
_AS_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
# A string that never ends goes to the document's end: otherwise each quote inside of it would be tried as another beginning.
_without_strings: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL).sub


def nesting_refusal(document: str | bytes | bytearray) -> str | None:
    """Return why a document nests too much to be read; None: it may be read. Takes 50 ms at most for 8 MiB.

    A document whose brackets don't close, or close wrongly, is refused only where it has many of them; a reader refuses the others.
    """
    text = document.encode(errors="surrogatepass") if isinstance(document, str) else document
    opening = text.count(b"[") + text.count(b"{")
    if opening <= DEPTH_MAX:
        return None
    if opening + text.count(b"]") + text.count(b"}") > BRACKETS_MAX:
        return f"more than {BRACKETS_MAX} brackets"
    if not _is_left(text):
        return None
    if text.count(b'"') + text.count(b"\\") > MARKS_MAX:
        return f"more than {MARKS_MAX} quotes and backslashes among brackets that don't close"
    return f"nested deeper than {DEPTH_MAX} levels" if _is_left(_without_strings(b"", text)) else None


def _is_left(document: bytes | bytearray) -> bool:
    """Whether brackets are left when the innermost pairs are taken away as often as may be: each time it is one level."""
    brackets = document.translate(_AS_ONE_KIND, _NO_BRACKETS)
    for _ in range(DEPTH_MAX):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True
