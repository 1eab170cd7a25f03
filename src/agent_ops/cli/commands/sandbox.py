"""`agent-ops sandbox`: serve the loopback twins in the foreground."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from agent_ops.cli.options import data_dir, policy_file


@click.command()
@data_dir
@policy_file
def sandbox(data_dir: Path, policy_file: Path | None) -> None:
    """Serve the loopback twins of every service until Ctrl-C.

    Commands with --sandbox attach to it; without it they start one of their own, which ends with them. URLs and
    credentials are in sandbox/sandbox.json below the data directory, for your own clients.
    """
    from agent_ops.domain.errors import ConfigurationError  # noqa: PLC0415
    from agent_ops.policies import EXAMPLE  # noqa: PLC0415

    try:
        from agent_ops.sandbox.server import serve  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the sandbox needs {error.name}", "Install it with: pip install 'agent-ops[sandbox]'"
        ) from error
    directory = data_dir.resolve() / "sandbox"
    click.echo(f"sandbox in {directory}; addresses in {directory / 'sandbox.json'} (Ctrl-C ends it)")
    try:
        asyncio.run(serve(directory, policy_file or EXAMPLE, linger=False))
    except BlockingIOError as error:
        raise ConfigurationError(f"a sandbox runs already in {directory}", "Use it, or stop it first.") from error
