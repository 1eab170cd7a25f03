"""How tasks are listed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from rich.console import Console

from agent_ops.cli.task_view import tasks_table

RUN = "26bbfee7-6644-4990-87f7-0123456789ab"


def test_a_run_can_be_copied_from_the_list_of_tasks() -> None:
    task = SimpleNamespace(text="Show PR 5193 in acme/web. " * 4, caller="key:tester")
    report: Any = SimpleNamespace(task=task, run=SimpleNamespace(id=RUN, status=SimpleNamespace(value="done")))
    console = Console(width=80, record=True, quiet=False)
    with console.capture() as shown:
        console.print(tasks_table([report]))
    assert RUN in shown.get(), "whole, however narrow the screen"
