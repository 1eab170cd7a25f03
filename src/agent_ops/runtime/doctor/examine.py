"""The whole examination: all checks, in the order of the table."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from agent_ops.runtime.doctor import aws, aws_reading, clock, entra, jenkins, mail, model, optional, place
from agent_ops.runtime.doctor.checks import Diagnosis, Progress, Round
from agent_ops.runtime.doctor.configured import Configured, settings_line
from agent_ops.runtime.doctor.examination import Examination
from agent_ops.runtime.logs import configure_logging
from agent_ops.transport.redaction import redactor

_MODULES = (place, entra, aws, jenkins, mail, clock, model, optional, aws_reading)
CHECKS = tuple(check for module in _MODULES for check in module.CHECKS)


async def examine(
    configured: Configured,
    *,
    policy_file: Path | None = None,
    only: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Probe everything, side by side; nothing is changed anywhere.

    Args:
        policy_file: instead of the configured one.
        only: titles of the checks to make, and of those they need; None makes all.
        progress: told as checks end.
    """
    if policy_file is not None:
        configured = replace(configured, settings=replace(configured.settings, policy_file=policy_file))
    configure_logging(None, configured.settings.log_level)
    redactor.keep(configured.settings.secrets())
    checks = [check for check in CHECKS if only is None or check.title in only]
    async with contextlib.AsyncExitStack() as stack:
        exam = Examination(configured, stack)
        return redactor.scrub(await Round(checks, exam, configured.unmet, progress).run(settings_line(configured)))
