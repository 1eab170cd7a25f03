"""`agent-ops demo`: five hires at once, in the sandbox."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent_ops.cli.options import data_dir
from agent_ops.importing import importing

if TYPE_CHECKING:
    from agent_ops.cli.screen import Screen
    from agent_ops.domain.employee import Profile
    from agent_ops.domain.runs import Run, RunReport
    from agent_ops.runtime.agent_ops import AgentOps
    from agent_ops.sandbox import Sandbox

FAILING = "Tomás Rivera"
_LINGERING_SECONDS = 6.0
_PIPELINE_SECONDS = {"aws": 2.0, "github": 1.2, "confluence": 1.6, "database": 2.8}
_CONSOLE = (
    "[Pipeline] { (provision)",
    "+ terraform apply -auto-approve -target=module.identity",
    "aws_iam_user.this: Creating...",
    "Error: creating IAM User: LimitExceeded: Cannot exceed quota for UsersPerAccount: 5000",
    "script returned exit code 1",
)


@click.command()
@data_dir
@click.option("--stage-delay", type=click.FloatRange(min=0), default=0.0, help="Seconds to pause before each stage.")
def demo(data_dir: Path, stage_delay: float) -> None:
    """Onboard five different hires at once against the loopback twins of every service.

    A plain name, one with diacritics, a mononym, one whose address is taken, and one whose AWS pipeline fails. Needs no
    credentials, no model and no network. An older data directory is moved aside; what the demo leaves can be read with
    `agent-ops status`.
    """
    from agent_ops.cli.screen import Screen  # noqa: PLC0415

    console = Screen()
    _move_aside(console, data_dir.resolve())
    sys.exit(asyncio.run(_demo(console, data_dir.resolve(), stage_delay)))


def hires() -> list[Profile]:
    """The five."""
    from agent_ops.domain.employee import Profile  # noqa: PLC0415

    return [
        Profile("Priya Natarajan", "Engineering", level="L2", location="Pune", external_id="E-1001"),
        Profile("Zoë Ångström-Müller", "Engineering", level="L3", location="Berlin", external_id="E-1002"),
        Profile("Sukarno", "Engineering", level="L1", location="Tokyo", external_id="E-1003"),
        Profile("Alice Chen", "Engineering", level="L4", location="New York", external_id="E-1004"),
        Profile(FAILING, "Engineering", level="L2", location="Lisbon", external_id="E-1005"),
    ]


async def _demo(console: Screen, data_dir: Path, stage_delay: float) -> int:
    from agent_ops.cli.board import Board  # noqa: PLC0415

    with importing():
        from agent_ops.cli.system import opened  # noqa: PLC0415

    with console.status("starting the sandbox: Entra, Jenkins, AWS and mail on the loopback"):
        system = opened(data_dir, None, in_sandbox=True, stage_delay=stage_delay)
        ops, box = await system.__aenter__()
    try:
        assert box is not None  # noqa: S101 - asked for above
        await prepare(box)
        began = time.monotonic()
        runs: dict[str, Run] = {profile.name: await ops.submit(profile) for profile in hires()}
        await Board(console).follow(ops, runs)
        took = time.monotonic() - began
        reports = await ops.employees()
        _show(console, ops, box, reports, took)
    finally:
        await system.__aexit__(None, None, None)
    return 0 if _as_described(reports) else 1


def _move_aside(console: Screen, data_dir: Path) -> None:
    """Only a directory of ours, and only when nobody works in it; an earlier demo's sandbox ends a few seconds after it."""
    from agent_ops.domain.errors import ConfigurationError  # noqa: PLC0415
    from agent_ops.runtime.keys import FILE  # noqa: PLC0415
    from agent_ops.sandbox import Sandbox  # noqa: PLC0415

    if not data_dir.exists():
        return
    if any(data_dir.iterdir()) and not (data_dir / FILE).exists():
        raise ConfigurationError(f"{data_dir} is no data directory of Agent Ops", "Name another one with --data-dir.")
    deadline = time.monotonic() + _LINGERING_SECONDS
    while (in_use := Sandbox(data_dir).in_use()) and time.monotonic() < deadline:
        time.sleep(0.1)
    if in_use:
        raise ConfigurationError(f"the sandbox of {data_dir} is in use", "Wait until it has ended, or name another --data-dir.")
    aside = data_dir.with_name(f"{data_dir.name}.{time.strftime('%Y%m%d-%H%M%S')}")
    data_dir.rename(aside)
    console.print(f"moved the older {data_dir.name} aside to {aside.name}", highlight=False)


async def prepare(box: Sandbox) -> None:
    """Services that take their time, and one pipeline that fails."""
    from agent_ops.sandbox import Fault, FaultKind  # noqa: PLC0415

    for job, seconds in _PIPELINE_SECONDS.items():
        await box.pipeline_seconds(f"provisioning/{job}", seconds)
    await box.fault(Fault("entra", FaultKind.LATENCY, method="POST", path="/v1.0/users", seconds=0.5))
    match = {"USER_EMAIL": f"tomas.rivera@{box.addresses.domain}"}
    await box.pipeline_outcome("provisioning/aws", match=match, result="FAILURE", console=_CONSOLE)


def _show(console: Screen, ops: AgentOps, box: Sandbox, reports: list[RunReport], took: float) -> None:
    from agent_ops.cli.report import employees_table, problems  # noqa: PLC0415
    from agent_ops.runtime.data_dir import DATABASE  # noqa: PLC0415

    console.print(employees_table(reports), problems(reports), "")
    counts: dict[str, int] = {}
    for call in box.effects():
        counts[call.effect] = counts.get(call.effect, 0) + 1
    console.print(
        f"{len(reports)} employees in {took:.1f} s. The services' own records show {counts.get('entra.create', 0)} accounts,"
        f" {counts.get('jenkins.build', 0)} builds and {counts.get('mail', 0)} mails delivered.",
        highlight=False,
    )
    places = {
        "database": box.data_dir / DATABASE,
        "log": box.data_dir / "agent-ops.log",
        "mailbox": box.directory / "mailbox",
    }
    for what, path in places.items():
        console.print(f"  {what:<9} {path}", highlight=False, soft_wrap=True)
    console.print(f'Read it back:  agent-ops status  |  agent-ops status "{FAILING}"', highlight=False)


def _as_described(reports: list[RunReport]) -> bool:
    """Four hires with everything, one with all but AWS, two mails each."""

    def missing(report: RunReport) -> list[str]:
        return [item.item for item in report.items if not item.status.in_place]

    return all(
        report.employee.address
        and sum(mail.delivered for mail in report.mails) == 2
        and missing(report) == (["aws"] if report.employee.profile.name == FAILING else [])
        for report in reports
    )
