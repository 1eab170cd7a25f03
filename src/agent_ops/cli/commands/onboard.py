"""`agent-ops onboard`: one hire."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from agent_ops.cli.options import as_json, data_dir, in_sandbox, policy_file


@click.command()
@click.argument("name")
@click.option("--team", required=True, help="Team of the entitlement policy.")
@click.option("--level", help="Level of the policy, such as L2.")
@click.option("--location", help="Location of the policy.")
@click.option("--manager", help="The manager's full name or address.")
@click.option("--joining-date", help="First working day, YYYY-MM-DD.")
@click.option("--contact-number", help="Phone number; with name and date it identifies the person.")
@click.option("--external-id", help="The HR system's number: the surest identity.")
@click.option("--item", "items", multiple=True, help="An access item that is asked for; repeat it. Default: by birthright.")
@click.option("--idempotency-key", help="Marks a repeat of the same request.")
@click.option("--run-after", type=click.DateTime(["%Y-%m-%d"]), help="Begin on this day, in the location's time zone.")
@click.option("--link-existing", metavar="OBJECT_ID", help="The Entra account that is to become the hire's.")
@click.option("--new-person", is_flag=True, help="A deleted or disabled account of the same name is somebody else's.")
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
    items: tuple[str, ...],
    idempotency_key: str | None,
    run_after: datetime | None,
    link_existing: str | None,
    new_person: bool,
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
    from agent_ops.domain.employee import Profile  # noqa: PLC0415
    from agent_ops.domain.runs import RunReport  # noqa: PLC0415

    profile = Profile(**fields)

    async def work() -> RunReport:
        from agent_ops.cli.system import opened  # noqa: PLC0415

        async with opened(data_dir, policy_file, in_sandbox=in_sandbox, stage_delay=stage_delay) as (ops, _):
            run = await ops.submit(
                profile,
                items or None,
                idempotency_key=idempotency_key,
                run_after=run_after.date() if run_after else None,
                link_existing=link_existing,
                new_person=new_person,
            )
            return await followed(ops, run, as_json)

    leave_with(asyncio.run(work()), as_json)
