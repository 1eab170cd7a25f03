"""The one boundary where foreign exceptions and statuses become ours.

The question that decides is always: may the work have been done? A refused connection or a 429 says no
(``ServiceUnavailable``); a cut connection, a time-out or a 5xx to a write says perhaps (``ServiceAmbiguous``); any other
answer below 500 says no, for good (``ServiceRefused``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import aiosmtplib
import botocore.exceptions
import httpx
import jenkins
import requests
from msal.exceptions import MsalServiceError
from urllib3.exceptions import NewConnectionError

from agent_ops.domain.errors import AccessRefused, RateLimited, ServiceAmbiguous, ServiceError, ServiceRefused, ServiceUnavailable

DEFAULT_RETRY_AFTER = 1.0


def status_error(service: str, status: int, words: str, retry_after: str | None = None) -> ServiceError:
    """The error for an HTTP status of 400 or more. ``retry_after`` is the header's value, in seconds."""
    said = f"answered {status}: {' '.join(words.split())[:300]}"
    if status == 429 or (status == 503 and retry_after):
        return RateLimited(service, said, _seconds(retry_after))
    if status in (401, 403):
        return AccessRefused(service, said)
    return ServiceAmbiguous(service, said) if status >= 500 else ServiceRefused(service, said)


def _seconds(retry_after: str | None) -> float:
    """Retry-After is a number of seconds or a date (RFC 9110, 10.2.3)."""
    if not retry_after:
        return DEFAULT_RETRY_AFTER
    if retry_after.isdigit():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(timezone.utc)).total_seconds())
    except (TypeError, ValueError):
        return DEFAULT_RETRY_AFTER


@contextmanager
def httpx_errors(service: str) -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise ServiceUnavailable(service, f"cannot be reached: {error or type(error).__name__}") from error
    except httpx.HTTPError as error:
        raise ServiceAmbiguous(service, f"the connection failed: {error or type(error).__name__}") from error


@contextmanager
def requests_errors(service: str) -> Iterator[None]:
    """For requests and for python-jenkins, which lets some of requests' exceptions through and wraps others."""
    try:
        yield
    except jenkins.TimeoutException as error:
        raise ServiceAmbiguous(service, f"gave no answer in time: {error}") from error
    except jenkins.NotFoundException as error:
        raise ServiceRefused(service, "answered 404: no such job, queue item or build") from error
    except jenkins.JenkinsException as error:
        raise _wrapped_status(service, str(error)) from error
    except requests.HTTPError as error:
        response = error.response
        raise status_error(service, response.status_code, response.text, response.headers.get("Retry-After")) from error
    except requests.ConnectTimeout as error:
        raise ServiceUnavailable(service, "cannot be reached in time") from error
    except requests.ConnectionError as error:
        raise _connection_error(service, error) from error
    except requests.RequestException as error:
        raise ServiceAmbiguous(service, f"the connection failed: {error}") from error


@contextmanager
def msal_errors(service: str) -> Iterator[None]:
    """For msal, which lets requests' exceptions through and tells a refused discovery by a bare ValueError."""
    with requests_errors(service):
        try:
            yield
        except MsalServiceError as error:  # 429 and 5xx
            raise ServiceUnavailable(service, f"gave no token: {error}") from error
        except ValueError as error:
            if not str(error).startswith("Unable to get authority configuration"):
                raise
            raise _discovery_error(service, str(error.__context__ or "")) from error


def _discovery_error(service: str, words: str) -> ServiceError:
    """The login host's answer to the question for a tenant's endpoints; msal puts status and body into one sentence."""
    found = re.search(r"HTTP status: (\d{3}), Error: (.*)", words, re.DOTALL)
    status, body = (found[1], found[2]) if found else ("unknown", words)
    told = re.search(r"AADSTS\d+: .*?(?=( Trace ID:|\"|$))", body)
    said = told[0] if told else f"status {status}"
    return AccessRefused(service, f"has no such tenant: {said}", "Check TENANT_ID (and AGENT_OPS_AUTHORITY).")


def _wrapped_status(service: str, words: str) -> ServiceError:
    """python-jenkins wraps 401, 403 and 500 into one sentence that names the status in brackets."""
    for status in (401, 403, 500):
        if f"[{status}]" in words:
            return status_error(service, status, words.partition("]: ")[2])
    return ServiceAmbiguous(service, words)


def _connection_error(service: str, error: requests.ConnectionError) -> ServiceError:
    cause = getattr(error.args[0], "reason", error.args[0]) if error.args else error
    if isinstance(cause, NewConnectionError):
        return ServiceUnavailable(service, "cannot be reached: the connection was refused")
    return ServiceAmbiguous(service, f"the connection was cut: {cause}")


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
        raise status_error(service, status, said) from error
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError) as error:
        raise AccessRefused(service, str(error)) from error
    except botocore.exceptions.BotoCoreError as error:
        raise ServiceUnavailable(service, str(error)) from error


@contextmanager
def smtp_errors(service: str) -> Iterator[None]:
    try:
        yield
    except aiosmtplib.SMTPAuthenticationError as error:
        raise AccessRefused(service, f"refused the login: {error.code} {error.message}") from error
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise ServiceRefused(service, f"refused the recipient: {'; '.join(str(r) for r in error.recipients)}") from error
    except (aiosmtplib.SMTPReadTimeoutError, aiosmtplib.SMTPServerDisconnected) as error:
        raise ServiceAmbiguous(service, f"the connection failed: {error}") from error
    except aiosmtplib.SMTPResponseException as error:
        kind = ServiceUnavailable if 400 <= error.code < 500 else ServiceRefused
        raise kind(service, f"answered {error.code} {error.message}") from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise ServiceUnavailable(service, f"cannot be reached: {error}") from error
