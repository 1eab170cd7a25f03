"""The Jenkins controller of the sandbox: a loopback server that unmodified Jenkins clients cannot tell from a real one.

It follows a Jenkins 2.479 LTS with folders and pipelines. What it is told to do, how builds end and how long they take, comes
from the sandbox through `JenkinsTwin`; everything else comes from its clients.
"""

from __future__ import annotations

import time

from aiohttp import web

from agent_ops.domain.policy import DEFAULT_INSTANCE
from agent_ops.sandbox.faults import FaultBook
from agent_ops.sandbox.jenkins.auth import Gate
from agent_ops.sandbox.jenkins.controller import LEFT_ITEM_SECONDS, Controller
from agent_ops.sandbox.jenkins.model import Outcome
from agent_ops.sandbox.jenkins.pages import starting
from agent_ops.sandbox.jenkins.render import Renderer
from agent_ops.sandbox.jenkins.routes import Routes
from agent_ops.sandbox.jenkins.site import Site
from agent_ops.sandbox.records import Records
from agent_ops.sandbox.web import cut, twin_app
from agent_ops.sandbox.world import World

__all__ = ["LEFT_ITEM_SECONDS", "JenkinsTwin", "Outcome"]


class JenkinsTwin:
    """A Jenkins controller on the given records; a second twin on the same records goes on where the first was."""

    def __init__(
        self, world: World, records: Records, faults: FaultBook, base_url: str, instance: str = DEFAULT_INSTANCE
    ) -> None:
        self._records = records
        self._faults = faults
        self._refuses_until = self._starts_until = 0.0
        self._controller = Controller(world, records, instance)
        self._gate = Gate(self._controller, world.jenkins_token(instance))
        renderer = Renderer(self._controller, faults, base_url)
        self._routes = Routes(self._controller, self._gate, renderer, Site(self._controller, renderer, base_url))

    def app(self) -> web.Application:
        app = twin_app(self._controller.twin, self._records, self._faults)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_response_prepare.append(self._routes.decorate)
        return app

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        now = time.time()
        if now < self._refuses_until:
            cut(request)
        return starting() if now < self._starts_until else await self._routes.handle(request)

    @property
    def require_crumb(self) -> bool:
        """Whether each POST needs a valid crumb (the default).

        Jenkins lets requests with an API token through without a crumb; the sandbox is stricter, to prove that clients fetch
        it. Set to False for the rule of Jenkins.
        """
        return self._gate.require_crumb

    @require_crumb.setter
    def require_crumb(self, required: bool) -> None:
        self._gate.require_crumb = required

    @property
    def stage_view(self) -> bool:
        """Whether the plugin pipeline-rest-api is there, which tells of stages and pending input."""
        return self._routes.stage_view

    @stage_view.setter
    def stage_view(self, there: bool) -> None:
        self._routes.stage_view = there

    @property
    def unsaved_seconds(self) -> float:
        """How young a queue item must be to be lost in a crash."""
        return self._controller.unsaved_seconds

    @unsaved_seconds.setter
    def unsaved_seconds(self, seconds: float) -> None:
        self._controller.unsaved_seconds = seconds

    @property
    def left_item_seconds(self) -> float:
        """How long a queue item can be looked up after it left the queue."""
        return self._controller.left_item_seconds

    @left_item_seconds.setter
    def left_item_seconds(self, seconds: float) -> None:
        self._controller.left_item_seconds = seconds

    def set_outcome(self, outcome: Outcome) -> None:
        """Decide how later builds of a job end. Of the rules that match a build, the newest counts; without one it succeeds."""
        self._controller.set_outcome(outcome)

    def set_seconds(self, job: str, seconds: float) -> None:
        """How long later builds of the job take."""
        self._controller.change_job(job, seconds=seconds)

    def set_disabled(self, job: str, disabled: bool) -> None:
        """A disabled job answers 409 to a trigger."""
        self._controller.change_job(job, disabled=disabled)

    def set_freestyle(self, job: str, freestyle: bool) -> None:
        """Show the job as a freestyle project instead of a pipeline; their builds have different properties."""
        self._controller.change_job(job, freestyle=freestyle)

    def set_quiet_period(self, seconds: float) -> None:
        """How long an item waits in the queue, unless its request says otherwise (``delay``). Equal items merge meanwhile."""
        self._controller.set_quiet_period(seconds)

    def quiet_down(self, quieting: bool) -> None:
        """While quieting, nothing leaves the queue; triggers are still accepted."""
        self._controller.quiet_down(quieting)

    def hold(self, job: str, why: str, *, stuck: bool = False) -> None:
        """Keep the job's items in the queue, for this reason in Jenkins's words; an empty one lets them go."""
        self._controller.change_job(job, held=why, stuck=stuck)

    def deny(self, job: str, *permissions: str) -> None:
        """Take permissions on a job ('Job/Build', 'Job/Read') from the user; none gives all back."""
        self._controller.change_job(job, denied=list(permissions))

    def rotate_token(self, token: str) -> None:
        """From now on only this API token is accepted."""
        self._gate.token = token

    def restart(self, seconds: float = 0.0, *, refusing: float = 0.0, crash: bool = False, resume: bool = True) -> None:
        """Restart the controller.

        Pipelines go on, as they do with Jenkins's default durability; builds of freestyle projects are aborted. Items that had
        left the queue, sessions, crumbs and the quiet-down are forgotten. What waits in the queue stays.

        Args:
            seconds: for how long it is away: 503 and a page that says to wait.
            refusing: for how much of that connections are cut instead.
            crash: no clean end: what entered the queue within the last minute is lost, and its ids are given out again.
            resume: False for pipelines that do not survive, either.
        """
        now = time.time()
        self._controller.restart(seconds, crash=crash, resume=resume)
        self._refuses_until, self._starts_until = now + refusing, now + seconds

    def forget_builds(self, job: str) -> None:
        """Discard all builds of a job; numbers go on."""
        self._controller.forget_builds(job)
