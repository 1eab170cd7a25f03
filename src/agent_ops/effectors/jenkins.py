"""Jenkins: provisioning pipelines, triggered and found again by a request id among their declared parameters.

https://www.jenkins.io/doc/book/using/remote-access-api/
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any, TypeVar
from urllib.parse import quote

import jenkins
import requests

from agent_ops.domain.effects import Accepted, Action, Completed, Failed, Finding, Intent, Presence
from agent_ops.domain.errors import AccessRefused, ServiceError, ServiceRefused, ServiceUnavailable
from agent_ops.transport.calls import log_calls
from agent_ops.transport.jenkins_login import JenkinsLogin
from agent_ops.transport.pacing import Pace
from agent_ops.transport.threads import ClientPool
from agent_ops.transport.vendor_errors import requests_errors

T = TypeVar("T")
_SERVICE = "Jenkins"
_CLOCK_SKEW_SECONDS = 300
_PAGE = 100
_UNREADABLE_SECONDS = 600.0
_TAIL_LINES, _TAIL_CHARACTERS = 20, 2000
_BUILD = "number,queueId,timestamp,building,result,url,actions[parameters[name,value]]"


class JenkinsEffector:
    """Runs pipelines.

    The request id makes each trigger's parameters unique, so that Jenkins never merges it into another queued item, and
    a build can be found by it in the queue and among the builds.
    """

    actions = frozenset({Action.RUN_PIPELINE})

    def __init__(self, login: JenkinsLogin, threads: int = 8, timeout: float = 15.0, pace: Pace | None = None) -> None:
        self._login = login
        self._timeout = timeout
        self._pace = pace or Pace()
        self._clients = ClientPool("jenkins", threads, self._client)

    @property
    def call_timeout(self) -> float:
        return 3 * self._timeout  # the trigger leaves within the first third; connecting and reading take one each

    def close(self) -> None:
        self._clients.close()

    async def look_up(self, intent: Intent) -> Finding:
        """Queue first, then the builds back to the intent's time."""
        return await self._call(lambda client: _find(client, intent))

    async def send(self, intent: Intent) -> Accepted | Completed | Failed:
        job, parameters = intent.pinned["job"], intent.pinned["parameters"]
        try:
            latest = time.monotonic() + self._timeout
            queue_id = await self._call(lambda client: _build(client, job, parameters, latest))
        except ServiceRefused as error:
            if isinstance(error, AccessRefused):
                raise
            return await self._after_refusal(intent, error)
        return Accepted({"queue_id": queue_id})

    async def follow(self, intent: Intent) -> Completed | Failed:
        """Wait for the build's end, at most the item's time-out after the intent was opened.

        Raises:
            ServiceError: the result could not be read for ten minutes on end.
        """
        last_error: ServiceError | None = None
        silent_since = time.monotonic()
        with self._pace.waiting() as intervals:
            for interval in intervals:
                try:
                    build = await self._call(lambda client: _build_of(client, intent))
                    last_error, silent_since = None, time.monotonic()
                except ServiceError as error:  # restarts, proxies and rotated tokens pass
                    build, last_error = None, error
                    if time.monotonic() - silent_since > _UNREADABLE_SECONDS:
                        raise
                if build and not build["building"] and build["result"]:
                    return await self._judged(intent, build)
                if _age(intent) > intent.pinned["timeout_seconds"]:
                    seen = f"; last answer: {last_error.what}" if last_error else ""
                    return Failed(f"no result after {intent.pinned['timeout_seconds']:.0f} s{seen}")
                await asyncio.sleep(interval)
        raise AssertionError("the intervals are endless")

    async def _after_refusal(self, intent: Intent, error: ServiceRefused) -> Accepted:
        """A 404 may mean that Jenkins merged the trigger into a queued item: look before believing it."""
        finding = await self.look_up(intent)
        if finding.presence is Presence.OURS and finding.handle:
            return Accepted(finding.handle)
        raise error

    async def _judged(self, intent: Intent, build: dict[str, Any]) -> Completed | Failed:
        number, result = build["number"], build["result"]
        if result == "SUCCESS":
            return Completed({"build": number, "url": build.get("url", "")})
        try:
            console = await self._call(lambda client: client.get_build_console_output(intent.pinned["job"], number))
        except ServiceError as error:
            console = f"(the console cannot be read: {error.what})"
        return Failed(f"build {number} of {intent.pinned['job']} ended {result}", _tail(console))

    def _client(self) -> jenkins.Jenkins:
        account = self._login.account()
        client = jenkins.Jenkins(account.url, account.user, account.token, timeout=self._timeout)
        session = client._session  # no public way
        self._login.route.prepare(session, account.url)
        log_calls(session, _SERVICE, names=True)
        return client

    async def _call(self, work: Callable[[jenkins.Jenkins], T]) -> T:
        """One call; after a refused login the credentials are read again from SSM, once."""
        used = self._login.generation
        try:
            return await self._clients.call(lambda client: _mapped(work, client))
        except AccessRefused:
            self._login.forget(used)
            self._clients.renew()
        return await self._clients.call(lambda client: _mapped(work, client))


