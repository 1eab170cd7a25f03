"""`agent-ops sandbox`: serve the loopback twins in the foreground."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent_ops.cli.options import data_dir, policy_file

if TYPE_CHECKING:
    from agent_ops.sandbox.addresses import Addresses

_HEADING = "Live settings for the loopback twins, written by `agent-ops sandbox --write-env`"


@click.command()
@data_dir
@policy_file
@click.option(
    "--write-env",
    "env_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write an environment file that takes the twins for the real services.",
)
def sandbox(data_dir: Path, policy_file: Path | None, env_file: Path | None) -> None:
    """Serve the loopback twins of every service until Ctrl-C.

    Commands with --sandbox attach to it; without it they start one of their own, which ends with them. URLs and
    credentials are in sandbox/sandbox.json below the data directory, for your own clients.

    To try live settings, `agent-ops sandbox --write-env .env` in one terminal and `agent-ops onboard ...` without
    --sandbox in another one, in the same directory. The file is readable by you only and is written anew at each start;
    a file of your own is left alone.
    """
    from agent_ops.domain.errors import ConfigurationError  # noqa: PLC0415
    from agent_ops.policies import EXAMPLE  # noqa: PLC0415
    from agent_ops.settings import twins_environment, write_env_file  # noqa: PLC0415

    try:
        from agent_ops.sandbox.server import serve  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the sandbox needs {error.name}", "Install it with: pip install 'agent-ops[sandbox]'"
        ) from error
    directory = data_dir.resolve() / "sandbox"
    policy = (policy_file or EXAMPLE).resolve()

    def ready(addresses: Addresses) -> None:
        if env_file:
            write_env_file(env_file, twins_environment(addresses, policy), _HEADING)
            click.echo(f"live settings for it in {env_file}")
        click.echo(f"sandbox in {directory}; addresses in {directory / 'sandbox.json'} (Ctrl-C ends it)")

    try:
        asyncio.run(serve(directory, policy, linger=False, ready=ready))
    except BlockingIOError as error:
        raise ConfigurationError(f"a sandbox runs already in {directory}", "Use it, or stop it first.") from error
