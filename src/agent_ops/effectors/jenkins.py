"""Jenkins: provisioning pipelines, triggered and found again by a request id among their declared parameters.

https://www.jenkins.io/doc/book/using/remote-access-api/
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import jenkins
import requests

from agent_ops.domain.effects import Accepted, Action, Completed, Failed, Finding, Intent, Presence, Waiting
from agent_ops.domain.errors import ConfigurationError, ServiceError, ServiceRefused, ServiceUnavailable
from agent_ops.domain.policy import DEFAULT_INSTANCE
from agent_ops.effectors.jenkins_sight import Sight, find, look
from agent_ops.transport.jenkins_login import JenkinsLogin
from agent_ops.transport.jenkins_server import JenkinsServer, declared_parameters
from agent_ops.transport.pacing import Pace, pause_after

_LONGEST_PAUSE_SECONDS = 300.0
_TAIL_LINES, _TAIL_CHARACTERS = 20, 2000


class JenkinsEffector:
    """Runs pipelines, on one Jenkins or several.

    The request id makes each trigger's parameters unique, so that Jenkins never merges it into another queued item, and
    a build can be found by it in the queue and among the builds.

    Args:
        logins: by the instance's name.
        threads: calls at a time to each Jenkins.
        timeout: of one HTTP call, in seconds.
        pace: how often results are looked at.
        attentive: so many seconds after its opening an intent is followed without a break; later ``follow`` looks once.
        settling: a build is taken for absent only when a second look, so many seconds later, does not find it either:
            between leaving the queue and being listed it is nowhere for a moment.
        lost: for so many seconds accepted work may be found nowhere before that is believed.
    """

    actions = frozenset({Action.RUN_PIPELINE, Action.REVOKE_PIPELINE})

    def __init__(
        self,
        logins: Mapping[str, JenkinsLogin],
        threads: int = 8,
        timeout: float = 15.0,
        pace: Pace | None = None,
        *,
        attentive: float = 60.0,
        settling: float = 0.5,
        lost: float = 60.0,
    ) -> None:
        self._servers = {name: JenkinsServer(name, login, threads, timeout) for name, login in logins.items()}
        self._timeout, self._attentive, self._settling, self._lost = timeout, attentive, settling, lost
        self._pace = pace or Pace()
        self._declared: set[tuple[str, ...]] = set()

    @property
    def call_timeout(self) -> float:
        return 3 * self._timeout  # the trigger leaves within the first third; connecting and reading take one each

    def close(self) -> None:
        for server in self._servers.values():
            server.close()

    async def look_up(self, intent: Intent) -> Finding:
        server = self._server(intent)
        finding = await server.call(lambda client: find(client, intent), searching=True)
        if finding.presence is Presence.OURS:
            return finding
        await asyncio.sleep(self._settling)
        return await server.call(lambda client: find(client, intent), searching=True)

    async def send(self, intent: Intent) -> Accepted | Failed:
        server, job, parameters = self._server(intent), intent.pinned["job"], intent.pinned["parameters"]
        latest = time.monotonic() + self._may_leave_for(intent)
        try:
            if undeclared := await self._undeclared(server, intent):
                return Failed(f"job {job} does not declare parameter {undeclared}: Jenkins would drop it silently")
            queue_id = await server.call(lambda client: _trigger(client, job, parameters, latest))
        except ServiceRefused as error:
            if error.status != 404:
                raise
            return await self._after_not_found(server, intent)
        if queue_id is None:
            raise ServiceUnavailable(server.service, "was not asked in time: credentials, job or crumb took too long")
        return Accepted({"queue_id": queue_id})

    async def follow(self, intent: Intent) -> Completed | Failed | Waiting:
        """Look for the build's end, at most until the item's time-out after the intent was opened.

        Raises:
            ServiceError: at the time-out Jenkins could not be read, or the build may be among those that were discarded.
        """
        handle = dict(intent.handle or {})
        with self._pace.waiting() as intervals:
            for interval in intervals:
                last = _age(intent) >= min(self._attentive, intent.pinned["timeout_seconds"])
                answer = await self._look(intent, handle, last)
                if not isinstance(answer, str):
                    return answer
                if last:
                    return Waiting(answer, self._pause(intent), handle)
                await asyncio.sleep(interval)
        raise AssertionError("the intervals are endless")

    async def _look(self, intent: Intent, handle: dict[str, Any], closely: bool) -> Completed | Failed | str:
        """One look: the end, or what is waited for, in words."""
        server = self._server(intent)
        late = _age(intent) >= intent.pinned["timeout_seconds"]
        try:
            sight = await server.call(lambda client: look(client, intent, handle, closely))
        except ServiceError as error:  # restarts, proxies and rotated tokens pass
            if late:
                raise
            return f"the result cannot be read now: {error.what}"
        if sight.ended is not None:
            return await self._judged(server, intent, sight.ended)
        if sight.cancelled:
            return Failed(sight.words)
        if self._is_lost(sight, handle):
            return self._told_lost(server, intent, sight)
        return Failed(f"no result after {intent.pinned['timeout_seconds']:.0f} s: {sight.words}") if late else sight.words

    def _is_lost(self, sight: Sight, handle: dict[str, Any]) -> bool:
        """Whether it has been nowhere for long enough; the handle keeps since when."""
        if sight.missing is None:
            handle.pop("missing_since", None)
            return False
        since: float = handle.setdefault("missing_since", time.time())
        return time.time() - since >= self._lost

    def _told_lost(self, server: JenkinsServer, intent: Intent, sight: Sight) -> Failed:
        if sight.missing is Presence.ABSENT:
            return Failed(f"{server.service} lost the trigger, perhaps when it restarted: {sight.words}")
        raise ServiceError(server.service, sight.words)  # neither transient nor a failure: nobody can tell any more

    def _pause(self, intent: Intent) -> float:
        """Until the next look, which is never later than the time-out."""
        age = _age(intent)
        remaining: float = intent.pinned["timeout_seconds"] - age
        return pause_after(age, min(_LONGEST_PAUSE_SECONDS, remaining))

    def _may_leave_for(self, intent: Intent) -> float:
        """Seconds for which a trigger may still leave, so that it has landed when the ledger says that it has.

        A process that was stopped (SIGSTOP) since the ledger committed ``lands_by`` may have none left: another one may have
        done the work meanwhile.
        """
        if intent.lands_by is None:
            return self._timeout
        lands_in = (intent.lands_by - datetime.now(timezone.utc)).total_seconds()
        return min(self._timeout, lands_in - 2 * self._timeout)

    async def _undeclared(self, server: JenkinsServer, intent: Intent) -> str:
        """The parameters that the job does not declare; what it once declared is not asked again."""
        job, names = intent.pinned["job"], tuple(intent.pinned["parameters"])
        known = (server.service, job, *names)
        if known in self._declared:
            return ""
        declared = await server.call(lambda client: declared_parameters(client, job))
        if declared is None:
            raise _no_job(server, job)
        missing = [name for name in names if name not in declared]
        if not missing:
            self._declared.add(known)
        return " and ".join(missing)

    async def _after_not_found(self, server: JenkinsServer, intent: Intent) -> Accepted:
        """A 404 may mean that Jenkins merged the trigger into a queued item: look before believing it."""
        job = intent.pinned["job"]
        if await server.call(lambda client: declared_parameters(client, job)) is None:
            raise _no_job(server, job)
        finding = await self.look_up(intent)
        if finding.handle is None:
            raise ServiceRefused(server.service, f"answered 404 to the trigger of {job}, and has no such build")
        return Accepted(finding.handle)

    async def _judged(self, server: JenkinsServer, intent: Intent, build: dict[str, Any]) -> Completed | Failed:
        job, number, result = intent.pinned["job"], build["number"], build["result"]
        if result == "SUCCESS" or (result == "UNSTABLE" and intent.pinned.get("unstable_is_success")):
            return Completed({"build": number, "url": build.get("url", ""), "result": result})
        try:
            console = await server.call(lambda client: client.get_build_console_output(job, number))
        except ServiceError as error:
            console = f"(the console cannot be read: {error.what})"
        return Failed(f"build {number} of {job} ended {result}", _tail(console))

    def _server(self, intent: Intent) -> JenkinsServer:
        instance = intent.pinned.get("instance", DEFAULT_INSTANCE)
        server = self._servers.get(instance)
        if server is None:
            raise ConfigurationError(
                f"the settings have no Jenkins instance {instance!r}", "Add it to AGENT_OPS_JENKINS_INSTANCES."
            )
        return server


def _trigger(client: jenkins.Jenkins, job: str, parameters: dict[str, str], latest: float) -> int | None:
    """Trigger and give the queue item's id, but None after ``latest`` (monotonic) without having asked.

    A thread cannot be stopped, so one that was held up must stop itself.
    """
    client.maybe_add_crumb(requests.Request("POST", client.server))
    if time.monotonic() > latest:
        return None
    queue_id: int = client.build_job(job, parameters)
    return queue_id


def _no_job(server: JenkinsServer, job: str) -> ServiceRefused:
    return ServiceRefused(server.service, f"answered 404: there is no job {job}, or our user may not see it")


def _age(intent: Intent) -> float:
    return (datetime.now(timezone.utc) - intent.opened_at).total_seconds()


def _tail(console: str) -> str:
    return "\n".join(console.rstrip().splitlines()[-_TAIL_LINES:])[-_TAIL_CHARACTERS:]
