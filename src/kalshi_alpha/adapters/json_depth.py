"""How deeply a JSON document nests, found without reading it: whoever reads it recurses."""

import re
from typing import Final

DEPTH_MAX: Final = 32
"""The deepest thing that any of our services sends has seven levels."""
BRACKETS_MAX: Final = 50_000
"""Opening ones; the venue's largest page has some 10,000."""
_AS_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
# A string that never ends goes to the document's end: otherwise each quote inside of it would be tried as another beginning.
_without_strings: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL).sub


def is_too_nested(document: str | bytes | bytearray) -> bool:
    """Whether a document nests deeper than ``DEPTH_MAX`` or has more than ``BRACKETS_MAX``; takes 20 ms at most for a megabyte.

    Also where so many brackets don't close: then it is no JSON. A document with few brackets is let through without a look at them.
    """
    text = document.encode(errors="surrogatepass") if isinstance(document, str) else document
    opening = text.count(b"[") + text.count(b"{")
    if opening <= DEPTH_MAX:
        return False
    if opening > BRACKETS_MAX:
        return True
    return _is_left(text) and _is_left(_without_strings(b"", text))


def _is_left(document: bytes | bytearray) -> bool:
    """Whether brackets are left when the innermost pairs are taken away as often as may be: each time it is one level."""
    brackets = document.translate(_AS_ONE_KIND, _NO_BRACKETS)
    for _ in range(DEPTH_MAX):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True
