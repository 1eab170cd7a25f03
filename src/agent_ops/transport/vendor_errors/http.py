"""HTTP's answers, and the errors of httpx, msal and requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

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
from agent_ops.transport.pages import page_words

DEFAULT_RETRY_AFTER = 1.0
MAX_WORDS = 300
_ELSEWHERE = "it leads to another address, where nothing is sent: correct the configured one"


def status_error(service: str, status: int, words: str, retry_after: str | None = None) -> ServiceError:
    """The error for an HTTP status of 400 or more. ``retry_after`` is the header's value, in seconds."""
    said = f"answered {status}: {' '.join(words.split())[:300]}"
    error: ServiceError
    if status == 429 or (status == 503 and retry_after):
        error = RateLimited(service, said, seconds_of(retry_after))
    elif status in (401, 403):
        error = AccessRefused(service, said)
    elif status == 504:  # a gateway that stopped waiting (RFC 9110, 15.6.5)
        error = ServiceSilent(service, said)
    else:
        error = ServiceAmbiguous(service, said) if status >= 500 else ServiceRefused(service, said)
    error.status = status
    return error


def seconds_of(retry_after: str | None) -> float:
    """Retry-After is a number of seconds or a date (RFC 9110, 10.2.3)."""
    if not retry_after:
        return DEFAULT_RETRY_AFTER
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(timezone.utc)).total_seconds())
    except (TypeError, ValueError, OverflowError):
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
