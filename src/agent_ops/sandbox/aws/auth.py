"""Who may call AWS's APIs: one access key, whose signature is checked as AWS does (Signature Version 4).

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, ?"
    r"SignedHeaders=(?P<signed>[^,]+), ?Signature=(?P<signature>[0-9a-f]+)"
)


class Refusal(Enum):
    """Why a call is not let in."""

    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown key"
    WRONG_SIGNATURE = "wrong signature"
    NOT_ALLOWED = "not allowed"


@dataclass(frozen=True)
class Request:
    """What of a call is signed. ``headers`` have lower-case names; ``url`` is as it came, its path not decoded."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def service(self) -> str:
        """The service that the signature names ('s3'); empty when there is none."""
        given = _AUTHORIZATION.fullmatch(self.headers.get("authorization", ""))
        return given["service"] if given else ""


def refusal(request: Request, key_id: str, secret: str) -> Refusal | None:
    """Why the caller is refused when it does not hold the key; None when it does."""
    given = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if given is None:
        return Refusal.UNSIGNED
    if given["key"] != key_id or "x-amz-security-token" in request.headers:  # no session was ever begun here
        return Refusal.UNKNOWN_KEY
    expected = _signature(request, given, Credentials(key_id, secret))
    return None if hmac.compare_digest(expected, given["signature"]) else Refusal.WRONG_SIGNATURE


def _signature(request: Request, given: re.Match[str], credentials: Credentials) -> str:
    signed = {name: request.headers.get(name, "") for name in given["signed"].split(";")}
    again = AWSRequest(request.method, request.url, headers=signed, data=request.body)
    again.context["timestamp"] = signed.get("x-amz-date", "")
    kind = S3SigV4Auth if given["service"] == "s3" else SigV4Auth  # S3 signs a path as it is, the others its normal form
    signer = kind(credentials, given["service"], given["region"])
    return str(signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again))
