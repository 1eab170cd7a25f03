"""The shapes of the answers: which properties Jenkins exports of the controller, of folders, jobs, queue items and builds.

Taken from the classes' ``@Exported`` properties and their visibility (hudson.model.*, cloudbees-folder, workflow-job), see
https://www.jenkins.io/doc/book/using/remote-access-api/.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import quote

from agent_ops.sandbox.faults import FaultBook
from agent_ops.sandbox.jenkins.controller import Controller
from agent_ops.sandbox.jenkins.export import Bean, Many, Prop, plain
from agent_ops.sandbox.jenkins.model import Build, Folder, Item, Job

_WORKFLOW = "org.jenkinsci.plugins.workflow."
_COLORS = {"SUCCESS": "blue", "UNSTABLE": "yellow", "FAILURE": "red", "ABORTED": "aborted", "NOT_BUILT": "notbuilt"}
_LISTED_BUILDS = 100  # Job.getBuilds is exported with the newest hundred only; allBuilds has all
_ALWAYS = 999  # names and addresses are shown at every level


class Renderer:
    """Makes beans of the controller's objects, as they look at the time of the request."""

    def __init__(self, controller: Controller, faults: FaultBook, base_url: str) -> None:
        self._state = controller
        self._faults = faults
        self._base = base_url
        self._folder_model = self._make_folder_model()
        self._job_model = self._make_job_model()
        self._pipeline_build = self._make_build_model() | self._make_pipeline_extras()
        self._freestyle_build = self._make_build_model() | self._make_freestyle_extras()
        self._item_model = self._make_item_model()

    # What can be seen now

    @property
    def lag(self) -> float:
        """Seconds by which reads lag behind: younger builds and queue items are not shown."""
        return self._faults.lag(self._state.twin)

    def settled(self, job: Job) -> Job:
        """The job with its permalinks up to date."""
        job.settle(self._state.advance(), self.lag)
        return job

    def sees(self, since: float) -> bool:
        return since <= self._state.advance() - self.lag

    def newest(self, job: Job) -> Build | None:
        number = next(job.numbers(self._state.advance(), self.lag), None)
        return None if number is None else job.builds[number]

    # Addresses

    def folder_url(self, path: str) -> str:
        return f"{self._base}/{_address(path)}"

    def build_url(self, build: Build) -> str:
        return f"{self.folder_url(build.job)}{build.number}/"

    def item_url(self, item_id: int) -> str:
        return f"{self._base}/queue/item/{item_id}/"

    # The beans

    def root(self) -> Bean[Any]:
        state = self._state
        own = {
            "assignedLabels": [plain("hudson.model.labels.LabelAtom", {"name": "built-in"}, 2)],
            "mode": "NORMAL",
            "nodeDescription": "the Jenkins controller's built-in node",
            "nodeName": "",
            "numExecutors": 2,
            "description": None,
            "jobs": Many(list(state.root.children.values()), self.node),
            "overallLoad": plain("hudson.model.OverallLoadStatistics", {}),
            "primaryView": self.view(state.root),
            "quietDownReason": None,
            "quietingDown": state.quieting,
            "slaveAgentPort": -1,
            "unlabeledLoad": plain("hudson.model.UnlabeledLoadStatistics", {}),
            "url": f"{self._base}/",
            "useCrumbs": True,
            "useSecurity": True,
            "views": [self.view(state.root)],
        }
        return plain("hudson.model.Hudson", own)

    def node(self, node: Folder | Job) -> Bean[Any]:
        return self.folder(node) if isinstance(node, Folder) else self.job(node)

    def folder(self, folder: Folder) -> Bean[Folder]:
        return Bean("com.cloudbees.hudson.plugins.folder.Folder", self._folder_model, folder)

    def job(self, job: Job) -> Bean[Job]:
        cls = "hudson.model.FreeStyleProject" if job.freestyle else f"{_WORKFLOW}job.WorkflowJob"
        return Bean(cls, self._job_model, self.settled(job))

    def build(self, build: Build) -> Bean[Build]:
        if self._state.jobs[build.job].freestyle:
            return Bean("hudson.model.FreeStyleBuild", self._freestyle_build, build)
        return Bean(f"{_WORKFLOW}job.WorkflowRun", self._pipeline_build, build)

    def item(self, item: Item) -> Bean[Item]:
        if item.left is not None:
            extras: dict[str, Prop[Item]] = {"cancelled": Prop(lambda i: i.build is None), "executable": Prop(self._executable)}
            return Bean("hudson.model.Queue$LeftItem", self._item_model | extras, item)
        if self._blocked(item):
            return Bean("hudson.model.Queue$BlockedItem", self._item_model, item)
        if self._held(item):
            extras = {"buildableStartMilliseconds": Prop(lambda i: _ms(i.due)), "pending": Prop(lambda i: False)}
            return Bean("hudson.model.Queue$BuildableItem", self._item_model | extras, item)
        return Bean("hudson.model.Queue$WaitingItem", self._item_model | {"timestamp": Prop(lambda i: _ms(i.due))}, item)

    def queue(self) -> Bean[Any]:
        self._state.advance()
        items = [item for item in self._state.waiting() if self.sees(item.since)]
        model: dict[str, Prop[None]] = {
            "discoverableItems": Prop(lambda _: []),
            "items": Prop(lambda _: Many(items, self.item), inline=True),
        }
        return Bean("hudson.model.Queue", model, None)

    def view(self, folder: Folder) -> Bean[Folder]:
        model: dict[str, Prop[Folder]] = {
            "description": Prop(lambda f: None),
            "jobs": Prop(lambda f: Many(list(f.children.values()), self.node)),
            "name": Prop(lambda f: "all", _ALWAYS),
            "property": Prop(lambda f: []),
            "url": Prop(lambda f: self.folder_url(f.path) + ("" if not f.path else "view/all/"), _ALWAYS),
        }
        return Bean("hudson.model.AllView", model, folder)

    # What stands in them

    def _named(self) -> dict[str, Prop[Any]]:
        return {
            "actions": Prop(lambda n: []),
            "description": Prop(lambda n: ""),
            "displayName": Prop(lambda n: n.name),
            "displayNameOrNull": Prop(lambda n: None),
            "fullDisplayName": Prop(lambda n: n.path.replace("/", " » ")),
            "fullName": Prop(lambda n: n.path),
            "name": Prop(lambda n: n.name, _ALWAYS),
            "url": Prop(lambda n: self.folder_url(n.path), _ALWAYS),
        }

    def _make_folder_model(self) -> dict[str, Prop[Any]]:
        return self._named() | {
            "healthReport": Prop(lambda f: []),
            "jobs": Prop(lambda f: Many(list(f.children.values()), self.node)),
            "primaryView": Prop(self.view),
            "views": Prop(lambda f: [self.view(f)]),
        }

    def _make_job_model(self) -> dict[str, Prop[Any]]:
        links = ("Completed", "Failed", "Stable", "Successful", "Unstable", "Unsuccessful")
        return self._named() | {
            "buildable": Prop(lambda j: not j.disabled),
            "builds": Prop(lambda j: self._builds(j, _LISTED_BUILDS)),
            "allBuilds": Prop(lambda j: self._builds(j, None), -2),
            "color": Prop(self._color, 2),
            "firstBuild": Prop(lambda j: self._linked(j, next(iter(j.builds), None))),
            "healthReport": Prop(self._health),
            "inQueue": Prop(lambda j: bool(j.waiting)),
            "keepDependencies": Prop(lambda j: False),
            "lastBuild": Prop(lambda j: None if (newest := self.newest(j)) is None else self.build(newest)),
            **{f"last{link}Build": Prop(self._link(f"last{link}Build")) for link in links},
            "nextBuildNumber": Prop(lambda j: j.next_number),
            "property": Prop(self._properties),
            "queueItem": Prop(lambda j: self.item(self._state.items[j.waiting[-1]]) if j.waiting else None),
            "concurrentBuild": Prop(lambda j: True),
            "disabled": Prop(lambda j: j.disabled),
            "resumeBlocked": Prop(lambda j: False),
        }

    def _make_build_model(self) -> dict[str, Prop[Build]]:
        return {
            "actions": Prop(self._build_actions),
            "artifacts": Prop(lambda b: []),
            "building": Prop(self._runs),
            "description": Prop(lambda b: None),
            "displayName": Prop(lambda b: f"#{b.number}"),
            "duration": Prop(lambda b: 0 if self._runs(b) else b.milliseconds),
            "estimatedDuration": Prop(self._estimate),
            "executor": Prop(lambda b: plain("hudson.model.OneOffExecutor", {}) if self._runs(b) else None),
            "fullDisplayName": Prop(lambda b: f"{b.job.replace('/', ' » ')} #{b.number}"),
            "id": Prop(lambda b: str(b.number)),
            "inProgress": Prop(self._runs),
            "keepLog": Prop(lambda b: False),
            "number": Prop(lambda b: b.number, 2),
            "queueId": Prop(lambda b: b.queue_id),
            "result": Prop(lambda b: None if self._runs(b) else b.result),
            "timestamp": Prop(lambda b: _ms(b.started)),
            "url": Prop(self.build_url, 2),
        }

    def _make_pipeline_extras(self) -> dict[str, Prop[Build]]:
        return {
            "changeSets": Prop(lambda b: []),
            "culprits": Prop(lambda b: []),
            "nextBuild": Prop(lambda b: self._linked(self._state.jobs[b.job], b.number + 1)),
            "previousBuild": Prop(lambda b: self._linked(self._state.jobs[b.job], b.number - 1)),
        }

    def _make_freestyle_extras(self) -> dict[str, Prop[Build]]:
        empty = plain("hudson.scm.EmptyChangeLogSet", {"items": [], "kind": None}, 2)
        return {"builtOn": Prop(lambda b: ""), "changeSet": Prop(lambda b: empty), "culprits": Prop(lambda b: [])}

    def _make_item_model(self) -> dict[str, Prop[Item]]:
        return {
            "actions": Prop(lambda i: self._actions(i.parameters, i.causes)),
            "blocked": Prop(self._blocked),
            "buildable": Prop(self._held),
            "id": Prop(lambda i: i.id),
            "inQueueSince": Prop(lambda i: _ms(i.since)),
            "params": Prop(lambda i: "".join(f"\n{name}={value}" for name, value in i.parameters.items())),
            "stuck": Prop(lambda i: self._held(i) and self._state.jobs[i.job].stuck),
            "task": Prop(lambda i: self.job(self._state.jobs[i.job])),
            "url": Prop(lambda i: f"queue/item/{i.id}/"),
            "why": Prop(self._why),
        }

    # Single values

    def _runs(self, build: Build) -> bool:
        return build.running(self._state.advance())

    def _held(self, item: Item) -> bool:
        """It could start, were Jenkins not quieting down or an executor missing."""
        due = item.left is None and item.due <= self._state.advance()
        return due and (self._state.quieting or bool(self._state.jobs[item.job].held)) and not self._blocked(item)

    def _blocked(self, item: Item) -> bool:
        """Another build of the job is in its way (``hudson.model.queue.CauseOfBlockage``); it is not for want of executors."""
        due = item.left is None and item.due <= self._state.advance()
        return due and "already in progress" in self._state.jobs[item.job].held

    def _why(self, item: Item) -> str | None:
        if item.left is not None:
            return None
        if self._held(item) and self._state.quieting:
            return "Jenkins is about to shut down"
        if self._held(item) or self._blocked(item):
            return self._state.jobs[item.job].held
        left = max(0.0, item.due - self._state.advance())
        return f"In the quiet period. Expires in {f'{left:.1f} sec' if left >= 1 else f'{left * 1000:.0f} ms'}"

    def _executable(self, item: Item) -> Bean[Build] | None:
        return None if item.build is None else self._linked(self._state.jobs[item.job], item.build)

    def _linked(self, job: Job, number: int | None) -> Bean[Build] | None:
        build = None if number is None else job.builds.get(number)
        return None if build is None or not self.sees(build.started) else self.build(build)

    def _link(self, name: str) -> Any:
        return lambda job: self._linked(job, job.last.get(name))

    def _builds(self, job: Job, limit: int | None) -> Many[int]:
        numbers = list(islice(job.numbers(self._state.advance(), self.lag), limit))
        return Many(numbers, lambda number: self.build(job.builds[number]))

    def _color(self, job: Job) -> str:
        if job.disabled:
            return "disabled"
        completed = job.last.get("lastCompletedBuild")
        newest = self.newest(job)
        color = "notbuilt" if completed is None else _COLORS[job.builds[completed].result]
        return color + ("_anime" if newest is not None and self._runs(newest) else "")

    def _health(self, job: Job) -> list[Bean[Any]]:
        recent = [job.builds[number] for number in islice(job.numbers(self._state.advance(), self.lag), 5)]
        done = [build for build in recent if not self._runs(build)]
        if not done:
            return []
        failed = sum(build.result == "FAILURE" for build in done)
        score = 100 * (len(done) - failed) // len(done)
        text = "No recent builds failed." if not failed else f"{failed} out of the last {len(done)} builds failed."
        fields = {"description": f"Build stability: {text}", **_icon(score), "score": score}
        return [plain("hudson.model.HealthReport", fields, 2)]

    def _properties(self, job: Job) -> list[Bean[Any]]:
        definitions = [self._definition(name) for name in job.parameters]
        fields = {"parameterDefinitions": definitions}
        return [plain("hudson.model.ParametersDefinitionProperty", fields, 2)] if definitions else []

    def _definition(self, name: str) -> Bean[Any]:
        default = {"name": name, "value": ""}
        fields = {
            "defaultParameterValue": plain("hudson.model.StringParameterValue", default, 3),
            "description": None,
            "name": name,
            "type": "StringParameterDefinition",
        }
        return plain("hudson.model.StringParameterDefinition", fields, 3)

    def _estimate(self, build: Build) -> int:
        durations = self.settled(self._state.jobs[build.job]).durations
        return round(sum(durations) / len(durations)) if durations else -1

    def _build_actions(self, build: Build) -> list[Bean[Any]]:
        actions = self._actions(build.parameters, build.causes)
        if build.ends is None:
            actions.append(plain(f"{_WORKFLOW}support.steps.input.InputAction", {}))
        return actions

    def _actions(self, parameters: dict[str, str], causes: int) -> list[Bean[Any]]:
        values = [plain("hudson.model.StringParameterValue", {"name": n, "value": v}, 3) for n, v in parameters.items()]
        user = self._state.user
        cause = {"shortDescription": f"Started by user {user}", "userId": user, "userName": user}
        shown = [plain("hudson.model.Cause$UserIdCause", cause, 3)] * causes
        actions = [plain("hudson.model.CauseAction", {"causes": shown}, 2)]
        return [plain("hudson.model.ParametersAction", {"parameters": values}, 2), *actions] if values else actions


@lru_cache(maxsize=4096)
def _address(path: str) -> str:
    return "".join(f"job/{quote(part)}/" for part in path.split("/") if part)


def _icon(score: int) -> dict[str, str]:
    low = (max(score, 1) - 1) // 20 * 20
    icon = "health-80plus" if low >= 80 else f"health-{low:02}to{low + 19}"
    return {"iconClassName": f"icon-{icon}", "iconUrl": f"{icon}.png"}


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
