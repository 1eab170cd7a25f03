"""`agent-ops init`: from no settings to tested ones."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent_ops.cli.exit_codes import EXIT_INTERRUPTED


@click.command()
@click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(".env"),
    show_default=True,
    help="The file to write.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of database, keys and log: the first answer to AGENT_OPS_DATA_DIR.",
)
def init(path: Path, data_dir: Path | None) -> None:
    """Ask for each setting, test each answer at once, and write them to .env, readable by you only.

    What the file says already is offered again; comments and other lines of it stay. Secrets are neither shown nor
    printed. Nothing is written before the last answer. Needs a terminal; without one copy .env.example, fill it in and
    use `agent-ops doctor`.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("init asks questions and needs a terminal: copy .env.example to .env, then use `agent-ops doctor`")
    from agent_ops.cli.env_file import EnvFile  # noqa: PLC0415
    from agent_ops.cli.interview import Interview  # noqa: PLC0415
    from agent_ops.cli.screen import Screen  # noqa: PLC0415
    from agent_ops.runtime.doctor.variables import REST, SECTIONS  # noqa: PLC0415

    file = EnvFile(path)
    before = {**file.values, **({"AGENT_OPS_DATA_DIR": str(data_dir)} if data_dir else {})}
    try:
        answers = Interview(Screen(), before).hold()
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"\ninterrupted: nothing was written, {path} is as it was", err=True)
        sys.exit(EXIT_INTERRUPTED)
    sections = [(section.title, [variable.name for variable in section.variables]) for section in (*SECTIONS, REST)]
    written = file.write(file.changed(answers, sections))
    click.echo(f"{path} {'written, readable by you only' if written else 'said all this already'}. Now: agent-ops doctor")
