"""A session that can only read, whatever the library on top of it offers."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import BaseAdapter

from agent_ops.domain.errors import ServiceRefused

_READS = ("GET", "HEAD")


class ReadOnlyAdapter(BaseAdapter):
    """Hands on what asks (RFC 9110, 9.2.1: safe methods); refuses everything else before anything leaves the machine."""

    def __init__(self, service: str, inner: BaseAdapter) -> None:
        super().__init__()
        self._service, self._inner = service, inner

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if request.method not in _READS:
            raise ServiceRefused(self._service, f"{request.method} is refused here: this client can only read")
        return self._inner.send(request, *args, **options)

    def close(self) -> None:
        self._inner.close()


def only_reads(session: requests.Session, service: str) -> None:
    """Put the refusal before every adapter that the session has now."""
    for prefix, adapter in list(session.adapters.items()):
        session.mount(prefix, ReadOnlyAdapter(service, adapter))
