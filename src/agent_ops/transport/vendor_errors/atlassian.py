"""The errors of atlassian-python-api, at Jira and at Confluence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from agent_ops.domain.errors import (
    AccessRefused,
    ServiceAmbiguous,
    ServiceError,
    ServiceRefused,
)
from agent_ops.domain.plain import one_line
from agent_ops.transport.vendor_errors.http import MAX_WORDS, requests_errors


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
    words = f"answered {error.status}: {one_line(' '.join(said), MAX_WORDS)}" if said else error.what.removeprefix(f"{service}: ")
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
    # Confluence, v1, with a Java class before it; what stands before Jira, but for its 404 of an address that there is not
    theirs = "statusCode" in body or ("status-code" in body and error.status != 404)
    return [re.sub(r"^[\w.]+Exception: ", "", str(body["message"]))] if theirs and body.get("message") else []
