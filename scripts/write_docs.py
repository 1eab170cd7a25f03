"""Writes the pages that come from the code: the graph's diagram, the command reference and the terminal picture.

``make docs`` runs it whole; a test calls :func:`diagram` and :func:`command_reference` and fails when a page is stale.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from agent_ops.agents import load_agents
from agent_ops.cli import main as program
from agent_ops.cli.board import Board
from agent_ops.cli.commands.demo import hires, prepare
from agent_ops.cli.report import employees_table, problems
from agent_ops.cli.system import opened
from agent_ops.graphs.planner_graph import build_planner

ROOT = Path(__file__).resolve().parents[1]
README, CLI_PAGE, PICTURE = ROOT / "README.md", ROOT / "docs" / "cli.md", ROOT / "docs" / "demo.svg"
_MARKS = re.compile(r"(<!-- graph: begin -->\n).*?(<!-- graph: end -->)", re.DOTALL)
_SNAPSHOT_SECONDS = 3.0


def diagram() -> str:
    """The planner graph with its agents, as Mermaid, drawn by LangGraph from the compiled graph."""
    drawn = build_planner(load_agents(), persisted_agents=True).get_graph(xray=1).draw_mermaid()
    return f"```mermaid\n{drawn.strip()}\n```\n"


def readme_with_diagram(text: str) -> str:
    """The README with the diagram of today between its marks."""
    return _MARKS.sub(lambda marks: f"{marks[1]}{diagram()}{marks[2]}", text)


def command_reference() -> str:
    """Every command's help, as one page."""
    parts = ["# Commands\n\nWritten by `make docs` from the program itself.\n"]
    parent = click.Context(program, info_name="agent-ops", **program.context_settings)
    parts.append(_section("agent-ops", program, parent))
    parts += _sections("agent-ops", program, parent)
    return "\n".join(parts)


def _sections(path: str, group: click.Group, parent: click.Context) -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        context = click.Context(command, info_name=name, parent=parent, max_content_width=100)
        yield _section(f"{path} {name}", command, context)
        if isinstance(command, click.Group):
            yield from _sections(f"{path} {name}", command, context)


def _section(title: str, command: click.Command, context: click.Context) -> str:
    return f"## `{title}`\n\n```text\n{command.get_help(context).rstrip()}\n```\n"


async def picture() -> str:
    """An SVG of the demo: the board in the middle of the work, and the table at its end."""
    console = Console(record=True, width=150, file=io.StringIO())
    with tempfile.TemporaryDirectory() as directory:
        async with opened(Path(directory), None, in_sandbox=True) as (ops, box):
            assert box is not None
            await prepare(box)
            runs: dict[str, Any] = {profile.name: await ops.submit(profile) for profile in hires()}
            board = Board(Console(file=io.StringIO()))
            following = asyncio.create_task(board.follow(ops, runs))
            await asyncio.sleep(_SNAPSHOT_SECONDS)
            console.print(board)
            await following
            reports = await ops.employees()
            console.print("", employees_table(reports), problems(reports))
    return re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="agent-ops demo"), flags=re.DOTALL)


def main() -> None:
    """Write all pages."""
    README.write_text(readme_with_diagram(README.read_text(encoding="utf-8")), encoding="utf-8")
    CLI_PAGE.write_text(command_reference(), encoding="utf-8")
    PICTURE.write_text(asyncio.run(picture()), encoding="utf-8")
    print(f"wrote {README.name}, {CLI_PAGE.relative_to(ROOT)} and {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
