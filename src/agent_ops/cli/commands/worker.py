"""`agent-ops worker`: drive every unfinished run."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import click

from agent_ops.cli.options import data_dir, in_sandbox, policy_file
from agent_ops.importing import importing


@click.command()
@in_sandbox
@data_dir
@policy_file
def worker(data_dir: Path, policy_file: Path | None, in_sandbox: bool) -> None:
    """Drive queued and waiting runs, and deliver the outbox's mails, until Ctrl-C or SIGTERM.

    Several workers on one data directory share the work. What is under way when one ends is handed over within seconds.
    """
    from agent_ops.domain.runs import Event  # noqa: PLC0415

    async def work() -> None:
        with importing():
            from agent_ops.cli.system import opened  # noqa: PLC0415

        told = asyncio.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, told.set)
        async with opened(data_dir, policy_file, in_sandbox=in_sandbox) as (ops, _):
            click.echo(f"driving the runs in {data_dir}; Ctrl-C ends it", err=True)
            printing = asyncio.create_task(_print(ops.all_events()))
            await told.wait()
            printing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await printing

    async def _print(events: AsyncIterator[Event]) -> None:
        async for event in events:
            who = f"{event.agent}: " if event.agent else ""
            line = f"{event.at:%Y-%m-%d %H:%M:%S}Z  {event.run_id[:8]}  {event.kind:<8} {who}{event.message}"
            print(line, flush=True)  # noqa: T201 - whoever reads a pipe wants it at once

    asyncio.run(work())
