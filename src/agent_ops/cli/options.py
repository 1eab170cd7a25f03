"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

DATA_DIR = "agent-ops-data"


def data_dir(command: F) -> F:
    """Where state lives."""
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        default=DATA_DIR,
        show_default=True,
        help="Directory of database, keys, log and sandbox.",
    )(command)


def policy_file(command: F) -> F:
    """Which entitlement policy."""
    return click.option(
        "--policy",
        "policy_file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Entitlement policy (TOML). Sandbox default: the example that ships; else AGENT_OPS_POLICY_FILE.",
    )(command)


def in_sandbox(command: F) -> F:
    """Twins or real services."""
    return click.option("--sandbox", "in_sandbox", is_flag=True, help="Use the loopback twins instead of real services.")(command)


def as_json(command: F) -> F:
    """Machine-readable output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(command)
