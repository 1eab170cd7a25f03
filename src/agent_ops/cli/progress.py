"""What is being waited for, on a terminal; nothing anywhere else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.progress import Progress as Bar

from agent_ops.cli.screen import Screen


@contextlib.contextmanager
def asking() -> Iterator[Callable[[int, int, list[str]], None]]:
    """A line on standard error that says how many checks have ended and who is still being asked."""
    console = Screen(stderr=True)
    with console.status("asking ..." if console.is_terminal else "") as status:

        def tell(ended: int, total: int, waiting: list[str]) -> None:
            status.update(f"{ended} of {total} checks; asking {', '.join(waiting) or 'nobody any more'}")

        yield tell


@contextlib.contextmanager
def counting() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, told how many rows were seen and how many there are."""
    console = Screen(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("rows", total=None)
        yield lambda seen, total: bar.update(task, completed=seen, total=total)
