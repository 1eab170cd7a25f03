"""Sign-in by certificate: the JWT that an application signs instead of sending a secret.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials. The page asks for PS256 with ``x5t#S256``; RS256 with
``x5t``, its former advice, works too. An assertion may be used until it ends; how far that is away is not limited.
Codes: https://learn.microsoft.com/azure/developer/java/sdk/troubleshooting-authentication-service-principal.
"""

from __future__ import annotations

import time
from typing import Any

import jwt

from agent_ops.sandbox.entra import aadsts
from agent_ops.sandbox.entra.certificate import ClientCertificate, thumbprint_in

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS = ["PS256", "RS256"]
_SKEW = 300  # seconds by which the two clocks may differ


def check_assertion(
    assertion: str, certificate: ClientCertificate | None, *, ends: float | None, client_id: str, audiences: frozenset[str]
) -> None:
    """Judge an assertion in the order key, signature, time, application, audience.

    Raises:
        OAuthError: what is wrong with it, in Microsoft's words.
    """
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.InvalidTokenError:
        raise aadsts.malformed_assertion("JWT token is invalid or malformed.") from None
    thumbprint = thumbprint_in(header)
    if not thumbprint:
        raise aadsts.malformed_assertion("Invalid JWT token. No certificate thumbprint specified in token header.")
    if certificate is None or thumbprint not in (certificate.thumbprint, certificate.thumbprint_256):
        raise aadsts.unusable_key("The key was not found.", thumbprint, client_id)
    lasts = (certificate.begins, certificate.ends(ends))
    if lasts[1] <= time.time():
        raise aadsts.unusable_key("The key used is expired.", thumbprint, client_id, lasts)
    claims = _claims(assertion, certificate, thumbprint, client_id, lasts)
    _check_time(claims)
    if (claims["iss"], claims["sub"]) != (client_id, client_id):
        raise aadsts.other_application()
    if not audiences & set(claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]):
        raise aadsts.other_audience()


def _claims(
    assertion: str, certificate: ClientCertificate, thumbprint: str, client_id: str, lasts: tuple[float, float]
) -> dict[str, Any]:
    unchecked = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    options: Any = {"require": ["aud", "exp", "iss", "sub"], **unchecked}
    try:
        claims: dict[str, Any] = jwt.decode(assertion, certificate.public_key, algorithms=_ALGORITHMS, options=options)
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
        reason = "Key was found, but use of the key to verify the signature failed."
        raise aadsts.unusable_key(reason, thumbprint, client_id, lasts) from None
    except jwt.InvalidTokenError:
        raise aadsts.malformed_assertion("JWT token is invalid or malformed.") from None
    return claims


def _check_time(claims: dict[str, Any]) -> None:
    try:
        begins, ends = float(claims.get("nbf", 0)), float(claims["exp"])
    except (TypeError, ValueError):
        raise aadsts.malformed_assertion("JWT token is invalid or malformed.") from None
    now = time.time()
    if not begins - _SKEW <= now < ends + _SKEW:
        raise aadsts.outside_its_time(now, begins, ends)
