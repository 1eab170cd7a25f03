"""The Jenkins controller of the sandbox: a loopback server that unmodified Jenkins clients cannot tell from a real one.

It follows a Jenkins 2.479 LTS with folders and pipelines. What it is told to do, how builds end and how long they take, comes
from the sandbox through `JenkinsTwin`; everything else comes from its clients.
"""

from __future__ import annotations

from aiohttp import web

from agent_ops.sandbox.faults import FaultBook
from agent_ops.sandbox.jenkins.auth import Gate
from agent_ops.sandbox.jenkins.controller import LEFT_ITEM_SECONDS, Controller
from agent_ops.sandbox.jenkins.model import Outcome
from agent_ops.sandbox.jenkins.render import Renderer
from agent_ops.sandbox.jenkins.routes import Routes
from agent_ops.sandbox.jenkins.site import Site
from agent_ops.sandbox.records import Records
from agent_ops.sandbox.web import twin_app
from agent_ops.sandbox.world import World

__all__ = ["LEFT_ITEM_SECONDS", "JenkinsTwin", "Outcome"]


class JenkinsTwin:
    """A Jenkins controller on the given records; a second twin on the same records goes on where the first was."""

    def __init__(self, world: World, records: Records, faults: FaultBook, base_url: str) -> None:
        self._records = records
        self._faults = faults
        self._controller = Controller(world, records)
        self._gate = Gate(self._controller, world.credentials.jenkins_token)
        renderer = Renderer(self._controller, faults, base_url)
        self._routes = Routes(self._controller, self._gate, renderer, Site(self._controller, renderer, base_url))

    def app(self) -> web.Application:
        app = twin_app("jenkins", self._records, self._faults)
        app.router.add_route("*", "/{path:.*}", self._routes.handle)
        app.on_response_prepare.append(self._routes.decorate)
        return app

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
        self._controller.set_seconds(job, seconds)

    def set_disabled(self, job: str, disabled: bool) -> None:
        """A disabled job answers 409 to a trigger."""
        self._controller.set_disabled(job, disabled)

    def set_freestyle(self, job: str, freestyle: bool) -> None:
        """Show the job as a freestyle project instead of a pipeline; their builds have different properties."""
        self._controller.set_freestyle(job, freestyle)

    def set_quiet_period(self, seconds: float) -> None:
        """How long an item waits in the queue, unless its request says otherwise (``delay``). Equal items merge meanwhile."""
        self._controller.set_quiet_period(seconds)

    def quiet_down(self, quieting: bool) -> None:
        """While quieting, nothing leaves the queue; triggers are still accepted."""
        self._controller.quiet_down(quieting)

    def restart(self) -> None:
        """Restart the controller: running builds are aborted, the queue stays, left items and sessions are forgotten."""
        self._controller.restart()

    def forget_builds(self, job: str) -> None:
        """Discard all builds of a job; numbers go on."""
        self._controller.forget_builds(job)
