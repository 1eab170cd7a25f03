"""How each service is called and how it refuses: by JSON (SSM, tags), by REST and XML (S3), by a form and XML (EC2).

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from agent_ops.sandbox.aws.auth import Refusal, Request

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and"
    " signing method. Consult the service documentation for details."
)
_INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - AWS's words
_JSON: Mapping[Refusal, tuple[int, str, str]] = {
    Refusal.UNSIGNED: (400, "MissingAuthenticationTokenException", "Missing Authentication Token"),
    Refusal.UNKNOWN_KEY: (400, "UnrecognizedClientException", _INVALID_TOKEN),
    Refusal.WRONG_SIGNATURE: (400, "InvalidSignatureException", _MISMATCH),
    Refusal.NOT_ALLOWED: (400, "AccessDeniedException", "is not authorized to perform"),
}
_S3: Mapping[Refusal, tuple[int, str, str]] = {
    Refusal.UNSIGNED: (403, "AccessDenied", "Access Denied"),
    Refusal.UNKNOWN_KEY: (403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    Refusal.WRONG_SIGNATURE: (403, "SignatureDoesNotMatch", _MISMATCH),
    Refusal.NOT_ALLOWED: (403, "AccessDenied", "is not authorized to perform"),
}
_EC2: Mapping[Refusal, tuple[int, str, str]] = {
    Refusal.UNSIGNED: (401, "AuthFailure", "AWS was not able to validate the provided access credentials"),
    Refusal.UNKNOWN_KEY: (401, "AuthFailure", "AWS was not able to validate the provided access credentials"),
    Refusal.WRONG_SIGNATURE: (403, "SignatureDoesNotMatch", _MISMATCH),
    Refusal.NOT_ALLOWED: (403, "UnauthorizedOperation", "You are not authorized to perform this operation. Not allowed:"),
}
_SUBRESOURCES = ("acl", "policyStatus", "policy", "publicAccessBlock", "tagging", "location", "versioning", "encryption")


@dataclass(frozen=True)
class Operation:
    """What a call asks for: how the call log names it, which permission it needs, and whether it only reads."""

    name: str
    permission: str
    reads: bool


def operation_of(request: Request) -> Operation:
    """The operation of a call."""
    if request.service == "s3":
        return _s3_operation(request)
    if request.service in ("ec2", "sts"):
        form = {**parse_qs(urlsplit(request.url).query), **parse_qs(request.body.decode("latin-1"))}
        action = form.get("Action", [""])[0]
        return Operation(f"{request.service.upper()}.{action}", f"{request.service}:{action}", _reads(action))
    target = request.headers.get("x-amz-target", "")
    service, _, action = target.partition(".")
    name = {"AmazonSSM": "ssm", "ResourceGroupsTaggingAPI_20170126": "tag"}.get(service, service)
    return Operation(target or urlsplit(request.url).path, f"{name}:{action}", _reads(action))


def _reads(action: str) -> bool:
    return action.startswith(("Get", "Describe", "List", "Head"))


def _s3_operation(request: Request) -> Operation:
    """S3 names its operations by method, path and the query's subresource: `GET /bucket?acl`."""
    parts = urlsplit(request.url)
    asked = parse_qs(parts.query, keep_blank_values=True)
    special = next((name for name in _SUBRESOURCES if name in asked), "")
    key = parts.path.strip("/").partition("/")[2]
    name = parts.path + (f"?{special}" if special else "?list" if "list-type" in asked else "")
    return Operation(
        name, f"s3:{_s3_permission(special, bool(parts.path.strip('/')), bool(key))}", request.method in ("GET", "HEAD")
    )


def _s3_permission(special: str, bucket: bool, key: bool) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"""
    named = {"acl": "Acl", "policyStatus": "PolicyStatus", "policy": "Policy", "publicAccessBlock": "PublicAccessBlock"}
    if special:
        return f"Get{'Object' if key else 'Bucket'}{named.get(special, special.capitalize())}"
    if not bucket:
        return "ListAllMyBuckets"
    return "GetObject" if key else "ListBucket"


@dataclass(frozen=True)
class Answer:
    """An answer that does not come from moto."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def refused(request: Request, why: Refusal, permission: str) -> Answer:
    """A refusal in the service's own form."""
    table = {"s3": _S3, "ec2": _EC2}.get(request.service, _JSON)
    status, code, words = table[why]
    if why is Refusal.NOT_ALLOWED:
        words = f"{words} {permission}" if request.service == "ec2" else f"User: svc-agent-ops {words}: {permission}"
    return error_answer(request.service, status, code, words)


def error_answer(service: str, status: int, code: str, words: str) -> Answer:
    """An error as the service writes it."""
    if service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{escape(words)}</Message><RequestId>0</RequestId></Error>"
    elif service == "ec2":
        error = f"<Error><Code>{code}</Code><Message>{escape(words)}</Message></Error>"
        body = f"<Response><Errors>{error}</Errors><RequestID>0</RequestID></Response>"
    elif service == "sts":
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{escape(words)}</Message></Error></ErrorResponse>"
    else:
        told = json.dumps({"__type": code, "message": words}).encode()
        return Answer(status, [("Content-Type", "application/x-amz-json-1.1")], told)
    return Answer(status, [("Content-Type", "application/xml")], b'<?xml version="1.0"?>' + body.encode())
