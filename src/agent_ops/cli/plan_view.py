"""Plans on the screen and in files."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import click
from rich.table import Table
from rich.text import Text

from agent_ops.cli.screen import Screen, json_text
from agent_ops.domain.access import ItemStatus
from agent_ops.domain.effects import Action
from agent_ops.domain.errors import PlanInvalid, PlanOutdated
from agent_ops.domain.plans import Difference, Plan, PlannedEffect, Prospect, flattened

_STYLES = {Prospect.TO_DO: "green", Prospect.WAITING: "yellow"}
_SHOWN_OF_A_MAIL = ("recipient", "subject")


def read_plan(file: BinaryIO) -> Plan:
    """The plan in a file.

    Raises:
        PlanInvalid: it holds none, or not as it was written.
    """
    try:
        return Plan.from_text(file.read().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise PlanInvalid(f"this is no plan that can be read: {error}") from None


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan file, for its owner's eyes only: it holds personal data, though no secrets."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(plan.to_text(), encoding="utf-8", newline="\n")


def print_plan(plan: Plan, *, as_json: bool, out: Path | None) -> None:
    """A table for people, or the very bytes of the plan file for machines."""
    if as_json:
        sys.stdout.buffer.write(plan.to_text().encode())
        return
    console = Screen()
    if plan.effects:
        console.print(_table(plan))
    for item in plan.items:
        if not item.status.in_place or (item.reason and item.status is ItemStatus.DENIED):
            console.print(Text.assemble((f"{item.item} {item.status.value}: ", "bold"), item.reason))
    if plan.run_after is not None:
        console.print(f"It would begin on {plan.run_after}.", highlight=False)
    console.print(Text(f"{'Afterwards: ' if plan.effects else ''}{plan.summary}"))
    if plan.effects:
        how = f"Do it with: agent-ops apply {out}" if out else "Keep it with --out FILE, then: agent-ops apply FILE"
        console.print(Text(f"Nothing was changed. {how}"))


def _table(plan: Plan) -> Table:
    name = plan.request.profile.name
    table = Table("what", "item", "values that would be sent", "", title=f"Plan for {name}", title_justify="left")
    for effect in plan.effects:
        status = Text.assemble((effect.prospect.value, _STYLES.get(effect.prospect, "red")))
        if effect.reason:
            status.append(f": {effect.reason}")
        table.add_row(effect.proposal.action.value, effect.proposal.item, Text(_values(effect)), status)
    return table


def _values(effect: PlannedEffect) -> str:
    values = flattened(effect.pinned)
    if effect.proposal.action is Action.SEND_MAIL:
        values = {name: values[name] for name in _SHOWN_OF_A_MAIL}
    return "\n".join(f"{name.rpartition('.')[2]} = {value}" for name, value in values.items())


def print_differences(error: PlanOutdated, *, as_json: bool) -> None:
    """Everything in which the present state asks for something else: effect, field, planned value, present value."""
    differences = [d for d in error.differences if isinstance(d, Difference)]
    if as_json:
        found = [{**asdict(d), "effect": f"{d.effect.action.value} {d.effect.item}"} for d in differences]
        click.echo(json_text({"differences": found}))
    else:
        table = Table("effect", "field", "planned", "now", title="The plan is out of date", title_justify="left")
        for d in differences:
            table.add_row(f"{d.effect.action.value} {d.effect.item}", d.field, Text(d.planned), Text(d.present))
        Screen().print(table)
    click.echo("error: the present state asks for something else than the plan. " + error.advice, err=True)
