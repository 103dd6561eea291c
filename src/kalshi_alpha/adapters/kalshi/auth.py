"""Signing: the venue's three headers, by an RSA or Ed25519 key that only its owner can read.

The text signed is ``timestamp_ms + METHOD + path`` with the full path from the root and without the query; the body isn't signed. A
signature is made when the request is sent, never before: the venue refuses old timestamps. The cryptography package is imported when
a key is loaded, because it costs more than everything else at start.
"""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kalshi_alpha.adapters.secret_file import SecretFileError, read_secret, read_secret_bytes

_RSA_BITS_MIN: Final = 2_048
_SALT_LENGTH: Final = 32


class KeyFileError(ValueError):
    """A key file is unusable: one line with its path and why. Never any of its content."""


class Signer:
    """Makes the headers of a request. Holds the key; its representation shows nothing."""

    __slots__ = ("_key_id", "_sign")

    def __init__(self, key_id: str, sign: Callable[[bytes], bytes]) -> None:
        self._key_id = key_id
        self._sign = sign

    def headers(self, method: str, full_path: str, timestamp_ms: int) -> dict[str, str]:
        """Return the headers that authenticate a request, WebSocket handshakes included.

        Args:
            method: ``GET`` for a handshake.
            full_path: From the root, as ``/trade-api/v2/portfolio/balance``; a query is cut off.
            timestamp_ms: Unix milliseconds of this moment.

        """
        path = full_path.partition("?")[0]
        signature = self._sign(f"{timestamp_ms}{method.upper()}{path}".encode())
        return {
            "KALSHI-ACCESS-KEY": self._key_id,
            "KALSHI-ACCESS-TIMESTAMP": str(timestamp_ms),
            "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signature).decode("ascii"),
        }


def load_signer(key_id_file: str | Path, private_key_file: str | Path) -> Signer:
    """Read the key id and the private key (PEM, RSA or Ed25519).

    Raises:
        KeyFileError: a file is missing, unreadable, not a regular file, readable by others than its owner, or not what it should be.

    """
    try:
        key_id = read_secret(Path(key_id_file))
        pem = read_secret_bytes(Path(private_key_file))
    except SecretFileError as error:
        raise KeyFileError(str(error)) from error
    if not key_id.isprintable() or " " in key_id:
        message = f"{key_id_file}: not a key id (one word of printable characters)"
        raise KeyFileError(message)
    return Signer(key_id, _signing_function(pem, private_key_file))


def _signing_function(pem: bytes, path: str | Path) -> Callable[[bytes], bytes]:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  # slow to import, see above
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        # Checking an RSA key's primes takes longer than signing; a wrong key is refused by the venue anyway.
        key = load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's words can quote the file.
        message = f"{path}: not an unencrypted PEM private key"
        raise KeyFileError(message) from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign
    if not isinstance(key, rsa.RSAPrivateKey):
        message = f"{path}: a key of type {type(key).__name__.removesuffix('PrivateKey')}, expected RSA or Ed25519"
        raise KeyFileError(message)
    if key.key_size < _RSA_BITS_MIN:
        message = f"{path}: an RSA key of {key.key_size} bits, expected at least {_RSA_BITS_MIN}"
        raise KeyFileError(message)
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=_SALT_LENGTH)
    return lambda text: key.sign(text, scheme, hashes.SHA256())
