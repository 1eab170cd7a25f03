"""One Jenkins controller: calls by python-jenkins in bounded threads, with login and crumb renewed when Jenkins refuses them.

https://www.jenkins.io/doc/book/security/csrf-protection/ says when a crumb ends: with its session, so at each restart.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

import jenkins
import requests

from agent_ops.domain.errors import AccessRefused, ServiceAmbiguous
from agent_ops.domain.policy import DEFAULT_INSTANCE
from agent_ops.transport.calls import log_calls
from agent_ops.transport.jenkins_login import JenkinsLogin
from agent_ops.transport.threads import ClientPool
from agent_ops.transport.vendor_errors import requests_errors

T = TypeVar("T")
_SEARCHING = 2
"""Threads that search: reading all builds keeps a Jenkins busy, and more at once are no sooner done."""
_NO_CRUMB = "No valid crumb"


class JenkinsServer:
    """Reaches one controller.

    Args:
        instance: its name in catalogue and settings.
        login: gives URL, user and token.
        threads: calls at a time; each thread has a client of its own.
        timeout: seconds for connecting, and again for each wait for bytes.
    """

    def __init__(self, instance: str, login: JenkinsLogin, threads: int, timeout: float) -> None:
        self.service = "Jenkins" if instance == DEFAULT_INSTANCE else f"Jenkins {instance}"
        self._login, self._timeout = login, timeout
        self._clients = ClientPool(f"jenkins-{instance}", threads, self._client)
        self._searching = ClientPool(f"jenkins-{instance}-searching", _SEARCHING, self._client)

    def close(self) -> None:
        self._clients.close()
        self._searching.close()

    async def call(self, work: Callable[[jenkins.Jenkins], T], *, searching: bool = False) -> T:
        """Do ``work`` in a thread. Once, what was refused is renewed before a second try: a login after 401, read again
        from SSM, or a crumb.

        Args:
            searching: it reads much, in threads apart: a trigger that waits for a thread runs out of time, nobody knows then
                whether it left, and has to search in turn; hundreds of them would keep each other from ever ending.

        Raises:
            ServiceError: what Jenkins or SSM answered.
        """
        used, clients = self._login.generation, self._searching if searching else self._clients
        try:
            return await clients.call(lambda client: self._mapped(work, client))
        except AccessRefused as refused:
            if not self._renewed(refused, used):
                raise
        return await clients.call(lambda client: self._mapped(work, client))

    def _renewed(self, refused: AccessRefused, used: int) -> bool:
        """Whether login or crumb will be others at the next call."""
        if refused.status == 401:
            self._login.forget(used)
        elif _NO_CRUMB not in refused.what:
            return False
        self._clients.renew()
        self._searching.renew()
        return True

    def _mapped(self, work: Callable[[jenkins.Jenkins], T], client: jenkins.Jenkins) -> T:
        with requests_errors(self.service):
            try:
                return work(client)
            except json.JSONDecodeError as error:
                raise ServiceAmbiguous(self.service, "answered with a page instead of JSON") from error

    def _client(self) -> jenkins.Jenkins:
        account = self._login.account()
        client = jenkins.Jenkins(account.url, account.user, account.token, timeout=self._timeout)
        session = client._session  # no public way
        self._login.route.prepare(session, account.url)
        session.headers["Accept-Language"] = "en"  # Jenkins translates its pages
        log_calls(session, self.service, account.url, names=True)
        return client


def get(client: jenkins.Jenkins, path: str) -> dict[str, Any]:
    """A read by python-jenkins's session: its own getters hide a 503 behind 'does not exist'."""
    found: dict[str, Any] = json.loads(client.jenkins_open(requests.Request("GET", client.server + path)))
    return found


def get_if_there(client: jenkins.Jenkins, path: str) -> dict[str, Any] | None:
    """The same; None for 404."""
    try:
        return get(client, path)
    except jenkins.NotFoundException:
        return None


def job_path(job: str) -> str:
    """The path of a job by its full name, whose parts Jenkins wants encoded: a branch ``feature/x`` is named ``feature%2Fx``."""
    return "/".join(f"job/{quote(part, safe='')}" for part in job.split("/"))


def declared_parameters(client: jenkins.Jenkins, job: str) -> list[str] | None:
    """The names of the parameters that a job declares; None when there is no such job, or our user may not see it."""
    found = get_if_there(client, f"{job_path(job)}/api/json?tree=property[parameterDefinitions[name]]")
    if found is None:
        return None
    return [definition["name"] for prop in found.get("property", []) for definition in prop.get("parameterDefinitions", [])]
