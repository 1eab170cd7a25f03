"""`agent-ops onboard`: one hire."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from agent_ops.cli.options import as_json, asked, data_dir, hire, in_sandbox, policy_file
from agent_ops.importing import importing


@click.command()
@hire
@in_sandbox
@click.option("--stage-delay", type=click.FloatRange(min=0), help="Seconds to pause before each stage.")
@data_dir
@policy_file
@as_json
def onboard(
    data_dir: Path,
    policy_file: Path | None,
    as_json: bool,
    in_sandbox: bool,
    stage_delay: float | None,
    **fields: Any,
) -> None:
    """Onboard NAME: account, access, mails; shows it live and ends when it is over.

    The same command again is a repeat, not a second person: it shows what was done, and goes on where a run was
    interrupted. What failed is tried again by `agent-ops retry`. A run that waits for long (for its day, a licence, a
    service that is down) is left to `agent-ops worker`: exit code 4.

    A hire whose name a deleted or disabled account has is held until a person decides: the same command with
    --link-existing or --new-person.

    \b
    Examples:
      agent-ops onboard "Ana Silva" --team Engineering --sandbox
      agent-ops onboard "Ana Silva" --team Data --level L3 --joining-date 2026-12-01 --external-id E-4711
    """
    from agent_ops.cli.outcome import followed, leave_with  # noqa: PLC0415
    from agent_ops.domain.runs import RunReport  # noqa: PLC0415

    profile, options = asked(fields)

    async def work() -> RunReport:
        with importing():
            from agent_ops.cli.system import opened  # noqa: PLC0415

        async with opened(data_dir, policy_file, in_sandbox=in_sandbox, stage_delay=stage_delay) as (ops, _):
            return await followed(ops, await ops.submit(profile, **options), as_json)

    leave_with(asyncio.run(work()), as_json)
