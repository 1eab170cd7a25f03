"""The errors of boto3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import botocore.exceptions

from agent_ops.domain.errors import (
    AccessRefused,
    RateLimited,
    ServiceAmbiguous,
    ServiceError,
    ServiceRefused,
    ServiceSilent,
    ServiceUnavailable,
)
from agent_ops.domain.plain import one_line
from agent_ops.transport.vendor_errors.http import DEFAULT_RETRY_AFTER, MAX_WORDS, status_error


@contextmanager
def boto_errors(service: str) -> Iterator[None]:
    try:
        yield
    except botocore.exceptions.ClientError as error:
        words = error.response.get("Error", {})
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        said = f"{words.get('Code', '')}: {words.get('Message', '')}"
        if "AccessDenied" in said or "UnrecognizedClient" in said or "ExpiredToken" in said:
            raise AccessRefused(service, said) from error
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        raise status_error(service, status, said, headers.get("retry-after")) from error
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError) as error:
        raise AccessRefused(service, str(error)) from error
    except botocore.exceptions.BotoCoreError as error:
        raise ServiceUnavailable(service, str(error)) from error
    except ValueError as error:  # botocore's own checks of endpoint and region
        raise ServiceRefused(service, str(error)) from error


_THROTTLES = ("SlowDown", "RequestLimitExceeded", "Throttling", "TooManyRequests")
_NOT_OURS = (
    "InvalidAccessKeyId",
    "AuthFailure",
    "InvalidClientTokenId",
    "UnrecognizedClient",
    "SignatureDoesNotMatch",
    "ExpiredToken",
)


@contextmanager
def aws_read_errors(service: str) -> Iterator[None]:
    """For reads by boto3: one that ends without an answer leaves no doubt about an effect, and can simply be tried again."""
    try:
        with boto_errors(service):
            yield
    except (ServiceAmbiguous, ServiceSilent) as error:
        if aws_code(error).startswith(_THROTTLES):
            raise RateLimited(service, error.what.removeprefix(f"{service}: "), DEFAULT_RETRY_AFTER) from error
        raise ServiceUnavailable(service, error.what.removeprefix(f"{service}: ")) from error
    except ServiceError as error:
        if (better := _read_refused(service, error)) is error:
            raise
        raise better from error


def _read_refused(service: str, error: ServiceError) -> ServiceError:
    """The error with what to do about it, where AWS's code tells."""
    code, words = aws_code(error), error.what.removeprefix(f"{service}: ")
    better: ServiceError = error
    if code.startswith(_NOT_OURS):
        better = AccessRefused(service, words, "AWS does not take our key: renew AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
    elif code.startswith(_THROTTLES) and not isinstance(error, RateLimited):
        better = RateLimited(service, words, DEFAULT_RETRY_AFTER)
    elif isinstance(error.__cause__, botocore.exceptions.ParamValidationError):
        better = ServiceRefused(service, one_line(words, MAX_WORDS), "Correct what was asked for.")
    better.status = error.status
    return better


def aws_code(error: BaseException | None) -> str:
    """AWS's own name of an error ('NoSuchBucket'), however often it was mapped; empty when AWS did not speak."""
    while isinstance(error, ServiceError):
        error = error.__cause__
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, botocore.exceptions.ClientError) else ""
