"""The one boundary where foreign exceptions and statuses become ours.

The question that decides is always: may the work have been done? A refused connection or a 429 says no
(``ServiceUnavailable``); a cut connection, a time-out or a 5xx to a write says perhaps (``ServiceAmbiguous``); any other
answer below 500 says no, for good (``ServiceRefused``).
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator, Mapping
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
from agent_ops.transport.clock import seconds_ahead
from agent_ops.transport.pages import page_words

DEFAULT_RETRY_AFTER = 1.0
_MAX_WORDS = 300
_ELSEWHERE = "it leads to another address, where nothing is sent: correct the configured one"


def status_error(service: str, status: int, words: str, retry_after: str | None = None) -> ServiceError:
    """The error for an HTTP status of 400 or more. ``retry_after`` is the header's value, in seconds."""
    said = f"answered {status}: {' '.join(words.split())[:300]}"
    error: ServiceError
    if status == 429 or (status == 503 and retry_after):
        error = RateLimited(service, said, _seconds(retry_after))
    elif status in (401, 403):
        error = AccessRefused(service, said)
    elif status == 504:  # a gateway that stopped waiting (RFC 9110, 15.6.5)
        error = ServiceSilent(service, said)
    else:
        error = ServiceAmbiguous(service, said) if status >= 500 else ServiceRefused(service, said)
    error.status = status
    return error


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


def check_no_redirect(service: str, response: httpx.Response) -> None:
    """Refuse an answer that leads elsewhere (RFC 9110, 15.4): it is no answer of the service's, whatever its body says.

    Raises:
        ServiceAmbiguous: 303 may come after the work.
    """
    if 300 <= response.status_code < 400:
        raise ServiceAmbiguous(service, f"answered {response.status_code}: {_ELSEWHERE}")


@contextmanager
def httpx_errors(service: str) -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise ServiceUnavailable(service, f"cannot be reached: {error or type(error).__name__}") from error
    except httpx.TimeoutException as error:
        raise ServiceSilent(service, f"gave no answer in time: {type(error).__name__}") from error
    except httpx.HTTPError as error:
        raise ServiceAmbiguous(service, f"the connection failed: {error or type(error).__name__}") from error


@contextmanager
def msal_errors(service: str) -> Iterator[None]:
    """For msal, which asks for the authority's description first and raises ValueError when there is none for the tenant.

    Asking for a token changes nothing: an end without an answer is no doubt about an effect.
    """
    try:
        with requests_errors(service):
            yield
    except ServiceAmbiguous as error:
        raise ServiceUnavailable(service, f"gave no token: {error.what}") from error
    except MsalServiceError as error:  # 429 or 5xx instead of a description
        raise ServiceUnavailable(service, f"gave no token: {error}") from error
    except KeyError as error:  # a description of the authority that names no endpoints: a gateway speaks
        raise ServiceUnavailable(service, f"gave no token: its description lacks {error}") from error
    except ValueError as error:
        words = _root_words(error)
        if re.search(r"HTTP status: (429|5\d\d)", words):
            raise ServiceUnavailable(service, words) from error
        raise AccessRefused(service, f"gave no token: {words}", "Check TENANT_ID and AGENT_OPS_AUTHORITY.") from error


def _root_words(error: BaseException) -> str:
    """The first error of a chain: msal wraps the service's own words into advice."""
    while error.__context__ is not None:
        error = error.__context__
    return " ".join(str(error).split())[:400]


@contextmanager
def requests_errors(service: str) -> Iterator[None]:
    """For requests and for python-jenkins, which lets some of requests' exceptions through and wraps others."""
    try:
        yield
    except (jenkins.TimeoutException, requests.ReadTimeout) as error:
        raise ServiceSilent(service, f"gave no answer in time: {error}") from error
    except jenkins.JenkinsException as error:
        wrapped = error.__context__  # python-jenkins hides 401, 403, 404 and 500 in sentences of its own
        if not isinstance(wrapped, requests.HTTPError):
            raise ServiceAmbiguous(service, str(error)) from error
        raise _response_error(service, wrapped.response) from error
    except requests.HTTPError as error:
        raise _response_error(service, error.response) from error
    except requests.ConnectTimeout as error:
        raise ServiceUnavailable(service, "cannot be reached in time") from error
    except requests.ConnectionError as error:
        raise _connection_error(service, error) from error
    except requests.RequestException as error:
        elsewhere = isinstance(error, requests.exceptions.InvalidSchema)  # no adapter is mounted for any other host
        raise ServiceAmbiguous(service, _ELSEWHERE if elsewhere else f"the connection failed: {error}") from error


