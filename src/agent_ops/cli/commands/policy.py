"""`agent-ops policy`: show and check an entitlement policy."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from agent_ops.cli.options import policy_file


@click.command()
@policy_file
def policy(policy_file: Path | None) -> None:
    """Check an entitlement policy and show what it says.

    Without --policy the example that ships is shown; it is a good beginning for your own.
    """
    from rich.table import Table  # noqa: PLC0415

    from agent_ops.cli.screen import Screen  # noqa: PLC0415
    from agent_ops.policies import EXAMPLE, read_policy  # noqa: PLC0415

    path = policy_file or EXAMPLE
    read = read_policy(path)
    console = Screen()
    console.print(f"{path}: valid, version {read.version}, addresses in {read.domain}")
    catalogue = Table("item", "what it is", "provisioned by", title="Catalogue", title_justify="left")
    for item in read.catalogue.values():
        catalogue.add_row(item.key, item.title, getattr(item, "pipeline", None) or f"Entra group {getattr(item, 'group', '')}")
    console.print(catalogue)
    teams = Table("team", "level", "allowed", "birthright", title="Teams", title_justify="left")
    for team in read.teams.values():
        teams.add_row(team.key, "any", ", ".join(sorted(team.own.allowed)), ", ".join(sorted(team.own.birthright)))
        for level, more in team.levels.items():
            teams.add_row("", f"+ {level}", ", ".join(sorted(more.allowed)), ", ".join(sorted(more.birthright)))
    console.print(teams)
    places = ", ".join(f"{place.key} ({place.zone}, {place.country})" for place in read.locations.values())
    console.print(f"Levels: {', '.join(read.levels)}\nLocations: {places}")
    if read.callers is None:
        console.print("Callers: none named; the owner of the data directory has every scope", highlight=False)
    for name, scopes in (read.callers or {}).items():
        console.print(f"Caller {name}: {', '.join(sorted(scopes)) or 'no scope'}", highlight=False, markup=False)
    console.print("Limits: " + ", ".join(f"{key} {value:g}" for key, value in asdict(read.limits).items()), highlight=False)
