"""`agent-ops task`: a free-form task."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from agent_ops.cli.options import as_json, data_dir, in_sandbox, policy_file
from agent_ops.importing import importing


@click.command()
@click.argument("text")
@click.option("--context", help='Facts about a joiner as JSON, {"name": "John Doe"}, or @FILE that holds them.')
@click.option("--plan-out", type=click.Path(dir_okay=False, path_type=Path), help="Write a plan that was made to this file.")
@in_sandbox
@data_dir
@policy_file
@as_json
def task(
    text: str,
    context: str | None,
    plan_out: Path | None,
    data_dir: Path,
    policy_file: Path | None,
    as_json: bool,
    in_sandbox: bool,
) -> None:
    """Do what TEXT asks: read through the agents, answer with sources, change what the context and your scopes allow.

    It changes something only for whom the context names (a new hire), or for a known employee whose full name stands in
    TEXT (what is pending of them). Whoever may not change it gets a plan, for `agent-ops apply`. Without a model the
    phrases of docs/tasks.md are understood.

    \b
    Examples:
      agent-ops task "List open pull requests of acme/web" --sandbox
      agent-ops task "Which objects in bucket hr-exports changed this week?" --sandbox
      agent-ops task "Provision pending access for Ana Silva" --sandbox
      agent-ops task "Generate and save email for user with name John Doe" --context '{"name": "John Doe"}' --sandbox
    """
    from agent_ops.cli.task_view import leave_with  # noqa: PLC0415
    from agent_ops.domain.tasks import TaskReport  # noqa: PLC0415

    given = _context(context)

    async def work() -> TaskReport:
        with importing():
            from agent_ops.cli.system import opened  # noqa: PLC0415

        async with opened(data_dir, policy_file, in_sandbox=in_sandbox) as (ops, _):
            run = await ops.submit_task(text, given)
            async for _event in ops.events(run.id, parked=1.0):
                pass
            return await ops.task(run.id)

    report = asyncio.run(work())
    if plan_out is not None and report.task.plan:
        from agent_ops.cli.plan_view import write_plan  # noqa: PLC0415
        from agent_ops.domain.plans import Plan  # noqa: PLC0415

        write_plan(Plan.from_text(report.task.plan), plan_out)
    leave_with(report, as_json)


def _context(given: str | None) -> dict[str, Any] | None:
    """The context from JSON, or from a file that holds it.

    Raises:
        InvalidRequest: it is no JSON object.
    """
    import json  # noqa: PLC0415

    from agent_ops.domain.errors import InvalidRequest  # noqa: PLC0415

    if given is None:
        return None
    text = Path(given[1:]).read_text(encoding="utf-8") if given.startswith("@") else given
    try:
        read = json.loads(text)
    except ValueError as error:
        raise InvalidRequest("context", f"is no JSON: {error}", 'For example: {"name": "John Doe"}.') from None
    if not isinstance(read, dict):
        raise InvalidRequest("context", "must be a JSON object", 'For example: {"name": "John Doe"}.')
    return read
