"""Signatures verify with the public key over exactly the documented text; unusable key files are refused in one line."""

import base64
import os
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from kalshi_alpha.adapters.kalshi.auth import KeyFileError, load_signer

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey


def pem_of(key: PrivateKey, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def secret_file(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2_048)


@pytest.fixture
def key_id_file(tmp_path: Path) -> Path:
    return secret_file(tmp_path / "key_id", b"a952bcbe-ec3b-4b5b-b8f9-11dae589608c\n")


def test_an_ed25519_signature_covers_timestamp_method_and_full_path(tmp_path: Path, key_id_file: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    signer = load_signer(key_id_file, secret_file(tmp_path / "key.pem", pem_of(key)))

    headers = signer.headers("get", "/trade-api/v2/portfolio/balance", 1_703_123_456_789)

    assert headers["KALSHI-ACCESS-KEY"] == "a952bcbe-ec3b-4b5b-b8f9-11dae589608c"
    assert headers["KALSHI-ACCESS-TIMESTAMP"] == "1703123456789"
    signature = base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"], validate=True)
    key.public_key().verify(signature, b"1703123456789GET/trade-api/v2/portfolio/balance")


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_rsa_signature_is_pss_with_a_salt_of_32_bytes(
    tmp_path: Path, key_id_file: Path, rsa_key: rsa.RSAPrivateKey, form: PrivateFormat
) -> None:
    signer = load_signer(key_id_file, secret_file(tmp_path / "key.pem", pem_of(rsa_key, form)))

    headers = signer.headers("DELETE", "/trade-api/v2/portfolio/events/orders", 1_703_123_456_789)

    signature = base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"], validate=True)
    text = b"1703123456789DELETE/trade-api/v2/portfolio/events/orders"
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    rsa_key.public_key().verify(signature, text, scheme, hashes.SHA256())


def test_the_query_is_not_signed(tmp_path: Path, key_id_file: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    signer = load_signer(key_id_file, secret_file(tmp_path / "key.pem", pem_of(key)))

    headers = signer.headers("GET", "/trade-api/v2/portfolio/orders?limit=5", 1)

    signature = base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"])
    key.public_key().verify(signature, b"1GET/trade-api/v2/portfolio/orders")
    with pytest.raises(InvalidSignature):
        key.public_key().verify(signature, b"1GET/trade-api/v2/portfolio/orders?limit=5")


def test_the_signer_shows_nothing_of_its_key(tmp_path: Path, key_id_file: Path) -> None:
    signer = load_signer(key_id_file, secret_file(tmp_path / "key.pem", pem_of(ed25519.Ed25519PrivateKey.generate())))

    assert "a952bcbe" not in repr(signer)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, key_id_file: Path, mode: int) -> None:
    path = secret_file(tmp_path / "key.pem", pem_of(ed25519.Ed25519PrivateKey.generate()), mode)

    with pytest.raises(KeyFileError, match=f"key.pem: mode {mode:04o} lets others"):
        load_signer(key_id_file, path)


def test_a_missing_file_is_named(tmp_path: Path, key_id_file: Path) -> None:
    with pytest.raises(KeyFileError, match=r"nowhere\.pem: No such file or directory"):
        load_signer(key_id_file, tmp_path / "nowhere.pem")


def test_a_path_through_a_file_is_refused(tmp_path: Path, key_id_file: Path) -> None:
    with pytest.raises(KeyFileError, match="Not a directory"):
        load_signer(key_id_file, key_id_file / "key.pem")


def test_a_folder_and_a_pipe_are_no_regular_files(tmp_path: Path, key_id_file: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)

    with pytest.raises(KeyFileError, match="pipe: not a regular file"):
        load_signer(key_id_file, tmp_path / "pipe")
    with pytest.raises(KeyFileError, match="not a regular file"):
        load_signer(key_id_file, tmp_path)


@pytest.mark.parametrize("content", [b"", b"canary-secret", b"-----BEGIN PRIVATE KEY-----\ncanary-secret\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_pem_is_refused_without_showing_it(tmp_path: Path, key_id_file: Path, content: bytes) -> None:
    with pytest.raises(KeyFileError, match="not an unencrypted PEM private key") as refused:
        load_signer(key_id_file, secret_file(tmp_path / "key.pem", content))

    assert "canary" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_encrypted_key_is_refused(tmp_path: Path, key_id_file: Path) -> None:
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass"))

    with pytest.raises(KeyFileError, match="not an unencrypted PEM private key"):
        load_signer(key_id_file, secret_file(tmp_path / "key.pem", pem))


def test_other_kinds_of_keys_are_refused(tmp_path: Path, key_id_file: Path) -> None:
    with pytest.raises(KeyFileError, match="expected RSA or Ed25519"):
        load_signer(key_id_file, secret_file(tmp_path / "key.pem", pem_of(ec.generate_private_key(ec.SECP256R1()))))


@pytest.mark.parametrize("content", [b"", b"two words\n", b"line\nbreak", b"\xff\xfe", b"a\x00b"])
def test_a_key_id_must_be_one_printable_word(tmp_path: Path, content: bytes) -> None:
    pem = secret_file(tmp_path / "key.pem", pem_of(ed25519.Ed25519PrivateKey.generate()))

    with pytest.raises(KeyFileError, match=r"id: (not|expected)"):
        load_signer(secret_file(tmp_path / "id", content), pem)
