"""Why SSM gives no parameter: its errors, each mapped to the setting that causes it.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from agent_ops.domain.errors import ServiceError, ServiceUnavailable
from agent_ops.runtime.doctor.lines import Line, wrong
from agent_ops.runtime.doctor.reach import unreachable, words
from agent_ops.transport.aws_session import AwsConfig

_PERMANENT = "AKIA"  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html (unique identifiers)


def parameter_refused(error: ServiceError, config: AwsConfig, variable: str) -> Line:
    """The line for a parameter that was not given."""
    if "ParameterNotFound" in error.what:
        remedy = f"Correct {variable}, or AWS_REGION when it lies in another one."
        return wrong(f"there is no parameter {config.jenkins_parameter} in {config.region}", remedy, variable)
    for sign, line in _SIGNS.items():
        if sign in error.what:
            return line(words(error), config)
    if isinstance(error, ServiceUnavailable):
        cause = "AGENT_OPS_AWS_ENDPOINT_URL" if config.endpoint_url else "AWS_REGION"
        return unreachable(error, cause, config.endpoint_url or f"AWS in {config.region}")
    return wrong(words(error), error.advice)


def _not_allowed(said: str, config: AwsConfig) -> Line:
    remedy = f"Allow ssm:GetParameter on {config.jenkins_parameter}, and kms:Decrypt with its key."
    return wrong(f"the credentials may not read {config.jenkins_parameter}: {said}", remedy, "ssm:GetParameter")


def _unknown_key(said: str, config: AwsConfig) -> Line:
    if config.session_token and config.access_key_id.startswith(_PERMANENT):
        remedy = "Leave AWS_SESSION_TOKEN empty: this access key is a permanent one."
        return wrong("AWS_SESSION_TOKEN does not belong to the access key", remedy, "AWS_SESSION_TOKEN")
    return wrong("AWS does not know AWS_ACCESS_KEY_ID", "Correct AWS_ACCESS_KEY_ID, or make a new key.", "AWS_ACCESS_KEY_ID")


def _wrong_secret(said: str, config: AwsConfig) -> Line:
    if "expired" in said or "not yet current" in said:
        return wrong("AWS finds this machine's clock wrong", "Set this machine's clock by NTP.", "clock")
    found = "AWS_SECRET_ACCESS_KEY does not belong to the access key"
    return wrong(found, "Correct AWS_SECRET_ACCESS_KEY, or make a new key.", "AWS_SECRET_ACCESS_KEY")


def _session_over(said: str, config: AwsConfig) -> Line:
    return wrong("AWS_SESSION_TOKEN has expired", "Set AWS_SESSION_TOKEN and its keys anew.", "AWS_SESSION_TOKEN")


def _no_credentials(said: str, config: AwsConfig) -> Line:
    remedy = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give boto3's own chain a profile or role."
    return wrong("no AWS credentials were found", remedy, "AWS_ACCESS_KEY_ID")


_SIGNS = {
    "AccessDenied": _not_allowed,
    "UnrecognizedClient": _unknown_key,
    "InvalidClientTokenId": _unknown_key,
    "InvalidSignature": _wrong_secret,
    "SignatureDoesNotMatch": _wrong_secret,
    "RequestTimeTooSkewed": _wrong_secret,
    "ExpiredToken": _session_over,
    "Unable to locate credentials": _no_credentials,
    "Partial credentials": _no_credentials,
}
