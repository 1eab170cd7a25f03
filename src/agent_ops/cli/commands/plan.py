"""`agent-ops plan`: what would be done for a hire, with nothing done."""

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
@data_dir
@policy_file
@as_json
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the plan to this file, for `agent-ops apply`."
)
def plan(data_dir: Path, policy_file: Path | None, as_json: bool, in_sandbox: bool, out: Path | None, **fields: Any) -> None:
    """Show every change that onboarding NAME would make now, and make none.

    The same planner and agents run, in front of a door that only looks: services are read, nothing is sent, recorded or
    reserved. For a known hire it shows what is left to do. The plan is sealed: `agent-ops apply` does exactly what it
    says, or nothing.

    \b
    Examples:
      agent-ops plan "Ana Silva" --team Engineering --sandbox
      agent-ops plan "Ana Silva" --team Engineering --external-id E-4711 --out ana.json
    """
    from agent_ops.cli.plan_view import print_plan, write_plan  # noqa: PLC0415
    from agent_ops.domain.plans import Plan  # noqa: PLC0415

    profile, options = asked(fields)

    async def work() -> Plan:
        from agent_ops.cli.operator import operator  # noqa: PLC0415

        with importing():
            from agent_ops.cli.system import composed  # noqa: PLC0415
        from agent_ops.runtime.asking import request_for  # noqa: PLC0415
        from agent_ops.runtime.planning import Planning  # noqa: PLC0415

        key, day = options.pop("idempotency_key"), options.pop("run_after")
        async with composed(data_dir, policy_file, in_sandbox=in_sandbox) as system:
            caller = operator(system.edge.policy, data_dir)
            return await Planning(system).plan(request_for(profile, **options), caller, key, day)

    made = asyncio.run(work())
    if out is not None:
        write_plan(made, out)
    print_plan(made, as_json=as_json, out=out)
