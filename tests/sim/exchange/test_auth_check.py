"""Signatures at the simulated venue: what the real one accepts, and the five ways in which it refuses."""

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from kalshi_alpha.sim.exchange.auth_check import AuthCheck, is_public
from kalshi_alpha.sim.exchange.errors import Refusal

NOW_MS = 1_795_444_800_000
PATH = "/trade-api/v2/portfolio/balance"
RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
ED25519 = ed25519.Ed25519PrivateKey.generate()
CHECK = AuthCheck({"mine": [RSA.public_key(), ED25519.public_key()]})


def by_rsa(text: bytes, salt: int = 32) -> bytes:
    return RSA.sign(text, padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=salt), hashes.SHA256())


def headers(text: str, sign: Callable[[bytes], bytes] = ED25519.sign, key_id: str = "mine", at_ms: int = NOW_MS) -> dict[str, str]:
    signature = base64.b64encode(sign(f"{at_ms}{text}".encode())).decode()
    return {"KALSHI-ACCESS-KEY": key_id, "KALSHI-ACCESS-TIMESTAMP": str(at_ms), "KALSHI-ACCESS-SIGNATURE": signature}


def refused(sent: dict[str, str], path: str = PATH) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        CHECK.check(sent, "GET", path, (NOW_MS,))
    assert caught.value.status == 401
    return caught.value.code, caught.value.details


@pytest.mark.parametrize("sign", [by_rsa, ED25519.sign])
def test_both_kinds_of_key_sign_time_method_and_whole_path_without_the_query(sign: Callable[[bytes], bytes]) -> None:
    CHECK.check(headers(f"GET{PATH}", sign), "get", f"{PATH}?subaccount=0", (NOW_MS,))


@pytest.mark.parametrize(
    "sent",
    [
        headers(f"GET{PATH}?subaccount=0"),
        headers("GET/portfolio/balance"),
        headers(f"POST{PATH}"),
        headers(f"GET{PATH}", lambda text: by_rsa(text, 20)),
        {**headers(f"GET{PATH}"), "KALSHI-ACCESS-SIGNATURE": "not base64!"},
    ],
)
def test_a_signature_of_anything_else_is_refused(sent: dict[str, str]) -> None:
    assert refused(sent) == ("authentication_error", "INCORRECT_API_KEY_SIGNATURE")


def test_an_unknown_key_is_refused() -> None:
    assert refused(headers(f"GET{PATH}", key_id="other")) == ("authentication_error", "NOT_FOUND")


def test_missing_headers_are_told_from_none_at_all() -> None:
    sent = headers(f"GET{PATH}")
    del sent["KALSHI-ACCESS-SIGNATURE"]

    assert (refused(sent)[0], refused({})[0]) == ("signature_is_missing_from_headers", "token_authentication_failure")


@pytest.mark.parametrize("offset_s", [-5, 5, 30])
def test_a_timestamp_recorded_as_accepted_is_accepted(offset_s: int) -> None:
    CHECK.check(headers(f"GET{PATH}", at_ms=NOW_MS + offset_s * 1_000), "GET", PATH, (NOW_MS,))


@pytest.mark.parametrize("offset_s", [-300, -30, 300])
def test_a_timestamp_recorded_as_refused_is_refused(offset_s: int) -> None:
    assert refused(headers(f"GET{PATH}", at_ms=NOW_MS + offset_s * 1_000))[0] == "header_timestamp_expired"


def test_a_simulated_venue_also_takes_the_machines_time() -> None:
    CHECK.check(headers(f"GET{PATH}"), "GET", PATH, (0, NOW_MS))


def test_market_data_needs_no_signature_and_the_portfolio_does() -> None:
    assert is_public("GET", "/markets/X/orderbook")
    assert is_public("GET", "/exchange/status")
    assert not is_public("GET", "/portfolio/balance")
    assert not is_public("POST", "/markets")
