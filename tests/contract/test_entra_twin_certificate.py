"""Sign-in by certificate, by msal and by assertions made here, right and wrong."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import stat
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent_ops.sandbox.client_certificate import ensure_client_certificate
from tests.contract.entra_bench import SCOPE, WORLD, Bench, acquire, served

TOKEN_PATH = f"/{WORLD.tenant_id}/oauth2/v2.0/token"
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class Key:
    """A key with its certificate, and the two digests by which it is known."""

    private: str
    public: str
    sha1: bytes
    sha256: bytes


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Key, Key]:
    """The application's key, and one that nobody has registered."""
    directory = tmp_path_factory.mktemp("keys")
    return _key(directory / "client.pem"), _key(directory / "stranger.pem")


def _key(path: Path) -> Key:
    public = ensure_client_certificate(path)
    der = x509.load_pem_x509_certificate(public.encode()).public_bytes(Encoding.DER)
    private = path.read_text().partition("-----BEGIN CERTIFICATE-----")[0]
    return Key(private, public, hashlib.sha1(der, usedforsecurity=False).digest(), hashlib.sha256(der).digest())


@pytest.fixture
async def bench(tmp_path: Path, keys: tuple[Key, Key]) -> AsyncIterator[Bench]:
    async with served(tmp_path, replace(WORLD, client_certificate=keys[0].public)) as bench:
        yield bench


def test_the_file_is_private_and_made_once(tmp_path: Path) -> None:
    path = tmp_path / "client.pem"
    public = ensure_client_certificate(path)
    assert ensure_client_certificate(path) == public and "PRIVATE" not in public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and "PRIVATE KEY" in path.read_text()


# --- msal


@pytest.mark.parametrize("named", [True, False])
async def test_msal_signs_in_by_certificate(bench: Bench, keys: tuple[Key, Key], named: bool) -> None:
    """With a thumbprint msal signs as it used to (RS256, SHA-1), without one as Microsoft asks now (PS256, SHA-256)."""
    result = await asyncio.to_thread(acquire, bench.base_url, bench.tls, secret=_credential(keys[0], named))
    assert "access_token" in result, result
    assert jwt.decode(result["access_token"], options={"verify_signature": False})["appidacr"] == "2"
    await bench.json("GET", "/users", headers={"Authorization": f"Bearer {result['access_token']}"})


@pytest.mark.parametrize("named", [True, False])
async def test_msal_is_told_that_a_certificate_is_not_registered(bench: Bench, keys: tuple[Key, Key], named: bool) -> None:
    result = await asyncio.to_thread(acquire, bench.base_url, bench.tls, secret=_credential(keys[1], named))
    assert (result["error"], result["error_codes"]) == ("invalid_client", [700027])
    digest = keys[1].sha1 if named else keys[1].sha256
    assert f"The key was not found., Thumbprint of key used by client: '{digest.hex().upper()}'" in result["error_description"]


async def test_a_tenant_without_certificates_knows_none(tmp_path: Path, keys: tuple[Key, Key]) -> None:
    async with served(tmp_path) as plain:
        result = await asyncio.to_thread(acquire, plain.base_url, plain.tls, secret=_credential(keys[0], True))
        assert result["error_codes"] == [700027]


async def test_the_registration_lists_the_certificate_and_its_end(bench: Bench, keys: tuple[Key, Key]) -> None:
    path = f"/applications(appId='{WORLD.client_id}')"
    key = (await bench.json("GET", path))["keyCredentials"][0]
    assert base64.b64decode(key["customKeyIdentifier"]) == keys[0].sha1 and key["key"] is None
    assert (key["type"], key["usage"], key["displayName"]) == ("AsymmetricX509Cert", "Verify", "CN=agent-ops")
    bench.twin.conditions.change(certificate_ends=time.time() - 1)
    assert (await bench.json("GET", path))["keyCredentials"][0]["endDateTime"] < key["endDateTime"]
    result = await asyncio.to_thread(acquire, bench.base_url, bench.tls, secret=_credential(keys[0], False))
    assert result["error_codes"] == [700027] and "The key used is expired." in result["error_description"]


