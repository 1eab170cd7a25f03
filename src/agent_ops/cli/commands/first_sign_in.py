"""`agent-ops first-sign-in`: a pass for an account that nobody has used yet, shown once."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent_ops.cli.options import as_json, data_dir, in_sandbox, policy_file
from agent_ops.importing import importing

if TYPE_CHECKING:
    from agent_ops.domain.first_sign_in import AccessPass


@click.command("first-sign-in")
@click.argument("employee")
@click.option("--show", is_flag=True, help="Print the pass although the output is no terminal (a pipe, a file, a log).")
@in_sandbox
@data_dir
@policy_file
@as_json
def first_sign_in(employee: str, show: bool, data_dir: Path, policy_file: Path | None, as_json: bool, in_sandbox: bool) -> None:
    """Make a pass with which EMPLOYEE (an id, an address or a full name) signs in the first time, and show it once.

    Only for an account that Agent Ops created and nobody has used yet. The pass is kept nowhere: when it is lost, ask
    again, and the one before is withdrawn. Who asked for whom, and when, stands in the audit.
    """
    from agent_ops.domain.errors import InvalidRequest  # noqa: PLC0415

    if not show and not sys.stdout.isatty():
        advice = "Nothing was made. Use a terminal, or say --show when whatever reads it may have the pass."
        raise InvalidRequest("output", "is no terminal, and would keep the pass", advice)

    async def work() -> AccessPass:
        from agent_ops.cli.operator import operator  # noqa: PLC0415

        with importing():
            from agent_ops.cli.system import composed  # noqa: PLC0415

        async with composed(data_dir, policy_file, in_sandbox=in_sandbox) as system:
            return await system.first_sign_ins.retrieve(employee, operator(system.edge.policy, data_dir))

    made = asyncio.run(work())
    click.echo(_as_json(made) if as_json else _as_text(made))


def _as_json(made: AccessPass) -> str:
    from agent_ops.cli.screen import json_text  # noqa: PLC0415

    body = {
        "employee": made.employee.id,
        "name": made.employee.profile.name,
        "address": made.employee.address,
        "pass": made.secret.take(),
        "minutes": made.minutes,
        "starts": made.starts.isoformat(),
        "ends": made.ends.isoformat(),
        "usable_once": True,
        "replaced": made.replaced,
        "url": made.url,
        "run": made.run_id,
    }
    return json_text(body)


def _as_text(made: AccessPass) -> str:
    from agent_ops.domain.plain import harmless  # noqa: PLC0415

    before = "\nThe pass that was made before is withdrawn.\n" if made.replaced else ""
    return (
        f"{harmless(made.employee.profile.name)}, {made.employee.address}\n\n"
        f"    {harmless(made.secret.take())}\n\n"
        f"Good once, for {made.minutes} minutes, until {made.ends:%Y-%m-%d %H:%M} UTC. It is not shown again.\n{before}\n"
        f"Give it to the hire in person or by phone, not by mail. They open {made.url},\n"
        "sign in with the address and this pass, and register what they sign in with from then on.\n"
        f"run {made.run_id}"
    )
