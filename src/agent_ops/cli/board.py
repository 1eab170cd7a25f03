"""The live board: what every hire's planner thinks, which agent acts, how far each item is."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agent_ops.cli.report import items_text
from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.runs import Event, Run
from agent_ops.runtime.agent_ops import AgentOps

_STATUSES = frozenset(status.value for status in ItemStatus)


@dataclass
class Row:
    """What is shown of one run."""

    name: str
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    thought: str = ""
    working: dict[str, str] = field(default_factory=dict)
    address: str = ""
    status: str = "queued"
    items: dict[str, AccessItem] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Change what an event changes."""
        if event.kind == "thought":
            self.thought = event.message
        elif event.kind == "run":
            self.status = event.status
            if event.status == "waiting":
                self.thought = event.message
            elif event.status != "queued":
                self.ended, self.working = time.monotonic(), {}
        else:
            place = f"{event.agent} {event.item}"
            self.working.pop(place, None)
            if event.status == "in_progress":
                self.working[place] = f"{event.agent}: {event.message}"
            if event.item in self.items and event.agent != "notify" and event.status in _STATUSES:
                self.items[event.item] = AccessItem(event.item, ItemStatus(event.status))

    @property
    def action(self) -> str:
        """The agent that has been at work for longest, and how many others are."""
        others = len(self.working) - 1
        return next(iter(self.working.values()), "") + (f" (and {others} more)" if others > 0 else "")

    @property
    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.began


class Board:
    """Follows runs on a terminal as a live table, elsewhere as one line per event."""

    PARKED_SECONDS = 20.0
    """A run that waits for longer is left to whoever drives it then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: dict[str, Row] = {}

    async def follow(self, ops: AgentOps, runs: dict[str, Run]) -> None:
        """Show the runs (by the hires' names) until all have ended, or wait for long."""
        for name, run in runs.items():
            report = (await ops.report(run.id))[0]
            self._rows[run.id] = Row(name, items={item.item: item for item in report.items})
        if not self._console.is_terminal:
            await self._feed(ops)
            return
        with Live(self, console=self._console, refresh_per_second=10):
            await self._feed(ops)

    async def _feed(self, ops: AgentOps) -> None:
        await asyncio.gather(*(self._feed_one(ops, run_id) for run_id in self._rows))

    async def _feed_one(self, ops: AgentOps, run_id: str) -> None:
        row = self._rows[run_id]
        async for event in ops.events(run_id, parked=self.PARKED_SECONDS):
            row.take(event)
            if not self._console.is_terminal:
                who = f"{event.agent}: " if event.agent else ""
                line = f"{event.at:%H:%M:%S}Z  {row.name:<22} {event.kind:<8} {who}{event.message}"
                self._console.print(Text(line), soft_wrap=True)

    def __rich__(self) -> Table:
        table = Table(expand=True, title="Onboarding", title_justify="left")
        for heading, ratio in (("hire", 3), ("thought", 6), ("agent at work", 6), ("access items", 4)):
            table.add_column(heading, ratio=ratio)
        table.add_column("time", width=7, justify="right")
        for row in self._rows.values():
            style = {"done": "green", "failed": "red"}.get(row.status, "bold")
            doing = Text(row.action) if row.ended is None else Text(row.status, style=style)
            items = items_text(tuple(row.items.values()))
            table.add_row(Text(row.name, style=style), Text(row.thought), doing, items, f"{row.seconds:.1f} s")
        return table
