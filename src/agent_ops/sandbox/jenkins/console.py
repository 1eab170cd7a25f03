"""What a build prints, and what the pipeline plugins tell about it: console text, stages, pending input."""

from __future__ import annotations

from typing import Any

from agent_ops.sandbox.jenkins.model import Build, Job

INPUT_ID = "Proceed"

_STATUS = {"SUCCESS": "SUCCESS", "FAILURE": "FAILED", "UNSTABLE": "UNSTABLE", "ABORTED": "ABORTED", "NOT_BUILT": "NOT_EXECUTED"}


def console_text(build: Build, job: Job, user: str, now: float) -> str:
    """The console at that time. It only ever grows, so that a reader can go on from an offset."""
    lines = [f"Started by user {user}"] * build.causes
    if job.freestyle:
        lines += ["Running as SYSTEM", f"Building in workspace /var/jenkins_home/workspace/{job.path}"]
    else:
        lines += ["[Pipeline] Start of Pipeline"]
    lines += build.printed(now)
    if not build.running(now):
        lines += _ending(build, job)
    return "\n".join(lines) + "\n"


def _ending(build: Build, job: Job) -> list[str]:
    aborted = [f"Aborted by {build.stopped_by}"] if build.stopped_by else []
    end = [] if job.freestyle else ["[Pipeline] End of Pipeline"]
    return [*aborted, *end, f"Finished: {build.result}"]


def describe_run(build: Build, path: str, now: float) -> dict[str, Any]:
    """``wfapi/describe`` of the plugin pipeline-rest-api; the sandbox's pipelines have a single stage."""
    started = int(build.started * 1000)
    running = build.running(now)
    duration = int(now * 1000) - started if running else build.milliseconds
    timing = {
        "status": _status(build, now),
        "startTimeMillis": started,
        "durationMillis": duration,
        "pauseDurationMillis": duration if build.ends is None else 0,
    }
    links = {"self": {"href": f"{path}wfapi/describe"}}
    stage = {"_links": links, "id": "1", "name": "Run", "execNode": "", **timing}
    return {"_links": links, "id": str(build.number), "name": f"#{build.number}", **timing, "stages": [stage]}


def pending_input(build: Build, path: str) -> list[dict[str, Any]]:
    """``wfapi/pendingInputActions``: what the build waits for."""
    if build.ends is not None:
        return []
    action = {
        "id": INPUT_ID,
        "proceedText": "Proceed",
        "message": "Input requested",
        "inputs": [],
        "proceedUrl": f"{path}wfapi/inputSubmit?inputId={INPUT_ID}",
        "abortUrl": f"{path}input/{INPUT_ID}/abort",
        "redirectApprovalUrl": f"{path}input/",
    }
    return [action]


def _status(build: Build, now: float) -> str:
    if build.ends is None:
        return "PAUSED_PENDING_INPUT"
    return "IN_PROGRESS" if build.running(now) else _STATUS[build.result]
