"""What the program's exit codes mean; docs/cli.md lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_ops.domain.runs import RunStatus

EXIT_DONE, EXIT_NOT_IN_PLACE, EXIT_USAGE, EXIT_SETUP, EXIT_WAITING, EXIT_INTERRUPTED = 0, 1, 2, 3, 4, 130


def exit_code(status: RunStatus) -> int:
    """0 done, 1 ended otherwise, 4 not ended."""
    from agent_ops.domain.runs import RunStatus  # noqa: PLC0415

    if status is RunStatus.DONE:
        return EXIT_DONE
    return EXIT_NOT_IN_PLACE if status.ended else EXIT_WAITING