@contextmanager
def jira_errors(service: str) -> Iterator[None]:
    """For atlassian-python-api at Jira."""
    with _atlassian_errors(service, "JIRA", "project"):
        yield


@contextmanager
def confluence_errors(service: str) -> Iterator[None]:
    """For atlassian-python-api at Confluence."""
    with _atlassian_errors(service, "CONFLUENCE", "space"):
        yield


@contextmanager
def _atlassian_errors(service: str, variables: str, place: str) -> Iterator[None]:
    """The library raises requests' exceptions; redirects are not followed, as they may lead elsewhere."""
    try:
        with requests_errors(service):
            yield
    except ServiceAmbiguous as error:
        if isinstance(error.__cause__, requests.TooManyRedirects):
            what = "answered with a redirect, which is not followed"
            raise ServiceRefused(service, what, f"Check {variables}_BASE_URL: the site's own https URL.") from error
        raise
    except ServiceRefused as error:
        advice = f"Check {variables}_USERNAME and {variables}_API_TOKEN, and that the account may browse the {place}."
        raise _in_own_words(service, error, advice) from error


def _in_own_words(service: str, error: ServiceRefused, advice: str) -> ServiceRefused:
    """The refusal with the service's own messages instead of their JSON, and with what to check when it is about our login."""
    said = _own_messages(error)
    words = (
        f"answered {error.status}: {one_line(' '.join(said), _MAX_WORDS)}" if said else error.what.removeprefix(f"{service}: ")
    )
    better = type(error)(service, words, advice if isinstance(error, AccessRefused) else None)
    better.status = error.status
    return better


def is_missing_at_atlassian(error: ServiceError) -> bool:
    """Whether the service itself said that there is no such thing; a 404 of something else may only mean a wrong URL."""
    refused = error.__cause__
    return error.status == 404 and isinstance(refused, ServiceError) and bool(_own_messages(refused))


def _own_messages(error: ServiceError) -> list[str]:
    """The messages of an answer in a form of Jira's or Confluence's; empty for any other answer."""
    cause = error.__cause__
    try:
        body = cause.response.json() if isinstance(cause, requests.HTTPError) else None
    except ValueError:
        return []
    if not isinstance(body, dict):
        return []
    if isinstance(said := body.get("errorMessages"), list):
        return [str(one) for one in said]
    if isinstance(errors := body.get("errors"), list):  # Confluence, v2
        return [str(one["title"]) for one in errors if isinstance(one, dict) and one.get("title")]
    if "statusCode" in body and body.get("message"):  # Confluence, v1, with the name of a Java class before it
        return [re.sub(r"^[\w.]+Exception: ", "", str(body["message"]))]
    return []


@contextmanager
def github_errors(service: str) -> Iterator[None]:
    """For PyGithub over our session: https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api."""
    from github.GithubException import GithubException  # noqa: PLC0415 - 0.15 s, with the first question only

    try:
        with requests_errors(service):
            yield
    except GithubException as error:
        raise _in_githubs_words(service, error.status, error.data, error.headers or {}) from error
    except ValueError as error:  # a body that begins as JSON and is none
        raise ServiceUnavailable(service, f"answered with something that is no JSON ({type(error).__name__})") from error


def _in_githubs_words(service: str, status: int, data: object, headers: Mapping[str, str]) -> ServiceError:
    body = data if isinstance(data, dict) else {}
    more = [str(one.get("message") or one.get("code")) for one in body.get("errors") or [] if isinstance(one, dict)]
    words = one_line("; ".join([str(body.get("message") or "no words"), *more]), _MAX_WORDS)
    wait = _github_wait(headers, words) if status in (403, 429) else None
    if wait is not None:
        return _limited_by_github(service, status, wait, headers)
    if status < 400:
        return ServiceRefused(service, f"answered {status}: {words}", "Check GITHUB_BASE_URL.")
    error = status_error(service, status, words, headers.get("retry-after"))
    if status == 401:
        advice = "GITHUB_TOKEN is wrong, has expired or was revoked: make a new one."
        error = AccessRefused(service, f"answered 401: {words}", advice)
    elif status == 403:
        advice = "Give the token of GITHUB_TOKEN the right to read this, or authorise it for the organisation's single sign-on."
        error = AccessRefused(service, f"answered 403: {words}", advice)
    error.status = status
    return error


