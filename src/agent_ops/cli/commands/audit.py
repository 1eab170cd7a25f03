"""`agent-ops audit`: verify the chain, export it, make an auditor's pack."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from agent_ops.cli.options import F, as_json, data_dir

if TYPE_CHECKING:
    from agent_ops.domain.chain import Verification

_HEAD = click.option(
    "--head",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The head's file, when it is not the one in the data directory.",
)
_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])


def _period(command: F) -> F:
    """From when until when."""
    since = click.option("--from", "since", type=_DAY, help="From this day or minute on, UTC.")
    until = click.option("--to", "until", type=_DAY, help="To the end of this day, or to this minute, UTC.")
    return since(until(command))


@click.group()
def audit() -> None:
    """Verify, export and explain the audit: every grant, decision, denial, intent and result, in a chain.

    All of it reads the data directory only; processes may work meanwhile. docs/audit.md describes a row.
    """


@audit.command()
@data_dir
@_HEAD
@as_json
def verify(data_dir: Path, head: Path | None, as_json: bool) -> None:
    """Check that no row was altered, removed, re-ordered, slipped in or cut off the end.

    Ends with 0 when the chain is whole, with 1 when it is not; each finding says where and what.
    """
    from agent_ops.cli.progress import counting  # noqa: PLC0415
    from agent_ops.cli.screen import json_text  # noqa: PLC0415
    from agent_ops.domain.plain import harmless  # noqa: PLC0415
    from agent_ops.runtime.audit_pack import verification_json  # noqa: PLC0415
    from agent_ops.runtime.audit_page import told_of  # noqa: PLC0415
    from agent_ops.runtime.auditing import Auditor  # noqa: PLC0415

    async def work() -> Verification:
        async with Auditor.of(data_dir, head=head) as auditor:
            with counting() as progress:
                return await auditor.verify(progress)

    found = asyncio.run(work())
    click.echo(json_text(verification_json(found)) if as_json else harmless("\n".join(told_of(found))))
    sys.exit(0 if found.whole else 1)


@audit.command()
@data_dir
@_period
@click.option("--run", help="Only rows of this run.")
@click.option("--employee", metavar="WHO", help="Only rows about this employee: an id, an address or a full name.")
@click.option("--out", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="A file instead of standard output.")
def export(
    data_dir: Path, since: datetime | None, until: datetime | None, run: str | None, employee: str | None, out: TextIO
) -> None:
    """Print the audit's rows as JSON lines: all, or those of a period, a run or an employee."""
    from agent_ops.runtime.audit_pack import row_json  # noqa: PLC0415
    from agent_ops.runtime.auditing import Auditor  # noqa: PLC0415

    async def work() -> None:
        async with Auditor.of(data_dir) as auditor:
            selection = await auditor.select(since=_utc(since), until=_end(until), run=run, person=employee)
            async for row in auditor.rows(selection):
                out.write(json.dumps(row_json(row)) + "\n")

    asyncio.run(work())


@audit.command()
@data_dir
@_HEAD
@_period
@click.option("--person", metavar="WHO", help="An employee id, an address, a full name or a run id.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A new directory, or a new file that ends in .zip.")
def pack(
    data_dir: Path, head: Path | None, since: datetime | None, until: datetime | None, person: str | None, out: Path
) -> None:
    """Make an auditor's pack of a person or a period: who got what, why, by whose word, under which grant and policy.

    Begin with its README.md. Rows, grants, events and policies lie beside it, with what the verification said. It holds
    personal data.

    \b
    Examples:
      agent-ops audit pack --person "Ana Silva" --out ana.zip
      agent-ops audit pack --from 2026-01-01 --to 2026-03-31 --out first-quarter
    """
    from agent_ops.cli.progress import counting  # noqa: PLC0415
    from agent_ops.domain.errors import InvalidRequest  # noqa: PLC0415
    from agent_ops.runtime.audit_page import told_of  # noqa: PLC0415
    from agent_ops.runtime.auditing import Auditor  # noqa: PLC0415

    if not (person or since or until):
        raise InvalidRequest("pack", "needs a person or a period", "Give --person, or --from and --to.")

    async def work() -> Verification:
        async with Auditor.of(data_dir, head=head) as auditor:
            selection = await auditor.select(since=_utc(since), until=_end(until), person=person)
            with counting() as progress:
                made = await auditor.pack(selection, progress)
            await asyncio.to_thread(made.write, out)
            return made.verification

    found = asyncio.run(work())
    click.echo("\n".join([f"wrote {out}", *told_of(found)]))
    sys.exit(0 if found.whole else 1)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=timezone.utc) if moment else None


def _end(moment: datetime | None) -> datetime | None:
    """A day is meant whole."""
    whole_day = moment is not None and moment.hour == moment.minute == 0
    return _utc(moment + timedelta(days=1) if moment and whole_day else moment)
