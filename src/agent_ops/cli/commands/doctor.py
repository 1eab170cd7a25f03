"""`agent-ops doctor`: is everything in place?"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_ops.cli.options import as_json, policy_file

if TYPE_CHECKING:
    from agent_ops.runtime.doctor import Diagnosis

EXIT_SOMETHING_IS_NOT = 3
_PIPE_WIDTH = 1000  # one line a check, for grep


@click.command()
@click.option("--sandbox", "in_sandbox", is_flag=True, help="Examine the loopback twins instead of real services.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of database, keys, log and sandbox. Default: AGENT_OPS_DATA_DIR, else agent-ops-data.",
)
@policy_file
@as_json
def doctor(data_dir: Path | None, policy_file: Path | None, as_json: bool, in_sandbox: bool) -> None:
    """Probe every service with the configured credentials: what works, what does not, and what to do.

    Nothing is changed anywhere: no account, no build, no mail. Settings may be incomplete. Each cause is one line; checks
    that could only repeat it are skipped.

    Exit codes: 0 all that onboarding needs works (warnings may remain); 3 something does not.
    """
    from agent_ops.cli.diagnosis import diagnosis_json, diagnosis_table, summary  # noqa: PLC0415
    from agent_ops.cli.screen import Screen, json_text  # noqa: PLC0415

    found = asyncio.run(_examined(data_dir, policy_file, in_sandbox))
    if as_json:
        click.echo(json_text(diagnosis_json(found)))
    else:
        console = Screen(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
        console.print(diagnosis_table(found.lines))
        console.print(summary(found), highlight=False)
    sys.exit(0 if found.healthy else EXIT_SOMETHING_IS_NOT)


async def _examined(data_dir: Path | None, policy_file: Path | None, in_sandbox: bool) -> Diagnosis:
    from agent_ops.cli.progress import asking  # noqa: PLC0415
    from agent_ops.runtime.doctor import Configured, examine, read_configured  # noqa: PLC0415
    from agent_ops.runtime.opening import sandbox_settings  # noqa: PLC0415

    with asking() as progress:
        if not in_sandbox:
            return await examine(read_configured(data_dir), policy_file=policy_file, progress=progress)
        async with sandbox_settings(data_dir or Path("agent-ops-data"), policy_file) as (settings, box):
            values: dict[str, Any] = {"CLIENT_SECRET": box.addresses.client_secret}
            return await examine(Configured(settings, (), values), progress=progress)