def _github_wait(headers: Mapping[str, str], words: str) -> float | None:
    """Seconds to wait when a refusal is a rate limit; None when it is none. The primary limit ends at x-ratelimit-reset by
    GitHub's clock; a secondary one that does not say how long takes a minute at least.
    https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately
    """
    if headers.get("retry-after"):
        return _seconds(headers["retry-after"])
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(1.0, int(reset) - datetime.now(timezone.utc).timestamp() - (seconds_ahead(headers.get("date")) or 0.0))
    return 60.0 if "rate limit" in words.lower() else None


def _limited_by_github(service: str, status: int, wait: float, headers: Mapping[str, str]) -> RateLimited:
    resource = headers.get("x-ratelimit-resource", "")
    which = f"the limit of {headers.get('x-ratelimit-limit', 'so many')} {resource} calls is used up"
    if headers.get("x-ratelimit-remaining") != "0":
        which = "calls came too fast (a secondary rate limit)"
    error = RateLimited(service, f"{which}: come again in {wait:.0f} s", wait)
    error.status = status
    return error


def _response_error(service: str, response: requests.Response) -> ServiceError:
    words = page_words(response.text)
    if response.status_code == 503 and "getting ready to work" in words:  # Jenkins loads: it has done nothing
        error = ServiceUnavailable(service, f"is starting: {words[:100]}")
        error.status = 503
        return error
    return status_error(service, response.status_code, words, response.headers.get("Retry-After"))


def _connection_error(service: str, error: requests.ConnectionError) -> ServiceError:
    cause = getattr(error.args[0], "reason", error.args[0]) if error.args else error
    if isinstance(error, requests.exceptions.SSLError):  # the handshake failed: nothing was sent
        return ServiceUnavailable(service, f"cannot be reached: {cause}")
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
        better = ServiceRefused(service, one_line(words, _MAX_WORDS), "Correct what was asked for.")
    better.status = error.status
    return better


def aws_code(error: BaseException | None) -> str:
    """AWS's own name of an error ('NoSuchBucket'), however often it was mapped; empty when AWS did not speak."""
    while isinstance(error, ServiceError):
        error = error.__cause__
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, botocore.exceptions.ClientError) else ""


@contextmanager
def smtp_errors(service: str, *, may_be_done: bool) -> Iterator[None]:
    """For aiosmtplib. An answer decides by its first digit (RFC 5321, 4.2.1): 4 may change by itself, 5 will not.

    ``may_be_done``: the message is on its way; an end without an answer then leaves open whether the server took it.
    """
    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        raise _smtp_answer(service, error, may_be_done) from error
    except (aiosmtplib.SMTPException, OSError, asyncio.TimeoutError) as error:
        raise _smtp_silence(service, error, may_be_done) from error


def _smtp_answer(service: str, error: aiosmtplib.SMTPResponseException, may_be_done: bool) -> ServiceError:
    said = f"{error.code} {one_line(str(error.message), _MAX_WORDS)}"
    if not 400 <= error.code <= 599:
        kind = ServiceAmbiguous if may_be_done else ServiceUnavailable
        return kind(service, f"gave an answer that does not belong here: {said}")
    later = error.code < 500
    if isinstance(error, aiosmtplib.SMTPAuthenticationError) and not later:
        return AccessRefused(service, f"refused the login: {said}", "Check SMTP_USERNAME and SMTP_PASSWORD.")
    if isinstance(error, aiosmtplib.SMTPRecipientRefused):
        what = f"{'does not take mail now for' if later else 'refused'} the recipient {error.recipient}: {said}"
        advice = "Check the points of contact: the policy's [teams.X] contacts, else the two in the settings."
        return ServiceUnavailable(service, what) if later else ServiceRefused(service, what, advice)
    return (ServiceUnavailable if later else ServiceRefused)(service, f"answered {said}")


def _smtp_silence(service: str, error: Exception, may_be_done: bool) -> ServiceError:
    """No answer, or none that the client library could use."""
    cause = error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error
    words = one_line(str(cause), _MAX_WORDS) or "no answer in time"
    if isinstance(cause, ssl.SSLCertVerificationError):
        advice = "Name its certificate authority with CA_FILE, or correct SMTP_HOST."
        return ServiceRefused(service, f"its certificate is not trusted: {cause.verify_message}", advice)
    if type(error) in (aiosmtplib.SMTPException, aiosmtplib.SMTPNotSupported):  # STARTTLS or login not offered
        return ServiceRefused(service, f"cannot be used as configured: {words}", "Check AGENT_OPS_SMTP_SECURITY and SMTP_PORT.")
    if may_be_done:
        return ServiceAmbiguous(service, f"the connection ended while the message was on its way: {words}")
    return ServiceUnavailable(service, f"cannot be reached: {words}")
