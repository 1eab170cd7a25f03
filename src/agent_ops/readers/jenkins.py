"""What a Jenkins controller says about itself and its jobs.

https://www.jenkins.io/doc/book/using/remote-access-api/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from agent_ops.domain.errors import ServiceAmbiguous
from agent_ops.transport.clock import seconds_ahead
from agent_ops.transport.jenkins_login import JenkinsAccount
from agent_ops.transport.jenkins_server import job_path
from agent_ops.transport.routes import Route
from agent_ops.transport.vendor_errors import check_no_redirect, httpx_errors, status_error

_SERVICE = "Jenkins"


@dataclass(frozen=True)
class Controller:
    """A controller: its version, whether it starts no more builds, and how far its clock is ahead of ours in seconds."""

    version: str
    quieting_down: bool
    crumbs: bool
    seconds_ahead: float | None


@dataclass(frozen=True)
class Job:
    """A job: whether it can be built, and the parameters that it declares."""

    buildable: bool
    parameters: frozenset[str]


class JenkinsReader:
    """Reads one controller. It follows neither redirects nor the environment.

    Raises:
        ServiceError: Jenkins does not answer, or refuses; the message has its own words.
    """

    def __init__(self, account: JenkinsAccount, timeout: float = 15.0, route: Route | None = None) -> None:
        self._root = account.url.rstrip("/")
        way = route or Route()
        self._http = httpx.AsyncClient(
            auth=(account.user, account.token),
            verify=way.tls(),
            proxy=way.proxies.way_to(account.url),
            trust_env=False,
            timeout=timeout,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def controller(self) -> Controller:
        answer = await self._get("/api/json?tree=quietingDown,useCrumbs")
        if not answer.headers.get("X-Jenkins"):
            raise ServiceAmbiguous(_SERVICE, f"{self._root} answers, but not as Jenkins does (no X-Jenkins header)")
        body = _object(answer)
        return Controller(
            answer.headers["X-Jenkins"],
            bool(body.get("quietingDown")),
            bool(body.get("useCrumbs")),
            seconds_ahead(answer.headers.get("Date")),
        )

    async def crumb_is_given(self) -> bool:
        """Whether the token that guards against forged requests can be got."""
        return bool(_object(await self._get("/crumbIssuer/api/json")).get("crumb"))

    async def job(self, path: str) -> Job | None:
        """The job at a folder path; None when there is none that we may see."""
        tree = "buildable,property[parameterDefinitions[name]]"
        answer = await self._get(f"/{job_path(path)}/api/json?tree={tree}", missing_is_fine=True)
        if answer.status_code == 404:
            return None
        body = _object(answer)
        properties = body.get("property") or []
        names = {str(d.get("name")) for p in properties for d in (p or {}).get("parameterDefinitions") or []}
        return Job(bool(body.get("buildable")), frozenset(names))

    async def _get(self, path: str, *, missing_is_fine: bool = False) -> httpx.Response:
        with httpx_errors(_SERVICE):
            answer = await self._http.get(self._root + path)
        check_no_redirect(_SERVICE, answer)
        if answer.status_code >= 400 and not (missing_is_fine and answer.status_code == 404):
            raise status_error(_SERVICE, answer.status_code, answer.reason_phrase, answer.headers.get("Retry-After"))
        return answer


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ServiceAmbiguous(_SERVICE, f"answered {answer.status_code} with something that is no JSON object")
    return body
