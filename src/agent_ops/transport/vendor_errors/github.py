"""The errors of PyGithub, and GitHub's limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone

from agent_ops.domain.errors import (
    AccessRefused,
    RateLimited,
    ServiceError,
    ServiceRefused,
    ServiceUnavailable,
)
from agent_ops.domain.plain import one_line
from agent_ops.transport.clock import seconds_ahead
from agent_ops.transport.vendor_errors.http import MAX_WORDS, requests_errors, seconds_of, status_error


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


def github_answer(service: str, body: object, headers: Mapping[str, str]) -> object:
    """What a GraphQL query asked for. It fails with 200, and says so in ``errors``, of which any makes the answer a part only.

    https://spec.graphql.org/October2021/#sec-Errors; the types are GitHub's own.

    Raises:
        ServiceError: as for a REST call with the status that the type means.
    """
    told = body if isinstance(body, dict) else {}
    errors = [error for error in told.get("errors") or [] if isinstance(error, dict)]
    if not errors:
        return told.get("data")
    status = _STATUSES.get(str(errors[0].get("type") or ""), 502)
    limited = {**headers, "x-ratelimit-remaining": "0"} if status == 429 else {}
    words = one_line("; ".join(str(error.get("message") or "no words") for error in errors), MAX_WORDS)
    raise _in_githubs_words(service, status, {"message": words}, limited)


_STATUSES = {"NOT_FOUND": 404, "FORBIDDEN": 403, "INSUFFICIENT_SCOPES": 403, "RATE_LIMITED": 429}


def _in_githubs_words(service: str, status: int, data: object, headers: Mapping[str, str]) -> ServiceError:
    body = data if isinstance(data, dict) else {}
    more = [str(one.get("message") or one.get("code")) for one in body.get("errors") or [] if isinstance(one, dict)]
    words = one_line("; ".join([str(body.get("message") or "no words"), *more]), MAX_WORDS)
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
        return seconds_of(headers["retry-after"])
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
