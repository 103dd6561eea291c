"""The key files a client needs: made once, readable by their owner alone."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from kalshi_alpha.cli import UsageError
from kalshi_alpha.sim.exchange.auth_check import PublicKey
from kalshi_alpha.sim.key_folders import GUARDIAN_KEYS

_RSA_BITS: Final = 2_048


def load_keys(folder: Path) -> dict[str, list[PublicKey]]:
    """Return the public keys of the account's key ids, making what is absent: ``key_id``, ``rsa.pem``, ``ed25519.pem``.

    The second key id has ``guardian/key_id`` and ``guardian/ed25519.pem``.

    Raises:
        UsageError: the folder can't be used, or a file isn't a private key.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / GUARDIAN_KEYS).mkdir(exist_ok=True)
        key_id, second_id = _key_id(folder), _key_id(folder / GUARDIAN_KEYS)
        found = [
            _public(_kept(folder / "rsa.pem", lambda: _pem(rsa.generate_private_key(public_exponent=65_537, key_size=_RSA_BITS)))),
            _ed25519(folder),
        ]
        second = [_ed25519(folder / GUARDIAN_KEYS)]
    except (OSError, ValueError, TypeError) as error:
        message = f"--keys {folder}: {error}"
        raise UsageError(message) from error
    return {key_id: found, second_id: second}


def _key_id(folder: Path) -> str:
    return _kept(folder / "key_id", lambda: secrets.token_hex(16).encode()).decode().strip()


def _ed25519(folder: Path) -> PublicKey:
    return _public(_kept(folder / "ed25519.pem", lambda: _pem(ed25519.Ed25519PrivateKey.generate())))


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    if path.exists():
        return path.read_bytes()
    content = make()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return content


def _pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public(pem: bytes) -> PublicKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        message = "not an RSA or Ed25519 key"
        raise TypeError(message)
    return key.public_key()
