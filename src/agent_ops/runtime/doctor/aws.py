"""AWS: the parameter with the account of each Jenkins, read by the credentials that onboarding uses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from agent_ops.domain.errors import ConfigurationError, ServiceError
from agent_ops.domain.policy import DEFAULT_INSTANCE
from agent_ops.runtime.doctor.aws_refusals import parameter_refused
from agent_ops.runtime.doctor.checks import Check
from agent_ops.runtime.doctor.examination import PROBE_SECONDS, Examination
from agent_ops.runtime.doctor.lines import Line, works, wrong
from agent_ops.transport.aws_session import AwsConfig
from agent_ops.transport.clock import seconds_ahead
from agent_ops.transport.jenkins_login import JenkinsLogin


async def parameter(exam: Examination) -> Sequence[Line]:
    config = replace(exam.settings.aws, timeout=PROBE_SECONDS / 2)
    names = {DEFAULT_INSTANCE: config.jenkins_parameter, **config.jenkins_instances}
    each = [_one(exam, instance, replace(config, jenkins_parameter=name)) for instance, name in names.items()]
    lines = await asyncio.gather(*each)
    return [line for line in lines if line] or [works(_found(exam, config))]


async def _one(exam: Examination, instance: str, config: AwsConfig) -> Line | None:
    """Read one Jenkins's account; the line that there is to say about it."""
    login, variable = JenkinsLogin(config), variable_of(instance)
    try:
        answer = await asyncio.to_thread(login.parameter)
        exam.saw_clock("AWS", seconds_ahead(answer["ResponseMetadata"]["HTTPHeaders"].get("date")))
        exam.jenkins[instance] = login.parsed(str(answer["Parameter"]["Value"]))
    except ConfigurationError as error:
        return wrong(f"{error.what} ({variable})", error.advice, variable)
    except ServiceError as error:
        return parameter_refused(error, config, variable)
    kind = answer["Parameter"].get("Type")
    if kind != "SecureString":
        found = f"{config.jenkins_parameter} is a plain {kind} ({variable})"
        return wrong(found, "Store it again as a SecureString: it holds a token.")
    return None


def variable_of(instance: str) -> str:
    """Which variable names a Jenkins's parameter."""
    return "JENKINS_SSM_PARAMETER" if instance == DEFAULT_INSTANCE else "AGENT_OPS_JENKINS_INSTANCES"


def _found(exam: Examination, config: AwsConfig) -> str:
    accounts = ", ".join(f"{account.user} at {account.url}" for account in exam.jenkins.values())
    return f"{config.jenkins_parameter} in {config.region}: {accounts}"


CHECKS = (
    Check(
        "AWS SSM",
        "parameter",
        parameter,
        needs=(
            *("AWS_REGION", "JENKINS_SSM_PARAMETER", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
            "AGENT_OPS_AWS_ENDPOINT_URL",
        ),
    ),
)
