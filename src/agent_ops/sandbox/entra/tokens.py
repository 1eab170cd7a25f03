"""Access tokens: issued as RS256 JWTs with the claims of Microsoft's, and checked on every Graph call.

Claims: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference (Graph's own tokens are version 1.0).
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from agent_ops.sandbox.records import Records

GRAPH_AUDIENCE = "https://graph.microsoft.com"
LIFETIME = 3599
_TWIN, _KIND, _CACHED = "entra", "signing_key", 4096
_MALFORMED = (
    "IDX14100: JWT is not well formed, there are no dots (.).\nThe token needs to be in JWS or JWE Compact Serialization Format."
    " (JWS): 'EncodedHeader.EncodedPayload.EncodedSignature'."
)


class InvalidToken(Exception):
    """Why an access token is refused, in Graph's words."""


@dataclass(frozen=True)
class _Checked:
    roles: frozenset[str]
    expires: float


class TokenService:
    """One tenant's signing key. It is kept with the records, so that a token outlives a restart as it does at Microsoft."""

    def __init__(self, records: Records, tenant_id: str, audiences: tuple[str, ...]) -> None:
        self._tenant_id, self._audiences = tenant_id, (GRAPH_AUDIENCE, f"{GRAPH_AUDIENCE}/", *audiences)
        self._key = _load_key(records)
        self._key_id = _key_id(self._key.public_key())
        self._checked: dict[str, _Checked] = {}

    def issue(
        self,
        client_id: str,
        audience: str,
        roles: frozenset[str],
        *,
        lifetime: int = LIFETIME,
        by_certificate: bool = False,
    ) -> str:
        """A signed access token for an application; a negative ``lifetime`` gives one that has already ended."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self._tenant_id}/",
            "iat": now,
            "nbf": now + min(lifetime, 0),
            "exp": now + lifetime,
            "app_displayname": "agent-ops",
            "appid": client_id,
            "appidacr": "2" if by_certificate else "1",
            "idtyp": "app",
            "oid": str(uuid.uuid5(uuid.UUID(self._tenant_id), client_id)),
            "roles": sorted(roles),
            "tid": self._tenant_id,
            "uti": uuid.uuid4().hex[:22],
            "ver": "1.0",
        }
        claims["sub"] = claims["oid"]
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id, "x5t": self._key_id})

    def roles(self, token: str) -> frozenset[str]:
        """The application permissions in a good token. The signature of a token is verified once, its end every time."""
        checked = self._checked.get(token)
        if checked is None:
            checked = self._verify(token)
            if len(self._checked) >= _CACHED:
                self._checked.clear()
            self._checked[token] = checked
        if checked.expires <= time.time():
            self._checked.pop(token, None)
            raise InvalidToken("Lifetime validation failed, the token is expired.")
        return checked.roles

    def key_set(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        public = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        key = {"kty": "RSA", "use": "sig", "kid": self._key_id, "x5t": self._key_id, "n": public["n"], "e": public["e"]}
        return {"keys": [key]}

    def _verify(self, token: str) -> _Checked:
        if token.count(".") != 2 or not token.isascii():
            raise InvalidToken(_MALFORMED)
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                audience=self._audiences,
                options={"require": ["exp", "aud", "tid"]},
            )
        except jwt.InvalidTokenError as error:
            raise InvalidToken(_reason(error)) from None
        roles = claims.get("roles", [])
        return _Checked(frozenset(roles), float(claims["exp"]))


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "Lifetime validation failed, the token is expired."),
    (jwt.InvalidAudienceError, "Access token validation failure. Invalid audience."),
    (jwt.InvalidSignatureError, "Access token validation failure. Invalid signature."),
)


def _reason(error: Exception) -> str:
    return next((text for kind, text in _REASONS if isinstance(error, kind)), "Access token validation failure.")


def _load_key(records: Records) -> rsa.RSAPrivateKey:
    kept = records.all(_TWIN, _KIND).get("current")
    if kept is None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        records.put(_TWIN, _KIND, "current", json.loads(RSAAlgorithm.to_jwk(key)))
        return key
    loaded = RSAAlgorithm.from_jwk(kept)
    if not isinstance(loaded, rsa.RSAPrivateKey):
        raise TypeError("the records hold a signing key without its private part")
    return loaded


def _key_id(public: rsa.RSAPublicKey) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()[:27]