def _mapped(work: Callable[[jenkins.Jenkins], T], client: jenkins.Jenkins) -> T:
    with requests_errors(_SERVICE):
        return work(client)


def _get(client: jenkins.Jenkins, path: str) -> dict[str, Any]:
    """A read by python-jenkins's session: its own getters hide a 503 behind 'does not exist'."""
    found: dict[str, Any] = json.loads(client.jenkins_open(requests.Request("GET", client.server + path)))
    return found


def _job_path(job: str) -> str:
    return "/".join(f"job/{quote(part, safe='')}" for part in job.split("/"))


def _build(client: jenkins.Jenkins, job: str, parameters: dict[str, str], latest: float) -> int:
    """Trigger, but not after ``latest``: a thread cannot be stopped, so one that was held up must stop itself."""
    client.maybe_add_crumb(requests.Request("POST", client.server))
    if time.monotonic() > latest:
        raise ServiceUnavailable(_SERVICE, "was not asked in time: credentials or crumb took too long")
    queue_id: int = client.build_job(job, parameters)
    return queue_id


def _build_of(client: jenkins.Jenkins, intent: Intent) -> dict[str, Any] | None:
    """The build that our queue item became, None while it waits."""
    job = _job_path(intent.pinned["job"])
    number = (intent.handle or {}).get("build") or _number_in_queue(client, intent)
    if number is None:
        finding = _find(client, intent)
        number = (finding.handle or {}).get("build")
    if number is None:
        return None
    (intent.handle or {})["build"] = number
    return _get(client, f"{job}/{number}/api/json?tree=number,building,result,url")


def _number_in_queue(client: jenkins.Jenkins, intent: Intent) -> int | None:
    queue_id = (intent.handle or {}).get("queue_id")
    if queue_id is None:
        return None
    try:
        item = _get(client, f"queue/item/{queue_id}/api/json")
    except jenkins.NotFoundException:
        return None
    executable = item.get("executable") or {}
    number: int | None = executable.get("number")
    return number


def _find(client: jenkins.Jenkins, intent: Intent) -> Finding:
    name = intent.pinned["request_id_parameter"]
    for item in _get(client, "queue/api/json?tree=items[id,actions[parameters[name,value]]]").get("items", []):
        if _marker(item, name) == intent.marker:
            return Finding(Presence.OURS, handle={"queue_id": item["id"]})
    since = (intent.opened_at.timestamp() - _CLOCK_SKEW_SECONDS) * 1000
    oldest = None
    for build in _builds(client, intent.pinned["job"]):
        oldest = build
        if _marker(build, name) == intent.marker:
            return Finding(Presence.OURS, handle={"queue_id": build["queueId"], "build": build["number"]})
        if build["timestamp"] < since:
            return Finding(Presence.ABSENT)
    if oldest is None or oldest["number"] == 1:
        return Finding(Presence.ABSENT)
    return Finding(Presence.CANNOT_TELL, why=f"builds of {intent.pinned['job']} before {oldest['number']} were discarded")


def _builds(client: jenkins.Jenkins, job: str) -> Iterator[dict[str, Any]]:
    """The job's builds, the newest first, a page at a time."""
    start = 0
    while True:
        page = _get(client, f"{_job_path(job)}/api/json?tree=allBuilds[{_BUILD}]{{{start},{start + _PAGE}}}").get("allBuilds", [])
        yield from page
        if len(page) < _PAGE:
            return
        start += _PAGE


def _marker(item: dict[str, Any], name: str) -> str | None:
    parameters = (p for action in item.get("actions", []) for p in (action or {}).get("parameters", []))
    return next((str(p.get("value")) for p in parameters if p.get("name") == name), None)


def _age(intent: Intent) -> float:
    return (datetime.now(timezone.utc) - intent.opened_at).total_seconds()


def _tail(console: str) -> str:
    return "\n".join(console.rstrip().splitlines()[-_TAIL_LINES:])[-_TAIL_CHARACTERS:]
