"""The parts of Jenkins around the jobs: the built-in node and its executors, the user, the plugins, the crumb issuer."""

from __future__ import annotations

from typing import Any

from agent_ops.sandbox.jenkins.auth import CRUMB_FIELD
from agent_ops.sandbox.jenkins.controller import Controller
from agent_ops.sandbox.jenkins.export import Bean, Many, Prop, plain
from agent_ops.sandbox.jenkins.model import Build
from agent_ops.sandbox.jenkins.render import Renderer

_IDLE_EXECUTORS = 2
_PLACEHOLDER = "org.jenkinsci.plugins.workflow.support.steps.ExecutorStepExecution$PlaceholderTask$PlaceholderExecutable"
_PLUGINS = {
    "cloudbees-folder": ("Folders", "6.955.v81e2a_35c08d3"),
    "workflow-job": ("Pipeline: Job", "1505.vea_4b_20a_4a_495"),
    "pipeline-rest-api": ("Pipeline: REST API", "2.38"),
}


class Site:
    """Makes beans of them."""

    def __init__(self, controller: Controller, renderer: Renderer, base_url: str) -> None:
        self._controller = controller
        self._renderer = renderer
        self._base = base_url

    def computers(self) -> Bean[None]:
        """``/computer``: the built-in node only; the sandbox has no agents."""
        running = len(self._controller.running())
        model: dict[str, Prop[None]] = {
            "busyExecutors": Prop(lambda _: running),
            "computer": Prop(lambda _: [self.computer()], inline=True),
            "displayName": Prop(lambda _: "Nodes"),
            "totalExecutors": Prop(lambda _: self._executors_count()),
        }
        return Bean("hudson.model.ComputerSet", model, None)

    def computer(self) -> Bean[None]:
        """``/computer/(built-in)``, also known as ``(master)``. Pipelines run on it too, each with an executor of its own."""
        running = self._controller.running()
        slots: list[Build | None] = [*running, *[None] * (self._executors_count() - len(running))]
        executors = Many(list(enumerate(slots)), lambda slot: self._executor(*slot))
        fields: dict[str, Any] = {
            "actions": [],
            "assignedLabels": [plain("hudson.model.labels.LabelAtom", {"name": "built-in"}, 2)],
            "description": "the Jenkins controller's built-in node",
            "displayName": "Built-In Node",
            "executors": executors,
            "icon": "symbol-computer",
            "idle": not running,
            "jnlpAgent": False,
            "launchSupported": True,
            "manualLaunchAllowed": True,
            "numExecutors": self._executors_count(),
            "offline": False,
            "offlineCause": None,
            "offlineCauseReason": "",
            "oneOffExecutors": [],
            "temporarilyOffline": False,
        }
        return plain("hudson.model.Hudson$MasterComputer", fields, 1)

    def executor(self, number: int) -> Bean[None] | None:
        running = self._controller.running()
        if number >= self._executors_count():
            return None
        return self._executor(number, running[number] if number < len(running) else None)

    def me(self) -> Bean[None]:
        """``/me``: the user that the API token belongs to."""
        user = self._controller.user
        names = {"absoluteUrl": f"{self._base}/user/{user}", "description": None, "fullName": user, "id": user}
        return plain("hudson.model.User", {**names, "property": []})

    def whoami(self) -> Bean[None]:
        fields = {
            "anonymous": False,
            "authenticated": True,
            "authorities": ["authenticated"],
            "details": None,
            "name": self._controller.user,
            "toString": f"UsernamePasswordAuthenticationToken [Principal={self._controller.user}, Credentials=[PROTECTED]]",
        }
        return plain("hudson.security.WhoAmI", fields)

    def crumb(self, crumb: str) -> Bean[None]:
        return plain("hudson.security.csrf.DefaultCrumbIssuer", {"crumb": crumb, "crumbRequestField": CRUMB_FIELD})

    def plugins(self) -> Bean[None]:
        return plain("hudson.LocalPluginManager", {"plugins": [_plugin(name, *about) for name, about in _PLUGINS.items()]})

    def _executors_count(self) -> int:
        return max(_IDLE_EXECUTORS, len(self._controller.running()))

    def _executor(self, number: int, build: Build | None) -> Bean[None]:
        fields = {
            "currentExecutable": None if build is None else self._executable(build),
            "idle": build is None,
            "likelyStuck": False,
            "number": number,
            "progress": -1,
        }
        return plain("hudson.model.Executor", fields)

    def _executable(self, build: Build) -> Bean[Any]:
        bean = self._renderer.build(build)
        if self._controller.jobs[build.job].freestyle:
            return bean
        shown = ("displayName", "fullDisplayName", "number", "timestamp", "url")
        return Bean(_PLACEHOLDER, {name: bean.model[name] for name in shown}, build)


def _plugin(short_name: str, long_name: str, version: str) -> Bean[None]:
    fields: dict[str, Any] = {
        "active": True,
        "backupVersion": None,
        "bundled": False,
        "deleted": False,
        "dependencies": [],
        "detached": False,
        "downgradable": False,
        "enabled": True,
        "hasUpdate": False,
        "longName": long_name,
        "minimumJavaVersion": "17",
        "pinned": False,
        "requiredCoreVersion": "2.479.3",
        "shortName": short_name,
        "supportsDynamicLoad": "MAYBE",
        "url": f"https://plugins.jenkins.io/{short_name}",
        "version": version,
    }
    return plain("hudson.PluginWrapper", fields)
