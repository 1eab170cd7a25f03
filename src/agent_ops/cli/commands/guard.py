"""`agent-ops guard`: show and check the guard's rules."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of rules (*.cedar) beside those that ship. Default: AGENT_OPS_GUARD_DIR.",
)
@click.option("--text", "as_text", is_flag=True, help="Print the rules themselves, as Cedar.")
def guard(directory: Path | None, as_text: bool) -> None:
    """Check the guard's rules and show what they permit and forbid.

    They are checked as at a start: what is refused here would stop every command that changes something.
    """
    from rich.table import Table  # noqa: PLC0415

    from agent_ops.cli.screen import Screen  # noqa: PLC0415
    from agent_ops.policies.guard_files import read_guard_rules  # noqa: PLC0415
    from agent_ops.settings import PolicyEnvironment  # noqa: PLC0415

    read = read_guard_rules(directory or PolicyEnvironment.guard_dir())
    if as_text:
        click.echo(read.text)
        return
    console = Screen()
    console.print(f"{len(read.rules)} rules: valid, version {read.version}. Default deny; a forbid wins over every permit.")
    for file in dict.fromkeys(rule.file for rule in read.rules):
        table = Table("rule", "", "reason of a denial", title=file, title_justify="left")
        for rule in read.rules:
            if rule.file == file:
                table.add_row(rule.id, "permits" if rule.permits else "forbids", "" if rule.permits else rule.reason)
        console.print(table)
