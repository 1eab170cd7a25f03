"""Jenkins: each controller, and every pipeline of the policy."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agent_ops.domain.errors import AccessRefused, ServiceError
from agent_ops.domain.policy import PipelineItem
from agent_ops.readers.jenkins import Controller, JenkinsReader
from agent_ops.runtime.doctor.aws import variable_of
from agent_ops.runtime.doctor.checks import Check
from agent_ops.runtime.doctor.examination import PROBE_SECONDS, Examination
from agent_ops.runtime.doctor.lines import Line, missing, warning, works, wrong
from agent_ops.runtime.doctor.reach import words

_SIDE_BY_SIDE = 8


async def controller(exam: Examination) -> Sequence[Line]:
    return await asyncio.gather(*(_controller_line(exam, instance) for instance in exam.jenkins))


async def _controller_line(exam: Examination, instance: str) -> Line:
    account, variable = exam.jenkins[instance], variable_of(instance)
    reader = _reader(exam, instance)
    try:
        found = await reader.controller()
        crumb = found.crumbs and await reader.crumb_is_given()
    except AccessRefused as error:
        remedy = f"Put {account.user}'s API token into the parameter of {variable}, and give the user Overall/Read."
        return wrong(f"{account.url} does not accept {account.user}: {words(error)}", remedy, variable)
    except ServiceError as error:
        return wrong(f"{account.url} {words(error)}", f"Check the url in the parameter of {variable}, and the network.", variable)
    exam.saw_clock("Jenkins", found.seconds_ahead)
    return _state(found, account.url, f"{account.user}, {'with' if crumb else 'without'} crumbs")


def _state(found: Controller, url: str, how: str) -> Line:
    if found.quieting_down:
        return warning(f"{url} is quieting down: it starts no builds", "Cancel the quiet-down, or wait for the restart.")
    return works(f"{url}: Jenkins {found.version} as {how}")


async def pipelines(exam: Examination) -> Sequence[Line]:
    """Whether Job/Build is granted cannot be known before the first build: Jenkins shows it nowhere."""
    items = [item for item in exam.known_policy.catalogue.values() if isinstance(item, PipelineItem)]
    readers = {instance: _reader(exam, instance) for instance in exam.jenkins}
    gate = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def look(item: PipelineItem) -> Line | None:
        if item.instance not in readers:
            return _unknown_instance(item)
        async with gate:
            return await _pipeline_line(readers[item.instance], item)

    found = await asyncio.gather(*(look(item) for item in items))
    good = f"all {len(items)} are enabled and declare their parameters; the permission to build shows at the first build"
    return [line for line in found if line] or [works(good)]


def _unknown_instance(item: PipelineItem) -> Line:
    about = f"[items.{item.key}]"
    remedy = f"Add it to AGENT_OPS_JENKINS_INSTANCES, or correct instance in {about}."
    return missing(f"{about} names the Jenkins {item.instance}, which the settings do not have", remedy, about)


async def _pipeline_line(reader: JenkinsReader, item: PipelineItem) -> Line | None:
    own = (item.request_id_parameter, item.user_parameter)
    line = await _job_line(reader, item, "pipeline", item.pipeline, (*own, *item.parameters))
    if line is None and item.revoke:
        line = await _job_line(reader, item, "revoke", item.revoke, own)
    return line


async def _job_line(reader: JenkinsReader, item: PipelineItem, key: str, name: str, needed: tuple[str, ...]) -> Line | None:
    """What is wrong with the job that one key of an item names."""
    about = f"[items.{item.key}]"
    job = await reader.job(name)
    if job is None:
        remedy = f"Create {name}, correct {key} in {about}, or give our user Job/Read on it."
        return missing(f"{about} there is no job {name} that we may see", remedy, about)
    if not job.buildable:
        return wrong(f"{about} job {name} is disabled", f"Enable {name}.", about)
    absent = [parameter for parameter in needed if parameter not in job.parameters]
    if absent:
        remedy = f"Declare {', '.join(absent)} as string parameters of {name}: Jenkins drops undeclared ones silently."
        return wrong(f"{about} job {name} does not declare {', '.join(absent)}", remedy, about)
    return None


def _reader(exam: Examination, instance: str) -> JenkinsReader:
    reader = JenkinsReader(exam.jenkins[instance], PROBE_SECONDS, exam.settings.aws.route)
    exam.stack.push_async_callback(reader.close)
    return reader


CHECKS = (
    Check("Jenkins", "controller", controller, needs=("parameter", "CA_FILE")),
    Check("Jenkins", "pipelines", pipelines, needs=("policy", "controller")),
)
