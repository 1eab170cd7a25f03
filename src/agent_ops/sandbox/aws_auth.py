"""Who may call AWS's APIs: one access key, whose signature is checked as AWS does (Signature Version 4).

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, ?"
    r"SignedHeaders=(?P<signed>[^,]+), ?Signature=(?P<signature>[0-9a-f]+)"
)
_NO_TOKEN = ("UnrecognizedClientException", "The security token included in the request is invalid.")
_NO_MATCH = (
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and"
    " signing method. Consult the service documentation for details.",
)
_UNSIGNED = ("MissingAuthenticationTokenException", "Missing Authentication Token")


@dataclass(frozen=True)
class Request:
    """What of a call is signed. ``headers`` have lower-case names."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def refusal(request: Request, key_id: str, secret: str) -> tuple[str, str] | None:
    """The error's name and words when the caller does not hold the key; None when it does."""
    given = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if given is None:
        return _UNSIGNED
    if given["key"] != key_id or "x-amz-security-token" in request.headers:  # no session was ever begun here
        return _NO_TOKEN
    expected = _signature(request, given, Credentials(key_id, secret))
    return None if hmac.compare_digest(expected, given["signature"]) else _NO_MATCH


def _signature(request: Request, given: re.Match[str], credentials: Credentials) -> str:
    signed = {name: request.headers.get(name, "") for name in given["signed"].split(";")}
    again = AWSRequest(request.method, request.url, headers=signed, data=request.body)
    again.context["timestamp"] = signed.get("x-amz-date", "")
    signer = SigV4Auth(credentials, given["service"], given["region"])
    return str(signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again))


def error_body(refused: tuple[str, str]) -> bytes:
    """As the JSON protocols answer it, with status 400."""
    return json.dumps({"__type": refused[0], "message": refused[1]}).encode()
