"""Fake secrets with a mark in each, and the search for them in everything that a run leaves behind."""

import base64
import gzip
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from pyarrow import parquet  # type: ignore[import-untyped]  # it has no type hints

SLICE = 20
"""Characters of a key's body that would be enough to notice it."""
PEM_LINE = re.compile(rb"^[A-Za-z0-9+/=]{24,}$", re.MULTILINE)
PEM_COMMON = 24
"""What every Ed25519 key in PKCS 8 begins with, and no secret."""


def forms(secret: bytes) -> set[bytes]:
    """Return the ways in which a one-line secret could stand somewhere."""
    hexed = secret.hex().encode()
    shifted = {base64.b64encode(b"\0" * shift + secret)[4 * (shift > 0) : -4] for shift in range(3)}
    return {secret, secret[: len(secret) // 2], hexed, hexed.upper(), quote(secret, safe="").encode(), secret[::-1], *shifted}


def forms_of_pem(pem: bytes) -> set[bytes]:
    """Return slices of a private key's body, and of its raw bytes, as they could stand somewhere."""
    body = b"".join(PEM_LINE.findall(pem))
    assert len(body) >= PEM_COMMON + SLICE
    secret = body[PEM_COMMON - 4 :]
    slices = {secret[at : at + SLICE] for at in range(0, len(secret) - SLICE + 1, SLICE // 2)}
    raw = base64.b64decode(body)[16:]
    halves = {raw[at : at + 8] for at in range(0, len(raw) - 7, 8)}
    return slices | halves | {half.hex().encode() for half in halves}


def secrets_of(folder: Path) -> dict[str, set[bytes]]:
    """Return the forms of what every file of a folder of keys holds, by the file's name."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes().strip()
            found[str(path.relative_to(folder))] = forms_of_pem(content) if b"PRIVATE KEY" in content else forms(content)
    return found


def readings(root: Path, keys: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of every file below a root but the keys', unpacked where it is packed, and its name itself."""
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if not path.is_file() or path.is_relative_to(keys):
            continue
        content = path.read_bytes()
        yield name, name.encode() + b"\n" + content
        if content.startswith(b"\x1f\x8b"):
            yield f"{name}, unpacked", gzip.decompress(content)
        if content.startswith(b"PAR1"):
            yield f"{name}, unpacked", str(parquet.read_table(path).to_pylist()).encode()


def leaks(secrets: dict[str, set[bytes]], read: Mapping[str, bytes]) -> list[str]:
    """Return where something of a secret stands: names alone, so that a failing test tells no secret either."""
    return [
        f"{name} holds {secret}"
        for name, content in read.items()
        for secret, shapes in secrets.items()
        if any(shape in content for shape in shapes)
    ]
