"""What can be seen of a pipeline run at Jenkins: by its handle, or by its request id in the queue and among the builds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jenkins

from agent_ops.domain.effects import Finding, Intent, Presence
from agent_ops.transport.jenkins_server import get, get_if_there, job_path

_CLOCK_SKEW_SECONDS = 300
_PAGE = 100
_PARAMETERS = "actions[parameters[name,value]]"
_ITEM = f"id,why,stuck,cancelled,executable[number],{_PARAMETERS}"
_BUILD = f"number,queueId,timestamp,building,result,url,{_PARAMETERS}"


@dataclass(frozen=True)
class Sight:
    """One look. ``words`` say what was seen, in one line.

    ``ended`` is the build once it has its result; ``cancelled`` is true when the trigger was taken out of the queue;
    ``missing`` says how sure it is that neither the queue nor the builds have it.
    """

    words: str
    ended: dict[str, Any] | None = None
    cancelled: bool = False
    missing: Presence | None = None


def look(client: jenkins.Jenkins, intent: Intent, handle: dict[str, Any], closely: bool) -> Sight:
    """Look for the run. What finds it again sooner is noted in ``handle``: queue ids are forgotten minutes after a build began.

    Args:
        closely: ask also whether a running build is paused for input.
    """
    build = _known_build(client, intent, handle)
    if build is None and (item := _known_item(client, intent, handle)) is not None:
        if "build" not in handle:
            return _in_queue(intent, item)
        build = _known_build(client, intent, handle)
    if build is None:
        finding = find(client, intent)
        if finding.handle is None:
            return Sight(finding.why or f"{_job(intent)} is neither in the queue nor among the builds", missing=finding.presence)
        handle.update(finding.handle)
        build = _known_build(client, intent, handle)
    return _of_build(client, intent, build, closely) if build else Sight(f"{_job(intent)} waits in the queue")


def _job(intent: Intent) -> str:
    job: str = intent.pinned["job"]
    return job


def _known_build(client: jenkins.Jenkins, intent: Intent, handle: dict[str, Any]) -> dict[str, Any] | None:
    """The build that the handle names, if it is there and ours: numbers begin anew when a job is made anew."""
    if "build" not in handle:
        return None
    build = get_if_there(client, f"{job_path(_job(intent))}/{handle['build']}/api/json?tree={_BUILD}")
    if build is None or not _is_ours(build, intent):
        del handle["build"]
        return None
    return build


def _known_item(client: jenkins.Jenkins, intent: Intent, handle: dict[str, Any]) -> dict[str, Any] | None:
    """The queue item that the handle names, if it is there and ours: after a crash Jenkins gives ids out again."""
    if "queue_id" not in handle:
        return None
    item = get_if_there(client, f"queue/item/{handle['queue_id']}/api/json?tree={_ITEM}")
    if item is None or not _is_ours(item, intent):
        return None
    if item.get("executable"):
        handle["build"] = item["executable"]["number"]
    return item


def _in_queue(intent: Intent, item: dict[str, Any]) -> Sight:
    if item.get("cancelled"):
        return Sight(f"{_job(intent)} was cancelled in the queue (item {item['id']})", cancelled=True)
    stuck = "is stuck" if item.get("stuck") else "waits"
    why = f": {item['why']}" if item.get("why") else ""
    return Sight(f"{_job(intent)} {stuck} in the queue (item {item['id']}){why}")


def _of_build(client: jenkins.Jenkins, intent: Intent, build: dict[str, Any], closely: bool) -> Sight:
    name = f"build {build['number']} of {_job(intent)}"
    if build["result"] and not build["building"]:
        return Sight(f"{name} ended {build['result']}", ended=build)
    if closely and _is_paused(client, intent, build["number"]):
        return Sight(f"{name} is paused for input")
    return Sight(f"{name} runs")


def _is_paused(client: jenkins.Jenkins, intent: Intent, number: int) -> bool:
    """What https://plugins.jenkins.io/pipeline-rest-api/ tells. Without that plugin a paused build looks like one that runs."""
    told = get_if_there(client, f"{job_path(_job(intent))}/{number}/wfapi/describe")
    return told is not None and told.get("status") == "PAUSED_PENDING_INPUT"


def find(client: jenkins.Jenkins, intent: Intent) -> Finding:
    """By the request id: the queue first, because items become builds and never the other way, then the builds back to the
    intent's time. Absent only when no build is missing among them.
    """
    for item in get(client, f"queue/api/json?tree=items[id,{_PARAMETERS}]").get("items", []):
        if _is_ours(item, intent):
            return Finding(Presence.OURS, handle={"queue_id": item["id"]})
    since = (intent.since.timestamp() - _CLOCK_SKEW_SECONDS) * 1000
    expected = get(client, f"{job_path(_job(intent))}/api/json?tree=nextBuildNumber")["nextBuildNumber"] - 1
    complete = True
    for build in _builds(client, _job(intent)):
        if _is_ours(build, intent):
            return Finding(Presence.OURS, handle={"queue_id": build["queueId"], "build": build["number"]})
        complete = complete and build["number"] >= expected
        expected = min(expected, build["number"] - 1)
        if build["timestamp"] < since:
            expected = 0
            break
    if complete and expected == 0:
        return Finding(Presence.ABSENT)
    return Finding(Presence.CANNOT_TELL, why=f"builds of {_job(intent)} were discarded, this one may be among them")


def _builds(client: jenkins.Jenkins, job: str) -> Iterator[dict[str, Any]]:
    """The job's builds, the newest first, a page at a time."""
    start = 0
    while True:
        path = f"{job_path(job)}/api/json?tree=allBuilds[{_BUILD}]{{{start},{start + _PAGE}}}"
        page = get(client, path).get("allBuilds", [])
        yield from page
        if len(page) < _PAGE:
            return
        start += _PAGE


def _is_ours(item: dict[str, Any], intent: Intent) -> bool:
    name = intent.pinned["request_id_parameter"]
    parameters = (p for action in item.get("actions", []) for p in (action or {}).get("parameters", []))
    return any(p.get("name") == name and intent.bears_our_mark(str(p.get("value"))) for p in parameters)
