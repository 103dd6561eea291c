"""Who may ask: the venue's check of the three headers, apart from everything else. Pure: keys and times are arguments.

The text signed is ``timestamp_ms + METHOD + path`` with the whole path and without the query. The window of accepted timestamps isn't
symmetric: the recorded edges lie between 5 and 30 s behind, and beyond 30 s ahead.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from kalshi_alpha.sim.exchange.errors import Refusal

KEY_HEADER: Final = "KALSHI-ACCESS-KEY"
TIME_HEADER: Final = "KALSHI-ACCESS-TIMESTAMP"
SIGNATURE_HEADER: Final = "KALSHI-ACCESS-SIGNATURE"
_BEHIND_MS: Final = 15_000
_AHEAD_MS: Final = 60_000
_PSS: Final = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
_PUBLIC: Final = ("/exchange/", "/series", "/events", "/markets", "/incentive_programs")
_UNAUTHORIZED: Final = 401

PublicKey = RSAPublicKey | Ed25519PublicKey


class AuthCheck:
    """Knows which keys belong to which key id."""

    def __init__(self, keys: Mapping[str, Sequence[PublicKey]], behind_ms: int = _BEHIND_MS, ahead_ms: int = _AHEAD_MS) -> None:
        self._keys = keys
        self._behind_ms = behind_ms
        self._ahead_ms = ahead_ms

    def check(self, headers: Mapping[str, str], method: str, full_path: str, clocks_ms: Sequence[int]) -> None:
        """Accept a signed request, or say why not.

        Args:
            headers: The request's; their case is the caller's mapping's business.
            method: ``GET`` for a WebSocket handshake.
            full_path: From the root, with or without its query.
            clocks_ms: The venue's time, Unix ms; a simulated venue also takes the machine's.

        Raises:
            Refusal: 401, with one of the five bodies.

        """
        key_id, timestamp, signature = (headers.get(name, "") for name in (KEY_HEADER, TIME_HEADER, SIGNATURE_HEADER))
        if not key_id and not timestamp and not signature:
            raise Refusal(_UNAUTHORIZED, "token_authentication_failure")
        if not key_id or not timestamp or not signature:
            raise Refusal(_UNAUTHORIZED, "signature_is_missing_from_headers")
        if not self._is_timely(timestamp, clocks_ms):
            raise Refusal(_UNAUTHORIZED, "header_timestamp_expired")
        keys = self._keys.get(key_id)
        if keys is None:
            raise Refusal(_UNAUTHORIZED, "authentication_error", "NOT_FOUND")
        text = f"{timestamp}{method.upper()}{full_path.partition('?')[0]}".encode()
        if not any(_verifies(key, signature, text) for key in keys):
            raise Refusal(_UNAUTHORIZED, "authentication_error", "INCORRECT_API_KEY_SIGNATURE")

    def _is_timely(self, timestamp: str, clocks_ms: Sequence[int]) -> bool:
        if not (timestamp.isascii() and timestamp.isdigit()):
            return False
        sent_ms = int(timestamp)
        return any(clock_ms - self._behind_ms <= sent_ms <= clock_ms + self._ahead_ms for clock_ms in clocks_ms)


def is_public(method: str, path: str) -> bool:
    """Whether a path below the root needs no signature."""
    return method == "GET" and path.startswith(_PUBLIC)


def _verifies(key: PublicKey, signature: str, text: bytes) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        if isinstance(key, Ed25519PublicKey):
            key.verify(raw, text)
        else:
            key.verify(raw, text, _PSS, hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
