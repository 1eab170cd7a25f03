"""One log line for each call to a service: which, what for, how it was answered, how long it took. No personal data.

Paths are logged without their query, and (Jenkins's jobs aside) without whatever in them may name a person or an object.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
from requests.adapters import HTTPAdapter

from agent_ops.domain.durations import SERVICES

log = structlog.get_logger(__name__)
_PLAIN = re.compile(r"\$?[A-Za-z]+|v\d+(\.\d+)?")
_OF_PEOPLE = frozenset({"memberships"})
"""What a login follows, which may be one plain word."""


@dataclass
class Call:
    """What is known of a call when it is over. ``status`` 0: no answer."""

    status: int = 0


@contextmanager
def logged_call(service: str, operation: str) -> Iterator[Call]:
    """Log one call, and count how long it took. A good answer is told at DEBUG, a refusal or none at INFO."""
    call, began = Call(), time.monotonic()
    failure = ""
    try:
        yield call
    except BaseException as error:
        failure = type(error).__name__
        raise
    finally:
        good, seconds = not failure and 0 < call.status < 400, time.monotonic() - began
        SERVICES.took(service, f"{call.status // 100}xx" if call.status else "error", seconds)
        outcome: dict[str, Any] = {"error": failure} if failure else {}
        (log.debug if good else log.info)(
            "service_call",
            service=service,
            operation=operation,
            status=call.status,
            duration=round(seconds, 3),
            **outcome,
        )


def operation_of(method: str, url: str, *, names: bool = False) -> str:
    """A call's method and path, such as ``GET /users/{}``; ``names`` keeps every segment."""
    path = urlsplit(url).path
    parts = path.split("/")
    shown = (part if _is_plain(part, before) else "{}" for before, part in zip(["", *parts], parts, strict=False))
    return f"{method} {path if names else '/'.join(shown)}"


def _is_plain(part: str, before: str) -> bool:
    """Whether a segment cannot name anybody: by its form, and by what stands before it."""
    return not part or (bool(_PLAIN.fullmatch(part)) and before not in _OF_PEOPLE)


class LoggedAdapter(HTTPAdapter):
    """Sends a requests session's calls and logs each; mounted by :func:`log_calls`."""

    def __init__(self, service: str, names: bool, **options: Any) -> None:
        self._service, self._names = service, names
        super().__init__(**options)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send one request; a redirect is another one."""
        with logged_call(self._service, operation_of(request.method or "", request.url or "", names=self._names)) as call:
            response = super().send(request, *args, **options)
            call.status = response.status_code
        return response


def log_calls(session: requests.Session, service: str, url: str, *, names: bool = False) -> None:
    """Log whatever the session sends, and let it send to the host of ``url`` only, whatever a redirect or a description names.

    Requests would follow a redirect anywhere, with the body and with Jenkins's crumb. Nothing is repeated unasked: the ledger
    decides about that.
    """
    scheme, host = urlsplit(url)[:2]
    session.adapters.clear()
    session.mount(f"{scheme}://{host}/", LoggedAdapter(service, names))
