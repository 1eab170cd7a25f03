"""From a command's options to a running system: the sandbox when asked for, else the environment's settings."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from agent_ops.cli.operator import operator
from agent_ops.policies import read_policy
from agent_ops.runtime.agent_ops import AgentOps
from agent_ops.runtime.compose import System, compose
from agent_ops.runtime.logs import configure_logging
from agent_ops.runtime.opening import settings_for
from agent_ops.sandbox import Sandbox
from agent_ops.transport.redaction import redactor


@contextlib.asynccontextmanager
async def opened(
    data_dir: Path, policy_file: Path | None, *, in_sandbox: bool, stage_delay: float | None = None
) -> AsyncIterator[tuple[AgentOps, Sandbox | None]]:
    """The system, and its sandbox when there is one.

    Raises:
        ConfigurationError: settings are missing, or the sandbox is not installed.
    """
    async with (
        settings_for(data_dir, policy_file, in_sandbox, stage_delay) as (settings, box),
        AgentOps(settings, caller=operator(read_policy(settings.policy_file), settings.data_dir)) as ops,
    ):
        yield ops, box


@contextlib.asynccontextmanager
async def composed(data_dir: Path, policy_file: Path | None, *, in_sandbox: bool) -> AsyncIterator[System]:
    """The system at rest: it drives no run and delivers no mail, so that a plan changes nothing.

    Raises:
        ConfigurationError: settings are missing, or the sandbox is not installed.
    """
    async with settings_for(data_dir, policy_file, in_sandbox) as (settings, _):
        redactor.keep(settings.secrets())
        configure_logging(settings.log_file, settings.log_level)
        async with compose(settings) as system:
            yield system
