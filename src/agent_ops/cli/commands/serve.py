"""`agent-ops serve`: the REST service."""

from __future__ import annotations

from pathlib import Path

import click

from agent_ops.cli.options import data_dir, in_sandbox, policy_file
from agent_ops.importing import importing


@click.command()
@in_sandbox
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that share the work.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; put TLS in front of any but loopback."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port to listen on; 0 takes a free one."
)
@click.option("--playground", is_flag=True, help="Serve LangServe's playground, too, as AGENT_OPS_PLAYGROUND=true does.")
@data_dir
@policy_file
def serve(
    in_sandbox: bool, workers: int, host: str, port: int, playground: bool, data_dir: Path, policy_file: Path | None
) -> None:
    """Serve the REST API (docs/service.md) and drive runs, until Ctrl-C or SIGTERM.

    Several workers share one data directory. A worker that dies is replaced, and what it drove goes on in another one.
    """
    from agent_ops.domain.errors import ConfigurationError  # noqa: PLC0415

    try:
        with importing():
            from agent_ops.api.serving import serve_app  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"the service needs {error.name}", "Install it with: pip install 'agent-ops[api]'") from error
    serve_app(data_dir, policy_file, in_sandbox, workers, host, port, click.echo, playground)