def _credential(key: Key, named: bool) -> dict[str, str]:
    credential = {"private_key": key.private, "public_certificate": key.public}
    return {**credential, "thumbprint": key.sha1.hex()} if named else credential


# --- assertions


async def _answer(bench: Bench, assertion: str, **changes: str) -> tuple[int, dict[str, Any]]:
    form = {
        "grant_type": "client_credentials",
        "client_id": WORLD.client_id,
        "scope": SCOPE,
        "client_assertion_type": TYPE,
        "client_assertion": assertion,
        **changes,
    }
    response = await bench.graph.post(TOKEN_PATH, data=form)
    return response.status_code, response.json()


def _assertion(bench: Bench, key: Key, signed_by: Key, headers: dict[str, str] | None = None, **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "aud": f"{bench.base_url}{TOKEN_PATH}",
        "iss": WORLD.client_id,
        "sub": WORLD.client_id,
        "jti": str(uuid.uuid4()),
        "nbf": now,
        "exp": now + 600,
        **changes,
    }
    named = {"x5t#S256": base64.urlsafe_b64encode(key.sha256).decode().rstrip("=")} if headers is None else headers
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, signed_by.private, algorithm="PS256", headers=named)


async def test_an_assertion_may_be_used_again_until_it_ends(bench: Bench, keys: tuple[Key, Key]) -> None:
    assertion = _assertion(bench, keys[0], keys[0])
    assert [(await _answer(bench, assertion))[0] for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    ("changes", "status", "code", "words"),
    [
        ({"nbf": 1_000, "exp": 2_000}, 401, 700024, "expiry time of assertion 1970-01-01T00:33:20.0000000Z"),
        ({"nbf": 4_000_000_000, "exp": 4_000_000_600}, 401, 700024, "not within its valid time range"),
        ({"exp": None}, 400, 50027, "malformed"),
        ({"exp": "soon"}, 400, 50027, "malformed"),
        ({"iss": str(uuid.UUID(int=1))}, 401, 700021, "application identifier doesn't match"),
        ({"sub": str(uuid.UUID(int=1))}, 401, 700021, "application identifier doesn't match"),
        ({"aud": "https://login.elsewhere.test/token"}, 401, 700023, "audience claim"),
    ],
)
async def test_claims_are_judged(
    bench: Bench, keys: tuple[Key, Key], changes: dict[str, Any], status: int, code: int, words: str
) -> None:
    answered, body = await _answer(bench, _assertion(bench, keys[0], keys[0], **changes))
    assert (answered, body["error_codes"]) == (status, [code]) and words in body["error_description"]


async def test_the_signature_is_judged(bench: Bench, keys: tuple[Key, Key]) -> None:
    status, body = await _answer(bench, _assertion(bench, keys[0], keys[1]))
    assert (status, body["error"], body["error_codes"]) == (401, "invalid_client", [700027])
    assert "use of the key to verify the signature failed" in body["error_description"]
    unsigned = jwt.encode({"iss": WORLD.client_id}, "", algorithm="none", headers={"x5t": _short(keys[0])})
    assert (await _answer(bench, unsigned))[1]["error_codes"] == [700027]
    by_secret = jwt.encode({"iss": WORLD.client_id}, "s" * 32, algorithm="HS256", headers={"x5t": _short(keys[0])})
    assert (await _answer(bench, by_secret))[1]["error_codes"] == [700027]


async def test_what_is_no_assertion_is_refused(bench: Bench, keys: tuple[Key, Key]) -> None:
    unnamed = _assertion(bench, keys[0], keys[0], headers={})
    status, body = await _answer(bench, unnamed)
    assert (status, body["error_codes"]) == (400, [50027]) and "No certificate thumbprint" in body["error_description"]
    for text in ("nonsense", "a.b.c", "\N{SNOWMAN}"):
        assert (await _answer(bench, text))[1]["error_codes"] == [50027], text
    good = _assertion(bench, keys[0], keys[0])
    assert (await _answer(bench, good, client_assertion_type="jwt"))[1]["error_codes"] == [900144]
    assert (await _answer(bench, good, client_id=str(uuid.UUID(int=1))))[1]["error_codes"] == [700016]


def _short(key: Key) -> str:
    return base64.urlsafe_b64encode(key.sha1).decode().rstrip("=")
