"""What is being waited for, on a terminal; nothing anywhere else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rich.console import Console

from agent_ops.runtime.doctor.checks import Progress


@contextlib.contextmanager
def asking() -> Iterator[Progress]:
    """A line on standard error that says how many checks have ended and who is still being asked."""
    console = Console(stderr=True)
    with console.status("asking ..." if console.is_terminal else "") as status:

        def tell(ended: int, total: int, waiting: list[str]) -> None:
            status.update(f"{ended} of {total} checks; asking {', '.join(waiting) or 'nobody any more'}")

        yield tell
